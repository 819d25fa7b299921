//! Identities and counters, one type each, so that none can stand in for another.

use core::fmt;

use crate::id_vec::Dense;

/// Declares a newtype over an integer with its prefix in print.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($int:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $int);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

/// Makes a newtype usable as the index of an `IdVec`.
macro_rules! dense {
    ($name:ident($int:ty)) => {
        impl Dense for $name {
            fn index(self) -> usize {
                self.0 as usize
            }
            fn from_index(index: usize) -> Self {
                Self(<$int>::try_from(index).expect("fewer entities than the id type can count"))
            }
        }
    };
}

number!(
    /// A process of the world: broker, controller, producer, consumer or admin client. Dense.
    NodeId(u16), "node-"
);
number!(
    /// `node.id` of a broker: 1, 2, 3 … as people number them. Not a [`NodeId`]; the plan maps one to the other.
    BrokerId(u16), "broker-"
);
number!(
    /// One incarnation of a topic. A topic deleted and created again gets a new id, as in Kafka (KIP-516). Dense.
    TopicId(u16), "topic-"
);
number!(
    /// A consumer group, interned from `group.id`. Dense.
    GroupId(u16), "group-"
);
number!(
    /// One life of one producer application: a restarted producer is a new source. Dense.
    SourceId(u16), "source-"
);
number!(
    /// A member id handed out by a group coordinator. Unique in a world; zero is Kafka's empty member id.
    MemberId(u32), "member-"
);
number!(
    /// A position in a partition log; also a high watermark or a log end.
    Offset(i64), ""
);
number!(
    /// How often a partition changed its leader (KIP-101).
    LeaderEpoch(i32), "e"
);
number!(
    /// How often a partition's registration changed at the controller (KIP-497).
    PartitionEpoch(i32), "pe"
);
number!(
    /// One registration of a broker at the controller (KIP-380, KIP-631).
    BrokerEpoch(i64), "be"
);
number!(
    /// A producer id (KIP-98).
    ProducerId(i64), "pid"
);
number!(
    /// A producer epoch; 16 bits, as on the wire.
    ProducerEpoch(i16), "pe"
);
number!(
    /// A batch sequence number; 31 bits, wraps to zero.
    Sequence(i32), "s"
);
number!(
    /// A generation of a classic consumer group, or an epoch of one of the consumer protocol or of its members; -1 is none.
    Generation(i32), "g"
);

dense!(NodeId(u16));
dense!(TopicId(u16));
dense!(GroupId(u16));
dense!(SourceId(u16));
dense!(BrokerId(u16));

/// One partition of one topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicId,
    /// The partition's number within it.
    pub partition: u16,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    #[must_use]
    pub const fn new(topic: TopicId, partition: u16) -> Self {
        Self { topic, partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl MemberId {
    /// Kafka's empty member id: "I have none yet".
    pub const NONE: Self = Self(0);
}

impl LeaderEpoch {
    /// No epoch known; -1 on the wire.
    pub const NONE: Self = Self(-1);

    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl PartitionEpoch {
    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Generation {
    /// Not a member of any generation; -1 on the wire.
    pub const NONE: Self = Self(-1);

    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Offset {
    /// The first offset of a fresh log.
    pub const ZERO: Self = Self(0);
    /// No offset known; -1 on the wire.
    pub const UNKNOWN: Self = Self(-1);

    /// The offset `count` records further on.
    #[must_use]
    pub fn plus(self, count: u32) -> Self {
        Self(self.0 + i64::from(count))
    }

    /// How many offsets lie from `earlier` up to here, zero if none.
    #[must_use]
    pub fn distance_from(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl ProducerEpoch {
    /// The last epoch of a producer id; after it a new id is needed (`ProducerIdAndEpoch.isEpochExhausted`).
    pub const LAST: Self = Self(i16::MAX - 1);
}

impl Sequence {
    /// The sequence `count` records further on. Wraps from `i32::MAX` to zero (`DefaultRecordBatch.incrementSequence`).
    #[must_use]
    pub const fn plus(self, count: u32) -> Self {
        let sum = (self.0 as i64) + (count as i64);
        let wrapped = if sum > i32::MAX as i64 { sum - (i32::MAX as i64) - 1 } else { sum };
        #[expect(clippy::cast_possible_truncation, reason = "reduced below 2^31 above")]
        Self(wrapped as i32)
    }

    /// This sequence and the `count` before it, as it was computed once: below zero comes what is negative (KAFKA-7692).
    #[must_use]
    pub const fn plainly_minus(self, count: u32) -> Self {
        Self(self.0.wrapping_sub_unsigned(count))
    }

    /// The sequence `count` records further on, as it was computed once: behind `i32::MAX` comes what is negative
    /// (KAFKA-7693).
    #[must_use]
    pub const fn plainly_plus(self, count: u32) -> Self {
        Self(self.0.wrapping_add_unsigned(count))
    }

    /// Whether this one comes later than another of those near it, or is the same, over the wrap too.
    #[must_use]
    pub const fn is_not_before(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0) & i32::MAX < 1 << 30
    }

    /// Whether `next` directly follows this one (`ProducerAppendInfo.inSequence`).
    #[must_use]
    pub const fn precedes(self, next: Self) -> bool {
        next.0 as i64 == self.0 as i64 + 1 || (next.0 == 0 && self.0 == i32::MAX)
    }
}
