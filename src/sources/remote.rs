//! The repository that the current directory belongs to, read from git's own files: no program is started for it.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// More than any file of git's that is read here.
const LARGEST: u64 = 1 << 20;

/// Where a clone came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    /// The host of the web address.
    pub host: String,
    /// `owner/name`, or `group/sub-group/name`.
    pub repository: String,
}

/// Where the clone that `dir` lies in came from: its remote `origin`, else the first one that names a repository.
pub(super) fn of(dir: &Path) -> Option<Remote> {
    let git = dir.ancestors().find_map(git_dir)?;
    let urls = urls(&read(&common(&git).join("config"))?);
    let origin = urls.iter().find(|(name, _)| name == "origin");
    origin.into_iter().chain(&urls).find_map(|(_, url)| remote(url))
}

fn read(file: &Path) -> Option<String> {
    let mut text = String::new();
    fs::File::open(file).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The folder of git's files: `.git`, or where the file `.git` of a worktree or a submodule points.
fn git_dir(dir: &Path) -> Option<PathBuf> {
    let git = dir.join(".git");
    let kind = fs::metadata(&git).ok()?;
    if kind.is_dir() {
        return Some(git);
    }
    let text = read(&git)?;
    let target = text.lines().next()?.strip_prefix("gitdir:")?.trim();
    Some(dir.join(target))
}

/// A worktree has its settings where the clone has them.
fn common(git: &Path) -> PathBuf {
    match read(&git.join("commondir")) {
        Some(text) => git.join(text.trim()),
        None => git.to_path_buf(),
    }
}

/// Name and first URL of each remote, in order.
fn urls(config: &str) -> Vec<(String, String)> {
    let (mut urls, mut section) = (Vec::<(String, String)>::new(), None);
    for line in config.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = remote_section(header);
        } else if let (Some(name), Some((key, value))) = (&section, line.split_once('='))
            && key.trim().eq_ignore_ascii_case("url")
            && !urls.iter().any(|(known, _)| known == name)
        {
            urls.push((name.clone(), value.trim().trim_matches('"').to_owned()));
        }
    }
    urls
}

/// `origin` of `remote "origin"]`.
fn remote_section(header: &str) -> Option<String> {
    let (kind, rest) = header.split_once(char::is_whitespace)?;
    let name = rest.trim_start().strip_prefix('"')?.split_once('"')?.0;
    kind.eq_ignore_ascii_case("remote").then(|| name.to_owned())
}

/// Host and repository of a URL as git knows them: `https://…`, `ssh://…`, `git@host:owner/name`.
fn remote(url: &str) -> Option<Remote> {
    let (host, path) = match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/')?;
            let host = authority.rsplit('@').next()?;
            match scheme.to_ascii_lowercase().as_str() {
                "https" | "http" => (host, path),
                // The port is that of sshd or git, not of the web.
                "ssh" | "git" | "git+ssh" => (host.split(':').next()?, path),
                _ => return None,
            }
        }
        // scp's way. A path on this machine has a slash before any colon.
        None => {
            let (host, path) = url.split_once(':')?;
            (host.rsplit('@').next()?, path.trim_start_matches('/'))
        }
    };
    let path = path.trim_end_matches('/');
    let repository = path.strip_suffix(".git").unwrap_or(path);
    let good = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b)) && is_path(repository);
    // GitHub answers git on the port of the web under this name.
    let host = if host == "ssh.github.com" { "github.com" } else { host };
    good.then(|| Remote { host: host.to_ascii_lowercase(), repository: repository.to_owned() })
}

/// Whether it can be the path of a repository: two parts or more.
fn is_path(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !matches!(part, "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b));
    text.contains('/') && text.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(url: &str) -> Option<(String, String)> {
        remote(url).map(|remote| (remote.host, remote.repository))
    }

    #[test]
    fn a_remote_is_written_in_several_ways() {
        for url in [
            "https://github.com/acme/cart.git",
            "https://github.com/acme/cart/",
            "https://user:secret@GitHub.com/acme/cart",
            "git@github.com:acme/cart.git",
            "github.com:acme/cart",
            "ssh://git@github.com/acme/cart.git",
            "ssh://git@ssh.github.com:443/acme/cart.git",
            "git://github.com/acme/cart.git",
        ] {
            assert_eq!(found(url), Some(("github.com".into(), "acme/cart".into())), "{url}");
        }
        assert_eq!(found("https://ghe.acme.example:8443/a/b.git").unwrap().0, "ghe.acme.example:8443");
        for url in ["", "/srv/git/acme/cart.git", "../cart", "file:///srv/acme/cart", "https://github.com/acme", "https://github.com/a//c", "git@:a/b"] {
            assert_eq!(found(url), None, "{url}");
        }
    }

    #[test]
    fn a_project_may_lie_in_groups() {
        assert_eq!(found("git@gitlab.com:acme/shop/cart.git"), Some(("gitlab.com".into(), "acme/shop/cart".into())));
    }

    #[test]
    fn origin_comes_first_wherever_it_stands() {
        let config = "[core]\n\tbare = false\n[remote \"fork\"]\n\turl = git@github.com:me/cart.git\n# [remote \"x\"]\n[Remote \"origin\"]\n\tURL = \"https://github.com/acme/cart\"\n\turl = https://second/one/two\n[branch \"main\"]\n\turl = no\n";
        assert_eq!(urls(config), [("fork".into(), "git@github.com:me/cart.git".into()), ("origin".into(), "https://github.com/acme/cart".into())]);
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(of(&deep), None);
        fs::create_dir(dir.path().join(".git")).unwrap();
        fs::write(dir.path().join(".git/config"), config).unwrap();
        assert_eq!(of(&deep).unwrap().repository, "acme/cart");
    }

    #[test]
    fn a_worktree_is_followed_to_its_clone() {
        let dir = tempfile::tempdir().unwrap();
        let (clone, tree) = (dir.path().join("clone/.git"), dir.path().join("tree"));
        fs::create_dir_all(clone.join("worktrees/tree")).unwrap();
        fs::create_dir(&tree).unwrap();
        fs::write(clone.join("config"), "[remote \"origin\"]\nurl = git@github.com:acme/cart.git\n").unwrap();
        fs::write(clone.join("worktrees/tree/commondir"), "../..\n").unwrap();
        fs::write(tree.join(".git"), format!("gitdir: {}\n", clone.join("worktrees/tree").display())).unwrap();
        assert_eq!(of(&tree).unwrap(), Remote { host: "github.com".into(), repository: "acme/cart".into() });
    }
}
