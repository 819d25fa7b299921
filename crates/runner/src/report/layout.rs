//! Colours, wrapping and tables of the human report. A hundred columns wide.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, Row, Table, presets};

use crate::result::Status;

/// How wide a report is.
pub(super) const WIDTH: usize = 100;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const UNSURE: Style = AnsiColor::Yellow.on_default();

/// Text in a style. Whoever writes it to something that knows no colours strips them.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// The sign and the style of a status.
pub(crate) const fn sign(status: Status) -> (&'static str, Style) {
    match status {
        Status::Hold => ("✔", GOOD),
        Status::Violated => ("✘", BAD),
        Status::Vacuous => ("○", DIM),
        Status::Undecided => ("?", UNSURE),
    }
}

/// The word that a person reads for a status.
pub(crate) const fn word(status: Status) -> &'static str {
    match status {
        Status::Hold => "holds",
        Status::Violated => "VIOLATED",
        Status::Vacuous => "vacuous",
        Status::Undecided => "undecided",
    }
}

/// Adds text, wrapped at words; every line but the first begins with `indent` spaces. The cursor stands at `indent`.
pub(super) fn wrap(out: &mut String, text: &str, indent: usize) {
    let mut column = indent;
    for (place, word) in text.split_whitespace().enumerate() {
        let width = word.chars().count();
        if place > 0 && column + 1 + width > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if place > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
}

/// Which columns are numbers, by place; the others are text.
pub(crate) struct Numbers(pub(crate) &'static [usize]);

/// Adds a table under a bold head. Without rows there is nothing to add.
pub(crate) fn table(out: &mut String, head: &[&str], numbers: &Numbers, rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if !head.is_empty() {
        table.set_header(Row::from(head.to_vec()));
    }
    table.add_rows(rows);
    for column in numbers.0 {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (place, line) in table.lines().enumerate() {
        let line = line.trim_end();
        if place == 0 && !head.is_empty() {
            let _ = writeln!(out, " {}", paint(BOLD, line));
        } else {
            let _ = writeln!(out, " {line}");
        }
    }
}
