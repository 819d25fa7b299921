//! One seed, from a plan to a world at its end: the cluster forms, madsim's runtime begins, the code runs, the world ends.
//!
//! Judges nothing.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use madsim::Config;
use madsim::plugin::Simulator;
use madsim::rand::GlobalRng;
use madsim::runtime::{Handle, Runtime};
use madsim::task::NodeId as TaskNode;
use madsim::time::TimeHandle;
use stormglass_sim::plan::{ApplicationPlan, Plan, ProcessedBy};
use stormglass_sim::{End, Phase, World};
use stormglass_types::{Span, Time};

use crate::stage::{Stage, TEST_PROCESS};
use crate::storm::Storm;

/// A run at its end.
pub struct Ended {
    /// The world.
    pub world: World,
    /// How it ended.
    pub end: End,
    /// What the code wrote.
    pub log: Vec<(Time, String)>,
}

/// Whether a run keeps a record of its every event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Only the history.
    History,
    /// Every event.
    Trace,
}

/// How long the body of a test may go on after the world has ended.
const AFTERMATH: Duration = Duration::from_secs(3_600);

/// Runs the code in the world of a plan. The thread must be fresh: madsim seeds a thread's hash maps only once.
///
/// # Panics
/// If the code does, a process of the plan has no code, or the body does not come to its end.
pub fn run<F>(mut plan: Plan, keep: Keep, body: impl FnOnce(Storm) -> F) -> Ended
where
    F: Future<Output = ()>,
{
    if plan.applications.iter().all(|application| application.name != TEST_PROCESS) {
        plan.applications.push(ApplicationPlan {
            name: TEST_PROCESS.to_owned(),
            starts_after: Span::ZERO,
            processed: ProcessedBy::Client,
        });
    }
    let seed = plan.seed;
    let mut world = World::new(&plan);
    if keep == Keep::Trace {
        world.record_trace();
    }
    while world.phase() == Phase::Forming {
        world.step();
    }
    let runtime = Runtime::with_seed_and_config(seed, Config::default());
    runtime.add_simulator::<Hook>();
    let (end, (world, log)) = runtime.block_on(async move {
        let stage = Stage::set(world);
        let driver = Arc::clone(&stage);
        let main = Handle::current().get_node(madsim::plugin::node());
        main.expect("the main node is always there").spawn(async move { driver.drive().await });
        let mut body = pin!(body(Storm::new(Arc::clone(&stage), seed)));
        let mut over = pin!(stage.over());
        let mut done = false;
        let end = std::future::poll_fn(|context| {
            if !done && body.as_mut().poll(context).is_ready() {
                done = true;
                let uncast = stage.uncast();
                assert!(
                    uncast.is_empty(),
                    "nobody gave {} code; see `Storm::app`",
                    uncast.join(", ")
                );
            }
            over.as_mut().poll(context)
        })
        .await;
        if !done {
            // What the body still has to say about the end. Were it cut off in silence, a test would pass whatever it
            // was to say.
            let ended = madsim::time::timeout(AFTERMATH, body).await;
            assert!(
                ended.is_ok(),
                "the body of the test was still waiting an hour after the run had ended; code that goes on for ever belongs \
                 into `Storm::app`"
            );
        }
        // Before the runtime drops its tasks, and they their clients.
        (end, stage.remains())
    });
    drop(runtime);
    Stage::strike();
    Ended { world, end, log }
}

/// Tells the stage when madsim kills a node.
struct Hook;

impl Simulator for Hook {
    fn new(_rand: &GlobalRng, _time: &TimeHandle, _config: &Config) -> Self {
        Self
    }

    fn reset_node(&self, id: TaskNode) {
        Stage::on_node_reset(id);
    }
}
