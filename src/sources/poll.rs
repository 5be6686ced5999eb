//! Feeds of systems that can only be asked again and again.

use super::SourceError;
use crate::domain::Batch;
use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What `read` says now and then once in each `period`, counted from beginning to beginning; it ends with the first error.
pub fn every(
    period: Duration,
    read: impl Fn() -> BoxFuture<'static, Result<Batch, SourceError>> + Send + 'static,
) -> BoxStream<'static, Result<Batch, SourceError>> {
    stream::unfold(Some((Instant::now(), read)), move |state| async move {
        let (due, read) = state?;
        sleep_until(due).await;
        let began = Instant::now();
        let said = read().await;
        let next = said.is_ok().then_some((began + period, read));
        Some((said, next))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    #[tokio::test(start_paused = true)]
    async fn it_is_read_at_once_then_once_a_period_and_ends_with_an_error() {
        let (began, count) = (Instant::now(), Arc::new(AtomicU32::new(0)));
        let read = move || {
            let turn = count.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(Duration::from_secs(2)).await;
                if turn < 2 { Ok(Batch::default()) } else { Err(SourceError::Unreachable("gone".into())) }
            }
            .boxed()
        };
        let said: Vec<(u64, bool)> = every(Duration::from_secs(5), read).map(|said| (began.elapsed().as_secs(), said.is_ok())).collect().await;
        assert_eq!(said, [(2, true), (7, true), (12, false)]);
    }
}
