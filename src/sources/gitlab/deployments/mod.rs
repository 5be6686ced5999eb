//! Deployments: what the pipelines of a project say that runs in its environments, and the way back, which has the job run again that deployed an
//! earlier version.

mod act;
mod ask;
mod prepare;
mod read;
mod target;
mod wire;

pub(super) use act::carry_out;
pub(super) use ask::{Asked, answer};
pub(super) use prepare::{prepare, rights};
pub(super) use wire::WireDeployment;
