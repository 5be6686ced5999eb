//! A fresh release that was not verified is taken back without a person, where a flag and the policy of its environment allow that together.

use crate::{
    app::OperationKey,
    cli::{
        headless::Headless,
        out::say,
        rollback::{self, Told},
    },
    rollback::Verified,
    text::Clean,
};
use serde_json::{Value, json};

/// What became of it.
pub(super) enum Came {
    /// There was nothing to take back.
    Well,
    /// It was left as it is, and why.
    Kept(Clean),
    /// It was begun.
    Begun(OperationKey),
}

/// Takes one back.
pub(super) async fn take_back(headless: &mut Headless, at: usize) -> Came {
    let verification = headless.app.verifying[at].verification.clone();
    let Some((Verified::No { why }, _)) = &verification.verdict else { return Came::Well };
    if let Some(why) = headless.app.keeps(&verification) {
        return Came::Kept(why);
    }
    let key = match rollback::plan(headless, &verification.case.workload.id).await {
        Ok(key) => key,
        Err(failed) => return Came::Kept(Clean::from_untrusted(&failed.words)),
    };
    let reason = crate::clean!("verification failed: {why}");
    match headless.app.confirm_by_policy(key, &reason) {
        Ok(effects) => headless.carry_out(effects),
        Err(why) => return Came::Kept(why),
    }
    rollback::watch(headless, key).await;
    Came::Begun(key)
}

impl Came {
    /// In words, below the verification.
    pub fn text(&self, headless: &Headless) {
        match self {
            Self::Well => {}
            Self::Kept(why) => say!("not rolled back: {why}"),
            Self::Begun(key) => {
                let goal = headless.app.operations.get(*key).and_then(|running| running.procedure.goal());
                say!("rolled back without a person{}", goal.map(|goal| crate::clean!(", to {}", goal.version.numbered(goal.number))).unwrap_or_default());
                Told { json: false }.end(&headless.app, *key);
            }
        }
    }

    /// As JSON.
    pub fn shape(&self, headless: &Headless) -> Value {
        match self {
            Self::Well => Value::Null,
            Self::Kept(why) => json!({ "refused": why }),
            Self::Begun(key) => rollback::shape(&headless.app, *key),
        }
    }
}
