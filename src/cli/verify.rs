//! Whether a release is in, everywhere, and well: for people who check quickly, and for pipelines. It changes nothing.

mod auto;

use super::{Failed, args::Verify, exit::Exit, headless::Headless, out::say, rollback, start::duration};
use crate::{
    app::{App, Verifying},
    domain::{Id, Workload},
    rollback::{Expected, Matter, ProofState, Verification, Verified},
    store::words::took,
    text::Clean,
};
use auto::Came;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap};

/// The version of the JSON shape.
const SHAPE: u32 = 1;

/// Watches each environment to its verdict; the worst of them is the exit code.
pub async fn run(mut headless: Headless, args: Verify) -> Result<Exit, Failed> {
    let within = duration(&args.within)?;
    let within = SignedDuration::try_from(within).map_err(|_| Failed::new(Exit::Usage, "--within is too long"))?;
    let digest = args.digest.as_deref().map(hex).transpose()?;
    headless.placed().await;
    let mut workloads: Vec<Id<Workload>> = Vec::new();
    for environment in &args.environments {
        let found = rollback::find(&headless, &Clean::from_untrusted(&args.service), &Clean::from_untrusted(environment), args.workload.as_deref())?;
        if !workloads.contains(&found) {
            workloads.push(found);
        }
    }
    let expected = Expected { version: args.release.as_deref().map(Clean::from_untrusted), digest };
    for workload in &workloads {
        headless.app.verify(workload, expected.clone(), within).map_err(|why| Failed::new(Exit::No, why.to_string()))?;
        if args.auto_rollback {
            hold(&mut headless.app);
        }
    }
    let patience = within.unsigned_abs() + std::time::Duration::from_secs(120);
    let told = RefCell::new(Told::default());
    let over = |app: &App| {
        if args.follow {
            told.borrow_mut().changes(app);
        }
        app.verifying.iter().all(|one| one.verification.verdict.is_some())
    };
    headless.until(patience, over).await;
    let mut taken = Vec::new();
    for at in 0..headless.app.verifying.len() {
        taken.push(if args.auto_rollback { auto::take_back(&mut headless, at).await } else { Came::Well });
    }
    let app = &headless.app;
    if args.output.json {
        let shape = |(one, came): (&Verifying, &Came)| {
            let mut value = shape(app, &one.verification);
            value["rollback"] = came.shape(&headless);
            value
        };
        let all: Vec<Value> = app.verifying.iter().zip(&taken).map(shape).collect();
        say!("{:#}", json!({ "v": SHAPE, "service": Clean::from_untrusted(&args.service), "environments": all }));
    } else {
        app.verifying.iter().zip(&taken).for_each(|(one, came)| {
            text(app, &one.verification);
            came.text(&headless);
        });
    }
    Ok(worst(app.verifying.iter().map(|one| exit(&one.verification))))
}

/// What is taken back without a person must have been bad for as long as the configuration says.
fn hold(app: &mut App) {
    let Some(settle) = app.verifying.last().map(|one| app.settles(&one.verification.case.environment.name)) else { return };
    if let Some(one) = app.verifying.last_mut() {
        one.verification.hold(settle);
    }
}

/// The hex digits of a digest, or of its beginning: too few would fit any.
fn hex(digest: &str) -> Result<Clean, Failed> {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest).to_ascii_lowercase();
    let fits = (7..=64).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let wrong =
        || Failed::new(Exit::Usage, format!("--digest takes sha256:… or its beginning, at least 7 hex digits, not `{}`", Clean::from_untrusted(digest)));
    if fits { Ok(Clean::from_untrusted(&digits)) } else { Err(wrong()) }
}

fn exit(verification: &Verification) -> Exit {
    match &verification.verdict {
        Some((Verified::Yes { .. }, _)) => Exit::Yes,
        Some((Verified::No { .. }, _)) => Exit::No,
        Some((Verified::CouldNotTell { .. }, _)) | None => Exit::Unknown,
    }
}

/// What several environments come to.
fn worst(exits: impl Iterator<Item = Exit>) -> Exit {
    exits.min_by_key(severity).unwrap_or(Exit::Unknown)
}

/// No outranks could not tell, which outranks yes.
const fn severity(exit: &Exit) -> u8 {
    match exit {
        Exit::No => 0,
        Exit::Yes => 2,
        _ => 1,
    }
}

/// What was printed last of each matter in each place: only what is another state is printed again.
#[derive(Default)]
struct Told(BTreeMap<(usize, Matter), ProofState>);

impl Told {
    fn changes(&mut self, app: &App) {
        for (at, one) in app.verifying.iter().enumerate() {
            for point in one.verification.points(app.steady()) {
                if self.0.insert((at, point.matter), point.state) != Some(point.state) {
                    let clock = app.now.wall.to_zoned(app.start.zone.clone()).strftime("%H:%M:%S");
                    say!("{clock}  {}  {:<8} {:<9} {}", one.verification.case.title(), point.state.word(), point.matter.word(), point.text);
                }
            }
        }
    }
}

fn text(app: &App, verification: &Verification) {
    say!("{}", verification.case.title());
    for point in verification.points(app.steady()) {
        say!("  {:<8} {:<9} {}", point.state.word(), point.matter.word(), point.text);
    }
    match &verification.verdict {
        Some((verified, at)) => {
            let detail = verified.detail();
            let gap = if detail.is_empty() { "" } else { "   " };
            say!("{} after {}{gap}{detail}", verified.word(), took(at.duration_since(verification.began)));
        }
        None => say!("no verdict in time"),
    }
}

fn shape(app: &App, verification: &Verification) -> Value {
    let points: Vec<Value> =
        verification.points(app.steady()).iter().map(|point| json!({ "what": point.matter.word(), "state": point.state.word(), "text": point.text })).collect();
    let workload = &verification.case.workload;
    json!({
        "environment": verification.case.environment.name.clean(),
        "workload": { "kind": workload.kind.word(), "namespace": workload.place.namespace.clean(), "name": workload.name.clean() },
        "version": workload.version.0,
        "expected": { "version": verification.expected.version, "digest": verification.expected.digest },
        "points": points,
        "verdict": verification.verdict.as_ref().map(|(verified, _)| verified.word()),
        "why": verification.verdict.as_ref().map(|(verified, _)| verified.detail()),
        "took_seconds": verification.verdict.as_ref().map(|(_, at)| at.duration_since(verification.began).as_secs_f64()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_environments_is_the_exit_code() {
        for (all, expected) in [
            (vec![Exit::Yes, Exit::Yes], Exit::Yes),
            (vec![Exit::Yes, Exit::Unknown], Exit::Unknown),
            (vec![Exit::Unknown, Exit::No, Exit::Yes], Exit::No),
            (Vec::new(), Exit::Unknown),
        ] {
            assert_eq!(worst(all.iter().copied()), expected, "{all:?}");
        }
    }
}
