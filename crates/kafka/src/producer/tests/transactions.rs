use super::*;
use crate::TransactionCall;
use crate::message::{AddPartitionsToTxnResponse, FindCoordinatorResponse};
use crate::record::Within;

impl Host {
    /// Answers what a transactional producer asks, as the script says.
    pub(super) fn transactional(&mut self, conn: ConnId, request: Request) -> Option<Response> {
        let reply = self.replies.pop_front().unwrap_or(Reply::Well);
        let error = match reply {
            Reply::With(error) => error,
            Reply::Well | Reply::Reset | Reply::Silence => ErrorCode::None,
        };
        let at = self.now.as_millis();
        let (text, response) = match request {
            Request::FindCoordinator(_) => (
                "find".to_string(),
                Response::FindCoordinator(FindCoordinatorResponse {
                    coordinator: error.check().map(|()| BrokerId(2)),
                }),
            ),
            Request::InitProducerId(request) => {
                // Whoever has no epoch yet fences whoever had one.
                let epoch = request.current.map_or(3, |(_, epoch)| epoch.0 + 1);
                let producer = error.check().map(|()| (ProducerId(7), ProducerEpoch(epoch)));
                let response = Response::InitProducerId(InitProducerIdResponse { producer });
                (format!("init {:?}", request.current), response)
            }
            Request::AddPartitionsToTxn(request) => {
                let results = request.partitions.iter().map(|it| (*it, error)).collect();
                let response = AddPartitionsToTxnResponse { results };
                let text = format!("add {:?}", request.partitions);
                (text, Response::AddPartitionsToTxn(response))
            }
            Request::EndTxn(request) => {
                let text = format!("end {:?} {:?}", request.producer.1, request.verdict);
                (text, Response::EndTxn(error))
            }
            other => unreachable!("not a transactional request: {other:?}"),
        };
        self.asked.push(format!("{at} {text}"));
        match reply {
            Reply::Well | Reply::With(_) => Some(response),
            Reply::Reset => {
                self.conns.remove(&conn);
                self.input(Input::Closed(conn));
                None
            }
            Reply::Silence => None,
        }
    }

    fn transact(&mut self, call: TransactionCall) {
        self.call(Call::Transaction(call));
    }

    fn asked(&mut self) -> Vec<String> {
        core::mem::take(&mut self.asked)
    }

    /// A producer within its first transaction.
    fn begun() -> Self {
        let mut host = Self::new(transactional());
        host.transact(TransactionCall::Init);
        host.advance(Span::millis(100));
        host.transact(TransactionCall::Begin);
        assert_eq!(host.told(), ["0: ok", "1: ok"]);
        assert_eq!(host.asked(), ["1 find", "101 init None"], "it waits before it goes on");
        host
    }
}

fn transactional() -> ProducerSettings {
    ProducerSettings { transaction: Some((Arc::from("billing"), Span::secs(60))), ..settings() }
}

#[test]
fn a_transaction_adds_its_partitions_before_their_batches_and_ends_behind_them() {
    let mut host = Host::begun();
    host.send(None, 100);
    assert_eq!(host.asked(), ["101 add [topic-1/0]"]);
    assert_eq!(host.on_wire().len(), 1);
    let (_, _, produce) = &host.pending[0];
    assert_eq!(produce.transaction.as_deref(), Some("billing"));
    let stamp = produce.batches[0].1.stamp.unwrap();
    assert_eq!((stamp.epoch, stamp.within), (ProducerEpoch(3), Within::Transaction));
    host.transact(TransactionCall::Commit);
    assert_eq!(host.asked(), [""; 0], "the batch has no answer yet");
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.asked(), ["101 end pe3 Commit"]);
    assert_eq!(host.told(), ["2: topic-1/0 v0.0", "topic-1/0 v0.0+1 @0 ok", "3: ok"]);
    // The next one adds the partition again and goes on with its sequences.
    host.transact(TransactionCall::Begin);
    host.send(None, 100);
    assert_eq!(host.asked(), ["101 add [topic-1/0]"]);
    assert_eq!(host.on_wire(), ["node-1 topic-1/0 v0.1+1 pe3s1"]);
}

#[test]
fn nothing_is_sent_before_the_coordinator_knows_the_partition() {
    let mut host = Host::begun();
    host.replies.push_back(Reply::With(ErrorCode::ConcurrentTransactions));
    host.send(None, 100);
    assert_eq!((host.on_wire().len(), host.asked().len()), (0, 1));
    host.advance(Span::millis(20));
    assert_eq!(host.asked(), ["121 add [topic-1/0]"], "the transaction before is about to be over");
    assert_eq!(host.on_wire().len(), 1);
}

#[test]
fn a_transaction_without_records_ends_without_a_word() {
    let mut host = Host::begun();
    host.transact(TransactionCall::Commit);
    host.transact(TransactionCall::Begin);
    host.transact(TransactionCall::Abort);
    assert_eq!(host.asked(), [""; 0]);
    assert_eq!(host.told(), ["2: ok", "3: ok", "4: ok"]);
}

#[test]
fn calls_out_of_turn_are_refused() {
    let mut host = Host::new(transactional());
    host.transact(TransactionCall::Begin);
    host.send(None, 100);
    host.transact(TransactionCall::Commit);
    let refused = ["0: fail INVALID_REQUEST", "1: refused INVALID_REQUEST"];
    assert_eq!(host.told()[..2], refused);
    assert_eq!(host.told(), [""; 0]);
    let mut plain = Host::new(settings());
    plain.transact(TransactionCall::Init);
    assert_eq!(plain.told(), ["0: fail INVALID_REQUEST"]);
}

#[test]
fn who_is_fenced_can_only_close() {
    let mut host = Host::begun();
    host.replies.push_back(Reply::With(ErrorCode::ProducerFenced));
    host.send(None, 100);
    let told = ["2: topic-1/0 v0.0", "topic-1/0 v0.0+1 @-1 fail PRODUCER_FENCED"];
    assert_eq!(host.told(), told, "it was never sent");
    assert!(host.out.marks.contains(Mark::ProducerFenced));
    host.transact(TransactionCall::Commit);
    host.transact(TransactionCall::Abort);
    host.send(None, 100);
    host.call(Call::Close);
    let told = [
        "3: fail PRODUCER_FENCED",
        "4: fail PRODUCER_FENCED",
        "5: refused PRODUCER_FENCED",
        "6: ok",
    ];
    assert_eq!(host.told(), told);
}

#[test]
fn an_old_epoch_fails_the_transaction_and_its_coordinator_says_why() {
    let mut host = Host::begun();
    host.send(None, 100);
    host.answer(ErrorCode::InvalidProducerEpoch, -1);
    host.transact(TransactionCall::Commit);
    host.asked();
    host.replies.push_back(Reply::With(ErrorCode::ProducerFenced));
    host.transact(TransactionCall::Abort);
    assert_eq!(host.asked(), ["101 end pe3 Abort"]);
    let told = [
        "2: topic-1/0 v0.0",
        "topic-1/0 v0.0+1 @-1 fail INVALID_PRODUCER_EPOCH",
        "3: fail INVALID_PRODUCER_EPOCH",
        "4: fail PRODUCER_FENCED",
    ];
    assert_eq!(host.told(), told);
}

#[test]
fn a_batch_that_is_given_up_fails_the_transaction_and_the_next_one_has_a_new_epoch() {
    let mut host = Host::begun();
    host.send(None, 100);
    host.asked();
    host.advance(Span::secs(121));
    host.transact(TransactionCall::Commit);
    host.transact(TransactionCall::Abort);
    let told = host.told();
    let last = &told[told.len() - 2..];
    assert_eq!(last, ["3: fail REQUEST_TIMED_OUT", "4: ok"], "{told:?}");
    let asked = host.asked();
    let asked: Vec<_> = asked.iter().map(|it| it.split_once(' ').unwrap().1).collect();
    assert_eq!(asked, ["end pe3 Abort", "init Some((pid7, pe3))"]);
    host.transact(TransactionCall::Begin);
    host.send(None, 100);
    let stamp = host.pending.last().unwrap().2.batches[0].1.stamp.unwrap();
    assert_eq!((stamp.epoch, stamp.sequence), (ProducerEpoch(4), Sequence(0)));
}

#[test]
fn an_abort_gives_up_what_was_not_sent_and_awaits_what_was() {
    let mut host = Host::begun();
    host.send(None, 100);
    host.replies.push_back(Reply::Silence);
    host.image = image(2, BrokerId(1), 0);
    host.producer.settings =
        Arc::new(ProducerSettings { linger: Span::secs(5), ..transactional() });
    host.send(None, 100);
    host.asked();
    host.transact(TransactionCall::Abort);
    assert_eq!(host.asked(), [""; 0], "one batch is on its way");
    assert_eq!(host.told().last().unwrap(), "topic-1/0 v0.1+1 @-1 fail TRANSACTION_ABORTABLE");
    host.replies.clear();
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.asked(), ["101 end pe3 Abort"]);
    assert_eq!(host.told().last().unwrap(), "4: ok");
    assert!(host.out.marks.contains(Mark::TransactionAborted));
}

#[test]
fn a_commit_whose_answer_is_lost_is_asked_for_again_at_the_coordinator_of_then() {
    let mut host = Host::begun();
    host.send(None, 100);
    host.answer(ErrorCode::None, 0);
    host.asked();
    host.told();
    host.replies.push_back(Reply::Reset);
    host.transact(TransactionCall::Commit);
    host.advance(Span::millis(50));
    host.replies.extend([Reply::Well, Reply::With(ErrorCode::CoordinatorLoadInProgress)]);
    host.advance(Span::millis(1_000));
    let asked = host.asked();
    assert_eq!(asked.iter().filter(|it| it.ends_with("end pe3 Commit")).count(), 3, "{asked:?}");
    assert!(asked.iter().any(|it| it.ends_with("find")), "{asked:?}");
    assert_eq!(host.told(), ["3: ok"]);
    assert!(host.out.marks.contains(Mark::TransactionCoordinatorSought));
}

#[test]
fn whether_a_commit_came_about_is_not_known_where_an_answer_was_lost() {
    let mut host = Host::begun();
    host.send(None, 100);
    host.answer(ErrorCode::None, 0);
    host.replies.extend([Reply::Reset, Reply::Well, Reply::With(ErrorCode::ProducerFenced)]);
    host.transact(TransactionCall::Commit);
    host.advance(Span::secs(1));
    assert_eq!(host.told().last().unwrap(), "3: unknown PRODUCER_FENCED");
}

#[test]
fn patience_ends_the_call_but_not_the_operation() {
    let mut host = Host::new(transactional());
    host.replies.extend([Reply::Silence, Reply::Silence, Reply::Silence]);
    host.transact(TransactionCall::Init);
    host.advance(Span::secs(60));
    assert_eq!(host.told(), ["0: unknown REQUEST_TIMED_OUT"]);
    host.transact(TransactionCall::Begin);
    assert_eq!(host.told(), ["1: fail INVALID_REQUEST"], "the first must be made again");
    host.transact(TransactionCall::Init);
    host.replies.clear();
    host.advance(Span::secs(60));
    assert_eq!(host.told(), ["2: ok"]);
}

#[test]
fn closing_aborts_what_is_open() {
    let mut host = Host::begun();
    host.send(None, 100);
    host.asked();
    host.call(Call::Close);
    assert_eq!(host.asked(), [""; 0]);
    host.answer(ErrorCode::None, 0);
    assert_eq!(host.asked(), ["101 end pe3 Abort"]);
    assert_eq!(host.told(), ["2: topic-1/0 v0.0", "topic-1/0 v0.0+1 @0 ok", "3: ok"]);
}
