//! The pictures in the repository are the ones that the program makes.

use crate::faces::BINARY;
use std::process::Command;

#[test]
fn the_screenshots_are_what_the_program_shows() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/screenshots");
    let checked = Command::new(script).arg("--check").env("PILOTHOUSE", &BINARY.1).output().expect("a shell");
    assert!(checked.status.success(), "{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
}
