//! What a restart has lost, and what can not be read: neither is passed over in silence.

use super::{
    stand_in::Jenkins,
    with_history,
    world::{Build, FREESTYLE, Flow, PIPELINE, Plugins},
};
use crate::{github::seen::Seen, script::Script};
use pilothouse::domain::Feed;
use serde_json::json;

/// `pilothouse watch` of this run.
fn watch(jenkins: &Jenkins, run: &str) -> Script {
    let table = format!("[[source]]\nkind = 'jenkins'\nurl = '{}'\nusername = 'kim'\ntoken_command = ['echo', 't0ken']\n", jenkins.url);
    Script::new(&table, None, &["watch", "--json", "--within", "10m", run])
}

/// A pipeline whose execution was not kept goes on to be called building; a freestyle build ends without a result. One that fetches its Jenkinsfile goes on.
#[tokio::test]
async fn a_build_that_a_restart_has_lost_is_told_as_that() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        with_history(world, vec![Build::running(43)]);
        world.add("nightly", FREESTYLE, vec![Build::running(7)]);
        world.add("slow", PIPELINE, vec![Build { flow: Flow::Begins, ..Build::running(9) }]);
    });
    let source = jenkins.source("");
    let mut runs = Seen::new(&source, Feed::Runs);
    let words = |seen: &Seen| [43, 7, 9].map(|number| seen.run(number).map(|run| run.status.word().to_string()).unwrap_or_default());
    runs.until("that they run", |seen| (words(seen) == ["running"; 3]).then_some(())).await;
    // Each was read as often as what a build is made of is looked for.
    for _ in 0..8 {
        runs.look().await;
    }
    jenkins.with(|world| {
        world.build("shop/cart", 43).flow = Flow::Lost;
        world.build("nightly", 7).building = false;
    });
    runs.until("that two are lost", |seen| (words(seen) == ["lost", "lost", "running"]).then_some(())).await;
    let run = runs.run(43).expect("told");
    assert!(run.status.over() && run.ended.is_none(), "when it ended nobody knows: {run:?}");
    jenkins.with(|world| world.build("slow", 9).flow = Flow::Goes);
    for _ in 0..3 {
        runs.look().await;
    }
    assert_eq!(words(&runs), ["lost", "lost", "running"]);
}

/// A script that follows one is told with 2, and so is one that follows what is taken out of the queue.
#[tokio::test]
async fn a_script_waits_for_nothing_that_is_lost() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        with_history(world, vec![Build::running(43)]);
        world.add("nightly", FREESTYLE, vec![Build::over(6, "SUCCESS")]);
        world.waits(77, "nightly", "Waiting for next available executor");
    });
    let (mut lost, mut taken) = (watch(&jenkins, "43"), watch(&jenkins, "nightly#7"));
    lost.says("running").await;
    taken.says("queued").await;
    jenkins.with(|world| {
        world.build("shop/cart", 43).flow = Flow::Lost;
        world.queue.clear();
    });
    let ((code, said), (gone, words)) = tokio::join!(lost.ended(), taken.failed());
    assert_eq!((code, &said["status"]), (Some(2), &json!("lost")), "{said}");
    assert!(gone == Some(2) && words.contains("taken out of the queue"), "{gone:?} {words}");
}

#[tokio::test]
async fn what_can_not_be_read_of_a_list_is_counted_and_the_rest_is_there() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        with_history(world, vec![Build::over(1, "SUCCESS"), Build { odd: true, ..Build::over(2, "SUCCESS") }, Build::over(3, "FAILURE")]);
        world.add("nightly", FREESTYLE, Vec::new());
        world.waits(77, "nightly", "busy");
        world.queue.push(json!({ "id": "seventy-eight" }));
    });
    let source = jenkins.source("");
    let mut runs = Seen::new(&source, Feed::Runs);
    let lacks = |words: &str| source.offers().lacks.iter().any(|lack| lack.contains(words));
    runs.until("what can not be read of the builds", |_| lacks("shop/cart: 1 of 3 rows can not be read").then_some(())).await;
    runs.until("what can not be read of the queue", |_| lacks("the queue: 1 of 2 rows can not be read").then_some(())).await;
    assert!(runs.run(3).is_some() && runs.runs.len() == 3 && runs.run(2).is_none(), "{:?}", runs.runs);
    jenkins.with(|world| {
        world.queue.pop();
        world.build("shop/cart", 2).odd = false;
        world.begin("shop/cart", Build::over(4, "SUCCESS"));
    });
    runs.until("that it is whole again", |seen| (seen.run(2).is_some() && !lacks("can not be read")).then_some(())).await;
}
