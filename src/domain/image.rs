//! Images, and what people call a version.

use crate::text::{Clean, Name};

/// An image as a workload names it, and what it resolved to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Image {
    /// The container it runs in; empty where there is only one.
    pub container: Name,
    /// The reference in the specification: `registry/shop/cart:2.8.0`.
    pub reference: Name,
    /// What it resolved to where it is known: `sha256:…`.
    pub digest: Option<Name>,
}

/// Tags that move: they say nothing about what runs.
const MOVING: &[&str] = &["latest", "main", "master", "stable", "edge", "nightly", "dev", "develop", "production", "staging"];

impl Image {
    /// The tag of the reference, if it has one: what follows the last `:` after the last `/`, before an `@`.
    pub fn tag(&self) -> Option<&str> {
        let reference = self.reference.raw().split('@').next().unwrap_or_default();
        let last = reference.rsplit('/').next().unwrap_or_default();
        last.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
    }

    /// The digest in the reference or the one it resolved to, without `sha256:`.
    pub fn digest_hex(&self) -> Option<&str> {
        let named = self.reference.raw().split_once('@').map(|(_, digest)| digest);
        named.or(self.digest.as_ref().map(Name::raw)).map(|digest| digest.rsplit(':').next().unwrap_or(digest))
    }

    /// Its repository in its registry, without tag and digest: `registry/shop/cart`.
    pub fn repository(&self) -> &str {
        let reference = self.reference.raw().split('@').next().unwrap_or_default();
        match reference.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => reference,
        }
    }

    /// The host of its registry; a reference without one means Docker Hub.
    pub fn registry(&self) -> &str {
        let first = self.reference.raw().split_once('/').map(|(first, _)| first);
        first.filter(|first| first.contains(['.', ':']) || *first == "localhost").unwrap_or("docker.io")
    }

    /// Whether the tag is one that moves, or missing: `latest` by another name.
    pub fn moves(&self) -> bool {
        !self.reference.raw().contains('@') && self.tag().is_none_or(|tag| MOVING.contains(&tag))
    }
}

/// What people call a version. Never a revision, which is always written `r41`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub Clean);

impl Version {
    /// Whether it is the name of what moves, and so none of a version.
    pub fn moves(&self) -> bool {
        MOVING.contains(&self.0.as_str())
    }

    /// The label `app.kubernetes.io/version`, else the tag unless it moves, else the short digest (DESIGN: nouns).
    pub fn of(label: Option<&Name>, images: &[Image]) -> Self {
        let Some(main) = images.first() else {
            return Self(label.map(|name| name.clean().clone()).unwrap_or_default());
        };
        if let Some(label) = label {
            return Self(label.clean().clone());
        }
        if !main.moves()
            && let Some(tag) = main.tag()
        {
            return Self(Clean::from_untrusted(tag));
        }
        if let Some(hex) = main.digest_hex() {
            return Self(Clean::from_untrusted(hex.get(..7).unwrap_or(hex)));
        }
        Self(Clean::from_untrusted(main.tag().unwrap_or("untagged")))
    }

    /// With the number of its revision, where the back end numbers them: `2.7.3 r41`.
    pub fn numbered(&self, number: u64) -> Clean {
        if number == 0 { self.0.clone() } else { crate::clean!("{} r{number}", self.0) }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(reference: &str, digest: Option<&str>) -> Image {
        Image { container: Name::default(), reference: Name::new(reference), digest: digest.map(Name::new) }
    }

    #[test]
    fn a_tag_is_what_follows_the_last_colon_of_the_last_part() {
        for (reference, tag) in [("a:1", Some("1")), ("r:5000/a", None), ("r:5000/a:2.8.0", Some("2.8.0")), ("a:1@sha256:ff", Some("1")), ("a", None)] {
            assert_eq!(image(reference, None).tag(), tag, "{reference}");
        }
    }

    #[test]
    fn a_repository_is_what_is_left_without_tag_and_digest() {
        for (reference, repository, registry) in [
            ("r:5000/a/b:2.8.0", "r:5000/a/b", "r:5000"),
            ("r:5000/a", "r:5000/a", "r:5000"),
            ("shop/a:1@sha256:ff", "shop/a", "docker.io"),
            ("localhost/a", "localhost/a", "localhost"),
            ("a", "a", "docker.io"),
        ] {
            let image = image(reference, None);
            assert_eq!((image.repository(), image.registry()), (repository, registry), "{reference}");
        }
    }

    #[test]
    fn a_version_is_the_label_then_a_settled_tag_then_the_digest() {
        let digest = Some("repo@sha256:3e9f1a2b77");
        assert_eq!(&*Version::of(Some(&Name::new("9")), &[image("a:1", None)]).0, "9");
        assert_eq!(&*Version::of(None, &[image("a:2.8.0", digest)]).0, "2.8.0");
        assert_eq!(&*Version::of(None, &[image("a:latest", digest)]).0, "3e9f1a2");
        assert_eq!(&*Version::of(None, &[image("a", None)]).0, "untagged");
    }
}
