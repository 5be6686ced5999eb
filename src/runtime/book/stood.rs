//! How a workload stood when its rollback was confirmed, written down and read back.

use crate::{
    app::Before,
    domain::Labels,
    journal::{Exact, Fires, Stood, Was},
    rollback::{AlertRef, Baseline, Standing},
    text::Name,
};

/// As the journal keeps it.
pub(super) fn written(before: &Before) -> Stood {
    let Before { baseline, alert } = before;
    Stood {
        pods: was(&baseline.pods),
        restarts: was(&baseline.restarts),
        errors: was(&baseline.errors),
        latency: was(&baseline.latency),
        alert: was(&baseline.alert),
        fires: alert.as_ref().map(|alert| Fires {
            name: Exact::new(alert.name.raw()),
            labels: alert.labels.0.iter().map(|(key, value)| (Exact::new(key.raw()), Exact::new(value.raw()))).collect(),
            since: alert.since,
        }),
        ready: baseline.ready,
        wanted: baseline.wanted,
        errors_ppm: baseline.error_rate.map(|rate| (rate.clamp(0.0, 1.0) * 1e6).round() as u64),
        errors_since: baseline.errors_since,
    }
}

/// From what the journal kept.
pub(super) fn read(stood: &Stood) -> Before {
    let alert = |fires: &Fires| AlertRef {
        name: Name::new(fires.name.raw().expose()),
        labels: Labels::new(fires.labels.iter().map(|(key, value)| (key.raw().expose(), value.raw().expose()))),
        since: fires.since,
    };
    Before {
        baseline: Baseline {
            pods: standing(&stood.pods),
            restarts: standing(&stood.restarts),
            errors: standing(&stood.errors),
            latency: standing(&stood.latency),
            alert: standing(&stood.alert),
            ready: stood.ready,
            wanted: stood.wanted,
            error_rate: stood.errors_ppm.map(|parts| parts as f64 / 1e6),
            errors_since: stood.errors_since,
        },
        alert: stood.fires.as_ref().map(alert),
    }
}

fn was(standing: &Standing) -> Was {
    match standing {
        Standing::Good => Was::Good,
        Standing::Bad(words) => Was::Bad(words.clone()),
        Standing::Unknown(words) => Was::Unknown(words.clone()),
    }
}

fn standing(was: &Was) -> Standing {
    match was {
        Was::Good => Standing::Good,
        Was::Bad(words) => Standing::Bad(words.clone()),
        Was::Unknown(words) => Standing::Unknown(words.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Clean;

    #[test]
    fn what_is_read_back_is_what_was_written() {
        let since = "2026-01-02T03:04:05Z".parse().ok();
        let before = Before {
            baseline: Baseline {
                pods: Standing::Bad(Clean::from_static("exit 1")),
                restarts: Standing::Good,
                errors: Standing::Bad(Clean::from_static("17.4 %")),
                latency: Standing::Unknown(Clean::from_static("nobody measures it")),
                alert: Standing::Bad(Clean::from_static("CartErrorRate fires")),
                ready: 2,
                wanted: 6,
                error_rate: Some(0.174),
                errors_since: since,
            },
            alert: Some(AlertRef { name: Name::new("CartErrorRate"), labels: Labels::new([("service", "cart")]), since }),
        };
        let line = serde_json::to_string(&written(&before)).expect("JSON");
        assert_eq!(read(&serde_json::from_str(&line).expect("the same")), before);
    }
}
