//! What leads the traffic of a service to one of several workloads, as whoever releases sets it by hand: the selector of a Service, the
//! weights of a VirtualService.

use super::{Id, Revision, Seen, Subject, Verb, Workload};
use crate::text::{Clean, Name, Raw};
use jiff::Timestamp;

/// One of them, as it is at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its kind and name: `Service web`.
    pub name: Clean,
    /// What a switch must still find.
    pub seen: Seen,
    /// The last operation of ours that it carries.
    pub operation: Option<Clean>,
    /// Who wrote last where it leads, and when.
    pub changed_by: Option<(Clean, Option<Timestamp>)>,
    /// When the traffic was switched as a whole to where it leads now; none where nobody switched it, or not as a whole.
    pub switched: Option<Timestamp>,
    /// Where it can lead, in the order of their names.
    pub arms: Vec<Arm>,
    /// How far what it says is carried out.
    pub reach: Reach,
}

/// A workload that a route leads to, or could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// The workload.
    pub workload: Id<Workload>,
    /// Its name.
    pub name: Name,
    /// Its newest revision. Its outline also says where the route would lead.
    pub revision: Revision,
    /// Its pods that are ready, of those that it asks for.
    pub ready: u32,
    /// The pods that it asks for.
    pub wanted: u32,
    /// How many of a hundred requests go there.
    pub share: u32,
}

/// How far what a route says is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By the endpoints of a Service.
    Endpoints {
        /// Those that are ready pods of where it leads.
        own: u32,
        /// All others.
        other: u32,
    },
    /// A mesh carries it out, and nothing here says how far.
    Mesh,
}

impl Route {
    /// What it has of a workload.
    pub fn arm(&self, workload: &Id<Workload>) -> Option<&Arm> {
        self.arms.iter().find(|arm| arm.workload == *workload)
    }

    /// What it has of the workload whose newest template is this.
    pub fn arm_at(&self, template: &Raw) -> Option<&Arm> {
        self.arms.iter().find(|arm| arm.revision.template == *template)
    }
}

impl Subject {
    /// The route that leads to it and could lead elsewhere.
    pub fn served_by(&self) -> Option<&Route> {
        self.routes.iter().find(|route| route.arm(&self.workload).is_some_and(|own| own.share > 0))
    }

    /// The route that a switch found as in `from`, as it is now; none where it can not be read.
    pub fn route(&self, from: &Seen) -> Option<&Route> {
        self.routes.iter().find(|route| route.seen.uid == from.uid)
    }

    /// What an operation of `verb` that found `from` would find now; none where that can not be read.
    pub fn found(&self, verb: Verb, from: &Seen) -> Option<&Seen> {
        match verb {
            Verb::SwitchBack => self.route(from).map(|route| &route.seen),
            Verb::SyncBack => self.application.as_ref().map(|application| &application.seen),
            _ => Some(self.from()),
        }
    }
}
