use stormglass_kafka::Mark;

use super::*;
use crate::scenario::Scenario;

const TEXT: &str = "
run: { for: 4s, settle: 60s, seeds: 1 }
topics: { orders: { partitions: 2 } }
producers: { checkout: { to: orders, rate: 20/s } }
groups: { billing: { members: 2, subscribe: [orders], config: { auto.offset.reset: earliest }, commit: after-processing } }
faults: [{ at: 2s, kill: leader of orders-0, for: 1s }]
expect: { hold: [no-loss] }
";

fn debugger() -> Debugger {
    Debugger::new(Scenario::parse("x.yaml", TEXT).expect("valid").plan(1))
}

fn ask(debugger: &mut Debugger, commands: &str) -> String {
    let answers = commands.split("; ").map(|command| {
        let command = command.parse::<Command>().unwrap_or_else(|why| panic!("{why}"));
        let answer = debugger.obey(&command);
        anstream::adapter::strip_str(&answer).to_string()
    });
    answers.collect()
}

#[test]
fn the_state_at_an_instant_is_as_kafkas_tools_show_it() {
    let mut debugger = debugger();
    insta::assert_snapshot!(ask(&mut debugger, "follow orders-0; until 3.8s; state"));
}

#[test]
fn a_log_is_dumped_with_epochs_and_sequences() {
    let mut debugger = debugger();
    let told = ask(
        &mut debugger,
        "until 4.5s; log orders-0; log orders-0 broker-1 all; producers orders-0",
    );
    insta::assert_snapshot!(told);
}

#[test]
fn what_happens_to_a_partition_is_told_on_the_way() {
    let mut debugger = debugger();
    ask(&mut debugger, "until 3.5s");
    let told = ask(&mut debugger, "follow orders-0; mark CleanElection; until 3.6s");
    assert!(told.lines().count() > 3, "{told}");
    assert!(told.lines().all(|line| line.contains("orders-0")), "{told}");
}

#[test]
fn a_step_is_told_in_full_and_can_be_taken_back() {
    let mut debugger = debugger();
    ask(&mut debugger, "until 2s");
    let here = debugger.place();
    let ahead = ask(&mut debugger, "step 40");
    assert!(ahead.lines().count() > 20, "{ahead}");
    ask(&mut debugger, "back 40");
    assert_eq!(debugger.place(), here);
    assert_eq!(ask(&mut debugger, "step 40"), ahead);
    assert!(ask(&mut debugger, "end").is_empty());
    assert!(debugger.place().ends_with("the run is over"), "{}", debugger.place());
    assert!(ask(&mut debugger, "mark UncleanElection").contains("never reached"));
}

#[test]
fn a_mark_stops_the_run_where_it_is_taken() {
    let mut debugger = debugger();
    ask(&mut debugger, "mark CleanElection");
    assert!(debugger.world.marks().contains(Mark::CleanElection) && !debugger.is_over());
    let at = debugger.world.events();
    ask(&mut debugger, "back");
    assert_eq!(debugger.world.events(), at - 1);
    assert!(!debugger.world.marks().contains(Mark::CleanElection));
}

#[test]
fn what_cannot_be_asked_is_told() {
    let says = |text: &str| text.parse::<Command>().expect_err("refused");
    assert_eq!(says("tpoics"), "there is no command `tpoics`; did you mean `topics`?");
    assert!(says("until soon").contains("`42.317s`"));
    assert!(says("mark IsrShrank").contains("did you mean `IsrShrunk`?"));
    assert!(says("step 0").contains("no number"));
    assert!(says("log").contains("is not how `log` is used"));
    let mut debugger = debugger();
    assert!(ask(&mut debugger, "log payments-0").contains("there is no partition `payments-0`"));
    assert!(ask(&mut debugger, "log orders-7").contains("there is no partition"));
    assert!(ask(&mut debugger, "log orders-0 broker-9").contains("there is no broker `broker-9`"));
    assert!(ask(&mut debugger, "groups biling").contains("billing"));
    assert_eq!(ask(&mut debugger, "topics"), "there are no topics yet\n");
}

#[test]
fn instants_are_written_as_reports_show_them() {
    let nanos = |text: &str| clock(text).map(|time| time.0);
    assert_eq!(nanos("42.317s"), Ok(42_317_000_000));
    assert_eq!(nanos("1m02.500s"), Ok(62_500_000_000));
    assert_eq!(nanos("350ms"), Ok(350_000_000));
    assert_eq!(nanos("2m"), Ok(120_000_000_000));
    assert_eq!(nanos("0.000312s"), Ok(312_000));
    for bad in ["", "s", "-1s", "1.s.2", "42", "1h", "99999999999999999999s", "1.0000000001s"] {
        assert!(clock(bad).is_err(), "`{bad}` was taken for an instant");
    }
}
