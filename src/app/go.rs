//! Wishes that are about the console itself: panels, screens, overlays, locks.

use super::{App, Effect, List, OPEN_FOR, Overlay, Panel, Pods, Screen, Subject, Times};
use crate::{
    domain::{Id, LogTarget, SourceId, Workload},
    keys::Action,
    panels::{self, alerts, environments, logs, pipelines},
    text::{Clean, Name},
    widgets::Field,
};

impl App {
    pub(super) fn panel_wish(&mut self, action: Action) -> Option<Vec<Effect>> {
        match self.panel {
            Panel::Environments => environments::act(self, action),
            Panel::Pipelines => pipelines::act(self, action),
            Panel::Logs => logs::act(self, action),
            Panel::Alerts => alerts::act(self, action),
        }
    }

    pub(super) fn screen_wish(&mut self, action: Action) -> Option<Vec<Effect>> {
        if matches!(self.screens.last(), Some(Screen::Operation(_)))
            && let Some(effects) = self.operation_wish(action)
        {
            return Some(effects);
        }
        panels::screen_act(self, action)
    }

    /// What the console does whatever has the keys.
    pub(super) fn console_wish(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Panel1 => self.go(Panel::Environments),
            Action::Panel2 => self.go(Panel::Pipelines),
            Action::Panel3 => self.go(Panel::Logs),
            Action::Panel4 => self.go(Panel::Alerts),
            Action::Panel5 | Action::Panel6 => self.complain("this panel does not exist yet"),
            Action::AllPanels => self.all_panels(),
            Action::NextPanel => self.turn(1),
            Action::PrevPanel => self.turn(Panel::ALL.len() - 1),
            Action::Zoom => self.zoomed = true,
            Action::Unzoom => self.zoomed = false,
            Action::Escape => self.close(),
            Action::Back if self.screens.is_empty() && !self.zoomed => self.ask_to_leave(),
            Action::Back => self.close(),
            Action::LastView => self.last_view(),
            Action::Palette => self.open_palette(),
            Action::Filter => self.overlay = Some(Overlay::Filter(Field::holding(&self.filter_text()))),
            Action::Help => self.overlay = Some(Overlay::Help { offset: 0 }),
            Action::Problems => self.problems_only = !self.problems_only,
            Action::Times => self.times = next_times(self.times),
            Action::Refresh => {
                self.say("asked again");
                return vec![Effect::Refresh];
            }
            Action::Redraw => {
                self.say("painted anew; rollback is R");
                return vec![Effect::Redraw];
            }
            Action::Suspend => return vec![Effect::Suspend],
            Action::OpenLock => self.open_or_lock(),
            Action::Background => {
                self.open_screen(Screen::Background(crate::widgets::Selection::default()));
                return vec![Effect::LookBack];
            }
            Action::Changes => self.open_screen(Screen::Changes(0)),
            Action::CopyName => return self.copy_name(),
            Action::CopyView => return self.copy_view(),
            Action::SaveView => return self.save_view(),
            Action::WatchNotify => self.watch_subject(),
            Action::Links => self.show_links(),
            Action::Explain
            | Action::Logs
            | Action::PreviousLogs
            | Action::Describe
            | Action::Yaml
            | Action::History
            | Action::Brought
            | Action::Verify
            | Action::Runbook
            | Action::Rollback
            | Action::Restart
            | Action::Stop
            | Action::LetGo
            | Action::Acknowledge
            | Action::Silence
            | Action::Incident
            | Action::Scale
            | Action::Pause
            | Action::Resume
            | Action::Promote
            | Action::PromoteFull
            | Action::Retry
            | Action::Rerun
            | Action::ForceCancel
            | Action::Reject
            | Action::Hold
            | Action::Shell
            | Action::Dispatch => return self.verb(action),
            Action::Up
            | Action::Down
            | Action::Left
            | Action::Right
            | Action::Top
            | Action::Bottom
            | Action::PageUp
            | Action::PageDown
            | Action::HalfUp
            | Action::HalfDown
            | Action::TabLeft
            | Action::TabRight
            | Action::Enter
            | Action::NextHit
            | Action::PrevHit
            | Action::NextTrouble
            | Action::PrevTrouble
            | Action::Mark
            | Action::SortPrev
            | Action::SortNext
            | Action::Follow
            | Action::Wrap
            | Action::FullScreen
            | Action::MarkLine
            | Action::Clear
            | Action::Unfold
            | Action::HiddenSidecars
            | Action::GoTo
            | Action::Note
            | Action::Priority
            | Action::Quit => {}
        }
        Vec::new()
    }

    /// To a panel: whatever lies over the main screen closes.
    pub fn go(&mut self, panel: Panel) {
        self.screens.clear();
        self.panel = panel;
    }

    fn turn(&mut self, by: usize) {
        let at = Panel::ALL.iter().position(|panel| *panel == self.panel).unwrap_or_default();
        self.panel = Panel::ALL[(at + by) % Panel::ALL.len()];
    }

    /// All panels, without scope and filter.
    fn all_panels(&mut self) {
        self.screens.clear();
        self.zoomed = false;
        self.problems_only = false;
        for panel in Panel::ALL {
            self.panel = panel;
            self.filter("");
        }
        self.panel = Panel::Environments;
    }

    /// Closes one thing: the topmost screen, the zoom, the filter. Never quits.
    fn close(&mut self) {
        if let Some(closed) = self.screens.pop() {
            self.left = Some(closed);
            if let Some(Screen::Logs(target, title)) = self.screens.last() {
                let (target, title) = (target.clone(), title.clone());
                logs::aim(self, Some(target), title);
            }
        } else if self.zoomed {
            self.zoomed = false;
        } else if !self.filter_text().is_empty() {
            self.filter("");
        } else {
            self.problems_only = false;
        }
    }

    /// Back to the screen that was closed last, and away again.
    fn last_view(&mut self) {
        let here = self.screens.pop();
        if let Some(left) = std::mem::replace(&mut self.left, here) {
            self.screens.push(left);
        }
    }

    /// Asks whether to leave: a `q` too many must not take the screen away from somebody who watches an incident.
    fn ask_to_leave(&mut self) {
        let (running, dialog) = (self.operations.under_way(), self.dialog());
        self.overlay = Some(Overlay::Quit { running, dialog });
    }

    /// Leaves, after a question where something is under way.
    pub(super) fn quit(&mut self) -> Vec<Effect> {
        // On a terminal that is too small nobody could read the question; what is under way is handed over.
        if self.operations.under_way().is_empty() || self.too_small() {
            return vec![Effect::Quit(0)];
        }
        self.ask_to_leave();
        Vec::new()
    }

    /// ctrl-o: opens the environment under the cursor for a while, or locks it again.
    fn open_or_lock(&mut self) {
        let Some(environment) = self.environment_here() else {
            return self.complain("no environment is under the cursor");
        };
        if self.opened.remove(&environment).is_some() {
            return self.say(crate::clean!("{environment} is locked again"));
        }
        let policy = self.policy(&environment);
        match policy.closed(crate::domain::Verb::RollBack, self.now.wall) {
            None => self.say(crate::clean!("{environment} is not locked")),
            Some(_) if policy.can_open() => {
                let dialog = self.dialog();
                self.overlay = Some(Overlay::Unlock { environment: environment.clean().clone(), dialog });
            }
            Some(closed) => self.complain(crate::clean!("{environment} is {}: {}", closed.word(), closed.remedy())),
        }
    }

    pub(super) fn unlock(&mut self, environment: &Clean) -> Vec<Effect> {
        let name = Name::new(environment);
        self.opened.insert(name.clone(), self.now.wall + OPEN_FOR);
        self.say(crate::clean!("{environment} is open for 15 minutes"));
        self.opened_again(&name)
    }

    /// The environment that a verb would change now.
    pub fn environment_here(&self) -> Option<Name> {
        // A text lies over what it is about.
        match self.screens.iter().rev().find(|screen| !matches!(screen, Screen::Text(_))) {
            Some(Screen::Operation(key)) => self.operations.about(*key).map(|(_, _, environment)| environment.clone()),
            Some(screen) => self.environment_of(&panels::subject_of(self, screen)),
            None => self.environment_of(&self.panel_subject()),
        }
    }

    /// What is under the cursor.
    pub fn subject(&self) -> Subject {
        self.screens.last().map_or_else(|| self.panel_subject(), |screen| panels::subject_of(self, screen))
    }

    /// What is under the cursor of the panel that has the keys.
    fn panel_subject(&self) -> Subject {
        match self.panel {
            Panel::Environments => environments::subject(self),
            Panel::Pipelines => pipelines::subject(self),
            Panel::Logs => logs::subject(self),
            Panel::Alerts => alerts::subject(self),
        }
    }

    /// The filter of the view that has the keys.
    pub fn filter_text(&self) -> String {
        match (self.screens.last(), self.panel) {
            (Some(Screen::Logs(..)), _) | (None, Panel::Logs) => self.logs.filter.clone(),
            (Some(Screen::Text(page)), _) => page.search.as_deref().unwrap_or_default().to_owned(),
            (Some(_), _) => self.list_filter.clone(),
            (None, Panel::Environments) => self.environments.filter.clone(),
            (None, Panel::Pipelines) => self.pipelines.filter.clone(),
            (None, Panel::Alerts) => self.alerts.filter.clone(),
        }
    }

    /// Sets the filter of the view that has the keys.
    pub(super) fn filter(&mut self, text: &str) {
        let text = text.to_owned();
        match (self.screens.last_mut(), self.panel) {
            (Some(Screen::Logs(..)), _) | (None, Panel::Logs) => logs::filter(self, text),
            (Some(Screen::Text(page)), _) => page.search = (!text.is_empty()).then(|| Clean::from_untrusted(&text)),
            (Some(_), _) => self.list_filter = text,
            (None, Panel::Environments) => self.environments.filter = text,
            (None, Panel::Pipelines) => self.pipelines.filter = text,
            (None, Panel::Alerts) => self.alerts.filter = text,
        }
    }

    /// Opens a screen over the others; one that shows the same comes to the top instead of standing there twice.
    pub fn open_screen(&mut self, screen: Screen) {
        self.screens.retain(|other| !other.same(&screen));
        self.screens.push(screen);
    }

    /// Opens the log of a target on the whole screen. What was looked for elsewhere is not looked for here.
    pub fn open_logs(&mut self, target: LogTarget, title: Clean) {
        if self.logs.target.as_ref() != Some(&target) {
            logs::filter(self, String::new());
        }
        logs::aim(self, Some(target.clone()), title.clone());
        logs::look_at_sick(self);
        self.open_screen(Screen::Logs(target, title));
    }

    /// Opens the pods of a cell.
    pub fn open_pods(&mut self, service: Clean, environment: Clean, workloads: Vec<Id<Workload>>) {
        self.open_screen(Screen::Pods(Pods { service, environment, workloads, at: crate::widgets::Selection::default(), open: Vec::new() }));
    }

    /// Opens a list.
    pub fn open_list(&mut self, list: List) {
        self.list_filter.clear();
        self.open_screen(Screen::List(list, crate::widgets::Selection::default()));
    }

    /// The kind of back end of a source; the simulated world says which one it stands for.
    pub fn kind_of(&self, id: &SourceId) -> String {
        match (id.kind(), id.instance()) {
            ("demo", instance) => demo_kind(instance).to_owned(),
            (kind, _) => kind.to_owned(),
        }
    }
}

/// What a source of the simulated world stands for, by its name.
fn demo_kind(instance: &str) -> &str {
    match instance.split('-').next().unwrap_or_default() {
        known @ ("github" | "prometheus" | "alertmanager" | "docker") => known,
        _ => "kubernetes",
    }
}

const fn next_times(times: Times) -> Times {
    match times {
        Times::Age => Times::Local,
        Times::Local => Times::Utc,
        Times::Utc => Times::Age,
    }
}
