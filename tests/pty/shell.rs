//! Out of the screen into a container, and back.

use crate::{
    cluster::Cluster,
    term::{Setup, Term, pilothouse},
};
use std::os::unix::fs::PermissionsExt;

/// Prints how it was called, and what is typed, as an interactive program would.
const KUBECTL: &str = "#!/bin/sh\nprintf 'STAND-IN %s\\n' \"$*\"\nread line\nprintf 'HEARD %s\\n' \"$line\"\nread line\n";

/// A console on a cluster with one pod, and what stands on its PATH.
fn setup(cluster: &Cluster, args: &[&str], kubectl: bool) -> Setup {
    let setup = pilothouse(args).size(200, 40).file("kubeconfig", &cluster.kubeconfig()).file("bin/README", "");
    let setup = if kubectl { setup.file("bin/kubectl", KUBECTL) } else { setup };
    let tool = setup.at("bin/kubectl");
    if kubectl {
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("a file of ours");
    }
    let (kubeconfig, bin) = (setup.at("kubeconfig").display().to_string(), setup.at("bin").display().to_string());
    setup.with("KUBECONFIG", &kubeconfig).with("PATH", &bin)
}

fn at_the_pod(setup: Setup) -> Term {
    let mut term = setup.start();
    term.shows("R roll back cart in development");
    term.types("\r").shows("cart-5d8c-x7k2p");
    term
}

#[test]
fn s_leaves_the_screen_for_kubectl_exec_and_ctrl_c_there_brings_it_back() {
    let cluster = Cluster::start();
    let mut term = at_the_pod(setup(&cluster, &[], true));
    term.types("s").shows("A shell in a container?").shows("shop/cart-5d8c-x7k2p app");
    term.enters("STAND-IN --kubeconfig");
    assert!(!term.screen().alternate_screen(), "the screen is the program's");
    let said = term.contents().replace('\n', "");
    assert!(said.contains("--context dev exec -it -n shop cart-5d8c-x7k2p -c app -- sh -c"), "{said}");
    term.types("hello\r").shows("HEARD hello");
    term.types("\x03");
    term.until("the console again", |screen| screen.alternate_screen() && screen.contents().contains("cart-5d8c-x7k2p"));
    term.shows("the shell was ended by a signal");
    let written = journal(&term);
    let lines: Vec<&str> = written.lines().filter(|line| line.contains("\"shell\"")).collect();
    assert!(lines.len() == 1 && lines[0].contains("shop/cart-5d8c-x7k2p app") && lines[0].contains("oncall"), "{written}");
}

#[test]
fn without_kubectl_it_says_so_with_the_command_to_copy() {
    let cluster = Cluster::start();
    let mut term = at_the_pod(setup(&cluster, &[], false));
    term.types("s").shows("A shell in a container?");
    term.enters("kubectl is not on the PATH").shows("the command");
    term.until("the console again", vt100::Screen::alternate_screen);
}

#[test]
fn in_read_only_there_is_no_shell() {
    let cluster = Cluster::start();
    let mut term = at_the_pod(setup(&cluster, &["--read-only"], true));
    term.types("s").shows("read-only");
    assert!(!term.contents().contains("A shell in a container?"));
    assert_eq!(journal(&term), "");
}

/// Everything that the journal says.
fn journal(term: &Term) -> String {
    let mut folders = vec![term.home().join("state")];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "jsonl") {
                text += &std::fs::read_to_string(path).unwrap_or_default();
            }
        }
    }
    text
}
