mod elections;
mod replication;
mod schedules;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::{LeaderEpoch, NodeId, ProducerId, Rng, Span, Stream, Streams, Time, Wall};

use super::message::LogPlace;
use super::{QuorumStore, Voter};
use crate::message::{Correlation, MetadataOffset, Msg, Request};
use crate::metadata::{MetadataImage, MetadataRecord};
use crate::settings::{BrokerSettings, QuorumSettings};
use crate::{
    Boot, ConnId, CrashKind, CrashReport, Directory, Durable, Effect, Exit, Mark, Marks, Now,
    Outbox, Rule, Rules, SyncToken, Timer,
};

/// A quorum with a scripted network, disk and clock around it.
struct Rig {
    voters: Vec<Option<Voter>>,
    stores: Vec<QuorumStore>,
    images: Vec<MetadataImage>,
    timers: Vec<Option<Time>>,
    syncs: Vec<VecDeque<SyncToken>>,
    lives: Vec<u32>,
    exits: Vec<(usize, Exit)>,
    links: BTreeMap<ConnId, Link>,
    /// Whoever is in here hears nobody and is heard by nobody.
    cut_off: Vec<usize>,
    /// Whether syncs end at once.
    slow_disks: Vec<usize>,
    settings: QuorumSettings,
    rules: Rules,
    now: Time,
    out: Outbox,
    marks: Marks,
    rng: Rng,
    appended: i64,
    /// They went on and on without any time passing.
    restless: bool,
}

/// A connection, and what is on its way.
struct Link {
    ends: [usize; 2],
    /// To the side that accepted it, and back.
    ways: [VecDeque<Msg>; 2],
    /// Requests in line behind the one that is handled.
    line: VecDeque<(Correlation, Request)>,
    busy: bool,
}

impl Rig {
    fn new(voters: usize, rules: Rules) -> Self {
        Self::with(voters, rules, BrokerSettings::default().quorum)
    }

    fn with(voters: usize, rules: Rules, settings: QuorumSettings) -> Self {
        let mut rig = Self {
            voters: (0..voters).map(|_| None).collect(),
            stores: vec![QuorumStore::default(); voters],
            images: vec![MetadataImage::default(); voters],
            timers: vec![None; voters],
            syncs: vec![VecDeque::new(); voters],
            lives: vec![0; voters],
            exits: Vec::new(),
            links: BTreeMap::new(),
            cut_off: Vec::new(),
            slow_disks: Vec::new(),
            settings,
            rules,
            now: Time::ZERO,
            out: Outbox::default(),
            marks: Marks::NONE,
            rng: Streams::new(7).stream(Stream::Crash, 0),
            appended: 0,
            restless: false,
        };
        (0..voters).for_each(|voter| rig.boot(voter));
        rig
    }

    fn local(&self) -> Now {
        Now { mono: self.now, wall: Wall(0) }
    }

    fn boot(&mut self, voter: usize) {
        let node = |n: usize| NodeId(u16::try_from(n).unwrap());
        let directory = Directory {
            brokers: Vec::new(),
            controllers: (0..self.voters.len()).map(node).collect(),
        };
        let entity = u32::try_from(voter).unwrap() + 100 * self.lives[voter];
        let boot = Boot {
            node: node(voter),
            incarnation: self.lives[voter],
            directory: Arc::new(directory),
            rules: self.rules,
            rng: Streams::new(1).stream(Stream::Machine, entity),
        };
        let store = core::mem::take(&mut self.stores[voter]);
        self.images[voter] = MetadataImage::default();
        let booted = Voter::boot(self.local(), &boot, self.settings, store, &mut self.out);
        self.voters[voter] = Some(booted);
        self.carry_out(voter);
    }

    fn crash(&mut self, voter: usize, kind: CrashKind) {
        let Some(machine) = self.voters[voter].take() else { return };
        let mut report = CrashReport::default();
        self.stores[voter] = machine.into_store().after_crash(kind, &mut self.rng, &mut report);
        self.lives[voter] += 1;
        self.timers[voter] = None;
        self.syncs[voter].clear();
        let gone: Vec<ConnId> = self.links_of(voter);
        gone.into_iter().for_each(|conn| self.reset(conn));
    }

    fn links_of(&self, voter: usize) -> Vec<ConnId> {
        let links = self.links.iter().filter(|(_, link)| link.ends.contains(&voter));
        links.map(|(conn, _)| *conn).collect()
    }

    /// A connection ends, and both ends notice.
    fn reset(&mut self, conn: ConnId) {
        let Some(link) = self.links.remove(&conn) else { return };
        for end in link.ends {
            self.with_voter(end, |voter, now, out| {
                voter.on_closed(now, conn, out);
            });
        }
    }

    fn with_voter(&mut self, at: usize, f: impl FnOnce(&mut Voter, Now, &mut Outbox)) {
        let now = self.local();
        if let Some(voter) = &mut self.voters[at] {
            f(voter, now, &mut self.out);
            self.carry_out(at);
        }
    }

    fn carry_out(&mut self, at: usize) {
        self.marks.extend(core::mem::take(&mut self.out.marks));
        self.out.notes.clear();
        for effect in core::mem::take(&mut self.out.effects) {
            match effect {
                Effect::Connect(conn, to) => {
                    let ways = [VecDeque::new(), VecDeque::new()];
                    let ends = [at, usize::from(to.0)];
                    let link = Link { ends, ways, line: VecDeque::new(), busy: false };
                    self.links.insert(conn, link);
                }
                Effect::Send(conn, message) => {
                    let link = self.links.get_mut(&conn).unwrap();
                    let way = usize::from(link.ends[0] != at);
                    link.ways[way].push_back(message);
                }
                Effect::Close(conn) => {
                    if let Some(link) = self.links.remove(&conn) {
                        let other = link.ends[usize::from(link.ends[0] == at)];
                        self.with_voter(other, |voter, now, out| {
                            voter.on_closed(now, conn, out);
                        });
                    }
                }
                Effect::SetTimer(Timer::Quorum, time) => self.timers[at] = Some(time),
                Effect::Sync(token) => self.syncs[at].push_back(token),
                Effect::Exit(exit) => self.exits.push((at, exit)),
                other => unreachable!("a voter does not {other:?}"),
            }
        }
        self.answer(at);
        self.follow(at);
    }

    /// Sends what a voter answers, and lets it hear the next request of that connection.
    fn answer(&mut self, at: usize) {
        while let Some(answer) = self.voters[at].as_mut().and_then(Voter::next_answer) {
            let Some(link) = self.links.get_mut(&answer.conn) else { continue };
            link.ways[1].push_back(Msg::Response(answer.correlation, answer.response));
            link.busy = false;
            self.take_request(answer.conn);
        }
    }

    fn take_request(&mut self, conn: ConnId) {
        let Some(link) = self.links.get_mut(&conn).filter(|link| !link.busy) else { return };
        let Some((correlation, request)) = link.line.pop_front() else { return };
        link.busy = true;
        let to = link.ends[1];
        self.with_voter(to, |voter, now, out| {
            voter.on_request(now, conn, correlation, request, out);
        });
    }

    /// Applies what a voter takes for committed.
    fn follow(&mut self, at: usize) {
        let Some(voter) = &mut self.voters[at] else { return };
        let image = &mut self.images[at];
        if let Some(snapshot) = voter.take_installed() {
            *image = MetadataImage::clone(&snapshot.image);
        }
        for record in voter.store().slice(image.offset, voter.high_watermark()).iter() {
            image.apply(record);
        }
        voter.maybe_snapshot(image);
    }

    /// The ways on which something can arrive.
    fn arrivals(&self) -> Vec<(ConnId, usize)> {
        let reachable = |link: &&Link| link.ends.iter().all(|end| !self.cut_off.contains(end));
        let links = self.links.iter().filter(|(_, link)| reachable(link));
        let ways = links.flat_map(|(conn, link)| {
            (0..2).filter(|way| !link.ways[*way].is_empty()).map(|way| (*conn, way))
        });
        ways.collect()
    }

    fn arrive(&mut self, conn: ConnId, way: usize) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        let Some(message) = link.ways[way].pop_front() else { return };
        let to = link.ends[1 - way];
        if self.voters[to].is_none() {
            return self.reset(conn);
        }
        match message {
            Msg::Request(correlation, request) => {
                link.line.push_back((correlation, request));
                self.take_request(conn);
            }
            Msg::Response(correlation, response) => self.with_voter(to, |voter, now, out| {
                voter.on_response(now, conn, correlation, response, out);
            }),
        }
    }

    fn sync(&mut self, at: usize) {
        if let Some(token) = self.syncs[at].pop_front() {
            self.with_voter(at, |voter, now, out| {
                assert!(voter.on_synced(now, token, out));
            });
        }
    }

    /// Lets everything happen that needs no time.
    fn quiesce(&mut self) {
        for _ in 0..10_000 {
            let quick = (0..self.voters.len())
                .find(|at| !self.slow_disks.contains(at) && !self.syncs[*at].is_empty());
            if let Some(at) = quick {
                self.sync(at);
            } else if let Some((conn, way)) = self.arrivals().first() {
                self.arrive(*conn, *way);
            } else {
                return;
            }
        }
        assert!(self.rules != Rules::ALL, "the quorum does not come to rest");
        self.restless = true;
    }

    /// The next timer goes off.
    fn tick(&mut self) {
        let timers = (0..self.timers.len()).filter_map(|at| Some((self.timers[at]?, at)));
        let Some((time, at)) = timers.min() else { return };
        self.now = self.now.max(time);
        self.timers[at] = None;
        self.with_voter(at, |voter, now, out| voter.on_timer(now, out));
    }

    /// One thing happens.
    fn step(&mut self) {
        if let Some(at) = (0..self.voters.len()).find(|at| !self.syncs[*at].is_empty()) {
            self.sync(at);
        } else if let Some((conn, way)) = self.arrivals().first() {
            self.arrive(*conn, *way);
        } else {
            self.tick();
        }
    }

    /// Time passes, with everything that it brings.
    fn pass(&mut self, span: Span) {
        let until = self.now + span;
        self.quiesce();
        while self.timers.iter().flatten().any(|time| *time <= until) {
            self.tick();
            self.quiesce();
        }
        self.now = until;
    }

    fn leaders(&self) -> Vec<(usize, LeaderEpoch)> {
        let voters = self.voters.iter().enumerate();
        voters.filter_map(|(at, voter)| Some((at, voter.as_ref()?.leads()?))).collect()
    }

    /// The only leader.
    fn leader(&self) -> usize {
        let leaders = self.leaders();
        assert_eq!(leaders.len(), 1, "one leads: {leaders:?}");
        leaders[0].0
    }

    fn append(&mut self, at: usize) {
        self.appended += 1;
        let next = ProducerId(self.appended);
        self.with_voter(at, |voter, now, out| {
            voter.append(vec![MetadataRecord::ProducerIds { next }]);
            voter.pump(now, out);
        });
    }

    fn marked(&self, mark: Mark) -> bool {
        self.marks.contains(mark)
    }

    /// Role, epoch, log end and high watermark of everybody.
    fn shown(&self) -> String {
        let mut text = String::new();
        for (at, voter) in self.voters.iter().enumerate() {
            let line = match voter {
                None => format!("{at} down\n"),
                Some(voter) => {
                    let LogPlace { epoch, offset } = voter.store().last();
                    let role = match voter.role {
                        super::Role::Unattached { .. } => "unattached",
                        super::Role::Prospective { .. } => "prospective",
                        super::Role::Candidate { .. } => "candidate",
                        super::Role::Follower { .. } => "follower",
                        super::Role::Leader(_) => "leader",
                        super::Role::Resigned { .. } => "resigned",
                    };
                    format!(
                        "{at} {role} in {}, log {}@{}, hw {}\n",
                        voter.epoch().0,
                        offset.0,
                        epoch.0,
                        voter.high_watermark().0
                    )
                }
            };
            text.push_str(&line);
        }
        text
    }
}
