//! What was said (stand-in until the logs room lands).
use super::Id;
use crate::text::Clean;
/// A stream.
#[derive(Clone, Debug, PartialEq)]
pub struct LogStream {
    /// id
    pub id: Id<LogStream>,
}
/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// text
    pub text: Clean,
}
