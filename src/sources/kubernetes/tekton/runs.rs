//! The runs of all pipelines, as they are watched.

use super::{
    Shape,
    api::{Api, RunKey},
    origin,
    shelf::Shelf,
    wire::PipelineRun,
};
use crate::{
    domain::{Change, Fact, Run},
    sources::kubernetes::{
        feeds::{self, Facts},
        sight::{Filter, Said},
        wire::Lean,
    },
};
use futures::{
    StreamExt,
    stream::{self},
};
use std::sync::Arc;

/// Runs for as long as they are asked for.
pub fn watch(api: Arc<Api>) -> Facts {
    let opened = async move {
        let there = async {
            feeds::named(&api.cluster).await?;
            api.version().await
        };
        match there.await {
            Ok(version) => {
                let seen = api.sight::<PipelineRun>(version, Filter { soon: true, ..Filter::default() });
                let told = seen.map(move |said| match said {
                    Ok(said) => Ok(take(&api, &mut api.shelf(), said).into_iter().map(Fact::from).collect()),
                    Err(halt) => Err(halt.into()),
                });
                feeds::batches(told.boxed())
            }
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    };
    stream::once(opened).flatten().boxed()
}

fn take(api: &Api, shelf: &mut Shelf, said: Said<PipelineRun, Lean<PipelineRun>>) -> Vec<Change<Run>> {
    match said {
        Said::Begin => shelf.begin(),
        Said::Done => shelf.done(),
        Said::Is(object) => match api.run(&object) {
            Some(run) => shelf.is(&group(&object), run),
            None => Vec::new(),
        },
        Said::Gone(lean) => {
            let meta = kube::Resource::meta(&lean);
            match (&meta.namespace, &meta.name) {
                (Some(namespace), Some(name)) => {
                    let key = RunKey { uid: meta.uid.clone().unwrap_or_default(), namespace: namespace.clone(), name: name.clone() };
                    shelf.gone(&key.id(&api.id))
                }
                _ => Vec::new(),
            }
        }
    }
}

/// Runs that are held against each other: those of one pipeline in one namespace.
fn group(run: &PipelineRun) -> String {
    format!("{}/{}", run.meta().namespace.as_deref().unwrap_or_default(), origin::pipeline(run))
}
