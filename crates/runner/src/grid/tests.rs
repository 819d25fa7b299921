use std::num::NonZero;

use super::*;

const TEXT: &str = "
run: { for: 3s, settle: 60s, seeds: 2 }
topics: { orders.eu: { partitions: 2, replication.factor: 3 } }
producers: { checkout: { to: orders.eu, rate: 20/s, config: { enable.idempotence: false } } }
groups: { billing: { members: 2, subscribe: [orders.eu], commit: after-processing } }
faults: [{ on: { response: Produce, nth: 5 }, lose: response }]
expect: { hold: [no-duplicates], metrics: [ 'billing.rebalances <= 1' ] }
";

fn run(axes: &[&str], figures: &[&str]) -> Result<Grid, BadGrid> {
    let scenario = Scenario::parse("scenarios/x.yaml", TEXT).expect("valid");
    let options = GridOptions {
        axes: axes.iter().map(|axis| axis.parse().expect("an axis")).collect(),
        figures: figures.iter().map(|it| (*it).to_owned()).collect(),
        seeds: Seeds::range(0..2).expect("some"),
        jobs: NonZero::<usize>::MIN,
    };
    grid(&scenario, &options, &mut |_, _| {})
}

#[test]
fn every_combination_is_run_and_shown() {
    let axes =
        ["groups.billing.members=1..2", "producers.checkout.config.enable.idempotence=true,false"];
    let grid =
        run(&axes, &["orders.eu.records", "billing.members", "ack-latency.max"]).expect("valid");
    let failed: Vec<u64> = grid.cells.iter().map(|cell| cell.failed).collect();
    assert_eq!(failed, [0, 2, 0, 2], "only without idempotence");
    let members: Vec<u64> =
        grid.cells.iter().map(|cell| cell.figures[1].expect("measured").median).collect();
    assert_eq!(members, [1, 1, 2, 2]);
    assert_eq!(grid.outcome(), Status::Violated);
    let human = anstream::adapter::strip_str(&grid.human()).to_string();
    insta::assert_snapshot!("human", human);
    insta::assert_snapshot!("csv", grid.csv());
    insta::assert_snapshot!("json", grid.json());
}

#[test]
fn one_axis_is_a_row() {
    let grid = run(&["topics.orders.eu.partitions=1,2,4"], &[]).expect("valid");
    assert_eq!(grid.cells.len(), 3);
    let human = anstream::adapter::strip_str(&grid.human()).to_string();
    insta::assert_snapshot!("row", human);
}

#[test]
fn paths_lead_through_names_and_keys_with_dots() {
    let draft = Scenario::parse("x.yaml", TEXT).expect("valid").sketch();
    let path = |text: &str| draft.locate(text).map(|path| path.join(" / "));
    assert_eq!(
        path("topics.orders.eu.replication.factor"),
        Ok("topics / orders.eu / replication.factor".to_owned())
    );
    assert_eq!(
        path("groups.billing.config.max.poll.records"),
        Ok("groups / billing / config / max.poll.records".to_owned())
    );
    assert_eq!(
        path("cluster.config.min.insync.replicas"),
        Ok("cluster / config / min.insync.replicas".to_owned())
    );
    assert_eq!(
        path("producers.checkout.keys.count"),
        Ok("producers / checkout / keys / count".to_owned())
    );
    assert_eq!(
        path("groups.biling.members"),
        Err("`groups.biling.members` names none of the groups: billing".to_owned())
    );
    assert!(path("").is_err());
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    let says =
        |axes: &[&str], figures: &[&str]| run(axes, figures).expect_err("refused").to_string();
    assert!(says(&["groups.billing.membres=1..2"], &[]).contains("did you mean `members`?"));
    assert!(says(&["topics.orders.eu.partitions=0"], &[]).contains("partitions"));
    assert!(says(&["run.for=1s"], &["billing.lag"]).contains("--metric"));
    assert!(
        matches!(run(&["run.for=1s", "run.settle=1s,2s"], &["sends"]), Ok(grid) if grid.cells.len() == 2)
    );
    for bad in ["", "run.for", "=1", "run.for=", "run.for=1s,,2s", "a=8..1", "a=0..99999999"] {
        assert!(bad.parse::<Axis>().is_err(), "{bad}");
    }
    let axis: Axis = "cluster.without=[KIP-101, KIP-279],[]".parse().expect("lists are values");
    assert_eq!(axis.values, ["[KIP-101, KIP-279]", "[]"]);
}
