//! A service in one environment: its templates, and when each was rolled out.

use super::{
    alter::Alteration,
    chance::Chance,
    scenario::Scenario,
    tables::{DeployTable, EnvironmentTable, KindName, PlaceTable, RevisionTable, ServiceTable},
};
use crate::{
    domain::{Id, Image, Kind, Owner, Place, SourceId, Version, Workload},
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};

/// A workload of the world.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub id: Id<Workload>,
    pub source: SourceId,
    pub service: String,
    pub environment: String,
    pub kind: Kind,
    pub place: Place,
    pub uid: String,
    /// How many pods the story begins with.
    pub size: u32,
    pub ready: SignedDuration,
    pub grace: SignedDuration,
    pub deadline: SignedDuration,
    pub sidecar: bool,
    pub owner: Option<Owner>,
    pub templates: Vec<Template>,
    /// In the order of time.
    pub turns: Vec<Turn>,
    /// In the order of time.
    pub alterations: Vec<Alteration>,
    pub chance: Chance,
}

/// What pods are made from.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub hash: String,
    pub version: String,
    pub reference: String,
    pub digest: String,
    pub created: Timestamp,
    pub cause: Option<String>,
    /// No pod of it was ever available.
    pub bad: Option<String>,
    pub crash: Option<Crash>,
    pub settings: Vec<(String, String)>,
    pub pods: Vec<String>,
}

/// How pods of a template fail.
#[derive(Clone, Debug)]
pub(super) struct Crash {
    pub pods: Vec<String>,
    pub code: i32,
    pub after: SignedDuration,
    pub says: Vec<String>,
}

/// One rollout.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub at: Timestamp,
    /// Which of the templates.
    pub to: usize,
    pub number: u64,
    pub by: String,
    /// The operation of ours that did it.
    pub operation: Option<String>,
    /// It was over long before the story begins.
    pub settled: bool,
    /// It took an earlier one back.
    pub back: bool,
}

/// Where images come from in this world.
const REGISTRY: &str = "registry.example/shop";

impl Unit {
    /// The service as it stands in `environment` when the story begins.
    pub fn new(scenario: &Scenario, service: &ServiceTable, environment: &EnvironmentTable, place: &PlaceTable, chance: Chance) -> Self {
        let chance = chance.of(&service.name).of(&environment.name);
        let context = place.source.as_ref().unwrap_or(&environment.source).get_ref();
        let namespace = place.namespace.as_ref().unwrap_or(&environment.namespace);
        let source = SourceId::new(&format!("demo/{context}"));
        let kind = match place.kind.unwrap_or(service.kind) {
            KindName::Deployment => Kind::Deployment,
            KindName::StatefulSet => Kind::StatefulSet,
            KindName::ComposeService => Kind::ComposeService,
        };
        let mut unit = Self {
            id: Id::new(&source, &format!("{namespace}/{}", service.name)),
            source,
            service: service.name.clone(),
            environment: environment.name.clone(),
            kind,
            place: Place::new(context, namespace),
            uid: uid(chance.of("uid")),
            size: place.replicas,
            ready: service.ready.0,
            grace: service.grace.0,
            deadline: service.deadline.0,
            sidecar: service.sidecar,
            owner: place.argo.as_ref().map(|application| Owner::ArgoCd { application: Name::new(application) }),
            templates: Vec::new(),
            turns: Vec::new(),
            alterations: Vec::new(),
            chance,
        };
        unit.begin(scenario, place);
        unit
    }

    /// The template and the rollout that the story finds, and one before it so that there is something to go back to.
    fn begin(&mut self, scenario: &Scenario, place: &PlaceTable) {
        let since = ago(scenario, place.age.0, self.chance.of("age"));
        let number = place.number.unwrap_or_else(|| 4 + self.chance.of("number").below(20).cast_signed().unsigned_abs());
        let before = before(&place.version, self.chance);
        let weeks = SignedDuration::from_hours(24 * 7 + self.chance.of("weeks").below(200).cast_signed());
        if place.number.is_none() {
            let template = self.template(&before, None, None, since - weeks);
            self.settled(template, number - 1, since - weeks);
        }
        let template = Template { pods: place.pods.clone(), ..self.template(&place.version, place.hash.as_deref(), place.digest.as_deref(), since) };
        self.settled(template, number, since);
    }

    fn settled(&mut self, template: Template, number: u64, at: Timestamp) {
        self.templates.push(template);
        self.turns.push(Turn { at, to: self.templates.len() - 1, number, by: "ci-bot".to_owned(), operation: None, settled: true, back: false });
    }

    /// A revision that came before.
    pub fn remember(&mut self, scenario: &Scenario, table: &RevisionTable) {
        let at = ago(scenario, table.age.0, self.chance.of(&table.version));
        let mut template = self.template(&table.version, table.hash.as_deref(), table.digest.as_deref(), at);
        (template.cause, template.bad) = (table.cause.clone(), table.bad.clone());
        self.templates.push(template);
        let turn = Turn { at, to: self.templates.len() - 1, number: table.number, by: "ci-bot".to_owned(), operation: None, settled: true, back: false };
        let place = self.turns.partition_point(|other| other.at <= at);
        self.turns.insert(place, turn);
    }

    /// A rollout that the story brings.
    pub fn deploy(&mut self, scenario: &Scenario, table: &DeployTable) {
        let at = scenario.when(&table.at);
        let hash = table.hash.clone().unwrap_or_else(|| self.chance.of("deploy").nth(self.turns.len() as i64).hex(4));
        let mut template = self.template(&table.version, Some(&hash), table.digest.as_deref(), at);
        template.cause = table.cause.clone();
        template.pods = table.pods.clone();
        template.settings.extend(table.settings.iter().map(|(name, value)| (name.clone(), value.clone())));
        template.crash = table.crash.as_ref().map(|crash| Crash { pods: crash.pods.clone(), code: crash.code, after: crash.after.0, says: crash.says.clone() });
        self.templates.push(template);
        let number = self.next_number();
        self.turns.push(Turn { at, to: self.templates.len() - 1, number, by: table.by.clone(), operation: None, settled: false, back: false });
        self.turns.sort_by_key(|turn| turn.at);
    }

    fn template(&self, version: &str, hash: Option<&str>, digest: Option<&str>, created: Timestamp) -> Template {
        // The same version is the same image in every environment, unless the story says otherwise.
        let image = Chance::new(0).of(&self.service).of(version);
        let digest = digest.unwrap_or_default();
        Template {
            hash: hash.map_or_else(|| self.chance.of("hash").of(version).hex(4), str::to_owned),
            version: version.to_owned(),
            reference: format!("{REGISTRY}/{}:{version}", self.service),
            digest: format!("sha256:{digest}{}", &image.hex(64)[digest.len()..]),
            created,
            cause: None,
            bad: None,
            crash: None,
            settings: vec![("LOG_LEVEL".to_owned(), "info".to_owned())],
            pods: Vec::new(),
        }
    }

    /// The number that the next rollout gets.
    pub fn next_number(&self) -> u64 {
        self.turns.iter().map(|turn| turn.number).max().unwrap_or_default() + 1
    }

    /// The rollout that counts at `at`, and its place among the turns.
    pub fn turn(&self, at: Timestamp) -> (usize, &Turn) {
        let place = self.turns.partition_point(|turn| turn.at <= at).saturating_sub(1);
        (place, &self.turns[place])
    }

    /// The template that is wanted at `at`.
    pub fn current(&self, at: Timestamp) -> &Template {
        &self.templates[self.turn(at).1.to]
    }

    /// The name of the object that a template's pods belong to.
    pub fn object(&self, template: &Template) -> String {
        format!("{}-{}", self.service, template.hash)
    }
}

impl Template {
    /// Its image in the main container.
    pub fn image(&self, service: &str) -> Image {
        Image { container: Name::new(service), reference: Name::new(&self.reference), digest: Some(Name::new(&self.digest)) }
    }

    /// What people call it.
    pub fn version(&self) -> Version {
        Version(Clean::from_untrusted(&self.version))
    }
}

/// So long before the moment at which the console opens, and a little more: ages are cut, not rounded.
fn ago(scenario: &Scenario, age: SignedDuration, chance: Chance) -> Timestamp {
    let unit = if age.as_hours() >= 24 { 86_400 } else { 3_600 };
    let more = (chance.share().mul_add(0.6, 0.1) * f64::from(unit)) as i64;
    scenario.opens() - age - SignedDuration::from_secs(more)
}

/// The version before `version`: the last number that can be counted down, or other letters.
fn before(version: &str, chance: Chance) -> String {
    let Some((rest, last)) = version.rsplit_once('.') else { return chance.of("before").hex(7) };
    match last.parse::<u32>() {
        Ok(number) if number > 0 => format!("{rest}.{}", number - 1),
        _ => match rest.rsplit_once('.').and_then(|(major, minor)| Some((major, minor.parse::<u32>().ok()?.checked_sub(1)?))) {
            Some((major, minor)) => format!("{major}.{minor}.4"),
            None => format!("{version}-rc1"),
        },
    }
}

fn uid(chance: Chance) -> String {
    let hex = chance.hex(32);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
