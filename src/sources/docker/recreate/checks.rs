//! What is checked before containers are exchanged, each told as it is made.

use super::{
    body::obstacles,
    exchange::stop_timeout,
    group::{Group, Member, image, wanted},
    names::{OPERATION, Role, apart, aside},
};
use crate::{
    clean,
    domain::{Check, CheckKind, Finding, Operation},
    sources::{
        SourceError,
        docker::{
            container::{Container, Owner, Run},
            engine::Session,
        },
        steps,
    },
    text::Clean,
};
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use serde::de::IgnoredAny;
use serde_json::Value;

/// What is checked.
const CHECKS: [CheckKind; 8] = [
    CheckKind::Rights,
    CheckKind::Paused,
    CheckKind::Owner,
    CheckKind::Image,
    CheckKind::References,
    CheckKind::Scaling,
    CheckKind::Strategy,
    CheckKind::Traffic,
];

/// Makes the checks of a way back.
pub fn prepare(
    opening: impl Future<Output = Result<Session, SourceError>> + Send + 'static,
    operation: Operation,
) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let session = opening.await?;
        let group = Group::read(&session, operation.subject.key()).await?;
        Ok(Case { session, group, operation }.made())
    };
    steps::checking(CHECKS.to_vec(), made)
}

struct Case {
    session: Session,
    group: Group,
    operation: Operation,
}

impl Case {
    fn made(self) -> BoxStream<'static, Check> {
        let at_once = [self.rights(), self.half_way(), self.owner(), self.scaling(), self.strategy(), self.traffic()];
        let asked = async move {
            let (image, references) = futures::join!(self.image(), self.references());
            stream::iter([image.1.map(Check::Command), Some(Check::Made(image.0)), Some(Check::Made(references))].into_iter().flatten())
        };
        stream::iter(at_once.map(Check::Made)).chain(asked.into_stream().flatten()).boxed()
    }

    /// The id of the image that it goes back to.
    fn goal(&self) -> &str {
        self.operation.to.as_ref().map_or("", |to| to.template.expose())
    }

    fn exchanged(&self) -> Vec<&Member> {
        self.group.to_exchange(self.goal()).collect()
    }

    fn rights(&self) -> Finding {
        let hello = &self.session.hello;
        match hello.podman {
            true => CheckKind::Rights.block(
                clean!("{} runs Podman, whose containers belong to systemd or to podman-compose", hello.host),
                Some(Clean::from_static("take it back with the program that made it")),
            ),
            false => CheckKind::Rights.ok(clean!("who reaches the engine of {} may change all of it", hello.host)),
        }
    }

    /// What stands in the way: frozen containers, and exchanges that stopped half-way.
    fn half_way(&self) -> Finding {
        let kind = CheckKind::Paused;
        let members = || self.group.members.iter().map(|member| &member.lean);
        if let Some(frozen) = members().find(|one| one.run == Run::Paused) {
            return kind.block(clean!("{} is frozen", frozen.name), Some(clean!("docker unpause {}", frozen.name)));
        }
        if let Some(found) = stopped_half_way(&self.group) {
            return found;
        }
        if let Some(found) = self.group.aside.iter().find_map(|made| never_placed(made, members())) {
            return found;
        }
        let kept: Vec<&str> = self.group.aside.iter().map(|one| one.name.as_str()).collect();
        if kept.is_empty() {
            return kind.ok("no other exchange is under way");
        }
        kind.ok(clean!("no other exchange is under way; an earlier one has kept {}", kept.join(", ")))
    }

    fn owner(&self) -> Finding {
        let newest = &self.group.newest().lean;
        if let Some(unit) = newest.label("PODMAN_SYSTEMD_UNIT") {
            return CheckKind::Owner.block(clean!("the systemd unit {unit} owns it and would fight this"), Some(clean!("go through {unit}")));
        }
        match newest.owner() {
            Owner::Compose { project, .. } => CheckKind::Owner.warn(
                clean!("compose project {project} owns it: the next `docker compose up` ships what its file says"),
                Some(clean!("put the earlier image into {} as well", file(newest))),
            ),
            Owner::Alone => CheckKind::Owner.ok("nobody claims it"),
            Owner::OneOff | Owner::Swarm { .. } | Owner::Elsewhere => CheckKind::Owner.block("another system owns it", None),
        }
    }

    fn scaling(&self) -> Finding {
        let named = |names: &[&Member]| names.iter().map(|member| member.lean.name.as_str()).collect::<Vec<_>>().join(", ");
        match self.exchanged().as_slice() {
            [] => CheckKind::Scaling.block(
                "no container of it runs, or has failed, with another image: there is nothing to exchange",
                Some(Clean::from_static("start it first, or start the image that you want by hand")),
            ),
            [one] => CheckKind::Scaling.ok(clean!("one container: {}", one.lean.name)),
            more => CheckKind::Scaling.ok(clean!("{} containers, one after the other, until one fails: {}", more.len(), named(more))),
        }
    }

    /// How it is done and what it costs.
    fn strategy(&self) -> Finding {
        let exchanged = self.exchanged();
        let longest = exchanged.iter().map(|member| stop_timeout(&member.whole["Config"]).as_secs()).max().unwrap_or_default();
        let first = exchanged.first().map(|member| aside(apart(&member.lean.name).0, &self.operation.id)).unwrap_or_default();
        let sentence = clean!(
            "each stops ({longest} s at most) before its new one starts. Only the image changes: settings, volumes and networks stay. The old \
             container is kept, stopped, with what it wrote outside its volumes"
        );
        let kept = first.rsplit_once('-').map_or(&*first, |(before, _)| before);
        CheckKind::Strategy.warn(sentence, Some(clean!("afterwards: docker rm of {kept}-…, before compose starts it again")))
    }

    /// Ports that the engine chose for the old container.
    fn traffic(&self) -> Finding {
        let exchanged = self.exchanged();
        let bindings = || exchanged.iter().flat_map(|member| member.whole["HostConfig"]["PortBindings"].as_object().into_iter().flatten());
        let (mut fixed, mut chosen) = (Vec::new(), Vec::new());
        for (port, to) in bindings() {
            for to in to.as_array().into_iter().flatten() {
                match to["HostPort"].as_str().unwrap_or_default() {
                    "" | "0" => chosen.push(port.clone()),
                    host => fixed.push(format!("{host} → {port}")),
                }
            }
        }
        if !chosen.is_empty() {
            return CheckKind::Traffic.warn(clean!("the engine chooses the port for {}: it will be another one", chosen.join(", ")), None);
        }
        match fixed.is_empty() {
            true => CheckKind::Traffic.ok("it publishes no port"),
            false => CheckKind::Traffic.ok(clean!("it publishes the same ports: {}", fixed.join(", "))),
        }
    }

    /// Whether the image of the way back is here, and whether the name of what runs has moved; and the same by hand.
    async fn image(&self) -> (Finding, Option<Clean>) {
        let (kind, host, newest) = (CheckKind::Image, &self.session.hello.host, self.group.newest());
        let found = match image(&self.session, self.goal()).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                let remedy = Some(Clean::from_static("pull or load it again, or go forward"));
                return (kind.block(clean!("its image is not on {host} any more: nothing could be started"), remedy), None);
            }
            Err(error) => return (kind.failed(&error), None),
        };
        let wanted = wanted(&found, newest.repository());
        let command = by_hand(&newest.lean, &wanted.reference);
        let here = clean!("{} is on {host}", short(&wanted.reference));
        if !self.group.members.iter().all(|member| self.group.images.contains_key(&member.lean.image_id)) {
            let why = "the image that runs was removed: what was set for the container can not be told from what came with it";
            return (kind.block(why, Some(Clean::from_static("start it by hand"))), Some(command));
        }
        match self.moved(&newest.lean).await {
            Ok(Some(moved)) => (kind.warn(clean!("{here}; {moved}"), None), Some(command)),
            Ok(None) => (kind.ok(here), Some(command)),
            Err(error) => (kind.failed(&error), Some(command)),
        }
    }

    /// Whether the name of the image that runs stands for another one by now.
    async fn moved(&self, running: &Container) -> Result<Option<Clean>, SourceError> {
        let name = &running.image;
        if name.starts_with("sha256:") || name.contains('@') {
            return Ok(None);
        }
        let now: Option<Value> = self.session.find(&format!("/images/{name}/json")).await?;
        let Some(id) = now.as_ref().and_then(|image| image["Id"].as_str()) else { return Ok(Some(clean!("{name}, which runs, has lost its name"))) };
        Ok((id != running.image_id).then(|| clean!("{name} now stands for {}, which is not what runs", short(id))))
    }

    /// Whether all that it names is still there, and whether it can be made once more at all.
    async fn references(&self) -> Finding {
        let kind = CheckKind::References;
        let exchanged = self.exchanged();
        let whose = |member: &Member, what: &Clean| clean!("{}: {what}", member.lean.name);
        if let Some(why) = exchanged.iter().find_map(|member| Some(whose(member, obstacles(&member.whole).first()?))) {
            return kind.block(why, Some(Clean::from_static("start the earlier image by hand, as it was started")));
        }
        let mut paths = std::collections::BTreeMap::new();
        for member in &exchanged {
            let mounts = member.whole["Mounts"].as_array().into_iter().flatten().filter(|mount| mount["Type"] == "volume");
            paths.extend(mounts.filter_map(|mount| mount["Name"].as_str()).map(|name| (format!("/volumes/{name}"), clean!("volume {name}"))));
            let networks = member.whole["NetworkSettings"]["Networks"].as_object().into_iter().flatten();
            let known = networks.filter_map(|(name, one)| Some((name, one["NetworkID"].as_str().filter(|id| !id.is_empty())?)));
            paths.extend(known.map(|(name, id)| (format!("/networks/{id}"), clean!("network {name}"))));
        }
        let asked = paths.iter().map(async |(path, what)| (what, self.session.find::<IgnoredAny>(path).await));
        let mut gone = Vec::new();
        for (what, there) in futures::future::join_all(asked).await {
            match there {
                Ok(Some(_)) => {}
                Ok(None) => gone.push(what.to_string()),
                Err(error) => return kind.failed(&error),
            }
        }
        if !gone.is_empty() {
            return kind.block(
                clean!("{} is gone: the new container could not be the same", gone.join(", ")),
                Some(Clean::from_static("make it anew, or go forward")),
            );
        }
        match self.dependents(&exchanged).await {
            Ok(others) if others.is_empty() => kind.ok(clean!("every volume and network that it names is there ({})", paths.len())),
            Ok(others) => kind.block(clean!("{} uses its network and would lose it", others.join(", ")), Some(clean!("stop {} first", others.join(", ")))),
            Err(error) => kind.failed(&error),
        }
    }

    /// The containers that live in the network of one that is exchanged.
    async fn dependents(&self, exchanged: &[&Member]) -> Result<Vec<String>, SourceError> {
        let all: Vec<Value> = self.session.json("/containers/json?all=1").await?;
        let in_it = |row: &&Value| {
            let mode = row["HostConfig"]["NetworkMode"].as_str().and_then(|mode| mode.strip_prefix("container:"));
            mode.is_some_and(|of| exchanged.iter().any(|member| member.lean.id == of || member.lean.name == of))
        };
        let name = |row: &Value| row["Names"][0].as_str().map(|name| name.trim_start_matches('/').to_owned());
        Ok(all.iter().filter(in_it).filter_map(name).collect())
    }
}

/// A container that an exchange has made, and that never took its place among `members`.
fn never_placed<'a>(made: &Container, mut members: impl Iterator<Item = &'a Container>) -> Option<Finding> {
    let (place, Role::Next(operation)) = apart(&made.name) else { return None };
    let stopped = members.any(|one| one.name == place && one.run == Run::Ended);
    let sentence = match stopped {
        true => clean!("rollback {operation} stopped half-way: {} was made, and {place} was stopped and is still there", made.name),
        false => clean!("rollback {operation} stopped half-way: {} was made, and nothing was stopped for it", made.name),
    };
    let back = if stopped { clean!("docker start {place} brings it back; ") } else { Clean::EMPTY };
    Some(CheckKind::Paused.warn(sentence, Some(clean!("{back}docker rm {} removes what was made", made.name))))
}

/// What an exchange has left of `group` that a person must settle before anything else is done with it.
pub fn stopped_half_way(group: &Group) -> Option<Finding> {
    group.members.iter().find_map(|member| left_half_way(&member.lean))
}

/// What an exchange has left that stopped half-way, by the container that stands there now.
fn left_half_way(one: &Container) -> Option<Finding> {
    let (place, role) = apart(&one.name);
    let name = &one.name;
    match role {
        Role::Aside(operation) if one.run == Run::Running => Some(CheckKind::Paused.block(
            clean!("rollback {operation} set {name} aside, and it runs: the exchange stopped half-way"),
            Some(clean!("docker rename {name} {place}, once nothing else is called {place}")),
        )),
        Role::Aside(operation) => Some(CheckKind::Paused.block(
            clean!("rollback {operation} stopped half-way: {place} was stopped and set aside, and nothing took its place"),
            Some(clean!("docker rename {name} {place} && docker start {place} brings it back")),
        )),
        Role::Next(operation) => Some(CheckKind::Paused.block(
            clean!("rollback {operation} stopped half-way: {name} runs under the name that it was made with"),
            Some(clean!("docker rename {name} {place}, once nothing else is called {place}")),
        )),
        Role::Own => {
            let operation = one.label(OPERATION).filter(|_| one.run == Run::Created)?;
            let kept = aside(name, &crate::domain::OpId::restore(operation));
            Some(CheckKind::Paused.block(
                clean!("rollback {operation} stopped half-way: {name} was put into place and never started; {kept} ran before"),
                Some(clean!("docker start {name} goes on with it")),
            ))
        }
    }
}

/// The file that compose made it from.
fn file(container: &Container) -> Clean {
    let files = container.label("com.docker.compose.project.config_files").unwrap_or("its file");
    clean!("{}", files.split(',').next_back().unwrap_or(files))
}

/// What a person would do.
fn by_hand(container: &Container, reference: &str) -> Clean {
    let reference = short(reference);
    match container.owner() {
        Owner::Compose { project, service } => {
            clean!("set `image: {reference}` for {service} in {}, then docker compose -p {project} up -d --no-deps {service}", file(container))
        }
        Owner::Alone | Owner::OneOff | Owner::Swarm { .. } | Owner::Elsewhere => {
            let name = apart(&container.name).0;
            clean!("docker stop {name}; docker rename {name} {name}-old; docker run --name {name} … {reference}, with the same options")
        }
    }
}

/// A reference without the most of its digest.
fn short(reference: &str) -> String {
    match reference.split_once("sha256:") {
        Some((before, hex)) => format!("{before}sha256:{}", hex.get(..12).unwrap_or(hex)),
        None => reference.to_owned(),
    }
}
