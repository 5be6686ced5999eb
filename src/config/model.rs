//! What the configuration says, as types: the four tables of settings, and the lists.

use super::{
    Credential, Database,
    gates::{GateName, RepositoryGates},
    read::Fault,
    source,
    values::{Address, AutomaticName, Glyphs, JournalUrl, Notify, Period, Ratio, TierName, Times},
};
use crate::{
    domain::{Environment, EnvironmentRule, Match},
    text::Name,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};
use toml::Spanned;

/// A table of settings with its built-in values, and the same with every field optional to lay over it.
macro_rules! settings {
    ($(#[$doc:meta])* $name:ident, $over:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty = $value:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$fdoc])* pub $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $value,)* }
            }
        }

        $(#[$doc])*
        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $over { $($(#[$fdoc])* $field: Option<$type>,)* }

        impl $name {
            pub(super) fn lay(&mut self, over: $over) {
                $(if let Some(value) = over.$field { self.$field = value; })*
            }
        }
    };
}

settings! {
    /// From which value on a measure is trouble.
    Thresholds, ThresholdsOver {
        /// Part of the requests that fail.
        error_rate: Ratio = Ratio(0.05),
        /// The slowest one percent of the requests.
        latency: Period = Period::seconds(10),
        /// Part of the CPU limit.
        cpu: Ratio = Ratio(0.80),
        /// Part of the memory limit.
        memory: Ratio = Ratio(0.85),
        /// Part of the volume.
        disk: Ratio = Ratio(0.90),
    }
}

settings! {
    /// What a run must show before its release counts as checked.
    Gates, GatesOver {
        /// Part of the lines that tests reach.
        coverage: Ratio = Ratio(0.80),
        /// The gates that a run must have: one that has no job is told as missing.
        required: Vec<GateName> = vec![GateName::Build, GateName::Security, GateName::Deploy],
        /// Names of jobs, or parts of them, that count for the build.
        build: Vec<String> = Vec::new(),
        /// Names of jobs, or parts of them, that are security checks.
        security: Vec<String> = ["trivy", "codeql", "gitleaks", "dependency-check"].map(String::from).to_vec(),
        /// Names of jobs, or parts of them, that count for the deployment.
        deploy: Vec<String> = Vec::new(),
        /// Names of jobs, or parts of them, that count for no gate.
        none: Vec<String> = Vec::new(),
        /// Repositories with rules of their own.
        repository: Vec<RepositoryGates> = Vec::new(),
    }
}

settings! {
    /// What is asked of images.
    Images, ImagesOver {
        /// The registries, with `*` and `?`, that are asked where an image comes from; an empty list asks none.
        registries: Vec<String> = vec!["*".into()],
    }
}

/// Where what was done is written down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journal {
    /// `file`, or `postgresql://user@host/database`.
    pub url: JournalUrl,
    /// Where the password of the database is.
    pub password: Option<Credential>,
}

/// Where what was done is written down.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JournalOver {
    /// `file`, or `postgresql://user@host/database`.
    #[schemars(with = "Option<String>")]
    url: Option<JournalUrl>,
    /// The variable that holds the database's password.
    #[schemars(with = "Option<String>")]
    password_env: Option<Spanned<String>>,
    /// The program that prints it, without a shell.
    #[schemars(with = "Option<Vec<String>>")]
    password_command: Option<Spanned<Vec<String>>>,
    /// The file that holds it.
    #[schemars(with = "Option<String>")]
    password_file: Option<Spanned<PathBuf>>,
}

impl Journal {
    pub(super) fn lay(&mut self, over: JournalOver, faults: &mut Vec<Fault>) {
        if let Some(url) = over.url {
            self.url = url;
        }
        if let Some(password) = source::credential(over.password_env.as_ref(), over.password_command.as_ref(), over.password_file.as_ref(), faults) {
            self.password = Some(password);
        }
    }

    /// The database that keeps it, with the place of its password; none where a file does.
    pub fn database(&self) -> Option<Database> {
        match &self.url {
            JournalUrl::File => None,
            JournalUrl::Postgres(database) => Some(database.with_password(self.password.clone())),
        }
    }
}

settings! {
    /// How it looks and rings.
    Ui, UiOver {
        /// A built-in theme, one of the theme directory, or `auto`: what the terminal can show.
        theme: String = "auto".into(),
        /// Which characters are drawn.
        glyphs: Glyphs = Glyphs::Auto,
        /// Whether the mouse is heard; then the terminal's own selection needs shift.
        mouse: bool = false,
        /// How times are shown; a key cycles them.
        times: Times = Times::Age,
        /// How a watch rings.
        notify: Notify = Notify::Bell,
        /// The program that is told, with the words as its last argument, whenever the console rings and when a rollback without a screen ends.
        notify_command: Vec<String> = Vec::new(),
        /// Fewer requests than this in a window are too little traffic to judge errors.
        min_requests: u64 = 100,
    }
}

/// One `[[environment]]` as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentTable {
    /// What it is called.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// How strict it is; where this is silent, names are read.
    tier: Option<TierName>,
    /// Where it is: the first environment with an element that holds wins.
    #[serde(default, rename = "match")]
    #[schemars(with = "Vec<MatchTable>")]
    matches: Vec<Spanned<MatchTable>>,
    /// Nothing opens it from the console.
    #[serde(default)]
    locked: bool,
    /// Changes are allowed over a connection whose certificate is not verified.
    #[serde(default)]
    allow_insecure_writes: bool,
    /// What happens when a release goes bad.
    #[serde(default)]
    rollback: RollbackTable,
}

/// `rollback = { … }` of an environment.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RollbackTable {
    /// `off`; `prepare`: the plan is ready to be confirmed; `execute`: `pilothouse verify --auto-rollback` carries it out without a person.
    #[serde(default)]
    automatic: AutomaticName,
    /// How long a release must have been found bad before it is taken back without a person.
    settle: Option<Period>,
}

/// One element of `match`: all that it names must hold. Texts may have `*` and `?`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MatchTable {
    /// The source, as in `kubernetes/prod-eu`.
    source: Option<String>,
    /// The kubeconfig context or Docker host.
    context: Option<String>,
    /// The namespace.
    namespace: Option<String>,
    /// The compose project or the project of a CI.
    project: Option<String>,
    /// Labels that the row must have.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl From<MatchTable> for Match {
    fn from(t: MatchTable) -> Self {
        Self { source: t.source, context: t.context, namespace: t.namespace, project: t.project, labels: t.labels.into_iter().collect() }
    }
}

impl EnvironmentTable {
    pub fn rule(self, faults: &mut Vec<Fault>) -> EnvironmentRule {
        let one = |m: Spanned<MatchTable>| {
            let (span, m) = (m.span(), Match::from(m.into_inner()));
            if m.is_empty() {
                faults.push(Fault::new(span, "this would match everything; name a source, context, namespace, project or labels"));
            }
            m
        };
        EnvironmentRule {
            name: Name::new(self.name.get_ref()),
            tier: self.tier.map(Into::into),
            matches: self.matches.into_iter().map(one).collect(),
            locked: self.locked,
            allow_insecure_writes: self.allow_insecure_writes,
            automatic: self.rollback.automatic.into(),
            settle: self.rollback.settle.map_or(Environment::SETTLE, |period| period.0),
        }
    }
}

/// What the configuration knows of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// What it is called everywhere.
    pub name: Name,
    /// Labels whose rows are this service.
    pub labels: Vec<(String, String)>,
    /// The repository whose runs are this service's, as in `acme/cart`.
    pub repository: Option<String>,
    /// The services it needs.
    pub depends_on: Vec<Name>,
    /// Requests that must succeed when a release is verified.
    pub smoke: Vec<Smoke>,
    /// A query for the part of requests that fail; `$window` stands for the window.
    pub error_rate: Option<String>,
    /// A query for the latency in seconds.
    pub latency: Option<String>,
}

/// A request that must succeed. It is sent without credentials, and a redirect is an answer like any other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smoke {
    /// Where to.
    pub url: Address,
    /// The environment whose releases it tries; every one where this is silent.
    pub environment: Option<String>,
    /// The status that is expected.
    #[serde(default = "ok")]
    pub status: u16,
    /// The longest it may take, at most 15 s.
    #[serde(default = "soon")]
    pub within: Period,
}

impl Smoke {
    /// Whether it tries releases of this environment.
    pub fn tries(&self, environment: &Name) -> bool {
        self.environment.as_deref().is_none_or(|own| own == environment.raw())
    }

    fn faults(of: &Spanned<Self>) -> Vec<Fault> {
        let fault = |what: &str| Fault::new(of.span(), what);
        let status = (!(100..600).contains(&of.get_ref().status)).then(|| fault("a status is a number from 100 to 599"));
        let within = (of.get_ref().within > LONGEST || of.get_ref().within == Period::seconds(0))
            .then(|| fault("a smoke request takes more than nothing and at most 15 s"));
        status.into_iter().chain(within).collect()
    }
}

/// The longest that a smoke request may take.
const LONGEST: Period = Period::seconds(15);

const fn ok() -> u16 {
    200
}

const fn soon() -> Period {
    Period::seconds(2)
}

/// One `[[service]]` as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceTable {
    /// What it is called everywhere.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// What else is this service.
    #[serde(default, rename = "match")]
    matches: ServiceMatch,
    /// The services it needs.
    #[serde(default)]
    depends_on: Vec<String>,
    /// Requests that must succeed when a release is verified.
    #[serde(default)]
    #[schemars(with = "Vec<Smoke>")]
    smoke: Vec<Spanned<Smoke>>,
    /// A query for the part of requests that fail; `$window` stands for the window.
    error_rate: Option<String>,
    /// A query for the latency in seconds.
    latency: Option<String>,
}

/// `match = { … }` of a service.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ServiceMatch {
    /// A label, as in `app.kubernetes.io/name=cart`.
    #[schemars(with = "Option<String>")]
    label: Option<Spanned<String>>,
    /// The repository whose runs are this service's, as in `acme/cart`.
    repository: Option<String>,
}

impl ServiceTable {
    pub fn service(self, faults: &mut Vec<Fault>) -> Service {
        let label = self.matches.label.and_then(|label| match label.get_ref().split_once('=') {
            Some((key, value)) if !key.is_empty() => Some((key.to_owned(), value.to_owned())),
            _ => {
                faults.push(Fault::new(label.span(), "a label is written \"key=value\""));
                None
            }
        });
        faults.extend(self.smoke.iter().flat_map(Smoke::faults));
        Service {
            name: Name::new(self.name.get_ref()),
            labels: label.into_iter().collect(),
            repository: self.matches.repository,
            depends_on: self.depends_on.iter().map(|name| Name::new(name)).collect(),
            smoke: self.smoke.into_iter().map(Spanned::into_inner).collect(),
            error_rate: self.error_rate,
            latency: self.latency,
        }
    }
}
