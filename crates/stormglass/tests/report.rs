//! The page of a run, from outside: files that are never written over, and what a browser makes of it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An answer gets lost and its batch is stored twice; a leader dies for a while, and the group lives on.
const SCENARIO: &str = "
about: An answer gets lost, and a leader dies for a while.
run: { for: 12s, settle: 60s }
topics: { orders: { partitions: 2, replication.factor: 3 } }
producers: { checkout: { to: orders, rate: 20/s, config: { enable.idempotence: false }, keys: { count: 3 } } }
groups: { billing: { members: 2, subscribe: [orders], config: { auto.offset.reset: earliest } } }
faults:
  - { on: { response: Produce, to: checkout, nth: 5 }, lose: response }
  - { at: 5s, kill: leader of orders-0, for: 3s }
expect: { violate: [no-duplicates] }
";

/// A folder of one test, with the program to run in it.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("stormglass-report-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the test");
        Self(folder)
    }

    fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
        command.args(arguments.split_whitespace()).current_dir(&self.0);
        let output = command.output().expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 1 | 4)), "{arguments}: {said}");
        output
    }

    /// The files below a folder, by name.
    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(folder)).expect("a folder");
        let files = entries.map(|entry| entry.expect("an entry").path()).filter(|it| it.is_file());
        let mut names: Vec<String> =
            files.filter_map(|it| Some(it.file_name()?.to_str()?.to_owned())).collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_report_is_never_written_over() {
    let place = Place::new("kept");
    fs::write(place.0.join("made.yaml"), SCENARIO).expect("written");
    let said = place.run("run made.yaml --report r --seed 1").stderr;
    assert!(String::from_utf8_lossy(&said).contains("report r/made/seed-1.html"));
    let first = ["seed-1.html", "seed-1.json", "seed-1.txt"];
    assert_eq!(place.files("r/made"), first);
    let page = fs::read(place.0.join("r/made/seed-1.html")).expect("the page");
    // The same run again adds nothing, and another scenario under the same name gets a number.
    place.run("run made.yaml --report r --seed 1");
    assert_eq!(place.files("r/made"), first);
    fs::write(place.0.join("made.yaml"), SCENARIO.replace("20/s", "30/s")).expect("written");
    let said = place.run("run made.yaml --report r --seed 1").stderr;
    assert!(String::from_utf8_lossy(&said).contains("report r/made/seed-1-2.html"));
    assert_eq!(place.files("r/made").len(), 6);
    assert_eq!(fs::read(place.0.join("r/made/seed-1.html")).expect("the page"), page);
}

#[test]
fn one_seed_is_one_page_and_explain_writes_it_too() {
    let place = Place::new("explained");
    fs::write(place.0.join("made.yaml"), SCENARIO).expect("written");
    place.run("run made.yaml --report a --seed 1");
    place.run("explain made.yaml --report b --seed 1");
    let page = |folder: &str| {
        fs::read_to_string(place.0.join(format!("{folder}/made/seed-1.html"))).expect("a page")
    };
    assert_eq!(page("a"), page("b"));
    assert!(page("a").contains(r#"class=\"seq\""#), "the sequence diagram is there");
}

#[test]
fn a_browser_shows_every_part_without_an_error() {
    let Some(browser) = browser() else {
        skip_loudly();
        return;
    };
    let place = Place::new("browser");
    fs::write(place.0.join("made.yaml"), SCENARIO).expect("written");
    for width in [1400, 480] {
        place.run("run made.yaml --report r --seed 1");
        let page = place.0.join("r/made/seed-1.html");
        let shown = shown(&browser, &page, width);
        let says = |name: &str| attribute(&shown, name);
        assert_eq!(says("data-ready"), Some("yes"), "the page draws itself at {width}");
        assert_eq!(says("data-error"), None, "at {width}");
        let number = |name: &str| says(name).and_then(|it| it.parse::<u32>().ok()).unwrap_or(0);
        assert!(number("data-charts") >= 9, "{} charts", number("data-charts"));
        assert!(number("data-rows") >= 12, "{} lanes", number("data-rows"));
        let drawn = shown.matches("<canvas").count();
        assert_eq!(u32::try_from(drawn), Ok(number("data-charts")), "at {width}");
        for text in ["broker-1", "orders-0", "billing-2", "checkout-1", "high watermark"] {
            assert!(shown.contains(text), "`{text}` is not shown at {width}");
        }
        let took = number("data-loaded");
        assert!(took < 20_000, "the page took {took} ms");
        let _ = writeln!(std::io::stderr(), "a browser {width} wide drew the page in {took} ms");
    }
}

/// What a browser makes of a page.
fn shown(browser: &OsStr, page: &Path, width: u32) -> String {
    let profile = page.with_extension("profile");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("--virtual-time-budget=5000")
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// An attribute of the root element.
fn attribute<'s>(shown: &'s str, name: &str) -> Option<&'s str> {
    let root = shown.split_once("<html")?.1.split_once('>')?.0;
    root.split_once(&format!("{name}=\""))?.1.split_once('"').map(|(value, _)| value)
}

/// `STORMGLASS_BROWSER`, or a Chromium on the path.
fn browser() -> Option<std::ffi::OsString> {
    if let Some(named) = std::env::var_os("STORMGLASS_BROWSER") {
        return Some(named);
    }
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let works = |name: &&str| {
        Command::new(name).arg("--version").output().is_ok_and(|it| it.status.success())
    };
    names.into_iter().find(works).map(Into::into)
}

/// Past the test runner, which keeps what passing tests print.
fn skip_loudly() {
    let _ = writeln!(
        std::io::stderr(),
        "\nSKIPPED: no Chromium was found, so NO BROWSER has looked at the page; \
         install one or set STORMGLASS_BROWSER\n"
    );
}
