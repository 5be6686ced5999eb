//! Reads what the user wrote (stand-in until the configuration room lands).
/// The whole configuration.
#[derive(Debug, Default)]
pub struct Config {}
/// One `[[source]]`.
#[derive(Debug, Default)]
pub struct SourceConfig {}
