//! On which pods a log opens.

use crate::{
    app::App,
    domain::{Id, LogTarget, Pod, Workload},
    store::sickness,
    text::Clean,
};
use std::collections::BTreeSet;

/// The pods of the newest revision that are not ready, while one of them keeps it from getting on: what they say is what matters.
pub(super) fn sick_pods(app: &App, workload: &Id<Workload>) -> BTreeSet<Clean> {
    let Some(newest) = app.store.revisions_of(workload).into_iter().find(|revision| revision.current) else { return BTreeSet::new() };
    let pods: Vec<&Pod> = app.store.pods_of(workload).filter(|pod| pod.template == newest.template && !pod.ready && !pod.leaving).collect();
    let sick = pods.iter().any(|pod| sickness(pod, app.now.wall).is_some());
    pods.into_iter().filter(|_| sick).map(|pod| pod.name.clean().clone()).collect()
}

/// A whole log opens on the pods that do not get ready; `0` shows all. One that becomes ready stays while it is open.
pub fn look_at_sick(app: &mut App) {
    if let Some(LogTarget::Workload { workload, .. }) = &app.logs.target {
        app.logs.only = sick_pods(app, workload);
    }
}
