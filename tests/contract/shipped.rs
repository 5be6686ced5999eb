//! From a run to what runs, by what an image says of itself: real images with labels in a real registry and a real engine, what runs them, and runs of
//! a CI of their commits.

mod front;

use crate::{
    docker::{self, engine::Engine},
    github::{seen, world::Run},
    gitlab::{self, stand_in::GitLab, world::Pipeline},
    kubernetes::lab::{self, Space},
    term::{Term, pilothouse},
};
use front::{Front, Mood};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use pilothouse::{
    config::{Config, Layers},
    domain::Feed,
    sources::Source,
    store::{Arrival, By, Store},
};
use std::{process::Command, sync::Arc};

const OLD: &str = "0f3c9d21aa0f3c9d21aa0f3c9d21aa0f3c9d21aa";
const NEW: &str = "7b1d04e5cc7b1d04e5cc7b1d04e5cc7b1d04e5cc";

fn docker(arguments: &[&str]) -> String {
    let out = Command::new("docker").args(arguments).output().expect("docker is installed");
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// The lab's application with these labels, pushed to `registry`: its reference by digest.
fn pushed(registry: &str, name: &str, commit: &str, source: &str) -> String {
    let image = format!("{registry}/contract/{name}-{}:latest", std::process::id());
    let from = docker(&["create", "lab/app:1"]);
    let label = |key: &str, value: &str| format!("LABEL org.opencontainers.image.{key}={value}");
    docker(&["commit", "--change", &label("revision", commit), "--change", &label("source", source), &from, &image]);
    docker(&["rm", &from]);
    docker(&["push", "--quiet", &image]);
    docker(&["inspect", "--format", "{{index .RepoDigests 0}}", &image])
}

/// A repository of GitHub with its runs 310 and 311, two namespaces for two environments, and the registry.
struct World {
    front: Front,
    spaces: [Space; 2],
    repository: String,
    proxy: String,
    kubeconfig: String,
}

impl World {
    /// None where the tests are left out on purpose. `ago`: when the runs were asked for; where that is after the rollouts no time joins them.
    async fn new(about: &str, ago: SignedDuration) -> Option<Self> {
        let (kubeconfig, registry) = (lab::kubeconfig()?, std::env::var("LAB_REGISTRY").ok()?);
        let (github, repository, _) = seen::repository(about, "")?;
        let spaces = ["test", "live"].map(|place| Space::new(&format!("{about}-{place}")));
        let front = Front::before(registry.trim_start_matches("http://").trim_end_matches('/')).await;
        let source = format!("https://github.example/{repository}");
        for (nth, (space, commit)) in spaces.iter().zip([NEW, OLD]).enumerate() {
            let reference = pushed(&front.address, &format!("{about}{nth}"), commit, &source);
            space.apply(&lab::deployment("cart", &reference, &[], "a release"));
            space.rolled_out("cart");
        }
        let now = Timestamp::now() - ago;
        github.with(&repository, |world| {
            for (number, commit, now) in [(310, OLD, now - SignedDuration::from_secs(60)), (311, NEW, now)] {
                let (created, started, updated) = (now, now, now);
                world.add(Run { commit: commit.into(), created, started, updated, ..Run::over(number, "success") });
            }
        });
        Some(Self { front, spaces, repository, proxy: github.proxy.clone(), kubeconfig: kubeconfig.display().to_string() })
    }

    fn console(&self, more: &str) -> Term {
        let [test, live] = self.spaces.each_ref().map(|space| space.name.clone());
        let config = format!(
            "[[source]]\nkind = 'kubernetes'\nkubeconfig = '{}'\ncontexts = ['lab']\nnamespaces = ['{test}', '{live}']\ndiscover = false\n\
             [[source]]\nkind = 'github'\nurl = '{}'\nrepositories = ['{}']\ntoken_command = ['echo', 't0ken']\n\
             [[service]]\nname = 'cart'\nmatch = {{ repository = '{}' }}\n\
             [[environment]]\nname = 'testing'\ntier = 'testing'\nmatch = [{{ namespace = '{test}' }}]\n\
             [[environment]]\nname = 'production'\ntier = 'production'\nmatch = [{{ namespace = '{live}' }}]\n{more}",
            self.kubeconfig, self.proxy, self.repository, self.repository,
        );
        pilothouse(&[]).size(160, 50).file("config/pilothouse/config.toml", &config).start()
    }

    /// What we asked the registry about images, without the token that nobody gave us.
    fn asked(&self) -> Vec<String> {
        self.front.asked()
    }
}

async fn shows(console: &Term, words: &str) {
    let began = std::time::Instant::now();
    while !console.contents().contains(words) {
        assert!(began.elapsed() < lab::PATIENCE, "`{words}` is not there:\n{}", console.contents());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Opens the newest run.
async fn opened(console: &mut Term) {
    console.types("2");
    shows(console, "rerun").await;
    console.types("\r");
    shows(console, "attempt 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_says_where_the_image_of_its_commit_runs_and_a_cell_opens_the_run_that_brought_it() {
    let Some(world) = World::new("labels", SignedDuration::from_hours(1)).await else { return };
    let mut console = world.console("");
    shows(&console, "production not yet").await;
    let pipelines = console.contents();
    assert!(pipelines.lines().any(|line| line.contains("#311") && line.contains("testing ") && line.contains(", production not yet")), "{pipelines}");
    opened(&mut console).await;
    shows(&console, "by its image's label").await;
    let run = console.contents();
    assert!(run.lines().any(|line| line.contains("testing") && line.contains("runs there, since ")), "{run}");
    assert!(run.lines().any(|line| line.contains("production") && line.contains("not yet: ")), "{run}");
    console.types("\u{1b}");
    shows(&console, "1 Environments").await;
    // The cursor of the matrix goes to production.
    console.types("1\u{1b}[C\u{1b}[C\u{1b}[C");
    shows(&console, "cart in production").await;
    console.types(":brought");
    shows(&console, "#310 of").await;
    console.types("\r");
    shows(&console, "#310  deploy").await;
    // A new row changes what is on the screen; what the images say is known by now.
    world.spaces[0].kubectl(&["create", "deployment", "beside", "--image=lab/app:1", "--replicas=0"]);
    console.types("\u{1b}");
    shows(&console, "beside").await;
    let asked = world.asked();
    let of = |what: &str| asked.iter().filter(|request| request.contains(what)).count();
    assert_eq!((of("/manifests/sha256:"), of("/blobs/sha256:"), asked.len()), (2, 2, 4), "{asked:#?}");
    assert!(asked.iter().all(|request| request.starts_with("get ") && !request.contains("authorization") && !request.contains("t0ken")), "{asked:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_registry_does_not_tell_is_said_once_asked_and_left_alone() {
    let Some(world) = World::new("unread", SignedDuration::from_mins(-5)).await else { return };
    for (mood, words) in [(Mood::Refuses, "tells only those whom it knows"), (Mood::Silent, "did not answer")] {
        world.front.takes_us(mood);
        let before = world.asked().len();
        let mut console = world.console("");
        shows(&console, "#311").await;
        opened(&mut console).await;
        shows(&console, "no label was read").await;
        let run = console.contents();
        assert!(run.contains("not known: ") && run.contains(&world.front.address), "{words}: {run}");
        console.types("\u{1b}");
        let name = format!("beside-{}", mood as u8);
        world.spaces[0].kubectl(&["create", "deployment", &name, "--image=lab/app:1", "--replicas=0"]);
        shows(&console, &name).await;
        assert_eq!(world.asked().len() - before, 1, "one refusal is enough for all images: {:#?}", world.asked());
    }
    world.front.takes_us(Mood::Open);
    let before = world.asked().len();
    let console = world.console("[images]\nregistries = []\n");
    shows(&console, "#311").await;
    shows(&console, "cart").await;
    assert_eq!(world.asked().len(), before, "nobody may be asked");
}

/// Applies what a source tells of `feed` to a store until something follows from it.
async fn believes<T>(store: &mut Store, (source, feed): (&Arc<dyn Source>, Feed), what: &str, wanted: impl Fn(&Store) -> Option<T>) -> T {
    let mut stream = source.watch(feed.clone(), None);
    let waiting = async {
        loop {
            let batch = stream.next().await.expect("it goes on").expect("no error");
            batch.facts.into_iter().for_each(|fact| store.apply(source.id(), &feed, fact, Timestamp::now()));
            if let Some(found) = wanted(store) {
                return found;
            }
        }
    };
    tokio::time::timeout(lab::PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} was never told"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_tells_the_labels_of_what_it_runs_and_they_name_the_project_of_gitlab() {
    if docker::engine::left_out("an_engine_tells_the_labels") {
        return;
    }
    let engine = Engine::any();
    let gitlab = GitLab::start("labels", gitlab::world::Shape::New);
    let from = engine.docker(&["create", docker::engine::IMAGE, "sh"]);
    let image = format!("contract/labels-{}:latest", std::process::id());
    let revision = format!("LABEL org.opencontainers.image.revision={NEW}");
    let source = format!("LABEL org.opencontainers.image.source=https://gitlab.example/{}.git", gitlab.project);
    engine.docker(&["commit", "--change", &revision, "--change", &source, &from, &image]);
    engine.docker(&["rm", &from]);
    let name = format!("labelled-{}", std::process::id());
    engine.docker(&["run", "-d", "--name", &name, "--network", "none", &image, "sh", "-c", "while :; do sleep 1; done"]);
    gitlab.with(|world| {
        world.add(Pipeline { sha: NEW.into(), ..Pipeline::new(311, "success", Vec::new()) });
        world.add(Pipeline { sha: OLD.into(), ..Pipeline::new(312, "success", Vec::new()) });
    });
    let config: Config = Layers::new().read().expect("the defaults");
    let mut store = Store::new(config.rules());
    let (ci, host) = (gitlab::source(&gitlab, ""), docker::told::source(&engine.host()));
    let runs = |store: &Store| (store.runs().len() == 2).then(|| store.runs().into_iter().cloned().collect::<Vec<_>>());
    let runs = believes(&mut store, (&ci, Feed::Runs), "the pipelines", runs).await;
    let row = |store: &Store| store.workloads().find(|row| row.name.raw() == name).cloned();
    let row = believes(&mut store, (&host, Feed::Workloads), "the container", row).await;
    engine.docker(&["rm", "-f", &name]);
    engine.docker(&["rmi", &image]);
    let brought = store.brought(&row.id).map(|(run, by)| (run.number, by));
    assert_eq!(brought, Some((311, By::Label)), "its name is no service of that project; its label says where it comes from");
    let of = |number: u64| store.shipped(runs.iter().find(|run| run.commit.raw() == number_of(number)).expect("it is told"));
    assert!(matches!(of(311)[0].arrival, Arrival::Runs { since: Some(_), by: By::Label }), "{:?}", of(311));
    assert!(!of(312).iter().any(|one| matches!(one.arrival, Arrival::Runs { .. })), "{:?}", of(312));
    assert!(store.unclaimed(Timestamp::now()).iter().all(|image| !image.reference.raw().contains("labels-")), "no registry is asked for it");
}

const fn number_of(number: u64) -> &'static str {
    if number == 311 { NEW } else { OLD }
}
