//! A test over many seeds: each is run and judged as a scenario's is; the first that breaks an expectation is made smaller,
//! saved, and told with everything that is needed to see it again.
//!
//! Two environment variables choose what is run, and nothing about how: `STORMGLASS_SEED` one seed, `STORMGLASS_REPLAY` a
//! saved failure, which the test that it belongs to runs again and compares.

use std::fmt::Write as _;
use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stormglass_runner::execute::conclude;
use stormglass_runner::export::trace_words;
use stormglass_runner::result::{RunResult, Signature, Status};
use stormglass_runner::saved::{HostedTest, SavedFailure};
use stormglass_runner::scenario::{Draft, Scenario, Tree};
use stormglass_runner::subject::{Subject, shell_word};
use stormglass_runner::suite::{Case, Miss, misses};
use stormglass_sim::plan::Plan;

use crate::Storm;
use crate::run::{Ended, Keep, run};

/// A test, as the attribute writes it down.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The test's path.
    pub name: &'static str,
    /// Its package.
    pub package: &'static str,
    /// The package's folder.
    pub folder: &'static str,
    /// The scenario's file or text.
    pub scenario: &'static str,
    /// The seeds; the scenario's own unless given.
    pub seeds: Option<Range<u64>>,
}

/// How a replay begins to tell of itself.
const REPLAYS: &str = "stormglass replays";
/// How long a failure is made smaller at most.
const SHRINKING: Duration = Duration::from_secs(20);

/// A failure of the code or the world to come to an end.
struct Broken {
    seed: u64,
    says: String,
}

/// Anything that runs a plan.
type Runner<'r> = &'r (dyn Fn(Plan, Keep) -> Result<Ended, String> + Sync);

impl Trial {
    /// Runs the test.
    ///
    /// # Panics
    /// If an expectation of the scenario was not met, or the code panicked: that is how a test fails.
    pub fn hold<F>(&self, body: impl Fn(Storm) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()>,
    {
        let held = match std::env::var_os("STORMGLASS_REPLAY") {
            Some(path) => self.replay(Path::new(&path), body),
            None => self.check(&runner(body)),
        };
        if let Err(says) = held {
            panic!("{says}");
        }
    }

    /// Runs a saved failure again, if it is this test's.
    ///
    /// # Errors
    /// If it fails again, or cannot be run; the text says how it failed, and whether that is the run that was saved.
    pub fn replay<F>(
        &self,
        path: &Path,
        body: impl Fn(Storm) -> F + Send + Sync + 'static,
    ) -> Result<(), String>
    where
        F: Future<Output = ()>,
    {
        self.run_again(path, &runner(body))
    }

    /// Runs the test and tells what is wrong; none if nothing is.
    fn check(&self, runner: Runner<'_>) -> Result<(), String> {
        let (scenario, seeds) = self.what_to_run()?;
        let mut case = Case::of(&scenario);
        case.subject.path = self.scenario_name();
        let first = seeds.start;
        self.check_determinism(&case.subject, first, runner)?;
        let mut results = self.sweep(&case.subject, seeds, runner).map_err(|broken| {
            let repro = self.command(broken.seed);
            format!("{}: seed {}: {}\n  {repro}", self.name, broken.seed, broken.says)
        })?;
        for result in &mut results {
            result.repro = self.command(result.seed);
        }
        let misses = misses(&case, &results);
        if misses.is_empty() {
            Ok(())
        } else {
            Err(self.tell(&scenario, &case, &results, &misses, runner))
        }
    }

    #[expect(clippy::print_stdout, reason = "`stormglass replay` reads what came of it")]
    fn run_again(&self, path: &Path, runner: Runner<'_>) -> Result<(), String> {
        let bad = |why| format!("{} cannot be replayed: {why}", path.display());
        let saved = SavedFailure::load(path).map_err(bad)?;
        let test = saved.test.as_ref().ok_or_else(|| {
            format!("{} is no test's failure: `stormglass replay` runs it", path.display())
        })?;
        if test.package != self.package || test.name != self.filter() {
            return Ok(());
        }
        println!("{REPLAYS} {}, seed {}", self.name, saved.seed);
        let scenario = Arc::new(saved.hosted_scenario().map_err(bad)?);
        let subject = Subject::of(&scenario);
        let result = judged(&subject, scenario.plan(saved.seed), runner)
            .map_err(|says| format!("{}: seed {}: {says}", self.name, saved.seed))?;
        let as_saved = match result.digest.to_string() == saved.digest {
            true => "as saved".to_owned(),
            false => format!(
                "not {} as saved: the code or the simulator has changed since",
                saved.digest
            ),
        };
        let Some(signature) = result.failure() else {
            println!("nothing is violated; digest {}, {as_saved}", result.digest);
            return Ok(());
        };
        let mut says = format!("{} fails: {signature}: {}", self.name, detail(&result, &signature));
        tell_faults(&mut says, &result);
        let _ = write!(says, "\nseed {}, digest {}, {as_saved}", result.seed, result.digest);
        Err(says)
    }

    fn what_to_run(&self) -> Result<(Arc<Scenario>, Range<u64>), String> {
        let read = if self.scenario.contains('\n') {
            Scenario::parse(&self.scenario_name(), self.scenario)
        } else {
            Scenario::load(Path::new(self.folder).join(self.scenario))
        };
        let scenario = Arc::new(read.map_err(|report| format!("{}: {report}", self.name))?);
        let own = scenario.seeds();
        let seeds = match std::env::var("STORMGLASS_SEED") {
            Ok(seed) => {
                let seed: u64 = seed.trim().parse().map_err(|_| "STORMGLASS_SEED is no number")?;
                seed..seed + 1
            }
            Err(_) => self.seeds.clone().unwrap_or(own),
        };
        if seeds.is_empty() {
            return Err(format!("{}: a test of no seeds would pass whatever happens", self.name));
        }
        Ok((scenario, seeds))
    }

    fn scenario_name(&self) -> String {
        if self.scenario.contains('\n') {
            format!("{}.yaml", self.name.replace("::", "/"))
        } else {
            self.scenario.to_owned()
        }
    }

    /// The test's name as the test runner knows it: without the crate's.
    fn filter(&self) -> &'static str {
        self.name.split_once("::").map_or(self.name, |(_, rest)| rest)
    }

    fn command(&self, seed: u64) -> String {
        format!("STORMGLASS_SEED={seed} cargo test -p {} {}", self.package, self.filter())
    }

    /// All seeds, on all cores; results in the order of seeds.
    fn sweep(
        &self,
        subject: &Subject,
        seeds: Range<u64>,
        runner: Runner<'_>,
    ) -> Result<Vec<RunResult>, Broken> {
        let next = AtomicU64::new(seeds.start);
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        let work = || {
            let mut done = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return Ok(done);
                }
                let result = judged(subject, (subject.plan)(seed), runner);
                done.push(result.map_err(|says| Broken { seed, says })?);
            }
        };
        let swept: Vec<Result<Vec<RunResult>, Broken>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|it| it.join().expect("runs are guarded")).collect()
        });
        let mut results = Vec::new();
        let mut broken: Option<Broken> = None;
        for part in swept {
            match part {
                Ok(part) => results.extend(part),
                Err(one) if broken.as_ref().is_none_or(|known| one.seed < known.seed) => {
                    broken = Some(one);
                }
                Err(_) => {}
            }
        }
        results.sort_by_key(|result| result.seed);
        broken.map_or(Ok(results), Err)
    }

    /// Runs a seed twice: digest, trace and log must be the same.
    fn check_determinism(
        &self,
        subject: &Subject,
        seed: u64,
        runner: Runner<'_>,
    ) -> Result<(), String> {
        let plan = (subject.plan)(seed);
        let tell =
            |says: String| format!("{}: seed {seed}: {says}\n  {}", self.name, self.command(seed));
        let first = runner(plan.clone(), Keep::Trace).map_err(tell)?;
        let second = runner(plan, Keep::Trace).map_err(tell)?;
        parting(&first, &second).map_or(Ok(()), |says| Err(tell(says)))
    }

    /// What is wrong, with the smallest list of faults that shows it, saved.
    fn tell(
        &self,
        scenario: &Arc<Scenario>,
        case: &Case,
        results: &[RunResult],
        misses: &[Miss],
        runner: Runner<'_>,
    ) -> String {
        let mut says =
            format!("`{}` did not meet the expectations of {}", self.name, case.subject.path);
        for miss in misses {
            let _ = write!(says, "\n  {}", miss.to_string().replace('\n', "\n  "));
        }
        let unexpected = |result: &&RunResult| {
            result.failure().is_some()
                && misses
                    .iter()
                    .any(|miss| miss.shown.as_ref().is_some_and(|it| it.seed == result.seed))
        };
        let Some(failing) = results.iter().find(unexpected) else { return says };
        let Some(signature) = failing.failure() else { return says };
        let shrunk = shrink(scenario, failing.seed, &signature, runner);
        let (scenario, result, before) = match &shrunk {
            Some(shrunk) => (&shrunk.scenario, &shrunk.result, shrunk.before),
            None => (scenario, failing, scenario.plan(failing.seed).faults.len()),
        };
        let _ = write!(says, "\n\n{signature}: {}", detail(result, &signature));
        let _ = write!(says, "\nfaults: {} of {before} are needed", result.faults.len());
        tell_faults(&mut says, result);
        let _ = write!(says, "\nseed {}, digest {}", result.seed, result.digest);
        let mut result = result.clone();
        result.repro = self.command(failing.seed);
        result.scenario = self.name.replace("::", "/");
        let test = HostedTest { package: self.package.to_owned(), name: self.filter().to_owned() };
        let saved = SavedFailure::new(&result, &signature, scenario, None);
        let saved = SavedFailure { test: Some(test), ..saved };
        match saved.save(&self.reports()) {
            Ok(path) => {
                let path = path.display().to_string();
                let _ = write!(says, "\nsaved to {path}");
                let _ = write!(
                    says,
                    "\n  STORMGLASS_REPLAY={} cargo test -p {} {}",
                    shell_word(&path),
                    self.package,
                    self.filter()
                );
            }
            Err(why) => {
                let _ = write!(says, "\nnot saved: {why}");
            }
        }
        let _ = write!(says, "\n  {}", self.command(failing.seed));
        says
    }

    /// Where saved failures go: `reports` beside the build, or beside the package.
    fn reports(&self) -> PathBuf {
        Path::new(self.folder).join("reports")
    }
}

/// Runs plans with this code, each in a fresh thread.
fn runner<F>(
    body: impl Fn(Storm) -> F + Send + Sync + 'static,
) -> impl Fn(Plan, Keep) -> Result<Ended, String> + Sync
where
    F: Future<Output = ()>,
{
    let body = Arc::new(body);
    move |plan, keep| in_thread(plan, keep, Arc::clone(&body))
}

/// Runs a plan in a fresh thread and catches what it throws.
fn in_thread<F>(
    plan: Plan,
    keep: Keep,
    body: Arc<impl Fn(Storm) -> F + Send + Sync + 'static>,
) -> Result<Ended, String>
where
    F: Future<Output = ()>,
{
    let thread = thread::Builder::new().name(format!("seed {}", plan.seed));
    let work = move || {
        catch_unwind(AssertUnwindSafe(|| run(plan, keep, |storm| body(storm)))).map_err(|thrown| {
            let text = thrown.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| thrown.downcast_ref::<&str>().copied());
            format!("the code panicked: {}", text.unwrap_or("without a message"))
        })
    };
    let thread = thread.spawn(work).map_err(|why| format!("no thread for the run: {why}"))?;
    thread.join().map_err(|_| "the run was torn down".to_owned())?
}

fn judged(subject: &Subject, plan: Plan, runner: Runner<'_>) -> Result<RunResult, String> {
    let began = Instant::now();
    let ended = runner(plan, Keep::History)?;
    let mut result = conclude(subject, &ended.world, ended.end);
    result.wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(result)
}

/// Where two runs of one seed part, in words.
fn parting(first: &Ended, second: &Ended) -> Option<String> {
    let logs = first.log.iter().zip(&second.log).position(|(one, other)| one != other);
    let log_at = logs
        .or((first.log.len() != second.log.len()).then(|| first.log.len().min(second.log.len())));
    let empty = || "nothing".to_owned();
    let (one, other) = (first.world.trace()?, second.world.trace()?);
    let most = one.len().max(other.len());
    let at = (0..most).find(|at| one.get(*at) != other.get(*at));
    if let Some(at) = at {
        let told = |ended: &Ended| {
            let record = ended.world.trace().and_then(|trace| trace.get(at).copied());
            record.map_or_else(empty, |record| trace_words(&ended.world, &record))
        };
        return Some(format!(
            "two runs of the same seed part at event {at}: the code is not deterministic\n  first:  {}\n  second: {}\n  \
             look for clocks, random numbers, threads, hash maps with other hashers, or real I/O",
            told(first),
            told(second)
        ));
    }
    if let Some(at) = log_at {
        let line = |ended: &Ended| {
            ended
                .log
                .get(at)
                .map_or_else(empty, |(at, line)| format!("{}ms {line}", at.as_millis()))
        };
        return Some(format!(
            "two runs of the same seed write different logs at line {at}\n  first:  {}\n  second: {}",
            line(first),
            line(second)
        ));
    }
    (first.world.digest() != second.world.digest())
        .then(|| "two runs of the same seed have different digests".to_owned())
}

/// A failure with fewer faults.
struct Smaller {
    scenario: Arc<Scenario>,
    result: RunResult,
    /// How many faults there were.
    before: usize,
}

/// Leaves out faults as long as the failure stays what it is: halves first, then one by one.
fn shrink(
    scenario: &Arc<Scenario>,
    seed: u64,
    signature: &Signature,
    runner: Runner<'_>,
) -> Option<Smaller> {
    let began = Instant::now();
    let draft = scenario.draft(seed);
    let all = draft.faults().to_vec();
    let before = all.len();
    let fails = |faults: &[Tree]| -> Option<(Arc<Scenario>, RunResult)> {
        let mut candidate: Draft = draft.clone();
        candidate.set_faults(faults.to_vec());
        let scenario = Arc::new(Scenario::parse(scenario.name(), &candidate.render()).ok()?);
        let subject = Subject::of(&scenario);
        let result = judged(&subject, scenario.plan(seed), runner).ok()?;
        (result.failure().as_ref() == Some(signature)).then_some((scenario, result))
    };
    let mut kept = all;
    let mut best = fails(&kept)?;
    let mut width = kept.len();
    while width >= 1 && began.elapsed() < SHRINKING {
        let mut from = 0;
        while from < kept.len() && began.elapsed() < SHRINKING {
            let to = (from + width).min(kept.len());
            let fewer = [&kept[..from], &kept[to..]].concat();
            match fails(&fewer) {
                Some(smaller) => {
                    best = smaller;
                    kept = fewer;
                }
                None => from = to,
            }
        }
        width /= 2;
    }
    let (scenario, result) = best;
    Some(Smaller { scenario, result, before })
}

fn tell_faults(says: &mut String, result: &RunResult) {
    for fault in &result.faults {
        let at = fault.began_ms.map_or_else(|| "never".to_owned(), stormglass_runner::words::clock);
        let _ = write!(says, "\n  {at}  {} {}", fault.what, fault.whom);
    }
}

fn detail(result: &RunResult, signature: &Signature) -> String {
    let broken = result
        .verdicts
        .iter()
        .find(|it| it.status == Status::Violated && it.invariant == signature.invariant);
    broken.map(|it| it.detail.clone()).unwrap_or_default()
}
