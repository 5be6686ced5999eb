//! What was written can not change unseen, and what was cut off is chained over.

use super::*;
use proptest::prelude::*;
use std::{io::Cursor, sync::LazyLock};

/// Six lines, the fourth after a write that was cut off.
static LINES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let room = Room::new();
    for body in [note("first"), intent("7f3a-1", 1, 1), sent("7f3a-1", 1)] {
        let _ = room.write(1, &body);
    }
    let _ = room.write(2, &note("cut off"));
    room.cut(room.bytes().len() - 40);
    for body in [outcome("7f3a-1", 1, Ended::Accepted), verdict("7f3a-1", Verdict::Recovered), note("naïve \u{202e}")] {
        let _ = room.write(3, &body);
    }
    room.bytes()
});

fn judge(bytes: &[u8]) -> Result<Summary, Broken> {
    let mut chain = super::verify::Chain::new();
    chain.follow(&Clean::from_static("f"), Cursor::new(bytes)).expect("memory can be read")?;
    chain.end()
}

/// The number of the entry that the byte at `offset` belongs to; the bytes of a cut-off write belong to the entry after it.
fn entry_at(offset: usize) -> u64 {
    let mut seq = 0;
    let mut end = 0;
    for line in LINES.split_inclusive(|b| *b == b'\n') {
        if end > offset {
            break;
        }
        end += line.len();
        match line::read(&line[..line.len() - 1]) {
            Ok(line) => seq = line.entry.seq,
            Err(_) if end > offset => return seq + 1,
            Err(_) => {}
        }
    }
    seq
}

#[test]
fn what_was_written_is_sound_and_tells_of_the_cut() {
    let summary = judge(&LINES).expect("sound");
    assert_eq!(summary.entries, 6);
    assert_eq!(summary.torn.iter().map(|cut| cut.before).collect::<Vec<_>>(), [4]);
    assert!(LINES.iter().all(|b| *b == b'\n' || (0x20..0x7f).contains(b)), "the file is printable ASCII");
}

#[test]
fn the_first_line_follows_64_zeros_and_the_hash_is_of_the_bytes_before_it() {
    let first = LINES.split(|b| *b == b'\n').next().expect("a line");
    let text = std::str::from_utf8(first).expect("ASCII");
    assert!(text.starts_with(&format!(r#"{{"v":1,"seq":1,"prev":"{}","at":"2027-01-15T08:00:01Z","#, "0".repeat(64))), "{text}");
    let (sealed, hash) = text.split_once(r#","hash":""#).expect("a hash");
    let sum = ring::digest::digest(&ring::digest::SHA256, format!("{}{sealed}}}", "0".repeat(64)).as_bytes());
    assert_eq!(hash.trim_end_matches(r#""}"#), line::hex(sum.as_ref()));
}

#[test]
fn every_byte_that_changes_is_reported_at_its_entry() {
    for offset in 0..LINES.len() {
        for flip in [0x01, 0x20] {
            let mut bytes = LINES.clone();
            bytes[offset] ^= flip;
            let broken = judge(&bytes).expect_err("reported");
            assert_eq!(broken.seq, entry_at(offset), "byte {offset} flipped by {flip:#x}: {:?}", broken.why);
        }
    }
}

#[test]
fn a_line_that_is_taken_away_doubled_or_swapped_is_reported() {
    let lines: Vec<_> = LINES.split_inclusive(|b| *b == b'\n').collect();
    let of = |order: &[usize]| judge(&order.iter().flat_map(|i| lines[*i]).copied().collect::<Vec<_>>()).expect_err("reported");
    assert_eq!(of(&[1, 2, 3, 4, 5, 6]), Broken { seq: 1, file: "f".into(), line: 1, why: Flaw::Misplaced { found: 2 } });
    assert_eq!(of(&[0, 0, 1, 2, 3, 4, 5, 6]).seq, 2, "doubled");
    assert_eq!(of(&[0, 2, 1, 3, 4, 5, 6]).seq, 2, "swapped");
    assert_eq!(of(&[0, 1, 2, 4, 5, 6]), Broken { seq: 4, file: "f".into(), line: 4, why: Flaw::Untorn }, "the cut-off write is evidence too");
}

#[test]
fn a_line_of_another_journal_does_not_fit_in() {
    let other = Room::new();
    let _ = other.write(1, &note("another"));
    let _ = other.write(1, &note("world"));
    let foreign = other.bytes();
    let second = foreign.split_inclusive(|b| *b == b'\n').nth(1).expect("a line");
    let mut mixed = LINES.split_inclusive(|b| *b == b'\n').next().expect("a line").to_vec();
    mixed.extend_from_slice(second);
    assert_eq!(judge(&mixed).expect_err("reported").why, Flaw::Unchained);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_byte_put_in_the_place_of_another_is_reported(offset in 0..LINES.len(), byte: u8) {
        prop_assume!(LINES[offset] != byte);
        let mut bytes = LINES.clone();
        bytes[offset] = byte;
        prop_assert_eq!(judge(&bytes).expect_err("reported").seq, entry_at(offset));
    }

    #[test]
    fn any_run_of_bytes_in_the_place_of_another_is_reported(start in 0..LINES.len(), cut in 0..900usize, put in proptest::collection::vec(any::<u8>(), 0..40)) {
        let end = (start + cut).min(LINES.len());
        let bytes = [&LINES[..start], &put, &LINES[end..]].concat();
        prop_assume!(bytes != *LINES && !LINES.starts_with(&bytes));
        let broken = judge(&bytes).expect_err("reported");
        prop_assert!(broken.seq <= entry_at(start) + 1);
    }
}

#[test]
fn a_line_that_lacks_only_its_newline_is_an_entry() {
    let room = Room::new();
    let _ = room.write(1, &note("one"));
    let _ = room.write(2, &note("two"));
    room.cut(room.bytes().len() - 1);
    assert_eq!(broken(&room.path()).seq, 2, "not before the next one confirms it");
    assert_eq!(room.write(3, &note("three")).seq(), 3);
    assert_eq!((room.texts().join(" "), sound(&room.path()).torn), ("one two three".to_owned(), vec![]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_cut_anywhere_keeps_its_entries_says_so_and_goes_on(len in 0..=LINES.len(), again in 0..600usize) {
        let room = Room::new();
        fs::write(room.file(), &LINES[..len]).expect("writes");
        let whole = LINES[..len].split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n") && line::read(line.trim_ascii_end()).is_ok()).count() as u64;
        let cut_in_a_line = len > 0 && LINES[len - 1] != b'\n';
        match judge(&LINES[..len]) {
            Ok(summary) => prop_assert_eq!((summary.entries, cut_in_a_line), (whole, false)),
            Err(broken) => prop_assert_eq!(broken.seq, whole + 1),
        }

        // Where only the newline is missing, the line is as good as written.
        let whole = whole + u64::from(cut_in_a_line && LINES.get(len) == Some(&b'\n') && judge(&LINES[..=len]).is_ok());
        let first = room.write(9, &note("after the crash"));
        prop_assert_eq!(first.seq(), whole + 1);
        prop_assert!(room.bytes().starts_with(&LINES[..len]), "what was cut off is kept");
        prop_assert_eq!(sound(&room.path()).entries, whole + 1);

        let bytes = room.bytes().len();
        room.cut(bytes.saturating_sub(again).max(len));
        let second = room.write(10, &note("after the second crash"));
        prop_assert_eq!(sound(&room.path()).entries, second.seq());
        prop_assert!(room.texts().contains(&"after the second crash".to_owned()));
    }

    #[test]
    fn damage_at_the_end_is_chained_over_and_never_silent(from in 0..LINES.len(), junk in proptest::collection::vec(any::<u8>(), 1..300)) {
        let room = Room::new();
        let mut bytes = LINES.clone();
        bytes.truncate(from);
        bytes.extend_from_slice(&junk);
        prop_assume!(!LINES.starts_with(&bytes));
        fs::write(room.file(), &bytes).expect("writes");
        let _ = room.write(9, &note("goes on"));
        prop_assert!(room.bytes().starts_with(&bytes), "kept as evidence");
        let summary = sound(&room.path());
        prop_assert!(summary.torn.iter().any(|cut| cut.before == summary.entries));
    }
}
