//! Writes what stories show of the rule sets of Kafka's TLA+ models: `cargo run --release -p stormglass-tests --example tla
//! -- [SEEDS] [FILE]`, with 200 seeds of each story and to `reports/tla.md` unless said otherwise.

#![expect(clippy::print_stdout, reason = "a command says what it wrote")]

use std::fmt::Write as _;

use stormglass_tests::tla::{Found, MODELS};

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let seeds: u64 = args.next().and_then(|text| text.parse().ok()).unwrap_or(200);
    let file = args.next().unwrap_or_else(|| "reports/tla.md".to_owned());
    let mut page = format!("{HEAD}\nEvery story was told with seeds 1 to {seeds}.\n");
    page.push_str(
        "\n| model | its replicas | rules switched off | TLC | here |\n|---|---|---|---|---|\n",
    );
    let mut rows = String::new();
    for model in MODELS {
        let shown = model.show(seeds);
        let broken: usize = shown.iter().map(|story| story.broken.len()).sum();
        let here = if broken == 0 { "holds" } else { "violated" };
        let found = match model.found {
            Found::Violated => "violated",
            Found::Holds => "holds",
        };
        let off: Vec<&str> = model.without.iter().map(|rule| rule.name()).collect();
        let off = if off.is_empty() { "none".to_owned() } else { off.join(", ") };
        writeln!(page, "| `{}` | {} | {off} | {found} | {here} |", model.name, model.says)
            .expect("a text takes everything");
        for story in shown {
            let mut kinds: Vec<&str> =
                story.broken.iter().flat_map(|(_, kinds)| kinds.clone()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            let first = story.broken.first().map_or("-".to_owned(), |(seed, _)| seed.to_string());
            let kinds = if kinds.is_empty() { "-".to_owned() } else { kinds.join(", ") };
            let (name, count) = (story.story, story.broken.len());
            writeln!(
                rows,
                "| `{}` | {name} | {count} of {} | {first} | {kinds} |",
                model.name, story.seeds
            )
            .expect("a text takes everything");
        }
    }
    page.push_str("\n| model | story | seeds that broke | the first | what they broke |\n|---|---|---|---|---|\n");
    page.push_str(&rows);
    std::fs::write(&file, page)?;
    println!("wrote {file}");
    Ok(())
}

const HEAD: &str = "\
# Kafka's TLA+ models as ground truth

Jason Gustafson modelled five generations of Kafka's replication in TLA+ (`hachikuji/kafka-specification`). TLC finds
`StrongIsr` violated in all but the last: a replica of the in-sync set may lack what was committed. Each model's rules are a set
of rules switched off here, and the same stories of moving and crashing leaders are told under each set. `tests/tests/tla.rs`
keeps the outcome; this page is made by `cargo run --release -p stormglass-tests --example tla`.

A violated row counts any invariant, seen from outside or inside: the model's property has no name outside of it, and what it
forbids shows as lost records, logs that differ, or reads that go back.
";
