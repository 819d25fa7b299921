//! Flags, steps and files as text.
//!
//! Checks the form only; whether names are known is asked of the group.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use stormglass_kafka::assignor::{Assignor, Uuid};
use stormglass_kafka::config::suggest::closest;

use super::model::{Group, MemberSpec, Mistakes, Script, Step, TopicSpec};

/// `NAME:PARTITIONS`, or `NAME:PARTITIONS@RACK,RACK,…`: one replica per partition, on these racks in turn.
///
/// # Errors
///
/// What is wrong with the text.
pub fn parse_topic(text: &str) -> Result<TopicSpec, String> {
    let (name, rest) = named(text, "TOPIC:PARTITIONS", "orders:12")?;
    let (count, racks) =
        rest.split_once('@').map_or((rest, None), |(count, racks)| (count, Some(racks)));
    let partitions = number(count, text)?;
    let racks: Vec<&str> = racks.map(|racks| racks.split(',').collect()).unwrap_or_default();
    if racks.iter().any(|rack| rack.is_empty()) {
        return Err(format!("`{text}` names a rack without a name; write `orders:12@a,b,c`"));
    }
    let of = |rack: &&str| vec![Some((*rack).to_owned())];
    let racks = racks.iter().cycle().map(of).take(partitions.min(MOST_RACKED) as usize).collect();
    Ok(TopicSpec { name: name.to_owned(), partitions, racks, id: None })
}

/// `ID:TOPIC,TOPIC,…`, or `ID:TOPIC,TOPIC,…@RACK`.
///
/// # Errors
///
/// What is wrong with the text.
pub fn parse_member(text: &str) -> Result<MemberSpec, String> {
    let (id, rest) = named(text, "MEMBER:TOPIC,TOPIC…", "a:orders,payments")?;
    let (topics, rack) =
        rest.split_once('@').map_or((rest, None), |(topics, rack)| (topics, Some(rack)));
    if rack == Some("") {
        return Err(format!("`{text}` ends where a rack should follow; write `{id}:{topics}`"));
    }
    Ok(MemberSpec {
        id: id.to_owned(),
        topics: topics_of(topics, text)?,
        rack: rack.map(str::to_owned),
        ..MemberSpec::default()
    })
}

/// `ID:TOPIC-PARTITION,…`: what a member owned.
///
/// # Errors
///
/// What is wrong with the text.
pub fn parse_owned(text: &str) -> Result<(String, Vec<(String, u32)>), String> {
    let (id, rest) = named(text, "MEMBER:TOPIC-PARTITION,…", "a:orders-0,orders-1")?;
    let partition = |part: &str| {
        let (topic, partition) = part.rsplit_once('-').ok_or_else(|| {
            format!("`{part}` in `{text}` is no partition; write it as `orders-0`")
        })?;
        Ok((topic.to_owned(), number(partition, text)?))
    };
    let owned: Result<Vec<_>, String> = rest.split(',').map(partition).collect();
    Ok((id.to_owned(), owned?))
}

/// `join MEMBER`, `leave ID`, `subscribe ID:TOPIC,…` or `scale TOPIC:PARTITIONS`.
///
/// # Errors
///
/// What is wrong with the text.
pub fn parse_step(text: &str) -> Result<Step, String> {
    let text = text.trim();
    let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match verb {
        "join" => Ok(Step::Join(parse_member(rest)?)),
        "leave" if rest.is_empty() || rest.contains(char::is_whitespace) => {
            Err(format!("`{text}` should name one member; write `leave a`"))
        }
        "leave" => Ok(Step::Leave(rest.to_owned())),
        "subscribe" => {
            let (id, topics) = named(rest, "MEMBER:TOPIC,TOPIC…", "a:orders,payments")?;
            Ok(Step::Subscribe(id.to_owned(), topics_of(topics, rest)?))
        }
        "scale" => {
            let (topic, count) = named(rest, "TOPIC:PARTITIONS", "orders:24")?;
            Ok(Step::Scale(topic.to_owned(), number(count, rest)?))
        }
        _ => {
            let meant = closest(verb, &VERBS);
            let hint = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
            Err(format!("`{text}` is no step: steps are {}{hint}", VERBS.join(", ")))
        }
    }
}

/// Assignors by name; all of them if none is named.
///
/// # Errors
///
/// All names that are not known.
pub fn parse_assignors(names: &[String]) -> Result<Vec<Assignor>, Mistakes> {
    if names.is_empty() {
        return Ok(Assignor::ALL.to_vec());
    }
    let known = Assignor::ALL.map(Assignor::name);
    let mut mistakes = Mistakes::default();
    let mut assignors = Vec::new();
    for name in names {
        match Assignor::named(name) {
            Some(assignor) if assignors.contains(&assignor) => {}
            Some(assignor) => assignors.push(assignor),
            None => {
                let meant = closest(name, &known);
                let hint = meant.map(|meant| format!("; did you mean `{meant}`?"));
                let hint = hint.unwrap_or_else(|| format!("; there are {}", known.join(", ")));
                mistakes.0.push(format!("unknown assignor `{name}`{hint}"));
            }
        }
    }
    mistakes.into_result()?;
    Ok(assignors)
}

fn named<'a>(text: &'a str, form: &str, example: &str) -> Result<(&'a str, &'a str), String> {
    match text.split_once(':') {
        Some((name, rest)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
            Ok((name, rest))
        }
        Some(_) | None => Err(format!("`{text}` is not {form}; write it as `{example}`")),
    }
}

fn topics_of(text: &str, whole: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let topic = |name: &str| {
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("`{whole}` has a topic without a name, or with spaces around it"));
        }
        Ok(name.to_owned())
    };
    text.split(',').map(topic).collect()
}

fn number(text: &str, whole: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("`{text}` in `{whole}` is no number of partitions"))
}

impl Script {
    /// Reads a file: YAML, or JSON, which YAML contains.
    ///
    /// # Errors
    ///
    /// All mistakes in the names, or the first in the form.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| {
            // The library's advice is for programmers.
            let said =
                error.to_string().replace(", set DuplicateKeyPolicy in Options if acceptable", "");
            Mistakes::from(said.strip_prefix("error: ").unwrap_or(&said).to_owned())
        })?;
        let topics = file.topics.0.into_iter();
        let members = file.members.0.into_iter();
        let mut mistakes = Mistakes::default();
        let steps = file.steps.iter().map(|step| parse_step(step));
        let steps =
            steps.filter_map(|step| step.map_err(|why| mistakes.0.push(why)).ok()).collect();
        let group = Group {
            topics: topics.map(|(name, topic)| TopicSpec { name, ..topic.0 }).collect(),
            members: members.map(|(id, member)| MemberSpec { id, ..member.0 }).collect(),
        };
        if let Err(more) = group.check() {
            mistakes.0.extend(more.0);
        }
        mistakes.into_result()?;
        Ok(Self { group, steps })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    topics: Ordered<TopicEntry>,
    #[serde(default)]
    members: Ordered<MemberEntry>,
    #[serde(default)]
    steps: Vec<String>,
}

/// A map in the order of the file, which matters to some assignors.
struct Ordered<T>(Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names with what belongs to each, such as `orders: 12` for a topic, or `a: [orders]` for a member")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }

        from.deserialize_any(Entries(PhantomData))
    }
}

/// A number of partitions, or all about a topic.
struct TopicEntry(TopicSpec);

impl<'de> Deserialize<'de> for TopicEntry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            partitions: u32,
            #[serde(default)]
            racks: Vec<Vec<Option<String>>>,
            id: Option<String>,
        }

        struct Entry;

        impl<'de> Visitor<'de> for Entry {
            type Value = TopicEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of partitions, or `partitions` with `racks` or `id`")
            }

            fn visit_u64<E: Error>(self, partitions: u64) -> Result<Self::Value, E> {
                let partitions = u32::try_from(partitions)
                    .map_err(|_| E::custom(format!("{partitions} partitions are too many")))?;
                let racks = Vec::new();
                Ok(TopicEntry(TopicSpec { name: String::new(), partitions, racks, id: None }))
            }

            fn visit_i64<E: Error>(self, partitions: i64) -> Result<Self::Value, E> {
                let partitions = u64::try_from(partitions)
                    .map_err(|_| E::custom("a topic cannot have less than no partitions"))?;
                self.visit_u64(partitions)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
                let read = |text: String| {
                    let wrong = || format!("`{text}` is no topic id; write it as Kafka prints it");
                    Uuid::parse(&text).ok_or_else(|| A::Error::custom(wrong()))
                };
                let (name, id) = (String::new(), fields.id.map(read).transpose()?);
                let (partitions, racks) = (fields.partitions, fields.racks);
                Ok(TopicEntry(TopicSpec { name, partitions, racks, id }))
            }
        }

        from.deserialize_any(Entry)
    }
}

/// A list of topics, or all about a member.
struct MemberEntry(MemberSpec);

impl<'de> Deserialize<'de> for MemberEntry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            topics: Vec<String>,
            rack: Option<String>,
            instance: Option<String>,
            #[serde(default)]
            owned: Ordered<Vec<u32>>,
            generation: Option<i32>,
        }

        struct Entry;

        impl<'de> Visitor<'de> for Entry {
            type Value = MemberEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of topics, or `topics` with `rack`, `instance`, `owned` or `generation`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                let topics = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(MemberEntry(MemberSpec { topics, ..MemberSpec::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
                let owned = fields.owned.0.into_iter().flat_map(|(topic, partitions)| {
                    partitions.into_iter().map(move |partition| (topic.clone(), partition))
                });
                Ok(MemberEntry(MemberSpec {
                    id: String::new(),
                    topics: fields.topics,
                    rack: fields.rack,
                    instance: fields.instance,
                    owned: owned.collect(),
                    generation: fields.generation,
                }))
            }
        }

        from.deserialize_any(Entry)
    }
}

const VERBS: [&str; 4] = ["join", "leave", "subscribe", "scale"];
/// Racks are kept per partition; more partitions than this are a mistake that is told later.
const MOST_RACKED: u32 = 1_000_000;
