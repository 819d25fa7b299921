use serde_json::Value;

use super::tests::violated;
use super::*;

/// The scenario that the run is of, with the lines to be found.
const TEXT: &str = "\
about: no-duplicates is named here, too.
expect:
  hold: [no-loss] # not no-duplicates
  violate:
    - no-duplicates
  metrics: [ \"billing.rebalances <= 5\" ]
";

fn sources() -> Sources {
    Sources::of("scenarios/lost-ack-duplicates/broken.yaml", TEXT)
}

fn told(renderer: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    renderer(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn annotations_stand_at_the_line_of_the_expectation() {
    let text = told(|out| Github::new(out, sources()).tell(Event::Ran(&violated(7))));
    insta::assert_snapshot!(text);
}

#[test]
fn markdown_is_short_above_and_folded_below() {
    let text = told(|out| Markdown::new(out).tell(Event::Ran(&violated(7))));
    insta::assert_snapshot!(text);
}

#[test]
fn sarif_has_the_shape_that_its_readers_ask_for() {
    let text = told(|out| {
        let mut sarif = Sarif::new(out, sources());
        sarif.tell(Event::Ran(&violated(7)))?;
        sarif.finish()
    });
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(log["$schema"], "https://json.schemastore.org/sarif-2.1.0.json");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    let found: Vec<&str> = results.iter().map(|it| it["ruleId"].as_str().unwrap()).collect();
    assert_eq!(found, ["no-duplicates", "metric"]);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(result["message"]["text"].is_string());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert_eq!(uri, "scenarios/lost-ack-duplicates/broken.yaml");
        assert!(result["partialFingerprints"]["stormglass/v1"].is_string());
    }
    let line = |nth: usize| {
        results[nth]["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64()
    };
    assert_eq!((line(0), line(1)), (Some(5), Some(6)));
    let steps = &results[0]["codeFlows"][0]["threadFlows"][0]["locations"];
    assert_eq!(steps.as_array().unwrap().len(), 1, "the witness goes along");
}

#[test]
fn nothing_found_is_a_valid_log_too() {
    let text = told(|out| Sarif::new(out, sources()).finish());
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
}
