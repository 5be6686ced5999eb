//! The journal in real directories; `chain` for what must be noticed, `queries` for what is asked.

mod chain;
mod many;
mod places;
mod queries;

use super::{place::ACTIVE, *};
use std::{fs, path::Path};
use tempfile::TempDir;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn who() -> Who {
    Who {
        user: "oncall".into(),
        uid: 1000,
        sudo_user: None,
        ssh_client: Some("10.1.2.3".into()),
        host: "bastion".into(),
        tty: Some("pts/4".into()),
        pid: std::process::id(),
        boot_id: "b00t".into(),
        session: "7f3a".into(),
        version: "0.1.0".into(),
    }
}

fn note(text: &str) -> Body {
    Body::Note(Note { environment: "production".into(), service: "cart".into(), text: Clean::from_untrusted(text) })
}

fn rev(number: u64, template: &str, version: &'static str) -> Rev {
    Rev { number, template: Exact::new(template), version: version.into(), images: vec!["sha256:41c0f2".into()] }
}

/// Step `step` of `steps` of rolling cart back from 2.8.0 to 2.7.3.
fn intent(op: &str, step: u32, steps: u32) -> Body {
    Body::Intent(Box::new(Intent {
        op: OpId::restore(op),
        plan: "roll back cart in production to 2.7.3 r41".into(),
        environment: "production".into(),
        tier: "production".into(),
        service: "cart".into(),
        subject: Subject { id: Exact::new("kubernetes/prod#u-1"), uid: Exact::new("u-1"), title: "cart in production".into() },
        verb: "roll back".into(),
        from: Origin { uid: Exact::new("u-1"), template: Exact::new("aaaa"), paused: false, revision: Some(rev(42, "6b9d", "2.8.0")) },
        to: Some(rev(41, "5c7d", "2.7.3")),
        reason: "CartErrorRate 17.4 %".into(),
        confirmation: "typed name".into(),
        params_hash: "c0ffee".into(),
        step,
        steps,
        command: "kubectl rollout undo deployment/cart --to-revision=41".into(),
        ends: Ends::AtVerdict,
        stood: None,
    }))
}

fn sent(op: &str, step: u32) -> Body {
    Body::Sent(Sent { op: OpId::restore(op), step })
}

fn outcome(op: &str, step: u32, result: Ended) -> Body {
    Body::Outcome(Outcome { op: OpId::restore(op), step, result, request: Some("audit-9".into()), detail: "in 21 ms".into() })
}

fn verdict(op: &str, verdict: Verdict) -> Body {
    Body::Verdict(Judged { op: OpId::restore(op), verdict, took_ms: 192_000, proofs: vec!["6 of 6 pods on 2.7.3".into(), "errors 0.2 %".into()] })
}

struct Room {
    dir: TempDir,
    journal: Journal,
}

impl Room {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let dir = TempDir::new().expect("a directory");
        let journal = Journal::with_limits(&dir.path().join("state"), limits).expect("opens");
        Self { dir, journal }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("state")
    }

    fn file(&self) -> std::path::PathBuf {
        self.path().join(ACTIVE)
    }

    fn write(&self, second: i64, body: &Body) -> Written {
        self.journal.append(at(second), &who(), body).expect("appends")
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.file()).expect("reads")
    }

    fn cut(&self, len: usize) {
        fs::OpenOptions::new().write(true).open(self.file()).expect("opens").set_len(len as u64).expect("cuts");
    }

    fn texts(&self) -> Vec<String> {
        let entries = self.journal.history(&Filter::default()).expect("reads").into_iter();
        entries.filter_map(|entry| if let Content::Known(Body::Note(note)) = entry.content { Some(note.text.to_string()) } else { None }).collect()
    }
}

fn sound(dir: &Path) -> Summary {
    verify(dir).unwrap_or_else(|unsound| panic!("{unsound}"))
}

fn broken(dir: &Path) -> Broken {
    match verify(dir) {
        Err(Unsound::Broken(broken)) => broken,
        other => panic!("not broken: {other:?}"),
    }
}
