//! Where the route leads after a switch, as it was last read.

use super::Overtaken;
use crate::{
    domain::{Id, OpId, Reach, Seen, Subject, Workload},
    text::{Clean, Raw},
};

/// Where the route leads after a switch, as it was last read.
#[derive(Clone, Debug, PartialEq)]
pub struct Switched {
    /// The route as it was before.
    from: Seen,
    /// The operations that may have switched it.
    ids: Vec<OpId>,
    /// The workload that it is to lead to; none until that is known.
    pub to: Option<Id<Workload>>,
    /// Whether it says so.
    pub leads: bool,
    /// Whether it does so, as far as that can be seen.
    pub arrived: bool,
    name: Clean,
    reach: Option<Reach>,
}

impl Switched {
    pub fn new(from: Seen, ids: Vec<OpId>, to: Option<Id<Workload>>) -> Self {
        Self { from, ids, to, leads: false, arrived: false, name: Clean::EMPTY, reach: None }
    }

    /// Takes in what was read, and says whether somebody led it elsewhere since. What is as it was before and carries no mark of ours was
    /// read before the switch, as long as the switch was not seen.
    pub fn learn(&mut self, subject: &Subject, target: &Raw, left: &Raw) -> Option<Overtaken> {
        let route = subject.route(&self.from)?;
        let ours = route.operation.as_ref().is_some_and(|mark| self.ids.iter().any(|id| id.as_str() == mark.as_str()));
        if !ours && !self.leads && route.seen == self.from {
            return None;
        }
        let arm = match &self.to {
            Some(to) => route.arm(to),
            None => route.arm_at(target),
        };
        self.to = self.to.take().or_else(|| arm.map(|arm| arm.workload.clone()));
        self.leads = arm.is_some_and(|arm| arm.share == 100);
        self.arrived = self.leads && !matches!(route.reach, Reach::Endpoints { own: 0, .. } | Reach::Endpoints { other: 1.., .. });
        (self.name, self.reach) = (route.name.clone(), Some(route.reach));
        let back = route.arm_at(left).is_some_and(|left| left.share > 0);
        (!self.leads).then_some(if back { Overtaken::ChangedBack } else { Overtaken::Superseded })
    }

    /// What goes with a sentence about its pods.
    pub fn words(&self) -> Clean {
        let name = &self.name;
        match self.reach {
            None => Clean::from_static("; where the route leads is being read"),
            Some(_) if !self.leads => crate::clean!("; {name} leads elsewhere"),
            Some(Reach::Mesh) => crate::clean!("; {name} says so, how far the mesh carried it out is not measured"),
            Some(Reach::Endpoints { own: 0, .. }) => crate::clean!("; {name} reaches none of them yet"),
            Some(Reach::Endpoints { other: 0, own }) => crate::clean!("; {name} reaches {own} of them and nothing else"),
            Some(Reach::Endpoints { other, .. }) => crate::clean!("; {name} still reaches {other} elsewhere"),
        }
    }
}
