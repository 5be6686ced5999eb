//! What a swarm remembers of a service: the specification that it has, and the one before. There is one level, and a way back swaps the two.

use super::{Swarm, image, meant, progress, replicas, running, tasks_of};
use crate::{
    clean,
    domain::{Answer, Evidence, Id, Outline, Part, Replicas, Revision, Seen, SourceId, Subject, Version, Workload},
    sources::{
        SourceError,
        docker::{
            engine::Session,
            wire::{Service, ServiceSpec, Task, time},
        },
        spec::{self, Leaves, shown, words},
    },
    text::{Clean, Raw},
};
use serde_json::Value;

/// A service as it is at this moment: as far as rows need it, and whole.
pub struct Whole {
    /// As far as rows need it.
    pub lean: Service,
    /// The object itself.
    pub raw: Value,
}

impl Whole {
    /// Reads it.
    pub async fn read(session: &Session, service: &str) -> Result<Self, SourceError> {
        let raw: Value = session.json(&format!("/services/{}", Session::part(service)?)).await?;
        let lean = serde_json::from_value(raw.clone()).map_err(|error| SourceError::Protocol(clean!("service {service} can not be read: {error}")))?;
        Ok(Self { lean, raw })
    }

    /// What an operation must still find. A way back takes the whole specification back, the number of its tasks too, so that all of it counts.
    pub fn seen(&self) -> Seen {
        Seen { uid: Raw::new(&self.lean.id), template: spec::hash(&self.raw["Spec"]), paused: false }
    }

    /// The specification before this one.
    pub fn previous(&self) -> Option<&ServiceSpec> {
        self.lean.previous_spec.as_ref()
    }

    /// When the swarm last began to go back, if that is the last thing that it did.
    fn went_back(&self) -> Option<Option<jiff::Timestamp>> {
        let update = &self.lean.update_status;
        update.state.starts_with("rollback").then(|| time(&update.started_at))
    }
}

/// The service as the procedure wants it.
pub async fn subject(session: &Session, workload: &Id<Workload>, service: &str) -> Result<Answer, SourceError> {
    let (whole, swarm) = futures::future::try_join(Whole::read(session, service), Swarm::read(session)).await?;
    let tasks = tasks_of(&swarm, &whole.lean);
    let left = whole.previous().map(|spec| clean!("{}", spec.task_template.mark));
    Ok(Answer::Subject(Box::new(Subject {
        outline: outline(&whole.raw["Spec"]),
        rolled_back_from: whole.went_back().and_then(|at| Some((left?, at))),
        replicas: replicas(&whole.lean, &tasks),
        progress: progress(&whole.lean, &tasks),
        ..Subject::new(workload.clone(), whole.seen())
    })))
}

/// Its revisions with their outlines.
pub async fn answer(session: &Session, source: &SourceId, service: &str) -> Result<Answer, SourceError> {
    let (whole, swarm) = futures::future::try_join(Whole::read(session, service), Swarm::read(session)).await?;
    let mut rows = revisions(source, &whole.lean, &swarm.tasks);
    for row in &mut rows {
        row.outline = outline(&whole.raw[if row.current { "Spec" } else { "PreviousSpec" }]);
    }
    Ok(Answer::Revisions(rows))
}

/// The newest specification and the one before it, as rows.
pub fn revisions(source: &SourceId, service: &Service, tasks: &[Task]) -> Vec<Revision> {
    let own: Vec<&Task> = tasks.iter().filter(|task| task.service_id == service.id).collect();
    let newest = revision(source, service, &service.spec, &own, true);
    let before = service.previous_spec.as_ref().filter(|before| before.task_template.mark != service.spec.task_template.mark);
    std::iter::once(newest).chain(before.map(|before| revision(source, service, before, &own, false))).collect()
}

fn revision(source: &SourceId, service: &Service, spec: &ServiceSpec, tasks: &[&Task], current: bool) -> Revision {
    let template = &spec.task_template;
    let images = [image(&template.container_spec.image)];
    let named = spec.labels.get("app.kubernetes.io/version").or_else(|| template.container_spec.labels.get("app.kubernetes.io/version"));
    let own: Vec<&&Task> = tasks.iter().filter(|task| task.spec.mark == template.mark).collect();
    let count = |of: fn(&Task) -> bool| u32::try_from(own.iter().filter(|task| of(task)).count()).unwrap_or(u32::MAX);
    let wanted = spec.mode.replicated.as_ref().map_or(0, |mode| mode.replicas.unwrap_or(1));
    let (total, ready) = (count(meant), count(|task| meant(task) && running(task)));
    let update = time(&service.update_status.started_at);
    Revision {
        id: Id::new(source, &format!("service/{}/{}", service.id, template.mark)),
        workload: Id::new(source, &format!("service/{}", service.id)),
        number: 0,
        template: Raw::new(&template.mark),
        version: Version::of(named.map(|name| crate::text::Name::new(name)).as_ref(), &images),
        images: images.into(),
        replicas: Replicas { wanted, total, updated: total, ready, available: ready },
        current,
        created: if current { update.or_else(|| time(&service.created_at)) } else { None },
        cause: None,
        evidence: evidence(&own, ready, wanted).into_iter().collect(),
        outline: Outline::default(),
    }
}

/// What the tasks of one specification say: the swarm keeps some of those that are over. One that was shut down ran until it was replaced.
fn evidence(own: &[&&Task], ready: u32, wanted: u32) -> Option<Evidence> {
    if ready > 0 {
        return Some(Evidence::ServingNow { ready, wanted });
    }
    let ran = |task: &&&&Task| task.status.state == "shutdown" && !task.status.container_status.container_id.is_empty();
    let held = |task: &&&Task| Some(time(&task.status.timestamp)?.duration_since(time(&task.created_at)?));
    if let Some(held) = own.iter().filter(ran).filter_map(held).max() {
        return Some(Evidence::Served { held });
    }
    let failed = |task: &Task| matches!(&*task.status.state, "failed" | "rejected");
    let never = !own.is_empty() && own.iter().all(|task| failed(task) || meant(task));
    let why = own.iter().filter(|task| failed(task)).max_by_key(|task| time(&task.status.timestamp))?;
    never.then(|| Evidence::NeverAvailable { why: Clean::from_untrusted(&why.status.err) })
}

/// A specification leaf by leaf.
pub fn outline(spec: &Value) -> Outline {
    let mut leaves = Leaves::default();
    let task = &spec["TaskTemplate"];
    for (key, value) in task["ContainerSpec"].as_object().into_iter().flatten() {
        match key.as_str() {
            "Image" => leaves.leaf(Part::Image, "image", clean!("{}", value.as_str().unwrap_or_default())),
            "Env" => value.as_array().into_iter().flatten().filter_map(Value::as_str).for_each(|variable| {
                let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                leaves.leaf(Part::Environment, name, shown(name, value));
            }),
            "Command" | "Args" => leaves.leaf(Part::Command, &key.to_lowercase(), words(value)),
            "Healthcheck" => leaves.flat(Part::Probes, "health", value),
            "Mounts" | "Secrets" | "Configs" => leaves.flat(Part::Volumes, &key.to_lowercase(), value),
            other => leaves.flat(Part::Other, other, value),
        }
    }
    leaves.flat(Part::Resources, "resources", &task["Resources"]);
    for (key, value) in task.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "ContainerSpec" | "Resources" | "Runtime") {
            leaves.flat(Part::Other, key, value);
        }
    }
    for (key, value) in spec.as_object().into_iter().flatten() {
        if key != "TaskTemplate" {
            leaves.flat(Part::Other, key, value);
        }
    }
    leaves.outline()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollback::{History, target};
    use serde_json::json;

    fn spec(image: &str, secret: &str) -> Value {
        json!({ "Name": "shop_web", "Mode": { "Replicated": { "Replicas": 2 } },
            "TaskTemplate": { "ContainerSpec": { "Image": image, "Args": ["serve"], "Env": ["LOG=info", format!("DB_PASSWORD={secret}")] }, "Runtime": "container" } })
    }

    fn service(newest: Value, before: Value, update: Value) -> Service {
        serde_json::from_value(json!({ "ID": "s1", "Version": { "Index": 7 }, "CreatedAt": "2026-11-24T02:00:00Z", "Spec": newest, "PreviousSpec": before, "UpdateStatus": update })).expect("a service")
    }

    fn task(id: &str, of: &Value, desired: &str, state: &str) -> Task {
        let mut template = of["TaskTemplate"].clone();
        template.as_object_mut().expect("an object").remove("Runtime");
        let err = if state == "failed" { "task: non-zero exit (1)" } else { "" };
        serde_json::from_value(json!({ "ID": id, "ServiceID": "s1", "DesiredState": desired, "Spec": template, "Status": { "State": state, "Err": err } }))
            .expect("a task")
    }

    fn proposed(rows: &[Revision]) -> Result<String, String> {
        let target = target(&History { revisions: rows, records: &[], pods: &[] }, jiff::Timestamp::UNIX_EPOCH);
        match target.proposed {
            Ok(at) => Ok(format!("{} {}", target.candidates[at].revision.version, target.candidates[at].why)),
            Err(why) => Err(why.to_string()),
        }
    }

    #[test]
    fn the_one_before_is_proven_while_its_tasks_still_serve() {
        let (good, bad) = (spec("shop/web:1", "a"), spec("shop/web:2", "a"));
        let tasks = [task("a", &good, "running", "running"), task("b", &bad, "shutdown", "failed"), task("c", &bad, "running", "starting")];
        let rows = revisions(&SourceId::new("docker"), &service(bad, good, json!({ "State": "paused" })), &tasks);
        assert_eq!(proposed(&rows), Ok("1 proven: 1 of its pods serves now".into()));
        assert_eq!(
            rows.iter().map(|row| (row.short().to_string(), row.current)).collect::<Vec<_>>(),
            [("newest".to_owned(), true), ("previous".to_owned(), false)]
        );
    }

    #[test]
    fn one_whose_tasks_only_ever_failed_is_not_proposed() {
        let (bad, worse) = (spec("shop/web:1", "a"), spec("shop/web:2", "a"));
        let tasks = [task("a", &bad, "shutdown", "failed"), task("b", &worse, "shutdown", "failed")];
        let rows = revisions(&SourceId::new("docker"), &service(worse, bad, json!(null)), &tasks);
        assert!(proposed(&rows).is_err_and(|why| why.contains("something against it")), "{rows:#?}");
    }

    #[test]
    fn a_change_of_the_number_of_tasks_has_used_the_one_level_up() {
        let (now, mut before) = (spec("shop/web:2", "a"), spec("shop/web:2", "a"));
        before["Mode"]["Replicated"]["Replicas"] = json!(1);
        let rows = revisions(&SourceId::new("docker"), &service(now, before, json!(null)), &[]);
        assert_eq!(rows.len(), 1, "there is no other template to go back to");
    }

    #[test]
    fn a_service_that_went_back_says_so_whoever_took_it_back() {
        let at = "2026-11-24T02:10:00Z";
        for (state, back) in
            [("rollback_started", true), ("rollback_paused", true), ("rollback_completed", true), ("completed", false), ("paused", false), ("updating", false)]
        {
            let update = json!({ "State": state, "StartedAt": at });
            let whole = Whole { lean: service(spec("shop/web:1", "a"), spec("shop/web:2", "a"), update), raw: Value::Null };
            assert_eq!(whole.went_back(), back.then(|| at.parse().ok()), "{state}: a second way back would lead to what was left");
        }
    }

    #[test]
    fn an_outline_tells_what_differs_and_no_secret() {
        let (one, two) = (outline(&spec("shop/web:1", "hunter2")), outline(&spec("shop/web:2", "hunter3")));
        let differ: Vec<_> = two.0.iter().filter(|leaf| !one.0.contains(leaf)).map(|leaf| leaf.path.to_string()).collect();
        assert_eq!(differ, ["image", "DB_PASSWORD"]);
        assert!(one.0.iter().all(|leaf| !leaf.value.contains("hunter2")), "{one:?}");
    }
}
