//! The keys of a topic.
//!
//! Data only: what a value means for the model is decided where settings are built.

use super::{VERSIONS, keys};

keys! { TOPIC
    "cleanup.policy": List = Is("delete"), OneOf(&["compact", "delete"]), Modelled,
        "What happens to old data of a topic: drop segments (delete), keep last value per key (compact), or both.";
    "compression.gzip.level": Int = Is("-1"), BetweenOr(1, 9, -1), Modelled,
        "Effort level when gzip is the codec.";
    "compression.lz4.level": Int = Is("9"), Between(1, 17), Modelled,
        "Effort level when lz4 is the codec.";
    "compression.type": String = Is("producer"), OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), Modelled,
        "Codec for record batches; on topics/brokers the value 'producer' keeps what was sent.";
    "compression.zstd.level": Int = Is("3"), Between(-131072, 22), Modelled,
        "Effort level when zstd is the codec.";
    "delete.retention.ms": Long = Is("86400000"), AtLeast(0), Modelled,
        "How long tombstones (and transaction markers) of a compacted topic stay visible after cleaning.";
    "file.delete.delay.ms": Long = Is("60000"), AtLeast(0), Inert,
        "Grace period between marking a segment deleted and removing its file.";
    "flush.messages": Long = Is("9223372036854775807"), AtLeast(1), Modelled,
        "Records after which a log is forced to disk.";
    "flush.ms": Long = Is("9223372036854775807"), AtLeast(0), Unmodelled,
        "Time after which a log is forced to disk.";
    "follower.replication.throttled.replicas": List = Is(""), Any, Modelled,
        "partition:broker pairs whose follower replication is rate limited, or *.";
    "index.interval.bytes": Int = Is("4096"), AtLeast(0), Inert,
        "Log bytes between two sparse offset-index entries.";
    "leader.replication.throttled.replicas": List = Is(""), Any, Modelled,
        "partition:broker pairs whose leader-side replication is rate limited, or *.";
    "local.retention.bytes": Long = Is("-2"), AtLeast(-2), Inert,
        "With tiering: bytes kept on local disk per partition; -2 follows retention.bytes.";
    "local.retention.ms": Long = Is("-2"), AtLeast(-2), Inert,
        "With tiering: age kept on local disk; -2 follows retention.ms.";
    "max.compaction.lag.ms": Long = Is("9223372036854775807"), AtLeast(1), Modelled,
        "Age at which a record must be compacted at the latest.";
    "max.message.bytes": Int = Is("1048588"), AtLeast(0), Modelled,
        "Largest accepted record batch of a topic.";
    "message.downconversion.enable": Boolean = Is("true"), Any, Inert,
        "Whether old-format conversion for old consumers is allowed.";
    "message.format.version": String = Is("3.0-IV1"), VERSIONS, Unmodelled,
        "Record format of the topic (deprecated).";
    "message.timestamp.after.max.ms": Long = Is("3600000"), AtLeast(0), Modelled,
        "How far a create-time stamp may lie in the broker's future.";
    "message.timestamp.before.max.ms": Long = Is("9223372036854775807"), AtLeast(0), Modelled,
        "How far a create-time stamp may lie in the broker's past.";
    "message.timestamp.difference.max.ms": Long = Is("9223372036854775807"), AtLeast(0), Unmodelled,
        "Older symmetric limit on the distance between record stamp and broker clock.";
    "message.timestamp.type": String = Is("CreateTime"), OneOf(&["CreateTime", "LogAppendTime"]), Modelled,
        "Whether stored stamps come from the producer or the append time.";
    "min.cleanable.dirty.ratio": Double = Is("0.5"), Between(0, 1), Modelled,
        "Uncleaned share of a log that makes it a compaction candidate.";
    "min.compaction.lag.ms": Long = Is("0"), AtLeast(0), Modelled,
        "Age below which records are not compacted.";
    "min.insync.replicas": Int = Is("1"), AtLeast(1), Modelled,
        "In-sync replicas required for acks=all appends to be accepted.";
    "preallocate": Boolean = Is("false"), Any, Inert,
        "Reserve file space when a segment is created.";
    "remote.log.copy.disable": Boolean = Is("false"), Any, Inert,
        "Stop uploading new segments of a tiered topic.";
    "remote.log.delete.on.disable": Boolean = Is("false"), Any, Inert,
        "Delete tiered data when tiering is switched off for the topic.";
    "remote.storage.enable": Boolean = Is("false"), Any, Unmodelled,
        "Switch of tiered storage for a topic.";
    "retention.bytes": Long = Is("-1"), Any, Modelled,
        "Size limit per partition under the delete policy; -1 none.";
    "retention.ms": Long = Is("604800000"), AtLeast(-1), Modelled,
        "Age limit under the delete policy; -1 none.";
    "segment.bytes": Int = Is("1073741824"), AtLeast(1048576), Modelled,
        "Size at which a log segment is rolled.";
    "segment.index.bytes": Int = Is("10485760"), AtLeast(4), Inert,
        "Size of an offset index file.";
    "segment.jitter.ms": Long = Is("0"), AtLeast(0), Inert,
        "Random amount subtracted from the segment age limit.";
    "segment.ms": Long = Is("604800000"), AtLeast(1), Modelled,
        "Age at which a segment is rolled even if not full.";
    "unclean.leader.election.enable": Boolean = Is("false"), Any, Modelled,
        "Whether a replica outside the ISR may become leader, losing data.";
}
