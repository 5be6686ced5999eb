//! The end of a log, however long it is: it goes by, and only the last of it is kept.

use crate::{
    clean,
    domain::{LineKind, LogLine},
    logs::line,
    sources::SourceError,
    text::{Clean, bytes as size, redact},
};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};

/// How many lines are told.
pub(in crate::sources) const LINES: usize = 8;
/// So much of the end is kept: what failed stands some way before what is tidied up after it.
const KEPT: usize = 256 << 10;
/// Nobody waits for more than this to go by for the sake of a few lines.
const LONGEST: u64 = 32 << 20;

/// The last of what comes, from the beginning of a line on.
///
/// # Errors
/// That it breaks off, or that it is too long to be gone through.
pub(in crate::sources) async fn end_of(mut body: BoxStream<'static, Result<Bytes, SourceError>>) -> Result<Bytes, SourceError> {
    let (mut kept, mut came, mut torn) = (BytesMut::new(), 0_u64, false);
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        came += chunk.len() as u64;
        if came > LONGEST {
            return Err(SourceError::Unsupported(clean!("its log is longer than {}: its end is not fetched for a few lines", size(LONGEST))));
        }
        kept.extend_from_slice(&chunk);
        if kept.len() > 2 * KEPT {
            torn = true;
            drop(kept.split_to(kept.len() - KEPT));
        }
    }
    let kept = kept.freeze();
    Ok(if torn { whole_lines(&kept) } else { kept })
}

/// Without what is left of the line in whose middle it begins.
pub(in crate::sources) fn whole_lines(bytes: &Bytes) -> Bytes {
    memchr::memchr(b'\n', bytes).map_or_else(Bytes::new, |end| bytes.slice(end + 1..))
}

/// The last of these lines that say anything, secrets masked.
pub(in crate::sources) fn last(lines: &[LogLine], count: usize) -> Vec<Clean> {
    let says = lines.iter().rev().filter(|line| !line.text.text.trim().is_empty());
    let mut last: Vec<Clean> = says.take(count).map(|line| clean!("{}", redact(line.text.text.trim_end()))).collect();
    last.reverse();
    last
}

/// The lines of a log without marks of its own.
pub(in crate::sources) fn lines(bytes: &[u8]) -> Vec<LogLine> {
    bytes.split(|byte| *byte == b'\n').map(line).collect()
}

/// A line without its end. Of one that was written over itself, as bars of progress are, what it came to be; its time is that of its beginning.
pub(super) fn line(whole: &[u8]) -> LogLine {
    let mut line = line::parse(came_to(whole.split(|byte| *byte == b'\r')), LineKind::Output);
    line.at = line.at.or_else(|| line::split_time(whole).0);
    line
}

/// What a terminal would show in the end of what was written in one place.
pub(in crate::sources) fn came_to<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> &'a [u8] {
    pieces.filter(|piece| !piece.is_empty()).last().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    async fn end(chunks: usize, each: &'static str) -> Result<Bytes, SourceError> {
        end_of(stream::iter(vec![Ok(Bytes::from_static(each.as_bytes())); chunks]).boxed()).await
    }

    #[tokio::test]
    async fn of_a_long_log_the_end_is_kept_from_the_beginning_of_a_line_on() {
        assert_eq!(end(2, "one\ntwo").await.as_deref(), Ok(&b"one\ntwoone\ntwo"[..]), "a short one is whole");
        let kept = end(100_000, "0123456789abcdef\n").await.expect("it is short enough");
        assert!(kept.starts_with(b"0123456789abcdef\n") && kept.ends_with(b"f\n"), "no line is cut");
        assert!((KEPT - 17..=2 * KEPT).contains(&kept.len()), "{}", kept.len());
    }

    #[tokio::test]
    async fn what_is_too_long_is_not_gone_through_and_what_breaks_off_is_no_end() {
        let chunk: &'static str = Box::leak("x".repeat(1 << 20).into_boxed_str());
        assert!(matches!(end(33, chunk).await, Err(SourceError::Unsupported(words)) if words.contains("longer than 32 MiB")));
        let broken = stream::iter([Ok(Bytes::from_static(b"a\n")), Err(SourceError::Unreachable("cut".into()))]).boxed();
        assert_eq!(end_of(broken).await, Err(SourceError::Unreachable("cut".into())));
    }

    #[test]
    fn of_a_bar_of_progress_its_end_is_told() {
        let told = last(&lines(b"fetching\n  3%\r 50%\r\x1b[0K100% done\r\r\nFAIL\n"), 3);
        assert_eq!(told.iter().map(|line| line.to_string()).collect::<Vec<_>>(), ["fetching", "100% done", "FAIL"]);
    }

    #[test]
    fn empty_lines_colours_and_secrets_are_not_told() {
        let said = lines(b"old\n2026-11-26T10:00:00Z \x1b[31mtoo \x07late\x1b[0m\r\n\n  \npassword=hunter2secret\n");
        assert_eq!(last(&said, 2).iter().map(|line| line.to_string()).collect::<Vec<_>>()[0], "too late");
        assert!(!last(&said, 2)[1].contains("hunter2secret"), "{:?}", last(&said, 2));
        assert_eq!(last(&said, 9).len(), 3);
    }
}
