//! librdkafka's properties that only a consumer has, or has otherwise than a producer, under their first names.
//!
//! Data only. Source: librdkafka's CONFIGURATION.md (2.15), what is set by functions left out.

use super::super::keys;

keys! { CONSUMER
    "auto.commit.interval.ms": Int = Is("5000"), Between(0, 86400000), Modelled,
        "How often stored offsets are committed; 0 is never.";
    "auto.offset.reset": String = Is("largest"), OneOf(&["smallest", "earliest", "beginning", "largest", "latest", "end", "error"]), Modelled,
        "Where a consumer starts without a usable committed offset: largest unless set.";
    "check.crcs": Switch = Is("false"), Any, Inert,
        "Whether the consumer verifies checksums.";
    "client.rack": String = Null, Any, Modelled,
        "Failure-domain label.";
    "consume.callback.max.messages": Int = Is("0"), Between(0, 1000000), Inert,
        "Most messages of one callback.";
    "coordinator.query.interval.ms": Int = Is("600000"), Between(1, 3600000), Inert,
        "How often the coordinator is asked for although nothing speaks against the known one.";
    "enable.auto.commit": Switch = Is("true"), Any, Modelled,
        "Whether stored offsets are committed by a timer, and when partitions are given up.";
    "enable.auto.offset.store": Switch = Is("true"), Any, Modelled,
        "Whether an offset is stored when its message is handed to the application, before it is processed.";
    "enable.partition.eof": Switch = Is("false"), Any, Unmodelled,
        "Tell the application when it has read everything.";
    "fetch.error.backoff.ms": Int = Is("500"), Between(0, 300000), Modelled,
        "Wait before a partition is fetched from again after an error.";
    "fetch.max.bytes": Int = Is("52428800"), Between(0, 2147483135), Modelled,
        "Most bytes of a fetch.";
    "fetch.message.max.bytes": Int = Is("1048576"), Between(1, 1000000000), Modelled,
        "Most bytes of a fetch per partition.";
    "fetch.min.bytes": Int = Is("1"), Between(0, 2147483647), Modelled,
        "Bytes that a broker tries to have ready before it answers a fetch.";
    "fetch.queue.backoff.ms": Int = Is("1000"), Between(0, 300000), Inert,
        "Wait before more is fetched ahead once enough was.";
    "fetch.wait.max.ms": Int = Is("500"), Between(0, 300000), Modelled,
        "Longest that a broker holds a fetch without enough bytes.";
    "group.id": String = Null, Any, Inert,
        "Name of the consumer group; in a scenario that of the group.";
    "group.instance.id": String = Null, Any, Modelled,
        "A member's identity beyond its process (static membership).";
    "group.protocol": String = Is("classic"), OneOf(&["classic", "consumer"]), Modelled,
        "classic, or the consumer protocol (KIP-848).";
    "group.protocol.type": String = Is("consumer"), Any, Inert,
        "Kind of the classic protocol.";
    "group.remote.assignor": String = Null, Any, Unmodelled,
        "Server-side assignor that a member of the consumer protocol asks for.";
    "heartbeat.interval.ms": Int = Is("3000"), Between(1, 3600000), Modelled,
        "How often heartbeats are sent, by a thread of the client's own.";
    "isolation.level": String = Is("read_committed"), OneOf(&["read_uncommitted", "read_committed"]), Modelled,
        "Whether records of open and aborted transactions are hidden.";
    "max.in.flight.requests.per.connection": Int = Is("1000000"), Between(1, 1000000), Inert,
        "No influence on simulated semantics.";
    "max.poll.interval.ms": Int = Is("300000"), Between(1, 86400000), Modelled,
        "How long the application may stay away from `consumer_poll` before the client leaves the group.";
    "max.poll.records": Int = Is("500"), Between(1, 2147483647), Inert,
        "Of share consumers only: a consumer gets one message at a time.";
    "message.max.bytes": Int = Is("1000000"), Between(1000, 1000000000), Inert,
        "No influence on simulated semantics.";
    "offset.store.method": String = Is("broker"), OneOf(&["none", "file", "broker"]), Unmodelled,
        "Where stored offsets go.";
    "partition.assignment.strategy": List = Is("range,roundrobin"), OneOf(&["range", "roundrobin", "cooperative-sticky"]), Modelled,
        "Assignors, the preferred one first: range, roundrobin, or cooperative-sticky alone.";
    "queued.max.messages.kbytes": Int = Is("65536"), Between(1, 2097151), Inert,
        "How many kilobytes are fetched ahead; what is fetched ahead does not count as handed out.";
    "queued.min.messages": Int = Is("100000"), Between(1, 10000000), Inert,
        "How many records are fetched ahead; what is fetched ahead does not count as handed out.";
    "session.timeout.ms": Int = Is("45000"), Between(1, 3600000), Modelled,
        "How long the coordinator waits for a heartbeat.";
    "share.acknowledgement.mode": String = Is("implicit"), Any, Inert,
        "Of share consumers only.";
}
