//! Programs that go on when this one can not: in a session of their own, which no terminal reaches.

use std::{path::Path, process::Command};

/// Where a program is that gives another one a session of its own.
const SETSID: &[&str] = &["/usr/bin/setsid", "/bin/setsid"];

/// `program` in a session of its own; none where nothing here gives it one. Then a process group of its own has to do, which a hang-up of the
/// terminal does not reach either.
pub fn in_session(program: &Path) -> Option<Command> {
    let mut command = Command::new(SETSID.iter().find(|path| Path::new(path).exists())?);
    command.arg(program);
    Some(command)
}
