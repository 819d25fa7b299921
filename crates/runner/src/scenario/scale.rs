//! A group's `scale`: members that come later, go for good, or go and come back.

use stormglass_sim::plan::{Absence, Leaving};
use stormglass_types::Span;

use super::fields::Fields;
use super::lower::Lowering;
use super::schema;
use super::units;

/// How members can go, in words.
pub(super) const LEAVINGS: &[&str] = &["close", "kill"];

/// When a member starts, and when it is away.
pub(super) struct Tenure {
    pub(super) starts_after: Span,
    pub(super) absences: Vec<Absence>,
}

impl Lowering<'_> {
    /// The members of a group, with those that it gets later.
    pub(super) fn tenures(
        &mut self,
        fields: &Fields<'_>,
        first: impl Iterator<Item = Span>,
    ) -> Vec<Tenure> {
        let start = |starts_after| Tenure { starts_after, absences: Vec::new() };
        let mut tenures: Vec<Tenure> = first.map(start).collect();
        let mut members = tenures.len();
        let mut last = Span::ZERO;
        for node in fields.list("scale", self.report) {
            let step = Fields::of::<schema::Scale>(node, node.place, self.report);
            let at = step.read("at", self.report, units::duration);
            let to = step.number("to", (0, 1_000), self.report);
            for (key, missing) in [("at", at.is_none()), ("to", to.is_none())] {
                if missing && step.get(key).is_none() {
                    self.report.missing_key(node.place, "`scale`", key, "{ at: 60s, to: 8 }");
                }
            }
            let ways = [Leaving::Closes, Leaving::Dies];
            let leaving = self.choose(&step, "by", "way to go", LEAVINGS, &ways);
            let (Some(at), Some(to)) = (at, to) else { continue };
            let to = usize::try_from(to).expect("checked to fit");
            self.check_step(&step, (last, at), (members, to));
            last = at;
            if to < members {
                let absence = Absence { from: at, until: None, leaving };
                tenures[to..members].iter_mut().for_each(|it| it.absences.push(absence));
            } else {
                let back = tenures.iter_mut().take(to).skip(members);
                let back = back.filter_map(|it| it.absences.last_mut());
                back.for_each(|absence| absence.until = Some(at));
                tenures.extend((tenures.len()..to).map(|_| start(at)));
            }
            members = to;
        }
        tenures
    }

    /// Steps come in the order of time, within the storm, and each changes something.
    fn check_step(
        &mut self,
        step: &Fields<'_>,
        (last, at): (Span, Span),
        (members, to): (usize, usize),
    ) {
        if at < last {
            let message = "`scale` must be in the order of its times".to_owned();
            self.report.conflict(
                step.place_of("at"),
                message,
                "let each step be after the one above it",
            );
        }
        if to < members && at >= self.storm {
            let message = format!("this is at {at}, but the run's storm lasts {}", self.storm);
            let help = "let it be earlier, or make `run.for` longer";
            self.report.conflict(step.place_of("at"), message, help);
        }
        if to == members {
            let message = format!("the group has {members} members already");
            self.report.conflict(step.place_of("to"), message, "leave this step out");
        }
        if to > members && step.get("by").is_some() {
            let message = "`by` is about members that go, and none does".to_owned();
            self.report.conflict(step.place_of("by"), message, "leave it out");
        }
    }
}
