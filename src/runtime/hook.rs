//! `notify_command`: a program of the person's own hears what the console rings for, also where there is no terminal left to ring.

use super::Runtime;
use crate::{app::Event, text::Clean};
use std::{process::Stdio, time::Duration};
use tokio::{process::Command, time::timeout};

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(10);

impl Runtime {
    /// Tells the program that the configuration names; in the simulated world nobody is told.
    pub(super) fn tell(&mut self, words: &Clean) {
        let command = &self.config.ui.notify_command;
        if command.is_empty() || self.flags.scratch.is_some() {
            return;
        }
        let (command, words, inbox) = (command.clone(), words.clone(), self.inbox.clone());
        self.acting.push(tokio::spawn(async move {
            if let Err(why) = run(&command, &words).await {
                tracing::warn!(%why, "notify_command");
                inbox.put(Event::Told(Err(crate::clean!("notify_command did not work: {why}"))));
            }
        }));
    }
}

/// Runs it, with the words as its last argument and nothing of ours else: no input, no terminal, a group of its own.
async fn run(command: &[String], words: &Clean) -> Result<(), Clean> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let mut child = Command::new(program);
    child.args(arguments).arg(words.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
    match timeout(LIMIT, child.status()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(crate::clean!("{program}: {status}")),
        Ok(Err(error)) => Err(crate::clean!("{program}: {error}")),
        Err(_) => Err(crate::clean!("{program} took longer than {} s and was stopped", LIMIT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(command: &[&str]) -> Result<(), Clean> {
        let command: Vec<String> = command.iter().map(ToString::to_string).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run(&command, &Clean::from_static("cart in production: RECOVERED; $(touch x)")))
    }

    #[test]
    fn the_words_are_its_last_argument_and_no_shell_reads_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("told");
        let script = format!("printf %s \"$2\" > {}", file.display());
        assert_eq!(told(&["sh", "-c", &script, "page", "oncall"]), Ok(()));
        assert_eq!(std::fs::read_to_string(file).expect("it was told"), "cart in production: RECOVERED; $(touch x)");
    }

    #[test]
    fn what_it_ends_with_is_told() {
        assert_eq!(told(&["false"]).unwrap_err().as_str(), "false: exit status: 1");
        assert!(told(&["/no/such/program"]).unwrap_err().starts_with("/no/such/program: No such file"), "its name and the reason");
        assert_eq!(told(&[]), Ok(()));
    }
}
