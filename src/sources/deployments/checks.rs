//! What is looked at alike before an earlier deployment is made again, whichever CI does it.

use super::{Site, State};
use crate::{
    clean,
    domain::{CheckKind, Finding, Operation},
    text::{Clean, count},
};

/// Whether something is being deployed there already.
pub(in crate::sources) fn under_way(site: &Site) -> Finding {
    let kind = CheckKind::Paused;
    match site.newest().map(|newest| (newest, &newest.state)) {
        Some((newest, State::Moving(what))) => kind.block(
            clean!("the deployment of {} is not over: {what}", newest.version()),
            Some("wait for its end, or cancel its run; what waits for a reviewer is rejected there".into()),
        ),
        Some(_) => kind.ok(clean!("nothing is being deployed to {}", site.environment)),
        None => kind.unknown("its newest deployment is not known"),
    }
}

/// What is taken back, and whether the schema was changed with it.
pub(in crate::sources) fn migration<'a>(commits: u64, aside: bool, mut files: impl Iterator<Item = &'a str>) -> Finding {
    let kind = CheckKind::Migration;
    let commits = if commits == 1 { clean!("1 commit is") } else { clean!("{} commits are", count(commits)) };
    let aside = if aside { ", and it is on another branch" } else { "" };
    match files.find(|name| migrates(name)) {
        Some(file) => kind.warn(clean!("{commits} taken back{aside}; {file} changed a schema, and the schema is not taken back"), None),
        None => kind.ok(clean!("{commits} taken back{aside}; no migration is among their files")),
    }
}

/// Whether a file looks like a migration of a schema.
fn migrates(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let folders: Vec<&str> = lower.split('/').collect();
    let (file, folders) = folders.split_last().map_or(("", &[][..]), |(file, folders)| (*file, folders));
    folders.iter().any(|folder| matches!(*folder, "migrations" | "migration" | "migrate" | "flyway" | "alembic" | "liquibase"))
        || ["flyway", "alembic", "liquibase"].iter().any(|tool| file.contains(tool))
}

/// What is not as the operator saw it; none where all is.
pub(in crate::sources) fn moved(operation: &Operation, site: &Site) -> Option<Clean> {
    if site.seen() == operation.from {
        return None;
    }
    let newest = site.newest()?;
    let by = if newest.by.is_empty() { Clean::EMPTY } else { clean!(" by {}", newest.by) };
    let stands = match &newest.state {
        State::Succeeded => Clean::from_static("succeeded"),
        State::Moving(_) => Clean::from_static("is under way"),
        State::Failed(_) => Clean::from_static("failed"),
        State::Gone | State::Unread => Clean::from_static("came"),
    };
    Some(clean!("a newer deployment to {}, of {}{by}, {stands}", site.environment, newest.version()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_is_known_by_its_folder() {
        for name in
            ["db/migrate/2026_x.rb", "cart/migrations/0007_price.py", "src/main/resources/db/migration/V7__x.sql", "alembic/versions/a.py", "flyway.conf"]
        {
            assert!(migrates(name), "{name}");
        }
        for name in ["src/migrate.rs", "docs/immigration/a.md", "README.md", ""] {
            assert!(!migrates(name), "{name}");
        }
    }
}
