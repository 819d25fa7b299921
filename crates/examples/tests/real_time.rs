//! Real tokio lives in the same program: its sockets and timers outside a run, virtual hours inside one.
#![cfg(madsim)]

use std::time::{Duration, Instant};

use stormglass::run::{Keep, run};
use stormglass_runner::scenario::Scenario;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const IDLE: &str = "
run: { for: 2h, settle: 10s }
topics: { things: { partitions: 1 } }
producers: { sensor: { to: things, rate: 1/s } }
applications: { idle: { group: readers, subscribe: [things] } }
expect: { hold: [no-loss] }
";

/// Sends a word through a real socket to a task that sends it back, and lets real time pass.
fn real_echo(word: &'static [u8]) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let began = Instant::now();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut heard = vec![0; word.len()];
            stream.read_exact(&mut heard).await.expect("a word");
            stream.write_all(&heard).await.expect("an answer");
        });
        let mut stream = TcpStream::connect(address).await.expect("a listener");
        stream.write_all(word).await.expect("sent");
        let mut back = vec![0; word.len()];
        stream.read_exact(&mut back).await.expect("an answer");
        assert_eq!(back, word);
        server.await.expect("the server ends");
        tokio::time::sleep(Duration::from_millis(30)).await;
        began.elapsed()
    })
}

#[test]
fn real_sockets_work_before_and_after_a_run_of_virtual_hours() {
    let real = real_echo(b"before");
    assert!(real >= Duration::from_millis(30) && real < Duration::from_secs(60), "{real:?}");
    let scenario = Scenario::parse("idle.yaml", IDLE).expect("a scenario");
    let began = Instant::now();
    let stormy = std::thread::spawn(move || {
        run(scenario.plan(1), Keep::History, |storm| async move {
            storm.app("idle", || async {});
            let inside = Instant::now();
            madsim::time::sleep(Duration::from_secs(3_600)).await;
            assert!(inside.elapsed() >= Duration::from_secs(3_600), "an hour of the storm's");
        });
    });
    stormy.join().expect("the run comes to its end");
    assert!(began.elapsed() < Duration::from_secs(1_800), "real time does not wait for it");
    real_echo(b"after");
}
