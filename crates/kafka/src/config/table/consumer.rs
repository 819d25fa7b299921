//! The keys of a consumer.
//!
//! Data only: what a value means for the model is decided where settings are built.

use super::keys;

keys! { CONSUMER
    "allow.auto.create.topics": Boolean = Is("true"), Any, Inert,
        "Whether a consumer's metadata lookups may make the broker create a missing topic.";
    "auto.commit.interval.ms": Int = Is("5000"), AtLeast(0), Modelled,
        "Period of background offset commits while enable.auto.commit is on.";
    "auto.offset.reset": String = Is("latest"), Any, Modelled,
        "Where a consumer starts when it has no usable committed position: earliest, latest, by_duration:PT1H, or none to raise an error.";
    "bootstrap.servers": List = Is(""), Any, Inert,
        "Initial broker addresses a client uses to learn the cluster.";
    "check.crcs": Boolean = Is("true"), Any, Inert,
        "Whether the consumer verifies batch checksums.";
    "client.dns.lookup": String = Is("use_all_dns_ips"), OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]), Inert,
        "How host names of brokers are resolved to addresses.";
    "client.id": String = Is(""), Any, Inert,
        "Free-form name a client puts into requests, used in logs, quotas and the member id prefix.";
    "client.rack": String = Is(""), Any, Modelled,
        "Failure-domain label of a consumer; enables closest-replica fetch and rack-aware assignment.";
    "connections.max.idle.ms": Long = Is("540000"), Any, Unmodelled,
        "Idle time after which a connection is closed.";
    "default.api.timeout.ms": Int = Is("60000"), AtLeast(0), Modelled,
        "Overall time limit of blocking client calls that take no explicit timeout.";
    "enable.auto.commit": Boolean = Is("true"), Any, Modelled,
        "Whether the consumer commits its position periodically by itself.";
    "enable.metrics.push": Boolean = Is("true"), Any, Inert,
        "Let the cluster collect client metrics (KIP-714).";
    "exclude.internal.topics": Boolean = Is("true"), Any, Inert,
        "Hide internal topics from pattern subscriptions.";
    "fetch.max.bytes": Int = Is("52428800"), AtLeast(0), Modelled,
        "Soft cap on the bytes in one fetch response; the first batch is returned even if larger.";
    "fetch.max.wait.ms": Int = Is("500"), AtLeast(0), Modelled,
        "Longest the broker holds a fetch that hasn't reached fetch.min.bytes.";
    "fetch.min.bytes": Int = Is("1"), AtLeast(0), Modelled,
        "Bytes the broker tries to have ready before answering a fetch.";
    "group.id": String = Null, Any, Inert,
        "Name of the consumer group to join.";
    "group.instance.id": String = Null, NonEmpty, Modelled,
        "Stable member identity that survives restarts (static membership).";
    "group.protocol": String = Is("classic"), OneOfAnyCase(&["CONSUMER", "CLASSIC"]), Modelled,
        "Whether a consumer uses the classic join/sync protocol or the KIP-848 heartbeat protocol.";
    "group.remote.assignor": String = Null, Any, Modelled,
        "Server-side assignor that a new-protocol member asks for.";
    "heartbeat.interval.ms": Int = Is("3000"), Any, Modelled,
        "Heartbeat period of a classic-protocol consumer.";
    "interceptor.classes": List = Is(""), Any, Unmodelled,
        "Plug-ins that see records before send / after fetch.";
    "internal.leave.group.on.close": Boolean = Is("true"), Any, Modelled,
        "Internal: whether closing a dynamic consumer sends a leave request.";
    "internal.throw.on.fetch.stable.offset.unsupported": Boolean = Is("false"), Any, Unmodelled,
        "Internal: fail instead of falling back when the broker can't report stable offsets.";
    "isolation.level": String = Is("read_uncommitted"), OneOf(&["read_committed", "read_uncommitted"]), Modelled,
        "Whether aborted and still-open transactional records are hidden from the consumer.";
    "key.deserializer": Class = Required, Any, Inert,
        "Class that turns key bytes into objects.";
    "max.partition.fetch.bytes": Int = Is("1048576"), AtLeast(0), Modelled,
        "Soft cap on bytes per partition in a fetch response.";
    "max.poll.interval.ms": Int = Is("300000"), AtLeast(1), Modelled,
        "Longest gap between polls before a consumer is considered stuck and leaves; doubles as its rebalance timeout.";
    "max.poll.records": Int = Is("500"), AtLeast(1), Modelled,
        "Records handed out per poll call; doesn't change fetching.";
    "metadata.max.age.ms": Long = Is("300000"), AtLeast(0), Modelled,
        "Forced metadata refresh period of a client.";
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
    "partition.assignment.strategy": List = Is("org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.CooperativeStickyAssignor"), Any, Modelled,
        "Classic-protocol assignors a consumer supports, most preferred first.";
    "receive.buffer.bytes": Int = Is("65536"), AtLeast(-1), Inert,
        "Socket receive buffer; -1 leaves it to the OS.";
    "reconnect.backoff.max.ms": Long = Is("1000"), AtLeast(0), Modelled,
        "Cap on the growing reconnect delay per broker.";
    "reconnect.backoff.ms": Long = Is("50"), AtLeast(0), Modelled,
        "First reconnect delay per broker.";
    "request.timeout.ms": Int = Is("30000"), AtLeast(0), Modelled,
        "Wait for the reply to one request before it counts as failed.";
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
    "session.timeout.ms": Int = Is("45000"), Any, Modelled,
        "Silence after which a classic member is dropped from its group.";
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
    "value.deserializer": Class = Required, Any, Inert,
        "Class that turns value bytes into objects.";
}
