//! Errors, under librdkafka's names and numbers.

use std::error::Error;
use std::fmt;

use stormglass_types::ErrorCode;

/// Kafka result.
pub type KafkaResult<T> = Result<T, KafkaError>;

/// Whether a value stands for an error.
pub trait IsError {
    /// Whether it does.
    fn is_error(&self) -> bool;
}

/// Declares the codes with their numbers.
macro_rules! codes {
    ($($name:ident = $code:literal,)*) => {
        /// An error code: negative ones are the client's own, the others Kafka's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(i32)]
        #[expect(missing_docs, reason = "librdkafka's own names")]
        pub enum RDKafkaErrorCode { $($name = $code,)* }

        impl RDKafkaErrorCode {
            /// The code of a number.
            #[must_use]
            pub const fn from_number(number: i32) -> Self {
                match number { $($code => Self::$name,)* _ => Self::Unknown }
            }
        }
    };
}

codes! {
    BadMessage = -199,
    BadCompression = -198,
    BrokerDestroy = -197,
    Fail = -196,
    BrokerTransportFailure = -195,
    CriticalSystemResource = -194,
    Resolve = -193,
    MessageTimedOut = -192,
    PartitionEOF = -191,
    UnknownPartition = -190,
    FileSystem = -189,
    UnknownTopic = -188,
    AllBrokersDown = -187,
    InvalidArgument = -186,
    OperationTimedOut = -185,
    QueueFull = -184,
    ISRInsufficient = -183,
    NodeUpdate = -182,
    SSL = -181,
    WaitingForCoordinator = -180,
    UnknownGroup = -179,
    InProgress = -178,
    PreviousInProgress = -177,
    ExistingSubscription = -176,
    AssignPartitions = -175,
    RevokePartitions = -174,
    Conflict = -173,
    State = -172,
    UnknownProtocol = -171,
    NotImplemented = -170,
    Authentication = -169,
    NoOffset = -168,
    Outdated = -167,
    TimedOutQueue = -166,
    UnsupportedFeature = -165,
    WaitCache = -164,
    Interrupted = -163,
    KeySerialization = -162,
    ValueSerialization = -161,
    KeyDeserialization = -160,
    ValueDeserialization = -159,
    Partial = -158,
    ReadOnly = -157,
    NoEnt = -156,
    Underflow = -155,
    InvalidType = -154,
    Retry = -153,
    PurgeQueue = -152,
    PurgeInflight = -151,
    Fatal = -150,
    Inconsistent = -149,
    GaplessGuarantee = -148,
    PollExceeded = -147,
    UnknownBroker = -146,
    NotConfigured = -145,
    Fenced = -144,
    Application = -143,
    AssignmentLost = -142,
    Noop = -141,
    AutoOffsetReset = -140,
    Unknown = -1,
    NoError = 0,
    OffsetOutOfRange = 1,
    InvalidMessage = 2,
    UnknownTopicOrPartition = 3,
    InvalidMessageSize = 4,
    LeaderNotAvailable = 5,
    NotLeaderForPartition = 6,
    RequestTimedOut = 7,
    BrokerNotAvailable = 8,
    ReplicaNotAvailable = 9,
    MessageSizeTooLarge = 10,
    StaleControllerEpoch = 11,
    OffsetMetadataTooLarge = 12,
    NetworkException = 13,
    CoordinatorLoadInProgress = 14,
    CoordinatorNotAvailable = 15,
    NotCoordinator = 16,
    InvalidTopic = 17,
    MessageBatchTooLarge = 18,
    NotEnoughReplicas = 19,
    NotEnoughReplicasAfterAppend = 20,
    InvalidRequiredAcks = 21,
    IllegalGeneration = 22,
    InconsistentGroupProtocol = 23,
    InvalidGroupId = 24,
    UnknownMemberId = 25,
    InvalidSessionTimeout = 26,
    RebalanceInProgress = 27,
    InvalidCommitOffsetSize = 28,
    TopicAuthorizationFailed = 29,
    GroupAuthorizationFailed = 30,
    ClusterAuthorizationFailed = 31,
    InvalidTimestamp = 32,
    UnsupportedSASLMechanism = 33,
    IllegalSASLState = 34,
    UnsupportedVersion = 35,
    TopicAlreadyExists = 36,
    InvalidPartitions = 37,
    InvalidReplicationFactor = 38,
    InvalidReplicaAssignment = 39,
    InvalidConfig = 40,
    NotController = 41,
    InvalidRequest = 42,
    UnsupportedForMessageFormat = 43,
    PolicyViolation = 44,
    OutOfOrderSequenceNumber = 45,
    DuplicateSequenceNumber = 46,
    InvalidProducerEpoch = 47,
    InvalidTransactionalState = 48,
    InvalidProducerIdMapping = 49,
    InvalidTransactionTimeout = 50,
    ConcurrentTransactions = 51,
    TransactionCoordinatorFenced = 52,
    TransactionalIdAuthorizationFailed = 53,
    SecurityDisabled = 54,
    OperationNotAttempted = 55,
    KafkaStorageError = 56,
    LogDirNotFound = 57,
    SaslAuthenticationFailed = 58,
    UnknownProducerId = 59,
    ReassignmentInProgress = 60,
    DelegationTokenAuthDisabled = 61,
    DelegationTokenNotFound = 62,
    DelegationTokenOwnerMismatch = 63,
    DelegationTokenRequestNotAllowed = 64,
    DelegationTokenAuthorizationFailed = 65,
    DelegationTokenExpired = 66,
    InvalidPrincipalType = 67,
    NonEmptyGroup = 68,
    GroupIdNotFound = 69,
    FetchSessionIdNotFound = 70,
    InvalidFetchSessionEpoch = 71,
    ListenerNotFound = 72,
    TopicDeletionDisabled = 73,
    FencedLeaderEpoch = 74,
    UnknownLeaderEpoch = 75,
    UnsupportedCompressionType = 76,
    StaleBrokerEpoch = 77,
    OffsetNotAvailable = 78,
    MemberIdRequired = 79,
    PreferredLeaderNotAvailable = 80,
    GroupMaxSizeReached = 81,
    FencedInstanceId = 82,
    EligibleLeadersNotAvailable = 83,
    ElectionNotNeeded = 84,
    NoReassignmentInProgress = 85,
    GroupSubscribedToTopic = 86,
    InvalidRecord = 87,
    UnstableOffsetCommit = 88,
    ThrottlingQuotaExceeded = 89,
    ProducerFenced = 90,
    ResourceNotFound = 91,
    DuplicateResource = 92,
    UnacceptableCredential = 93,
    InconsistentVoterSet = 94,
    InvalidUpdateVersion = 95,
    FeatureUpdateFailed = 96,
    PrincipalDeserializationFailure = 97,
}

impl From<ErrorCode> for RDKafkaErrorCode {
    fn from(code: ErrorCode) -> Self {
        Self::from_number(i32::from(code.code()))
    }
}

impl IsError for RDKafkaErrorCode {
    fn is_error(&self) -> bool {
        *self != Self::NoError
    }
}

impl fmt::Display for RDKafkaErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Error for RDKafkaErrorCode {}

/// An error with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RDKafkaError {
    code: RDKafkaErrorCode,
    text: String,
}

impl RDKafkaError {
    /// The code.
    #[must_use]
    pub const fn code(&self) -> RDKafkaErrorCode {
        self.code
    }

    /// The text.
    #[must_use]
    pub fn string(&self) -> String {
        self.text.clone()
    }

    /// Whether the client is of no use any more.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        false
    }

    /// Whether the same call may work later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        false
    }

    /// Whether the transaction is to be aborted.
    #[must_use]
    pub const fn txn_requires_abort(&self) -> bool {
        false
    }

    /// A call of the transactional API of a producer without `transactional.id`: there are no others here.
    pub(crate) fn not_transactional() -> Self {
        let text = "The Transactional API requires transactional.id to be configured".to_owned();
        Self { code: RDKafkaErrorCode::NotConfigured, text }
    }
}

impl fmt::Display for RDKafkaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

impl Error for RDKafkaError {}

/// What was wrong with a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "librdkafka's own names")]
pub enum RDKafkaConfRes {
    /// There is no such property.
    RD_KAFKA_CONF_UNKNOWN,
    /// It cannot have this value.
    RD_KAFKA_CONF_INVALID,
    /// Nothing.
    RD_KAFKA_CONF_OK,
}

/// Declares the errors that carry a code, with their words.
macro_rules! errors {
    ($($(#[doc = $doc:literal])* $name:ident $words:literal,)*) => {
        /// An error of a client.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum KafkaError {
            $($(#[doc = $doc])* $name(RDKafkaErrorCode),)*
            /// An admin operation could not be begun.
            AdminOpCreation(String),
            /// The client was dropped before the operation was over.
            Canceled,
            /// A property is wrong: how, why, its name, its value.
            ClientConfig(RDKafkaConfRes, String, String, String),
            /// The client could not be created.
            ClientCreation(String),
            /// No message came in time.
            NoMessageReceived,
            /// The end of a partition was reached.
            PartitionEOF(i32),
            /// `pause` or `resume` failed.
            PauseResume(String),
            /// `seek` failed.
            Seek(String),
            /// `subscribe` failed.
            Subscription(String),
            /// A transaction failed.
            Transaction(RDKafkaError),
        }

        impl fmt::Display for KafkaError {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name(code) => write!(f, concat!($words, ": {}"), code),)*
                    Self::AdminOpCreation(why) => write!(f, "Admin operation creation error: {why}"),
                    Self::Canceled => f.write_str("KafkaError (Client dropped)"),
                    Self::ClientConfig(_, why, key, value) => {
                        write!(f, "Client config error: {why} {key} {value}")
                    }
                    Self::ClientCreation(why) => write!(f, "Client creation error: {why}"),
                    Self::NoMessageReceived => {
                        f.write_str("No message received within the given poll interval")
                    }
                    Self::PartitionEOF(partition) => write!(f, "Partition EOF: {partition}"),
                    Self::PauseResume(why) => write!(f, "Pause/resume error: {why}"),
                    Self::Seek(why) => write!(f, "Seek error: {why}"),
                    Self::Subscription(why) => write!(f, "Subscription error: {why}"),
                    Self::Transaction(why) => write!(f, "Transaction error: {why}"),
                }
            }
        }

        impl Error for KafkaError {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                match self {
                    $(Self::$name(code) => Some(code),)*
                    Self::Transaction(why) => Some(why),
                    Self::AdminOpCreation(_)
                    | Self::Canceled
                    | Self::ClientConfig(..)
                    | Self::ClientCreation(_)
                    | Self::NoMessageReceived
                    | Self::PartitionEOF(_)
                    | Self::PauseResume(_)
                    | Self::Seek(_)
                    | Self::Subscription(_) => None,
                }
            }
        }

        impl KafkaError {
            /// The code behind it, if there is one.
            #[must_use]
            pub const fn rdkafka_error_code(&self) -> Option<RDKafkaErrorCode> {
                match self {
                    $(Self::$name(code) => Some(*code),)*
                    Self::Transaction(why) => Some(why.code()),
                    Self::AdminOpCreation(_)
                    | Self::Canceled
                    | Self::ClientConfig(..)
                    | Self::ClientCreation(_)
                    | Self::NoMessageReceived
                    | Self::PartitionEOF(_)
                    | Self::PauseResume(_)
                    | Self::Seek(_)
                    | Self::Subscription(_) => None,
                }
            }
        }
    };
}

errors! {
    /// An admin operation failed.
    AdminOp "Admin operation error",
    /// A commit failed.
    ConsumerCommit "Consumer commit error",
    /// `flush` failed.
    Flush "Flush error",
    /// Something of the client as a whole.
    Global "Global error",
    /// A list of groups could not be had.
    GroupListFetch "Group list fetch error",
    /// A message could not be consumed.
    MessageConsumption "Message consumption error",
    /// A message could not be produced.
    MessageProduction "Message production error",
    /// Metadata could not be had.
    MetadataFetch "Meta data fetch error",
    /// Offsets could not be had.
    OffsetFetch "Offset fetch error",
    /// A rebalance failed.
    Rebalance "Rebalance error",
    /// A partition's offset could not be set.
    SetPartitionOffset "Set partition offset error",
    /// An offset could not be stored.
    StoreOffset "Store offset error",
}

impl RDKafkaErrorCode {
    /// Partitions are assigned.
    pub const RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS: Self = Self::AssignPartitions;
    /// Partitions are revoked.
    pub const RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS: Self = Self::RevokePartitions;
    /// All is well.
    pub const RD_KAFKA_RESP_ERR_NO_ERROR: Self = Self::NoError;
}
