//! Questions that a client asks beside its work: where logs begin and end, what a group has committed, what topics there are.
//!
//! Asks leaders and coordinators as any client does, and asks again while an answer may come. Changes nothing.

use alloc::sync::Arc;
use alloc::vec::Vec;

use stormglass_types::history::Outcome;
use stormglass_types::{
    BrokerId, ErrorCode, GroupId, Offset, Rng, Span, Time, TopicId, TopicPartition,
};

use crate::channel::{Backoff, Channel};
use crate::message::{
    Coordinated, FindCoordinatorRequest, Isolation, ListOffsetsRequest, MetadataRequest, Msg,
    OffsetFetchRequest, OffsetSpec, Request, Response,
};
use crate::metadata::MetadataImage;
use crate::{Boot, Completion, Input, Now, OpId, Outbox, Timer};

/// What is to be found out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// Topics, partitions, leaders.
    Metadata(Vec<TopicId>),
    /// Offsets by rule or time.
    Offsets(Vec<(TopicPartition, OffsetSpec)>),
    /// What a group has committed.
    Committed(GroupId, Vec<TopicPartition>),
}

/// What was found out.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The cluster as one broker knows it.
    Metadata(Arc<MetadataImage>),
    /// In the order of the question.
    Offsets(Vec<(TopicPartition, Result<Offset, ErrorCode>)>),
    /// In the order of the question; none where nothing was committed.
    Committed(Vec<(TopicPartition, Option<Offset>)>),
    /// Nothing, in all the time that there was.
    Failed(ErrorCode),
}

/// A client that only asks.
#[derive(Clone, Debug)]
pub struct Inquirer {
    brokers: Vec<BrokerId>,
    channels: Vec<Channel<Tag>>,
    rng: Rng,
    asked: Vec<Asked>,
    answered: Vec<(OpId, Answer)>,
    armed: Time,
}

/// Which question a request serves, and which attempt at it.
type Tag = (OpId, u32);

#[derive(Clone, Debug)]
struct Asked {
    op: OpId,
    question: Question,
    deadline: Time,
    /// No request before this; never while one is under way.
    next_at: Time,
    attempt: u32,
    /// How many requests of this attempt are under way.
    open: usize,
    error: ErrorCode,
    step: Step,
}

#[derive(Clone, Debug)]
enum Step {
    /// Leaders are to be found.
    Leaders,
    /// Leaders are known; offsets so far.
    Listing(Arc<MetadataImage>, Vec<Option<Result<Offset, ErrorCode>>>),
    /// The coordinator is to be found.
    Coordinator,
    /// The coordinator is known.
    Fetching(BrokerId),
}

const PATIENCE: Span = Span::secs(60);
const REQUEST_TIMEOUT: Span = Span::secs(30);
const RETRY: Span = Span::millis(100);
const RECONNECT: Backoff = Backoff { first: Span::millis(100), most: Span::millis(10_000) };

impl Inquirer {
    /// A client with nothing to ask.
    #[must_use]
    pub fn boot(boot: &Boot) -> Self {
        let brokers = &boot.directory.brokers;
        Self {
            brokers: brokers.iter().map(|(broker, _)| *broker).collect(),
            channels: brokers.iter().map(|(_, node)| Channel::new(*node)).collect(),
            rng: boot.rng.clone(),
            asked: Vec::new(),
            answered: Vec::new(),
            armed: Time::NEVER,
        }
    }

    /// Asks. Completes with `Done`; the answer is then there to be taken.
    pub fn ask(&mut self, now: Now, op: OpId, question: Question, out: &mut Outbox) {
        let step = match &question {
            Question::Metadata(_) | Question::Offsets(_) => Step::Leaders,
            Question::Committed(..) => Step::Coordinator,
        };
        self.asked.push(Asked {
            op,
            question,
            deadline: now.mono + PATIENCE,
            next_at: now.mono,
            attempt: 0,
            open: 0,
            error: ErrorCode::RequestTimedOut,
            step,
        });
        self.pump(now, out);
    }

    /// Takes the answer to a question whose call has ended.
    pub fn take(&mut self, op: OpId) -> Option<Answer> {
        let at = self.answered.iter().position(|(answered, _)| *answered == op)?;
        Some(self.answered.swap_remove(at).1)
    }

    /// Takes one input in.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match input {
            Input::Recv(conn, Msg::Response(correlation, response)) => {
                let tag = self.channels.iter_mut().find_map(|it| it.on_response(conn, correlation));
                if let Some(tag) = tag {
                    self.on_answer(now, tag, response, out);
                }
            }
            Input::Closed(conn) => {
                for place in 0..self.channels.len() {
                    let channel = &mut self.channels[place];
                    let lost = channel.on_closed(conn, now.mono, RECONNECT, &mut self.rng);
                    lost.into_iter()
                        .for_each(|tag| self.failed(now, tag, ErrorCode::NetworkException));
                }
            }
            Input::Timer(_) => {
                self.armed = Time::NEVER;
                for place in 0..self.channels.len() {
                    let channel = &mut self.channels[place];
                    let lost = channel.expire(now.mono, RECONNECT, &mut self.rng, out);
                    let lost = lost.unwrap_or_default();
                    lost.into_iter()
                        .for_each(|tag| self.failed(now, tag, ErrorCode::RequestTimedOut));
                }
            }
            Input::Opened(conn, _) | Input::Recv(conn, Msg::Request(..)) => out.close(conn),
            Input::Synced(_) | Input::Call(..) | Input::Shutdown => {}
        }
        self.pump(now, out);
    }

    fn find(&mut self, tag: Tag) -> Option<&mut Asked> {
        self.asked.iter_mut().find(|asked| (asked.op, asked.attempt) == tag)
    }

    fn failed(&mut self, now: Now, tag: Tag, error: ErrorCode) {
        if let Some(asked) = self.find(tag) {
            asked.again(now.mono, error);
        }
    }

    fn on_answer(&mut self, now: Now, tag: Tag, response: Response, out: &mut Outbox) {
        let Some(asked) = self.find(tag) else { return };
        asked.open -= 1;
        let answer = match (response, &mut asked.step) {
            (Response::Metadata(response), Step::Leaders) => match &asked.question {
                Question::Metadata(_) => Some(Answer::Metadata(response.image)),
                Question::Offsets(wanted) => {
                    asked.step =
                        Step::Listing(response.image, wanted.iter().map(|_| None).collect());
                    asked.next_at = now.mono;
                    None
                }
                Question::Committed(..) => None,
            },
            (Response::ListOffsets(response), Step::Listing(_, found)) => {
                let Question::Offsets(wanted) = &asked.question else { return };
                for listed in &response.results {
                    let at = wanted.iter().position(|(one, _)| *one == listed.partition);
                    if let Some(at) = at {
                        found[at] = Some(listed.error.check().map(|()| listed.offset));
                    }
                }
                if asked.open > 0 {
                    return;
                }
                let retriable = |it: &Option<Result<Offset, ErrorCode>>| match it {
                    Some(Err(code)) => code.is_retriable(),
                    Some(Ok(_)) => false,
                    None => true,
                };
                if found.iter().any(retriable) {
                    asked.again(now.mono, ErrorCode::NotLeaderOrFollower);
                    None
                } else {
                    let found =
                        wanted.iter().zip(found).filter_map(|((one, _), it)| Some((*one, (*it)?)));
                    Some(Answer::Offsets(found.collect()))
                }
            }
            (Response::FindCoordinator(response), Step::Coordinator) => {
                match response.coordinator {
                    Ok(broker) => {
                        asked.step = Step::Fetching(broker);
                        asked.next_at = now.mono;
                    }
                    Err(code) => asked.again(now.mono, code),
                }
                None
            }
            (Response::OffsetFetch(response), Step::Fetching(_)) => match response.error {
                ErrorCode::None => {
                    let offsets = response.offsets.iter();
                    let offsets = offsets.map(|(one, it)| (*one, it.map(|(offset, _)| offset)));
                    Some(Answer::Committed(offsets.collect()))
                }
                code => {
                    asked.again(now.mono, code);
                    None
                }
            },
            (_, Step::Leaders | Step::Listing(..) | Step::Coordinator | Step::Fetching(_)) => {
                asked.again(now.mono, ErrorCode::UnknownServerError);
                None
            }
        };
        if let Some(answer) = answer {
            self.finish(tag.0, answer, out);
        }
    }

    fn finish(&mut self, op: OpId, answer: Answer, out: &mut Outbox) {
        self.asked.retain(|asked| asked.op != op);
        self.answered.push((op, answer));
        out.complete(op, Completion::Done(Outcome::Ok));
    }

    /// Gives up what took too long and sends what is due.
    fn pump(&mut self, now: Now, out: &mut Outbox) {
        let late: Vec<(OpId, ErrorCode)> = self
            .asked
            .iter()
            .filter(|asked| asked.deadline <= now.mono)
            .map(|asked| (asked.op, asked.error))
            .collect();
        for (op, error) in late {
            self.finish(op, Answer::Failed(error), out);
        }
        for place in 0..self.asked.len() {
            if self.asked[place].next_at <= now.mono {
                self.send(now, place, out);
            }
        }
        let waits = self.asked.iter().flat_map(|asked| [asked.next_at, asked.deadline]);
        let silence = self.channels.iter().filter_map(Channel::deadline);
        let next = waits.chain(silence).min().unwrap_or(Time::NEVER);
        if next < self.armed {
            self.armed = next;
            out.set_timer(Timer::Admin, next.max(now.mono));
        }
    }

    fn send(&mut self, now: Now, place: usize, out: &mut Outbox) {
        let asked = &mut self.asked[place];
        asked.attempt += 1;
        asked.next_at = Time::NEVER;
        let tag = (asked.op, asked.attempt);
        let mut requests: Vec<(Option<BrokerId>, Request)> = Vec::new();
        match (&asked.step, &asked.question) {
            (Step::Leaders, Question::Metadata(topics)) => {
                let request = MetadataRequest { topics: topics.clone() };
                requests.push((None, Request::Metadata(request)));
            }
            (Step::Leaders, Question::Offsets(wanted)) => {
                let mut topics: Vec<TopicId> = wanted.iter().map(|(one, _)| one.topic).collect();
                topics.sort_unstable();
                topics.dedup();
                requests.push((None, Request::Metadata(MetadataRequest { topics })));
            }
            (Step::Listing(image, found), Question::Offsets(wanted)) => {
                let open = wanted.iter().zip(found).filter(|(_, found)| found.is_none());
                for ((one, spec), _) in open {
                    let known = image.partitions.get(*one);
                    let leader = known.and_then(|known| known.leader);
                    let Some(leader) = leader else { continue };
                    let epoch = known.map(|known| known.leader_epoch);
                    let question = (*one, epoch, *spec);
                    let there = requests.iter_mut().find(|(broker, _)| *broker == Some(leader));
                    match there {
                        Some((_, Request::ListOffsets(request))) => {
                            request.partitions.push(question)
                        }
                        Some(_) | None => {
                            let partitions = alloc::vec![question];
                            let isolation = Isolation::Uncommitted;
                            let request =
                                ListOffsetsRequest { replica: None, isolation, partitions };
                            requests.push((Some(leader), Request::ListOffsets(request)));
                        }
                    }
                }
            }
            (Step::Coordinator, Question::Committed(group, _)) => {
                let request = FindCoordinatorRequest { of: Coordinated::Group(*group) };
                requests.push((None, Request::FindCoordinator(request)));
            }
            (Step::Fetching(broker), Question::Committed(group, partitions)) => {
                let partitions = partitions.iter().map(|partition| (*partition, None)).collect();
                let request = OffsetFetchRequest { group: *group, member: None, partitions };
                requests.push((Some(*broker), Request::OffsetFetch(request)));
            }
            (Step::Leaders | Step::Listing(..) | Step::Coordinator | Step::Fetching(_), _) => {}
        }
        if requests.is_empty() {
            return self.failed(now, tag, ErrorCode::LeaderNotAvailable);
        }
        for (broker, request) in requests {
            let at = match broker {
                Some(broker) => self.brokers.binary_search(&broker).ok(),
                None => self.anyone(now.mono),
            };
            let ready = at.filter(|at| self.channels[*at].is_ready(now.mono));
            let Some(at) = ready else {
                return self.failed(now, tag, ErrorCode::BrokerNotAvailable);
            };
            let deadline = now.mono + REQUEST_TIMEOUT;
            self.channels[at].send(request, deadline, tag, out);
            self.asked[place].open += 1;
        }
    }

    /// A broker that may be asked: a connected one, or else any.
    fn anyone(&mut self, now: Time) -> Option<usize> {
        let first = self.rng.index(self.channels.len());
        let count = self.channels.len();
        let ready = (0..count).map(|n| (first + n) % count);
        let ready = ready.filter(|at| self.channels[*at].is_ready(now));
        ready.min_by_key(|at| self.channels[*at].conn().is_none())
    }
}

impl Asked {
    /// Begins again after a while, with newer metadata.
    fn again(&mut self, now: Time, error: ErrorCode) {
        self.error = error;
        self.attempt += 1;
        self.open = 0;
        self.next_at = now + RETRY;
        self.step = match self.question {
            Question::Metadata(_) | Question::Offsets(_) => Step::Leaders,
            Question::Committed(..) => Step::Coordinator,
        };
    }
}
