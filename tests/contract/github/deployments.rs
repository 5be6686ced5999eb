//! Deployments: told as environments, and an earlier one made again by the run that made it.

use super::{
    seen::{Seen, reading, shipping},
    stand_in::{GitHub, github},
    world::{World, commit},
};
use crate::kubernetes::acts::{act, checks, operation, revisions, subject};
use pilothouse::{
    domain::{Answer, CheckKind, Evidence, Feed, Id, Outcome, Progress, Question, Revision, Stage, Verb, Workload},
    sources::Source,
};
use serde_json::{Value, json};
use std::{path::Path, process::Command, sync::Arc};

/// A repository of the test's own, and its source; none when the tests are left out on purpose.
fn repository(name: &str) -> Option<(&'static GitHub, String, Arc<dyn Source>)> {
    let github = github()?;
    let repository = format!("acme/{name}");
    github.make(&repository, "t0ken");
    let source = shipping(&github.proxy, &repository);
    Some((github, repository, source))
}

/// Production: 3 failed, 2 and 1 succeeded one after the other.
fn bad_release(world: &mut World) {
    world.deployed(301, "1aaaaaa", "production", &["inactive", "success", "in_progress", "queued"], 30);
    world.deployed(302, "2bbbbbb", "production", &["success", "in_progress", "queued"], 20);
    world.deployed(303, "3cccccc", "production", &["failure", "in_progress", "queued"], 1);
}

async fn production(source: &Arc<dyn Source>) -> Id<Workload> {
    let mut seen = Seen::new(source, Feed::Workloads);
    seen.until("production", |seen| seen.environment("production").filter(|_| seen.whole).cloned()).await.id
}

/// The deployment of a version among what could be gone back to.
async fn deployed(source: &Arc<dyn Source>, id: &Id<Workload>, version: &str) -> Revision {
    revisions(source, id).await.into_iter().find(|row| row.template.expose() == commit(version)).expect("it was deployed")
}

#[tokio::test]
async fn environments_are_told_with_what_was_deployed_to_them_and_what_has_not_changed_costs_nothing() {
    let Some((github, name, source)) = repository("deployed") else { return };
    github.with(&name, |world| {
        bad_release(world);
        world.deployed(310, "3cccccc", "staging", &["in_progress"], 0);
        world.deployed(311, "9999999", "github-pages", &["success"], 0);
        world.deployed(312, "8888888", "staging", &["success"], 0);
        world.deployments[0].task = "deploy:migrations";
        world.deployed(313, "7777777", "staging", &["success"], 0);
        world.deployments[0].transient = true;
    });
    let mut seen = Seen::new(&source, Feed::Workloads);
    let row = seen.until("production", |seen| seen.environment("production").filter(|_| seen.whole).cloned()).await;
    assert!(matches!(&row.progress, Progress::Stuck { message, .. } if &**message == "the deployment failed"), "{row:?}");
    assert_eq!((&*row.version.0, row.place.context.raw(), row.images.len()), ("3cccccc", name.as_str(), 0));
    let known: Vec<&str> = seen.workloads.values().map(|row| row.place.namespace.raw()).collect();
    assert_eq!(known, ["production", "staging"], "pages, previews and other tasks are no environments of a service");
    assert_eq!(seen.environment("staging").map(|row| (&*row.version.0, row.progress.clone())), Some(("3cccccc", Progress::Rolling)));
    let of = |seen: &Seen, version: &str| {
        seen.revisions
            .values()
            .find(|row| row.workload == seen.environment("production").expect("it is told").id && row.template.expose() == commit(version))
            .cloned()
    };
    let good = of(&seen, "2bbbbbb").expect("it was deployed");
    assert!(good.evidence.contains(&Evidence::Deployed { by: "GitHub".into() }) && !good.current, "{good:?}");
    assert!(of(&seen, "3cccccc").is_some_and(|row| row.current && matches!(row.evidence[..], [Evidence::Failed { .. }])));

    // From now on only what is new costs.
    github.with(&name, |world| world.asked.clear());
    let costs = |world: &mut World| world.asked.iter().filter(|asked| asked.status != 304).count();
    while github.with(&name, |world| world.asked.len()) < 8 {
        seen.look().await;
    }
    assert_eq!(github.with(&name, costs), 0, "{:?}", github.with(&name, |world| world.asked.clone()));
    github.with(&name, |world| world.deployed(320, "4dddddd", "production", &["success"], 0));
    seen.until("the next one", |seen| seen.environment("production").filter(|row| row.progress == Progress::Done && &*row.version.0 == "4dddddd").cloned())
        .await;
    let spent = github.with(&name, costs);
    assert!(spent <= 4, "{spent}: {:?}", github.with(&name, |world| world.asked.clone()));
}

#[tokio::test]
async fn the_deploying_job_is_run_again_once_and_a_new_deployment_comes_of_it() {
    let Some((github, name, source)) = repository("back") else { return };
    github.with(&name, |world| {
        bad_release(world);
        world.files = vec!["src/price.rs", "db/migrate/0007_price.sql"];
        world.rules = json!([{ "id": 1, "node_id": "x", "type": "wait_timer", "wait_timer": 5 }]);
    });
    let mut seen = Seen::new(&source, Feed::Workloads);
    let row = seen.until("production", |seen| seen.environment("production").filter(|_| seen.whole).cloned()).await;
    let before = subject(&source, &row.id).await;
    let good = deployed(&source, &row.id, "2bbbbbb").await;
    let wish = operation(Verb::RollBack, &before, Some(&good));
    let (expected, command, made) = checks(&source, wish.clone()).await;
    assert_eq!(expected, made.keys().copied().collect::<Vec<_>>(), "all that is promised is made");
    assert!(command.is_some_and(|command| command.starts_with("gh run rerun --job 3020 -R ")));
    let found = |kind| (made[&kind].outcome, made[&kind].sentence.to_string());
    assert_eq!(found(CheckKind::Rights), (Outcome::Ok, format!("the token of the program echo may write to {name}")));
    assert_eq!(
        found(CheckKind::Pipeline),
        (Outcome::Ok, format!("job deploy to production of run #302 of {name} can be run again, and what needs it with it"))
    );
    assert_eq!(found(CheckKind::Paused).0, Outcome::Ok);
    assert_eq!(found(CheckKind::Approval), (Outcome::Warn, "production waits 5 min: until then nothing is deployed".into()));
    let (outcome, says) = found(CheckKind::Migration);
    assert!(outcome == Outcome::Warn && says.contains("db/migrate/0007_price.sql"), "{says}");

    let stages = act(&source, wish.clone()).await;
    assert!(matches!(stages[..], [Stage::Sending, Stage::Accepted { .. }]), "{stages:?}");
    assert_eq!(github.with(&name, |world| world.reruns.clone()), ["jobs/3020"]);
    let redeployed = |to: &Revision| Question::Redeployed { workload: row.id.clone(), to: to.id.clone() };
    let Ok(Answer::Subject(read)) = source.ask(redeployed(&good)).await else { panic!("it is known") };
    let rerun = read.rerun.expect("its run is known");
    assert!(rerun.attempt == 2 && rerun.since(jiff::Timestamp::now() - jiff::SignedDuration::from_secs(30)), "{rerun:?}");
    seen.until("that it is under way", |seen| {
        seen.environment("production").filter(|row| row.progress == Progress::Rolling && &*row.version.0 == "2bbbbbb").cloned()
    })
    .await;
    github.with(&name, |world| world.ends(302, "success"));
    seen.until("its success", |seen| seen.environment("production").filter(|row| row.progress == Progress::Done).cloned()).await;

    // What the operator saw is gone, and what was rolled back from is no way back.
    let again = act(&source, wish).await;
    assert!(matches!(&again[..], [Stage::Conflict { what, same: false }] if what.contains("a newer deployment to production, of 2bbbbbb by sam")), "{again:?}");
    let bad = deployed(&source, &row.id, "3cccccc").await;
    assert!(bad.evidence.iter().any(|one| matches!(one, Evidence::RolledBackFrom { .. })), "{bad:?}");
    assert_eq!(github.with(&name, |world| world.reruns.len()), 1);
}

#[tokio::test]
async fn what_can_not_be_run_again_is_barred_with_the_reason() {
    let Some((github, name, source)) = repository("barred") else { return };
    github.with(&name, bad_release);
    let id = production(&source).await;
    let before = subject(&source, &id).await;
    let good = deployed(&source, &id, "2bbbbbb").await;
    let wish = operation(Verb::RollBack, &before, Some(&good));
    let change = |change: &dyn Fn(&mut World)| github.with(&name, |world| change(world));
    let finding = async |kind: CheckKind| {
        let (_, _, made) = checks(&source, wish.clone()).await;
        (made[&kind].outcome, made[&kind].sentence.to_string())
    };
    let barred = async |kind: CheckKind, words: &str| {
        let (outcome, says) = finding(kind).await;
        assert!(outcome == Outcome::Block && says.contains(words), "{kind:?}: {outcome:?} {says}");
    };
    change(&|world| world.may_write = false);
    barred(CheckKind::Rights, "may not write").await;
    change(&|world| (world.may_write, world.scopes) = (true, Some("read:org")));
    barred(CheckKind::Rights, "has the scopes \"read:org\"").await;
    change(&|world| world.scopes = None);
    assert_eq!(finding(CheckKind::Rights).await.0, Outcome::Unknown, "the rights of a fine-grained token are not told");

    change(&|world| world.run(302).created = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(31 * 24));
    barred(CheckKind::Pipeline, "older than 30 days").await;
    assert!(matches!(&act(&source, wish.clone()).await[..], [Stage::Refused { why }] if why.contains("older than 30 days")));
    change(&|world| {
        world.run(302).created = jiff::Timestamp::now();
        world.run(302).stands("in_progress", None);
    });
    barred(CheckKind::Pipeline, "is not over").await;
    assert!(matches!(&act(&source, wish.clone()).await[..], [Stage::Conflict { .. }]));
    change(&|world| world.run(302).commit = commit("f00baaa"));
    barred(CheckKind::Pipeline, "is not of the commit").await;
    change(&|world| world.run(302).commit = commit("2bbbbbb"));
    let run = github.with(&name, |world| world.runs.remove(&302)).expect("it was there");
    barred(CheckKind::Pipeline, "was deleted").await;
    assert!(matches!(&act(&source, wish.clone()).await[..], [Stage::Refused { .. }]));
    change(&|world| {
        world.add(run.clone());
        world.run(302).stands("completed", Some("success"));
        let url = world.deployments[0].statuses[0].1.clone();
        world.deployments[0].statuses.insert(0, ("in_progress", url));
    });
    barred(CheckKind::Paused, "is not over: in progress").await;

    // A deployment of another system has no run of Actions behind it.
    let other = repository("elsewhere").map(|(github, name, source)| {
        github.with(&name, |world| {
            bad_release(world);
            world.deployments.iter_mut().flat_map(|one| &mut one.statuses).for_each(|(_, url)| *url = "https://ci.example/7".into());
        });
        source
    });
    let other = other.expect("the lab is up");
    let id = production(&other).await;
    let good = deployed(&other, &id, "2bbbbbb").await;
    let wish = operation(Verb::RollBack, &subject(&other, &id).await, Some(&good));
    let (_, _, made) = checks(&other, wish.clone()).await;
    assert!(
        made[&CheckKind::Pipeline].outcome == Outcome::Block && made[&CheckKind::Pipeline].sentence.contains("the pipeline offers no redeploy"),
        "{made:?}"
    );
    assert!(matches!(&act(&other, wish).await[..], [Stage::Refused { why }] if why.contains("the pipeline offers no redeploy")));
    assert_eq!(github.with(&name, |world| world.reruns.len()), 0);
}

#[tokio::test]
async fn of_two_consoles_that_press_the_key_at_once_one_wins_and_the_other_hears_who_it_was() {
    let Some((github, name, one)) = repository("two") else { return };
    github.with(&name, bad_release);
    let (two, reader) = (shipping(&github.proxy, &name), reading(&github.proxy, &name));
    let id = production(&one).await;
    let good = deployed(&one, &id, "2bbbbbb").await;
    let wish = operation(Verb::RollBack, &subject(&one, &id).await, Some(&good));
    assert!(matches!(&act(&reader, wish.clone()).await[..], [Stage::Refused { why }] if why.contains("--read-only")));
    let (first, second) = tokio::join!(act(&one, wish.clone()), act(&two, wish));
    let accepted = |stages: &[Stage]| matches!(stages.last(), Some(Stage::Accepted { .. }));
    assert!(accepted(&first) != accepted(&second), "{first:?} {second:?}");
    let lost = if accepted(&first) { second } else { first };
    assert!(matches!(lost.last(), Some(Stage::Conflict { what, same: false }) if what.contains("sam")), "{lost:?}");
    assert_eq!(github.with(&name, |world| world.reruns.len()), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_after_it_was_carried_out_is_told_as_unclear_and_read() {
    let Some((github, name, _)) = repository("lost") else { return };
    github.with(&name, |world| {
        bad_release(world);
        world.cut = true;
    });
    // Around the proxy, which would answer in its own words.
    let port = std::env::var("LAB_GITHUB_PORT").expect("lab.env sets it");
    let source = shipping(&format!("http://127.0.0.1:{port}"), &name);
    let id = production(&source).await;
    let good = deployed(&source, &id, "2bbbbbb").await;
    let began = jiff::Timestamp::now();
    let stages = act(&source, operation(Verb::RollBack, &subject(&source, &id).await, Some(&good))).await;
    assert!(matches!(stages[..], [Stage::Sending, Stage::Unclear { .. }]), "{stages:?}");
    let Ok(Answer::Subject(read)) = source.ask(Question::Redeployed { workload: id, to: good.id }).await else { panic!("it is known") };
    assert!(read.rerun.as_ref().is_some_and(|rerun| rerun.since(began)), "{read:?}");
    assert_eq!(github.with(&name, |world| world.reruns.len()), 1);
}

/// A face of the program with this repository and nothing else: its exit code and its answer.
fn face(github: &GitHub, repository: &str, home: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let config = format!(
        "[[source]]\nkind = 'github'\nurl = '{}'\nrepositories = ['{repository}']\ntoken_command = ['echo', 't0ken']\n\
         [[service]]\nname = 'cart'\nmatch = {{ repository = '{repository}' }}\n[[environment]]\nname = 'production'\ntier = 'staging'\n",
        github.proxy
    );
    std::fs::write(home.join("c.toml"), config).expect("a file of ours");
    let out = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home)
        .args(["--config", &home.join("c.toml").display().to_string()])
        .args(arguments)
        .arg("--json")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&out.stdout);
    (out.status.code(), serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}{}", String::from_utf8_lossy(&out.stderr))))
}

#[test]
fn the_program_tells_it_plans_it_and_says_at_once_when_it_did_not_help() {
    let Some((github, name, _)) = repository("whole") else { return };
    github.with(&name, |world| {
        bad_release(world);
        world.ends = Some("failure");
    });
    let home = tempfile::tempdir().expect("a folder");
    let (code, said) = face(github, &name, home.path(), &["status"]);
    let text = said.to_string();
    assert!(text.contains("\"cart\"") && text.contains("2bbbbbb") && text.contains("3cccccc") && text.contains("stuck"), "{code:?} {said:#}");

    let back = ["rollback", "cart", "-e", "production"];
    let (code, plan) = face(github, &name, home.path(), &[&back[..], &["--dry-run"]].concat());
    assert_eq!(
        (code, &plan["from"]["version"], &plan["to"]["version"], &plan["to"]["class"]),
        (Some(0), &"3cccccc".into(), &"2bbbbbb".into(), &"likely good".into()),
        "{plan:#}"
    );
    assert_eq!(github.with(&name, |world| world.reruns.len()), 0);
    let (code, refused) = face(github, &name, home.path(), &[&["--read-only"], &back[..], &["--yes", "--reason", "x"]].concat());
    assert_eq!((code, github.with(&name, |world| world.reruns.len())), (Some(77), 0), "{refused:#}");

    let (code, done) = face(github, &name, home.path(), &[&back[..], &["--yes", "--reason", "it fails"]].concat());
    assert_eq!((code, &done["verdict"]), (Some(1), &"NOT RECOVERED".into()), "{done:#}");
    let why = done["why"].as_str().unwrap_or_default();
    assert!(why.contains("2bbbbbb is not deployed") || why.contains("the deployment of 2bbbbbb failed"), "{done:#}");
    assert_eq!(github.with(&name, |world| world.reruns.clone()), ["jobs/3020"], "once");
    let journal = walk(home.path());
    assert!(journal.contains("NOT_RECOVERED") && journal.contains("2bbbbbb"), "{journal}");
}

/// All that the journal holds.
fn walk(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    let text = |entry: std::fs::DirEntry| if entry.path().is_dir() { walk(&entry.path()) } else { std::fs::read_to_string(entry.path()).unwrap_or_default() };
    entries.map(text).collect()
}
