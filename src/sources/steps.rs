//! What back ends do alike: checks that are announced and then made, and one request that is made ready and sent once.

use super::SourceError;
use crate::{
    clean,
    domain::{Check, CheckKind, Stage},
    text::Clean,
};
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};

/// Says which checks will be made, then what comes of making them.
pub fn checking(
    kinds: Vec<CheckKind>,
    made: impl Future<Output = Result<BoxStream<'static, Check>, SourceError>> + Send + 'static,
) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = made.map(|made| match made {
        Ok(checks) => checks.map(Ok).boxed(),
        Err(error) => stream::iter([Err(error)]).boxed(),
    });
    stream::iter([Ok(Check::Expect(kinds))]).chain(made.flatten_stream()).boxed()
}

/// Makes a request ready, says that it leaves, and sends it; or says why nothing is sent.
pub fn once<R, S>(
    ready: impl Future<Output = Result<R, Stage>> + Send + 'static,
    send: impl FnOnce(R) -> S + Send + 'static,
) -> BoxStream<'static, Result<Stage, SourceError>>
where
    R: Send + 'static,
    S: Future<Output = Stage> + Send + 'static,
{
    let stages = ready.map(|ready| match ready {
        Ok(ready) => stream::iter([Stage::Sending]).chain(stream::once(send(ready))).boxed(),
        Err(last) => stream::iter([last]).boxed(),
    });
    stages.flatten_stream().map(Ok).boxed()
}

/// Nothing was sent, because something could not be read.
pub fn not_sent(error: &SourceError) -> Stage {
    Stage::Refused { why: clean!("nothing was sent: {error}") }
}

/// Nothing was sent, because this console changes nothing.
pub const fn read_only() -> Stage {
    Stage::Refused { why: Clean::from_static("this console was started with --read-only: nothing was sent") }
}
