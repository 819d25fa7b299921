//! The program from outside: exit codes, streams, formats and files.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Nothing goes wrong.
const CALM: &str = "
run: { for: 5s, settle: 60s, seeds: 3 }
topics: { orders: { partitions: 2, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 20/s, keys: { count: 3 } } }
groups:
  billing:
    members: 2
    subscribe: [orders]
    config: { auto.offset.reset: earliest }
    commit: after-processing
expect: { hold: [no-loss, per-key-order, no-duplicates, at-least-once] }
";

/// An answer gets lost, and the producer is not idempotent.
const BROKEN: &str = "
run: { for: 10s, settle: 60s, seeds: 3 }
topics: { orders: { partitions: 1, replication.factor: 3 } }
producers:
  checkout: { to: orders, rate: 20/s, config: { acks: all, enable.idempotence: false } }
faults: [{ on: { response: Produce, to: checkout, nth: 5 }, lose: response }]
expect: { violate: [no-duplicates] }
";

/// A folder of one test, with the program to run in it.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let name = format!("stormglass-cli-{}-{test}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder for the test");
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).expect("the file is there")
    }

    fn command<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
        command.args(arguments).current_dir(&self.0).env_remove("NO_COLOR").stdin(Stdio::null());
        command
    }

    /// Runs the program; arguments are separated by spaces.
    fn run(&self, arguments: &str) -> Ran {
        Ran::of(self.command(arguments.split_whitespace()).output().expect("the program runs"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a run of the program came to.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("no signal ended it"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }

    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why} in {text}"))
}

#[test]
fn a_run_that_holds_exits_with_zero() {
    let place = Place::new("holds");
    place.write("scenarios/calm.yaml", CALM);
    let ran = place.run("run scenarios/calm.yaml --seed 7").exits(0);
    assert!(ran.out.starts_with("calm  seed 7  digest "), "{}", ran.out);
    assert!(ran.out.ends_with("  stormglass run scenarios/calm.yaml --seed 7\n"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'), "no colours in a pipe");
    assert_eq!(ran.err, "");
}

#[test]
fn a_run_that_violates_exits_with_one_whatever_was_expected() {
    let place = Place::new("violates");
    place.write("broken.yaml", BROKEN);
    let ran = place.run("run broken.yaml").exits(1);
    assert!(ran.out.contains("✘ no-duplicates  VIOLATED  duplicate: "), "{}", ran.out);
    assert!(ran.out.contains("not promised: "), "{}", ran.out);
    assert!(ran.out.contains("message lost, connection reset"), "{}", ran.out);
}

#[test]
fn what_is_asked_for_but_not_exercised_exits_with_four() {
    let place = Place::new("vacuous");
    place
        .write("vacuous.yaml", &BROKEN.replace("violate: [no-duplicates]", "hold: [single-owner]"));
    let ran = place.run("run vacuous.yaml --format json").exits(4);
    assert_eq!(json(&ran.out)["outcome"], "vacuous");
}

#[test]
fn json_is_one_object_a_run_with_the_keys_of_the_contract() {
    let place = Place::new("json");
    place.write("calm.yaml", CALM);
    place.write("broken.yaml", BROKEN);
    let ran = place.run("run calm.yaml broken.yaml --seed 1 --format json").exits(1);
    let lines: Vec<Value> = ran.out.lines().map(json).collect();
    let [calm, broken] = &lines[..] else { panic!("{}", ran.out) };
    let keys: Vec<&str> = calm.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "scenario",
            "seed",
            "digest",
            "outcome",
            "verdicts",
            "virtual_ms",
            "wall_ms",
            "events",
            "records",
            "groups",
            "marks",
            "repro"
        ]
    );
    assert_eq!((&calm["outcome"], &broken["outcome"]), (&"hold".into(), &"violated".into()));
    assert_eq!(calm["digest"].as_str().map(str::len), Some(16));
    assert!(calm["groups"]["billing"]["rebalances"].as_u64() >= Some(1), "{calm}");
    let verdicts = broken["verdicts"].as_array().expect("a list");
    let duplicates = verdicts.iter().find(|it| it["invariant"] == "no-duplicates").expect("judged");
    assert_eq!(duplicates["status"], "violated");
    assert!(!duplicates["witness"].as_array().expect("a list").is_empty(), "{duplicates}");
}

#[test]
fn equal_seeds_give_equal_digests() {
    let place = Place::new("equal");
    place.write("calm.yaml", CALM);
    let digest = |arguments: &str| json(&place.run(arguments).exits(0).out)["digest"].clone();
    let first = digest("run calm.yaml --seed 5 --format json");
    assert_eq!(first, digest("run calm.yaml --seed 5 --format json --trace trace.txt"));
    assert_ne!(first, digest("run calm.yaml --seed 6 --format json"));
    let trace = place.read("trace.txt");
    assert!(trace.contains(" broker-1 <- ") && trace.contains("Produce request"), "{trace}");
}

#[test]
fn wrong_usage_exits_with_two() {
    let place = Place::new("usage");
    place.write("calm.yaml", CALM);
    for arguments in [
        "",
        "frobnicate",
        "run",
        "run calm.yaml --seed minus-one",
        "run calm.yaml --format xml",
        "run calm.yaml calm.yaml --history history.jsonl",
        "sweep calm.yaml",
        "sweep calm.yaml --seeds 0",
        "sweep calm.yaml --seeds 9..2",
        "sweep calm.yaml --seeds 10 --shard 3/2",
        "sweep calm.yaml --seeds 10 --jobs 0",
        "sweep calm.yaml --seeds 10 --time soon",
        "test --format yaml",
    ] {
        let ran = place.run(arguments).exits(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "`{arguments}` says {}", ran.out);
    }
    place.run("--help").exits(0);
    assert_eq!(place.run("--version").exits(0).out, "stormglass 0.1.0\n");
}

#[test]
fn invalid_scenarios_exit_with_three_and_run_nothing() {
    let place = Place::new("invalid");
    place.write("calm.yaml", CALM);
    place.write("empty.yaml", "");
    place.write("typo.yaml", &CALM.replace("members", "membres"));
    place.write("unit.yaml", &CALM.replace("for: 5s", "for: 5 parsecs"));
    let (a, b) = ("*a,".repeat(99), "*b,".repeat(99));
    place.write("bomb.yaml", &format!("a: &a [x]\nb: &b [{a}]\nc: &c [{b}]\n"));
    place.write("binary.yaml", "\u{0}\u{1}\u{2}");
    for (file, says) in [
        ("missing.yaml", "there is no such file"),
        ("empty.yaml", "empty"),
        ("typo.yaml", "members"),
        ("unit.yaml", "5 parsecs"),
        ("bomb.yaml", "error"),
        ("binary.yaml", "error"),
    ] {
        for command in ["run", "sweep --seeds 2", "test"] {
            let ran = place.run(&format!("{command} {file} calm.yaml")).exits(3);
            assert!(ran.err.contains(says), "{command} {file} says {}", ran.err);
            assert!(command == "test" || ran.out.is_empty(), "nothing runs: {}", ran.out);
        }
    }
    place.run("run .").exits(3);
    let typo = place.run("run typo.yaml");
    assert!(typo.err.contains("typo.yaml:7:5") && typo.err.contains("^^^^^^^"), "{}", typo.err);
}

#[test]
fn a_sweep_tells_the_same_on_one_thread_and_on_many() {
    let place = Place::new("threads");
    place.write("broken.yaml", BROKEN);
    let [one, many] = ["1", "4"].map(|jobs| {
        place.run(&format!("sweep broken.yaml --seeds 9 --jobs {jobs} --report r{jobs}")).exits(1)
    });
    assert_eq!(one.out, many.out);
    assert!(one.out.contains("no-duplicates.duplicate in 9 seeds: 0, 1, 2, 3"), "{}", one.out);
    assert!(one.out.contains("  stormglass run broken.yaml --seed 0\n"), "{}", one.out);
    assert!(one.out.contains("never reached"), "{}", one.out);
    assert!(one.err.contains("seeds/s"), "{}", one.err);
}

#[test]
fn what_if_values_were_others() {
    let place = Place::new("vary");
    place.write("broken.yaml", BROKEN);
    let vary = "sweep broken.yaml --seeds 2 --vary producers.checkout.config.enable.idempotence=true,false";
    let ran =
        place.run(&format!("{vary} --vary topics.orders.partitions=1..2 --csv grid.csv")).exits(1);
    assert!(ran.out.contains("4 combinations, 2 seeds each"), "{}", ran.out);
    assert!(ran.out.contains("seeds that fail"), "{}", ran.out);
    let csv = place.read("grid.csv");
    assert!(csv.lines().nth(3).is_some_and(|line| line == "false,1,2,2"), "{csv}");
    let ran = place.run(&format!("{vary} --metric ack-latency.p99 --format json")).exits(1);
    let lines: Vec<Value> = ran.out.lines().map(json).collect();
    assert_eq!((&lines[0]["failed"], &lines[1]["failed"]), (&0.into(), &2.into()));
    assert!(lines[0]["figures"]["ack-latency.p99"]["median"].as_u64() > Some(0), "{}", lines[0]);
    place.run("sweep broken.yaml --seeds 2 --vary topics.order.partitions=1").exits(2);
    place.run("sweep broken.yaml --seeds 2 --vary topics.orders.partitions=0").exits(3);
    place.run("sweep broken.yaml --seeds 2 --metric sends").exits(2);
    place.run("sweep broken.yaml --seeds 2 --vary run.for").exits(2);
}

/// A member dies while it works on a record whose offset its client may have committed.
const CRASHES: &str = "
run: { for: 20s, settle: 60s, seeds: 3 }
topics: { orders: { partitions: 3, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 5/s } }
groups:
  billing:
    members: 3
    subscribe: [orders]
    config: { auto.offset.reset: earliest, auto.commit.interval.ms: 500, max.poll.records: 50, session.timeout.ms: 6000 }
    process: { each: 400ms }
faults: [{ every: 3s..5s, kill: member of billing, for: 1s }]
expect: { hold: [at-least-once] }
";

#[test]
fn one_scenario_runs_with_the_clients_of_several_profiles() {
    let place = Place::new("profiles");
    place.write("crashes.yaml", CRASHES);
    let ran = place.run("run crashes.yaml --seed 1 --profiles java,librdkafka").exits(1);
    insta::assert_snapshot!("profiles_side_by_side", ran.out);
    assert!(ran.err.contains("librdkafka has nothing for `max.poll.records: 50`"), "{}", ran.err);
    place.run("run crashes.yaml --seed 1 --profiles java").exits(0);
    let alone = place.run("run crashes.yaml --seed 1 --profiles librdkafka").exits(1);
    let again = "stormglass run crashes.yaml --seed 1 --profiles librdkafka";
    assert!(alone.out.contains(again), "{}", alone.out);
    let ran =
        place.run("run crashes.yaml --seed 1 --profiles java,librdkafka --format json").exits(1);
    let lines: Vec<Value> = ran.out.lines().map(json).collect();
    let told = |at: usize| (lines[at]["profile"].as_str(), lines[at]["outcome"].as_str());
    assert_eq!(told(0), (Some("java"), Some("hold")));
    assert_eq!(told(1), (Some("librdkafka"), Some("violated")));
    assert!(alone.out.contains(lines[1]["digest"].as_str().unwrap_or("none")), "the same run");
    let ran = place.run("sweep crashes.yaml --seeds 3 --profiles librdkafka,java").exits(1);
    assert!(ran.out.contains("at-least-once  ✘"), "{}", ran.out);
    place.run("run crashes.yaml --profiles java,sarama").exits(2);
    place.run("run crashes.yaml --profiles java,java").exits(2);
    place.run("run crashes.yaml --profiles java,librdkafka --trace t").exits(2);
}

#[test]
fn an_interrupted_sweep_goes_on_where_it_was() {
    let place = Place::new("resume");
    place.write("broken.yaml", BROKEN);
    let whole = place.run("sweep broken.yaml --seeds 12 --report w").exits(1);
    place.run("sweep broken.yaml --seeds 5 --resume state/journal.jsonl --report r").exits(1);
    let text = place.read("state/journal.jsonl");
    assert_eq!(text.lines().count(), 6);
    // Killed in the middle of a line.
    fs::write(place.0.join("state/journal.jsonl"), &text[..text.len() - 40]).expect("written");
    let rest = "sweep broken.yaml --seeds 12 --resume state/journal.jsonl --report r";
    let ran = place.run(&format!("{rest} --format json")).exits(1);
    let seeds: Vec<Value> = ran.out.lines().map(|line| json(line)["seed"].clone()).collect();
    let expected: Vec<Value> = [0, 4, 5, 6, 7, 8, 9, 10, 11].map(Value::from).to_vec();
    assert_eq!(seeds, expected, "the first failure is shown in full, the others are known");
    let ran = place.run(rest).exits(1);
    assert_eq!(ran.out, whole.out);
    place.write("broken.yaml", &BROKEN.replace("20/s", "21/s"));
    let ran = place.run(rest).exits(3);
    assert!(ran.err.contains("before it was changed"), "{}", ran.err);
    place.write("foreign.jsonl", "hello\n");
    place.run("sweep broken.yaml --seeds 2 --resume foreign.jsonl").exits(3);
}

#[test]
fn a_sweep_stops_when_nothing_new_comes_up() {
    let place = Place::new("plateau");
    place.write("calm.yaml", CALM);
    let ran = place.run("sweep calm.yaml --seeds 500 --plateau 10").exits(0);
    assert!(ran.out.contains("of 500 seeds, nothing new any more"), "{}", ran.out);
    assert!(ran.out.contains("the last 10 seeds showed no new mark"), "{}", ran.out);
    assert!(ran.out.contains("situations seen"), "{}", ran.out);
}

#[test]
fn kept_failures_are_fixed_or_regressed() {
    let place = Place::new("corpus");
    let scenario = BROKEN.replace("violate", "hold");
    place.write("scenarios/x.yaml", &scenario);
    place.run("run scenarios/x.yaml --report scenarios/corpus").exits(1);
    fs::remove_file(place.0.join("scenarios/corpus/x/seed-0.json")).expect("a report, no failure");
    let ran = place.run("test").exits(1);
    assert!(ran.out.contains("no-duplicates.duplicate still comes up in x, seed 0"), "{}", ran.out);
    place.write("scenarios/x.yaml", &scenario.replace("idempotence: false", "idempotence: true"));
    let ran = place.run("test").exits(0);
    assert!(ran.out.contains("`--mark-fixed` remembers it"), "{}", ran.out);
    assert!(ran.out.contains("1 of 1 kept failures are fixed"), "{}", ran.out);
    place.run("test --mark-fixed").exits(0);
    let ran = place.run("test --format json").exits(0);
    assert_eq!(json(ran.out.lines().last().expect("a line"))["marked_fixed"], true);
    place.write("scenarios/x.yaml", &scenario);
    let ran = place.run("test").exits(1);
    assert!(ran.out.contains("regressed: no-duplicates.duplicate was fixed"), "{}", ran.out);
    let kept = "scenarios/corpus/x/no-duplicates.duplicate/seed-0.json";
    let text = place.read(kept);
    place.write(kept, &text[..100]);
    place.run("test").exits(3);
}

#[test]
fn a_run_can_be_stopped_and_looked_into() {
    let place = Place::new("debug");
    place.write("broken.yaml", BROKEN);
    place.run("run broken.yaml --report r").exits(1);
    let saved = "r/broken/no-duplicates.duplicate/seed-0.json";
    let stopped = place.run(&format!("replay {saved} --until 3.5s")).exits(0);
    let same = place.run("replay broken.yaml --seed 0 --until 3.5s").exits(0);
    assert_eq!(stopped.out, same.out);
    assert!(stopped.out.contains("Topic: orders  PartitionCount: 1"), "{}", stopped.out);
    let ran = place
        .run(&format!("replay {saved} --until-mark ProduceRetried --follow orders-0"))
        .exits(0);
    assert!(ran.out.contains("Dumping orders-0 of "), "{}", ran.out);
    assert!(ran.out.contains("appends checkout-1#0:0"), "{}", ran.out);
    let ran = place.run(&format!("replay {saved} --follow orders-0")).exits(0);
    assert!(ran.out.lines().all(|line| line.contains("orders-0")), "{}", ran.out);

    let mut command = place.command(["replay", saved, "--step"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    let orders = b"until 3s\ntopics\nstep 3\nback 2\nfrobnicate\nquit\nstep\n";
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), orders).expect("read");
    let ran = Ran::of(child.wait_with_output().expect("it ends")).exits(2);
    assert!(ran.err.contains("there is no command `frobnicate`"), "{}", ran.err);
    assert_eq!(ran.out.matches("Topic: orders").count(), 1, "{}", ran.out);

    place.run(&format!("replay {saved} --until soon")).exits(2);
    place.run(&format!("replay {saved} --until-mark Nonsense")).exits(2);
    place.run(&format!("replay {saved} --follow payments-0")).exits(2);
    place.run(&format!("replay {saved} {saved} --step")).exits(2);
    place.run(&format!("replay {saved} --until 1s --from tape")).exits(2);
    place.run(&format!("replay {saved} --seed 3")).exits(2);
    place.run("replay cut.json --step").exits(3);
}

#[test]
fn shards_run_every_seed_once() {
    let place = Place::new("shards");
    place.write("calm.yaml", CALM);
    let mut seeds: Vec<u64> = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let sweep = format!("sweep calm.yaml --seeds 4..11 --shard {shard} --format json");
        let out = place.run(&sweep).exits(0).out;
        seeds.extend(out.lines().map(|line| json(line)["seed"].as_u64().expect("a seed")));
    }
    seeds.sort_unstable();
    assert_eq!(seeds, [4, 5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_sweep_stops_after_enough_failures() {
    let place = Place::new("enough");
    place.write("broken.yaml", BROKEN);
    let ran = place.run("sweep broken.yaml --seeds 100 --max-failures 2 --format json").exits(1);
    let seeds: Vec<Value> = ran.out.lines().map(|line| json(line)["seed"].clone()).collect();
    assert_eq!(seeds, [Value::from(0), Value::from(1)]);
}

#[test]
fn a_saved_failure_replays_to_the_same_digest() {
    let place = Place::new("replay");
    place.write("broken.yaml", BROKEN);
    place.run("sweep broken.yaml --seeds 2").exits(1);
    let saved = "reports/broken/no-duplicates.duplicate/seed-0.json";
    let digest = json(&place.read(saved))["digest"].clone();
    fs::remove_file(place.0.join("broken.yaml")).expect("the saved failure is all that is needed");
    let ran = place.run(&format!("replay {saved}")).exits(1);
    let digest = digest.as_str().expect("a digest");
    assert!(ran.out.contains(&format!("same digest again: {digest}")), "{}", ran.out);
    assert!(ran.out.contains(&format!("stormglass replay {saved}")), "{}", ran.out);
    let ran = place.run(&format!("replay {saved} --from tape")).exits(1);
    assert!(ran.out.contains(&format!("same digest again: {digest}")), "{}", ran.out);
}

#[test]
fn a_tape_goes_on_at_random_where_it_ends() {
    let place = Place::new("then");
    place.write("broken.yaml", BROKEN);
    place.run("run broken.yaml --report r").exits(1);
    let saved = "r/broken/no-duplicates.duplicate/seed-0.json";
    let ran = place.run(&format!("replay {saved} --then 3")).exits(1);
    insta::assert_snapshot!(ran.out);
    let ran = place.run(&format!("replay {saved} --then 7..9 --format json")).exits(1);
    let lines: Vec<Value> = ran.out.lines().map(json).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[1]["then"], &lines[1]["signature"]),
        (&8.into(), &"no-duplicates.duplicate".into())
    );
    place.run(&format!("replay {saved} --then 3 --from tape")).exits(2);
}

#[test]
fn a_damaged_saved_failure_exits_with_three() {
    let place = Place::new("damaged");
    place.write("broken.yaml", BROKEN);
    place.run("run broken.yaml --report r").exits(1);
    let whole = place.read("r/broken/no-duplicates.duplicate/seed-0.json");
    for (name, text, says) in [
        ("empty.json", String::new(), "empty"),
        ("cut.json", whole[..whole.len() / 2].to_owned(), "cut short"),
        ("edited.json", whole.replace("rate: 20/s", "rate: 21/s"), "edited"),
        ("tape.json", whole.replace("\"tape\": \"", "\"tape\": \"AAAA"), "edited"),
        ("version.json", whole.replacen("0.1.0", "9.9.9", 1), "stormglass 9.9.9"),
        ("foreign.json", "{}".to_owned(), "no saved failure"),
        ("scenario.json", BROKEN.to_owned(), "broken"),
    ] {
        assert_ne!(text, whole, "{name} is damaged");
        place.write(name, &text);
        let ran = place.run(&format!("replay {name}")).exits(3);
        assert!(ran.err.contains(says), "{name} says {}", ran.err);
    }
    place.run("replay missing.json").exits(3);
    assert_eq!(json(&place.read("r/broken/seed-0.json"))["outcome"], "violated");
    assert!(place.read("r/broken/seed-0.txt").contains("VIOLATED"));
}

#[test]
fn the_suite_passes_when_every_scenario_met_its_expectations() {
    let place = Place::new("suite");
    place.write("scenarios/pair/broken.yaml", BROKEN);
    place.write("scenarios/pair/fixed.yaml", CALM);
    place.write("scenarios/notes.txt", "no scenario");
    let ran = place.run("test").exits(0);
    let told: Vec<&str> = ran.out.lines().collect();
    assert!(
        told[0].contains("pair/broken") && told[0].contains("breaks no-duplicates as expected")
    );
    assert!(told[1].contains("pair/fixed") && told[1].contains("holds in 3 seeds"), "{}", ran.out);
    let lines = place.run("test scenarios --format json").exits(0).out;
    assert!(lines.lines().map(json).all(|line| line["met"] == true), "{lines}");
    assert!(!place.0.join("reports").exists(), "expected failures are no news");
}

#[test]
fn the_suite_fails_when_an_expectation_was_not_met() {
    let place = Place::new("missed");
    place.write("s/holds.yaml", &BROKEN.replace("violate:", "hold:"));
    place.write("s/breaks.yaml", &CALM.replace("hold: [no-loss,", "violate: [no-loss], hold: ["));
    let ran = place.run("test s --report r").exits(1);
    assert!(ran.out.contains("no-duplicates.duplicate is violated"), "{}", ran.out);
    assert!(ran.out.contains("no-loss was expected to be violated"), "{}", ran.out);
    assert!(place.0.join("r/s/holds/no-duplicates.duplicate/seed-0.json").exists(), "{}", ran.err);
    let xml = place.run("test s --report r --format junit").exits(1).out;
    assert!(xml.contains(r#"tests="2" skipped="0" failures="2" errors="0""#), "{xml}");
    place.write("s/invalid.yaml", "topics: 7\n");
    place.run("test s --report r").exits(3);
}

#[test]
fn a_suite_of_nothing_does_not_pass() {
    let place = Place::new("nothing");
    place.run("test").exits(3);
    fs::create_dir_all(place.0.join("scenarios")).expect("a folder");
    place.run("test").exits(3);
}

#[test]
fn a_history_begins_with_its_promises_and_ends_with_the_final_read() {
    let place = Place::new("history");
    place.write("calm.yaml", CALM);
    place.run("run calm.yaml --seed 2 --history history.jsonl").exits(0);
    let text = place.read("history.jsonl");
    let lines: Vec<Value> = text.lines().map(json).collect();
    let (first, lines) = lines.split_first().expect("a first line");
    assert_eq!((&first["scenario"], &first["seed"]), (&"calm".into(), &2.into()));
    assert_eq!(first["producers"][0]["acks"], "all");
    assert_eq!(first["topics"][0]["replication.factor"], 3);
    assert_eq!(first["groups"][0]["commit"], "after-processing");
    let reads = lines.iter().rev().take_while(|line| line["process"] == "final-read").count();
    let of = |kind: &str, f: &str| {
        lines.iter().filter(|line| line["type"] == kind && line["f"] == f).count()
    };
    assert!(reads > 50, "{reads} records at the end");
    assert_eq!(of("invoke", "send"), of("ok", "send"), "every send of a calm run is acknowledged");
    assert_eq!(of("ok", "send"), reads, "every acknowledged record is read in the end");
    assert_eq!(of("ok", "processed"), reads, "and was processed");
}

#[test]
fn new_writes_a_scenario_that_runs_and_overwrites_nothing() {
    let place = Place::new("new");
    place.run("new first.yaml").exits(0);
    let text = place.read("first.yaml");
    let ran = place.run("new first.yaml").exits(2);
    assert!(ran.err.contains("exists already"), "{}", ran.err);
    assert_eq!(place.read("first.yaml"), text);
    let ran = place.run("run first.yaml --format json").exits(0);
    assert_eq!(ran.err, "", "a first scenario draws no remarks");
}

#[test]
fn tables_are_for_people_and_for_programs() {
    let place = Place::new("tables");
    let rules = json(&place.run("rules --format json").exits(0).out);
    let named = |rule: &Value| !rule["name"].as_str().unwrap_or_default().is_empty();
    assert!(rules.as_array().is_some_and(|rules| rules.len() > 20 && rules.iter().all(named)));
    assert!(place.run("rules").exits(0).out.contains("KIP-101"));
    let of_release = place.run("rules --profile kafka-3.2").exits(0).out;
    assert!(of_release.contains("KAFKA-14024") && !of_release.contains("KIP-101"), "{of_release}");
    let unknown = place.run("rules --profile kafka-9.9").exits(2).err;
    assert!(unknown.contains("known are kafka-0.11"), "{unknown}");
    let schema = json(&place.run("schema").exits(0).out);
    assert!(schema["properties"]["topics"].is_object(), "{schema}");
}

#[test]
fn a_reader_that_went_away_changes_no_exit_code() {
    let place = Place::new("pipe");
    place.write("broken.yaml", BROKEN);
    let mut command = place.command(["run", "broken.yaml"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    drop(child.stdout.take());
    let ran = Ran::of(child.wait_with_output().expect("it ends")).exits(1);
    assert_eq!(ran.err, "");
}

#[test]
fn a_file_that_cannot_be_written_is_no_panic() {
    let place = Place::new("unwritable");
    place.write("calm.yaml", CALM);
    place.write("file", "");
    for arguments in ["--history no/such/folder.jsonl", "--trace .", "--report file"] {
        let ran = place.run(&format!("run calm.yaml {arguments}")).exits(2);
        assert!(ran.err.starts_with("error: "), "{}", ran.err);
    }
}

#[test]
fn a_failure_shrinks_to_a_scenario_that_fails_by_itself() {
    let place = Place::new("shrink");
    let noise = "faults: [{ at: 2s, pause: broker-1, for: 300ms }, { at: 4s, slow: broker-2, by: 1ms, for: 1s }, ";
    place.write("scenarios/broken.yaml", &BROKEN.replace("faults: [", noise));
    let ran = place.run("shrink scenarios/broken.yaml --seed 2").exits(1);
    let file = "reports/broken/no-duplicates.duplicate/seed-2.shrunk.yaml";
    assert!(ran.out.contains("faults                   3           1"), "{}", ran.out);
    assert!(ran.out.ends_with(&format!("to run it:\n  stormglass run {file}\n")), "{}", ran.out);
    place.run(&format!("run {file}")).exits(1);
    place.run(&format!("test {file}")).exits(0);

    place.run("sweep scenarios/broken.yaml --seeds 1").exits(1);
    let ran = place.run("shrink reports/broken/no-duplicates.duplicate/seed-0.json").exits(1);
    let file = "reports/broken/no-duplicates.duplicate/seed-0.shrunk.yaml";
    assert!(ran.out.contains(file), "{}", ran.out);
    let before = place.read(file);
    fs::write(place.0.join(file), "# mine\n").expect("written");
    place.run("shrink reports/broken/no-duplicates.duplicate/seed-0.json").exits(1);
    assert_eq!(place.read(file), "# mine\n");
    assert_eq!(place.read(&file.replace("seed-0.", "seed-0-2.")), before);
}

#[test]
fn what_is_no_failure_is_not_shrunk() {
    let place = Place::new("shrink-calm");
    place.write("calm.yaml", CALM);
    place.write("cut.json", "{");
    let ran = place.run("shrink calm.yaml").exits(4);
    assert!(ran.err.contains("is no failure"), "{}", ran.err);
    let ran = place.run("shrink cut.json").exits(3);
    assert!(ran.err.contains("broken or cut short"), "{}", ran.err);
}

#[test]
fn a_failure_is_explained_with_its_cause_and_remedy() {
    let place = Place::new("explain");
    place.write("broken.yaml", BROKEN);
    place.write("calm.yaml", CALM);
    let ran = place.run("explain broken.yaml --seed 1").exits(1);
    assert!(ran.out.contains("a second time"), "{}", ran.out);
    assert!(ran.out.contains("necessary: on: { response: Produce"), "{}", ran.out);
    assert!(
        ran.out.contains("with enable.idempotence=true the same faults do no harm"),
        "{}",
        ran.out
    );
    let ran = place.run("explain broken.yaml --seed 1 --format markdown").exits(1);
    assert!(ran.out.contains("```mermaid\nsequenceDiagram\n"), "{}", ran.out);
    place.run("explain calm.yaml").exits(4);
}

#[test]
fn lint_names_mistakes_and_proves_them() {
    let place = Place::new("lint");
    place
        .write("checkout.properties", "bootstrap.servers=kafka:9092\nacks=1\nssl.key.password=x\n");
    let ran = place.run("lint --producer checkout.properties --prove --seeds 4").exits(1);
    assert!(ran.out.contains("error[M02]: `acks=1`"), "{}", ran.out);
    assert!(ran.out.contains("--> checkout.properties:2:1"), "{}", ran.out);
    let shown = "stormglass run reports/lint/M02-checkout.yaml --seed ";
    let (_, seed) = ran.out.split_once(shown).expect("it is proved");
    let seed = seed.lines().next().expect("a seed");
    let scenario = place.read("reports/lint/M02-checkout.yaml");
    assert!(!scenario.contains("ssl.key.password"), "{scenario}");
    let again = format!("run reports/lint/M02-checkout.yaml --seed {seed}");
    let again = place.run(&again).exits(1);
    assert!(again.out.contains("✘ no-loss "), "{}", again.out);
}

#[test]
fn lint_says_by_its_exit_code_what_it_found() {
    let place = Place::new("lint-codes");
    let sound = format!("cluster: {{ config: {{ min.insync.replicas: 2 }} }}{CALM}");
    place.write("calm.yaml", &sound);
    place.write("late.yaml", &sound.replace("earliest", "latest"));
    place.write("bad.properties", "linger.ms=soon\n");
    assert!(place.run("lint calm.yaml").exits(0).out.contains("calm.yaml: nothing found"));
    let ran = place.run("lint late.yaml --format json").exits(0);
    assert_eq!(json(&ran.out)["id"], "M20");
    place.run("lint late.yaml --strict").exits(1);
    place.run("lint").exits(2);
    place.run("lint calm.yaml --topic min.insync.replicas=1").exits(2);
    place.run("lint --producer bad.properties").exits(3);
    place.run("lint --producer missing.properties").exits(3);
}

#[test]
fn kept_assignments_are_compared_and_accepted() {
    let place = Place::new("snapshots");
    place.write("scenarios/calm.yaml", CALM);
    let command = "test scenarios --snapshots";
    place.run(command).exits(0);
    place.run(&format!("{command} --accept")).exits(0);
    let kept = place.read("scenarios/snapshots/calm.txt");
    assert!(kept.contains("generation 1: 2 members"), "{kept}");
    place.run(command).exits(0);
    place.write("scenarios/calm.yaml", &CALM.replace("members: 2", "members: 1"));
    let ran = place.run(command).exits(1);
    assert!(
        ran.out.contains("assignments differ from scenarios/snapshots/calm.txt"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("-    billing-2  orders 1"), "{}", ran.out);
    place.run("test scenarios").exits(0);
    place.run("test scenarios --accept").exits(2);
}
