//! A language for histories: one event a statement, a millisecond apart.

use std::sync::Arc;

use stormglass_types::history::{
    Acks, CommitMode, Election, Group, Header, History, Outcome, Positioning, Process, Role,
    Source, Stuck, Topic, What,
};
use stormglass_types::{
    BrokerId, ErrorCode, Generation, GroupId, IdVec, Key, LeaderEpoch, NodeId, Offset, SourceId,
    Span, Time, TopicId, TopicPartition, ValueRange,
};

use crate::{Verdict, judge};

/// What a test may change about the world before its story begins.
pub(super) struct Cast {
    pub(super) header: Header,
    /// Sources `v` and `w`.
    pub(super) sources: [Source; 2],
}

/// Brokers 1 to 3 are nodes 0 to 2; the producer is node 3; members `a` and `b` of `billing` are nodes 4 and 5.
pub(super) fn cast() -> Cast {
    let mut processes = IdVec::new();
    let mut join = |name: &str, role| processes.push(Process { name: name.into(), role });
    for broker in 1..=3 {
        join(&format!("broker-{broker}"), Role::Broker(BrokerId(broker)));
    }
    join("checkout-1", Role::Producer);
    join("billing-a", Role::Consumer(GroupId(0)));
    join("billing-b", Role::Consumer(GroupId(0)));
    let topic = |name: &str, internal, partitions| Topic {
        name: name.into(),
        partitions,
        replication: 3,
        min_insync_replicas: 2,
        unclean_election: false,
        internal,
    };
    let billing = Group {
        name: "billing".into(),
        topics: vec![TopicId(0)],
        commit: CommitMode::AfterProcessing,
        from_earliest: true,
        asynchronous: false,
        stores_early: false,
        skips: false,
        self_assigned: false,
        releases_first: false,
        committed_only: false,
    };
    let header = Header {
        processes,
        topics: [topic("orders", false, 2), topic("__consumer_offsets", true, 1)]
            .into_iter()
            .collect(),
        groups: [billing].into_iter().collect(),
        keys: vec!["alice".into(), "bob".into()],
        eligible_leader_replicas: false,
        pools: Vec::new(),
    };
    let source = Source {
        process: NodeId(3),
        acks: Acks::All,
        idempotent: true,
        in_flight: 5,
        retries: true,
        transactional: false,
    };
    Cast { header, sources: [source; 2] }
}

/// The history of a story.
///
/// `p0 send v0-2 k1` · `p0 ack v0-2 @0` · `p0 fail v0` · `p0 unknown v0` · `p0 again v1 v0` · `p0 a poll v0-2 @0` · `p0 a done v0-2 @0` ·
/// `p0 a at @0 reset` · `p0 a commit @3`, or `ask @3` and `told @3` (or `doubt @3`) apart · `p0 a assign g1`, `revoke g1` ·
/// `crash a` · `p0 leader b1 e1`, `unclean b1 e1`, `leaderless e1` · `p0 isr b1 b2` · `p0 loses b1 @0 @3` · `p0 lag 7` ·
/// `expand 4` · `rebalanced g1 2` · `joined a g1` · `parted a` · `healed` · `p0 stuck`, `p0 unled` · `p0 log v0-2 _ v3`, `p0 unread` ·
/// `p0 replica b1 hw3 e0 v0-2 e1 v3`.
pub(super) fn tell(cast: Cast, story: &str) -> History {
    let mut teller = Teller { history: History::new(Header::default()), at: Time::ZERO };
    teller.history.header = Arc::new(cast.header);
    for source in cast.sources {
        teller.history.begin_source(source);
    }
    let statements = story.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty());
    for statement in statements {
        teller.at += Span::millis(1);
        teller.tell(statement);
    }
    teller.history
}

/// The verdict on one invariant, as `status: text`.
pub(super) fn verdict(invariant: &str, cast: Cast, story: &str) -> String {
    let verdict = verdict_of(invariant, &tell(cast, story));
    format!("{}: {verdict}", verdict.status())
}

pub(super) fn verdict_of(invariant: &str, history: &History) -> Verdict {
    let judgement = judge(history);
    let found = judgement.verdicts.into_iter().find(|(name, _)| *name == invariant);
    found.expect("the invariant exists").1
}

struct Teller {
    history: History,
    at: Time,
}

impl Teller {
    fn push(&mut self, process: NodeId, what: What) {
        self.history.push(self.at, process, what);
    }

    fn tell(&mut self, statement: &str) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let group = GroupId(0);
        match words[..] {
            ["healed"] => self.push(NodeId(0), What::Healed),
            ["crash", who] => self.push(process(who), What::Crashed),
            ["start", who] => self.push(process(who), What::Started),
            ["expand", to] => {
                let partitions = to.parse().unwrap();
                self.push(NodeId(0), What::Expanded { topic: TopicId(0), partitions });
            }
            ["rebalanced", generation, members] => {
                let (generation, members) =
                    (Generation(number(generation)), members.parse().unwrap());
                self.push(NodeId(0), What::Rebalanced { group, generation, members });
            }
            ["joined", who, generation] => {
                let generation = Generation(number(generation));
                self.push(process(who), What::Joined { group, generation });
            }
            ["parted", who] => {
                let generation = Generation(0);
                self.push(process(who), What::Parted { group, generation });
            }
            [partition, ref rest @ ..] => {
                let topic = TopicId(u16::from(partition.starts_with('q')));
                let partition = TopicPartition::new(topic, number(partition));
                match rest {
                    [who @ ("a" | "b"), rest @ ..] => self.member(process(who), partition, rest),
                    _ => self.of_partition(partition, rest),
                }
            }
            [] => {}
        }
    }

    fn member(&mut self, process: NodeId, partition: TopicPartition, words: &[&str]) {
        let group = GroupId(0);
        let what = match *words {
            ["poll", values, base] => {
                What::Polled { group, partition, base: at(base), values: range(values) }
            }
            ["done", values, base] => {
                What::Processed { group, partition, base: at(base), values: range(values) }
            }
            ["at", offset, why] => {
                let why = match why {
                    "committed" => Positioning::Committed,
                    "reset" => Positioning::Reset,
                    "truncated" => Positioning::Truncated,
                    "seek" => Positioning::Seek,
                    other => panic!("no positioning {other}"),
                };
                What::Positioned { group, partition, offset: at(offset), why }
            }
            ["ask", offset] => {
                let generation = Generation(1);
                What::Commit { group, partition, generation, offset: at(offset) }
            }
            ["told", offset] => {
                What::CommitDone { group, partition, offset: at(offset), outcome: Outcome::Ok }
            }
            ["doubt", offset] => {
                let outcome = Outcome::Unknown(ErrorCode::RequestTimedOut);
                What::CommitDone { group, partition, offset: at(offset), outcome }
            }
            ["commit", offset] => {
                self.member(process, partition, &["ask", offset]);
                self.at += Span::millis(1);
                return self.member(process, partition, &["told", offset]);
            }
            ["assign", generation] => {
                What::Assigned { group, partition, generation: Generation(number(generation)) }
            }
            ["revoke", generation] => {
                What::Revoked { group, partition, generation: Generation(number(generation)) }
            }
            ref other => panic!("no statement {other:?}"),
        };
        self.push(process, what);
    }

    fn of_partition(&mut self, partition: TopicPartition, words: &[&str]) {
        let done = |values, base, outcome| What::SendDone { partition, values, base, outcome };
        let broker = |word: &str| BrokerId(number(word));
        match *words {
            ["send", values, ref key @ ..] => {
                let key = key.first().map(|key| Key(number(key)));
                for value in range(values).values() {
                    self.push(NodeId(3), What::Send { partition, value, key });
                }
            }
            ["ack", values, base] => {
                self.push(NodeId(3), done(range(values), at(base), Outcome::Ok))
            }
            ["again", value, first] => {
                let [value, first] = [value, first].map(|it| range(it).values().next().unwrap());
                let first = (partition, first);
                self.push(NodeId(3), What::SentAgain { partition, value, first });
            }
            ["fail", values] => {
                let outcome = Outcome::Fail(ErrorCode::TopicAuthorizationFailed);
                self.push(NodeId(3), done(range(values), Offset::UNKNOWN, outcome));
            }
            ["unknown", values] => {
                let outcome = Outcome::Unknown(ErrorCode::RequestTimedOut);
                self.push(NodeId(3), done(range(values), Offset::UNKNOWN, outcome));
            }
            [kind @ ("leader" | "unclean"), leader, epoch] => {
                let election = if kind == "leader" { Election::Clean } else { Election::Unclean };
                let (epoch, leader) = (LeaderEpoch(number(epoch)), Some(broker(leader)));
                self.push(NodeId(0), What::Leader { partition, epoch, leader, election });
            }
            ["leaderless", epoch] => {
                let (epoch, election) = (LeaderEpoch(number(epoch)), Election::Offline);
                self.push(NodeId(0), What::Leader { partition, epoch, leader: None, election });
            }
            ["isr", ref brokers @ ..] => {
                let replicas = brokers.iter().map(|word| 1 << number::<u16>(word)).sum();
                self.push(NodeId(0), What::InSync { partition, epoch: LeaderEpoch(0), replicas });
            }
            ["loses", who, from, to] => {
                let (broker, from, to) = (broker(who), at(from), at(to));
                self.push(NodeId(broker.0 - 1), What::LogLost { partition, broker, from, to });
            }
            ["lag", lag] => {
                let what = What::Lag { group: GroupId(0), partition, lag: lag.parse().unwrap() };
                self.push(NodeId(0), what);
            }
            ["stuck"] => {
                let on = Stuck::Behind { group: GroupId(0), partition, lag: 3 };
                self.push(NodeId(4), What::Stuck { on });
            }
            ["unled"] => self.push(NodeId(0), What::Stuck { on: Stuck::NoLeader { partition } }),
            ["unread"] => {
                let end = Offset::UNKNOWN;
                self.push(NodeId(0), What::FinalEnd { partition, start: end, end });
            }
            ["log", ref items @ ..] => self.log(partition, items),
            ["replica", who, high_watermark, ref items @ ..] => {
                self.replica(partition, broker(who), Offset(number(high_watermark)), items);
            }
            ref other => panic!("no statement {other:?}"),
        }
    }

    fn log(&mut self, partition: TopicPartition, items: &[&str]) {
        let mut end = Offset::ZERO;
        for item in items {
            if *item == "_" {
                end = end.plus(1);
                continue;
            }
            let values = range(item);
            self.push(NodeId(0), What::FinalRead { partition, base: end, values });
            end = end.plus(values.count);
        }
        self.push(NodeId(0), What::FinalEnd { partition, start: Offset::ZERO, end });
    }

    fn replica(
        &mut self,
        partition: TopicPartition,
        broker: BrokerId,
        high_watermark: Offset,
        items: &[&str],
    ) {
        let (mut base, mut epoch) = (Offset::ZERO, LeaderEpoch(0));
        for item in items {
            if item.starts_with('e') {
                epoch = LeaderEpoch(number(item));
                continue;
            }
            let values = range(item);
            let (count, values) = (values.count, Some(values));
            self.push(
                NodeId(broker.0 - 1),
                What::ReplicaLog { partition, broker, base, count, epoch, values },
            );
            base = base.plus(count);
        }
        let what = What::ReplicaEnd { partition, broker, end: base, high_watermark };
        self.push(NodeId(broker.0 - 1), what);
    }
}

fn process(word: &str) -> NodeId {
    match word {
        "a" => NodeId(4),
        "b" => NodeId(5),
        broker => NodeId(number::<u16>(broker) - 1),
    }
}

/// The number after a word's letters: 3 of `p3`, `b3`, `hw3`.
fn number<N: std::str::FromStr<Err: std::fmt::Debug>>(word: &str) -> N {
    word.trim_start_matches(char::is_alphabetic).parse().unwrap()
}

fn at(word: &str) -> Offset {
    Offset(word.strip_prefix('@').unwrap().parse().unwrap())
}

/// `v3` or `v3-5` of the first source, `w3` of the second.
fn range(word: &str) -> ValueRange {
    let source = SourceId(u16::from(word.starts_with('w')));
    let (first, last) = word[1..].split_once('-').unwrap_or((&word[1..], &word[1..]));
    let (first, last): (u32, u32) = (first.parse().unwrap(), last.parse().unwrap());
    ValueRange { source, first, count: last + 1 - first }
}
