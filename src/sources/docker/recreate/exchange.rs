//! One container takes the place of another.
//!
//! The new one is made first, under a name of its own, while the old one still runs: what the engine refuses then has cost nothing. Then the
//! old one is stopped, because both want the same ports and addresses, and the names change over before the new one starts. The old one is
//! kept. Until the new one is well it comes back by itself when anything fails.

use super::{
    act::made,
    body::Body,
    group::Member,
    names::{aside, next},
};
use crate::{
    clean,
    domain::{OpId, Stage},
    sources::docker::{
        container::{Check, Container, Run},
        engine::{Failed, Session},
    },
    text::Clean,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// A container without a health check must run for so long without a restart.
const STEADY: Duration = Duration::from_secs(10);
/// However its health check is made, nobody waits longer.
const LONGEST: Duration = Duration::from_secs(300);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is said that something still goes on.
const BEAT: Duration = Duration::from_secs(1);

/// Why an exchange was not made.
#[derive(Debug, PartialEq)]
pub enum Fault {
    /// The old container has run on all the time.
    Untouched(Clean),
    /// The old container was stopped. The words say whether it is back.
    Back(Clean),
    /// An answer was lost.
    Unclear(Clean),
}

/// One container that takes the place of another.
pub struct Exchange<'a> {
    /// The engine.
    pub session: &'a Session,
    /// The old one.
    pub member: &'a Member,
    /// The new one.
    pub body: &'a Body,
    /// The image that it must have.
    pub image: &'a str,
    /// The operation that does it.
    pub operation: &'a OpId,
    /// Which of several this is, for words.
    pub count: Clean,
    /// Who is told.
    pub tell: &'a UnboundedSender<Stage>,
}

/// How far it has come once the old container was stopped: what must be undone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Stopped,
    SetAside,
    InPlace,
    Started,
}

impl Exchange<'_> {
    fn name(&self) -> &str {
        super::names::apart(&self.member.lean.name).0
    }

    fn say(&self, what: Clean) {
        _ = self.tell.send(Stage::Working { what: clean!("{what}{}", self.count) });
    }

    /// Makes it, and says what the engine warned of.
    pub async fn carry_out(&self) -> Result<Vec<Clean>, Fault> {
        let (id, mut warnings) = self.make().await?;
        if let Err((reached, failed)) = self.put_into_place(&id).await {
            return Err(self.bring_back(&id, reached, failed).await);
        }
        warnings.extend(self.retire().await);
        Ok(warnings)
    }

    /// Makes the new one and has it join its networks. The old one runs on.
    async fn make(&self) -> Result<(String, Vec<Clean>), Fault> {
        let name = self.name();
        self.say(clean!("the new container of {name} is made"));
        let path = format!("/containers/create?name={}", next(name, self.operation));
        let answer = self.session.post(&path, &self.body.create).await.map_err(|failed| untouched(failed, &clean!("the new container of {name}")))?;
        let Some((id, warnings)) = made(&answer) else {
            return Err(Fault::Unclear(clean!("the engine's answer to the new container of {name} could not be read")));
        };
        let has = Member::read(self.session, &id).await.map(|member| member.lean.image_id);
        if has.as_deref() != Ok(self.image) {
            let why = has.map_or_else(|error| error.why().words, |has| clean!("the name of the image now stands for {has}"));
            return Err(self.discard(&id, why).await);
        }
        for (network, settings) in &self.body.joins {
            let joined = self.session.post(&format!("/networks/{network}/connect"), &json!({ "Container": id, "EndpointConfig": settings })).await;
            match joined {
                Ok(_) => {}
                Err(failed) if failed.answered() => return Err(self.discard(&id, failed.words()).await),
                Err(failed) => return Err(untouched(failed, &clean!("the network of the new container of {name}"))),
            }
        }
        Ok((id, warnings))
    }

    /// Removes the new one before anything was stopped.
    async fn discard(&self, id: &str, why: Clean) -> Fault {
        let left = self.session.delete(&format!("/containers/{id}?force=1")).await.err();
        let left = left.map(|_| clean!("; docker rm {} removes what was made", next(self.name(), self.operation))).unwrap_or_default();
        Fault::Untouched(clean!("{why}{left}"))
    }

    /// Stops the old one, changes the names over, starts the new one and waits until it is well.
    async fn put_into_place(&self, id: &str) -> Result<(), (Reached, Result<Clean, Failed>)> {
        let (old, name) = (&self.member.lean.id, self.name());
        let longer = stop_timeout(&self.member.whole["Config"]);
        let stop = self.ask(old, "stop", longer);
        let answered = |reached: Reached| move |failed: Failed| (reached, Err(failed));
        self.beating(clean!("{name} stops, {} s at most", longer.as_secs()), stop).await.map_err(answered(Reached::Stopped))?;
        self.say(clean!("{name} changes over"));
        self.rename(old, &aside(name, self.operation)).await.map_err(answered(Reached::Stopped))?;
        self.rename(id, name).await.map_err(answered(Reached::SetAside))?;
        let start = self.ask(id, "start", Duration::ZERO);
        self.beating(clean!("{name} starts"), start).await.map_err(answered(Reached::InPlace))?;
        self.well(id).await.map_err(|why| (Reached::Started, why))
    }

    async fn ask(&self, id: &str, what: &str, longer: Duration) -> Result<(), Failed> {
        self.session.command(&format!("/containers/{id}/{what}"), longer).await
    }

    async fn rename(&self, id: &str, name: &str) -> Result<(), Failed> {
        self.ask(id, &format!("rename?name={name}"), Duration::ZERO).await
    }

    /// Says now and then that it still goes on, until `what` is over.
    async fn beating<T>(&self, says: Clean, what: impl Future<Output = T>) -> T {
        let (mut what, began) = (std::pin::pin!(what), Instant::now());
        self.say(says.clone());
        loop {
            match tokio::time::timeout(BEAT, what.as_mut()).await {
                Ok(done) => return done,
                Err(_) => self.say(clean!("{says}: {} s so far", began.elapsed().as_secs())),
            }
        }
    }

    /// Waits until the new one is well, or says why it is not. A connection that breaks on the way is asked again until the deadline: reading
    /// changes nothing.
    async fn well(&self, id: &str) -> Result<(), Result<Clean, Failed>> {
        let (began, mut said) = (Instant::now(), None);
        loop {
            let read = Member::read(self.session, id).await;
            let within = read.as_ref().map_or(LONGEST, |member| patience(&member.whole["Config"]["Healthcheck"]));
            match read.map(|member| judge(&member.lean, began.elapsed())) {
                Ok(Judged::Well) => return Ok(()),
                Ok(Judged::Ill(why)) => return Err(Ok(why)),
                Ok(Judged::Waits(what)) if began.elapsed() < within => {
                    let so_far = clean!("{} {what}: {} s, {} s at most", self.name(), began.elapsed().as_secs(), within.as_secs());
                    if said.as_ref() != Some(&so_far) {
                        self.say(so_far.clone());
                        said = Some(so_far);
                    }
                }
                Ok(Judged::Waits(_)) => return Err(Ok(clean!("it was not healthy within {} s", within.as_secs()))),
                Err(error) if began.elapsed() >= LONGEST => return Err(Err(Failed { code: None, error })),
                Err(error) => self.say(clean!("{} is looked at again: {error}", self.name())),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Takes back what was done after the old one was stopped. A lost answer ends it: nobody knows what the engine has then.
    async fn bring_back(&self, id: &str, reached: Reached, failed: Result<Clean, Failed>) -> Fault {
        let name = self.name();
        let why = match failed {
            Ok(why) => clean!("the new container of {name}: {why}"),
            Err(failed) if !failed.answered() => return Fault::Unclear(clean!("{}; {}", failed.words(), self.by_hand())),
            Err(failed) => failed.words(),
        };
        self.say(clean!("the old container of {name} is brought back: {why}"));
        match self.undo(id, reached).await {
            Ok(()) if ran(&self.member.lean) => Fault::Back(clean!("{why}; the old container is back and was started again")),
            Ok(()) => Fault::Back(clean!("{why}; the old container is back, stopped as it was")),
            Err(failed) if !failed.answered() => Fault::Unclear(clean!("{why}; then {}; {}", failed.words(), self.by_hand())),
            Err(failed) => Fault::Back(clean!("{why}; the old container could not be brought back: {}; {}", failed.words(), self.by_hand())),
        }
    }

    /// The new one stops and goes; the old one has its name again and starts.
    async fn undo(&self, id: &str, reached: Reached) -> Result<(), Failed> {
        let (old, name) = (&self.member.lean.id, self.name());
        if reached >= Reached::Started {
            let longer = stop_timeout(&self.body.create);
            let stopped = self.beating(clean!("the new container of {name} stops"), self.ask(id, "stop", longer)).await;
            stopped.or_else(unless_lost)?;
        }
        let path = format!("/containers/{id}?force=1");
        let gone = self.session.delete(&path);
        self.beating(clean!("the new container of {name} is removed"), gone).await.or_else(unless_lost)?;
        if reached >= Reached::SetAside {
            self.rename(old, &self.member.lean.name).await?;
        }
        if ran(&self.member.lean) {
            self.beating(clean!("the old container of {name} starts"), self.ask(old, "start", Duration::ZERO)).await?;
        }
        Ok(())
    }

    /// What a person does who finds it half-way.
    fn by_hand(&self) -> Clean {
        let name = self.name();
        clean!("docker ps -a --filter name={name} shows what there is, and a new plan says what to do")
    }

    /// The old one must not start beside the new one when the machine starts again.
    async fn retire(&self) -> Option<Clean> {
        let path = format!("/containers/{}/update", self.member.lean.id);
        let failed = self.session.post(&path, &json!({ "RestartPolicy": { "Name": "no" } })).await.err()?;
        let kept = aside(self.name(), self.operation);
        Some(clean!("{kept} may start again with the machine ({}): docker update --restart=no {kept}", failed.words()))
    }
}

/// What was asked for was refused, or nobody knows; the old container runs on.
fn untouched(failed: Failed, what: &Clean) -> Fault {
    match failed.answered() {
        true => Fault::Untouched(failed.words()),
        false => Fault::Unclear(clean!("the answer to {what} was lost, and the old one runs on: {}", failed.words())),
    }
}

/// What the engine refused to do to the new container is said by what comes next: a name that is still taken, a port.
fn unless_lost(failed: Failed) -> Result<(), Failed> {
    if failed.answered() { Ok(()) } else { Err(failed) }
}

/// Whether it ran, well or not, so that bringing it back means to start it.
fn ran(container: &Container) -> bool {
    matches!(container.run, Run::Running | Run::Restarting | Run::Paused)
}

/// How long the engine waits before it kills: the container's own setting, or its default.
pub(super) fn stop_timeout(config: &Value) -> Duration {
    // One that waits for ever would leave the service down for ever.
    let seconds = config["StopTimeout"].as_i64().map_or(10, |seconds| u64::try_from(seconds).unwrap_or(600));
    Duration::from_secs(seconds.min(600))
}

/// What a look at a new container says.
#[derive(Debug, PartialEq)]
enum Judged {
    Well,
    Ill(Clean),
    Waits(&'static str),
}

fn judge(container: &Container, since: Duration) -> Judged {
    // One that runs at this moment because the engine has started it again says nothing of itself.
    let again = || clean!("it ended, and the engine has started it again ({} times so far)", container.restarts);
    let remark = || container.remark().unwrap_or_else(again);
    if container.run != Run::Running || container.restarts > 0 {
        return Judged::Ill(remark());
    }
    match &container.check {
        Check::Healthy => Judged::Well,
        Check::Unhealthy { .. } => Judged::Ill(remark()),
        Check::Starting => Judged::Waits("is not healthy yet"),
        Check::None if since >= STEADY => Judged::Well,
        Check::None => Judged::Waits("must run on, it has no check"),
    }
}

/// How long its health check may take until the engine itself calls it unhealthy, and a little more.
fn patience(check: &Value) -> Duration {
    let nanos = |key: &str, or: u64| Duration::from_nanos(check[key].as_u64().filter(|nanos| *nanos > 0).unwrap_or(or * 1_000_000_000));
    if check["Test"].as_array().is_none_or(|test| test.is_empty() || test[0] == "NONE") {
        return STEADY + Duration::from_secs(5);
    }
    let tries = u32::try_from(check["Retries"].as_u64().filter(|tries| *tries > 0).unwrap_or(3)).unwrap_or(u32::MAX);
    let each = nanos("Interval", 30) + nanos("Timeout", 30);
    (nanos("StartPeriod", 0) + each.saturating_mul(tries.saturating_add(1))).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(run: Run, check: Check, restarts: u32) -> Container {
        Container { run, check, restarts, ..Container::default() }
    }

    #[test]
    fn a_new_container_is_well_when_its_check_says_so_or_when_it_has_run_on() {
        let second = Duration::from_secs(1);
        assert_eq!(judge(&one(Run::Running, Check::Healthy, 0), second), Judged::Well);
        assert_eq!(judge(&one(Run::Running, Check::None, 0), STEADY), Judged::Well);
        assert!(matches!(judge(&one(Run::Running, Check::None, 2), STEADY), Judged::Ill(why) if why.contains("started it again (2 times")));
        assert!(matches!(judge(&one(Run::Running, Check::None, 0), second), Judged::Waits(_)));
        assert!(matches!(judge(&one(Run::Running, Check::Starting, 0), STEADY), Judged::Waits(_)));
        let ill = Check::Unhealthy { streak: 3, said: Clean::EMPTY };
        for bad in [one(Run::Running, ill, 0), one(Run::Running, Check::None, 1), one(Run::Restarting, Check::None, 1), one(Run::Ended, Check::None, 0)] {
            assert!(matches!(judge(&bad, STEADY), Judged::Ill(_)), "{bad:?}");
        }
    }

    #[test]
    fn patience_follows_the_health_check_and_has_an_end() {
        let check = |start: u64, interval: u64, retries: u64| {
            let nanos = |seconds: u64| seconds * 1_000_000_000;
            json!({ "Test": ["CMD", "/ok"], "StartPeriod": nanos(start), "Interval": nanos(interval), "Timeout": nanos(1), "Retries": retries })
        };
        assert_eq!(patience(&check(5, 2, 3)), Duration::from_secs(17));
        assert_eq!(patience(&json!({ "Test": ["CMD", "/ok"] })), Duration::from_secs(240));
        assert_eq!(patience(&check(3000, 2, 3)), LONGEST);
        assert_eq!(patience(&json!(null)), STEADY + Duration::from_secs(5));
        assert_eq!(patience(&json!({ "Test": ["NONE"] })), STEADY + Duration::from_secs(5));
    }

    #[test]
    fn stopping_takes_as_long_as_the_container_may() {
        assert_eq!(stop_timeout(&json!({})), Duration::from_secs(10));
        assert_eq!(stop_timeout(&json!({ "StopTimeout": 0 })), Duration::ZERO);
        assert_eq!(stop_timeout(&json!({ "StopTimeout": -1 })), Duration::from_secs(600));
    }
}
