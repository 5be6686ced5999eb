//! What an application was synced to: `status.history`, and what its last operation made of it.

use super::{Keeper, asked_by};
use crate::{
    clean,
    domain::{Evidence, Id, Outline, Part, Replicas, Revision, SourceId, Version, Workload},
    sources::{
        kubernetes::wire::parse_time,
        spec::{Leaves, mask, shown},
    },
    text::{Clean, Raw},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// One entry of its history.
pub struct Point<'a> {
    pub id: u64,
    pub raw: &'a Value,
    pub at: Option<Timestamp>,
}

impl<'a> Point<'a> {
    fn new(raw: &'a Value) -> Self {
        let at = raw.get("deployedAt").and_then(Value::as_str).and_then(parse_time);
        Self { id: raw.get("id").and_then(Value::as_u64).unwrap_or_default(), raw, at }
    }

    fn sources(&self) -> Vec<&'a Value> {
        let many = self.raw.get("sources").and_then(Value::as_array).into_iter().flatten();
        many.chain(self.raw.get("source")).filter(|source| source.get("repoURL").is_some_and(|url| url.as_str() != Some(""))).collect()
    }

    fn revisions(&self) -> Vec<&'a str> {
        let many: Vec<&str> = self.raw.get("revisions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        if many.is_empty() { self.raw.get("revision").and_then(Value::as_str).into_iter().collect() } else { many }
    }

    /// Whether it says what was synced, and from where: one revision for each source.
    pub fn whole(&self) -> bool {
        let revisions = self.revisions();
        revisions.len() == self.sources().len() && revisions.iter().all(|revision| !revision.is_empty())
    }

    /// Whether the same was synced from the same place.
    fn same(&self, other: &Point<'_>) -> bool {
        self.revisions() == other.revisions() && self.sources() == other.sources()
    }

    /// `1f2e3d4`, as people know commits; a chart's version whole.
    fn version(&self) -> Version {
        let short: Vec<String> = self.revisions().iter().map(|revision| short(revision, 7)).collect();
        Version(clean!("{}", short.join("+")))
    }

    /// Leaf by leaf, as `name` was synced to it.
    fn outline(&self, name: &str) -> Outline {
        let mut leaves = Leaves::default();
        let many = self.sources().len() > 1;
        for (at, source) in self.sources().into_iter().enumerate() {
            let lead = if many { format!("{name} {}: ", at + 1) } else { format!("{name}: ") };
            if let Some(revision) = self.revisions().get(at) {
                leaves.leaf(Part::Source, &format!("{lead}revision"), clean!("{}", short(revision, 12)));
            }
            for (key, value) in source.as_object().into_iter().flatten() {
                tell(&mut leaves, &format!("{lead}{key}"), key, value);
            }
        }
        if let Some(at) = self.at {
            leaves.leaf(Part::Source, &format!("{name}: synced"), clean!("{}", at.strftime("%Y-%m-%d %H:%M UTC")));
        }
        leaves.leaf(Part::Source, &format!("{name}: synced by"), asked_by(self.raw));
        leaves.outline()
    }
}

/// The beginning of a commit; anything else as it is.
fn short(revision: &str, length: usize) -> String {
    let commit = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if commit { revision[..length].to_owned() } else { revision.to_owned() }
}

/// A part of a source: what has a name and a value is told under that name, and secrets are masked.
fn tell(leaves: &mut Leaves, path: &str, key: &str, value: &Value) {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    match value {
        Value::Object(_) if text("name").is_some() && value.get("value").is_some() => {
            let name = text("name").unwrap_or_default();
            let says = value["value"].as_str().map_or_else(|| value["value"].to_string(), str::to_owned);
            leaves.leaf(Part::Source, &format!("{path} {name}"), shown(name, &says));
        }
        Value::Object(map) => map.iter().for_each(|(key, value)| tell(leaves, &format!("{path}.{key}"), key, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| match item.get("name") {
            Some(_) => tell(leaves, path, key, item),
            None => tell(leaves, &format!("{path}[{at}]"), key, item),
        }),
        // A whole file of values may hold anything.
        Value::String(values) if key == "values" => leaves.leaf(Part::Source, path, mask(values)),
        Value::String(text) => leaves.leaf(Part::Source, path, shown(key, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => leaves.flat(Part::Source, path, value),
    }
}

impl Keeper {
    /// Its history, newest first.
    pub(super) fn points(&self) -> Vec<Point<'_>> {
        let mut points: Vec<Point<'_>> = self.raw.pointer("/status/history").and_then(Value::as_array).into_iter().flatten().map(Point::new).collect();
        points.reverse();
        points
    }

    /// What its last operation wanted and did not bring about whole; none where it did, or only tried, or synced a part.
    fn attempt(&self, newest: Option<&Point<'_>>) -> Option<Point<'_>> {
        let state = self.raw.pointer("/status/operationState").filter(|state| !matches!(state.get("phase").and_then(Value::as_str), Some("Succeeded")))?;
        let sync = state.pointer("/operation/sync");
        let says = |key: &str| sync.and_then(|sync| sync.get(key));
        let part = says("dryRun").and_then(Value::as_bool) == Some(true) || says("resources").and_then(Value::as_array).is_some_and(|part| !part.is_empty());
        let began = state.get("startedAt").and_then(Value::as_str).and_then(parse_time);
        let after = newest.is_none_or(|newest| newest.at < began);
        state.get("syncResult").filter(|_| after && !part).map(Point::new).filter(Point::whole)
    }

    /// What it was synced to as revisions of `workload`, newest first, each once; the one that it is at, or failed to come to, is `current`.
    pub(super) fn synced_to(&self, source: &SourceId, workload: &Id<Workload>) -> Vec<Revision> {
        let points = self.points();
        let attempt = self.attempt(points.first());
        let mut found: Vec<(bool, &Point<'_>)> = attempt.iter().map(|point| (true, point)).collect();
        for point in points.iter().filter(|point| point.whole()) {
            if !found.iter().any(|(_, known)| known.same(point)) {
                found.push((found.is_empty(), point));
            }
        }
        let row = |(current, point): (bool, &Point<'_>)| Revision {
            id: Id::new(
                source,
                &clean!(
                    "application/{}/{}/{}",
                    self.namespace(),
                    self.name(),
                    if attempt.is_some() && current { "attempt".into() } else { point.id.to_string() }
                ),
            ),
            workload: workload.clone(),
            number: point.id,
            template: Raw::default(),
            images: Box::default(),
            version: point.version(),
            replicas: Replicas::default(),
            current,
            created: point.at,
            cause: None,
            evidence: evidence(&points, point),
            outline: point.outline(self.name()),
        };
        found.into_iter().map(row).collect()
    }
}

/// What the history says of one of its entries; entries are written only after all of it was applied.
fn evidence(points: &[Point<'_>], of: &Point<'_>) -> Vec<Evidence> {
    let mut evidence = vec![Evidence::Deployed { by: Clean::from_static("Argo CD") }];
    // Newest first: what came after an entry stands before it.
    let twins = points.iter().enumerate().filter(|(_, point)| point.same(of));
    let next = |at: usize| at.checked_sub(1).and_then(|at| points.get(at));
    let held = |(at, point): (usize, &Point<'_>)| next(at)?.at.zip(point.at).map(|(next, this)| next.duration_since(this));
    evidence.extend(twins.clone().filter_map(held).filter(|held| *held > SignedDuration::ZERO).max().map(|held| Evidence::Served { held }));
    // Whoever goes from one to what was there before it goes back.
    let back = |(at, _): (usize, &Point<'_>)| {
        let to = next(at).filter(|to| !to.same(of))?;
        points[at + 1..].iter().any(|older| older.same(to)).then_some(to.at)?
    };
    evidence.extend(twins.filter_map(back).max().map(|at| Evidence::RolledBackFrom { at }));
    evidence
}
