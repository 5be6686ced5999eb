//! The one way to a change.
//!
//! A [`Warrant`] owns its operation, can not be cloned, and is minted here only, from three things: the environment's
//! [`Policy`], a [`Confirmation`], and [`OnDisk`], the proof that the intent was written down. What must not be changed
//! has no warrant: read-only is the absence of a value, not a check for each key.

mod confirm;
mod policy;
mod warrant;

pub use confirm::{Confirmation, Demand, NotConfirmed, OVERRIDE};
pub use policy::{Class, Closed, Mode, Policy};
pub use warrant::{Ledger, OnDisk, Warrant};
