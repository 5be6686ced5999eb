//! The plan that has a pipeline deploy an earlier version again.

use super::fixture::*;
use crate::{
    domain::*,
    rollback::{Case, Procedure, Timing, Want},
    store::fixture::{World, ago, counts, now, revision, workload},
    text::{Name, Raw},
};
use jiff::SignedDuration;

/// Version 3e9f1a2 failed in production of acme/cart; 77c04d1 was deployed before it, and served for nine days.
fn site() -> (World, [Revision; 2]) {
    let mut row = workload("prod", "shop", "cart");
    row.kind = Kind::CiEnvironment;
    (row.place.context, row.place.namespace) = (Name::new("acme/cart"), Name::new("prod"));
    (row.revision, row.images, row.changed) = (None, Box::default(), Some(ago(350)));
    row.version = Version("3e9f1a2".into());
    row.replicas = counts(1, 1, 0, 1);
    row.progress = Progress::Stuck { since: Some(ago(240)), reason: "failed".into(), message: "exit 1 in job deploy to prod".into() };
    let deployment = |number: u64, commit: &'static str, evidence| Revision {
        id: Id::new(&row.id.source(), &format!("shop/cart@{number}")),
        template: Raw::new(commit),
        version: Version(commit.into()),
        current: number == 303,
        created: Some(ago(if number == 303 { 350 } else { 9 * 86_400 })),
        evidence,
        outline: Outline(vec![Leaf { part: Part::Other, path: "commit".into(), value: commit.into() }]),
        ..revision(&row, 0, u32::from(number == 302))
    };
    let served = Evidence::Served { held: SignedDuration::from_hours(9 * 24) };
    let rows = [deployment(303, "3e9f1a2", Vec::new()), deployment(302, "77c04d1", vec![Evidence::Deployed { by: "GitHub".into() }, served])];
    (World::new().workloads("prod", [row]).revisions("prod", rows.clone()), rows)
}

fn planned() -> Procedure {
    let (world, rows) = site();
    let timing = Timing::default();
    let case = Case::of(&world.0, &id(), &timing, now()).expect("it is known");
    let seen = Seen { uid: Raw::new("prod"), template: Raw::new("303"), paused: false };
    let subject = Subject { seen, revision: None, outline: rows[0].outline.clone(), progress: case.workload.progress.clone(), ..subject() };
    let (mut procedure, wants) = Procedure::begin(case, &rows.iter().collect::<Vec<_>>(), Vec::new(), (OpId::restore("7f3a"), "oncall".into()), timing, now());
    for want in wants {
        let Want::Ask(ask) = want else { continue };
        let result = match &ask.question {
            Question::Subject(_) => Ok(Answer::Subject(Box::new(subject.clone()))),
            Question::Revisions(_) => Ok(Answer::Revisions(rows.to_vec())),
            _ => no(),
        };
        let _ = procedure.answered(&ask.question, result, now());
    }
    procedure.checked(1, Check::Command("gh run rerun --job 9311 -R acme/cart".into()));
    procedure.checked(1, made(CheckKind::Rights, Outcome::Ok, "the token of the program gh may write to acme/cart", None));
    procedure
        .checked(1, made(CheckKind::Pipeline, Outcome::Ok, "job deploy to prod of run #302 of acme/cart can be run again, and what needs it with it", None));
    procedure.checked(1, made(CheckKind::Paused, Outcome::Ok, "nothing is being deployed to prod", None));
    procedure.checked(1, made(CheckKind::Approval, Outcome::Warn, "prod asks a reviewer (kim): until then nothing is deployed", None));
    procedure.checked(1, made(CheckKind::Migration, Outcome::Ok, "3 commits are taken back; no migration is among their files", None));
    procedure.prepared(1, Ok(()));
    procedure
}

fn shown(procedure: Procedure, high: u16) -> String {
    opened(site().0, procedure, high)
}

#[test]
fn the_plan_of_a_redeploy_at_80_columns() {
    let frame = "\
╔═ Roll back cart in production ════════════════════════ PRODUCTION? open 13m ═╗
║ ✗ deployment: exit 1 in job deploy to prod                                   ║
║ ? cannot tell: the metrics do not tell the versions apart                    ║
║                                                                              ║
║ 3e9f1a2  →  77c04d1                                                          ║
║ · likely good: GitHub says it was deployed, served 9 d                       ║
║                                                                              ║
║ DIFFERENCE   1 value                                                         ║
║ other        commit  3e9f1a2 → 77c04d1                                       ║
║                                                                              ║
║ CHECKS   5 made                                                              ║
║ ✓ rights       the token of the program gh may write to acme/cart            ║
║ ✓ pipeline     job deploy to prod of run #302 of acme/cart can be run again, ║
║                and what needs it with it                                     ║
║ ✓ paused       nothing is being deployed to prod                             ║
║ ! approval     prod asks a reviewer (kim): until then nothing is deployed    ║
║ ✓ migration    3 commits are taken back; no migration is among their files   ║
║ ? errors       no source can answer it                                       ║
║ ? latency      no source can answer it                                       ║
║                                                                              ║
║ ──────────────────────────────────────────────────────────────────────────── ║
║ Enter opens the confirm line, where “cart” and the reason must be typed.     ║
║ Nothing has been sent.                                                       ║
╚═════════════════════════════════════════════════════════════ 9 more below ═══╝";
    assert_eq!(shown(planned(), 24), frame);
}

#[test]
fn it_says_what_is_run_again_and_what_is_not_seen() {
    let screen = shown(planned(), 60).replace(" ║\n║ ", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "One request has the CI run again what deployed 77c04d1 to prod of acme/cart",
        "A new deployment of it must then report success.",
        "for at most 1 h. Nothing is sent twice.",
        "gh run rerun --job 9311 -R acme/cart",
    ] {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
    assert!(!screen.contains("wanted,"), "no pods are counted: {screen}");
}
