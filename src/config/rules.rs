//! The configuration in the words of those who use it.

use super::{Config, Service};
use crate::{
    domain::{self, Environment, Match},
    store::{EnvironmentMatch, EnvironmentRule, Limits, Rules, ServiceRule},
    text::Name,
};

impl Config {
    /// The environments that were declared, with their policies.
    pub fn declared(&self) -> Vec<Environment> {
        self.environments.iter().map(domain::EnvironmentRule::environment).collect()
    }

    /// The services that have smoke requests; those of one environment only with its name.
    pub fn smoke(&self) -> Vec<(Name, Option<Name>)> {
        let of = |service: &Service| {
            let name = service.name.clone();
            service.smoke.iter().map(move |smoke| (name.clone(), smoke.environment.as_deref().map(Name::new))).collect::<Vec<_>>()
        };
        self.services.iter().flat_map(of).collect()
    }

    /// How rows join. An environment without `match` joins none: it is about the guess of its name, and is found by it.
    pub fn rules(&self) -> Rules {
        let services = self.services.iter().map(|service| ServiceRule {
            name: service.name.clone(),
            labels: service.labels.clone(),
            repository: service.repository.clone(),
            depends_on: service.depends_on.clone(),
        });
        let environments = self.environments.iter().map(rule).collect();
        Rules { environments, services: services.collect(), demands: self.gates.demands(), ..Rules::guessing(guess) }
    }

    /// From which value on errors and latency are trouble.
    pub fn limits(&self) -> Limits {
        Limits { error_rate: self.thresholds.error_rate.0, latency: self.thresholds.latency.0.as_secs_f64() }
    }
}

fn guess(place: &domain::Place) -> (crate::text::Name, domain::Tier) {
    let guess = domain::guess(place.context.raw(), place.namespace.raw());
    (guess.name, guess.tier)
}

fn rule(rule: &domain::EnvironmentRule) -> EnvironmentRule {
    let one = |m: &Match| {
        let Match { source, context, namespace, project, labels } = m.clone();
        EnvironmentMatch { source, context, namespace, project, labels }
    };
    EnvironmentRule { name: rule.name.clone(), tier: rule.environment().tier, matches: rule.matches.iter().map(one).collect() }
}

#[cfg(test)]
mod tests {
    use crate::{
        config::Layers,
        domain::{Place, Tier},
        text::Name,
    };
    use std::path::Path;

    #[test]
    fn what_is_written_is_what_joins() {
        let text = "[[environment]]\nname = \"shop-live\"\nmatch = [{ context = \"eu-*\", project = \"acme/*\" }]\nlocked = true\n\
                    [[service]]\nname = \"cart\"\nmatch = { label = \"app=basket\" }\n[thresholds]\nlatency = \"1500ms\"\n";
        let config = Layers::new().file(Path::new("c.toml"), text).read().unwrap();
        let rules = config.rules();
        assert_eq!((rules.environments[0].tier, rules.environments[0].matches[0].context.as_deref()), (Tier::Production, Some("eu-*")));
        assert_eq!(rules.services[0].labels, [("app".to_owned(), "basket".to_owned())]);
        assert_eq!(rules.guessed(&Place::new("prod-eu", "prepaid")).name, Name::new("production"));
        assert!(config.declared()[0].locked && config.declared()[0].guessed);
        assert_eq!(config.limits().latency, 1.5);
    }
}
