//! What a log knows of transactions: which are open, which ended, and which of those were aborted (`ongoingTxns`,
//! `unreplicatedTxns` of `ProducerStateManager`; `TransactionIndex`).
//!
//! Follows the log: rebuilt from its batches wherever the producers' state is. Does not know high watermarks, which decide what
//! an ended transaction lets readers see, nor coordinators.

use alloc::vec::Vec;

use stormglass_types::{Offset, ProducerId};

use crate::message::AbortedTransaction;
use crate::record::Verdict;

/// The transactions of a log.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Transactions {
    /// The first record of each open one, in order.
    open: Vec<(Offset, ProducerId)>,
    /// Those that ended, in the order of their markers.
    ended: Vec<Ended>,
}

/// A transaction that ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ended {
    first: Offset,
    producer: ProducerId,
    /// Where the marker is.
    marker: Offset,
    verdict: Verdict,
}

impl Transactions {
    /// A producer's first batch of a transaction was appended.
    pub(super) fn begin(&mut self, first: Offset, producer: ProducerId) {
        let at = self.open.partition_point(|(other, _)| *other < first);
        self.open.insert(at, (first, producer));
    }

    /// The end of a transaction was appended at `marker`.
    pub(super) fn end(
        &mut self,
        first: Offset,
        producer: ProducerId,
        marker: Offset,
        verdict: Verdict,
    ) {
        self.open.retain(|(other, _)| *other != first);
        self.ended.push(Ended { first, producer, marker, verdict });
    }

    /// The first record that a reader of committed records may not see yet: of an open transaction, or of one whose end is not
    /// replicated (`ProducerStateManager.firstUnstableOffset`).
    pub(super) fn first_unstable(&self, high_watermark: Offset) -> Option<Offset> {
        let unreplicated = self.ended.iter().rev().take_while(|it| it.marker >= high_watermark);
        let ended = unreplicated.map(|it| it.first).min();
        let open = self.open.first().map(|(first, _)| *first);
        ended.into_iter().chain(open).min()
    }

    /// The aborted transactions that have records in `[from, below)` (`UnifiedLog.collectAbortedTransactions`).
    pub(super) fn aborted(&self, from: Offset, below: Offset) -> Vec<AbortedTransaction> {
        let late = self.ended.partition_point(|it| it.marker < from);
        let among = self.ended[late..].iter();
        let aborted = among.filter(|it| it.verdict == Verdict::Abort && it.first < below);
        let mut aborted: Vec<AbortedTransaction> = aborted
            .map(|it| AbortedTransaction { first: it.first, producer: it.producer })
            .collect();
        aborted.sort_unstable();
        aborted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: ProducerId = ProducerId(1);
    const BERTA: ProducerId = ProducerId(2);

    #[test]
    fn readers_of_committed_records_stop_before_the_first_open_transaction() {
        let mut log = Transactions::default();
        assert_eq!(log.first_unstable(Offset(10)), None);
        log.begin(Offset(3), ALICE);
        log.begin(Offset(5), BERTA);
        assert_eq!(log.first_unstable(Offset(10)), Some(Offset(3)));
        log.end(Offset(3), ALICE, Offset(7), Verdict::Commit);
        assert_eq!(log.first_unstable(Offset(7)), Some(Offset(3)), "the marker is not replicated");
        assert_eq!(log.first_unstable(Offset(8)), Some(Offset(5)));
        log.end(Offset(5), BERTA, Offset(8), Verdict::Abort);
        assert_eq!(log.first_unstable(Offset(9)), None);
    }

    #[test]
    fn aborted_transactions_are_told_to_whom_they_concern() {
        let mut log = Transactions::default();
        log.begin(Offset(0), ALICE);
        log.begin(Offset(2), BERTA);
        log.end(Offset(2), BERTA, Offset(4), Verdict::Abort);
        log.end(Offset(0), ALICE, Offset(6), Verdict::Abort);
        let (of_alice, of_berta) = (
            AbortedTransaction { first: Offset(0), producer: ALICE },
            AbortedTransaction { first: Offset(2), producer: BERTA },
        );
        assert_eq!(log.aborted(Offset(0), Offset(10)), [of_alice, of_berta]);
        assert_eq!(log.aborted(Offset(0), Offset(2)), [of_alice]);
        assert_eq!(log.aborted(Offset(5), Offset(10)), [of_alice]);
        assert_eq!(log.aborted(Offset(7), Offset(10)), []);
    }
}
