//! Objects as YAML, secrets masked.

use super::{lives::Life, rows::View, unit::Template};
use crate::text::Clean;

/// The whole object of a workload.
pub(super) fn workload(view: &View<'_>) -> Vec<Clean> {
    let (unit, turn) = (view.unit, view.turn());
    let mut lines = head("apps/v1", unit.kind.word(), &unit.service, view);
    lines.insert(4, format!("  generation: {}", turn.number));
    lines.push("  annotations:".to_owned());
    lines.push(format!("    deployment.kubernetes.io/revision: \"{}\"", turn.number));
    if let Some(operation) = &turn.operation {
        lines.push(format!("    pilothouse.dev/operation: {operation}"));
    }
    lines.push("spec:".to_owned());
    lines.push(format!("  replicas: {}", unit.wanted(view.at)));
    lines.push(format!("  progressDeadlineSeconds: {}", unit.deadline.as_secs()));
    lines.push("  template:".to_owned());
    lines.push("    spec:".to_owned());
    lines.extend(containers(view, unit.current(view.at)).into_iter().map(|line| format!("      {line}")));
    let counts = view.replicas(None);
    lines.push("status:".to_owned());
    lines.push(format!("  replicas: {}", counts.total));
    lines.push(format!("  updatedReplicas: {}", counts.updated));
    lines.push(format!("  readyReplicas: {}", counts.ready));
    clean(lines)
}

/// The whole object of a pod.
pub(super) fn pod(view: &View<'_>, life: &Life) -> Vec<Clean> {
    let row = view.pod(life);
    let mut lines = head("v1", "Pod", &life.name, view);
    lines.push("spec:".to_owned());
    lines.extend(row.node.map(|node| format!("  nodeName: {node}")));
    lines.extend(containers(view, view.template(life)).into_iter().map(|line| format!("  {line}")));
    lines.push("status:".to_owned());
    lines.push(format!("  phase: {}", if life.started.is_some() { "Running" } else { "Pending" }));
    lines.push(format!("  reason: {}", row.reason));
    lines.push(format!("  restartCount: {}", row.restarts));
    clean(lines)
}

fn head(version: &str, kind: &str, name: &str, view: &View<'_>) -> Vec<String> {
    vec![
        format!("apiVersion: {version}"),
        format!("kind: {kind}"),
        "metadata:".to_owned(),
        format!("  name: {name}"),
        format!("  namespace: {}", view.unit.place.namespace),
        "  labels:".to_owned(),
        format!("    app.kubernetes.io/name: {}", view.unit.service),
    ]
}

fn containers(view: &View<'_>, template: &Template) -> Vec<String> {
    let mut lines = vec!["containers:".to_owned(), format!("- name: {}", view.unit.service), format!("  image: {}", template.reference), "  env:".to_owned()];
    for (name, value) in &template.settings {
        lines.push(format!("  - {{ name: {name}, value: \"{value}\" }}"));
    }
    lines.push("  - { name: DATABASE_PASSWORD, value: •••• }".to_owned());
    lines.push("  readinessProbe: { httpGet: { path: /ready, port: 8080 } }".to_owned());
    lines
}

fn clean(lines: Vec<String>) -> Vec<Clean> {
    lines.iter().map(|line| Clean::from_untrusted(line)).collect()
}
