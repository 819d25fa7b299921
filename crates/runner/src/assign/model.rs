//! The group that is assigned and what happens to it.
//!
//! Knows no text: files and flags are read elsewhere. Every mistake is told, not only the first.

use std::fmt;

use stormglass_kafka::assignor::Uuid;
use stormglass_kafka::config::suggest::closest;

/// A topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions; none if it does not exist.
    pub partitions: u32,
    /// Per partition, the rack of each replica; empty if not known.
    pub racks: Vec<Vec<Option<String>>>,
    /// Its id; made from the name if not known.
    pub id: Option<Uuid>,
}

/// A member.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct MemberSpec {
    /// Its member id.
    pub id: String,
    /// What it subscribed to.
    pub topics: Vec<String>,
    /// `client.rack`.
    pub rack: Option<String>,
    /// `group.instance.id`.
    pub instance: Option<String>,
    /// What it owned before, in its order.
    pub owned: Vec<(String, u32)>,
    /// The generation in which it owned that.
    pub generation: Option<i32>,
}

/// Topics and members, the members in the order in which they joined.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Group {
    /// The topics.
    pub topics: Vec<TopicSpec>,
    /// The members.
    pub members: Vec<MemberSpec>,
}

/// Something that makes the group rebalance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// A member comes.
    Join(MemberSpec),
    /// A member goes.
    Leave(String),
    /// A topic gets more partitions.
    Scale(String, u32),
    /// A member wants other topics.
    Subscribe(String, Vec<String>),
}

/// A group and what happens to it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Script {
    /// The group at first.
    pub group: Group,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// What is wrong with a group, a step, a file or a flag: one line each.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Mistakes(pub Vec<String>);

impl Mistakes {
    /// Nothing, or these mistakes as an error.
    pub(super) fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    fn add(&mut self, mistake: String) {
        self.0.push(mistake);
    }
}

impl From<String> for Mistakes {
    fn from(mistake: String) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, mistake) in self.0.iter().enumerate() {
            let newline = if place > 0 { "\n" } else { "" };
            write!(f, "{newline}error: {mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl Group {
    /// Looks for everything that is wrong.
    ///
    /// # Errors
    ///
    /// All mistakes.
    pub fn check(&self) -> Result<(), Mistakes> {
        let mut mistakes = Mistakes::default();
        for (place, topic) in self.topics.iter().enumerate() {
            if self.topics[..place].iter().any(|other| other.name == topic.name) {
                mistakes.add(format!("topic `{}` stands twice", topic.name));
            }
            if topic.racks.len() > topic.partitions as usize {
                mistakes.add(format!(
                    "topic `{}` has racks for {} partitions but only {} of them",
                    topic.name,
                    topic.racks.len(),
                    topic.partitions
                ));
            }
        }
        let total: u64 = self.topics.iter().map(|topic| u64::from(topic.partitions)).sum();
        if total > MOST_PARTITIONS {
            mistakes.add(format!("{total} partitions are too many; {MOST_PARTITIONS} is the most"));
        }
        for (place, member) in self.members.iter().enumerate() {
            self.check_member(member, &self.members[..place], &mut mistakes);
        }
        mistakes.into_result()
    }

    fn check_member(&self, member: &MemberSpec, others: &[MemberSpec], mistakes: &mut Mistakes) {
        let id = &member.id;
        if others.iter().any(|other| other.id == *id) {
            mistakes.add(format!("member `{id}` stands twice"));
        }
        let instance_of = |other: &&MemberSpec| other.instance == member.instance;
        if let (Some(instance), Some(other)) = (&member.instance, others.iter().find(instance_of)) {
            mistakes.add(format!(
                "members `{}` and `{id}` have the instance id `{instance}`; one would be fenced",
                other.id
            ));
        }
        for (place, name) in member.topics.iter().enumerate() {
            if member.topics[..place].contains(name) {
                mistakes.add(format!("member `{id}` subscribes to `{name}` twice"));
            }
        }
        let owned = member.owned.iter().map(|(name, _)| name);
        for name in member.topics.iter().chain(owned) {
            if let Some(unknown) = self.unknown_topic(name) {
                let mistake = format!("member `{id}` names {unknown}");
                if !mistakes.0.contains(&mistake) {
                    mistakes.add(mistake);
                }
            }
        }
    }

    fn unknown_topic(&self, name: &str) -> Option<String> {
        let known = |topic: &TopicSpec| topic.name == name;
        if self.topics.iter().any(known) {
            return None;
        }
        let names: Vec<_> = self.topics.iter().map(|topic| topic.name.as_str()).collect();
        Some(match closest(name, &names) {
            Some(meant) => format!("topic `{name}`, which is not known; did you mean `{meant}`?"),
            None => {
                format!(
                    "topic `{name}`, which is not known; give it 0 partitions if it is not to exist"
                )
            }
        })
    }

    /// Lets a step happen.
    ///
    /// # Errors
    ///
    /// All that is wrong with the step; the group then stays as it was.
    pub fn apply(&mut self, step: &Step) -> Result<(), Mistakes> {
        let mut after = self.clone();
        match step {
            Step::Join(member) => after.members.push(member.clone()),
            Step::Leave(id) => {
                let place = self.place_of(id)?;
                after.members.remove(place);
            }
            Step::Subscribe(id, topics) => {
                let place = self.place_of(id)?;
                after.members[place].topics.clone_from(topics);
            }
            Step::Scale(name, partitions) => {
                if let Some(unknown) = self.unknown_topic(name) {
                    return Err(format!("cannot scale {unknown}").into());
                }
                for topic in after.topics.iter_mut().filter(|topic| topic.name == *name) {
                    if topic.partitions > *partitions {
                        return Err(format!(
                            "topic `{name}` has {} partitions already; Kafka cannot take partitions away",
                            topic.partitions
                        )
                        .into());
                    }
                    topic.partitions = *partitions;
                }
            }
        }
        after.check()?;
        *self = after;
        Ok(())
    }

    fn place_of(&self, id: &str) -> Result<usize, Mistakes> {
        let place = self.members.iter().position(|member| member.id == id);
        place.ok_or_else(|| {
            let ids: Vec<_> = self.members.iter().map(|member| member.id.as_str()).collect();
            let hint = closest(id, &ids).map(|meant| format!("; did you mean `{meant}`?"));
            format!("there is no member `{id}`{}", hint.unwrap_or_default()).into()
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join(member) => {
                write!(f, "join {}:{}", member.id, member.topics.join(","))?;
                match &member.rack {
                    Some(rack) => write!(f, "@{rack}"),
                    None => Ok(()),
                }
            }
            Self::Leave(id) => write!(f, "leave {id}"),
            Self::Scale(topic, partitions) => write!(f, "scale {topic}:{partitions}"),
            Self::Subscribe(id, topics) => write!(f, "subscribe {id}:{}", topics.join(",")),
        }
    }
}

const MOST_PARTITIONS: u64 = 1_000_000;
