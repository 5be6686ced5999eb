//! What the network and the server may do to the one request of a change: it is sent once and told as what it is, whatever change it is.

use super::{acts::act, lab};
use crate::wire::{Fault, Wire};
use pilothouse::{
    domain::{Operation, Stage},
    sources::Source,
};
use std::{path::Path, sync::Arc};

/// What happens on the wire, what is told of it, and whether it was carried out.
pub const FAULTS: [(Fault, &str, bool); 10] = [
    (Fault::Before, "unclear", false),
    (Fault::During, "unclear", false),
    (Fault::After, "unclear", true),
    (Fault::Answered(409), "the same once more", false),
    (Fault::Answered(429), "refused", false),
    (Fault::Answered(500), "unclear", false),
    (Fault::Answered(503), "unclear", false),
    (Fault::Answered(504), "unclear", false),
    (Fault::CarriedOutAnswered(500), "unclear", true),
    (Fault::CarriedOutAnswered(504), "unclear", true),
];

/// A stage in a word.
pub fn word(stage: &Stage) -> &'static str {
    match stage {
        Stage::Sending => "sending",
        Stage::Accepted { .. } => "accepted",
        Stage::Conflict { same: true, .. } => "the same once more",
        Stage::Conflict { same: false, .. } => "moved on",
        Stage::Refused { .. } => "refused",
        Stage::Working { .. } => "working",
        Stage::Failed { .. } => "failed",
        Stage::Unclear { .. } => "unclear",
    }
}

/// A wire, and the cluster behind it.
pub struct Line {
    pub wire: Wire,
    pub source: Arc<dyn Source>,
    _home: tempfile::TempDir,
}

impl Line {
    pub async fn new() -> Self {
        Self::to(|kubeconfig| lab::source(kubeconfig, "lab", "")).await
    }

    /// The same to another source.
    pub async fn to(make: impl FnOnce(&Path) -> Arc<dyn Source>) -> Self {
        let (wire, home) = (Wire::new().await, tempfile::tempdir().expect("a folder"));
        let source = make(&wire.kubeconfig(home.path()));
        Self { wire, source, _home: home }
    }

    /// Sends the change that `wish` makes ready, once for each fault; `done` says whether it was carried out.
    pub async fn sent_once(&self, wish: impl AsyncFn() -> Operation, done: impl AsyncFn() -> bool) {
        for (fault, told, carried_out) in FAULTS {
            let operation = wish().await;
            let verb = operation.verb;
            assert!(!done().await, "{verb:?} {fault:?}: it is not so before");
            let before = self.wire.changes();
            self.wire.next(fault);
            let stages = act(&self.source, operation).await;
            assert_eq!(stages.iter().map(word).collect::<Vec<_>>(), ["sending", told], "{verb:?} {fault:?}: {stages:?}");
            assert_eq!(self.wire.changes(), before + 1, "{verb:?} {fault:?}: it was sent once");
            assert_eq!(done().await, carried_out, "{verb:?} {fault:?}");
        }
    }
}
