//! JUnit XML: one suite, one test case per scenario. Written whole, at the end of the suite.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Event, Renderer};
use crate::corpus::{Fate, Retried};
use crate::suite::{CaseResult, Grade};

/// Collects scenarios and writes them when the suite is over.
pub struct Junit<W> {
    out: W,
    cases: Vec<TestCase>,
}

impl<W: Write> Junit<W> {
    /// A renderer that writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, cases: Vec::new() }
    }
}

impl<W: Write> Renderer for Junit<W> {
    fn tell(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Case(case) => self.cases.push(test_case(case)),
            Event::Retried(retried) => self.cases.push(kept_case(retried)),
            Event::Suite(suite) => {
                let mut cases = TestSuite::new("scenarios");
                cases.set_time(suite.wall);
                cases.add_test_cases(std::mem::take(&mut self.cases));
                for invalid in &suite.invalid {
                    cases.add_test_case(failed(
                        &invalid.path,
                        NonSuccessKind::Error,
                        "invalid scenario",
                        &invalid.says,
                    ));
                }
                let mut report = Report::new("stormglass");
                report.set_time(suite.wall);
                report.add_test_suite(cases);
                report.serialize(&mut self.out).map_err(io::Error::other)?;
                self.out.flush()?;
            }
            // Runs and sweeps have no place in JUnit; panics and differences are misses of their scenario.
            Event::Ran(_)
            | Event::Seed(_)
            | Event::Swept(_)
            | Event::Replayed(_)
            | Event::Stale(_)
            | Event::Panicked(_)
            | Event::Differed(_) => {}
        }
        Ok(())
    }
}

fn kept_case(retried: &Retried) -> TestCase {
    let name = format!("{} {}", retried.path, retried.signature);
    match &retried.fate {
        Fate::Fixed => TestCase::new(name, TestCaseStatus::success()),
        Fate::Fails | Fate::Regressed | Fate::FailsOtherwise(_) => {
            failed(&name, NonSuccessKind::Failure, retried.fate.name(), &retried.to_string())
        }
        Fate::Unclear(_) => {
            failed(&name, NonSuccessKind::Error, retried.fate.name(), &retried.to_string())
        }
    }
}

fn test_case(case: &CaseResult) -> TestCase {
    let mut test = match case.misses.first() {
        None => TestCase::new(case.sweep.scenario.as_str(), TestCaseStatus::success()),
        Some(first) => {
            let kind = match case.grade() {
                Grade::Internal => NonSuccessKind::Error,
                Grade::Met | Grade::Violated | Grade::NotShown => NonSuccessKind::Failure,
            };
            let misses: Vec<String> = case.misses.iter().map(ToString::to_string).collect();
            failed(&case.sweep.scenario, kind, &first.says, &misses.join("\n"))
        }
    };
    test.set_classname("stormglass.scenarios");
    test.set_time(case.sweep.wall);
    test
}

fn failed(name: &str, kind: NonSuccessKind, message: &str, description: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    status.set_description(description);
    TestCase::new(name, status)
}
