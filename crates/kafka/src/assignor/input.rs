//! What an assignor is told: topics with partitions and racks, members with subscriptions and what they own.
//!
//! Knows no wire format and no machine. Names are kept, since Kafka's results depend on their order and their hashes; all
//! else refers to topics and members by position.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Index;

use super::java_hash;

/// A topic, by its position in [`Topics`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TopicIndex(pub u32);

/// A rack. Assignors only ask whether two are the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Rack(pub u32);

impl Rack {
    /// The rack of a name: the same for the same name.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let hash = name
            .bytes()
            .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Self(hash)
    }
}

/// One partition of a topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Partition {
    /// The topic.
    pub topic: TopicIndex,
    /// The partition's number within it.
    pub number: u32,
}

impl Partition {
    /// Partition `number` of `topic`.
    #[must_use]
    pub const fn new(topic: TopicIndex, number: u32) -> Self {
        Self { topic, number }
    }
}

/// A topic id: compared as two signed numbers, as Java does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Uuid {
    /// The upper half.
    pub most: i64,
    /// The lower half.
    pub least: i64,
}

impl Uuid {
    /// An id for a topic whose own is not known: always the same for a name.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let half = |seed: u64| {
            let mixed = name
                .bytes()
                .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
            (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9).cast_signed()
        };
        Self { most: half(0xCBF2_9CE4_8422_2325), least: half(0x9E37_79B9_7F4A_7C15) }
    }

    /// Reads Kafka's text form: base64 for URLs, without padding.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits: u128 = 0;
        if text.len() != TEXT_LENGTH {
            return None;
        }
        for (place, letter) in text.bytes().enumerate() {
            let value = ALPHABET.iter().position(|&known| known == letter)?;
            let value = u128::try_from(value).ok()?;
            // The last of 22 letters has two bits left for the id.
            bits =
                if place == TEXT_LENGTH - 1 { bits << 2 | value >> 4 } else { bits << 6 | value };
        }
        let half = |shift: u32| u64::try_from(bits >> shift & u128::from(u64::MAX)).ok();
        Some(Self { most: half(64)?.cast_signed(), least: half(0)?.cast_signed() })
    }

    /// `Uuid.hashCode`.
    #[must_use]
    pub fn hash(self) -> u32 {
        let folded = (self.most ^ self.least).cast_unsigned();
        let low = u32::try_from(folded & u64::from(u32::MAX)).expect("masked to 32 bits");
        u32::try_from(folded >> 32).expect("the upper 32 bits") ^ low
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits =
            u128::from(self.most.cast_unsigned()) << 64 | u128::from(self.least.cast_unsigned());
        for place in 0..TEXT_LENGTH {
            let value = match 122u32.checked_sub(u32::try_from(place * 6).unwrap_or(u32::MAX)) {
                Some(shift) => bits >> shift & 0x3F,
                None => bits << 4 & 0x3F,
            };
            let letter = ALPHABET[usize::try_from(value).expect("six bits")];
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

const TEXT_LENGTH: usize = 22;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A topic as the cluster's metadata has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    /// Its name.
    pub name: Arc<str>,
    /// Its id. Only the server's assignors look at it.
    pub id: Uuid,
    /// How many partitions it has; none if it does not exist.
    pub partitions: u32,
    /// Per partition, the rack of each replica's broker. Empty, or shorter than the partitions, where racks are not known.
    pub racks: Vec<Vec<Option<Rack>>>,
}

impl Topic {
    /// A topic without racks, whose id comes from its name.
    #[must_use]
    pub fn new(name: &str, partitions: u32) -> Self {
        Self { name: name.into(), id: Uuid::of_name(name), partitions, racks: Vec::new() }
    }
}

/// Every topic that somebody speaks of, existing or not; each name once.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Topics {
    topics: Vec<Topic>,
    by_name: BTreeMap<Arc<str>, TopicIndex>,
}

impl Topics {
    /// No topics yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a topic, or replaces the one of that name.
    pub fn add(&mut self, topic: Topic) -> TopicIndex {
        if let Some(&known) = self.by_name.get(&topic.name) {
            self.topics[known.0 as usize] = topic;
            return known;
        }
        let index = TopicIndex(narrow(self.topics.len()));
        self.by_name.insert(topic.name.clone(), index);
        self.topics.push(topic);
        index
    }

    /// The topic of that name, added as one that does not exist if nobody spoke of it before.
    pub fn named(&mut self, name: &str) -> TopicIndex {
        self.find(name).unwrap_or_else(|| self.add(Topic::new(name, 0)))
    }

    /// The topic of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<TopicIndex> {
        self.by_name.get(name).copied()
    }

    /// All topics with their positions, in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (TopicIndex, &Topic)> {
        self.topics.iter().enumerate().map(|(index, topic)| (TopicIndex(narrow(index)), topic))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Per topic, its rank by name as Java sorts strings.
    pub(super) fn ranks(&self) -> Vec<u32> {
        ranks(self.topics.iter().map(|topic| &*topic.name))
    }
}

impl Index<TopicIndex> for Topics {
    type Output = Topic;

    fn index(&self, index: TopicIndex) -> &Topic {
        &self.topics[index.0 as usize]
    }
}

/// A member of the group. Each field is what the assignor sees, whatever field of the wire it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The member id. No two members have the same.
    pub id: Arc<str>,
    /// `group.instance.id` of a static member.
    pub instance: Option<Arc<str>>,
    /// `client.rack`.
    pub rack: Option<Rack>,
    /// The topics it subscribed to, each once, existing or not.
    pub subscription: Vec<TopicIndex>,
    /// What it owned, in its order. Range and round-robin of the clients ignore it.
    pub owned: Vec<Partition>,
    /// The generation that goes with `owned`.
    pub generation: Option<i32>,
    /// The generation in the subscription itself (KIP-792), which a sticky member may state apart from that of its user data.
    pub subscription_generation: Option<i32>,
}

impl Member {
    /// A member that owns nothing yet.
    #[must_use]
    pub fn new(id: &str, subscription: Vec<TopicIndex>) -> Self {
        Self {
            id: id.into(),
            instance: None,
            rack: None,
            subscription,
            owned: Vec::new(),
            generation: None,
            subscription_generation: None,
        }
    }

    /// The same member owning `owned` since `generation`.
    #[must_use]
    pub fn owning(mut self, owned: Vec<Partition>, generation: i32) -> Self {
        self.owned = owned;
        self.generation = Some(generation);
        self.subscription_generation = Some(generation);
        self
    }
}

/// A group to assign.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Input {
    /// The topics.
    pub topics: Topics,
    /// The members. For a client's assignor in the order of the join response; for a server's assignor in the order in which
    /// the coordinator's table of members gives them.
    pub members: Vec<Member>,
}

impl Input {
    /// The order in which a client's assignor meets the members: that of a `HashMap` filled from the join response.
    #[must_use]
    pub fn member_order(&self) -> Vec<u32> {
        java_hash::map_order(self.members.iter().map(|member| &*member.id))
    }

    /// The order in which a client's assignor meets the topics that are subscribed to and exist.
    #[must_use]
    pub fn topic_order(&self, member_order: &[u32]) -> Vec<TopicIndex> {
        let mut subscribed = java_hash::JavaSet::new();
        let mut hashes: Vec<Option<u32>> = alloc::vec![None; self.topics.len()];
        for &member in member_order {
            for &topic in &self.members[member as usize].subscription {
                if hashes[topic.0 as usize].is_none() {
                    let hash = java_hash::string_hash(&self.topics[topic].name);
                    hashes[topic.0 as usize] = Some(hash);
                    subscribed.insert(hash, topic);
                }
            }
        }
        let mut existing = java_hash::JavaSet::new();
        for topic in subscribed.iter().filter(|&topic| self.topics[topic].partitions > 0) {
            let hash = hashes[topic.0 as usize].expect("hashed when it was first seen");
            existing.insert(hash, topic);
        }
        existing.iter().collect()
    }

    /// Members as range and round-robin take them: static ones by instance id, then the others by member id.
    pub(super) fn sorted_members(&self, order: &[u32]) -> Vec<u32> {
        let mut sorted = order.to_vec();
        sorted.sort_by(|&left, &right| {
            let (left, right) = (&self.members[left as usize], &self.members[right as usize]);
            match (&left.instance, &right.instance) {
                (Some(left), Some(right)) => by_units(left, right),
                (Some(_), None) => core::cmp::Ordering::Less,
                (None, Some(_)) => core::cmp::Ordering::Greater,
                (None, None) => by_units(&left.id, &right.id),
            }
        });
        sorted
    }

    /// Per member, its rank by id as Java sorts strings.
    pub(super) fn member_ranks(&self) -> Vec<u32> {
        ranks(self.members.iter().map(|member| &*member.id))
    }
}

/// `String.compareTo`: by UTF-16 unit.
fn by_units(left: &str, right: &str) -> core::cmp::Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}

fn ranks<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u32> {
    let names: Vec<&str> = names.collect();
    let mut sorted: Vec<usize> = (0..names.len()).collect();
    sorted.sort_by(|&left, &right| by_units(names[left], names[right]));
    let mut ranks = alloc::vec![0; names.len()];
    for (rank, position) in sorted.into_iter().enumerate() {
        ranks[position] = narrow(rank);
    }
    ranks
}

/// A count that is known to be small.
pub(super) fn narrow(count: usize) -> u32 {
    u32::try_from(count).expect("fewer than 2^32 members, topics and partitions")
}
