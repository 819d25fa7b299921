//! `stormglass sweep --vary`: the same seeds with other values.

use std::io;
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use stormglass_runner::grid::{BadGrid, GridOptions, grid};
use stormglass_runner::saved::write_whole;
use stormglass_runner::scenario::Scenario;

use super::exit::Exit;
use super::files::at;
use super::output::{Format, complain, print};

/// Varies values of one scenario and shows what becomes of it.
pub(crate) fn vary(
    scenario: &Arc<Scenario>,
    options: &GridOptions,
    format: Format,
    csv: Option<&Path>,
) -> io::Result<Exit> {
    let cells: u64 = options.axes.iter().map(|axis| axis.values.len() as u64).product();
    let bar = bar(cells.saturating_mul(options.seeds.count()));
    let done = grid(scenario, options, &mut |done, failures| {
        bar.set_position(done);
        bar.set_message(format!(", {failures} failures"));
    });
    bar.finish_and_clear();
    let grid = match done {
        Ok(grid) => grid,
        Err(why) => {
            complain(&format!("error: {why}"));
            return Ok(match why {
                BadGrid::Unknown(_) | BadGrid::TooLarge(_) => Exit::Usage,
                BadGrid::Invalid(_) => Exit::Invalid,
            });
        }
    };
    print(&match format {
        Format::Human => grid.human(),
        Format::Json => grid.json(),
    })?;
    if let Some(path) = csv {
        write_whole(path, grid.csv().as_bytes()).map_err(|why| at(path, &why))?;
    }
    Ok(if grid.panics() > 0 { Exit::Internal } else { Exit::of(grid.outcome()) })
}

fn bar(runs: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::stderr_with_hz(10));
    let look = "[{bar:30}] {pos}/{len} runs, {per_sec}, {eta} left{msg}";
    let style = ProgressStyle::with_template(look).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar
}
