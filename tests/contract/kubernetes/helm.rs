//! A workload of a release goes back through it. The records are those that Helm's own engine writes.

use super::{
    acts::{act, checks, operation, revisions, subject},
    lab::{self, Space},
    torn,
};
use pilothouse::{
    domain::{CheckKind, Evidence, Id, Outcome, ReleaseState, Revision, Stage, Verb, Workload},
    rollback::{Class, History, target},
    sources::Source,
};
use serde_json::json;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

/// Says that this process has the stand-in on its PATH, and where the stand-in is told what to do.
const STAND_IN: &str = "HELM_STAND_IN";

const CHART: &[(&str, &str)] = &[
    ("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
    ("values.yaml", "tag: '1'\n"),
    (
        "templates/cart.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: cart\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: cart}}\n  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}\n  \
         template:\n    metadata: {labels: {app: cart}}\n    spec:\n      automountServiceAccountToken: false\n      terminationGracePeriodSeconds: 1\n      containers:\n      - name: app\n        \
         image: 'lab/app:{{ .Values.tag }}'\n        imagePullPolicy: Never\n        {{- if .Values.never }}\n        env: [{name: APP_READY_AFTER, value: never}]\n        {{- end }}\n        \
         readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}\n        resources: {limits: {memory: 1024Mi}}\n",
    ),
    ("templates/extra.yaml", "{{ if .Values.never }}\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: extra\ndata: {a: b}\n{{ end }}\n"),
    (
        "templates/hooks.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: warm\n  annotations: {helm.sh/hook: pre-rollback}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: migrate-{{ .Release.Revision }}\n  \
         annotations: {helm.sh/hook: pre-upgrade}\n",
    ),
];

/// The engine, a chart, and the stand-in.
struct Helm {
    python: PathBuf,
    dir: PathBuf,
}

impl Helm {
    fn script() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/files/helm.py")
    }

    /// Installs the engine where it is not yet, and writes the chart and the stand-in.
    fn new(dir: &Path) -> Self {
        let out = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/helm")).output().expect("a script");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let python = PathBuf::from(String::from_utf8_lossy(&out.stdout).trim());
        for (name, text) in CHART {
            let path = dir.join("shop").join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        fs::create_dir(dir.join("bin")).expect("a folder");
        let program = dir.join("bin/helm");
        fs::write(&program, format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", python.display(), Self::script().display())).expect("a file");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
        Self { python, dir: dir.to_owned() }
    }

    fn says(&self, mode: &str) {
        fs::write(self.dir.join("mode"), mode).expect("a file");
    }

    /// Has the engine install or upgrade; whether it succeeded.
    fn engine(&self, action: &str, space: &Space, tag: &str, never: bool, timeout: &[&str]) -> bool {
        let values = json!({ "tag": tag, "never": never }).to_string();
        let chart = self.dir.join("shop").display().to_string();
        let all = [&["engine", action, &space.name, "shop", &chart, &values], timeout].concat();
        let out = Command::new(&self.python).arg(Self::script()).args(all).output().expect("an engine");
        assert!(out.status.success() || !timeout.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
        out.status.success()
    }
}

/// What helm is found is a matter of PATH, which belongs to a process: this test is run once more in one of its own, with the stand-in first.
fn in_its_own_process() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let helm = Helm::new(dir.path());
    helm.says("whole");
    let path = format!("{}:{}", dir.path().join("bin").display(), std::env::var("PATH").expect("a PATH"));
    let name = "kubernetes::helm::a_release_goes_back_through_helm_and_what_helm_leaves_behind_is_told";
    let mut again = Command::new(std::env::current_exe().expect("this program"));
    again.args([name, "--exact", "--nocapture"]).env("PATH", path).env(STAND_IN, dir.path().join("mode")).env("HELM_NAMESPACE", "elsewhere");
    let out = again.env("LAB_HELM", &helm.python).output().expect("it runs");
    assert!(out.status.success(), "{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stdout).contains("1 passed"), "it was run");
}

/// The revision that is proposed.
fn proposed(rows: &[Revision]) -> (Revision, Class) {
    let found = target(&History { revisions: rows, records: &[], pods: &[] }, jiff::Timestamp::now());
    let chosen = found.chosen().unwrap_or_else(|| panic!("{found:#?}"));
    (chosen.revision.clone(), chosen.class)
}

async fn back(source: &Arc<dyn Source>, id: &Id<Workload>, to: &Revision) -> Vec<Stage> {
    let seen = subject(source, id).await;
    let mut wish = operation(Verb::RollBack, &seen, Some(to));
    wish.from = seen.from().clone();
    act(source, wish).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_back_through_helm_and_what_helm_leaves_behind_is_told() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let Some(mode) = std::env::var_os(STAND_IN).map(PathBuf::from) else { return in_its_own_process() };
    let helm = Helm { python: std::env::var_os("LAB_HELM").expect("an engine").into(), dir: mode.parent().expect("a folder").to_owned() };
    let space = Space::new("helm");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");

    // 1 is good, 2 never gets ready and nobody waited for it, 3 was waited for and failed.
    assert!(helm.engine("install", &space, "1", false, &[]));
    space.rolled_out("cart");
    assert!(helm.engine("upgrade", &space, "2", true, &[]));
    assert!(!helm.engine("upgrade", &space, "3", true, &["2"]), "it never gets ready");
    let now = subject(&source, &id).await;
    let release = now.release.clone().expect("its records can be read");
    assert_eq!((release.revision, &*release.status, now.revision), (3, "failed", Some(3)));
    let rows = revisions(&source, &id).await;
    assert_eq!(rows.iter().map(|row| (row.number, row.current)).collect::<Vec<_>>(), [(3, true), (2, false), (1, false)], "{rows:#?}");
    assert!(rows[0].evidence.iter().any(|evidence| matches!(evidence, Evidence::Failed { .. })));
    let (good, class) = proposed(&rows);
    assert_eq!((good.number, class, &*good.version.0), (1, Class::Proven, "1"), "its pods serve: {rows:#?}");
    let (hash, kept) = (good.template.expose(), space.kubectl(&["get", "rs", "-o", "jsonpath={.items[*].metadata.labels.pod-template-hash}"]));
    assert!(kept.split(' ').any(|kept| kept == hash), "{hash} is the controller's own: {kept}");

    let mut wish = operation(Verb::RollBack, &now, Some(&good));
    wish.from = now.from().clone();
    let (expected, command, made) = checks(&source, wish.clone()).await;
    assert_eq!(expected, made.keys().copied().collect::<Vec<_>>(), "all that is promised is made, in the order on screen");
    let command = command.expect("there is one");
    assert!(command.starts_with(&format!("helm rollback shop 1 -n {} ", space.name)) && command.contains("--kube-context lab"), "{command}");
    let says = |kind: CheckKind, outcome, words: &str| {
        let found = &made[&kind];
        assert!(found.outcome == outcome && found.sentence.contains(words), "{words}: {found:?}");
    };
    says(CheckKind::Rights, Outcome::Ok, "you may write the records");
    says(CheckKind::Program, Outcome::Ok, "bin/helm will carry it out");
    says(CheckKind::Paused, Outcome::Ok, "r3 of release shop is failed");
    says(CheckKind::Deletion, Outcome::Warn, "ConfigMap/extra");
    says(CheckKind::Hooks, Outcome::Warn, "ConfigMap/warm (pre-rollback)");
    says(CheckKind::Migration, Outcome::Warn, "the schema is not rolled back");
    let limited = lab::source(&kubeconfig, "readonly", "");
    let (_, _, refused) = checks(&limited, wish.clone()).await;
    assert_eq!(refused[&CheckKind::Rights].outcome, Outcome::Block, "{:?}", refused[&CheckKind::Rights]);

    // It refuses before it wrote anything.
    helm.says("refuse");
    let stages = back(&source, &id, &good).await;
    let [Stage::Sending, Stage::Refused { why }] = &stages[..] else { panic!("{stages:?}") };
    assert!(why.contains("exit code 1") && why.contains("unreachable") && !why.contains('\u{1b}') && !why.contains("hunter2"), "{why}");

    // It dies after it wrote its record, as when a connection drops.
    helm.says("die");
    let stages = back(&source, &id, &good).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Unclear { why }] if why.contains("helm was killed in the middle")), "{stages:?}");
    let left = subject(&source, &id).await;
    let release = left.release.clone().expect("it can be read");
    assert!(release.revision == 4 && matches!(release.state, ReleaseState::Pending { .. }) && release.back_to == Some(1), "{release:?}");
    let (good, class) = proposed(&revisions(&source, &id).await);
    assert_eq!((good.number, class), (1, Class::Proven));
    let mut again = operation(Verb::RollBack, &left, Some(&good));
    again.from = left.from().clone();
    let (_, _, made) = checks(&source, again.clone()).await;
    assert!(made[&CheckKind::Paused].outcome == Outcome::Warn && made[&CheckKind::Paused].sentence.contains("helm started here"), "{made:#?}");
    assert!(made[&CheckKind::Paused].sentence.contains("had still to delete stay behind"), "{made:#?}");
    let (_, _, made) = checks(&lab::source(&kubeconfig, "lab", ""), again.clone()).await;
    assert!(made[&CheckKind::Paused].outcome == Outcome::Block && made[&CheckKind::Paused].sentence.contains("may be at work"), "another console can not know");

    // What the operator saw is no longer so: no helm is started, whatever it would do.
    let stages = act(&source, wish).await;
    assert!(matches!(&stages[..], [Stage::Conflict { what, same: false }] if what.contains("r4 (pending-rollback")), "{stages:?}");

    helm.says("whole");
    let stages = act(&source, again).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { .. }]), "{stages:?}");
    space.rolled_out("cart");
    let after = lab::eventually("the template that runs is known", async || {
        let after = subject(&source, &id).await;
        after.release.as_ref().is_some_and(|release| !release.template.is_empty()).then_some(after)
    })
    .await;
    let release = after.release.clone().expect("it can be read");
    assert_eq!((release.revision, release.back_to, release.template.expose()), (5, Some(1), good.template.expose()));
    assert_eq!(space.kubectl(&["get", "deployment/cart", "-o", "jsonpath={.spec.template.spec.containers[0].image}"]), "lab/app:1");
    // Helm compares with its newest record, and that of the one that died names the object no more: the check has said so.
    assert_eq!(space.kubectl(&["get", "configmap", "extra", "-o", "name"]).trim(), "configmap/extra");
    let rows = revisions(&source, &id).await;
    assert!(rows[0].current && rows[0].number == 5, "{rows:#?}");
    assert!(rows[0].evidence.iter().any(|evidence| matches!(evidence, Evidence::ServingNow { ready: 2, .. })), "{:?}", rows[0]);
}

/// A console that is killed while helm works leaves helm at work: the next one waits for its end, and starts no other.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_helm_works_the_next_one_waits_for_its_end_and_starts_no_other() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let (dir, home) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (helm, space) = (Helm::new(dir.path()), Space::new("helm-killed"));
    assert!(helm.engine("install", &space, "1", false, &[]));
    space.rolled_out("cart");
    assert!(helm.engine("upgrade", &space, "2", true, &[]));
    lab::eventually("it is not ready", async || space.kubectl(&["get", "pods"]).contains("0/1").then_some(())).await;
    let path = format!("{}:{}", dir.path().join("bin").display(), std::env::var("PATH").expect("a PATH"));
    let told = dir.path().join("mode").display().to_string();
    let console = |arguments: &[&str]| torn::begun(&kubeconfig, home.path(), &space, arguments, &[("PATH", path.as_str()), (STAND_IN, told.as_str())]);

    helm.says("wait");
    let first = console(&torn::GO);
    let pending = ["get", "secrets", "-l", "owner=helm,version=3,status=pending-rollback", "-o", "name"];
    lab::eventually("helm has written its record", async || (!space.kubectl(&pending).is_empty()).then_some(())).await;
    torn::kill(first, home.path());
    assert_eq!(torn::kinds(home.path()), ["intent"]);
    let operation = torn::intent(home.path()).expect("an intent");

    let next = console(&["--resume", &operation]);
    lab::eventually("it has taken it up", async || (torn::kinds(home.path()).len() > 1).then_some(())).await;
    helm.says("whole");
    let (code, said) = torn::ended(next);
    // Nothing was bad but that a pod was not ready yet, which is not enough to say that something has recovered.
    assert_eq!((code, said["verdict"].as_str()), (Some(2), Some("COULD NOT TELL")), "{said:#}");
    assert!(said["why"].as_str().is_some_and(|why| why.starts_with("pods are ready")), "{said:#}");
    assert!(said["still_open"][0].as_str().is_some_and(|words| words.starts_with("shop went back as a whole")), "{said:#}");
    assert_eq!(fs::read_to_string(dir.path().join("calls")).expect("it was called"), "shop 1\n", "helm was started once");
    let versions = space.kubectl(&["get", "secrets", "-l", "owner=helm", "-o", "jsonpath={.items[*].metadata.labels.version}"]);
    assert_eq!(versions, "1 2 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_whose_records_are_not_there_is_told_and_its_workload_goes_back_by_itself() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("norecords");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    for version in [1, 2] {
        space.deploy("cart", version, &[], "");
        space.rolled_out("cart");
    }
    space.kubectl(&["annotate", "deployment/cart", "meta.helm.sh/release-name=shop", &format!("meta.helm.sh/release-namespace={}", space.name)]);
    let now = subject(&source, &id).await;
    assert!(now.release.is_none() && now.from() == &now.seen);
    let (good, _) = proposed(&revisions(&source, &id).await);
    let (_, command, made) = checks(&source, operation(Verb::RollBack, &now, Some(&good))).await;
    assert!(command.is_some_and(|command| command.starts_with("kubectl rollout undo")));
    let owner = &made[&CheckKind::Owner];
    assert!(owner.outcome == Outcome::Warn && owner.sentence.contains("keeps no record of it"), "{owner:?}");
}
