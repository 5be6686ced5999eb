//! The back ends against real servers. A test that needs a server and finds none fails; with `PILOTHOUSE_LAB_SKIP=1` it says that it was left out.

mod alertmanager;
mod asked;
mod docker;
mod door;
mod faces;
mod gateway;
mod generic;
mod github;
mod gitlab;
mod jenkins;
mod journal;
mod kubernetes;
mod prometheus;
mod reader;
mod script;
mod several;
mod shipped;
mod systems;
mod tekton;
// The terminal of the tests in `tests/pty`, of which these need a part.
#[allow(dead_code)]
#[path = "../pty/term.rs"]
mod term;
mod verify;
mod whole;
mod wire;
