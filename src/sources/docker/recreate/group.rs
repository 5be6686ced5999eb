//! The containers of one service as they are at this moment, whole, with the images that they were made from.

use super::{
    super::{
        container::{Container, Run},
        engine::{Session, filters},
        rows,
        wire::{Inspected, Listed},
    },
    body::Wanted,
    config::{merged, set_by_hand},
    names::{self, LEFT, OPERATION, REFERENCE, Role},
};
use crate::{
    clean,
    domain::{Outline, Part, Seen},
    sources::{
        SourceError,
        spec::{self, Leaves, shown, words},
    },
    text::{Clean, Raw},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A container: as far as rows need it, and whole.
#[derive(Clone, Debug)]
pub struct Member {
    /// As far as rows need it.
    pub lean: Container,
    /// The object itself. Its variables never leave this process but to the engine.
    pub whole: Value,
}

/// The containers of a service.
pub struct Group {
    /// Those that are the service now, in the order of their names.
    pub members: Vec<Member>,
    /// Those that an exchange has set aside, or made and not put into place.
    pub aside: Vec<Container>,
    /// The images that the members were made from, by id; one that was removed by force is not there.
    pub images: BTreeMap<String, Value>,
}

impl Member {
    /// Reads one.
    pub async fn read(session: &Session, id: &str) -> Result<Self, SourceError> {
        let whole: Value = session.json(&format!("/containers/{}/json", Session::part(id)?)).await?;
        let lean: Inspected =
            serde_json::from_value(whole.clone()).map_err(|error| SourceError::Protocol(clean!("container {id} can not be read: {error}")))?;
        Ok(Self { lean: lean.into(), whole })
    }

    /// The repository of its image, as far as it was named.
    pub fn repository(&self) -> Option<&str> {
        let named = if self.lean.image.starts_with("sha256:") { self.lean.label(REFERENCE)? } else { &self.lean.image };
        Some(repository(named)).filter(|name| !name.is_empty())
    }

    /// Whether it has run at all, or the engine said why not: one that was only made stands for nothing.
    pub fn counts(&self) -> bool {
        rows::counts(&self.lean)
    }
}

/// What stands before the tag.
pub fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or_default();
    name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(before, _)| before)
}

/// An image by its id, whole.
pub async fn image(session: &Session, id: &str) -> Result<Option<Value>, SourceError> {
    let hex = id.strip_prefix("sha256:").unwrap_or(id);
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    session.find(&format!("/images/sha256:{hex}/json")).await
}

/// What an image is called in a repository: by tags and by digests.
pub fn called<'a>(image: &'a Value, repository: Option<&str>) -> (Vec<&'a str>, Vec<&'a str>) {
    let of = |key: &str| -> Vec<&'a str> {
        let names = image[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.filter(|name| repository == Some(self::repository(name))).collect()
    };
    (of("RepoTags"), of("RepoDigests"))
}

/// What an image is asked for by: a name that stands for this very image, so that people and compose still know it, else its id.
pub fn wanted(image: &Value, repository: Option<&str>) -> Wanted {
    let id = image["Id"].as_str().unwrap_or_default().to_owned();
    let (tags, digests) = called(image, repository);
    let settled = tags.iter().find(|tag| !super::moves(tag));
    let reference = match (settled, digests.first()) {
        (Some(tag), Some(digest)) => format!("{tag}@{}", digest.split_once('@').map_or("", |(_, digest)| digest)),
        (None, Some(digest)) => (*digest).to_owned(),
        (Some(tag), None) => (*tag).to_owned(),
        (None, None) => id.clone(),
    };
    let called = (reference == id).then(|| repository.map(str::to_owned)).flatten();
    Wanted { id, reference, called }
}

impl Group {
    /// Reads the containers of the workload `key`.
    pub async fn read(session: &Session, key: &str) -> Result<Self, SourceError> {
        if !key.starts_with("compose/") && !key.starts_with("container/") {
            return Err(SourceError::Unsupported(clean!("only containers and services of compose or of a swarm can be taken back here")));
        }
        let listed: Vec<Listed> = session.json("/containers/json?all=1").await?;
        let own: Vec<Container> = listed.into_iter().map(Container::from).filter(|row| rows::workload_key(row).as_deref() == Some(key)).collect();
        let read = stream::iter(own).map(|row| async move {
            match Member::read(session, &row.id).await {
                Ok(member) => Ok(Some(member)),
                Err(SourceError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let read: Vec<Option<Member>> = read.buffer_unordered(session.width()).try_collect().await?;
        let mut all: Vec<Member> = read.into_iter().flatten().collect();
        all.sort_by(|a, b| a.lean.name.cmp(&b.lean.name));
        let standing: Vec<String> = rows::standing(all.iter().map(|member| &member.lean)).iter().map(|one| one.id.clone()).collect();
        let (members, aside): (Vec<Member>, Vec<Member>) = all.into_iter().partition(|member| standing.contains(&member.lean.id));
        if members.is_empty() {
            return Err(SourceError::NotFound(clean!("{key} is no longer there")));
        }
        let mut images = BTreeMap::new();
        for member in &members {
            if !images.contains_key(&member.lean.image_id)
                && let Some(found) = image(session, &member.lean.image_id).await?
            {
                images.insert(member.lean.image_id.clone(), found);
            }
        }
        Ok(Self { members, aside: aside.into_iter().map(|member| member.lean).collect(), images })
    }

    /// The container that speaks for the service: the newest of those that ran.
    pub fn newest(&self) -> &Member {
        // Reading has seen to it that there is one.
        self.members.iter().max_by_key(|member| (member.counts(), member.lean.created, &member.lean.id)).unwrap_or(&self.members[0])
    }

    /// What an operation must still find: these very containers, made so, and no exchange half-way since.
    pub fn seen(&self) -> Seen {
        let ids: Vec<&str> = self.members.iter().map(|member| member.lean.id.as_str()).collect();
        let made = |member: &Member| {
            let networks: Vec<&String> = member.whole["NetworkSettings"]["Networks"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
            json!([member.lean.name, member.lean.image_id, member.whole["Config"], member.whole["HostConfig"], networks])
        };
        let made: Vec<Value> = self.members.iter().map(made).collect();
        let aside: Vec<&str> = self.aside.iter().map(|one| one.name.as_str()).collect();
        let paused = self.members.iter().any(|member| member.lean.run == Run::Paused);
        Seen { uid: Raw::new(&ids.join(",")), template: spec::hash(&json!([made, aside])), paused }
    }

    /// The operation of ours that made what runs, once it was started.
    pub fn operation(&self) -> Option<Clean> {
        let newest = self.newest();
        let in_place = matches!(names::apart(&newest.lean.name).1, Role::Own) && newest.counts();
        newest.lean.label(OPERATION).filter(|_| in_place).map(Clean::from_untrusted)
    }

    /// The image that was rolled back from, and when.
    pub fn left(&self) -> Option<(Clean, Option<jiff::Timestamp>)> {
        let newest = self.newest();
        newest.lean.label(LEFT).map(|image| (Clean::from_untrusted(image), newest.lean.created))
    }

    /// What the service would be with `image`, leaf by leaf; none where the image of what runs is not known any more.
    pub fn outline(&self, image: &Value) -> Outline {
        let newest = self.newest();
        let Some(own) = self.images.get(&newest.lean.image_id) else { return Outline::default() };
        let config = merged(&set_by_hand(&newest.whole["Config"], &own["Config"]), &image["Config"]);
        outline(&config, &wanted(image, newest.repository()), &newest.whole)
    }

    /// The containers that an exchange is about: those that should run and have another image.
    pub fn to_exchange<'a>(&'a self, image: &str) -> impl Iterator<Item = &'a Member> {
        self.members.iter().filter(move |member| member.lean.wanted() && member.lean.image_id != image)
    }
}

/// The images of a repository that the engine has, by id, and when each was made.
pub async fn local(session: &Session, repository: &str) -> Result<Vec<(String, i64)>, SourceError> {
    let rows: Vec<Value> = session.json(&format!("/images/json?filters={}", filters([("reference", vec![repository.to_owned()])]))).await?;
    Ok(rows.iter().filter_map(|row| Some((row["Id"].as_str()?.to_owned(), row["Created"].as_i64()?))).collect())
}

/// A container's configuration leaf by leaf, the image by what tells it from others.
fn outline(config: &Value, image: &Wanted, whole: &Value) -> Outline {
    let mut leaves = Leaves::default();
    let hex = image.id.rsplit(':').next().unwrap_or_default();
    let name = image.reference.split('@').next().filter(|name| !name.starts_with("sha256")).or(image.called.as_deref()).unwrap_or_default();
    leaves.leaf(Part::Image, "image", clean!("{name} {}", hex.get(..12).unwrap_or(hex)));
    for (key, value) in config.as_object().into_iter().flatten() {
        match key.as_str() {
            "Env" => value.as_array().into_iter().flatten().filter_map(Value::as_str).for_each(|variable| {
                let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                leaves.leaf(Part::Environment, name, shown(name, value));
            }),
            "Cmd" | "Entrypoint" if value.as_array().is_some_and(|words| !words.is_empty()) => {
                leaves.leaf(Part::Command, &key.to_lowercase(), words(value));
            }
            "Healthcheck" => leaves.flat(Part::Probes, "health", value),
            "Volumes" => leaves.flat(Part::Volumes, "volumes", &json!(value.as_object().into_iter().flatten().map(|(path, _)| path).collect::<Vec<_>>())),
            // What tells one container from the next is no difference between two images.
            "Hostname" | "MacAddress" | "Cmd" | "Entrypoint" => {}
            "Labels" => value
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(name, _)| !name.starts_with("pilothouse.dev/") && !name.starts_with("com.docker."))
                .for_each(|(name, value)| leaves.leaf(Part::Other, &format!("label {name}"), shown(name, value.as_str().unwrap_or_default()))),
            other => leaves.flat(Part::Other, other, value),
        }
    }
    leaves.flat(Part::Volumes, "binds", &whole["HostConfig"]["Binds"]);
    leaves.outline()
}
