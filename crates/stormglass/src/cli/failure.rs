//! A failure to look into: from a file that was saved, or a scenario and a seed.

use std::path::Path;
use std::sync::Arc;

use stormglass_runner::saved::SavedFailure;
use stormglass_runner::scenario::Scenario;

use super::files;
use super::output::complain;

/// A scenario with the seed that fails.
pub(crate) struct Failure {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) seed: u64,
    /// Whether it comes from a saved failure.
    pub(crate) saved: bool,
}

/// Reads a saved failure, or a scenario if the file is YAML; complains if it cannot be used.
pub(crate) fn load(path: &Path, seed: Option<u64>) -> Option<Failure> {
    let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    if yaml {
        let scenario = files::load(path)?;
        let seed = seed.unwrap_or(scenario.seeds().start);
        return Some(Failure { scenario, seed, saved: false });
    }
    let saved = SavedFailure::load(path).and_then(|saved| Ok((saved.scenario()?, saved.seed)));
    match saved {
        Ok((_, own)) if seed.is_some_and(|seed| seed != own) => {
            complain(&format!("error: {} is about seed {own} and no other", path.display()));
            None
        }
        Ok((scenario, seed)) => Some(Failure { scenario: Arc::new(scenario), seed, saved: true }),
        Err(why) => {
            complain(&format!("error: {} cannot be used: {why}", path.display()));
            None
        }
    }
}
