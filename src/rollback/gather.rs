//! Step 0: the questions under one deadline. What is not answered by then is unknown, with the reason.

use super::{Ask, Candidate, Case, History, Record, Target, Timing, beside::beside, object_name, synced, target};
use crate::{
    domain::{Answer, Evidence, Question, Revision, Subject, Why},
    text::{Clean, Name, Raw},
};
use jiff::Timestamp;

/// A question that is not answered yet.
#[derive(Clone, Debug, PartialEq)]
struct Open {
    ask: Ask,
    /// How many sources were asked.
    asked: usize,
    /// What those said that could not answer.
    said: Vec<Clean>,
}

/// How one of the questions stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Not answered yet.
    Open,
    /// Answered.
    Known,
    /// Nobody can answer it, and why.
    Unknown(Clean),
}

/// The questions under way, and what came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Gathering {
    asked: Vec<Question>,
    open: Vec<Open>,
    until: Timestamp,
    subject: Option<Subject>,
    revisions: Option<Vec<Revision>>,
    seen_here: Vec<Revision>,
    records: Vec<Record>,
    memory: Vec<(Name, Evidence)>,
    unknown: Vec<Clean>,
    /// What made us ask again: the world moved on.
    pub note: Option<Clean>,
}

/// What the questions gave.
pub(super) struct Gathered {
    pub subject: Subject,
    pub target: Target,
    /// The template of the newest revision: what is rolled back from.
    pub running: Raw,
    pub unknown: Vec<Clean>,
    pub note: Option<Clean>,
}

impl Gathering {
    pub(super) fn new(asks: Vec<Ask>, records: Vec<Record>, note: Option<Clean>, until: Timestamp) -> Self {
        let asked = asks.iter().map(|ask| ask.question.clone()).collect();
        let open = asks.into_iter().map(|ask| Open { ask, asked: 1, said: Vec::new() }).collect();
        Self { asked, open, until, subject: None, revisions: None, seen_here: Vec::new(), records, memory: Vec::new(), unknown: Vec::new(), note }
    }

    /// The questions that are still open, in words.
    pub fn outstanding(&self) -> Vec<Clean> {
        self.open.iter().map(|open| words(&open.ask.question)).collect()
    }

    /// Everything that was asked, in words, and how it stands.
    pub fn questions(&self) -> Vec<(Clean, Asking)> {
        let state = |question: &Question| {
            let lead = format!("{}: ", words(question));
            if self.open.iter().any(|open| open.ask.question == *question) {
                return Asking::Open;
            }
            let why = self.unknown.iter().find_map(|unknown| unknown.strip_prefix(&lead));
            why.map_or(Asking::Known, |why| Asking::Unknown(Clean::from_untrusted(why)))
        };
        self.asked.iter().map(|question| (words(question), state(question))).collect()
    }

    /// When the rest becomes unknown.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// So many sources were asked this. None means that nobody can answer.
    pub(super) fn asked(&mut self, question: &Question, sources: usize) {
        if let Some(open) = self.open.iter_mut().find(|open| open.ask.question == *question) {
            open.asked = sources;
            if sources == 0 {
                open.said.push(Clean::from_static("no source can answer it"));
            }
        }
        self.give_up_where_all_refused();
    }

    pub(super) fn answered(&mut self, case: &mut Case, timing: &Timing, question: &Question, result: Result<Answer, Why>) {
        let Some(at) = self.open.iter().position(|open| open.ask.question == *question) else { return };
        match result.map_err(|why| why.words).and_then(|answer| self.take(case, timing, question, answer)) {
            Ok(()) => drop(self.open.remove(at)),
            Err(why) => {
                self.open[at].said.push(why);
                self.give_up_where_all_refused();
            }
        }
    }

    fn give_up_where_all_refused(&mut self) {
        let unknown = &mut self.unknown;
        self.open.retain(|open| {
            let over = open.said.len() >= open.asked.max(1);
            if over {
                unknown.push(crate::clean!("{}: {}", words(&open.ask.question), open.said.last().cloned().unwrap_or_default()));
            }
            !over
        });
    }

    /// Keeps an answer; one that says nothing counts as a refusal, so that another source may know.
    fn take(&mut self, case: &mut Case, timing: &Timing, question: &Question, answer: Answer) -> Result<(), Clean> {
        match (question, answer) {
            (Question::Subject(_), Answer::Subject(subject)) => self.subject = Some(*subject),
            (Question::Revisions(_), Answer::Revisions(revisions)) => self.revisions = Some(revisions),
            (Question::Templates { .. }, Answer::Revisions(revisions)) => self.seen_here = revisions,
            (Question::Memory { .. }, Answer::Memory(evidence)) => self.memory.extend(evidence),
            (Question::Window(_), Answer::Window { value: None, .. }) => return Err(Clean::from_static("no such series")),
            (Question::Window(window), Answer::Window { value, .. }) => case.measured(window.metric, value, timing),
            (Question::RuleState { .. }, Answer::RuleState { firing: Some(_) }) => {}
            (Question::RuleState { .. }, Answer::RuleState { firing: None }) => return Err(Clean::from_static("no such rule")),
            _ => return Err(Clean::from_static("the answer does not fit the question")),
        }
        Ok(())
    }

    /// Whether all is known, or will not be.
    pub(super) fn over(&self, now: Timestamp) -> bool {
        self.open.is_empty() || now >= self.until
    }

    /// Chooses the target from what came in; without the object and its revisions there is no plan.
    pub(super) fn finish(mut self, case: &Case, now: Timestamp) -> Result<Gathered, Clean> {
        for open in &self.open {
            self.unknown.push(crate::clean!("{}: no answer in time", words(&open.ask.question)));
        }
        let (Some(subject), Some(mut revisions)) = (self.subject, self.revisions) else {
            // What metrics remember may be unknown too; that is not why there is no plan.
            let about = |why: &&Clean| ["the object: ", "its revisions: "].iter().any(|lead| why.starts_with(lead));
            let why = self.unknown.iter().find(about).cloned().unwrap_or_default();
            return Err(crate::clean!("the workload could not be read: {why}"));
        };
        self.seen_here.retain(|seen| !revisions.iter().any(|known| known.template == seen.template));
        revisions.append(&mut self.seen_here);
        self.records.extend(from_memory(case, &revisions, self.memory));
        self.records.extend(from_annotation(&subject, now));
        let history = History { revisions: &revisions, records: &self.records, pods: &case.pods };
        let mut target = target(&history, now);
        synced::through(&mut target, &subject, now);
        beside(&mut target, &subject, &history, now);
        if case.workload.kind.keeps_no_history() && target.candidates.is_empty() {
            target.proposed = Err(crate::clean!("no earlier image of it is on {} any more: pull or load it again, or go forward", case.workload.place.context));
        }
        let running = revisions.iter().find(|revision| revision.current).map(|revision| revision.template.clone()).unwrap_or_default();
        Ok(Gathered { subject, target, running, unknown: self.unknown, note: self.note })
    }
}

/// Metrics name a revision's object, which is called after its template.
fn from_memory(case: &Case, revisions: &[Revision], memory: Vec<(Name, Evidence)>) -> Vec<Record> {
    let by_name = |name: &Name| revisions.iter().find(|revision| object_name(case.workload.name.raw(), revision) == name.raw());
    memory.into_iter().filter_map(|(name, evidence)| by_name(&name).map(|r| Record { template: r.template.clone(), evidence })).collect()
}

/// The annotation that an earlier rollback left. Without a time it may have been just now.
fn from_annotation(subject: &Subject, now: Timestamp) -> Option<Record> {
    let (template, at) = subject.rolled_back_from.as_ref()?;
    Some(Record { template: Raw::new(template), evidence: Evidence::RolledBackFrom { at: at.unwrap_or(now) } })
}

fn words(question: &Question) -> Clean {
    Clean::from_static(match question {
        Question::Subject(_) => "the object",
        Question::Keeper { .. } => "what keeps it",
        Question::Awaited { .. } => "the pod that is waited for",
        Question::Run { .. } => "the run",
        Question::Tail(_) => "what a job said last",
        Question::Report { .. } => "what a run has to show",
        Question::Older { .. } => "older runs",
        Question::Redeployed { .. } => "the run that deploys it",
        Question::Revisions(_) => "its revisions",
        Question::Templates { .. } => "what was seen here",
        Question::Explain(_) => "what happened",
        Question::Yaml(_) | Question::PodYaml(_) => "YAML",
        Question::Window(window) => window.metric.word(),
        Question::Memory { .. } => "what metrics remember",
        Question::RuleState { .. } => "the alert's rule",
        Question::Smoke { .. } => "smoke requests",
        Question::Origin(_) => "labels of images",
    })
}

impl Target {
    /// The candidate that is proposed.
    pub fn chosen(&self) -> Option<&Candidate> {
        self.proposed.as_ref().ok().and_then(|at| self.candidates.get(*at))
    }
}
