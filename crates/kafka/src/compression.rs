//! Compression as sizes and time: how small a batch becomes on the wire and in the log, and how long that takes.
//!
//! Compresses nothing. The figures of codecs are round ones of this model, of a current core and records such as JSON; Kafka
//! promises none. What is exactly Kafka's is who decides with them: when a batch is full, what is split, what brokers repack.

use stormglass_types::Span;

use crate::record::Batch;

/// What a batch's records are compressed with, and how hard it tries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Codec {
    /// Nothing.
    #[default]
    None,
    /// `gzip`, level 1 to 9.
    Gzip(i8),
    /// `snappy`.
    Snappy,
    /// `lz4`, level 1 to 17; the default is a faster kind than all others.
    Lz4(i8),
    /// `zstd`, level at most 22.
    Zstd(i8),
}

/// The levels of each codec that has some (KIP-390).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Levels {
    /// `compression.gzip.level`.
    pub gzip: i8,
    /// `compression.lz4.level`.
    pub lz4: i8,
    /// `compression.zstd.level`.
    pub zstd: i8,
}

impl Levels {
    /// Kafka's.
    pub const DEFAULT: Self = Self { gzip: 6, lz4: 9, zstd: 3 };
}

/// `compression.type` of a topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TopicCompression {
    /// What the leader makes of batches.
    pub repack: Repack,
    /// How hard it tries.
    pub levels: Levels,
}

/// What a leader makes of batches that producers have compressed in their way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repack {
    /// `producer`: it keeps them.
    Keep,
    /// Every batch has this codec, whose level counts for nothing here.
    Into(Codec),
}

impl TopicCompression {
    /// `producer`.
    pub const KEEP: Self = Self { repack: Repack::Keep, levels: Levels::DEFAULT };

    /// Into what a batch is repacked, if it is.
    #[must_use]
    pub fn target(&self, from: Codec) -> Option<Codec> {
        match self.repack {
            Repack::Keep => None,
            Repack::Into(codec) if codec.is_kind_of(from) => None,
            Repack::Into(codec) => Some(codec.at(self.levels)),
        }
    }
}

impl Codec {
    /// A codec by its name in settings, at Kafka's level.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "none" | "uncompressed" => Self::None,
            "gzip" => Self::Gzip(Levels::DEFAULT.gzip),
            "snappy" => Self::Snappy,
            "lz4" => Self::Lz4(Levels::DEFAULT.lz4),
            "zstd" => Self::Zstd(Levels::DEFAULT.zstd),
            _ => return None,
        })
    }

    /// The same codec at another level.
    #[must_use]
    pub const fn at(self, levels: Levels) -> Self {
        match self {
            Self::None => Self::None,
            Self::Gzip(_) => Self::Gzip(levels.gzip),
            Self::Snappy => Self::Snappy,
            Self::Lz4(_) => Self::Lz4(levels.lz4),
            Self::Zstd(_) => Self::Zstd(levels.zstd),
        }
    }

    /// Whether both are the same but for the level.
    #[must_use]
    pub const fn is_kind_of(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::None, Self::None)
                | (Self::Gzip(_), Self::Gzip(_))
                | (Self::Snappy, Self::Snappy)
                | (Self::Lz4(_), Self::Lz4(_))
                | (Self::Zstd(_), Self::Zstd(_))
        )
    }

    /// Of a thousand bytes that `gzip` saves at its default level, how many this one does.
    const fn strength(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Gzip(level) => 940 + 10 * effort(level),
            Self::Snappy => 680,
            Self::Lz4(DEFAULT_LZ4) => 700,
            Self::Lz4(level) => 800 + 5 * effort(level),
            Self::Zstd(level) if level < 1 => 850,
            Self::Zstd(level) => 980 + 10 * effort(level),
        }
    }

    /// Nanoseconds to pack a kibibyte.
    const fn packing(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Gzip(level) => 8_000 + 3_500 * effort(level),
            Self::Snappy => 2_400,
            Self::Lz4(DEFAULT_LZ4) => 2_000,
            Self::Lz4(level) => 6_000 + 2_000 * effort(level),
            Self::Zstd(level) if level < 1 => 2_000,
            Self::Zstd(level) => 1_500 + 1_000 * effort(level),
        }
    }

    /// Nanoseconds to unpack what was a kibibyte.
    const fn unpacking(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Gzip(_) => 3_000,
            Self::Snappy => 800,
            Self::Lz4(_) => 400,
            Self::Zstd(_) => 1_100,
        }
    }

    /// How long it takes to pack so many bytes.
    #[must_use]
    pub const fn time_to_pack(self, raw: u32) -> Span {
        Span(raw as u64 * self.packing() / 1_024)
    }

    /// How long it takes to unpack what had so many bytes.
    #[must_use]
    pub const fn time_to_unpack(self, raw: u32) -> Span {
        Span(raw as u64 * self.unpacking() / 1_024)
    }

    /// The size of a batch of `raw` bytes, its header included, once it is packed. `saves` is what the records let `gzip` save of
    /// a thousand bytes of a large batch: what repeats from record to record is saved once there are several.
    #[must_use]
    pub fn packed(self, raw: u32, saves: u16) -> u32 {
        let Some(records) = raw.checked_sub(HEADER).map(u64::from) else { return raw };
        if self == Self::None {
            return raw;
        }
        let share = (u64::from(saves) * self.strength() / 1_000).min(MOST_SAVED);
        // A batch of the window's size saves half of what a large one does.
        let saved = records * share / 1_000 * records / (records + WINDOW);
        raw - u32::try_from(saved).unwrap_or(u32::MAX).min(raw - HEADER)
    }
}

/// How a batch is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Packing {
    /// With what.
    pub codec: Codec,
    /// What its records let `gzip` save of a thousand bytes.
    pub saves: u16,
    /// Its size when it is unpacked, if it is packed.
    pub raw: u32,
}

impl Packing {
    /// Not packed, and nothing to gain.
    pub const PLAIN: Self = Self { codec: Codec::None, saves: 0, raw: 0 };
}

impl Batch {
    /// Its size in bytes when it is unpacked, header included.
    #[must_use]
    pub const fn raw_bytes(&self) -> u32 {
        match self.packing.codec {
            Codec::None => self.bytes,
            Codec::Gzip(_) | Codec::Snappy | Codec::Lz4(_) | Codec::Zstd(_) => self.packing.raw,
        }
    }

    /// Packs it with another codec.
    pub fn repack(&mut self, codec: Codec) {
        let raw = self.raw_bytes();
        self.packing = Packing { codec, raw, saves: self.packing.saves };
        self.bytes = codec.packed(raw, self.packing.saves);
    }
}

/// A level as a factor.
const fn effort(level: i8) -> u64 {
    level.unsigned_abs() as u64
}

/// `CompressionType.LZ4`'s default level, with which Kafka takes the fast compressor.
const DEFAULT_LZ4: i8 = Levels::DEFAULT.lz4;
/// `DefaultRecordBatch.RECORD_BATCH_OVERHEAD`, which is never compressed.
const HEADER: u32 = 61;
/// How many bytes of records it takes until half of what repeats was seen.
const WINDOW: u64 = 1_024;
/// No codec saves more of a thousand bytes.
const MOST_SAVED: u64 = 990;

#[cfg(test)]
mod tests {
    use super::{Codec, Levels, Repack, TopicCompression};

    const EVERY: [&str; 4] = ["gzip", "snappy", "lz4", "zstd"];

    #[test]
    fn a_larger_batch_saves_more_of_its_bytes() {
        for name in EVERY {
            let codec = Codec::named(name).unwrap();
            let ratio = |raw: u32| u64::from(codec.packed(raw, 700)) * 1_000 / u64::from(raw);
            let ratios = [100, 1_000, 10_000, 100_000].map(ratio);
            assert!(ratios.is_sorted_by(|small, large| small > large), "{name}: {ratios:?}");
            assert_eq!(codec.packed(10_000, 0), 10_000, "{name}: nothing to gain");
        }
        assert_eq!(Codec::None.packed(10_000, 700), 10_000);
    }

    #[test]
    fn what_saves_more_takes_longer() {
        let [gzip, snappy, lz4, zstd] = EVERY.map(|name| Codec::named(name).unwrap());
        let size = |codec: Codec| codec.packed(100_000, 700);
        assert!(size(zstd) < size(gzip) && size(gzip) < size(lz4) && size(lz4) < size(snappy));
        let hard = Codec::Zstd(19);
        assert!(size(hard) < size(zstd));
        assert!(hard.time_to_pack(100_000) > zstd.time_to_pack(100_000));
        assert!(gzip.time_to_pack(100_000) > zstd.time_to_pack(100_000));
        assert!(
            lz4.time_to_pack(100_000)
                < lz4.at(Levels { lz4: 8, ..Levels::DEFAULT }).time_to_pack(100_000)
        );
        assert_eq!(size(Codec::Gzip(9)).cmp(&size(Codec::Gzip(1))), core::cmp::Ordering::Less);
    }

    #[test]
    fn a_topic_repacks_what_has_another_codec() {
        let gzip = Codec::named("gzip").unwrap();
        assert_eq!(TopicCompression::KEEP.target(gzip), None);
        let levels = Levels { zstd: 9, ..Levels::DEFAULT };
        let zstd = Codec::named("zstd").unwrap();
        let topic = TopicCompression { repack: Repack::Into(zstd), levels };
        assert_eq!(topic.target(gzip), Some(Codec::Zstd(9)));
        assert_eq!(topic.target(Codec::Zstd(1)), None, "whatever its level");
        let plain = TopicCompression { repack: Repack::Into(Codec::None), levels };
        assert_eq!(plain.target(gzip), Some(Codec::None));
        assert_eq!(plain.target(Codec::None), None);
    }
}
