//! What a server was asked for, as the servers that we play ourselves and the wire keep it.

use jiff::Timestamp;

/// One request, and what came of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When it was answered.
    pub at: Timestamp,
    /// Its path as far as that matters, and its query.
    pub what: String,
    pub status: u16,
}

impl Asked {
    /// One that is answered now.
    pub fn now(what: String, status: u16) -> Self {
        Self { at: Timestamp::now(), what, status }
    }
}
