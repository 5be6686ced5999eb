//! What was said, by whom, and how bad it is.

use super::{Id, Version, Workload};
use crate::text::{Clean, Painted};
use jiff::Timestamp;

/// How bad a line is, by its own word. Ordered; a line that says nothing about itself comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// It does not say.
    #[default]
    Unknown,
    /// Finest detail.
    Trace,
    /// Detail for developers.
    Debug,
    /// The ordinary course of things.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
    /// The process ends over it.
    Fatal,
}

impl Level {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [Self::Unknown, Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The word in the log's own column; nothing for a line that does not say.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// The level that loggers of any language mean by `word`, in any case.
    pub fn named(word: &str) -> Option<Self> {
        const NAMES: [(&str, Level); 30] = [
            ("trace", Level::Trace),
            ("trc", Level::Trace),
            ("finest", Level::Trace),
            ("verbose", Level::Trace),
            ("debug", Level::Debug),
            ("dbg", Level::Debug),
            ("fine", Level::Debug),
            ("d", Level::Debug),
            ("info", Level::Info),
            ("inf", Level::Info),
            ("information", Level::Info),
            ("informational", Level::Info),
            ("notice", Level::Info),
            ("log", Level::Info),
            ("i", Level::Info),
            ("warn", Level::Warn),
            ("warning", Level::Warn),
            ("wrn", Level::Warn),
            ("w", Level::Warn),
            ("error", Level::Error),
            ("err", Level::Error),
            ("severe", Level::Error),
            ("e", Level::Error),
            ("fatal", Level::Fatal),
            ("ftl", Level::Fatal),
            ("critical", Level::Fatal),
            ("crit", Level::Fatal),
            ("panic", Level::Fatal),
            ("alert", Level::Fatal),
            ("emerg", Level::Fatal),
        ];
        NAMES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, level)| level)
    }

    /// The level of a syslog severity: 0 is an emergency, 7 is detail.
    pub const fn of_syslog(severity: u32) -> Self {
        match severity {
            0..=2 => Self::Fatal,
            3 => Self::Error,
            4 => Self::Warn,
            5 | 6 => Self::Info,
            _ => Self::Debug,
        }
    }

    /// Whether somebody should look: an error or worse.
    pub fn is_trouble(self) -> bool {
        self >= Self::Error
    }
}

/// Where a line of the log view comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// The program said it.
    #[default]
    Output,
    /// The run before this one said it.
    Previous,
    /// We say it: lines left out, a log that can not be read.
    Notice,
    /// A change happened here: `cart 2.7.3 → 2.8.0 · run #311 · ci-bot`.
    Change,
}

/// Who speaks: one container of one pod, one container of a host, one job of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    /// Its identity.
    pub id: Id<LogStream>,
    /// The workload it speaks for, where it can be told.
    pub workload: Option<Id<Workload>>,
    /// The pod's name, the container's on a host, the job's in a run.
    pub pod: Clean,
    /// The container within the pod; empty where there are none.
    pub container: Clean,
    /// The version that speaks.
    pub version: Version,
    /// Whether it only serves the other containers of its pod.
    pub sidecar: bool,
    /// Whether it is the run before this one.
    pub previous: bool,
    /// Whether all that was said before it was asked has been told. A stream is told again when this becomes so.
    pub told: bool,
}

/// Containers that others inject into a pod, by name.
const SIDECARS: &[&str] = &[
    "istio-proxy",
    "istio-init",
    "linkerd-proxy",
    "linkerd-init",
    "envoy",
    "envoy-sidecar",
    "consul-dataplane",
    "consul-connect-envoy-sidecar",
    "consul-connect-inject-init",
    "kuma-sidecar",
    "kuma-init",
    "vault-agent",
    "vault-agent-init",
    "cloud-sql-proxy",
    "cloudsql-proxy",
    "datadog-agent",
    "datadog-init",
    "fluent-bit",
    "fluentd",
    "filebeat",
    "promtail",
    "vector",
    "otc-container",
    "opentelemetry-auto-instrumentation",
    "jaeger-agent",
    "aws-xray-daemon",
    "xray-daemon",
    "daprd",
    "oauth2-proxy",
    "linkerd-debug",
    "queue-proxy",
    "appmesh-envoy",
    "gke-gcsfuse-sidecar",
];

impl LogStream {
    /// The stream of `container` in `pod`, nothing more being known yet. A known sidecar is recognised by its name.
    pub fn new(id: Id<Self>, pod: &str, container: &str) -> Self {
        Self {
            id,
            workload: None,
            pod: Clean::from_untrusted(pod),
            container: Clean::from_untrusted(container),
            version: Version::default(),
            sidecar: SIDECARS.contains(&container),
            previous: false,
            told: false,
        }
    }

    /// What tells this pod from its fellows: `x7k2p` of `cart-6b9d7f-x7k2p`, `0` of `kafka-0`, the whole name where nothing was added to it.
    pub fn short(&self) -> &str {
        let made = |end: &str| end.bytes().all(|b| b.is_ascii_digit()) || (end.len() == 5 && !end.bytes().any(|b| b"aeiou".contains(&b)));
        match self.pod.rsplit_once('-') {
            Some((_, end)) if !end.is_empty() && end.bytes().all(|b| b.is_ascii_alphanumeric()) && made(end) => end,
            _ => &self.pod,
        }
    }
}

/// One line, already harmless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogLine {
    /// When it was said, by the clock of the node; not every log has times.
    pub at: Option<Timestamp>,
    /// How bad it is.
    pub level: Level,
    /// What it says, in its own colours.
    pub text: Painted,
    /// Where it comes from.
    pub kind: LineKind,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SourceId;

    fn stream(pod: &str, container: &str) -> LogStream {
        LogStream::new(Id::new(&SourceId::new("kubernetes/prod-eu"), "uid/app"), pod, container)
    }

    #[test]
    fn a_pod_is_called_by_what_was_added_to_its_workloads_name() {
        for (pod, short) in [
            ("cart-6b9d7f-x7k2p", "x7k2p"),
            ("kafka-0", "0"),
            ("shop-cart", "shop-cart"),
            ("redis", "redis"),
            ("compose-cart-12", "12"),
            ("queue-batch", "queue-batch"),
            ("web-", "web-"),
        ] {
            assert_eq!(stream(pod, "").short(), short, "{pod}");
        }
    }

    #[test]
    fn sidecars_are_known_by_name() {
        assert!(stream("cart-1", "istio-proxy").sidecar);
        assert!(!stream("cart-1", "cart").sidecar);
    }

    #[test]
    fn levels_are_known_by_the_words_of_any_logger() {
        assert_eq!(Level::named("WARNING"), Some(Level::Warn));
        assert_eq!(Level::named("Err"), Some(Level::Error));
        assert_eq!(Level::named("errors"), None);
        assert_eq!(Level::of_syslog(3), Level::Error);
        assert!(Level::Fatal.is_trouble() && !Level::Warn.is_trouble() && Level::Unknown < Level::Trace);
    }
}
