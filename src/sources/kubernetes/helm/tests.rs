use super::{
    act, prepare, program,
    record::made::{kept as kept_record, payload, release},
    *,
};
use crate::{
    domain::{Evidence, Kind, Outcome, Part, SourceId, Stage},
    rollback::{Class, History, Record as Journal, Target, target},
    sources::kubernetes::rows::Address,
    text::Name,
};
use jiff::{SignedDuration, Timestamp};

const CONF: &str = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {LEVEL: LEVEL_OF, password: hunter2}\n";
const CRD: &str =
    "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.shop.dev}\nspec: {names: {plural: widgets}}\n";

fn deployment(image: &str) -> String {
    format!(
        "---\n# Source: shop/templates/cart.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: cart}}\nspec:\n  replicas: 3\n  \
         template:\n    metadata: {{labels: {{app: cart}}}}\n    spec: {{containers: [{{name: app, image: 'shop/cart:{image}'}}]}}\n"
    )
}

/// What the API server makes of that template.
fn live(image: &str) -> Value {
    json!({ "metadata": { "labels": { "app": "cart" }, "creationTimestamp": null }, "spec": { "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "securityContext": {},
        "containers": [{ "name": "app", "image": format!("shop/cart:{image}"), "imagePullPolicy": "IfNotPresent", "resources": {} }] } })
}

fn set(number: u64, image: &str, ready: u32) -> Kept {
    let mut template = live(image);
    template["metadata"]["labels"]["pod-template-hash"] = format!("h{image}").into();
    let meta = json!({ "name": format!("cart-h{image}"), "namespace": "shop", "labels": { "pod-template-hash": format!("h{image}") },
        "annotations": { "deployment.kubernetes.io/revision": number.to_string(), "deployment.kubernetes.io/desired-replicas": "3" },
        "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "uid": "u1", "controller": true }] });
    Kept::of_set(json!({ "metadata": meta, "spec": { "replicas": ready, "template": template }, "status": { "replicas": ready, "availableReplicas": ready } }))
        .expect("a set")
}

/// The release with these revisions, the newest last; `image` runs.
fn through(image: &str, sets: Vec<Kept>, mut records: Vec<Record>) -> Through {
    let raw = json!({ "metadata": { "name": "cart", "namespace": "shop", "uid": "u1" }, "spec": { "template": live(image) } });
    let address = Address { plural: "deployments".into(), namespace: "shop".into(), name: "cart".into() };
    records.reverse();
    Through {
        current: Current::of(address, Kind::Deployment, raw).expect("a deployment"),
        sets,
        release: Name::new("shop"),
        namespace: Name::new("shop"),
        driver: Driver::Secret,
        differing: objects::differing(&records),
        records,
        torn: Vec::new(),
    }
}

fn rows(through: &Through) -> Vec<Revision> {
    let source = SourceId::new("kubernetes/prod");
    let rows: Vec<Revision> = through.sets.iter().filter_map(|set| rows::revision_of_replica_set(&source, &set.lean)).collect();
    through.history(&source, &rows)
}

fn aim(through: &Through, records: &[Journal]) -> Target {
    target(&History { revisions: &rows(through), records, pods: &[] }, "2026-01-02T00:00:00Z".parse().expect("a time"))
}

/// The number that is proposed and how sure it is.
fn proposed(through: &Through) -> Option<(u64, Class)> {
    aim(through, &[]).chosen().map(|candidate| (candidate.revision.number, candidate.class))
}

/// A revision of the release with nothing but the workload.
fn plain(number: u64, status: &str, image: &str) -> Record {
    release(number, status, "Upgrade complete", &deployment(image), json!([]))
}

#[test]
fn the_target_is_never_simply_the_one_before() {
    use Class::{Likely, Proven};
    type Case = (&'static str, &'static str, Vec<Kept>, Vec<Record>, Option<(u64, Class)>);
    let cases: Vec<Case> = vec![
        ("the one before was deployed", "2", vec![], vec![plain(1, "superseded", "1"), plain(2, "deployed", "2")], Some((1, Likely))),
        ("its pods serve", "2", vec![set(1, "1", 2), set(2, "2", 1)], vec![plain(1, "superseded", "1"), plain(2, "deployed", "2")], Some((1, Proven))),
        (
            "the one before failed",
            "4",
            vec![],
            vec![plain(1, "superseded", "1"), plain(2, "superseded", "2"), plain(3, "failed", "3"), plain(4, "deployed", "4")],
            Some((2, Likely)),
        ),
        (
            "three failed in a row",
            "2",
            vec![],
            vec![plain(1, "superseded", "1"), plain(2, "superseded", "2"), plain(3, "failed", "3"), plain(4, "failed", "4"), plain(5, "failed", "5")],
            Some((2, Likely)),
        ),
        ("only failed ones", "3", vec![], vec![plain(2, "failed", "2"), plain(3, "failed", "3")], None),
        ("the newest is pending and was not carried out", "1", vec![], vec![plain(1, "deployed", "1"), plain(2, "pending-upgrade", "2")], Some((1, Likely))),
        ("the newest is pending and was", "2", vec![], vec![plain(1, "deployed", "1"), plain(2, "pending-upgrade", "2")], Some((1, Likely))),
        ("only one", "1", vec![], vec![plain(1, "deployed", "1")], None),
        (
            "the same twice is one",
            "2",
            vec![],
            vec![plain(1, "superseded", "1"), plain(2, "superseded", "2"), plain(3, "superseded", "1"), plain(4, "deployed", "2")],
            Some((3, Likely)),
        ),
        (
            "a rollback that failed takes nothing from what it went to",
            "2",
            vec![],
            vec![plain(1, "superseded", "1"), plain(2, "superseded", "2"), plain(3, "failed", "1"), plain(4, "deployed", "2")],
            Some((1, Likely)),
        ),
        ("changed by hand: the newest itself", "9", vec![set(7, "9", 0)], vec![plain(1, "superseded", "1"), plain(2, "deployed", "2")], Some((2, Likely))),
    ];
    for (what, image, sets, records, wanted) in cases {
        assert_eq!(proposed(&through(image, sets, records)), wanted, "{what}");
    }
}

#[test]
fn what_was_rolled_back_from_is_known_from_the_release_itself() {
    let back = release(3, "deployed", "Rollback to 1", &deployment("1"), json!([]));
    let through = through("1", vec![], vec![plain(1, "superseded", "1"), plain(2, "superseded", "2"), back]);
    let found = aim(&through, &[]);
    assert!(found.chosen().is_none(), "2 is bad, 1 runs: {found:#?}");
    let two = found.candidates.iter().find(|candidate| candidate.revision.number == 2).expect("it can be reached");
    assert!(two.shunned && two.undo_of_undo, "{two:?}");
}

#[test]
fn a_revision_that_differs_in_what_stands_around_is_one_to_go_back_to_and_pods_of_now_prove_nothing_of_it() {
    let conf = |level: &str| format!("{}{}", deployment("1"), CONF.replace("LEVEL_OF", level));
    let records =
        vec![release(1, "superseded", "Install complete", &conf("info"), json!([])), release(2, "deployed", "Upgrade complete", &conf("debug"), json!([]))];
    let through = through("1", vec![set(1, "1", 3)], records);
    assert_eq!(proposed(&through), Some((1, Class::Likely)));
    let seen = Journal { template: Raw::new("h1"), evidence: Evidence::SeenHealthy { held: SignedDuration::from_hours(9), until: Timestamp::UNIX_EPOCH } };
    assert_eq!(aim(&through, &[seen]).chosen().map(|candidate| candidate.class), Some(Class::Likely), "what was seen may have been seen with 2");
    let found = crate::rollback::difference(&through.outline(), &rows(&through)[1].outline);
    let told: Vec<_> = found.iter().map(|change| (&*change.path, change.before.as_deref(), change.after.as_deref())).collect();
    assert_eq!(told, [("ConfigMap/conf: LEVEL", Some("debug"), Some("info"))]);
}

#[test]
fn a_revision_whose_pods_never_served_is_not_proposed_whatever_helm_says() {
    let mut through = through(
        "3",
        vec![set(1, "1", 0), set(2, "2", 0), set(3, "3", 0)],
        vec![plain(1, "superseded", "1"), plain(2, "superseded", "2"), plain(3, "deployed", "3")],
    );
    let source = SourceId::new("kubernetes/prod");
    let mut rows: Vec<Revision> = through.sets.iter().filter_map(|set| rows::revision_of_replica_set(&source, &set.lean)).collect();
    rows[1].evidence = vec![Evidence::NeverAvailable { why: "exit 1".into() }];
    let told = through.history(&source, &rows);
    let found = target(&History { revisions: &told, records: &[], pods: &[] }, Timestamp::UNIX_EPOCH);
    assert_eq!(found.chosen().map(|candidate| candidate.revision.number), Some(1));
    assert_eq!(told[0].template.expose(), "h3", "the controller's hash, by which pods are known");
    through.sets.clear();
    let told = through.history(&source, &[]);
    assert!(told[1].template.expose().starts_with("manifest-") && told[1].template != told[2].template, "{told:?}");
}

#[test]
fn the_difference_tells_deleted_objects_first_and_no_secret() {
    let secret = |value: &str| format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: api}}\ndata: {{user: {value}}}\n");
    let old = format!("{}{}{}", deployment("1"), secret("aHVudGVyMg=="), CONF.replace("LEVEL_OF", "info"));
    let new = format!("{}{}{CRD}---\nkind: Service\nmetadata: {{name: extra}}\n", deployment("2"), secret("aHVudGVyMw=="));
    let through = through("2", vec![], vec![release(1, "superseded", "", &old, json!([])), release(2, "failed", "", &new, json!([]))]);
    let rows = rows(&through);
    let found = crate::rollback::difference(&through.outline(), &rows[1].outline);
    let told: Vec<_> = found.iter().map(|change| (change.part, &*change.path, change.before.as_deref(), change.after.as_deref())).collect();
    assert_eq!(
        told[..4],
        [
            (Part::Objects, "CustomResourceDefinition/widgets.shop.dev", Some("whole object, and with it all widgets in every namespace"), None),
            (Part::Objects, "Service/extra", Some("whole object"), None),
            (Part::Objects, "ConfigMap/conf", None, Some("whole object")),
            (Part::Image, "app", Some("shop/cart:2"), Some("shop/cart:1")),
        ]
    );
    assert!(told.iter().any(|(_, path, before, after)| *path == "Secret/api: user" && before != after), "{told:#?}");
    assert!(told.iter().any(|(_, path, before, after)| *path == "release: status" && *before == Some("failed") && *after == Some("deployed")));
    assert!(!format!("{told:?}").contains("aHVudGVy") && !format!("{:?}", rows[1]).contains("hunter2"));
}

#[test]
fn deletions_are_said_loudly_and_what_can_not_come_back_blocks() {
    let with = |more: &str| format!("{}{more}", deployment("2"));
    let kept = CRD.replace("{name: widgets.shop.dev}", "{name: widgets.shop.dev, annotations: {helm.sh/resource-policy: keep}}");
    let claim = "---\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n";
    let cases = [
        (with(""), Outcome::Ok, "no object is deleted"),
        (with(&CONF.replace("LEVEL_OF", "x")), Outcome::Warn, "ConfigMap/conf"),
        (with(CRD), Outcome::Block, "AND WITH IT all widgets in every namespace"),
        (with(claim), Outcome::Block, "the data on it"),
        (with(&kept), Outcome::Ok, "no object is deleted"),
        (with("---\nkind: [\n"), Outcome::Unknown, "can not be read"),
    ];
    for (manifest, outcome, words) in cases {
        let through = through("2", vec![], vec![plain(1, "superseded", "1"), release(2, "deployed", "", &manifest, json!([]))]);
        let found = prepare::deletions(&through, through.record(1).expect("it is there"), &[]);
        assert!(found.outcome == outcome && found.sentence.contains(words), "{words}: {found:?}");
    }
    let through = through("2", vec![], vec![release(1, "superseded", "", CONF, json!([])), release(2, "deployed", "", &with(CRD), json!([]))]);
    let target = through.record(1).expect("it is there");
    assert!(prepare::deletions(&through, target, &[]).sentence.contains("r1 has no Deployment/cart"));
    assert_eq!(proposed(&through), None, "going there would delete the workload");
    let claimed = self::through("2", vec![], vec![plain(1, "superseded", "1"), release(2, "deployed", "", &with(CRD), json!([]))]);
    let live = ["CustomResourceDefinition/widgets.shop.dev".to_owned()];
    assert_eq!(prepare::deletions(&claimed, claimed.record(1).expect("it is there"), &live).outcome, Outcome::Ok, "the cluster says that it stays");
}

#[test]
fn what_is_pending_is_explained_with_its_way_out() {
    let now: Timestamp = "2026-01-01T02:30:00Z".parse().expect("a time");
    let look = |status: &str, minutes: i64, ours: bool| {
        let mut record = plain(2, status, "2");
        record.at = Some(now - SignedDuration::from_mins(minutes));
        prepare::pending(&Name::new("shop"), &record, ours, now)
    };
    let cases = [
        ("deployed", 1, false, Outcome::Ok, "nobody is at work"),
        ("failed", 1, false, Outcome::Ok, "usual way out"),
        ("pending-upgrade", 3, false, Outcome::Block, "since 02:27:00 UTC: somebody may be at work"),
        ("pending-rollback", 3, true, Outcome::Warn, "the helm started here ended"),
        ("pending-upgrade", 10, false, Outcome::Warn, "a rollback is the usual way out"),
        ("pending-install", 600, false, Outcome::Warn, "r2 of release shop is pending-install"),
        ("uninstalling", 600, false, Outcome::Block, "taken away"),
    ];
    for (status, minutes, ours, outcome, words) in cases {
        let found = look(status, minutes, ours);
        assert!(found.outcome == outcome && found.sentence.contains(words), "{status}: {found:?}");
    }
    assert!(look("pending-upgrade", 3, false).remedy.is_some_and(|remedy| remedy.contains("02:37 UTC")), "who can tell, and until when");
}

#[test]
fn hooks_that_run_and_migrations_that_ran_are_told() {
    let warm = json!([{ "name": "warm", "kind": "Job", "path": "a", "events": ["post-rollback", "post-upgrade"] }, { "name": "test", "kind": "Pod", "events": ["test"] }]);
    let migrate = json!([{ "name": "db", "kind": "Job", "path": "shop/templates/migrations.yaml", "events": ["pre-upgrade"] }]);
    let records =
        vec![release(1, "superseded", "", &deployment("1"), warm), plain(2, "superseded", "2"), release(3, "deployed", "", &deployment("3"), migrate)];
    let through = through("3", vec![], records);
    let of = |number| through.record(number).expect("it is there");
    let found = prepare::running(of(1));
    assert!(found.outcome == Outcome::Warn && found.sentence.contains("hooks of r1 run again: Job/warm (post-rollback, post-upgrade)"), "{found:?}");
    assert_eq!(prepare::running(of(3)).outcome, Outcome::Ok, "a rollback runs no upgrade hook");
    let found = prepare::migrated(&through, of(1)).expect("3 migrated");
    assert!(found.outcome == Outcome::Warn && found.sentence.contains("r3 ran the hook db (pre-upgrade): the schema is not rolled back"), "{found:?}");
    assert_eq!(prepare::migrated(&through, of(3)), None);
}

#[test]
fn what_the_operator_saw_is_the_newest_record_and_the_workload() {
    let seen = |image: &str, records| through(image, vec![], records).seen();
    let records = |status: &str| vec![plain(1, "superseded", "1"), plain(2, status, "2")];
    let before = seen("2", records("deployed"));
    assert_eq!(before, seen("2", records("deployed")));
    assert_eq!(before.uid.expose(), "uid-2");
    assert_ne!(before, seen("2", records("failed")), "its status");
    assert_ne!(before, seen("9", records("deployed")), "the workload by hand");
    assert_ne!(before, seen("2", vec![plain(1, "superseded", "1"), plain(2, "superseded", "2"), plain(3, "deployed", "2")]), "a newer record");
}

#[test]
fn the_template_is_told_once_the_release_is_deployed_and_runs() {
    let told = |image: &str, sets, status: &str| {
        through(image, sets, vec![plain(1, "superseded", "1"), release(2, status, "Rollback to 1", &deployment("2"), json!([]))]).told()
    };
    let settled = told("2", vec![set(2, "2", 0)], "deployed");
    assert_eq!((settled.template.expose(), settled.back_to, settled.state), ("h2", Some(1), ReleaseState::Deployed));
    assert!(told("2", vec![], "deployed").template.is_empty(), "its controller has not looked at it yet");
    assert!(told("1", vec![set(1, "1", 3)], "deployed").template.is_empty(), "what runs is another one still");
    assert!(told("2", vec![set(2, "2", 0)], "pending-rollback").template.is_empty(), "helm is not done");
}

#[test]
fn torn_records_are_said_and_only_a_torn_newest_bars_the_way() {
    let whole = |number| {
        let json = json!({ "version": number, "namespace": "shop", "manifest": deployment("1"), "info": { "status": "deployed" } });
        kept_record(number, &payload(json.to_string().as_bytes(), Driver::Secret))
    };
    let look = |kept: &[record::Kept]| {
        let current = through("1", vec![], vec![plain(1, "deployed", "1")]).current;
        Through::new(current, vec![], (Name::new("shop"), Name::new("shop")), Driver::Secret, kept)
    };
    match look(&[kept_record(1, "%"), whole(2)]) {
        Found::Release(through) => {
            let told = rows(&through);
            let torn = told.iter().find(|row| row.number == 1).expect("it is told");
            assert!(matches!(&torn.evidence[..], [Evidence::Failed { why, .. }] if why.contains("base64")), "{torn:?}");
        }
        _ => panic!("the newest can be read"),
    }
    assert!(matches!(look(&[whole(1), kept_record(2, "%")]), Found::Unreadable(_, why) if why.contains("newest record can not be read")));
}

#[test]
fn how_helm_ended_is_told_by_the_records_before_and_after_it() {
    let stands = |status: &str| through("2", vec![], vec![plain(1, "superseded", "1"), plain(2, status, "2")]);
    let begun = || through("2", vec![], vec![plain(1, "superseded", "1"), plain(2, "deployed", "2"), plain(3, "pending-rollback", "1")]);
    let taken = "Error: secrets \"sh.helm.release.v1.shop.v3\" already exists";
    for (what, code, said, after, told) in [
        ("it wrote no record", Some(1), "Error: no", Some(stands("deployed")), "Refused"),
        ("it wrote one", Some(1), "Error: no", Some(begun()), "Unclear"),
        ("it changed one", Some(1), "Error: no", Some(stands("failed")), "Unclear"),
        ("the records can not be read after it", Some(1), "Error: no", None, "Unclear"),
        ("another helm was faster", Some(1), taken, Some(begun()), "Conflict"),
        ("it was killed", None, "", Some(begun()), "Unclear"),
        ("it was killed, and its record may come yet", None, "", Some(stands("deployed")), "Unclear"),
    ] {
        for late in [false, true] {
            let ended = program::Ended { code, late, said: Clean::from_static(said), warnings: Vec::new() };
            let stage = act::outcome(&ended, &stands("deployed"), after.as_ref());
            assert!(format!("{stage:?}").starts_with(told), "{what}: {stage:?}");
            assert!(!matches!(stage, Stage::Conflict { same: true, .. }), "{what}: what the operator saw is not so any more");
        }
    }
}

#[test]
fn a_revision_that_is_gone_or_would_delete_the_workload_is_not_gone_to() {
    let through = through("3", vec![], vec![release(1, "superseded", "", CONF, json!([])), plain(2, "superseded", "2"), plain(3, "deployed", "3")]);
    let why = |number| act::barred(&through, number).map(|why| why.to_string());
    assert_eq!(why(2), None);
    assert!(why(1).is_some_and(|why| why.contains("has no Deployment/cart: it would be deleted")), "{:?}", why(1));
    assert!(why(9).is_some_and(|why| why.contains("r9 is no longer there")), "{:?}", why(9));
}
