//! The report of a run on disk: a page, text and JSON, side by side. What is there already is never written over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::html::{Recorded, page};
use super::{run_line, run_report};
use crate::result::RunResult;
use crate::saved::{folder_of, write_whole};

/// How many reports of one seed there may be, of different versions or scenarios.
const MOST: u32 = 1_000;

/// Writes the report of a recorded run below a folder and tells where its page is. If the same report is there, it stays; if
/// another one is, this one gets a number.
///
/// # Errors
/// If a file cannot be read or written; says which.
pub fn keep(folder: &Path, run: &Recorded<'_>) -> io::Result<PathBuf> {
    let result = run.result;
    let text = anstream::adapter::strip_str(&run_report(result)).to_string();
    let line = format!("{}\n", run_line(result));
    let files = [("txt", text), ("json", line), ("html", page(run))];
    let first = folder_of(folder, &result.scenario).join(format!("seed-{}", result.seed));
    for number in 1..=MOST {
        let stem = if number == 1 { first.clone() } else { numbered(&first, number) };
        let Some(missing) = missing(&stem, result, &files)? else { continue };
        for (extension, content) in missing {
            let path = stem.with_added_extension(extension);
            write_whole(&path, content.as_bytes()).map_err(|why| at(&path, &why))?;
        }
        return Ok(stem.with_added_extension("html"));
    }
    Err(io::Error::other(format!("there are too many reports like {}", first.display())))
}

fn numbered(stem: &Path, number: u32) -> PathBuf {
    let name = stem.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    stem.with_file_name(format!("{name}-{number}"))
}

/// The files that are not there yet; none if there are others under their names.
fn missing<'f>(
    stem: &Path,
    result: &RunResult,
    files: &'f [(&'static str, String)],
) -> io::Result<Option<Vec<(&'static str, &'f str)>>> {
    let mut absent = Vec::new();
    for (extension, content) in files {
        let path = stem.with_added_extension(extension);
        let there = match fs::read_to_string(&path) {
            Ok(there) => there,
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                absent.push((*extension, content.as_str()));
                continue;
            }
            // What is no text is not ours.
            Err(why) if why.kind() == io::ErrorKind::InvalidData => return Ok(None),
            Err(why) => return Err(at(&path, &why)),
        };
        let same = match *extension {
            "json" => timeless(&there) == timeless(content),
            // The text says nothing that the JSON does not, but how long the run took.
            "txt" => there.contains(&result.digest.to_string()),
            _ => there == *content,
        };
        if !same {
            return Ok(None);
        }
    }
    Ok(Some(absent))
}

/// A line of JSON without the one figure that differs from run to run.
fn timeless(line: &str) -> Option<Value> {
    let mut value: Value = serde_json::from_str(line).ok()?;
    if let Value::Object(fields) = &mut value {
        fields.shift_remove("wall_ms");
    }
    Some(value)
}

/// An error that says which file it is about.
fn at(path: &Path, why: &io::Error) -> io::Error {
    io::Error::new(why.kind(), format!("{}: {why}", path.display()))
}
