//! From the bytes of a log to a [`LogLine`]: its time, its level, its text in colours; and back to what is worth a row.

mod brief;
mod level;
mod time;

pub use brief::{brief, unfold};
pub use level::recognise;
pub use time::split_time;

use crate::{
    domain::{Level, LineKind, LogLine},
    text::{Clean, Painted},
};

/// What a kubelet answers instead of a log, after it has already answered 200.
const NOT_A_LOG: &[&str] = &[
    "unable to retrieve container logs for ",
    "failed to try resolving symlinks in path ",
    "failed to open log file ",
    "failed to watch file ",
    "Error grabbing logs: ",
];

/// One line as a back end sent it, without its line end: a time in front of it is taken off, the rest is made harmless and judged.
pub fn parse(line: &[u8], kind: LineKind) -> LogLine {
    let (at, body) = split_time(line);
    let text = match std::str::from_utf8(body) {
        Ok(body) => Painted::from_untrusted(body),
        Err(_) => Painted::from_bytes(body),
    };
    if at.is_none() && NOT_A_LOG.iter().any(|refusal| text.text.starts_with(refusal)) {
        return LogLine { at, level: Level::Warn, text, kind: LineKind::Notice };
    }
    LogLine { at, level: recognise(&text.text), text, kind }
}

/// A line of our own in a log.
pub fn notice(at: Option<jiff::Timestamp>, text: Clean) -> LogLine {
    LogLine { at, level: Level::Unknown, text: text.into(), kind: LineKind::Notice }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_its_time_its_level_and_its_text() {
        let line = parse(b"2026-11-24T02:54:31.123456789Z \x1b[31mERROR\x1b[0m unknown currency \"\"", LineKind::Output);
        assert_eq!(line.at.expect("a time").to_string(), "2026-11-24T02:54:31.123456789Z");
        assert_eq!((line.level, &*line.text.text), (Level::Error, "ERROR unknown currency \"\""));
        assert_eq!(line.text.spans.len(), 1);
    }

    #[test]
    fn a_refusal_in_the_place_of_a_log_is_a_notice() {
        let line = parse(b"unable to retrieve container logs for containerd://41c0f2", LineKind::Output);
        assert_eq!((line.kind, line.level), (LineKind::Notice, Level::Warn));
        let said = parse(b"2026-11-24T02:54:31Z failed to open log file x", LineKind::Output);
        assert_eq!(said.kind, LineKind::Output, "with a time it is the program's own");
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        assert_eq!(&*parse(b"2026-11-24T02:54:31Z caf\xe9\r", LineKind::Output).text.text, "caf\u{fffd}");
    }
}
