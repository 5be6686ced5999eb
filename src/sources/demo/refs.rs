//! Whether the names in a scenario name something.

use super::tables::{On, Ref, Tables};
use std::ops::Range;

type Wrong = (Range<usize>, String);

/// The first name that names nothing, and where it stands.
pub(super) fn wrong(tables: &Tables) -> Option<Wrong> {
    let sources: Vec<&str> = tables.source.iter().map(|source| source.name.as_str()).collect();
    let environments: Vec<&str> = tables.environment.iter().map(|environment| environment.name.as_str()).collect();
    let nodes: Vec<&str> = tables.node.iter().map(|node| node.name.as_str()).collect();
    source_refs(tables)
        .find_map(|name| unknown(name, "source", &sources))
        .or_else(|| {
            tables
                .alert
                .iter()
                .filter_map(|alert| match &alert.on {
                    On::Node(node) => Some(node),
                    On::Errors(_) | On::Restarts(_) | On::From(_) | On::Always(_) => None,
                })
                .find_map(|name| unknown(name, "node", &nodes))
        })
        .or_else(|| places(tables).find_map(|(service, environment)| place(tables, service, environment, &environments)))
        .or_else(|| keys(tables, &environments))
}

fn source_refs(tables: &Tables) -> impl Iterator<Item = &Ref> {
    let places = tables.service.iter().flat_map(|service| service.runs.values()).filter_map(|place| place.source.as_ref());
    let environments = tables.environment.iter().map(|environment| &environment.source);
    environments.chain(places).chain(tables.node.iter().map(|node| &node.source)).chain(tables.drop.iter().map(|drop| &drop.source))
}

/// Every service and environment that a table speaks of.
fn places(tables: &Tables) -> impl Iterator<Item = (Option<&Ref>, Option<&Ref>)> {
    let revisions = tables.revision.iter().map(|table| (Some(&table.service), Some(&table.environment)));
    let deploys = tables.deploy.iter().map(|table| (Some(&table.service), Some(&table.environment)));
    let errors = tables.errors.iter().map(|table| (Some(&table.service), Some(&table.environment)));
    let alerts = tables.alert.iter().map(|table| (table.service.as_ref(), table.environment.as_ref()));
    let runs = tables.run.iter().map(|table| (Some(&table.service), None));
    revisions.chain(deploys).chain(errors).chain(alerts).chain(runs).chain(tables.log.iter().map(|table| (None, table.environment.as_ref())))
}

fn place(tables: &Tables, service: Option<&Ref>, environment: Option<&Ref>, environments: &[&str]) -> Option<Wrong> {
    let services: Vec<&str> = tables.service.iter().map(|service| service.name.as_str()).collect();
    let wrong =
        service.and_then(|name| unknown(name, "service", &services)).or_else(|| environment.and_then(|name| unknown(name, "environment", environments)));
    if wrong.is_some() {
        return wrong;
    }
    let (service, environment) = (service?, environment?);
    let there = tables.service.iter().any(|table| table.name == *service.get_ref() && table.runs.contains_key(environment.get_ref()));
    (!there).then(|| {
        (service.span(), format!("{} does not run in {}: give it a line `runs.{} = {{ … }}`", service.get_ref(), environment.get_ref(), environment.get_ref()))
    })
}

/// The environments in which services run stand as keys and have no span of their own: the source of the place tells where.
fn keys(tables: &Tables, environments: &[&str]) -> Option<Wrong> {
    let strangers = tables.service.iter().flat_map(|service| service.runs.keys().map(move |key| (service, key)));
    let (service, key) = strangers.into_iter().find(|(_, key)| !environments.contains(&key.as_str()))?;
    let near = service.runs.get(key).and_then(|place| place.source.as_ref()).map_or(0..0, |source| source.span());
    Some((near, format!("{} runs in `{key}`, and there is no such environment; there are {}", service.name, environments.join(", "))))
}

fn unknown(name: &Ref, what: &str, known: &[&str]) -> Option<Wrong> {
    (!known.contains(&name.get_ref().as_str())).then(|| (name.span(), format!("there is no {what} `{}`; there are {}", name.get_ref(), known.join(", "))))
}
