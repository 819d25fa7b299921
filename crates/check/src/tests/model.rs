//! Random legal histories from a model of a log and its readers are accepted; one corruption is rejected.

use proptest::prelude::*;
use stormglass_types::history::{History, What};
use stormglass_types::{Offset, SourceId, TopicId, TopicPartition, Value, ValueRange};

use super::planted::{cast, tell};
use crate::judge;

/// A log of records per partition and a group of two members that reads it, told as a story.
#[derive(Default)]
struct Model {
    story: String,
    /// Per partition: what the log holds.
    logs: [Vec<u32>; 2],
    sent: [u32; 2],
    committed: [usize; 2],
    position: [usize; 2],
    owner: Option<&'static str>,
    generation: u32,
}

impl Model {
    fn say(&mut self, statement: &str) {
        self.story.push_str(statement);
        self.story.push('\n');
    }

    fn send(&mut self, partition: usize, count: u32, key: u32, fate: u8) {
        let first = self.sent[partition];
        let last = first + count - 1;
        self.sent[partition] += count;
        self.say(&format!(
            "p{partition} send v{first}-{last} k{}",
            key * 2 + u32::try_from(partition).unwrap()
        ));
        let base = self.logs[partition].len();
        // 0: lost before it was written; 1: written, but the answer was lost; otherwise acked.
        if fate > 0 {
            self.logs[partition].extend(first..=last);
        }
        match fate {
            0 | 1 => self.say(&format!("p{partition} unknown v{first}-{last}")),
            _ => self.say(&format!("p{partition} ack v{first}-{last} @{base}")),
        }
    }

    fn rebalance(&mut self, member: &'static str, clean: bool) {
        if let Some(owner) = self.owner {
            for partition in 0..2 {
                if clean {
                    self.say(&format!("p{partition} {owner} revoke g{}", self.generation));
                }
            }
            if !clean {
                self.say(&format!("crash {owner}"));
            }
        }
        self.generation += 1;
        self.owner = Some(member);
        for partition in 0..2 {
            self.say(&format!("p{partition} {member} assign g{}", self.generation));
            let committed = self.committed[partition];
            let why = if committed == 0 { "reset" } else { "committed" };
            self.say(&format!("p{partition} {member} at @{committed} {why}"));
            self.position[partition] = committed;
        }
    }

    fn read(&mut self, partition: usize, count: usize, commit: bool) {
        let Some(owner) = self.owner else { return };
        let from = self.position[partition];
        let to = (from + count).min(self.logs[partition].len());
        for at in from..to {
            let value = self.logs[partition][at];
            self.say(&format!("p{partition} {owner} poll v{value} @{at}"));
        }
        for at in from..to {
            let value = self.logs[partition][at];
            self.say(&format!("p{partition} {owner} done v{value} @{at}"));
        }
        self.position[partition] = to;
        if commit && to > 0 {
            self.say(&format!("p{partition} {owner} commit @{to}"));
            self.committed[partition] = to;
        }
    }

    fn finish(mut self) -> History {
        self.say("healed");
        self.rebalance("a", true);
        for partition in 0..2 {
            self.read(partition, usize::MAX / 2, true);
            let items: Vec<String> =
                self.logs[partition].iter().map(|value| format!("v{value}")).collect();
            let items = items.join(" ");
            let end = self.logs[partition].len();
            for broker in 1..=2 {
                self.say(&format!("p{partition} replica b{broker} hw{end} e0 {items}"));
            }
            self.say(&format!("p{partition} log {items}"));
        }
        tell(cast(), &self.story)
    }
}

fn legal() -> impl Strategy<Value = History> {
    let step = (0u8..6, 0usize..2, 1u32..5, 0u32..2, 0u8..6, any::<bool>());
    prop::collection::vec(step, 1..60).prop_map(|steps| {
        let mut model = Model::default();
        // One acked record at least, so that there is something to corrupt.
        model.send(0, 3, 0, 2);
        for (kind, partition, count, key, fate, flag) in steps {
            match kind {
                0 | 1 => model.send(partition, count, key, fate),
                2 => model.rebalance(if fate % 2 == 0 { "a" } else { "b" }, flag),
                _ => model.read(partition, count as usize, flag),
            }
        }
        model.finish()
    })
}

/// The statuses by invariant.
fn violated(history: &History) -> Vec<&'static str> {
    let verdicts = judge(history).verdicts.into_iter();
    verdicts.filter(|(_, verdict)| verdict.status() == "violated").map(|(name, _)| name).collect()
}

/// The same history with its final read of the first partition changed.
fn corrupt(history: &History, change: impl FnOnce(&mut Vec<Value>)) -> History {
    let partition = TopicPartition::new(TopicId(0), 0);
    let (mut log, mut corrupted) = (Vec::new(), history.clone());
    corrupted.events = stormglass_types::Chunked::new();
    for event in history.events.iter() {
        if let What::FinalRead { partition: read, values, .. } = event.what
            && read == partition
        {
            log.extend(values.values());
        } else if !matches!(event.what, What::FinalEnd { partition: read, .. } if read == partition)
        {
            corrupted.events.push(*event);
        }
    }
    change(&mut log);
    let last = *history.events.last().unwrap();
    let mut end = Offset::ZERO;
    for value in log {
        let what = What::FinalRead { partition, base: end, values: ValueRange::from(value) };
        corrupted.push(last.at, last.process, what);
        end = end.plus(1);
    }
    corrupted.push(last.at, last.process, What::FinalEnd { partition, start: Offset::ZERO, end });
    corrupted
}

proptest! {
    #[test]
    fn legal_histories_are_accepted(history in legal()) {
        for (name, verdict) in judge(&history).verdicts {
            prop_assert_eq!(verdict.status(), "hold", "{}: {}", name, verdict);
        }
    }

    #[test]
    fn a_dropped_record_is_noticed(history in legal(), at in 0usize..3) {
        let corrupted = corrupt(&history, |log| { log.remove(at); });
        prop_assert!(violated(&corrupted).contains(&"no-loss"));
    }

    #[test]
    fn a_doubled_record_is_noticed(history in legal(), at in 0usize..3) {
        let corrupted = corrupt(&history, |log| log.push(log[at]));
        prop_assert_eq!(violated(&corrupted), ["no-duplicates"]);
    }

    #[test]
    fn swapped_records_are_noticed(history in legal(), at in 0usize..2) {
        let corrupted = corrupt(&history, |log| log.swap(at, at + 1));
        let found = violated(&corrupted);
        prop_assert!(found.contains(&"per-key-order"), "{:?}", found);
        prop_assert!(found.contains(&"no-loss"), "the acks told other offsets: {:?}", found);
    }

    #[test]
    fn an_invented_record_is_noticed(history in legal()) {
        let invented = Value { source: SourceId(1), serial: 0 };
        let corrupted = corrupt(&history, |log| log.push(invented));
        prop_assert_eq!(violated(&corrupted), ["log-matching"]);
    }

    #[test]
    fn a_record_that_was_never_processed_is_noticed(history in legal(), serial in 0u32..3) {
        let value = Value { source: SourceId(0), serial };
        let partition = TopicPartition::new(TopicId(0), 0);
        let mut corrupted = history.clone();
        corrupted.events = history
            .events
            .iter()
            .filter(|event| !matches!(
                event.what,
                What::Processed { partition: done, values, .. }
                    if done == partition && values.at(0) == value
            ))
            .copied()
            .collect();
        prop_assert!(violated(&corrupted).contains(&"at-least-once"));
    }
}
