//! What the screens must say, and must not, at every size and in every story.

use crate::stage::{Scene, Stage, stage};
use pilothouse::{
    app::{Effect, Event, Known},
    domain::{Down, Feed, FeedKind, Link, Member, Offers, SourceId, Trouble, Why},
    text::Clean,
    theme::Role,
};

const STORIES: [&str; 4] = ["incident", "node-down", "blind", "quiet"];
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn incident() -> Stage {
    stage("incident")
}

fn copied(scene: &Scene) -> Vec<String> {
    let lines = scene.theatre.wanted.iter().filter_map(|effect| if let Effect::Copy(lines) = effect { Some(lines) } else { None });
    lines.flatten().map(Clean::to_string).collect()
}

fn leaves(scene: &Scene) -> bool {
    scene.theatre.wanted.iter().any(|effect| matches!(effect, Effect::Quit(_)))
}

fn retrying(scene: &Scene, seconds: i64) -> Link {
    let at = scene.app.now.wall + jiff::SignedDuration::from_secs(seconds);
    Link::Retrying { at, since: None, why: Why { trouble: Trouble::Unreachable, words: "10.0.0.1:6443 refuses the connection".into() } }
}

#[test]
fn those_whom_a_dead_node_takes_with_it_are_its_victims_and_not_red() {
    let scene = stage("node-down").play();
    scene.says(&["14 services · 2 stuck · 12 victims of eu-4"]).hides(&["✗ failing"]);
    assert!(scene.row(" cart ").contains("2.8.0 ! victim of eu-4"), "{}", scene.row(" cart "));
    assert!(!scene.role_of("victims of eu-4").contains(&Role::Critical), "the count in the title: {:?}", scene.role_of("victims of eu-4"));
    assert!(!scene.role_of("! victim of eu-4").contains(&Role::Critical), "{:?}", scene.role_of("! victim of eu-4"));
    assert!(scene.row(" reviews ").contains("✗ stuck"), "a release that fails by itself is no victim");
}

#[test]
fn the_cell_of_a_victim_says_that_a_rollback_will_not_help() {
    stage("node-down").keys("/cart<enter>").play().says(&["victim of eu-4", "a rollback will not help"]).hides(&["R  roll back cart"]);
}

#[test]
fn a_release_is_verified_everywhere_as_long_as_its_screen_is_open() {
    let mut scene = incident().size(120, 40).keys("v").play();
    scene.says(&["Verifying cart", "expected  2.8.0  the newest in development", "0 of 4 verified"]);
    scene.go("<wait:100s>").says(&["3 of 4 verified", "✓ VERIFIED", "✗ NOT VERIFIED"]);
    scene.go("jj").says(&["cart in staging", "smoke     1 request as expected"]);
    scene.go("j").says(&["cart in production", "smoke     sent once the pods are ready", "alerts    CartErrorRate fires"]);
    assert_eq!(scene.app.verifying.len(), 4);
    scene.go("<esc>").hides(&["Verifying cart"]);
    assert!(scene.app.verifying.is_empty(), "nobody looks any more, and nothing is asked");
    scene.go("-").says(&["Verifying cart", "0 of 4 verified"]);
}

#[test]
fn an_environment_without_a_column_is_counted_with_what_is_wrong_in_it() {
    let scene = incident().size(80, 24).play();
    scene.says(&["PRODUCTION", "+3 environments: 1 rolling, 1 stale"]).hides(&[" staging "]);
    let payments = scene.row(" payments ");
    assert!(payments.contains('↻'), "the row says where it rolls: {payments}");
    let staging = incident().size(80, 24).keys("<left>").play();
    staging.says(&["staging", "PRODUCTION", "+2 environments"]);
    stage("node-down").size(80, 24).play().says(&["+1 staging: ✓ all ok"]);
    incident().play().hides(&["+1", "+2", "+3"]);
}

#[test]
fn at_80_columns_the_header_still_says_which_sources_are_in_trouble() {
    let header = |stage: Stage| stage.play().text().lines().next().unwrap_or_default().to_owned();
    let narrow = header(incident().size(80, 24));
    for words in ["docker ◐ 1 of 2", "alerts ◐ 1 of 2", "PRODUCTION locked", "▲1 △1", "03:00 UTC"] {
        assert!(narrow.contains(words), "{words}: {narrow}");
    }
    assert!(header(stage("quiet").size(120, 40)).contains("k8s ● github ● prom ● alerts ●"));
}

#[test]
fn one_of_several_servers_behind_a_source_is_missed_in_the_header_and_at_the_foot() {
    let mut scene = stage("quiet").play();
    let now = scene.app.now.wall;
    let down =
        |words: &'static str| Down { words: words.into(), since: now - jiff::SignedDuration::from_secs(53), next: now + jiff::SignedDuration::from_secs(14) };
    let members = vec![
        Member { name: "alertmanager-a".into(), down: None },
        Member { name: "alertmanager-b".into(), down: Some(down("alertmanager-b does not answer")) },
    ];
    let offers = Offers { feeds: [FeedKind::Alerts].into(), members, ..Offers::default() };
    let source = SourceId::new("alertmanager");
    scene.told(Event::Known(source.clone(), Ok(Known::Ready(offers.clone()))));
    scene.told(Event::Link(source, Feed::Alerts, Link::Live { offers, synced: true }));
    scene.says(&["alerts ◐ 3 of 4", "alertmanager-b does not answer, next try in 14 s, down 53 s"]);
}

#[test]
fn when_a_source_is_tried_again_is_said_however_long_its_words_are() {
    let mut scene = stage("quiet").size(80, 24).play();
    let words = "https://prometheus.monitoring.example.internal:9090/prometheus does not answer within 10 s: connection timed out";
    let at = scene.app.now.wall + jiff::SignedDuration::from_secs(18);
    let why = Why { trouble: Trouble::Unreachable, words: words.into() };
    scene.told(Event::Link(SourceId::new("prometheus"), Feed::Samples, Link::Retrying { at, since: Some(scene.app.now.wall), why }));
    scene.says(&["https://prometheus", "…, next try in 18 s, stale 0 s"]);
}

#[test]
fn the_changes_are_those_before_the_worst_alert_until_somebody_moves_the_cursor() {
    let mut scene = incident().at("-60s").after("3m").play();
    scene.says(&["CHANGED BEFORE CartErrorRate"]);
    scene.go("4").says(&["PRODUCTION"]);
    scene.go("G").hides(&["CHANGED BEFORE CartErrorRate"]);
}

#[test]
fn where_nothing_ever_answered_nothing_is_counted() {
    for (width, height) in SIZES {
        let mut scene = stage("quiet").size(width, height).untold();
        let source = SourceId::new("kubernetes/lab");
        let offers = Offers { feeds: [FeedKind::Workloads].into(), ..Offers::default() };
        scene.told(Event::Known(source.clone(), Ok(Known::Ready(offers))));
        scene.says(&["asking what runs"]);
        let link = retrying(&scene, 14);
        scene.told(Event::Link(source, Feed::Workloads, link.clone()));
        let alerts = SourceId::new("alertmanager");
        scene.told(Event::Known(alerts.clone(), Ok(Known::Ready(Offers { feeds: [FeedKind::Alerts].into(), ..Offers::default() }))));
        scene.told(Event::Link(alerts, Feed::Alerts, link));
        scene.says(&["no source answers", "kubernetes/lab: 10.0.0.1:6443 refuses the connection, next try in 14 s", "ctrl-r", "pilothouse doctor"]);
        scene.says(&["no source of alerts answers", "alerts ?"]);
        scene.hides(&["0 services", "Nothing runs", "▲0", "0 firing", "…  "]);
    }
}

#[test]
fn with_no_source_of_alerts_the_line_of_panel_4_says_so() {
    stage("blind").size(80, 24).play().says(&["no source of alerts is connected"]).hides(&["Alerts   …", "Alerts       …"]);
}

#[test]
fn what_was_cut_does_not_run_into_what_follows() {
    for (story, (width, height)) in STORIES.into_iter().flat_map(|story| SIZES.map(|size| (story, size))) {
        for keys in ["", "T", "4+", "2+", "3+", ":po<enter>", ":deploy<enter>"] {
            let text = stage(story).size(width, height).keys(keys).play().text();
            let joined = text.lines().find(|line| line.split('…').skip(1).any(|rest| rest.starts_with(|next: char| next.is_alphanumeric())));
            assert_eq!(joined, None, "{story} at {width}×{height} after {keys:?}");
        }
    }
    for (width, height) in SIZES {
        let scene = stage("node-down").size(width, height).keys("T").play();
        scene.says(&["wishlist 0.31.0 → 0.32.0"]);
    }
}

#[test]
fn with_no_ci_the_line_of_panel_2_reads_as_words() {
    let mut scene = stage("quiet").size(80, 24).untold();
    scene.told(Event::Tick).says(&["2 Pipelines    no CI is connected · [[source]] kind"]);
    let text = scene.text();
    assert!(text.contains("says what was looked for") && text.contains("no git remote with a CI"), "{text}");
}

#[test]
fn the_palette_answers_for_what_is_not_here_with_the_command_for_k9s() {
    let history = incident().keys(":rs<enter>").play();
    history.says(&["Revisions of cart"]).hides(&["asked again"]);
    for word in ["svc", "helm", "sts", "gizmos"] {
        let scene = incident().keys(&format!(":{word}<enter>")).play();
        let command = format!("k9s -c {word} --context prod-eu -n shop");
        scene.says(&[&format!("{word} is not here: {command}")]);
        assert_eq!(copied(&scene), [command]);
        assert!(scene.theatre.acts.is_empty());
    }
}

#[test]
fn an_exact_name_wins_over_what_resembles_it() {
    incident().keys(":no<enter>").play().says(&["─ Nodes ─"]);
    incident().keys(":ns<enter>").play().says(&["─ Namespaces ─"]);
    incident().keys(":ev<enter>").play().says(&["─ Events ─"]);
    assert!(leaves(&incident().keys(":q<enter>").play()), ":q is quit, as fingers know it");
}

#[test]
fn help_says_that_more_lies_below_and_how_to_get_there() {
    let mut scene = incident().size(80, 24).keys("?").play();
    scene.says(&["more below", "scroll"]);
    scene.go("GGG<down><down>k");
    scene.says(&["1 more below"]);
}

#[test]
fn the_foot_lists_only_the_keys_of_what_lies_on_top() {
    for (keys, own) in [("/pay", "Enter keep it"), (":ro", "Enter go"), ("<ctrl-o>", "Enter open for 15 minutes"), ("q", "Enter leave"), ("?", "Esc close")] {
        let foot = incident().keys(keys).play().foot();
        assert!(foot.contains(own), "{keys}: {foot}");
        for alien in ["roll back", "problems", "all keys", "explain"] {
            assert!(!foot.contains(alien), "{keys}: {alien} does nothing now: {foot}");
        }
    }
    let confirming = incident().keys("R<ctrl-o><enter><enter>").play().foot();
    assert!(confirming.contains("do it") && !confirming.contains("all keys"), "{confirming}");
}

#[test]
fn a_verb_names_the_service_and_the_environment_whatever_the_cursor_is_on() {
    for panel in ["1", "2", "4"] {
        let foot = incident().keys(panel).play().foot();
        assert!(foot.contains("R roll back cart in production"), "panel {panel}: {foot}");
    }
}

#[test]
fn an_alert_and_a_run_describe_themselves() {
    for key in ["d", "y"] {
        let alert = incident().keys(&format!("4{key}")).play();
        alert.says(&["alert: CartErrorRate", "severity: critical", "labels:", "about: cart in production"]).hides(&["kind: Deployment"]);
        let run = incident().keys(&format!("2{key}")).play();
        run.says(&["run: ", "#311", "status: failed", "jobs:"]).hides(&["kind: Deployment"]);
    }
}

#[test]
fn q_at_the_top_asks_and_ctrl_c_does_not_unless_something_is_under_way() {
    let asked = incident().keys("q").play();
    asked.says(&["Leave?", "Enter leaves, Esc stays"]);
    assert!(!leaves(&asked));
    assert!(leaves(&incident().keys("q<enter>").play()));
    let stays = incident().keys("q<esc>").play();
    stays.hides(&["Leave?"]);
    assert!(!leaves(&stays));
    assert!(leaves(&incident().keys("<ctrl-c>").play()));
    let under_way = incident().keys("R<ctrl-o><enter><enter>cart<enter><esc><ctrl-c>").play();
    under_way.says(&["Something is under way"]);
    assert!(!leaves(&under_way));
}

#[test]
fn a_filter_without_a_hit_says_so_and_how_to_drop_it() {
    incident().keys("3/nothing-says-this<enter>").play().says(&["fits “nothing-says-this”", "Esc drops the filter"]);
}

#[test]
fn d_on_the_plan_shows_the_difference_value_by_value() {
    let mut scene = incident().keys("R").play();
    let before = scene.text();
    scene.go("d").says(&["value by value", "d closes"]);
    assert_ne!(before, scene.text());
    scene.go("d").hides(&["value by value"]);
}

#[test]
fn how_long_an_environment_is_open_is_the_same_everywhere() {
    let scene = incident().keys("R<ctrl-o><enter>").play();
    assert_eq!(scene.text().matches("open 15m").count(), 2, "{}", scene.text());
    let yaml = incident().keys("R<ctrl-o><enter>y").play();
    yaml.says(&["PRODUCTION open 15m"]);
}

#[test]
fn the_cell_says_what_was_checked_and_how_sure_the_way_back_is() {
    incident().play().says(&["quota, image, probe, node, config: checked, nothing", "back to 2.7.3: proven, 9 d, 4 of its pods serve now"]);
}

#[test]
fn under_the_log_stands_what_errs_most_and_which_version_says_it() {
    let scene = incident().play();
    let line = scene.row("lines like this since");
    assert!(line.contains("all 2.8.0, none before"), "{line}");
}
