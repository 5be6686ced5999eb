//! Families of request metrics that programs, meshes and proxies are known to have, and the queries they lead to.
//!
//! Which labels a family carries depends on how it is scraped; those that are there are looked up, and the first of each list is taken.

use crate::domain::Metric;
use std::collections::BTreeSet;

/// How much lies between two values of a counter's rate: four scrapes of a minute at least.
const SPAN: &str = "5m";

/// A family of request metrics.
#[derive(Debug)]
pub(super) struct Family {
    /// The counter of requests, by which it is known.
    pub total: &'static str,
    /// What narrows it down, so that a request is not counted twice.
    only: &'static str,
    /// What tells a failed request; the first whose label is there. One that asks for "not empty" need not be there: nothing has failed yet.
    failed: &'static [(&'static str, &'static str)],
    /// The histogram of durations, and how many of its units are a second.
    durations: Option<(&'static str, u32)>,
    /// Where the family says it in words of its own; before those of every family.
    namespace: &'static [&'static str],
    service: &'static [&'static str],
    version: &'static [&'static str],
}

const PLAIN: Family = Family { total: "", only: "", failed: &[], durations: None, namespace: &[], service: &[], version: &[] };
const NAMESPACE: &[&str] = &["namespace", "kubernetes_namespace", "k8s_namespace_name", "exported_namespace"];
const SERVICE: &[&str] =
    &["app_kubernetes_io_name", "app", "service", "deployment", "workload", "k8s_deployment_name", "service_name", "application", "container", "job"];
const VERSION: &[&str] = &["version", "app_kubernetes_io_version", "service_version"];
/// Labels that are kept as they are where they are there.
const PLACE: &[&str] = &["cluster", "environment", "env", "stage"];
/// The labels by which the store knows a service; others become `service`.
const KNOWN: &[&str] = &["app_kubernetes_io_name", "app", "service", "deployment", "workload", "container", "job"];

/// What gRPC counts as the server's fault.
const GRPC: &str = "=~\"Unknown|Internal|Unavailable|DataLoss|DeadlineExceeded|ResourceExhausted|Unimplemented\"";
const FIVE: &str = "=~\"5..\"";

/// The known families; where a service has several, the earlier one counts.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        total: "istio_requests_total",
        only: "reporter=~\"destination|waypoint\"",
        failed: &[("response_code", "=~\"5..|0\"")],
        durations: Some(("istio_request_duration_milliseconds", 1000)),
        namespace: &["destination_workload_namespace"],
        service: &["destination_workload"],
        version: &["destination_version"],
    },
    Family {
        total: "http_server_request_duration_seconds_count",
        failed: &[("http_response_status_code", FIVE), ("error_type", "!=\"\"")],
        durations: Some(("http_server_request_duration_seconds", 1)),
        ..PLAIN
    },
    Family {
        total: "http_server_duration_milliseconds_count",
        failed: &[("http_status_code", FIVE)],
        durations: Some(("http_server_duration_milliseconds", 1000)),
        ..PLAIN
    },
    Family {
        total: "http_requests_total",
        failed: &[("code", FIVE), ("status", FIVE), ("status_code", FIVE)],
        durations: Some(("http_request_duration_seconds", 1)),
        ..PLAIN
    },
    Family {
        total: "http_server_requests_seconds_count",
        failed: &[("status", FIVE), ("outcome", "=\"SERVER_ERROR\"")],
        durations: Some(("http_server_requests_seconds", 1)),
        ..PLAIN
    },
    Family { total: "grpc_server_handled_total", failed: &[("grpc_code", GRPC)], durations: Some(("grpc_server_handling_seconds", 1)), ..PLAIN },
    Family {
        total: "rpc_server_call_duration_seconds_count",
        failed: &[("error_type", "!=\"\"")],
        durations: Some(("rpc_server_call_duration_seconds", 1)),
        ..PLAIN
    },
    Family {
        total: "nginx_ingress_controller_requests",
        failed: &[("status", FIVE)],
        durations: Some(("nginx_ingress_controller_request_duration_seconds", 1)),
        namespace: &["exported_namespace"],
        service: &["exported_service"],
        ..PLAIN
    },
    Family { total: "traefik_service_requests_total", failed: &[("code", FIVE)], durations: Some(("traefik_service_request_duration_seconds", 1)), ..PLAIN },
    Family {
        total: "envoy_cluster_upstream_rq_xx",
        failed: &[("envoy_response_code_class", "=\"5\"")],
        durations: Some(("envoy_cluster_upstream_rq_time", 1000)),
        service: &["envoy_cluster_name"],
        ..PLAIN
    },
];

/// A regular expression for the names of all that is looked for.
pub(super) fn names() -> String {
    let of = |family: &Family| {
        family.durations.into_iter().flat_map(|(name, _)| [name.to_owned(), format!("{name}_bucket")]).chain([family.total.to_owned()]).collect::<Vec<_>>()
    };
    let own = super::known::RESOURCES.iter().map(|name| (*name).to_owned());
    FAMILIES.iter().flat_map(of).chain(own).collect::<Vec<_>>().join("|")
}

/// A family that is there, with the labels it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    family: &'static str,
    only: &'static str,
    /// The matcher of failed requests; none where no label tells them.
    failed: Option<String>,
    durations: Option<Durations>,
    namespace: Option<String>,
    service: Option<String>,
    version: Option<String>,
    place: Vec<String>,
}

/// The histogram of durations that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Durations {
    name: &'static str,
    units: u32,
    /// One series for each bucket, as opposed to one series that holds them all.
    classic: bool,
}

/// For whom a metric is asked.
pub(super) enum Whom<'a> {
    /// Everybody, one series each.
    Each,
    /// Everybody, one series for each version.
    EachVersion,
    /// One service, together.
    One {
        /// Its name by the family's own label.
        service: &'a str,
        /// Its namespace; empty for any.
        namespace: &'a str,
    },
}

impl Family {
    /// The family with the labels that are there; none where nothing tells whose requests they are.
    pub fn with(&self, names: &BTreeSet<String>, labels: &BTreeSet<String>) -> Option<Found> {
        let first = |own: &[&str], common: &[&str]| own.iter().chain(common).find(|name| labels.contains(**name)).map(|name| (*name).to_owned());
        let failed = self.failed.iter().find(|(label, matcher)| labels.contains(*label) || matcher.starts_with("!="));
        let durations = self.durations.and_then(|(name, units)| {
            let classic = names.contains(&format!("{name}_bucket"));
            (classic || names.contains(name)).then_some(Durations { name, units, classic })
        });
        Some(Found {
            family: self.total,
            only: self.only,
            failed: failed.map(|(label, matcher)| format!("{label}{matcher}")),
            durations,
            namespace: first(self.namespace, NAMESPACE),
            service: Some(first(self.service, SERVICE)?),
            version: first(self.version, VERSION),
            place: PLACE.iter().filter(|name| labels.contains(**name)).map(|name| (*name).to_owned()).collect(),
        })
    }
}

impl Found {
    /// The counter by which it is known.
    pub fn name(&self) -> &'static str {
        self.family
    }

    /// Whether it tells versions apart.
    pub fn has_versions(&self) -> bool {
        self.version.is_some()
    }

    /// The query for a metric over `span`, where the family has it.
    pub fn query(&self, metric: Metric, whom: &Whom<'_>, span: Option<&str>) -> Option<String> {
        let span = span.unwrap_or(SPAN);
        let rate = |name: &str, and: &str| format!("rate({name}{{{}}}[{span}])", self.selector(whom, and));
        let by = self.by(whom, &[]);
        match metric {
            Metric::Throughput => Some(format!("sum{by} ({})", rate(self.family, ""))),
            Metric::ErrorRate => {
                let (failed, all) = (rate(self.family, self.failed.as_deref()?), rate(self.family, ""));
                // Without the second half a service that has never failed would have no series instead of zero.
                Some(format!("(sum{by} ({failed}) or 0 * sum{by} ({all})) / sum{by} ({all})"))
            }
            Metric::Latency => {
                let durations = self.durations.as_ref()?;
                let quantile = if durations.classic {
                    format!("histogram_quantile(0.99, sum{} ({}))", self.by(whom, &["le"]), rate(&format!("{}_bucket", durations.name), ""))
                } else {
                    format!("histogram_quantile(0.99, sum{by} ({}))", rate(durations.name, ""))
                };
                Some(if durations.units == 1 { quantile } else { format!("{quantile} / {}", durations.units) })
            }
            Metric::Cpu | Metric::Memory | Metric::Disk => None,
        }
    }

    /// The query for how many requests there were over `span`.
    pub fn count(&self, whom: &Whom<'_>, span: &str) -> String {
        format!("sum{} (increase({}{{{}}}[{span}]))", self.by(whom, &[]), self.family, self.selector(whom, ""))
    }

    /// The labels of a series in the names that the store knows.
    pub fn renamed<'a>(&'a self, labels: &'a super::wire::Pairs) -> Vec<(&'a str, &'a str)> {
        let label = |own: &'a Option<String>, name: &'a str| own.as_ref().and_then(|own| labels.get(own)).map(|value| (name, value.as_str()));
        let namespace = label(&self.namespace, "namespace");
        let service = self.service.as_deref().filter(|own| KNOWN.contains(own)).unwrap_or("service");
        let service = label(&self.service, service).map(|(name, value)| (name, bare(value)));
        let place = self.place.iter().filter_map(|name| labels.get_key_value(name)).map(|(name, value)| (name.as_str(), value.as_str()));
        [namespace, service, label(&self.version, "version")].into_iter().flatten().chain(place).filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The label that names the service.
    pub fn service_label(&self) -> &str {
        self.service.as_deref().unwrap_or("job")
    }

    fn by(&self, whom: &Whom<'_>, also: &[&str]) -> String {
        let version = self.version.iter().filter(|_| matches!(whom, Whom::EachVersion));
        let own = [&self.namespace, &self.service].into_iter().flatten().chain(version).chain(&self.place).map(String::as_str);
        let own = own.filter(|_| !matches!(whom, Whom::One { .. }));
        let names: Vec<&str> = also.iter().copied().chain(own).collect();
        if names.is_empty() { String::new() } else { format!(" by ({})", names.join(", ")) }
    }

    fn selector(&self, whom: &Whom<'_>, and: &str) -> String {
        let mut matchers: Vec<String> = [self.only, and].into_iter().filter(|matcher| !matcher.is_empty()).map(String::from).collect();
        if let Whom::One { service, namespace } = whom {
            // `namespace/name` is how OpenTelemetry writes a job, `name@provider` how Traefik writes a service.
            let name = super::labels::any_of([*service]);
            matchers.push(format!("{}=~\"(.*/)?({name})(@.*)?\"", self.service_label()));
            matchers.extend(self.namespace.as_ref().filter(|_| !namespace.is_empty()).map(|label| format!("{label}=\"{}\"", super::labels::quoted(namespace))));
        }
        matchers.join(",")
    }
}

/// The name in `namespace/name` and in `name@provider`.
fn bare(value: &str) -> &str {
    let name = value.rsplit('/').next().unwrap_or(value);
    name.split('@').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn family(total: &str) -> &'static Family {
        FAMILIES.iter().find(|family| family.total == total).expect("known")
    }

    #[test]
    fn the_labels_that_are_there_make_the_query() {
        let names = set(&["http_request_duration_seconds_bucket"]);
        let found = family("http_requests_total").with(&names, &set(&["__name__", "status", "namespace", "app", "job", "version", "pod"])).unwrap();
        assert_eq!(
            found.query(Metric::ErrorRate, &Whom::Each, None).unwrap(),
            "(sum by (namespace, app) (rate(http_requests_total{status=~\"5..\"}[5m])) or 0 * sum by (namespace, app) (rate(http_requests_total{}[5m]))) \
             / sum by (namespace, app) (rate(http_requests_total{}[5m]))"
        );
        assert_eq!(found.query(Metric::Throughput, &Whom::EachVersion, None).unwrap(), "sum by (namespace, app, version) (rate(http_requests_total{}[5m]))");
        assert_eq!(
            found.query(Metric::Latency, &Whom::One { service: "cart", namespace: "shop" }, Some("60s")).unwrap(),
            "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{app=~\"(.*/)?(cart)(@.*)?\",namespace=\"shop\"}[60s])))"
        );
        assert_eq!(
            found.count(&Whom::One { service: "c\"t", namespace: "" }, "60s"),
            "sum (increase(http_requests_total{app=~\"(.*/)?(c\\\"t)(@.*)?\"}[60s]))"
        );
    }

    #[test]
    fn what_no_label_tells_is_not_asked() {
        let http = family("http_requests_total");
        assert!(http.with(&set(&[]), &set(&["code", "pod"])).is_none(), "nobody's requests");
        let found = http.with(&set(&[]), &set(&["job"])).unwrap();
        assert_eq!(found.query(Metric::ErrorRate, &Whom::Each, None), None, "no label tells a failure");
        assert_eq!(found.query(Metric::Latency, &Whom::Each, None), None, "no histogram");
        assert!(found.query(Metric::Throughput, &Whom::Each, None).is_some());
        let rpc = family("rpc_server_call_duration_seconds_count").with(&set(&[]), &set(&["job"])).unwrap();
        assert!(rpc.query(Metric::ErrorRate, &Whom::Each, None).unwrap().contains("error_type!=\"\""), "nothing has failed yet");
    }

    #[test]
    fn milliseconds_become_seconds_and_a_native_histogram_has_no_buckets() {
        let labels = set(&["destination_workload", "destination_workload_namespace", "destination_version", "response_code"]);
        let istio = family("istio_requests_total").with(&set(&["istio_request_duration_milliseconds_bucket"]), &labels).unwrap();
        let latency = istio.query(Metric::Latency, &Whom::Each, None).unwrap();
        assert!(latency.ends_with(" / 1000") && latency.contains("reporter=~\"destination|waypoint\""), "{latency}");
        let native = family("http_requests_total").with(&set(&["http_request_duration_seconds"]), &set(&["job"])).unwrap();
        assert_eq!(
            native.query(Metric::Latency, &Whom::Each, None).unwrap(),
            "histogram_quantile(0.99, sum by (job) (rate(http_request_duration_seconds{}[5m])))"
        );
    }

    #[test]
    fn labels_are_told_in_the_names_that_the_store_knows() {
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let labels = set(&["destination_workload", "destination_workload_namespace", "destination_version", "response_code", "cluster"]);
        let istio = family("istio_requests_total").with(&set(&[]), &labels).unwrap();
        let series =
            pairs(&[("destination_workload", "cart"), ("destination_workload_namespace", "shop"), ("destination_version", "2.8.0"), ("cluster", "eu")]);
        assert_eq!(istio.renamed(&series), [("namespace", "shop"), ("service", "cart"), ("version", "2.8.0"), ("cluster", "eu")]);
        let otel = family("http_server_request_duration_seconds_count").with(&set(&[]), &set(&["job"])).unwrap();
        assert_eq!(otel.renamed(&pairs(&[("job", "shop/cart")])), [("job", "cart")]);
    }
}
