//! What a process that holds credentials owes its host.

use rustix::{
    fs::Mode,
    process::{Resource, Rlimit, setrlimit, umask},
};

/// Files of ours are for their owner only, and memory that may hold tokens is neither dumped nor read by another process.
/// Call first thing in `main`, before any file is opened. A system that lacks one of these goes without it.
pub fn harden() {
    umask(Mode::RWXG | Mode::RWXO);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// One test for all three: they hold for the whole process.
    #[test]
    fn files_are_the_owners_and_memory_is_not_dumped() {
        harden();
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("report");
        std::fs::write(&file, "").expect("a file");
        assert_eq!(std::fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
        assert_eq!(rustix::process::getrlimit(Resource::Core).current, Some(0));
        #[cfg(target_os = "linux")]
        assert_eq!(rustix::process::dumpable_behavior(), Ok(rustix::process::DumpableBehavior::NotDumpable));
    }
}
