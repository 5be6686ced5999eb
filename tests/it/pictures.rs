//! The screens as they stand: each picture with its map of roles, and beside it what must hold whatever picture was accepted.

use crate::stage::{Stage, stage};
use pilothouse::theme::Role;

const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 60), (40, 12)];

fn incident() -> Stage {
    stage("incident")
}

/// As far as the plan of cart in production, opened with ctrl-o.
const OPENED: &str = "R<ctrl-o><enter>";
/// As far as the request.
const SENT: &str = "R<ctrl-o><enter><enter>cart<enter>";

#[test]
fn the_main_screen_at_four_sizes() {
    for (width, height) in SIZES {
        incident().size(width, height).shows(&format!("main_{width}x{height}"));
    }
}

#[test]
fn the_screen_of_a_verification() {
    for (width, height) in [(80, 24), (120, 40)] {
        incident().size(width, height).keys("v").after("100s").shows(&format!("verify_{width}x{height}"));
    }
}

#[test]
fn several_rollbacks_as_one_plan() {
    let batch = || incident().size(80, 24).mode(pilothouse::gate::Mode::Write).keys("<space><space>R");
    batch().shows("batch_plan_80x24");
    batch().keys("<enter>").shows("batch_confirm_80x24");
    batch().keys("<enter>production<enter>").after("41s").shows("batch_under_way_80x24");
}

#[test]
fn the_main_screen_says_what_burns_in_one_sentence_and_where() {
    let scene = incident().play();
    scene.says(&[
        "PILOTHOUSE",
        "PRODUCTION locked",
        "DEMO",
        "alerts ◐ 1 of 2",
        "03:00 UTC",
        "CartErrorRate",
        "17.4 %",
        "limit 5 %",
        "2.7.3 → 2.8.0",
        "14 services · 1 stuck · 1 rolling · 12 ok",
        "problems first",
    ]);
    let headline = scene.text().lines().nth(1).expect("a second line").to_owned();
    for words in ["cart in production", "17.4 %", "limit 5 %", "2.7.3 → 2.8.0"] {
        assert!(headline.contains(words), "the headline does not say {words}: {headline}");
    }
    let cart = scene.row("▸ cart");
    for words in ["2.8.0 ✓", "2.7.3 → 2.8.0 ✗ stuck 2/6", "6/6", "17.4 %", "6m"] {
        assert!(cart.contains(words), "{cart}");
    }
    let search = scene.row(" search ");
    assert!(search.contains("101.2 ≠ ✓"), "the same version with another image is marked: {search}");
    let mailer = scene.row(" mailer ");
    assert!(mailer.contains("0.9.4 ? 4m") && mailer.contains("no query"), "stale and unmeasured are said: {mailer}");
    assert!(scene.row(" reports ").contains("–"), "absent is a dash");
}

#[test]
fn the_logs_open_where_it_went_wrong_and_count_what_is_alike() {
    incident().play().says(&["unknown currency", "× 96", "× 117", "2.7.3 → 2.8.0 · run #311", "INFO", "ERROR"]);
}

#[test]
fn the_cell_names_the_way_back() {
    incident().play().says(&["cart in production", "back to 2.7.3", "serve now"]);
}

#[test]
fn production_never_leaves_however_narrow_the_screen() {
    for (width, height) in SIZES {
        let scene = incident().size(width, height).play();
        scene.says(&["PRODUCTION", "✗"]);
    }
}

#[test]
fn what_is_wrong_is_critical_and_what_is_unknown_is_not_ok() {
    let scene = incident().play();
    assert!(scene.role_of("17.4 % errors").iter().any(|role| matches!(role, Role::Critical | Role::Text)), "{:?}", scene.role_of("17.4 % errors"));
    assert_eq!(scene.role_of("0.9.4 ? 4m").contains(&Role::Ok), false);
    assert_eq!(scene.role_of("DEMO"), [Role::Demo]);
}

#[test]
fn each_panel_with_the_keys_and_on_the_whole_screen() {
    for (key, name) in [("1", "environments"), ("2", "pipelines"), ("3", "logs"), ("4", "alerts")] {
        incident().keys(key).shows(&format!("focus_{name}"));
        incident().keys(&format!("{key}+")).shows(&format!("zoom_{name}"));
        incident().size(80, 24).keys(&format!("{key}+")).shows(&format!("zoom_{name}_80x24"));
    }
}

#[test]
fn from_a_cell_to_its_pods_and_their_containers() {
    incident().keys("<enter>").shows("pods").says(&["cart", "CrashLoopBackOff"]);
    incident().keys("<enter><enter>").shows("containers");
    incident().size(80, 24).keys("<enter>").shows("pods_80x24");
}

#[test]
fn why_it_is_broken() {
    let scene = incident().keys("x").shows("explain");
    scene.says(&["cart", "unknown currency", "exit"]);
    incident().size(80, 24).keys("x").shows("explain_80x24");
}

#[test]
fn the_screens_that_are_asked_for() {
    incident().keys("z").shows("history").says(&["r41", "r42", "2.7.3", "2.8.0"]);
    incident().keys("y").shows("yaml").says(&["kind: Deployment"]);
    incident().keys("l").shows("logs").says(&["unknown currency"]);
    incident().keys("T").shows("changes").says(&["2.7.3 → 2.8.0"]);
    incident().keys("2<enter>").shows("run").says(&["#311"]);
    incident().size(80, 24).keys("2<enter>").shows("run_80x24").says(&["error: timed out"]);
}

#[test]
fn the_lists_that_the_palette_knows() {
    incident().keys(":po<enter>").shows("list_pods");
    incident().keys(":ctx<enter>").shows("list_contexts").says(&["prod-eu", "prometheus"]);
    incident().keys(":no<enter>").shows("list_nodes").says(&["eu-4"]);
    incident().keys(":deploy<enter>").shows("list_workloads").says(&["cart"]);
    incident().keys(":ev<enter>").shows("list_events");
}

#[test]
fn what_lies_over_the_screen() {
    incident().keys("?").shows("help").says(&["To the first", "more below"]);
    incident().keys("?G").play().says(&["Plan a rollback", "Why is it broken?"]);
    incident().keys(":ro").shows("palette");
    incident().keys("/pay").shows("filter").says(&["payments"]).hides(&["▸ cart"]);
    incident().keys("<ctrl-o>").shows("unlock").says(&["15 minutes", "Esc"]);
    incident().keys("b").shows("links");
}

#[test]
fn the_plan_before_anything_is_open() {
    let scene = incident().keys("R").shows("plan_locked");
    scene.says(&["cart", "production", "2.8.0", "2.7.3", "r41", "locked"]);
    assert!(scene.theatre.acts.is_empty());
}

#[test]
fn the_plan_once_production_is_open() {
    let scene = incident().keys(OPENED).shows("plan");
    scene.says(&["PRODUCTION open", "dry run"]);
    incident().size(80, 24).keys(OPENED).shows("plan_80x24");
    incident().size(200, 60).keys(OPENED).shows("plan_200x60");
    incident().size(40, 12).keys(OPENED).shows("plan_40x12");
    incident().keys(OPENED).keys("d").shows("plan_difference");
}

#[test]
fn the_confirm_line_stands_at_the_foot_of_the_plan() {
    let scene = incident().keys(OPENED).keys("<enter>").shows("confirm");
    scene.says(&["cart"]);
    assert!(scene.theatre.acts.is_empty());
    incident().size(80, 24).keys(OPENED).keys("<enter>cart").shows("confirm_80x24");
}

#[test]
fn under_way_says_what_is_awaited_and_what_was_sent() {
    let scene = incident().size(80, 24).keys(SENT).after("40400ms").shows("under_way_80x24");
    scene.says(&["Rolling back cart in production", "0:41", "sent", "of 6"]);
    assert_eq!(scene.theatre.acts.len(), 1);
    incident().keys(SENT).after("40400ms").shows("under_way");
}

#[test]
fn the_verdict_says_recovered_only_after_every_proof() {
    let scene = incident().size(80, 24).keys(SENT).after("6m").shows("verdict_80x24");
    scene.says(&["RECOVERED in", "2.8.0 → 2.7.3", "errors", "alert", "restarts", "pods"]).hides(&["NOT RECOVERED"]);
    assert_eq!(scene.theatre.acts.len(), 1);
    incident().keys(SENT).after("6m").shows("verdict");
}

#[test]
fn what_runs_in_the_background_is_listed_and_pinned() {
    let scene = incident().keys(SENT).after("20s").keys("<esc>").shows("background_pinned");
    scene.says(&["cart"]);
    incident().keys(SENT).after("20s").keys("<esc>B").shows("background").says(&["cart in production"]);
}

#[test]
fn without_colours_and_without_signs_it_still_reads() {
    let mono = incident().theme("mono").shows("main_mono");
    mono.says(&["✗ stuck", "PRODUCTION locked"]);
    let ascii = incident().ascii().shows("main_ascii");
    let beyond: String = ascii.text().chars().filter(|c| !c.is_ascii()).collect();
    assert!(beyond.is_empty(), "not in ASCII: {beyond}");
    incident().ascii().size(80, 24).keys(OPENED).shows("plan_ascii_80x24");
}
