//! Registries as a source that is asked where an image comes from, and never watched: they list nothing of what runs.

use super::manifest::origin;
use crate::{
    domain::{Answer, Batch, Check, Cursor, Feed, Offers, Operation, Question, SourceId, Stage},
    gate::Warrant,
    sources::{Made, Source, SourceError},
};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::sync::Arc;

/// All registries that images name.
struct Registries(SourceId);

/// The source of what images say of themselves.
pub fn connect() -> Made {
    Made::Aside(Arc::new(Registries(SourceId::new(SourceId::REGISTRIES))))
}

impl Source for Registries {
    fn id(&self) -> &SourceId {
        &self.0
    }

    fn offers(&self) -> Offers {
        Offers::default()
    }

    fn watch(&self, _: Feed, _: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        stream::iter([Err(unsupported())]).boxed()
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        async move {
            match question {
                Question::Origin(reference) => origin(reference.raw()).await.map(Answer::Origin),
                _ => Err(unsupported()),
            }
        }
        .boxed()
    }

    fn prepare(&self, _: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        stream::iter([Err(unsupported())]).boxed()
    }

    fn act(&self, _: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        stream::iter([Err(unsupported())]).boxed()
    }
}

fn unsupported() -> SourceError {
    SourceError::Unsupported("registries are asked where an image comes from, and nothing else".into())
}

#[cfg(test)]
#[path = "labels_tests.rs"]
mod tests;
