//! What can be restarted, scaled, paused and resumed, and what opens its plan.

use super::Single;
use crate::{
    app::{App, Choose, Chosen, Effect, Known, Overlay, Subject},
    domain::{Hold, Id, Kind, Owner, Pod, Progress, Verb, Workload},
    keys::Action,
    text::Clean,
};

/// The change that an action plans, where it plans one of these. One key holds off and lets go, another lets go on, whatever waits now.
const fn verb_of(action: Action, held: bool, waits: Waits) -> Option<Verb> {
    match action {
        Action::Hold => Some(if held { Verb::Release } else { Verb::Hold }),
        Action::Restart => Some(Verb::Restart),
        Action::Scale => Some(Verb::Scale),
        Action::Pause => Some(Verb::Pause),
        Action::Promote => Some(Verb::Promote),
        Action::PromoteFull => Some(Verb::PromoteFull),
        Action::Retry => Some(Verb::Retry),
        Action::LetGo => Some(match waits {
            Waits::ForSomebody => Verb::Promote,
            Waits::ForAPod => Verb::DeletePod,
            Waits::Not => Verb::Resume,
        }),
        Action::Resume => Some(Verb::Resume),
        _ => None,
    }
}

/// What keeps workloads from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// A rollout stands at a pause.
    ForSomebody,
    /// A StatefulSet waits for a pod in vain.
    ForAPod,
    /// Nothing of that kind.
    Not,
}

impl App {
    /// Whether such a change can be planned: in words, or why not. None: `action` plans none.
    pub(in crate::app) fn offer_single(&self, action: Action, subject: &Subject) -> Option<Result<Clean, Clean>> {
        let workloads = self.workloads_of(subject);
        let verb = verb_of(action, self.held(&workloads), self.waits(&workloads))?;
        // A run is run again or approved, which is another thing than its workload.
        if matches!(subject, Subject::Run(_) | Subject::Job(_) | Subject::Node(_)) {
            return None;
        }
        let Some(first) = workloads.first() else { return Some(Err(self.why_no_workload(subject))) };
        let can = workloads.iter().map(|id| self.can_single(verb, id)).collect::<Vec<_>>();
        if let Some(why) = can.iter().all(Result::is_err).then(|| can.into_iter().find_map(Result::err)).flatten() {
            return Some(Err(why));
        }
        // Under the cursor may be a pod, an alert, a run: what is changed is the workload.
        let name = if workloads.len() == 1 { self.words_of(&Subject::Workload(first.clone())) } else { self.words_of(subject) };
        Some(Ok(match verb {
            Verb::Scale => crate::clean!("another number of pods for {name}: `scale 5`"),
            Verb::Resume => crate::clean!("let {name} go on"),
            Verb::Promote => crate::clean!("promote {name} past the pause at which it waits"),
            Verb::PromoteFull => crate::clean!("promote {name} past all its steps"),
            Verb::Retry => crate::clean!("retry {name}: forward again to the version that was aborted"),
            Verb::DeletePod => match workloads.iter().find_map(|id| self.awaited(id)) {
                Some(pod) => crate::clean!("delete {}, for which {name} waits in vain", pod.name),
                None => crate::clean!("delete the pod for which {name} waits in vain"),
            },
            Verb::Hold => crate::clean!("hold off what would change {name} back"),
            Verb::Release => crate::clean!("let go what was held off for {name}"),
            verb => crate::clean!("{} {name}", verb.words()),
        }))
    }

    fn can_single(&self, verb: Verb, id: &Id<Workload>) -> Result<(), Clean> {
        let Some(workload) = self.store.workload(id) else { return Err(Clean::from_static("this workload is gone")) };
        let offered = matches!(self.sources.get(&id.source()), Some(Ok(Known::Ready(offers))) if offers.verbs.contains(&verb));
        let paused = matches!(workload.progress, Progress::Paused { .. });
        let kept = matches!(workload.owner, Some(Owner::ArgoCd { .. } | Owner::Flux { .. }));
        match (verb, workload.kind) {
            (Verb::Hold, _) if !kept => Err(Clean::from_static("neither Argo CD nor Flux keeps it: there is nothing to hold off")),
            (Verb::DeletePod, _) if self.awaited(id).is_none() => Err(Clean::from_static("it waits for no pod in vain: there is none to delete")),
            (Verb::Scale, Kind::DaemonSet) => Err(Clean::from_static("a DaemonSet carries no number of replicas: it runs one pod on each node")),
            (verb, kind) if !offered || !Single::suits(verb, kind) => Err(crate::clean!("a {} can not be {} from here", kind.word(), done(verb))),
            (Verb::Promote | Verb::PromoteFull | Verb::Retry, _) => can_go_forward(verb, &workload.progress).map_err(Clean::from_static),
            (Verb::Resume, Kind::Rollout) if workload.progress.is_aborted() => {
                Err(Clean::from_static("it was aborted and stays at the revision before: :retry sends it forward to the aborted version again"))
            }
            (Verb::Pause, _) if paused => Err(Clean::from_static("it is paused already")),
            (Verb::Resume, _) if !paused => Err(Clean::from_static("it is not paused: nothing waits to go on")),
            (Verb::Restart, _) if paused => Err(Clean::from_static("it is paused: no pod would be replaced")),
            (..) => Ok(()),
        }
    }

    /// Opens the plan of such a change, or asks for which of several workloads.
    pub(in crate::app) fn plan_single(&mut self, action: Action, workloads: &[Id<Workload>], wanted: Option<u32>) -> Vec<Effect> {
        let Some(verb) = verb_of(action, self.held(workloads), self.waits(workloads)) else { return Vec::new() };
        let can: Vec<&Id<Workload>> = workloads.iter().filter(|id| self.can_single(verb, id).is_ok()).collect();
        if let [only] = can[..] {
            let only = only.clone();
            return self.open_single(verb, &only, wanted);
        }
        let items = can.into_iter().filter_map(|id| self.store.workload(id)).map(|workload| {
            let words = crate::clean!("{} {}/{}  {}", workload.kind.word(), workload.place.namespace, workload.name, workload.version);
            (words, Chosen::Single(verb, workload.id.clone(), wanted))
        });
        let items = items.collect();
        self.overlay = Some(Overlay::Choose(Choose { title: crate::clean!("{} which of them?", capital(verb)), items, at: 0 }));
        Vec::new()
    }

    /// What is held off above a workload.
    pub fn hold_of(&self, id: &Id<Workload>) -> Option<&Hold> {
        let owner = self.store.workload(id).and_then(|workload| workload.owner.as_ref());
        self.store.holds().into_iter().find(|hold| hold.workload == *id || (hold.id.source() == id.source() && Some(&hold.keeper) == owner))
    }

    /// What keeps these from going on: first what a person was to be asked for.
    fn waits(&self, workloads: &[Id<Workload>]) -> Waits {
        let at_a_pause = |id: &Id<Workload>| self.store.workload(id).is_some_and(|workload| matches!(workload.progress, Progress::Waiting { .. }));
        if workloads.iter().any(at_a_pause) {
            return Waits::ForSomebody;
        }
        if workloads.iter().any(|id| self.awaited(id).is_some()) { Waits::ForAPod } else { Waits::Not }
    }

    /// The pod that a StatefulSet waits for in vain, where that can be told.
    pub fn awaited(&self, id: &Id<Workload>) -> Option<&Pod> {
        let workload = self.store.workload(id).filter(|workload| !matches!(workload.progress, Progress::Unobserved))?;
        let newest = self.store.revisions_of(id).into_iter().find(|revision| revision.current)?;
        workload.awaits(self.store.pods_of(id), &newest.template)
    }

    fn held(&self, workloads: &[Id<Workload>]) -> bool {
        workloads.iter().any(|id| self.hold_of(id).is_some())
    }

    /// `:scale 5`.
    pub(in crate::app) fn scale_to(&mut self, wanted: u32) -> Vec<Effect> {
        let subject = self.subject();
        match self.offer(Action::Scale, &subject) {
            Ok(_) => {
                let workloads = self.workloads_of(&subject);
                self.plan_single(Action::Scale, &workloads, Some(wanted))
            }
            Err(why) => {
                self.complain(why);
                Vec::new()
            }
        }
    }
}

/// Whether a rollout that goes step by step can be sent forward, as far as its row tells.
const fn can_go_forward(verb: Verb, progress: &Progress) -> Result<(), &'static str> {
    match (verb, progress) {
        (Verb::Retry, Progress::Aborted { .. }) => Ok(()),
        (Verb::Retry, _) => Err("it was not aborted: there is nothing to retry"),
        (_, Progress::Aborted { .. }) => Err("it was aborted: :retry sends it forward again"),
        (_, Progress::Paused { .. }) => Err("it is paused by hand: resume it first, then it can be promoted"),
        (_, Progress::Waiting { .. }) | (Verb::PromoteFull, Progress::Rolling) => Ok(()),
        (Verb::PromoteFull, _) => Err("no rollout is under way: there is nothing to promote"),
        (_, _) => Err("it waits at no pause: there is nothing to promote"),
    }
}

/// As in `can not be restarted`.
const fn done(verb: Verb) -> &'static str {
    match verb {
        Verb::RollBack => "rolled back",
        Verb::Abort => "aborted",
        Verb::Promote => "promoted",
        Verb::PromoteFull => "promoted in full",
        Verb::Retry => "retried",
        Verb::SwitchBack => "switched back",
        Verb::SyncBack => "synced back",
        Verb::DeletePod => "rid of a pod",
        Verb::Restart => "restarted",
        Verb::Scale => "scaled",
        Verb::Pause => "paused",
        Verb::Resume => "resumed",
        Verb::Hold => "held off",
        Verb::Release => "let go",
        Verb::Acknowledge => "acknowledged",
        Verb::Silence => "silenced",
        Verb::Rerun | Verb::RerunFailed | Verb::RerunJob => "run again",
        Verb::Cancel | Verb::ForceCancel => "cancelled",
        Verb::Approve => "approved",
        Verb::Reject => "rejected",
        Verb::Play => "played",
        Verb::Dispatch => "dispatched",
        Verb::Shell => "entered",
    }
}

const fn capital(verb: Verb) -> &'static str {
    match verb {
        Verb::Promote => "Promote",
        Verb::PromoteFull => "Promote in full",
        Verb::Retry => "Retry",
        Verb::DeletePod => "Delete the pod of",
        Verb::Restart => "Restart",
        Verb::Scale => "Scale",
        Verb::Pause => "Pause",
        Verb::Resume => "Resume",
        Verb::Hold => "Hold off",
        Verb::Release => "Let go",
        Verb::RollBack
        | Verb::Abort
        | Verb::SwitchBack
        | Verb::SyncBack
        | Verb::Acknowledge
        | Verb::Silence
        | Verb::Shell
        | Verb::Rerun
        | Verb::RerunFailed
        | Verb::RerunJob
        | Verb::Cancel
        | Verb::ForceCancel
        | Verb::Approve
        | Verb::Reject
        | Verb::Play
        | Verb::Dispatch => "Change",
    }
}
