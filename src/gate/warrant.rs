//! The permission to make one change, once.

use super::{Closed, Confirmation, Policy};
use crate::domain::{OpId, Operation};
use jiff::Timestamp;

/// Whoever writes intents down. The journal does; nothing else should.
pub trait Ledger {
    /// Why it could not be written.
    type Error;

    /// Writes the intent so that it survives the machine, and answers its number and hash.
    fn intend(&self, operation: &Operation, confirmation: &Confirmation, at: Timestamp) -> Result<(u64, String), Self::Error>;
}

/// The proof that an operation's intent is on disk. Not cloned: one proof, one warrant.
#[derive(Debug)]
pub struct OnDisk {
    operation: OpId,
    entry: u64,
}

impl OnDisk {
    /// Writes the intent of `operation` into `ledger` and keeps the proof.
    pub fn write<L: Ledger>(ledger: &L, operation: &Operation, confirmation: &Confirmation, at: Timestamp) -> Result<Self, L::Error> {
        let (entry, _) = ledger.intend(operation, confirmation, at)?;
        Ok(Self { operation: operation.id.clone(), entry })
    }

    /// The journal's number of the entry.
    pub const fn entry(&self) -> u64 {
        self.entry
    }
}

/// The permission to carry one operation out, once.
#[derive(Debug)]
pub struct Warrant {
    operation: Operation,
    entry: u64,
}

impl Warrant {
    /// Mints the permission, unless the policy is closed at this moment. The proof must be of this very operation.
    pub fn mint(policy: &Policy, _confirmation: &Confirmation, proof: OnDisk, operation: Operation, now: Timestamp) -> Result<Self, Closed> {
        match policy.closed(operation.verb, now) {
            Some(closed) => Err(closed),
            None if proof.operation != operation.id => Err(Closed::ReadOnly),
            None => Ok(Self { operation, entry: proof.entry }),
        }
    }

    /// What is permitted.
    pub const fn operation(&self) -> &Operation {
        &self.operation
    }

    /// The journal's number of the intent.
    pub const fn entry(&self) -> u64 {
        self.entry
    }
}
