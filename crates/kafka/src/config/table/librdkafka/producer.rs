//! librdkafka's properties that only a producer has, or has otherwise than a consumer, under their first names.
//!
//! Data only. Source: librdkafka's CONFIGURATION.md (2.15), what is set by functions left out.

use super::super::keys;

keys! { PRODUCER
    "batch.num.messages": Int = Is("10000"), Between(1, 1000000), Modelled,
        "Most records of a batch.";
    "batch.size": Int = Is("1000000"), Between(1, 2147483647), Modelled,
        "Most bytes of a batch, but for its first record.";
    "client.rack": String = Null, Any, Inert,
        "No influence on simulated semantics.";
    "compression.codec": String = Is("none"), OneOf(&["none", "gzip", "snappy", "lz4", "zstd"]), Modelled,
        "Codec of record batches.";
    "compression.level": Int = Is("-1"), Between(-1, 12), Modelled,
        "Effort of the codec.";
    "delivery.report.only.error": Switch = Is("false"), Any, Inert,
        "Whether only failures are reported to the application.";
    "enable.gapless.guarantee": Switch = Is("false"), Any, Unmodelled,
        "Make any gap in a partition's records fatal.";
    "enable.idempotence": Switch = Is("false"), Any, Modelled,
        "Tag batches with producer id and sequence, so that retries neither duplicate nor reorder; off by default.";
    "max.in.flight.requests.per.connection": Int = Is("1000000"), Between(1, 1000000), Modelled,
        "Unanswered requests allowed per broker; without idempotence only 1 keeps the order of retries.";
    "message.max.bytes": Int = Is("1000000"), Between(1000, 1000000000), Modelled,
        "Largest request, and so the largest record, that the producer sends.";
    "message.send.max.retries": Int = Is("2147483647"), Between(0, 2147483647), Modelled,
        "How often a batch that failed transiently is sent again.";
    "message.timeout.ms": Int = Is("300000"), Between(0, 2147483647), Modelled,
        "How long a record may take from `produce` to its report, retries included. 0 is for ever.";
    "partitioner": String = Is("consistent_random"), OneOf(&["random", "consistent", "consistent_random", "murmur2", "murmur2_random", "fnv1a", "fnv1a_random"]), Modelled,
        "How a key finds its partition: consistent_random (CRC32) unless set, murmur2_random (as Java), fnv1a_random, random.";
    "queue.buffering.backpressure.threshold": Int = Is("1"), Between(1, 1000000), Unmodelled,
        "Requests waiting for the socket before batches are held back to fill.";
    "queue.buffering.max.kbytes": Int = Is("1048576"), Between(1, 2147483647), Modelled,
        "Kilobytes of records that may wait or be under way; when it is reached `produce` fails at once.";
    "queue.buffering.max.messages": Int = Is("100000"), Between(0, 2147483647), Modelled,
        "Records that may wait or be under way; when it is reached `produce` fails at once. 0 is no limit.";
    "queue.buffering.max.ms": Int = Is("5"), Between(0, 900000), Modelled,
        "How long a record waits for others to share its batch.";
    "queuing.strategy": String = Is("fifo"), OneOf(&["fifo", "lifo"]), Unmodelled,
        "Whether older or newer records of a partition are sent first.";
    "request.required.acks": String = Is("-1"), OneOf(&["all", "-1", "0", "1"]), Modelled,
        "How many replica confirmations a produce request waits for: 0 none, 1 leader only, all or -1 every in-sync replica.";
    "request.timeout.ms": Int = Is("30000"), Between(1, 900000), Modelled,
        "How long the leader may wait for the in-sync replicas before it answers.";
    "sticky.partitioning.linger.ms": Int = Is("10"), Between(0, 900000), Modelled,
        "How long records without a key go to one partition; twice the linger unless set. 0 draws one for each record.";
    "transaction.timeout.ms": Int = Is("60000"), Between(1000, 2147483647), Modelled,
        "Longest a transaction may stay open before the coordinator aborts it.";
    "transactional.id": String = Null, Any, Modelled,
        "Identity that turns on transactions and fences older producers of the same id; needs idempotence, and switches it on.";
}
