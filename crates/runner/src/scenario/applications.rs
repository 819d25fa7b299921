//! The `applications` of a scenario: processes whose code is a test's own. What they are called, how many, which group they
//! are, and what their commits are meant to promise; everything else the code decides.

use stormglass_sim::plan::{
    ApplicationPlan, Commits, GroupPlan, ProcessedBy, Processing, SpanRange, Subscribing, TopicPlan,
};
use stormglass_types::Span;
use stormglass_types::history::CommitMode;

use super::fields::Fields;
use super::lower::{COMMITS, Lowering};
use super::schema;
use super::units;

/// Who says that a record is processed, in words.
pub(super) const MARKS: &[&str] = &["automatic", "explicit"];

impl Lowering<'_> {
    /// The processes, and the groups that their code is a member of.
    pub(super) fn applications(
        &mut self,
        file: &Fields<'_>,
        topics: &[TopicPlan],
        groups: &mut Vec<GroupPlan>,
    ) -> Vec<ApplicationPlan> {
        let mut applications = Vec::new();
        for (name, key, node) in file.named("applications", self.report) {
            self.take_name(name, key, "an application");
            let fields = Fields::of::<schema::Application>(node, key.place, self.report);
            let instances = self.small(&fields, "instances", 1_000).unwrap_or(1);
            let starts_after = fields.read("after", self.report, units::duration);
            let processed = match fields.text("processed", self.report) {
                None | Some("automatic") => ProcessedBy::Client,
                Some("explicit") => ProcessedBy::Code,
                Some(other) => {
                    let place = fields.place_of("processed");
                    self.report.unknown_word(place, "way to mark records", other, MARKS);
                    ProcessedBy::Client
                }
            };
            if let Some(group) = fields.text("group", self.report) {
                let known = groups.iter().any(|known| known.name == group);
                if known {
                    let place = fields.place_of("group");
                    self.report.name_taken(place, group, "a group");
                }
                let subscribed = self.subscription(&fields, group, topics);
                let commit = self.promise(&fields);
                groups.push(group_of_code(group, subscribed, commit));
            } else if fields.get("subscribe").is_some() {
                let place = fields.place_of("subscribe");
                let message = format!("`{name}` subscribes, but is in no group");
                self.report.conflict(place, message, "add `group:` with the code's `group.id`");
            }
            applications.extend((1..=instances).map(|instance| ApplicationPlan {
                name: format!("{name}-{instance}"),
                starts_after: starts_after.unwrap_or(Span::ZERO),
                processed,
            }));
        }
        applications
    }

    fn promise(&mut self, fields: &Fields<'_>) -> CommitMode {
        match fields.text("commit", self.report) {
            None | Some("after-processing") => CommitMode::AfterProcessing,
            Some("before-processing") => CommitMode::BeforeProcessing,
            Some("auto") => CommitMode::Automatic,
            Some(other) => {
                let place = fields.place_of("commit");
                self.report.unknown_word(place, "time to commit", other, COMMITS);
                CommitMode::AfterProcessing
            }
        }
    }
}

/// A group without members of the model's own.
fn group_of_code(
    name: &str,
    (subscribing, topics): (Subscribing, Vec<stormglass_types::TopicId>),
    commit: CommitMode,
) -> GroupPlan {
    let none = SpanRange { least: Span::ZERO, most: Span::ZERO };
    GroupPlan {
        name: name.to_owned(),
        topics,
        subscribing,
        members: Vec::new(),
        commit,
        commits: Commits::PLAIN,
        processing: Processing::plain(none),
        poll_timeout: Span::millis(100),
        seek_on_assign: None,
    }
}
