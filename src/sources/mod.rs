//! The back ends: the only room that speaks to a network.
//!
//! A new back end is one file here and one line in [`KINDS`]. The file reads as three paragraphs: private wire structs with
//! only the fields used, `From<wire>` for the nouns, `impl Source`. A source neither formats for the screen nor logs to it, and
//! retries nothing: the supervisor asks again.

pub mod alertmanager;
pub mod ci;
pub mod contexts;
pub mod demo;
mod deployments;
pub mod docker;
pub mod gates;
pub mod generic;
pub mod github;
pub mod gitlab;
pub mod http;
pub mod jenkins;
pub mod kubernetes;
pub mod poll;
pub mod programs;
pub mod prometheus;
mod refusal;
pub mod registry;
mod remote;
pub mod smoke;
mod spec;
mod steps;
pub mod supervise;

use crate::{
    config::{Config, ConfigError, SourceConfig},
    domain::{Answer, Batch, Check, Cursor, Feed, Id, Offers, Operation, Pod, Program, Question, SourceId, Stage, Trouble, Why},
    gate::Warrant,
    text::{Clean, Raw},
};
use futures::{future::BoxFuture, stream::BoxStream};
use jiff::Timestamp;
use std::sync::Arc;

/// A back end.
pub trait Source: Send + Sync + 'static {
    /// Which one it is.
    fn id(&self) -> &SourceId;

    /// What it can do, as far as it knows now; asked again after each connection.
    fn offers(&self) -> Offers;

    /// Facts for as long as it is polled. It ends or errs, and the supervisor asks again from the last cursor.
    fn watch(&self, feed: Feed, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>>;

    /// One answer to one question.
    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>>;

    /// What a change would do here: this back end's own checks, as they are made. Changes nothing.
    fn prepare(&self, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>>;

    /// Carries one operation out, once: tells its stages and ends with what came of it. Never retried by anyone.
    fn act(&self, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>>;

    /// The time by its clock: the wall's, but for a world that has a clock of its own.
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Since when nothing is heard of it, where it knows that itself; else whoever listens says when the last fact came.
    fn lost(&self) -> Option<Timestamp> {
        None
    }

    /// The program that opens a shell in a container, with the person's own terminal and rights; none where there is no such program.
    fn shell(&self, _pod: &Id<Pod>, _container: &Raw) -> Option<Program> {
        None
    }

    /// A cheap sign of life (a TCP connect, `/_ping`), asked every 3 s while a feed is down, so that it is back soon after its return.
    fn probe(&self) -> BoxFuture<'static, bool> {
        Box::pin(async { false })
    }

    /// What else it leads to, as it is found, or why it is not there; until all is found. Most lead to nothing.
    fn leads(&self) -> BoxStream<'static, Made> {
        Box::pin(futures::stream::empty())
    }
}

/// Why a source could not do what it was asked. Each carries words that are already harmless and name the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// It does not answer.
    Unreachable(Clean),
    /// It answers something else than it should.
    Protocol(Clean),
    /// It refuses us.
    Denied(Clean),
    /// It is not there.
    NotFound(Clean),
    /// The world has moved on.
    Conflict(Clean),
    /// It asks us to wait.
    RateLimited {
        /// Until when.
        until: Timestamp,
        /// What it said.
        words: Clean,
    },
    /// It can not do that, and says why.
    Unsupported(Clean),
}

impl SourceError {
    /// The same in the words of the app.
    pub fn why(&self) -> Why {
        let (trouble, words) = match self {
            Self::Unreachable(words) => (Trouble::Unreachable, words),
            Self::Protocol(words) => (Trouble::Protocol, words),
            Self::Denied(words) => (Trouble::Denied, words),
            Self::NotFound(words) => (Trouble::NotFound, words),
            Self::Conflict(words) => (Trouble::Conflict, words),
            Self::RateLimited { words, .. } => (Trouble::RateLimited, words),
            Self::Unsupported(words) => (Trouble::Unsupported, words),
        };
        Why { trouble, words: words.clone() }
    }
}

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.why().words.fmt(f)
    }
}

impl std::error::Error for SourceError {}

/// What a back end needs to know to be made.
pub struct Wish<'a> {
    /// Its own table of the configuration; none when it is tried unasked.
    pub table: Option<&'a SourceConfig>,
    /// The whole configuration, for what several share (services, thresholds).
    pub config: &'a Config,
    /// `--read-only`: no client that can change anything is built.
    pub read_only: bool,
    /// `--context`: these instead of the current one.
    pub contexts: &'a [String],
    /// `--namespace`: only this one.
    pub namespace: Option<&'a str>,
}

/// A source that was made, or one that is known and not dialled.
pub enum Made {
    /// Ready to be watched.
    Source(Arc<dyn Source>),
    /// Ready to be asked, and never watched: it is no system of its own, and nothing lists it.
    Aside(Arc<dyn Source>),
    /// Known (a context of the kubeconfig) and not dialled; making it is one key away.
    Listed(SourceId, Clean),
    /// Configured and unusable, with the reason and the remedy.
    Broken(SourceId, Why),
    /// Another source looks for it ([`Source::leads`]).
    Sought(SourceId),
    /// It was looked for and is not there; the words say what to do.
    Absent(SourceId, Clean),
}

/// Makes the sources of one kind. It must not wait for a network: connecting belongs to `watch`.
pub type Connect = fn(&Wish<'_>) -> Vec<Made>;

/// Dials a source that is only listed; what it leads to may come along.
pub fn dial(id: &SourceId, wish: &Wish<'_>) -> Vec<Made> {
    let dial = DIALS.iter().find(|(kind, _)| *kind == id.kind()).map(|(_, dial)| dial);
    let words = || crate::clean!("{id} can not be connected from here: name it in the configuration");
    dial.map_or_else(|| vec![Made::Broken(id.clone(), Why { trouble: Trouble::Unsupported, words: words() })], |dial| dial(id, wish))
}

/// Makes a source that its kind has listed.
pub type Dial = fn(&SourceId, &Wish<'_>) -> Vec<Made>;

/// The kinds that list sources without dialling them.
pub const DIALS: &[(&str, Dial)] = &[("demo", demo::dial), ("kubernetes", kubernetes::dial)];

/// Looks at the table of a source before anything is dialled: all that is wrong with it, each at its value.
pub type CheckTable = fn(&SourceConfig) -> Vec<ConfigError>;

/// What is wrong with the tables of sources, by kind.
pub fn check(config: &Config) -> Vec<ConfigError> {
    let of = |source: &SourceConfig| CHECKS.iter().find(|(kind, _)| *kind == source.kind()).map(|(_, check)| check(source));
    config.sources.iter().filter_map(of).flatten().collect()
}

/// The checks of the kinds.
pub const CHECKS: &[(&str, CheckTable)] = &[
    ("demo", demo::check),
    ("kubernetes", kubernetes::check),
    ("docker", docker::check),
    ("alertmanager", alertmanager::check),
    ("prometheus", prometheus::check),
    ("github", github::check),
    ("jenkins", jenkins::check),
    ("gitlab", gitlab::check),
    ("tekton", kubernetes::tekton::check),
    ("http", generic::check),
];

/// Every kind of back end, by its name in the configuration.
pub const KINDS: &[(&str, Connect)] = &[
    ("demo", demo::connect),
    ("kubernetes", kubernetes::connect),
    ("docker", docker::connect),
    ("alertmanager", alertmanager::connect),
    ("prometheus", prometheus::connect),
    ("github", github::connect),
    ("jenkins", jenkins::connect),
    ("gitlab", gitlab::connect),
    ("tekton", kubernetes::tekton::connect),
    ("http", generic::connect),
];
