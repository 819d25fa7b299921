//! Faults as they strike, and the rare branches that machines take because of them.

use stormglass_check::AnomalyKind;
use stormglass_kafka::Mark;
use stormglass_sim::plan::{FaultAction, MessageDirection, Trigger};
use stormglass_types::history::Role;
use stormglass_types::{NodeId, Time, Value};

use super::super::marks::{self, Whose};
use super::{MOST_ALIKE, Part, Teller};
use crate::words;

impl Teller<'_> {
    /// A machine took a rare branch.
    pub(in crate::explain) fn on_mark(&mut self, at: Time, node: NodeId, mark: Mark) {
        let Some((whose, says)) = marks::words(mark) else { return };
        let role = self.world.history().header.processes.get(node).map(|it| it.role);
        let sources = &self.world.history().sources;
        let source = |value: Value| sources.get(usize::from(value.source.0)).map(|it| it.process);
        let fits = match whose {
            Whose::Controller => role == Some(Role::Controller) && self.partition.is_some(),
            Whose::Leader => self.leads(node),
            Whose::Replica => matches!(role, Some(Role::Broker(_))) && self.concerns(node),
            Whose::Producer => {
                let sends = !self.sent.is_empty()
                    && self.focus.records.iter().any(|(_, value)| source(*value) == Some(node));
                sends || self.waits(node)
            }
            Whose::Transactions => {
                let waits = self.focus.processes.iter().any(|process| self.waits(*process));
                waits && matches!(role, Some(Role::Broker(_)))
            }
            Whose::Member => self.focus.group.is_some_and(|it| role == Some(Role::Consumer(it))),
            Whose::Coordinator => {
                self.focus.group.is_some() && matches!(role, Some(Role::Broker(_)))
            }
        };
        let told = self.marked.iter().filter(|told| **told == (node, mark)).count();
        let once = whose == Whose::Controller || mark == Mark::ProduceRetried;
        let most = if once { 1 } else { MOST_ALIKE };
        // What a process waits for may have begun long before it was noticed.
        let staged = at >= self.stage || whose == Whose::Transactions || self.waits(node);
        if fits && staged && !self.healed_for_good() && told < most {
            self.marked.push((node, mark));
            let who = self.names.process(node);
            self.witness = false;
            self.add(at, who, None, says.to_owned(), Part::Work);
            // A branch often tells why something did not happen, which nothing follows from.
            if let Some((place, _)) = self.places.last_mut() {
                *place = None;
            }
        }
    }

    /// Whether it is a producer that does not come to rest, which is what the story is about.
    pub(super) fn waits(&self, node: NodeId) -> bool {
        let process = self.world.history().header.processes.get(node);
        self.focus.kind == Some(AnomalyKind::Stalled)
            && self.focus.processes.contains(&node)
            && process.is_some_and(|it| it.role == Role::Producer)
    }

    /// What comes after the faults seldom matters, unless that is what the story is about.
    pub(super) fn healed_for_good(&self) -> bool {
        self.healed && self.focus.kind != Some(AnomalyKind::Stalled)
    }

    pub(super) fn fault(&mut self, at: Time, fault: u32, began: bool) {
        let place = usize::try_from(fault).unwrap_or(usize::MAX);
        let Some(planned) = self.world.plan().faults.get(place) else { return };
        let (what, lasting) = words::fault_words(&planned.action, &self.names);
        let restarts =
            matches!(planned.action, FaultAction::Kill { .. } | FaultAction::Restart { .. });
        if restarts && !began {
            // That the process starts says the same.
            return;
        }
        let what = match (&planned.action, message(&planned.when)) {
            (FaultAction::Flip { partition }, _) => {
                format!(
                    "an operator moves the leadership of {} here",
                    self.names.partition(*partition)
                )
            }
            (FaultAction::Lose, Some(which)) => {
                format!("its {which} is lost, its connection reset")
            }
            (FaultAction::Late { by }, Some(which)) => {
                format!("its {which} is held up by {}", words::short_span(*by))
            }
            (_, _) => what,
        };
        let mut stories = self.world.fault_stories().iter();
        let node = stories.find(|story| story.fault == fault).and_then(|story| story.node);
        let whom = node.map(|node| self.names.process(node));
        let lasting =
            lasting.map_or_else(String::new, |it| format!(" for {}", words::short_span(it)));
        let what = if began { format!("{what}{lasting}") } else { format!("{what} is over") };
        // What strikes nobody in particular struck a message.
        let asked = matches!(
            planned.action,
            FaultAction::Expand { .. }
                | FaultAction::Flip { .. }
                | FaultAction::Reassign { .. }
                | FaultAction::Seek { .. }
                | FaultAction::PauseReading { .. }
                | FaultAction::Throttle { .. }
        );
        let nobody = if asked { "operator" } else { "the network" };
        let who = whom.unwrap_or_else(|| nobody.to_owned());
        self.add(at, who, None, format!("fault: {what}"), Part::Fault);
    }
}

/// The message that a fault waits for.
fn message(when: &Trigger) -> Option<String> {
    let Trigger::On { pattern, .. } = when else { return None };
    let side = match pattern.direction {
        MessageDirection::Request => "request",
        MessageDirection::Response => "response",
    };
    Some(pattern.api.map_or_else(|| side.to_owned(), |api| format!("{} {side}", api.name())))
}
