//! Compositions of faults that belong together, each biased towards one kind of bug and timed by the plan's own timeouts.
//!
//! Generic all the same: a profile knows no rule and no scenario. Scale timeouts down together, and a short run sees many
//! fail-overs.

use stormglass_kafka::CrashKind;
use stormglass_kafka::group::OFFSETS_TOPIC;
use stormglass_kafka::message::Api;
use stormglass_types::{NodeId, Rng, Span, TopicPartition};

use super::{Family, brokers, partition};
use crate::plan::{
    FaultAction, MessageDirection, MessagePattern, Plan, ScheduledFault, Target, Trigger, Ways,
};

/// The faults of a profile.
pub(super) fn faults(plan: &Plan, family: Family, rng: &mut Rng) -> Vec<ScheduledFault> {
    let mut script = Script { pace: Pace::of(plan), plan, rng, faults: Vec::new() };
    let done = match family {
        Family::ChainCrash => script.chain_crash(),
        Family::FlipStorm => script.flip_storm(),
        Family::ControlDelay => script.control_delay(),
        Family::PowerRestart => script.power_restart(),
        Family::FencePower => script.fence_power(),
        Family::LateMessages => script.late_messages(),
        Family::IsrFlap => script.isr_flap(),
        Family::CreateStart => script.create_start(),
        Family::KillBroker
        | Family::KillController
        | Family::KillProducer
        | Family::KillMember
        | Family::RestartBroker
        | Family::RestartMember
        | Family::PauseBroker
        | Family::PauseController
        | Family::PauseClient
        | Family::Cut
        | Family::Isolate
        | Family::SlowNetwork
        | Family::Reset
        | Family::LoseResponse
        | Family::LoseRequest
        | Family::LateRequest
        | Family::SlowDisk
        | Family::StallDisk
        | Family::FullDisk
        | Family::ClockJump
        | Family::Flip
        | Family::LagMetadata
        | Family::SlowProcessing
        | Family::Power
        | Family::Torn
        | Family::LoseDisk => unreachable!("{} is no profile", family.name()),
    };
    // A plan without what a profile needs, such as topics, has no such faults.
    let Some(()) = done else { return Vec::new() };
    // Scenes may run past the end of the storm, where nothing strikes any more.
    let storm = plan.phases.storm;
    script.faults.retain(|fault| match &fault.when {
        Trigger::At(at) | Trigger::On { since: at, .. } => *at < storm,
        Trigger::After(..) => true,
    });
    script.faults
}

/// The plan's own measures of time, in milliseconds.
#[derive(Clone, Copy)]
struct Pace {
    /// About how long a fetch of a follower takes that finds something.
    round_trip: u64,
    session: u64,
    lag: u64,
    /// The longest that a client waits for an answer.
    patience: u64,
    storm: u64,
}

impl Pace {
    fn of(plan: &Plan) -> Self {
        let settings = &plan.cluster.settings;
        let producers = plan.producers.iter().map(|producer| producer.settings.request_timeout);
        let patience = producers.max().unwrap_or(settings.session_timeout);
        Self {
            round_trip: plan.network.latency.most.times(2).as_millis().max(1),
            session: settings.session_timeout.as_millis().max(1),
            lag: settings.replica_lag_time_max.as_millis().max(1),
            patience: patience.as_millis().max(1),
            storm: plan.phases.storm.as_millis(),
        }
    }
}

/// A profile being written down.
struct Script<'a> {
    plan: &'a Plan,
    pace: Pace,
    rng: &'a mut Rng,
    faults: Vec<ScheduledFault>,
}

impl Script<'_> {
    /// A leadership moves, by request or by a crash; its new holder dies within a few fetches, and maybe the next one, too. Some
    /// broker may be behind at that time.
    fn chain_crash(&mut self) -> Option<()> {
        let Pace { round_trip, session, lag, .. } = self.pace;
        for _ in 0..self.scenes(session * 4) {
            let partition = self.partition()?;
            let mut at = self.moment();
            if self.rng.chance(1, 2) {
                let behind = self.broker()?;
                let lasting = self.between(lag, lag * 2 + session);
                self.cut_from_brokers(at.saturating_sub(lag * 2), behind, lasting);
                self.slow(at, behind, session * 2);
            }
            if self.rng.chance(1, 2) {
                self.at(at, FaultAction::Flip { partition });
                at += self.between(1, round_trip * 3);
            }
            for _ in 0..=self.rng.upto(1) {
                let down = self.between(session / 4, session * 2);
                self.crash(at, Target::LeaderOf(partition), CrashKind::Process, down);
                at += session + self.between(1, session / 2);
            }
        }
        Some(())
    }

    /// Leaderships move every few fetches, while each broker learns of it at a pace of its own and one is slow.
    fn flip_storm(&mut self) -> Option<()> {
        let Pace { round_trip, session, .. } = self.pace;
        for _ in 0..self.scenes(round_trip * 40) {
            let partition = self.partition()?;
            let mut at = self.moment();
            for broker in brokers(self.plan) {
                if self.rng.chance(1, 2) {
                    let by = Span::millis(self.between(1, round_trip * 20));
                    let lasting = Span::millis(self.between(round_trip, round_trip * 40));
                    let target = Target::Process(broker);
                    self.at(at, FaultAction::LagMetadata { target, by, lasting });
                }
            }
            if self.rng.chance(1, 2) {
                let slow = self.broker()?;
                let lasting = self.between(round_trip, round_trip * 20);
                self.slow(at, slow, lasting);
            }
            for _ in 0..self.between(2, 12) {
                self.at(at, FaultAction::Flip { partition });
                at += self.between(1, round_trip * 4);
            }
            if self.rng.chance(1, 3) {
                let down = self.between(session / 4, session * 2);
                self.crash(at, Target::LeaderOf(partition), CrashKind::Process, down);
            }
        }
        Some(())
    }

    /// A broker falls behind, comes back, and falls behind again; what its leader asks of the controller meanwhile arrives
    /// late, when the leader may be another one.
    fn control_delay(&mut self) -> Option<()> {
        let Pace { round_trip, session, lag, .. } = self.pace;
        for _ in 0..self.scenes(lag * 6) {
            let partition = self.partition()?;
            let behind = self.broker()?;
            let at = self.moment();
            let cut = self.between(lag + lag / 2, lag * 3);
            self.cut_from_brokers(at, behind, cut);
            let back = at + cut;
            // The leader gives an answer up after half a session.
            let by = Span::millis(self.between(session / 4, session * 3));
            let nth = self.nth();
            self.held(back, Api::AlterPartition, nth.min(2), by);
            let again = back + self.between(round_trip, round_trip * 10);
            let lasting = self.between(lag * 2, session * 4);
            self.cut_from_brokers(again, behind, lasting);
            if self.rng.chance(1, 2) {
                let moves = back + self.between(1, session * 2);
                self.at(moves, FaultAction::Flip { partition });
            }
            if self.rng.chance(1, 3) {
                let dies = back + self.between(1, session * 3);
                let down = self.between(session / 4, session * 2);
                self.crash(dies, Target::LeaderOf(partition), CrashKind::Process, down);
            }
        }
        Some(())
    }

    /// A broker loses power and returns within about a session. The controller is held or slow to hear meanwhile, or learns
    /// only then that the broker's former life had caught up.
    fn power_restart(&mut self) -> Option<()> {
        let Pace { session, .. } = self.pace;
        for _ in 0..self.scenes(session * 6) {
            let partition = self.partition()?;
            let at = self.moment();
            let returns = if self.rng.chance(1, 2) {
                self.power_under_control(at, partition)
            } else {
                self.power_after_return(at)?
            };
            let mut dies = returns + self.between(0, session * 2);
            for _ in 0..=self.rng.upto(1) {
                let down = self.between(session, session * 3);
                self.crash(dies, Target::LeaderOf(partition), CrashKind::Process, down);
                dies += self.between(1, session * 2);
            }
        }
        Some(())
    }

    /// A replica loses power while the controller is held or slow to hear. Tells when it is back.
    fn power_under_control(&mut self, at: u64, partition: TopicPartition) -> u64 {
        let Pace { round_trip, session, lag, .. } = self.pace;
        if self.rng.chance(1, 2) {
            let cut = self.between(lag, lag * 2);
            self.cut_from_leader(at.saturating_sub(cut + lag / 2), partition, cut);
        }
        let down = self.between(session / 5, session * 3 / 2);
        let target = if self.rng.chance(3, 4) {
            Target::FollowerOf(partition)
        } else {
            Target::LeaderOf(partition)
        };
        self.crash(at, target, CrashKind::Power, down);
        if self.rng.chance(1, 2) {
            let lasting = Span::millis(self.between(session / 2, session * 3 / 2));
            let from = at + self.between(0, session);
            self.at(from, FaultAction::Pause { target: Target::Controller, lasting });
        } else {
            let by = Span::millis(self.between(session / 5, session * 3 / 2));
            self.held(at.saturating_sub(round_trip * 2), Api::AlterPartition, 1, by);
        }
        at + down
    }

    /// A broker that had fallen behind catches up, and loses power while what its leader asks for it is on its way. Tells when
    /// it died: leaders may die from then on.
    fn power_after_return(&mut self, at: u64) -> Option<u64> {
        let Pace { session, lag, .. } = self.pace;
        let behind = self.broker()?;
        let cut = self.between(lag * 3 / 2, lag * 3);
        self.cut_from_brokers(at, behind, cut);
        let back = at + cut;
        for nth in 1..=self.nth() {
            let by = Span::millis(self.between(session / 2, session * 5 / 2));
            self.held(back, Api::AlterPartition, nth, by);
        }
        let dies = back + self.between(1, lag);
        let down = self.between(session / 5, session * 3 / 2);
        self.crash(dies, Target::Process(behind), CrashKind::Power, down);
        if self.rng.chance(1, 2) {
            let lasting = self.between(session, session * 4);
            self.cut_from_brokers(dies, behind, lasting);
        }
        Some(dies)
    }

    /// Brokers lose the controller one after the other; the last one that leads loses power.
    fn fence_power(&mut self) -> Option<()> {
        let Pace { session, .. } = self.pace;
        for _ in 0..self.scenes(session * 8) {
            let partition = self.partition()?;
            let at = self.moment();
            for _ in 0..self.plan.cluster.brokers.saturating_sub(1) {
                let lasting = Span::millis(self.between(session * 2, session * 4));
                let (from, to) = (Target::FollowerOf(partition), Target::Controller);
                self.at(at, FaultAction::Cut { from, to, ways: Ways::Both, lasting });
            }
            let dies = at + session + self.between(0, session);
            let down = self.between(session / 4, session * 2);
            self.crash(dies, Target::LeaderOf(partition), CrashKind::Power, down);
        }
        Some(())
    }

    /// Requests of clients stay on the way for up to five times as long as anyone waits for them.
    fn late_messages(&mut self) -> Option<()> {
        const HELD: [Api; 6] = [
            Api::Produce,
            Api::Produce,
            Api::Produce,
            Api::OffsetCommit,
            Api::SyncGroup,
            Api::InitProducerId,
        ];
        for _ in 0..self.scenes(self.pace.patience) {
            let api = *self.rng.pick(&HELD)?;
            let by = Span::millis(self.between(self.pace.patience, self.pace.patience * 5));
            let (since, nth) = (self.moment(), self.nth());
            self.held(since, api, nth, by);
        }
        Some(())
    }

    /// A follower is cut off from its leader for about as long as it may lag.
    fn isr_flap(&mut self) -> Option<()> {
        let Pace { lag, .. } = self.pace;
        for _ in 0..self.scenes(lag * 3) {
            let partition = self.partition()?;
            let at = self.moment();
            let others = u64::from(self.plan.cluster.brokers.saturating_sub(1)).max(1);
            for _ in 0..self.between(1, others) {
                let lasting = self.between(lag * 3 / 4, lag * 2);
                self.cut_from_leader(at, partition, lasting);
            }
        }
        Some(())
    }

    /// A producer begins a new life just as leaderships move, the first time with the topics new themselves; some brokers have
    /// not heard of it.
    fn create_start(&mut self) -> Option<()> {
        let Pace { round_trip, session, .. } = self.pace;
        let producers: Vec<NodeId> = self.plan.roster().producers().collect();
        let mut at = 0;
        for _ in 0..self.scenes(session / 2) {
            let partition = self.partition()?;
            let producer = Target::Process(*self.rng.pick(&producers)?);
            let down = self.between(round_trip, session / 2);
            self.crash(at, producer, CrashKind::Process, down);
            for broker in brokers(self.plan) {
                if self.rng.chance(1, 2) {
                    let by = Span::millis(self.between(1, round_trip * 8));
                    let lasting = Span::millis(down + round_trip * 20);
                    let target = Target::Process(broker);
                    self.at(at, FaultAction::LagMetadata { target, by, lasting });
                }
            }
            for _ in 0..self.between(1, 3) {
                let moves = at + self.between(0, down + round_trip * 4);
                self.at(moves, FaultAction::Flip { partition });
            }
            at = self.moment();
        }
        Some(())
    }

    /// How many scenes fill about half of the storm, or fewer.
    fn scenes(&mut self, length: u64) -> u64 {
        let most = (self.pace.storm / 2 / length.max(1)).clamp(1, 60);
        1 + self.rng.upto(most - 1)
    }

    /// When something begins, in milliseconds.
    fn moment(&mut self) -> u64 {
        self.rng.upto(self.pace.storm / 20 * 19)
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        self.rng.between(least, most.max(least))
    }

    /// One of the user's partitions or, where there are groups, one of their coordinators'.
    fn partition(&mut self) -> Option<TopicPartition> {
        if !self.plan.groups.is_empty() && self.rng.chance(1, 4) {
            let last = self.plan.cluster.settings.offsets_topic_partitions.saturating_sub(1);
            let number = u16::try_from(self.rng.upto(u64::from(last)));
            let number = number.expect("below a topic's 16-bit partition count");
            return Some(TopicPartition::new(OFFSETS_TOPIC, number));
        }
        partition(self.plan, self.rng)
    }

    fn nth(&mut self) -> u32 {
        u32::try_from(self.between(1, 4)).expect("at most four")
    }

    fn at(&mut self, at: u64, action: FaultAction) {
        self.faults.push(ScheduledFault { when: Trigger::At(Span::millis(at)), action });
    }

    fn crash(&mut self, at: u64, target: Target, kind: CrashKind, down: u64) {
        self.at(at, FaultAction::Kill { target, kind, down: Span::millis(down) });
    }

    fn broker(&mut self) -> Option<NodeId> {
        self.rng.pick(&brokers(self.plan)).copied()
    }

    /// A broker hears no other broker; the controller hears it well.
    fn cut_from_brokers(&mut self, at: u64, broker: NodeId, lasting: u64) {
        for other in brokers(self.plan) {
            if other != broker {
                let (from, to) = (Target::Process(broker), Target::Process(other));
                let lasting = Span::millis(lasting);
                self.at(at, FaultAction::Cut { from, to, ways: Ways::Both, lasting });
            }
        }
    }

    fn slow(&mut self, at: u64, broker: NodeId, lasting: u64) {
        let by = Span::millis(self.between(1, self.pace.round_trip * 4));
        let (target, lasting) = (Target::Process(broker), Span::millis(lasting));
        self.at(at, FaultAction::Slow { target, by, lasting });
    }

    fn cut_from_leader(&mut self, at: u64, partition: TopicPartition, lasting: u64) {
        let (from, to) = (Target::FollowerOf(partition), Target::LeaderOf(partition));
        let lasting = Span::millis(lasting);
        self.at(at, FaultAction::Cut { from, to, ways: Ways::Both, lasting });
    }

    /// A request is held up.
    fn held(&mut self, since: u64, api: Api, nth: u32, by: Span) {
        let direction = MessageDirection::Request;
        let pattern =
            MessagePattern { api: Some(api), direction, clients: Vec::new(), servers: Vec::new() };
        let when = Trigger::On { pattern, nth, since: Span::millis(since) };
        self.faults.push(ScheduledFault { when, action: FaultAction::Late { by } });
    }
}
