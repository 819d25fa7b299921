use super::*;
use crate::report::tests::violated;

const TEXT: &str = "
run: { for: 10s, settle: 20s }
topics: { orders: { partitions: 1, replication.factor: 3 } }
producers: { checkout: { properties: checkout.properties, to: orders, rate: 10/s } }
faults: [{ every: 1s..2s, pause: broker-1, for: 1s }]
expect: { hold: [no-loss] }
";

fn failure(seed: u64) -> SavedFailure {
    let files = vec![("checkout.properties".to_owned(), "acks=1\n".into())];
    let scenario = Scenario::parse_with("scenarios/x.yaml", TEXT, files).expect("valid");
    let result = violated(seed);
    let signature = result.signature().expect("it is a failure");
    SavedFailure::new(&result, &signature, &scenario, Some(&tape()))
}

/// A tape of a few choices.
fn tape() -> Tape {
    let choices = [(9, 4), (9, 0)].map(|(last, value)| stormglass_types::Choice { last, value });
    let stream = stormglass_types::Stream::Disk;
    let reels = vec![stormglass_sim::Reel { stream, entity: 1, choices: choices.into() }];
    Tape { reels, prints: [1, 2, 3].into() }
}

/// A folder of this test alone, gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("stormglass-{}-{test}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_was_saved_comes_back() {
    let folder = Folder::new("back");
    let saved = failure(7);
    let path = saved.save(&folder.0).expect("saved");
    let below = path.strip_prefix(&folder.0).expect("below the folder");
    assert_eq!(below, Path::new("lost-ack-duplicates/broken/no-duplicates.duplicate/seed-7.json"));
    let loaded = SavedFailure::load(&path).expect("loaded");
    assert_eq!((loaded.tape().ok(), loaded.tape_events), (Some(tape()), 3));
    assert_eq!(loaded, saved);
}

#[test]
fn the_same_failure_is_saved_once_and_another_beside_it() {
    let folder = Folder::new("beside");
    let first = failure(7);
    let again = SavedFailure { result: Value::Null, ..first.clone() };
    let paths = [&first, &first, &again, &again].map(|it| it.save(&folder.0).expect("saved"));
    assert_eq!(paths[0], paths[1]);
    assert_eq!(paths[2], paths[3]);
    assert_ne!(paths[0], paths[2]);
    assert_eq!(SavedFailure::load(&paths[0]).expect("loaded"), first);
    assert_eq!(SavedFailure::load(&paths[2]).expect("loaded"), again);
    let there = fs::read_dir(paths[0].parent().expect("a folder")).expect("readable").count();
    assert_eq!(there, 2, "no draft stays behind");
}

#[test]
fn a_file_that_appears_meanwhile_is_not_replaced() {
    let folder = Folder::new("meanwhile");
    let path = folder.0.join("seed-1.json");
    write_new(&path, b"first").expect("written");
    let second = write_new(&path, b"second").expect_err("it is there");
    assert_eq!(second.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).expect("readable"), b"first");
    assert_eq!(fs::read_dir(&folder.0).expect("readable").count(), 1, "no draft stays behind");
}

#[test]
fn a_file_that_was_cut_short_is_refused_wherever_the_cut_is() {
    let text = failure(7).to_text();
    let whole = text.trim_end().len();
    for cut in (0..whole).filter(|cut| text.is_char_boundary(*cut)) {
        let result = SavedFailure::from_bytes(&text.as_bytes()[..cut]);
        assert!(
            matches!(result, Err(BadSaved::Empty | BadSaved::Broken(_))),
            "cut at {cut}: {result:?}"
        );
    }
}

#[test]
fn an_edited_file_is_refused() {
    let text = failure(7).to_text();
    let edits = [
        ("\"seed\": 7", "\"seed\": 8"),
        ("rate: 10/s", "rate: 9/s"),
        ("acks: 1", "acks: 0"),
        ("\"tape\": \"A", "\"tape\": \"B"),
    ];
    for (from, to) in edits {
        assert!(text.contains(from), "{from} is in {text}");
        let result = SavedFailure::from_bytes(text.replacen(from, to, 1).as_bytes());
        assert!(matches!(result, Err(BadSaved::Edited)), "{from} became {to}: {result:?}");
    }
    let spaced = text.replace("\n  ", "\n      ");
    assert!(SavedFailure::from_bytes(spaced.as_bytes()).is_ok(), "spaces mean nothing");
}

#[test]
fn a_file_of_another_version_says_so() {
    let text = failure(7).to_text().replace(VERSION, "99.0.0");
    let error = SavedFailure::from_bytes(text.as_bytes()).expect_err("refused").to_string();
    assert!(error.contains("stormglass 99.0.0") && error.contains(VERSION), "{error}");
}

#[test]
fn what_is_no_saved_failure_is_refused() {
    for foreign in ["{}", "[]", "7", "null", r#"{"stormglass": 1}"#, r#"{"seed": 7}"#] {
        let result = SavedFailure::from_bytes(foreign.as_bytes());
        assert!(matches!(result, Err(BadSaved::Foreign)), "{foreign}: {result:?}");
    }
    assert!(matches!(SavedFailure::from_bytes(b" \n"), Err(BadSaved::Empty)));
    assert!(matches!(SavedFailure::from_bytes(b"\xff\xfe"), Err(BadSaved::Broken(_))));
    let missing = SavedFailure::load(Path::new("there/is/no/such/file.json"));
    assert!(matches!(missing, Err(BadSaved::Unreadable(_))));
}

#[test]
fn names_of_scenarios_lead_nowhere_else() {
    let folder = Path::new("reports");
    for name in ["../../etc/passwd", "/etc/passwd", "a/./b", "c:\\d", "weird name?*"] {
        let path = folder_of(folder, name);
        assert!(path.starts_with(folder), "{}", path.display());
        assert!(!path.components().any(|part| part.as_os_str() == ".."), "{}", path.display());
    }
}

#[test]
fn the_plan_stands_alone_with_its_faults_as_drawn() {
    let saved = failure(7);
    assert!(!saved.plan.contains("every") && saved.plan.contains("acks: 1"), "{}", saved.plan);
    let files = vec![("checkout.properties".to_owned(), "acks=1\n".into())];
    let drawn = Scenario::parse_with("scenarios/x.yaml", TEXT, files).expect("valid").plan(7);
    let scenario = saved.scenario().expect("as it was");
    assert_eq!(scenario.plan(7), drawn);
    assert_eq!(scenario.name(), "scenarios/x.yaml");
    let other = SavedFailure { plan: "topics: 7\n".to_owned(), ..saved };
    assert!(matches!(other.scenario(), Err(BadSaved::Invalid(_))));
}
