//! Taking containers back: a new one takes the place of the old one, the same but for its image, and the old one comes back where it is not well.

use super::{
    cut::Cut,
    engine::{self, Engine, left_out},
    swarm::{face, face_at, program},
};
use crate::{
    kubernetes::{
        acts::{operation, revisions, subject, warrant},
        lab,
    },
    reader::writer,
};
use futures::StreamExt;
use pilothouse::{
    config::Config,
    domain::{Id, Stage, Verb},
};
use serde_json::{Value, json};
use std::process::Stdio;

/// What both images are made from; the good one, and the bad one.
const BASE: &str = "base:1";
const GOOD: &str = "pilothouse/box:1";
const BAD: &str = "pilothouse/box:2";

/// An image of the same files with defaults of its own.
fn image(engine: &Engine, name: &str, changes: &[&str]) {
    let container = engine.docker(&["create", BASE, "/bin/sh"]);
    let changes: Vec<&str> = changes.iter().flat_map(|change| ["--change", change]).collect();
    engine.docker(&[&["commit"], &changes[..], &[&container, name]].concat());
    engine.docker(&["rm", &container]);
}

/// An engine of our own. Its networks are bridges of this machine, which would outlive it.
struct Shop(Engine);

impl std::ops::Deref for Shop {
    type Target = Engine;
    fn deref(&self) -> &Engine {
        &self.0
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for name in names(self) {
            self.output(&["rm", "-f", &name]);
        }
        self.output(&["network", "rm", "shop_front", "shop_back"]);
    }
}

/// An engine with a good image, which ends with 4 where it is told to, and one that ends with 3 after a while.
fn with_images() -> Shop {
    let engine = Shop(Engine::own());
    engine.docker(&["tag", engine::IMAGE, BASE]);
    let starts = r#"CMD ["/bin/sh","-c","[ -z \"$FAIL\" ] || exit 4; sleep 1000"]"#;
    image(&engine, GOOD, &["ENV VERSION=1", "ENV ONLY=old", "LABEL built=first", "VOLUME /data", starts]);
    let ends = r#"CMD ["/bin/sh","-c","sleep ${BAD_AFTER:-1}; exit 3"]"#;
    image(&engine, BAD, &["ENV VERSION=2", "LABEL built=second", "VOLUME /data", ends]);
    engine
}

/// A container of a compose service with all that must stay as it is.
fn service(engine: &Engine, name: &str, image: &str, more: &[&str]) {
    for network in ["shop_front", "shop_back"] {
        if !engine.output(&["network", "inspect", network]).status.success() {
            engine.docker(&["network", "create", "--internal", "--subnet", if network == "shop_front" { "10.77.1.0/24" } else { "10.77.2.0/24" }, network]);
        }
    }
    let number = name.rsplit('-').next().unwrap_or_default();
    let labels = [
        "com.docker.compose.project=shop",
        "com.docker.compose.service=web",
        "com.docker.compose.oneoff=False",
        "com.docker.compose.config-hash=abc",
        "team=shop",
    ];
    let mut arguments: Vec<String> = ["create", "--name", name, "--network", "shop_front", "--network-alias", "web"].map(str::to_owned).into();
    arguments.extend(labels.iter().flat_map(|label| ["--label".to_owned(), (*label).to_owned()]));
    arguments.extend(["--label".to_owned(), format!("com.docker.compose.container-number={number}")]);
    for (key, value) in [("-e", "DB_PASSWORD=hunter2"), ("-v", "conf:/conf:ro"), ("--restart", "unless-stopped"), ("--stop-timeout", "1"), ("--memory", "64m")]
    {
        arguments.extend([key.to_owned(), value.to_owned()]);
    }
    arguments.extend(more.iter().map(|one| (*one).to_owned()));
    arguments.push(image.to_owned());
    engine.docker(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    engine.docker(&["network", "connect", "--alias", "behind", "shop_back", name]);
    engine.docker(&["start", name]);
}

fn whole(engine: &Engine, name: &str) -> Value {
    let all: Value = serde_json::from_str(&engine.docker(&["inspect", name])).expect("JSON");
    all[0].clone()
}

/// What must be the same before and after.
fn kept(container: &Value) -> Value {
    let networks: Vec<Value> = container["NetworkSettings"]["Networks"]
        .as_object()
        .expect("networks")
        .iter()
        .map(|(name, one)| {
            let id = container["Id"].as_str().expect("an id");
            let aliases: Vec<&str> = one["Aliases"].as_array().into_iter().flatten().filter_map(Value::as_str).filter(|alias| !id.starts_with(alias)).collect();
            json!([name, aliases, one["IPAMConfig"].as_object().filter(|config| !config.is_empty())])
        })
        .collect();
    let mut mounts: Vec<Value> =
        container["Mounts"].as_array().expect("mounts").iter().map(|one| json!([one["Type"], one["Name"], one["Destination"], one["RW"]])).collect();
    mounts.sort_by_key(ToString::to_string);
    let own = |key: &String| key.starts_with("com.docker.") || key == "team";
    let labels: Vec<Value> =
        container["Config"]["Labels"].as_object().expect("labels").iter().filter(|(key, _)| own(key)).map(|(key, value)| json!([key, value])).collect();
    let host = &container["HostConfig"];
    json!([networks, mounts, labels, host["RestartPolicy"], host["PortBindings"], host["Memory"], container["Config"]["StopTimeout"]])
}

fn variables(container: &Value) -> Vec<&str> {
    let mut all: Vec<&str> = container["Config"]["Env"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    all.sort_unstable();
    all
}

fn names(engine: &Engine) -> Vec<String> {
    let mut names: Vec<String> = engine.docker(&["ps", "-a", "--format", "{{.Names}}"]).lines().map(str::to_owned).collect();
    names.sort();
    names
}

fn state(engine: &Engine, name: &str) -> String {
    engine.docker(&["inspect", "--format", "{{.State.Status}}", name])
}

fn id(engine: &Engine, name: &str) -> String {
    engine.docker(&["inspect", "--format", "{{.Id}}", name])
}

fn check<'a>(plan: &'a Value, kind: &str) -> (&'a str, &'a str) {
    let found = plan["checks"].as_array().into_iter().flatten().find(|check| check["check"] == kind);
    found.map_or(("", ""), |check| (check["outcome"].as_str().unwrap_or_default(), check["sentence"].as_str().unwrap_or_default()))
}

const PLAN: [&str; 5] = ["rollback", "web", "-e", "development", "--dry-run"];
const DO: [&str; 6] = ["rollback", "web", "-e", "development", "--yes", "--reason=it ends with 3"];

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_compose_service_gets_its_earlier_image_back_and_keeps_all_else() {
    if left_out("recreate") {
        return;
    }
    let (engine, home) = (with_images(), tempfile::tempdir().expect("a folder"));
    service(&engine, "shop-web-1", BAD, &["--ip", "10.77.1.7"]);
    service(&engine, "shop-web-2", BAD, &[]);
    let [before, second] = ["shop-web-1", "shop-web-2"].map(|name| whole(&engine, name));

    let (code, plan) = face(&engine, home.path(), &PLAN);
    assert_eq!((code, &plan["from"]["version"], &plan["to"]["version"]), (Some(0), &"2".into(), &"1".into()), "{plan:#}");
    assert_eq!(plan["to"]["class"], "not verified good", "nobody has seen it: {plan:#}");
    let changed: Vec<&str> = plan["difference"].as_array().expect("a difference").iter().filter_map(|one| one["path"].as_str()).collect();
    assert_eq!(changed, ["image", "ONLY", "VERSION", "cmd", "label built"], "{plan:#}");
    let outcomes = ["rights", "paused", "owner", "image", "references", "scaling", "strategy", "traffic"].map(|kind| check(&plan, kind).0);
    assert_eq!(outcomes, ["ok", "ok", "warn", "ok", "ok", "ok", "warn", "ok"], "{plan:#}");
    assert!(plan["command"].as_str().is_some_and(|command| command.contains("docker compose -p shop up -d --no-deps web")), "{plan:#}");
    assert_eq!(names(&engine), ["shop-web-1", "shop-web-2"], "a plan changes nothing");

    // Between two of its crashes it looks well: it is known to be bad once it has been started again and again.
    for name in ["shop-web-1", "shop-web-2"] {
        let again = async || engine.docker(&["inspect", "--format", "{{.RestartCount}}", name]).parse::<u32>().is_ok_and(|count| count >= 2).then_some(());
        lab::eventually("it was started again twice", again).await;
    }
    let (code, done) = face(&engine, home.path(), &DO);
    assert_eq!((code, &done["verdict"]), (Some(0), &"RECOVERED".into()), "{done:#}");
    let [after, other] = ["shop-web-1", "shop-web-2"].map(|name| whole(&engine, name));
    let good = engine.docker(&["image", "inspect", "--format", "{{.Id}}", GOOD]);
    assert_eq!((&after["Image"], &other["Image"]), (&json!(good), &json!(good)), "one after the other");
    assert_eq!((kept(&after), kept(&other)), (kept(&before), kept(&second)));
    assert_eq!(variables(&after), ["DB_PASSWORD=hunter2", "ONLY=old", "VERSION=1"], "the image's own defaults, and what was set");
    assert_eq!(after["Config"]["Labels"]["built"], "first");
    let (all, old) = (names(&engine), before["Id"].as_str().expect("an id"));
    assert_eq!(all.len(), 4, "{all:?}");
    assert_eq!((id(&engine, &all[1]), state(&engine, &all[1])), (old.to_owned(), "exited".into()), "the old one is kept");
    assert_eq!(engine.docker(&["inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", &all[1]]), "no", "and stays stopped");
    let journal = std::fs::read_to_string(home.path().join(".local/state/pilothouse/journal/journal.jsonl")).expect("a journal");
    assert!(journal.contains(old) && !journal.contains("hunter2"), "{journal}");

    // One service again, and what was left is not gone back to with one key.
    let (_, status) = face(&engine, home.path(), &["status"]);
    let services = status["services"].as_array().expect("services");
    assert_eq!((services.len(), &services[0]["environments"][0]["version"]), (1, &"1".into()), "{status:#}");
    let (code, again) = face(&engine, home.path(), &PLAN);
    assert_eq!((code, again["no_target"].is_string()), (Some(1), true), "{again:#}");
    let (code, forward) = face(&engine, home.path(), &[&DO[..], &["--to", "previous"]].concat());
    assert_eq!(code, Some(77), "{forward:#}");
}

#[test]
fn where_the_new_container_is_not_well_the_old_one_is_back_and_the_rest_is_left() {
    if left_out("recreate") {
        return;
    }
    let (engine, home) = (with_images(), tempfile::tempdir().expect("a folder"));
    service(&engine, "shop-web-1", BAD, &["-e", "BAD_AFTER=1000"]);
    service(&engine, "shop-web-2", BAD, &["-e", "BAD_AFTER=1000", "-e", "FAIL=yes"]);
    service(&engine, "shop-web-3", BAD, &["-e", "BAD_AFTER=1000"]);
    let before = ["shop-web-1", "shop-web-2", "shop-web-3"].map(|name| whole(&engine, name));
    let (code, done) = face(&engine, home.path(), &DO);
    let why = done["why"].as_str().unwrap_or_default();
    // How it ended is not to be seen while the engine has just started it again.
    let ended = ["shop-web-2: exit 4", "shop-web-2: it ended, and the engine"].iter().any(|words| why.contains(words));
    let says = ["the old container is back and was started again", "1 of 3 were exchanged before it and stay so"];
    assert!(code == Some(1) && ended && says.iter().all(|words| why.contains(words)), "{done:#}");
    let after = ["shop-web-1", "shop-web-2", "shop-web-3"].map(|name| whole(&engine, name));
    assert_ne!(after[0]["Id"], before[0]["Id"]);
    for at in [1, 2] {
        let of = |all: &[Value; 3]| (all[at]["Id"].clone(), all[at]["State"]["Status"].clone(), all[at]["HostConfig"]["RestartPolicy"]["Name"].clone());
        assert_eq!(of(&after), (before[at]["Id"].clone(), "running".into(), "unless-stopped".into()));
    }
    assert_eq!(names(&engine).len(), 4, "what was made and failed is gone, what was exchanged is kept: {:?}", names(&engine));
}

#[test]
fn where_the_image_is_gone_nothing_stops() {
    if left_out("recreate") {
        return;
    }
    let (engine, home) = (with_images(), tempfile::tempdir().expect("a folder"));
    engine.docker(&["run", "-d", "--name", "web", "--network", "none", BAD, "/bin/sh", "-c", "sleep 1000"]);
    engine.docker(&["rmi", GOOD]);
    let (code, plan) = face(&engine, home.path(), &DO);
    assert_eq!(code, Some(1), "{plan:#}");
    assert!(plan["no_target"].is_string(), "{plan:#}");
    assert_eq!((state(&engine, "web"), names(&engine)), ("running".into(), vec!["web".to_owned()]));
}

#[test]
fn what_can_not_be_made_once_more_is_not_begun() {
    if left_out("recreate") {
        return;
    }
    let (engine, home) = (with_images(), tempfile::tempdir().expect("a folder"));
    engine.docker(&["run", "-d", "--rm", "--name", "web", "--network", "none", BAD, "/bin/sh", "-c", "sleep 1000"]);
    let (code, plan) = face(&engine, home.path(), &DO);
    assert_eq!(code, Some(1), "{plan:#}");
    assert!(check(&plan, "references").0 == "block" && check(&plan, "references").1.contains("--rm"), "{plan:#}");
    assert_eq!(state(&engine, "web"), "running");
}

/// A container that runs the bad image, and answers.
fn badly(engine: &Engine) {
    engine.docker(&["run", "-d", "--name", "web", "--network", "none", "--stop-timeout", "0", BAD, "/bin/sh", "-c", "sleep 1000"]);
}

#[test]
fn after_a_lost_answer_nothing_more_is_sent_and_the_next_plan_tells_what_there_is() {
    if left_out("recreate") {
        return;
    }
    let (engine, home) = (with_images(), tempfile::tempdir().expect("a folder"));
    badly(&engine);
    let way = Cut::new(&engine.host(), "/stop");
    let (code, done) = face_at(&way.host(), home.path(), &DO);
    assert_eq!((code, &done["verdict"]), (Some(2), &"COULD NOT TELL".into()), "{done:#}");
    let asked: Vec<String> =
        way.changes().iter().map(|line| line.split(['?', ' ']).nth(1).unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(asked, ["create", "stop"], "each once, and nothing after what was lost");
    let all = names(&engine);
    assert_eq!((all.len(), &*all[0], state(&engine, "web"), state(&engine, &all[1])), (2, "web", "exited".into(), "created".into()), "{all:?}");
    let (_, plan) = face(&engine, home.path(), &PLAN);
    let (outcome, says) = check(&plan, "paused");
    assert!(outcome == "warn" && says.contains("stopped half-way") && says.contains("web was stopped"), "{plan:#}");
    assert_eq!(check(&plan, "scaling").0, "ok", "the same plan is the way on: {plan:#}");
}

#[test]
fn a_name_that_stands_for_another_image_by_then_stops_nothing() {
    if left_out("recreate") {
        return;
    }
    let (engine, home) = (with_images(), tempfile::tempdir().expect("a folder"));
    badly(&engine);
    let host = engine.host();
    let way = Cut::after(&host, "/containers/create", {
        let host = host.clone();
        move || {
            let moved = std::process::Command::new("docker").args(["-H", &host, "tag", BAD, GOOD]).status();
            assert!(moved.is_ok_and(|moved| moved.success()), "the name is given to the other one");
        }
    });
    let (code, done) = face_at(&way.host(), home.path(), &DO);
    assert_eq!(code, Some(1), "{done:#}");
    assert!(done.to_string().contains("the name of the image now stands for"), "{done:#}");
    assert_eq!((names(&engine), state(&engine, "web")), (vec!["web".to_owned()], "running".into()), "what was made is gone, what ran runs: {done:#}");
    assert!(!way.changes().iter().any(|line| line.contains("/stop")), "{:?}", way.changes());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_goes_on_to_its_end_though_nobody_listens_any_more() {
    if left_out("recreate") {
        return;
    }
    let engine = with_images();
    badly(&engine);
    let source = writer(&format!("kind = \"docker\"\nhost = \"{}\"", engine.host()), &Config::default());
    let id = Id::new(source.id(), "container/web");
    let (seen, rows) = (subject(&source, &id).await, revisions(&source, &id).await);
    let other = rows.iter().find(|row| !row.current).expect("there is another image");
    let mut stages = source.act(warrant(operation(Verb::RollBack, &seen, Some(other))));
    loop {
        match stages.next().await {
            Some(Ok(Stage::Sending)) => {}
            Some(Ok(Stage::Working { .. })) => break,
            other => panic!("{other:?}"),
        }
    }
    drop(stages);
    let good = engine.docker(&["image", "inspect", "--format", "{{.Id}}", GOOD]);
    let runs = || engine.output(&["inspect", "--format", "{{.Image}} {{.State.Running}}", "web"]);
    lab::eventually("the other one is in its place", async || String::from_utf8_lossy(&runs().stdout).contains(&format!("{good} true")).then_some(())).await;
}

#[test]
fn a_half_way_exchange_is_told_truly_wherever_it_stopped() {
    if left_out("recreate") {
        return;
    }
    let (engine, home) = (with_images(), tempfile::tempdir().expect("a folder"));
    badly(&engine);
    let told = || face(&engine, home.path(), &PLAN).1.to_string();
    engine.docker(&["create", "--name", "web.pilothouse-7f3a-2.next", "--network", "none", "--label", "pilothouse.dev/operation=7f3a-2", GOOD]);
    assert!(told().contains("nothing was stopped for it"), "{}", told());
    engine.docker(&["stop", "web"]);
    engine.docker(&["rename", "web", "web.pilothouse-7f3a-2"]);
    let says = told();
    assert!(says.contains("nothing took its place") && says.contains("docker rename web.pilothouse-7f3a-2 web && docker start web"), "{says}");
    engine.docker(&["rename", "web.pilothouse-7f3a-2.next", "web"]);
    let says = told();
    assert!(says.contains("never started") && says.contains("docker start web"), "{says}");
    engine.docker(&["start", "web"]);
    let (_, plan) = face(&engine, home.path(), &PLAN);
    assert!(plan["from"]["version"] == "1" && !plan.to_string().contains("half-way"), "{plan:#}");
}

/// Killed in the middle of an exchange, wherever that is: the journal is whole, the next one says what there is, and sends nothing.
#[test]
fn killed_in_the_middle_of_an_exchange_the_next_one_tells_what_there_is_and_sends_nothing() {
    if left_out("recreate") {
        return;
    }
    let engine = with_images();
    for (step, says) in [("/create", "nothing was stopped for it"), ("/stop", "web was stopped"), ("/rename", "nothing took its place"), ("/start", "")] {
        let home = tempfile::tempdir().expect("a folder");
        badly(&engine);
        let way = Cut::silent(&engine.host(), step);
        let mut first = program(&way.host(), home.path(), &DO).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
        // It waits for an answer that does not come, and what it asked for last has been done.
        let done = || match step {
            "/create" => names(&engine).len() == 2,
            "/stop" => state(&engine, "web") == "exited",
            "/rename" => !names(&engine).contains(&"web".to_owned()),
            _ => names(&engine).contains(&"web".to_owned()) && state(&engine, "web") == "running" && names(&engine).len() == 2,
        };
        while !way.changes().iter().any(|line| line.contains(step)) || !done() {
            assert_eq!(first.try_wait().expect("it is ours"), None, "{step}: it ended by itself");
        }
        first.kill().expect("it runs");
        first.wait().expect("it ends");
        let folder = home.path().join(".local/state/pilothouse/journal");
        let summary = pilothouse::journal::verify(&folder).expect("the journal is whole");
        assert!(summary.torn.is_empty(), "{summary:?}");
        let before = way.changes();
        let lines = std::fs::read_to_string(folder.join("journal.jsonl")).expect("a journal");
        let intent = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).find(|line| line["kind"] == "intent").expect("an intent");
        let operation = intent["op"].as_str().expect("an operation").to_owned();

        let (code, said) = face_at(&way.host(), home.path(), &["rollback", "--resume", &operation]);
        assert_eq!((code, &said["verdict"]), (Some(2), &"COULD NOT TELL".into()), "{step}: {said:#}");
        let seen = said["why"].as_str().is_some_and(|why| why.contains("a new plan says what is there"));
        assert_eq!(seen, step != "/start", "what was made whole is watched to the end: {said:#}");
        let (_, plan) = face_at(&way.host(), home.path(), &PLAN);
        assert!(plan.to_string().contains(says), "{step}: {plan:#}");
        assert_eq!(way.changes(), before, "{step}: nothing more was sent");
        for name in names(&engine) {
            engine.docker(&["rm", "-f", &name]);
        }
    }
}
