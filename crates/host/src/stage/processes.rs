//! The processes of the scenario that run people's own code, and the nodes that madsim has for them.

use std::time::Duration;

use madsim::task::NodeId as TaskNode;
use stormglass_sim::plan::{ApplicationPlan, ProcessedBy};
use stormglass_types::NodeId;

use crate::stage::{Action, BY_WORLD, Inner, ON, Stage};

/// A process of the code's.
pub(super) struct Process {
    pub(super) node: NodeId,
    pub(super) name: String,
    pub(super) processed: ProcessedBy,
    /// Madsim's node, once there is code for it.
    pub(super) task_node: Option<TaskNode>,
    pub(super) running: bool,
    pub(super) life: u32,
}

impl Process {
    /// A process that has no code yet and does not run.
    pub(super) fn new(node: NodeId, plan: &ApplicationPlan) -> Self {
        let (name, processed) = (plan.name.clone(), plan.processed);
        Self { node, name, processed, task_node: None, running: false, life: 0 }
    }
}

/// How long a process that was asked to stop may take, as Kubernetes has it.
const GRACE: Duration = Duration::from_secs(30);

impl Stage {
    /// A process that does not stop although it was asked to is killed in the end.
    pub(super) fn kill_after_grace(&self, node: TaskNode, process: NodeId, life: u32) {
        let main = self.handle.get_node(madsim::plugin::node());
        let Some(main) = main else { return };
        let handle = self.handle.clone();
        main.spawn(async move {
            madsim::time::sleep(GRACE).await;
            let Some(stage) = ON.with_borrow(Clone::clone) else { return };
            let still = stage.with(|inner, _| {
                let known = inner.processes.iter().find(|known| known.node == process);
                known.is_some_and(|known| known.running && known.life == life)
            });
            if still {
                handle.kill(node);
            }
        });
    }

    /// Madsim has killed a node: if not because the world said so, the world learns it now.
    pub(crate) fn on_node_reset(node: TaskNode) {
        if BY_WORLD.with_borrow(|by| *by == Some(node)) {
            return;
        }
        let Some(stage) = ON.with_borrow(Clone::clone) else { return };
        stage.with(|inner, now| {
            let known = inner.processes.iter_mut().find(|known| known.task_node == Some(node));
            if inner.over.is_some() {
                return;
            }
            if let Some(process) = known.filter(|known| known.running) {
                process.running = false;
                let process = process.node;
                inner.world.killed(now, process);
            }
        });
    }

    /// Gives a process its code's node; the code begins to run when the process does.
    pub(crate) fn cast(&self, process: NodeId, node: TaskNode) {
        self.with(|inner, _| {
            let known = inner.processes.iter_mut().find(|known| known.node == process);
            let Some(known) = known else { return };
            known.task_node = Some(node);
            if known.running {
                inner.actions.push(Action::Start(node));
            }
        });
    }

    /// The processes of an application that have no code yet.
    pub(crate) fn instances(&self, application: &str) -> Vec<(NodeId, String)> {
        let inner = self.lock();
        let of = |name: &str| name.rsplit_once('-').is_some_and(|(of, _)| of == application);
        let found = inner.processes.iter().filter(|it| it.task_node.is_none() && of(&it.name));
        found.map(|it| (it.node, it.name.clone())).collect()
    }

    /// The names of processes that have no code.
    pub(crate) fn uncast(&self) -> Vec<String> {
        let inner = self.lock();
        let without = inner.processes.iter().filter(|it| it.task_node.is_none());
        without.map(|it| it.name.clone()).filter(|name| name != TEST_PROCESS).collect()
    }

    /// Whether the code of a process is to run now. Madsim starts a node's code when the node is made, too.
    pub(crate) fn may_run(&self, process: NodeId) -> bool {
        self.with(|inner, now| {
            let known = inner.processes.iter_mut().find(|known| known.node == process);
            let Some(known) = known.filter(|known| known.task_node.is_some()) else { return false };
            if !known.running && inner.over.is_none() {
                // Whoever killed the node has started it again.
                known.running = true;
                inner.world.restarted(now, process);
            }
            true
        })
    }

    /// The code of a process has come to its end.
    pub(crate) fn finished(&self, process: NodeId) {
        self.with(|inner, now| {
            if let Some(known) = inner.processes.iter_mut().find(|known| known.node == process) {
                known.running = false;
            }
            if inner.over.is_none() {
                inner.world.finished(now, process);
            }
        });
    }
}

/// The process of clients that are opened outside any application: in the body of the test.
pub(crate) const TEST_PROCESS: &str = "test-1";

impl Inner {
    pub(super) fn set_running(&mut self, process: NodeId, running: bool) -> Option<TaskNode> {
        let known = self.processes.iter_mut().find(|known| known.node == process)?;
        let changed = known.running != running;
        known.running = running;
        known.life += u32::from(changed && running);
        known.task_node.filter(|_| changed)
    }

    pub(super) fn task_node(&self, process: NodeId) -> Option<TaskNode> {
        self.processes.iter().find(|known| known.node == process)?.task_node
    }

    pub(super) fn process_of(&self, node: TaskNode) -> Option<NodeId> {
        let known = self.processes.iter().find(|known| known.task_node == Some(node));
        let test = || self.processes.iter().find(|known| known.name == TEST_PROCESS);
        known.or_else(test).map(|known| known.node)
    }

    pub(crate) fn processed_by(&self, process: NodeId) -> ProcessedBy {
        let known = self.processes.iter().find(|known| known.node == process);
        known.map_or(ProcessedBy::Client, |known| known.processed)
    }
}
