//! Environments: what a place is called, how strict it is, and what is guessed where nobody said.

use super::{Labels, Place, SourceId};
use crate::text::{Clean, Name};
use std::{fmt, time::Duration};

/// How strict an environment is; the later, the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// For one's own work: a change takes Enter.
    Development,
    /// For tests: a change takes Enter.
    Testing,
    /// The last step before production: a change takes `yes`.
    Staging,
    /// What people use: it starts locked, and a change takes the service's name and a reason.
    Production,
}

impl Tier {
    /// Every tier, the least strict first.
    pub const ALL: [Self; 4] = [Self::Development, Self::Testing, Self::Staging, Self::Production];

    /// Its name in the configuration and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Testing => "testing",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the console does by itself when a release goes bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Automatic {
    /// Nothing.
    #[default]
    Off,
    /// The plan is ready to be confirmed.
    Prepare,
    /// `pilothouse verify --auto-rollback` carries it out without a person.
    Execute,
}

/// An environment of the matrix: a name, a tier and its policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// What it is called.
    pub name: Name,
    /// How strict it is.
    pub tier: Tier,
    /// Nobody declared the tier: it was guessed from names, and is drawn with a question mark.
    pub guessed: bool,
    /// `locked = true`: nothing opens it from the console.
    pub locked: bool,
    /// Changes are allowed over a connection whose certificate is not verified.
    pub allow_insecure_writes: bool,
    /// What is done by itself when a release goes bad.
    pub automatic: Automatic,
    /// How long a release must have been found bad before it is taken back without a person.
    pub settle: Duration,
}

impl Environment {
    /// What a run is in that deploys nowhere: as strict as one for tests, where the configuration declares none of this name.
    pub const CI: &str = "CI";
    /// How long that is where the configuration does not say.
    pub const SETTLE: Duration = Duration::from_secs(60);

    /// An environment of that name and tier with the default policy.
    pub fn new(name: &str, tier: Tier, guessed: bool) -> Self {
        Self { name: Name::new(name), tier, guessed, locked: false, allow_insecure_writes: false, automatic: Automatic::default(), settle: Self::SETTLE }
    }

    /// The environment of a place: the first rule that matches it, else a guess.
    pub fn of(rules: &[EnvironmentRule], at: &Whereabouts<'_>) -> Self {
        let guess = guess(at.place.context.raw(), at.place.namespace.raw());
        match rules.iter().find(|rule| rule.applies(at, &guess)) {
            Some(rule) => rule.environment(),
            None => Self { name: guess.name, ..Self::new("", guess.tier, guess.guessed) },
        }
    }

    /// Its name as it is drawn: `production?` where the tier was guessed.
    pub fn label(&self) -> Clean {
        let mark = if self.guessed { "?" } else { "" };
        crate::clean!("{}{mark}", self.name)
    }
}

/// One `[[environment]]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentRule {
    /// What it is called.
    pub name: Name,
    /// How strict it is, where the rule says so.
    pub tier: Option<Tier>,
    /// Where it is; a rule without any is about the places whose guess has its name.
    pub matches: Vec<Match>,
    /// `locked = true`.
    pub locked: bool,
    /// `allow_insecure_writes = true`.
    pub allow_insecure_writes: bool,
    /// `rollback.automatic`.
    pub automatic: Automatic,
    /// `rollback.settle`.
    pub settle: Duration,
}

impl EnvironmentRule {
    fn applies(&self, at: &Whereabouts<'_>, guess: &Guess) -> bool {
        match self.matches.is_empty() {
            true => self.name == guess.name,
            false => self.matches.iter().any(|m| m.holds(at)),
        }
    }

    /// The environment that it declares. Where it names no tier its name is read, and one that says nothing counts as production.
    pub fn environment(&self) -> Environment {
        let tier = self.tier.or_else(|| tier_of(self.name.raw(), true)).unwrap_or(Tier::Production);
        Environment {
            name: self.name.clone(),
            tier,
            guessed: self.tier.is_none(),
            locked: self.locked,
            allow_insecure_writes: self.allow_insecure_writes,
            automatic: self.automatic,
            settle: self.settle,
        }
    }
}

/// One element of `match`: everything it names must hold. Texts are globs with `*` and `?`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The source, as in `kubernetes/prod-eu` or `kubernetes/*`.
    pub source: Option<String>,
    /// The kubeconfig context or the Docker host.
    pub context: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The compose project or the project of a CI.
    pub project: Option<String>,
    /// Labels that the row must have.
    pub labels: Vec<(String, String)>,
}

impl Match {
    /// Whether it names anything; one that does not would match the whole world.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn holds(&self, at: &Whereabouts<'_>) -> bool {
        let (context, namespace) = (at.place.context.raw(), at.place.namespace.raw());
        let fits = |pattern: &Option<String>, texts: &[&str]| pattern.as_ref().is_none_or(|p| texts.iter().any(|text| glob(p, text)));
        fits(&self.source, &[at.source.as_str()])
            && fits(&self.context, &[context])
            && fits(&self.namespace, &[namespace])
            && fits(&self.project, &[namespace, context])
            && self.labels.iter().all(|(key, value)| at.labels.get(key).is_some_and(|label| glob(value, label.raw())))
    }
}

/// Where a row was found: all that a rule can ask about.
#[derive(Clone, Copy, Debug)]
pub struct Whereabouts<'a> {
    /// Who said it.
    pub source: &'a SourceId,
    /// The context and namespace.
    pub place: &'a Place,
    /// The labels of the row.
    pub labels: &'a Labels,
}

/// Whether `text` fits `pattern`, in which `*` stands for anything and `?` for one character.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut back) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            // The last star takes one character more, and the rest is tried again.
            _ => match back {
                Some((star, taken)) => {
                    back = Some((star, taken + 1));
                    (p, t) = (star + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// What names alone say of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// How strict it must be taken to be.
    pub tier: Tier,
    /// The tier's name where a word said so, else the context's, so that places nobody knows are not mixed.
    pub name: Name,
    /// Always, unless a rule says otherwise; kept so that it is never forgotten on the way to the screen.
    pub guessed: bool,
}

/// Words and the tier they stand for, in names of contexts and namespaces alike.
const WORDS: &[(Tier, &[&str])] = &[
    (Tier::Production, &["prod", "production", "prd", "live"]),
    (Tier::Staging, &["stag", "staging", "stage", "stg", "pre", "preprod", "preproduction", "nonprod"]),
    (Tier::Testing, &["test", "testing", "tst", "qa", "uat", "sit", "ci"]),
    (Tier::Development, &["dev", "develop", "development", "local", "localhost", "sandbox"]),
];

/// Words that only clusters on somebody's own machine have in the name of their context.
const OWN_MACHINE: &[&str] = &["minikube", "kind", "k3d", "desktop", "orbstack", "colima"];

/// Guesses the environment of a context and a namespace. The stricter of the two wins, and what says nothing counts as production:
/// a guess may tighten the policy, never loosen it.
pub fn guess(context: &str, namespace: &str) -> Guess {
    let said = tier_of(context, true).max(tier_of(namespace, false));
    let known = if context.is_empty() { namespace } else { context };
    let name = said.map_or(known, |tier| tier.name());
    Guess { tier: said.unwrap_or(Tier::Production), name: Name::new(if name.is_empty() { Tier::Production.name() } else { name }), guessed: true }
}

/// The strictest tier that a word of `name` stands for. Whole words only: `prepaid` is not `pre`. A number at the end counts on (`prod2`).
fn tier_of(name: &str, is_context: bool) -> Option<Tier> {
    let name = name.to_lowercase();
    let words = name.split(|c: char| "-_./@: ".contains(c)).map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
    words.filter_map(|word| word_tier(word, is_context)).max()
}

fn word_tier(word: &str, is_context: bool) -> Option<Tier> {
    if is_context && OWN_MACHINE.contains(&word) {
        return Some(Tier::Development);
    }
    WORDS.iter().find(|(_, words)| words.contains(&word)).map(|(tier, _)| *tier)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(context: &str, namespace: &str) -> Tier {
        guess(context, namespace).tier
    }

    fn rule(name: &str, tier: Option<Tier>, matches: Vec<Match>) -> EnvironmentRule {
        let name = Name::new(name);
        EnvironmentRule { name, tier, matches, locked: true, allow_insecure_writes: false, automatic: Automatic::Off, settle: Environment::SETTLE }
    }

    fn environment(rules: &[EnvironmentRule], source: &str, context: &str, namespace: &str, labels: &[(&str, &str)]) -> Environment {
        let (source, place, labels) = (SourceId::new(source), Place::new(context, namespace), Labels::new(labels.iter().copied()));
        Environment::of(rules, &Whereabouts { source: &source, place: &place, labels: &labels })
    }

    #[test]
    fn tiers_are_ordered_by_strictness() {
        assert!(Tier::ALL.is_sorted());
        assert_eq!(Tier::ALL.iter().max(), Some(&Tier::Production));
    }

    #[test]
    fn whole_words_of_context_and_namespace_are_read_and_the_stricter_wins() {
        let cases = [
            ("prod-eu", "shop", Tier::Production),
            ("prod-eu", "prepaid", Tier::Production),
            ("prod-eu", "dev", Tier::Production),
            ("staging", "shop", Tier::Staging),
            ("staging", "prod", Tier::Production),
            ("acme", "qa", Tier::Testing),
            ("acme", "shop_uat", Tier::Testing),
            ("acme", "shop.stg", Tier::Staging),
            ("acme.pre/eu", "", Tier::Staging),
            ("pre-prod", "", Tier::Production),
            ("preprod", "", Tier::Staging),
            ("dev-cluster", "default", Tier::Development),
            ("gke_acme_europe-west1_PRD", "", Tier::Production),
            ("arn:aws:eks:eu-west-1:1234:cluster/acme-dev", "", Tier::Development),
            ("admin@live", "", Tier::Production),
            ("prod2", "", Tier::Production),
            ("local", "", Tier::Development),
        ];
        for (context, namespace, expected) in cases {
            assert_eq!(tier(context, namespace), expected, "{context} {namespace}");
        }
    }

    #[test]
    fn what_says_nothing_counts_as_production() {
        for (context, namespace) in [("", ""), ("acme", "shop"), ("acme", "prepaid"), ("reproduction", "latest"), ("devon", "testament"), ("acme", "kind")] {
            assert_eq!(tier(context, namespace), Tier::Production, "{context} {namespace}");
        }
        assert_eq!(guess("acme", "shop").name.raw(), "acme");
        assert_eq!(guess("", "").name.raw(), "production");
    }

    #[test]
    fn clusters_on_ones_own_machine_are_development() {
        for context in ["minikube", "kind-lab", "k3d-lab", "docker-desktop", "rancher-desktop", "orbstack", "colima"] {
            assert_eq!(tier(context, "default"), Tier::Development, "{context}");
        }
        assert_eq!(tier("kind-prod", "default"), Tier::Production);
    }

    #[test]
    fn a_guess_is_drawn_with_a_question_mark() {
        assert_eq!(&*environment(&[], "kubernetes/prod-eu", "prod-eu", "shop", &[]).label(), "production?");
        let declared = rule("production", Some(Tier::Production), vec![]);
        assert_eq!(&*environment(&[declared], "kubernetes/prod-eu", "prod-eu", "shop", &[]).label(), "production");
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let shop = Match { source: Some("kubernetes/prod-*".into()), namespace: Some("shop-*".into()), ..Match::default() };
        let labelled = Match { labels: vec![("env".into(), "prod".into())], ..Match::default() };
        let rules = [
            rule("live", Some(Tier::Production), vec![shop, labelled]),
            rule("rest", Some(Tier::Testing), vec![Match { context: Some("*".into()), ..Match::default() }]),
        ];
        let name = |namespace: &str, labels: &[(&str, &str)]| environment(&rules, "kubernetes/prod-eu", "prod-eu", namespace, labels).name.raw().to_owned();
        assert_eq!(name("shop-eu", &[]), "live");
        assert_eq!(name("other", &[("env", "prod")]), "live");
        assert_eq!(name("other", &[("env", "test")]), "rest");
    }

    #[test]
    fn a_rule_without_match_is_about_the_guess_of_its_name() {
        let rules = [rule("production", None, vec![])];
        let production = environment(&rules, "kubernetes/prod-eu", "prod-eu", "shop", &[]);
        assert!(production.locked && production.guessed && production.tier == Tier::Production);
        assert!(!environment(&rules, "kubernetes/dev", "dev", "shop", &[]).locked);
    }

    #[test]
    fn a_rule_without_tier_takes_it_from_its_name_and_a_name_that_says_nothing_is_production() {
        let all = || vec![Match { context: Some("*".into()), ..Match::default() }];
        assert_eq!(environment(&[rule("qa", None, all())], "docker/x", "x", "", &[]).tier, Tier::Testing);
        assert_eq!(environment(&[rule("blue", None, all())], "docker/dev", "dev", "", &[]).tier, Tier::Production);
    }

    #[test]
    fn a_glob_has_stars_and_question_marks_and_ends_in_good_time() {
        for (pattern, text) in [("*", ""), ("shop-*", "shop-eu"), ("*-eu", "shop-eu"), ("s*p-?u", "shop-eu"), ("a*b*c", "axxbxbc"), ("é?", "éa")] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("shop", "shop-eu"), ("?", ""), ("a*b", "abc"), ("Shop", "shop")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
        assert!(!glob(&"*a".repeat(40), &"a".repeat(39)));
    }
}
