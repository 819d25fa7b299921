//! A producer client as its library sees it: records go in with a ticket, deliveries come out with it.
//!
//! Waits for nothing by itself: `send` takes a record in at once, or says that the queue is full, as librdkafka does.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use stormglass_kafka::record::Payload;
use stormglass_kafka::settings::Partitioner;
use stormglass_kafka::{Call, Completion, OpId, Report, SendCall};
use stormglass_sim::plan::ShareRange;
use stormglass_sim::{ClientId, ClientKind};
use stormglass_types::history::Outcome;
use stormglass_types::{ErrorCode, PartitionMap, TopicPartition, Value};

use crate::profile::{self, ProducerProfile};
use crate::stage::{Inner, Kind, Stage};
use crate::values::Content;

/// What came of a record.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The ticket that it was sent with.
    pub ticket: u64,
    /// Where it went, if it got that far.
    pub partition: Option<u16>,
    /// Where it is, if the broker told.
    pub offset: Option<i64>,
    /// Why it did not arrive.
    pub error: Option<Undelivered>,
    /// The topic's name.
    pub topic: Arc<str>,
    /// The record.
    pub content: Content,
}

/// Why a record did not arrive, or is not known to have arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undelivered {
    /// Its time was over.
    TimedOut,
    /// There is no such topic.
    UnknownTopic,
    /// There is no such partition.
    UnknownPartition,
    /// The broker's answer, or the client's.
    Code(ErrorCode),
}

/// A record that was not taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotTaken {
    /// `queue.buffering.max.messages` or `queue.buffering.max.kbytes`.
    QueueFull,
    /// The client is no more: its process has died.
    Gone,
}

/// A producer's state behind the stage's lock.
pub(crate) struct Sender {
    /// Calls that have not returned, oldest first.
    waiting: VecDeque<(OpId, u64, Content)>,
    /// Tickets of records taken in, by serial.
    tickets: PartitionMap<Tickets>,
    deliveries: VecDeque<Delivery>,
    outstanding: usize,
    most: usize,
    partitioner: Partitioner,
}

#[derive(Default)]
struct Tickets {
    first: u32,
    open: VecDeque<Option<u64>>,
}

/// A producer client. It is closed when it is dropped.
pub struct ProducerClient {
    stage: Arc<Stage>,
    id: ClientId,
}

impl ProducerClient {
    /// Opens a producer in the process that runs the present task; none if the process has died.
    #[must_use]
    pub fn open(profile: &ProducerProfile) -> Option<Self> {
        let stage = Stage::current();
        let settings = Arc::new(profile.settings.clone());
        let (most, partitioner) = (profile.most_messages, profile.settings.partitioner);
        let id = stage.open(ClientKind::Producer(settings), |_, _| {
            Kind::Producer(Box::new(Sender {
                waiting: VecDeque::new(),
                tickets: PartitionMap::new(),
                deliveries: VecDeque::new(),
                outstanding: 0,
                most,
                partitioner,
            }))
        })?;
        Some(Self { stage, id })
    }

    /// Takes a record in. What comes of it is told with the ticket.
    ///
    /// # Errors
    /// If the queue is full or the client is no more.
    pub fn send(
        &self,
        topic: &str,
        partition: Option<u16>,
        mut content: Content,
        ticket: u64,
    ) -> Result<(), NotTaken> {
        self.stage.with(|inner, now| {
            if !inner.is_alive(self.id) {
                return Err(NotTaken::Gone);
            }
            let wall = inner.clock.wall_ms();
            content.timestamp.get_or_insert(wall);
            let known = inner.topic(topic);
            let Kind::Producer(sender) = &mut inner.clients[self.id.index()].kind else {
                return Err(NotTaken::Gone);
            };
            if sender.outstanding >= sender.most {
                return Err(NotTaken::QueueFull);
            }
            sender.outstanding += 1;
            let hash = profile::hash(sender.partitioner, content.key.as_deref());
            let Some(topic_id) = known else {
                let error = Some(Undelivered::UnknownTopic);
                let topic = Arc::from(topic);
                let lost =
                    Delivery { ticket, partition: None, offset: None, error, topic, content };
                sender.deliveries.push_back(lost);
                inner.wake(self.id);
                return Ok(());
            };
            let planned = inner.world.plan().topic(topic_id).map_or(1, |topic| topic.partitions);
            if partition.is_some_and(|partition| partition >= planned) {
                let error = Some(Undelivered::UnknownPartition);
                let topic = inner.topic_name(topic_id);
                let lost = Delivery { ticket, partition, offset: None, error, topic, content };
                inner.sender(self.id).deliveries.push_back(lost);
                inner.wake(self.id);
                return Ok(());
            }
            let key = match &content.key {
                Some(bytes) if !bytes.is_empty() => {
                    let bytes = Arc::clone(bytes);
                    Some(inner.key(&bytes))
                }
                Some(_) | None => None,
            };
            let call = Call::Send(SendCall {
                topic: topic_id,
                partition,
                key: key.and_then(|key| Some((key, hash?))),
                bytes: size(&content),
                saves: ShareRange::USUAL.least,
                payload: match content.payload {
                    Some(_) => Payload::Value,
                    None => Payload::Tombstone,
                },
            });
            inner.write_down();
            let op = inner.world.call_with_key(now, self.id, call, key);
            let Some(op) = op else { return Err(NotTaken::Gone) };
            inner.sender(self.id).waiting.push_back((op, ticket, content));
            inner.hear();
            Ok(())
        })
    }

    /// Takes out what came of records, in the order in which it was heard; what is handed in is used for the next ones.
    pub fn deliveries(&self, out: &mut VecDeque<Delivery>) {
        out.clear();
        self.stage.with(|inner, _| {
            let sender = inner.sender(self.id);
            std::mem::swap(&mut sender.deliveries, out);
            sender.outstanding -= out.len();
            if !out.is_empty() && sender.outstanding == 0 {
                inner.wake(self.id);
            }
        });
    }

    /// Waits until there are deliveries to be taken out.
    pub async fn delivered(&self) {
        poll_fn(|context| self.poll_delivered(context)).await;
    }

    fn poll_delivered(&self, context: &mut Context<'_>) -> Poll<()> {
        self.stage.with(|inner, _| {
            if !inner.sender(self.id).deliveries.is_empty() {
                return Poll::Ready(());
            }
            inner.attend(self.id, context.waker());
            Poll::Pending
        })
    }

    /// Waits until every record's delivery was taken out.
    pub async fn settled(&self) {
        poll_fn(|context| {
            self.stage.with(|inner, _| {
                if inner.sender(self.id).outstanding == 0 {
                    return Poll::Ready(());
                }
                inner.attend(self.id, context.waker());
                Poll::Pending
            })
        })
        .await
    }

    /// Sends what is in the queue without waiting for more.
    pub fn hurry(&self) {
        self.stage.with(|inner, now| inner.do_call(now, self.id, Call::Flush));
    }

    /// How many records have not been delivered, or not been heard of.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.stage.with(|inner, _| inner.sender(self.id).outstanding)
    }
}

impl Drop for ProducerClient {
    fn drop(&mut self) {
        let id = self.id;
        self.stage.with(|inner, now| inner.close(now, id));
    }
}

impl Inner {
    fn sender(&mut self, client: ClientId) -> &mut Sender {
        match &mut self.clients[client.index()].kind {
            Kind::Producer(sender) => sender,
            Kind::Consumer(_) | Kind::Inquirer => unreachable!("the client is a producer"),
        }
    }

    /// A call of a producer has ended.
    pub(crate) fn on_sent(&mut self, client: ClientId, op: OpId, completion: Completion) {
        let sender = self.sender(client);
        let returned = sender.waiting.iter().position(|(waiting, ..)| *waiting == op);
        let returned = returned.and_then(|at| sender.waiting.remove(at));
        let returned = returned.map(|(_, ticket, content)| (ticket, content));
        match completion {
            Completion::Accepted(partition, value) => {
                let Some((ticket, content)) = returned else { return };
                let tickets = sender.tickets.get_or_insert_with(partition, Tickets::default);
                tickets.open.push_back(Some(ticket));
                self.values.keep(partition, value, content);
            }
            Completion::Refused(code) => {
                let Some((ticket, content)) = returned else { return };
                let error = match code {
                    ErrorCode::RequestTimedOut => Undelivered::TimedOut,
                    code => Undelivered::Code(code),
                };
                let topic = Arc::from("");
                let error = Some(error);
                let lost =
                    Delivery { ticket, partition: None, offset: None, error, topic, content };
                sender.deliveries.push_back(lost);
                self.wake(client);
            }
            Completion::Done(_) | Completion::Records(_) => {}
        }
    }

    /// A batch of a producer has been delivered, or given up.
    pub(crate) fn on_delivered(&mut self, client: ClientId, report: &Report) {
        let Report::Delivered { partition, values, base, outcome } = report else { return };
        let (partition, base) = (*partition, *base);
        let name = self.topic_name(partition.topic);
        for nth in 0..values.count {
            let value = values.at(nth);
            let Some(ticket) = self.ticket(client, partition, value) else { continue };
            let content = self.values.get(partition, value).cloned().unwrap_or_default();
            let offset = (base.0 >= 0).then(|| base.plus(nth).0);
            let error = match outcome {
                Outcome::Ok => None,
                Outcome::Fail(code) | Outcome::Unknown(code) => Some(match code {
                    ErrorCode::RequestTimedOut => Undelivered::TimedOut,
                    code => Undelivered::Code(*code),
                }),
            };
            let partition = Some(partition.partition);
            let topic = Arc::clone(&name);
            let sender = self.sender(client);
            sender.deliveries.push_back(Delivery {
                ticket,
                partition,
                offset,
                error,
                topic,
                content,
            });
        }
        self.wake(client);
    }

    fn ticket(&mut self, client: ClientId, partition: TopicPartition, value: Value) -> Option<u64> {
        let sender = self.sender(client);
        let tickets = sender.tickets.get_mut(partition)?;
        let at = value.serial.checked_sub(tickets.first)? as usize;
        let ticket = tickets.open.get_mut(at)?.take();
        while let Some(None) = tickets.open.front() {
            tickets.open.pop_front();
            tickets.first += 1;
        }
        ticket
    }
}

/// The size of a record as the model counts it.
fn size(content: &Content) -> u32 {
    let bytes = |part: &Option<Arc<[u8]>>| part.as_ref().map_or(0, |part| part.len());
    let headers = content.headers.iter().flat_map(|headers| headers.iter());
    let headers = headers.map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len));
    let all = bytes(&content.key) + bytes(&content.payload) + headers.sum::<usize>();
    u32::try_from(all).unwrap_or(u32::MAX)
}
