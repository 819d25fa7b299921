//! A run's events as small records, kept only when asked for. Names are resolved when printing.

use stormglass_kafka::message::{Api, Msg};
use stormglass_kafka::{Mark, Note, Timer};
use stormglass_types::{NodeId, Time};

/// One event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceRecord {
    /// When.
    pub at: Time,
    /// At which process.
    pub node: NodeId,
    /// What.
    pub kind: TraceKind,
}

/// What an event was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceKind {
    /// A connection was opened by a process.
    Opened(NodeId, u32),
    /// A connection ended.
    Closed(NodeId, u32),
    /// A request came in.
    Request(NodeId, Api, u32),
    /// A response came in.
    Response(NodeId, Api, u32),
    /// A request was handed to the network; one that a fault loses never comes in.
    RequestSent(NodeId, Api, u32),
    /// A response was handed to the network.
    ResponseSent(NodeId, Api, u32),
    /// A timer was due.
    Timer(Timer),
    /// A sync was done.
    Synced,
    /// The application acted.
    Application,
    /// A process began a life.
    Started(u32),
    /// A life ended.
    Ended(u32),
    /// A fault took hold.
    Fault(u32),
    /// A fault was over.
    FaultOver(u32),
    /// A machine noted something about itself.
    Noted(Note),
    /// A machine took a rare branch.
    Marked(Mark),
}

impl TraceKind {
    pub(crate) fn of(from: NodeId, conn: u32, message: &Msg) -> Self {
        match message {
            Msg::Request(_, request) => Self::Request(from, request.api(), conn),
            Msg::Response(_, response) => Self::Response(from, response.api(), conn),
        }
    }

    pub(crate) fn sent(to: NodeId, conn: u32, message: &Msg) -> Self {
        match message {
            Msg::Request(_, request) => Self::RequestSent(to, request.api(), conn),
            Msg::Response(_, response) => Self::ResponseSent(to, response.api(), conn),
        }
    }
}
