use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::execute::{Execution, Recording, execute};
use crate::explain::explain;
use crate::subject::Subject;

/// The last copy that is up is an old one, and may lead.
const UNCLEAN: &str = "
about: Acknowledged records are cut off by <an old copy> & \"nobody\" minds.
run: { for: 30s, settle: 60s }
cluster: { config: { min.insync.replicas: 2, unclean.leader.election.enable: true } }
topics: { orders: { partitions: 2, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 20/s, keys: { count: 3 } } }
groups: { billing: { members: 2, subscribe: [orders], config: { auto.offset.reset: earliest } } }
faults:
  - { at: 5s, restart: broker-1, for: 12s }
  - { at: 12s, kill: broker-2, for: 12s }
  - { at: 11s, kill: broker-3, for: 12s }
expect: { violate: [no-loss] }
";

const CALM: &str = "
about: Nothing goes wrong, and nobody reads.
run: { for: 5s, settle: 60s }
topics: { orders: { partitions: 1, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 20/s } }
expect: { hold: [no-loss] }
";

fn made(text: &str) -> String {
    let scenario = Arc::new(Scenario::parse("scenarios/made.yaml", text).unwrap());
    let Execution { result, world, .. } =
        execute(&Subject::of(&scenario), 1, Recording::On).unwrap();
    let told = explain(&scenario, 1, std::num::NonZero::<usize>::MIN).ok();
    page(&Recorded { scenario: &scenario, result: &result, world: &world, told: told.as_ref() })
}

fn data(page: &str) -> Value {
    let (_, rest) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn unsteps(row: &Value) -> Vec<i64> {
    let mut now = 0;
    let steps = row.as_array().unwrap().iter().map(|step| step.as_i64().unwrap());
    steps
        .map(|step| {
            now += step;
            now
        })
        .collect()
}

#[test]
fn a_page_loads_nothing() {
    let page = made(UNCLEAN);
    for word in ["src=", "@import", "url(http", "fetch(", "XMLHttpRequest", "import(", "<link"] {
        assert!(!page.contains(word), "`{word}` would load something");
    }
    // Names that nobody fetches: the library's head, the namespace of SVG.
    let known = ["https://github.com/leeoniya/uPlot", "http://www.w3.org/2000/svg"];
    let mut rest = page;
    for name in known {
        rest = rest.replace(name, "");
    }
    assert!(!rest.contains("http://") && !rest.contains("https://"));
    assert!(rest.contains("default-src 'none'"), "the browser is told to load nothing");
    assert!(!rest.contains("<!--="), "a mark of the template was left");
    assert!(rest.contains("Permission is hereby granted"), "the library's licence goes along");
}

#[test]
fn a_page_holds_every_section_and_their_data() {
    let page = made(UNCLEAN);
    for section in [
        "summary",
        "why",
        "grid",
        "lanes",
        "owners",
        "partitions",
        "load",
        "latency",
        "state",
        "events",
        "scenario",
    ] {
        assert!(page.contains(&format!(r#"<section id="{section}">"#)), "no {section}");
    }
    let data = data(&page);
    assert_eq!(data["facts"]["outcome"], "violated");
    assert_eq!(data["told"]["signature"], "no-loss.lost-write");
    assert!(data["told"]["diagram"].as_str().unwrap().starts_with("<svg"));
    assert!(data["told"]["remedies"].as_array().unwrap().iter().any(|it| it["helps"] == true));
    let needed = data["lanes"]["faults"].as_array().unwrap().iter();
    assert!(needed.clone().all(|fault| fault["needed"] == true), "all three are needed");
    let leaders = data["lanes"]["partitions"][0]["leaders"].as_array().unwrap();
    assert!(leaders.iter().any(|it| it[3] == "unclean"), "{leaders:?}");
    assert!(!data["lanes"]["groups"][0]["owners"].as_array().unwrap().is_empty());
    assert!(!data["events"]["list"].as_array().unwrap().is_empty());
}

#[test]
fn rows_over_time_add_up_to_the_figures() {
    let data = data(&made(UNCLEAN));
    let sum = |row: &Value| row.as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>();
    let records = &data["facts"]["records"];
    assert_eq!(sum(&data["series"]["sent"]), records["sent"].as_u64().unwrap());
    assert_eq!(sum(&data["series"]["acked"]), records["acked"].as_u64().unwrap());
    assert_eq!(sum(&data["series"]["processed"][0]), records["delivered"].as_u64().unwrap());
    let latency = &data["latency"]["ack"];
    assert_eq!(latency["samples"], records["acked"]);
    let median = latency["curve"].as_array().unwrap().iter().find(|it| it[0] == 50_000).unwrap();
    assert_eq!(median[1], records["ack_latency"][0]);
}

#[test]
fn states_are_those_of_the_run() {
    let data = data(&made(UNCLEAN));
    let states = &data["states"];
    let at = unsteps(&states["at"]);
    assert!(at.len() > 100 && at.is_sorted());
    let partition = &states["partitions"][0];
    for row in ["leader", "epoch", "in_sync", "high_watermark"] {
        assert_eq!(unsteps(&partition[row]).len(), at.len());
    }
    // In the end all replicas agree with the leader, and everything is committed.
    let end = *unsteps(&partition["high_watermark"]).last().unwrap();
    for replica in partition["replicas"].as_array().unwrap() {
        assert_eq!(*unsteps(&replica["end"]).last().unwrap(), end);
    }
    assert_eq!(unsteps(&states["committed"][0][0][1]).last(), Some(&end));
    let down = unsteps(&states["brokers"][1][1]);
    assert!(down.contains(&0) && down.contains(&2), "broker-2 was down for a while");
    // The unclean leader took the end of the log back.
    let mut known = unsteps(&partition["high_watermark"]);
    known.retain(|end| *end >= 0);
    assert!(!known.is_sorted(), "{known:?}");
}

#[test]
fn the_grid_shows_the_lost_record_and_what_took_its_place() {
    let data = data(&made(UNCLEAN));
    let grid = &data["grid"];
    let named = grid["named"][0].as_i64().unwrap();
    let cells = |what: &str| -> Vec<Value> {
        let columns = grid["columns"].as_array().unwrap().iter();
        let columns = columns.filter(|column| column["what"] == what);
        let cells = columns.flat_map(|column| column["cells"].as_array().unwrap().clone());
        cells.filter(|cell| cell[0] == named).collect()
    };
    let acked = cells("acked");
    let last = cells("final");
    assert_eq!(last.len(), 1);
    assert!(acked.iter().any(|cell| cell[2] == "differs" && cell[1] != last[0][1]), "{acked:?}");
    assert!(!cells("cuts").is_empty(), "somebody cut it off");
}

#[test]
fn a_run_without_groups_and_failures_has_a_page_too() {
    let data = data(&made(CALM));
    assert!(data["grid"].is_null() && data["told"].is_null());
    assert_eq!(data["latency"]["groups"].as_array().unwrap().len(), 0);
    assert_eq!(data["facts"]["outcome"], "hold");
}

#[test]
fn equal_runs_have_equal_pages_and_text_stays_text() {
    let page = made(UNCLEAN);
    assert_eq!(page, made(UNCLEAN));
    assert!(!page.contains("<an old copy>"), "text of a scenario is no markup");
    let about = &data(&page)["facts"]["about"];
    assert!(about.as_str().unwrap().contains("<an old copy> & \"nobody\""));
}
