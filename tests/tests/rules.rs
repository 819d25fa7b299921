//! Every safety rule has a switch that matters: without it a story breaks, with it the same seeds hold.

use stormglass_kafka::Rule;
use stormglass_tests::killers::{About, Fate, KILLERS, Killer};

#[test]
fn every_rule_has_its_row_in_order() {
    let rows: Vec<Rule> = KILLERS.iter().map(|killer| killer.rule).collect();
    assert_eq!(rows, Rule::ALL);
}

#[test]
fn replication_needs_its_rules() {
    check(About::Replication);
}

#[test]
fn control_needs_its_rules() {
    check(About::Control);
}

#[test]
fn producers_need_their_rules() {
    check(About::Producers);
}

#[test]
fn groups_need_their_rules() {
    check(About::Groups);
}

fn check(about: About) {
    let rows = KILLERS.iter().filter(|killer| killer.about == about);
    let complaints: Vec<String> = rows.filter_map(|killer| complaint(killer).err()).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn complaint(killer: &Killer) -> Result<(), String> {
    let rule = killer.rule.name();
    let story = (killer.story)();
    let without = story.clone().without(killer.rule);
    let told = match killer.fate {
        Fate::Breaks(invariant) => {
            let breaks = |seed: &u64| without.tell(*seed).violated().contains(&invariant);
            let seed = (1..=killer.seeds).find(breaks);
            seed.ok_or_else(|| {
                format!("{rule}: {} seeds of {} keep {invariant}", killer.seeds, killer.name)
            })?
        }
        Fate::Repeats => {
            let seed = (1..=killer.seeds).find(|seed| without.tell(*seed).repeated() > 0);
            seed.ok_or_else(|| {
                format!("{rule}: {} seeds of {} repeat nothing", killer.seeds, killer.name)
            })?
        }
        Fate::HiddenBy(..) => {
            for seed in 1..=killer.seeds {
                let told = without.tell(seed);
                if !told.violated().is_empty() {
                    return Err(format!("{rule} is not hidden any more: {}", told.complaints()));
                }
            }
            killer.seeds
        }
    };
    for seed in 1..=told {
        let told = story.tell(seed);
        if !told.violated().is_empty() {
            let (name, words) = (killer.name, told.complaints());
            return Err(format!("{name} breaks with every rule in force: {words}"));
        }
        if killer.fate == Fate::Repeats && told.repeated() > 0 {
            return Err(format!(
                "{} repeats records with every rule in force: seed {seed}",
                killer.name
            ));
        }
    }
    Ok(())
}
