//! Prints which checkers catch the loss of each safety rule, as `reports/kill-matrix.md` has it.
//!
//! `cargo run -p stormglass-tests --example kill_matrix [SEEDS] > reports/kill-matrix.md`

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use stormglass_check::INVARIANTS;
use stormglass_sim::BreachKind;
use stormglass_tests::killers::{Fate, KILLERS, Killer};

/// What the seeds of one story came to.
#[derive(Default)]
struct Row {
    caught: Vec<u64>,
    /// By black box, and by white box.
    by: BTreeMap<&'static str, [u64; 2]>,
    broken_with_all: u64,
    /// How many seeds both saw, the oracles alone, and the invariants inside alone.
    seen: [u64; 3],
    /// Why one of them saw nothing, where it did not.
    blind: BTreeSet<&'static str>,
}

fn main() -> io::Result<()> {
    let seeds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    let next = AtomicUsize::new(0);
    let rows: Mutex<BTreeMap<usize, Row>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(killer) = KILLERS.get(at)
                {
                    let row = hunt(killer, seeds);
                    rows.lock().expect("nobody panics with it").insert(at, row);
                }
            });
        }
    });
    let rows = rows.into_inner().expect("nobody panics with it");
    io::stdout().write_all(report(&rows, seeds).as_bytes())
}

fn hunt(killer: &Killer, seeds: u64) -> Row {
    let mut row = Row::default();
    let story = (killer.story)();
    let without = story.clone().without(killer.rule);
    for seed in 1..=seeds {
        row.broken_with_all += u64::from(!story.tell(seed).violated().is_empty());
        let told = without.tell(seed);
        if told.violated().is_empty() {
            continue;
        }
        row.caught.push(seed);
        let verdicts = told.judgement.verdicts.iter();
        let violated = verdicts.filter(|(_, verdict)| verdict.status() == "violated");
        let outside: Vec<&str> = violated.map(|(name, _)| *name).collect();
        for name in &outside {
            row.by.entry(name).or_default()[0] += 1;
        }
        let inside = told.world.breaches();
        match (outside.is_empty(), inside.is_empty()) {
            (false, false) => row.seen[0] += 1,
            (false, true) => {
                row.seen[1] += 1;
                row.blind.extend(outside.iter().map(|name| unseen_inside(name)));
            }
            (true, _) => {
                row.seen[2] += 1;
                row.blind.extend(inside.iter().map(|breach| unseen_outside(&breach.kind)));
            }
        }
        let mut breached: Vec<&str> =
            told.world.breaches().iter().map(stormglass_sim::Breach::invariant).collect();
        breached.sort_unstable();
        breached.dedup();
        for name in breached {
            row.by.entry(name).or_default()[1] += 1;
        }
    }
    row
}

fn report(rows: &BTreeMap<usize, Row>, seeds: u64) -> String {
    let mut text = format!(
        "# Which checker catches which missing rule\n\n\
         Made by `cargo run -p stormglass-tests --example kill_matrix {seeds}`: every rule is switched off alone, in its \
         story of `tests/src/killers.rs`, for seeds 1 to {seeds}. A cell counts the seeds that broke the invariant: as the \
         oracles see it from outside, and, behind the slash, as the invariants beside the world do. *Median* is the median \
         number of seeds from one catch to the next. *All rules* counts broken seeds of the same story with every rule in \
         force; it must be zero.\n\n| rule | story | caught | median | all rules |"
    );
    for invariant in &INVARIANTS {
        let _ = write!(text, " {} |", invariant.name);
    }
    text.push_str("\n|---|---|--:|--:|--:|");
    text.push_str(&"--:|".repeat(INVARIANTS.len()));
    for (at, row) in rows {
        let killer = &KILLERS[*at];
        let median = median_gap(&row.caught).map_or_else(|| "–".to_owned(), |gap| gap.to_string());
        let _ = write!(
            text,
            "\n| {} | {} | {} | {median} | {} |",
            killer.rule.name(),
            killer.name,
            row.caught.len(),
            row.broken_with_all
        );
        for invariant in &INVARIANTS {
            let cell = row
                .by
                .get(invariant.name)
                .map_or_else(String::new, |[black, white]| format!("{black}/{white}"));
            let _ = write!(text, " {cell} |");
        }
    }
    agreement(&mut text, rows);
    text.push_str("\n\n## Hidden rules\n");
    for killer in &KILLERS {
        if killer.fate == Fate::Repeats {
            let _ = write!(
                text,
                "\n- `{}`: without it records are processed again that were given up in good order, which no promise forbids.",
                killer.rule.name()
            );
        }
        if let Fate::HiddenBy(by, why) = killer.fate {
            let by: Vec<&str> = by.iter().map(|rule| rule.name()).collect();
            let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(", ")) };
            let _ = write!(text, "\n- `{}`, hidden{by}: {why}.", killer.rule.name());
        }
    }
    text.push('\n');
    text
}

/// Where the invariants inside the world and the oracles outside part, and why.
fn agreement(text: &mut String, rows: &BTreeMap<usize, Row>) {
    text.push_str(
        "\n\n## Where the oracles outside and the invariants inside part\n\n\
         The same seeds: how many both saw, how many only the oracles, which judge what clients sent, were told and read, and how \
         many only the invariants beside the world, which see every replica's and coordinator's state at each step. Why the \
         other saw nothing stands behind it.\n\n\
         | rule | both | outside only | inside only | what the other cannot see |\n|---|--:|--:|--:|---|",
    );
    for (at, row) in rows.iter().filter(|(_, row)| !row.caught.is_empty()) {
        let [both, outside, inside] = row.seen;
        let why: Vec<&str> = row.blind.iter().copied().collect();
        let rule = KILLERS[*at].rule.name();
        let _ = write!(text, "\n| {rule} | {both} | {outside} | {inside} | {} |", why.join("; "));
    }
}

/// Why the invariants inside do not see what breaks a promise.
fn unseen_inside(invariant: &str) -> &'static str {
    match invariant {
        "no-loss" => "what a client was told: inside, only what is committed counts",
        "per-key-order" => "in which order an application sent",
        "no-duplicates" => "that two records are one to their sender, or what a reader was shown",
        "at-least-once" => "what an application has processed",
        "single-owner" => "that members overlap while their coordinator's books are in order",
        "log-matching" => "replicas that part when no high watermark moves any more",
        "monotone" => "an older commit, where the coordinator knows of no newer one",
        "transactions" => "which records of a transaction a reader was shown",
        "liveness" => "that nothing happens any more",
        other => unreachable!("{other} is no invariant"),
    }
}

/// Why the oracles outside do not see what is wrong inside.
fn unseen_outside(kind: &BreachKind) -> &'static str {
    match kind {
        BreachKind::TwoLeaders { .. } => "two leaders of whom only one was written to",
        BreachKind::EpochWentBack { .. } => "an epoch under which nobody wrote",
        BreachKind::HighWatermarkWentBack { .. } => "a high watermark that nobody read below",
        BreachKind::BeyondInSyncReplica { .. } | BreachKind::BeyondDivergence { .. } => {
            "a replica that lacked what was committed, and did not lead before it had it"
        }
        BreachKind::FollowerBeyondDivergence { .. } => {
            "a follower that thought too much of its log committed, from which nobody read that"
        }
        BreachKind::IncompleteInSync { .. } => {
            "a replica that could have led without committed records, and did not"
        }
        BreachKind::KeptInSync { .. } => {
            "a replica that could have led after it had lost records, and did not"
        }
        BreachKind::IncompleteLeader { .. } => {
            "a leader that lacked records of which no client knew that they were committed"
        }
        BreachKind::InactiveInSync { .. } => "a dead replica on which nothing came to depend",
        BreachKind::TooFewInSync { .. } => {
            "records on too few replicas, none of which were lost in the end"
        }
        BreachKind::TwoQuorumLeaders { .. } => {
            "two controllers that were elected in one epoch, of whom only one was heard"
        }
        BreachKind::IncompleteQuorumLeader { .. } => {
            "a controller that lacked decisions on which nothing came to depend"
        }
        BreachKind::MetadataChanged { .. } => {
            "a decision that was replaced by another one, with the same outcome for clients"
        }
        BreachKind::TwoOwners { .. } => "a second owner while the first never heard that it is one",
        BreachKind::StartBeyondHighWatermark { .. } => {
            "a log cut at its beginning further than committed, of which nobody missed anything"
        }
        BreachKind::CommitBeyondEnd { .. } => "a commit that nobody read on from",
    }
}

fn median_gap(caught: &[u64]) -> Option<u64> {
    let before = std::iter::once(&0).chain(caught);
    let mut gaps: Vec<u64> = caught.iter().zip(before).map(|(seed, last)| seed - last).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied()
}
