//! What ran before, as far as the engine still has its image.

use super::{
    checks::stopped_half_way,
    group::{Group, called, image, local},
};
use crate::{
    clean,
    domain::{Answer, Evidence, Id, Image, Outline, Revision, SourceId, Subject, Version, Workload},
    sources::{
        SourceError,
        docker::{
            container::{Container, Death, Run},
            engine::Session,
            rows,
            wire::time,
        },
    },
    text::{Name, Raw},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeSet;

/// A container that ended sooner after it was made has never served.
const SERVED: SignedDuration = SignedDuration::from_secs(60);
/// So many images are looked at: the newest ones.
const MOST: usize = 20;

/// The service as the procedure wants it.
pub async fn subject(session: &Session, workload: &Id<Workload>) -> Result<Answer, SourceError> {
    let group = Group::read(session, workload.key()).await?;
    let (newest, lean) = (group.newest(), group.members.iter().map(|member| &member.lean).collect::<Vec<_>>());
    Ok(Answer::Subject(Box::new(Subject {
        outline: group.images.get(&newest.lean.image_id).map(|image| group.outline(image)).unwrap_or_default(),
        operation: group.operation(),
        rolled_back_from: group.left(),
        replicas: rows::replicas(&newest.lean, &lean),
        progress: rows::progress(&lean),
        ..Subject::new(workload.clone(), group.seen())
    })))
}

/// Its revisions with their outlines, newest first: what runs, what an exchange has kept, and older images of the same repository.
pub async fn answer(session: &Session, source: &SourceId, workload: &Id<Workload>) -> Result<Answer, SourceError> {
    let group = Group::read(session, workload.key()).await?;
    // Without a target there are no checks that could say it, and where one stopped there may be none.
    if let Some(found) = stopped_half_way(&group) {
        return Err(SourceError::Conflict(clean!("{}; {}", found.sentence, found.remedy.unwrap_or_default())));
    }
    let newest = group.newest();
    let built = group.images.get(&newest.lean.image_id).and_then(|image| time(image["Created"].as_str()?));
    let mut ids: BTreeSet<String> = group.members.iter().map(|member| &member.lean).chain(&group.aside).map(|one| one.image_id.clone()).collect();
    if let Some(repository) = newest.repository() {
        let mut others = local(session, repository).await?;
        // One that was built later has not run before.
        others.retain(|(_, created)| built.is_none_or(|built| *created <= built.as_second()));
        others.sort_by_key(|(_, created)| std::cmp::Reverse(*created));
        ids.extend(others.into_iter().take(MOST).map(|(id, _)| id));
    }
    revisions(session, source, workload, &group, ids).await.map(Answer::Revisions)
}

/// Of the images `ids`, which somebody saw here, those that are still there.
pub async fn known(session: &Session, source: &SourceId, workload: &Id<Workload>, ids: &[Raw]) -> Result<Answer, SourceError> {
    let group = Group::read(session, workload.key()).await?;
    let ids = ids.iter().map(|id| id.expose().to_owned()).collect();
    revisions(session, source, workload, &group, ids).await.map(Answer::Revisions)
}

async fn revisions(session: &Session, source: &SourceId, workload: &Id<Workload>, group: &Group, ids: BTreeSet<String>) -> Result<Vec<Revision>, SourceError> {
    let running = &group.newest().lean;
    let all: Vec<&Container> = group.members.iter().map(|member| &member.lean).chain(&group.aside).collect();
    let mut rows = Vec::new();
    for id in ids {
        let found = match group.images.get(&id) {
            Some(image) => Some(image.clone()),
            None => image(session, &id).await?,
        };
        let own: Vec<&Container> = all.iter().copied().filter(|one| one.image_id == id).collect();
        let Some(found) = found.or_else(|| (id == running.image_id).then_some(Value::Null)) else { continue };
        let named = if found.is_null() { running.image() } else { named(&found, group.newest().repository()) };
        let mut row = revision(source, workload.key(), &id, named, &own, id == running.image_id);
        row.created = row.created.or_else(|| time(found["Created"].as_str().unwrap_or_default()));
        row.outline = if found.is_null() { Outline::default() } else { group.outline(&found) };
        rows.push(row);
    }
    rows.sort_by_key(|row| (!row.current, std::cmp::Reverse(row.created)));
    Ok(rows)
}

/// An image in the words of the nouns: by a tag of its repository where it has one.
fn named(image: &Value, of: Option<&str>) -> Image {
    let (tags, digests) = called(image, of);
    let id = image["Id"].as_str().unwrap_or_default();
    let reference = tags.iter().find(|tag| !super::moves(tag)).or(tags.first()).or(digests.first()).map_or_else(|| format!("@{id}"), |name| (*name).to_owned());
    let digest = digests.first().and_then(|digest| digest.split_once('@')).map_or(id, |(_, digest)| digest);
    Image { container: Name::default(), reference: Name::new(&reference), digest: Some(Name::new(digest)) }
}

/// The revision that is the image `id`, with the containers `own` that were made from it.
pub fn revision(source: &SourceId, workload: &str, id: &str, image: Image, own: &[&Container], current: bool) -> Revision {
    let images = [image];
    let label = own.iter().find_map(|one| one.label("app.kubernetes.io/version")).map(Name::new);
    let standing: Vec<&Container> = rows::standing(own.iter().copied());
    Revision {
        id: Id::new(source, &format!("{workload}/{id}")),
        workload: Id::new(source, workload),
        number: 0,
        template: Raw::new(id),
        version: Version::of(label.as_ref().filter(|_| current), &images),
        images: images.into(),
        replicas: own.first().map(|first| rows::replicas(first, &standing)).unwrap_or_default(),
        current,
        created: own.iter().filter_map(|one| one.created).max(),
        cause: None,
        evidence: evidence(own).into_iter().collect(),
        outline: Outline::default(),
    }
}

/// What its containers say of an image.
fn evidence(own: &[&Container]) -> Option<Evidence> {
    let count = |of: fn(&Container) -> bool| u32::try_from(own.iter().filter(|one| of(one)).count()).unwrap_or(u32::MAX);
    // One that the engine had to start again may run for this moment only.
    let ready = count(|one| one.ready() && one.restarts == 0);
    if ready > 0 {
        return Some(Evidence::ServingNow { ready, wanted: count(Container::wanted) });
    }
    let over = |one: &&&Container| matches!(one.run, Run::Ended | Run::Dead);
    let held = |one: &&Container, from: Option<Timestamp>| Some(one.finished?.duration_since(from?));
    if let Some(held) = own.iter().filter(over).filter(|one| one.restarts == 0).filter_map(|one| held(one, one.began)).filter(|held| *held >= SERVED).max() {
        return Some(Evidence::Served { held });
    }
    // One that somebody stopped has not ended by itself.
    let by_itself = |death: &&Death| death.oom || !matches!(death.code, 130 | 137 | 143);
    let short = |one: &&Container| one.wanted() && held(one, one.created).is_some_and(|held| held < SERVED) && one.death.as_ref().filter(by_itself).is_some();
    let never = !own.is_empty() && own.iter().all(short);
    let why = own.iter().find_map(|one| one.death.as_ref()).map(Death::words);
    never.then(|| Evidence::NeverAvailable { why: why.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(run: Run, restarts: u32, code: i32, (created, began, finished): (i64, i64, i64)) -> Container {
        let at = |second| Timestamp::from_second(1_795_489_200 + second).ok();
        let death = (run == Run::Ended).then(|| Death { code, oom: false, at: at(finished) });
        Container { run, restarts, death, created: at(created), began: at(began), finished: at(finished), ..Container::default() }
    }

    #[test]
    fn containers_tell_whether_their_image_has_served() {
        let of = |container: Container| evidence(&[&container]);
        assert_eq!(of(one(Run::Running, 0, 0, (0, 0, 0))), Some(Evidence::ServingNow { ready: 1, wanted: 1 }));
        assert_eq!(of(one(Run::Running, 4, 0, (0, 50, 49))), None, "it may run for this moment only");
        assert_eq!(of(one(Run::Ended, 0, 143, (0, 0, 7200))), Some(Evidence::Served { held: SignedDuration::from_hours(2) }));
        assert_eq!(of(one(Run::Ended, 0, 3, (0, 0, 1))), Some(Evidence::NeverAvailable { why: "exit 3".into() }));
        assert_eq!(of(one(Run::Ended, 0, 137, (0, 0, 1))), None, "somebody stopped it");
        assert_eq!(of(one(Run::Ended, 3, 3, (0, 7000, 7200))), None, "how long it ran before is forgotten");
    }
}
