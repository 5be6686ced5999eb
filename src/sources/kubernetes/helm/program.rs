//! `helm`, run once, without a terminal, and so that it does not die with this console: it is the leader of its own session, reads
//! nothing, and writes into files that nobody else can open.

use crate::{
    sources::programs::in_session,
    text::{Clean, redact},
};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::process::Command;

/// The end of what it says is enough: the error stands there.
const TAIL: u64 = 16 << 10;
/// No line of it is longer here.
const LINE: usize = 400;
/// What it must be spared: these say where it would go instead.
const WITHOUT: &[&str] = &["HELM_NAMESPACE", "HELM_DEBUG", "HELM_DRIVER"];

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none where it was killed.
    pub code: Option<i32>,
    /// Whether we killed it, because its time was over.
    pub late: bool,
    /// The line that says why.
    pub said: Clean,
    /// Lines that warn.
    pub warnings: Vec<Clean>,
}

/// The helm on PATH.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let runs = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join("helm")).find(runs)
}

/// Runs it to its end, or to the end of its time. An error means that it did not start.
pub async fn run(program: &Path, arguments: &[String], driver: &str, limit: Duration) -> io::Result<Ended> {
    let (mut out, mut err) = (capture()?, capture()?);
    let mut command = match in_session(program) {
        Some(command) => Command::from(command),
        None => {
            let mut command = Command::new(program);
            command.process_group(0);
            command
        }
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| spared(name)) {
        command.env_remove(name);
    }
    command.args(arguments).env("HELM_DRIVER", driver).stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
    let mut child = command.spawn()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let (status, late) = match tokio::time::timeout(limit, child.wait()).await {
        Ok(status) => (status, false),
        Err(_) => {
            if let Some(group) = group {
                _ = kill_process_group(group, Signal::KILL);
            }
            (child.wait().await, true)
        }
    };
    let (out, err) = (tail(&mut out), tail(&mut err));
    let warnings = err.iter().filter(|line| line.to_ascii_lowercase().starts_with("warning")).take(3).cloned().collect();
    let error = err.iter().rev().find(|line| line.starts_with("Error")).or(err.last()).or(out.last());
    let said = error.cloned().unwrap_or(Clean::from_static("it said nothing"));
    Ok(Ended { code: status.ok().and_then(|status| status.code()), late, said, warnings })
}

fn spared(name: &OsString) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("HELM_KUBE") || WITHOUT.contains(&name))
}

/// A file without a name, so that a program that goes on after us can still write.
fn capture() -> io::Result<File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("pilothouse-{}-{}-{}", std::process::id(), jiff::Timestamp::now().as_nanosecond(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

/// The last lines of what was written, harmless and without secrets.
fn tail(file: &mut File) -> Vec<Clean> {
    let mut bytes = Vec::new();
    let length = file.metadata().map_or(0, |file| file.len());
    // What can not be read is not told; how it ended is known all the same.
    if file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).is_ok() {
        _ = file.take(TAIL).read_to_end(&mut bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    let line = |line: &str| Clean::from_untrusted(&redact(line.trim()).chars().take(LINE).collect::<String>());
    text.lines().filter(|line| !line.trim().is_empty()).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, limit: u64) -> Ended {
        run(Path::new("/bin/sh"), &["-c".to_owned(), script.to_owned()], "secret", Duration::from_millis(limit)).await.expect("a shell")
    }

    #[tokio::test]
    async fn its_exit_and_its_error_are_known_and_harmless() {
        let ended = shell("echo fine; printf 'WARNING: old\\nError: \\033[2Jno password=hunter2 here\\nmore\\n' >&2; exit 3", 60_000).await;
        assert_eq!((ended.code, ended.late, ended.warnings.len()), (Some(3), false, 1));
        assert!(ended.said.starts_with("Error: ") && !ended.said.contains('\u{1b}') && !ended.said.contains("hunter2"), "{:?}", ended.said);
        let ended = shell("echo 'Rollback was a success!'", 60_000).await;
        assert_eq!((ended.code, &*ended.said), (Some(0), "Rollback was a success!"));
    }

    #[tokio::test]
    async fn it_has_no_terminal_nothing_to_read_and_the_driver_that_we_say() {
        let ended = shell("read x; test -t 0 || test -t 1 || test -t 2 || (exec </dev/tty) 2>/dev/null || echo \"$HELM_DRIVER\"", 60_000).await;
        assert_eq!(&*ended.said, "secret");
    }

    #[tokio::test]
    async fn at_the_end_of_its_time_it_is_killed_with_all_that_it_started() {
        let ended = shell("sleep 600 & echo $!; wait", 300).await;
        assert!(ended.late && ended.code.is_none(), "{ended:?}");
        let child = Pid::from_raw(ended.said.parse().expect("a pid")).expect("a pid");
        let gone = || {
            let state = fs::read_to_string(format!("/proc/{}/stat", child.as_raw_nonzero())).unwrap_or_default();
            state.is_empty() || state.contains(") Z")
        };
        while !gone() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_flood_is_read_from_its_end() {
        let ended = shell("yes 0123456789 | head -c 5000000 >&2; printf '\\nError: the last\\n' >&2; exit 1", 60_000).await;
        assert_eq!(&*ended.said, "Error: the last");
    }
}
