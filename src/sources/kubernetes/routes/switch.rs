//! The one request that leads the traffic back.

use super::{Found, Sort, Work, board, labels, name, text};
use crate::{
    clean,
    domain::{Arm, Operation, Route, Seen, Stage},
    sources::{
        SourceError,
        kubernetes::{
            act::{Change, Does},
            ask::Current,
            client::Cluster,
            groups::Served,
            rows::Address,
            template::{self, Marks},
        },
    },
    text::Clean,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A route that an operation names, as it is at this moment.
pub struct Switch {
    pub(super) found: Found,
    pub(super) route: Route,
    pub(super) served: Served,
    /// The other routes that lead to the workload.
    pub(super) others: Vec<Clean>,
}

impl Switch {
    /// Reads it.
    pub async fn read(cluster: &Cluster, operation: &Operation) -> Result<Self, SourceError> {
        let current = Current::read(cluster, &operation.subject).await?;
        let served = Served::ask(cluster).await?;
        let mut found = board::routes(cluster, &current, &served).await?;
        let gone = || SourceError::Conflict(clean!("what led the traffic to {} can not be switched any more: it was changed or removed", current.address.name));
        let at = found.iter().position(|found| found.uid() == operation.from.uid.expose()).ok_or_else(gone)?;
        let one = found.swap_remove(at);
        let route = one.told(cluster, &served, &operation.subject).await?;
        let route = route.ok_or_else(|| SourceError::NotFound(clean!("a workload that {} leads to has no revision yet", one.words())))?;
        let leads_here = |found: &&Found| found.arms.iter().any(|(work, share)| *share > 0 && work.address == current.address);
        let others = found.iter().filter(leads_here).map(Found::words).collect();
        Ok(Self { found: one, route, served, others })
    }

    /// Its name.
    pub fn name(&self) -> Clean {
        self.found.words()
    }

    /// What is not as the operator saw it any more, and by whom; none where all is.
    pub fn moved(&self, from: &Seen) -> Option<Clean> {
        let by = match &self.route.changed_by {
            Some((who, Some(when))) => format!("by {who} at {}", when.strftime("%H:%M:%S UTC")),
            Some((who, None)) => format!("by {who}"),
            None => "by somebody".to_owned(),
        };
        let leads: Vec<&str> = self.route.arms.iter().filter(|arm| arm.share > 0).map(|arm| arm.name.raw()).collect();
        (self.route.seen != *from).then(|| clean!("{} was changed {by}: it now leads to {}", self.name(), leads.join(" and ")))
    }

    /// Where an operation leads the traffic to.
    pub(super) fn target(&self, operation: &Operation) -> Option<(&Arm, &Work)> {
        let arm = self.route.arm_at(&operation.to.as_ref()?.template)?;
        let address = Address::of(&arm.workload)?;
        self.found.arms.iter().find(|(work, _)| work.address == address).map(|(work, _)| (arm, work))
    }

    /// The request of an operation, or why there is none.
    pub fn change(&self, operation: &Operation, at: Timestamp) -> Result<Change, Stage> {
        let refused = |why: Clean| Stage::Refused { why };
        let Some((arm, work)) = self.target(operation) else {
            return Err(refused(clean!("{} can not lead there any more: another revision was rolled out there, or it is gone", self.name())));
        };
        if arm.ready == 0 {
            return Err(refused(clean!("no pod of {} is ready", arm.name)));
        }
        if arm.share == 100 {
            return Err(refused(clean!("{} leads only to {} already", self.name(), arm.name)));
        }
        let left = self.route.arm(&operation.subject).map(|left| (left.revision.template.expose(), left.revision.number));
        let marks = Marks { operation: operation.id.as_str(), from: left, at };
        let (resource, path) = (self.resource(), self.path());
        Ok(Change {
            path,
            resource,
            namespace: text(&self.found.raw, "/metadata/namespace").to_owned(),
            does: Does::Patch(template::switch(&self.found.raw, self.changes(work), &marks)),
        })
    }

    /// What is written, as the operations of a JSON patch.
    fn changes(&self, to: &Work) -> Vec<Value> {
        let add = |path: String, value: Value| json!({ "op": "add", "path": path, "value": value });
        match &self.found.sort {
            Sort::Selector => {
                let selector = labels(&self.found.raw, "/spec/selector").into_iter();
                let other = selector.filter_map(|(key, now)| Some((key.clone(), to.labels.get(&key)?.clone())).filter(|(_, value)| *value != now));
                other.map(|(key, value)| add(format!("/spec/selector/{}", key.replace('~', "~0").replace('/', "~1")), value.into())).collect()
            }
            Sort::Weights(weights) => {
                let weight = |address: &Address| if *address == to.address { 100 } else { 0 };
                weights.places.iter().map(|(pointer, address)| add(format!("{pointer}/weight"), weight(address).into())).collect()
            }
        }
    }

    /// Its kind, in the words of a right.
    pub(super) fn resource(&self) -> String {
        match self.found.sort {
            Sort::Selector => "services".into(),
            Sort::Weights(_) => format!("virtualservices.{}", board::ISTIO),
        }
    }

    fn path(&self) -> String {
        let (namespace, name) = (text(&self.found.raw, "/metadata/namespace"), name(&self.found.raw));
        match &self.found.sort {
            Sort::Selector => format!("/api/v1/namespaces/{namespace}/services/{name}"),
            Sort::Weights(weights) => format!("/apis/{}/{}/namespaces/{namespace}/virtualservices/{name}", board::ISTIO, weights.version),
        }
    }

    /// The command that does the same by hand.
    pub(super) fn command(&self, operation: &Operation, context: &str) -> Option<Clean> {
        let (_, work) = self.target(operation)?;
        let (namespace, name, changes) = (text(&self.found.raw, "/metadata/namespace"), name(&self.found.raw), Value::from(self.changes(work)));
        let kind = match self.found.sort {
            Sort::Selector => "service",
            Sort::Weights(_) => "virtualservice.networking.istio.io",
        };
        Some(clean!("kubectl patch {kind} {name} -n {namespace} --context {context} --type json -p '{changes}'"))
    }
}
