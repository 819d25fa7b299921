//! Finds scenario files under paths.
//!
//! Reads no file: whether one is a scenario turns out when it is loaded.

use std::io;
use std::path::{Path, PathBuf};

/// The scenarios that some paths name: files as they are, folders with every `.yaml` and `.yml` below, sorted by path.
///
/// Links to folders are not followed, so that a loop of links ends.
///
/// A path that does not exist is a scenario that cannot be read: loading it will say so.
///
/// # Errors
/// If a folder cannot be read; tells which.
pub fn scenarios(paths: &[PathBuf]) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            below(path, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    let mut unique: Vec<PathBuf> = Vec::with_capacity(found.len());
    for path in found {
        if !unique.contains(&path) {
            unique.push(path);
        }
    }
    Ok(unique)
}

/// The failures that are kept where some paths lead: every `.json` below a folder called `corpus`, sorted by path.
///
/// # Errors
/// If a folder cannot be read; tells which.
pub fn kept(paths: &[PathBuf]) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| path.is_dir()) {
        files(path, "json", &mut found)?;
    }
    found.retain(|path| path.components().any(|part| part.as_os_str() == "corpus"));
    found.dedup();
    Ok(found)
}

/// Every file with an extension.
fn files(
    folder: &Path,
    extension: &str,
    found: &mut Vec<PathBuf>,
) -> Result<(), (PathBuf, io::Error)> {
    let broken = |why| (folder.to_owned(), why);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(broken)? {
        let entry = entry.map_err(broken)?;
        entries.push((entry.path(), entry.file_type().map_err(broken)?));
    }
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (path, kind) in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if kind.is_dir() {
            files(&path, extension, found)?;
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    Ok(())
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let broken = |why| (folder.to_owned(), why);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(broken)? {
        let entry = entry.map_err(broken)?;
        entries.push((entry.path(), entry.file_type().map_err(broken)?));
    }
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (path, kind) in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let yaml = path.extension().is_some_and(|it| it == "yaml" || it == "yml");
        if hidden {
            continue;
        }
        if kind.is_dir() {
            below(&path, found)?;
        } else if yaml {
            found.push(path);
        }
    }
    Ok(())
}
