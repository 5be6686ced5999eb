//! The revisions of a release as revisions of one of its workloads, with what speaks for and against each.

use super::{Through, record::Record};
use crate::{
    clean,
    domain::{Evidence, Id, Image, Outline, Revision, SourceId, Version},
    sources::kubernetes::{rows, wire::apps::Deployment},
    text::{Clean, Raw},
};
use jiff::{SignedDuration, Timestamp};

impl Through {
    /// All revisions, newest first; `rows` are those that the controller keeps. Each manifest is told once.
    pub(super) fn history(&self, source: &SourceId, rows: &[Revision]) -> Vec<Revision> {
        let mut told: Vec<Revision> = Vec::new();
        if !self.runs() {
            told.push(self.by_hand(source, rows));
        }
        told.push(Revision { current: told.is_empty(), ..self.revision(source, rows, self.newest()) });
        let older = || self.records.iter().skip(1);
        for record in older() {
            let twins: Vec<&Record> = older().filter(|twin| twin.digest == record.digest).collect();
            let chosen = twins.iter().find(|twin| twin.good()).unwrap_or(&twins[0]);
            if chosen.number == record.number {
                told.push(self.revision(source, rows, record));
            }
        }
        told.extend(self.torn.iter().map(|torn| Revision {
            evidence: vec![Evidence::Failed { by: Clean::from_static("not readable"), why: torn.why.clone() }],
            ..self.empty(source, torn.number)
        }));
        told
    }

    fn empty(&self, source: &SourceId, number: u64) -> Revision {
        let address = &self.current.address;
        Revision {
            id: Id::new(source, &format!("release/{}/{}/{number}", self.namespace.raw(), self.release.raw())),
            workload: rows::workload_id(source, &address.plural, &address.namespace, &address.name),
            number,
            template: Raw::default(),
            images: Box::default(),
            version: Version::default(),
            replicas: crate::domain::Replicas::default(),
            current: false,
            created: None,
            cause: None,
            evidence: Vec::new(),
            outline: Outline::default(),
        }
    }

    fn revision(&self, source: &SourceId, rows: &[Revision], record: &Record) -> Revision {
        let template = self.hash(record);
        let row = rows.iter().find(|row| !template.is_empty() && row.template == template);
        let (images, version) = self.images(source, self.own(record).map(|own| &own.body));
        let status = if record.number == self.newest().number { &record.status } else { "deployed" };
        let mut evidence = self.evidence(record);
        // Pods of a template that runs now run with what the newest revision put around them.
        let shared = self.running().is_some_and(|set| set.template == template.expose()) && !(record.number == self.newest().number && self.runs());
        evidence.extend(row.filter(|_| !shared).into_iter().flat_map(|row| &row.evidence).filter(|of| !matches!(of, Evidence::Served { .. })).cloned());
        Revision {
            images: row.map_or(images, |row| row.images.clone()),
            version,
            replicas: row.map(|row| row.replicas).unwrap_or_default(),
            template,
            created: record.at,
            cause: Some(clean!("{} ({})", record.description, record.chart)),
            evidence,
            outline: self.tell(record, None, status),
            ..self.empty(source, record.number)
        }
    }

    /// What runs and is none of the revisions: it was changed by hand, or the newest was never carried out here.
    fn by_hand(&self, source: &SourceId, rows: &[Revision]) -> Revision {
        let newest = self.newest();
        let (images, version) = self.images(source, Some(&self.current.raw));
        let row = self.running().and_then(|set| rows.iter().find(|row| row.template.expose() == set.template));
        let by = self.current.changed_by().map(|(who, _)| clean!(" by {who}")).unwrap_or_default();
        let cause = match newest.good() {
            true => clean!("changed by hand{by}: it is not what r{} says", newest.number),
            false => clean!("r{} is {} and was not carried out here", newest.number, newest.status),
        };
        Revision {
            id: rows::revision_id(source, self.current.uid(), "by-hand"),
            template: self.running().map(|set| Raw::new(&set.template)).unwrap_or_default(),
            images,
            version,
            replicas: row.map(|row| row.replicas).unwrap_or_default(),
            current: true,
            cause: Some(cause),
            evidence: row.map(|row| row.evidence.clone()).unwrap_or_default(),
            outline: self.outline(),
            ..self.empty(source, 0)
        }
    }

    fn images(&self, source: &SourceId, body: Option<&serde_json::Value>) -> (Box<[Image]>, Version) {
        let Some(lean) = body.and_then(|body| serde_json::from_value::<Deployment>(body.clone()).ok()) else { return Default::default() };
        let row = rows::workload(source, self.current.kind, &lean, &lean.spec, &lean.status);
        (row.images, row.version)
    }

    /// What Helm's own history says of a revision.
    fn evidence(&self, record: &Record) -> Vec<Evidence> {
        let mut evidence = Vec::new();
        match record.good() {
            true => evidence.push(Evidence::Deployed { by: Clean::from_static("Helm") }),
            false => evidence.push(Evidence::Failed { by: clean!("Helm says {}", record.status), why: record.description.clone() }),
        }
        if self.own(record).is_none() {
            let words = clean!("there is no {} {} in it: going there deletes it", self.current.kind.word(), self.current.address.name);
            evidence.push(Evidence::Failed { by: Clean::from_static("not for this workload"), why: words });
        }
        let twins = self.records.iter().filter(|twin| twin.digest == record.digest && twin.good());
        evidence.extend(twins.filter_map(|twin| self.served(twin)).max().map(|held| Evidence::Served { held }));
        evidence.extend(self.left(record).map(|at| Evidence::RolledBackFrom { at }));
        evidence
    }

    /// How long a revision was the newest, until the next was begun.
    fn served(&self, record: &Record) -> Option<SignedDuration> {
        let next = self.records.iter().rev().find(|next| next.number > record.number)?;
        next.at.zip(record.at).map(|(next, this)| next.duration_since(this)).filter(|held| *held > SignedDuration::ZERO)
    }

    /// When somebody last rolled back from the manifest of a revision.
    fn left(&self, record: &Record) -> Option<Timestamp> {
        let away = |back: &&Record| {
            let left = self.records.iter().find(|left| left.number < back.number);
            back.good() && back.back_to.is_some() && back.digest != record.digest && left.is_some_and(|left| left.digest == record.digest)
        };
        self.records.iter().filter(away).filter_map(|back| back.at).max()
    }
}
