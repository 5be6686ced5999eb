//! Where a GitHub is, and what it is called.

use crate::{clean, sources::http::Url, text::Clean};

/// One GitHub: github.com, a company's own part of it (`acme.ghe.com`), or an Enterprise Server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// As people and `gh` call it.
    pub host: String,
    /// Where its REST API begins.
    pub api: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Cloud,
    Resident,
    Server,
}

impl Place {
    /// github.com itself.
    pub fn cloud() -> Self {
        Self { host: "github.com".into(), api: "https://api.github.com".into(), kind: Kind::Cloud }
    }

    /// The GitHub at `url`: a host alone, its web address, or the address of its API.
    ///
    /// # Errors
    /// Why that is none.
    pub fn at(url: &str) -> Result<Self, Clean> {
        let whole = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
        let wrong = |why: &str| clean!("url is not the address of a GitHub ({why}); write \"github.com\", \"acme.ghe.com\" or \"https://github.acme.example\"");
        let parsed = Url::parse(&whole).map_err(|error| wrong(&error.to_string()))?;
        let name = parsed.host_str().ok_or_else(|| wrong("it has no host"))?.to_owned();
        if matches!(name.as_str(), "github.com" | "www.github.com" | "api.github.com") {
            return Ok(Self::cloud());
        }
        if let Some(company) = name.strip_suffix(".ghe.com") {
            let host = format!("{}.ghe.com", company.strip_prefix("api.").unwrap_or(company));
            return Ok(Self { api: format!("https://api.{host}"), host, kind: Kind::Resident });
        }
        let host = parsed.port().map_or(name.clone(), |port| format!("{name}:{port}"));
        let path = match parsed.path().trim_end_matches('/') {
            "" => "/api/v3",
            path => path,
        };
        Ok(Self { api: format!("{}://{host}{path}", parsed.scheme()), host, kind: Kind::Server })
    }

    /// Whether it is github.com.
    pub fn is_cloud(&self) -> bool {
        self.kind == Kind::Cloud
    }

    /// The variables in which `gh` looks for a token for it.
    pub fn variables(&self) -> [&'static str; 2] {
        match self.kind {
            Kind::Cloud | Kind::Resident => ["GH_TOKEN", "GITHUB_TOKEN"],
            Kind::Server => ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"],
        }
    }
}

/// Whether `text` can be `owner/name`.
pub(super) fn is_repository(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !matches!(part, "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_github_has_its_api_somewhere_else() {
        for (url, host, api) in [
            ("github.com", "github.com", "https://api.github.com"),
            ("https://api.github.com/", "github.com", "https://api.github.com"),
            ("acme.ghe.com", "acme.ghe.com", "https://api.acme.ghe.com"),
            ("https://api.acme.ghe.com", "acme.ghe.com", "https://api.acme.ghe.com"),
            ("https://github.acme.example", "github.acme.example", "https://github.acme.example/api/v3"),
            ("https://github.acme.example:8443/api/v3/", "github.acme.example:8443", "https://github.acme.example:8443/api/v3"),
            ("http://127.0.0.1:4010", "127.0.0.1:4010", "http://127.0.0.1:4010/api/v3"),
        ] {
            let place = Place::at(url).unwrap();
            assert_eq!((place.host.as_str(), place.api.as_str()), (host, api), "{url}");
        }
        assert!(Place::at("https://").is_err() && Place::at("data:x").is_err());
    }

    #[test]
    fn a_repository_is_an_owner_and_a_name() {
        assert!(is_repository("acme/cart") && is_repository("a-b/c_d.e"));
        for wrong in ["cart", "acme/", "/cart", "acme/cart/x", "acme/..", "acme/ca rt", "acme/cart?x", "acme/ca\nrt"] {
            assert!(!is_repository(wrong), "{wrong}");
        }
    }
}
