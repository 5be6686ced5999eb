//! Environments (stand-in until the configuration room lands).
/// How strict an environment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Development.
    Development,
    /// Testing.
    Testing,
    /// Staging.
    Staging,
    /// Production.
    Production,
}
