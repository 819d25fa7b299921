//! The operator: creates topics while the cluster forms, later moves leaders and adds partitions when the plan says so.

use std::collections::VecDeque;

use stormglass_kafka::{Call, OpId};

/// What the operator has to do, one thing after another.
#[derive(Clone, Default, Debug)]
pub(crate) struct Operator {
    todo: VecDeque<Call>,
    running: Option<OpId>,
    next_op: u32,
}

impl Operator {
    pub(crate) fn ask(&mut self, call: Call) {
        self.todo.push_back(call);
    }

    /// The next call, if none is running.
    pub(crate) fn next(&mut self) -> Option<(OpId, Call)> {
        if self.running.is_some() {
            return None;
        }
        let call = self.todo.pop_front()?;
        self.next_op += 1;
        let op = OpId(self.next_op);
        self.running = Some(op);
        Some((op, call))
    }

    /// A call ended. Tells whether everything is done.
    pub(crate) fn returned(&mut self, op: OpId) -> bool {
        if self.running == Some(op) {
            self.running = None;
        }
        self.running.is_none() && self.todo.is_empty()
    }

    pub(crate) fn drop_all(&mut self) {
        self.todo.clear();
    }
}
