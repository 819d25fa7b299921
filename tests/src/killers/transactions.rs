//! Stories about transactions, which two instances of an application interrupt for each other because they were given one
//! `transactional.id`, or one instance whose requests come late.

use stormglass_kafka::Rule;
use stormglass_kafka::message::Api;
use stormglass_sim::plan::{FlushEvery, OnFenced, Transactions};
use stormglass_types::Span;

use super::{About, Killer, MEMBER, Named, PRODUCER, Script, cluster, kills, ms, with};
use crate::{Settings, Story};

const SHARED: Named = ("shared-transactional-id", shared);
const LATE_BATCHES: Named = ("batches-after-the-end", batches_after_the_end);

/// The rules of transactions, in the order of their table.
pub(super) const ROWS: [Killer; 4] = [
    kills(Rule::StopsBeforeOpenTransactions, About::Producers, SHARED, 10, "transactions"),
    kills(Rule::AbortedAreTold, About::Producers, SHARED, 10, "transactions"),
    kills(Rule::InitFencesFormer, About::Producers, SHARED, 20, "no-loss"),
    kills(Rule::VerifyTransactions, About::Producers, LATE_BATCHES, 30, "no-duplicates"),
];

/// One coordinator for everybody, and transactions that are over soon.
const TRANSACTIONAL: Settings<'_> = &[
    ("transaction.state.log.num.partitions", "1"),
    ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "200"),
];

/// Partitions, a reader of committed records, and as many instances of an application as there are ids.
fn transactional(partitions: u16, ids: &[&str], every: Span, over: Settings<'_>) -> Story {
    let mut story = cluster(TRANSACTIONAL).topic("orders", partitions, &[]);
    for id in ids {
        let own = [("transactional.id", *id), ("transaction.timeout.ms", "1000")];
        story = story.producer(every, &with(&with(PRODUCER, &own), over));
    }
    let transactions =
        Transactions { commit: FlushEvery::Time(ms(250)), on_fenced: OnFenced::Restart(ms(300)) };
    let committed = with(MEMBER, &[("isolation.level", "read_committed")]);
    story.group(1, Span::ZERO, &committed).with(|plan| {
        for producer in &mut plan.producers {
            producer.transactions = Some(transactions);
        }
    })
}

/// Two instances with one id, of which the second has not much to do.
fn shared() -> Story {
    transactional(1, &["checkout", "checkout"], ms(8), &[])
        .with(|plan| plan.producers[1].load.limit = Some(40))
}

/// A producer's batches are held up on the way for so long that it gives them up, and aborts; what comes after the
/// end of its transaction must not become part of the next one.
fn batches_after_the_end() -> Story {
    let impatient = [("delivery.timeout.ms", "320")];
    transactional(12, &["checkout"], ms(120), &impatient).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let mut t = 300;
        while t < 4_900 {
            let by = script.between(350, 900);
            script.late(t, Api::Produce, by);
            t += script.between(60, 200);
        }
        script.faults
    })
}
