//! Where a GitLab is, what it is called, and how it knows us.

use crate::{
    clean,
    config::Credential,
    sources::http::{Auth, HeaderName, Url},
    text::Clean,
};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// One GitLab: gitlab.com, or a server of one's own, which may lie below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// As people and `glab` call it.
    pub host: String,
    /// Where its REST API begins.
    pub api: String,
}

impl Place {
    /// gitlab.com itself.
    pub fn cloud() -> Self {
        Self { host: "gitlab.com".into(), api: "https://gitlab.com/api/v4".into() }
    }

    /// The GitLab at `url`: a host alone, its web address, or the address of its API.
    ///
    /// # Errors
    /// Why that is none.
    pub fn at(url: &str) -> Result<Self, Clean> {
        let whole = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
        let wrong = |why: &str| clean!("url is not the address of a GitLab ({why}); write \"gitlab.com\" or \"https://gitlab.acme.example\"");
        let parsed = Url::parse(&whole).map_err(|error| wrong(&error.to_string()))?;
        let name = parsed.host_str().ok_or_else(|| wrong("it has no host"))?;
        let host = parsed.port().map_or(name.to_owned(), |port| format!("{name}:{port}"));
        let path = parsed.path().trim_end_matches('/');
        let path = path.strip_suffix("/api/v4").unwrap_or(path);
        Ok(Self { api: format!("{}://{host}{path}/api/v4", parsed.scheme()), host })
    }

    /// Where its GraphQL is.
    pub fn graph(&self) -> Option<Url> {
        Url::parse(&format!("{}/graphql", self.api.trim_end_matches("/v4"))).ok()
    }

    /// Whether it is gitlab.com.
    pub fn is_cloud(&self) -> bool {
        self.host == "gitlab.com"
    }
}

/// Whether `text` can be the path of a project: groups, sub-groups and its own name.
pub(super) fn is_project(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !matches!(part, "." | ".." | "-") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b));
    text.contains('/') && text.split('/').all(part)
}

/// What kind of token it is: most go the same way, that of a CI job does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TokenKind {
    /// Personal, of a project or a group, or by impersonation.
    #[default]
    Access,
    /// By OAuth, as `glab auth login` makes one in a browser.
    OAuth,
    /// Of a CI job (`CI_JOB_TOKEN`).
    Job,
}

impl TokenKind {
    /// How a token of this kind is sent.
    pub fn auth(self, credential: Credential) -> Auth {
        match self {
            Self::Access => Auth::Header(HeaderName::from_static("private-token"), credential),
            Self::OAuth => Auth::Bearer(credential),
            Self::Job => Auth::Header(HeaderName::from_static("job-token"), credential),
        }
    }
}

/// What can be found out about logins without starting a program.
pub(super) struct Logins {
    variable: fn(&str) -> Option<String>,
    hosts: String,
    glab: bool,
}

/// The variables in which `glab` looks for a token, and what kind each holds.
const VARIABLES: [(&str, TokenKind); 3] = [("GITLAB_TOKEN", TokenKind::Access), ("GITLAB_ACCESS_TOKEN", TokenKind::Access), ("OAUTH_TOKEN", TokenKind::OAuth)];

impl Logins {
    /// Those of the person who started us.
    pub fn here() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let hosts = files(variable).into_iter().find_map(|file| fs::read_to_string(file).ok());
        let path = variable("PATH").unwrap_or_default();
        let glab = std::env::split_paths(&path).any(|dir| dir.is_absolute() && Path::new(&dir).join("glab").is_file());
        Self { variable, hosts: hosts.unwrap_or_default(), glab }
    }

    /// Whether the person has logged in at `host`, or named it: only then may its name in a clone's settings be believed.
    pub fn knows(&self, host: &str) -> bool {
        let named = |variable: &str| (self.variable)(variable).is_some_and(|named| named.trim_start_matches("https://").eq_ignore_ascii_case(host));
        named("GITLAB_HOST") || named("GITLAB_URI") || self.logged_in(host)
    }

    /// `glab` lists the hosts it knows as keys below `hosts:`.
    fn logged_in(&self, host: &str) -> bool {
        let below = self.hosts.lines().skip_while(|line| line.trim_end() != "hosts:").skip(1);
        let mut keys = below.take_while(|line| line.starts_with(char::is_whitespace)).filter_map(|line| line.trim().strip_suffix(':'));
        keys.any(|key| key.trim_matches(['"', '\'']).eq_ignore_ascii_case(host))
    }

    /// The token that `glab` would use at `place`. Variables are for gitlab.com, or for the server that the person named.
    pub fn credential(&self, place: &Place, asked: bool) -> Option<(Credential, TokenKind)> {
        let believed = place.is_cloud() || asked || self.knows(&place.host);
        let variable = VARIABLES.into_iter().find(|(name, _)| believed && (self.variable)(name).is_some());
        if let Some((name, kind)) = variable {
            return Some((Credential::Env(name.into()), kind));
        }
        let glab = ["glab", "config", "get", "token", "--host", &place.host].map(String::from);
        // What it holds may come from a browser or not: as a bearer both are taken.
        (self.glab && self.logged_in(&place.host)).then(|| (Credential::Command(glab.to_vec()), TokenKind::OAuth))
    }
}

fn files(variable: fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let home = || variable("HOME").map(PathBuf::from);
    let own = variable("GLAB_CONFIG_DIR").map(PathBuf::from);
    let old = home().map(|home| home.join(".config/glab-cli"));
    let xdg = variable("XDG_CONFIG_HOME").map(|dir| PathBuf::from(dir).join("glab-cli"));
    [own, old, xdg].into_iter().flatten().map(|dir| dir.join("config.yml")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gitlab_may_lie_below_a_path() {
        for (url, host, api) in [
            ("gitlab.com", "gitlab.com", "https://gitlab.com/api/v4"),
            ("https://gitlab.acme.example/", "gitlab.acme.example", "https://gitlab.acme.example/api/v4"),
            ("https://acme.example:8443/gitlab/api/v4/", "acme.example:8443", "https://acme.example:8443/gitlab/api/v4"),
            ("http://127.0.0.1:4010", "127.0.0.1:4010", "http://127.0.0.1:4010/api/v4"),
        ] {
            let place = Place::at(url).unwrap();
            assert_eq!((place.host.as_str(), place.api.as_str()), (host, api), "{url}");
        }
        assert_eq!(Place::at("gitlab.com").unwrap(), Place::cloud());
        assert!(Place::at("https://").is_err());
    }

    #[test]
    fn a_project_lies_in_groups_and_sub_groups() {
        assert!(is_project("acme/cart") && is_project("acme/shop/back-end/cart.api"));
        for wrong in ["cart", "acme/", "/cart", "acme//cart", "acme/..", "acme/-/cart", "acme/ca rt", "acme/cart?x"] {
            assert!(!is_project(wrong), "{wrong}");
        }
    }

    fn logins(variable: fn(&str) -> Option<String>, hosts: &str) -> Logins {
        Logins { variable, hosts: hosts.into(), glab: true }
    }

    const HOSTS: &str =
        "check_update: false\nhosts:\n    gitlab.com:\n        token: \"\"\n    \"git.acme.example\":\n        api_protocol: https\nglab_pager: less\n";

    #[test]
    fn no_token_goes_to_a_server_that_nobody_named() {
        let said = |found: Option<(Credential, TokenKind)>| found.map_or("none".into(), |(credential, kind)| format!("{credential} {kind:?}"));
        let all: fn(&str) -> Option<String> = |name| (!matches!(name, "GITLAB_HOST" | "GITLAB_URI")).then(|| "x".into());
        let nothing: fn(&str) -> Option<String> = |_| None;
        let server = |host: &str| Place::at(host).unwrap();
        assert_eq!(said(logins(all, HOSTS).credential(&Place::cloud(), false)), "the variable GITLAB_TOKEN Access");
        assert_eq!(said(logins(nothing, HOSTS).credential(&Place::cloud(), false)), "the program glab OAuth");
        assert_eq!(said(logins(nothing, HOSTS).credential(&server("git.acme.example"), false)), "the program glab OAuth");
        assert_eq!(said(logins(all, HOSTS).credential(&server("evil.example"), false)), "none");
        assert_eq!(said(logins(all, HOSTS).credential(&server("evil.example"), true)), "the variable GITLAB_TOKEN Access");
        assert_eq!(said(logins(nothing, "").credential(&Place::cloud(), false)), "none");
        let named = logins(|name| (name == "GITLAB_HOST").then(|| "https://Git.two.example".into()), "");
        assert!(named.knows("git.two.example") && !named.knows("glab_pager"));
    }

    #[test]
    fn each_kind_of_token_is_sent_in_its_own_way() {
        let of = |kind: TokenKind| match kind.auth(Credential::Env("X".into())) {
            Auth::Header(name, _) => name.to_string(),
            Auth::Bearer(_) => "bearer".into(),
            Auth::Basic { .. } => "basic".into(),
        };
        assert_eq!([TokenKind::Access, TokenKind::OAuth, TokenKind::Job].map(of), ["private-token", "bearer", "job-token"]);
    }
}
