//! One partition of `__consumer_offsets` as its coordinator sees it: groups, and operations that wait for replicas.
//!
//! This is the part of `CoordinatorRuntime` that matters to clients. State changes when a record is appended; answers leave
//! when the high watermark has passed everything appended before, even those to requests that wrote nothing. Appends nothing
//! itself, and does not gather records into larger batches (`group.coordinator.append.linger.ms`).

mod members;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::{
    ErrorCode, GroupId, LeaderEpoch, MemberId, Offset, Time, TopicId, TopicPartition,
};

use crate::message::{
    ConsumerGroupHeartbeatResponse, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest,
    OffsetFetchResponse, Response, SyncGroupRequest, SyncGroupResponse,
};
use crate::metadata::MetadataImage;
use crate::record::{GroupRecord, GroupValue};
use crate::{ConnId, Mark, Note, Rule};

use super::classic::{self, Change};
use super::either::Group;
use super::load::{self, Loaded};
use super::offsets;
use super::timers::Due;
use super::{Context, Fetched, ReplyTo, modern};

/// One partition's coordinator.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    epoch: LeaderEpoch,
    phase: Phase,
    groups: BTreeMap<GroupId, Group>,
    /// The log end.
    written: Offset,
    /// The high watermark.
    committed: Offset,
    /// Operations that wait for the high watermark, in the order of their offsets and deadlines.
    deferred: VecDeque<Deferred>,
    /// Committed offsets above the high watermark, by the end of their batch.
    uncommitted: VecDeque<(Offset, Arc<[GroupRecord]>)>,
}

/// Whether requests are served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Not until the log is read.
    Loading,
    /// Yes.
    Active,
}

#[derive(Clone, Debug)]
struct Deferred {
    until: Offset,
    deadline: Time,
    operation: Operation,
}

/// What is left to do of a request or timeout once its records, or those before it, are on the in-sync replicas.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) purpose: Purpose,
    pub(super) answer: Option<Answer>,
}

/// What an operation does to the groups when it is done.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// Nothing.
    Nothing,
    /// It made a group, which is no more if the record could not be appended.
    CreateGroup(GroupId),
    /// It carries the leader's assignment.
    Assign(Arc<GroupValue>),
    /// It carries the new id of a static member that came back.
    ReturnStatic { group: GroupId, old: MemberId, new: MemberId },
    /// It carries committed offsets.
    Commit(Arc<[GroupRecord]>),
    /// It carries what changes a group of the consumer protocol.
    Modern(Arc<[GroupRecord]>),
    /// It carries the end of a group of the consumer protocol, and the classic one that it becomes.
    Downgrade(Box<modern::Downgrade>, Option<MemberId>),
}

/// An answer that waits.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) to: ReplyTo,
    pub(super) body: Body,
}

/// What an operation answers if nothing goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Heartbeat(ErrorCode),
    Leave(ErrorCode),
    Delete(ErrorCode),
    Commit(Vec<(TopicPartition, ErrorCode)>),
    Fetch(Fetched),
    Member(ConsumerGroupHeartbeatResponse),
    /// To a member of the classic protocol in a group of the consumer protocol.
    Join(JoinGroupResponse),
    /// As before.
    Sync(Arc<[TopicPartition]>),
    /// A join or sync that the group answers by itself, unless the operation fails first.
    ByGroup(GroupId),
}

impl Shard {
    /// Begins to load. Requests are served after [`Due::Loaded`].
    pub(super) fn load(
        epoch: LeaderEpoch,
        loaded: Loaded,
        end: Offset,
        high_watermark: Offset,
        cx: &mut Context<'_>,
    ) -> Self {
        if !loaded.groups.is_empty() {
            cx.out.mark(Mark::CoordinatorMoved);
        }
        cx.schedule(Due::Loaded, loaded.took);
        Self {
            epoch,
            phase: Phase::Loading,
            groups: loaded.groups,
            written: end,
            committed: high_watermark,
            deferred: VecDeque::new(),
            uncommitted: loaded.uncommitted,
        }
    }

    /// Elected again without having been anything else meanwhile: nothing changes.
    pub(super) fn lead_again(&mut self, epoch: LeaderEpoch) {
        assert!(epoch >= self.epoch, "elected in {epoch} after {}", self.epoch);
        self.epoch = epoch;
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn join(
        &mut self,
        request: JoinGroupRequest,
        image: &MetadataImage,
        reply: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        let (id, member) = (request.group, request.member);
        if let Some(Group::Modern(group)) = self.groups.get(&id)
            && !group.is_vacant()
        {
            return self.join_modern(&request, image, reply, cx);
        }
        let is_new = !self.groups.contains_key(&id);
        if is_new && member != MemberId::NONE {
            classic::refuse_join(reply, member, ErrorCode::UnknownMemberId, cx);
            return;
        }
        let purpose = if is_new { Some(Purpose::CreateGroup(id)) } else { self.take_back(id) };
        let group = self.groups.entry(id).or_insert_with(|| Group::simple(id));
        let group = group.classic_mut().expect("an empty group of the other kind was taken back");
        let mut change = group.join(request, reply, cx);
        if let Some(purpose) = purpose
            && change.is_none()
        {
            // Whoever has joined already is not in a generation yet.
            let record = GroupRecord::Group(Arc::new(group.empty_value()));
            change = Some((record, purpose));
        }
        self.carry_out_waiting(id, change, reply, cx);
    }

    pub(super) fn sync(
        &mut self,
        request: &SyncGroupRequest,
        reply: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        if let Some(Group::Modern(group)) = self.groups.get(&request.group) {
            let synced = group.sync(request, cx);
            return self.answer_sync(synced, reply, cx);
        }
        let Some(group) = self.classic_mut(request.group) else {
            classic::refuse_sync(reply, ErrorCode::UnknownMemberId, cx);
            return;
        };
        let change = group.sync(request, reply, cx);
        self.carry_out_waiting(request.group, change, reply, cx);
    }

    pub(super) fn heartbeat(
        &mut self,
        request: &HeartbeatRequest,
        to: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        let heard = match self.groups.get_mut(&request.group) {
            Some(Group::Classic(group)) => group.heartbeat(request, cx),
            Some(Group::Modern(group)) => group.heartbeat_of_classic(request, cx),
            None => Err(ErrorCode::UnknownMemberId),
        };
        match heard {
            Ok(code) => self.carry_out(None, Some(Answer { to, body: Body::Heartbeat(code) }), cx),
            Err(code) => cx.reply(to, Response::Heartbeat(code)),
        }
    }

    pub(super) fn leave(&mut self, request: LeaveGroupRequest, to: ReplyTo, cx: &mut Context<'_>) {
        if let Some(Group::Modern(group)) = self.groups.get(&request.group) {
            let left = group.leave_of_classic(request.member, cx);
            return self.leave_modern(request.group, left, to, cx);
        }
        let Some(group) = self.classic_mut(request.group) else {
            cx.reply(to, Response::LeaveGroup(ErrorCode::UnknownMemberId));
            return;
        };
        let (code, change) = group.leave(request.member, cx);
        self.carry_out(change, Some(Answer { to, body: Body::Leave(code) }), cx);
    }

    pub(super) fn commit(
        &mut self,
        request: &OffsetCommitRequest,
        image: &MetadataImage,
        to: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        let group = self.groups.get(&request.group);
        let results = |code| request.offsets.iter().map(|it| (it.partition, code)).collect();
        if let Err(error) = offsets::validate_commit(group, request, cx.io.rules) {
            cx.out.mark(match error {
                ErrorCode::RebalanceInProgress => Mark::CommitDuringRebalance,
                ErrorCode::StaleMemberEpoch => Mark::StaleEpochRefused,
                _ => Mark::CommitFenced,
            });
            let response = OffsetCommitResponse { results: results(error) };
            cx.reply(to, Response::OffsetCommit(response));
            return;
        }
        if let Some(group) = group.and_then(Group::classic) {
            group.on_commit(request.member, cx);
        }
        let checked = request.offsets.iter();
        let checked = checked.map(|it| (it.partition, offsets::validate_topic(it, image)));
        let results: Vec<_> = checked.collect();
        if results.iter().any(|(_, code)| code.check().is_err()) {
            cx.out.mark(Mark::CommitOfUnknownTopic);
        }
        let records: Arc<[GroupRecord]> = offsets::records(request, &results, cx.now).into();
        let answer = Answer { to, body: Body::Commit(results) };
        if records.is_empty() {
            self.carry_out(None, Some(answer), cx);
            return;
        }
        let purpose = Purpose::Commit(Arc::clone(&records));
        cx.write(records, Operation { purpose, answer: Some(answer) });
    }

    /// Consumers ask for stable offsets (KIP-447), and so wait for what others have committed and is not replicated yet.
    pub(super) fn fetch(
        &mut self,
        request: &OffsetFetchRequest,
        to: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        let group = self.groups.get(&request.group);
        if let Some(Group::Modern(group)) = group
            && let Err(error) = group.validate_fetch(request.member)
        {
            let response = OffsetFetchResponse { error, offsets: Vec::new() };
            return cx.reply(to, Response::OffsetFetch(response));
        }
        let fetched = offsets::fetch(group, request);
        let answer = Answer { to, body: Body::Fetch(fetched) };
        if cx.io.rules.on(Rule::OffsetFetchCommitted) {
            self.carry_out(None, Some(answer), cx);
        } else {
            answer.succeed(cx);
        }
    }

    fn carry_out_waiting(
        &mut self,
        id: GroupId,
        change: Change,
        to: ReplyTo,
        cx: &mut Context<'_>,
    ) {
        let waits =
            self.written > self.committed && self.classic(id).is_some_and(|group| group.holds(to));
        let answer = Answer { to, body: Body::ByGroup(id) };
        self.carry_out(change, waits.then_some(answer), cx);
    }

    /// Writes what an operation changed, or lets its answer wait for what was written before.
    fn carry_out(&mut self, change: Change, answer: Option<Answer>, cx: &mut Context<'_>) {
        match (change, answer) {
            (Some((record, purpose)), answer) => {
                cx.write(Arc::from([record]), Operation { purpose, answer });
            }
            (None, Some(answer)) if self.written > self.committed => {
                let operation = Operation { purpose: Purpose::Nothing, answer: Some(answer) };
                self.defer(self.written, operation, cx);
            }
            (None, Some(answer)) => answer.succeed(cx),
            (None, None) => {}
        }
    }

    /// A group goes: so do the ids that it promised and nobody claimed.
    fn forget(&self, id: GroupId, cx: &mut Context<'_>) {
        let promised = self.classic(id).into_iter().flat_map(classic::Group::promised);
        for member in promised {
            cx.cancel(Due::Session(id, member));
        }
    }

    fn defer(&mut self, until: Offset, operation: Operation, cx: &mut Context<'_>) {
        let patience = cx.io.settings.offsets_commit_timeout;
        if self.deferred.is_empty() {
            cx.schedule(Due::Operation, patience);
        }
        self.deferred.push_back(Deferred { until, deadline: cx.now.mono + patience, operation });
    }

    /// The broker appended an operation's records, up to this log end.
    pub(super) fn on_appended(&mut self, end: Offset, operation: Operation, cx: &mut Context<'_>) {
        self.written = self.written.max(end);
        let rules = cx.io.rules;
        let waits = match &operation.purpose {
            Purpose::Commit(records) => {
                self.apply(end, records, cx);
                rules.on(Rule::CommitWaitsForIsr)
            }
            Purpose::Modern(records) => {
                self.apply(end, records, cx);
                rules.on(Rule::SyncWaitsForIsr)
            }
            Purpose::Downgrade(downgrade, returned) => {
                self.apply(end, &downgrade.records, cx);
                self.begin_classic(downgrade, *returned, cx);
                rules.on(Rule::SyncWaitsForIsr)
            }
            Purpose::Assign(_) => rules.on(Rule::SyncWaitsForIsr),
            Purpose::Nothing | Purpose::CreateGroup(_) | Purpose::ReturnStatic { .. } => true,
        };
        if waits {
            self.defer(end, operation, cx);
        } else {
            self.finish(operation, Ok(()), cx);
        }
        // With a single in-sync replica the append itself has moved the high watermark.
        self.on_high_watermark(self.committed, cx);
    }

    fn apply(&mut self, end: Offset, records: &Arc<[GroupRecord]>, cx: &mut Context<'_>) {
        for record in records.iter() {
            match record {
                GroupRecord::GroupTombstone { group } => self.forget(*group, cx),
                GroupRecord::Modern { group, .. } => {
                    if let Some(Group::Classic(before)) = self.groups.get(group) {
                        before.cancel_deadlines(cx);
                    }
                }
                GroupRecord::Group(_)
                | GroupRecord::Offset { .. }
                | GroupRecord::OffsetTombstone { .. } => {}
            }
            load::apply(&mut self.groups, record, cx.io.rules);
        }
        self.uncommitted.push_back((end, Arc::clone(records)));
    }

    /// The broker could not append: what the operation changed is undone.
    pub(super) fn on_append_failed(
        &mut self,
        error: ErrorCode,
        operation: Operation,
        cx: &mut Context<'_>,
    ) {
        if let Purpose::CreateGroup(id) = operation.purpose {
            self.groups.remove(&id);
        }
        self.finish(operation, Err(error), cx);
    }

    fn finish(
        &mut self,
        operation: Operation,
        written: Result<(), ErrorCode>,
        cx: &mut Context<'_>,
    ) {
        match operation.purpose {
            Purpose::Assign(value) => {
                if let Some(group) = self.classic_mut(value.group) {
                    let change = group.finish_assignment(&value, written.map_err(told), cx);
                    self.carry_out(change, None, cx);
                }
            }
            Purpose::ReturnStatic { group, old, new } => {
                if let Some(group) = self.classic_mut(group) {
                    group.finish_return((old, new), written.map_err(told), cx);
                }
            }
            Purpose::Nothing
            | Purpose::CreateGroup(_)
            | Purpose::Commit(_)
            | Purpose::Modern(_)
            | Purpose::Downgrade(..) => {}
        }
        let Some(answer) = operation.answer else { return };
        match (written, &answer.body) {
            (Ok(()), _) => answer.succeed(cx),
            (Err(error), Body::ByGroup(id)) => {
                if let Some(group) = self.classic_mut(*id) {
                    group.give_up(answer.to, told(error), cx);
                }
            }
            (Err(error), _) => answer.fail(error, cx),
        }
    }

    /// The high watermark moved.
    pub(super) fn on_high_watermark(&mut self, to: Offset, cx: &mut Context<'_>) {
        self.committed = self.committed.max(to);
        while let Some((end, _)) = self.uncommitted.front()
            && *end <= self.committed
        {
            let (end, records) = self.uncommitted.pop_front().expect("just looked at");
            records.iter().for_each(|record| note(record, end, cx));
        }
        while self.deferred.front().is_some_and(|front| front.until <= self.committed) {
            let done = self.deferred.pop_front().expect("just looked at");
            self.finish(done.operation, Ok(()), cx);
        }
    }

    pub(super) fn on_due(&mut self, due: Due, cx: &mut Context<'_>) {
        let change = match due {
            Due::Loaded => return self.on_loaded(cx),
            Due::Operation => return self.expire_operations(cx),
            Due::Expiry => return self.expire_offsets(cx),
            // The coordinator unloads, not the shard.
            Due::Unload => return,
            Due::Member(id, member) => return self.on_silence(id, member, cx),
            Due::Revocation(id, member) => return self.on_unrevoked(id, member, cx),
            Due::Rejoin(id, member) | Due::Resync(id, member) => {
                return self.on_classic_late(id, member, cx);
            }
            Due::Join(id) => self.classic_mut(id).and_then(|group| group.on_join_timer(cx)),
            Due::Sync(id) => self.classic_mut(id).and_then(|group| group.on_sync_timer(cx)),
            Due::Session(id, member) => {
                self.classic_mut(id).and_then(|group| group.on_session_timer(member, cx))
            }
        };
        self.carry_out(change, None, cx);
    }

    fn on_loaded(&mut self, cx: &mut Context<'_>) {
        self.phase = Phase::Active;
        cx.schedule(Due::Expiry, cx.io.settings.offsets_retention_check);
        for group in self.groups.values_mut() {
            let change = match group {
                Group::Classic(group) => group.on_loaded(cx),
                Group::Modern(group) => {
                    group.on_loaded(cx);
                    None
                }
            };
            if let Some((record, purpose)) = change {
                cx.write(Arc::from([record]), Operation { purpose, answer: None });
            }
        }
    }

    /// Removes offsets that nobody needed for too long, and groups that have nothing left (`cleanupGroupMetadata`).
    fn expire_offsets(&mut self, cx: &mut Context<'_>) {
        let retention = cx.io.settings.offsets_retention;
        cx.schedule(Due::Expiry, cx.io.settings.offsets_retention_check);
        for (id, group) in &self.groups {
            let rules = cx.io.rules;
            let unused_since =
                |partition, committed| group.unused_since(partition, committed, rules);
            let offsets = group.offsets();
            let mut records = offsets.expired(*id, cx.now.wall, retention, unused_since);
            let left = offsets.count() - records.len();
            if !records.is_empty() {
                cx.out.mark(Mark::OffsetsExpired);
            }
            if left == 0 && group.is_vacant() {
                cx.out.mark(Mark::GroupRemoved);
                records.push(GroupRecord::GroupTombstone { group: *id });
            }
            if !records.is_empty() {
                let records: Arc<[GroupRecord]> = records.into();
                let purpose = Purpose::Commit(Arc::clone(&records));
                cx.write(records, Operation { purpose, answer: None });
            }
        }
    }

    /// Removes the offsets of a topic that was deleted (`OffsetMetadataManager.onPartitionsDeleted`).
    pub(super) fn forget_topic(&self, topic: TopicId, cx: &mut Context<'_>) {
        for (id, group) in &self.groups {
            let mut records = group.offsets().tombstones(*id);
            records.retain(|record| {
                matches!(record, GroupRecord::OffsetTombstone { partition, .. } if partition.topic == topic)
            });
            if !records.is_empty() {
                cx.out.mark(Mark::OffsetsOfDeletedTopic);
                let records: Arc<[GroupRecord]> = records.into();
                let purpose = Purpose::Commit(Arc::clone(&records));
                cx.write(records, Operation { purpose, answer: None });
            }
        }
    }

    /// `DeleteGroups` of one group.
    pub(super) fn delete(&mut self, id: GroupId, to: ReplyTo, cx: &mut Context<'_>) {
        let error = match self.groups.get(&id) {
            None => ErrorCode::GroupIdNotFound,
            Some(group) if !group.is_vacant() => ErrorCode::NonEmptyGroup,
            Some(group) => {
                cx.out.mark(Mark::GroupRemoved);
                let mut records = group.offsets().tombstones(id);
                records.push(GroupRecord::GroupTombstone { group: id });
                let records: Arc<[GroupRecord]> = records.into();
                let purpose = Purpose::Commit(Arc::clone(&records));
                let answer = Some(Answer { to, body: Body::Delete(ErrorCode::None) });
                return cx.write(records, Operation { purpose, answer });
            }
        };
        cx.reply(to, Response::DeleteGroups(error));
    }

    /// `offsets.commit.timeout.ms`: what is appended stays so, but nobody waits for it any longer.
    fn expire_operations(&mut self, cx: &mut Context<'_>) {
        while self.deferred.front().is_some_and(|front| front.deadline <= cx.now.mono) {
            let late = self.deferred.pop_front().expect("just looked at");
            self.finish(late.operation, Err(ErrorCode::RequestTimedOut), cx);
        }
        if let Some(front) = self.deferred.front() {
            cx.schedule(Due::Operation, front.deadline.since(cx.now.mono));
        }
    }

    pub(super) fn resign(mut self, cx: &mut Context<'_>) {
        for waiting in core::mem::take(&mut self.deferred) {
            if let Some(answer) = waiting.operation.answer {
                answer.fail(ErrorCode::NotCoordinator, cx);
            }
        }
        for group in self.groups.values_mut().filter_map(Group::classic_mut) {
            group.resign(cx);
        }
    }

    pub(super) fn on_closed(&mut self, conn: ConnId) {
        for waiting in &mut self.deferred {
            if let Some(answer) = &mut waiting.operation.answer {
                answer.to.forget(conn);
            }
        }
        for group in self.groups.values_mut().filter_map(Group::classic_mut) {
            group.on_closed(conn);
        }
    }

    fn classic(&self, id: GroupId) -> Option<&classic::Group> {
        self.groups.get(&id).and_then(Group::classic)
    }

    fn classic_mut(&mut self, id: GroupId) -> Option<&mut classic::Group> {
        self.groups.get_mut(&id).and_then(Group::classic_mut)
    }
}

/// Tells whoever looks on what a record means that has become durable.
fn note(record: &GroupRecord, up_to: Offset, cx: &mut Context<'_>) {
    match record {
        GroupRecord::Offset { group, partition, offset, .. } => {
            let (group, partition, offset) = (*group, *partition, *offset);
            cx.out.note(Note::OffsetCommitted { group, partition, offset });
        }
        GroupRecord::Modern { group, change } => members::note(*group, change, up_to, cx),
        GroupRecord::GroupTombstone { group } => {
            cx.out.note(Note::GroupRemoved { group: *group });
        }
        GroupRecord::OffsetTombstone { .. } | GroupRecord::Group(_) => {}
    }
}

impl Answer {
    fn succeed(self, cx: &mut Context<'_>) {
        let response = match self.body {
            Body::Heartbeat(code) => Response::Heartbeat(code),
            Body::Leave(code) => Response::LeaveGroup(code),
            Body::Delete(code) => Response::DeleteGroups(code),
            Body::Member(answer) => Response::ConsumerGroupHeartbeat(answer),
            Body::Join(answer) => Response::JoinGroup(answer),
            Body::Sync(assignment) => {
                Response::SyncGroup(SyncGroupResponse { error: ErrorCode::None, assignment })
            }
            Body::Commit(results) => Response::OffsetCommit(OffsetCommitResponse { results }),
            Body::Fetch(offsets) => {
                Response::OffsetFetch(OffsetFetchResponse { error: ErrorCode::None, offsets })
            }
            Body::ByGroup(_) => return,
        };
        cx.reply(self.to, response);
    }

    pub(super) fn fail(self, error: ErrorCode, cx: &mut Context<'_>) {
        let code = told(error);
        let response = match self.body {
            Body::Heartbeat(_) => Response::Heartbeat(code),
            Body::Leave(_) => Response::LeaveGroup(code),
            Body::Delete(_) => Response::DeleteGroups(code),
            Body::Member(_) => Response::ConsumerGroupHeartbeat(modern::refused(code)),
            Body::Join(answer) => Response::JoinGroup(classic::join_error(answer.member, code)),
            Body::Sync(_) => {
                Response::SyncGroup(SyncGroupResponse { error: code, assignment: Arc::from([]) })
            }
            Body::Commit(mut results) => {
                results.iter_mut().for_each(|(_, result)| *result = code);
                Response::OffsetCommit(OffsetCommitResponse { results })
            }
            Body::Fetch(_) => {
                // Older consumers know no other error that makes them look for the coordinator anew.
                let error = match code {
                    ErrorCode::CoordinatorNotAvailable => ErrorCode::NotCoordinator,
                    other => other,
                };
                Response::OffsetFetch(OffsetFetchResponse { error, offsets: Vec::new() })
            }
            Body::ByGroup(_) => return,
        };
        cx.reply(self.to, response);
    }
}

/// What a client is told of an error of the log (`CoordinatorOperationExceptionHelper`).
pub(super) const fn told(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge
        | ErrorCode::RecordListTooLarge
        | ErrorCode::InvalidFetchSize => ErrorCode::UnknownServerError,
        other => other,
    }
}
