//! What a story is made of: the tables of `config/demo/*.toml`.
//!
//! A scenario says what stands where, what happens when, and what is said; how a world goes on from there is in the rules beside it.

use super::{
    refs,
    tables::{EnvironmentTable, PlaceTable, ServiceTable, Tables},
    words::{Moment, ScenarioError},
};
use crate::{
    config::{Address, Period, Service, Smoke},
    domain::{Environment, EnvironmentRule, Match},
    text::Name,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The built-in stories, by name.
pub const STORIES: &[(&str, &str)] = &[
    ("incident", include_str!("../../../config/demo/incident.toml")),
    ("node-down", include_str!("../../../config/demo/node-down.toml")),
    ("quiet", include_str!("../../../config/demo/quiet.toml")),
    ("blind", include_str!("../../../config/demo/blind.toml")),
];

/// A story: a world at its start, and what happens in it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(super) tables: Tables,
    script: Timestamp,
    start: Timestamp,
}

impl Scenario {
    /// The built-in story of that name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = STORIES.iter().find(|(known, _)| *known == name)?;
        Self::read(&format!("config/demo/{name}.toml"), text).ok()
    }

    /// The story that `text` tells; `file` is its name in errors.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let fault = |span: std::ops::Range<usize>, what: &str| ScenarioError::at(file, text, span.start, what);
        let tables: Tables = toml::from_str(text).map_err(|e| fault(e.span().unwrap_or(0..0), e.message()))?;
        if let Some((span, what)) = refs::wrong(&tables) {
            return Err(fault(span, &what));
        }
        let Some(script) = tables.start.whole() else {
            return Err(fault(0..0, "start must be a date and a time with its zone: 2026-11-24T02:57:20Z"));
        };
        Ok(Self { tables, script, start: script })
    }

    /// The same story, beginning at another moment: everything in it moves along.
    #[must_use]
    pub fn starting(self, start: Timestamp) -> Self {
        Self { start, ..self }
    }

    /// One line about it.
    pub fn title(&self) -> &str {
        &self.tables.title
    }

    /// When it begins.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// How far into the story a console opens, unless somebody says otherwise.
    pub const fn at(&self) -> SignedDuration {
        self.tables.at.0
    }

    /// The moment at which a console opens, unless somebody says otherwise.
    pub fn opens(&self) -> Timestamp {
        self.start + self.at()
    }

    /// When a moment of the script comes.
    pub(super) fn when(&self, moment: &Moment) -> Timestamp {
        self.start + moment.after(self.script)
    }

    /// The environments as a configuration would declare them, so that nothing in the demo is guessed.
    pub fn environments(&self) -> Vec<EnvironmentRule> {
        let one = |environment: &EnvironmentTable| EnvironmentRule {
            name: Name::new(&environment.name),
            tier: Some(environment.tier.into()),
            matches: self
                .places(environment)
                .into_iter()
                .map(|(context, namespace)| Match { context: Some(context), namespace: Some(namespace), ..Match::default() })
                .collect(),
            locked: false,
            allow_insecure_writes: false,
            automatic: crate::domain::Automatic::default(),
            settle: Environment::SETTLE,
        };
        self.tables.environment.iter().map(one).collect()
    }

    /// The services that have smoke requests, as a configuration would declare them.
    pub fn services(&self) -> Vec<Service> {
        let one = |service: &ServiceTable| {
            let smoke = Smoke { url: Address(service.smoke.clone()?), environment: service.smoke_in.clone(), status: 200, within: Period::seconds(2) };
            Some(Service { name: Name::new(&service.name), smoke: vec![smoke], ..Service::default() })
        };
        self.tables.service.iter().filter_map(one).collect()
    }

    fn places(&self, environment: &EnvironmentTable) -> BTreeSet<(String, String)> {
        let own = (environment.source.get_ref().clone(), environment.namespace.clone());
        let elsewhere = |place: &PlaceTable| {
            let source = place.source.as_ref().unwrap_or(&environment.source).get_ref().clone();
            (source, place.namespace.as_ref().unwrap_or(&environment.namespace).clone())
        };
        let runs = self.tables.service.iter().filter_map(|service| service.runs.get(&environment.name));
        runs.map(elsewhere).chain([own]).collect()
    }
}
