//! Whether the system ends what a session has started when that session drops (logind's `KillUserProcesses`), which would take the process
//! with it that sees a rollback through.

use std::path::{Path, PathBuf};

/// Where logind reads its settings, what counts less first (logind.conf(5)).
const FOLDERS: [&str; 3] = ["usr/lib/systemd/logind.conf.d", "run/systemd/logind.conf.d", "etc/systemd/logind.conf.d"];

/// Whether it ends a user's processes, below `root`, and nothing makes an exception of `user`. Root and lingering users are not touched.
pub fn ends_processes(root: &Path, user: &str) -> bool {
    let mut files = vec![root.join("usr/lib/systemd/logind.conf"), root.join("etc/systemd/logind.conf")];
    let mut more: Vec<PathBuf> =
        FOLDERS.iter().filter_map(|folder| std::fs::read_dir(root.join(folder)).ok()).flatten().flatten().map(|entry| entry.path()).collect();
    // All of them together, by their own names.
    more.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    files.extend(more.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "conf")));
    let texts = files.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let told = texts.filter_map(|text| setting(&text, user)).last();
    let lingers = root.join("var/lib/systemd/linger").join(user).exists();
    told.unwrap_or(false) && user != "root" && !lingers
}

/// What one file says of `user`; nothing where it says nothing. The last word of a file counts.
fn setting(text: &str, user: &str) -> Option<bool> {
    let value = |key: &str| {
        let lines = text.lines().filter_map(|line| line.trim().split_once('='));
        lines.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned()).last()
    };
    let names = |list: Option<String>| list.is_some_and(|list| list.split_whitespace().any(|name| name == user));
    if names(value("KillExcludeUsers")) {
        return Some(false);
    }
    let kills = value("KillUserProcesses").map(|value| matches!(value.to_lowercase().as_str(), "yes" | "true" | "on" | "1"))?;
    let only = value("KillOnlyUsers").filter(|list| !list.is_empty());
    Some(kills && (only.is_none() || names(only)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        root
    }

    #[test]
    fn the_last_word_counts_and_exceptions_hold() {
        let ends = |files: &[(&str, &str)]| ends_processes(system(files).path(), "ann");
        let on = ("etc/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\n");
        assert!(!ends(&[]));
        assert!(!ends(&[("etc/systemd/logind.conf", "[Login]\n#KillUserProcesses=yes\n")]));
        assert!(ends(&[on]));
        assert!(!ends(&[on, ("etc/systemd/logind.conf.d/50-no.conf", "[Login]\nKillUserProcesses = no\n")]));
        assert!(ends(&[
            ("usr/lib/systemd/logind.conf.d/60-yes.conf", "[Login]\nKillUserProcesses=1\n"),
            ("etc/systemd/logind.conf.d/50-no.conf", "[Login]\nKillUserProcesses=no\n")
        ]));
        assert!(!ends(&[on, ("var/lib/systemd/linger/ann", "")]));
        assert!(!ends(&[("etc/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\nKillExcludeUsers=root ann\n")]));
        assert!(!ends(&[("etc/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\nKillOnlyUsers=bob\n")]));
        assert!(!ends_processes(system(&[on]).path(), "root"));
    }
}
