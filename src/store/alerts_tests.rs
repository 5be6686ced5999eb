use super::*;
use crate::{
    domain::{Batch, Feed, Id, Labels, Rule},
    store::fixture::{World, ago, alert, now, revision, workload},
};

const CART: &[(&str, &str)] = &[("namespace", "shop"), ("app", "cart"), ("cluster", "prod")];

fn silenced(mut row: Alert) -> Alert {
    row.state = AlertState::Silenced { by: Clean::EMPTY, until: None };
    row
}

fn rule(name: &str, limit: Option<f64>) -> Rule {
    Rule {
        id: Id::new(&SourceId::new("prometheus"), name),
        name: Name::new(name),
        state: Ok(Clean::EMPTY),
        expression: Clean::EMPTY,
        limit,
        holds: 60.0,
        labels: Labels::default(),
    }
}

#[test]
fn one_alert_of_two_reporters_is_one_row() {
    let world =
        World::new().alerts("alertmanager/a", [alert("alertmanager/a", "f1", "X", CART)]).alerts("alertmanager/b", [alert("alertmanager/b", "f1", "X", CART)]);
    let view = world.0.alerts();
    assert_eq!(view.rows.len(), 1);
    assert_eq!(view.rows[0].reporters.len(), 2);
    assert_eq!(view.firing, Some(1));
}

#[test]
fn a_silence_that_prometheus_can_not_know_counts_and_one_of_two_alertmanagers_does_not() {
    let quiet =
        World::new().alerts("alertmanager", [silenced(alert("alertmanager", "f1", "X", CART))]).alerts("prometheus", [alert("prometheus", "f1", "X", CART)]);
    assert_eq!((quiet.0.alerts().firing, quiet.0.alerts().silenced), (Some(0), 1));
    let loud = World::new()
        .alerts("alertmanager/a", [silenced(alert("alertmanager/a", "f1", "X", CART))])
        .alerts("alertmanager/b", [alert("alertmanager/b", "f1", "X", CART)]);
    assert_eq!((loud.0.alerts().firing, loud.0.alerts().silenced), (Some(1), 0));
}

#[test]
fn what_fires_stands_above_what_is_silenced_and_the_worse_above_the_less_bad() {
    let mut mild = alert("am", "f2", "Mild", CART);
    mild.severity = Severity::Warning;
    let world = World::new().alerts("am", [silenced(alert("am", "f1", "Quiet", CART)), mild, alert("am", "f3", "Bad", CART)]);
    let names: Vec<String> = world.0.alerts().rows.iter().map(|row| row.alert.name.raw().to_owned()).collect();
    assert_eq!(names, ["Bad", "Mild", "Quiet"]);
}

#[test]
fn the_watchdog_is_no_alert_and_its_absence_is_noticed() {
    let watchdog = || alert("am", "w", "Watchdog", &[]);
    let world = World::new().alerts("am", [watchdog()]);
    assert!(world.0.alerts().rows.is_empty());
    assert_eq!(world.0.alerts().watchdog, Watchdog::Quiet);
    let world = world.alerts("am", []);
    assert_eq!(world.0.alerts().watchdog, Watchdog::Missing { heard: Some(now()), source: SourceId::new("am") });
    let ruled = World::new().alerts("am", []).tell(&SourceId::new("prometheus"), &Feed::Rules, Batch::list([rule("Watchdog", None)]));
    assert_eq!(ruled.0.alerts().watchdog, Watchdog::Missing { heard: None, source: SourceId::new("am") });
    assert_eq!(World::new().alerts("am", []).0.alerts().watchdog, Watchdog::Quiet, "nobody set one up");
}

#[test]
fn the_nearest_change_is_that_of_the_service_where_it_burns() {
    let mut cart = workload("prod", "shop", "cart");
    cart.revision = Some(42);
    cart.changed = Some(ago(300));
    let (mut new, mut old) = (revision(&cart, 42, 2), revision(&cart, 41, 4));
    new.created = Some(ago(300));
    old.created = Some(ago(9 * 86_400));
    let mut search = workload("prod", "shop", "search");
    search.changed = Some(ago(130));
    let mut elsewhere = workload("staging", "shop", "cart");
    elsewhere.changed = Some(ago(125));
    let world = World::new()
        .workloads("prod", [cart, search])
        .workloads("staging", [elsewhere])
        .revisions("prod", [new, old])
        .alerts("am", [alert("am", "f1", "CartErrorRate", CART)]);
    let row = world.0.alerts().rows.remove(0);
    let nearest = row.nearest.expect("something changed before");
    assert_eq!(&*nearest.words(), "cart 41.0 → 42.0");
    let all: Vec<String> = world.0.changes_before(ago(120), SignedDuration::from_hours(1)).iter().map(|e| e.words().as_str().to_owned()).collect();
    assert_eq!(all, ["cart 1.0", "search 1.0", "cart 41.0 → 42.0"], "the list is by nearness alone");
}

#[test]
fn a_change_after_the_alert_is_not_its_nearest() {
    let mut cart = workload("prod", "shop", "cart");
    cart.changed = Some(ago(60));
    let world = World::new().workloads("prod", [cart]).alerts("am", [alert("am", "f1", "X", CART)]);
    assert_eq!(world.0.alerts().rows[0].nearest, None);
}

#[test]
fn a_value_reads_beside_its_limit() {
    let mut row = alert("am", "f1", "CartErrorRate", CART);
    row.value = Some(0.174);
    let rules = Batch::list([rule("CartErrorRate", Some(0.05))]);
    let world = World::new().alerts("am", [row]).tell(&SourceId::new("prometheus"), &Feed::Rules, rules);
    assert_eq!(world.0.alerts().rows[0].value_words().as_deref(), Some("17.4 % > 5 %"));
}

#[test]
fn until_every_source_has_told_its_list_the_count_is_unknown() {
    let mut world = World::new();
    world.0.link(&SourceId::new("am"), &Feed::Alerts, crate::domain::Link::Connecting);
    assert_eq!(world.0.alerts().firing, None);
    assert_eq!(World::new().0.alerts().firing, None, "with no source of alerts nothing is known either");
}
