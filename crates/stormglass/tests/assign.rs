//! `stormglass assign` from outside: flags, a file, steps as they come, formats and exit codes.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Exit code, standard output and standard error of the program with these arguments and this input.
fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stormglass"))
        .arg("assign")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // The program may end before it reads anything.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
}

fn check(arguments: &str, input: &str) -> String {
    // `+` stands for a space within an argument.
    let arguments: Vec<String> =
        arguments.split_whitespace().map(|argument| argument.replace('+', " ")).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (code, out, err) = run(&arguments, input);
    format!("{out}{err}exit {code}")
}

fn file(name: &str, text: &str) -> PathBuf {
    let path =
        std::env::temp_dir().join(format!("stormglass-assign-{}-{name}", std::process::id()));
    fs::write(&path, text).expect("written");
    path
}

#[test]
fn flags_make_a_group_and_its_steps() {
    insta::assert_snapshot!(check(
        "--topic orders:4@r1,r2 --member a:orders@r2 --member b:orders@r1 --then join+c:orders --then leave+b \
         --assignor range --assignor sticky --assignor cooperative-sticky",
        "",
    ));
}

#[test]
fn steps_are_shown_as_they_come_and_wrong_ones_left_out() {
    insta::assert_snapshot!(check(
        "--topic orders:2 --member a:orders --owned a:orders-1 --assignor sticky --live",
        "join b:orders\n\n# a comment\nleave z\nleaf b\nleave a\n",
    ));
}

#[test]
fn a_file_gives_json_and_yaml() {
    let path = file(
        "group.yaml",
        "topics: { orders: 2 }\nmembers: { a: [orders] }\nsteps: [join b:orders]\n",
    );
    let name = path.display().to_string();
    let (code, json, _) = run(&[&name, "--assignor", "server-range", "--format", "json"], "");
    assert_eq!(code, 0);
    let steps: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(steps[1]["step"], "join b:orders");
    assert_eq!(steps[1]["outcomes"][0]["moved"][0]["to"], "b");
    let (code, yaml, _) = run(&[&name, "--assignor", "server-range", "--format", "yaml"], "");
    assert_eq!(code, 0);
    assert_eq!(yaml.matches("---\nstep: ").count(), 2);
    fs::remove_file(path).expect("it was there");
}

#[test]
fn wrong_flags_are_wrong_usage_and_wrong_files_are_invalid() {
    assert!(check("", "").ends_with("exit 2"));
    assert!(check("--topic orders", "").ends_with("exit 2"));
    assert!(
        check("--topic orders:1 --member a:oders", "").ends_with("did you mean `orders`?\nexit 2")
    );
    assert!(check("--topic orders:1 --assignor stiky", "").contains("did you mean `sticky`?"));
    let path = file("wrong.yaml", "topics: { orders: 2 }\nmembers: { a: [oders] }\n");
    let said = check(&path.display().to_string(), "");
    assert_eq!(
        said,
        "error: member `a` names topic `oders`, which is not known; did you mean `orders`?\nexit 3"
    );
    fs::remove_file(path).expect("it was there");
}
