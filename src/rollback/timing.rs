//! How long the procedure waits, and for what.

use crate::{domain::Kind, store::Limits};
use jiff::SignedDuration;

/// How long the procedure waits, and for what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Questions that are not answered by then are unknown.
    pub gather: SignedDuration,
    /// Checks that are not made by then are unknown.
    pub checks: SignedDuration,
    /// From the acceptance to the verdict, at most.
    pub deadline: SignedDuration,
    /// The same where a pipeline carries it out, which waits for a runner and may ask a person.
    pub deadline_pipeline: SignedDuration,
    /// How often in a row the pods must be found ready.
    pub in_a_row: u32,
    /// How far apart these are.
    pub check_every: SignedDuration,
    /// No new restart for this long.
    pub quiet: SignedDuration,
    /// The window in which errors and latency are verified; it must lie after the last pod became ready.
    pub window: SignedDuration,
    /// How often metrics and rules are asked.
    pub ask_every: SignedDuration,
    /// A measure that is older says nothing of now.
    pub fresh: SignedDuration,
    /// Fewer requests in the window are too little traffic to judge by.
    pub min_requests: f64,
    /// Without progress for this long `x` is offered.
    pub stalled: SignedDuration,
    /// What was not bad at the start and is not measured by then, counted from the last pod's readiness, stays unknown.
    pub settle: SignedDuration,
    /// A request whose answer was lost may still be carried out for this long (the server cuts mutations at 34 s).
    pub late: SignedDuration,
    /// The same where `helm` carries it out, which waits for the hooks of the release.
    pub late_release: SignedDuration,
    /// How often the world is read while it is unclear.
    pub reread: SignedDuration,
    /// The limits beyond which a metric is bad.
    pub limits: Limits,
}

impl Timing {
    /// The same for what is of this kind.
    #[must_use]
    pub fn of(self, kind: Kind) -> Self {
        let deadline = if kind.told_by_pipeline() { self.deadline.max(self.deadline_pipeline) } else { self.deadline };
        Self { deadline, ..self }
    }

    /// For how long a request may still be carried out, through a release or by itself.
    pub const fn late_through(&self, release: bool) -> SignedDuration {
        if release { self.late_release } else { self.late }
    }
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = SignedDuration::from_secs;
        Self {
            gather: seconds(5),
            checks: seconds(5),
            deadline: seconds(600),
            deadline_pipeline: seconds(3600),
            in_a_row: 10,
            check_every: seconds(3),
            quiet: seconds(60),
            window: seconds(60),
            ask_every: seconds(10),
            fresh: seconds(60),
            min_requests: 100.0,
            stalled: seconds(60),
            settle: seconds(90),
            late: seconds(35),
            late_release: seconds(330),
            reread: seconds(3),
            limits: Limits::default(),
        }
    }
}
