//! Which gate a job counts for, told by its name: the same for every CI.

use crate::{
    config,
    domain::{GateKind, glob},
};
use regex::{RegexSet, RegexSetBuilder};
use std::sync::LazyLock;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Looks for secrets in the code.
    SecretScan,
    /// Looks for known holes in an image.
    ImageScan,
    /// Looks for known holes in what the code depends on.
    DependencyScan,
    /// Licences, provenance, signatures, policies.
    Compliance,
    /// Tries what was just deployed.
    Smoke,
    /// Measures speed.
    Performance,
    /// Tests several parts together.
    Integration,
    /// Counts what the tests reach.
    Coverage,
    /// Looks for faults in the code without running it, or from outside while it runs.
    StaticAnalysis,
    /// Tests the parts alone.
    Unit,
    /// Brings it out.
    Deploy,
    /// Makes it.
    Build,
}

/// The classes and how their jobs are called, in any case. The first one that fits wins, so the order matters: `test image scan` is an image
/// scan, `integration tests` are no unit tests.
const CLASSES: [(Class, &str); 12] = [
    (Class::SecretScan, r"(gitleaks|trufflehog|detect[ _-]?secrets?|ggshield|gitguardian|secret[ _-]?(scan|detect|push|leak)|credential[ _-]?scan)"),
    (
        Class::ImageScan,
        r"((container|docker|image|oci)[ _/:-]*(vuln\w*|security)?[ _/:-]*(scan\w*|audit)|scan[ _/:-]*(container|image)|\b(trivy|grype|clair|anchore|prisma[ _-]?cloud|twistlock|docker[ _-]?scout|wiz|xray|dockle|sysdig|lacework)\b)",
    ),
    (
        Class::DependencyScan,
        r"(depend\w*[ _/:-]*(scan\w*|check|review|audit)|\b(snyk|owasp|dependabot|renovate|osv([ _-]?scanner)?|npm[ _-]?audit|yarn[ _-]?audit|pip[ _-]?audit|cargo[ _-]?(audit|deny)|govulncheck|bundler?[ _-]?audit|safety|sca|mend|whitesource|black[ _-]?duck|nancy|nexus[ _-]?iq|vuln(erabilit(y|ies))?)\b)",
    ),
    (
        Class::Compliance,
        r"(complian\w*|licen[cs]e[ _-]?(check|scan\w*|finder|lint)|\b(sbom|syft|cyclonedx|spdx|slsa|provenance|attest\w*|cosign|sign(ing|ature)?|policy|opa|conftest|kyverno|checkov|tfsec|terrascan|kics|fossa|reuse|dco|cla|scorecard)\b)",
    ),
    (Class::Smoke, r"\b(smoke|sanity|synthetic|post[ _-]?deploy|health[ _-]?check|verify[ _-]?(deploy|rollout|release))"),
    (Class::Performance, r"(\bperf\w*\b|load[ _-]?test|stress[ _-]?test|bench\w*|\b(k6|gatling|jmeter|locust|lighthouse|artillery)\b|soak)"),
    (
        Class::Integration,
        r"(integration|\b(e2e|end[ _-]?to[ _-]?end|acceptance|system[ _-]?tests?|functional|contract|pact|cypress|playwright|selenium|webdriver|it|api[ _-]?tests?|testcontainers|ui[ _-]?tests?)\b|browser[ _-]?tests?)",
    ),
    (Class::Coverage, r"(\bcover(age|ed)?\b|codecov|coveralls|jacoco|cobertura|\blcov\b|tarpaulin|llvm[ _-]?cov|simplecov)"),
    (
        Class::StaticAnalysis,
        r"(\b(lint\w*|eslint|pylint|ruff|flake8|mypy|pyright|clippy|rustfmt|fmt|format(ting)?|prettier|checkstyle|spotbugs|pmd|detekt|ktlint|rubocop|golangci|go[ _-]?vet|staticcheck|shellcheck|hadolint|yamllint|actionlint|semgrep|bandit|brakeman|gosec|tsc|type[ _-]?check|typecheck|sast|dast|codeql|sonar\w*|code[ _-]?(quality|scanning|style|climate)|static[ _-]?(analysis|checks?)|qodana|coverity|fortify|veracode|checkmarx|mobsf|kubesec|zap|fuzz(ing)?|pre[ _-]?commit|vet)\b|code[ _-]?analysis)",
    ),
    (
        Class::Unit,
        r"(\b(unit|test|tests|testing|spec|specs|rspec|jest|vitest|mocha|pytest|tox|nox|nextest|junit|karma|phpunit|surefire|gotest|go[ _-]?test|cargo[ _-]?test|mvn[ _-]?test|check)\b|unittest\w*)",
    ),
    (
        Class::Deploy,
        r"\b((deploy|release|rollout|promote|publish|ship|canary|rollback)(ment|s|ed|ing)?|helm[ _-]?(upgrade|install)|(kubectl|terraform)[ _-]?apply|argo[ _-]?cd)\b",
    ),
    (
        Class::Build,
        r"\b(build\w*|compil\w*|package|packaging|assemble|bundle|docker|image|kaniko|buildx|jib|make|dist|artifact\w*|wheel|webpack|gradle|maven|mvn)\b",
    ),
];

static NAMES: LazyLock<RegexSet> = LazyLock::new(|| {
    let set = RegexSetBuilder::new(CLASSES.map(|(_, names)| names)).case_insensitive(true).unicode(false).build();
    set.expect("the table is fixed and a test builds it")
});

/// What stands between the words of a name.
const BETWEEN: &[char] = &['_', '/', ':', '.', '(', ')', '[', ']', ',', '-', ' '];

impl Class {
    /// What a job of this name does.
    pub fn of(name: &str) -> Option<Self> {
        let words = name.split(BETWEEN).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let first = |text: &str| NAMES.matches(text).iter().next();
        let found = [first(&words), first(name)].into_iter().flatten().min()?;
        Some(CLASSES[found].0)
    }

    /// The gate that its jobs count for.
    pub const fn gate(self) -> GateKind {
        match self {
            Self::Build | Self::Unit | Self::Coverage => GateKind::Build,
            Self::SecretScan | Self::ImageScan | Self::DependencyScan | Self::StaticAnalysis | Self::Compliance => GateKind::Security,
            Self::Integration | Self::Performance | Self::Smoke | Self::Deploy => GateKind::Deployment,
        }
    }
}

/// Tells the gate of a job: what the configuration says of its repository first, then what it says of all, then what the job's own name says, then
/// what its workflow's says.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    own: Vec<(String, Ruled)>,
    all: Ruled,
}

/// Parts of names, in small letters, and the gate that each stands for; none stands for no gate at all.
type Ruled = Vec<(String, Option<GateKind>)>;

fn ruled(names: config::Names<'_>) -> Ruled {
    let of = |(gate, names): (Option<GateKind>, &[String])| names.iter().map(move |name| (name.trim().to_lowercase(), gate)).collect::<Ruled>();
    names.into_iter().flat_map(of).filter(|(name, _)| !name.is_empty()).collect()
}

/// The gate of the longest part of a name that is there: it says most. Of two that are as long the first.
fn longest(rules: &Ruled, lower: &str) -> Option<Option<GateKind>> {
    let there = rules.iter().rev().filter(|(name, _)| lower.contains(name.as_str()));
    there.max_by_key(|(name, _)| name.len()).map(|(_, gate)| *gate)
}

impl Gates {
    /// The rules of `[gates]`.
    pub fn new(rules: &config::Gates) -> Self {
        let own = rules.repository.iter().map(|one| (one.name.0.clone(), ruled(one.names()))).collect();
        Self { own, all: ruled(rules.names()) }
    }

    /// The gate of `job` in `workflow` (a stage, where a CI has those) of `repository`; none where nothing tells, or a rule says so.
    pub fn of(&self, repository: &str, job: &str, workflow: &str) -> Option<GateKind> {
        let lower = job.to_lowercase();
        let own = self.own.iter().find(|(name, _)| glob(name, repository)).and_then(|(_, rules)| longest(rules, &lower));
        match own.or_else(|| longest(&self.all, &lower)) {
            Some(ruled) => ruled,
            None => Class::of(job).or_else(|| Class::of(workflow)).map(Class::gate).or_else(|| by_hint(&[job, workflow])),
        }
    }
}

/// `scan` in a workflow called `Security` fits no class, and still says what it is.
fn by_hint(names: &[&str]) -> Option<GateKind> {
    names.iter().any(|name| name.to_ascii_lowercase().contains("security")).then_some(GateKind::Security)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_known_by_the_names_that_people_give_them() {
        for (class, names) in [
            (Class::SecretScan, &["gitleaks", "secret_detection", "GitGuardian Security Checks", "Detect secrets", "trufflehog / scan"][..]),
            (
                Class::ImageScan,
                &["trivy", "container_scanning", "Scan image", "docker-scan (amd64)", "image vulnerability scan", "build / trivy", "JFrog Xray"],
            ),
            (
                Class::DependencyScan,
                &[
                    "dependency-check",
                    "gemnasium-dependency_scanning",
                    "npm audit",
                    "security/snyk (acme)",
                    "cargo-deny",
                    "Dependency Review",
                    "vuln-scan",
                    "Scan vulnerabilities",
                ],
            ),
            (Class::Compliance, &["SBOM", "license_scanning", "DCO", "license/cla", "cosign sign", "checkov", "kics-iac-sast", "policy check"]),
            (Class::Smoke, &["smoke", "Smoke tests (staging)", "post-deploy checks", "verify-rollout", "health check"]),
            (Class::Performance, &["perf", "load_performance", "k6", "benchmarks", "browser_performance", "soak"]),
            (Class::Integration, &["integration-tests", "e2e (chrome)", "it", "acceptance", "contract tests", "Playwright"]),
            (Class::Coverage, &["coverage", "codecov/project", "codecov/patch", "cargo tarpaulin"]),
            (
                Class::StaticAnalysis,
                &[
                    "lint",
                    "semgrep-sast",
                    "CodeQL",
                    "Analyze (go) / codeql",
                    "SonarCloud Code Analysis",
                    "pre-commit.ci - pr",
                    "clippy",
                    "code_quality",
                    "type-check",
                    "Coverity Scan",
                    "veracode",
                    "Checkmarx One",
                    "zap-baseline",
                ],
            ),
            (Class::Unit, &["test (3.12, ubuntu)", "unit", "pytest", "build-and-test", "check", "nextest"]),
            (Class::Deploy, &["deploy production", "release", "publish / npm", "canary", "Promote to prod", "helm upgrade", "terraform-apply"]),
            (Class::Build, &["build", "Build (linux/amd64)", "compile", "docker", "mvn package"]),
        ] {
            names.iter().for_each(|name| assert_eq!(Class::of(name), Some(class), "{name}"));
        }
    }

    #[test]
    fn names_that_say_nothing_are_no_gate() {
        for name in ["", "setup", "notify", "linux", "Analyze (go)", "changes", "prepare", "🚀", "iteration", "buil"] {
            assert_eq!(Class::of(name), None, "{name}");
        }
    }

    #[test]
    fn every_class_counts_for_one_gate() {
        let gate = |name: &str| Gates::default().of("acme/cart", name, "");
        for (kind, names) in [
            (GateKind::Build, ["compile", "unit", "coverage"].as_slice()),
            (GateKind::Security, &["gitleaks", "trivy", "npm audit", "clippy", "sbom"]),
            (GateKind::Deployment, &["e2e", "k6", "smoke", "deploy"]),
        ] {
            names.iter().for_each(|name| assert_eq!(gate(name), Some(kind), "{name}"));
        }
    }

    #[test]
    fn the_workflow_is_asked_where_the_job_says_nothing() {
        let gates = Gates::default();
        assert_eq!(gates.of("", "linux", "Build and package"), Some(GateKind::Build));
        assert_eq!(gates.of("", "scan", "Security"), Some(GateKind::Security));
        assert_eq!(gates.of("", "linux", "CI"), None);
        assert_eq!(gates.of("", "deploy", "Security"), Some(GateKind::Deployment), "the job's own name first");
    }

    #[test]
    fn the_names_of_gitlabs_own_templates_are_known() {
        // The templates of GitLab's documentation.
        for (name, kind) in [
            ("semgrep-sast", GateKind::Security),
            ("gemnasium-dependency_scanning", GateKind::Security),
            ("container_scanning", GateKind::Security),
            ("secret_detection", GateKind::Security),
            ("license_scanning", GateKind::Security),
            ("iac-sast", GateKind::Security),
            ("kics-iac-sast", GateKind::Security),
            ("code_quality", GateKind::Security),
            ("dast", GateKind::Security),
            ("browser_performance", GateKind::Deployment),
            ("load_performance", GateKind::Deployment),
        ] {
            assert_eq!(Gates::default().of("", name, "test"), Some(kind), "{name}");
        }
    }

    fn rules(text: &str) -> Gates {
        let config = config::Layers::new().file("c.toml".as_ref(), text).read().unwrap_or_else(|errors| panic!("{errors:?}"));
        Gates::new(&config.gates)
    }

    #[test]
    fn the_configuration_goes_before_the_guess() {
        let gates = rules("[gates]\nsecurity = ['Acme-Guard', ' ']\nbuild = ['pages']\ndeploy = ['tests on staging']\nnone = ['nightly']\n");
        let of = |job: &str| gates.of("acme/cart", job, "CI");
        assert_eq!(of("build with acme-guard"), Some(GateKind::Security));
        assert_eq!(of("build"), Some(GateKind::Build), "what no rule names is guessed");
        assert_eq!(of("deploy pages"), Some(GateKind::Build));
        assert_eq!(of("Nightly build"), None, "a rule may say that it counts for nothing");
        assert_eq!(of("nightly acme-guard"), Some(GateKind::Security), "the longer part says more");
    }

    #[test]
    fn a_repository_goes_before_all() {
        let own = "[[gates.repository]]\nname = 'acme/*-web'\nnone = ['trivy']\ndeploy = ['build']\n[[gates.repository]]\nname = '*'\nsecurity = ['compile']\n";
        let gates = rules(own);
        assert_eq!(gates.of("acme/shop-web", "trivy", "Security"), None, "the first table that fits counts");
        assert_eq!(gates.of("acme/shop-web", "build", ""), Some(GateKind::Deployment));
        assert_eq!(gates.of("acme/shop-web", "compile", ""), Some(GateKind::Build), "the second table is not asked");
        assert_eq!(gates.of("acme/cart", "compile", ""), Some(GateKind::Security));
        assert_eq!(gates.of("acme/cart", "trivy", "CI"), Some(GateKind::Security), "what is built in holds for all");
    }
}
