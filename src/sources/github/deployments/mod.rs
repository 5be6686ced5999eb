//! Deployments: what the pipelines of a repository say that runs in its environments, and the way back, which has an earlier one deployed
//! again by the run that deployed it.

mod act;
mod ask;
mod prepare;
mod records;
mod target;
mod wire;

pub(super) use act::carry_out;
pub(super) use ask::{Asked, answer};
pub(super) use prepare::{prepare, rights};
pub(super) use records::Records;
