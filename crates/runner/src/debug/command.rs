//! What can be asked of a run that stands still.

use std::str::FromStr;

use stormglass_kafka::Mark;
use stormglass_kafka::config::suggest::closest;
use stormglass_types::Time;

/// A command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Take so many events.
    Step(u64),
    /// Go back by so many events.
    Back(u64),
    /// Go on until something.
    Go(Stop),
    /// Tell everything about a partition as it happens; nothing if none.
    Follow(Option<String>),
    /// Show the processes.
    Processes,
    /// Show the topics, or one.
    Topics(Option<String>),
    /// Show the groups, or one.
    Groups(Option<String>),
    /// Show the log of a partition, at its leader or another broker.
    Log {
        /// Which partition's.
        partition: String,
        /// At which broker.
        broker: Option<String>,
        /// Whether all of it, not only its end.
        all: bool,
    },
    /// Show what a partition's leader knows of its producers.
    Producers(String),
    /// Show everything.
    State,
    /// Tell what there is to ask.
    Help,
    /// Enough.
    Quit,
}

/// Where to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// After everything up to and with this instant.
    At(Time),
    /// Where this rare branch is taken for the first time.
    Mark(Mark),
    /// At the end.
    End,
}

/// The commands.
pub(super) const HELP: &str = "\
step [N]              take one event, or N; an empty line does the same
back [N]              go back by one event, or N
until 42.317s         go on to an instant
mark IsrShrunk        go on until a rare branch is taken
end                   go on to the end
follow orders-3       tell what happens to a partition on the way; `follow off` ends it
processes             who runs
topics [orders]       leaders, replicas, in-sync replicas, epochs, log ends and high watermarks
groups [billing]      generation, owners, committed offsets and lag
log orders-3 [broker-2] [all]   the last batches with epochs and sequences, at the leader or another broker
producers orders-3    what the leader remembers of its producers
state                 everything
quit
";

/// Words that begin a command.
const WORDS: [&str; 13] = [
    "step",
    "back",
    "until",
    "mark",
    "end",
    "follow",
    "processes",
    "topics",
    "groups",
    "log",
    "producers",
    "state",
    "quit",
];

impl FromStr for Command {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |text: &str| {
            let number = text.replace('_', "").parse::<u64>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("`{text}` is no number of events"))
        };
        let owned = |text: &&str| (*text).to_owned();
        Ok(match words.as_slice() {
            [] | ["step" | "s"] => Self::Step(1),
            ["step" | "s", events] => Self::Step(number(events)?),
            ["back" | "b"] => Self::Back(1),
            ["back" | "b", events] => Self::Back(number(events)?),
            ["until" | "u", time] => Self::Go(Stop::At(clock(time)?)),
            ["mark" | "m", name] => Self::Go(Stop::Mark(mark(name)?)),
            ["end"] => Self::Go(Stop::End),
            ["follow" | "f", "off"] => Self::Follow(None),
            ["follow" | "f", name] => Self::Follow(Some(owned(name))),
            ["processes" | "p"] => Self::Processes,
            ["topics" | "t"] => Self::Topics(None),
            ["topics" | "t", name] => Self::Topics(Some(owned(name))),
            ["groups" | "g"] => Self::Groups(None),
            ["groups" | "g", name] => Self::Groups(Some(owned(name))),
            ["log" | "l", partition, rest @ ..] if rest.len() <= 2 => {
                let all = rest.last() == Some(&"all");
                let broker = rest.first().filter(|word| **word != "all").map(owned);
                Self::Log { partition: owned(partition), broker, all }
            }
            ["producers", partition] => Self::Producers(owned(partition)),
            ["state"] => Self::State,
            ["help" | "h" | "?"] => Self::Help,
            ["quit" | "q" | "exit"] => Self::Quit,
            [word, ..] if WORDS.contains(word) => {
                return Err(format!(
                    "`{}` is not how `{word}` is used; `help` shows it",
                    text.trim()
                ));
            }
            [word, ..] => {
                let meant = closest(word, &WORDS);
                let meant = meant
                    .map_or("`help` lists all".to_owned(), |it| format!("did you mean `{it}`?"));
                return Err(format!("there is no command `{word}`; {meant}"));
            }
        })
    }
}

/// An instant as reports show it: `42.317s`, `1m02.5s`, `350ms`.
///
/// # Errors
/// If it is none.
pub fn clock(text: &str) -> Result<Time, String> {
    let bad =
        || format!("`{text}` is no instant; write it as reports do: `42.317s` or `1m02.500s`");
    let (minutes, rest) = match text.split_once('m') {
        Some((minutes, rest)) if !rest.starts_with('s') => {
            (minutes.parse::<u64>().map_err(|_| bad())?, rest)
        }
        Some(_) | None => (0, text),
    };
    let nanos = match (rest.strip_suffix("ms"), rest.strip_suffix('s')) {
        (Some(millis), _) => fixed(millis, 1_000_000),
        (None, Some(seconds)) => fixed(seconds, 1_000_000_000),
        (None, None) if rest.is_empty() && minutes > 0 => Some(0),
        (None, None) => None,
    };
    let whole = minutes.checked_mul(60_000_000_000);
    let sum = whole.and_then(|whole| whole.checked_add(nanos?));
    sum.map(Time).ok_or_else(bad)
}

/// A rare branch by its name.
///
/// # Errors
/// If there is none; tells what was meant.
pub(super) fn mark(name: &str) -> Result<Mark, String> {
    let found = Mark::ALL.iter().copied().find(|mark| mark.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let known: Vec<&str> = Mark::ALL.iter().map(|mark| mark.name()).collect();
        let meant =
            closest(name, &known).map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
        format!("there is no mark `{name}`{meant}")
    })
}

/// A decimal number of units.
fn fixed(text: &str, unit: u64) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 9 {
        return None;
    }
    let scale = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part = if part.is_empty() { 0 } else { part.parse::<u64>().ok()? };
    whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(part.checked_mul(unit)? / scale)
}
