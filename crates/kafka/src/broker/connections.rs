//! Who is connected, and what each connection waits for: one request at a time, the rest in line (as the socket server mutes
//! a channel until its response is sent).
//!
//! Does not know what requests mean.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::fetch::ParkedFetch;
use super::produce::ParkedProduce;
use super::session::Session;
use super::transactions::ParkedVerification;
use crate::ConnId;
use crate::message::{Correlation, Request};

/// The connections that others have opened to this broker, in the order of their ids.
#[derive(Clone, Default, Debug)]
pub(super) struct Connections {
    /// The ids alone, which is where a connection is looked for.
    ids: Vec<ConnId>,
    list: Vec<Connection>,
}

/// A connection that another node has opened to this broker.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) id: ConnId,
    pub(super) activity: Activity,
    /// Requests that arrived while another one was handled.
    pub(super) line: VecDeque<(Correlation, Request)>,
    pub(super) session: Option<Session>,
}

/// What a connection is waiting for.
#[derive(Clone, Debug)]
pub(super) enum Activity {
    /// Nothing: the next request may be handled.
    Idle,
    /// An answer of a coordinator, of groups or transactions.
    Group,
    /// Replicas, or the disk.
    Produce(ParkedProduce),
    /// A coordinator's word on a transaction.
    Verification(ParkedVerification),
    /// Records.
    Fetch(ParkedFetch),
}

impl Connections {
    pub(super) fn open(&mut self, id: ConnId) {
        let connection =
            Connection { id, activity: Activity::Idle, line: VecDeque::new(), session: None };
        match self.find(id) {
            Ok(at) => self.list[at] = connection,
            Err(at) => {
                self.ids.insert(at, id);
                self.list.insert(at, connection);
            }
        }
    }

    pub(super) fn close(&mut self, id: ConnId) -> Option<Connection> {
        let at = self.find(id).ok()?;
        self.ids.remove(at);
        Some(self.list.remove(at))
    }

    pub(super) fn get(&self, id: ConnId) -> Option<&Connection> {
        self.find(id).ok().map(|at| &self.list[at])
    }

    pub(super) fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        self.find(id).ok().map(|at| &mut self.list[at])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.list.iter_mut()
    }

    fn find(&self, id: ConnId) -> Result<usize, usize> {
        self.ids.binary_search(&id)
    }
}
