//! Stories in which a safety rule matters, one for every rule: with the rule off some seed breaks an invariant.
//!
//! The clusters are small and in a hurry: all of Kafka's timeouts are scaled down together, so that a few virtual seconds
//! hold many fail-overs.

mod eligible;
mod groups;
pub mod histories;
mod log;
pub(crate) mod modern;
mod nearby;
mod producers;
mod quorum;
mod races;
mod transactions;

use stormglass_kafka::group::OFFSETS_TOPIC;
use stormglass_kafka::message::Api;
use stormglass_kafka::{CrashKind, Rule};
use stormglass_sim::chaos::{Chaos, Family};
use stormglass_sim::plan::{
    FaultAction, MessageDirection, MessagePattern, Plan, ScheduledFault, SizeRange, SpanRange,
    Target, Trigger, Ways,
};
use stormglass_types::{Dense, GroupId, NodeId, Rng, Span, TopicId, TopicPartition};

use crate::{Settings, Story};

/// A rule and the story in which it matters.
#[derive(Clone, Copy, Debug)]
pub struct Killer {
    /// The rule that is switched off.
    pub rule: Rule,
    /// What it is about.
    pub about: About,
    /// The story's name.
    pub name: &'static str,
    /// The story.
    pub story: fn() -> Story,
    /// At most so many seeds, from one on, are told.
    pub seeds: u64,
    /// What becomes of it.
    pub fate: Fate,
}

/// What a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// Copies of a log.
    Replication,
    /// Who is in sync, and who leads.
    Control,
    /// Producers and what brokers remember of them.
    Producers,
    /// Groups and their offsets.
    Groups,
}

/// What becomes of a story without its rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Some seed breaks this invariant.
    Breaks(&'static str),
    /// Some seed does again what was given up in good order, which no promise forbids.
    Repeats,
    /// None breaks anything, since Kafka has other protections.
    HiddenBy(&'static [Rule], &'static str),
}

const fn kills(
    rule: Rule,
    about: About,
    (name, story): (&'static str, fn() -> Story),
    seeds: u64,
    invariant: &'static str,
) -> Killer {
    Killer { rule, about, name, story, seeds, fate: Fate::Breaks(invariant) }
}

const fn repeats(
    rule: Rule,
    about: About,
    (name, story): (&'static str, fn() -> Story),
    seeds: u64,
) -> Killer {
    Killer { rule, about, name, story, seeds, fate: Fate::Repeats }
}

const fn hidden(
    rule: Rule,
    about: About,
    (name, story): (&'static str, fn() -> Story),
    by: &'static [Rule],
    why: &'static str,
) -> Killer {
    Killer { rule, about, name, story, seeds: 10, fate: Fate::HiddenBy(by, why) }
}

/// A story and its name.
pub type Named = (&'static str, fn() -> Story);

const FLIPS: Named = ("flips", flips);
const CHAIN: Named = ("chained-crashes", chained_crashes);
const CONTROL: Named = ("slow-control", slow_control);
const FLAPPING: Named = ("flapping", flapping);
const ROLLING: Named = ("rolling", rolling);
const LATE: Named = ("late", late);
const TORN: Named = ("torn", torn);
const LONG_STARTS: Named = ("long-starts", long_starts);
const UNNOTICED: Named = ("unnoticed-restart", unnoticed_restart);
const FORGOTTEN: Named = ("forgotten-life", forgotten_life);
const OVERTAKEN: Named = ("overtaken-request", overtaken_request);
const BACK: Named = ("there-and-back", there_and_back);
const STALE: Named = ("stale-fetchers", stale_fetchers);
const NEWCOMERS: Named = ("newcomers", newcomers);
const ZOMBIES: Named = ("zombie-batches", zombie_batches);
const OVERSIZED: Named = ("oversized", oversized);
const FORGETFUL: Named = ("forgetful-coordinator", forgetful_coordinator);
const PAUSED: Named = ("paused-members", paused_members);
const SLOW: Named = ("slow-processing", slow_processing);

/// Every rule, in the order of their table.
pub static KILLERS: [Killer; 106] = [
    kills(Rule::AckWaitsForIsr, About::Replication, FLIPS, 20, "no-loss"),
    hidden(
        Rule::MinIsrBeforeAppend,
        About::Replication,
        FLAPPING,
        &[Rule::MinIsrAfterAppend, Rule::HighWatermarkNeedsMinIsr],
        "what is appended with too few in sync is not acknowledged: the high watermark stands still, and the second check \
         would refuse it; only its retries end otherwise, and idempotence drops those",
    ),
    hidden(
        Rule::MinIsrAfterAppend,
        About::Replication,
        FLAPPING,
        &[Rule::HighWatermarkNeedsMinIsr, Rule::MinIsrBeforeAppend],
        "the high watermark does not pass an append while too few are in sync (KAFKA-15583), and a repeated batch that it \
         has passed meets the first check",
    ),
    kills(Rule::ConsumersReadCommitted, About::Replication, FLIPS, 30, "no-duplicates"),
    transactions::ROWS[0],
    transactions::ROWS[1],
    transactions::ROWS[2],
    transactions::ROWS[3],
    kills(Rule::TruncateByEpoch, About::Replication, FLIPS, 20, "log-matching"),
    kills(Rule::DivergenceByEpoch, About::Replication, BACK, 100, "log-matching"),
    kills(Rule::FetchEpochFencing, About::Replication, STALE, 100, "no-loss"),
    histories::COPIES[0],
    histories::COPIES[1],
    histories::COPIES[2],
    histories::COPIES[3],
    histories::COPIES[4],
    nearby::ROWS[0],
    nearby::ROWS[1],
    kills(Rule::IsrJoinNeedsEpochStart, About::Replication, ROLLING, 60, "no-loss"),
    kills(Rule::DivergenceUpdatesNothing, About::Replication, FLIPS, 30, "log-matching"),
    kills(Rule::MaximalIsr, About::Control, CONTROL, 30, "no-loss"),
    kills(Rule::IsrNeedsActiveBrokers, About::Control, ROLLING, 20, "liveness"),
    kills(Rule::AlterPartitionBrokerEpoch, About::Control, FORGOTTEN, 20, "no-loss"),
    kills(Rule::RegistrationLeavesIsr, About::Control, UNNOTICED, 30, "no-loss"),
    kills(Rule::PartitionEpochCheck, About::Control, OVERTAKEN, 20, "no-loss"),
    histories::CONTROL_ROWS[0],
    histories::CONTROL_ROWS[1],
    histories::CONTROL_ROWS[2],
    quorum::BEHIND,
    histories::CONTROL_ROWS[3],
    histories::CONTROL_ROWS[4],
    histories::CONTROL_ROWS[5],
    kills(Rule::AlterLeaderEpochCheck, About::Control, CONTROL, 80, "no-loss"),
    kills(Rule::FollowersResetOnEpoch, About::Replication, BACK, 100, "log-matching"),
    kills(Rule::HighWatermarkMonotonic, About::Replication, CONTROL, 60, "monotone"),
    kills(Rule::HighWatermarkNeedsMinIsr, About::Replication, FLAPPING, 20, "no-loss"),
    kills(Rule::ElectFromIsr, About::Control, CHAIN, 20, "no-loss"),
    eligible::ROWS[0],
    eligible::ROWS[1],
    quorum::ROWS[0],
    quorum::ROWS[1],
    quorum::ROWS[2],
    quorum::ROWS[3],
    quorum::ROWS[4],
    quorum::ROWS[5],
    quorum::ROWS[6],
    quorum::ROWS[7],
    quorum::ROWS[8],
    kills(Rule::RecoveryChecksCrc, About::Replication, TORN, 20, "log-matching"),
    kills(Rule::MarkerNeedsRecovery, About::Replication, LONG_STARTS, 20, "log-matching"),
    kills(Rule::BrokerDropsDuplicates, About::Producers, LATE, 20, "no-duplicates"),
    kills(Rule::DedupWindowOfFive, About::Producers, LATE, 40, "no-duplicates"),
    kills(Rule::SequenceCheck, About::Producers, LATE, 40, "no-duplicates"),
    kills(Rule::FirstSequenceIsZero, About::Producers, NEWCOMERS, 100, "per-key-order"),
    kills(Rule::ProducerEpochCheck, About::Producers, ZOMBIES, 20, "per-key-order"),
    kills(Rule::ProducerStateFollowsLog, About::Producers, FLIPS, 20, "no-duplicates"),
    log::COPIED_LATE,
    log::ROWS[0],
    log::ROWS[1],
    log::ROWS[2],
    log::ROWS[3],
    log::ROWS[4],
    kills(Rule::DuplicateAckWaits, About::Producers, FLIPS, 30, "no-loss"),
    kills(Rule::RetryKeepsOrder, About::Producers, LATE, 20, "per-key-order"),
    kills(Rule::BumpAwaitsInFlight, About::Producers, OVERSIZED, 60, "no-duplicates"),
    producers::ROWS[0],
    producers::ROWS[1],
    producers::ROWS[2],
    producers::ROWS[3],
    producers::ROWS[4],
    kills(Rule::CommitFencing, About::Groups, PAUSED, 30, "monotone"),
    kills(Rule::CommitWaitsForIsr, About::Groups, FORGETFUL, 30, "monotone"),
    hidden(
        Rule::OffsetFetchCommitted,
        About::Groups,
        FORGETFUL,
        &[Rule::SyncWaitsForIsr],
        "a member asks for offsets after its assignment was handed out, which waits for the replicas of everything before it",
    ),
    kills(Rule::SyncWaitsForIsr, About::Groups, FORGETFUL, 30, "single-owner"),
    kills(Rule::RevokeBeforeJoin, About::Groups, PAUSED, 30, "monotone"),
    groups::ROWS[0],
    groups::ROWS[1],
    groups::ROWS[2],
    groups::ROWS[3],
    groups::ROWS[4],
    groups::ROWS[5],
    groups::ROWS[6],
    groups::ROWS[7],
    groups::ROWS[8],
    kills(Rule::BackgroundHeartbeat, About::Groups, SLOW, 10, "liveness"),
    modern::ROWS[0],
    modern::ROWS[1],
    modern::ROWS[2],
    modern::ROWS[3],
    modern::ROWS[4],
    modern::ROWS[5],
    modern::ROWS[6],
    groups::LATER[0],
    races::ROWS[0],
    races::ROWS[1],
    races::ROWS[2],
    races::ROWS[3],
    races::ROWS[4],
    races::ROWS[5],
    races::ROWS[6],
    races::ROWS[7],
    groups::LATER[1],
    log::ROWS[5],
    log::ROWS[6],
    groups::LATER[2],
    groups::LATER[3],
];

/// Stories about copies of a log, for those who look at whole sets of rules.
pub static REPLICATION: [Named; 4] = [FLIPS, CHAIN, BACK, STALE];

const CLUSTER: Settings<'_> = &[
    ("min.insync.replicas", "2"),
    ("broker.session.timeout.ms", "400"),
    ("broker.heartbeat.interval.ms", "100"),
    ("replica.lag.time.max.ms", "150"),
    ("replica.fetch.wait.max.ms", "40"),
    ("replica.fetch.max.bytes", "1000"),
    ("replica.fetch.backoff.ms", "20"),
    ("replica.socket.timeout.ms", "400"),
    ("offsets.topic.num.partitions", "1"),
    ("offsets.commit.timeout.ms", "400"),
    ("group.initial.rebalance.delay.ms", "50"),
    ("group.min.session.timeout.ms", "100"),
];

const PRODUCER: Settings<'_> = &[
    ("request.timeout.ms", "300"),
    ("delivery.timeout.ms", "3000"),
    ("linger.ms", "0"),
    ("batch.size", "300"),
    ("retry.backoff.ms", "20"),
    ("retry.backoff.max.ms", "50"),
    ("reconnect.backoff.ms", "10"),
    ("reconnect.backoff.max.ms", "50"),
];

const MEMBER: Settings<'_> = &[
    ("auto.offset.reset", "earliest"),
    ("session.timeout.ms", "600"),
    ("heartbeat.interval.ms", "100"),
    ("max.poll.interval.ms", "2000"),
    ("max.poll.records", "50"),
    ("fetch.max.wait.ms", "50"),
    ("request.timeout.ms", "400"),
    ("default.api.timeout.ms", "1000"),
    ("retry.backoff.ms", "20"),
    ("retry.backoff.max.ms", "50"),
    ("reconnect.backoff.ms", "10"),
    ("reconnect.backoff.max.ms", "50"),
];

/// Some settings with others put over them.
fn with<'a>(base: Settings<'a>, over: Settings<'a>) -> Vec<(&'a str, &'a str)> {
    let kept = base.iter().filter(|(key, _)| over.iter().all(|(other, _)| other != key));
    kept.chain(over).copied().collect()
}

fn cluster(over: Settings<'_>) -> Story {
    Story::new(&with(CLUSTER, over)).lasting(Span::secs(5)).with(|plan| {
        plan.network.latency = SpanRange { least: Span::micros(500), most: Span::millis(4) };
        plan.phases.settle = Span::secs(20);
        plan.phases.max_events = 500_000;
    })
}

/// One partition, two producers, one reader.
pub(crate) fn pipeline(over: Settings<'_>, producer: Settings<'_>) -> Story {
    cluster(over)
        .topic("orders", 1, &[])
        .producer(Span::millis(8), &with(PRODUCER, producer))
        .producer(Span::millis(8), &with(PRODUCER, producer))
        .group(1, Span::ZERO, MEMBER)
}

/// Three partitions, a producer, and three members who take their time.
pub(crate) fn crowd(over: Settings<'_>, member: Settings<'_>) -> Story {
    cluster(over).topic("orders", 3, &[]).producer(Span::millis(4), PRODUCER).group(
        3,
        Span::millis(4),
        &with(MEMBER, member),
    )
}

fn families(families: &[Family]) -> Chaos {
    Chaos::Families(families.to_vec())
}

fn flips() -> Story {
    pipeline(&[], &[]).chaos(families(&[Family::FlipStorm]))
}

fn chained_crashes() -> Story {
    pipeline(&[], &[]).chaos(families(&[Family::ChainCrash]))
}

fn slow_control() -> Story {
    pipeline(&[], &[]).chaos(families(&[Family::ControlDelay]))
}

fn flapping() -> Story {
    pipeline(&[], &[]).chaos(families(&[Family::IsrFlap, Family::ChainCrash]))
}

fn rolling() -> Story {
    pipeline(&[], &[]).chaos(families(&[Family::RestartBroker, Family::ChainCrash]))
}

/// Producers begin new lives, small batches on their way, while leaderships move: a first batch is refused, the second not.
fn newcomers() -> Story {
    let restless = |plan: &Plan, rng: &mut Rng| {
        let producers: Vec<NodeId> = plan.roster().producers().collect();
        let mut script = Script::new(plan, rng);
        let mut t = 300;
        while t < 4_500 {
            let producer = producers[script.rng.index(producers.len())];
            let down = script.between(20, 80);
            script.kill(t, Target::Process(producer), CrashKind::Process, down);
            for _ in 0..3 {
                let flip = t + script.between(0, 250);
                script.at(flip, FaultAction::Flip { partition: ORDERS });
            }
            let target = Target::Process(script.broker());
            let by = ms(script.between(20, 150));
            script.at(t, FaultAction::LagMetadata { target, by, lasting: ms(250) });
            t += script.between(250, 500);
        }
        script.faults
    };
    pipeline(&[], &[("batch.size", "600")])
        .adversary(restless)
        .with(|plan| plan.network.latency = SpanRange { least: ms(2), most: ms(10) })
}

fn late() -> Story {
    let trouble = [Family::LateMessages, Family::LoseResponse, Family::Flip];
    pipeline(&[], &[]).chaos(families(&trouble))
}

fn torn() -> Story {
    pipeline(&[], &[]).chaos(families(&[Family::Torn]))
}

/// Recovery takes so long that some starts are given up, and tried again.
fn long_starts() -> Story {
    pipeline(&[("server.max.startup.time.ms", "1500")], &[])
        .with(|plan| plan.disk.recovery = SpanRange { least: ms(300), most: ms(2_500) })
        .adversary(|plan, rng| {
            let mut script = Script::new(plan, rng);
            let mut t = 300;
            while t < 4_000 {
                let victim = Target::Process(script.broker());
                let down = script.between(50, 300);
                script.kill(t, victim, CrashKind::Torn, down);
                t += script.between(400, 1_200);
            }
            script.faults
        })
}

/// A broker that loses power registers again before the controller has noticed that its former life is over.
fn unnoticed_restart() -> Story {
    pipeline(&[], &[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let t = script.between(500, 2_500);
        let victim = script.broker();
        script.cut_off(t, victim, 400);
        let dies = t + script.between(450, 800);
        let held = script.between(650, 1_000);
        script.at(dies - 10, FaultAction::Pause { target: Target::Controller, lasting: ms(held) });
        script.kill(dies, Target::Process(victim), CrashKind::Power, 450);
        let other = script.broker();
        if other != victim {
            script.kill(dies - 50, Target::Process(other), CrashKind::Process, 2_000);
        }
        script.faults
    })
}

/// A leader's request to take a replica in arrives after that replica has lost power and returned.
fn forgotten_life() -> Story {
    let slow = [("broker.session.timeout.ms", "1000"), ("broker.heartbeat.interval.ms", "200")];
    pipeline(&slow, &[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        let t = script.between(500, 1_000);
        let victim = script.broker();
        let back = t + 400;
        script.cut_off(t, victim, 400);
        for _ in 0..4 {
            let by = script.between(1_150, 2_000);
            script.late(back, Api::AlterPartition, by);
        }
        let dies = back + script.between(10, 100);
        script.kill(dies, Target::Process(victim), CrashKind::Power, 300);
        script.cut_off(dies, victim, 3_000);
        let ends = dies + script.between(1_300, 2_200);
        for other in script.brokers().into_iter().filter(|other| *other != victim) {
            script.kill(ends, Target::Process(other), CrashKind::Process, 2_500);
        }
        script.faults
    })
}

/// A leader's request to take a replica in arrives when the controller has taken another one out meanwhile.
fn overtaken_request() -> Story {
    pipeline(&[("min.insync.replicas", "1")], &[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for round in 0..2 {
            let t = 300 + round * 2_400 + script.between(0, 200);
            let mut brokers = script.brokers();
            script.rng.shuffle(&mut brokers);
            let (returning, leaving) = (brokers[0], brokers[1]);
            script.cut_off(t, returning, 300);
            for _ in 0..2 {
                let by = script.between(800, 1_200);
                script.late(t + 300, Api::AlterPartition, by);
            }
            let (target, lasting) = (Target::Process(leaving), ms(600));
            let goes = t + script.between(310, 350);
            script.at(goes, FaultAction::Isolate { target, lasting });
            script.cut_off(goes, leaving, 1_500);
        }
        script.faults
    })
}

/// A leadership goes away and comes back before its holder has heard of either.
fn there_and_back() -> Story {
    pipeline(&[], &[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for round in 0..8 {
            let t = 300 + round * 550 + script.between(0, 100);
            script.there_and_back(t);
        }
        script.faults
    })
}

/// Every broker learns at a pace of its own of leaderships that move before they are heard of.
fn stale_fetchers() -> Story {
    pipeline(&[("min.insync.replicas", "1")], &[]).adversary(|plan, rng| {
        let mut script = Script::new(plan, rng);
        for round in 0..9 {
            let t = 200 + round * 500 + script.between(0, 50);
            for broker in script.brokers() {
                let (by, lasting) = (ms(script.between(1, 150)), ms(400));
                let target = Target::Process(broker);
                script.at(t, FaultAction::LagMetadata { target, by, lasting });
            }
            if script.rng.chance(1, 2) {
                let target = Target::Process(script.broker());
                let (by, lasting) = (ms(script.between(3, 30)), ms(400));
                script.at(t, FaultAction::Slow { target, by, lasting });
            }
            let mut moves = t;
            for _ in 0..script.between(2, 5) {
                moves += script.between(5, 70);
                script.at(moves, FaultAction::Flip { partition: ORDERS });
            }
        }
        script.faults
    })
}

/// A stalled disk lets a producer give records up and begin a new epoch, before the requests of the old one are looked at.
fn zombie_batches() -> Story {
    pipeline(&[], &[("delivery.timeout.ms", "600"), ("request.timeout.ms", "200")]).adversary(
        |plan, rng| {
            let mut script = Script::new(plan, rng);
            for round in 0..4 {
                let t = 300 + round * 1_200 + script.between(0, 300);
                for _ in 0..script.between(1, 4) {
                    let by = script.between(300, 1_500);
                    let from = t + script.between(0, 100);
                    script.late(from, Api::Produce, by);
                }
                let lasting = ms(script.between(300, 900));
                let target = Target::LeaderOf(ORDERS);
                script.at(t + 100, FaultAction::StallDisk { target, lasting });
            }
            script.faults
        },
    )
}

/// Some records are too large, while others wait for replicas.
fn oversized() -> Story {
    oversized_with(&[])
}

fn oversized_with(producer: Settings<'_>) -> Story {
    let producer = with(&[("metadata.max.age.ms", "30"), ("batch.size", "100")], producer);
    pipeline(&[], &producer).chaos(families(&[Family::FlipStorm])).with(|plan| {
        for topic in &mut plan.topics {
            std::sync::Arc::make_mut(&mut topic.settings).max_message_bytes = 1_000;
        }
        for producer in &mut plan.producers {
            producer.load.bytes = SizeRange { least: 100, most: 960 };
            producer.load.every = Span::millis(4);
        }
    })
}

/// Members come and go while the coordinator moves to a broker that has not heard everything.
fn forgetful_coordinator() -> Story {
    let member = [("max.poll.records", "5"), ("heartbeat.interval.ms", "200")];
    crowd(&[("replica.lag.time.max.ms", "400"), ("min.insync.replicas", "1")], &member).adversary(
        |plan, rng| {
            let mut script = Script::new(plan, rng);
            let coordinator = TopicPartition::new(OFFSETS_TOPIC, 0);
            for round in 0..8 {
                let t = 400 + round * 550 + script.between(0, 100);
                let comes = t - script.between(0, 100);
                script.restart_member(comes);
                let lasting = ms(script.between(50, 300));
                for broker in script.brokers() {
                    let (from, to) = (Target::LeaderOf(coordinator), Target::Process(broker));
                    script.at(t, FaultAction::Cut { from, to, ways: Ways::Both, lasting });
                }
                let moves = t + script.between(20, 250);
                script.at(moves, FaultAction::Flip { partition: coordinator });
                let goes = t + script.between(0, 300);
                script.restart_member(goes);
            }
            script.faults
        },
    )
}

fn paused_members() -> Story {
    crowd(&[], &[]).chaos(families(&[Family::PauseClient, Family::KillMember]))
}

/// Processing what one poll gives takes longer than a session.
fn slow_processing() -> Story {
    let member = [("max.poll.interval.ms", "10000"), ("max.poll.records", "50")];
    cluster(&[]).topic("orders", 2, &[]).producer(Span::millis(10), PRODUCER).group(
        2,
        Span::millis(30),
        &with(MEMBER, &member),
    )
}

const ORDERS: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };

const fn ms(count: u64) -> Span {
    Span::millis(count)
}

/// A list of faults being written down.
struct Script<'a> {
    plan: &'a Plan,
    rng: &'a mut Rng,
    faults: Vec<ScheduledFault>,
}

impl<'a> Script<'a> {
    const fn new(plan: &'a Plan, rng: &'a mut Rng) -> Self {
        Self { plan, rng, faults: Vec::new() }
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        self.rng.between(least, most)
    }

    fn brokers(&self) -> Vec<NodeId> {
        self.plan.roster().brokers().map(|(_, node)| node).collect()
    }

    fn broker(&mut self) -> NodeId {
        let brokers = self.brokers();
        brokers[self.rng.index(brokers.len())]
    }

    fn at(&mut self, at: u64, action: FaultAction) {
        self.faults.push(ScheduledFault { when: Trigger::At(ms(at)), action });
    }

    /// From a moment on, the leadership goes away and comes back while its holder is cut off from the controller. Tells for how
    /// long it is.
    fn there_and_back(&mut self, t: u64) -> u64 {
        for _ in 0..2 {
            let (slow, by) = (self.broker(), self.between(5, 30));
            let (from, lasting) = (t - self.between(0, 50), ms(self.between(30, 300)));
            let target = Target::Process(slow);
            self.at(from, FaultAction::Slow { target, by: ms(by), lasting });
        }
        let learns = self.between(60, 150);
        let (from, to) = (Target::LeaderOf(ORDERS), Target::Controller);
        let lasting = ms(learns);
        self.at(t, FaultAction::Cut { from, to, ways: Ways::Both, lasting });
        self.at(t + learns - 5, FaultAction::Reset { target: Target::Controller });
        let late = self.broker();
        let (by, lasting) = (ms(self.between(20, 150)), ms(200));
        self.at(t, FaultAction::LagMetadata { target: Target::Process(late), by, lasting });
        self.at(t + 3, FaultAction::Flip { partition: ORDERS });
        let back = t + 3 + self.between(10, 50);
        self.at(back, FaultAction::Flip { partition: ORDERS });
        learns
    }

    fn kill(&mut self, at: u64, target: Target, kind: CrashKind, down: u64) {
        self.at(at, FaultAction::Kill { target, kind, down: ms(down) });
    }

    fn restart_member(&mut self, at: u64) {
        let members: Vec<NodeId> = self.plan.roster().members(GroupId::from_index(0)).collect();
        let member = members[self.rng.index(members.len())];
        let down = self.between(10, 100);
        self.kill(at, Target::Process(member), CrashKind::Process, down);
    }

    /// A broker hears no other broker.
    fn cut_off(&mut self, at: u64, broker: NodeId, lasting: u64) {
        for other in self.brokers().into_iter().filter(|other| *other != broker) {
            let (from, to) = (Target::Process(broker), Target::Process(other));
            let lasting = ms(lasting);
            self.at(at, FaultAction::Cut { from, to, ways: Ways::Both, lasting });
        }
    }

    fn lose_answer(&mut self, since: u64, api: Api) {
        self.lose(since, api, MessageDirection::Response, Vec::new());
    }

    /// A process's next request of a kind is lost, and its connection with it.
    fn lose_request(&mut self, since: u64, client: NodeId, api: Api) {
        self.lose(since, api, MessageDirection::Request, vec![client]);
    }

    fn lose(&mut self, since: u64, api: Api, direction: MessageDirection, clients: Vec<NodeId>) {
        let pattern = MessagePattern { api: Some(api), direction, clients, servers: Vec::new() };
        let when = Trigger::On { pattern, nth: 1, since: ms(since) };
        self.faults.push(ScheduledFault { when, action: FaultAction::Lose });
    }

    fn late(&mut self, since: u64, api: Api, by: u64) {
        let pattern = MessagePattern {
            api: Some(api),
            direction: MessageDirection::Request,
            clients: Vec::new(),
            servers: Vec::new(),
        };
        let when = Trigger::On { pattern, nth: 1, since: ms(since) };
        self.faults.push(ScheduledFault { when, action: FaultAction::Late { by: ms(by) } });
    }
}
