//! Names that code takes from here in `rdkafka`.

pub use crate::error::{RDKafkaErrorCode, RDKafkaErrorCode as RDKafkaRespErr};
