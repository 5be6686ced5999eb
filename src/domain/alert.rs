//! What burns.

use super::{Id, Labels};
use crate::text::{Clean, Name};
use jiff::Timestamp;

/// How bad it is. Ordered: the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Look at it today.
    Warning,
    /// Act now.
    Critical,
}

impl Severity {
    /// From the label `severity`; a word that is not known reads as a warning, so that it is not lost.
    pub fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "critical" | "page" | "p0" | "p1" | "emergency" | "fatal" | "error" => Self::Critical,
            "info" | "none" | "notice" | "p4" | "p5" | "debug" => Self::Info,
            _ => Self::Warning,
        }
    }

    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Whether an alert reaches people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertState {
    /// Its condition holds, not yet for long enough.
    Pending,
    /// It fires and reaches people.
    Firing,
    /// It fires and somebody silenced it.
    Silenced {
        /// Who and why, where it is known.
        by: Clean,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// It fires and another alert explains it.
    Inhibited {
        /// The alert that explains it, where it is known.
        by: Clean,
    },
}

impl AlertState {
    /// One word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Silenced { .. } => "silenced",
            Self::Inhibited { .. } => "inhibited",
        }
    }
}

/// An alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Its identity; the same labels give the same fingerprint on every peer.
    pub id: Id<Alert>,
    /// Its name.
    pub name: Name,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it reaches people.
    pub state: AlertState,
    /// Since when it fires (or is pending).
    pub since: Option<Timestamp>,
    /// All its labels: they say what it is about.
    pub labels: Labels,
    /// What it says.
    pub summary: Clean,
    /// Where its runbook is.
    pub runbook: Option<Clean>,
    /// The value that made it fire, where it is known.
    pub value: Option<f64>,
    /// Its rule's expression, where it is known.
    pub expression: Option<Clean>,
    /// Which cluster of Alertmanagers, or which Prometheus, says so.
    pub reporter: Clean,
}

/// An alerting rule, and how it stands: an alert is judged by its rule, whatever is silenced.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its identity.
    pub id: Id<Rule>,
    /// The alert's name.
    pub name: Name,
    /// `firing`, `pending`, `inactive`, or the error that stops it from alerting.
    pub state: Result<Clean, Clean>,
    /// Its expression.
    pub expression: Clean,
    /// The limit in its expression (`… > 0.05`), where one can be read.
    pub limit: Option<f64>,
    /// How long its condition must hold, in seconds.
    pub holds: f64,
    /// Its labels.
    pub labels: Labels,
}
