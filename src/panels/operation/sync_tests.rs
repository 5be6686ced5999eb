//! The plan that syncs the application back which made the workload.

use super::fixture::*;
use crate::{
    domain::*,
    rollback::Procedure,
    store::fixture::{ago, now, revision, workload},
    text::{Name, Raw},
};
use jiff::SignedDuration;

fn synced(number: u64, version: &'static str, leaves: [(&'static str, &'static str); 3], created: i64) -> Revision {
    let leaf = |(path, value): (&'static str, &'static str)| Leaf { part: Part::Source, path: path.into(), value: value.into() };
    Revision {
        id: Id::new(&SourceId::new("prod"), &format!("application/argocd/shop/{number}")),
        template: Raw::default(),
        version: Version(version.into()),
        created: Some(ago(created)),
        outline: Outline(leaves.map(leaf).into()),
        current: number == 4,
        evidence: vec![Evidence::Deployed { by: "Argo CD".into() }, Evidence::Served { held: SignedDuration::from_hours(9 * 24) }],
        ..revision(&workload("prod", "shop", "cart"), number, 0)
    }
}

/// 2.8.0 was synced by a person; 2.7.3 stands in the history of shop and among the revisions of cart.
fn planned_beside() -> Procedure {
    let bad = synced(4, "9a8b7c6", [("shop: revision", "9a8b7c6d5e4f"), ("shop: synced", "2026-11-26 02:54 UTC"), ("shop: synced by", "bob")], 400);
    let good = synced(3, "1f2e3d4", [("shop: revision", "1f2e3d4c5b6a"), ("shop: synced", "2026-11-17 14:02 UTC"), ("shop: synced by", "alice")], 9 * 86_400);
    let seen = Seen { uid: Raw::new("app"), template: Raw::default(), paused: true };
    let application = Application { name: Name::new("shop"), seen, revisions: vec![bad, good], operation: None, template: Raw::default() };
    let [newest, earlier] = history();
    let own = [newest, Revision { created: Some(ago(9 * 86_400 + 60)), ..earlier }];
    let (mut procedure, wants) = asking(&burning());
    for want in wants {
        let crate::rollback::Want::Ask(ask) = want else { continue };
        let result = match &ask.question {
            Question::Subject(_) => Ok(Answer::Subject(Box::new(Subject { application: Some(application.clone()), ..subject() }))),
            Question::Revisions(_) => Ok(Answer::Revisions(own.to_vec())),
            _ => no(),
        };
        let _ = procedure.answered(&ask.question, result, now());
    }
    procedure
}

fn syncing() -> Procedure {
    let mut procedure = planned_beside();
    let _ = procedure.newer(now());
    procedure.checked(2, Check::Command("argocd app rollback shop 3".into()));
    procedure.checked(2, made(CheckKind::Paused, Outcome::Ok, "no operation of Argo CD application shop is under way", None));
    let block = "Argo CD application shop syncs by itself: it would go forward again at once";
    procedure.checked(
        2,
        made(CheckKind::Owner, Outcome::Block, block, Some("press H first: it holds Argo CD application shop off; argocd app set shop --sync-policy none")),
    );
    procedure.prepared(2, Ok(()));
    procedure
}

fn shown(procedure: Procedure, high: u16) -> String {
    opened(burning(), procedure, high)
}

#[test]
fn the_plan_of_a_sync_at_80_columns() {
    let frame = "\
╔═ Roll back cart in production ════════════════════════ PRODUCTION? open 13m ═╗
║ ✗ CartErrorRate fires for 2 min, pods: exit 1, 5 restarts                    ║
║ ? points to 2.8.0: only its pods fail                                        ║
║                                                                              ║
║ 2.8.0 r42  →  1f2e3d4 by a sync of shop             [ older  ] newer  1 of 2 ║
║ · likely good: Argo CD says it was deployed, served 9 d                      ║
║                                                                              ║
║ DIFFERENCE   3 values                                                        ║
║ source       shop: revision  9a8b7c6d5e4f → 1f2e3d4c5b6a                     ║
║              shop: synced  2026-11-26 02:54 UTC → 2026-11-17 14:02 UTC       ║
║              shop: synced by  bob → alice                                    ║
║                                                                              ║
║ CHECKS   2 made                                                              ║
║ ✓ paused       no operation of Argo CD application shop is under way         ║
║ ✗ owner        Argo CD application shop syncs by itself: it would go forward ║
║                again at once                                                 ║
║                press H first: it holds Argo CD application shop off; argocd  ║
║                app set shop --sync-policy none                               ║
║ ──────────────────────────────────────────────────────────────────────────── ║
║ ✗ Enter is barred (owner): Argo CD application shop syncs by itself: it      ║
║   would go forward again at once                                             ║
╚════════════════════════════════════════════════════════════ 15 more below ═══╝";
    assert_eq!(shown(syncing(), 22), frame);
}

#[test]
fn the_plan_of_its_own_revision_says_that_there_is_another_way() {
    let screen = shown(planned_beside(), 22);
    assert!(screen.contains("1 of the 2 go by a sync of Argo CD application shop, as a whole"), "{screen}");
}

#[test]
fn it_says_what_is_asked_and_of_whom() {
    let screen = shown(syncing(), 60).replace(" ║\n║ ", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "One request asks Argo CD (prod) to sync application shop back to 1f2e3d4, as its history has it: all that it made, not cart alone.",
        "No hook runs and nothing is pruned; git is not changed. The controller then exchanges the pods as its strategy says: 6 wanted, 6 ready now.",
        "argocd app rollback shop 3",
    ] {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
}
