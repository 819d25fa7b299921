//! Kafka's configuration as scenarios carry it: inline, or in a properties file beside the scenario.

use std::path::PathBuf;
use std::sync::Arc;

use stormglass_kafka::config::{
    Client, Entry, Parsed, Role, find, in_java, in_librdkafka, is_false_friend,
};

use super::diagnostic::{Place, Report};
use super::fields::{Fields, entries};
use super::node::{MOST_BYTES, Value};

/// The lines of a configuration with their places.
#[derive(Default)]
pub(super) struct Lines {
    lines: Vec<(String, String, Place)>,
}

/// What stands for a member's name in the settings of its group.
const MEMBER: &str = "${member}";

/// Where files that a scenario names are looked for.
#[derive(Clone, Debug)]
pub(super) enum Folder {
    /// Beside the scenario.
    At(PathBuf),
    /// Nowhere: the scenario is a text without a file.
    Nowhere,
    /// In memory, by the names that the scenario uses: a scenario that was saved with all it needs.
    Given(Vec<(String, Arc<str>)>),
}

impl Lines {
    /// What `properties` and `config` of a section say; a key may stand in one of them only.
    pub(super) fn of(fields: &Fields<'_>, folder: &Folder, report: &mut Report) -> Self {
        let mut lines = Self::default();
        if let Some(path) = fields.text("properties", report)
            && let Some((source, text)) = read(fields.place_of("properties"), path, folder, report)
        {
            lines.lines = properties(&text, source);
        }
        if let Some((key, node)) = fields.entry("config") {
            let place = if node.place.from < node.place.to { node.place } else { key.place };
            if !matches!(node.value, Value::Map(_) | Value::Null) {
                report.wrong_shape(place, "config", node.shape(), "a mapping of Kafka's settings");
            }
            for (name, key, value) in entries_of_map(node, report) {
                let text = match &value.value {
                    Value::Null => String::new(),
                    Value::Text(text) => text.clone(),
                    Value::List(items) => {
                        items.iter().filter_map(|item| item.text()).collect::<Vec<_>>().join(",")
                    }
                    Value::Map(_) => {
                        report.wrong_shape(key.place, name, value.shape(), "a single value");
                        continue;
                    }
                };
                // Complaints about a key are about the key; about a value, they name it.
                lines.lines.push((name.to_owned(), text, key.place));
            }
        }
        lines
    }

    /// Whether any value depends on which member it is for.
    pub(super) fn is_per_member(&self) -> bool {
        self.lines.iter().any(|(_, value, _)| value.contains(MEMBER))
    }

    /// The lines for one member: its name stands where `${member}` stood.
    pub(super) fn of_member(&self, name: &str) -> Self {
        let lines = self.lines.iter();
        let lines =
            lines.map(|(key, value, place)| (key.clone(), value.replace(MEMBER, name), *place));
        Self { lines: lines.collect() }
    }

    /// Says the same in the words of another client; what it has no word for is left out, and noted.
    pub(super) fn translate(&mut self, to: Client, role: Role, report: &mut Report) {
        for (key, value, place) in std::mem::take(&mut self.lines) {
            let said = match to {
                Client::Java => {
                    let (name, value) = in_java(&key, &value);
                    let known = find(role, name).is_some() && !is_false_friend(&key);
                    known.then(|| (name.to_owned(), value))
                }
                Client::Librdkafka => {
                    in_librdkafka(role, &key, &value).map(|(name, value)| (name.to_owned(), value))
                }
            };
            match said {
                Some((name, value)) => self.lines.push((name, value, place)),
                None => {
                    let client = to.name();
                    report.note(
                        place,
                        format!("{client} has nothing for `{key}: {value}`, so it is left out"),
                    );
                }
            }
        }
    }

    /// Parses them, and reports what is wrong with them.
    pub(super) fn parse<T>(
        &self,
        parse: impl for<'a> Fn(&[Entry<'a>]) -> Parsed<'a, T>,
        report: &mut Report,
    ) -> T {
        let entries: Vec<Entry<'_>> = self.entries().collect();
        let parsed = parse(&entries);
        for issue in &parsed.issues {
            report.config_issue(self.lines[issue.at].2, issue);
        }
        for notice in &parsed.notices {
            report.remark(self.lines[notice.at].2, notice.remark);
        }
        parsed.settings
    }

    /// The place of the line that sets a key.
    pub(super) fn place_of(&self, key: &str) -> Option<Place> {
        self.lines.iter().find(|(name, ..)| name == key).map(|(_, _, place)| *place)
    }

    /// Keys, values and where they stand, as they were written.
    pub(super) fn written(self) -> Vec<(String, String, Place)> {
        self.lines
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let numbered = self.lines.iter().enumerate();
        numbered.map(|(at, (key, value, _))| Entry { key, value, at })
    }
}

fn entries_of_map<'n>(
    node: &'n super::node::Node,
    report: &mut Report,
) -> Vec<(&'n str, &'n super::node::Node, &'n super::node::Node)> {
    match node.value {
        Value::Map(_) => entries(node, "config", report),
        Value::Null | Value::Text(_) | Value::List(_) => Vec::new(),
    }
}

fn read(
    place: Place,
    path: &str,
    folder: &Folder,
    report: &mut Report,
) -> Option<(usize, Arc<str>)> {
    let given = match folder {
        Folder::At(folder) => {
            let full = folder.join(path);
            Some(Arc::from(read_text(Some(place), &full.display().to_string(), report)?))
        }
        Folder::Nowhere => None,
        Folder::Given(files) => {
            files.iter().find(|(name, _)| name == path).map(|(_, text)| Arc::clone(text))
        }
    };
    let Some(text) = given else {
        let why = std::io::Error::from(std::io::ErrorKind::NotFound);
        report.unreadable(Some(place), path, &why);
        return None;
    };
    Some((report.add_source(path, &text), text))
}

/// A file's text, if it is one and not too large; the size is looked at before the content is.
pub(crate) fn read_text(place: Option<Place>, path: &str, report: &mut Report) -> Option<String> {
    use std::io::Read as _;
    let opened = std::fs::File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = match opened {
        Ok(opened) => opened,
        Err(why) => {
            report.unreadable(place, path, &why);
            return None;
        }
    };
    if metadata.len() > MOST_BYTES {
        report.too_large(place, path, metadata.len(), MOST_BYTES);
        return None;
    }
    let mut text = String::new();
    // A pipe has no length to look at, so reading has a limit as well.
    match file.take(MOST_BYTES + 1).read_to_string(&mut text) {
        Ok(bytes) if bytes as u64 > MOST_BYTES => {
            report.too_large(place, path, bytes as u64, MOST_BYTES);
            None
        }
        Ok(_) => Some(text),
        Err(why) => {
            report.unreadable(place, path, &why);
            None
        }
    }
}

/// The lines of a Java properties file: `key=value`, `key: value` or `key value`, comments, continued lines, escapes.
pub(crate) fn properties(text: &str, source: usize) -> Vec<(String, String, Place)> {
    let mut lines = Vec::new();
    let mut rest = text;
    let mut at = 0;
    while !rest.is_empty() {
        let mut logical = String::new();
        let start = at;
        loop {
            let end = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
            let (line, after) = rest.split_at(end);
            (rest, at) = (after, at + end);
            let line = line.trim_end_matches(['\n', '\r']).trim_start_matches([' ', '\t', '\u{c}']);
            let slashes = line.len() - line.trim_end_matches('\\').len();
            let comment = logical.is_empty() && line.starts_with(['#', '!']);
            if slashes % 2 == 0 || rest.is_empty() || comment {
                logical.push_str(line);
                break;
            }
            logical.push_str(&line[..line.len() - 1]);
        }
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        let indent =
            text[start..].len() - text[start..].trim_start_matches([' ', '\t', '\u{c}']).len();
        let (key, value) = split(&logical);
        let from = start + indent;
        lines.push((unescape(key), unescape(value), Place { source, from, to: from + key.len() }));
    }
    lines
}

/// Key and value of a logical line.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|letter: char| {
        let stop = !escaped && matches!(letter, '=' | ':' | ' ' | '\t' | '\u{c}');
        escaped = letter == '\\' && !escaped;
        stop
    });
    let Some(end) = end else { return (line, "") };
    let (key, rest) = line.split_at(end);
    let blank = [' ', '\t', '\u{c}'];
    let rest = rest.trim_start_matches(blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(blank))
}

fn unescape(text: &str) -> String {
    let mut letters = text.chars();
    let mut out = String::new();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let digits: String = letters.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                out.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::properties;

    #[test]
    fn properties_are_read_as_java_does() {
        let text = "# comment\n! another\nacks = all\nlinger.ms:5\nretries 3\n\n  client.id=\\\n   a\\u0062c\nempty\n";
        let read: Vec<String> = properties(text, 0)
            .into_iter()
            .map(|(key, value, place)| format!("{key}|{value}|{}", &text[place.from..place.to]))
            .collect();
        assert_eq!(
            read,
            [
                "acks|all|acks",
                "linger.ms|5|linger.ms",
                "retries|3|retries",
                "client.id|abc|client.id",
                "empty||empty",
            ]
        );
    }
}
