//! What consumers and their groups did: processing, commits, positions, lag.

use stormglass_check::AnomalyKind;
use stormglass_types::history::{Outcome, What};
use stormglass_types::{Dense, GroupId, Offset, Span, Time, TopicPartition, Value, ValueRange};

use super::{Beat, MOST_ALIKE, Part, Teller};
use crate::words;

impl Teller<'_> {
    /// Records of the story, or others at its offsets, were processed.
    pub(super) fn on_processed(
        &mut self,
        at: Time,
        who: String,
        text: String,
        partition: TopicPartition,
        values: ValueRange,
    ) {
        let found = self.ours(partition, values);
        let again = found.iter().any(|value| self.processed.contains(&(partition, *value)));
        let order = self.focus.kind == Some(AnomalyKind::KeyReordered);
        let place = |it: (TopicPartition, Value)| self.sent.iter().position(|own| *own == it);
        let later = found.iter().find_map(|value| {
            let own = place((partition, *value))?;
            let mut done = self.processed.iter();
            done.find(|it| place(**it).is_some_and(|other| other > own)).copied()
        });
        self.processed.extend(found.into_iter().map(|value| (partition, value)));
        let (text, part) = match later {
            Some((other, value)) if order => {
                let (value, other) = (self.names.value(value), self.names.partition(other));
                (format!("{text}, after {value} of {other}, which was sent later"), Part::Fact)
            }
            Some(_) | None if again => (format!("{text}, again"), Part::Fact),
            Some(_) | None => (text, Part::Work),
        };
        self.add(at, who, None, text, part);
    }

    /// A commit begins or ends.
    pub(super) fn on_commit(
        &mut self,
        at: Time,
        who: String,
        text: String,
        what: &What,
        offset: Offset,
    ) {
        let appended = self.appended.iter().map(|(.., at)| at);
        let past = self.offsets.iter().chain(appended).min().copied();
        let witness = self.witness;
        let told = self.now(at);
        let What::CommitDone { outcome, .. } = what else {
            let first = !self.beats.iter().any(|beat| beat.who == who && beat.what == text);
            let wanted = told && first && past.is_some_and(|at| offset > at);
            let before = self
                .beats
                .iter()
                .any(|beat| beat.who == who && beat.what.starts_with("commits offset"));
            if witness || (wanted && !before) {
                self.add(at, who, None, text, Part::Work);
            }
            return;
        };
        let text = format!("learns that its {text}");
        if *outcome != Outcome::Ok {
            let refused = |beat: &&Beat| beat.who == who && beat.what.contains("its commit");
            if witness || (told && self.beats.iter().filter(refused).count() < MOST_ALIKE) {
                self.add(at, who, None, text, Part::Work);
            }
            return;
        }
        let back = self.committed.filter(|before| *before > offset);
        let rewind = self.focus.kind == Some(AnomalyKind::Rewind);
        let first = !self.beats.iter().any(|beat| {
            beat.who == who && beat.part == Part::Claim && beat.what.contains("its commit of")
        });
        if witness || (told && first && past.is_some_and(|at| offset > at)) {
            let (text, part) = match back {
                Some(before) if rewind => {
                    (format!("{text}, although offset {before} was committed before"), Part::Fact)
                }
                Some(_) | None => (text, Part::Claim),
            };
            self.committed = Some(offset);
            self.add(at, who, None, text, part);
        }
    }

    /// Who else holds a partition that somebody is given.
    pub(super) fn beside(&mut self, what: &What, who: &str) -> Option<String> {
        let (What::Assigned { partition, .. }
        | What::Revoked { partition, .. }
        | What::Lost { partition, .. }) = what
        else {
            return None;
        };
        if !self.here(*partition) {
            return None;
        }
        self.holders.retain(|holder| holder != who);
        if !matches!(what, What::Assigned { .. }) {
            return None;
        }
        let others = self.holders.join(", ");
        self.holders.push(who.to_owned());
        let wrong = self.focus.kind == Some(AnomalyKind::DoubleOwner) && !others.is_empty();
        wrong.then(|| format!(", which {others} still holds"))
    }

    /// Whether a new owner begins beyond what nobody has processed.
    pub(super) fn beyond(&self, what: &What) -> (Part, String) {
        let skips =
            matches!(self.focus.kind, Some(AnomalyKind::CommittedTooFar | AnomalyKind::Unseen));
        let missed = self.first_appended().or_else(|| self.offsets.iter().min().copied());
        match (what, missed) {
            (What::Positioned { partition, offset, .. }, Some(missed))
                if skips && self.here(*partition) && *offset > missed =>
            {
                (Part::Fact, format!(", beyond offset {missed}, which nobody has processed"))
            }
            _ => (Part::Work, String::new()),
        }
    }

    /// How long the records of a poll take.
    pub(super) fn work(&self, group: GroupId, count: u32) -> String {
        let plan = self.world.plan().groups.get(group.index());
        let each = plan.map_or(Span::ZERO, |plan| plan.processing.each.least);
        let all = Span(each.0.saturating_mul(u64::from(count)));
        if count < 2 || all < Span::secs(1) {
            return String::new();
        }
        let (each, all) = (words::short_span(each), words::short_span(all));
        format!(": {} records, {each} each, are {all} of work", words::count(count.into()))
    }

    /// The lag as it grows: each time that it has grown by a quarter of what it comes to.
    pub(super) fn on_lag(&mut self, at: Time, text: String, lag: u64) {
        let Some(worst) = self.focus.lag else { return };
        let step = (worst / 4).max(1);
        if self.witness {
            self.add(at, MONITOR.to_owned(), None, format!("sees: {text}"), Part::Fact);
            self.lagged = worst;
        } else if lag >= self.lagged + step && lag + step / 2 < worst {
            self.lagged = lag;
            self.add(at, MONITOR.to_owned(), None, format!("sees: {text}"), Part::Work);
        }
    }
}

/// Who measures lag.
const MONITOR: &str = "the monitor";
