//! Where the consumer is in each partition it owns (`SubscriptionState`, `OffsetFetcher`).
//!
//! Reads no records: the fetcher does, and moves positions on.

use alloc::vec::Vec;

use stormglass_types::history::Positioning;
use stormglass_types::{
    BrokerId, ErrorCode, Generation, LeaderEpoch, Offset, PartitionMap, Time, TopicPartition, Wall,
};

use super::commits::Offsets;
use super::membership::Member;
use super::metadata::LeaderAndEpoch;
use super::network::{Link, Tag};
use super::{Consumer, Stage};
use crate::message::{
    EpochEndRequest, EpochEndResponse, ListOffsetsRequest, ListOffsetsResponse, OffsetFetchRequest,
    OffsetFetchResponse, OffsetSpec, OffsetToCommit, Request,
};
use crate::metadata::TopicUuid;
use crate::settings::OffsetReset;
use crate::{Mark, Now, Outbox, Report, Rule, Start};

/// The next record to read, the epoch of the one before, and who was the leader (`FetchPosition`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Position {
    pub(super) offset: Offset,
    pub(super) epoch: Option<LeaderEpoch>,
    pub(super) leader: LeaderAndEpoch,
}

/// What is known of a partition's position (`FetchStates`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FetchState {
    /// Nothing yet: the committed offset decides.
    Initializing,
    /// It may be read.
    Fetching(Position),
    /// There is none: `auto.offset.reset` decides.
    AwaitReset,
    /// The leader must confirm that its log still holds what was read before (KIP-320).
    AwaitValidation(Position),
}

/// An assigned partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assigned {
    pub(super) state: FetchState,
    /// No question about its position before this, and no fetch from the same leader.
    retry_at: Time,
    /// Whether it is about to be given up, so that nothing more may be read.
    revoking: bool,
    /// Whether the application has paused it.
    held: bool,
    /// Where a reset leads, unless `auto.offset.reset` says so.
    spec: Option<OffsetSpec>,
    /// Who asked for the reset.
    by: ResetBy,
    /// A replica nearer than the leader, and until when it is to be asked (KIP-392).
    preferred: Option<(BrokerId, Time)>,
    /// What was stored for the automatic commit, and the last offset that is known to be committed (librdkafka).
    stored: Option<(Offset, LeaderEpoch)>,
    committed: Option<Offset>,
    /// Which topic of the name the position is of, as far as metadata told.
    pub(super) topic: Option<TopicUuid>,
}

impl Assigned {
    /// The position, if records may be read from it.
    pub(super) const fn fetchable(&self) -> Option<Position> {
        match self.state {
            FetchState::Fetching(position) if !self.revoking && !self.held => Some(position),
            FetchState::Initializing
            | FetchState::Fetching(_)
            | FetchState::AwaitReset
            | FetchState::AwaitValidation(_) => None,
        }
    }

    /// Sets a position that must be validated where epochs are known (`seekUnvalidated`).
    fn seek(&mut self, position: Position) {
        self.retry_at = Time::ZERO;
        self.state = if position.epoch.is_some() && position.leader.epoch.is_some() {
            FetchState::AwaitValidation(position)
        } else {
            FetchState::Fetching(position)
        };
    }

    /// Whom to ask instead of the leader, as long as the lease lasts.
    pub(super) fn preferred(&self, now: Time) -> Option<BrokerId> {
        let (replica, until) = self.preferred?;
        (now <= until).then_some(replica)
    }

    /// Whether its leader refused the last fetch a moment ago.
    pub(super) fn is_held(&self, now: Time) -> bool {
        now < self.retry_at
    }

    fn reset(&mut self) {
        self.state = FetchState::AwaitReset;
        self.retry_at = Time::ZERO;
        self.spec = None;
        self.by = ResetBy::Policy;
    }

    /// Nothing is known of the position.
    const fn fresh() -> Self {
        let state = FetchState::Initializing;
        Self {
            state,
            retry_at: Time::ZERO,
            revoking: false,
            held: false,
            spec: None,
            by: ResetBy::Policy,
            preferred: None,
            stored: None,
            committed: None,
            topic: None,
        }
    }

    /// Another topic has the name now: what was known of the position is of the former one.
    const fn begin_anew(&mut self, topic: TopicUuid) {
        let Self { revoking, held, .. } = *self;
        *self = Self { revoking, held, topic: Some(topic), ..Self::fresh() };
    }

    /// Begins to read where the application says.
    pub(super) fn begin(&mut self, start: Start, leader: LeaderAndEpoch, wall: Wall) {
        let spec = match start {
            Start::Committed => {
                self.state = FetchState::Initializing;
                return;
            }
            Start::At(offset) => return self.seek(Position { offset, epoch: None, leader }),
            Start::Policy => return self.reset(),
            Start::Earliest => OffsetSpec::Earliest,
            Start::Latest => OffsetSpec::Latest,
            Start::Ago(age) => OffsetSpec::At(wall.minus(age)),
        };
        self.reset();
        self.spec = Some(spec);
        self.by = ResetBy::Application;
    }

    pub(super) const fn hold(&mut self, held: Held) {
        self.held = matches!(held, Held::Yes);
    }

    /// Everything before an offset is to be committed in time.
    pub(super) const fn store(&mut self, offset: Offset, epoch: LeaderEpoch) {
        self.stored = Some((offset, epoch));
    }

    /// `maybeValidatePosition`.
    fn follow(&mut self, leader: LeaderAndEpoch, validation: Validation) {
        match self.state {
            FetchState::Initializing | FetchState::AwaitReset => {}
            FetchState::Fetching(position) | FetchState::AwaitValidation(position) => {
                if leader.leader.is_some() && position.leader != leader {
                    let moved = Position { leader, ..position };
                    self.preferred = None;
                    match validation {
                        Validation::On => self.seek(moved),
                        Validation::Off => self.state = FetchState::Fetching(moved),
                    }
                }
            }
        }
    }
}

/// A partition whose position is asked for, and where its reset leads, unless `auto.offset.reset` says so.
pub(super) type Reset = (TopicPartition, Option<OffsetSpec>);

/// Who wants a position that its partition's leader must tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ResetBy {
    /// `auto.offset.reset`: there was none.
    Policy,
    /// The application sought.
    Application,
}

/// Whether a consumer asks a new leader whether its log still holds what was read before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Validation {
    On,
    Off,
}

/// Which stored offsets are committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stored {
    /// Those beyond what is known to be committed.
    New,
    /// All of them, as when partitions are given up.
    All,
}

/// Whether the application has paused a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    Yes,
    No,
}

/// The partitions that the member owns.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    /// The generation that assigned them.
    pub(super) generation: Generation,
    /// In order of preference for the next fetch.
    pub(super) order: Vec<TopicPartition>,
    pub(super) states: PartitionMap<Assigned>,
    /// The version of metadata that positions were compared with.
    seen_version: u32,
}

/// A question for committed offsets, and its answer once that is there (`PendingCommittedOffsetRequest`).
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    /// With the topic of the name that each must be of.
    partitions: Vec<(TopicPartition, Option<TopicUuid>)>,
    member: Option<Member>,
    answer: Option<Committed>,
}

type Committed = Result<Vec<(TopicPartition, Option<(Offset, LeaderEpoch)>)>, ErrorCode>;

impl Assignment {
    pub(super) const fn new() -> Self {
        Self {
            generation: Generation::NONE,
            order: Vec::new(),
            states: PartitionMap::new(),
            seen_version: 0,
        }
    }

    /// `assignFromSubscribed`: partitions owned before keep their positions.
    pub(super) fn replace(&mut self, generation: Generation, partitions: &[TopicPartition]) {
        self.generation = generation;
        let before = core::mem::take(&mut self.states);
        self.order.clear();
        for partition in partitions.iter().copied() {
            let kept = before.get(partition).map(|kept| Assigned { revoking: false, ..*kept });
            self.states.insert(partition, kept.unwrap_or(Assigned::fresh()));
            self.order.push(partition);
        }
    }

    /// The partitions, sorted.
    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        self.states.keys().collect()
    }

    /// `markPendingRevocation`.
    pub(super) fn revoke_soon(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions.iter().copied() {
            if let Some(assigned) = self.states.get_mut(partition) {
                assigned.revoking = true;
            }
        }
    }

    /// `allConsumed`: every position that stands, with the epoch of the record before it.
    pub(super) fn consumed(&self) -> Offsets {
        let standing = self.states.iter().filter_map(|(partition, assigned)| {
            let FetchState::Fetching(position) = assigned.state else { return None };
            let (topic, offset) = (assigned.topic, position.offset);
            let epoch = position.epoch.unwrap_or(LeaderEpoch::NONE);
            Some(OffsetToCommit { partition, topic, offset, epoch })
        });
        standing.collect()
    }

    /// The offsets that were stored, with the epoch of the record before each.
    pub(super) fn stored(&self, which: Stored) -> Offsets {
        let stored = self.states.iter().filter_map(|(partition, assigned)| {
            let (offset, epoch) = assigned.stored?;
            let is_new = assigned.committed.is_none_or(|committed| committed < offset);
            let topic = assigned.topic;
            let stored = OffsetToCommit { partition, topic, offset, epoch };
            (is_new || which == Stored::All).then_some(stored)
        });
        stored.collect()
    }

    /// The coordinator has an offset.
    pub(super) fn note_committed(&mut self, partition: TopicPartition, offset: Offset) {
        if let Some(assigned) = self.states.get_mut(partition) {
            assigned.committed = Some(offset);
        }
    }

    /// `hasAllFetchPositions`.
    pub(super) fn is_settled(&self) -> bool {
        self.order
            .iter()
            .all(|partition| matches!(self.states[*partition].state, FetchState::Fetching(_)))
    }

    /// The leader refused a fetch: the next one waits for another leader or for the backoff. Java's client learns the new
    /// leader from the refusal itself (KIP-951), and so does not ask the same broker in a loop.
    pub(super) fn hold(&mut self, partition: TopicPartition, until: Time) {
        if let Some(assigned) = self.states.get_mut(partition) {
            assigned.retry_at = until;
        }
    }

    /// `tryUpdatingPreferredReadReplica`: being told of the same replica again does not prolong its lease.
    pub(super) fn prefer_replica(
        &mut self,
        partition: TopicPartition,
        replica: BrokerId,
        (now, until): (Time, Time),
    ) {
        if let Some(assigned) = self.states.get_mut(partition)
            && assigned.preferred(now) != Some(replica)
        {
            assigned.preferred = Some((replica, until));
        }
    }

    /// Goes back to the leader (`clearPreferredReadReplica`). Tells whether there was another replica to ask.
    pub(super) fn forget_preferred(&mut self, partition: TopicPartition) -> bool {
        let assigned = self.states.get_mut(partition);
        assigned.is_some_and(|assigned| assigned.preferred.take().is_some())
    }

    /// `movePartitionToEnd`.
    pub(super) fn prefer_others(&mut self, partition: TopicPartition) {
        if let Some(place) = self.order.iter().position(|other| *other == partition) {
            self.order[place..].rotate_left(1);
        }
    }
}

impl Consumer {
    /// `updateFetchPositions`.
    pub(super) fn update_positions(
        &mut self,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Stage, ErrorCode> {
        if let Some(code) = self.thrown.take() {
            return Err(code);
        }
        self.follow_leaders();
        if self.assignment.is_settled() {
            return Ok(Stage::Ready);
        }
        self.validate_positions(now.mono, out);
        match self.look_up_committed(now, out)? {
            Stage::Ready => {}
            // The new client's poll does not wait for offsets: what is buffered of other partitions may be handed out.
            Stage::Blocked if self.is_modern() => return Ok(Stage::Pending),
            Stage::Blocked => return Ok(Stage::Blocked),
            Stage::Pending => return Ok(Stage::Pending),
        }
        self.reset_initializing()?;
        self.reset_positions(now, out);
        Ok(Stage::Ready)
    }

    /// `validatePositionsOnMetadataChange`.
    pub(super) fn follow_leaders(&mut self) {
        let version = self.metadata.version();
        if core::mem::replace(&mut self.assignment.seen_version, version) == version {
            return;
        }
        let validates = self.rules.on(Rule::ConsumerValidates);
        let validation = if validates { Validation::On } else { Validation::Off };
        let alive = self.metadata.alive();
        let one_topic = self.rules.on(Rule::OffsetsOfOneTopic);
        for (partition, assigned) in self.assignment.states.iter_mut() {
            match (assigned.topic, self.metadata.uuid(partition)) {
                (Some(before), Some(now)) if one_topic && before != now => {
                    assigned.begin_anew(now);
                    continue;
                }
                (_, now) => assigned.topic = now.or(assigned.topic),
            }
            assigned.follow(self.metadata.leader(partition), validation);
            // One that is not online is not asked (`selectReadReplica`).
            assigned.preferred = assigned.preferred.filter(|(near, _)| alive.contains(near));
        }
    }

    /// Asks leaders whether their logs still hold what was read (`validatePositionsIfNeeded`).
    fn validate_positions(&mut self, now: Time, out: &mut Outbox) {
        let retry_at = now + self.settings.request_timeout;
        for place in 0..self.links.brokers().len() {
            let broker = self.links.brokers()[place];
            if !self.links.get(Link::Data(place)).is_ready(now) {
                continue;
            }
            let mut asked = Vec::new();
            for (partition, assigned) in self.assignment.states.iter_mut() {
                let FetchState::AwaitValidation(position) = assigned.state else { continue };
                if assigned.retry_at <= now && position.leader.leader == Some(broker) {
                    assigned.retry_at = retry_at;
                    asked.push((partition, position));
                }
            }
            if asked.is_empty() {
                continue;
            }
            let partitions = asked.iter().filter_map(|(partition, position)| {
                Some((*partition, position.leader.epoch, position.epoch?))
            });
            let request = EpochEndRequest { replica: None, partitions: partitions.collect() };
            let (request, tag) = (Request::OffsetsForLeaderEpoch(request), Tag::EpochEnd(asked));
            self.links.get_mut(Link::Data(place)).send(request, retry_at, tag, out);
        }
    }

    pub(super) fn on_epoch_ends(
        &mut self,
        now: Now,
        asked: &[(TopicPartition, Position)],
        response: &EpochEndResponse,
        out: &mut Outbox,
    ) {
        let policy = self.settings.offset_reset;
        let must_fit = self.rules.on(Rule::AnswersFitPositions);
        for (partition, position) in asked.iter().copied() {
            let found = response.results.iter().find(|result| result.partition == partition);
            let Some(end) = found.filter(|result| result.error == ErrorCode::None) else {
                self.retry_position(partition, now.mono);
                continue;
            };
            let Some(assigned) = self.assignment.states.get_mut(partition) else { continue };
            // An answer about a position that has moved since says nothing about the present one.
            if must_fit && assigned.state != FetchState::AwaitValidation(position) {
                continue;
            }
            let undefined = end.end == Offset::UNKNOWN || end.epoch == LeaderEpoch::NONE;
            assigned.retry_at = Time::ZERO;
            if !undefined && end.end >= position.offset {
                assigned.state = FetchState::Fetching(position);
                continue;
            }
            out.mark(Mark::ConsumerTruncated);
            if policy == OffsetReset::None {
                self.thrown = Some(ErrorCode::OffsetOutOfRange);
            } else if undefined {
                assigned.reset();
            } else {
                let divergence = Position { offset: end.end, epoch: Some(end.epoch), ..position };
                assigned.state = FetchState::Fetching(divergence);
                out.report(Report::Positioned(partition, end.end, Positioning::Truncated));
            }
        }
    }

    /// `initWithCommittedOffsetsIfNeeded`.
    fn look_up_committed(&mut self, now: Now, out: &mut Outbox) -> Result<Stage, ErrorCode> {
        let one_topic = self.rules.on(Rule::OffsetsOfOneTopic);
        let mut partitions = Vec::new();
        for (partition, assigned) in self.assignment.states.iter_mut() {
            if assigned.state == FetchState::Initializing {
                assigned.topic = self.metadata.uuid(partition);
                partitions.push((partition, assigned.topic.filter(|_| one_topic)));
            }
        }
        if partitions.is_empty() {
            return Ok(Stage::Ready);
        }
        let member = self.stable_member();
        let takes_any = !self.rules.on(Rule::OnlyAskedAreReset);
        let same = |lookup: &Lookup| {
            takes_any || (lookup.partitions == partitions && lookup.member == member)
        };
        if self.lookup.as_ref().is_some_and(|lookup| !same(lookup)) {
            self.lookup = None;
        }
        if let Some(answer) = self.lookup.as_mut().and_then(|lookup| lookup.answer.take()) {
            self.lookup = None;
            match answer {
                Ok(offsets) => {
                    self.lookup_failures = 0;
                    self.seek_committed(&offsets, out);
                    return Ok(Stage::Ready);
                }
                Err(code) if code.is_retriable() || code == ErrorCode::StaleMemberEpoch => {
                    self.lookup_failures += 1;
                    let wait =
                        self.settings.retry_backoff.after(self.lookup_failures, &mut self.rng);
                    self.lookup_at = now.mono + wait;
                }
                Err(code) => return Err(code),
            }
        }
        if self.lookup.is_some() || now.mono < self.lookup_at {
            return Ok(Stage::Blocked);
        }
        if !self.coordinator_ready(now, out) {
            return Ok(Stage::Blocked);
        }
        let known = if self.is_modern() { member } else { None };
        let request = OffsetFetchRequest {
            group: self.group,
            member: known.map(|member| (member.id, member.generation)),
            partitions: partitions.clone(),
        };
        let deadline = now.mono + self.settings.request_timeout;
        self.ask_coordinator(Request::OffsetFetch(request), deadline, Tag::OffsetFetch, out);
        self.lookup = Some(Lookup { partitions, member, answer: None });
        Ok(Stage::Blocked)
    }

    pub(super) fn on_committed(
        &mut self,
        now: Now,
        answer: Result<OffsetFetchResponse, ErrorCode>,
        out: &mut Outbox,
    ) {
        let answer = answer.and_then(|response| {
            response.error.check()?;
            Ok(response.offsets)
        });
        if let Err(ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator) = answer {
            self.forget_coordinator(now, out);
        }
        // At most one question is under way that anyone still waits for; answers to others find different partitions.
        if let Some(lookup) = &mut self.lookup {
            let fits = answer.as_ref().map_or(true, |offsets| {
                offsets.len() == lookup.partitions.len()
                    && lookup.partitions.iter().all(|one| offsets.iter().any(|it| it.0 == one.0))
            });
            if fits {
                lookup.answer = Some(answer);
            }
        }
    }

    /// `refreshCommittedOffsets`.
    fn seek_committed(
        &mut self,
        offsets: &[(TopicPartition, Option<(Offset, LeaderEpoch)>)],
        out: &mut Outbox,
    ) {
        let validates = self.rules.on(Rule::ConsumerValidates);
        let must_fit = self.rules.on(Rule::AnswersFitPositions);
        for (partition, committed) in offsets.iter().copied() {
            let Some((offset, epoch)) = committed else { continue };
            let epoch = (epoch != LeaderEpoch::NONE && validates).then_some(epoch);
            if let Some(epoch) = epoch {
                self.metadata.saw_epoch(partition, epoch);
            }
            let leader = self.metadata.leader(partition);
            let Some(assigned) = self.assignment.states.get_mut(partition) else { continue };
            // The application may have sought meanwhile (KAFKA-8429).
            if must_fit && assigned.state != FetchState::Initializing {
                continue;
            }
            assigned.seek(Position { offset, epoch, leader });
            out.report(Report::Positioned(partition, offset, Positioning::Committed));
        }
    }

    /// `resetInitializingPositions`.
    fn reset_initializing(&mut self) -> Result<(), ErrorCode> {
        for (_, assigned) in self.assignment.states.iter_mut() {
            if assigned.state == FetchState::Initializing {
                if self.settings.offset_reset == OffsetReset::None {
                    return Err(ErrorCode::OffsetOutOfRange);
                }
                assigned.reset();
            }
        }
        Ok(())
    }

    /// The leader has nothing at the position: starts over as `auto.offset.reset` says, or throws.
    pub(super) fn out_of_range(&mut self, partition: TopicPartition) -> Result<(), ErrorCode> {
        if self.settings.offset_reset == OffsetReset::None {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        if let Some(assigned) = self.assignment.states.get_mut(partition) {
            assigned.reset();
        }
        Ok(())
    }

    /// Asks leaders where their logs begin or end (`resetPositionsIfNeeded`).
    fn reset_positions(&mut self, Now { mono: now, wall }: Now, out: &mut Outbox) {
        let policy = match self.settings.offset_reset {
            OffsetReset::Earliest => Some(OffsetSpec::Earliest),
            OffsetReset::Latest => Some(OffsetSpec::Latest),
            OffsetReset::ByDuration(age) => Some(OffsetSpec::At(wall.minus(age))),
            OffsetReset::None => None,
        };
        let retry_at = now + self.settings.request_timeout;
        let mut leaderless = false;
        for place in 0..self.links.brokers().len() {
            let broker = self.links.brokers()[place];
            let (mut questions, mut asked) = (Vec::new(), Vec::new());
            for (partition, assigned) in self.assignment.states.iter_mut() {
                if assigned.state != FetchState::AwaitReset || assigned.retry_at > now {
                    continue;
                }
                let Some(spec) = assigned.spec.or(policy) else { continue };
                let known = self.metadata.leader(partition);
                leaderless |= known.leader.is_none();
                if is_at(known.leader, broker) && self.links.get(Link::Data(place)).is_ready(now) {
                    assigned.retry_at = retry_at;
                    questions.push((partition, known.epoch, spec));
                    asked.push((partition, assigned.spec));
                }
            }
            if questions.is_empty() {
                continue;
            }
            let isolation = self.settings.isolation;
            let request = ListOffsetsRequest { replica: None, isolation, partitions: questions };
            let (request, tag) = (Request::ListOffsets(request), Tag::ListOffsets(asked));
            self.links.get_mut(Link::Data(place)).send(request, retry_at, tag, out);
        }
        if leaderless {
            self.metadata.request();
        }
    }

    pub(super) fn on_listed(
        &mut self,
        now: Now,
        asked: &[Reset],
        response: &ListOffsetsResponse,
        out: &mut Outbox,
    ) {
        let must_fit = self.rules.on(Rule::AnswersFitPositions);
        for (partition, wanted) in asked.iter().copied() {
            let found = response.results.iter().find(|result| result.partition == partition);
            let Some(listed) = found.filter(|result| result.error == ErrorCode::None) else {
                self.retry_position(partition, now.mono);
                continue;
            };
            if listed.offset == Offset::UNKNOWN {
                // Nothing is as young as was asked for: what comes next will be (KIP-1106).
                let assigned = self.assignment.states.get_mut(partition);
                if let Some(assigned) = assigned.filter(|it| !must_fit || it.spec == wanted) {
                    assigned.spec = Some(OffsetSpec::Latest);
                    assigned.retry_at = now.mono;
                }
                continue;
            }
            if let Some(epoch) = listed.epoch {
                self.metadata.saw_epoch(partition, epoch);
            }
            let leader = self.metadata.leader(partition);
            let Some(assigned) = self.assignment.states.get_mut(partition) else { continue };
            // Meanwhile the application may have sought, or asked for another reset (`maybeSeekUnvalidated`).
            let fits = assigned.state == FetchState::AwaitReset && assigned.spec == wanted;
            if must_fit && !fits {
                continue;
            }
            // Without an epoch there is nothing to validate: the offset comes from the leader itself.
            assigned.spec = None;
            assigned.seek(Position { offset: listed.offset, epoch: None, leader });
            let why = match assigned.by {
                ResetBy::Policy => {
                    out.mark(Mark::OffsetReset);
                    Positioning::Reset
                }
                ResetBy::Application => Positioning::Seek,
            };
            out.report(Report::Positioned(partition, listed.offset, why));
        }
    }

    /// A question about a position failed: ask again after the backoff, with newer metadata.
    pub(super) fn retry_position(&mut self, partition: TopicPartition, now: Time) {
        self.metadata.request();
        if let Some(assigned) = self.assignment.states.get_mut(partition) {
            assigned.retry_at = now + self.settings.retry_backoff.first;
        }
    }
}

fn is_at(leader: Option<BrokerId>, broker: BrokerId) -> bool {
    leader == Some(broker)
}
