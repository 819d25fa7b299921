//! A member that sends what it cannot process somewhere else: a consumer and a producer in one process.
//!
//! Knows nothing of records: it only tells whose input is whose.

use stormglass_kafka::consumer::Consumer;
use stormglass_kafka::producer::Producer;
use stormglass_kafka::{
    Boot, Call, ConnId, Effect, Input, Machine, Now, Outbox, ProducerSetup, Timer,
};

/// One life of the process.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    consumer: Consumer,
    producer: Producer,
    /// The producer's connections; all others are the consumer's.
    conns: Vec<ConnId>,
}

impl Forwarder {
    /// Adds a producer to a consumer that has just been booted.
    pub(crate) fn boot(
        now: Now,
        consumer: Consumer,
        boot: Boot,
        setup: ProducerSetup,
        out: &mut Outbox,
    ) -> Self {
        let before = out.effects.len();
        let producer = Producer::boot(now, boot, setup, (), out);
        let mut forwarder = Self { consumer, producer, conns: Vec::new() };
        forwarder.keep(before, out);
        forwarder
    }

    pub(crate) fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// Takes one input in; it concerns one of the two.
    pub(crate) fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let is_letter = match &input {
            Input::Recv(conn, _) | Input::Closed(conn) => self.conns.contains(conn),
            Input::Timer(timer) => matches!(timer, Timer::Sender | Timer::Blocked),
            Input::Call(_, call) => matches!(call, Call::Send(_)),
            Input::Opened(..) | Input::Synced(_) | Input::Shutdown => false,
        };
        if !is_letter {
            return self.consumer.handle(now, input, out);
        }
        if let Input::Closed(conn) = &input {
            self.conns.retain(|known| known != conn);
        }
        let before = out.effects.len();
        self.producer.handle(now, input, out);
        self.keep(before, out);
    }

    fn keep(&mut self, before: usize, out: &Outbox) {
        for effect in &out.effects[before..] {
            match effect {
                Effect::Connect(conn, _) => self.conns.push(*conn),
                Effect::Close(conn) => self.conns.retain(|known| known != conn),
                Effect::Send(..)
                | Effect::SetTimer(..)
                | Effect::CancelTimer(_)
                | Effect::Sync(_)
                | Effect::Complete(..)
                | Effect::Report(_)
                | Effect::Exit(_) => {}
            }
        }
    }
}
