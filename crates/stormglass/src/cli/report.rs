//! The report of a run below a folder, with the explanation if the run failed.

use std::io;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use stormglass_runner::execute::Execution;
use stormglass_runner::explain::{Explanation, explain};
use stormglass_runner::report::html::Recorded;
use stormglass_runner::report::keep;
use stormglass_runner::scenario::Scenario;

use super::output::complain;

/// Writes the report of a recorded run and tells where.
pub(crate) fn write(
    folder: &Path,
    scenario: &Arc<Scenario>,
    execution: &Execution,
    jobs: NonZero<usize>,
) -> io::Result<()> {
    let result = &execution.result;
    let failed = result.signature().is_some();
    // Whatever keeps a failure from being explained, the run itself is told.
    let told = if failed { explain(scenario, result.seed, jobs).ok() } else { None };
    write_told(folder, scenario, execution, told.as_ref())
}

/// Writes the report of a recorded run that has been explained, if it could be, and tells where.
pub(crate) fn write_told(
    folder: &Path,
    scenario: &Scenario,
    execution: &Execution,
    told: Option<&Explanation>,
) -> io::Result<()> {
    let Execution { result, world } = execution;
    let path = keep(folder, &Recorded { scenario, result, world, told })?;
    complain(&format!("report {}", path.display()));
    Ok(())
}
