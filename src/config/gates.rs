//! `[gates]`: which jobs count for which gate, and what a run must show, for all repositories and for some by themselves.

use super::{model::Gates, values::Ratio};
use crate::domain::{Demand, Demands, GateKind};
use schemars::JsonSchema;
use serde::Deserialize;

/// A gate by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GateName {
    /// Compiled, unit tests, coverage.
    Build,
    /// Static analysis, dependencies, secrets, images, compliance.
    Security,
    /// Integration, performance, smoke, the deployment itself.
    Deploy,
}

impl From<GateName> for GateKind {
    fn from(name: GateName) -> Self {
        match name {
            GateName::Build => Self::Build,
            GateName::Security => Self::Security,
            GateName::Deploy => Self::Deployment,
        }
    }
}

/// Which repository: its name as its CI has it, which may have `*` and `?`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct RepositoryName(pub String);

impl TryFrom<String> for RepositoryName {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        if name.trim().is_empty() { Err("this names no repository; write it as \"acme/cart\" or \"acme/*\"".into()) } else { Ok(Self(name)) }
    }
}

/// One `[[gates.repository]]`: what is silent here is as for all.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryGates {
    /// Which repositories; the first table that fits counts.
    pub name: RepositoryName,
    /// Part of the lines that tests reach.
    pub coverage: Option<Ratio>,
    /// The gates that a run must have.
    pub required: Option<Vec<GateName>>,
    /// Names of jobs, or parts of them, that count for the build.
    #[serde(default)]
    pub build: Vec<String>,
    /// Names of jobs, or parts of them, that are security checks.
    #[serde(default)]
    pub security: Vec<String>,
    /// Names of jobs, or parts of them, that count for the deployment.
    #[serde(default)]
    pub deploy: Vec<String>,
    /// Names of jobs, or parts of them, that count for no gate.
    #[serde(default)]
    pub none: Vec<String>,
}

/// Names of jobs, or parts of them, and the gate that each stands for.
pub type Names<'a> = [(Option<GateKind>, &'a [String]); 4];

impl RepositoryGates {
    /// Which jobs count for which gate.
    pub fn names(&self) -> Names<'_> {
        named(&self.none, &self.build, &self.security, &self.deploy)
    }
}

impl Gates {
    /// Which jobs count for which gate, in repositories that have no rule for them.
    pub fn names(&self) -> Names<'_> {
        named(&self.none, &self.build, &self.security, &self.deploy)
    }

    /// What runs must show.
    pub fn demands(&self) -> Demands {
        let demand = |required: &[GateName], coverage: Ratio| Demand { gates: required.iter().copied().map(Into::into).collect(), coverage: coverage.0 };
        let own = |one: &RepositoryGates| {
            let demand = demand(one.required.as_ref().unwrap_or(&self.required), one.coverage.unwrap_or(self.coverage));
            (one.name.0.clone(), demand)
        };
        Demands { own: self.repository.iter().map(own).collect(), rest: demand(&self.required, self.coverage) }
    }
}

fn named<'a>(none: &'a [String], build: &'a [String], security: &'a [String], deploy: &'a [String]) -> Names<'a> {
    [(None, none), (Some(GateKind::Build), build), (Some(GateKind::Deployment), deploy), (Some(GateKind::Security), security)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Layers, text::Name};

    fn errors(text: &str) -> String {
        let told = Layers::new().file("c.toml".as_ref(), text).read().expect_err("it is wrong");
        told.iter().map(|error| format!("{}: {}", error.place(), error.what())).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_silent_for_a_repository_is_as_for_all() {
        let text = "[gates]\ncoverage = 0.9\nrequired = ['build', 'deploy']\n[[gates.repository]]\nname = 'acme/docs*'\nrequired = ['build']\n\
                    [[gates.repository]]\nname = 'acme/cart'\ncoverage = 0.5\n";
        let demands = Layers::new().file("c.toml".as_ref(), text).read().expect("it is right").rules().demands;
        let of = |name: &str| demands.of(&Name::new(name)).clone();
        assert_eq!(of("acme/docs-site"), Demand { gates: vec![GateKind::Build], coverage: 0.9 });
        assert_eq!(of("acme/cart"), Demand { gates: vec![GateKind::Build, GateKind::Deployment], coverage: 0.5 });
        assert_eq!(of("acme/shop"), Demand { gates: vec![GateKind::Build, GateKind::Deployment], coverage: 0.9 });
    }

    #[test]
    fn what_can_not_be_is_told_at_its_place() {
        let wrong = errors("[gates]\nrequired = ['deply']\n");
        assert!(wrong.starts_with("c.toml:2:13: ") && wrong.contains("deply"), "{wrong}");
        let nameless = errors("[[gates.repository]]\nname = ' '\n");
        assert!(nameless.starts_with("c.toml:2:8: ") && nameless.contains("names no repository"), "{nameless}");
        assert!(errors("[[gates.repository]]\nsecurity = ['x']\n").contains("name"), "a table without a name");
        assert!(errors("[[gates.repository]]\nname = 'a'\ncoverage = 80\n").contains("0.8"), "percent for a part of the whole");
    }
}
