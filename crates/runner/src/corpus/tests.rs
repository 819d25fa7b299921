use super::*;

const BROKEN: &str = "
run: { for: 4s, settle: 60s, seeds: 1 }
topics: { orders: { partitions: 1 } }
producers: { checkout: { config: { enable.idempotence: false }, to: orders, rate: 20/s } }
faults: [{ on: { response: Produce, to: checkout, nth: 5 }, lose: response }]
expect: { hold: [no-duplicates] }
";

/// A folder with a scenario and a failure of it that was kept.
struct Kept {
    folder: PathBuf,
    scenario: PathBuf,
    failure: PathBuf,
}

impl Kept {
    fn new(test: &str) -> Self {
        let name = format!("stormglass-corpus-{}-{test}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("x.yaml");
        fs::write(&path, BROKEN).expect("written");
        let scenario = Arc::new(Scenario::load(&path).expect("valid"));
        let result = execute(&Subject::of(&scenario), 3, Recording::Off).expect("no panic").result;
        let signature = result.failure().expect("it fails");
        let saved = SavedFailure::taped(&result, &signature, &scenario);
        let failure = saved.save(&folder.join("corpus")).expect("saved");
        Self { folder, scenario: path, failure }
    }

    fn change(&self, text: &str) {
        fs::write(&self.scenario, text).expect("written");
    }

    fn retried(&self) -> Retried {
        retry(&self.failure).unwrap_or_else(|why| panic!("{why}"))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_failure_fails_is_fixed_and_regresses() {
    let kept = Kept::new("life");
    assert_eq!(kept.retried().fate, Fate::Fails);
    let fixed = BROKEN.replace("enable.idempotence: false", "linger.ms: 5");
    kept.change(&fixed);
    let retried = kept.retried();
    assert_eq!((&retried.fate, retried.noted), (&Fate::Fixed, false));
    note_fixed(&retried).expect("written");
    assert!(kept.retried().noted);
    assert_eq!(kept.retried().to_string(), "fixed: no-duplicates.duplicate stays away");
    kept.change(BROKEN);
    assert_eq!(kept.retried().fate, Fate::Regressed);
}

#[test]
fn a_scenario_that_expects_something_else_changes_nothing() {
    let kept = Kept::new("expects");
    kept.change(&BROKEN.replace("no-duplicates", "no-loss"));
    assert_eq!(kept.retried().fate, Fate::Fails);
}

#[test]
fn a_scenario_that_is_gone_is_as_it_was() {
    let kept = Kept::new("gone");
    fs::remove_file(&kept.scenario).expect("removed");
    assert_eq!(kept.retried().fate, Fate::Fails);
}

#[test]
fn faults_that_do_not_fit_any_more_are_told() {
    let kept = Kept::new("renamed");
    kept.change(&BROKEN.replace("checkout", "till"));
    assert!(matches!(kept.retried().fate, Fate::Unclear(_)));
    fs::write(&kept.failure, "{").expect("written");
    assert!(matches!(retry(&kept.failure), Err(NotRetried::Bad(_))));
}
