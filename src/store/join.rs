//! Which service and which environment a row is about: the identities that join every back end.

use crate::{
    domain::{Demands, Labels, Place, Run, SourceId, Tier, Workload, glob},
    text::Name,
};

/// How the configuration joins rows. Plain data: the configuration room maps its own tables onto it.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `[[environment]]`, in the order in which they are tried.
    pub environments: Vec<EnvironmentRule>,
    /// `[[service]]`, in the order in which they are tried.
    pub services: Vec<ServiceRule>,
    /// What a place is taken for when no rule says so.
    pub guess: Guess,
    /// `[gates]`: what runs must show.
    pub demands: Demands,
}

/// Guesses name and tier of a place from its context and namespace. An unknown name must count as production.
pub type Guess = fn(&Place) -> (Name, Tier);

/// One `[[environment]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentRule {
    /// Its name.
    pub name: Name,
    /// How strict it is.
    pub tier: Tier,
    /// Any of these makes a row its own. Without any it declares the environment that a guess gives its name.
    pub matches: Vec<EnvironmentMatch>,
}

/// One element of `match = [...]`: all that it says must hold, and what says nothing matches nothing. Texts but labels may hold `*` and `?`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentMatch {
    /// The source: `kubernetes/prod-eu`.
    pub source: Option<String>,
    /// The kubeconfig context or Docker host.
    pub context: Option<String>,
    /// The namespace or compose project.
    pub namespace: Option<String>,
    /// The repository or project of a CI.
    pub project: Option<String>,
    /// Labels it must carry.
    pub labels: Vec<(String, String)>,
}

/// One `[[service]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRule {
    /// Its name.
    pub name: Name,
    /// Any of these label values makes a row its own.
    pub labels: Vec<(String, String)>,
    /// The repository whose runs ship it.
    pub repository: Option<String>,
    /// The services that it needs.
    pub depends_on: Vec<Name>,
}

/// An environment, as far as a row needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentRef {
    /// Its name.
    pub name: Name,
    /// How strict it is.
    pub tier: Tier,
    /// Whether nobody declared it: drawn `production?`.
    pub guessed: bool,
}

/// What is known of a row's whereabouts. What is not known is empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clues<'a> {
    pub source: &'a SourceId,
    pub context: &'a str,
    pub namespace: &'a str,
    pub project: &'a str,
    pub labels: &'a Labels,
}

/// The labels that name a service on an object, strongest first (nouns of the design).
const ON_OBJECTS: &[&str] = &["app.kubernetes.io/name", "app", "com.docker.compose.service"];

/// The labels that may name a service on an alert or a series, strongest first: exporters and recording rules use all of these.
pub(super) const ON_SERIES: &[&str] =
    &["app.kubernetes.io/name", "app_kubernetes_io_name", "app", "service", "deployment", "statefulset", "daemonset", "workload", "container", "job"];

impl Rules {
    /// No rules: every environment is guessed by `guess`, every service named by its labels.
    pub fn guessing(guess: Guess) -> Self {
        Self { environments: Vec::new(), services: Vec::new(), guess, demands: Demands::default() }
    }

    /// The service that labels and name make a workload part of.
    pub fn service_of(&self, labels: &Labels, name: &Name) -> Name {
        self.ruled_service(labels).or_else(|| labels.first(ON_OBJECTS).cloned()).filter(|found| !found.is_empty()).unwrap_or_else(|| name.clone())
    }

    /// The service whose runs a repository holds: by rule, else the repository's own name.
    pub fn service_of_repository(&self, repository: &Name) -> Name {
        let ruled = self.services.iter().find(|rule| rule.repository.as_deref() == Some(repository.raw()));
        ruled.map_or_else(|| Name::new(repository.raw().rsplit('/').next().unwrap_or_default()), |rule| rule.name.clone())
    }

    pub(super) fn ruled_service(&self, labels: &Labels) -> Option<Name> {
        let carries = |(key, value): &(String, String)| labels.get(key).is_some_and(|found| found.raw() == value);
        self.services.iter().find(|rule| rule.labels.iter().any(carries)).map(|rule| rule.name.clone())
    }

    /// The service that a workload is part of.
    pub fn service_of_workload(&self, workload: &Workload) -> Name {
        match workload.kind.told_by_pipeline() {
            true => self.service_of_repository(&workload.place.context),
            false => self.service_of(&workload.labels, &workload.name),
        }
    }

    /// The environment of a workload: the first rule that matches, else the guess. One that a CI names is the declared one of that name.
    pub fn environment_of(&self, workload: &Workload) -> EnvironmentRef {
        let source = workload.id.source();
        let place = &workload.place;
        let of_ci = workload.kind.told_by_pipeline();
        let project = if of_ci { place.context.raw() } else { place.namespace.raw() };
        let clues = Clues { source: &source, context: place.context.raw(), namespace: place.namespace.raw(), project, labels: &workload.labels };
        let named = || self.environments.iter().find(|rule| of_ci && rule.name == place.namespace).map(EnvironmentRule::reference);
        let guessed = || if of_ci { self.guessed(&Place::new(place.namespace.raw(), "")) } else { self.guessed(place) };
        self.ruled(&clues).or_else(named).unwrap_or_else(guessed)
    }

    /// Whether an environment that a CI names is one that anybody knows: it is declared, or its name says how strict it is.
    pub fn knows_environment_of_ci(&self, source: &SourceId, project: &str, environment: &str) -> bool {
        let clues = Clues { source, context: project, namespace: environment, project, labels: &Labels::default() };
        let says = || Tier::ALL.iter().any(|tier| (self.guess)(&Place::new(environment, "")).0.raw() == tier.name());
        self.ruled(&clues).is_some() || self.environments.iter().any(|rule| rule.name.raw() == environment) || says()
    }

    /// The environment that a run ships to, where a rule says so: nobody can guess it.
    pub fn environment_of_run(&self, run: &Run) -> Option<EnvironmentRef> {
        let source = run.id.source();
        self.ruled(&Clues { source: &source, context: "", namespace: "", project: run.repository.raw(), labels: &Labels::default() })
    }

    /// The environments that rows of `source` may belong to by rule, whatever their namespace; none means that only a guess can tell.
    pub fn environments_of_source(&self, source: &SourceId) -> Vec<EnvironmentRef> {
        let reaches = |wanted: &EnvironmentMatch| {
            let by_source = wanted.source.as_deref().is_some_and(|pattern| glob(pattern, source.as_str()));
            by_source || wanted.context.as_deref().is_some_and(|pattern| glob(pattern, source.instance()))
        };
        self.environments.iter().filter(|rule| rule.matches.iter().any(reaches)).map(EnvironmentRule::reference).collect()
    }

    pub(super) fn ruled(&self, clues: &Clues<'_>) -> Option<EnvironmentRef> {
        self.environments.iter().find(|rule| rule.matches.iter().any(|wanted| wanted.holds(clues))).map(EnvironmentRule::reference)
    }

    /// What a place is taken for: a guess, unless a rule that says nothing of places declares an environment of that name.
    pub fn guessed(&self, place: &Place) -> EnvironmentRef {
        let (name, tier) = (self.guess)(place);
        let declared = self.environments.iter().find(|rule| rule.matches.is_empty() && rule.name == name);
        declared.map_or(EnvironmentRef { name, tier, guessed: true }, EnvironmentRule::reference)
    }
}

impl EnvironmentRule {
    fn reference(&self) -> EnvironmentRef {
        EnvironmentRef { name: self.name.clone(), tier: self.tier, guessed: false }
    }
}

impl EnvironmentMatch {
    fn holds(&self, clues: &Clues<'_>) -> bool {
        let texts = [(&self.source, clues.source.as_str()), (&self.context, clues.context), (&self.namespace, clues.namespace), (&self.project, clues.project)];
        let says = self.labels.len() + texts.iter().filter(|(wanted, _)| wanted.is_some()).count();
        says > 0
            && texts.iter().all(|(wanted, found)| wanted.as_deref().is_none_or(|pattern| glob(pattern, found)))
            && self.labels.iter().all(|(key, value)| clues.labels.get(key).is_some_and(|found| glob(value, found.raw())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture::{self, workload};

    #[test]
    fn the_first_environment_rule_that_matches_wins_and_an_empty_one_matches_nothing() {
        let rule = |name: &str, wanted: EnvironmentMatch| EnvironmentRule { name: Name::new(name), tier: Tier::Staging, matches: vec![wanted] };
        let by_namespace =
            |glob: &str| EnvironmentMatch { source: Some("kubernetes/prod".into()), namespace: Some(glob.into()), ..EnvironmentMatch::default() };
        let mut rules = fixture::rules();
        rules.environments = vec![rule("nowhere", EnvironmentMatch::default()), rule("canary", by_namespace("shop-*")), rule("rest", by_namespace("*"))];
        let at = |namespace: &str| rules.environment_of(&workload("prod", namespace, "cart")).name.raw().to_owned();
        assert_eq!(at("shop-canary"), "canary");
        assert_eq!(at("shop"), "rest");
        let elsewhere = rules.environment_of(&workload("staging", "shop", "cart"));
        assert!(elsewhere.guessed, "no rule reaches that context");
    }

    #[test]
    fn a_rule_without_places_declares_the_environment_that_a_guess_names() {
        let mut rules = fixture::rules();
        rules.environments = vec![EnvironmentRule { name: Name::new("production"), tier: Tier::Production, matches: Vec::new() }];
        assert!(!rules.environment_of(&workload("prod", "shop", "cart")).guessed);
        assert!(rules.environment_of(&workload("staging", "shop", "cart")).guessed);
    }

    #[test]
    fn a_compose_project_is_matched_as_a_project_too() {
        let mut rules = fixture::rules();
        let wanted = EnvironmentMatch { project: Some("shop".into()), ..EnvironmentMatch::default() };
        rules.environments = vec![EnvironmentRule { name: Name::new("mine"), tier: Tier::Development, matches: vec![wanted] }];
        assert_eq!(rules.environment_of(&workload("host", "shop", "web")).name.raw(), "mine");
    }

    #[test]
    fn a_service_is_named_by_rule_then_labels_then_its_workload() {
        let mut rules = fixture::rules();
        rules.services = vec![ServiceRule { name: Name::new("basket"), labels: vec![("app".into(), "cart-v2".into())], ..ServiceRule::default() }];
        let name = Name::new("deployment-name");
        let of = |pairs: &[(&str, &str)]| rules.service_of(&Labels::new(pairs.iter().copied()), &name).raw().to_owned();
        assert_eq!(of(&[("app", "cart-v2"), ("app.kubernetes.io/name", "cart")]), "basket");
        assert_eq!(of(&[("app", "a"), ("app.kubernetes.io/name", "b")]), "b");
        assert_eq!(of(&[("com.docker.compose.service", "web"), ("app", "a")]), "a");
        assert_eq!(of(&[]), "deployment-name");
    }

    #[test]
    fn a_repository_ships_the_service_of_its_rule_or_of_its_own_name() {
        let mut rules = fixture::rules();
        rules.services = vec![ServiceRule { name: Name::new("cart"), repository: Some("acme/cart-api".into()), ..ServiceRule::default() }];
        assert_eq!(rules.service_of_repository(&Name::new("acme/cart-api")).raw(), "cart");
        assert_eq!(rules.service_of_repository(&Name::new("acme/search")).raw(), "search");
    }
}
