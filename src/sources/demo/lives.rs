//! The lives of pods: how a rollout replaces one after the other, and what becomes of each.
//!
//! A Deployment of this world has `maxSurge: 1` and `maxUnavailable: 0`: one more than wanted at the most, and never fewer ready.

use super::{
    tables::PodTable,
    unit::{Crash, Unit},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// A node of the world.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub name: String,
    pub context: String,
    pub zone: Option<String>,
    pub joined: Timestamp,
    pub down: Option<Timestamp>,
    pub back: Option<Timestamp>,
}

/// What the lives of all pods depend on.
#[derive(Clone, Debug, Default)]
pub(super) struct Ground {
    pub sites: Vec<Site>,
    pub pods: BTreeMap<String, PodTable>,
}

/// A pod from its creation to its end.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub name: String,
    /// What its name ends in.
    pub suffix: String,
    /// Which template of the unit.
    pub of: usize,
    pub site: Option<usize>,
    pub created: Timestamp,
    /// When its container first started; never, where its image can not be had.
    pub started: Option<Timestamp>,
    pub ready: Option<Timestamp>,
    pub crashes: bool,
    pub leaving: Option<Timestamp>,
    pub gone: Option<Timestamp>,
    /// While its node does not answer.
    pub lost: Option<(Timestamp, Option<Timestamp>)>,
}

/// How far a container that crashes is, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crashed {
    pub restarts: u32,
    /// It runs since then; none while it is held back.
    pub running: Option<Timestamp>,
    /// When its last finished run began and ended.
    pub last: Option<(Timestamp, Timestamp)>,
    /// When that will change.
    pub next: Timestamp,
}

/// The controller looks at a change after this long.
pub(super) const OBSERVED: SignedDuration = SignedDuration::from_secs(1);
/// From creation to the start of the container, where the image is there.
const STARTS: SignedDuration = SignedDuration::from_secs(1);
/// A process that ends when it is asked to.
const LEAVES: SignedDuration = SignedDuration::from_secs(4);
/// A node that does not answer is not ready after this long.
const LOST: SignedDuration = SignedDuration::from_secs(40);

impl Site {
    /// Whether pods can be put there at `at`.
    fn open(&self, at: Timestamp) -> bool {
        self.joined <= at && !self.silent(at)
    }

    fn silent(&self, at: Timestamp) -> bool {
        self.down.is_some_and(|down| down <= at) && self.back.is_none_or(|back| at < back)
    }

    /// When it was found not ready, and when it is ready again.
    pub fn lost(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        self.down.map(|down| (down + LOST, self.back))
    }

    /// Whether it is ready at `at`.
    pub fn ready(&self, at: Timestamp) -> bool {
        !within(self.lost(), at)
    }
}

fn within(span: Option<(Timestamp, Option<Timestamp>)>, at: Timestamp) -> bool {
    span.is_some_and(|(from, to)| from <= at && to.is_none_or(|to| at < to))
}

impl Life {
    pub fn exists(&self, at: Timestamp) -> bool {
        self.created <= at && self.gone.is_none_or(|gone| at < gone)
    }

    pub fn leaving(&self, at: Timestamp) -> bool {
        self.leaving.is_some_and(|leaving| leaving <= at)
    }

    pub fn lost(&self, at: Timestamp) -> bool {
        within(self.lost, at)
    }

    /// Whether it serves at `at`.
    pub fn serves(&self, at: Timestamp) -> bool {
        self.exists(at) && !self.leaving(at) && !self.lost(at) && self.ready.is_some_and(|ready| ready <= at)
    }

    /// Whether its process runs at `at`, as far as its own start and end tell.
    pub fn speaks(&self, at: Timestamp) -> bool {
        self.started.is_some_and(|started| started <= at) && self.leaving.is_none_or(|leaving| at < leaving) && !self.lost(at)
    }

    /// How far it is with crashing; the waits are the kubelet's: 10 s, doubled up to 5 min.
    pub fn crashed(&self, crash: &Crash, at: Timestamp) -> Option<Crashed> {
        let mut began = self.started.filter(|started| self.crashes && *started <= at)?;
        let mut last = None;
        for restarts in 0.. {
            let ends = began + crash.after;
            if at < ends {
                return Some(Crashed { restarts, running: Some(began), last, next: ends });
            }
            last = Some((began, ends));
            began = ends + SignedDuration::from_secs(10 << restarts.min(5)).min(SignedDuration::from_mins(5));
            if at < began {
                return Some(Crashed { restarts, running: None, last, next: began });
            }
        }
        None
    }

    /// Every moment at which it changes, the crashes of the next while included.
    pub fn moments(&self, crash: Option<&Crash>, after: Timestamp) -> Vec<Timestamp> {
        let lost = self.lost.map(|(from, to)| [Some(from), to]).unwrap_or_default();
        let fixed = [Some(self.created), self.started, self.ready, self.leaving, self.gone].into_iter().chain(lost).flatten();
        let over = self.gone.is_some_and(|gone| gone <= after);
        let crash = crash.filter(|_| !over).and_then(|crash| self.crashed(crash, after)).map(|crashed| crashed.next);
        fixed.chain(crash).collect()
    }
}

impl Unit {
    /// All pods that ever were or will be, as far as the rollouts up to now tell.
    pub fn lives(&self, ground: &Ground) -> Vec<Life> {
        let mut lives = Vec::new();
        let first = self.turns.iter().rposition(|turn| turn.settled).unwrap_or_default();
        for (place, turn) in self.turns.iter().enumerate().skip(first) {
            let until = self.turns.get(place + 1).map_or(Timestamp::MAX, |next| next.at);
            if turn.settled {
                (0..self.size).for_each(|_| self.create(&mut lives, ground, turn.to, turn.at - self.ready));
            }
            let starts = self.taken_up(turn.at, until);
            for (nth, from) in starts.iter().enumerate().skip(usize::from(turn.settled)) {
                let until = starts.get(nth + 1).copied().unwrap_or(until);
                // Paused, the pods are still counted, but none is exchanged.
                let held = lives.iter().rev().find(|life| !life.leaving(*from)).map(|life| life.of).filter(|_| self.paused(*from));
                self.roll(&mut lives, ground, held.unwrap_or(turn.to), *from, until);
            }
        }
        lives
    }

    /// Goes from what lives to `to`, until that is reached, nothing goes on, or something else is asked for.
    fn roll(&self, lives: &mut Vec<Life>, ground: &Ground, to: usize, from: Timestamp, until: Timestamp) {
        let mut now = from;
        while now < until {
            if !self.paused(now) {
                self.dismiss_unready(lives, to, now);
            }
            while self.step(lives, ground, to, now) {}
            let next = lives.iter().filter(|life| life.of == to && !life.leaving(now)).filter_map(|life| life.ready).filter(|ready| *ready > now).min();
            let Some(next) = next else { return };
            now = next;
        }
    }

    /// Old pods that do not serve go first: nobody misses them.
    fn dismiss_unready(&self, lives: &mut [Life], to: usize, now: Timestamp) {
        for life in lives.iter_mut().filter(|life| life.of != to && life.exists(now) && !life.leaving(now) && !life.serves(now)) {
            life.leave(now, self.grace);
        }
    }

    /// One pod more or one less; whether there was anything to do.
    fn step(&self, lives: &mut Vec<Life>, ground: &Ground, to: usize, now: Timestamp) -> bool {
        let stays = |life: &&Life| life.exists(now) && !life.leaving(now);
        let fresh = lives.iter().filter(stays).filter(|life| life.of == to).count();
        let total = lives.iter().filter(stays).count();
        let serving = lives.iter().filter(|life| life.serves(now)).count();
        let wanted = self.wanted(now) as usize;
        if self.paused(now) && total >= wanted {
            let newest = lives.iter().rposition(|life| stays(&life)).filter(|_| total > wanted);
            newest.into_iter().for_each(|at| lives[at].leave(now, self.grace));
            return newest.is_some();
        }
        if fresh < wanted && total <= wanted {
            self.create(lives, ground, to, now);
            return true;
        }
        let old = lives.iter().rposition(|life| life.of != to && life.serves(now)).filter(|_| serving > wanted);
        let surplus = lives.iter().rposition(|life| life.of == to && stays(&life)).filter(|_| fresh > wanted);
        match old.or(surplus) {
            Some(old) => lives[old].leave(now, self.grace),
            None => return false,
        }
        true
    }

    fn create(&self, lives: &mut Vec<Life>, ground: &Ground, of: usize, now: Timestamp) {
        let template = &self.templates[of];
        let nth = lives.iter().filter(|life| life.of == of).count();
        let suffix = template.pods.get(nth).cloned().unwrap_or_else(|| self.chance.of(&template.hash).nth(nth as i64).suffix());
        let special = ground.pods.get(&suffix);
        let name = self.pod_name(&suffix, of, lives.len());
        let site = self.site(ground, special.and_then(|pod| pod.node.as_deref()), lives.len(), now);
        let pull = special.and_then(|pod| pod.pull).map_or(SignedDuration::ZERO, |pull| pull.0);
        let crashes = template.crash.as_ref().is_some_and(|crash| crash.pods.is_empty() || crash.pods.contains(&suffix));
        let ready = special.and_then(|pod| pod.ready).map_or(self.ready + pull, |ready| ready.0);
        lives.push(Life {
            name,
            suffix,
            of,
            created: now,
            started: template.bad.is_none().then(|| now + STARTS + pull),
            ready: (!crashes && template.bad.is_none()).then(|| now + ready),
            crashes,
            leaving: None,
            gone: None,
            lost: site.and_then(|site| ground.sites[site].lost()).filter(|(lost, _)| *lost > now),
            site,
        });
    }

    fn pod_name(&self, suffix: &str, of: usize, count: usize) -> String {
        match self.kind {
            crate::domain::Kind::StatefulSet => format!("{}-{count}", self.service),
            crate::domain::Kind::ComposeService => format!("{}-{}-{}", self.place.namespace.raw(), self.service, count + 1),
            _ => format!("{}-{}-{suffix}", self.service, self.templates[of].hash),
        }
    }

    /// One node after the other, beginning anywhere.
    fn site(&self, ground: &Ground, named: Option<&str>, nth: usize, now: Timestamp) -> Option<usize> {
        let here = |site: &Site| site.context == self.place.context.raw();
        if let Some(found) = ground.sites.iter().position(|site| here(site) && Some(site.name.as_str()) == named) {
            return Some(found);
        }
        let open: Vec<usize> = (0..ground.sites.len()).filter(|at| here(&ground.sites[*at]) && ground.sites[*at].open(now)).collect();
        let first = self.chance.of("site").below(open.len() as u64) as usize;
        open.get((first + nth) % open.len().max(1)).copied()
    }
}

impl Life {
    fn leave(&mut self, now: Timestamp, grace: SignedDuration) {
        self.leaving = Some(now);
        self.gone = Some(now + if self.ready.is_some_and(|ready| ready <= now) { LEAVES } else { grace });
    }

    /// Until when it may take to end.
    pub fn grace(&self, grace: SignedDuration) -> Option<Timestamp> {
        self.leaving.map(|leaving| leaving + grace)
    }
}
