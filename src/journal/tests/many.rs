//! Any number of consoles share one journal.

use super::*;
use std::{
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

const DIR: &str = "PILOTHOUSE_TEST_JOURNAL";
const PATIENT: Limits = Limits { full: 20_000, wait: Duration::from_secs(60) };

/// Runs the ignored test `name` of this binary in a process of its own, on `dir`.
pub(super) fn process(name: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args([&format!("journal::tests::{name}"), "--exact", "--ignored", "--nocapture"]).env(DIR, dir);
    command.stdin(Stdio::null());
    command
}

/// The directory that a test in a process of its own works on.
pub(super) fn given() -> std::path::PathBuf {
    std::env::var_os(DIR).expect("started by another test, with a directory").into()
}

fn append_many(dir: &Path, name: &str, count: u32) {
    let journal = Journal::with_limits(dir, PATIENT).expect("opens");
    for i in 0..count {
        let _ = journal.append(at(0), &who(), &note(&format!("{name}.{i}"))).expect("appends");
    }
}

#[test]
#[ignore = "the other tests start it in processes of their own"]
fn process_that_appends() {
    append_many(&given(), &std::process::id().to_string(), 25);
}

#[test]
#[ignore = "the other tests start it in processes of their own, and kill it"]
fn process_that_appends_until_killed() {
    append_many(&given(), "doomed", 20_000);
}

#[test]
fn eight_threads_and_eight_processes_keep_the_chain_whole_over_rotations() {
    let room = Room::with(PATIENT);
    let dir = room.path();
    let processes: Vec<Child> = (0..8).map(|_| process("many::process_that_appends", &dir).stdout(Stdio::null()).spawn().expect("starts")).collect();
    thread::scope(|scope| {
        for i in 0..8 {
            let dir = &dir;
            scope.spawn(move || append_many(dir, &format!("thread{i}"), 25));
        }
    });
    for mut process in processes {
        assert!(process.wait().expect("ends").success());
    }
    let summary = sound(&dir);
    assert_eq!((summary.entries, summary.torn.len()), (400, 0));
    assert!(summary.files > 3, "{} files", summary.files);
    let mut texts = room.texts();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 400, "no entry is lost and none is written over");
}

/// Killed at the end, also where a test fails before.
struct Doomed(Child);

impl Drop for Doomed {
    fn drop(&mut self) {
        self.0.kill().expect("kills");
        self.0.wait().expect("ends");
    }
}

fn last_number(dir: &Path) -> u64 {
    let newest = place::segments(dir).expect("lists").pop();
    let last = newest.and_then(|file| tail::find(&file.file, &file.path).expect("reads").last);
    last.map_or(0, |last| last.entry.seq)
}

#[test]
fn a_console_killed_while_it_writes_leaves_a_journal_that_goes_on() {
    let room = Room::with(PATIENT);
    let dir = room.path();
    for round in 0..6 {
        let before = last_number(&dir);
        let doomed = Doomed(process("many::process_that_appends_until_killed", &dir).stdout(Stdio::null()).spawn().expect("starts"));
        while last_number(&dir) < before + 3 + round {
            thread::yield_now();
        }
        drop(doomed);
        let written = room.write(0, &note("survivor"));
        assert_eq!(sound(&dir).entries, written.seq(), "the kernel gave the lock back, and the chain is whole");
    }
}
