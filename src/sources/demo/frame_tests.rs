//! The frames of the design, out of the facts of the incident.

use super::{Scenario, World};
use crate::{
    domain::{AlertState, Change, Fact, Feed, Id, Link, LogTarget, Offers, RunStatus, SourceId, Tier, Workload},
    store::{self, EnvironmentMatch, EnvironmentRule, ErrorRate, Limits, Rules, Store},
    text::Name,
};
use jiff::{SignedDuration, Timestamp};

pub(super) fn incident() -> World {
    World::new(&Scenario::named("incident").expect("embedded and right"), 7)
}

pub(super) fn clock(world: &World, time: &str) -> Timestamp {
    let day = world.scenario().start().strftime("%Y-%m-%d").to_string();
    format!("{day}T{time}Z").parse().expect("a time of the night")
}

/// Everything the sources say at `at`, as a console believes it that was there all the time.
pub(super) fn believed(world: &World, at: Timestamp) -> Store {
    let rule = |rule: &crate::domain::EnvironmentRule| EnvironmentRule {
        name: rule.name.clone(),
        tier: rule.tier.expect("declared"),
        matches: rule
            .matches
            .iter()
            .map(|m| EnvironmentMatch { context: m.context.clone(), namespace: m.namespace.clone(), ..EnvironmentMatch::default() })
            .collect(),
    };
    let environments = world.scenario().environments().iter().map(rule).collect();
    let mut store = Store::new(Rules { environments, ..Rules::guessing(|_| (Name::new("guessed"), Tier::Production)) });
    for (source, _, _) in world.sources() {
        for feed in [Feed::Workloads, Feed::Nodes, Feed::Pods(crate::domain::Scope::All), Feed::Runs, Feed::Alerts, Feed::Rules, Feed::Samples] {
            if !world.offers(&source).feeds.contains(&feed.kind()) {
                continue;
            }
            let outage = world.outage(&source, at);
            let told = outage.as_ref().map_or(at, |outage| outage.since);
            store.link(&source, &feed, Link::Live { offers: Offers::default(), synced: true });
            for fact in world.facts(&source, &feed, told) {
                store.apply(&source, &feed, fact, told);
            }
            if let Some(outage) = outage {
                let why = crate::domain::Why { trouble: crate::domain::Trouble::Unreachable, words: outage.says };
                store.link(&source, &feed, Link::Retrying { at: outage.next_try, since: Some(outage.since), why });
            }
        }
    }
    store
}

fn cart(world: &World) -> Id<Workload> {
    world.units.iter().find(|unit| unit.service == "cart" && unit.environment == "production").expect("it runs").id.clone()
}

#[test]
fn the_matrix_is_the_one_of_the_first_frame() {
    let world = incident();
    let now = world.scenario().opens();
    let matrix = believed(&world, now).matrix(now);
    let cell = |cell: &store::Cell| {
        let mark = if cell.differs { " ≠" } else { "" };
        let state = match &cell.state {
            store::CellState::Stuck { fresh, wanted } => format!("stuck {fresh}/{wanted}"),
            store::CellState::Rolling { fresh, wanted } => format!("rolling {fresh}/{wanted}"),
            store::CellState::Stale { since } => format!("stale {}", store::words::short(now.duration_since(since.expect("told once")))),
            other => other.word().to_owned(),
        };
        format!("{}{mark} {state}", cell.version)
    };
    let rows = matrix.rows.iter().map(|row| {
        let cells: Vec<String> = row.cells.iter().map(cell).collect();
        let leading = row.leading().expect("it runs somewhere");
        let (ready, wanted) = leading.serving.expect("counted");
        let errors = match &row.errors {
            ErrorRate::NoQuery => "no query".to_owned(),
            ErrorRate::NoTraffic => "no traffic".to_owned(),
            ErrorRate::Known(series) => {
                let top = series.buckets.iter().flatten().copied().fold(0.05, f64::max);
                let spark: String = series
                    .buckets
                    .iter()
                    .map(|bucket| bucket.map_or('·', |value| ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][(value / top * 8.0).min(7.0) as usize]))
                    .collect();
                format!("{spark} {:.1} %", series.now * 100.0)
            }
        };
        let age = store::words::short(now.duration_since(leading.changed.expect("known")));
        format!("{} | {} | {ready}/{wanted} | {errors} | {age}", row.service, cells.join(" | "))
    });
    let rows: Vec<String> = rows.collect();
    let names: Vec<&str> = matrix.columns.iter().map(|column| column.environment.name.raw()).collect();
    assert_eq!(names, ["development", "testing", "staging", "production"]);
    assert_eq!(&*matrix.totals.words(), "14 services · 1 stuck · 1 rolling · 12 ok");
    assert_eq!(
        rows[..10],
        [
            "cart | 2.8.0 ok | 2.8.0 ok | 2.8.0 ok | 2.7.3 → 2.8.0 stuck 2/6 | 6/6 | ▁▁▁▁▁▁▁▁▅█ 17.4 % | 6m",
            "payments | 8.0.4 → 8.1.0 rolling 2/3 | 8.0.4 ok | 8.0.4 ok | 8.0.4 ok | 8/8 | ▁▁▁▁▁▁▁▁▁▁ 0.1 % | 2d",
            "search | 101.2 ok | 101.2 ok | 101.2 ≠ ok | 101.2 ok | 4/4 | ▁▁▂▁▁▁▁▁▁▁ 0.3 % | 9d",
            "checkout | 3.12.0 ok | 3.12.0 ok | 3.12.0 ok | 3.12.0 ok | 6/6 | ▁▁▁▁▁▁▁▁▂▂ 0.9 % | 3d",
            "accounts | 1.44.1 ok | 1.44.1 ok | 1.44.0 ok | 1.44.0 ok | 3/3 | ▁▁▁▁▁▁▁▁▁▁ 0.0 % | 4d",
            "catalog | 5.3.0 ok | 5.3.0 ok | 5.2.9 ok | 5.2.9 ok | 12/12 | ▁▁▁▁▁▁▁▁▁▁ 0.1 % | 6d",
            "gateway | 2.0.7 ok | 2.0.7 ok | 2.0.7 ok | 2.0.7 ok | 9/9 | ▁▁▁▁▁▁▁▁▁▂ 0.6 % | 11d",
            "mailer | 0.9.4 ok | 0.9.4 ok | 0.9.4 stale 4m | 0.9.3 ok | 2/2 | no query | 12d",
            "pricing | 7.1.1 ok | 7.1.1 ok | 7.1.1 ok | 7.1.1 ok | 4/4 | ▁▁▁▁▁▁▁▁▁▁ 0.0 % | 15d",
            "reports | 3e9f1a2 ok | 3e9f1a2 ok |  absent | 77c04d1 ok | 1/1 | no query | 21d",
        ]
    );
    assert_eq!(rows.len(), 14);
}

#[test]
fn the_detail_of_cart_is_the_one_of_the_first_frame() {
    let world = incident();
    let now = world.scenario().opens();
    let store = believed(&world, now);
    let environment = store.environment("production").expect("known").clone();
    let detail = store.cell_detail(&Name::new("cart"), &environment, Limits::default(), now).expect("it runs");
    let live = |live: &store::Live| {
        let errors = match &live.errors {
            ErrorRate::Known(series) => format!("{:.1} %", series.now * 100.0),
            ErrorRate::NoQuery | ErrorRate::NoTraffic => "?".to_owned(),
        };
        let since = store::words::long(now.duration_since(live.since.expect("known")));
        format!("{} r{} {} ready {} crashing {errors} {since}", live.version, live.revision.expect("numbered"), live.ready, live.sick)
    };
    assert_eq!(detail.live.iter().map(live).collect::<Vec<_>>(), ["2.7.3 r41 4 ready 0 crashing 0.2 % 9 d", "2.8.0 r42 2 ready 1 crashing 51.8 % 6 min"]);
    let (since, sentence) = detail.trouble.expect("stuck");
    assert_eq!((since.expect("known").strftime("%H:%M").to_string().as_str(), &*sentence), ("02:55", "1 new pod never became ready"));
    let (pod, says) = detail.witness.expect("it crashes");
    assert_eq!((&*pod, &*says), ("cart-6b9d-x7k2p", "exit 1, 5 restarts"));
    assert_eq!(detail.pointing.sentence().map(|sentence| sentence.as_str()), Some("points to 2.8.0: only it errs"));
}

#[test]
fn alerts_and_the_changes_before_them_are_those_of_the_first_frame() {
    let world = incident();
    let now = world.scenario().opens();
    let store = believed(&world, now);
    let view = store.alerts();
    let row = |row: &store::AlertRow| {
        let since = store::words::short(now.duration_since(row.alert.since.expect("fires")));
        format!("{} {} {} {since}", row.alert.severity.word(), row.alert.name, row.value_words().unwrap_or_else(|| row.alert.summary.clone()))
    };
    let firing: Vec<String> = view.rows.iter().filter(|row| row.alert.state == AlertState::Firing).map(row).collect();
    assert_eq!(firing, ["critical CartErrorRate 17.4 % > 5 % 2m", "warning CartPodCrashing 5 in 5 min 4m"]);
    assert_eq!((view.firing, view.silenced, view.inhibited), (Some(2), 1, 0));
    let since = view.rows[0].alert.since.expect("fires");
    assert_eq!(since.strftime("%H:%M").to_string(), "02:57");
    assert_eq!(&*view.rows[0].nearest.as_ref().expect("a deploy").nearest_words(since), "Nearest change: 2.7.3 → 2.8.0, 3 min before");
    let changes = store.changes_before(since, SignedDuration::from_hours(2));
    let change = |change: &store::Happened| {
        let run = change.run.as_ref().map(|(_, called)| format!(" run {called}")).unwrap_or_default();
        let place = change.environment.as_ref().map(|environment| environment.name.raw().to_owned()).unwrap_or_default();
        format!("{} {} {place}{run}", store::words::long(since.duration_since(change.at)), change.words())
    };
    assert_eq!(
        changes.iter().map(change).take(3).collect::<Vec<_>>(),
        ["3 min cart 2.7.3 → 2.8.0 production run #311", "17 min payments: settings staging", "26 min node eu-4 joined production"]
    );
}

#[test]
fn runs_and_gates_are_those_of_the_first_frame() {
    let world = incident();
    let now = world.scenario().opens();
    let github = SourceId::new("demo/github");
    let runs = world.runs(&github, now);
    let of = |number: u64| runs.iter().find(|run| run.number == number);
    let gates = |number: u64| -> Vec<String> {
        let jobs = world.jobs(&github, &of(number).expect("it ran").id, now);
        let gate = |job: &crate::domain::Job| Some(format!("{} {}", job.gate?.word(), job.status.word()));
        jobs.iter().filter_map(gate).collect()
    };
    let cart = of(311).expect("it ran");
    assert_eq!((&cart.status, &*store::words::short(now.duration_since(cart.ended.expect("over")))), (&RunStatus::Failed, "1m"));
    assert_eq!(gates(311), ["build ok", "security ok", "deploy failed"]);
    let payments = of(88).expect("it runs");
    assert_eq!((&payments.status, now.duration_since(payments.started.expect("began")).as_secs(), payments.usual), (&RunStatus::Running, 200, Some(300)));
    assert_eq!(gates(88), ["build ok", "security running", "deploy queued"]);
    let catalog = of(940).expect("it ran");
    assert_eq!((&catalog.status, &*store::words::short(now.duration_since(catalog.ended.expect("over")))), (&RunStatus::Success, "22m"));
    assert_eq!(gates(940), ["build ok", "deploy ok"]);
    assert_eq!(of(312), None, "the run that waits for approval comes later");
    assert_eq!(world.offers(&github).budget.as_deref(), Some("4,912 left"));
}

/// The lines of cart in production as a log view folds them, from a minute before the deploy.
fn folded(world: &World, at: Timestamp) -> Vec<String> {
    let target = LogTarget::Workload { workload: cart(world), since: Some(clock(world, "02:53:10")) };
    let mut streams = std::collections::BTreeMap::new();
    let mut rows: Vec<(String, u32)> = Vec::new();
    let mut last = String::new();
    for fact in world.facts(&SourceId::new("demo/prod-eu"), &Feed::Logs(target), at) {
        match fact {
            Fact::Stream(stream) => drop(streams.insert(stream.id.clone(), stream)),
            Fact::Lines(id, lines) => {
                let stream = &streams[&id];
                for line in lines.iter().filter(|_| !stream.sidecar) {
                    let pod = stream.pod.rsplit('-').next().unwrap_or_default();
                    let what = format!("{}  {pod}  {:<5}  {}", stream.version, line.level.word(), line.text.text);
                    match rows.last_mut() {
                        Some((_, count)) if last == what => *count += 1,
                        _ => rows.push((format!("{}  {what}", line.at.expect("stamped").strftime("%H:%M:%S")), 1)),
                    }
                    last = what;
                }
            }
            _ => {}
        }
    }
    rows.into_iter().map(|(row, count)| if count > 1 { format!("{row}   × {count}") } else { row }).collect()
}

#[test]
fn the_log_is_the_one_of_the_first_frame() {
    let world = incident();
    assert_eq!(
        folded(&world, world.scenario().opens()),
        [
            "02:53:58  2.7.3  m4h9q  INFO   priced 12 items in 9 ms",
            "02:54:02  2.7.3  zt5kw  INFO   priced 3 items in 4 ms",
            "02:54:31  2.8.0  x7k2p  ERROR  unknown currency \"\"",
            "02:54:31  2.8.0  x7k2p  ERROR  exit 1 at price.rs:88",
            "02:54:40  2.8.0  p9w3d  ERROR  unknown currency \"\"   × 96",
            "02:55:02  2.8.0  t2c8f  ERROR  unknown currency \"\"   × 117",
            "02:59:58  2.7.3  m4h9q  INFO   priced 8 items in 7 ms",
            "03:00:12  2.8.0  p9w3d  ERROR  unknown currency \"\"   × 31",
        ]
    );
}

#[test]
fn the_links_are_those_of_the_first_frame() {
    let world = incident();
    let now = world.scenario().opens();
    let down: Vec<(String, i64)> = world
        .sources()
        .iter()
        .filter_map(|(source, _, _)| Some((source.to_string(), world.outage(source, now)?.next_try.duration_since(now).as_secs())))
        .collect();
    assert_eq!(down, [("demo/alertmanager-b".to_owned(), 14), ("demo/docker-staging".to_owned(), 20)]);
}

#[test]
fn cart_in_production_has_seven_pods() {
    let world = incident();
    let pods = world.facts(&SourceId::new("demo/prod-eu"), &Feed::Pods(crate::domain::Scope::Workload(cart(&world))), world.scenario().opens());
    let mut names: Vec<String> =
        pods.iter().filter_map(|fact| if let Fact::Pod(Change::Upsert(pod)) = fact { Some(pod.name.raw().to_owned()) } else { None }).collect();
    names.sort();
    let target = LogTarget::Workload { workload: cart(&world), since: Some(clock(&world, "02:53:10")) };
    let streams = world.facts(&SourceId::new("demo/prod-eu"), &Feed::Logs(target), world.scenario().opens());
    let heard = streams.iter().filter(|fact| matches!(fact, Fact::Stream(stream) if !stream.sidecar)).count();
    assert_eq!(heard, 7, "a pod that has gone can not be listened to any more");
    assert_eq!(names, ["cart-5c7d-d8s6j", "cart-5c7d-m4h9q", "cart-5c7d-r2v4c", "cart-5c7d-zt5kw", "cart-6b9d-p9w3d", "cart-6b9d-t2c8f", "cart-6b9d-x7k2p"]);
}
