//! Threads that take tasks by number, and one listener that hears their results in the order of numbers.
//!
//! Own threads instead of a work-stealing pool: tasks must start in order, and nobody may run far ahead of the listener.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};
use std::time::Instant;

/// What to work off.
pub(crate) struct Pool {
    /// How many threads.
    pub(crate) jobs: usize,
    /// How many tasks, numbered from zero.
    pub(crate) tasks: u64,
    /// No task begins after this.
    pub(crate) deadline: Option<Instant>,
}

/// How far a thread may be ahead of the oldest result that is still missing. Bounds what waits to be heard.
const AHEAD: u64 = 256;

struct Gate {
    heard: Mutex<u64>,
    moved: Condvar,
    stop: AtomicBool,
    next: AtomicU64,
}

impl Pool {
    /// Works tasks off until they are done, the deadline is over, or the listener breaks off.
    pub(crate) fn run<T: Send>(
        &self,
        work: &(dyn Fn(u64) -> T + Sync),
        hear: &mut dyn FnMut(T) -> ControlFlow<()>,
    ) {
        let gate = Gate {
            heard: Mutex::new(0),
            moved: Condvar::new(),
            stop: AtomicBool::new(false),
            next: AtomicU64::new(0),
        };
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..self.jobs {
                let (sender, gate) = (sender.clone(), &gate);
                scope.spawn(move || {
                    while let Some(task) = self.take(gate) {
                        // The listener is gone only after it told everyone to stop.
                        if sender.send((task, work(task))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let mut early = BTreeMap::new();
            let mut expected = 0;
            for (task, result) in receiver {
                early.insert(task, result);
                while let Some(result) = early.remove(&expected) {
                    expected += 1;
                    if hear(result).is_break() {
                        gate.stop();
                        return;
                    }
                }
                gate.advance(expected);
            }
        });
    }

    fn take(&self, gate: &Gate) -> Option<u64> {
        let late = || self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if gate.stop.load(Ordering::Relaxed) || late() {
            return None;
        }
        let task = gate.next.fetch_add(1, Ordering::Relaxed);
        (task < self.tasks && gate.pass(task)).then_some(task)
    }
}

impl Gate {
    /// Waits until a task is near enough to what was heard; false if nobody listens any more.
    fn pass(&self, task: u64) -> bool {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        while task >= heard.saturating_add(AHEAD) && !self.stop.load(Ordering::Relaxed) {
            heard = self.moved.wait(heard).unwrap_or_else(PoisonError::into_inner);
        }
        !self.stop.load(Ordering::Relaxed)
    }

    fn advance(&self, to: u64) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = to;
        self.moved.notify_all();
    }

    fn stop(&self) {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop.store(true, Ordering::Relaxed);
        drop(heard);
        self.moved.notify_all();
    }
}
