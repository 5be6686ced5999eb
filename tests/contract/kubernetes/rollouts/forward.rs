//! A Rollout goes forward: promoted by a step, promoted in full, retried after an abort; paused by hand and resumed.

use super::{
    super::{
        acts::{act, checks, insist, operation, subject},
        lab,
    },
    Scene,
};
use pilothouse::{
    domain::{CheckKind, Id, Outcome, Progress, Stage, Subject, Verb, Workload},
    sources::Source,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// Who looks at the Rollout, and acts.
struct Hand<'a> {
    scene: &'a Scene,
    source: Arc<dyn Source>,
    id: Id<Workload>,
}

impl Hand<'_> {
    async fn sees(&self) -> Subject {
        subject(&self.source, &self.id).await
    }

    /// Plans it: nothing is changed by that. The command and what was found.
    async fn plans(&self, verb: Verb) -> (String, BTreeMap<CheckKind, pilothouse::domain::Finding>) {
        let before = self.sees().await;
        let (expected, command, made) = checks(&self.source, operation(verb, &before, None)).await;
        assert_eq!(expected, made.keys().copied().collect::<Vec<_>>());
        assert_eq!(self.sees().await.seen, before.seen, "looking changes nothing");
        (command.unwrap_or_default().to_string(), made)
    }

    /// Does it, and gives what was seen before.
    async fn does(&self, verb: Verb) -> Subject {
        let before = self.sees().await;
        let stages = insist(&self.source, wish(verb, &before)).await;
        assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { .. }]), "{verb:?}: {stages:?}");
        before
    }

    /// Does it by what was seen then, which is not so any more: nothing is sent.
    async fn conflicts(&self, verb: Verb, before: &Subject, words: &str) {
        let stages = insist(&self.source, wish(verb, before)).await;
        assert!(matches!(&stages[..], [Stage::Conflict { what, same: false }] if what.contains(words)), "{verb:?}: {stages:?}");
    }

    /// Does it by what is seen now: there is no such way.
    async fn is_refused(&self, verb: Verb, words: &str) {
        let stages = insist(&self.source, wish(verb, &self.sees().await)).await;
        assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains(words)), "{verb:?}: {stages:?}");
    }

    async fn status(&self, what: &str, wanted: impl Fn(&Value) -> bool) {
        self.scene.status(what, wanted).await;
    }

    /// Ships another version, as far as its first pause.
    async fn ships(&self, version: u32) {
        let template = self.scene.rollout(version, &[("N", &version.to_string())])["spec"]["template"].clone();
        self.scene.write("PATCH", "", &json!({ "spec": { "template": template } })).await.expect("it is shipped");
        self.waits(1).await;
    }

    /// Its controller has looked at all of it, and stands at this step.
    async fn waits(&self, step: u32) {
        let waits = |seen: &Subject| {
            let steps = seen.steps.as_ref().expect("it goes step by step");
            seen.progress != Progress::Unobserved && !seen.seen.paused && !steps.through && steps.waits && steps.at == step
        };
        lab::eventually("it waits", async || waits(&self.sees().await).then_some(())).await;
    }

    async fn is_promoted(&self) {
        self.status("it is promoted", |status| status["phase"] == "Healthy" && status["stableRS"] == status["currentPodHash"]).await;
    }
}

/// The operation as the console makes it.
pub fn wish(verb: Verb, before: &Subject) -> pilothouse::domain::Operation {
    pilothouse::domain::Operation { from: before.seen_by(verb), ..operation(verb, before, None) }
}

/// The whole way, by a hand that looks, plans and acts.
pub async fn goes(kubeconfig: &Path) {
    let scene = Scene::new(kubeconfig, "forward").await;
    let source = lab::source(kubeconfig, "lab", "");
    let id = scene.id(&source);
    let hand = Hand { scene: &scene, source, id };
    let place = format!("cart -n {} --context lab", scene.space.name);
    hand.ships(2).await;
    by_a_step(&hand, &place).await;
    is_not_allowed(kubeconfig, &hand).await;
    by_hand(&hand, &place).await;
    hand.ships(3).await;
    again(&hand, &place).await;
    in_full(&hand, &place).await;
}

async fn by_a_step(hand: &Hand<'_>, place: &str) {
    let (command, made) = hand.plans(Verb::Promote).await;
    assert_eq!(command, format!("kubectl argo rollouts promote {place}"));
    assert!(made.values().all(|finding| finding.outcome == Outcome::Ok), "{made:#?}");
    assert_eq!(&*made[&CheckKind::Strategy].sentence, "1 step to come after this one: about 5 min of pauses");
    let before = hand.does(Verb::Promote).await;
    hand.waits(2).await;
    hand.conflicts(Verb::Promote, &before, "was promoted or went on meanwhile: it is at step 3 now").await;
    hand.waits(2).await;
    hand.is_refused(Verb::Retry, "was not aborted").await;
}

/// Who may change the Rollout and not its status is told so before, and by the server.
async fn is_not_allowed(kubeconfig: &Path, hand: &Hand<'_>) {
    let space = &hand.scene.space;
    space.kubectl(&["create", "role", "half", "--verb=get,list,patch", "--resource=rollouts.argoproj.io"]);
    space.kubectl(&["create", "rolebinding", "half", "--role=half", "--user=readonly"]);
    let half =
        Hand { scene: hand.scene, source: lab::source(kubeconfig, "readonly", ""), id: Id::new(lab::source(kubeconfig, "readonly", "").id(), hand.id.key()) };
    let (_, made) = half.plans(Verb::Promote).await;
    let rights = &made[&CheckKind::Rights];
    assert!(rights.outcome == Outcome::Block && rights.sentence.contains("rollouts/status"), "{rights:?}");
    assert!(rights.remedy.as_ref().is_some_and(|remedy| remedy.contains("rollouts.argoproj.io") && remedy.contains("status")), "{rights:?}");
    let stages = act(&half.source, wish(Verb::Promote, &half.sees().await)).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Refused { .. }]), "{stages:?}");
    hand.waits(2).await;
}

/// Paused by hand it is not promoted, and resumed it waits where it waited.
async fn by_hand(hand: &Hand<'_>, place: &str) {
    let (command, _) = hand.plans(Verb::Pause).await;
    assert_eq!(command, format!("kubectl argo rollouts pause {place}"));
    let before = hand.does(Verb::Pause).await;
    assert!(!before.seen.paused);
    let paused =
        lab::eventually("its controller has seen it", async || Some(hand.sees().await).filter(|seen| matches!(seen.progress, Progress::Paused { .. }))).await;
    hand.conflicts(Verb::Promote, &before, "paused meanwhile").await;
    let (_, made) = hand.plans(Verb::Promote).await;
    assert_eq!((made[&CheckKind::Paused].outcome, made[&CheckKind::DryRun].outcome), (Outcome::Block, Outcome::Block), "{made:#?}");
    hand.is_refused(Verb::PromoteFull, "resume it first").await;
    let (command, _) = hand.plans(Verb::Resume).await;
    assert!(command.starts_with("kubectl patch rollout/cart ") && command.ends_with(r#"'{"spec":{"paused":false}}'"#), "{command}");
    hand.does(Verb::Resume).await;
    hand.conflicts(Verb::Resume, &paused, "resumed meanwhile").await;
    hand.waits(2).await;
    // A pause that would end by itself can be ended before; after the last step there is nothing to wait for.
    hand.does(Verb::Promote).await;
    hand.is_promoted().await;
    hand.is_refused(Verb::PromoteFull, "nothing to promote").await;
}

/// What was aborted goes forward again to the same version, once.
async fn again(hand: &Hand<'_>, place: &str) {
    hand.scene.write("PATCH", "/status", &json!({ "status": { "abort": true } })).await.expect("it is aborted");
    hand.status("its controller has given up", |status| !status["abortedAt"].is_null() && status["updatedReplicas"] == 0).await;
    let (command, made) = hand.plans(Verb::Retry).await;
    assert_eq!(command, format!("kubectl argo rollouts retry rollout {place}"));
    assert!(made.values().all(|finding| finding.outcome == Outcome::Ok), "{made:#?}");
    hand.is_refused(Verb::Promote, "only a retry").await;
    let before = hand.does(Verb::Retry).await;
    assert!(before.progress.is_aborted(), "{before:?}");
    hand.waits(1).await;
    hand.conflicts(Verb::Retry, &before, "was retried meanwhile").await;
    let object = hand.scene.write("GET", "", &Value::Null).await.expect("it is there");
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["image"], "lab/app:3", "it goes forward");
}

async fn in_full(hand: &Hand<'_>, place: &str) {
    let (command, made) = hand.plans(Verb::PromoteFull).await;
    assert_eq!(command, format!("kubectl argo rollouts promote {place} --full"));
    let strategy = &made[&CheckKind::Strategy];
    assert!(strategy.outcome == Outcome::Warn && strategy.sentence.starts_with("it skips 2 steps that are left"), "{strategy:?}");
    let before = hand.does(Verb::PromoteFull).await;
    hand.conflicts(Verb::PromoteFull, &before, "promoted").await;
    hand.is_promoted().await;
    hand.conflicts(Verb::PromoteFull, &before, "was promoted meanwhile").await;
}
