//! A container as we keep it: what a list and an inspection say, in one shape, and whose it is.

mod told;

use super::wire::Texts;
use crate::{
    clean,
    domain::{Image, Version},
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};

/// What a container does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Run {
    /// It was made and never ran.
    Created,
    /// It runs.
    Running,
    /// It is frozen.
    Paused,
    /// It ended and waits for its next start.
    Restarting,
    /// It ended.
    Ended,
    /// It is being removed.
    Leaving,
    /// It can not be removed.
    Dead,
    /// The engine uses a word that we do not know.
    #[default]
    Unknown,
}

/// What its health check says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// It has none.
    #[default]
    None,
    /// It has not said yet.
    Starting,
    /// Well.
    Healthy,
    /// Not well.
    Unhealthy {
        /// How often in a row.
        streak: u32,
        /// What the check printed last.
        said: Clean,
    },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The exit code.
    pub code: i32,
    /// Whether it was out of memory.
    pub oom: bool,
    /// When.
    pub at: Option<Timestamp>,
}

/// What the host gives a container at most; none is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Processors.
    pub cpus: Option<f64>,
    /// Bytes.
    pub memory: Option<u64>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// The image that was asked for.
    pub image: String,
    /// The image that it has.
    pub image_id: String,
    /// What that image is called in its registry.
    pub digest: Option<String>,
    /// Its labels.
    pub labels: Texts,
    /// What it does.
    pub run: Run,
    /// What its health check says.
    pub check: Check,
    /// How its last run ended, where it has ended.
    pub death: Option<Death>,
    /// Why it could not be started.
    pub error: String,
    /// How often the engine has started it again by itself.
    pub restarts: u32,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When its run began, by the engine, which notes it a little after the run has said its first words.
    pub began: Option<Timestamp>,
    /// When its last run ended, whether another has begun since or not.
    pub finished: Option<Timestamp>,
    /// When the engine starts it again: `always`, `unless-stopped`, `on-failure`, `no`.
    pub policy: String,
    /// Whether it has a terminal, so that its log has no frames.
    pub tty: bool,
    /// Where its log goes.
    pub log_driver: String,
    /// What it may use.
    pub limits: Limits,
}

/// Whose a container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A service of a compose project.
    Compose {
        /// The project.
        project: &'a str,
        /// The service.
        service: &'a str,
    },
    /// A container that somebody ran once for a compose service.
    OneOff,
    /// A task of a swarm service.
    Swarm {
        /// The service's id.
        service: &'a str,
        /// The service's name.
        name: &'a str,
    },
    /// A pod of Kubernetes, or what holds a pod of Podman together: others show it.
    Elsewhere,
    /// Nobody's.
    Alone,
}

/// What a code means that is not the program's own (the shell's and the engine's conventions).
const CODES: &[(i32, &str)] = &[
    (125, "the engine could not start it"),
    (126, "not executable"),
    (127, "no such command"),
    (130, "interrupted"),
    (137, "killed"),
    (139, "segmentation fault"),
    (143, "stopped"),
];

impl Death {
    /// `exit 137 (OOM)`.
    pub fn words(&self) -> Clean {
        let meaning = if self.oom { Some("OOM") } else { CODES.iter().find(|(code, _)| *code == self.code).map(|(_, words)| *words) };
        meaning.map_or_else(|| clean!("exit {}", self.code), |meaning| clean!("exit {} ({meaning})", self.code))
    }
}

impl Container {
    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whose it is.
    pub fn owner(&self) -> Owner<'_> {
        let infra = self.image.starts_with("localhost/podman-pause:") || (self.name.ends_with("-infra") && self.image.is_empty());
        if self.label("io.kubernetes.pod.name").is_some() || self.label("io.kubernetes.pod.uid").is_some() || infra {
            return Owner::Elsewhere;
        }
        if let Some(service) = self.label("com.docker.swarm.service.id") {
            return Owner::Swarm { service, name: self.label("com.docker.swarm.service.name").unwrap_or(service) };
        }
        match (self.label("com.docker.compose.project"), self.label("com.docker.compose.service")) {
            (Some(_), Some(_)) if self.label("com.docker.compose.oneoff").is_some_and(|text| text.eq_ignore_ascii_case("true")) => Owner::OneOff,
            (Some(project), Some(service)) => Owner::Compose { project, service },
            (_, _) => Owner::Alone,
        }
    }

    /// Whether it should run: one that ended well has done its work or was stopped by somebody.
    pub fn wanted(&self) -> bool {
        match self.run {
            Run::Running | Run::Paused | Run::Restarting | Run::Dead | Run::Unknown => true,
            Run::Ended => self.death.as_ref().is_some_and(|death| death.code != 0),
            Run::Created => !self.error.is_empty() || self.death.is_some(),
            Run::Leaving => false,
        }
    }

    /// Whether it serves.
    pub fn ready(&self) -> bool {
        self.run == Run::Running && matches!(self.check, Check::None | Check::Healthy)
    }

    /// How ill it is; the worst is the greatest.
    pub fn rank(&self) -> u8 {
        match (self.run, &self.check) {
            (Run::Restarting, _) => 7,
            (Run::Ended | Run::Created, _) if self.wanted() => 6,
            (Run::Dead, _) => 5,
            (Run::Running, Check::Unhealthy { .. }) => 4,
            (Run::Paused, _) => 3,
            (Run::Unknown, _) => 2,
            (Run::Running, Check::Starting) => 1,
            (Run::Running | Run::Ended | Run::Created | Run::Leaving, _) => 0,
        }
    }

    /// What it says of itself, where there is anything to say: `exit 137 (OOM), restarting, 5 restarts`.
    pub fn remark(&self) -> Option<Clean> {
        let times = match self.restarts {
            0 => String::new(),
            1 => ", 1 restart".to_owned(),
            more => format!(", {more} restarts"),
        };
        let ended = || self.death.as_ref().map_or_else(|| Clean::from_static("ended"), Death::words);
        Some(match (self.run, &self.check) {
            (Run::Restarting, _) => clean!("{}, restarting{times}", ended()),
            (Run::Created | Run::Ended, _) if !self.error.is_empty() => clean!("does not start: {}", self.error),
            // The engine would have started it again by itself.
            (Run::Ended, _) if self.wanted() && self.keeps_running() => clean!("stopped by somebody: {}", ended()),
            (Run::Ended, _) if self.wanted() => clean!("{}{times}", ended()),
            (Run::Ended, _) => Clean::from_static(if self.keeps_running() { "stopped" } else { "completed" }),
            (Run::Created, _) => Clean::from_static("never started"),
            (Run::Dead, _) => Clean::from_static("dead: it could not be removed"),
            (Run::Leaving, _) => Clean::from_static("being removed"),
            (Run::Paused, _) => Clean::from_static("paused"),
            (Run::Running, Check::Unhealthy { streak, said }) if said.is_empty() => clean!("unhealthy, {streak} checks in a row"),
            (Run::Running, Check::Unhealthy { said, .. }) => clean!("unhealthy: {said}"),
            (Run::Running, Check::None | Check::Healthy | Check::Starting) | (Run::Unknown, _) => return None,
        })
    }

    /// The moment that parts this run's lines from those of the run before, where there was one. Lines of a run that ended may be stamped a
    /// little after its end, and those of the next before its noted beginning; most of the time between goes into making a process.
    pub fn parted(&self) -> Option<Timestamp> {
        let (finished, began) = (self.finished?, self.began?);
        let between = began.duration_since(finished);
        between.is_positive().then(|| finished + (between / 4).min(SignedDuration::from_secs(1)))
    }

    /// Whether the engine starts it again after it ended by itself.
    pub fn keeps_running(&self) -> bool {
        matches!(&*self.policy, "always" | "unless-stopped")
    }

    /// Its image in the words of the nouns. A bare image id is no name that anything could be read from.
    pub fn image(&self) -> Image {
        let reference = if self.image.starts_with("sha256:") { format!("@{}", self.image) } else { self.image.clone() };
        let digest = self.digest.as_deref().or(Some(&*self.image_id)).filter(|digest| !digest.is_empty());
        Image { container: Name::default(), reference: Name::new(&reference), digest: digest.map(Name::new) }
    }

    /// What people call what it runs.
    pub fn version(&self) -> Version {
        let label = self.label("app.kubernetes.io/version").map(Name::new);
        Version::of(label.as_ref(), &[self.image()])
    }

    /// What tells its specification from another: compose's hash of it, and the image.
    pub fn template(&self) -> String {
        let hash = self.label("com.docker.compose.config-hash").unwrap_or_default();
        let image: String = self.image_id.chars().skip_while(|c| *c != ':').skip(1).take(12).collect();
        if hash.is_empty() { image } else { format!("{}-{image}", hash.chars().take(12).collect::<String>()) }
    }

    /// The digest by which its registry knows its image, among the names that the image has.
    pub fn choose_digest(&mut self, repo_digests: &[String]) {
        let repository = without_tag(&self.image);
        let same =
            repo_digests.iter().find(|digest| digest.split('@').next().is_some_and(|name| name == repository || name.ends_with(&format!("/{repository}"))));
        self.digest = same.or(repo_digests.first()).and_then(|digest| digest.split_once('@')).map(|(_, digest)| digest.to_owned());
    }
}

fn without_tag(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or_default();
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
