//! What a test holds in its hands: the processes of the scenario to give code to, and the storm to wait for.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use stormglass_sim::End;

use crate::stage::Stage;

/// A run, from inside. A clone is the same run.
#[derive(Clone)]
pub struct Storm {
    stage: Arc<Stage>,
    seed: u64,
}

impl Storm {
    pub(crate) const fn new(stage: Arc<Stage>, seed: u64) -> Self {
        Self { stage, seed }
    }

    /// The seed of this run.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Gives the processes of an application of the scenario their code. It runs once per life of each process: a crash ends it
    /// wherever it is, a restart begins it anew.
    ///
    /// # Panics
    /// If the scenario has no such application, or its processes have code already.
    pub fn app<F>(&self, name: &str, code: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        let instances = self.stage.instances(name);
        assert!(
            !instances.is_empty(),
            "the scenario has no application `{name}` that still needs code; add it under `applications:`"
        );
        let code = Arc::new(code);
        for (process, instance) in instances {
            let code = Arc::clone(&code);
            let stage = Arc::clone(&self.stage);
            let node = madsim::runtime::Handle::current()
                .create_node()
                .name(instance)
                .init(move || {
                    let code = Arc::clone(&code);
                    let stage = Arc::clone(&stage);
                    async move {
                        if stage.may_run(process) {
                            code().await;
                            stage.finished(process);
                        }
                    }
                })
                .build();
            self.stage.cast(process, node.id());
        }
    }

    /// Waits until the run is over: faults have healed, and the pipeline has come to rest or its time is over.
    pub async fn over(&self) -> End {
        self.stage.over().await
    }

    /// How long the run has been going on.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.stage.elapsed()
    }

    /// Writes a line of the test's own log; two runs of a seed must write the same.
    pub fn log(&self, line: impl Into<String>) {
        self.stage.note(line.into());
    }
}
