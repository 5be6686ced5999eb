//! What we may see of one kind of object, as a stream that does not end by itself.
//!
//! `kube::runtime::watcher` lists in pages and then watches; it takes care of resource versions, bookmarks, 410 and the end of a watch.
//! It would try for ever, so the first error that it reports ends our stream: the supervisor decides when to ask again. Where we may not
//! list everywhere, we look into the namespaces that we know of instead, and say so.

use super::{
    client::Cluster,
    life::SILENCE,
    wire::{Lean, Shape},
};
use crate::{clean, sources::SourceError, text::Clean};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use kube::{
    Api,
    runtime::watcher::{self, Event},
};
use std::{sync::Arc, time::Duration};

/// How long a page of a first list may take.
const PAGE: Duration = Duration::from_secs(30);
/// How many are in a page where somebody waits for the first: a server needs the longer for a page the more it holds.
const FIRST: u32 = 100;
/// How many are in a page elsewhere.
const MANY: u32 = 500;
/// What a list tells: of objects as they travel, or of rows.
#[derive(Debug)]
pub enum Said<T, G> {
    /// A whole list begins.
    Begin,
    /// This one is so now.
    Is(T),
    /// This one is gone.
    Gone(G),
    /// The whole list was said.
    Done,
}

/// Why a list ends.
#[derive(Debug)]
pub enum Halt {
    /// We may not see it (403): the one refusal that a fallback can help.
    Forbidden(Clean),
    /// Anything else.
    Failed(SourceError),
}

impl From<Halt> for SourceError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Forbidden(words) => Self::Denied(words),
            Halt::Failed(error) => error,
        }
    }
}

/// A stream of what a list tells.
pub type Telling<T, G> = BoxStream<'static, Result<Said<T, G>, Halt>>;

/// A stream of what is seen of a kind. What is gone may be only as much as a name.
pub type Sight<T> = Telling<T, Lean<T>>;

/// Which objects of a kind are looked at.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// By labels.
    pub labels: Option<String>,
    /// By fields.
    pub fields: Option<String>,
    /// Only in this namespace.
    pub namespace: Option<String>,
    /// Whether somebody waits for the first of them.
    pub soon: bool,
}

impl Filter {
    fn config(&self) -> watcher::Config {
        let (label_selector, field_selector) = (self.labels.clone(), self.fields.clone());
        let page_size = Some(if self.soon { FIRST } else { MANY });
        watcher::Config { label_selector, field_selector, timeout: Some(SILENCE), page_size, ..watcher::Config::default() }
    }
}

/// Looks at all objects of a kind that `filter` lets through and that we may see.
pub fn sight<T: Shape>(cluster: Arc<Cluster>, filter: Filter) -> Sight<T> {
    stream::once(open(cluster, filter)).flatten().boxed()
}

/// Looks at all first; what the first answer is decides.
async fn open<T: Shape>(cluster: Arc<Cluster>, filter: Filter) -> Sight<T> {
    if let Some(namespace) = filter.namespace.clone() {
        return one(&cluster, &filter, Some(namespace));
    }
    if !T::NAMESPACED {
        return one(&cluster, &filter, None);
    }
    if cluster.confined {
        return together(cluster.namespaces.iter().map(|namespace| one(&cluster, &filter, Some(namespace.clone()))).collect());
    }
    let mut all = one::<T>(&cluster, &filter, None);
    let mut first = Vec::new();
    while let Some(said) = all.next().await {
        if let Err(Halt::Forbidden(_)) = &said
            && !cluster.namespaces.is_empty()
        {
            return narrower(&cluster, &filter);
        }
        let more = matches!(said, Ok(Said::Begin));
        first.push(said);
        if !more {
            break;
        }
    }
    stream::iter(first).chain(all).boxed()
}

/// Only the namespaces that we know of, because we may not look everywhere.
fn narrower<T: Shape>(cluster: &Arc<Cluster>, filter: &Filter) -> Sight<T> {
    let can_i = cluster.tried("list", &T::resource(), None).can_i();
    cluster
        .lack(T::PLURAL, clean!("no right to list {} everywhere: only namespace {} is shown; check with `{can_i}`", T::PLURAL, cluster.namespaces.join(", ")));
    together(cluster.namespaces.iter().map(|namespace| one(cluster, filter, Some(namespace.clone()))).collect())
}

/// Several lists as one: it begins with the first and is done with the last. When one of them begins anew (its versions were too old) all
/// must: the stream ends, and the supervisor asks for everything again.
pub fn together<T: Send + 'static, G: Send + 'static>(mut parts: Vec<Telling<T, G>>) -> Telling<T, G> {
    if parts.len() == 1 {
        return parts.swap_remove(0);
    }
    let total = parts.len();
    let once = parts.into_iter().map(|part| {
        let mut begun = false;
        let told = part.map(move |said| {
            let again = begun && matches!(said, Ok(Said::Begin));
            begun |= matches!(said, Ok(Said::Begin));
            (!again).then_some(said)
        });
        told.chain(stream::iter([None])).boxed()
    });
    let (mut begun, mut done) = (false, 0);
    let all = stream::select_all(once).take_while(|said| std::future::ready(said.is_some())).filter_map(std::future::ready);
    all.filter_map(move |said| {
        let passes = match &said {
            Ok(Said::Begin) => !std::mem::replace(&mut begun, true),
            Ok(Said::Done) => {
                done += 1;
                done == total
            }
            Ok(Said::Is(_) | Said::Gone(_)) | Err(_) => true,
        };
        std::future::ready(passes.then_some(said))
    })
    .boxed()
}

/// One watcher, everywhere or in one namespace; it ends at its first error. A client whose credentials have expired is replaced once.
fn one<T: Shape>(cluster: &Arc<Cluster>, filter: &Filter, namespace: Option<String>) -> Sight<T> {
    let state = Watching { cluster: cluster.clone(), filter: filter.clone(), namespace, at: At::Start { renewed: false } };
    stream::unfold(state, |state| state.step()).boxed()
}

type Events<T> = BoxStream<'static, watcher::Result<Event<Lean<T>>>>;

enum At<T> {
    Start { renewed: bool },
    Running { events: Events<T>, turn: u64, listing: bool, listed: bool, renewed: bool },
    Over,
}

struct Watching<T> {
    cluster: Arc<Cluster>,
    filter: Filter,
    namespace: Option<String>,
    at: At<T>,
}

impl<T: Shape> Watching<T> {
    async fn step(mut self) -> Option<(Result<Said<T, Lean<T>>, Halt>, Self)> {
        loop {
            match std::mem::replace(&mut self.at, At::Over) {
                At::Over => return None,
                At::Start { renewed } => match self.cluster.session().await {
                    Err(error) => return Some((Err(Halt::Failed(error)), self)),
                    Ok(session) => {
                        let events = watcher::watcher(self.api(session.client), self.filter.config()).boxed();
                        self.at = At::Running { events, turn: session.turn, listing: true, listed: false, renewed };
                    }
                },
                At::Running { mut events, turn, mut listing, mut listed, renewed } => {
                    let next = if listing { tokio::time::timeout(PAGE, events.next()).await } else { Ok(events.next().await) };
                    let event = match next {
                        Err(_) => return Some((Err(Halt::Failed(self.tried("list").late(PAGE.as_secs()))), self)),
                        Ok(None) => return None,
                        Ok(Some(Err(error))) if code(&error) == Some(401) && (!renewed || listed) => {
                            self.cluster.forget(turn).await;
                            self.at = At::Start { renewed: true };
                            continue;
                        }
                        // The list is asked for again by itself.
                        Ok(Some(Err(watcher::Error::WatchError(status)))) if status.code == 410 => {
                            self.at = At::Running { events, turn, listing: true, listed, renewed };
                            continue;
                        }
                        Ok(Some(Err(error))) => return Some((Err(self.failed(&error)), self)),
                        Ok(Some(Ok(event))) => event,
                    };
                    let seen = self.seen(event);
                    listing = match &seen {
                        Some(Said::Begin) => true,
                        Some(Said::Done) => false,
                        _ => listing,
                    };
                    listed |= !listing;
                    self.at = At::Running { events, turn, listing, listed, renewed };
                    if let Some(seen) = seen {
                        return Some((Ok(seen), self));
                    }
                }
            }
        }
    }

    fn api(&self, client: kube::Client) -> Api<Lean<T>> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &()),
            None => Api::all_with(client, &()),
        }
    }

    /// What an event says; an object that can not be read says nothing but is told among what is lacking.
    fn seen(&self, event: Event<Lean<T>>) -> Option<Said<T, Lean<T>>> {
        match event {
            Event::Init => Some(Said::Begin),
            Event::InitDone => Some(Said::Done),
            Event::Delete(lean) => Some(Said::Gone(lean)),
            Event::Apply(Lean::Whole(whole)) | Event::InitApply(Lean::Whole(whole)) => Some(Said::Is(whole)),
            Event::Apply(Lean::Torn { meta, why }) | Event::InitApply(Lean::Torn { meta, why }) => {
                let name = format!("{}/{}", meta.namespace.as_deref().unwrap_or("-"), meta.name.as_deref().unwrap_or("?"));
                self.cluster.lack(&format!("{} torn", T::PLURAL), clean!("{} {name} can not be read and is not shown: {why}", T::KIND));
                None
            }
        }
    }

    fn tried(&self, verb: &'static str) -> super::fault::Tried {
        self.cluster.tried(verb, &T::resource(), self.namespace.as_deref())
    }

    fn failed(&self, error: &watcher::Error) -> Halt {
        use watcher::Error as E;
        let words = match error {
            E::InitialListFailed(error) => self.tried("list").failed(error),
            E::WatchStartFailed(error) | E::WatchFailed(error) => self.tried("watch").failed(error),
            E::WatchError(status) => self.tried("watch").refused(status),
            E::NoResourceVersion => SourceError::Protocol(clean!("{} gives no version of {}: it can not be watched", self.cluster.known.server, T::PLURAL)),
        };
        match words {
            SourceError::Denied(words) if code(error) == Some(403) => Halt::Forbidden(words),
            other => Halt::Failed(other),
        }
    }
}

/// The HTTP code that a watcher's error rests on.
fn code(error: &watcher::Error) -> Option<u16> {
    use watcher::Error as E;
    match error {
        E::InitialListFailed(kube::Error::Api(status)) | E::WatchStartFailed(kube::Error::Api(status)) | E::WatchFailed(kube::Error::Api(status)) => {
            Some(status.code)
        }
        E::WatchError(status) => Some(status.code),
        E::InitialListFailed(_) | E::WatchStartFailed(_) | E::WatchFailed(_) | E::NoResourceVersion => None,
    }
}
