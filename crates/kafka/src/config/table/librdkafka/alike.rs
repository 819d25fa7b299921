//! librdkafka's properties that consumers and producers have alike, under their first names.
//!
//! Data only. Source: librdkafka's CONFIGURATION.md (2.15), what is set by functions left out.

use super::super::keys;

keys! { COMMON
    "allow.auto.create.topics": Switch = Is("false"), Any, Inert,
        "Whether lookups may make the broker create a missing topic.";
    "api.version.fallback.ms": Int = Is("0"), Between(0, 604800000), Inert,
        "Deprecated; no influence on simulated semantics.";
    "api.version.request": Switch = Is("true"), Any, Inert,
        "Deprecated; no influence on simulated semantics.";
    "api.version.request.timeout.ms": Int = Is("10000"), Between(1, 300000), Inert,
        "No influence on simulated semantics.";
    "broker.address.family": String = Is("any"), OneOf(&["any", "v4", "v6"]), Inert,
        "Sockets and addresses; no influence on simulated semantics.";
    "broker.address.ttl": Int = Is("1000"), Between(0, 86400000), Inert,
        "Sockets and addresses; no influence on simulated semantics.";
    "broker.version.fallback": String = Is("0.10.0"), Any, Inert,
        "Deprecated; no influence on simulated semantics.";
    "client.dns.lookup": String = Is("use_all_dns_ips"), OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]), Inert,
        "How host names of brokers are resolved.";
    "client.id": String = Is("rdkafka"), Any, Inert,
        "Free-form name of a client.";
    "connections.max.idle.ms": Int = Is("0"), Between(0, 2147483647), Unmodelled,
        "Idle time after which a connection is closed; 0 is never.";
    "debug": List = Null, Any, Inert,
        "Logging; no influence on simulated semantics.";
    "enable.metrics.push": Switch = Is("true"), Any, Inert,
        "Let the cluster collect client metrics (KIP-714).";
    "enable.random.seed": Switch = Is("true"), Any, Inert,
        "No influence on simulated semantics.";
    "enable.sasl.oauthbearer.unsecure.jwt": Switch = Is("false"), Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "enable.ssl.certificate.verification": Switch = Is("true"), Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "enabled_events": Int = Is("0"), Between(0, 2147483647), Inert,
        "No influence on simulated semantics.";
    "https.ca.location": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "https.ca.pem": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "internal.termination.signal": Int = Is("0"), Between(0, 128), Inert,
        "No influence on simulated semantics.";
    "log.connection.close": Switch = Is("true"), Any, Inert,
        "Logging; no influence on simulated semantics.";
    "log.queue": Switch = Is("false"), Any, Inert,
        "Logging; no influence on simulated semantics.";
    "log.thread.name": Switch = Is("true"), Any, Inert,
        "Logging; no influence on simulated semantics.";
    "log_level": Int = Is("6"), Between(0, 7), Inert,
        "Logging; no influence on simulated semantics.";
    "message.copy.max.bytes": Int = Is("65535"), Between(0, 1000000000), Inert,
        "Largest record that is copied rather than referred to.";
    "metadata.broker.list": String = Null, Any, Inert,
        "Initial broker addresses.";
    "metadata.max.age.ms": Int = Is("900000"), Between(1, 86400000), Inert,
        "How long cached metadata are believed.";
    "metadata.recovery.rebootstrap.trigger.ms": Int = Is("300000"), Between(0, 2147483647), Unmodelled,
        "How long a client without usable metadata waits before it starts again from its bootstrap servers.";
    "metadata.recovery.strategy": String = Is("rebootstrap"), OneOf(&["none", "rebootstrap"]), Unmodelled,
        "What a client does when no known broker answers.";
    "plugin.library.paths": String = Null, Any, Unmodelled,
        "Plug-ins to load.";
    "receive.message.max.bytes": Int = Is("100000000"), Between(1000, 2147483647), Inert,
        "Largest response that is read.";
    "reconnect.backoff.jitter.ms": Int = Is("0"), Between(0, 3600000), Inert,
        "Deprecated; no influence on simulated semantics.";
    "reconnect.backoff.max.ms": Int = Is("10000"), Between(0, 3600000), Modelled,
        "Cap on the growing wait before a broker is connected to again.";
    "reconnect.backoff.ms": Int = Is("100"), Between(0, 3600000), Modelled,
        "First wait before a broker is connected to again.";
    "retry.backoff.max.ms": Int = Is("1000"), Between(1, 300000), Modelled,
        "Cap on the growing wait before something is tried again.";
    "retry.backoff.ms": Int = Is("100"), Between(1, 300000), Modelled,
        "First wait before something that failed is tried again.";
    "sasl.kerberos.keytab": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.kerberos.kinit.cmd": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.kerberos.min.time.before.relogin": Int = Is("60000"), Between(0, 86400000), Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.kerberos.principal": String = Is("kafkaclient"), Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.kerberos.service.name": String = Is("kafka"), Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.mechanisms": String = Is("GSSAPI"), Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.algorithm": String = Is("RS256"), OneOf(&["RS256", "ES256"]), Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.claim.aud": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.claim.exp.seconds": Int = Is("300"), Between(1, 2147483647), Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.claim.iss": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.claim.jti.include": Switch = Is("false"), Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.claim.nbf.seconds": Int = Is("60"), Between(0, 2147483647), Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.claim.sub": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.file": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.jwt.template.file": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.private.key.file": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.private.key.passphrase": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.assertion.private.key.pem": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.client.id": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.client.secret": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.config": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.extensions": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.grant.type": String = Is("client_credentials"), OneOf(&["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"]), Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.metadata.authentication.type": String = Is("none"), OneOf(&["none", "azure_imds", "aws_iam"]), Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.method": String = Is("default"), OneOf(&["default", "oidc"]), Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.scope": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.sub.claim.name": String = Is("sub"), Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.oauthbearer.token.endpoint.url": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.password": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "sasl.username": String = Null, Any, Inert,
        "SASL authentication setting; no influence on simulated semantics.";
    "security.protocol": String = Is("plaintext"), OneOf(&["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]), Inert,
        "Security protocol; no influence on simulated semantics.";
    "socket.blocking.max.ms": Int = Is("1000"), Between(1, 60000), Inert,
        "Sockets and addresses; no influence on simulated semantics.";
    "socket.connection.setup.timeout.ms": Int = Is("30000"), Between(1000, 2147483647), Unmodelled,
        "Longest that a connection may take to be set up.";
    "socket.keepalive.enable": Switch = Is("false"), Any, Inert,
        "Sockets and addresses; no influence on simulated semantics.";
    "socket.max.fails": Int = Is("1"), Between(0, 1000000), Unmodelled,
        "Failed requests after which a connection is given up.";
    "socket.nagle.disable": Switch = Is("true"), Any, Inert,
        "Sockets and addresses; no influence on simulated semantics.";
    "socket.receive.buffer.bytes": Int = Is("0"), Between(0, 100000000), Inert,
        "Sockets and addresses; no influence on simulated semantics.";
    "socket.send.buffer.bytes": Int = Is("0"), Between(0, 100000000), Inert,
        "Sockets and addresses; no influence on simulated semantics.";
    "socket.timeout.ms": Int = Is("60000"), Between(10, 300000), Modelled,
        "How long a request may go unanswered before the connection is given up.";
    "ssl.ca.certificate.stores": String = Is("Root"), Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.ca.location": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.ca.pem": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.certificate.location": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.certificate.pem": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.cipher.suites": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.crl.location": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.curves.list": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.endpoint.identification.algorithm": String = Is("https"), OneOf(&["none", "https"]), Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.engine.id": String = Is("dynamic"), Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.engine.location": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.key.location": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.key.password": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.key.pem": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.keystore.location": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.keystore.password": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.providers": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "ssl.sigalgs.list": String = Null, Any, Inert,
        "TLS setting; no influence on simulated semantics.";
    "statistics.interval.ms": Int = Is("0"), Between(0, 86400000), Inert,
        "How often statistics are told.";
    "topic.blacklist": String = Null, Any, Unmodelled,
        "Topics that are ignored.";
    "topic.metadata.propagation.max.ms": Int = Is("30000"), Between(0, 3600000), Unmodelled,
        "How long a topic may be unknown before sends to it fail.";
    "topic.metadata.refresh.fast.cnt": Int = Is("10"), Between(0, 1000), Inert,
        "Deprecated; no influence on simulated semantics.";
    "topic.metadata.refresh.fast.interval.ms": Int = Is("100"), Between(1, 60000), Unmodelled,
        "First wait between questions for metadata while a topic has no leader.";
    "topic.metadata.refresh.interval.ms": Int = Is("300000"), Between(-1, 3600000), Modelled,
        "How often metadata are asked for although nothing asks for it; -1 is never.";
    "topic.metadata.refresh.sparse": Switch = Is("true"), Any, Inert,
        "No influence on simulated semantics.";
}
