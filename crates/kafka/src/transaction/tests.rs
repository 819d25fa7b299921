//! One coordinator, driven by hand: requests in, records and ends of transactions out.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use stormglass_types::{BrokerEpoch, PartitionEpoch, Wall};

use super::*;
use crate::log::{AppendOutcome, Origin};
use crate::message::{
    AddPartitionsToTxnRequest, Adding, EndTxnRequest, InitProducerIdRequest, Msg,
};
use crate::metadata::{BrokerStatus, Brokers, MetadataRecord, PartitionRegistration, Recovery};
use crate::record::{Batch, Records, TransactionState, Verdict};
use crate::settings::TopicSettings;
use crate::{Effect, Rule};

const ORDERS: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };
const STATE: TopicPartition = TopicPartition { topic: TopicId(2), partition: 0 };
const ALICE: (ProducerId, ProducerEpoch) = (ProducerId(500), ProducerEpoch(0));

struct Host {
    coordinator: TransactionCoordinator,
    image: MetadataImage,
    log: PartitionLog,
    now: Now,
    fresh: i64,
    orders: Vec<Order>,
    out: Outbox,
    rules: Rules,
}

fn image() -> MetadataImage {
    let mut image = MetadataImage::default();
    let (broker, epoch) = (BrokerId(1), BrokerEpoch(1));
    image.apply(&MetadataRecord::RegisterBroker { broker, epoch, incarnation: 0, rack: None });
    image.apply(&MetadataRecord::ChangeBroker { broker, epoch, state: BrokerStatus::Active });
    for partition in [ORDERS, STATE] {
        let settings = Arc::new(TopicSettings::default());
        image.apply(&MetadataRecord::Topic { topic: partition.topic, settings });
        let replicas: Brokers = [broker].into_iter().collect();
        let registration = Arc::new(PartitionRegistration {
            replicas: replicas.clone(),
            isr: replicas,
            adding: Brokers::new(),
            removing: Brokers::new(),
            elr: Brokers::new(),
            last_known_elr: Brokers::new(),
            leader: Some(broker),
            leader_epoch: LeaderEpoch(3),
            partition_epoch: PartitionEpoch(3),
            recovery: Recovery::Recovered,
        });
        image.apply(&MetadataRecord::Partition { partition, registration });
    }
    image
}

impl Host {
    fn new(rules: Rules) -> Self {
        let settings = Arc::new(BrokerSettings::default());
        let mut host = Self {
            coordinator: TransactionCoordinator::new(STATE.topic, settings, rules),
            image: image(),
            log: PartitionLog::new(),
            now: Now { mono: Time::ZERO + Span::secs(100), wall: Wall(100_000) },
            fresh: 500,
            orders: Vec::new(),
            out: Outbox::default(),
            rules,
        };
        host.elect(3);
        host
    }

    /// Elected in an epoch, and done with loading.
    fn elect(&mut self, epoch: i32) {
        let log = self.log.clone();
        self.act(|it, outside| it.on_elected(STATE, LeaderEpoch(epoch), &log, outside));
        self.wait(Span::millis(50));
    }

    fn wait(&mut self, span: Span) {
        self.now.mono += span;
        self.now.wall.0 += i64::try_from(span.as_millis()).unwrap();
        self.act(TransactionCoordinator::on_timer);
    }

    /// Lets it act; whatever it writes is on all replicas at once.
    fn act(&mut self, act: impl FnOnce(&mut TransactionCoordinator, &mut Outside<'_>)) {
        let mut writes = Vec::new();
        let mut act = Some(act);
        loop {
            let mut fresh = || {
                self.fresh += 1;
                Ok(ProducerId(self.fresh - 1))
            };
            let mut outside = Outside {
                now: self.now,
                image: &self.image,
                fresh: &mut fresh,
                out: &mut self.out,
                writes: &mut writes,
                orders: &mut self.orders,
            };
            if let Some(act) = act.take() {
                act(&mut self.coordinator, &mut outside);
            }
            if writes.is_empty() {
                return;
            }
            for write in core::mem::take(&mut writes) {
                let batch = Batch {
                    base: Offset::UNKNOWN,
                    count: 1,
                    epoch: LeaderEpoch::NONE,
                    bytes: 100,
                    packing: crate::compression::Packing::PLAIN,
                    timestamp: self.now.wall,
                    stamp: None,
                    records: Records::Transaction(write.record),
                };
                let origin = Origin::Coordinator;
                let appended = self.log.append_as_leader(
                    batch,
                    LeaderEpoch(3),
                    origin,
                    self.rules,
                    &mut Outbox::default(),
                );
                let Ok(AppendOutcome::Appended { end, .. }) = appended else { unreachable!() };
                let mut outside = Outside {
                    now: self.now,
                    image: &self.image,
                    fresh: &mut || Err(ErrorCode::CoordinatorNotAvailable),
                    out: &mut self.out,
                    writes: &mut writes,
                    orders: &mut self.orders,
                };
                self.coordinator.on_append(write.ticket, Ok(end), &mut outside);
                self.coordinator.on_high_watermark(STATE, end, Ok(()), &mut outside);
            }
        }
    }

    fn ask(&mut self, request: Request) -> String {
        self.act(|it, outside| it.on_request(ConnId(1), Correlation(0), request, outside));
        self.answer()
    }

    /// The answer that was given since it was asked for last.
    fn answer(&mut self) -> String {
        let sent = core::mem::take(&mut self.out.effects).into_iter().find_map(|effect| {
            let Effect::Send(_, Msg::Response(_, response)) = effect else { return None };
            Some(response)
        });
        match sent {
            None => "nothing".into(),
            Some(Response::InitProducerId(init)) => match init.producer {
                Ok((id, epoch)) => format!("producer {} epoch {}", id.0, epoch.0),
                Err(code) => format!("{code}"),
            },
            Some(Response::AddPartitionsToTxn(added)) => format!("{}", added.results[0].1),
            Some(Response::EndTxn(code)) => format!("{code}"),
            Some(other) => format!("{:?}", other.api()),
        }
    }

    fn init(&mut self) -> String {
        let transaction = Some(("checkout".into(), Span::secs(60)));
        self.ask(Request::InitProducerId(InitProducerIdRequest { transaction, current: None }))
    }

    fn add(&mut self, producer: (ProducerId, ProducerEpoch), adding: Adding) -> String {
        let transaction = "checkout".into();
        let partitions = vec![ORDERS];
        let request = AddPartitionsToTxnRequest { transaction, producer, adding, partitions };
        self.ask(Request::AddPartitionsToTxn(request))
    }

    fn end(&mut self, producer: (ProducerId, ProducerEpoch), verdict: Verdict) -> String {
        let transaction = "checkout".into();
        self.ask(Request::EndTxn(EndTxnRequest { transaction, producer, verdict }))
    }

    /// What is to be told to leaders, as one line each.
    fn ordered(&self) -> Vec<String> {
        let line = |order: &Order| {
            let marker = &order.marker;
            let (epoch, verdict) = (marker.producer.1.0, marker.verdict);
            format!("{verdict:?} of epoch {epoch} to {}", order.to)
        };
        self.orders.iter().map(line).collect()
    }

    /// The leader has heard of the oldest end, with this outcome.
    fn told(&mut self, code: ErrorCode) {
        let order = self.orders.remove(0);
        self.act(|it, outside| it.on_told(&order, Some(&[(ORDERS, code)]), outside));
    }

    fn state(&self) -> TransactionState {
        let last = self.log.batches_from(Offset(0)).last().map(|batch| batch.records.clone());
        let Some(Records::Transaction(value)) = last else { unreachable!() };
        value.state
    }
}

#[test]
fn a_transaction_is_told_to_its_partitions_after_its_producer_was_answered() {
    let mut host = Host::new(Rules::ALL);
    assert_eq!(host.init(), "producer 500 epoch 0");
    assert_eq!(host.end(ALICE, Verdict::Commit), "INVALID_TXN_STATE", "nothing was sent");
    assert_eq!(host.add(ALICE, Adding::Verify), "TRANSACTION_ABORTABLE");
    assert_eq!(host.add(ALICE, Adding::Add), "NONE");
    assert_eq!(host.add(ALICE, Adding::Verify), "NONE");
    assert_eq!(host.end(ALICE, Verdict::Commit), "NONE");
    assert_eq!(host.ordered(), ["Commit of epoch 0 to broker-1"]);
    assert_eq!(host.add(ALICE, Adding::Add), "CONCURRENT_TRANSACTIONS");
    host.told(ErrorCode::NotLeaderOrFollower);
    assert_eq!(host.state(), TransactionState::Preparing(Verdict::Commit));
    assert_eq!(host.ordered().len(), 1, "it is told again");
    host.told(ErrorCode::None);
    assert_eq!(host.state(), TransactionState::Complete(Verdict::Commit));
    assert_eq!(host.end(ALICE, Verdict::Commit), "NONE", "its answer may have been lost");
    assert_eq!(host.end(ALICE, Verdict::Abort), "INVALID_TXN_STATE");
}

#[test]
fn who_takes_a_transactional_id_fences_the_former_producer_and_aborts_its_transaction() {
    let mut host = Host::new(Rules::ALL);
    host.init();
    host.add(ALICE, Adding::Add);
    assert_eq!(host.init(), "CONCURRENT_TRANSACTIONS");
    assert_eq!(host.ordered(), ["Abort of epoch 1 to broker-1"]);
    assert_eq!(host.init(), "CONCURRENT_TRANSACTIONS", "it is not over yet");
    assert_eq!(host.end(ALICE, Verdict::Commit), "PRODUCER_FENCED");
    host.told(ErrorCode::None);
    assert_eq!(host.init(), "producer 500 epoch 2");
    assert_eq!(host.add(ALICE, Adding::Add), "PRODUCER_FENCED");
}

#[test]
fn without_the_rule_both_producers_of_an_id_have_one_epoch() {
    let mut host = Host::new(Rules::ALL.without(Rule::InitFencesFormer));
    host.init();
    host.add(ALICE, Adding::Add);
    assert_eq!(host.init(), "producer 500 epoch 0");
    assert_eq!(host.end(ALICE, Verdict::Commit), "NONE");
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_under_a_new_epoch() {
    let mut host = Host::new(Rules::ALL);
    host.init();
    host.add(ALICE, Adding::Add);
    host.wait(Span::secs(59));
    assert!(host.ordered().is_empty());
    host.wait(Span::secs(12));
    assert_eq!(host.ordered(), ["Abort of epoch 1 to broker-1"]);
    assert_eq!(host.end(ALICE, Verdict::Commit), "PRODUCER_FENCED");
}

#[test]
fn a_new_coordinator_ends_what_the_former_one_had_begun_to_end() {
    let mut host = Host::new(Rules::ALL);
    host.init();
    host.add(ALICE, Adding::Add);
    host.end(ALICE, Verdict::Commit);
    let late = host.orders.remove(0);
    host.act(|it, outside| it.on_resigned(STATE, outside.out));
    assert_eq!(host.init(), "NOT_COORDINATOR");
    host.elect(4);
    assert_eq!(host.ordered(), ["Commit of epoch 0 to broker-1"]);
    assert_eq!(host.orders[0].marker.coordinator, LeaderEpoch(4));
    host.act(|it, outside| it.on_told(&late, Some(&[(ORDERS, ErrorCode::None)]), outside));
    assert_eq!(host.state(), TransactionState::Preparing(Verdict::Commit), "not its own");
    host.told(ErrorCode::None);
    assert_eq!(host.state(), TransactionState::Complete(Verdict::Commit));
}

#[test]
fn an_id_that_nobody_uses_is_forgotten() {
    let mut host = Host::new(Rules::ALL);
    host.init();
    host.wait(Span::secs(8 * 86_400));
    assert_eq!(host.state(), TransactionState::Dead);
    assert_eq!(host.end(ALICE, Verdict::Commit), "INVALID_PRODUCER_ID_MAPPING");
    assert_eq!(host.init(), "producer 501 epoch 0");
}
