//! The rollback: which revision, what it changes, what must be known, and whether it helped. Pure: times are passed in, and what it
//! wants is handed out.

mod difference;
mod questions;
mod target;

pub use difference::{Difference, difference};
pub use questions::{AlertRef, Ask, SHOWN, Who, measures, object_name, questions, rule_state};
pub use target::{Candidate, Class, History, Record, Target, target};
