//! Exit codes: part of the interface, the same for every face.

/// How a face ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Yes, done, well.
    Yes = 0,
    /// No: something is critical, the rollback did not help.
    No = 1,
    /// It could not be told.
    Unknown = 2,
    /// The arguments are wrong.
    Usage = 64,
    /// A fault of ours.
    Fault = 70,
    /// The world moved: what was seen is no longer so.
    Conflict = 75,
    /// The policy forbids it.
    Forbidden = 77,
    /// The configuration is wrong.
    Config = 78,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
