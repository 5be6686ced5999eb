//! Single matters, each judged by itself.

use super::{Matter, Point, point};
use crate::{
    domain::{AlertState, Container, Feed, Pod, Severity},
    rollback::{Case, ProofState, Tried, tried},
    store::{
        AlertRow, Store,
        words::{long, since},
    },
    text::{Clean, Name},
};
use jiff::Timestamp;

/// The container that is released: the one that the template names first, since a mesh may put its own in front.
fn released<'a>(pod: &'a Pod, named: Option<&Name>) -> Option<&'a Container> {
    let mut own = pod.containers.iter().filter(|container| !container.init);
    let first = own.clone().next();
    own.find(|container| named == Some(&container.name)).or(first)
}

/// Whether the ready pods run one image, and the expected one; `named` is the container that is released.
pub(super) fn digest(pods: &[&Pod], named: Option<&Name>, expected: Option<&Clean>) -> Point {
    let say = |state, text: Clean| point(Matter::Digest, state, text);
    let of = |pod: &&Pod| released(pod, named).and_then(|container| container.image.digest_hex().map(str::to_owned));
    let short = |hex: &str| Clean::from_untrusted(hex.get(..12).unwrap_or(hex));
    let known: Vec<(&Clean, String)> = pods.iter().filter_map(|pod| of(pod).map(|hex| (pod.name.clean(), hex))).collect();
    let wanted = expected.map(|digest| digest.rsplit(':').next().unwrap_or(digest).to_owned());
    let Some((_, first)) = known.first() else {
        let state = if wanted.is_some() { ProofState::Unknown } else { ProofState::NotAsked };
        return say(state, Clean::from_static("no pod tells its digest"));
    };
    if let Some(wanted) = &wanted
        && let Some((pod, hex)) = known.iter().find(|(_, hex)| !hex.starts_with(wanted.as_str()))
    {
        return say(ProofState::StillBad, crate::clean!("{pod} runs {}, {} is expected", short(hex), short(wanted)));
    }
    if let Some((pod, hex)) = known.iter().find(|(_, hex)| hex != first) {
        return say(ProofState::StillBad, crate::clean!("{pod} runs {}, others {}", short(hex), short(first)));
    }
    if known.len() < pods.len() {
        return say(ProofState::Unknown, crate::clean!("{} of {} pods tell none", pods.len() - known.len(), pods.len()));
    }
    say(ProofState::Good, crate::clean!("{} on all {}", short(first), known.len()))
}

/// Whether the smoke requests succeed.
pub(super) fn smoke(tried: &Tried) -> Point {
    let say = |state, text: &'static str| point(Matter::Smoke, state, text);
    match tried {
        Tried::Not => say(ProofState::Waiting, "sent once the pods are ready"),
        Tried::Sent => say(ProofState::Waiting, "being sent"),
        Tried::Nobody => say(ProofState::NotAsked, "no smoke requests are configured"),
        Tried::Came(came) => {
            let (state, text) = tried::succeed(came);
            point(Matter::Smoke, state, text)
        }
    }
}

/// Whether an alert about the service fires; a silence changes nothing.
pub(super) fn alarms(store: &Store, case: &Case, now: Timestamp) -> Point {
    let say = |state, text: Clean| point(Matter::Alerts, state, text);
    let feeds: Vec<_> = store.feeds().iter().filter(|state| state.feed == Feed::Alerts).collect();
    if feeds.is_empty() {
        return say(ProofState::NotAsked, Clean::from_static("no source of alerts is connected"));
    }
    let about = |row: &AlertRow| {
        row.about.iter().any(|about| about.service == case.service && about.environment.as_ref().is_none_or(|other| other.name == case.environment.name))
    };
    let view = store.alerts();
    let fires = view.rows.iter().find(|row| row.alert.severity > Severity::Info && row.alert.state != AlertState::Pending && about(row));
    if let Some(row) = fires {
        let held = row.alert.since.map(|at| crate::clean!(" for {}", long(since(at, now)))).unwrap_or_default();
        return say(ProofState::StillBad, crate::clean!("{} fires{held}", row.alert.name));
    }
    match feeds.iter().find(|state| !state.link.live()) {
        Some(silent) => say(ProofState::Unknown, crate::clean!("{} does not answer", silent.source)),
        None if view.firing.is_none() => say(ProofState::Waiting, Clean::from_static("not all were told yet")),
        None => say(ProofState::Good, Clean::from_static("none about it")),
    }
}
