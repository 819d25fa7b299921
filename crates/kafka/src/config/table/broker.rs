//! The keys of a broker or controller.
//!
//! Data only: what a value means for the model is decided where settings are built.

use super::{VERSIONS, keys};

keys! { BROKER
    "advertised.listeners": String = Null, Any, Inert,
        "Addresses a broker hands out to clients in metadata, when they differ from the bound ones.";
    "alter.config.policy.class.name": Class = Null, Any, Unmodelled,
        "Plug-in that can veto config changes.";
    "alter.log.dirs.replication.quota.window.num": Int = Is("11"), AtLeast(1), Inert,
        "Number of sample windows kept for the move-between-disks quota.";
    "alter.log.dirs.replication.quota.window.size.seconds": Int = Is("1"), AtLeast(1), Inert,
        "Length of one sample window for the move-between-disks quota.";
    "authorizer.class.name": String = Is(""), Any, Unmodelled,
        "Plug-in that decides whether a principal may do an operation.";
    "auto.create.topics.enable": Boolean = Is("true"), Any, Inert,
        "Broker side switch that permits creating topics on first metadata lookup.";
    "auto.leader.rebalance.enable": Boolean = Is("true"), Any, Modelled,
        "Whether the controller periodically moves leadership back to preferred replicas.";
    "background.threads": Int = Is("10"), AtLeast(1), Inert,
        "Size of the broker's general scheduler pool.";
    "broker.heartbeat.interval.ms": Int = Is("2000"), Any, Modelled,
        "How often a broker reports liveness to the KRaft controller.";
    "broker.id": Int = Is("-1"), Any, Inert,
        "Legacy numeric identity of the broker; same role as node.id.";
    "broker.id.generation.enable": Boolean = Is("true"), Any, Inert,
        "Let ZooKeeper hand out broker ids when none is configured.";
    "broker.rack": String = Null, Any, Inert,
        "Failure-domain label of the broker; steers replica placement, closest-replica reads and rack-aware assignors.";
    "broker.session.timeout.ms": Int = Is("9000"), Any, Modelled,
        "Silence after which the KRaft controller fences a broker.";
    "client.quota.callback.class": Class = Null, Any, Unmodelled,
        "Plug-in computing quota limits.";
    "compression.gzip.level": Int = Is("-1"), BetweenOr(1, 9, -1), Modelled,
        "Effort level when gzip is the codec.";
    "compression.lz4.level": Int = Is("9"), Between(1, 17), Modelled,
        "Effort level when lz4 is the codec.";
    "compression.type": String = Is("producer"), OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), Modelled,
        "Codec for record batches; on topics/brokers the value 'producer' keeps what was sent.";
    "compression.zstd.level": Int = Is("3"), Between(-131072, 22), Modelled,
        "Effort level when zstd is the codec.";
    "connection.failed.authentication.delay.ms": Int = Is("100"), AtLeast(0), Inert,
        "Pause before the broker closes a connection that failed authentication.";
    "connections.max.idle.ms": Long = Is("600000"), Any, Unmodelled,
        "Idle time after which a connection is closed.";
    "connections.max.reauth.ms": Long = Is("0"), Any, Inert,
        "Longest authenticated session on SASL connections before re-authentication is demanded.";
    "control.plane.listener.name": String = Null, Any, Inert,
        "Listener reserved for controller-to-broker traffic (ZooKeeper mode).";
    "controlled.shutdown.enable": Boolean = Is("true"), Any, Modelled,
        "Whether a stopping broker first hands its leaderships over.";
    "controlled.shutdown.max.retries": Int = Is("3"), Any, Unmodelled,
        "Attempts at the hand-over before stopping regardless.";
    "controlled.shutdown.retry.backoff.ms": Long = Is("5000"), Any, Unmodelled,
        "Pause between hand-over attempts.";
    "controller.listener.names": String = Null, Any, Inert,
        "Listeners that carry KRaft controller traffic.";
    "controller.quorum.append.linger.ms": Int = Is("25"), Any, Modelled,
        "How long the KRaft leader collects appends before flushing them.";
    "controller.quorum.bootstrap.servers": List = Is(""), NonEmpty, Inert,
        "Endpoints for finding the KRaft quorum when membership is dynamic.";
    "controller.quorum.election.backoff.max.ms": Int = Is("1000"), Any, Modelled,
        "Cap on the random exponential delay between KRaft election tries.";
    "controller.quorum.election.timeout.ms": Int = Is("1000"), Any, Modelled,
        "Candidate's wait for votes before a new KRaft election.";
    "controller.quorum.fetch.timeout.ms": Int = Is("2000"), Any, Modelled,
        "Without a successful fetch for this long a follower starts an election (and a leader without a majority of fetches steps down).";
    "controller.quorum.request.timeout.ms": Int = Is("2000"), Any, Modelled,
        "Wait for a reply on KRaft peer requests.";
    "controller.quorum.retry.backoff.ms": Int = Is("20"), Any, Modelled,
        "Pause before a KRaft peer request is repeated.";
    "controller.quorum.voters": List = Is(""), NonEmpty, Inert,
        "Static list id@host:port of KRaft voters.";
    "controller.quota.window.num": Int = Is("11"), AtLeast(1), Inert,
        "Number of windows kept for the controller mutation quota.";
    "controller.quota.window.size.seconds": Int = Is("1"), AtLeast(1), Inert,
        "Length of one window of the controller mutation quota.";
    "controller.socket.timeout.ms": Int = Is("30000"), Any, Unmodelled,
        "Socket timeout on controller-to-broker channels.";
    "create.topic.policy.class.name": Class = Null, Any, Unmodelled,
        "Plug-in that can veto topic creation.";
    "default.replication.factor": Int = Is("1"), Any, Inert,
        "Replica count of auto-created topics and of creations that leave it open.";
    "delegation.token.expiry.check.interval.ms": Long = Is("3600000"), AtLeast(1), Inert,
        "Scan period for expired delegation tokens.";
    "delegation.token.expiry.time.ms": Long = Is("86400000"), AtLeast(1), Inert,
        "Validity of a delegation token until renewal is needed.";
    "delegation.token.max.lifetime.ms": Long = Is("604800000"), AtLeast(1), Inert,
        "Age past which a delegation token can't be renewed.";
    "delegation.token.secret.key": Password = Null, Any, Inert,
        "Shared secret that signs delegation tokens.";
    "delete.records.purgatory.purge.interval.requests": Int = Is("1"), Any, Inert,
        "Completed delete-records waits that accumulate before a purge.";
    "delete.topic.enable": Boolean = Is("true"), Any, Inert,
        "Whether topics may be deleted.";
    "early.start.listeners": String = Null, Any, Inert,
        "Listeners opened before authorizer initialisation has finished.";
    "eligible.leader.replicas.enable": Boolean = Is("false"), Any, Unmodelled,
        "Turn on tracking of eligible leader replicas (KIP-966).";
    "fetch.max.bytes": Int = Is("57671680"), AtLeast(1024), Unmodelled,
        "Soft cap on the bytes in one fetch response; the first batch is returned even if larger.";
    "fetch.purgatory.purge.interval.requests": Int = Is("1000"), Any, Inert,
        "Completed fetch waits that accumulate before a purge.";
    "follower.replication.throttled.rate": Long = Is("9223372036854775807"), AtLeast(0), Modelled,
        "Bytes per second that followers copy at most of what topics list as throttled; set while brokers run.";
    "group.consumer.assignors": List = Is("org.apache.kafka.coordinator.group.assignor.UniformAssignor,org.apache.kafka.coordinator.group.assignor.RangeAssignor"), Any, Modelled,
        "Server-side assignors offered by the new protocol; the first is the default.";
    "group.consumer.heartbeat.interval.ms": Int = Is("5000"), AtLeast(1), Modelled,
        "Heartbeat period told to members of the new consumer protocol.";
    "group.consumer.max.heartbeat.interval.ms": Int = Is("15000"), AtLeast(1), Inert,
        "Highest heartbeat period a group override may set.";
    "group.consumer.max.session.timeout.ms": Int = Is("60000"), AtLeast(1), Inert,
        "Highest session timeout a group override may set.";
    "group.consumer.max.size": Int = Is("2147483647"), AtLeast(1), Modelled,
        "Member limit of a new-protocol consumer group.";
    "group.consumer.migration.policy": String = Is("bidirectional"), OneOfAnyCase(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]), Modelled,
        "Which directions of classic/consumer group conversion are allowed while running.";
    "group.consumer.min.heartbeat.interval.ms": Int = Is("5000"), AtLeast(1), Inert,
        "Lowest heartbeat period a group override may set.";
    "group.consumer.min.session.timeout.ms": Int = Is("45000"), AtLeast(1), Inert,
        "Lowest session timeout a group override may set.";
    "group.consumer.session.timeout.ms": Int = Is("45000"), AtLeast(1), Modelled,
        "Silence after which the coordinator removes a new-protocol member.";
    "group.coordinator.append.linger.ms": Int = Is("5"), AtLeast(0), Unmodelled,
        "How long the group coordinator gathers records into one batch before writing.";
    "group.coordinator.new.enable": Boolean = Is("true"), Any, Unmodelled,
        "Run the rewritten group coordinator.";
    "group.coordinator.rebalance.protocols": List = Is("classic,consumer"), OneOf(&["consumer", "classic", "share", "unknown"]), Unmodelled,
        "Group protocols that the coordinator accepts.";
    "group.coordinator.threads": Int = Is("4"), AtLeast(1), Inert,
        "Event-loop threads of the group coordinator.";
    "group.initial.rebalance.delay.ms": Int = Is("3000"), Any, Modelled,
        "Extra wait for more joiners before the first rebalance of an empty classic group.";
    "group.max.session.timeout.ms": Int = Is("1800000"), Any, Modelled,
        "Highest session timeout a classic member may ask for.";
    "group.max.size": Int = Is("2147483647"), AtLeast(1), Modelled,
        "Member limit of a classic group.";
    "group.min.session.timeout.ms": Int = Is("6000"), Any, Modelled,
        "Lowest session timeout a classic member may ask for.";
    "group.share.delivery.count.limit": Int = Is("5"), Between(2, 10), Inert,
        "Delivery attempts of a record in a share group before it is given up.";
    "group.share.enable": Boolean = Is("false"), Any, Inert,
        "Turn on share groups.";
    "group.share.heartbeat.interval.ms": Int = Is("5000"), AtLeast(1), Inert,
        "Heartbeat period told to share group members.";
    "group.share.max.groups": Short = Is("10"), Between(1, 100), Inert,
        "Limit on the number of share groups.";
    "group.share.max.heartbeat.interval.ms": Int = Is("15000"), AtLeast(1), Inert,
        "Highest heartbeat period a share group override may set.";
    "group.share.max.record.lock.duration.ms": Int = Is("60000"), Between(30000, 3600000), Inert,
        "Longest acquisition lock a share group may configure.";
    "group.share.max.session.timeout.ms": Int = Is("60000"), AtLeast(1), Inert,
        "Highest session timeout a share group override may set.";
    "group.share.max.size": Int = Is("200"), Between(10, 1000), Inert,
        "Member limit of a share group.";
    "group.share.min.heartbeat.interval.ms": Int = Is("5000"), AtLeast(1), Inert,
        "Lowest heartbeat period a share group override may set.";
    "group.share.min.record.lock.duration.ms": Int = Is("15000"), Between(1000, 30000), Inert,
        "Shortest acquisition lock a share group may configure.";
    "group.share.min.session.timeout.ms": Int = Is("45000"), AtLeast(1), Inert,
        "Lowest session timeout a share group override may set.";
    "group.share.partition.max.record.locks": Int = Is("200"), Between(100, 10000), Inert,
        "Limit of in-flight records per share partition.";
    "group.share.record.lock.duration.ms": Int = Is("30000"), Between(1000, 3600000), Inert,
        "How long a delivered share-group record stays reserved for its receiver.";
    "group.share.session.timeout.ms": Int = Is("45000"), AtLeast(1), Inert,
        "Silence after which a share group member is removed.";
    "initial.broker.registration.timeout.ms": Int = Is("60000"), Any, Inert,
        "Time a starting broker allows for registering with the controller quorum.";
    "inter.broker.listener.name": String = Null, Any, Inert,
        "Listener used for broker-to-broker traffic.";
    "inter.broker.protocol.version": String = Is("4.0-IV0"), VERSIONS, Unmodelled,
        "Metadata/protocol level spoken between brokers (ZooKeeper era).";
    "kafka.metrics.polling.interval.secs": Int = Is("10"), AtLeast(1), Inert,
        "Poll period of legacy metrics reporters.";
    "kafka.metrics.reporters": List = Is(""), Any, Inert,
        "Legacy metrics reporter plug-ins.";
    "leader.imbalance.check.interval.seconds": Long = Is("300"), AtLeast(1), Modelled,
        "Period of the preferred-leader check.";
    "leader.imbalance.per.broker.percentage": Int = Is("10"), Any, Modelled,
        "Share of non-preferred leaderships per broker above which leaders are moved back.";
    "leader.replication.throttled.rate": Long = Is("9223372036854775807"), AtLeast(0), Modelled,
        "Bytes per second that leaders copy at most of what topics list as throttled; set while brokers run.";
    "listener.security.protocol.map": String = Is("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"), Any, Inert,
        "Which security protocol each named listener speaks.";
    "listeners": String = Is("PLAINTEXT://:9092"), Any, Inert,
        "Addresses the broker binds.";
    "log.cleaner.backoff.ms": Long = Is("15000"), AtLeast(0), Modelled,
        "Sleep of a cleaner thread with nothing to do.";
    "log.cleaner.dedupe.buffer.size": Long = Is("134217728"), Any, Inert,
        "Memory for the key maps of all cleaner threads together.";
    "log.cleaner.delete.retention.ms": Long = Is("86400000"), AtLeast(0), Modelled,
        "Broker default of delete.retention.ms.";
    "log.cleaner.enable": Boolean = Is("true"), Any, Modelled,
        "Run the compaction threads.";
    "log.cleaner.io.buffer.load.factor": Double = Is("0.9"), Any, Inert,
        "How full the cleaner's key map may get.";
    "log.cleaner.io.buffer.size": Int = Is("524288"), AtLeast(0), Inert,
        "Memory for the cleaner's read/write buffers.";
    "log.cleaner.io.max.bytes.per.second": Double = Is("1.7976931348623157e+308"), Any, Inert,
        "Rate limit of cleaner disk traffic.";
    "log.cleaner.max.compaction.lag.ms": Long = Is("9223372036854775807"), AtLeast(1), Modelled,
        "Broker default of max.compaction.lag.ms.";
    "log.cleaner.min.cleanable.ratio": Double = Is("0.5"), Between(0, 1), Modelled,
        "Broker default of min.cleanable.dirty.ratio.";
    "log.cleaner.min.compaction.lag.ms": Long = Is("0"), AtLeast(0), Modelled,
        "Broker default of min.compaction.lag.ms.";
    "log.cleaner.threads": Int = Is("1"), AtLeast(0), Inert,
        "Number of compaction threads.";
    "log.cleanup.policy": List = Is("delete"), OneOf(&["compact", "delete"]), Modelled,
        "Broker default of cleanup.policy.";
    "log.dir": String = Is("/tmp/kafka-logs"), Any, Inert,
        "Single data directory, used if log.dirs is unset.";
    "log.dir.failure.timeout.ms": Long = Is("30000"), AtLeast(1), Unmodelled,
        "With the controller unreachable, how long after a failed log dir holding leaders the broker may keep running.";
    "log.dirs": String = Null, Any, Inert,
        "Data directories.";
    "log.flush.interval.messages": Long = Is("9223372036854775807"), AtLeast(1), Modelled,
        "Broker default of flush.messages.";
    "log.flush.interval.ms": Long = Null, Any, Unmodelled,
        "Broker default of flush.ms.";
    "log.flush.offset.checkpoint.interval.ms": Int = Is("60000"), AtLeast(0), Unmodelled,
        "Period of writing the recovery-point checkpoint.";
    "log.flush.scheduler.interval.ms": Long = Is("9223372036854775807"), Any, Unmodelled,
        "How often the flusher looks for logs that are due.";
    "log.flush.start.offset.checkpoint.interval.ms": Int = Is("60000"), AtLeast(0), Modelled,
        "Period of writing the log-start-offset checkpoint.";
    "log.index.interval.bytes": Int = Is("4096"), AtLeast(0), Inert,
        "Broker default of index.interval.bytes.";
    "log.index.size.max.bytes": Int = Is("10485760"), AtLeast(4), Inert,
        "Broker default of segment.index.bytes.";
    "log.initial.task.delay.ms": Long = Is("30000"), AtLeast(0), Modelled,
        "Delay before the first run of the log maintenance tasks.";
    "log.local.retention.bytes": Long = Is("-2"), AtLeast(-2), Inert,
        "Broker default of local.retention.bytes.";
    "log.local.retention.ms": Long = Is("-2"), AtLeast(-2), Inert,
        "Broker default of local.retention.ms.";
    "log.message.downconversion.enable": Boolean = Is("true"), Any, Inert,
        "Broker default of message.downconversion.enable.";
    "log.message.format.version": String = Is("3.0-IV1"), VERSIONS, Unmodelled,
        "Broker default of message.format.version (deprecated).";
    "log.message.timestamp.after.max.ms": Long = Is("3600000"), AtLeast(0), Modelled,
        "Broker default of message.timestamp.after.max.ms.";
    "log.message.timestamp.before.max.ms": Long = Is("9223372036854775807"), AtLeast(0), Modelled,
        "Broker default of message.timestamp.before.max.ms.";
    "log.message.timestamp.difference.max.ms": Long = Is("9223372036854775807"), AtLeast(0), Unmodelled,
        "Broker default of message.timestamp.difference.max.ms (deprecated).";
    "log.message.timestamp.type": String = Is("CreateTime"), OneOf(&["CreateTime", "LogAppendTime"]), Modelled,
        "Broker default of message.timestamp.type.";
    "log.preallocate": Boolean = Is("false"), Any, Inert,
        "Broker default of preallocate.";
    "log.retention.bytes": Long = Is("-1"), Any, Modelled,
        "Broker default of retention.bytes.";
    "log.retention.check.interval.ms": Long = Is("300000"), AtLeast(1), Modelled,
        "How often deletable segments are looked for.";
    "log.retention.hours": Int = Is("168"), Any, Modelled,
        "Broker default of retention.ms in hours; weakest of the three units.";
    "log.retention.minutes": Int = Null, Any, Modelled,
        "Broker default of retention.ms in minutes.";
    "log.retention.ms": Long = Null, Any, Modelled,
        "Broker default of retention.ms.";
    "log.roll.hours": Int = Is("168"), AtLeast(1), Modelled,
        "Broker default of segment.ms in hours.";
    "log.roll.jitter.hours": Int = Is("0"), AtLeast(0), Inert,
        "Broker default of segment.jitter.ms in hours.";
    "log.roll.jitter.ms": Long = Null, Any, Inert,
        "Broker default of segment.jitter.ms.";
    "log.roll.ms": Long = Null, Any, Modelled,
        "Broker default of segment.ms.";
    "log.segment.bytes": Int = Is("1073741824"), AtLeast(1048576), Modelled,
        "Broker default of segment.bytes.";
    "log.segment.delete.delay.ms": Long = Is("60000"), AtLeast(0), Inert,
        "Broker default of file.delete.delay.ms.";
    "max.connection.creation.rate": Int = Is("2147483647"), AtLeast(0), Unmodelled,
        "New connections per second accepted broker-wide.";
    "max.connections": Int = Is("2147483647"), AtLeast(0), Unmodelled,
        "Open connections accepted broker-wide.";
    "max.connections.per.ip": Int = Is("2147483647"), AtLeast(0), Unmodelled,
        "Open connections accepted from one address.";
    "max.connections.per.ip.overrides": String = Is(""), Any, Inert,
        "Exceptions to the per-address connection limit.";
    "max.incremental.fetch.session.cache.slots": Int = Is("1000"), AtLeast(0), Unmodelled,
        "Incremental fetch sessions a broker remembers.";
    "max.request.partition.size.limit": Int = Is("2000"), AtLeast(1), Inert,
        "Partitions served per request by metadata APIs that paginate.";
    "message.max.bytes": Int = Is("1048588"), AtLeast(0), Modelled,
        "Broker default of max.message.bytes.";
    "metadata.log.dir": String = Null, Any, Inert,
        "Directory of the KRaft metadata log.";
    "metadata.log.max.record.bytes.between.snapshots": Long = Is("20971520"), AtLeast(1), Modelled,
        "Metadata log bytes after which a snapshot is taken.";
    "metadata.log.max.snapshot.interval.ms": Long = Is("3600000"), AtLeast(0), Inert,
        "Time after which a metadata snapshot is taken.";
    "metadata.log.segment.bytes": Int = Is("1073741824"), AtLeast(12), Inert,
        "Segment size of the metadata log.";
    "metadata.log.segment.min.bytes": Int = Is("8388608"), AtLeast(12), Inert,
        "Lower bound on that segment size (testing).";
    "metadata.log.segment.ms": Long = Is("604800000"), Any, Inert,
        "Age at which a metadata segment is rolled.";
    "metadata.max.idle.interval.ms": Int = Is("500"), AtLeast(0), Unmodelled,
        "How often an idle active controller writes a no-op record.";
    "metadata.max.retention.bytes": Long = Is("104857600"), Any, Modelled,
        "Size limit of old metadata log and snapshots.";
    "metadata.max.retention.ms": Long = Is("604800000"), Any, Inert,
        "Age limit of old metadata log and snapshots.";
    "metric.reporters": List = Is("org.apache.kafka.common.metrics.JmxReporter"), Any, Inert,
        "Metrics reporter plug-ins.";
    "metrics.num.samples": Int = Is("2"), AtLeast(1), Inert,
        "Sample windows per metric.";
    "metrics.recording.level": String = Is("INFO"), Any, Inert,
        "Lowest level of sensors that record.";
    "metrics.sample.window.ms": Long = Is("30000"), AtLeast(1), Inert,
        "Length of one metrics window.";
    "min.insync.replicas": Int = Is("1"), AtLeast(1), Modelled,
        "In-sync replicas required for acks=all appends to be accepted.";
    "node.id": Int = Is("-1"), Any, Inert,
        "Numeric identity of a KRaft node.";
    "num.io.threads": Int = Is("8"), AtLeast(1), Inert,
        "Request handler threads.";
    "num.network.threads": Int = Is("3"), AtLeast(1), Inert,
        "Network threads per listener.";
    "num.partitions": Int = Is("1"), AtLeast(1), Inert,
        "Partition count of auto-created topics and of creations that leave it open.";
    "num.recovery.threads.per.data.dir": Int = Is("2"), AtLeast(1), Inert,
        "Threads per data directory for start-up recovery and shutdown flush.";
    "num.replica.alter.log.dirs.threads": Int = Null, Any, Inert,
        "Threads moving replicas between directories.";
    "num.replica.fetchers": Int = Is("1"), Any, Unmodelled,
        "Fetcher threads per source broker.";
    "offset.metadata.max.bytes": Int = Is("4096"), Any, Inert,
        "Largest free-text note stored with a committed offset.";
    "offsets.commit.timeout.ms": Int = Is("5000"), AtLeast(1), Modelled,
        "Wait for replication of a group-coordinator write before failing it.";
    "offsets.load.buffer.size": Int = Is("5242880"), AtLeast(1), Inert,
        "Read size when a coordinator loads its partition.";
    "offsets.retention.check.interval.ms": Long = Is("600000"), AtLeast(1), Modelled,
        "How often expired committed offsets are looked for.";
    "offsets.retention.minutes": Int = Is("10080"), AtLeast(1), Modelled,
        "Lifetime of committed offsets once their group is empty (or the topic isn't subscribed).";
    "offsets.topic.compression.codec": Int = Is("0"), Any, Inert,
        "Codec number for the internal offsets topic.";
    "offsets.topic.num.partitions": Int = Is("50"), AtLeast(1), Modelled,
        "Partition count of the internal offsets topic; picks a group's coordinator.";
    "offsets.topic.replication.factor": Short = Is("3"), AtLeast(1), Modelled,
        "Replica count of the internal offsets topic.";
    "offsets.topic.segment.bytes": Int = Is("104857600"), AtLeast(1), Inert,
        "Segment size of the internal offsets topic.";
    "password.encoder.cipher.algorithm": String = Is("AES/CBC/PKCS5Padding"), Any, Inert,
        "Encryption of dynamically stored passwords (cipher algorithm).";
    "password.encoder.iterations": Int = Is("4096"), AtLeast(1024), Inert,
        "Encryption of dynamically stored passwords (iterations).";
    "password.encoder.key.length": Int = Is("128"), AtLeast(8), Inert,
        "Encryption of dynamically stored passwords (key length).";
    "password.encoder.keyfactory.algorithm": String = Null, Any, Inert,
        "Encryption of dynamically stored passwords (keyfactory algorithm).";
    "password.encoder.old.secret": Password = Null, Any, Inert,
        "Encryption of dynamically stored passwords (old secret).";
    "password.encoder.secret": Password = Null, Any, Inert,
        "Encryption of dynamically stored passwords (secret).";
    "principal.builder.class": Class = Is("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"), Any, Inert,
        "Plug-in deriving the principal of a connection.";
    "process.roles": List = Is(""), OneOf(&["broker", "controller"]), Inert,
        "KRaft roles of this node: broker, controller or both.";
    "producer.id.expiration.check.interval.ms": Int = Is("600000"), AtLeast(1), Modelled,
        "How often expired producer ids are looked for.";
    "producer.id.expiration.ms": Int = Is("86400000"), AtLeast(1), Modelled,
        "Idle time after which a partition leader forgets a producer id.";
    "producer.purgatory.purge.interval.requests": Int = Is("1000"), Any, Inert,
        "Completed produce waits that accumulate before a purge.";
    "queued.max.request.bytes": Long = Is("-1"), Any, Unmodelled,
        "Byte limit of queued requests; -1 none.";
    "queued.max.requests": Int = Is("500"), AtLeast(1), Unmodelled,
        "Requests queued before network threads stop reading.";
    "quota.window.num": Int = Is("11"), AtLeast(1), Inert,
        "Windows kept for client quotas.";
    "quota.window.size.seconds": Int = Is("1"), AtLeast(1), Inert,
        "Length of one client quota window.";
    "remote.fetch.max.wait.ms": Int = Is("500"), AtLeast(1), Inert,
        "Wait for data of a tiered read.";
    "remote.list.offsets.request.timeout.ms": Long = Is("30000"), AtLeast(1), Inert,
        "Time limit of offset lookups that touch tiered data.";
    "remote.log.index.file.cache.total.size.bytes": Long = Is("1073741824"), AtLeast(1), Inert,
        "Local disk cache for indexes of tiered segments.";
    "remote.log.manager.copier.thread.pool.size": Int = Is("10"), AtLeast(1), Inert,
        "Threads uploading segments.";
    "remote.log.manager.copy.max.bytes.per.second": Long = Is("9223372036854775807"), AtLeast(1), Inert,
        "Upload rate limit.";
    "remote.log.manager.copy.quota.window.num": Int = Is("11"), AtLeast(1), Inert,
        "Windows kept for the upload quota.";
    "remote.log.manager.copy.quota.window.size.seconds": Int = Is("1"), AtLeast(1), Inert,
        "Length of one upload quota window.";
    "remote.log.manager.expiration.thread.pool.size": Int = Is("10"), AtLeast(1), Inert,
        "Threads expiring tiered segments.";
    "remote.log.manager.fetch.max.bytes.per.second": Long = Is("9223372036854775807"), AtLeast(1), Inert,
        "Tiered read rate limit.";
    "remote.log.manager.fetch.quota.window.num": Int = Is("11"), AtLeast(1), Inert,
        "Windows kept for the tiered read quota.";
    "remote.log.manager.fetch.quota.window.size.seconds": Int = Is("1"), AtLeast(1), Inert,
        "Length of one tiered read quota window.";
    "remote.log.manager.task.interval.ms": Long = Is("30000"), AtLeast(1), Inert,
        "Period of upload/expiry tasks.";
    "remote.log.manager.task.retry.backoff.max.ms": Long = Is("30000"), AtLeast(1), Inert,
        "Cap on the growing task retry delay.";
    "remote.log.manager.task.retry.backoff.ms": Long = Is("500"), AtLeast(1), Inert,
        "First task retry delay.";
    "remote.log.manager.task.retry.jitter": Double = Is("0.2"), UpTo("0.5"), Inert,
        "Random share of the task retry delay.";
    "remote.log.manager.thread.pool.size": Int = Is("2"), AtLeast(1), Inert,
        "Threads for leader/follower tiering tasks.";
    "remote.log.metadata.custom.metadata.max.bytes": Int = Is("128"), AtLeast(0), Inert,
        "Size limit of plug-in metadata per tiered segment.";
    "remote.log.metadata.manager.class.name": String = Is("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"), NonEmpty, Inert,
        "Plug-in keeping tiered segment metadata.";
    "remote.log.metadata.manager.class.path": String = Null, Any, Inert,
        "Class path of that plug-in.";
    "remote.log.metadata.manager.impl.prefix": String = Is("rlmm.config."), NonEmpty, Inert,
        "Prefix of configs passed to that plug-in.";
    "remote.log.metadata.manager.listener.name": String = Null, NonEmpty, Inert,
        "Listener that plug-in uses to reach brokers.";
    "remote.log.reader.max.pending.tasks": Int = Is("100"), AtLeast(1), Inert,
        "Queue limit of tiered reads.";
    "remote.log.reader.threads": Int = Is("10"), AtLeast(1), Inert,
        "Threads serving tiered reads.";
    "remote.log.storage.manager.class.name": String = Null, NonEmpty, Inert,
        "Plug-in storing tiered segments.";
    "remote.log.storage.manager.class.path": String = Null, Any, Inert,
        "Class path of that plug-in.";
    "remote.log.storage.manager.impl.prefix": String = Is("rsm.config."), NonEmpty, Inert,
        "Prefix of configs passed to that plug-in.";
    "remote.log.storage.system.enable": Boolean = Is("false"), Any, Unmodelled,
        "Broker-wide switch of tiered storage.";
    "replica.fetch.backoff.ms": Int = Is("1000"), AtLeast(0), Modelled,
        "Follower's pause after a fetch error.";
    "replica.fetch.max.bytes": Int = Is("1048576"), AtLeast(0), Modelled,
        "Soft cap on bytes per partition in a follower fetch.";
    "replica.fetch.min.bytes": Int = Is("1"), Any, Modelled,
        "Bytes a follower fetch waits for.";
    "replica.fetch.response.max.bytes": Int = Is("10485760"), AtLeast(0), Modelled,
        "Soft cap on bytes of a whole follower fetch response.";
    "replica.fetch.wait.max.ms": Int = Is("500"), Any, Modelled,
        "Longest wait of a follower fetch; keep below replica.lag.time.max.ms.";
    "replica.high.watermark.checkpoint.interval.ms": Long = Is("5000"), Any, Modelled,
        "Period of writing high watermarks to disk.";
    "replica.lag.time.max.ms": Long = Is("30000"), Any, Modelled,
        "A follower not caught up to the leader's log end for this long leaves the ISR.";
    "replica.selector.class": String = Null, Any, Modelled,
        "Plug-in choosing the replica a consumer should read from.";
    "replica.socket.receive.buffer.bytes": Int = Is("65536"), Any, Inert,
        "Receive buffer of follower connections.";
    "replica.socket.timeout.ms": Int = Is("30000"), Any, Modelled,
        "Socket timeout of follower connections.";
    "replication.quota.window.num": Int = Is("11"), AtLeast(1), Modelled,
        "Windows kept for replication quotas.";
    "replication.quota.window.size.seconds": Int = Is("1"), AtLeast(1), Modelled,
        "Length of one replication quota window.";
    "request.timeout.ms": Int = Is("30000"), Any, Unmodelled,
        "Wait for the reply to one request before it counts as failed.";
    "reserved.broker.max.id": Int = Is("1000"), AtLeast(0), Inert,
        "Highest id an operator may choose when ids are generated.";
    "sasl.client.callback.handler.class": Class = Null, Any, Inert,
        "SASL authentication setting (client callback handler class); no influence on simulated semantics.";
    "sasl.enabled.mechanisms": List = Is("GSSAPI"), Any, Inert,
        "SASL authentication setting (enabled mechanisms); no influence on simulated semantics.";
    "sasl.jaas.config": Password = Null, Any, Inert,
        "SASL authentication setting (jaas config); no influence on simulated semantics.";
    "sasl.kerberos.kinit.cmd": String = Is("/usr/bin/kinit"), Any, Inert,
        "SASL authentication setting (kerberos kinit cmd); no influence on simulated semantics.";
    "sasl.kerberos.min.time.before.relogin": Long = Is("60000"), Any, Inert,
        "SASL authentication setting (kerberos min time before relogin); no influence on simulated semantics.";
    "sasl.kerberos.principal.to.local.rules": List = Is("DEFAULT"), Any, Inert,
        "SASL authentication setting (kerberos principal to local rules); no influence on simulated semantics.";
    "sasl.kerberos.service.name": String = Null, Any, Inert,
        "SASL authentication setting (kerberos service name); no influence on simulated semantics.";
    "sasl.kerberos.ticket.renew.jitter": Double = Is("0.05"), Any, Inert,
        "SASL authentication setting (kerberos ticket renew jitter); no influence on simulated semantics.";
    "sasl.kerberos.ticket.renew.window.factor": Double = Is("0.8"), Any, Inert,
        "SASL authentication setting (kerberos ticket renew window factor); no influence on simulated semantics.";
    "sasl.login.callback.handler.class": Class = Null, Any, Inert,
        "SASL authentication setting (login callback handler class); no influence on simulated semantics.";
    "sasl.login.class": Class = Null, Any, Inert,
        "SASL authentication setting (login class); no influence on simulated semantics.";
    "sasl.login.connect.timeout.ms": Int = Null, Any, Inert,
        "SASL authentication setting (login connect timeout ms); no influence on simulated semantics.";
    "sasl.login.read.timeout.ms": Int = Null, Any, Inert,
        "SASL authentication setting (login read timeout ms); no influence on simulated semantics.";
    "sasl.login.refresh.buffer.seconds": Short = Is("300"), Any, Inert,
        "SASL authentication setting (login refresh buffer seconds); no influence on simulated semantics.";
    "sasl.login.refresh.min.period.seconds": Short = Is("60"), Any, Inert,
        "SASL authentication setting (login refresh min period seconds); no influence on simulated semantics.";
    "sasl.login.refresh.window.factor": Double = Is("0.8"), Any, Inert,
        "SASL authentication setting (login refresh window factor); no influence on simulated semantics.";
    "sasl.login.refresh.window.jitter": Double = Is("0.05"), Any, Inert,
        "SASL authentication setting (login refresh window jitter); no influence on simulated semantics.";
    "sasl.login.retry.backoff.max.ms": Long = Is("10000"), Any, Inert,
        "SASL authentication setting (login retry backoff max ms); no influence on simulated semantics.";
    "sasl.login.retry.backoff.ms": Long = Is("100"), Any, Inert,
        "SASL authentication setting (login retry backoff ms); no influence on simulated semantics.";
    "sasl.mechanism.controller.protocol": String = Is("GSSAPI"), Any, Inert,
        "SASL authentication setting (mechanism controller protocol); no influence on simulated semantics.";
    "sasl.mechanism.inter.broker.protocol": String = Is("GSSAPI"), Any, Inert,
        "SASL authentication setting (mechanism inter broker protocol); no influence on simulated semantics.";
    "sasl.oauthbearer.clock.skew.seconds": Int = Is("30"), Any, Inert,
        "SASL authentication setting (oauthbearer clock skew seconds); no influence on simulated semantics.";
    "sasl.oauthbearer.expected.audience": List = Null, Any, Inert,
        "SASL authentication setting (oauthbearer expected audience); no influence on simulated semantics.";
    "sasl.oauthbearer.expected.issuer": String = Null, Any, Inert,
        "SASL authentication setting (oauthbearer expected issuer); no influence on simulated semantics.";
    "sasl.oauthbearer.jwks.endpoint.refresh.ms": Long = Is("3600000"), Any, Inert,
        "SASL authentication setting (oauthbearer jwks endpoint refresh ms); no influence on simulated semantics.";
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms": Long = Is("10000"), Any, Inert,
        "SASL authentication setting (oauthbearer jwks endpoint retry backoff max ms); no influence on simulated semantics.";
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms": Long = Is("100"), Any, Inert,
        "SASL authentication setting (oauthbearer jwks endpoint retry backoff ms); no influence on simulated semantics.";
    "sasl.oauthbearer.jwks.endpoint.url": String = Null, Any, Inert,
        "SASL authentication setting (oauthbearer jwks endpoint url); no influence on simulated semantics.";
    "sasl.oauthbearer.scope.claim.name": String = Is("scope"), Any, Inert,
        "SASL authentication setting (oauthbearer scope claim name); no influence on simulated semantics.";
    "sasl.oauthbearer.sub.claim.name": String = Is("sub"), Any, Inert,
        "SASL authentication setting (oauthbearer sub claim name); no influence on simulated semantics.";
    "sasl.oauthbearer.token.endpoint.url": String = Null, Any, Inert,
        "SASL authentication setting (oauthbearer token endpoint url); no influence on simulated semantics.";
    "sasl.server.callback.handler.class": Class = Null, Any, Inert,
        "SASL authentication setting (server callback handler class); no influence on simulated semantics.";
    "sasl.server.max.receive.size": Int = Is("524288"), Any, Inert,
        "SASL authentication setting (server max receive size); no influence on simulated semantics.";
    "security.inter.broker.protocol": String = Is("PLAINTEXT"), OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]), Inert,
        "Security protocol / provider selection (inter broker protocol).";
    "security.providers": String = Null, Any, Inert,
        "Security protocol / provider selection (providers).";
    "server.max.startup.time.ms": Long = Is("9223372036854775807"), AtLeast(0), Modelled,
        "Time limit of broker start-up.";
    "share.coordinator.append.linger.ms": Int = Is("10"), AtLeast(0), Inert,
        "How long the share coordinator gathers records before writing.";
    "share.coordinator.load.buffer.size": Int = Is("5242880"), AtLeast(1), Inert,
        "Read size when a share coordinator loads its partition.";
    "share.coordinator.snapshot.update.records.per.snapshot": Int = Is("500"), AtLeast(0), Inert,
        "Delta records between share-state snapshots.";
    "share.coordinator.state.topic.compression.codec": Int = Is("0"), Any, Inert,
        "Codec number of the share state topic.";
    "share.coordinator.state.topic.min.isr": Short = Is("2"), AtLeast(1), Inert,
        "min.insync.replicas of the share state topic.";
    "share.coordinator.state.topic.num.partitions": Int = Is("50"), AtLeast(1), Inert,
        "Partition count of the share state topic.";
    "share.coordinator.state.topic.replication.factor": Short = Is("3"), AtLeast(1), Inert,
        "Replica count of the share state topic.";
    "share.coordinator.state.topic.segment.bytes": Int = Is("104857600"), AtLeast(1), Inert,
        "Segment size of the share state topic.";
    "share.coordinator.threads": Int = Is("1"), AtLeast(1), Inert,
        "Event-loop threads of the share coordinator.";
    "share.coordinator.write.timeout.ms": Int = Is("5000"), AtLeast(1), Inert,
        "Wait for replication of a share-coordinator write.";
    "share.fetch.max.fetch.records": Int = Is("2147483647"), Any, Inert,
        "Records per share fetch.";
    "share.fetch.purgatory.purge.interval.requests": Int = Is("1000"), Any, Inert,
        "Completed share fetch waits that accumulate before a purge.";
    "socket.connection.setup.timeout.max.ms": Long = Is("30000"), Any, Unmodelled,
        "Cap on the growing connect timeout.";
    "socket.connection.setup.timeout.ms": Long = Is("10000"), Any, Unmodelled,
        "First connect timeout.";
    "socket.listen.backlog.size": Int = Is("50"), AtLeast(1), Inert,
        "Pending-connection backlog.";
    "socket.receive.buffer.bytes": Int = Is("102400"), Any, Inert,
        "Receive buffer of server sockets.";
    "socket.request.max.bytes": Int = Is("104857600"), AtLeast(1), Inert,
        "Largest request a broker reads.";
    "socket.send.buffer.bytes": Int = Is("102400"), Any, Inert,
        "Send buffer of server sockets.";
    "ssl.allow.dn.changes": Boolean = Is("false"), Any, Inert,
        "TLS setting (allow dn changes); no influence on simulated semantics.";
    "ssl.allow.san.changes": Boolean = Is("false"), Any, Inert,
        "TLS setting (allow san changes); no influence on simulated semantics.";
    "ssl.cipher.suites": List = Is(""), Any, Inert,
        "TLS setting (cipher suites); no influence on simulated semantics.";
    "ssl.client.auth": String = Is("none"), OneOf(&["required", "requested", "none"]), Inert,
        "TLS setting (client auth); no influence on simulated semantics.";
    "ssl.enabled.protocols": List = Is("TLSv1.2,TLSv1.3"), Any, Inert,
        "TLS setting (enabled protocols); no influence on simulated semantics.";
    "ssl.endpoint.identification.algorithm": String = Is("https"), Any, Inert,
        "TLS setting (endpoint identification algorithm); no influence on simulated semantics.";
    "ssl.engine.factory.class": Class = Null, Any, Inert,
        "TLS setting (engine factory class); no influence on simulated semantics.";
    "ssl.key.password": Password = Null, Any, Inert,
        "TLS setting (key password); no influence on simulated semantics.";
    "ssl.keymanager.algorithm": String = Is("SunX509"), Any, Inert,
        "TLS setting (keymanager algorithm); no influence on simulated semantics.";
    "ssl.keystore.certificate.chain": Password = Null, Any, Inert,
        "TLS setting (keystore certificate chain); no influence on simulated semantics.";
    "ssl.keystore.key": Password = Null, Any, Inert,
        "TLS setting (keystore key); no influence on simulated semantics.";
    "ssl.keystore.location": String = Null, Any, Inert,
        "TLS setting (keystore location); no influence on simulated semantics.";
    "ssl.keystore.password": Password = Null, Any, Inert,
        "TLS setting (keystore password); no influence on simulated semantics.";
    "ssl.keystore.type": String = Is("JKS"), Any, Inert,
        "TLS setting (keystore type); no influence on simulated semantics.";
    "ssl.principal.mapping.rules": String = Is("DEFAULT"), Any, Inert,
        "TLS setting (principal mapping rules); no influence on simulated semantics.";
    "ssl.protocol": String = Is("TLSv1.3"), Any, Inert,
        "TLS setting (protocol); no influence on simulated semantics.";
    "ssl.provider": String = Null, Any, Inert,
        "TLS setting (provider); no influence on simulated semantics.";
    "ssl.secure.random.implementation": String = Null, Any, Inert,
        "TLS setting (secure random implementation); no influence on simulated semantics.";
    "ssl.trustmanager.algorithm": String = Is("PKIX"), Any, Inert,
        "TLS setting (trustmanager algorithm); no influence on simulated semantics.";
    "ssl.truststore.certificates": Password = Null, Any, Inert,
        "TLS setting (truststore certificates); no influence on simulated semantics.";
    "ssl.truststore.location": String = Null, Any, Inert,
        "TLS setting (truststore location); no influence on simulated semantics.";
    "ssl.truststore.password": Password = Null, Any, Inert,
        "TLS setting (truststore password); no influence on simulated semantics.";
    "ssl.truststore.type": String = Is("JKS"), Any, Inert,
        "TLS setting (truststore type); no influence on simulated semantics.";
    "telemetry.max.bytes": Int = Is("1048576"), AtLeast(1), Inert,
        "Size limit of pushed client metrics.";
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": Int = Is("10000"), AtLeast(1), Modelled,
        "How often the transaction coordinator looks for transactions past their timeout.";
    "transaction.max.timeout.ms": Int = Is("900000"), AtLeast(1), Modelled,
        "Highest transaction.timeout.ms a producer may ask for.";
    "transaction.partition.verification.enable": Boolean = Is("true"), Any, Modelled,
        "Verify with the coordinator that a partition was added to the transaction before appending.";
    "transaction.remove.expired.transaction.cleanup.interval.ms": Int = Is("3600000"), AtLeast(1), Modelled,
        "How often expired transactional ids are looked for.";
    "transaction.state.log.load.buffer.size": Int = Is("5242880"), AtLeast(1), Inert,
        "Read size when a transaction coordinator loads its partition.";
    "transaction.state.log.min.isr": Int = Is("2"), AtLeast(1), Modelled,
        "min.insync.replicas of the internal transaction topic.";
    "transaction.state.log.num.partitions": Int = Is("50"), AtLeast(1), Modelled,
        "Partition count of the internal transaction topic; picks the coordinator.";
    "transaction.state.log.replication.factor": Short = Is("3"), AtLeast(1), Modelled,
        "Replica count of the internal transaction topic.";
    "transaction.state.log.segment.bytes": Int = Is("104857600"), AtLeast(1), Inert,
        "Segment size of the internal transaction topic.";
    "transactional.id.expiration.ms": Int = Is("604800000"), AtLeast(1), Modelled,
        "Idle time after which a transactional id is forgotten.";
    "unclean.leader.election.enable": Boolean = Is("false"), Any, Modelled,
        "Whether a replica outside the ISR may become leader, losing data.";
    "unclean.leader.election.interval.ms": Long = Is("300000"), AtLeast(1), Unmodelled,
        "How often the controller checks whether an unclean election is needed.";
    "unstable.api.versions.enable": Boolean = Is("false"), Any, Unmodelled,
        "Offer API versions still in development.";
    "unstable.feature.versions.enable": Boolean = Is("false"), Any, Unmodelled,
        "Allow feature levels still in development.";
    "zookeeper.clientCnxnSocket": String = Null, Any, Unmodelled,
        "ZooKeeper-mode setting (clientCnxnSocket), going away in 4.0.";
    "zookeeper.connect": String = Null, Any, Unmodelled,
        "ZooKeeper-mode setting (connect), going away in 4.0.";
    "zookeeper.connection.timeout.ms": Int = Null, Any, Unmodelled,
        "ZooKeeper-mode setting (connection timeout ms), going away in 4.0.";
    "zookeeper.max.in.flight.requests": Int = Is("10"), AtLeast(1), Unmodelled,
        "ZooKeeper-mode setting (max in flight requests), going away in 4.0.";
    "zookeeper.metadata.migration.enable": Boolean = Is("false"), Any, Unmodelled,
        "ZooKeeper-mode setting (metadata migration enable), going away in 4.0.";
    "zookeeper.metadata.migration.min.batch.size": Int = Is("200"), AtLeast(1), Unmodelled,
        "ZooKeeper-mode setting (metadata migration min batch size), going away in 4.0.";
    "zookeeper.session.timeout.ms": Int = Is("18000"), Any, Unmodelled,
        "ZooKeeper-mode setting (session timeout ms), going away in 4.0.";
    "zookeeper.set.acl": Boolean = Is("false"), Any, Unmodelled,
        "ZooKeeper-mode setting (set acl), going away in 4.0.";
    "zookeeper.ssl.cipher.suites": List = Null, Any, Unmodelled,
        "TLS setting of the ZooKeeper client (cipher suites).";
    "zookeeper.ssl.client.enable": Boolean = Is("false"), Any, Unmodelled,
        "TLS setting of the ZooKeeper client (client enable).";
    "zookeeper.ssl.crl.enable": Boolean = Is("false"), Any, Unmodelled,
        "TLS setting of the ZooKeeper client (crl enable).";
    "zookeeper.ssl.enabled.protocols": List = Null, Any, Unmodelled,
        "TLS setting of the ZooKeeper client (enabled protocols).";
    "zookeeper.ssl.endpoint.identification.algorithm": String = Is("HTTPS"), Any, Unmodelled,
        "TLS setting of the ZooKeeper client (endpoint identification algorithm).";
    "zookeeper.ssl.keystore.location": String = Null, Any, Unmodelled,
        "TLS setting of the ZooKeeper client (keystore location).";
    "zookeeper.ssl.keystore.password": Password = Null, Any, Unmodelled,
        "TLS setting of the ZooKeeper client (keystore password).";
    "zookeeper.ssl.keystore.type": String = Null, Any, Unmodelled,
        "TLS setting of the ZooKeeper client (keystore type).";
    "zookeeper.ssl.ocsp.enable": Boolean = Is("false"), Any, Unmodelled,
        "TLS setting of the ZooKeeper client (ocsp enable).";
    "zookeeper.ssl.protocol": String = Is("TLSv1.2"), Any, Unmodelled,
        "TLS setting of the ZooKeeper client (protocol).";
    "zookeeper.ssl.truststore.location": String = Null, Any, Unmodelled,
        "TLS setting of the ZooKeeper client (truststore location).";
    "zookeeper.ssl.truststore.password": Password = Null, Any, Unmodelled,
        "TLS setting of the ZooKeeper client (truststore password).";
    "zookeeper.ssl.truststore.type": String = Null, Any, Unmodelled,
        "TLS setting of the ZooKeeper client (truststore type).";
}
