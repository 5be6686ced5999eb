//! What containers say: those of a pod, or of all pods of a workload, those that come later too.
//!
//! One stream for each container (`teller`); which containers there are, and how each is, is told by a watch of the pods. Where the
//! connection to the cluster breaks, the feed ends with an error and the cursor leads back to where each log was left (`memory`).

mod lines;
mod memory;
mod teller;

pub use memory::{Memory, Places};

use super::{
    client::{Call, Cluster},
    feeds::{Facts, Focus},
    rows::{self, Address},
    sight::{Filter, Said, Sight, sight},
    wire::{Shape, core::Pod},
};
use crate::{
    clean,
    domain::{Batch, Cursor, Fact, LogTarget},
    logs::line,
    sources::SourceError,
    text::Clean,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use jiff::Timestamp;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};
use teller::{Container, Run, Told};

/// How many logs are followed at the same time; more wait until one of them ends.
const TOGETHER: usize = 50;
/// How many lines are shown of a log that nobody gave a beginning, for a pod and for each container of a workload.
const TAIL_POD: u32 = 500;
const TAIL_WORKLOAD: u32 = 100;

/// Where a log begins.
#[derive(Clone, Copy, Debug)]
pub enum Begin {
    /// With the last lines.
    Tail(u32),
    /// At a time.
    Since(Timestamp),
    /// With its first line: it was not there before.
    First,
}

impl Begin {
    fn of(since: Option<Timestamp>, tail: u32) -> Self {
        since.map_or(Self::Tail(tail), Self::Since)
    }
}

/// Follows a log. `after` is where an earlier connection left it.
pub fn follow(cluster: &Arc<Cluster>, target: LogTarget, after: Option<Cursor>) -> Facts {
    let places = cluster.logs.places(after.as_ref());
    let cluster = cluster.clone();
    let opened = async move {
        match open(cluster, target, places).await {
            Ok(facts) => facts,
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    };
    stream::once(opened).flatten().boxed()
}

async fn open(cluster: Arc<Cluster>, target: LogTarget, places: Arc<Places>) -> Result<Facts, SourceError> {
    let no_pod = || SourceError::NotFound(Clean::from_static("this is no pod of a cluster"));
    match target {
        LogTarget::Workload { workload, since } => {
            let focus = Focus::read(&cluster, &workload).await?;
            let filter = Filter { labels: Some(focus.selector), namespace: Some(focus.address.namespace), ..Filter::default() };
            let mut wanted = Wanted { workload: Some(workload), container: None, begin: Begin::of(since, TAIL_WORKLOAD), steps: false };
            if let Some(left) = places.left() {
                wanted.begin = Begin::Since(left);
            }
            Ok(listen(cluster, filter, wanted, places))
        }
        LogTarget::Pod { pod, container, previous, since } => {
            let address = Address::of(&pod).ok_or_else(no_pod)?;
            let object: Pod = cluster.get(&Call::get("pods", Some(&address.namespace), address.path())).await?;
            let container = container.map(|name| name.expose().to_owned());
            if previous {
                return Ok(teller::previous(cluster, &object, container.as_deref(), Begin::of(since, TAIL_POD)));
            }
            let wanted = Wanted { workload: None, container, begin: Begin::of(places.left().or(since), TAIL_POD), steps: false };
            Ok(listen(cluster, one(&address.namespace, &address.name), wanted, places))
        }
        LogTarget::Job(_) => Err(SourceError::Unsupported(Clean::from_static("Kubernetes runs no CI jobs of its own"))),
    }
}

/// Only this pod.
fn one(namespace: &str, pod: &str) -> Filter {
    Filter { fields: Some(format!("metadata.name={pod}")), namespace: Some(namespace.to_owned()), ..Filter::default() }
}

/// Follows the containers of a pod that are the steps of a CI's job, each from its first line to its end before the next one.
pub fn steps(cluster: Arc<Cluster>, namespace: &str, pod: &str, places: Arc<Places>) -> Facts {
    let begin = places.left().map_or(Begin::First, Begin::Since);
    listen(cluster, one(namespace, pod), Wanted { workload: None, container: None, begin, steps: true }, places)
}

/// How Tekton calls the container of a step.
pub const STEP: &str = "step-";

/// Whose containers are listened to.
struct Wanted {
    /// Only pods of this workload; a selector may catch others.
    workload: Option<crate::domain::Id<crate::domain::Workload>>,
    /// Only this container.
    container: Option<String>,
    /// Where logs begin that were there before us.
    begin: Begin,
    /// Only containers that are steps: one after the other, and none of them runs twice.
    steps: bool,
}

impl Wanted {
    /// How many are followed at the same time.
    const fn together(&self) -> usize {
        if self.steps { 1 } else { TOGETHER }
    }

    /// The container as it is listened to; none where it is not.
    fn of(&self, mut container: Container, pod: &Pod) -> Option<Container> {
        if self.container.as_ref().is_some_and(|wanted| *wanted != container.name) {
            return None;
        }
        if self.steps {
            container.stream.container = Clean::from_untrusted(container.name.strip_prefix(STEP)?);
            let over = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
            if matches!(container.run, Run::Ended(_)) || (over && matches!(container.run, Run::NotYet(_))) {
                container.run = Run::Over;
            }
        }
        Some(container)
    }
}

type Teller = BoxStream<'static, Result<Told, SourceError>>;

struct Listening {
    cluster: Arc<Cluster>,
    wanted: Wanted,
    places: Arc<Places>,
    pods: Sight<Pod>,
    tellers: SelectAll<Teller>,
    waiting: VecDeque<Teller>,
    runs: HashMap<(String, String), tokio::sync::watch::Sender<Run>>,
    /// Whether the first list of pods is whole: pods that come later are read from their first line.
    listed: bool,
    /// Who speaks, until that list is whole.
    first: Vec<Fact>,
    lost: bool,
}

fn listen(cluster: Arc<Cluster>, filter: Filter, wanted: Wanted, places: Arc<Places>) -> Facts {
    let pods = sight::<Pod>(cluster.clone(), filter);
    let state = Listening {
        cluster,
        wanted,
        places,
        pods,
        tellers: SelectAll::new(),
        waiting: VecDeque::new(),
        runs: HashMap::new(),
        listed: false,
        first: Vec::new(),
        lost: false,
    };
    stream::unfold(state, Listening::step).boxed()
}

impl Listening {
    async fn step(mut self) -> Option<(Result<Batch, SourceError>, Self)> {
        if self.lost {
            return None;
        }
        loop {
            while self.tellers.len() < self.wanted.together()
                && let Some(teller) = self.waiting.pop_front()
            {
                self.tellers.push(teller);
            }
            if self.over() {
                return None;
            }
            let quiet = self.tellers.is_empty();
            let error = tokio::select! {
                said = self.pods.next() => match said {
                    Some(Ok(said)) => {
                        // Who speaks is known as a whole before anybody is heard: whoever waits for all of them knows for whom.
                        if self.heard(said) {
                            let facts = std::mem::take(&mut self.first);
                            return Some((Ok(Batch { facts, cursor: None }), self));
                        }
                        None
                    }
                    Some(Err(halt)) => Some(halt.into()),
                    None => Some(SourceError::Protocol(Clean::from_static("the list of pods began anew"))),
                },
                told = self.tellers.next(), if !quiet && self.listed => match told {
                    Some(Ok(told)) => {
                        let cursor = Some(self.places.cursor(told.last));
                        return Some((Ok(Batch { facts: told.facts, cursor }), self));
                    }
                    Some(Err(error)) => Some(error),
                    None => None,
                },
            };
            if let Some(error) = error {
                self.lost = true;
                return Some((Err(error), self));
            }
        }
    }

    /// A pod's log is over when the pod will never say anything more; a workload's never is.
    fn over(&self) -> bool {
        self.wanted.workload.is_none() && self.listed && self.tellers.is_empty() && self.waiting.is_empty()
    }

    /// Takes news of a pod; whether that ended the first list.
    fn heard(&mut self, said: Said<Pod, super::wire::Lean<Pod>>) -> bool {
        match said {
            Said::Begin => {}
            Said::Done => return !std::mem::replace(&mut self.listed, true),
            Said::Is(pod) => self.is(&pod),
            Said::Gone(lean) => {
                let uid = kube::Resource::meta(&lean).uid.clone().unwrap_or_default();
                self.runs.iter().filter(|((of, _), _)| *of == uid).for_each(|(_, run)| _ = run.send_replace(Run::Gone));
                self.runs.retain(|(of, _), _| *of != uid);
            }
        }
        false
    }

    fn is(&mut self, pod: &Pod) {
        let row = rows::pod(&self.cluster.id, pod);
        if self.wanted.workload.is_some() && row.workload != self.wanted.workload {
            return;
        }
        let uid = pod.meta().uid.clone().unwrap_or_default();
        for container in teller::containers(&self.cluster.id, pod, &row) {
            let Some(container) = self.wanted.of(container, pod) else { continue };
            let key = (uid.clone(), container.name.clone());
            match self.runs.get(&key) {
                Some(run) => _ = run.send_if_modified(|known| std::mem::replace(known, container.run.clone()) != container.run),
                None => self.begin(key, container),
            }
        }
    }

    fn begin(&mut self, key: (String, String), container: Container) {
        let (sender, receiver) = tokio::sync::watch::channel(container.run.clone());
        let begin = if self.listed && self.places.left().is_none() { Begin::First } else { self.wanted.begin };
        let place = self.places.of(&container.stream.id);
        self.runs.insert(key, sender);
        if !self.listed {
            self.first.push(Fact::Stream(container.stream.clone()));
        }
        self.waiting.push_back(teller::follow(self.cluster.clone(), container, begin, place, receiver));
    }
}

/// A line of ours in a stream.
pub fn notice(words: &str) -> crate::domain::LogLine {
    line::notice(None, clean!("{words}"))
}
