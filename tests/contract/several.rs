//! Several services of a real cluster taken back by one command.

use crate::{
    faces::{face, told},
    kubernetes::{
        lab::{self, Space},
        torn,
    },
};
use std::path::Path;

/// Deploys one that is well and then one whose image nobody has, and waits until that is seen: what was not bad can not be told to have recovered.
async fn gone_bad(space: &Space, name: &str) {
    space.deploy(name, 1, &[], "well");
    space.rolled_out(name);
    space.apply(&lab::deployment(name, "lab/app:nobody-has-it", &[], "bad"));
    let label = format!("app={name}");
    lab::eventually("the image is missed", async || space.kubectl(&["get", "pods", "-l", &label]).contains("ErrImageNeverPull").then_some(())).await;
}

fn image(space: &Space, name: &str) -> String {
    space.kubectl(&["get", "deployment", name, "-o", "jsonpath={.spec.template.spec.containers[0].image}"])
}

/// A configuration in which `web` depends on `stock`, and a program that writes down what it is told.
fn config(kubeconfig: &Path, folder: &Path) -> String {
    let text = format!(
        "[[source]]\nkind = 'kubernetes'\nkubeconfig = '{}'\ncontexts = ['lab']\n[[service]]\nname = 'web'\ndepends_on = ['stock']\n\
         [ui]\nnotify_command = ['sh', '-c', 'printf \"%s\\n\" \"$1\" >> {}', 'told']\n",
        kubeconfig.display(),
        folder.join("told").display()
    );
    let file = folder.join("config.toml");
    std::fs::write(&file, text).expect("a file");
    file.display().to_string()
}

#[tokio::test]
async fn several_services_go_back_by_one_command_in_their_order_and_what_bars_one_bars_all() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let (space, folder) = (Space::new("several"), tempfile::tempdir().expect("a folder"));
    let config = config(&kubeconfig, folder.path());
    for name in ["stock", "web"] {
        gone_bad(&space, name).await;
    }
    space.deploy("first", 1, &[], "the only one");
    // An environment that nobody names is as strict as production.
    let strict = ["-e", "lab", "--write", "--yes", "--reason", "it does not start", "--confirm", "lab"];
    let run = |services: &[&str]| told(&kubeconfig, &space, &[&["--config", &config, "rollback"], services, &strict].concat());

    let (code, said) = run(&["stock", "first"]);
    assert_eq!(code, Some(1), "{said:#}");
    assert!(said["refused"].as_str().is_some_and(|why| why.starts_with("first: ")), "{said:#}");
    assert_eq!(image(&space, "stock"), "lab/app:nobody-has-it", "one that can not go back keeps all of them");

    let (code, said) = run(&["stock", "web", "stock"]);
    let services = said["services"].as_array().expect("a list");
    let of = |field: &str| services.iter().map(|one| one[field].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>();
    assert_eq!((of("service"), of("verdict")), (vec!["web".into(), "stock".into()], vec!["RECOVERED".to_owned(); 2]), "{said:#}");
    assert_eq!((code, said["stopped"].is_null(), image(&space, "web").as_str()), (Some(0), true, "lab/app:1"));
    let heard = std::fs::read_to_string(folder.path().join("told")).expect("notify_command was started");
    assert!(heard.contains("web in lab") && heard.contains("all of them are over"), "{heard}");
}

/// A console that is killed in the midst of several leaves one operation open, and the others never begun.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_midst_of_several_the_one_that_was_begun_is_seen_through_and_the_others_are_left_alone() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let (space, home) = (Space::new("several-killed"), tempfile::tempdir().expect("a folder"));
    for name in ["cart", "stock"] {
        gone_bad(&space, name).await;
    }
    let console = |arguments: &[&str]| torn::begun(&kubeconfig, home.path(), &space, arguments, &[("PATH", "/usr/bin:/bin")]);
    let first = console(&["cart", "stock", "-e", "development", "--yes", "--reason", "they do not start"]);
    torn::written(home.path(), "outcome").await;
    torn::kill(first, home.path());
    assert_eq!(torn::kinds(home.path()), ["intent", "outcome"]);
    let operation = torn::intent(home.path()).expect("an intent");
    let (code, said) = torn::ended(console(&["--resume", &operation]));
    assert_eq!((code, said["verdict"].as_str(), said["service"].as_str()), (Some(0), Some("RECOVERED"), Some("cart")), "{said:#}");
    assert_eq!((image(&space, "cart").as_str(), image(&space, "stock").as_str()), ("lab/app:1", "lab/app:nobody-has-it"));
    assert_eq!(torn::kinds(home.path()).iter().filter(|kind| *kind == "intent").count(), 1, "the other was never begun");
}

#[test]
fn what_is_about_one_service_is_refused_for_several() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let (code, _, error) = face(&kubeconfig, &["--context", "lab", "rollback", "a", "b", "-e", "lab", "--to", "r1"]);
    assert_eq!(code, Some(64), "{error}");
}
