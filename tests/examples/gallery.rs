//! Makes `reports/gallery/` and `reports/shrinking.md`: every broken scenario and every rule whose loss is caught, shrunk and
//! explained, and how that compares with plain delta debugging.
//!
//! `cargo run --release -p stormglass-tests --example gallery [SECONDS] [NAME…]`, in the root of the project. SECONDS is how
//! long each is shrunk at most; with names, only those are made again and the tables are left alone.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stormglass_runner::execute::{Recording, execute};
use stormglass_runner::explain::{explain, markdown, svg};
use stormglass_runner::saved::write_whole;
use stormglass_runner::scenario::{Scenario, faults_to_yaml};
use stormglass_runner::shrink::{Plain, ShrinkOptions, Shrunk, plain, shrink};
use stormglass_runner::subject::Subject;
use stormglass_runner::sweep::all_cores;
use stormglass_tests::killers::{Fate, KILLERS, Killer};

/// A failure to be shown.
struct Piece {
    name: String,
    about: String,
    scenario: Arc<Scenario>,
    seed: u64,
}

/// What became of it.
struct Made {
    name: String,
    about: String,
    shrunk: Shrunk,
    plain: Option<Plain>,
    remedies: usize,
}

const GALLERY: &str = "reports/gallery";

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(30);
    let names: Vec<String> = arguments.collect();
    let options = ShrinkOptions { jobs: all_cores(), time: Duration::from_secs(seconds) };
    let mut pieces = scenarios()?;
    let mut missing = Vec::new();
    for killer in &KILLERS {
        match killed(killer) {
            Ok(piece) => pieces.extend(piece),
            Err(why) => missing.push(why),
        }
    }
    pieces.retain(|piece| names.is_empty() || names.contains(&piece.name));
    let mut made: Vec<Made> = Vec::new();
    for piece in pieces {
        match make(&piece, &options) {
            Ok(one) => {
                eprintln(&format!(
                    "{}: {} faults, {} runs",
                    one.name, one.shrunk.after.faults, one.shrunk.runs
                ));
                made.push(one);
            }
            Err(why) => {
                eprintln(&format!("{}: {why}", piece.name));
                missing.push(format!("`{}`: {why}", piece.name));
            }
        }
    }
    if names.is_empty() {
        write("README.md", &index(&made, &missing))?;
        write_whole(Path::new("reports/shrinking.md"), comparison(&made, seconds).as_bytes())?;
    }
    Ok(())
}

fn eprintln(text: &str) {
    use io::Write as _;
    let _ = writeln!(io::stderr(), "{text}");
}

fn write(name: &str, text: &str) -> io::Result<()> {
    write_whole(&Path::new(GALLERY).join(name), text.as_bytes())
}

/// Every `broken.yaml`, with the first of its seeds that fails.
fn scenarios() -> io::Result<Vec<Piece>> {
    let mut folders: Vec<_> = std::fs::read_dir("scenarios")?.collect::<Result<_, _>>()?;
    folders.sort_by_key(std::fs::DirEntry::file_name);
    let mut pieces = Vec::new();
    for folder in folders {
        let path = Path::new("scenarios").join(folder.file_name()).join("broken.yaml");
        let Ok(scenario) = Scenario::load(&path) else { continue };
        let scenario = Arc::new(scenario);
        let Some(seed) = scenario.seeds().find(|seed| fails(&scenario, *seed, false)) else {
            continue;
        };
        let name = folder.file_name().to_string_lossy().into_owned();
        pieces.push(Piece { name, about: scenario.about().replace('\n', " "), scenario, seed });
    }
    Ok(pieces)
}

fn fails(scenario: &Arc<Scenario>, seed: u64, outside: bool) -> bool {
    let done = execute(&Subject::of(scenario), seed, Recording::Off);
    let failing = done.ok().and_then(|done| done.result.failure_of(scenario.expect()));
    failing.is_some_and(|failing| !outside || failing.signature.kind != "white-box")
}

/// A rule that is caught, as a scenario with the faults of a seed that shows it.
fn killed(killer: &Killer) -> Result<Option<Piece>, String> {
    let Fate::Breaks(invariant) = killer.fate else { return Ok(None) };
    let story = (killer.story)().without(killer.rule);
    let name = format!("without-{}", killer.rule.name());
    // Best is a seed that the oracles see from outside: its story is easier to tell.
    let seeds = 1..=killer.seeds * 3;
    for (seed, outside) in
        seeds.clone().map(|seed| (seed, true)).chain(seeds.map(|seed| (seed, false)))
    {
        if !story.tell(seed).violated().contains(&invariant) {
            continue;
        }
        let faults = faults_to_yaml(&story.plan(seed));
        let text = story.scenario(&faults, invariant);
        let scenario = Scenario::parse(&format!("tests/{}.yaml", killer.name), &text)
            .map_err(|report| format!("`{name}`: {report}"))?;
        let scenario = Arc::new(scenario);
        if let Some(seed) = (seed..seed + 3).find(|seed| fails(&scenario, *seed, outside)) {
            let (says, source) = (killer.rule.says(), killer.rule.source());
            let about = format!("Without the rule: {says} ({source}).");
            return Ok(Some(Piece { name, about, scenario, seed }));
        }
    }
    Err(format!("`{name}`: no seed of its story fails as a scenario"))
}

fn make(piece: &Piece, options: &ShrinkOptions) -> Result<Made, String> {
    let shrunk =
        shrink(&piece.scenario, piece.seed, options, &mut |_| {}).map_err(|why| why.to_string())?;
    let before = shrunk.before.faults > 0;
    let plain =
        if before { plain(&piece.scenario, piece.seed, options, &mut |_| {}).ok() } else { None };
    let path = format!("{GALLERY}/{}.yaml", piece.name);
    let small = Scenario::parse(&path, &shrunk.text).map_err(|report| report.to_string())?;
    let small = Arc::new(small);
    let told = explain(&small, shrunk.seed, options.jobs).map_err(|why| why.to_string())?;
    let helps = told.remedies.iter().filter(|remedy| remedy.helps()).count();
    let size = format!(
        "\n| | faults | processes | partitions | virtual time | simulated events |\n|---|--:|--:|--:|--:|--:|\n\
         | shrunk | {} | {} | {} | {} | {} |\n| before | {} | {} | {} | {} | {} |\n",
        shrunk.after.faults,
        shrunk.after.processes,
        shrunk.after.partitions,
        stormglass_runner::words::clock(shrunk.after.virtual_ms),
        shrunk.after.events,
        shrunk.before.faults,
        shrunk.before.processes,
        shrunk.before.partitions,
        stormglass_runner::words::clock(shrunk.before.virtual_ms),
        shrunk.before.events,
    );
    let told_in_full = markdown(&told);
    let (_, text) = told_in_full.split_once('\n').unwrap_or_default();
    let page = format!(
        "# {}: {}\n\n*{}*\n{text}\n## The scenario\n{size}\n```yaml\n{}```\n\n![the story as a sequence diagram]({}.svg)\n",
        piece.name,
        told.signature,
        piece.about.trim(),
        shrunk.text,
        piece.name
    );
    for (extension, text) in [("yaml", &shrunk.text), ("md", &page), ("svg", &svg(&told))] {
        write(&format!("{}.{extension}", piece.name), text).map_err(|why| why.to_string())?;
    }
    let (name, about) = (piece.name.clone(), piece.about.clone());
    Ok(Made { name, about, shrunk, plain, remedies: helps })
}

fn index(made: &[Made], missing: &[String]) -> String {
    let mut out = String::from(
        "# Failures, shrunk and explained\n\n\
         Every broken scenario of `scenarios/` and every safety rule whose loss is caught, made as small as it gets while it \
         fails in the same way. Times of faults count from the moment at which the topics exist, about a tenth of a second after \
         the clock of a story begins. Each file fails by itself: `stormglass run reports/gallery/NAME.yaml`. Made by \
         `cargo run --release -p stormglass-tests --example gallery`; how it compares with plain delta debugging is in \
         [shrinking.md](../shrinking.md).\n\n\
         | failure | signature | faults | processes | events | prevented by | about |\n|---|---|--:|--:|--:|--:|---|\n",
    );
    for one in made {
        let Made { name, about, shrunk, remedies, .. } = one;
        let _ = writeln!(
            out,
            "| [{name}]({name}.md) | {} | {} | {} | {} | {} | {about} |",
            shrunk.signature,
            shrunk.after.faults,
            shrunk.after.processes,
            shrunk.after.events,
            match remedies {
                0 => "none found".to_owned(),
                1 => "1 change".to_owned(),
                more => format!("{more} changes"),
            }
        );
    }
    if !missing.is_empty() {
        out.push_str("\nNot shown:\n\n");
        for why in missing {
            let _ = writeln!(out, "- {}", why.lines().next().unwrap_or_default());
        }
    }
    out
}

fn comparison(made: &[Made], seconds: u64) -> String {
    let cores = all_cores();
    let mut out = format!(
        "# How small failures get\n\n\
         Made by `cargo run --release -p stormglass-tests --example gallery {seconds}` on {cores} cores, at most {seconds} s \
         each. *Events* are the faults of the schedule. *Plain* is delta debugging (ddmin) of the seed's list of faults and \
         nothing else. Both keep the signature.\n\n\
         | failure | events before | plain ddmin | shrunk | simulated events | plain | shrunk | plain s | shrunk s | 1-minimal |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|---|\n"
    );
    let tenths = |wall: Duration| format!("{}.{}", wall.as_secs(), wall.subsec_millis() / 100);
    for Made { name, shrunk, plain, .. } in made {
        let of = |text: fn(&Plain) -> String| plain.as_ref().map_or_else(|| "–".to_owned(), text);
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            shrunk.before.faults,
            of(|plain| plain.after.faults.to_string()),
            shrunk.after.faults,
            shrunk.before.events,
            of(|plain| plain.after.events.to_string()),
            shrunk.after.events,
            plain.as_ref().map_or_else(|| "–".to_owned(), |plain| tenths(plain.wall)),
            tenths(shrunk.wall),
            if shrunk.minimal { "yes" } else { "out of time" },
        );
    }
    let both: Vec<(&Shrunk, &Plain)> =
        made.iter().filter_map(|one| Some((&one.shrunk, one.plain.as_ref()?))).collect();
    let mut rows: Vec<(&str, [u64; 3])> = Vec::new();
    let faults = |size: usize| size as u64;
    rows.push((
        "events (faults)",
        [
            median(both.iter().map(|(shrunk, _)| faults(shrunk.before.faults)).collect()),
            median(both.iter().map(|(_, plain)| faults(plain.after.faults)).collect()),
            median(both.iter().map(|(shrunk, _)| faults(shrunk.after.faults)).collect()),
        ],
    ));
    rows.push((
        "simulated events",
        [
            median(both.iter().map(|(shrunk, _)| shrunk.before.events).collect()),
            median(both.iter().map(|(_, plain)| plain.after.events).collect()),
            median(both.iter().map(|(shrunk, _)| shrunk.after.events).collect()),
        ],
    ));
    let ms = |wall: Duration| u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
    rows.push((
        "milliseconds",
        [
            0,
            median(both.iter().map(|(_, plain)| ms(plain.wall)).collect()),
            median(both.iter().map(|(shrunk, _)| ms(shrunk.wall)).collect()),
        ],
    ));
    let _ = writeln!(
        out,
        "\nMedians over the {} failures that have faults:\n\n| | before | plain ddmin | shrunk |\n|---|--:|--:|--:|",
        both.len()
    );
    for (what, [before, plain, shrunk]) in rows {
        let _ = writeln!(out, "| {what} | {before} | {plain} | {shrunk} |");
    }
    out
}

fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}
