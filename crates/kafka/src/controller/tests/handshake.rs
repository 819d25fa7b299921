use super::*;
use crate::broker::lifecycle::{Lifecycle, LifecycleEvent};
use crate::metadata::MetadataImage;

/// A real broker lifecycle at the other end of real connections, with an image that it applies at once.
struct Broker {
    lifecycle: Lifecycle,
    image: MetadataImage,
    events: Vec<LifecycleEvent>,
    timers: Vec<(Timer, Time)>,
    out: Outbox,
}

impl Broker {
    fn boot(rig: &Rig, incarnation: u32, mut out: Outbox) -> Self {
        let directory = Directory { brokers: Vec::new(), controllers: vec![NodeId(0)] };
        let boot = Boot {
            node: NodeId(1),
            incarnation,
            directory: Arc::new(directory),
            rules: Rules::ALL,
            rng: Streams::new(1).stream(Stream::Machine, 1),
        };
        let settings = BrokerSettings::default();
        let lifecycle =
            Lifecycle::new(rig.now, (BrokerId(1), None), &boot, &settings, None, &mut out);
        let (image, events) = (MetadataImage::default(), Vec::new());
        Self { lifecycle, image, events, timers: Vec::new(), out }
    }

    /// Delivers everything in both directions until nothing is under way.
    fn settle(&mut self, rig: &mut Rig) {
        loop {
            for effect in core::mem::take(&mut self.out.effects) {
                match effect {
                    Effect::Connect(conn, _) => rig.handle(Input::Opened(conn, NodeId(1))),
                    Effect::Send(conn, message) => rig.handle(Input::Recv(conn, message)),
                    Effect::SetTimer(timer, at) => {
                        self.timers.retain(|(of, _)| *of != timer);
                        self.timers.push((timer, at));
                    }
                    other => panic!("unexpected effect {other:?}"),
                }
            }
            let mut events = Vec::new();
            for (conn, correlation, response) in core::mem::take(&mut rig.responses) {
                let out = &mut self.out;
                let lifecycle = &mut self.lifecycle;
                assert!(lifecycle.on_response(
                    rig.now,
                    conn,
                    correlation,
                    response,
                    out,
                    &mut events
                ));
            }
            for event in &events {
                if let LifecycleEvent::Metadata(records) = event {
                    records.iter().for_each(|record| self.image.apply(record));
                    self.lifecycle.applied(self.image.offset);
                }
            }
            self.events.append(&mut events);
            if self.out.effects.is_empty() {
                break;
            }
        }
    }

    /// Lets time pass for broker and controller.
    fn pass(&mut self, rig: &mut Rig, span: Span) {
        let until = rig.now.mono + span;
        loop {
            self.settle(rig);
            let timers = self.timers.iter().chain(&rig.timers);
            let Some(at) = timers.map(|(_, at)| *at).min().filter(|at| *at <= until) else { break };
            rig.now.mono = rig.now.mono.max(at);
            if let Some(mine) = self.timers.iter().position(|(_, of)| *of == at) {
                let timer = self.timers.remove(mine).0;
                self.lifecycle.on_timer(rig.now, timer, &mut self.out, &mut self.events);
            } else {
                rig.pass(Span::ZERO, &[]);
            }
        }
        rig.now.mono = until;
    }
}

#[test]
fn a_broker_comes_serves_stops_and_comes_back() {
    let mut rig = Rig::new(Rules::ALL);
    let mut broker = Broker::boot(&rig, 0, Outbox::default());
    broker.pass(&mut rig, Span::millis(100));
    assert_eq!(broker.lifecycle.epoch(), Some(BrokerEpoch(0)));
    assert_eq!(rig.status(1), BrokerStatus::Active);
    assert_eq!(rig.create(0, 1, 1, UncleanElection::Forbidden), ErrorCode::None);
    broker.pass(&mut rig, Span::secs(60));
    assert_eq!(rig.status(1), BrokerStatus::Active, "heartbeats keep the session");
    assert_eq!(broker.image, *rig.controller.image());

    broker.lifecycle.begin_shutdown(rig.now, &mut broker.out);
    broker.pass(&mut rig, Span::secs(1));
    assert!(broker.events.contains(&LifecycleEvent::MayStop));
    assert_eq!(rig.status(1), BrokerStatus::Fenced);
    assert_eq!(rig.shown(), "nobody of [1], e1 pe1 Recovered");

    // The counters of connections belong to the world.
    broker.out.effects.clear();
    let mut broker = Broker::boot(&rig, 1, broker.out);
    broker.pass(&mut rig, Span::secs(1));
    assert_eq!(rig.shown(), "1 of [1], e2 pe2 Recovered");
    assert_eq!(broker.image, *rig.controller.image());
}
