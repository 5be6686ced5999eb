//! Who goes on when this process can not: a rollback that was confirmed is seen through to its verdict by a process of its own, in a session
//! of its own and without a terminal (SCREENS, rule 4).

use crate::{domain::OpId, sources::programs::in_session};
use std::{
    ffi::OsString,
    fs, io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
};

/// How that process is started.
#[derive(Clone, Debug)]
pub struct Heir {
    /// This program.
    pub program: PathBuf,
    /// The flags by which it finds the same world and the same journal.
    pub arguments: Vec<OsString>,
    /// Where what it says is kept.
    pub folder: PathBuf,
}

impl Heir {
    /// Starts it for one operation.
    pub fn inherit(&self, operation: &OpId) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join(format!("{}.log", super::file_name(operation.as_str()))))?;
        let mut command = in_session(&self.program).unwrap_or_else(|| Command::new(&self.program));
        command.args(&self.arguments).args(["rollback", "--resume", operation.as_str()]);
        // As the leader of a group it is forked by setsid, so that nobody waits for it.
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0).spawn().map(drop)
    }
}
