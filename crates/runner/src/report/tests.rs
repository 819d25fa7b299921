use std::time::Duration;

use stormglass_check::{Figures, GroupFigures, Percentiles, TopicFigures};
use stormglass_kafka::{Mark, Marks};
use stormglass_types::{Digest, GroupId, Span, Time, TopicId};

use super::*;
use crate::result::{Bound, FaultLine, Judged, Status, WitnessEvent};
use crate::suite::{Grade, Invalid, Miss, Shown};
use crate::sweep::{Difference, Ended, Seed, Tally};

fn judged(invariant: &'static str, status: Status, detail: &str) -> Judged {
    Judged {
        invariant,
        asked: true,
        status,
        detail: detail.to_owned(),
        kind: None,
        total: 0,
        permitted: None,
        witness: Vec::new(),
        breaches: 0,
    }
}

fn figures() -> Figures {
    let latency =
        Percentiles { samples: 12_000, p50: 6_100, p95: 9_400, p99: 412_000, max: 2_150_000 };
    Figures {
        sends: 12_000,
        acked: 11_990,
        unknown: 10,
        committed: 11_996,
        delivered: 12_204,
        processed: 11_996,
        duplicated: 3,
        redelivered: 208,
        acked_per_second: 199,
        processed_per_second: 198,
        ack_latency: latency,
        end_to_end: Percentiles { p99: 8_000_000, max: 75_000_000, ..latency },
        groups: vec![GroupFigures {
            group: GroupId(0),
            rebalances: 7,
            generations: 7,
            members: 4,
            delivered: 12_204,
            processed: 11_996,
            redelivered: 208,
            lag_max: 2_310,
            lag_end: 0,
            partition_lag_max: 402,
            unowned_ms: 48_210,
            unowned_max_ms: 12_050,
            end_to_end: latency,
            ..GroupFigures::default()
        }],
        topics: vec![TopicFigures {
            topic: TopicId(1),
            records: 11_999,
            max_partition_share: 184,
            unavailable_ms: 9_120,
            unavailable_max_ms: 9_120,
            ..TopicFigures::default()
        }],
        ..Figures::default()
    }
}

fn fault(began_ms: u64, what: &str, whom: &str, secs: u64) -> FaultLine {
    FaultLine {
        began_ms: Some(began_ms),
        what: what.to_owned(),
        whom: whom.to_owned(),
        lasting: (secs > 0).then_some(Span::secs(secs)),
    }
}

/// A run in which a lost ack made duplicates, as a report gets it.
pub(crate) fn violated(seed: u64) -> RunResult {
    let mut marks = Marks::NONE;
    marks.insert(Mark::ProduceRetried);
    marks.insert(Mark::IsrShrunk);
    let duplicates = Judged {
        kind: Some("duplicate"),
        total: 3,
        permitted: Some("enable.idempotence=false: a retry may store a record twice".to_owned()),
        witness: vec![WitnessEvent {
            index: 4_711,
            time_ns: 12_500_000_000,
            process: "checkout-1".to_owned(),
            event: "sends checkout-1#0:17 key customer-7 to orders-0".to_owned(),
        }],
        ..judged(
            "no-duplicates",
            Status::Violated,
            "record v0.17 of topic-1/0 is stored at offsets 118 and 131, because its batch was sent again after the \
             answer to the first one had been lost",
        )
    };
    RunResult {
        scenario: "lost-ack-duplicates/broken".to_owned(),
        seed,
        digest: Digest(0x0123_4567_89ab_cdef),
        outcome: Status::Violated,
        verdicts: vec![
            judged("no-loss", Status::Hold, "11990 acknowledged, 12 partitions read"),
            duplicates,
            Judged { asked: false, ..judged("single-owner", Status::Vacuous, "no group") },
            judged(
                "liveness",
                Status::Undecided,
                "excused: every in-sync replica of orders-3 lost its disk",
            ),
        ],
        bounds: vec![Bound {
            text: "billing.rebalances <= 5".to_owned(),
            measured: Some(7),
            shown: "7".to_owned(),
            kept: false,
        }],
        figures: figures(),
        groups: vec!["billing".to_owned()],
        topics: vec!["orders".to_owned()],
        marks,
        states: Vec::new(),
        faults: vec![
            fault(12_500, "message lost, connection reset", "", 0),
            fault(60_040, "power loss", "broker-2 (leader of orders-0)", 20),
            FaultLine { began_ms: None, ..fault(0, "pause", "one of billing-1 … billing-4", 5) },
        ],
        cut_off: None,
        virtual_ms: 92_000,
        wall_ms: 48,
        events: 346_112,
        repro: format!("stormglass run scenarios/lost-ack-duplicates/broken.yaml --seed {seed}"),
    }
}

/// A run in which everything held.
pub(crate) fn held(seed: u64) -> RunResult {
    let verdicts = vec![
        judged("no-loss", Status::Hold, "11990 acknowledged, 12 partitions read"),
        judged("no-duplicates", Status::Hold, "11996 records read"),
        Judged { asked: false, ..judged("single-owner", Status::Vacuous, "no group") },
        judged("liveness", Status::Hold, "9 processes at rest"),
    ];
    let bounds = Vec::new();
    RunResult { outcome: Status::Hold, verdicts, bounds, faults: Vec::new(), ..violated(seed) }
}

fn swept() -> Sweep {
    let mut tally = Tally::default();
    for seed in 0..20 {
        let result = if seed % 3 == 1 { violated(seed) } else { held(seed) };
        tally.add(&Seed::Ran(Box::new(result)));
    }
    tally.add(&Seed::Panicked(Panicked {
        scenario: "lost-ack-duplicates/broken".to_owned(),
        seed: 20,
        message: "orders-0: append at 7 but log ends 5".to_owned(),
        repro: "stormglass run scenarios/lost-ack-duplicates/broken.yaml --seed 20".to_owned(),
    }));
    Sweep {
        scenario: "lost-ack-duplicates/broken".to_owned(),
        tally,
        planned: 100,
        ended: Ended::OutOfTime,
        jobs: 2,
        wall: Duration::from_millis(1_500),
    }
}

fn case(violate: &[&'static str], misses: Vec<Miss>) -> CaseResult {
    CaseResult {
        path: "scenarios/lost-ack-duplicates/broken.yaml".to_owned(),
        violate: violate.to_vec(),
        exceed: Vec::new(),
        sweep: swept(),
        misses,
    }
}

fn miss() -> Miss {
    Miss {
        grade: Grade::Violated,
        says: "no-duplicates.duplicate is violated: record v0.17 is stored <twice>".to_owned(),
        shown: Some(Shown {
            seed: 1,
            digest: Some(Digest(0xfeed)),
            repro: "stormglass run scenarios/lost-ack-duplicates/broken.yaml --seed 1".to_owned(),
        }),
    }
}

fn suite() -> SuiteResult {
    SuiteResult {
        met: 1,
        missed: 1,
        kept: 0,
        fixed: 0,
        invalid: vec![Invalid {
            path: "scenarios/typo.yaml".to_owned(),
            says: "error: unknown key `brokrs`".to_owned(),
        }],
        wall: Duration::from_millis(3_250),
    }
}

fn render(make: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    make(&mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("reports are UTF-8")
}

fn human(events: &[Event<'_>]) -> String {
    let text = render(|out| {
        let mut renderer = Human::new(out);
        events.iter().try_for_each(|event| renderer.tell(*event))
    });
    anstream::adapter::strip_str(&text).to_string()
}

#[test]
fn a_run_fits_a_screen_and_ends_with_its_command() {
    let report = human(&[Event::Ran(&violated(7))]);
    assert!(report.lines().count() <= 40, "{} lines", report.lines().count());
    let widest = report.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?} columns");
    insta::assert_snapshot!(report);
}

#[test]
fn a_run_without_faults_says_so() {
    insta::assert_snapshot!(human(&[Event::Ran(&held(3))]));
}

#[test]
fn many_faults_are_told_in_groups() {
    let strikes = (0..40).map(|n| {
        let what = if n % 4 == 0 { "crash" } else { "pause" };
        fault(1_000 * n, what, &format!("billing-{} (one of billing-1 … billing-6)", n % 6 + 1), 5)
    });
    let report = human(&[Event::Ran(&RunResult { faults: strikes.collect(), ..held(3) })]);
    let timeline: Vec<&str> =
        report.lines().skip_while(|line| !line.starts_with("faults")).collect();
    insta::assert_snapshot!(timeline.join("\n"));
}

#[test]
fn a_run_of_many_faults_and_verdicts_still_fits_a_screen() {
    let mut result = violated(7);
    let long = "a sentence that is long enough to be wrapped twice ".repeat(4);
    result.verdicts = stormglass_check::INVARIANTS
        .iter()
        .map(|invariant| judged(invariant.name, Status::Hold, &long))
        .collect();
    result.faults = (0..8).map(|n| fault(n, "pause", "billing-1", 5)).collect();
    let report = human(&[Event::Ran(&result)]);
    assert!(report.lines().count() <= 60, "{report}");
}

#[test]
fn a_sweep_groups_failures_by_signature() {
    insta::assert_snapshot!(human(&[Event::Swept(&swept())]));
}

#[test]
fn a_suite_tells_what_was_missed() {
    let held = case(&[], Vec::new());
    let broken = case(&["no-duplicates"], Vec::new());
    let missed = case(&[], vec![miss()]);
    insta::assert_snapshot!(human(&[
        Event::Case(&held),
        Event::Case(&broken),
        Event::Case(&missed),
        Event::Suite(&suite()),
    ]));
}

#[test]
fn our_own_bugs_are_told_as_such() {
    let mismatch = Mismatch {
        scenario: "reference".to_owned(),
        seed: 7,
        first: Digest(1),
        second: Digest(2),
        difference: Some(Difference {
            event: 4_711,
            at: Time(12_500_000_000),
            sides: [vec!["12.5s broker-1 <- broker-2 Fetch request on 7".to_owned()], Vec::new()],
        }),
        repro: "stormglass run scenarios/reference.yaml --seed 7".to_owned(),
    };
    insta::assert_snapshot!(human(&[Event::Differed(&mismatch)]));
}

#[test]
fn json_has_the_shape_of_the_contract() {
    let line = render(|out| Json::new(out).tell(Event::Ran(&violated(7))));
    assert_eq!(line.lines().count(), 1);
    let value: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
    insta::assert_snapshot!(format!("{value:#}"));
}

#[test]
fn a_suite_is_a_json_line_per_scenario() {
    let cases = [case(&["no-duplicates"], Vec::new()), case(&[], vec![miss()])];
    let lines = render(|out| {
        let mut renderer = Json::new(out);
        cases.iter().try_for_each(|case| renderer.tell(Event::Case(case)))?;
        renderer.tell(Event::Suite(&suite()))
    });
    insta::assert_snapshot!(lines);
}

#[test]
fn junit_has_a_case_per_scenario() {
    let cases = [case(&["no-duplicates"], Vec::new()), case(&[], vec![miss()])];
    let xml = render(|out| {
        let mut renderer = Junit::new(out);
        cases.iter().try_for_each(|case| renderer.tell(Event::Case(case)))?;
        renderer.tell(Event::Suite(&suite()))
    });
    insta::assert_snapshot!(xml);
}

#[test]
fn every_rule_is_listed_with_its_source() {
    let table = anstream::adapter::strip_str(&rules_table(None)).to_string();
    let json = rules_json(None);
    let listed = json.as_array().expect("a list");
    assert_eq!(listed.len(), stormglass_kafka::Rule::ALL.len());
    for rule in stormglass_kafka::Rule::ALL {
        assert!(table.contains(rule.name()) && table.contains(rule.source()), "{}", rule.name());
    }
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
}
