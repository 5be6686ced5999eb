//! Directories, modes, locks, rotation, versions.

use super::{
    many::{given, process},
    *,
};
use crate::journal::lock::Lock;
use std::{
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    time::{Duration, Instant},
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("is there").permissions().mode() & 0o777
}

fn small(full: u64) -> Room {
    Room::with(Limits { full, ..Limits::default() })
}

fn append_newer(room: &Room) {
    let mut bytes = room.bytes();
    bytes.extend_from_slice(b"{\"v\":2,\"seq\":99,\"sum\":\"of another kind\"}\n");
    fs::write(room.file(), bytes).expect("writes");
}

#[test]
fn only_the_owner_can_look_into_it() {
    let room = Room::new();
    let _ = room.write(1, &note("private"));
    room.journal.keyed_hash(b"x").expect("hashes");
    assert_eq!(mode(&room.path()), 0o700);
    for name in [ACTIVE, place::LOCK, place::KEY] {
        assert_eq!(mode(&room.path().join(name)), 0o600, "{name}");
    }
}

#[test]
fn rights_that_others_were_given_are_taken_away_before_the_next_entry() {
    let room = Room::new();
    let _ = room.write(1, &note("one"));
    fs::set_permissions(room.file(), fs::Permissions::from_mode(0o664)).expect("chmod");
    fs::set_permissions(room.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let _ = room.write(2, &note("two"));
    assert_eq!((mode(&room.path()), mode(&room.file())), (0o700, 0o600));
}

#[test]
fn a_link_in_the_place_of_the_file_is_refused() {
    let room = Room::new();
    let victim = room.dir.path().join("victim");
    fs::write(&victim, "mine").expect("writes");
    symlink(&victim, room.file()).expect("links");
    let error = room.journal.append(at(1), &who(), &note("x")).expect_err("refused");
    assert!(error.to_string().contains("can not open"), "{error}");
    assert_eq!(fs::read_to_string(&victim).expect("reads"), "mine");
}

#[test]
fn what_the_disk_does_not_confirm_is_not_said_to_be_written() {
    let room = Room::new();
    // A pipe takes every byte, and can not be synced.
    let made = std::process::Command::new("mkfifo").arg(room.file()).status().expect("mkfifo runs");
    assert!(made.success());
    let refused = room.journal.append(at(0), &who(), &note("a")).expect_err("nobody knows that it lasts").to_string();
    assert!(refused.contains("sync"), "{refused}");
}

#[test]
fn a_full_file_is_put_aside_and_the_chain_goes_on() {
    let room = small(1_500);
    for i in 0..20 {
        assert_eq!(room.write(i, &note("n")).seq(), i as u64 + 1);
    }
    let summary = sound(&room.path());
    assert_eq!(summary.entries, 20);
    assert!(summary.files >= 5, "{} files", summary.files);
    assert!(room.path().join("journal.jsonl.1").is_file());
    assert_eq!(room.texts().len(), 20, "readers go over all files");
}

#[test]
fn more_than_nine_full_files_stay_in_order() {
    let room = small(1);
    for i in 0..14 {
        let _ = room.write(i, &note(&i.to_string()));
    }
    assert_eq!(sound(&room.path()).files, 14);
    assert_eq!(room.texts(), (0..14).map(|i| i.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_crash_between_putting_aside_and_the_first_line_loses_nothing() {
    for left in ["", "{\"v\":1,\"seq\":4,\"pr"] {
        let room = Room::new();
        for i in 0..3 {
            let _ = room.write(i, &note("n"));
        }
        fs::rename(room.file(), room.path().join("journal.jsonl.1")).expect("renames");
        fs::write(room.file(), left).expect("writes");
        assert_eq!(room.write(9, &note("n")).seq(), 4);
        assert_eq!((sound(&room.path()).entries, sound(&room.path()).torn.len()), (4, usize::from(!left.is_empty())));
    }
}

#[test]
fn a_full_file_with_an_unfinished_end_is_finished_before_it_is_put_aside() {
    for missing in [1, 30] {
        let room = small(1_200);
        for i in 0..2 {
            let _ = room.write(i, &note("n"));
        }
        room.cut(room.bytes().len() - missing);
        for i in 2..6 {
            let _ = room.write(i, &note("n"));
        }
        assert!(sound(&room.path()).files > 1);
    }
}

#[test]
fn a_full_file_that_was_deleted_is_reported_at_its_first_entry() {
    let room = small(1);
    for i in 0..5 {
        let _ = room.write(i, &note("n"));
    }
    fs::remove_file(room.path().join("journal.jsonl.2")).expect("removes");
    assert_eq!((broken(&room.path()).seq, broken(&room.path()).why), (2, Flaw::Misplaced { found: 3 }));
    fs::remove_file(room.path().join("journal.jsonl.1")).expect("removes");
    assert_eq!(broken(&room.path()).seq, 1);
}

#[test]
fn a_lock_that_is_held_ends_the_wait_and_names_the_holder() {
    let wait = Duration::from_millis(120);
    let room = Room::with(Limits { wait, ..Limits::default() });
    let _ = room.write(1, &note("before"));
    let held = Lock::exclusive(&room.path(), wait, "ann@bastion, pid 4711").expect("locks");
    let began = Instant::now();
    let error = room.journal.append(at(2), &who(), &note("x")).expect_err("locked");
    assert!(began.elapsed() >= wait);
    assert_eq!(error.to_string(), "journal: locked by ann@bastion, pid 4711 for more than 120 ms; look at that process, then try again");
    assert_eq!(room.texts(), ["before"], "reading goes on");
    assert_eq!(sound(&room.path()).entries, 1);
    drop(held);
    assert_eq!(room.write(3, &note("after")).seq(), 2);
}

#[test]
fn lines_of_a_newer_version_make_it_read_only() {
    let room = Room::new();
    let _ = room.write(1, &note("old"));
    append_newer(&room);
    let before = room.bytes();
    let error = room.journal.append(at(2), &who(), &note("x")).expect_err("refused");
    assert!(error.to_string().contains("newer version (lines of v2): it is read only here"), "{error}");
    assert!(matches!(room.journal.writable(), Err(JournalError::Newer { version: 2, .. })));
    assert_eq!((room.bytes(), room.texts()), (before, vec!["old".to_owned()]));
    assert_eq!((broken(&room.path()).seq, broken(&room.path()).why), (2, Flaw::Newer { version: 2 }));
}

#[test]
fn a_directory_that_can_not_be_made_is_named_with_a_remedy() {
    let room = Room::new();
    let file = room.dir.path().join("file");
    fs::write(&file, "").expect("writes");
    let error = Journal::open(&file.join("state")).expect_err("refused").to_string();
    assert!(error.contains("file/state") && error.contains("choose another state directory"), "{error}");
}

#[test]
#[ignore = "the test below starts it in a process of its own, without rights"]
fn process_that_may_only_read() {
    let journal = Journal::open(&given()).expect("opens for reading");
    assert_eq!(journal.history(&Filter::default()).expect("reads").len(), 1);
    let error = journal.append(at(2), &who(), &note("x")).expect_err("refused").to_string();
    assert!(error.contains("it must belong to you") && error.contains("state"), "{error}");
    assert!(journal.writable().is_err());
}

#[test]
fn a_read_only_directory_can_be_viewed_and_not_written() {
    let room = Room::new();
    let _ = room.write(1, &note("old"));
    let mut process = process("places::process_that_may_only_read", &room.path());
    if rustix::process::geteuid().is_root() {
        process.uid(65_534);
    }
    fs::set_permissions(room.dir.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    fs::set_permissions(room.path(), fs::Permissions::from_mode(0o555)).expect("chmod");
    fs::set_permissions(room.file(), fs::Permissions::from_mode(0o444)).expect("chmod");
    let output = process.output().expect("runs");
    fs::set_permissions(room.path(), fs::Permissions::from_mode(0o700)).expect("chmod");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    assert_eq!(sound(&room.path()).entries, 1);
}

#[test]
fn an_entry_that_is_too_long_is_refused_and_leaves_nothing() {
    let room = Room::new();
    let proofs = vec![Clean::from_untrusted(&"x".repeat(1_000)); line::LIMIT / 1_000];
    let body = Body::Verdict(Judged { op: OpId::restore("a-1"), verdict: Verdict::Worse, took_ms: 1, proofs });
    let error = room.journal.append(at(1), &who(), &body).expect_err("refused");
    assert!(matches!(error, JournalError::TooLong { .. }));
    assert!(room.bytes().is_empty());
}

#[test]
fn a_keyed_hash_is_the_same_here_and_another_elsewhere() {
    let (room, other) = (Room::new(), Room::new());
    let hash = |room: &Room, value: &[u8]| room.journal.keyed_hash(value).expect("hashes");
    assert_eq!(hash(&room, b"hunter2"), Journal::open(&room.path()).and_then(|again| again.keyed_hash(b"hunter2")).expect("hashes"));
    assert_ne!(hash(&room, b"hunter2"), hash(&room, b"hunter3"));
    assert_ne!(hash(&room, b"hunter2"), hash(&other, b"hunter2"));
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let room = Room::new();
    room.journal.keyed_hash(b"x").expect("hashes");
    fs::set_permissions(room.path().join(place::KEY), fs::Permissions::from_mode(0o640)).expect("chmod");
    let error = Journal::open(&room.path()).and_then(|again| again.keyed_hash(b"x")).expect_err("refused").to_string();
    assert!(error.contains("chmod it to 0600"), "{error}");
}
