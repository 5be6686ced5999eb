//! What became of what a console left open, by what is there now.

use super::Left;
use crate::{
    app::{Came, OpenOperation},
    domain::{Awaited, Progress, ReleaseState, Revision, RevisionRef, RunNow, Subject, Verb},
    text::Clean,
};

impl Left {
    /// What became of it, by the object; none as long as the request may still be on its way.
    pub(super) fn judge(&self, subject: &Subject, newest: Option<&Revision>, late: bool) -> Option<(Came, Clean)> {
        let open = &self.open;
        if subject.keeper.is_some() && Verb::named(&open.verb) == Some(Verb::Release) && !subject.seen.paused {
            return Some((Came::Done, Clean::from_static("it was carried out: it acts by itself again")));
        }
        if let Some(pod) = &subject.awaited {
            return judge_pod(open, pod, late);
        }
        if let Some(run) = &subject.run {
            return judge_run(open, run, late);
        }
        if Verb::back(&open.verb) == Some(Verb::SwitchBack) {
            return judge_switch(open, subject, late);
        }
        if Verb::back(&open.verb) == Some(Verb::SyncBack) {
            return judge_sync(open, subject, late);
        }
        let aborts = Verb::back(&open.verb) == Some(Verb::Abort);
        let back = |to: &RevisionRef| matches!(&subject.progress, Progress::Aborted { back_to, .. } if *back_to == to.template);
        if aborts && open.to.as_ref().is_some_and(back) {
            return Some((Came::Done, Clean::from_static("it is aborted: the revision before serves, and the specification still names the newer one")));
        }
        // A release carries no mark: its own history says what was done.
        let went_back = open.to.as_ref().is_some_and(|to| subject.went_back(to, &open.from));
        if let Some(rerun) = subject.rerun.as_ref().filter(|rerun| rerun.since(open.since)) {
            return Some((Came::Done, crate::clean!("it was carried out: {} was run again, attempt {}", rerun.name, rerun.attempt)));
        }
        let marked = went_back || subject.operation.as_ref().is_some_and(|mark| mark.as_str() == open.operation.as_str());
        let by = subject.changed_by.as_ref().map(|(who, _)| crate::clean!(" by {who}")).unwrap_or_default();
        let runs = newest.map(|newest| crate::clean!(": {} {} is the newest", newest.version, newest.short())).unwrap_or_default();
        let elsewhere = open.to.as_ref().zip(newest).is_some_and(|(to, newest)| newest.template != to.template) && !went_back;
        if marked && !elsewhere {
            return Some((Came::Done, crate::clean!("it was carried out{runs}")));
        }
        if marked {
            return Some((Came::Done, crate::clean!("it was carried out, and another revision was rolled out since{by}{runs}")));
        }
        if *subject.from() == open.from || subject.seen_by(Verb::Promote) == open.from {
            return (late && !open.accepted).then(|| (Came::Not, Clean::from_static("it was not carried out: the object is as it was")));
        }
        if let Some(release) = &subject.release {
            let at_work = matches!(release.state, ReleaseState::Pending { .. }) && !late;
            return (!at_work).then(|| (Came::Superseded, crate::clean!("nobody can tell what it did: {}", release.words())));
        }
        if subject.steps.is_some() && subject.seen.uid == open.from.uid && Verb::named(&open.verb).is_some_and(Verb::leaves_no_mark) {
            let stands = crate::app::operations::single::stands(subject);
            return Some((Came::Superseded, crate::clean!("it leaves no mark on a rollout: this or somebody else moved it, and {stands}")));
        }
        let words = if subject.seen.uid == open.from.uid { "the object was changed since" } else { "the object was made anew since" };
        Some((Came::Superseded, crate::clean!("{words}{by}, and does not carry its mark{runs}")))
    }
}

/// The same of traffic that was to be switched: the route says it, not the workload.
fn judge_switch(open: &OpenOperation, subject: &Subject, late: bool) -> Option<(Came, Clean)> {
    let Some(route) = subject.route(&open.from) else {
        return late.then(|| (Came::Superseded, Clean::from_static("what leads the traffic can not be read any more: nobody can tell where it leads")));
    };
    let leads: Vec<&str> = route.arms.iter().filter(|arm| arm.share > 0).map(|arm| arm.name.clean().as_str()).collect();
    let leads = crate::clean!("{} leads to {}", route.name, leads.join(" and "));
    if route.operation.as_ref().is_some_and(|mark| mark.as_str() == open.operation.as_str()) {
        return Some((Came::Done, crate::clean!("it was carried out: {leads} now")));
    }
    if route.seen == open.from {
        return (late && !open.accepted).then(|| (Came::Not, crate::clean!("it was not carried out: {leads} as before")));
    }
    let by = route.changed_by.as_ref().map(|(who, _)| crate::clean!(" by {who}")).unwrap_or_default();
    Some((Came::Superseded, crate::clean!("it was changed since{by}, and does not carry its mark: {leads}")))
}

/// The same of a run, which carries no mark: only what it is like now tells.
fn judge_run(open: &OpenOperation, run: &RunNow, late: bool) -> Option<(Came, Clean)> {
    let verb = Verb::named(&open.verb)?;
    let stands = crate::clean!("attempt {}, {}", run.run.attempt, run.run.status.word());
    if verb == Verb::Dispatch {
        return judge_start(open, run, late);
    }
    if run.seen(verb) == open.from {
        return (late && !open.accepted).then(|| (Came::Not, crate::clean!("it was not carried out: {stands} as before")));
    }
    Some((Came::Superseded, crate::clean!("a run carries no mark: this or somebody else moved it, and it is {stands}")))
}

/// The same of a run that was to be started. A list may be late: that nothing new is in it does not mean that nothing was started.
fn judge_start(open: &OpenOperation, run: &RunNow, late: bool) -> Option<(Came, Clean)> {
    if run.seen(Verb::Dispatch) == open.from {
        return late.then(|| (Came::Superseded, Clean::from_static("no run that it started is seen by now: look before you start another")));
    }
    let newest = run.repeated().map(|number| crate::clean!(": #{number}")).unwrap_or_default();
    Some((Came::Superseded, crate::clean!("this or somebody else started one since{newest}")))
}

/// The same of a pod that was to be deleted, which carries no mark either.
fn judge_pod(open: &OpenOperation, pod: &Awaited, late: bool) -> Option<(Came, Clean)> {
    if pod.left(&open.from.uid) {
        return Some((Came::Done, crate::clean!("the pod that was to go is gone, by this or by somebody else: {}", pod.words())));
    }
    (late && !open.accepted).then(|| (Came::Not, crate::clean!("it was not carried out: {}, the same pod as before", pod.words())))
}

/// The same of an application that was to be synced: its own operation says it.
fn judge_sync(open: &OpenOperation, subject: &Subject, late: bool) -> Option<(Came, Clean)> {
    let Some(application) = &subject.application else {
        return late.then(|| (Came::Superseded, Clean::from_static("the application can not be read any more: nobody can tell what became of it")));
    };
    let name = &application.name;
    if let Some(ours) = application.ours([&open.operation]) {
        return Some((Came::Done, crate::clean!("{name} was asked for it, {}", ours.words())));
    }
    if application.seen == open.from {
        return (late && !open.accepted).then(|| (Came::Not, crate::clean!("it was not carried out: {name} is as it was")));
    }
    let last = application.operation.as_ref().map(|last| crate::clean!(", last by {}", last.by)).unwrap_or_default();
    Some((Came::Superseded, crate::clean!("{name} was synced since{last}, or the workload was changed, and it does not carry its mark")))
}
