//! The palette, and everything else that lies over the screen.

use super::{
    App, Chosen, Effect, Goal, List, Overlay, Palette, Panel, Subject,
    lacking::{Lack, built},
};
use crate::{
    domain::Scope,
    keys::{Action, Layer},
    text::Clean,
    widgets::{Choice, Field},
};

/// What k9s fingers type, and what it opens here.
const LISTS: &[(&str, &str, List)] = &[
    ("po", "pods", List::Pods(Scope::All)),
    ("pods", "pods", List::Pods(Scope::All)),
    ("deploy", "workloads", List::Workloads),
    ("dp", "workloads", List::Workloads),
    ("deployments", "workloads", List::Workloads),
    ("no", "nodes", List::Nodes),
    ("nodes", "nodes", List::Nodes),
    ("ev", "events", List::Happenings(Scope::All)),
    ("events", "events", List::Happenings(Scope::All)),
    ("ns", "namespaces", List::Namespaces),
    ("ctx", "sources and contexts: Enter connects", List::Sources),
];

impl App {
    pub(super) fn open_palette(&mut self) {
        let mut choices = Vec::new();
        let mut goals = Vec::new();
        let mut offer = |name: Clean, says: Clean, key: Clean, why_not: Clean, goal: Goal| {
            choices.push(Choice { name, says, key, why_not });
            goals.push(goal);
        };
        let subject = self.subject();
        let layer = self.layers().first().copied().unwrap_or(Layer::Global);
        let key = |action| self.start.keymap.key(layer, action).map(|key| Clean::from_untrusted(&key)).unwrap_or_default();
        for verb in super::offers(self, &subject) {
            let name = Clean::from_static(verb.action.name());
            match (verb.words, self.lack(verb.action, &subject)) {
                (Ok(words), _) => offer(name, words, key(verb.action), Clean::EMPTY, Goal::Action(verb.action)),
                (Err(_), Lack { words, command: Some(command) }) => {
                    offer(name, crate::clean!("{words}: copies `{command}`"), Clean::EMPTY, Clean::EMPTY, Goal::Copies(command));
                }
                (Err(why), _) => offer(name, Clean::EMPTY, key(verb.action), why, Goal::Action(verb.action)),
            }
        }
        for row in &self.matrix.rows {
            offer(row.service.clean().clone(), Clean::from_static("service"), Clean::EMPTY, Clean::EMPTY, Goal::Service(row.service.clean().clone()));
        }
        for (name, says, list) in LISTS {
            offer(Clean::from_static(name), Clean::from_static(says), Clean::EMPTY, Clean::EMPTY, Goal::List(list.clone()));
        }
        for action in Action::ALL.iter().filter(|action| action.name().len() > 1 && !is_verb(**action) && built(**action)) {
            offer(Clean::from_static(action.name()), Clean::from_static(action.help()), key(*action), Clean::EMPTY, Goal::Action(*action));
        }
        offer(Clean::from_static("q"), Clean::from_static("quit"), Clean::EMPTY, Clean::EMPTY, Goal::Action(Action::Quit));
        // The revisions of a Deployment are its ReplicaSets; where no workload is under the cursor, k9s lists them.
        if let Ok(words) = self.offer(Action::History, &subject) {
            offer(Clean::from_static("rs"), words, key(Action::History), Clean::EMPTY, Goal::Action(Action::History));
        }
        let mut palette = Palette { field: Field::default(), choices, goals, found: Vec::new(), at: 0 };
        palette.search();
        self.overlay = Some(Overlay::Palette(palette));
    }

    pub(super) fn overlay_wish(&mut self, action: Action) -> Vec<Effect> {
        let Some(mut overlay) = self.overlay.take() else { return Vec::new() };
        match (&mut overlay, action) {
            (Overlay::Filter(_), Action::Enter) => return Vec::new(),
            (Overlay::Filter(_), Action::Escape) => self.filter(""),
            (_, Action::Escape | Action::Back | Action::Quit) => {}
            (Overlay::Help { .. }, Action::Help) => {}
            (Overlay::Help { offset }, action) => {
                *offset = stepped(*offset, action, crate::view::help_extent(self) + 1);
                self.overlay = Some(overlay);
            }
            (Overlay::Palette(palette), Action::Enter) => {
                if let Some(wanted) = palette.number() {
                    return self.scale_to(wanted);
                }
                return self.enter_palette(palette);
            }
            (Overlay::Palette(palette), action) => {
                palette.at = stepped(palette.at, action, palette.found.len());
                self.overlay = Some(overlay);
            }
            (Overlay::Choose(choose), Action::Enter) => {
                let chosen = choose.items.get(choose.at).map(|(_, chosen)| chosen.clone());
                return match chosen {
                    Some(Chosen::RollBack(workload)) => self.open_plan(&workload),
                    Some(Chosen::Single(verb, workload, wanted)) => self.open_single(verb, &workload, wanted),
                    Some(Chosen::Verb(action, subject)) => self.verb_on(action, &subject),
                    None => Vec::new(),
                };
            }
            (Overlay::Choose(choose), action) => {
                choose.at = stepped(choose.at, action, choose.items.len());
                self.overlay = Some(overlay);
            }
            (Overlay::Links { links, at }, Action::Enter) => return links.get(*at).map(|(_, link)| vec![Effect::Copy(vec![link.clone()])]).unwrap_or_default(),
            (Overlay::Links { links, at }, action) => {
                *at = stepped(*at, action, links.len());
                self.overlay = Some(overlay);
            }
            (Overlay::Unlock { environment, dialog }, Action::Enter) if dialog.seen() => {
                let environment = environment.clone();
                return self.unlock(&environment);
            }
            (Overlay::Shell { into, dialog }, Action::Enter) if dialog.seen() => {
                let into = into.clone();
                return self.go_into(into);
            }
            (Overlay::Quit { dialog, .. }, Action::Enter) if dialog.seen() => return vec![Effect::Quit(0)],
            (Overlay::Filter(_) | Overlay::Unlock { .. } | Overlay::Quit { .. } | Overlay::Shell { .. }, _) => self.overlay = Some(overlay),
        }
        Vec::new()
    }

    fn reach(&mut self, goal: Goal) -> Vec<Effect> {
        match goal {
            Goal::Action(action) => self.wish(action),
            Goal::Service(service) => {
                self.go(Panel::Environments);
                crate::panels::environments::aim(self, &service, None);
                Vec::new()
            }
            Goal::List(list) => {
                self.open_list(list);
                Vec::new()
            }
            Goal::Copies(command) => vec![Effect::Copy(vec![command])],
        }
    }

    /// Does what is chosen; a word that nothing here knows is answered with the command that opens it in k9s.
    fn enter_palette(&mut self, palette: &Palette) -> Vec<Effect> {
        let chosen = palette.found.get(palette.at).map(|found| (&palette.choices[found.index], &palette.goals[found.index]));
        match chosen {
            Some((choice, goal)) if choice.available() => self.reach(goal.clone()),
            Some((choice, _)) => {
                self.complain(crate::clean!("{}: {}", choice.name, choice.why_not));
                Vec::new()
            }
            None => self.elsewhere(palette.typed()),
        }
    }

    /// `svc is not here: k9s -c svc --context prod-eu -n shop`, with the command in the clipboard.
    fn elsewhere(&mut self, word: &str) -> Vec<Effect> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/');
        if word.is_empty() || word.starts_with('-') || !word.chars().all(plain) {
            self.complain("nothing like that is there");
            return Vec::new();
        }
        let place = self.workloads_of(&self.subject()).first().and_then(|id| self.store.workload(id)).map(|workload| workload.place.clone());
        let context = place.as_ref().map(|place| crate::clean!(" --context {}", place.context)).unwrap_or_default();
        let namespace = place.filter(|place| !place.namespace.is_empty()).map(|place| crate::clean!(" -n {}", place.namespace)).unwrap_or_default();
        let command = crate::clean!("k9s -c {word}{context}{namespace}");
        self.expect_copy(crate::clean!("{word} is not here: {command} (copied)"));
        vec![Effect::Copy(vec![command])]
    }

    pub(super) fn show_links(&mut self) {
        let links = crate::panels::links(self, &self.subject());
        if links.is_empty() {
            return self.complain("nothing here has a link");
        }
        self.overlay = Some(Overlay::Links { links, at: 0 });
    }

    pub(super) fn copy_name(&mut self) -> Vec<Effect> {
        match self.subject() {
            Subject::Nothing => {
                self.complain("nothing is under the cursor");
                Vec::new()
            }
            Subject::Cell { service, .. } => vec![Effect::Copy(vec![service])],
            subject => vec![Effect::Copy(vec![self.words_of(&subject)])],
        }
    }
}

/// Where a cursor stands after `action` in a list of `len`.
fn stepped(at: usize, action: Action, len: usize) -> usize {
    let last = len.saturating_sub(1);
    match action {
        Action::Up | Action::PrevHit => at.saturating_sub(1),
        Action::Down | Action::NextHit => (at + 1).min(last),
        Action::PageUp | Action::HalfUp => at.saturating_sub(10),
        Action::PageDown | Action::HalfDown => (at.saturating_add(10)).min(last),
        Action::Top => 0,
        Action::Bottom => last,
        _ => at,
    }
}

/// Whether an action needs a subject.
fn is_verb(action: Action) -> bool {
    matches!(action.group(), crate::keys::Group::Read | crate::keys::Group::Change | crate::keys::Group::Own)
}
