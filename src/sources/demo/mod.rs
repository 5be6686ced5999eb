//! The simulated world, a source like any other: seeded, and told by a scenario in TOML.
//!
//! [`Scenario`] is the story, [`World`] computes what is so at any instant of it and what a change makes of it, and [`Demo`] wraps
//! one world as the sources that a team would have: clusters, Docker hosts, CI, metrics, alerts.

mod alarms;
mod alter;
mod answers;
mod chance;
mod differ;
mod errands;
mod happenings;
mod keepers;
mod listen;
mod lives;
mod measure;
mod operate;
mod refs;
mod rows;
mod runs;
mod scenario;
mod source;
mod speech;
mod tables;
mod unit;
mod words;
mod world;
mod yaml;

pub use scenario::{STORIES, Scenario};
pub use source::{Demo, check, connect, dial};
pub use tables::SourceKind;
pub use words::{Length, Moment, ScenarioError};
pub use world::{Outage, World};

#[cfg(test)]
mod frame_tests;
#[cfg(test)]
mod source_tests;
#[cfg(test)]
mod world_tests;
