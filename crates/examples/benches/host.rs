//! How fast records go through: produced, replicated three times, consumed, of 100 bytes each; against `madsim-rdkafka`, which
//! replicates nothing, with the same code on the same machine. And how long a seed takes to begin.
//!
//! `cargo bench -p stormglass-examples --bench host [-- RECORDS]`

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

#[cfg(not(madsim))]
fn main() {
    println!("build with `--cfg madsim`");
}

#[cfg(madsim)]
fn main() {
    let wanted = std::env::args().skip(1).find_map(|argument| argument.parse::<u64>().ok());
    on::compare(wanted.unwrap_or(1_000_000));
}

#[cfg(madsim)]
mod on {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    use stormglass::run::{Keep, run};
    use stormglass_runner::scenario::Scenario;

    /// Records in flight at most.
    const WINDOW: usize = 10_000;
    const ROUNDS: usize = 3;

    const SCENARIO: &str = "
run: { for: 5m, settle: 5m, max-events: 1000000000 }
topics:
  records: { partitions: 3 }
applications:
  load: { group: load, subscribe: [records] }
expect: { hold: [no-loss] }
";

    /// The same loop for both: the two libraries share their shape.
    macro_rules! flow {
        ($library:ident, $servers:expr, $records:expr, $read:expr) => {{
            let records: u64 = $records;
            let payload = [7_u8; 100];
            let producer: $library::producer::FutureProducer = $library::ClientConfig::new()
                .set("bootstrap.servers", $servers)
                .create()
                .await
                .expect("a producer");
            let consumer: $library::consumer::StreamConsumer = $library::ClientConfig::new()
                .set("bootstrap.servers", $servers)
                .set("enable.auto.commit", "false")
                .set("auto.offset.reset", "earliest")
                .create()
                .await
                .expect("a consumer");
            let mut assignment = $library::TopicPartitionList::new();
            for partition in 0..3 {
                let _ = assignment.add_partition("records", partition);
            }
            consumer.assign(&assignment).expect("three partitions");
            let read: Arc<AtomicU64> = $read;
            let counted = Arc::clone(&read);
            let reader = madsim::task::spawn(async move {
                while counted.load(Ordering::Relaxed) < records {
                    let mut stream = std::pin::pin!(consumer.stream());
                    let next = std::future::poll_fn(|context| {
                        futures_core::Stream::poll_next(stream.as_mut(), context)
                    });
                    let message = next.await.expect("no end").expect("a message");
                    assert_eq!($library::Message::payload(&message).map(<[u8]>::len), Some(100));
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
            let mut open = std::collections::VecDeque::with_capacity(WINDOW);
            for _ in 0..records {
                let record: $library::producer::FutureRecord<'_, (), [u8]> =
                    $library::producer::FutureRecord::to("records").payload(&payload[..]);
                open.push_back(producer.send_result(record).map_err(|(why, _)| why).expect("room"));
                if open.len() == WINDOW {
                    for sent in open.drain(..) {
                        sent.await.expect("a producer").map_err(|(why, _)| why).expect("delivered");
                    }
                }
            }
            for sent in open {
                sent.await.expect("a producer").map_err(|(why, _)| why).expect("delivered");
            }
            reader.await.expect("a reader");
            read.load(Ordering::Relaxed)
        }};
    }

    pub(super) fn compare(records: u64) {
        println!("{records} records of 100 bytes, produced and consumed");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            theirs.push(in_thread(move || madsim_rdkafka_flow(records)));
            ours.push(in_thread(move || stormglass_flow(records)));
        }
        let rate = |spans: &[Duration]| {
            let best = spans.iter().min().copied().unwrap_or_default();
            u128::from(records) * 1_000_000_000 / best.as_nanos().max(1)
        };
        let (ours, theirs) = (rate(&ours), rate(&theirs));
        println!("madsim-rdkafka 0.4.4, no replication    {theirs:>10} records/s");
        println!("stormglass, three replicas              {ours:>10} records/s");
        println!("ratio                                   {:>9}%", ours * 100 / theirs.max(1));
        println!("a seed begins in                        {:>8}us", begin().as_micros());
    }

    fn in_thread(work: impl FnOnce() -> Duration + Send + 'static) -> Duration {
        std::thread::spawn(work).join().expect("a run")
    }

    fn stormglass_flow(records: u64) -> Duration {
        let scenario = Scenario::parse("bench.yaml", SCENARIO).expect("a scenario");
        let began = Instant::now();
        let read = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&read);
        let spent = Arc::new(std::sync::Mutex::new(Duration::ZERO));
        let told = Arc::clone(&spent);
        // Madsim shows its own clock inside a run; the real one is asked for by a thread that was there before.
        let real = RealClock::new(began);
        let _ = run(scenario.plan(1), Keep::History, move |storm| async move {
            let (counted, told, real) = (Arc::clone(&counted), Arc::clone(&told), real);
            let done = Arc::new(AtomicU64::new(0));
            let over = Arc::clone(&done);
            storm.app("load", move || {
                let (counted, over) = (Arc::clone(&counted), Arc::clone(&over));
                async move {
                    let read = flow!(rdkafka, "kafka:9092", records, Arc::clone(&counted));
                    over.store(read, Ordering::Relaxed);
                }
            });
            while done.load(Ordering::Relaxed) < records {
                madsim::time::sleep(Duration::from_millis(20)).await;
            }
            if let Ok(mut told) = told.lock() {
                *told = real.elapsed();
            }
        });
        assert_eq!(read.load(Ordering::Relaxed), records);
        let spent = spent.lock().map_or(Duration::ZERO, |spent| *spent);
        assert!(spent > Duration::ZERO, "the run ended before the records did");
        spent
    }

    fn madsim_rdkafka_flow(records: u64) -> Duration {
        let began = Instant::now();
        let real = RealClock::new(began);
        let runtime = madsim::runtime::Runtime::with_seed_and_config(1, madsim::Config::default());
        runtime.block_on(async move {
            let handle = madsim::runtime::Handle::current();
            let broker: std::net::SocketAddr = "10.0.0.1:9092".parse().expect("an address");
            handle.create_node().ip(broker.ip()).build().spawn(async move {
                let _ = madsim_rdkafka::SimBroker::default().serve(broker).await;
            });
            madsim::time::sleep(Duration::from_millis(10)).await;
            let client = handle.create_node().ip("10.0.0.2".parse().expect("an address")).build();
            let work = client.spawn(async move {
                use madsim_rdkafka::admin::{
                    AdminClient, AdminOptions, NewTopic, TopicReplication,
                };
                let admin: AdminClient<_> = madsim_rdkafka::ClientConfig::new()
                    .set("bootstrap.servers", "10.0.0.1:9092")
                    .create()
                    .await
                    .expect("an admin client");
                let topic = NewTopic::new("records", 3, TopicReplication::Fixed(1));
                admin.create_topics(&[topic], &AdminOptions::new()).await.expect("a topic");
                let read = Arc::new(AtomicU64::new(0));
                flow!(madsim_rdkafka, "10.0.0.1:9092", records, read)
            });
            assert_eq!(work.await.expect("a client"), records);
            real.elapsed()
        })
    }

    /// The time from nothing to the first line of the test's code, at its best.
    fn begin() -> Duration {
        let scenario = Arc::new(Scenario::parse("bench.yaml", SCENARIO).expect("a scenario"));
        let once = |seed: u64| {
            let scenario = Arc::clone(&scenario);
            let spent = Arc::new(std::sync::Mutex::new(Duration::ZERO));
            let told = Arc::clone(&spent);
            let plan = scenario.plan(seed);
            let work = move || {
                let real = RealClock::new(Instant::now());
                let _ = run(plan, Keep::History, move |storm| async move {
                    if let Ok(mut told) = told.lock() {
                        *told = real.elapsed();
                    }
                    storm.app("load", || async {});
                });
            };
            std::thread::spawn(work).join().expect("a run");
            spent.lock().map_or(Duration::ZERO, |spent| *spent)
        };
        (1..=20).map(once).min().unwrap_or_default()
    }

    /// The real clock, also inside a run, where madsim answers for it: another thread is asked.
    struct RealClock {
        ask: std::sync::mpsc::Sender<()>,
        answer: std::sync::mpsc::Receiver<Duration>,
    }

    impl RealClock {
        fn new(began: Instant) -> Self {
            let (ask, asked) = std::sync::mpsc::channel();
            let (tell, answer) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                while asked.recv().is_ok() {
                    if tell.send(began.elapsed()).is_err() {
                        return;
                    }
                }
            });
            Self { ask, answer }
        }

        fn elapsed(&self) -> Duration {
            self.ask.send(()).expect("the clock runs");
            self.answer.recv().expect("the clock answers")
        }
    }
}
