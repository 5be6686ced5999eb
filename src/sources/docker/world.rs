//! What an engine runs, kept up by its events: first the whole list, then each container that an event names is looked at again. Events are
//! asked for from the engine's own time of the list on, so that nothing falls between the two; after a break everything is listed again,
//! because an engine remembers only its last 256 events.

use super::{
    container::{Container, Death, Owner, Run},
    engine::Session,
    events::{self, Events},
    rows,
    swarm::{self, Swarm},
    wire::{Event, ImageInspected, Inspected, Listed},
};
use crate::{
    domain::{Batch, Change, Fact, Id, Row, Scope, SourceId},
    sources::SourceError,
};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};
use tokio::time::{Instant, sleep_until};

/// Which part of an engine is looked at: a feed of one workload does not look at the containers of all others.
#[derive(Clone, Default)]
pub struct Part(Option<Keep>);

type Keep = Arc<dyn Fn(&Container) -> bool + Send + Sync>;

impl Part {
    /// What of an engine belongs to `scope`.
    pub fn of(source: &SourceId, scope: &Scope) -> Self {
        let source = source.clone();
        match scope.clone() {
            Scope::All => Self(None),
            Scope::Namespace(namespace) => Self(Some(Arc::new(move |one| rows::namespace(one) == namespace.expose()))),
            Scope::Workload(workload) => Self(Some(Arc::new(move |one| rows::workload_id(&source, one).as_ref() == Some(&workload)))),
        }
    }

    /// Pods of a cluster on this engine are the cluster's to show: they are not even looked at.
    fn holds(&self, container: &Container) -> bool {
        container.owner() != Owner::Elsewhere && self.0.as_ref().is_none_or(|keep| keep(container))
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Part")
    }
}

/// The containers of an engine, and the services of its swarm where it manages one.
#[derive(Debug, Default)]
pub struct World {
    host: String,
    containers: BTreeMap<String, Container>,
    swarm: Option<Swarm>,
    digests: HashMap<String, Vec<String>>,
    part: Part,
    /// How runs ended, as events told: an inspection forgets it with the next start.
    deaths: HashMap<String, Death>,
}

impl World {
    /// A world of what is given, for tests.
    #[cfg(test)]
    pub fn of(host: &str, containers: impl IntoIterator<Item = Container>) -> Self {
        Self { host: host.to_owned(), containers: containers.into_iter().map(|one| (one.id.clone(), one)).collect(), ..Self::default() }
    }

    /// The name of the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its containers, by id.
    pub fn containers(&self) -> impl Iterator<Item = &Container> {
        self.containers.values()
    }

    /// The swarm, where this engine manages one.
    pub fn swarm(&self) -> Option<&Swarm> {
        self.swarm.as_ref()
    }

    /// Lists all containers and looks at each that belongs to `part`.
    async fn read(session: &Session, part: Part) -> Result<Self, SourceError> {
        let mut world = Self { host: session.hello.host.clone(), part, ..Self::default() };
        let listed: Vec<Listed> = session.json("/containers/json?all=1").await?;
        let ours: Vec<Container> = listed.into_iter().map(Container::from).filter(|row| world.part.holds(row)).collect();
        let looked = stream::iter(ours).map(|row| look(session, row)).buffer_unordered(session.width());
        let found: Vec<Option<Container>> = looked.try_collect().await?;
        for container in found.into_iter().flatten() {
            world.put(session, container).await?;
        }
        if session.hello.manager {
            world.swarm = Some(Swarm::read(session).await?);
        }
        Ok(world)
    }

    /// Takes in what events said.
    async fn hear(&mut self, session: &Session, events: &[Event]) -> Result<(), SourceError> {
        let mut touched = BTreeSet::new();
        for event in events.iter().filter(|event| event.kind == "container" && events::CONTAINER.contains(&event.verb())) {
            // A container that was renamed may have left this part: it is looked at as long as it is known.
            if !self.containers.contains_key(&event.actor.id) && !self.part.holds(&events::container(event)) {
                continue;
            }
            self.remember(event);
            touched.insert(event.actor.id.clone());
        }
        let looked = stream::iter(touched).map(|id| look_again(session, id)).buffer_unordered(session.width());
        let found: Vec<Looked> = looked.try_collect().await?;
        for looked in found {
            match looked {
                Looked::There(container) if self.part.holds(&container) => self.put(session, *container).await?,
                Looked::There(container) => drop(self.containers.remove(&container.id)),
                Looked::Unclear => {}
                Looked::Gone(id) => {
                    self.containers.remove(&id);
                    self.deaths.remove(&id);
                }
            }
        }
        let of_swarm = |event: &Event| event.kind == "service" || event.kind == "node" || !event.attribute("com.docker.swarm.service.id").is_empty();
        if self.swarm.is_some() && events.iter().any(of_swarm) {
            self.swarm = Some(Swarm::read(session).await?);
        }
        Ok(())
    }

    fn remember(&mut self, event: &Event) {
        let id = &event.actor.id;
        match event.verb() {
            "oom" => self.deaths.entry(id.clone()).or_insert(Death { code: 137, oom: true, at: event.at() }).oom = true,
            "die" => {
                let code = event.attribute("exitCode").parse().unwrap_or_default();
                // The engine says `oom` before `die`; what was said of an older run does not count.
                let oom = self.deaths.get(id).is_some_and(|death| death.oom && near(death, event));
                self.deaths.insert(id.clone(), Death { code, oom, at: event.at() });
            }
            _ => {}
        }
    }

    async fn put(&mut self, session: &Session, mut container: Container) -> Result<(), SourceError> {
        if container.run == Run::Running && container.restarts > 0 {
            container.death = self.deaths.get(&container.id).cloned();
        }
        if !container.image_id.is_empty() && !self.digests.contains_key(&container.image_id) {
            let path = format!("/images/{}/json", container.image_id);
            let image: Option<ImageInspected> = session.find(&path).await.or_else(unknown)?;
            self.digests.insert(container.image_id.clone(), image.unwrap_or_default().repo_digests);
        }
        if let Some(digests) = self.digests.get(&container.image_id) {
            container.choose_digest(digests);
        }
        self.containers.insert(container.id.clone(), container);
        Ok(())
    }
}

fn near(death: &Death, event: &Event) -> bool {
    death.at.zip(event.at()).is_none_or(|(oom, die)| die.duration_since(oom).as_secs().abs() < 60)
}

/// An engine that can not tell about one thing can still tell about the others; only a lost connection ends it all.
fn unknown<T>(error: SourceError) -> Result<Option<T>, SourceError> {
    match error {
        SourceError::Unreachable(_) | SourceError::Denied(_) | SourceError::RateLimited { .. } => Err(error),
        SourceError::Protocol(_) | SourceError::NotFound(_) | SourceError::Conflict(_) | SourceError::Unsupported(_) => Ok(None),
    }
}

/// Looks at a listed container; one that can not be looked at stays as the list said, one that is gone is gone.
async fn look(session: &Session, row: Container) -> Result<Option<Container>, SourceError> {
    match inspect(session, &row.id).await {
        Ok(container) => Ok(Some(container)),
        Err(SourceError::NotFound(_)) => Ok(None),
        Err(error) => unknown::<Container>(error).map(|_| Some(row)),
    }
}

/// What came of looking at a container again.
enum Looked {
    There(Box<Container>),
    Gone(String),
    Unclear,
}

async fn look_again(session: &Session, id: String) -> Result<Looked, SourceError> {
    match inspect(session, &id).await {
        Ok(container) => Ok(Looked::There(Box::new(container))),
        Err(SourceError::NotFound(_)) => Ok(Looked::Gone(id)),
        Err(error) => unknown::<()>(error).map(|_| Looked::Unclear),
    }
}

/// One container as it is now.
pub async fn inspect(session: &Session, id: &str) -> Result<Container, SourceError> {
    session.json::<Inspected>(&format!("/containers/{}/json", Session::part(id)?)).await.map(Container::from)
}

/// A stream of batches.
pub type Facts = BoxStream<'static, Result<Batch, SourceError>>;

/// Makes rows of a world.
pub type View<T> = Box<dyn Fn(&World) -> Vec<T> + Send + Sync>;

/// The rows of one noun, as they were last told.
struct Told<T> {
    view: View<T>,
    shown: BTreeMap<Id<T>, T>,
}

/// What a feed tells of a world: all of it, then what has changed.
pub trait Tells: Send {
    /// All rows as one list.
    fn list(&mut self, world: &World) -> Vec<Fact>;
    /// What is not as it was told.
    fn news(&mut self, world: &World) -> Vec<Fact>;
}

/// Tells the rows that `view` makes.
pub fn tells<T>(view: View<T>) -> Box<dyn Tells>
where
    T: Row + Clone + PartialEq + Send + 'static,
    Fact: From<Change<T>>,
{
    Box::new(Told { view, shown: BTreeMap::new() })
}

impl<T> Tells for Told<T>
where
    T: Row + Clone + PartialEq + Send,
    Fact: From<Change<T>>,
{
    fn list(&mut self, world: &World) -> Vec<Fact> {
        self.shown = (self.view)(world).into_iter().map(|row| (row.id().clone(), row)).collect();
        Batch::list(self.shown.values().cloned()).facts
    }

    fn news(&mut self, world: &World) -> Vec<Fact> {
        let rows = (self.view)(world).into_iter().map(|row| (row.id().clone(), row)).collect();
        let changes = difference(&self.shown, &rows);
        self.shown = rows;
        changes.into_iter().map(Fact::from).collect()
    }
}

struct Watch {
    session: Session,
    world: World,
    events: Events,
    tells: Vec<Box<dyn Tells>>,
    poll: Option<Instant>,
}

/// What `tells` of the world behind `opening`, first all of it, then what changes.
pub fn watch(opening: impl Future<Output = Result<Session, SourceError>> + Send + 'static, part: Part, mut tells: Vec<Box<dyn Tells>>) -> Facts {
    let begin = async move {
        let session = opening.await?;
        let world = World::read(&session, part).await?;
        let events = Events::of(&session, &["container", "service", "node"]);
        let poll = world.swarm.is_some().then(|| Instant::now() + swarm::EVERY);
        let list = Batch { facts: tells.iter_mut().flat_map(|one| one.list(&world)).collect(), cursor: None };
        let watch = Watch { session, world, events, tells, poll };
        Ok::<_, SourceError>(stream::once(std::future::ready(Ok(list))).chain(stream::try_unfold(watch, step)))
    };
    stream::once(begin).try_flatten().boxed()
}

async fn step(mut watch: Watch) -> Result<Option<(Batch, Watch)>, SourceError> {
    loop {
        let due = watch.poll;
        tokio::select! {
            heard = watch.events.next() => watch.world.hear(&watch.session, &heard?).await?,
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                watch.world.swarm = Some(Swarm::read(&watch.session).await?);
                watch.poll = Some(Instant::now() + swarm::EVERY);
            }
        }
        let facts: Vec<Fact> = watch.tells.iter_mut().flat_map(|one| one.news(&watch.world)).collect();
        if !facts.is_empty() {
            return Ok(Some((Batch { facts, cursor: None }, watch)));
        }
    }
}

/// What turns the rows `before` into those of `now`.
fn difference<T: Row + Clone + PartialEq>(before: &BTreeMap<Id<T>, T>, now: &BTreeMap<Id<T>, T>) -> Vec<Change<T>> {
    let gone = before.keys().filter(|id| !now.contains_key(id)).map(|id| Change::Remove(id.clone()));
    let new = now.iter().filter(|(id, row)| before.get(id) != Some(row)).map(|(_, row)| Change::Upsert(row.clone()));
    gone.chain(new).collect()
}
