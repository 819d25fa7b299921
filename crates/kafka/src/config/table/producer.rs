//! The keys of a producer.
//!
//! Data only: what a value means for the model is decided where settings are built.

use super::keys;

keys! { PRODUCER
    "acks": String = Is("all"), OneOf(&["all", "-1", "0", "1"]), Modelled,
        "How many replica confirmations a produce request waits for: 0 none, 1 leader only, all/-1 every in-sync replica.";
    "batch.size": Int = Is("16384"), AtLeast(0), Modelled,
        "Upper target, in bytes, for one producer batch per partition; also the byte amount after which the sticky partitioner moves on.";
    "bootstrap.servers": List = Is(""), Any, Inert,
        "Initial broker addresses a client uses to learn the cluster.";
    "buffer.memory": Long = Is("33554432"), AtLeast(0), Modelled,
        "Total bytes a producer may hold for unsent records before send blocks.";
    "client.dns.lookup": String = Is("use_all_dns_ips"), OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]), Inert,
        "How host names of brokers are resolved to addresses.";
    "client.id": String = Is(""), Any, Inert,
        "Free-form name a client puts into requests, used in logs, quotas and the member id prefix.";
    "compression.gzip.level": Int = Is("-1"), BetweenOr(1, 9, -1), Modelled,
        "Effort level when gzip is the codec.";
    "compression.lz4.level": Int = Is("9"), Between(1, 17), Modelled,
        "Effort level when lz4 is the codec.";
    "compression.type": String = Is("none"), OneOf(&["none", "gzip", "snappy", "lz4", "zstd"]), Modelled,
        "Codec for record batches; on topics/brokers the value 'producer' keeps what was sent.";
    "compression.zstd.level": Int = Is("3"), Between(-131072, 22), Modelled,
        "Effort level when zstd is the codec.";
    "connections.max.idle.ms": Long = Is("540000"), Any, Unmodelled,
        "Idle time after which a connection is closed.";
    "delivery.timeout.ms": Int = Is("120000"), AtLeast(0), Modelled,
        "Bound on the time between send returning and success or failure being reported, retries included.";
    "enable.idempotence": Boolean = Is("true"), Any, Modelled,
        "Tag batches with producer id and sequence so that retries neither duplicate nor reorder.";
    "enable.metrics.push": Boolean = Is("true"), Any, Inert,
        "Let the cluster collect client metrics (KIP-714).";
    "interceptor.classes": List = Is(""), Any, Unmodelled,
        "Plug-ins that see records before send / after fetch.";
    "key.serializer": Class = Required, Any, Inert,
        "Class that turns key objects into bytes.";
    "linger.ms": Long = Is("5"), AtLeast(0), Modelled,
        "Extra time the producer waits for a batch to fill before sending it.";
    "max.block.ms": Long = Is("60000"), AtLeast(0), Modelled,
        "Longest that send and other producer calls block on metadata or buffer space.";
    "max.in.flight.requests.per.connection": Int = Is("5"), AtLeast(1), Modelled,
        "Unanswered produce requests allowed per broker; above 1 needs idempotence (at most 5) to keep order.";
    "max.request.size": Int = Is("1048576"), AtLeast(0), Modelled,
        "Largest produce request (and uncompressed record) the producer sends.";
    "metadata.max.age.ms": Long = Is("300000"), AtLeast(0), Modelled,
        "Forced metadata refresh period of a client.";
    "metadata.max.idle.ms": Long = Is("300000"), AtLeast(5000), Unmodelled,
        "Time without sends after which a producer forgets a topic's metadata.";
    "metadata.recovery.rebootstrap.trigger.ms": Long = Is("300000"), AtLeast(0), Unmodelled,
        "How long a client without usable metadata waits before it starts again from bootstrap.servers (4.0).";
    "metadata.recovery.strategy": String = Is("rebootstrap"), OneOfAnyCase(&["REBOOTSTRAP", "NONE"]), Unmodelled,
        "What a client does when no known broker answers: give up or bootstrap again.";
    "metric.reporters": List = Is("org.apache.kafka.common.metrics.JmxReporter"), Any, Inert,
        "Metrics reporter plug-ins.";
    "metrics.num.samples": Int = Is("2"), AtLeast(1), Inert,
        "Sample windows per metric.";
    "metrics.recording.level": String = Is("INFO"), OneOf(&["INFO", "DEBUG", "TRACE"]), Inert,
        "Lowest level of sensors that record.";
    "metrics.sample.window.ms": Long = Is("30000"), AtLeast(0), Inert,
        "Length of one metrics window.";
    "partitioner.adaptive.partitioning.enable": Boolean = Is("true"), Any, Modelled,
        "Let the default partitioner favour brokers with short queues.";
    "partitioner.availability.timeout.ms": Long = Is("0"), AtLeast(0), Modelled,
        "Unready time after which the default partitioner avoids a partition; 0 disables.";
    "partitioner.class": Class = Null, Any, Modelled,
        "Custom partitioner; unset means the built-in one.";
    "partitioner.ignore.keys": Boolean = Is("false"), Any, Modelled,
        "Make the built-in partitioner disregard keys.";
    "receive.buffer.bytes": Int = Is("32768"), AtLeast(-1), Inert,
        "Socket receive buffer; -1 leaves it to the OS.";
    "reconnect.backoff.max.ms": Long = Is("1000"), AtLeast(0), Modelled,
        "Cap on the growing reconnect delay per broker.";
    "reconnect.backoff.ms": Long = Is("50"), AtLeast(0), Modelled,
        "First reconnect delay per broker.";
    "request.timeout.ms": Int = Is("30000"), AtLeast(0), Modelled,
        "Wait for the reply to one request before it counts as failed.";
    "retries": Int = Is("2147483647"), Between(0, 2147483647), Modelled,
        "How often a transiently failed send or call is repeated.";
    "retry.backoff.max.ms": Long = Is("1000"), AtLeast(0), Modelled,
        "Cap on the growing retry delay.";
    "retry.backoff.ms": Long = Is("100"), AtLeast(0), Modelled,
        "First retry delay.";
    "sasl.client.callback.handler.class": Class = Null, Any, Inert,
        "SASL authentication setting (client callback handler class); no influence on simulated semantics.";
    "sasl.jaas.config": Password = Null, Any, Inert,
        "SASL authentication setting (jaas config); no influence on simulated semantics.";
    "sasl.kerberos.kinit.cmd": String = Is("/usr/bin/kinit"), Any, Inert,
        "SASL authentication setting (kerberos kinit cmd); no influence on simulated semantics.";
    "sasl.kerberos.min.time.before.relogin": Long = Is("60000"), Any, Inert,
        "SASL authentication setting (kerberos min time before relogin); no influence on simulated semantics.";
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
    "sasl.login.refresh.buffer.seconds": Short = Is("300"), Between(0, 3600), Inert,
        "SASL authentication setting (login refresh buffer seconds); no influence on simulated semantics.";
    "sasl.login.refresh.min.period.seconds": Short = Is("60"), Between(0, 900), Inert,
        "SASL authentication setting (login refresh min period seconds); no influence on simulated semantics.";
    "sasl.login.refresh.window.factor": Double = Is("0.8"), UpTo("1.0"), Inert,
        "SASL authentication setting (login refresh window factor); no influence on simulated semantics.";
    "sasl.login.refresh.window.jitter": Double = Is("0.05"), UpTo("0.25"), Inert,
        "SASL authentication setting (login refresh window jitter); no influence on simulated semantics.";
    "sasl.login.retry.backoff.max.ms": Long = Is("10000"), Any, Inert,
        "SASL authentication setting (login retry backoff max ms); no influence on simulated semantics.";
    "sasl.login.retry.backoff.ms": Long = Is("100"), Any, Inert,
        "SASL authentication setting (login retry backoff ms); no influence on simulated semantics.";
    "sasl.mechanism": String = Is("GSSAPI"), Any, Inert,
        "SASL authentication setting (mechanism); no influence on simulated semantics.";
    "sasl.oauthbearer.clock.skew.seconds": Int = Is("30"), Any, Inert,
        "SASL authentication setting (oauthbearer clock skew seconds); no influence on simulated semantics.";
    "sasl.oauthbearer.expected.audience": List = Null, Any, Inert,
        "SASL authentication setting (oauthbearer expected audience); no influence on simulated semantics.";
    "sasl.oauthbearer.expected.issuer": String = Null, Any, Inert,
        "SASL authentication setting (oauthbearer expected issuer); no influence on simulated semantics.";
    "sasl.oauthbearer.header.urlencode": Boolean = Is("false"), Any, Inert,
        "SASL authentication setting (oauthbearer header urlencode); no influence on simulated semantics.";
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
    "security.protocol": String = Is("PLAINTEXT"), OneOfAnyCase(&["SASL_SSL", "PLAINTEXT", "SSL", "SASL_PLAINTEXT"]), Inert,
        "Security protocol / provider selection (protocol).";
    "security.providers": String = Null, Any, Inert,
        "Security protocol / provider selection (providers).";
    "send.buffer.bytes": Int = Is("131072"), AtLeast(-1), Inert,
        "Socket send buffer; -1 leaves it to the OS.";
    "socket.connection.setup.timeout.max.ms": Long = Is("30000"), Any, Unmodelled,
        "Cap on the growing connect timeout.";
    "socket.connection.setup.timeout.ms": Long = Is("10000"), Any, Unmodelled,
        "First connect timeout.";
    "ssl.cipher.suites": List = Null, Any, Inert,
        "TLS setting (cipher suites); no influence on simulated semantics.";
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
    "transaction.timeout.ms": Int = Is("60000"), Any, Modelled,
        "Longest a transaction may stay open before the coordinator aborts it.";
    "transactional.id": String = Null, NonEmpty, Modelled,
        "Identity that turns on transactions and fences older producers of the same id.";
    "value.serializer": Class = Required, Any, Inert,
        "Class that turns value objects into bytes.";
}
