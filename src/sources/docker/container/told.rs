//! What a list and an inspection say of a container.

use super::{
    super::wire::{Inspected, Listed, time},
    Check, Container, Death, Limits, Run,
};
use crate::text::{Clean, redact};
use jiff::Timestamp;

impl Run {
    fn of(word: &str) -> Self {
        match word {
            "created" | "configured" | "initialized" => Self::Created,
            "running" | "stopping" => Self::Running,
            "paused" => Self::Paused,
            "restarting" => Self::Restarting,
            "exited" | "stopped" => Self::Ended,
            "removing" => Self::Leaving,
            "dead" => Self::Dead,
            _ => Self::Unknown,
        }
    }
}

impl Check {
    fn of(status: &str, streak: u32, said: &str) -> Self {
        match status {
            "starting" => Self::Starting,
            "healthy" => Self::Healthy,
            "unhealthy" => {
                let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
                let short: String = redact(line).chars().take(120).collect();
                Self::Unhealthy { streak, said: Clean::from_untrusted(&short) }
            }
            _ => Self::None,
        }
    }
}

impl From<Listed> for Container {
    /// What a list says: enough where an inspection fails.
    fn from(row: Listed) -> Self {
        let name = row.names.iter().map(|name| name.trim_start_matches('/')).find(|name| !name.contains('/')).unwrap_or_default().to_owned();
        Self {
            name,
            image: row.image,
            image_id: row.image_id,
            labels: row.labels,
            run: Run::of(&row.state),
            check: Check::of(&row.health.status, row.health.failing_streak, ""),
            created: Timestamp::from_second(row.created).ok().filter(|time| *time > Timestamp::UNIX_EPOCH),
            id: row.id,
            ..Self::default()
        }
    }
}

impl From<Inspected> for Container {
    fn from(whole: Inspected) -> Self {
        let (state, host) = (whole.state, whole.host_config);
        let run = Run::of(&state.status);
        let ended = matches!(run, Run::Ended | Run::Restarting | Run::Dead | Run::Leaving);
        let death = (ended || (run == Run::Created && state.exit_code != 0)).then(|| Death {
            code: i32::try_from(state.exit_code).unwrap_or(i32::MAX),
            oom: state.oom_killed,
            at: time(&state.finished_at),
        });
        let said = state.health.log.iter().rev().find(|probe| probe.exit_code != 0).map_or("", |probe| &probe.output);
        let quota = (host.cpu_quota > 0).then(|| host.cpu_quota as f64 / if host.cpu_period > 0 { host.cpu_period as f64 } else { 100_000.0 });
        let limits = Limits {
            cpus: (host.nano_cpus > 0).then(|| host.nano_cpus as f64 / 1e9).or(quota),
            memory: u64::try_from(host.memory).ok().filter(|bytes| *bytes > 0),
        };
        Self {
            id: whole.id,
            name: whole.name.trim_start_matches('/').to_owned(),
            image: whole.config.image,
            image_id: whole.image,
            digest: None,
            labels: whole.config.labels,
            run,
            check: Check::of(&state.health.status, state.health.failing_streak, said),
            death,
            error: state.error,
            restarts: whole.restart_count,
            created: time(&whole.created),
            began: time(&state.started_at),
            finished: time(&state.finished_at),
            policy: host.restart_policy.name,
            tty: whole.config.tty,
            log_driver: host.log_config.driver,
            limits,
        }
    }
}
