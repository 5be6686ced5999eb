//! The journal in the words of the app: what was confirmed, what came of it, what is remembered.

use crate::{
    app::{Came, Intended, OpenOperation, Record},
    domain::{Evidence, Id, Operation, RevisionRef, Seen, Stage, Version},
    gate::{Confirmation, OnDisk},
    journal::{
        Body, Confirmed, Ended, Ends, Here, Journal, JournalError, Judged, Life, Note, Observed, Outcome, Page, Rev, Sent, Shell, State, Taken, Verdict, Who,
    },
    rollback,
    text::{Clean, Raw},
};
use jiff::{SignedDuration, Timestamp};

mod stood;

/// For how long a template that was rolled back from is guarded against coming back unasked.
const GUARD: SignedDuration = SignedDuration::from_hours(24);

/// A journal, and who writes into it.
#[derive(Debug)]
pub struct Book {
    journal: Journal,
    who: Who,
}

impl Book {
    /// The journal as `who` writes it.
    pub const fn new(journal: Journal, who: Who) -> Self {
        Self { journal, who }
    }

    /// Writes the intent so that it survives the machine; the proof that it is there.
    pub fn intend(&self, operation: &Operation, confirmation: &Confirmation, intended: &Intended, at: Timestamp) -> Result<OnDisk, JournalError> {
        let scaling = operation.scaling.map(|scaling| format!("|{}", scaling.to)).unwrap_or_default();
        let inputs: String = operation.inputs.iter().map(|given| format!("|{}={}", given.name.raw(), given.value.expose())).collect();
        let params = format!(
            "{}|{}|{}{scaling}{inputs}",
            operation.subject.as_str(),
            operation.from.template.expose(),
            operation.to.as_ref().map_or("", |to| to.template.expose())
        );
        let confirmed = Confirmed {
            plan: intended.plan.clone(),
            environment: intended.environment.clean().clone(),
            tier: intended.tier,
            service: intended.service.clean().clone(),
            running: intended.running.clone().map(|running| (running, Vec::new())),
            images: intended.images.clone(),
            params_hash: Clean::from_untrusted(&self.journal.keyed_hash(params.as_bytes())?),
            step: 1,
            steps: 1,
            command: intended.command.clone(),
            // Only a rollback owes a verdict; the others end with the server's answer.
            ends: if operation.verb.takes_back() { Ends::AtVerdict } else { Ends::AtOutcome },
            stood: intended.before.as_deref().map(stood::written),
        };
        OnDisk::write(&Page { journal: &self.journal, who: &self.who, confirmed: &confirmed }, operation, confirmation, at)
    }

    /// Writes what came of a request.
    pub fn outcome(&self, operation: &Operation, stage: &Stage, at: Timestamp) -> Result<(), JournalError> {
        let (result, request, detail) = match stage {
            Stage::Sending | Stage::Working { .. } => return self.append(at, Body::Sent(Sent { op: operation.id.clone(), step: 1 })),
            Stage::Accepted { request, warnings, .. } => {
                (Ended::Accepted, request.clone(), Clean::from_untrusted(&warnings.iter().map(Clean::as_str).collect::<Vec<_>>().join("; ")))
            }
            Stage::Conflict { what, .. } => (Ended::Conflict, None, what.clone()),
            Stage::Refused { why } => (Ended::Refused, None, why.clone()),
            Stage::Failed { why } => (Ended::Failed, None, why.clone()),
            Stage::Unclear { why } => (Ended::Unclear, None, why.clone()),
        };
        self.append(at, Body::Outcome(Outcome { op: operation.id.clone(), step: 1, result, request, detail }))
    }

    /// Writes something that is not a change.
    pub fn record(&self, record: &Record, at: Timestamp) -> Result<(), JournalError> {
        if let Record::Observed { workload, template, held, .. } = record
            && self.journal.observed(workload)?.iter().any(|seen| seen.template == *template && seen.held * 2 > *held)
        {
            // Another console, or this one at another time, has said it already.
            return Ok(());
        }
        self.append(
            at,
            match record {
                Record::Verdict { operation, verdict, took, proofs } => {
                    Body::Verdict(Judged { op: operation.clone(), verdict: named(verdict), took_ms: *took, proofs: proofs.clone() })
                }
                Record::Settled { operation, came, detail } => Body::Outcome(Outcome {
                    op: operation.clone(),
                    step: 1,
                    result: match came {
                        Came::Done => Ended::Accepted,
                        Came::Not => Ended::Failed,
                        Came::Superseded => Ended::Superseded,
                    },
                    request: None,
                    detail: detail.clone(),
                }),
                Record::Observed { environment, service, workload, template, since, held } => Body::Observed(Observed {
                    environment: environment.clean().clone(),
                    service: service.clean().clone(),
                    workload: crate::journal::Exact::new(workload),
                    template: crate::journal::Exact::new(template.expose()),
                    since: *since,
                    available_ms: u64::try_from(held.as_millis()).unwrap_or(0),
                }),
                Record::Taken(operation) => Body::Taken(Taken { op: operation.clone() }),
                Record::Shell { into, command } => Body::Shell(Shell {
                    environment: into.environment.clean().clone(),
                    service: into.service.clean().clone(),
                    target: into.target.clone(),
                    command: command.clone(),
                }),
                Record::Note(text) => Body::Note(Note { environment: Clean::EMPTY, service: Clean::EMPTY, text: text.clone() }),
            },
        )
    }

    fn append(&self, at: Timestamp, body: Body) -> Result<(), JournalError> {
        self.journal.append(at, &self.who, &body).map(|_| ())
    }

    /// Operations that were begun and not ended.
    pub fn open(&self) -> Result<Vec<OpenOperation>, JournalError> {
        let here = Here { host: self.who.host.clone(), boot_id: self.who.boot_id.clone() };
        let open = self.journal.open_intents(&here)?;
        Ok(open
            .into_iter()
            .map(|open| OpenOperation {
                operation: open.intent.op.clone(),
                title: open.intent.plan.clone(),
                verb: open.intent.verb.clone(),
                subject: Id::restore(open.intent.subject.id.raw().expose()),
                from: Seen { uid: open.intent.from.uid.raw().clone(), template: open.intent.from.template.raw().clone(), paused: open.intent.from.paused },
                to: open.intent.to.as_ref().map(revision),
                left: open.intent.from.revision.as_ref().map(revision),
                before: open.intent.stood.as_ref().map(|stood| Box::new(stood::read(stood))),
                reason: open.intent.reason.clone(),
                entry: open.seq,
                since: open.began,
                accepted: open.state == State::Verifying,
                alive: match open.life {
                    Life::Runs => Some(open.who.short()),
                    Life::Elsewhere => Some(crate::clean!("{}, which can not be asked from here", open.who.short())),
                    Life::Gone => None,
                },
            })
            .collect())
    }

    /// What is remembered of a workload's revisions: seen healthy, rolled back from.
    pub fn remembered(&self, workload: &str, now: Timestamp) -> Result<Vec<rollback::Record>, JournalError> {
        let healthy = self
            .journal
            .observed(workload)?
            .into_iter()
            .map(|seen| rollback::Record { template: seen.template, evidence: Evidence::SeenHealthy { held: seen.held, until: seen.until } });
        let left = self.journal.rolled_back_from(workload, now - GUARD)?.into_iter().filter_map(|left| {
            let template: Raw = left.revision?.template.raw().clone();
            Some(rollback::Record { template, evidence: Evidence::RolledBackFrom { at: left.at } })
        });
        Ok(healthy.chain(left).collect())
    }

    /// Whether an entry could be written now.
    pub fn writable(&self) -> Result<(), JournalError> {
        self.journal.writable()
    }
}

/// A revision as an operation names it.
fn revision(written: &Rev) -> RevisionRef {
    let template = written.template.raw().clone();
    RevisionRef { id: Id::restore(template.expose()), number: written.number, version: Version(written.version.clone()), template }
}

fn named(verdict: &Clean) -> Verdict {
    match verdict.as_str() {
        "RECOVERED" => Verdict::Recovered,
        "NOT RECOVERED" => Verdict::NotRecovered,
        "WORSE" => Verdict::Worse,
        _ => Verdict::CouldNotTell,
    }
}
