//! What a line says: who, when, and one of a few kinds.

mod stood;

pub use stood::{Fires, Stood, Was};

use super::wire::{self, Exact};
use crate::{
    domain::OpId,
    text::{Clean, Raw},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; the first is 1.
    pub seq: u64,
    /// When, by the writer's wall clock.
    pub at: Timestamp,
    /// Who wrote it.
    pub who: Who,
    /// What it says.
    pub content: Content,
}

/// What a line says, as far as this program knows the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A kind that we know.
    Known(Body),
    /// A kind, or a field's value, of another version of this program: kept, shown by its kind, otherwise skipped.
    Unknown {
        /// The word that it calls itself.
        kind: Clean,
        /// The whole line.
        line: Raw,
    },
}

/// Who acted, and from where. It is on every line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The user's name.
    pub user: Clean,
    /// The user's number.
    pub uid: u32,
    /// Who became that user by sudo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<Clean>,
    /// Where the SSH session came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_client: Option<Clean>,
    /// The machine that the console ran on.
    pub host: Clean,
    /// Its terminal; none without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<Clean>,
    /// Its process.
    pub pid: u32,
    /// The machine's boot: a process number means nothing in another one.
    pub boot_id: Clean,
    /// The console's session, which operations are numbered in.
    pub session: Clean,
    /// This program's version.
    pub version: Clean,
}

impl Who {
    /// Who, in a few words: `oncall@bastion, pid 4242`.
    pub fn short(&self) -> Clean {
        crate::clean!("{}@{}, pid {}", self.user, self.host, self.pid)
    }
}

/// What was decided, done or seen. References, digests and keyed hashes only: no bodies and no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// A step was confirmed and may leave now. On disk before the request is.
    Intent(Box<Intent>),
    /// The step's request leaves.
    Sent(Sent),
    /// What came of a step's request, or what reading the world settled about it.
    Outcome(Outcome),
    /// Whether the operation helped.
    Verdict(Judged),
    /// Another process goes on with an operation that was left open.
    Taken(Taken),
    /// A revision was seen healthy: evidence for a later rollback.
    Observed(Observed),
    /// What somebody wrote down.
    Note(Note),
    /// Somebody is on it.
    Acknowledged(Acknowledged),
    /// Somebody went into a container.
    Shell(Shell),
}

impl Body {
    /// The operation that this is about.
    pub fn op(&self) -> Option<&OpId> {
        match self {
            Self::Intent(intent) => Some(&intent.op),
            Self::Sent(sent) => Some(&sent.op),
            Self::Outcome(outcome) => Some(&outcome.op),
            Self::Verdict(judged) => Some(&judged.op),
            Self::Taken(taken) => Some(&taken.op),
            Self::Observed(_) | Self::Note(_) | Self::Acknowledged(_) | Self::Shell(_) => None,
        }
    }

    /// The environment and the service that the line itself names.
    pub fn about(&self) -> Option<(&Clean, &Clean)> {
        match self {
            Self::Intent(it) => Some((&it.environment, &it.service)),
            Self::Observed(it) => Some((&it.environment, &it.service)),
            Self::Note(it) => Some((&it.environment, &it.service)),
            Self::Acknowledged(it) => Some((&it.environment, &it.service)),
            Self::Shell(it) => Some((&it.environment, &it.service)),
            Self::Sent(_) | Self::Outcome(_) | Self::Verdict(_) | Self::Taken(_) => None,
        }
    }
}

/// A confirmed step: everything that is needed to find out later whether it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The operation.
    #[serde(with = "wire::op")]
    pub op: OpId,
    /// The whole plan in a sentence.
    pub plan: Clean,
    /// Where.
    pub environment: Clean,
    /// How strict that is: `production`. A word, because an unknown one must not hide an open intent.
    pub tier: Clean,
    /// Of which service.
    pub service: Clean,
    /// Of what.
    pub subject: Subject,
    /// What is done, in the verb's words: `roll back`.
    pub verb: Clean,
    /// What the operator saw.
    pub from: Origin,
    /// Where to, for a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Rev>,
    /// Why.
    pub reason: Clean,
    /// How it was confirmed: `typed name`.
    pub confirmation: Clean,
    /// A keyed hash of the request's parameters.
    pub params_hash: Clean,
    /// Which step of the plan this is, from 1.
    pub step: u32,
    /// How many steps the plan has.
    pub steps: u32,
    /// The command that would do the same by hand.
    pub command: Clean,
    /// What ends the operation.
    pub ends: Ends,
    /// How it stood then, where a verdict is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stood: Option<Stood>,
}

/// What ends an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The last step's outcome.
    AtOutcome,
    /// A verdict, after convergence and verification.
    AtVerdict,
}

/// What an operation is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The workload's identity: [`crate::domain::Id::as_str`].
    pub id: Exact,
    /// The object's uid.
    pub uid: Exact,
    /// In words: `cart in production`.
    pub title: Clean,
}

/// What the operator saw when deciding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The object's uid.
    pub uid: Exact,
    /// Our hash of the raw template ([`crate::domain::Seen`]). Not comparable with a revision's own.
    pub template: Exact,
    /// Whether it was paused.
    pub paused: bool,
    /// The revision that ran, for the guard against undoing an undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Rev>,
}

/// A revision, by references only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rev {
    /// Its number then.
    pub number: u64,
    /// The back end's hash of its template, which identifies it.
    pub template: Exact,
    /// What people call it.
    pub version: Clean,
    /// Its images by digest, where they are known.
    #[serde(default)]
    pub images: Vec<Clean>,
}

/// A request leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The operation.
    #[serde(with = "wire::op")]
    pub op: OpId,
    /// The step.
    pub step: u32,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The operation.
    #[serde(with = "wire::op")]
    pub op: OpId,
    /// The step.
    pub step: u32,
    /// How it ended.
    pub result: Ended,
    /// The server's name for the request (`Audit-Id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Clean>,
    /// What the server said, or what reading the world showed.
    pub detail: Clean,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The server took it.
    Accepted,
    /// The world had moved on; nothing was changed.
    Conflict,
    /// The server refused it; nothing was changed.
    Refused,
    /// It did not take place.
    Failed,
    /// The answer was lost: it may have happened.
    Unclear,
    /// Somebody else changed the same object in the meantime.
    Superseded,
}

/// Whether an operation helped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The operation.
    #[serde(with = "wire::op")]
    pub op: OpId,
    /// The verdict.
    pub verdict: Verdict,
    /// From the confirmation to the verdict, in milliseconds.
    pub took_ms: u64,
    /// Each proof in a line, the unmeasured ones too.
    pub proofs: Vec<Clean>,
}

/// The four verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// It helped, and that was measured.
    Recovered,
    /// The trouble goes on.
    NotRecovered,
    /// It is worse than before.
    Worse,
    /// Too little could be measured.
    CouldNotTell,
}

impl Verdict {
    /// As on screen: `NOT RECOVERED`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Recovered => "RECOVERED",
            Self::NotRecovered => "NOT RECOVERED",
            Self::Worse => "WORSE",
            Self::CouldNotTell => "COULD NOT TELL",
        }
    }
}

/// The process that wrote this goes on with the operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The operation.
    #[serde(with = "wire::op")]
    pub op: OpId,
}

/// A revision was seen healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Where.
    pub environment: Clean,
    /// Of which service.
    pub service: Clean,
    /// The workload's identity: [`crate::domain::Id::as_str`].
    pub workload: Exact,
    /// The back end's hash of the revision's template.
    pub template: Exact,
    /// Since when it was fully available.
    #[serde(with = "wire::time")]
    pub since: Timestamp,
    /// For how long it was available without a break, in milliseconds.
    pub available_ms: u64,
}

/// What somebody wrote down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Where; empty where it is about none.
    pub environment: Clean,
    /// Of which service; empty where it is about none.
    pub service: Clean,
    /// The note.
    pub text: Clean,
}

/// Somebody is on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Where.
    pub environment: Clean,
    /// Of which service.
    pub service: Clean,
    /// The alert's name.
    pub alert: Clean,
    /// The alert's own identity.
    pub fingerprint: Exact,
    /// Where it landed: `Alertmanager: quiet 15 min`.
    pub landed: Clean,
}

/// Somebody went into a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shell {
    /// Where.
    pub environment: Clean,
    /// Of which service.
    pub service: Clean,
    /// The pod and container: `shop/cart-6b9d-x7k2p cart`.
    pub target: Clean,
    /// What was started there.
    pub command: Clean,
}
