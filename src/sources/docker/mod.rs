//! Docker, Podman's Docker-compatible service, and a swarm's services where the engine manages one. `kind = "docker"`.
//!
//! ```toml
//! [[source]]
//! kind = "docker"
//! host = "ssh://ops@shop-1"     # or unix:///path, tcp://host:port; or context = "shop" instead
//! ca = "/etc/docker/ca.pem"     # TLS; with cert and key where the engine wants to know us
//! ```
//!
//! Without configuration the engine is taken that Docker's own command line would take ([`place`]); where there is none, there is no source.
//! The source is called `docker` for an engine of this machine and `docker/NAME` for others: the name from the configuration, else the context, else the host.
//!
//! Containers of a compose service are one workload, others are one each; containers of Kubernetes pods are left to their cluster. One
//! thing is changed from here: a service is taken back, of a swarm ([`swarm::act`]), of compose, or a container alone ([`recreate`]).

mod answers;
mod container;
mod engine;
mod events;
mod fault;
mod logs;
mod place;
mod recreate;
mod rows;
mod ssh;
mod stats;
mod swarm;
mod wire;
mod world;
mod yaml;

use super::{Made, Source, SourceError, Wish, steps};
use crate::{
    clean,
    config::{ConfigError, SourceConfig},
    domain::{Answer, Batch, Check, Cursor, Feed, FeedKind, Id, LogTarget, Offers, Operation, Question, Scope, SourceId, Stage, Trouble, Verb, Why, Workload},
    gate::Warrant,
    text::Clean,
};
use engine::{Engine, Session};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use logs::Memories;
use place::{Address, Fault, Found, Settings, Shell};
use std::sync::Arc;
use swarm::history;
use world::Part;

/// Makes the source of one engine: the configured one, else the one that Docker's own command line would take, else none.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    let shell = Shell::here();
    match wish.table {
        Some(table) => vec![of_table(table, &shell, wish.read_only)],
        None => match place::found(&shell) {
            Ok(found) => found.into_iter().map(|found| made(found, None, wish.read_only)).collect(),
            Err(fault) => vec![Made::Broken(SourceId::new("docker"), denied(clean!("{}: {}", fault.key, fault.what)))],
        },
    }
}

/// What is wrong with its table. Where an engine is may depend on this machine; that is told when it is made.
pub fn check(source: &SourceConfig) -> Vec<ConfigError> {
    let (settings, mut errors) = source.read_partly::<Settings>();
    let named = settings.filter(|settings| settings.host.is_some());
    errors.extend(named.and_then(|settings| place::configured(&settings, &Shell::default()).err()).map(|fault| source.error(fault.key, &fault.what)));
    errors
}

fn of_table(table: &SourceConfig, shell: &Shell, read_only: bool) -> Made {
    let given = table.name().map(|name| name.clean().to_string());
    let broken = |words: Clean| Made::Broken(id(given.as_deref()), denied(words));
    let settings = match table.read::<Settings>() {
        Ok(settings) => settings,
        Err(errors) => return broken(clean!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))),
    };
    match place::configured(&settings, shell) {
        Ok(found) => made(found, given.as_deref(), read_only),
        Err(Fault { key, what }) => broken(clean!("{}", table.error(key, &what))),
    }
}

fn denied(words: Clean) -> Why {
    Why { trouble: Trouble::Denied, words }
}

fn made(found: Found, given: Option<&str>, read_only: bool) -> Made {
    let id = id(given.or(found.name.as_deref()));
    Made::Source(Arc::new(Docker { id, engine: Arc::new(Engine::new(found.address)), memories: Memories::default(), read_only }))
}

/// `docker`, or `docker/NAME`. The mark that separates an id from its source can not be a part of it.
fn id(name: Option<&str>) -> SourceId {
    name.map_or_else(|| SourceId::new("docker"), |name| SourceId::new(&clean!("docker/{}", name.replace('#', "-"))))
}

/// One engine as a source.
struct Docker {
    id: SourceId,
    engine: Arc<Engine>,
    memories: Memories,
    read_only: bool,
}

impl Docker {
    /// Reaches the engine anew, as every feed does when it begins.
    fn opening(&self) -> impl Future<Output = Result<Session, SourceError>> + Send + 'static {
        let engine = self.engine.clone();
        async move { engine.open().await }
    }
}

const FEEDS: [FeedKind; 5] = [FeedKind::Workloads, FeedKind::Pods, FeedKind::Happenings, FeedKind::Stats, FeedKind::Logs];

/// A service of a swarm that another node manages.
fn not_manager() -> SourceError {
    SourceError::Unsupported(Clean::from_static("this node does not manage its swarm: name a manager as `host`"))
}

fn only_back() -> SourceError {
    SourceError::Unsupported(Clean::from_static("of Docker a service can only be taken back"))
}

/// Whether a swarm keeps it, here or elsewhere.
fn of_swarm(workload: &Id<Workload>) -> bool {
    workload.key().starts_with("service/")
}

fn no_such_feed(feed: &str) -> SourceError {
    SourceError::Unsupported(clean!("a Docker engine has no {feed}"))
}

impl Source for Docker {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn offers(&self) -> Offers {
        let mut offers = Offers { feeds: FEEDS.into(), ..Offers::default() };
        if let Address::Plain(host) = self.engine.address() {
            offers.warnings.push(clean!("tcp://{host} has no TLS: whoever reaches that port is root there"));
        }
        if let Some(hello) = self.engine.hello() {
            offers.verbs.insert(Verb::RollBack);
            if hello.podman {
                offers.lacks.push(clean!("Podman {}: no swarm, and health of containers only where it says so", hello.version));
            } else if !hello.node.is_empty() && !hello.manager {
                offers.lacks.push(Clean::from_static("this node is no manager of its swarm: only its own tasks are seen; name a manager as `host`"));
            }
        }
        offers
    }

    fn watch(&self, feed: Feed, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        let (source, opening) = (self.id.clone(), self.opening());
        match feed {
            Feed::Workloads => {
                let (part, of) = (Part::of(&source, &Scope::All), source.clone());
                let revisions = world::tells(Box::new(move |world| rows::revisions(&of, world)));
                world::watch(opening, part, vec![world::tells(Box::new(move |world| rows::workloads(&source, world))), revisions])
            }
            Feed::Pods(scope) => {
                let part = Part::of(&source, &scope);
                world::watch(opening, part, vec![world::tells(Box::new(move |world| rows::pods(&source, world, &scope)))])
            }
            Feed::Happenings(scope) => events::happenings(source, scope, opening),
            Feed::Stats(workload) => stats::stats(source, workload, opening),
            Feed::Logs(LogTarget::Pod { pod, previous: true, .. }) => logs::previous(opening, source, pod),
            Feed::Logs(target) => logs::follow(opening, source, target, self.memories.take(after.as_ref())),
            Feed::Nodes | Feed::Holds => refused(no_such_feed("nodes")),
            Feed::Runs | Feed::Jobs(_) => refused(no_such_feed("CI runs")),
            Feed::Alerts | Feed::Rules => refused(no_such_feed("alerts")),
            Feed::Samples => refused(no_such_feed("metrics of services")),
        }
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        let (source, engine) = (self.id.clone(), self.engine.clone());
        async move {
            let session = match &question {
                Question::Explain(_) => engine.open().await?,
                _ => engine.session().await?,
            };
            match question {
                Question::Yaml(workload) => answers::yaml(&session, &workload).await,
                Question::PodYaml(pod) => answers::pod_yaml(&session, &pod).await,
                Question::Explain(workload) => answers::explain(&session, &source, &workload).await,
                Question::Subject(workload) => match logs::service(&session, &workload) {
                    Some(service) => history::subject(&session, &workload, service).await,
                    None if of_swarm(&workload) => Err(not_manager()),
                    None => recreate::subject(&session, &workload).await,
                },
                Question::Revisions(workload) => match logs::service(&session, &workload) {
                    Some(service) => history::answer(&session, &source, service).await,
                    None if of_swarm(&workload) => Err(not_manager()),
                    None => recreate::answer(&session, &source, &workload).await,
                },
                Question::Run { .. } | Question::Tail(_) | Question::Report { .. } | Question::Older { .. } => {
                    Err(SourceError::Unsupported("an engine knows no runs of a CI".into()))
                }
                Question::Redeployed { .. } => Err(SourceError::Unsupported("an engine deploys nothing by itself".into())),
                Question::Keeper { .. } => Err(SourceError::Unsupported("nothing keeps what an engine runs".into())),
                Question::Awaited { .. } => Err(SourceError::Unsupported("an engine waits for none of its containers".into())),
                Question::Templates { workload, templates } => recreate::known(&session, &source, &workload, &templates).await,
                Question::Window(_) | Question::Memory { .. } | Question::RuleState { .. } | Question::Smoke { .. } | Question::Origin(_) => {
                    Err(no_such_feed("metrics of services"))
                }
            }
        }
        .boxed()
    }

    fn prepare(&self, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        match operation.verb {
            Verb::RollBack if of_swarm(&operation.subject) => swarm::act::prepare(self.opening(), operation),
            Verb::RollBack => recreate::prepare(self.opening(), operation),
            _ => refused(only_back()),
        }
    }

    fn act(&self, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        if self.read_only {
            return stream::iter([Ok(steps::read_only())]).boxed();
        }
        match warrant.operation().verb {
            Verb::RollBack if of_swarm(&warrant.operation().subject) => swarm::act::carry_out(self.opening(), warrant),
            Verb::RollBack => recreate::carry_out(self.opening(), warrant),
            _ => refused(only_back()),
        }
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        let engine = self.engine.clone();
        async move { engine.alive().await }.boxed()
    }
}

fn refused<T: Send + 'static>(error: SourceError) -> BoxStream<'static, Result<T, SourceError>> {
    stream::once(std::future::ready(Err(error))).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(made: Made) -> Arc<dyn Source> {
        match made {
            Made::Source(source) | Made::Aside(source) => source,
            Made::Listed(id, words) => panic!("{id}: {words}"),
            Made::Broken(id, why) => panic!("{id}: {why:?}"),
            Made::Sought(id) | Made::Absent(id, _) => panic!("{id}: nobody looked for it"),
        }
    }

    fn table(text: &str) -> SourceConfig {
        SourceConfig::from_toml(&format!("kind = \"docker\"\n{text}")).unwrap()
    }

    #[test]
    fn a_source_is_called_by_its_name_its_context_or_its_host() {
        let shell = Shell::default();
        let of = |text: &str| source(of_table(&table(text), &shell, false)).id().to_string();
        assert_eq!(of("host = \"tcp://shop-1:2375\""), "docker/shop-1");
        assert_eq!(of("host = \"tcp://shop-1:2375\"\nname = \"shop\""), "docker/shop");
        assert_eq!(of("host = \"unix:///run/user/1000/docker.sock\""), "docker");
        assert_eq!(of("host = \"unix:///run/second.sock\""), "docker/second");
        assert_eq!(of(""), "docker");
    }

    #[test]
    fn what_is_wrong_with_the_configuration_is_told_with_its_place() {
        for (text, words) in [
            ("hosts = \"x\"", "hosts"),
            ("host = \"docker\"", "unix:///path"),
            ("host = \"tcp://a\"\ncontext = \"b\"", "keep one"),
            ("context = \"none-such\"", "docker context ls"),
        ] {
            let Made::Broken(_, why) = of_table(&table(text), &Shell::default(), false) else { panic!("{text}") };
            assert!(why.words.contains(words) && why.trouble == Trouble::Denied, "{}", why.words);
        }
    }

    #[tokio::test]
    async fn nothing_is_changed_and_nothing_is_offered() {
        let docker = source(of_table(&table("host = \"unix:///nonexistent/x.sock\""), &Shell::default(), false));
        assert!(docker.offers().verbs.is_empty());
        assert!(!docker.probe().await);
        let error = docker.watch(Feed::Workloads, None).next().await.unwrap().unwrap_err();
        assert!(matches!(&error, SourceError::Unreachable(words) if words.contains("/nonexistent/x.sock")), "{error}");
    }
}
