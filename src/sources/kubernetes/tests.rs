//! The source without a network.

use super::*;
use crate::config::{Config, SourceConfig};

const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: one\nclusters:\n- name: c\n  cluster: {server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true}\nusers:\n- name: u\n  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /nonexistent/login}}\ncontexts:\n- name: one\n  context: {cluster: c, user: u}\n- name: two\n  context: {cluster: c, user: u}\n- name: bad\n  context: {cluster: gone, user: u}\n";

struct Home {
    _dir: tempfile::TempDir,
    table: SourceConfig,
}

fn home(kubeconfig: &str, more: &str) -> Home {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("config");
    std::fs::write(&path, kubeconfig).expect("a temporary file");
    let table = SourceConfig::from_toml(&format!("kind = 'kubernetes'\nkubeconfig = '{}'\n{more}", path.display())).expect("a table");
    Home { _dir: dir, table }
}

impl Home {
    fn made(&self) -> Vec<String> {
        let config = Config::default();
        let wish = Wish { table: Some(&self.table), config: &config, read_only: false, contexts: &[], namespace: None };
        connect(&wish).iter().filter(|made| !matches!(made, Made::Sought(_))).map(told).collect()
    }
}

fn told(made: &Made) -> String {
    match made {
        Made::Source(source) | Made::Aside(source) => format!("source {}", source.id()),
        Made::Listed(id, words) => format!("listed {id} {words}"),
        Made::Broken(id, why) => format!("broken {id} {}", why.words),
        Made::Sought(id) => format!("sought {id}"),
        Made::Absent(id, words) => format!("absent {id} {words}"),
    }
}

#[test]
fn the_current_context_is_made_and_the_others_are_listed() {
    let made = home(KUBECONFIG, "").made();
    assert_eq!(&made[..2], ["source kubernetes/one", "listed kubernetes/two 127.0.0.1:1"]);
    assert!(made[2].starts_with("broken kubernetes/bad") && made[2].contains("config:15: context bad names the cluster gone"), "{}", made[2]);
}

#[test]
fn configured_contexts_are_made_and_nothing_else() {
    assert_eq!(home(KUBECONFIG, "contexts = ['two']").made(), ["source kubernetes/two"]);
    let missing = home(KUBECONFIG, "contexts = ['three']").made();
    assert!(missing[0].starts_with("broken kubernetes/three") && missing[0].contains("there is no context three"), "{missing:?}");
}

#[test]
fn a_key_that_is_not_known_is_told_with_its_place() {
    let made = home(KUBECONFIG, "context = 'two'").made();
    assert!(made[0].starts_with("broken kubernetes ") && made[0].contains("context"), "{made:?}");
}

#[test]
fn a_broken_file_breaks_the_kind() {
    let made = home("contexts: {{", "").made();
    assert!(made[0].starts_with("broken kubernetes ") && made[0].contains("this is not a kubeconfig"), "{made:?}");
}

#[test]
fn a_listed_context_is_dialled_later() {
    let home = home(KUBECONFIG, "");
    let config = Config::default();
    let wish = Wish { table: Some(&home.table), config: &config, read_only: true, contexts: &[], namespace: None };
    assert_eq!(told(&dial(&SourceId::new("kubernetes/two"), &wish)[0]), "source kubernetes/two");
    assert!(told(&dial(&SourceId::new("kubernetes/three"), &wish)[0]).contains("there is no context three"));
}

fn source(home: &Home) -> Arc<dyn Source> {
    let config = Config::default();
    let wish = Wish { table: Some(&home.table), config: &config, read_only: false, contexts: &[], namespace: None };
    match connect(&wish).swap_remove(0) {
        Made::Source(source) => source,
        other => panic!("{}", told(&other)),
    }
}

#[test]
fn a_connection_that_is_not_verified_warns() {
    assert_eq!(source(&home(KUBECONFIG, "")).offers().warnings, [Clean::from_static("TLS is not verified")]);
}

#[tokio::test]
async fn a_login_program_that_is_missing_refuses_in_our_words() {
    let home = home(KUBECONFIG, "");
    let source = source(&home);
    let mut stream = source.watch(Feed::Nodes, None);
    let error = loop {
        match stream.next().await.expect("it does not end silently") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.why().trouble, Trouble::Denied);
    assert!(error.to_string().contains("can not be started") || error.to_string().contains("login program"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable_and_nothing_goes_on_after_an_error() {
    let kubeconfig = KUBECONFIG.replace("{exec: {apiVersion: client.authentication.k8s.io/v1, command: /nonexistent/login}}", "{token: t}");
    let home = home(&kubeconfig, "");
    let source = source(&home);
    let batches: Vec<_> = source.watch(Feed::Workloads, None).collect().await;
    let Some(Err(error)) = batches.last() else { panic!("{batches:?}") };
    assert_eq!(error.why().trouble, Trouble::Unreachable);
    assert!(error.to_string().contains("127.0.0.1:1 refuses connections"), "{error}");
}
