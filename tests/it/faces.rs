//! The faces without a screen: their JSON, their exit codes, their words. The real binary, in a home of its own.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt::Write,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Stdio},
    sync::LazyLock,
};
use tempfile::TempDir;

/// A copy of the binary that no later build replaces while tests run.
pub static BINARY: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder");
    let copy = folder.path().join("pilothouse");
    std::fs::copy(env!("CARGO_BIN_EXE_pilothouse"), &copy).expect("the binary");
    (folder, copy)
});

/// What must never be printed.
const CANARY: &str = "ghp_canaryCANARYcanaryCANARYcanaryCANA01";

/// A home with files, in which faces are run.
struct Home(TempDir);

/// How a face ended.
#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

fn home() -> Home {
    let home = Home(TempDir::new().expect("a folder"));
    std::fs::create_dir(home.0.path().join("tmp")).expect("a folder");
    home
}

impl Home {
    fn file(self, name: &str, text: &str) -> Self {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
        self
    }

    fn command(&self, args: &[&str]) -> Command {
        let at = |name: &str| self.0.path().join(name);
        let mut command = Command::new(&BINARY.1);
        command.args(args).env_clear().current_dir(self.0.path()).stdin(Stdio::null());
        command.env("HOME", at("")).env("XDG_CONFIG_HOME", at("config")).env("XDG_STATE_HOME", at("state")).env("TMPDIR", at("tmp"));
        command.env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("TZ", "UTC").env("TERM", "xterm-256color").env("CANARY_TOKEN", CANARY);
        command.env("KUBECONFIG", at("kubeconfig")).env("DOCKER_HOST", "unix:///nowhere.sock");
        command
    }

    /// A kubeconfig of one cluster at that address.
    fn cluster(self, server: &str) -> Self {
        self.file(
            "kubeconfig",
            &format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: prod\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
                 users: [{{name: u, user: {{token: t}}}}]\ncontexts: [{{name: prod, context: {{cluster: c, user: u}}}}]\n"
            ),
        )
    }

    fn run(&self, args: &[&str]) -> Ended {
        let mut command = self.command(args);
        let output = command.output().expect("the program");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let ended = Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
        for said in [&ended.out, &ended.err] {
            assert!(!said.contains(CANARY), "a secret was printed by {args:?}");
            assert!(!said.contains("panicked"), "{args:?}: {said}");
        }
        ended
    }
}

impl Ended {
    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(self, words: &[&str]) -> Self {
        for words in words {
            assert!(self.out.contains(words) || self.err.contains(words), "it does not say `{words}`:\n{}\n{}", self.out, self.err);
        }
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.out, self.err))
    }
}

/// Each path of a JSON text with the kinds of values that stand there: what a reader of it relies on.
fn shape(value: &Value) -> String {
    fn walk(value: &Value, at: &str, found: &mut BTreeMap<String, Vec<&'static str>>) {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(items) => {
                items.iter().for_each(|item| walk(item, &format!("{at}[]"), found));
                "list"
            }
            Value::Object(fields) => {
                fields.iter().for_each(|(name, field)| walk(field, &format!("{at}.{name}"), found));
                "object"
            }
        };
        let kinds = found.entry(at.to_owned()).or_default();
        if !kinds.contains(&kind) {
            kinds.push(kind);
            kinds.sort_unstable();
        }
    }
    let mut found = BTreeMap::new();
    walk(value, "", &mut found);
    found.into_iter().fold(String::new(), |mut text, (path, kinds)| {
        let _ = writeln!(text, "{path}: {}", kinds.join(" | "));
        text
    })
}

#[track_caller]
fn has_shape(name: &str, value: &Value) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, shape(value)));
}

#[test]
fn status_as_json_has_its_documented_shape_and_says_what_burns() {
    let ended = home().run(&["status", "--demo", "--json"]).ends(1);
    let status = ended.json();
    has_shape("json_status", &status);
    assert_eq!(status["v"], 1);
    let cart = status["services"].as_array().unwrap().iter().find(|row| row["service"] == "cart").expect("cart runs");
    let production = cart["environments"].as_array().unwrap().iter().find(|cell| cell["environment"] == "production").expect("in production");
    assert_eq!((&production["state"], &production["tier"], &production["guessed"]), (&"stuck".into(), &"production".into(), &false.into()));
    assert_eq!(production["version"], "2.7.3 → 2.8.0");
    let names: Vec<&Value> = status["alerts"].as_array().unwrap().iter().map(|alert| &alert["name"]).collect();
    assert!(names.contains(&&Value::from("CartErrorRate")), "{names:?}");
    let states: Vec<&Value> = status["sources"].as_array().unwrap().iter().map(|source| &source["state"]).collect();
    assert!(states.contains(&&Value::from("down")) && states.contains(&&Value::from("live")), "{states:?}");
}

#[test]
fn status_as_text_names_the_service_the_alert_and_the_source_that_is_down() {
    home().run(&["status", "--demo"]).ends(1).says(&["1 stuck", "cart", "2.7.3 → 2.8.0", "alert  critical  CartErrorRate", "source demo/docker-staging"]);
}

#[test]
fn status_says_what_it_does_not_know_and_names_each_trouble_once() {
    let status = home().run(&["status", "--demo", "--json"]).json();
    let missing = status["missing"].as_array().unwrap();
    let docker: Vec<&Value> = missing.iter().filter(|one| one["source"] == "demo/docker-staging").collect();
    assert_eq!(docker.len(), 1, "{missing:?}");
    assert!(docker[0]["feeds"].as_array().unwrap().contains(&"workloads".into()) && !docker[0]["why"].as_str().unwrap().is_empty());
    let text = home().run(&["status", "--demo"]).out;
    assert_eq!(text.lines().filter(|line| line.starts_with("source demo/docker-staging")).count(), 1, "{text}");
    let nothing = home().run(&["status", "--timeout", "1s"]).ends(2);
    assert!(!nothing.out.contains("0 services"), "{}", nothing.out);
    nothing.says(&["what runs is not known", "no source of alerts is connected", "no source of metrics is connected"]);
}

#[test]
fn status_leads_with_the_cause_that_many_share_and_marks_its_victims() {
    let ended = home().run(&["status", "--demo=node-down"]).ends(1).says(&["cause  node ", "victim of "]);
    assert!(ended.out.lines().nth(1).is_some_and(|line| line.starts_with("cause")), "{}", ended.out);
    let status = home().run(&["status", "--demo=node-down", "--json"]).ends(1).json();
    assert!(status["cause"]["explained"].as_u64() > Some(0) && status["cause"]["victims"].as_array().unwrap().len() >= 3, "{}", status["cause"]);
    let cells: Vec<&Value> = status["services"].as_array().unwrap().iter().flat_map(|row| row["environments"].as_array().unwrap()).collect();
    assert!(cells.iter().any(|cell| cell["victim_of"].is_string()) && cells.iter().any(|cell| cell["victim_of"].is_null()));
}

/// An address at which a server takes connections and never says a word; it is silent for as long as the listener lives.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = format!("http://{}", listener.local_addr().expect("an address"));
    (listener, server)
}

/// An address at which nobody listens.
fn nobody() -> String {
    silent().1
}

#[test]
fn what_could_not_be_asked_is_not_told_as_absent() {
    let (_listener, slow) = silent();
    for server in [&nobody(), &slow] {
        let home = home().cluster(server);
        let rollback = |more: &[&str]| home.run(&[&["rollback", "cart", "-e", "production", "--timeout", "1s"], more].concat());
        let ended = rollback(&["--dry-run"]).ends(2).says(&["cart in production could not be asked: ", "kubernetes/prod: "]);
        assert!(!ended.err.contains("does not run"), "{}", ended.err);
        let error = rollback(&["--dry-run", "--json"]).ends(2).json();
        assert!(error["error"].as_str().is_some_and(|words| words.contains("could not be asked")), "{error}");
        rollback(&["--write", "--yes", "--confirm", "cart", "--reason", "x"]).ends(2);
        home.run(&["logs", "cart", "--timeout", "1s"]).ends(2).says(&["could not be asked: ", "kubernetes/prod: "]);
        let status = home.run(&["status", "--timeout", "1s", "--json"]).ends(2).json();
        let missing = status["missing"].as_array().unwrap();
        let whose = |one: &&Value| one["source"] == "kubernetes/prod" && one["feeds"].as_array().is_some_and(|feeds| feeds.contains(&"workloads".into()));
        assert!(missing.iter().any(|one| whose(&one)), "{missing:?}");
    }
}

#[test]
fn doctor_is_not_green_for_what_it_never_saw() {
    let (_listener, slow) = silent();
    // A refusal comes by itself, however long that takes on a busy machine.
    let doctor = |server: &str, patience: &str, (state, code): (&str, i32)| {
        let home = home().cluster(server).file("c.toml", "[[source]]\nkind = \"kubernetes\"\n");
        let looked = home.run(&["doctor", "--json", "--timeout", patience, "--config", "c.toml"]).ends(code).json();
        let rows: Vec<&Value> = looked["looked"].as_array().unwrap().iter().filter(|one| one["what"] == "kubernetes/prod workloads").collect();
        assert!(rows.len() == 1 && rows[0]["state"] == state, "{looked:#}");
    };
    doctor(&slow, "1s", ("unknown", 2));
    doctor(&nobody(), "30s", ("bad", 1));
}

#[test]
fn a_closed_pipe_ends_no_face_with_a_panic_and_changes_no_exit_code() {
    let home = home();
    let cut = |args: &[&str]| {
        let mut child = home.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
        assert!(said.is_empty(), "{args:?} says: {said}");
        child.wait().expect("it ends").code().unwrap_or(-1)
    };
    for args in [&["status", "--demo"][..], &["status", "--demo", "--json"]] {
        assert_eq!(cut(args), 1, "{args:?}");
    }
    for args in [
        &["print", "--demo"][..],
        &["completions", "bash"],
        &["man"],
        &["config", "schema"],
        &["logs", "cart", "-e", "production", "--demo"],
        &["logs", "cart", "-e", "production", "--demo", "-f"],
        &["rollback", "cart", "-e", "production", "--demo", "--dry-run"],
    ] {
        assert_eq!(cut(args), 0, "{args:?}");
    }
}

#[test]
fn a_followed_log_ends_when_its_reader_has_enough() {
    let home = home();
    let mut child = home.command(&["logs", "cart", "-e", "production", "--demo", "-f"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert!(lines.next().is_some_and(|line| line.is_ok()));
    drop(lines);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn status_ends_with_yes_where_all_is_well() {
    home().run(&["status", "--demo=quiet"]).ends(0).says(&["8 ok"]);
}

#[test]
fn status_of_nothing_could_not_tell() {
    home().run(&["status", "--timeout", "1s"]).ends(2);
}

#[test]
fn a_dry_run_of_a_rollback_has_its_documented_shape_and_changes_nothing() {
    let ended = home().run(&["rollback", "cart", "-e", "production", "--demo", "--dry-run", "--json"]).ends(0);
    let plan = ended.json();
    has_shape("json_rollback_plan", &plan);
    assert_eq!((&plan["state"], &plan["to"]["revision"], &plan["from"]["version"]), (&"planned".into(), &41.into(), &"2.8.0".into()));
    assert!(plan["verdict"].is_null() && !plan["difference"].as_array().unwrap().is_empty() && !plan["checks"].as_array().unwrap().is_empty());
}

#[test]
fn what_the_policy_forbids_ends_with_77_and_the_remedy() {
    let cart = ["rollback", "cart", "-e", "production", "--demo"];
    let run = |more: &[&str]| home().run(&[&cart[..], more].concat());
    run(&[]).ends(77).says(&["nothing was changed"]);
    run(&["--yes", "--reason", "errors", "--confirm", "cart"]).ends(77).says(&["locked"]);
    run(&["--yes", "--write", "--reason", "errors"]).ends(77).says(&["--confirm cart"]);
    run(&["--yes", "--write", "--confirm", "cart"]).ends(77).says(&["--reason"]);
    run(&["--yes", "--write", "--confirm", "card", "--reason", "errors"]).ends(77).says(&["--confirm cart"]);
    run(&["--yes", "--read-only", "--confirm", "cart", "--reason", "errors"]).ends(77).says(&["read-only"]);
}

#[test]
fn several_services_are_one_plan_that_is_confirmed_by_the_name_of_their_environment() {
    let both = ["rollback", "payments", "cart", "-e", "production", "--demo"];
    let run = |more: &[&str]| home().run(&[&both[..], more].concat());
    let plan = run(&["--dry-run", "--json"]).ends(0).json();
    has_shape("json_rollback_plans", &plan);
    run(&["--dry-run"]).ends(0).says(&["Roll back 2 workloads in production, one after the other", "2.8.0 → 2.7.3"]);
    run(&["--yes", "--write", "--reason", "errors", "--confirm", "cart"]).ends(77).says(&["--confirm production"]);
    run(&["--yes", "--reason", "errors", "--confirm", "production"]).ends(77).says(&["locked"]);
    run(&["--dry-run", "--to", "r41"]).ends(64).says(&["--to is about one service"]);
}

#[test]
fn a_run_is_followed_to_its_end_with_its_exit_code() {
    let watch = |more: &[&str]| home().run(&[&["watch", "--demo"], more].concat());
    let failed = watch(&["311", "--json"]).ends(1).json();
    has_shape("json_watch", &failed);
    assert_eq!((&failed["number"], &failed["status"]), (&311.into(), &"failed".into()));
    watch(&["shop/cart#311"]).ends(1).says(&["#311 of shop/cart, attempt 1: failed", "deploy"]);
    watch(&["940"]).ends(0).says(&["#940 of shop/catalog, attempt 1: ok"]);
    let url = failed["url"].as_str().expect("an address");
    watch(&[url]).ends(1);
    watch(&["88", "--within", "1s"]).ends(2).says(&["did not end within 1s"]);
    watch(&["--branch", "v5.3.0", "-R", "catalog"]).ends(0).says(&["#940"]);
    watch(&["--branch", "nobody-has-it"]).ends(2).says(&["there is no run of branch nobody-has-it among the newest that are read"]);
    watch(&["77"]).ends(2).says(&["there is no run 77"]);
    watch(&[]).ends(64);
    watch(&["311", "--branch", "main"]).ends(64);
}

#[test]
fn what_is_not_there_ends_with_1_and_says_what_is() {
    home().run(&["rollback", "basket", "-e", "production", "--demo", "--dry-run"]).ends(1).says(&["basket does not run in production"]);
    home().run(&["rollback", "cart", "-e", "moon", "--demo", "--dry-run"]).ends(1).says(&["production", "staging"]);
    home().run(&["rollback", "cart", "-e", "production", "--to", "r7", "--demo", "--dry-run"]).ends(1).says(&["r7", "r41"]);
    home().run(&["logs", "basket", "--demo"]).ends(1).says(&["basket"]);
}

#[test]
fn logs_are_plain_text_in_the_order_of_time() {
    let ended = home().run(&["logs", "cart", "-e", "production", "--demo"]).ends(0).says(&["unknown currency", "priced"]);
    let times: Vec<&str> = ended.out.lines().filter_map(|line| line.split(' ').next()).filter(|time| time.starts_with("20")).collect();
    assert!(times.len() > 3 && times.is_sorted(), "{}", ended.out);
    assert!(!ended.out.contains('\x1b'));
    let some = home().run(&["logs", "cart", "-e", "production", "--demo", "--grep", "currency"]).ends(0);
    assert!(some.out.contains("unknown currency") && !some.out.contains("priced"));
    home().run(&["logs", "cart", "--demo"]).ends(64).says(&["choose with -e"]);
    home().run(&["logs", "cart", "-e", "production", "--demo", "--grep", "no line says this"]).ends(1).says(&["cart has said nothing that fits --grep"]);
}

#[test]
fn wrong_arguments_end_with_64() {
    for args in [
        &["--nonsense"][..],
        &["--read-only", "--write"],
        &["status", "--timeout", "soon"],
        &["print", "--demo", "--size", "0x0"],
        &["print", "--demo", "--keys", "<nonsense>"],
        &["print", "--demo", "--scenario", "moon"],
        &["logs"],
        &["logs", "cart", "-e", "production", "--demo", "--grep", "("],
        &["rollback", "cart"],
        &["rollback", "cart", "-e", "production", "--demo", "--dry-run", "--to", "the-good-one"],
        &["rollback", "cart", "-e", "x", "--yes", "--dry-run"],
        &["completions", "moon"],
    ] {
        let ended = home().run(args).ends(64);
        assert!(!ended.err.is_empty(), "{args:?} says nothing");
    }
}

#[test]
fn without_a_terminal_the_console_says_what_works_instead() {
    for args in [&[][..], &["demo"]] {
        home().run(args).ends(64).says(&["not a terminal", "pilothouse print", "pilothouse status"]);
    }
}

#[test]
fn help_version_completions_and_the_manual_are_there() {
    home().run(&["--help"]).ends(0).says(&["Exit codes: 0 yes, 1 no", "rollback", "--demo"]);
    home().run(&["--version"]).ends(0).says(&[env!("CARGO_PKG_VERSION")]);
    for shell in ["bash", "zsh", "fish"] {
        home().run(&["completions", shell]).ends(0).says(&["rollback", "read-only"]);
    }
    home().run(&["man"]).ends(0).says(&[".TH pilothouse", "Exit codes"]);
}

const BAD: &str = "[ui]\ntheme = \"drak\"\nglphs = \"ascii\"\n\n[thresholds]\nerror_rate = 5\n\n[[environment]]\nname = \"production\"\ntier = \"prod\"\n\n\
    [[source]]\nkind = \"github\"\ntoken = \"ghp_canaryCANARYcanaryCANARYcanaryCANA01\"\n\n[[source]]\nkind = \"moon\"\n";

#[test]
fn a_bad_configuration_tells_all_its_errors_at_once_with_line_and_column() {
    let ended = home().file("bad.toml", BAD).run(&["config", "check", "--config", "bad.toml"]).ends(78);
    let lines: Vec<&str> = ended.err.lines().collect();
    for at in ["bad.toml:3:1", "bad.toml:6:14", "bad.toml:10:8"] {
        assert!(lines.iter().any(|line| line.contains(at)), "no error at {at}:\n{}", ended.err);
    }
    assert!(lines.iter().filter(|line| line.contains("bad.toml:")).count() >= 4, "{}", ended.err);
    // Every face refuses it in the same words.
    let status = home().file("bad.toml", BAD).run(&["status", "--config", "bad.toml"]).ends(78);
    assert_eq!(status.err, ended.err);
}

const WORSE: &str = "[ui]\r\ntheem = 1\r\n\r\n[[source]]\r\nkind = \"alertmanager\"\r\nname = 7\r\n\
    urls = [\"http://127.0.0.1:9093\", \"not a url\"]\r\ncontext = 5\r\n\r\n\
    [[source]]\r\nkind = \"prometheus\"\r\nurl = \"ftp://x\"\r\n\r\n[[source]]\r\nkind = \"github\"\r\nrepositories = [\"acme/cart\", \"acme\"]\r\n\r\n\
    [[source]]\r\nkind = \"moon\"\r\n\r\n[[source]]\r\nkind = \"docker\"\r\nhost = \"gopher://x\"\r\n\r\n[[environment]]\r\nname = 1\r\n";

#[test]
fn what_only_a_back_end_understands_is_told_with_the_rest_each_at_its_value() {
    let ended = home().file("w.toml", WORSE).run(&["config", "check", "--config", "w.toml"]).ends(78);
    let places: Vec<&str> = ended.err.lines().filter_map(|line| line.strip_prefix("w.toml:")?.split(": ").next()).collect();
    assert_eq!(places, ["2:1", "6:8", "7:34", "8:11", "12:7", "16:30", "19:8", "23:8", "26:8"], "{}", ended.err);
    assert!(!ended.err.contains('\r') && ended.err.contains(" 12 | url = \"ftp://x\"\n    |       ^^^^^^^^^"), "{}", ended.err);
    let good = home().file("u.toml", "[[source]]\nkind = \"alertmanager\"\nurls = [\"http://127.0.0.1:9093\", \"not a url\"]\n");
    good.run(&["status", "--config", "u.toml"]).ends(78).says(&["u.toml:3:34", "is not the URL of a server"]);
}

#[test]
fn a_kubeconfig_without_contexts_offers_none() {
    let ended = home().file("kubeconfig", "apiVersion: v1\nkind: Config\n").run(&["status", "--timeout", "1s"]).says(&["no context at all"]);
    assert!(!ended.out.contains("with one of"), "{}", ended.out);
}

#[test]
fn a_bad_keymap_theme_or_source_says_where_and_what_to_do() {
    home()
        .file("c.toml", "")
        .file("keys.toml", "[global]\nexplain = \"moonlight\"\n[nowhere]\nx = \"y\"\n")
        .run(&["config", "check", "--config", "c.toml"])
        .ends(78)
        .says(&["keys.toml:2:", "keys.toml:3:"]);
    home()
        .file("c.toml", "[ui]\ntheme = \"own\"\n")
        .file("themes/own.toml", "inherits = \"dark\"\n[roles]\ncritical = \"reddish\"\n")
        .run(&["config", "check", "--config", "c.toml"])
        .ends(78)
        .says(&["own.toml:3:"]);
    home()
        .file("c.toml", "[[source]]\nkind = \"alertmanager\"\nurl = \"not a url\"\n")
        .run(&["config", "check", "--config", "c.toml"])
        .ends(78)
        .says(&["c.toml:3:"]);
    let secret = home()
        .file("c.toml", "[[source]]\nkind = \"prometheus\"\nurl = \"http://ops:s3cret@host:9090\"\n")
        .run(&["config", "check", "--config", "c.toml"])
        .ends(78)
        .says(&["c.toml:3:", "`url` has a password in its URL"]);
    assert!(!secret.err.contains("is missing") && !secret.err.contains("s3cret"), "{}", secret.err);
    home().run(&["config", "check", "--config", "moon.toml"]).ends(78).says(&["moon.toml"]);
}

#[test]
fn a_configuration_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let home = home().file("c.toml", "");
    std::fs::set_permissions(home.0.path().join("c.toml"), std::fs::Permissions::from_mode(0o666)).expect("a file of ours");
    home.run(&["config", "check", "--config", "c.toml"]).ends(78).says(&["c.toml"]);
}

#[test]
fn a_broken_kubeconfig_is_named_with_its_remedy() {
    let ended = home().file("kubeconfig", "clusters: [\n").run(&["status", "--timeout", "2s"]);
    assert_ne!(ended.code, 0);
    ended.says(&["kubeconfig"]);
}

#[test]
fn a_good_configuration_is_written_read_and_described() {
    let home = home();
    home.run(&["config", "init"]).ends(0).says(&["written"]);
    home.run(&["config", "check"]).ends(0).says(&["right"]);
    let again = home.run(&["config", "init"]);
    assert_ne!(again.code, 0, "a file was written over");
    home.run(&["config", "path"]).ends(0).says(&["config.toml", "journal"]);
    let schema = home.run(&["config", "schema"]).ends(0).json();
    assert!(schema["properties"]["environment"].is_object() || schema["properties"]["source"].is_object(), "{schema}");
}

#[test]
fn doctor_looks_at_everything_and_has_its_documented_shape() {
    let ended = home().run(&["doctor", "--json", "--timeout", "1s"]);
    let looked = ended.json();
    has_shape("json_doctor", &looked);
    let whats: Vec<&Value> = looked["looked"].as_array().unwrap().iter().map(|one| &one["what"]).collect();
    for what in ["terminal", "configuration", "journal"] {
        assert!(whats.contains(&&Value::from(what)), "{whats:?}");
    }
}

#[test]
fn print_needs_no_terminal_and_gives_the_same_frame_every_time() {
    let frame = || home().run(&["print", "--demo", "--size", "80x24", "--keys", "j<wait:5s>"]).ends(0).out;
    let first = frame();
    assert_eq!(first, frame());
    assert_eq!(first.lines().count(), 24);
    assert!(first.contains("1 Environments") && !first.contains('\x1b'));
}
