//! Questions about offsets: `ListOffsets` and `OffsetsForLeaderEpoch`.

use stormglass_types::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

use super::fetch::mark_epoch_error;
use super::partition::Reads;
use super::replicas::Replicas;
use crate::message::{
    EpochEnd, EpochEndRequest, EpochEndResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListedOffset, OffsetSpec,
};
use crate::{Outbox, Rule};

impl Replicas {
    pub(super) fn list_offsets(
        &self,
        request: &ListOffsetsRequest,
        out: &mut Outbox,
    ) -> ListOffsetsResponse {
        let reads = Reads::of(request.replica.is_some(), request.isolation);
        let list = |(partition, known, wanted): &(TopicPartition, Option<LeaderEpoch>, _)| {
            let found = self.list_offset(reads, *partition, *known, *wanted);
            let partition = *partition;
            match found {
                Ok((offset, epoch)) => {
                    ListedOffset { partition, error: ErrorCode::None, offset, epoch }
                }
                Err(error) => {
                    mark_epoch_error(error, out);
                    ListedOffset { partition, error, offset: Offset::UNKNOWN, epoch: None }
                }
            }
        };
        ListOffsetsResponse { results: request.partitions.iter().map(list).collect() }
    }

    /// `Partition.fetchOffsetForTimestamp`.
    fn list_offset(
        &self,
        reads: Reads,
        id: TopicPartition,
        known: Option<LeaderEpoch>,
        wanted: OffsetSpec,
    ) -> Result<(Offset, Option<LeaderEpoch>), ErrorCode> {
        let (partition, log) = self.led(id, known)?;
        let last = self.readable_end(partition, log, reads);
        // After an election the high watermark lags until the followers have fetched; a client that was told it would see the
        // end of the log move backwards (KIP-207).
        let lags = reads != Reads::Everything
            && self.rules.on(Rule::LatestNeverGoesBack)
            && partition.epoch_start.is_some_and(|start| start > partition.high_watermark);
        match wanted {
            OffsetSpec::Earliest => {
                Ok((log.start(), log.batches_from(log.start()).next().map(|first| first.epoch)))
            }
            OffsetSpec::Latest if lags => Err(ErrorCode::OffsetNotAvailable),
            OffsetSpec::Latest => Ok((last, Some(partition.leader_epoch))),
            OffsetSpec::At(time) => match log.offset_for_time(time) {
                Some((offset, epoch)) if offset < last => Ok((offset, Some(epoch))),
                Some(_) if lags => Err(ErrorCode::OffsetNotAvailable),
                Some(_) | None => Ok((Offset::UNKNOWN, None)),
            },
        }
    }

    pub(super) fn epoch_ends(
        &self,
        request: &EpochEndRequest,
        out: &mut Outbox,
    ) -> EpochEndResponse {
        let answer = |(partition, known, asked): &(TopicPartition, _, LeaderEpoch)| {
            let (error, found) = match self.led(*partition, *known) {
                Ok((_, log)) => (ErrorCode::None, self.end_of_epoch(log, *asked)),
                Err(error) => {
                    mark_epoch_error(error, out);
                    (error, None)
                }
            };
            let (epoch, end) = found.unwrap_or((LeaderEpoch::NONE, Offset::UNKNOWN));
            EpochEnd { partition: *partition, error, epoch, end }
        };
        EpochEndResponse { results: request.partitions.iter().map(answer).collect() }
    }
}
