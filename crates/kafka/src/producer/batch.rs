//! One batch from its first record to its last callback (`ProducerBatch`), and its size in Kafka's format.
//!
//! Does not know queues or memory; `accumulator.rs` does.

use alloc::vec::Vec;

use stormglass_types::{Dense, IdVec, LeaderEpoch, Sequence, Span, Time, TopicPartition, Wall};

use crate::Now;
use crate::compression::{Codec, Packing};
use crate::record::ProducerStamp;

/// Declares an id that indexes a vector of this producer.
macro_rules! place {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(super) struct $name(pub(super) u32);

        impl Dense for $name {
            fn index(self) -> usize {
                self.0 as usize
            }
            fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("fewer than 2^32 entries"))
            }
        }
    };
}

place!(
    /// A batch that is not complete yet.
    BatchId
);
place!(
    /// A partition that this producer knows.
    PartId
);

/// A batch from its first record to its last callback.
#[derive(Clone, Debug)]
pub(super) struct ProducerBatch {
    pub(super) part: PartId,
    pub(super) partition: TopicPartition,
    /// How many batches were begun before.
    pub(super) number: u64,
    /// The first record's serial.
    pub(super) first: u32,
    pub(super) count: u32,
    /// Size so far, header included and nothing compressed.
    pub(super) bytes: u32,
    /// What its records let `gzip` save: of a thousand bytes, summed over all bytes.
    pub(super) saves: u64,
    codec: Codec,
    /// The share of its bytes, of a thousand, that is expected to be left of them.
    estimate: u32,
    /// Its size as it is packed, once it is closed.
    packed: Option<u32>,
    /// What `buffer.memory` was charged with.
    pub(super) memory: u64,
    /// How many records it was charged with, where they count by themselves.
    pub(super) places: u32,
    /// The size of its buffer: the first record always fits.
    limit: u32,
    /// How many records it takes.
    most: u32,
    room: Room,
    pub(super) created: Time,
    /// When it was begun or last put back.
    pub(super) last_attempt: Time,
    /// No attempt is made before this.
    pub(super) backoff_until: Time,
    pub(super) attempts: u32,
    first_timestamp: Wall,
    pub(super) timestamp: Wall,
    pub(super) stamp: Option<ProducerStamp>,
    /// Whether the stamp is not the one of its first attempt.
    pub(super) restamped: bool,
    pub(super) fate: Fate,
    /// Whether any attempt may have been appended, whatever became of later ones.
    pub(super) doubt: bool,
    pub(super) place: Place,
    pub(super) leader_epoch: Option<LeaderEpoch>,
    pub(super) attempts_at_leader: u32,
}

/// Whether records may still be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Room {
    Open,
    Closed,
}

/// What is known of a batch's earlier attempts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// There was none.
    Unsent,
    /// The last one was refused for its sequence or epoch: no leader has it, and under this stamp none will.
    Refused,
    /// One may have been appended.
    Unknown,
}

/// Where a batch is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// In its partition's queue.
    Queued,
    /// In a request without an answer.
    OnWire,
    /// In a request without an answer, but the application was told that it failed.
    GivenUp,
}

impl ProducerBatch {
    /// A batch with one record.
    pub(super) fn begin(
        part: PartId,
        partition: TopicPartition,
        first: u32,
        Buffer { limit, most, codec, estimate }: Buffer,
        content: Content,
        now: Now,
    ) -> Self {
        let size = record_size(0, 0, content.bytes);
        Self {
            part,
            partition,
            number: 0,
            first,
            count: 1,
            bytes: BATCH_OVERHEAD + size,
            saves: u64::from(size) * u64::from(content.saves),
            codec,
            estimate,
            packed: None,
            memory: 0,
            places: 0,
            limit,
            most,
            room: Room::Open,
            created: now.mono,
            last_attempt: now.mono,
            backoff_until: now.mono,
            attempts: 0,
            first_timestamp: now.wall,
            timestamp: now.wall,
            stamp: None,
            restamped: false,
            fate: Fate::Unsent,
            doubt: false,
            place: Place::Queued,
            leader_epoch: None,
            attempts_at_leader: 0,
        }
    }

    /// Adds no more records.
    pub(super) fn close(&mut self) {
        self.room = Room::Closed;
        if self.packed.is_none() {
            self.packed = Some(self.codec.packed(self.bytes, self.average_saves()));
        }
    }

    /// What a thousand of its bytes let `gzip` save.
    fn average_saves(&self) -> u16 {
        let records = u64::from(self.bytes - BATCH_OVERHEAD).max(1);
        u16::try_from(self.saves / records).unwrap_or(u16::MAX)
    }

    /// How it is packed.
    pub(super) fn packing(&self) -> Packing {
        Packing { codec: self.codec, saves: self.average_saves(), raw: self.bytes }
    }

    /// `MemoryRecordsBuilder.estimatedSizeInBytes`: exact once it is closed, and where nothing is compressed.
    pub(super) fn size(&self) -> u32 {
        match (self.packed, self.codec) {
            (Some(packed), _) => packed,
            (None, Codec::None) => self.bytes,
            (None, _) => {
                let records = u64::from(self.bytes - BATCH_OVERHEAD);
                let written = records * u64::from(self.estimate) / 1_000 * CAUTION / 100;
                BATCH_OVERHEAD.saturating_add(u32::try_from(written).unwrap_or(u32::MAX))
            }
        }
    }

    /// The share of its records' bytes, of a thousand, that is left of them; none if nothing is compressed.
    pub(super) fn ratio(&self) -> Option<u32> {
        let (records, packed) = (self.bytes - BATCH_OVERHEAD, self.packed? - BATCH_OVERHEAD);
        let ratio = u64::from(packed) * 1_000 / u64::from(records.max(1));
        (self.codec != Codec::None).then(|| u32::try_from(ratio).unwrap_or(u32::MAX))
    }

    /// Some of its records as a batch of their own, closed. All of them count as equally large.
    pub(super) fn piece(&self, done: u32, count: u32) -> Self {
        let per_record = self.mean_record();
        let mut piece = self.clone();
        piece.first = self.first + done;
        piece.count = count;
        piece.bytes = BATCH_OVERHEAD + per_record * count;
        piece.saves = u64::from(self.average_saves()) * u64::from(per_record * count);
        piece.packed = None;
        piece.close();
        piece
    }

    /// How many of its records go into a batch of `size` bytes, if they cannot be expected to become smaller.
    pub(super) fn fitting(&self, size: u32) -> u32 {
        let room = u64::from(size.saturating_sub(BATCH_OVERHEAD));
        let room = if self.codec == Codec::None { room } else { room * 100 / CAUTION };
        let fitting = u32::try_from(room / u64::from(self.mean_record())).unwrap_or(u32::MAX);
        fitting.clamp(1, self.count)
    }

    /// What each of its records counts as, as if they were equally large.
    fn mean_record(&self) -> u32 {
        ((self.bytes - BATCH_OVERHEAD) / self.count).max(1)
    }

    /// `MemoryRecordsBuilder.isFull`.
    pub(super) fn is_full(&self) -> bool {
        self.room == Room::Closed || self.limit <= self.size() || self.most <= self.count
    }

    /// Adds a record if there is room; tells how many bytes it is thought to take.
    pub(super) fn try_append(&mut self, content: Content, at: Wall) -> Option<u32> {
        if self.is_full() {
            self.room = Room::Closed;
            return None;
        }
        let delta = at.0.saturating_sub(self.first_timestamp.0);
        let size = record_size(i64::from(self.count), delta, content.bytes);
        if self.limit < self.size().saturating_add(size) {
            self.room = Room::Closed;
            return None;
        }
        let before = self.size();
        self.bytes += size;
        self.saves += u64::from(size) * u64::from(content.saves);
        self.count += 1;
        self.timestamp = self.timestamp.max(at);
        Some(self.size() - before)
    }

    /// Remembers the leader to which the next attempt goes, to skip the backoff when it is a new one (KIP-951).
    pub(super) fn note_leader(&mut self, epoch: Option<LeaderEpoch>) {
        if epoch > self.leader_epoch {
            self.attempts_at_leader = self.attempts;
            self.leader_epoch = epoch;
        }
    }

    pub(super) fn backs_off(&self, now: Time) -> bool {
        self.attempts > 0 && self.attempts != self.attempts_at_leader && now < self.backoff_until
    }

    /// Whether the delivery timeout is over.
    pub(super) fn is_overdue(&self, timeout: Span, now: Time) -> bool {
        self.created + timeout <= now
    }

    /// The sequence of its first record; it has one.
    pub(super) fn sequence(&self) -> Sequence {
        self.stamp.expect("a batch under way carries a stamp").sequence
    }
}

/// The batches that are not complete yet, in slots that are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Batches {
    slots: IdVec<BatchId, Option<ProducerBatch>>,
    free: Vec<BatchId>,
    begun: u64,
}

impl Batches {
    pub(super) fn insert(&mut self, mut batch: ProducerBatch) -> BatchId {
        batch.number = self.begun;
        self.begun += 1;
        if let Some(id) = self.free.pop() {
            self.slots[id] = Some(batch);
            return id;
        }
        self.slots.push(Some(batch))
    }

    pub(super) fn remove(&mut self, id: BatchId) -> ProducerBatch {
        self.free.push(id);
        self.slots[id].take().expect("an id is dropped with its batch")
    }

    pub(super) fn get(&self, id: BatchId) -> &ProducerBatch {
        self.slots[id].as_ref().expect("an id is dropped with its batch")
    }

    pub(super) fn get_mut(&mut self, id: BatchId) -> &mut ProducerBatch {
        self.slots[id].as_mut().expect("an id is dropped with its batch")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    /// How many batches were ever begun.
    pub(super) const fn begun(&self) -> u64 {
        self.begun
    }

    /// All batches, in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (BatchId, &ProducerBatch)> {
        self.slots.entries().filter_map(|(id, batch)| Some((id, batch.as_ref()?)))
    }
}

/// What a batch is begun with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer {
    /// Its size: the first record always fits.
    pub(super) limit: u32,
    /// How many records it takes.
    pub(super) most: u32,
    pub(super) codec: Codec,
    /// The share of its bytes, of a thousand, that is expected to be left of them.
    pub(super) estimate: u32,
}

/// A record's key, value and headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    pub(super) bytes: u32,
    /// What `gzip` would save of a thousand of those.
    pub(super) saves: u16,
}

/// `COMPRESSION_RATE_ESTIMATION_FACTOR` in hundredths: room is kept for records that compress worse than those before.
const CAUTION: u64 = 105;
/// `DefaultRecordBatch.RECORD_BATCH_OVERHEAD`.
pub(super) const BATCH_OVERHEAD: u32 = 61;
/// `DefaultRecord.MAX_RECORD_OVERHEAD`.
const RECORD_OVERHEAD: u32 = 21;

/// `DefaultRecordBatch.estimateBatchSizeUpperBound`.
pub(super) fn batch_upper_bound(bytes: u32) -> u32 {
    BATCH_OVERHEAD.saturating_add(RECORD_OVERHEAD).saturating_add(content_size(bytes))
}

/// `DefaultRecord.sizeInBytes` of a record.
fn record_size(offset_delta: i64, timestamp_delta: i64, bytes: u32) -> u32 {
    const ATTRIBUTES: u32 = 1;
    let body = content_size(bytes)
        .saturating_add(ATTRIBUTES + varint_size(timestamp_delta) + varint_size(offset_delta));
    body.saturating_add(varint_size(i64::from(body)))
}

/// Key, value and headers with their lengths, as if all bytes were the value's.
fn content_size(bytes: u32) -> u32 {
    const NO_KEY: u32 = 1;
    const HEADER_COUNT: u32 = 1;
    bytes.saturating_add(NO_KEY + HEADER_COUNT + varint_size(i64::from(bytes)))
}

/// The size of a zig-zag varint.
fn varint_size(number: i64) -> u32 {
    let zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
    (64 - (zigzag | 1).leading_zeros()).div_ceil(7)
}
