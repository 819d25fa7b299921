//! A consumer client as its library sees it: messages one by one, turns of the rebalance, positions, commits.
//!
//! As in librdkafka a thread beside the code fetches ahead and keeps the membership; callbacks and messages come out of `poll`.
//! What the code was handed and what it has finished with is written into the history here.

mod reader;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use stormglass_kafka::{Call, Completion, Start, Steer};
use stormglass_sim::plan::ProcessedBy;
use stormglass_sim::{ClientId, ClientKind};
use stormglass_types::history::{CommitMode, Outcome};
use stormglass_types::{ErrorCode, Offset, TopicPartition, Value};

use crate::profile::ConsumerProfile;
use crate::stage::{Kind, Stage};
use crate::values::Content;

pub(crate) use crate::consumer::reader::Reader;

/// What comes out of a consumer.
#[derive(Debug)]
pub enum Next {
    /// A message.
    Message(Handed),
    /// Partitions change hands; the code's callback is due.
    Turn(Turn),
    /// An error.
    Error(ErrorCode),
}

/// What a callback is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Partitions were assigned.
    Assigned(Vec<TopicPartition>),
    /// Partitions are about to be given up; [`ConsumerClient::hand_over`] lets them go.
    Revoking(Vec<TopicPartition>),
    /// Partitions are owned by somebody else already.
    Lost(Vec<TopicPartition>),
    /// A commit that nobody waited for has ended.
    Committed(Vec<(TopicPartition, Offset)>, Outcome),
}

/// A message in the code's hands.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The topic's name.
    pub topic: Arc<str>,
    /// From where.
    pub partition: TopicPartition,
    /// Its offset.
    pub offset: i64,
    /// The record.
    pub content: Content,
    /// To say with that it was processed.
    pub receipt: Receipt,
}

/// Which message it was, to the history.
#[derive(Clone, Copy, Debug)]
pub struct Receipt {
    partition: TopicPartition,
    offset: Offset,
    value: Value,
    client: ClientId,
}

/// A consumer client. It is closed when it is dropped.
pub struct ConsumerClient {
    stage: Arc<Stage>,
    id: ClientId,
}

/// What a commit that waits does between attempts.
const COMMIT_RETRY: Duration = Duration::from_millis(100);
/// How long a commit that waits tries.
const COMMIT_PATIENCE: Duration = Duration::from_secs(60);

/// A consumer that cannot be opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotOpened {
    /// The scenario has no such group.
    UnknownGroup(String),
    /// The process has died.
    Gone,
}

impl ConsumerClient {
    /// Opens a consumer in the process that runs the present task.
    ///
    /// # Errors
    /// If the scenario has no such group, or the process has died.
    pub fn open(profile: &ConsumerProfile) -> Result<Self, NotOpened> {
        let stage = Stage::current();
        let group = match &profile.group {
            Some(name) => match stage.with(|inner, _| inner.group(name)) {
                Some(group) => Some(group),
                None => return Err(NotOpened::UnknownGroup(name.clone())),
            },
            None => None,
        };
        let planned = group.map(|group| {
            stage.with(|inner, _| inner.world.plan().groups[usize::from(group.0)].commit)
        });
        let commit = match profile.auto_commit {
            Some(_) => CommitMode::Automatic,
            None => planned.unwrap_or(CommitMode::AfterProcessing),
        };
        let settings = Arc::new(profile.settings.clone());
        let id = stage.open(ClientKind::Consumer(settings, group, commit), |inner, process| {
            let processed = inner.processed_by(process);
            Kind::Consumer(Box::new(Reader::new(group.is_some(), processed, profile.auto_store)))
        });
        let client = Self { stage, id: id.ok_or(NotOpened::Gone)? };
        client.steer(Steer::Background);
        Ok(client)
    }

    fn steer(&self, steer: Steer) {
        self.stage.with(|inner, now| inner.do_call(now, self.id, Call::Steer(steer)));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Reader) -> T) -> T {
        self.stage.with(|inner, _| work(inner.reader(self.id)))
    }

    /// `subscribe`. Tells the names that are no topics.
    #[must_use]
    pub fn subscribe(&self, topics: &[&str]) -> Vec<String> {
        self.stage.with(|inner, now| {
            let mut known = Vec::new();
            let mut unknown = Vec::new();
            for name in topics {
                match inner.topic(name) {
                    Some(topic) => known.push(topic),
                    None => unknown.push((*name).to_owned()),
                }
            }
            known.sort_unstable();
            known.dedup();
            let reader = inner.reader(self.id);
            reader.subscription.clone_from(&known);
            if !unknown.is_empty() {
                reader.errors.push_back(ErrorCode::UnknownTopicOrPartition);
            }
            inner.do_call(now, self.id, Call::Subscribe(known));
            inner.wake(self.id);
            unknown
        })
    }

    /// `unsubscribe`.
    pub fn unsubscribe(&self) {
        self.with(|reader| {
            reader.subscription.clear();
            reader.forget_all();
        });
        self.steer(Steer::Unsubscribe);
    }

    /// `assign`; an empty list is `unassign`.
    pub fn assign(&self, partitions: Vec<(TopicPartition, Start)>) {
        self.with(|reader| {
            reader.forget_all();
            reader.assignment = partitions.iter().map(|(partition, _)| *partition).collect();
        });
        let without_group = !self.with(|reader| reader.in_group);
        let start = |start: Start| match start {
            // Without a group nothing was ever committed.
            Start::Committed if without_group => Start::Policy,
            start => start,
        };
        let partitions = partitions.into_iter().map(|(one, at)| (one, start(at))).collect();
        self.steer(Steer::Assign(partitions));
        self.stage.with(|inner, _| inner.wake(self.id));
    }

    /// `seek`; false if the partition is not assigned.
    #[must_use]
    pub fn seek(&self, partition: TopicPartition, start: Start) -> bool {
        let owned = self.with(|reader| {
            reader.queue.retain(|batch| batch.partition != partition);
            reader.positions.remove(partition);
            reader.assignment.contains(&partition)
        });
        if owned {
            self.steer(Steer::Seek(partition, start));
        }
        owned
    }

    /// `pause`: what was fetched ahead is fetched again later.
    pub fn pause(&self, partitions: &[TopicPartition]) {
        let mut again = Vec::new();
        self.with(|reader| {
            for partition in partitions {
                let first = reader.queue.iter().find(|batch| batch.partition == *partition);
                again.extend(first.map(|batch| (*partition, batch.base)));
                reader.queue.retain(|batch| batch.partition != *partition);
                if !reader.paused.contains(partition) {
                    reader.paused.push(*partition);
                }
            }
        });
        self.steer(Steer::Hold(partitions.to_vec()));
        for (partition, offset) in again {
            self.steer(Steer::Seek(partition, Start::At(offset)));
        }
    }

    /// `resume`.
    pub fn resume(&self, partitions: &[TopicPartition]) {
        self.with(|reader| reader.paused.retain(|paused| !partitions.contains(paused)));
        self.steer(Steer::Release(partitions.to_vec()));
    }

    /// The next thing that comes out. A record that came out before is processed then, unless the code says so itself.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Next> {
        self.stage.with(|inner, now| inner.next_of(now, self.id, context))
    }

    /// As [`Self::poll_next`], to be awaited.
    pub async fn next(&self) -> Next {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The callback has run: what was stored is committed if the client commits by itself, and the partitions may go.
    pub fn hand_over(&self, commits: Commits) {
        if commits == Commits::Stored {
            self.commit_stored();
        }
        self.with(|reader| reader.handing_over = false);
        self.steer(Steer::HandedOver);
    }

    /// Commits what was stored since the last time, without waiting; false if there was nothing.
    pub fn commit_stored(&self) -> bool {
        let offsets = self.with(|reader| {
            let new = reader.stored.iter().filter(|(partition, offset)| {
                reader.committed.get(*partition).is_none_or(|known| known != *offset)
            });
            new.map(|(partition, offset)| (partition, *offset)).collect::<Vec<_>>()
        });
        if offsets.is_empty() {
            return false;
        }
        self.commit_unasked(offsets);
        true
    }

    /// Commits without waiting; a [`Turn::Committed`] tells how it ended.
    pub fn commit_async(&self, offsets: Vec<(TopicPartition, Offset)>) {
        self.said_done(&offsets);
        self.commit_unasked(offsets);
    }

    /// Code that commits a record, or stores its offset, says that it has finished with it, unless it says so otherwise.
    fn said_done(&self, offsets: &[(TopicPartition, Offset)]) {
        self.stage.with(|inner, _| {
            let reader = inner.reader(self.id);
            let Some((partition, offset, value)) = reader.last else { return };
            let covered = offsets.iter().any(|(one, to)| *one == partition && *to > offset);
            if covered && reader.processed == ProcessedBy::Client {
                reader.last = None;
                inner.finish(self.id, partition, offset, value);
            }
        });
    }

    fn commit_unasked(&self, offsets: Vec<(TopicPartition, Offset)>) {
        let id = self.id;
        self.stage.with(|inner, now| {
            if !inner.is_alive(id) {
                return;
            }
            inner.reader(id).note_committed(&offsets);
            let kept = offsets.clone();
            if !inner.dirty.is_empty() {
                inner.write_down();
            }
            let op = inner.world.call_client(now, id, Call::CommitAsync(offsets));
            if let Some(op) = op {
                inner.reader(id).committing.insert(op, kept);
            }
            inner.hear();
        });
    }

    /// Commits and waits, trying again where that may help.
    pub async fn commit(&self, offsets: Vec<(TopicPartition, Offset)>) -> Outcome {
        self.said_done(&offsets);
        let began = self.stage.elapsed();
        loop {
            let call = Call::CommitAsync(offsets.clone());
            let Completion::Done(outcome) = self.stage.call(self.id, call).await else {
                return Outcome::Fail(ErrorCode::InvalidRequest);
            };
            let again = match outcome {
                Outcome::Ok => {
                    self.with(|reader| reader.note_committed(&offsets));
                    false
                }
                Outcome::Fail(code) | Outcome::Unknown(code) => {
                    code.is_retriable() && code != ErrorCode::RebalanceInProgress
                }
            };
            if !again || self.stage.elapsed().saturating_sub(began) > COMMIT_PATIENCE {
                return outcome;
            }
            madsim::time::sleep(COMMIT_RETRY).await;
        }
    }

    /// `store_offset`; false if the partition is not assigned.
    #[must_use]
    pub fn store(&self, partition: TopicPartition, offset: Offset) -> bool {
        self.said_done(&[(partition, offset)]);
        self.with(|reader| {
            let owned = reader.assignment.contains(&partition);
            if owned {
                reader.stored.insert(partition, offset);
            }
            owned
        })
    }

    /// What was stored.
    #[must_use]
    pub fn stored(&self) -> Vec<(TopicPartition, Offset)> {
        self.with(|reader| reader.stored.iter().map(|(one, offset)| (one, *offset)).collect())
    }

    /// The partitions that it owns.
    #[must_use]
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.with(|reader| reader.assignment.clone())
    }

    /// Where the code is in each partition that it owns; none where it has read nothing yet.
    #[must_use]
    pub fn positions(&self) -> Vec<(TopicPartition, Option<Offset>)> {
        self.with(|reader| {
            let owned = reader.assignment.iter();
            owned.map(|one| (*one, reader.positions.get(*one).copied())).collect()
        })
    }

    /// Per partition that it owns: where the code is, what was stored, what was committed.
    #[must_use]
    pub fn progress(&self) -> Vec<(TopicPartition, [Option<Offset>; 3])> {
        self.with(|reader| {
            let owned = reader.assignment.iter().copied();
            let of = |one| {
                let known = [&reader.positions, &reader.stored, &reader.committed];
                (one, known.map(|offsets| offsets.get(one).copied()))
            };
            owned.map(of).collect()
        })
    }

    /// Whether the present assignment was lost rather than revoked.
    #[must_use]
    pub fn assignment_lost(&self) -> bool {
        self.with(|reader| reader.lost)
    }

    /// What it subscribed to.
    #[must_use]
    pub fn subscription(&self) -> Vec<Arc<str>> {
        self.stage.with(|inner, _| {
            let topics = inner.reader(self.id).subscription.clone();
            topics.into_iter().map(|topic| inner.topic_name(topic)).collect()
        })
    }

    /// How many messages the code got.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.with(|reader| reader.messages)
    }
}

/// Whether a handover commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commits {
    /// What was stored.
    Stored,
    /// Nothing: the code commits.
    Nothing,
}

impl Receipt {
    /// The code has finished with this message.
    pub fn processed(&self) {
        let stage = Stage::current();
        stage.with(|inner, _| {
            if !inner.is_alive(self.client) {
                return;
            }
            let reader = inner.reader(self.client);
            if reader.last.is_some_and(|(one, at, _)| one == self.partition && at == self.offset) {
                reader.last = None;
            }
            inner.finish(self.client, self.partition, self.offset, self.value);
        });
    }
}

impl Drop for ConsumerClient {
    fn drop(&mut self) {
        let id = self.id;
        self.stage.with(|inner, now| inner.close(now, id));
    }
}
