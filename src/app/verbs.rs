//! What can be done with what is under the cursor. Footer, help and palette list exactly what this answers with yes.

use super::{App, Asked, Choose, Chosen, Effect, Explain, History, Overlay, Page, Screen, Subject, tasks::Purpose};
use crate::{
    domain::{Id, LogTarget, Pod, Question, Workload},
    keys::Action,
    store::{By, Claim},
    text::{Clean, Name, Raw},
};

/// One verb for one subject: what it would do, or why it can not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The verb.
    pub action: Action,
    /// What it would do, with its subject: `roll back cart in production`; or why not.
    pub words: Result<Clean, Clean>,
}

/// The verbs, in the order in which a footer lists them.
const VERBS: [Action; 28] = [
    Action::Rollback,
    Action::Explain,
    Action::Logs,
    Action::PreviousLogs,
    Action::History,
    Action::Brought,
    Action::Describe,
    Action::Yaml,
    Action::Runbook,
    Action::Verify,
    Action::Acknowledge,
    Action::Silence,
    Action::Restart,
    Action::Stop,
    Action::LetGo,
    Action::Scale,
    Action::Pause,
    Action::Resume,
    Action::Promote,
    Action::PromoteFull,
    Action::Retry,
    Action::Rerun,
    Action::ForceCancel,
    Action::Reject,
    Action::Hold,
    Action::Incident,
    Action::Shell,
    Action::Dispatch,
];

/// Every verb for `subject`, each with its words or the reason why not; what can be done with a run itself comes before what is about its service,
/// and another run last.
pub fn offers(app: &App, subject: &Subject) -> Vec<Offer> {
    let (own, others): (Vec<Action>, Vec<Action>) =
        VERBS.into_iter().partition(|action| *action != Action::Dispatch && app.offer_run(*action, subject).is_some());
    own.into_iter().chain(others).map(|action| Offer { action, words: app.offer(action, subject) }).collect()
}

impl App {
    /// The workloads that a subject is about, the unhealthiest first.
    pub fn workloads_of(&self, subject: &Subject) -> Vec<Id<Workload>> {
        match subject {
            Subject::Cell { service, environment } => {
                self.cell_named(service, environment).map(|cell| cell.workloads.iter().map(|one| one.id.clone()).collect()).unwrap_or_default()
            }
            Subject::Workload(id) => vec![id.clone()],
            Subject::Pod(id) => self.store.pod(id).and_then(|pod| pod.workload.clone()).into_iter().collect(),
            Subject::Alert(_) | Subject::Run(_) | Subject::Job(_) => match self.cell_of(subject) {
                Some((service, environment)) => {
                    self.workloads_of(&Subject::Cell { service: service.clean().clone(), environment: environment.clean().clone() })
                }
                None => Vec::new(),
            },
            Subject::Node(_) | Subject::Nothing => Vec::new(),
        }
    }

    /// The service and the environment that a subject is about.
    pub fn cell_of(&self, subject: &Subject) -> Option<(Name, Name)> {
        match subject {
            Subject::Cell { service, environment } => Some((Name::new(service), Name::new(environment))),
            Subject::Workload(id) => self.store.joined(id).map(|joined| (joined.service.clone(), joined.environment.name.clone())),
            Subject::Pod(id) => self.store.pod(id).and_then(|pod| pod.workload.as_ref()).and_then(|id| self.cell_of(&Subject::Workload(id.clone()))),
            Subject::Alert(id) => crate::panels::alerts::cell(self, id),
            Subject::Run(id) => crate::panels::pipelines::cell(self, id),
            Subject::Job(_) | Subject::Node(_) | Subject::Nothing => None,
        }
    }

    /// The environment that a subject is in.
    pub fn environment_of(&self, subject: &Subject) -> Option<Name> {
        self.cell_of(subject).map(|(_, environment)| environment)
    }

    /// A subject in a sentence: `cart in production`.
    pub fn words_of(&self, subject: &Subject) -> Clean {
        match subject {
            Subject::Pod(id) => self.store.pod(id).map(|pod| pod.name.clean().clone()).unwrap_or_default(),
            Subject::Run(id) => self.store.run(id).map(|run| crate::clean!("{} {}", run.repository, run.called())).unwrap_or_default(),
            Subject::Alert(id) => self.store.alert(id).map(|alert| alert.name.clean().clone()).unwrap_or_default(),
            Subject::Job(id) => self.store.job(id).map_or_else(|| Clean::from_untrusted(id.key()), |job| job.name.clone()),
            Subject::Node(id) => Clean::from_untrusted(id.key()),
            Subject::Nothing => Clean::from_static("nothing"),
            Subject::Cell { .. } | Subject::Workload(_) => {
                self.cell_of(subject).map(|(service, environment)| crate::clean!("{service} in {environment}")).unwrap_or_default()
            }
        }
    }

    /// What a verb on a subject would work on: an alert's or a run's service in its environment, never the alert itself.
    fn subject_in_words(&self, subject: &Subject) -> Clean {
        match (subject, self.cell_of(subject)) {
            (Subject::Alert(_) | Subject::Run(_) | Subject::Job(_), Some((service, environment))) => crate::clean!("{service} in {environment}"),
            _ => self.words_of(subject),
        }
    }

    /// Whether `action` can be done with `subject`: in words, or why not.
    pub fn offer(&self, action: Action, subject: &Subject) -> Result<Clean, Clean> {
        if let Some(offer) = self.offer_run(action, subject).or_else(|| self.offer_single(action, subject)) {
            return offer;
        }
        let no = |words: &'static str| Err(Clean::from_static(words));
        if let (Action::Rollback, Some((environment, marked))) = (action, self.marked_with(subject)) {
            let none = || no("nothing of what is marked can be taken back from here yet");
            return if marked.is_empty() { none() } else { Ok(crate::clean!("roll back {} marked in {environment}", marked.len())) };
        }
        let name = self.words_of(subject);
        let workloads = self.workloads_of(subject);
        let about_workload = |verb: &str| match workloads.first() {
            Some(_) => Ok(crate::clean!("{verb} {}", self.subject_in_words(subject))),
            None => Err(self.why_no_workload(subject)),
        };
        match action {
            Action::Rollback => match workloads.iter().find(|id| self.can(id, crate::domain::Verb::RollBack)) {
                Some(_) => Ok(crate::clean!("roll back {}", self.subject_in_words(subject))),
                None if workloads.is_empty() => Err(self.why_no_workload(subject)),
                None => no("this kind of workload can not be taken back from here yet"),
            },
            Action::Explain => about_workload("explain"),
            Action::Logs | Action::PreviousLogs => match subject {
                Subject::Job(_) | Subject::Run(_) => Ok(crate::clean!("logs of {name}")),
                Subject::Pod(_) => Ok(crate::clean!("logs of {name}")),
                Subject::Cell { .. } | Subject::Workload(_) | Subject::Alert(_) => about_workload("logs of"),
                Subject::Node(_) | Subject::Nothing => no("nothing here has logs"),
            },
            Action::History => about_workload("revisions of"),
            Action::Brought => self.offer_brought(subject, workloads.first()),
            Action::Verify => match self.cell_of(subject) {
                Some((service, _)) if !workloads.is_empty() => Ok(crate::clean!("verify {service} everywhere")),
                _ => Err(self.why_no_workload(subject)),
            },
            Action::Describe | Action::Yaml => match subject {
                Subject::Pod(_) | Subject::Alert(_) | Subject::Run(_) => Ok(crate::clean!("{name} as it is")),
                Subject::Cell { .. } | Subject::Workload(_) => about_workload("as it is:"),
                Subject::Job(_) | Subject::Node(_) | Subject::Nothing => no("nothing here can be described"),
            },
            Action::Runbook => match subject {
                Subject::Alert(id) => match self.store.alert(id).and_then(|alert| alert.runbook.clone()) {
                    Some(link) => Ok(link),
                    None => no("this alert names no runbook (annotation runbook_url)"),
                },
                Subject::Cell { .. } | Subject::Workload(_) | Subject::Pod(_) | Subject::Run(_) | Subject::Job(_) | Subject::Node(_) | Subject::Nothing => {
                    no("only an alert has a runbook")
                }
            },
            Action::Shell => self.offer_shell(subject),
            Action::Stop if !workloads.is_empty() && super::operations::of_workload(subject) => self.offer_stop(&workloads),
            _ => Err(self.lack_words(action, subject)),
        }
    }

    /// The run that brought what runs there: `#311, which brought 2.8.0 to cart in production`.
    fn offer_brought(&self, subject: &Subject, workload: Option<&Id<Workload>>) -> Result<Clean, Clean> {
        let Some(workload) = workload.filter(|_| !matches!(subject, Subject::Run(_) | Subject::Job(_))).and_then(|id| self.store.workload(id)) else {
            return Err(self.why_no_workload(subject));
        };
        match self.store.brought(&workload.id) {
            Some((run, by)) => {
                let did = if by == By::Time { "which went on as that was rolled out:" } else { "which brought" };
                let says = by.words().map(|words| format!(", {words}")).unwrap_or_default();
                let place = self.subject_in_words(subject);
                Ok(crate::clean!("{} of {}, {did} {} to {place}{says}", run.called(), run.repository, workload.version))
            }
            None => {
                let label = match self.store.label_of(&workload.id) {
                    Some(Claim::Unread { why, .. }) => crate::clean!("; the label of its image was not read: {why}"),
                    Some(Claim::Says(origin)) => crate::clean!("; its image's label names {}", origin.short_commit()),
                    Some(Claim::Silent) | None => Clean::EMPTY,
                };
                let none = "none has that tag or commit, and none went on as it was rolled out";
                Err(crate::clean!("no run is known to have brought {}: {none}{label}", workload.version))
            }
        }
    }

    /// What is marked, as far as it is meant rather than the cell under the cursor.
    fn marked_with(&self, subject: &Subject) -> Option<(Name, Vec<Id<Workload>>)> {
        matches!(subject, Subject::Cell { .. }).then(|| crate::panels::environments::marked(self)).flatten()
    }

    /// Whether the source of a workload offers `verb`.
    pub fn can(&self, id: &Id<Workload>, verb: crate::domain::Verb) -> bool {
        let offered = matches!(self.sources.get(&id.source()), Some(Ok(super::Known::Ready(offers))) if offers.verbs.contains(&verb));
        offered
    }

    pub(super) fn why_no_workload(&self, subject: &Subject) -> Clean {
        match subject {
            Subject::Alert(id) => {
                let labels = self
                    .store
                    .alert(id)
                    .map(|alert| alert.labels.0.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "))
                    .unwrap_or_default();
                crate::clean!("no workload fits this alert's labels ({labels}): a [[service]] rule joins them, see pilothouse config init")
            }
            Subject::Nothing => Clean::from_static("nothing is under the cursor"),
            Subject::Cell { service, environment } => crate::clean!("{service} does not run in {environment}"),
            Subject::Run(_) | Subject::Job(_) => {
                Clean::from_static("no workload could be joined with this run: a [[service]] rule with its repository joins them")
            }
            Subject::Workload(_) | Subject::Pod(_) | Subject::Node(_) => Clean::from_static("no workload is under the cursor"),
        }
    }

    /// Carries a verb out, or says why it can not be done.
    pub(super) fn verb(&mut self, action: Action) -> Vec<Effect> {
        let subject = self.subject();
        self.verb_on(action, &subject)
    }

    /// Carries a verb out on a subject.
    pub fn verb_on(&mut self, action: Action, subject: &Subject) -> Vec<Effect> {
        let words = match self.offer(action, subject) {
            Ok(words) => words,
            Err(why) => {
                self.complain(why);
                return Vec::new();
            }
        };
        if let (Action::Rollback, Some((environment, marked))) = (action, self.marked_with(subject)) {
            return self.open_batch(&environment, &marked);
        }
        if self.offer_run(action, subject).is_some() {
            return self.plan_run(action, subject);
        }
        let workloads = self.workloads_of(subject);
        match action {
            Action::Logs | Action::PreviousLogs => self.show_logs(subject, &workloads, action == Action::PreviousLogs),
            Action::Runbook => return vec![Effect::Copy(vec![words.clone()])],
            Action::Yaml | Action::Describe => return self.show_yaml(action, subject, &workloads, words),
            Action::Shell => {
                if let Subject::Pod(pod) = subject {
                    self.ask_for_shell(pod);
                }
            }
            Action::Restart
            | Action::Scale
            | Action::Pause
            | Action::Resume
            | Action::LetGo
            | Action::Promote
            | Action::PromoteFull
            | Action::Retry
            | Action::Hold => {
                return self.plan_single(action, &workloads, None);
            }
            Action::Stop => return self.stop(&workloads),
            Action::Verify => self.show_verify(subject),
            Action::Brought => {
                let run = workloads.first().and_then(|id| self.store.brought(id)).map(|(run, _)| run.id.clone());
                if let Some(run) = run {
                    self.open_screen(Screen::Run(run, crate::widgets::Selection::default()));
                }
            }
            Action::Rollback | Action::Explain | Action::History if workloads.len() > 1 => self.choose(action, &workloads),
            Action::Rollback => return workloads.first().map(|id| self.open_plan(id)).unwrap_or_default(),
            Action::Explain => return workloads.first().map(|id| self.show_explain(id)).unwrap_or_default(),
            Action::History => return workloads.first().map(|id| self.show_history(id)).unwrap_or_default(),
            _ => {}
        }
        Vec::new()
    }

    /// Several possible subjects: asks, the unhealthiest first.
    pub(super) fn choose(&mut self, action: Action, workloads: &[Id<Workload>]) {
        let items = workloads.iter().filter_map(|id| self.store.workload(id)).map(|workload| {
            let words = crate::clean!("{} {}/{}  {}", workload.kind.word(), workload.place.namespace, workload.name, workload.version);
            let chosen =
                if action == Action::Rollback { Chosen::RollBack(workload.id.clone()) } else { Chosen::Verb(action, Subject::Workload(workload.id.clone())) };
            (words, chosen)
        });
        let items = items.collect();
        self.overlay = Some(Overlay::Choose(Choose { title: Clean::from_static("Which of them?"), items, at: 0 }));
    }

    /// The pod of a workload whose container crashed last and most: its previous run is what `p` is about.
    fn crashed_pod(&self, workload: &Id<Workload>) -> Option<&Pod> {
        let crashed = self.store.pods_of(workload).filter(|pod| !pod.leaving && pod.containers.iter().any(|container| container.restarts > 0));
        crashed.max_by_key(|pod| (!pod.ready, pod.restarted, pod.restarts))
    }

    /// The previous run of a pod's container that was restarted.
    fn show_previous(&mut self, pod: &Pod) {
        let container = pod.containers.iter().filter(|container| container.restarts > 0).max_by_key(|container| (!container.ready, container.restarts));
        let container = container.map(|container| Raw::new(container.name.raw()));
        let title = crate::clean!("{}, previous run", pod.name);
        self.open_logs(LogTarget::Pod { pod: pod.id.clone(), container, previous: true, since: None }, title);
    }

    fn show_logs(&mut self, subject: &Subject, workloads: &[Id<Workload>], previous: bool) {
        let name = self.words_of(subject);
        if previous && !matches!(subject, Subject::Job(_) | Subject::Run(_)) {
            let pod = match subject {
                Subject::Pod(pod) => self.store.pod(pod).filter(|pod| pod.restarts > 0),
                _ => workloads.iter().find_map(|workload| self.crashed_pod(workload)),
            };
            return match pod.cloned() {
                Some(pod) => self.show_previous(&pod),
                None => self.complain(crate::clean!("no container of {name} was restarted: there is no previous run")),
            };
        }
        let target = match subject {
            Subject::Pod(pod) => Some(LogTarget::Pod { pod: pod.clone(), container: None, previous: false, since: None }),
            Subject::Job(job) => Some(LogTarget::Job(job.clone())),
            Subject::Run(run) => self.store.jobs_of(run).into_iter().min_by_key(|job| job.status.rank()).map(|job| LogTarget::Job(job.id.clone())),
            Subject::Cell { .. } | Subject::Workload(_) | Subject::Alert(_) | Subject::Node(_) | Subject::Nothing => {
                workloads.first().map(|workload| LogTarget::Workload { workload: workload.clone(), since: crate::panels::logs::since(self, workload) })
            }
        };
        match target {
            Some(target) => self.open_logs(target, name),
            None => self.complain("this run has no jobs yet"),
        }
    }

    fn show_yaml(&mut self, action: Action, subject: &Subject, workloads: &[Id<Workload>], title: Clean) -> Vec<Effect> {
        if let Some(lines) = crate::panels::facts::of(self, subject) {
            self.open_screen(Screen::Text(Page::new(title, Asked::Here(lines))));
            return Vec::new();
        }
        let (source, question) = match (subject, workloads.first()) {
            (Subject::Pod(pod), _) => (pod.source(), Question::PodYaml(pod.clone())),
            (_, Some(workload)) => (workload.source(), Question::Yaml(workload.clone())),
            (_, None) => return Vec::new(),
        };
        let (task, effect) = self.ask(Purpose::Screen, source, question);
        let (mut page, mut effects) = (Page::new(title, Asked::Waiting(task)), vec![effect]);
        if let (true, Some(workload)) = (action == Action::Describe, workloads.first()) {
            let (task, effect) = self.ask(Purpose::Screen, workload.source(), Question::Explain(workload.clone()));
            page.events = Some(Asked::Waiting(task));
            page.pod = match subject {
                Subject::Pod(pod) => self.store.pod(pod).map(|pod| pod.name.clean().clone()),
                _ => None,
            };
            effects.push(effect);
        }
        self.open_screen(Screen::Text(page));
        effects
    }

    /// Opens `x` for a workload.
    pub(super) fn show_explain(&mut self, workload: &Id<Workload>) -> Vec<Effect> {
        let (task, effect) = self.ask(Purpose::Screen, workload.source(), Question::Explain(workload.clone()));
        self.open_screen(Screen::Explain(Explain { workload: workload.clone(), answer: Asked::Waiting(task), offset: 0 }));
        vec![effect]
    }

    fn show_history(&mut self, workload: &Id<Workload>) -> Vec<Effect> {
        let (task, effect) = self.ask(Purpose::Screen, workload.source(), Question::Revisions(workload.clone()));
        self.open_screen(Screen::History(History { workload: workload.clone(), revisions: Asked::Waiting(task), at: 0 }));
        vec![effect]
    }
}
