//! Brokers that read the metadata log: committed records at once, or as soon as there are some; what they say so far where
//! the log begins later.
//!
//! Does not compare logs: an observer that asks for more than is committed waits.

use alloc::sync::Arc;

use stormglass_types::Time;

use crate::message::{
    Correlation, FetchMetadataRequest, FetchMetadataResponse, MetadataOffset, Response,
};
use crate::{ConnId, Now, Outbox};

use super::Controller;

/// A fetch that waits for records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observer {
    pub(super) conn: ConnId,
    pub(super) correlation: Correlation,
    pub(super) from: MetadataOffset,
    pub(super) deadline: Time,
}

impl Controller {
    pub(super) fn on_fetch_metadata(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        request: FetchMetadataRequest,
        out: &mut Outbox,
    ) {
        if self.log.voter().is_some_and(|voter| voter.leads().is_none()) {
            return self.refuse_observer(conn, correlation, request.from, out);
        }
        let deadline = now.mono + request.max_wait;
        self.observers.push(Observer { conn, correlation, from: request.from, deadline });
        if request.from < self.log.committed() {
            self.answer_observers(now, out);
        }
    }

    pub(super) fn on_purgatory(&mut self, now: Now, out: &mut Outbox) {
        self.answer_observers(now, out);
    }

    /// Answers every fetch for which there are records or whose time is over.
    pub(super) fn answer_observers(&mut self, now: Now, out: &mut Outbox) {
        let committed = self.log.committed();
        let ready =
            |waiting: &mut Observer| waiting.from < committed || waiting.deadline <= now.mono;
        while let Some(at) = self.observers.iter_mut().position(ready) {
            let Observer { conn, correlation, from, .. } = self.observers.remove(at);
            let mut response = FetchMetadataResponse::nothing(from);
            if from < self.log.start() {
                response.snapshot = Some(Arc::new(self.committed.clone()));
            } else if from < committed {
                response.records = self.log.slice(from, committed);
            }
            self.respond(conn, correlation, Response::FetchMetadata(response), out);
        }
    }
}
