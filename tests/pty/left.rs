//! What a console that was killed left open, and how the next one settles it.

use crate::{
    cluster::Cluster,
    term::{GONE, pilothouse},
};
use rustix::process::Signal;

#[test]
fn the_next_console_shows_what_was_left_open_and_reads_what_became_of_it() {
    let cluster = Cluster::start();
    let setup = pilothouse(&[]).file("kubeconfig", &cluster.kubeconfig());
    let kubeconfig = setup.at("kubeconfig").display().to_string();
    let mut first = setup.with("KUBECONFIG", &kubeconfig).start();
    first.shows("R roll back cart in development");
    // The server carries it out, and its answer never comes.
    first.types("r").shows("Enter asks once more");
    first.types("\r").shows("Enter does it");
    first.enters("waiting for the answer");
    first.signal(Signal::KILL);
    first.leaves_within(GONE);

    let state = first.home().join("state").display().to_string();
    let mut next = pilothouse(&[]).with("XDG_STATE_HOME", &state).with("KUBECONFIG", &kubeconfig).start();
    next.shows("cart in development: restart was begun and not ended; B shows it");
    next.types("B").shows("left behind; Enter reads what became of it");
    next.types("\r").shows("it was carried out");
    next.types("\r").shows("nothing was left open");
    next.types("\x03");
    assert_eq!(next.leaves_within(GONE), 0);

    let last = pilothouse(&[]).with("XDG_STATE_HOME", &state).with("KUBECONFIG", &kubeconfig).start();
    last.shows("R roll back cart in development");
    assert!(!last.contents().contains("was begun and not ended"), "it is settled for good");
}
