//! What an engine tells as it happens.

use super::{
    container::{Container, Death},
    engine::{Session, filters, stamp},
    rows,
    wire::Event,
    world::Facts,
};
use crate::{
    clean,
    domain::{Batch, Change, Happening, Id, Place, Scope, SourceId},
    sources::SourceError,
    text::{Clean, Name, Raw},
};
use bytes::Bytes;
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream, Peekable, ReadyChunks},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    time::Duration,
};

/// What can happen to a container that changes how it is. The rest (`exec_*` of health checks, `attach`, `top`) is noise.
pub const CONTAINER: &[&str] = &[
    "create",
    "start",
    "restart",
    "die",
    "kill",
    "stop",
    "pause",
    "unpause",
    "oom",
    "health_status",
    "rename",
    "update",
    "destroy",
    "remove",
    "died",
    "cleanup",
];
/// The same for a request: an engine of Docker sends nothing else then. Podman has words of its own, and gets no such filter.
const ASKED: &[&str] =
    &["create", "start", "restart", "die", "kill", "stop", "pause", "unpause", "oom", "health_status", "rename", "update", "destroy", "remove"];
/// How often a far engine is asked whether it is still there while it says nothing.
const QUIET: Duration = Duration::from_secs(30);
/// How many events are taken in at once.
const TOGETHER: usize = 256;
/// The longest event that is read.
const LONGEST: usize = 1 << 20;
/// From how long ago on happenings are told.
const BACK: SignedDuration = SignedDuration::from_hours(1);
/// How long the telling of them may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many happenings are kept.
const KEPT: usize = 500;

/// Reads JSON objects that follow each other, with or without line ends and record separators between them.
#[derive(Default)]
pub struct Sequence {
    rest: Vec<u8>,
}

impl Sequence {
    /// The events that `bytes` complete. Objects that are no event are passed over.
    ///
    /// # Errors
    /// What is no JSON, and what is too long to be an event.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, SourceError> {
        self.rest.extend(bytes.iter().copied().filter(|byte| *byte != 0x1e));
        let mut objects = serde_json::Deserializer::from_slice(&self.rest).into_iter::<serde_json::Value>();
        let (mut events, mut read) = (Vec::new(), 0);
        for object in objects.by_ref() {
            match object {
                Ok(object) => events.extend(serde_json::from_value(object)),
                Err(error) if error.is_eof() => break,
                Err(_) => return Err(SourceError::Protocol("the engine's events can not be read".into())),
            }
        }
        read = objects.byte_offset().max(read);
        self.rest.drain(..read);
        if self.rest.len() > LONGEST {
            return Err(SourceError::Protocol("the engine sent an event that does not end".into()));
        }
        Ok(events)
    }
}

type Chunks = Peekable<ReadyChunks<BoxStream<'static, Result<Bytes, SourceError>>>>;

/// The events of an engine from when it was reached on.
pub struct Events {
    session: Session,
    chunks: Pin<Box<Chunks>>,
    sequence: Sequence,
}

impl Events {
    /// What happens to objects of these kinds from when the session began on.
    pub fn of(session: &Session, kinds: &[&str]) -> Self {
        let path = format!("/events?since={}&filters={}", stamp(session.since()), wanted(session, kinds));
        Self { session: session.clone(), chunks: Box::pin(session.stream(&path).ready_chunks(TOGETHER).peekable()), sequence: Sequence::default() }
    }

    /// The next events, as many as are there. Dropping the future loses none.
    ///
    /// # Errors
    /// When the engine has ended the stream, which it does only when it goes, or no longer answers.
    pub async fn next(&mut self) -> Result<Vec<Event>, SourceError> {
        loop {
            if self.session.silent() {
                while tokio::time::timeout(QUIET, self.chunks.as_mut().peek()).await.is_err() {
                    self.session.ping().await?;
                }
            }
            let Some(chunk) = self.chunks.next().await else {
                return Err(SourceError::Unreachable(clean!("{} ended its events: the engine was stopped or restarted", self.session.place())));
            };
            let mut events = Vec::new();
            for bytes in chunk {
                events.extend(self.sequence.feed(&bytes?)?);
            }
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }
}

fn wanted(session: &Session, kinds: &[&str]) -> String {
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let kinds = ("type", list(kinds));
    if session.hello.podman { filters([kinds]) } else { filters([kinds, ("event", list(ASKED))]) }
}

/// What happened in the last hour, as far back as the engine remembers, oldest first.
pub async fn past(session: &Session) -> Result<Vec<Event>, SourceError> {
    let now = session.since();
    let path = format!("/events?since={}&until={}&filters={}", stamp(now - BACK), stamp(now), wanted(session, &["container"]));
    let mut parts = session.stream(&path);
    let over = tokio::time::Instant::now() + PATIENCE;
    let mut sequence = Sequence::default();
    let mut events = Vec::new();
    while let Ok(Some(bytes)) = tokio::time::timeout_at(over, parts.next()).await {
        events.extend(sequence.feed(&bytes?)?);
    }
    Ok(events)
}

/// What an event tells of its container: name, image and labels.
pub fn container(event: &Event) -> Container {
    Container {
        id: event.actor.id.clone(),
        name: event.attribute("name").to_owned(),
        image: event.attribute("image").to_owned(),
        labels: event.actor.attributes.clone(),
        ..Container::default()
    }
}

fn workload_key(event: &Event) -> Option<String> {
    rows::workload_key(&container(event))
}

/// Happenings, one for each kind of thing that happens to each container; what happens again counts.
#[derive(Default)]
pub struct Happened {
    rows: BTreeMap<Id<Happening>, Happening>,
    order: VecDeque<Id<Happening>>,
    oom: BTreeMap<String, Timestamp>,
}

impl Happened {
    /// Takes `event` in, and says what changes.
    pub fn take(&mut self, source: &SourceId, host: &str, scope: &Scope, event: &Event) -> Vec<Change<Happening>> {
        if event.kind != "container" || !CONTAINER.contains(&event.verb()) || !in_scope(source, scope, event) {
            return Vec::new();
        }
        let mut row = self.row(source, host, event);
        if let Some(before) = self.rows.get(&row.id) {
            row.count = before.count + 1;
        }
        self.order.retain(|id| *id != row.id);
        self.order.push_back(row.id.clone());
        self.rows.insert(row.id.clone(), row.clone());
        let mut changes = vec![Change::Upsert(row)];
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.rows.remove(&oldest);
            changes.push(Change::Remove(oldest));
        }
        changes
    }

    /// All of them, oldest first.
    pub fn rows(&self) -> Vec<Happening> {
        self.order.iter().filter_map(|id| self.rows.get(id).cloned()).collect()
    }

    fn row(&mut self, source: &SourceId, host: &str, event: &Event) -> Happening {
        let id = &event.actor.id;
        if let ("oom", Some(at)) = (event.verb(), event.at()) {
            self.oom.insert(id.clone(), at);
        }
        let oom = event.verb() == "die" && self.oom.remove(id).is_some();
        let (warning, message) = told(event, oom);
        let namespace = ["com.docker.compose.project", "com.docker.stack.namespace"].map(|key| event.attribute(key)).into_iter().find(|text| !text.is_empty());
        Happening {
            id: Id::new(source, &format!("happening/{id}/{}{}", event.verb(), event.detail())),
            place: Place::new(host, namespace.unwrap_or_default()),
            kind: Name::new("container"),
            object: Name::new(event.attribute("name")),
            uid: Raw::new(id),
            field: Clean::EMPTY,
            warning,
            reason: Clean::from_untrusted(event.verb()),
            message,
            count: 1,
            at: event.at(),
        }
    }
}

fn in_scope(source: &SourceId, scope: &Scope, event: &Event) -> bool {
    match scope {
        Scope::All => workload_key(event).is_some(),
        Scope::Namespace(namespace) => {
            event.attribute("com.docker.compose.project") == namespace.expose() || event.attribute("com.docker.stack.namespace") == namespace.expose()
        }
        Scope::Workload(workload) => workload_key(event).is_some_and(|key| Id::new(source, &key) == *workload),
    }
}

/// Whether it warns, and what happened in a sentence.
fn told(event: &Event, oom: bool) -> (bool, Clean) {
    let image = event.attribute("image");
    match (event.verb(), event.detail()) {
        ("die" | "died", _) => {
            let code = event.attribute("exitCode").parse().unwrap_or_default();
            (code != 0, Death { code, oom, at: None }.words())
        }
        ("oom", _) => (true, "the kernel ended a process: the memory limit was reached".into()),
        ("health_status", health) => (health == "unhealthy", clean!("the health check says {health}")),
        ("kill", _) => (false, clean!("signal {} was sent", event.attribute("signal"))),
        ("create", _) => (false, clean!("made from {image}")),
        ("start", _) => (false, clean!("started with {image}")),
        ("restart", _) => (false, "restarted".into()),
        ("stop", _) => (false, "stopped".into()),
        ("rename", _) => (false, clean!("was called {} before", event.attribute("oldName").trim_start_matches('/'))),
        ("destroy" | "remove", _) => (false, "removed".into()),
        (verb, _) => (false, Clean::from_untrusted(verb)),
    }
}

/// The feed of what happens in a scope: the last hour as the engine remembers it, then live.
pub fn happenings(source: SourceId, scope: Scope, opening: impl Future<Output = Result<Session, SourceError>> + Send + 'static) -> Facts {
    let begin = async move {
        let session = opening.await?;
        let mut happened = Happened::default();
        let host = session.hello.host.clone();
        for event in past(&session).await? {
            happened.take(&source, &host, &scope, &event);
        }
        let list = Batch::list(happened.rows());
        let events = Events::of(&session, &["container"]);
        let live = stream::try_unfold((events, happened), move |(mut events, mut happened)| {
            let (source, scope, host) = (source.clone(), scope.clone(), host.clone());
            async move {
                let heard = events.next().await?;
                let changes: Vec<_> = heard.iter().flat_map(|event| happened.take(&source, &host, &scope, event)).collect();
                Ok(Some((Batch::of(changes), (events, happened))))
            }
        });
        Ok(stream::once(std::future::ready(Ok(list))).chain(live))
    };
    stream::once(begin).try_flatten().boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn event(action: &str, id: &str, attributes: serde_json::Value, second: i64) -> Event {
        serde_json::from_value(json!({ "Type": "container", "Action": action, "Actor": { "ID": id, "Attributes": attributes }, "time": second, "timeNano": second * 1_000_000_000 })).unwrap()
    }

    #[test]
    fn what_happens_again_counts_and_names_its_exit_code() {
        let source = SourceId::new("docker");
        let mut happened = Happened::default();
        let about =
            json!({ "name": "shop-web-1", "image": "web:1", "exitCode": "137", "com.docker.compose.project": "shop", "com.docker.compose.service": "web" });
        for second in [1_800_000_000, 1_800_000_010] {
            happened.take(&source, "h", &Scope::All, &event("oom", "c1", about.clone(), second));
            happened.take(&source, "h", &Scope::All, &event("die", "c1", about.clone(), second + 1));
        }
        happened.take(&source, "h", &Scope::All, &event("exec_start: /bin/check", "c1", about.clone(), 1_800_000_020));
        let rows = happened.rows();
        assert_eq!(rows.len(), 2);
        let died = &rows[1];
        assert_eq!((&*died.reason, &*died.message, died.count, died.warning), ("die", "exit 137 (OOM)", 2, true));
        assert_eq!(died.place, Place::new("h", "shop"));
    }

    #[test]
    fn a_scope_holds_only_its_own() {
        let source = SourceId::new("docker");
        let of =
            |scope: &Scope, attributes: serde_json::Value| Happened::default().take(&source, "h", scope, &event("start", "c", attributes, 1_800_000_000)).len();
        let web = json!({ "name": "x", "com.docker.compose.project": "shop", "com.docker.compose.service": "web" });
        let workload = Scope::Workload(Id::new(&source, "compose/shop/web"));
        assert_eq!((of(&workload, web.clone()), of(&workload, json!({ "name": "x" }))), (1, 0));
        assert_eq!((of(&Scope::Namespace(Raw::new("shop")), web), of(&Scope::Namespace(Raw::new("shop")), json!({ "name": "x" }))), (1, 0));
        assert_eq!(of(&Scope::All, json!({ "name": "k8s_x", "io.kubernetes.pod.name": "x" })), 0, "others show it");
    }

    #[test]
    fn happenings_are_bounded() {
        let source = SourceId::new("docker");
        let mut happened = Happened::default();
        let removed = (0..KEPT + 3)
            .flat_map(|n| happened.take(&source, "h", &Scope::All, &event("start", &format!("c{n}"), json!({ "name": format!("n{n}") }), 1_800_000_000)));
        assert_eq!(removed.filter(|change| matches!(change, Change::Remove(_))).count(), 3);
        assert_eq!(happened.rows().len(), KEPT);
    }

    #[test]
    fn health_is_told_behind_its_colon() {
        let row = event("health_status: unhealthy", "c", json!({ "name": "web" }), 1_800_000_000);
        assert_eq!((row.verb(), row.detail()), ("health_status", "unhealthy"));
        assert_eq!(told(&row, false), (true, "the health check says unhealthy".into()));
    }

    proptest! {
        #[test]
        fn events_are_read_wherever_the_stream_is_cut(cuts in prop::collection::vec(1usize..40, 0..30), marks in prop::collection::vec(0u8..3, 5)) {
            let objects: Vec<String> = (0..5).map(|n| json!({ "Type": "container", "Action": format!("a{n}"), "Actor": { "ID": "é\u{1f600}" } }).to_string()).collect();
            let mut whole = Vec::new();
            for (object, mark) in objects.iter().zip(marks) {
                match mark { 0 => {}, 1 => whole.push(0x1e), _ => whole.extend(b"\r\n") }
                whole.extend(object.as_bytes());
            }
            let (mut sequence, mut got, mut rest) = (Sequence::default(), Vec::new(), &whole[..]);
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                got.extend(sequence.feed(now).unwrap());
                rest = later;
            }
            let actions: Vec<String> = got.iter().map(|event| event.action.clone()).collect();
            prop_assert_eq!(actions, ["a0", "a1", "a2", "a3", "a4"]);
        }
    }
}
