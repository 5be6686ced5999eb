//! Which service and which environment a row is about: the identities that join every back end.

use crate::{
    domain::{Labels, Place, Run, SourceId, Tier, Workload},
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
    /// Any of these makes a row its own.
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
    pub const fn guessing(guess: Guess) -> Self {
        Self { environments: Vec::new(), services: Vec::new(), guess }
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

    /// The environment of a workload: the first rule that matches, else the guess.
    pub fn environment_of(&self, workload: &Workload) -> EnvironmentRef {
        let source = workload.id.source();
        let place = &workload.place;
        let clues = Clues { source: &source, context: place.context.raw(), namespace: place.namespace.raw(), project: "", labels: &workload.labels };
        self.ruled(&clues).unwrap_or_else(|| self.guessed(place))
    }

    /// The environment that a run ships to, where a rule says so: nobody can guess it.
    pub fn environment_of_run(&self, run: &Run) -> Option<EnvironmentRef> {
        let source = run.id.source();
        self.ruled(&Clues { source: &source, context: "", namespace: "", project: run.repository.raw(), labels: &Labels::default() })
    }

    /// The environments that rows of `source` may belong to by rule, whatever their namespace; none means that only a guess can tell.
    pub fn environments_of_source(&self, source: &SourceId) -> Vec<EnvironmentRef> {
        let reaches = |wanted: &EnvironmentMatch| {
            let by_source = wanted.source.as_deref().is_some_and(|glob| matches(glob, source.as_str()));
            by_source || wanted.context.as_deref().is_some_and(|glob| matches(glob, source.instance()))
        };
        self.environments.iter().filter(|rule| rule.matches.iter().any(reaches)).map(EnvironmentRule::reference).collect()
    }

    pub(super) fn ruled(&self, clues: &Clues<'_>) -> Option<EnvironmentRef> {
        self.environments.iter().find(|rule| rule.matches.iter().any(|wanted| wanted.holds(clues))).map(EnvironmentRule::reference)
    }

    /// What a place is taken for.
    pub fn guessed(&self, place: &Place) -> EnvironmentRef {
        let (name, tier) = (self.guess)(place);
        EnvironmentRef { name, tier, guessed: true }
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
            && texts.iter().all(|(wanted, found)| wanted.as_deref().is_none_or(|glob| matches(glob, found)))
            && self.labels.iter().all(|(key, value)| clues.labels.get(key).is_some_and(|found| matches(value, found.raw())))
    }
}

/// Whether `text` is what `glob` describes; `*` stands for anything, `?` for one character.
pub fn matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                g += 1;
                t += 1;
            }
            Some(_) | None => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                g = at + 1;
                t = from + 1;
            }
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture::{self, workload};

    #[test]
    fn globs_match_whole_texts() {
        for (glob, text, expected) in [
            ("shop-*", "shop-eu", true),
            ("shop-*", "shop", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("*-prod-*", "eu-prod-1", true),
            ("prod", "prod-eu", false),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }

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
