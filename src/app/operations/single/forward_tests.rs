use super::*;
use crate::{
    domain::{Id, Seen, SourceId, Steps},
    text::Raw,
};

fn subject(at: u32, waits: bool, progress: Progress) -> Subject {
    let steps = Steps { at, of: 3, waits, full: false, aborted: progress.is_aborted(), through: progress == Progress::Done, template: Raw::new("t2") };
    Subject {
        revision: Some(2),
        generation: 4,
        observed: 4,
        progress,
        steps: Some(steps),
        ..Subject::new(
            Id::new(&SourceId::new("kubernetes/a"), "rollouts/shop/cart"),
            Seen { uid: Raw::new("u"), template: Raw::new("t2 stable=aaa"), paused: false },
        )
    }
}

fn waiting(at: u32) -> Subject {
    subject(at, true, Progress::Waiting { since: None, place: crate::clean!("step {} of 3", at + 1) })
}

fn aborted() -> Subject {
    subject(0, false, Progress::Aborted { since: None, back_to: Raw::new("aaa"), whole: true, message: Clean::EMPTY })
}

fn stuck(reason: &'static str) -> Subject {
    subject(1, false, Progress::Stuck { since: None, reason: reason.into(), message: "late".into() })
}

fn but(mut subject: Subject, change: impl FnOnce(&mut Subject)) -> Subject {
    change(&mut subject);
    subject
}

fn steps(subject: &mut Subject) -> &mut Steps {
    subject.steps.as_mut().expect("it goes step by step")
}

fn paused(subject: Subject) -> Subject {
    but(subject, |subject| (subject.seen.paused, subject.progress) = (true, Progress::Paused { since: None }))
}

fn another(subject: Subject) -> Subject {
    but(subject, |subject| steps(subject).template = Raw::new("t3"))
}

fn word(end: Option<End>) -> String {
    match end {
        None => "goes on".into(),
        Some(End::Complete) => "complete".into(),
        Some(End::Incomplete(why) | End::Overtaken(why) | End::CouldNotTell(why)) => why.to_string(),
    }
}

#[test]
fn it_is_over_when_what_was_asked_for_is_so_and_not_before() {
    let rolling = |at| subject(at, false, Progress::Rolling);
    let done = || subject(3, false, Progress::Done);
    let full = but(rolling(1), |subject| steps(subject).full = true);
    let unobserved = |subject: Subject| but(subject, |subject| (subject.observed, subject.progress) = (3, Progress::Unobserved));
    for (verb, before, now, expected) in [
        (Verb::Promote, waiting(1), waiting(1), "goes on"),
        (Verb::Promote, waiting(1), rolling(1), "goes on"),
        (Verb::Promote, waiting(1), rolling(2), "complete"),
        (Verb::Promote, waiting(1), waiting(2), "complete"),
        (Verb::Promote, waiting(2), done(), "complete"),
        (Verb::Promote, waiting(1), aborted(), "it was aborted meanwhile"),
        (Verb::Promote, waiting(1), rolling(0), "it began its steps again meanwhile"),
        (Verb::Promote, waiting(1), paused(rolling(1)), "somebody paused it by hand meanwhile"),
        (Verb::Promote, waiting(1), another(rolling(2)), "it was changed again meanwhile"),
        (Verb::Promote, waiting(1), stuck("ProgressDeadlineExceeded"), "its controller gave up: late"),
        (Verb::PromoteFull, waiting(1), full, "goes on"),
        (Verb::PromoteFull, waiting(1), rolling(3), "goes on"),
        (Verb::PromoteFull, waiting(1), done(), "complete"),
        (Verb::PromoteFull, waiting(1), aborted(), "it was aborted meanwhile"),
        (Verb::Retry, aborted(), aborted(), "goes on"),
        (Verb::Retry, aborted(), stuck("RolloutAborted"), "goes on"),
        (Verb::Retry, aborted(), stuck("ProgressDeadlineExceeded"), "its controller gave up: late"),
        (Verb::Retry, aborted(), rolling(0), "complete"),
        (Verb::Retry, aborted(), another(rolling(0)), "it was changed again meanwhile"),
        (Verb::Pause, rolling(1), unobserved(paused(rolling(1))), "goes on"),
        (Verb::Pause, rolling(1), paused(rolling(1)), "complete"),
        (Verb::Pause, rolling(1), rolling(1), "somebody resumed it meanwhile"),
        (Verb::Resume, paused(rolling(1)), unobserved(rolling(1)), "goes on"),
        (Verb::Resume, paused(rolling(1)), waiting(1), "complete"),
        (Verb::Resume, paused(rolling(1)), aborted(), "complete"),
        (Verb::Resume, paused(rolling(1)), paused(rolling(1)), "somebody paused it by hand meanwhile"),
    ] {
        assert_eq!(word(ended(verb, &before, &now)), expected, "{verb:?} {:?} {:?}", before.progress, now.progress);
    }
}

#[test]
fn a_lost_answer_is_a_yes_only_where_what_was_asked_for_is_so() {
    let rolling = |at| subject(at, false, Progress::Rolling);
    let full = but(waiting(1), |subject| steps(subject).full = true);
    for (verb, before, now, expected) in [
        (Verb::Promote, waiting(1), waiting(1), false),
        (Verb::Promote, waiting(1), rolling(1), true),
        (Verb::Promote, waiting(1), waiting(2), true),
        (Verb::Promote, waiting(1), aborted(), false),
        (Verb::Promote, waiting(1), another(rolling(2)), false),
        (Verb::PromoteFull, waiting(1), waiting(2), false),
        (Verb::PromoteFull, waiting(1), full, true),
        (Verb::Retry, aborted(), aborted(), false),
        (Verb::Retry, aborted(), rolling(0), true),
        (Verb::Pause, rolling(1), rolling(1), false),
        (Verb::Pause, rolling(1), paused(rolling(1)), true),
        (Verb::Restart, rolling(1), rolling(2), false),
    ] {
        assert_eq!(applied(verb, &before, &now), expected, "{verb:?} {:?} {:?}", before.progress, now.progress);
    }
}

#[test]
fn a_promotion_holds_for_the_step_that_was_seen() {
    assert_ne!(waiting(1).seen_by(Verb::Promote), waiting(2).seen_by(Verb::Promote));
    assert_ne!(waiting(1).seen_by(Verb::Promote), subject(1, false, Progress::Rolling).seen_by(Verb::Promote));
    assert_eq!(waiting(1).seen_by(Verb::Abort), waiting(2).seen_by(Verb::Abort));
}
