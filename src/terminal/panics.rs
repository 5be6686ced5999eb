//! A panic gives the screen back before it says a word, unless somebody supervises the task that panicked.

use super::{guard, inbox::Input};
use crate::{
    clean,
    text::{Clean, redact},
};
use color_eyre::{
    config::{HookBuilder, PanicHook, Theme},
    eyre,
};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    fmt,
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

thread_local! {
    /// How many supervised works the thread is inside of.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where the last supervised panic happened.
    static PLACE: RefCell<Clean> = const { RefCell::new(Clean::EMPTY) };
}

/// A task panicked under supervision: what it said and where. The screen has not been touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// What it said.
    pub says: Clean,
    /// The file and line.
    pub at: Clean,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked at {}: {}", self.at, self.says)
    }
}

impl std::error::Error for Panicked {}

/// Marks the thread as supervised for as long as it lives.
struct Mark;

impl Mark {
    fn new() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Runs `work`; its panic becomes an error and leaves the screen alone. For work on a blocking thread.
///
/// # Errors
/// When it panics.
pub fn supervised_now<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    let _mark = Mark::new();
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Panicked::of(&*payload))
}

/// As [`supervised_now`], for a task: spawn what this gives.
pub fn supervised<T>(work: impl Future<Output = T> + Send + 'static) -> impl Future<Output = Result<T, Panicked>> + Send {
    Supervised(Box::pin(work))
}

struct Supervised<T>(Pin<Box<dyn Future<Output = T> + Send>>);

impl<T> Future for Supervised<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match supervised_now(|| self.0.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}

impl Panicked {
    fn of(payload: &(dyn Any + Send)) -> Self {
        let says = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self { says: clean!("{}", redact(says.unwrap_or("no words"))), at: PLACE.take() }
    }
}

/// Installs color-eyre for errors and our own hook for panics. The report of a panic that ends the program goes to standard error
/// and, where a folder is given, into a file there that only its owner can read. Call once, early in `main`.
///
/// # Errors
/// When hooks were installed before.
pub fn install(reports: Option<PathBuf>) -> eyre::Result<()> {
    let (panics, errors) = HookBuilder::default().theme(Theme::new()).display_env_section(false).try_into_hooks()?;
    errors.install()?;
    std::panic::set_hook(Box::new(move |info| on_panic(info, &panics, reports.as_deref())));
    Ok(())
}

fn on_panic(info: &PanicHookInfo<'_>, panics: &PanicHook, reports: Option<&Path>) {
    if DEPTH.get() > 0 {
        let at = info.location().map_or(Clean::EMPTY, |place| clean!("{}:{}", place.file(), place.line()));
        PLACE.set(at);
        return;
    }
    let events = guard::give_back();
    let report = tidy(&panics.panic_report(info).to_string());
    let mut words = std::io::stderr().lock();
    // Where even standard error is gone there is nobody to tell.
    let _ = writeln!(words, "{report}");
    if let Some(path) = reports.and_then(|folder| keep(&report, folder)) {
        let _ = writeln!(words, "This is a fault of Pilothouse. The report is also in {}", path.display());
    }
    if let Some(events) = events {
        events.send(Input::Panicked);
    }
}

/// Without control bytes and secrets: a panic may quote anything.
fn tidy(report: &str) -> String {
    let lines: Vec<String> = Clean::lines(&redact(report)).map(|line| line.to_string()).collect();
    lines.join("\n")
}

fn keep(report: &str, folder: &Path) -> Option<PathBuf> {
    let path = folder.join(format!("panic-{}.txt", std::process::id()));
    std::fs::create_dir_all(folder).ok()?;
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).ok()?;
    writeln!(file, "{report}").ok()?;
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_supervised_task_that_panics_is_an_error_with_its_words() {
        let panicked = supervised(async { panic!("no rows \x1b[2J") }).await.map(|(): ()| ()).expect_err("it panicked");
        assert!(panicked.says.starts_with("no rows") && !panicked.says.contains('\x1b'));
        assert_eq!(supervised(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn supervision_lasts_over_waiting_and_ends_with_the_task() {
        let depth = supervised(async {
            tokio::task::yield_now().await;
            DEPTH.get()
        });
        assert_eq!((depth.await, DEPTH.get()), (Ok(1), 0));
        assert!(supervised_now(|| panic!("here")).map(|(): ()| ()).is_err());
        assert_eq!(DEPTH.get(), 0, "unwinding takes the mark away");
    }

    #[test]
    fn a_report_is_tidy_and_its_file_is_the_owners() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let report = tidy("line one \x1b]0;title\x07\nBearer ghp_abcdefghijklmnopqrstuvwxyz0123456789");
        assert!(!report.contains(['\x1b', '\x07']) && !report.contains("ghp_abcdef") && report.lines().count() == 2, "{report}");
        let path = keep(&report, &folder.path().join("new")).expect("kept");
        assert_eq!(std::fs::metadata(path).expect("the file").permissions().mode() & 0o777, 0o600);
    }
}
