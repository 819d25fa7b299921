//! The sender: what a producer does whenever something happened (`Sender.runOnce`, `NetworkClient.poll`).
//!
//! Does not decide what becomes of batches (`delivery.rs`), nor which sequences they carry (`sequence.rs`).

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::history::Acks;
use stormglass_types::{
    Dense, ErrorCode, LeaderEpoch, Offset, Span, Time, TopicPartition, ValueRange,
};

use super::Producer;
use super::accumulator::{Ready, Urgency};
use super::batch::{BatchId, PartId};
use super::links::{LinkId, Load, Status, Tag};
use super::metadata::News;
use super::sequence::{Init, Lost, Turn};
use super::transacting::Sender;
use crate::channel::Backoff;
use crate::message::{
    Correlation, InitProducerIdRequest, InitProducerIdResponse, MetadataRequest, ProduceRequest,
    ProduceResponse, ProduceResult, Request, Response,
};
use crate::metadata::MetadataImage;
use crate::record::{Batch, Keyed, RecordKey, Records, Run};
use crate::settings::{Adaptive, Partitioner};
use crate::{ConnId, Mark, Now, Outbox, Rule};

impl Producer {
    /// Does all that can be done now, and sets the timer for what comes next.
    pub(super) fn run(&mut self, now: Now, out: &mut Outbox) {
        if self.is_closed() {
            return self.finish_calls(now.mono, out);
        }
        self.expire_requests(now.mono, out);
        self.close_overdue(now.mono, out);
        self.ask_metadata(now.mono, out);
        loop {
            if let Some(sequences) = &mut self.sequences {
                let lost = sequences.upkeep(&mut self.accumulator.batches, out);
                if let (Lost::Some, Some(transactions)) = (lost, &mut self.transactions) {
                    transactions.lost_sequences();
                }
                if let Some(code) = sequences.fatal
                    && self.accumulator.has_incomplete()
                {
                    self.abort_all(code, out);
                }
            }
            let sender = self.transact(now.mono, out);
            let (mut sent, mut expired) = (false, 0);
            if sender == Sender::Free {
                sent = self.send_batches(now.mono, out);
                expired = self.expire_batches(now.mono, out);
            }
            let unblocked = self.unblock(now, out);
            // What expired may be what the end of a transaction waited for.
            let ends = expired > 0 && self.transactions.is_some();
            if !sent && !unblocked && !ends {
                break;
            }
        }
        self.ask_id(now.mono, out);
        self.ask_metadata(now.mono, out);
        self.finish_calls(now.mono, out);
        if !self.is_closed() {
            self.arm_next(now.mono, out);
        }
    }

    /// One request to every broker that has batches to be sent and can take one; tells whether there was any.
    fn send_batches(&mut self, now: Time, out: &mut Outbox) -> bool {
        let mut ready = core::mem::take(&mut self.ready);
        self.accumulator.ready(now, self.settings.linger, self.urgency(), &mut ready);
        self.weigh_partitions();
        if ready.leader_unknown {
            self.metadata.want();
        }
        let mut sent = false;
        if self.accumulator.queued() > 0 {
            for id in self.links.ids() {
                if ready.links[id.index()] {
                    sent |= self.send_to(now, id, &mut ready, out);
                }
            }
        }
        self.ready = ready;
        sent
    }

    fn send_to(&mut self, now: Time, id: LinkId, ready: &mut Ready, out: &mut Outbox) -> bool {
        let link = self.links.get_mut(id);
        let can_send = link.can_send(&self.settings);
        link.note_waiting(now, can_send);
        if !can_send {
            link.connect(now, &self.settings, out);
            if link.status == Status::Down {
                ready.check_at(link.channel.blocked_until());
            }
            return false;
        }
        let load = self.drain(now, id, ready);
        if load.is_empty() {
            return false;
        }
        self.send_load(now, id, load, out);
        true
    }

    fn weigh_partitions(&mut self) {
        let (Partitioner::BuiltIn(adaptive) | Partitioner::IgnoreKeys(adaptive)) =
            self.settings.partitioner
        else {
            return;
        };
        if adaptive == Adaptive::Off {
            return;
        }
        let timeout = self.settings.partitioner_availability_timeout;
        let links = &self.links;
        self.accumulator.weigh(|link| links.get(link).is_slow(timeout));
    }

    /// `drainBatchesForOneNode`: at most one batch per partition, starting where the last request ended. A partition whose
    /// turn has not come ends the round, as in Kafka.
    fn drain(&mut self, now: Time, id: LinkId, ready: &mut Ready) -> Load {
        let mut load = Load::new();
        let link = self.links.get_mut(id);
        let count = link.parts.len();
        if count == 0 {
            return load;
        }
        let start = link.drain_index % count;
        let mut size = 0_u32;
        for step in 0..count {
            link.drain_index = (start + step) % count;
            let part = link.parts[link.drain_index];
            let Some(first) = self.accumulator.head(part, now) else { continue };
            let batch = self.accumulator.batches.get(first);
            let (bytes, partition) = (batch.size(), batch.partition);
            if !load.is_empty() && size.saturating_add(bytes) > self.settings.max_request_size {
                break;
            }
            if self.transactions.as_ref().is_some_and(|it| !it.allows(partition)) {
                break;
            }
            let turn = match &mut self.sequences {
                Some(sequences) => sequences.turn(first, &self.accumulator.batches),
                None => Turn::Yes,
            };
            let batch = match turn {
                Turn::Yes => first,
                Turn::No => break,
                Turn::NotInThisEpoch => continue,
                Turn::Instead(other) => {
                    let batch = self.accumulator.batches.get(other);
                    if batch.backs_off(now) {
                        ready.check_at(batch.backoff_until);
                        continue;
                    }
                    other
                }
            };
            self.accumulator.take(batch);
            if let Some(sequences) = &mut self.sequences {
                sequences.stamp(batch, &mut self.accumulator.batches);
            }
            self.accumulator.parts[part].muted = self.settings.max_in_flight == 1;
            size = size.saturating_add(bytes);
            load.push(batch);
        }
        load
    }

    fn send_load(&mut self, now: Time, id: LinkId, load: Load, out: &mut Outbox) {
        let source = self.source;
        let batches = load.iter().map(|batch| {
            let batch = self.accumulator.batches.get(*batch);
            let values = ValueRange { source, first: batch.first, count: batch.count };
            let wire = Batch {
                base: Offset::ZERO,
                count: batch.count,
                epoch: LeaderEpoch::NONE,
                bytes: batch.size(),
                packing: batch.packing(),
                timestamp: batch.timestamp,
                stamp: batch.stamp,
                records: keyed(values, self.keys.get(batch.partition)),
            };
            (batch.partition, wire)
        });
        let acks = self.settings.delivery.acks();
        let (timeout, patience) = (self.settings.ack_timeout, self.settings.request_timeout);
        let request = Request::Produce(ProduceRequest {
            transaction: self.transactions.as_ref().map(|it| it.id.clone()),
            acks,
            timeout,
            batches: batches.collect(),
        });
        let channel = &mut self.links.get_mut(id).channel;
        match acks {
            Acks::Zero => {
                channel.send_and_forget(request, out);
                for batch in load {
                    let written = self.result_of(batch, ErrorCode::None);
                    self.complete(now, batch, &written, out);
                }
            }
            Acks::One | Acks::All => {
                channel.send(request, now + patience, Tag::Produce(load), out);
            }
        }
    }

    /// The result of a batch to which no broker has said anything.
    fn result_of(&self, batch: BatchId, error: ErrorCode) -> ProduceResult {
        let partition = self.accumulator.batches.get(batch).partition;
        ProduceResult { partition, error, base: Offset::UNKNOWN, log_start: Offset::UNKNOWN }
    }

    fn expire_requests(&mut self, now: Time, out: &mut Outbox) {
        if self.links.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let backoff = self.settings.reconnect_backoff;
        for id in self.links.ids() {
            let link = self.links.get_mut(id);
            if let Some(tags) = link.channel.expire(now, backoff, &mut self.rng, out) {
                out.mark(Mark::RequestTimedOut);
                self.lost(now, id, tags, ErrorCode::RequestTimedOut, out);
            }
        }
    }

    pub(super) fn on_closed(&mut self, now: Now, conn: ConnId, out: &mut Outbox) {
        let Some(id) = self.links.using(conn) else { return };
        let backoff = self.settings.reconnect_backoff;
        let channel = &mut self.links.get_mut(id).channel;
        let tags = channel.on_closed(conn, now.mono, backoff, &mut self.rng);
        self.lost(now.mono, id, tags, ErrorCode::NetworkException, out);
        self.run(now, out);
    }

    /// Takes in that requests will have no answer.
    fn lost(
        &mut self,
        now: Time,
        id: LinkId,
        tags: impl IntoIterator<Item = Tag>,
        error: ErrorCode,
        out: &mut Outbox,
    ) {
        self.links.get_mut(id).status = Status::Down;
        // A disconnection while an update is due counts as a failed one, so that there is a backoff.
        if self.metadata.due().is_some_and(|due| due <= now) {
            self.metadata.failed(now, &self.settings, &mut self.rng);
        }
        self.metadata.want();
        for tag in tags {
            match tag {
                Tag::Handshake => {}
                Tag::Metadata => self.metadata.failed(now, &self.settings, &mut self.rng),
                Tag::InitProducerId => self.id_refused(now, error, out),
                Tag::Transaction => self.transaction_lost(),
                Tag::Produce(load) => {
                    for batch in load {
                        let result = self.result_of(batch, error);
                        self.complete(now, batch, &result, out);
                    }
                }
            }
        }
    }

    pub(super) fn on_response(
        &mut self,
        now: Now,
        conn: ConnId,
        correlation: Correlation,
        response: Response,
        out: &mut Outbox,
    ) {
        let Some(id) = self.links.using(conn) else { return };
        let link = self.links.get_mut(id);
        let Some(tag) = link.channel.on_response(conn, correlation) else { return };
        match (tag, response) {
            (Tag::Handshake, _) => link.status = Status::Up,
            (Tag::Metadata, Response::Metadata(answer)) => {
                self.on_metadata(now.mono, &answer.image, out);
            }
            (Tag::InitProducerId, Response::InitProducerId(answer)) => {
                self.on_id(now.mono, answer, out);
            }
            (Tag::Transaction, response) if self.on_transactional(&response, out) => {}
            (Tag::Produce(load), Response::Produce(answer)) => {
                self.on_produced(now.mono, &load, &answer, out);
            }
            // A peer that answers something else than was asked is not a broker.
            (
                tag @ (Tag::Metadata | Tag::InitProducerId | Tag::Transaction | Tag::Produce(_)),
                _,
            ) => {
                let backoff = self.settings.reconnect_backoff;
                let channel = &mut self.links.get_mut(id).channel;
                let mut tags = channel.disconnect(now.mono, backoff, &mut self.rng, out);
                tags.push_front(tag);
                self.lost(now.mono, id, tags, ErrorCode::NetworkException, out);
            }
        }
        self.run(now, out);
    }

    fn on_produced(&mut self, now: Time, load: &Load, answer: &ProduceResponse, out: &mut Outbox) {
        for (at, batch) in load.iter().enumerate() {
            let partition = self.accumulator.batches.get(*batch).partition;
            let is_its = |result: &&ProduceResult| result.partition == partition;
            let result = answer.results.get(at).filter(is_its);
            match result.or_else(|| answer.results.iter().find(is_its)) {
                Some(result) => self.complete(now, *batch, result, out),
                None => {
                    let missing = self.result_of(*batch, ErrorCode::UnknownServerError);
                    self.complete(now, *batch, &missing, out);
                }
            }
        }
    }

    fn ask_metadata(&mut self, now: Time, out: &mut Outbox) {
        if self.metadata.due().is_none_or(|due| due > now) {
            return;
        }
        let Some(id) = self.links.least_loaded(now, &self.settings, &mut self.rng) else { return };
        let link = self.links.get_mut(id);
        if !link.can_send(&self.settings) {
            return link.connect(now, &self.settings, out);
        }
        self.metadata.sent();
        let topics = self.metadata.asked().to_vec();
        let request = Request::Metadata(MetadataRequest { topics });
        link.channel.send(request, now + self.settings.request_timeout, Tag::Metadata, out);
    }

    fn on_metadata(&mut self, now: Time, image: &MetadataImage, out: &mut Outbox) {
        let alive = image.alive();
        if alive.is_empty() {
            return self.metadata.failed(now, &self.settings, &mut self.rng);
        }
        let mut news = News::None;
        let mut incomplete = false;
        for topic in self.metadata.asked().to_vec() {
            let partitions = image.partition_count(topic);
            incomplete |= partitions == 0;
            let compacts = image.settings(topic).is_some_and(|it| it.cleanup.policy.compacts());
            if compacts && !self.compacted.contains(&topic) {
                self.compacted.push(topic);
            }
            if partitions > 0 {
                self.accumulator.learn(topic, partitions, self.settings.batch_size);
                for partition in image.partitions_of(topic) {
                    if self.learn_leader(partition, image, out) == News::Some {
                        news = News::Some;
                    }
                    incomplete |= image.leader(partition).is_none();
                }
            }
        }
        self.metadata.updated(news, now, &self.settings, &mut self.rng);
        if incomplete {
            self.metadata.want();
        }
        for link in self.links.iter_mut() {
            link.parts.clear();
            link.alive = alive.contains(&link.broker());
        }
        self.accumulator.settle_leaders();
        for (part, entry) in self.accumulator.parts.entries() {
            if let Some(leader) = entry.leader {
                self.links.get_mut(leader).parts.push(part);
            }
        }
        self.sort_link_parts();
    }

    /// Topics are learnt in any order; a broker's partitions are asked in the order of topics and numbers.
    fn sort_link_parts(&mut self) {
        let parts = &self.accumulator.parts;
        let place = |part: &PartId| parts[*part].partition;
        for link in self.links.iter_mut() {
            link.parts.sort_by_key(place);
        }
    }

    /// Takes in a partition's leader, unless it is known from a later epoch.
    fn learn_leader(
        &mut self,
        partition: TopicPartition,
        image: &MetadataImage,
        out: &mut Outbox,
    ) -> News {
        let Some(registration) = image.partitions.get(partition) else { return News::None };
        let Some(part) = self.accumulator.part_of(partition) else { return News::None };
        let entry = &mut self.accumulator.parts[part];
        let epoch = Some(registration.leader_epoch);
        let topic = image.uuid(partition.topic);
        if entry.topic.is_some() && entry.topic != topic {
            out.mark(Mark::TopicRecreated);
            // Epochs begin anew with a topic. Without ids, its leaders seemed to come from the past for ever.
            if self.rules.on(Rule::EpochsOfOneTopic) {
                entry.leader_epoch = None;
            }
        }
        if epoch < entry.leader_epoch {
            return News::None;
        }
        entry.topic = topic;
        let news = if epoch > entry.leader_epoch { News::Some } else { News::None };
        entry.leader_epoch = epoch;
        entry.leader = image.leader(partition).and_then(|(leader, _)| self.links.of(leader));
        news
    }

    fn ask_id(&mut self, now: Time, out: &mut Outbox) {
        let Some(sequences) = &mut self.sequences else { return };
        let due = match sequences.init {
            Init::NotBefore(at) => at <= now,
            Init::InFlight => false,
        };
        if !due || !sequences.needs_id() {
            return;
        }
        let Some(id) = self.links.least_loaded(now, &self.settings, &mut self.rng) else { return };
        let link = self.links.get_mut(id);
        if !link.can_send(&self.settings) {
            return link.connect(now, &self.settings, out);
        }
        sequences.init = Init::InFlight;
        let request =
            Request::InitProducerId(InitProducerIdRequest { transaction: None, current: None });
        link.channel.send(request, now + self.settings.request_timeout, Tag::InitProducerId, out);
    }

    fn on_id(&mut self, now: Time, answer: InitProducerIdResponse, out: &mut Outbox) {
        match (answer.producer, &mut self.sequences) {
            (Ok((id, epoch)), Some(sequences)) => {
                sequences.init = Init::NotBefore(now);
                sequences.identify(id, epoch, &mut self.accumulator.batches);
            }
            (Err(error), _) => self.id_refused(now, error, out),
            (Ok(_), None) => {}
        }
    }

    fn id_refused(&mut self, now: Time, error: ErrorCode, out: &mut Outbox) {
        let Some(sequences) = &mut self.sequences else { return };
        sequences.init = Init::NotBefore(now + jitter_free(self.settings.retry_backoff));
        if error.is_retriable() {
            return;
        }
        // Without authorization the batches fail, but the producer may try again; anything else ends it.
        if error != ErrorCode::ClusterAuthorizationFailed {
            sequences.fatal = Some(error);
        }
        self.abort_all(error, out);
    }

    fn urgency(&self) -> Urgency {
        if self.must_hurry() { Urgency::Now } else { Urgency::Linger }
    }

    fn arm_next(&mut self, now: Time, out: &mut Outbox) {
        let mut next = self.links.deadline().unwrap_or(Time::NEVER).min(self.close_by);
        // While a transactional request keeps the sender busy nothing else of its work is looked at.
        let busy = self.transactions.as_ref().is_some_and(|it| it.taken.is_some());
        if !busy && self.transactions.as_ref().is_none_or(|it| it.in_flight.is_none()) {
            next = next.min(self.accumulator.next_expiry);
            next = next.min(self.ready.next_check.unwrap_or(Time::NEVER));
        }
        let mut stuck = busy;
        if let Some(transactions) = &self.transactions {
            next = next.min(transactions.wake_at);
            next = next.min(transactions.patience().unwrap_or(Time::NEVER));
        }
        if let Some(due) = self.metadata.due() {
            stuck |= due <= now;
            next = if due > now { next.min(due) } else { next };
        }
        if let Some(sequences) = &self.sequences
            && sequences.needs_id()
            && let Init::NotBefore(at) = sequences.init
        {
            stuck |= at <= now;
            next = if at > now { next.min(at) } else { next };
        }
        // What is due and was not sent waits for a connection, or for leave to make one.
        if stuck && let Some(at) = self.links.next_attempt(now) {
            next = next.min(at);
        }
        self.arm(next, out);
    }
}

/// `TransactionManager` waits the plain `retry.backoff.ms`.
const fn jitter_free(backoff: Backoff) -> Span {
    backoff.first
}

/// Records with the keys of their partition's, if it is to be compacted.
fn keyed(values: ValueRange, keys: Option<&Vec<RecordKey>>) -> Records {
    let Some(keys) = keys else { return Records::Values(values) };
    let (from, count) = (values.first as usize, values.count as usize);
    Records::Keyed(Arc::new(Keyed {
        values,
        keys: keys.get(from..from + count).unwrap_or_default().into(),
        left: vec![Run { from: 0, count: values.count }],
        horizon: None,
    }))
}
