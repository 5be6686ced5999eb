//! The rollback: which revision, what it changes, what must be known, and whether it helped. Pure: times are passed in, and what it
//! wants is handed out.

mod beside;
mod case;
mod difference;
mod gather;
mod pipeline;
mod plan;
mod procedure;
mod proof;
mod questions;
mod run;
mod still_open;
mod switched;
mod synced;
mod target;
mod timing;
mod tried;
mod verdict;
mod verify;
mod words;

pub use case::{Baseline, Case, Standing};
pub use difference::{Difference, difference};
pub use gather::{Asking, Gathering};
pub use plan::{Barred, Checks, Plan};
pub use procedure::{Confirm, Procedure, Sent, State, Want};
pub use proof::{Proof, ProofKind, ProofState};
pub use questions::{AlertRef, Ask, SHOWN, Who, measures, object_name, questions, rule_state, smoke};
pub use run::{Blocker, Measure, Observed, Overtaken, Run, View};
pub use target::{Candidate, Class, History, Record, Target, target};
pub use timing::Timing;
pub use tried::Tried;
pub use verdict::{Verdict, required};
pub use verify::{Expected, Matter, Point, Verification, Verified};
pub use words::{Headline, Line, Mark, reason};
