//! `s` on a pod: out of the screen into a container, and back.

use super::{App, Door, Effect, Known, Overlay, PodRow, Screen, Subject};
use crate::{
    domain::{Container, ContainerState, Id, Pod, Program, Verb},
    gate::Closed,
    text::{Clean, Raw},
};

impl App {
    /// Whether a shell can be opened: in words, or why not.
    pub(super) fn offer_shell(&self, subject: &Subject) -> Result<Clean, Clean> {
        let Subject::Pod(id) = subject else { return Err(Clean::from_static("only a pod has a shell: Enter on a cell lists its pods")) };
        if self.start.demo {
            return Err(Clean::from_static("the simulated pods have no shell"));
        }
        let pod = self.store.pod(id).ok_or_else(|| Clean::from_static("this pod is gone"))?;
        if !matches!(self.sources.get(&id.source()), Some(Ok(Known::Ready(offers))) if offers.verbs.contains(&Verb::Shell)) {
            return Err(crate::clean!("a shell in this kind of container is not built yet: docker exec -it {} sh", pod.name));
        }
        if let Some((environment, Closed::ReadOnly)) = self.shut(subject) {
            return Err(crate::clean!("{environment} is read-only: {}", Closed::ReadOnly.remedy()));
        }
        let container = self.container_of(pod)?;
        Ok(crate::clean!("shell in {} {}", pod.name, container.name))
    }

    /// The environment of a pod that nothing may be changed in now, and why.
    fn shut(&self, subject: &Subject) -> Option<(Clean, Closed)> {
        let environment = self.environment_of(subject).unwrap_or_default();
        let closed = self.policy(&environment).closed(Verb::Shell, self.now.wall)?;
        Some((environment.clean().clone(), closed))
    }

    /// The container under the cursor, else the first that is no preparation.
    fn container_of<'a>(&self, pod: &'a Pod) -> Result<&'a Container, Clean> {
        let named = match self.screens.last() {
            Some(Screen::Pods(pods)) => match pods.at.id() {
                Some(PodRow::Container(of, name)) if *of == pod.id => Some(name),
                Some(PodRow::Container(..) | PodRow::Pod(_)) | None => None,
            },
            _ => None,
        };
        let found = match named {
            Some(name) => pod.containers.iter().find(|container| container.name.clean() == name),
            None => pod.containers.iter().find(|container| !container.init),
        };
        let container = found.ok_or_else(|| Clean::from_static("this pod has no container yet"))?;
        match container.state {
            ContainerState::Running { .. } => Ok(container),
            ContainerState::Waiting { .. } | ContainerState::Ended { .. } | ContainerState::Unknown => {
                Err(crate::clean!("{} does not run now: there is no shell in it", container.name))
            }
        }
    }

    /// Asks once: a shell changes what runs, and nobody sees it here.
    pub(super) fn ask_for_shell(&mut self, id: &Id<Pod>) {
        let subject = Subject::Pod(id.clone());
        if let Some((environment, closed)) = self.shut(&subject) {
            return self.complain(crate::clean!("{environment} is {}: {}", closed.word(), closed.remedy()));
        }
        let Some(pod) = self.store.pod(id) else { return };
        let container = match self.container_of(pod) {
            Ok(container) => container,
            Err(why) => return self.complain(why),
        };
        let (service, environment) = self.cell_of(&subject).unwrap_or_default();
        let target = crate::clean!("{}/{} {}", pod.place.namespace, pod.name, container.name);
        let into = Box::new(Door { pod: id.clone(), container: Raw::new(container.name.raw()), environment, service, target });
        let dialog = self.dialog();
        self.overlay = Some(Overlay::Shell { into, dialog });
    }

    /// Confirmed: it is written down first.
    pub(super) fn go_into(&mut self, into: Box<Door>) -> Vec<Effect> {
        let policy = self.policy(&into.environment);
        if let Some(closed) = policy.closed(Verb::Shell, self.now.wall) {
            self.complain(crate::clean!("{} is {}: {}", into.environment, closed.word(), closed.remedy()));
            return Vec::new();
        }
        vec![Effect::Shell { into, policy }]
    }

    pub(super) fn lend(&mut self, program: Result<Program, Clean>) -> Vec<Effect> {
        match program {
            Ok(program) => vec![Effect::Lend(program)],
            Err(why) => {
                self.complain(why);
                Vec::new()
            }
        }
    }

    pub(super) fn back(&mut self, program: &Program, ended: Result<Option<i32>, Clean>) -> Vec<Effect> {
        match ended {
            Ok(Some(0)) => self.say("the shell has ended"),
            Ok(Some(code)) => self.say(crate::clean!("the shell has ended with {code}")),
            Ok(None) => self.say("the shell was ended by a signal"),
            Err(why) => {
                self.complain(why);
                self.overlay = Some(Overlay::Links { links: vec![(Clean::from_static("the command"), program.typed())], at: 0 });
            }
        }
        Vec::new()
    }
}
