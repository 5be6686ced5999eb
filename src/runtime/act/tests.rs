//! What must be on disk before anything leaves, and what it comes to when nobody says how it ended.

use super::*;
use crate::{
    domain::{Answer, Batch, Check, Cursor, Feed, Offers, OpId, Question, Seen, Tier, Verb},
    gate::{Demand, Mode},
    journal::{Filter, Journal, Who},
    sources::SourceError,
    text::{Name, Raw},
};
use futures::{
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::{path::Path, sync::Mutex};

fn operation() -> Operation {
    Operation {
        id: OpId::restore("7f3a-1"),
        verb: Verb::Restart,
        subject: Id::restore("double#cart"),
        title: "cart in development".into(),
        from: Seen { uid: Raw::new("u"), template: Raw::new("t"), paused: false },
        to: None,
        scaling: None,
        inputs: Vec::new(),
        reason: Clean::EMPTY,
        by: "oncall".into(),
    }
}

fn confirmed(tier: Tier) -> Confirmed {
    Confirmed {
        confirmation: Demand::Enter.confirm("", "", false).expect("Enter is enough"),
        policy: Policy { mode: Mode::ByTier, tier, locked: false, open_until: None, distrusted: false },
        intended: Intended {
            plan: "cart in development: restart".into(),
            environment: Name::new("development"),
            tier,
            service: Name::new("cart"),
            running: None,
            images: Vec::new(),
            command: Clean::EMPTY,
            before: None,
        },
        at: Timestamp::now(),
    }
}

/// A journal in a directory, and the same for whoever writes into it.
fn book(dir: &Path) -> (Journal, Arc<Book>) {
    let who = Who {
        user: "oncall".into(),
        uid: 1000,
        sudo_user: None,
        ssh_client: None,
        host: "bastion".into(),
        tty: None,
        pid: std::process::id(),
        boot_id: "b00t".into(),
        session: "7f3a".into(),
        version: "0.1.0".into(),
    };
    let open = || Journal::open(dir).expect("it opens");
    (open(), Arc::new(Book::new(open(), who)))
}

fn entries(journal: &Journal) -> usize {
    journal.history(&Filter::default()).map_or(0, |entries| entries.len())
}

#[tokio::test]
async fn there_is_no_warrant_before_the_intent_is_on_disk() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("journal");
    let (journal, book) = book(&dir);
    let closed = intend(book.clone(), operation(), confirmed(Tier::Production)).await.expect_err("production is locked");
    assert!(closed.contains("locked") && entries(&journal) == 0, "{closed}");
    let warrant = intend(book.clone(), operation(), confirmed(Tier::Development)).await.expect("a warrant");
    assert_eq!((warrant.entry(), entries(&journal)), (1, 1), "it was read by somebody else as soon as the warrant was there");
    std::fs::remove_dir_all(&dir).expect("it goes");
    std::fs::write(&dir, "").expect("something else stands there");
    let refused = intend(book, operation(), confirmed(Tier::Development)).await.expect_err("it can not be written");
    assert!(refused.contains("so nothing was sent"), "{refused}");
}

#[test]
fn what_was_taken_back_is_remembered_for_a_day_and_what_was_refused_is_not() {
    let template = |hash: &str| crate::domain::RevisionRef { id: Id::restore(hash), number: 42, template: Raw::new(hash), version: Default::default() };
    for (stage, remembered) in [
        (Stage::Accepted { request: None, warnings: Vec::new(), revision: None, generation: None }, true),
        (Stage::Unclear { why: "the connection broke".into() }, true),
        (Stage::Refused { why: "quota".into() }, false),
    ] {
        let home = tempfile::tempdir().expect("a folder");
        let (_, book) = book(home.path());
        let operation = Operation { verb: Verb::RollBack, to: Some(template("h41")), ..operation() };
        let Confirmed { confirmation, intended, at, .. } = confirmed(Tier::Development);
        let intended = Intended { running: Some(template("h42")), ..intended };
        let _ = book.intend(&operation, &confirmation, &intended, at).expect("it is written");
        book.outcome(&operation, &stage, at).expect("it is written");
        let known = |hours: i64| {
            let told = book.remembered("double#cart", at + jiff::SignedDuration::from_hours(hours)).expect("it is read");
            let back = |record: &crate::rollback::Record| matches!(record.evidence, crate::domain::Evidence::RolledBackFrom { .. });
            told.iter().filter(|record| back(record)).map(|record| record.template.expose().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(known(23), if remembered { vec!["h42"] } else { vec![] }, "{stage:?}");
        assert!(known(25).is_empty() && book.remembered("double#other", at).is_ok_and(|told| told.is_empty()), "{stage:?}");
    }
}

/// Tells these stages of whatever it is asked to do, and counts how often that is.
struct Double {
    id: SourceId,
    stages: Mutex<Option<BoxStream<'static, Result<Stage, SourceError>>>>,
    acts: AtomicUsize,
}

impl Source for Double {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn offers(&self) -> Offers {
        Offers::default()
    }

    fn watch(&self, _: Feed, _: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        stream::empty().boxed()
    }

    fn ask(&self, _: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        async { Err(SourceError::Unsupported(Clean::EMPTY)) }.boxed()
    }

    fn prepare(&self, _: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        stream::empty().boxed()
    }

    fn act(&self, _: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        self.acts.fetch_add(1, Ordering::Relaxed);
        self.stages.lock().expect("no panic").take().unwrap_or_else(|| stream::empty().boxed())
    }
}

fn fault() -> Result<Stage, SourceError> {
    panic!("a fault of ours")
}

/// What the stages come to, and how often it was asked for.
async fn carried(stages: BoxStream<'static, Result<Stage, SourceError>>) -> (Stage, usize) {
    carried_with(operation(), stages).await
}

async fn carried_with(operation: Operation, stages: BoxStream<'static, Result<Stage, SourceError>>) -> (Stage, usize) {
    let home = tempfile::tempdir().expect("a folder");
    let (_, book) = book(home.path());
    let warrant = intend(book, operation, confirmed(Tier::Development)).await.expect("a warrant");
    let (inbox, between) = (Inbox::default(), AtomicUsize::new(0));
    let double = Double { id: SourceId::new("double"), stages: Mutex::new(Some(stages)), acts: AtomicUsize::new(0) };
    let last = carry(&double, warrant, TaskId(1), (&inbox, &between)).await;
    let told = inbox.take(100).into_iter().filter(|event| matches!(event, Event::Stage(_, stage) if *stage == last)).count();
    assert_eq!((told, between.into_inner()), (1, 0), "the last word is told once, and nothing is between two requests any more");
    (last, double.acts.into_inner())
}

#[tokio::test]
async fn what_ends_without_a_last_word_is_unclear_and_asked_for_once() {
    let broken = || Err(SourceError::Unreachable("the connection broke".into()));
    let working = || Ok(Stage::Working { what: "cart stops".into() });
    let refused = || Stage::Refused { why: "quota".into() };
    for (what, stages, unclear) in [
        ("it says nothing", vec![], true),
        ("it ends after the request has left", vec![Ok(Stage::Sending)], true),
        ("it breaks", vec![Ok(Stage::Sending), broken()], true),
        ("it breaks between two requests", vec![Ok(Stage::Sending), working(), broken()], true),
        ("it is refused", vec![Ok(Stage::Sending), working(), Ok(refused())], false),
    ] {
        let (last, acts) = carried(stream::iter(stages).boxed()).await;
        assert_eq!((matches!(last, Stage::Unclear { .. }), acts), (unclear, 1), "{what}: {last:?}");
    }
    let fault = stream::iter([Ok(Stage::Sending)]).chain(stream::once(async { fault() })).boxed();
    let (last, acts) = carried(fault).await;
    assert!(matches!(&last, Stage::Unclear { why } if why.contains("after the change was begun")) && acts == 1, "{last:?}");
}

#[tokio::test]
async fn a_secret_that_the_other_side_says_again_is_masked_before_anybody_is_told() {
    let given = [("api_token", "hunter2"), ("version", "2.8.1")];
    let inputs = given.map(|(name, value)| crate::domain::Given { name: Name::new(name), value: Raw::new(value) }).to_vec();
    let refused = Stage::Refused { why: "api_token: 'hunter2' is too short, for 2.8.1".into() };
    let (last, _) = carried_with(Operation { inputs, ..operation() }, stream::iter([Ok(Stage::Sending), Ok(refused)]).boxed()).await;
    assert_eq!(last, Stage::Refused { why: "api_token: '••••' is too short, for 2.8.1".into() });
}
