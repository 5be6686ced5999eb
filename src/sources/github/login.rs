//! How GitHub knows us where the configuration does not say: what `gh` would use.

use super::place::Place;
use crate::config::Credential;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What can be found out about logins without starting a program.
pub(super) struct Logins {
    variable: fn(&str) -> Option<String>,
    hosts: String,
    gh: bool,
}

impl Logins {
    /// Those of the person who started us.
    pub fn here() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let hosts = folder(variable).and_then(|folder| fs::read_to_string(folder.join("hosts.yml")).ok());
        Self { variable, hosts: hosts.unwrap_or_default(), gh: is_in_path("gh", variable("PATH").as_deref().unwrap_or_default()) }
    }

    /// Whether the person has logged in at `host`, or named it: only then may its name in a clone's settings be believed.
    pub fn knows(&self, host: &str) -> bool {
        (self.variable)("GH_HOST").is_some_and(|named| named.eq_ignore_ascii_case(host)) || self.logged_in(host)
    }

    /// `gh` lists the hosts it knows as the keys of the outermost level.
    fn logged_in(&self, host: &str) -> bool {
        self.hosts.lines().any(|line| line.trim_end().strip_suffix(':').is_some_and(|key| key.trim_matches(['"', '\'']).eq_ignore_ascii_case(host)))
    }

    /// The token that `gh` would use at `place`. A server's variables are for the server that the person named, `asked` in the configuration or
    /// by `GH_HOST`, or has logged in at.
    pub fn credential(&self, place: &Place, asked: bool) -> Option<Credential> {
        let believed = place.is_cloud() || asked || self.knows(&place.host);
        let variable = place.variables().into_iter().find(|name| believed && (self.variable)(name).is_some());
        if let Some(name) = variable {
            return Some(Credential::Env(name.into()));
        }
        let gh = ["gh", "auth", "token", "--hostname", &place.host].map(String::from);
        (self.gh && self.logged_in(&place.host)).then(|| Credential::Command(gh.to_vec()))
    }
}

fn folder(variable: fn(&str) -> Option<String>) -> Option<PathBuf> {
    let config = || variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")));
    variable("GH_CONFIG_DIR").map(PathBuf::from).or_else(|| Some(config()?.join("gh")))
}

fn is_in_path(program: &str, path: &str) -> bool {
    std::env::split_paths(path).any(|dir| dir.is_absolute() && Path::new(&dir).join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins(variable: fn(&str) -> Option<String>, hosts: &str) -> Logins {
        Logins { variable, hosts: hosts.into(), gh: true }
    }

    fn said(credential: Option<Credential>) -> String {
        credential.map_or("none".into(), |credential| credential.to_string())
    }

    const NOTHING: fn(&str) -> Option<String> = |_| None;
    const ALL: fn(&str) -> Option<String> = |name| (!matches!(name, "GH_HOST")).then(|| "x".into());
    const HOSTS: &str = "github.com:\n    user: kim\n\"ghe.acme.example\":\n    git_protocol: ssh\n";

    #[test]
    fn variables_come_before_the_login_of_gh() {
        let cloud = Place::cloud();
        assert_eq!(said(logins(ALL, HOSTS).credential(&cloud, false)), "the variable GH_TOKEN");
        assert_eq!(said(logins(|name| (name == "GITHUB_TOKEN").then(String::new), HOSTS).credential(&cloud, false)), "the variable GITHUB_TOKEN");
        assert_eq!(said(logins(NOTHING, HOSTS).credential(&cloud, false)), "the program gh");
        assert_eq!(said(logins(NOTHING, "").credential(&cloud, false)), "none");
        assert_eq!(said(Logins { gh: false, ..logins(NOTHING, HOSTS) }.credential(&cloud, false)), "none");
    }

    #[test]
    fn no_token_goes_to_a_server_that_nobody_named() {
        let server = |host: &str| Place::at(host).unwrap();
        let stranger = server("https://evil.example");
        assert_eq!(said(logins(ALL, HOSTS).credential(&stranger, false)), "none");
        assert_eq!(said(logins(ALL, HOSTS).credential(&server("x.ghe.com"), false)), "none");
        assert_eq!(said(logins(ALL, HOSTS).credential(&stranger, true)), "the variable GH_ENTERPRISE_TOKEN");
        assert_eq!(said(logins(ALL, HOSTS).credential(&server("ghe.acme.example"), false)), "the variable GH_ENTERPRISE_TOKEN");
        let named = logins(|name| (name == "GH_HOST").then(|| "GHE.two.example".into()), "");
        assert!(named.knows("ghe.two.example") && !named.knows("ghe.acme.example"));
    }
}
