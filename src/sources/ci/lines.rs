//! A long log as it comes, in lines and with rests: a hundred thousand lines must not drive out what waits to be drawn.

use super::tail;
use crate::{domain::LogLine, sources::SourceError};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};
use std::time::Duration;
use tokio::time::sleep;

/// How much is handed on at once.
const BATCH: usize = 256 << 10;
/// How long to rest after each batch (10 MiB/s).
const REST: Duration = Duration::from_millis(25);
/// A line beyond this is handed on in pieces.
const LINE: usize = 1 << 20;

/// Cuts what comes into lines.
#[derive(Default)]
pub(in crate::sources) struct Lines {
    rest: BytesMut,
    /// Lines that were handed on before a break, and are not again.
    pub skip: u64,
    /// Lines that were cut, those that were left out among them.
    pub given: u64,
}

impl Lines {
    /// Leaves the first `skip` lines out.
    pub fn after(skip: u64) -> Self {
        Self { skip, ..Self::default() }
    }

    /// Whether the last line has not ended.
    pub fn open(&self) -> bool {
        !self.rest.is_empty()
    }

    /// The next lines of `body`, and whether it has ended. A line that does not end with it waits for the next one, unless this is the `last`.
    pub async fn read(&mut self, body: &mut BoxStream<'static, Result<Bytes, SourceError>>, last: bool) -> Result<(Vec<LogLine>, bool), SourceError> {
        let (mut ended, enough) = (false, self.rest.len() + BATCH);
        while self.rest.len() < enough && !ended {
            match body.next().await {
                Some(chunk) => self.rest.extend_from_slice(&chunk?),
                None => ended = true,
            }
        }
        let lines = self.cut(ended && last);
        if !ended {
            sleep(REST).await;
        }
        Ok((lines, ended))
    }

    fn cut(&mut self, over: bool) -> Vec<LogLine> {
        let whole = match memchr::memrchr(b'\n', &self.rest) {
            _ if over => self.rest.len(),
            Some(end) => end + 1,
            None if self.rest.len() >= LINE => self.rest.len(),
            None => 0,
        };
        let bytes = self.rest.split_to(whole);
        let mut lines = Vec::new();
        for one in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.given += 1;
            if self.given > self.skip {
                lines.push(tail::line(one.strip_suffix(b"\n").unwrap_or(one)));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    #[tokio::test]
    async fn what_was_written_over_itself_is_what_it_came_to_be_and_a_line_of_many() {
        let said = b"2026-11-24T02:54:31Z  10%\r 55%\r100%\r\n\r\nnext\n";
        let (mut lines, mut body) = (Lines::default(), stream::iter([Ok(Bytes::from_static(said))]).boxed());
        let (told, ended) = lines.read(&mut body, true).await.expect("it is read");
        assert_eq!(told.iter().map(|line| line.text.text.to_string()).collect::<Vec<_>>(), ["100%", "", "next"]);
        assert!(ended && lines.given == 3 && told[0].at.is_some_and(|at| at.to_string() == "2026-11-24T02:54:31Z"), "{told:?}");
    }
}
