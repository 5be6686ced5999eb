//! Where an image says that it comes from.

use super::Run;
use crate::text::Name;

/// What whoever built an image wrote on it: annotations of its manifest, or labels of its configuration by the same names (OCI image specification,
/// annotations.md, "Pre-Defined Annotation Keys"). A claim of the builder, and no proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The commit, or as much of it as was written.
    pub commit: Name,
    /// The address of the repository; empty where it is not told.
    pub source: Name,
}

/// No address of a repository is longer.
const LONGEST: usize = 2_048;

impl Origin {
    const REVISION: &'static str = "org.opencontainers.image.revision";
    const SOURCE: &'static str = "org.opencontainers.image.source";

    /// Reads it out of labels; none where they name nothing that could be a commit of git, which is told in 7 to 64 hexadecimal digits.
    pub fn read<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let commit = label(Self::REVISION)?.trim();
        let named = (super::run::SHORT..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        let source = label(Self::SOURCE).map(str::trim).filter(|source| source.len() <= LONGEST).unwrap_or_default();
        named.then(|| Self { commit: Name::new(&commit.to_ascii_lowercase()), source: Name::new(source) })
    }

    /// The beginning of its commit, as people say it.
    pub fn short_commit(&self) -> &str {
        super::run::short(&self.commit)
    }

    /// Whether a run was about its commit, in its repository where both tell theirs.
    pub fn made_by(&self, run: &Run) -> bool {
        let (told, own) = (self.commit.raw(), run.commit.raw());
        let begins = |whole: &str, part: &str| whole.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part));
        own.len() >= super::run::SHORT && (begins(told, own) || begins(own, told)) && self.is_of(run) != Some(false)
    }

    /// Whether it comes from the repository of a run; none where that can not be told: it names none, or the run is of a CI elsewhere that
    /// calls its projects in its own way, as Jenkins does.
    pub fn is_of(&self, run: &Run) -> Option<bool> {
        let (host, path) = place(self.source.raw())?;
        if path.eq_ignore_ascii_case(run.repository.raw()) {
            return Some(true);
        }
        let (at, _) = place(&run.url)?;
        at.eq_ignore_ascii_case(host).then_some(false)
    }
}

/// Host and path of a repository's address, however it is written: `https://host/acme/cart.git`, `git@host:acme/cart`, `host/acme/cart/tree/main`.
fn place(address: &str) -> Option<(&str, &str)> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let rest = rest.split_once('@').filter(|(user, _)| !user.contains('/')).map_or(rest, |(_, rest)| rest);
    let (host, path) = rest.split_once(['/', ':'])?;
    // A port is no part of the path.
    let port = |part: &str| rest.as_bytes().get(host.len()) == Some(&b':') && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let path = path.split_once('/').filter(|(part, _)| port(part)).map_or(path, |(_, path)| path);
    let path = ["/tree/", "/blob/", "/-/"].iter().fold(path, |path, below| path.split(below).next().unwrap_or_default()).trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !path.is_empty()).then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{store::fixture::run, text::Clean};

    fn origin(commit: &str, source: &str) -> Option<Origin> {
        Origin::read(|name| match name {
            "org.opencontainers.image.revision" => Some(commit),
            "org.opencontainers.image.source" => Some(source),
            _ => None,
        })
    }

    fn of(url: &str, repository: &str, commit: &str) -> Run {
        let mut run = run(311);
        (run.url, run.repository, run.commit) = (Clean::from_untrusted(url), Name::new(repository), Name::new(commit));
        run
    }

    const COMMIT: &str = "0f3c9d21aa0f3c9d21aa0f3c9d21aa0f3c9d21aa";

    #[test]
    fn what_is_no_commit_is_none() {
        for wrong in ["", "main", "0f3c9d", "v2.8.0", "0f3c9d2-dirty", &"a".repeat(65), "${GIT_COMMIT}"] {
            assert_eq!(origin(wrong, ""), None, "{wrong}");
        }
        assert_eq!(Origin::read(|_| None), None);
        let read = origin(" 0F3C9D2 ", &"x".repeat(3_000)).expect("a commit");
        assert_eq!((read.commit.raw(), read.source.raw()), ("0f3c9d2", ""), "an address without end is none");
    }

    #[test]
    fn repositories_are_compared_however_their_address_is_written() {
        let run = of("https://github.com/acme/cart/actions/runs/1", "acme/cart", COMMIT);
        for (source, is) in [
            ("https://github.com/acme/cart", Some(true)),
            ("https://GitHub.com/Acme/cart.git", Some(true)),
            ("git@github.com:acme/cart.git", Some(true)),
            ("ssh://git@github.com:22/acme/cart", Some(true)),
            ("https://github.com/22/acme/cart", Some(false)),
            ("https://github.com/acme/cart/tree/main/api", Some(true)),
            ("https://user:pass@github.com/acme/cart?x#y", Some(true)),
            ("https://git.example/acme/cart", Some(true)),
            ("https://github.com/other/cart", Some(false)),
            ("https://github.com/acme/cart/api", Some(false)),
            ("https://git.example/other/cart", None),
            ("cart", None),
            ("", None),
        ] {
            assert_eq!(origin(COMMIT, source).expect("a commit").is_of(&run), is, "{source}");
        }
        let jenkins = of("https://jenkins.example/job/cart/job/main/7/", "cart/main", COMMIT);
        assert_eq!(origin(COMMIT, "https://github.com/acme/cart").expect("a commit").is_of(&jenkins), None);
    }

    #[test]
    fn a_run_made_it_that_was_about_its_commit_in_its_repository() {
        let github = |repository: &str, commit: &str| of(&format!("https://github.com/{repository}/actions/runs/1"), repository, commit);
        let whole = origin(COMMIT, "https://github.com/acme/cart").expect("a commit");
        assert!(whole.made_by(&github("acme/cart", COMMIT)) && whole.made_by(&github("acme/cart", "0F3C9D21")));
        assert!(
            !whole.made_by(&github("acme/cart", "1f3c9d21aa")) && !whole.made_by(&github("acme/cart", "")) && !whole.made_by(&github("acme/cart", "0f3c9"))
        );
        assert!(!whole.made_by(&github("other/cart", COMMIT)), "a copy of the repository has its commits too");
        let part = origin("0f3c9d2", "").expect("a commit");
        assert!(part.made_by(&github("acme/cart", COMMIT)) && !part.made_by(&github("acme/cart", "0f3c9d1aaaaaaaa")));
    }
}
