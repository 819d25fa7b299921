//! Assignments that are kept beside their scenario, so that a change of them is seen.

use std::io;
use std::path::{Path, PathBuf};

use similar::{ChangeTag, TextDiff};

use super::Assignments;
use crate::saved::write_whole;

/// The first line of what is kept.
const HEAD: &str = "# Who has which partitions, generation by generation. To accept a change: stormglass test FILE --snapshots --accept\n";

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// What was found beside a scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// Nothing is kept.
    Absent,
    /// It is as before.
    Same,
    /// It is not: the lines that differ, those kept with `-`, those of now with `+`.
    Differs(String),
}

/// Where the assignments of a scenario are kept: `snapshots/broken.txt` beside `broken.yaml`.
#[must_use]
pub fn place_of(scenario: &Path) -> PathBuf {
    let stem = scenario.file_stem().unwrap_or_default();
    let name = Path::new(stem).with_added_extension("txt");
    scenario.parent().unwrap_or(Path::new("")).join("snapshots").join(name)
}

/// Compares with what is kept beside a scenario.
///
/// # Errors
/// If what is there cannot be read.
pub fn compare(scenario: &Path, assignments: &Assignments) -> io::Result<Comparison> {
    let kept = match std::fs::read_to_string(place_of(scenario)) {
        Ok(kept) => kept.replace("\r\n", "\n"),
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Comparison::Absent),
        Err(why) => return Err(why),
    };
    let now = text(assignments);
    if kept == now {
        return Ok(Comparison::Same);
    }
    Ok(Comparison::Differs(difference(&kept, &now)))
}

/// Keeps assignments beside a scenario, in the place of those that are there; tells where.
///
/// # Errors
/// If they cannot be written.
pub fn accept(scenario: &Path, assignments: &Assignments) -> io::Result<PathBuf> {
    let place = place_of(scenario);
    write_whole(&place, text(assignments).as_bytes())?;
    Ok(place)
}

fn text(assignments: &Assignments) -> String {
    format!("{HEAD}{assignments}")
}

/// The changed lines with some around them; each stretch says in which generation it begins.
fn difference(kept: &str, now: &str) -> String {
    let diff = TextDiff::from_lines(kept, now);
    let lines: Vec<&str> = kept.lines().collect();
    let mut out = String::new();
    for group in diff.grouped_ops(CONTEXT) {
        let first = group.first().map_or(0, |op| op.old_range().start);
        let above = lines.iter().take(first + 1).rev();
        let heading = above.copied().find(|line| line.trim_start().starts_with("generation "));
        if let Some(heading) = heading.filter(|_| first > 0) {
            out.push_str(&format!("@ {}\n", heading.trim()));
        }
        for op in group {
            for change in diff.iter_changes(&op) {
                let sign = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                out.push(sign);
                out.push_str(change.value().trim_end_matches('\n'));
                out.push('\n');
            }
        }
    }
    out
}
