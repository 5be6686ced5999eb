//! Before somebody goes into a container: the policy of this moment, and a line in the journal.

use super::Runtime;
use crate::{
    app::{Door, Event, Record},
    domain::{Program, Verb},
    gate::Policy,
    runtime::Book,
    sources::Source,
    text::Clean,
};
use jiff::Timestamp;

impl Runtime {
    pub(super) fn shell(&self, into: Door, policy: Policy) {
        let (source, journal, inbox) = (self.source(&into.pod.source()), self.journal.clone(), self.inbox.clone());
        tokio::task::spawn_blocking(move || {
            let program = source.map_err(|why| why.words).and_then(|source| permitted(&*source, journal.as_deref(), into, &policy));
            inbox.put(Event::Lend(program));
        });
    }
}

fn permitted(source: &dyn Source, journal: Option<&Book>, into: Door, policy: &Policy) -> Result<Program, Clean> {
    let now = Timestamp::now();
    if let Some(closed) = policy.closed(Verb::Shell, now) {
        return Err(crate::clean!("{}: {}", closed.word(), closed.remedy()));
    }
    let program = source.shell(&into.pod, &into.container).ok_or_else(|| Clean::from_static("this source has no shells"))?;
    let journal = journal.ok_or_else(|| Clean::from_static("there is no journal to write it into; no shell was opened"))?;
    let record = Record::Shell { into, command: program.typed() };
    journal.record(&record, now).map_err(|error| crate::clean!("it could not be written down, so no shell was opened: {error}"))?;
    Ok(program)
}
