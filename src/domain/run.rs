//! One model for every CI: a run has jobs, a job has steps.

use super::{Given, Id, Inputs, Seen, Subject, Verb, Version};
use crate::text::{Clean, Name, Raw};
use jiff::Timestamp;

/// One run of a workflow, a pipeline, a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its identity.
    pub id: Id<Run>,
    /// Its identity while it waited for its turn, where its CI has another one for that.
    pub was: Option<Id<Run>>,
    /// The repository or project: `acme/cart`.
    pub repository: Name,
    /// The workflow or pipeline.
    pub workflow: Clean,
    /// Its number, as people say it: 311 of `#311`; 0 where its CI counts no runs.
    pub number: u64,
    /// From 1; a re-run counts on.
    pub attempt: u32,
    /// What people see: the commit's or request's title.
    pub title: Clean,
    /// The branch or tag.
    pub branch: Name,
    /// The commit.
    pub commit: Name,
    /// Who caused it.
    pub actor: Clean,
    /// How it stands.
    pub status: RunStatus,
    /// When it was asked for.
    pub created: Option<Timestamp>,
    /// When this attempt began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The digests of the images that it built, as in `sha256:…`, where its CI tells them.
    pub digests: Box<[Name]>,
    /// How long this workflow usually takes in seconds (median of its last successes), where that is known.
    pub usual: Option<u32>,
    /// Where a person can look at it.
    pub url: Clean,
}

impl Run {
    /// What people call it: `#311`, or its name where its CI counts no runs; that is the last part of its key.
    pub fn called(&self) -> Clean {
        match self.number {
            0 => Clean::from_untrusted(self.id.key().rsplit('/').next().unwrap_or_default()),
            number => crate::clean!("#{number}"),
        }
    }

    /// The same where there is no room: of a name what comes after the last hyphen, which tells the runs of one pipeline apart.
    pub fn called_short(&self) -> Clean {
        let called = self.called();
        called.rsplit_once('-').map_or_else(|| called.clone(), |(_, end)| Clean::from_untrusted(end))
    }

    /// The beginning of its commit, as people say it.
    pub fn short_commit(&self) -> &str {
        short(&self.commit)
    }

    /// Whether it has told that it built the image of this digest, which is written without `sha256:`.
    pub fn made(&self, hex: &str) -> bool {
        self.digests.iter().any(|digest| digest.raw().rsplit(':').next() == Some(hex))
    }

    /// Whether people call what it built so: by its tag (`v2.8.0`), or by as much of its commit as says which (`sha-0f3c9d2`, `main-0f3c9d21`).
    /// An image that is called as a branch is every run's of that branch, and so none's.
    pub fn built(&self, version: &Version) -> bool {
        let moves = version.moves();
        let version = version.0.as_str();
        let tagged = !moves && (self.branch.raw() == version || self.branch.raw().strip_prefix('v') == Some(version));
        let named = |part: &str| part.len() >= SHORT && self.commit.raw().starts_with(part);
        tagged || version.split(|c: char| !c.is_ascii_alphanumeric()).any(named)
    }
}

/// So much of a commit names it.
pub(super) const SHORT: usize = 7;

/// The beginning of a commit, as people say it.
pub(super) fn short(commit: &Name) -> &str {
    commit.raw().get(..SHORT).unwrap_or(commit.raw())
}

/// A run as it is at this moment, with what a change of it must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunNow {
    /// The run.
    pub run: Run,
    /// The jobs that failed, by name; where it is about one job, that one, as long as nothing runs in its place.
    pub failed: Vec<Clean>,
    /// What it does not go past before a person lets it.
    pub held: Vec<Held>,
    /// What comes of it when it is run again.
    pub again: Again,
    /// What it can be started with, where that is what is to be done; or why it can not be.
    pub inputs: Result<Inputs, Clean>,
}

/// What comes of a run when it is run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// Its next attempt: the same commit.
    Attempt,
    /// The same run goes on with new jobs in place of those that failed.
    Within,
    /// A run of its own.
    Anew {
        /// The number of the newest one that repeats it; where runs are not counted, when that was made, in seconds.
        newest: Option<u64>,
        /// What is the same in it: `the same parameters, on what its branch holds by then`.
        same: Clean,
    },
    /// Nothing: another run is started beside it.
    Fresh {
        /// The number of the newest one that was started so.
        newest: Option<u64>,
        /// On what: `what main holds by then`.
        on: Clean,
    },
}

/// What a run does not go past before a person lets it: an environment, or a question that it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which environment, or which question.
    pub environment: Name,
    /// How its CI knows it.
    pub key: Raw,
    /// Whether we are among those whom it asks; none where that is not told.
    pub ours: Option<bool>,
    /// Who is asked.
    pub asks: Vec<Clean>,
}

impl RunNow {
    /// What a change of it must still find: its attempt, and what `verb` is about.
    pub fn seen(&self, verb: Verb) -> Seen {
        let about = match verb {
            Verb::Approve | Verb::Reject | Verb::Play => {
                let mut held: Vec<&str> = self.held.iter().map(|held| held.key.expose()).collect();
                held.sort_unstable();
                format!("holds {}", held.join(" "))
            }
            Verb::Rerun | Verb::RerunFailed if self.run.status.over() => {
                format!("over{}", self.repeated().map(|newest| format!(", repeated by {newest}")).unwrap_or_default())
            }
            Verb::RerunJob => return self.seen_as(&format!("failed {}", self.failed.len())),
            // How the run stands that it is started from is all the same to it.
            Verb::Dispatch => return self.seen_as(&format!("newest {}", self.repeated().unwrap_or_default())),
            _ if self.run.status.over() => "over".to_owned(),
            _ => "under way".to_owned(),
        };
        self.seen_as(&format!("attempt {} {about}", self.run.attempt))
    }

    fn seen_as(&self, words: &str) -> Seen {
        Seen { uid: Raw::new(self.run.id.as_str()), template: Raw::new(words), paused: false }
    }

    /// The number of the newest run that repeats it, or was started beside it; none where a re-run is no run of its own.
    pub const fn repeated(&self) -> Option<u64> {
        match self.again {
            Again::Anew { newest, .. } | Again::Fresh { newest, .. } => newest,
            Again::Attempt | Again::Within => None,
        }
    }

    /// Why what was chosen for its inputs is not taken by now; none where it is.
    pub fn refuses(&self, given: &[Given]) -> Option<Clean> {
        match &self.inputs {
            Ok(inputs) => inputs.refuses(given, true),
            Err(why) => Some(why.clone()),
        }
    }

    /// What is not as it was seen before; none where all is.
    pub fn moved(&self, verb: Verb, from: &Seen) -> Option<Clean> {
        let word = self.run.status.word();
        let again = matches!(verb, Verb::Rerun | Verb::RerunFailed) && self.run.status.over();
        (self.seen(verb) != *from).then(|| match (verb, &self.again) {
            (Verb::Approve | Verb::Reject | Verb::Play, _) if !self.run.status.over() => {
                crate::clean!("it waits for something else by now, or for nobody any more")
            }
            (Verb::RerunJob, _) => crate::clean!("the job was run again meanwhile"),
            (Verb::Dispatch, _) => crate::clean!("somebody started one meanwhile: #{}", self.repeated().unwrap_or_default()),
            (_, Again::Attempt) => crate::clean!("it is attempt {} by now, {word}", self.run.attempt),
            (_, Again::Anew { newest: Some(_), .. }) if again => Clean::from_static("it was run again meanwhile: another run repeats it"),
            (_, Again::Within | Again::Anew { .. } | Again::Fresh { .. }) => crate::clean!("it moved on meanwhile: {word}"),
        })
    }

    /// The same as what is told of anything that is to be changed.
    pub fn subject(self, verb: Verb) -> Subject {
        let subject = Subject::new(self.run.id.cast(), self.seen(verb));
        Subject { revision: Some(self.run.attempt.into()), run: Some(Box::new(self)), ..subject }
    }
}

/// One job of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its identity.
    pub id: Id<Job>,
    /// The run it belongs to.
    pub run: Id<Run>,
    /// Its name.
    pub name: Clean,
    /// How it stands.
    pub status: RunStatus,
    /// When a runner took it.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Its steps in order.
    pub steps: Box<[Step]>,
    /// The gate it counts for, by its name.
    pub gate: Option<GateKind>,
    /// Where a person can look at it.
    pub url: Clean,
}

/// One step of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number; numbers may have gaps.
    pub number: u32,
    /// Its name.
    pub name: Clean,
    /// How it stands.
    pub status: RunStatus,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// How a run, a job or a step stands, in one set of words for every CI.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// Asked for, not begun.
    Queued,
    /// Under way.
    Running,
    /// It needs a person, a timer, a lock or a resource.
    Waiting(Clean),
    /// Good.
    Success,
    /// Good with something to look at.
    Warn,
    /// Bad.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// It was not needed.
    Skipped,
    /// Neither good nor bad.
    Neutral,
    /// The CI gave up on it.
    Stale,
    /// It began, nobody goes on with it, and its CI does not know how it ended.
    Lost,
    /// A word that we do not know; never green.
    Unknown(Clean),
}

/// How a wait is told that an approval ends, and nothing else.
const APPROVAL: &str = "for an approval";

impl RunStatus {
    /// It waits for an approval of what it would deploy there.
    pub fn unapproved(environment: &Name) -> Self {
        Self::Waiting(crate::clean!("{APPROVAL} of its deployment to {environment}"))
    }

    /// Whether it waits for an approval.
    pub fn asks_approval(&self) -> bool {
        matches!(self, Self::Waiting(why) if why.starts_with(APPROVAL))
    }

    /// Whether it will not change by itself.
    pub const fn over(&self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Waiting(_) | Self::Unknown(_) => false,
            Self::Success | Self::Warn | Self::Failed | Self::Cancelled | Self::Skipped | Self::Neutral | Self::Stale | Self::Lost => true,
        }
    }

    /// Whether it has been at work: what waits for its turn, or was not needed, has no times of its own, whatever its CI writes there.
    pub const fn ran(&self) -> bool {
        !matches!(self, Self::Queued | Self::Skipped)
    }

    /// One word.
    pub fn word(&self) -> Clean {
        Clean::from_static(match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting(_) => "waiting",
            Self::Success => "ok",
            Self::Warn => "warning",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Neutral => "neutral",
            Self::Stale => "stale",
            Self::Lost => "lost",
            Self::Unknown(word) => return word.clone(),
        })
    }

    /// What its word does not say by itself.
    pub const fn remark(&self) -> Option<&'static str> {
        match self {
            Self::Lost => Some("nobody goes on with it, and its CI knows no result of it, as after a restart: what it had done by then was not undone"),
            _ => None,
        }
    }

    /// Worst first, for a headline over several (failed, waiting, running, queued, …).
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Failed => 0,
            Self::Waiting(_) => 1,
            Self::Running => 2,
            Self::Queued => 3,
            Self::Unknown(_) | Self::Lost => 4,
            Self::Warn => 5,
            Self::Cancelled => 6,
            Self::Stale => 7,
            Self::Success => 8,
            Self::Neutral => 9,
            Self::Skipped => 10,
        }
    }
}

/// The three gates that a release passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateKind {
    /// Compiled, unit tests, coverage.
    Build,
    /// Static analysis, dependencies, secrets, images, compliance.
    Security,
    /// Integration, performance, smoke, the deployment itself.
    Deployment,
}

impl GateKind {
    /// All of them, in the order of a release.
    pub const ALL: [Self; 3] = [Self::Build, Self::Security, Self::Deployment];

    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Security => "security",
            Self::Deployment => "deploy",
        }
    }
}
