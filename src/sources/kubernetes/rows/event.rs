//! What happened.

use crate::{
    clean,
    domain::{Happening, Id, Place, SourceId},
    sources::kubernetes::wire::{Shape, core::Event},
    text::{Name, Raw},
};
use jiff::Timestamp;

/// When an event last happened: which field says so depends on who wrote it.
pub fn when(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time);
    let made = event.meta().creation_timestamp.as_ref().map(|time| time.0);
    series.or(event.last_timestamp).or(event.event_time).or(event.first_timestamp).or(made)
}

/// An event, as a row.
pub fn happening(source: &SourceId, event: &Event) -> Happening {
    let meta = event.meta();
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let series = event.series.as_ref().map_or(0, |series| series.count);
    let about = &event.involved_object;
    Happening {
        id: Id::new(source, &format!("events/{namespace}/{}", meta.name.as_deref().unwrap_or_default())),
        place: Place::new(source.instance(), namespace),
        kind: Name::new(&about.kind),
        object: Name::new(&about.name),
        uid: Raw::new(&about.uid),
        field: clean!("{}", about.field_path),
        warning: event.kind == "Warning",
        reason: clean!("{}", event.reason),
        message: clean!("{}", event.message.trim()),
        count: series.max(event.count).max(1),
        at: when(event),
    }
}
