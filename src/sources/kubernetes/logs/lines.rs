//! A log's body as lines.

use crate::sources::{
    SourceError,
    kubernetes::{
        client::{Call, Cluster, Flow, NoFlow},
        fault::Tried,
    },
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

/// A line longer than this is cut into several.
const LONGEST: usize = 256 * 1024;

/// Opens the log at `path`.
pub async fn open(cluster: &Cluster, namespace: &str, path: String) -> Result<Lines, NoFlow> {
    let call = Call::get("pods/log", Some(namespace), path);
    let body = cluster.stream(&call).await?;
    Ok(Lines { body, rest: BytesMut::new(), over: false, tried: cluster.tried("get", "pods/log", Some(namespace)) })
}

/// A body as lines.
pub struct Lines {
    body: Flow,
    rest: BytesMut,
    over: bool,
    tried: Tried,
}

impl Lines {
    /// The next lines that are there together; none at the end.
    pub async fn some(&mut self) -> Option<Result<Vec<Bytes>, SourceError>> {
        while !self.over {
            match self.body.next().await {
                Some(Ok(bytes)) => {
                    self.rest.extend_from_slice(&bytes);
                    let lines = cut(&mut self.rest);
                    if !lines.is_empty() {
                        return Some(Ok(lines));
                    }
                }
                Some(Err(error)) => {
                    self.over = true;
                    return Some(Err(self.tried.failed(&error)));
                }
                None => self.over = true,
            }
        }
        // What is left has no line end: the program did not write one before it ended.
        (!self.rest.is_empty()).then(|| Ok(vec![self.rest.split().freeze()]))
    }

    /// All lines to the end.
    pub async fn rest(mut self) -> Result<Vec<Bytes>, SourceError> {
        let mut all = Vec::new();
        while let Some(lines) = self.some().await {
            all.extend(lines?);
        }
        Ok(all)
    }
}

/// Takes the whole lines out of a buffer.
fn cut(buffer: &mut BytesMut) -> Vec<Bytes> {
    let mut lines = Vec::new();
    loop {
        match memchr::memchr(b'\n', buffer) {
            Some(end) => {
                let mut line = buffer.split_to(end + 1);
                line.truncate(end);
                lines.push(line.freeze());
            }
            None if buffer.len() > LONGEST => lines.push(buffer.split_to(LONGEST).freeze()),
            None => return lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_their_ends_wherever_the_chunks_end() {
        let mut buffer = BytesMut::from(&b"a\n\nbc"[..]);
        assert_eq!(cut(&mut buffer), [&b"a"[..], b""]);
        buffer.extend_from_slice(b"d\n");
        assert_eq!(cut(&mut buffer), [&b"bcd"[..]]);
        assert!(buffer.is_empty());
        let mut long = BytesMut::from(&vec![b'x'; LONGEST + 3][..]);
        assert_eq!(cut(&mut long).len(), 1);
        assert_eq!(long.len(), 3);
    }
}
