//! The plan that leads the traffic to what stands ready beside the workload.

use super::fixture::*;
use crate::{
    domain::*,
    rollback::Procedure,
    store::fixture::{ago, now, revision, workload},
    text::{Name, Raw},
};

/// 2.8.0 runs as cart; 2.7.3 stands ready as cart-blue and served until five minutes ago.
fn switching() -> Procedure {
    let blue = workload("prod", "shop", "cart-blue");
    let leads = |to: &'static str| Leaf { part: Part::Route, path: "Service cart: selector color".into(), value: to.into() };
    let outlined = |mut revision: Revision, leaf: Leaf| {
        revision.outline.0.insert(0, leaf);
        revision
    };
    let [newest, earlier] = history().map(|revision| Revision { created: Some(ago(600)), ..revision });
    let stands = Evidence::StandsReady { ready: 6, wanted: 6, until: Some(ago(300)) };
    let standing = Revision {
        version: earlier.version.clone(),
        outline: earlier.outline.clone(),
        created: Some(ago(9000)),
        evidence: vec![stands],
        ..revision(&blue, 7, 6)
    };
    let arm =
        |revision: Revision, name: &str, ready, share| Arm { workload: revision.workload.clone(), name: Name::new(name), revision, ready, wanted: 6, share };
    let route = Route {
        name: "Service cart".into(),
        seen: Seen { uid: Raw::new("route"), template: Raw::default(), paused: false },
        operation: None,
        changed_by: None,
        switched: Some(ago(300)),
        arms: vec![arm(outlined(standing, leads("blue")), "cart-blue", 6, 0), arm(outlined(newest.clone(), leads("green")), "cart", 2, 100)],
        reach: Reach::Endpoints { own: 2, other: 0 },
    };
    let (mut procedure, wants) = asking(&burning());
    for want in wants {
        let crate::rollback::Want::Ask(ask) = want else { continue };
        let result = match &ask.question {
            Question::Subject(_) => Ok(Answer::Subject(Box::new(Subject { routes: vec![route.clone()], ..subject() }))),
            Question::Revisions(_) => Ok(Answer::Revisions(vec![newest.clone(), earlier.clone()])),
            _ => no(),
        };
        let _ = procedure.answered(&ask.question, result, now());
    }
    let command = r#"kubectl patch service cart -n shop --context prod --type json -p '[{"op":"add","path":"/spec/selector/color","value":"blue"}]'"#;
    procedure.checked(1, Check::Command(command.into()));
    procedure.checked(1, made(CheckKind::Rights, Outcome::Ok, "we may patch services in shop", None));
    procedure.checked(1, made(CheckKind::Strategy, Outcome::Ok, "instant: 6 of 6 pods of cart-blue are ready", None));
    procedure.prepared(1, Ok(()));
    procedure
}

fn shown(procedure: Procedure, high: u16) -> String {
    opened(burning(), procedure, high)
}

#[test]
fn the_plan_of_a_switch_at_80_columns() {
    let frame = "\
╔═ Roll back cart in production ════════════════════════ PRODUCTION? open 13m ═╗
║ ✗ CartErrorRate fires for 2 min, pods: exit 1, 5 restarts                    ║
║ ? points to 2.8.0: only its pods fail                                        ║
║                                                                              ║
║ 2.8.0 r42  →  2.7.3 on cart-blue                    [ older  ] newer  1 of 2 ║
║ ✓ proven: instant, 6 of 6 of its pods stand ready, active until 5 min ago    ║
║                                                                              ║
║ DIFFERENCE   4 values                                                        ║
║ route        Service cart: selector color  green → blue                      ║
║ images       app  shop/cart:2.8.0 → shop/cart:2.7.3                          ║
║ environment  app: CURRENCY  - \"\"                                             ║
║              app: LEVEL  + info                                              ║
║                                                                              ║
║ CHECKS   2 made                                                              ║
║ ✓ rights       we may patch services in shop                                 ║
║ ✓ strategy     instant: 6 of 6 pods of cart-blue are ready                   ║
║ ? what metrics remember: no source can answer it                             ║
║ ? errors       no source can answer it                                       ║
║ ──────────────────────────────────────────────────────────────────────────── ║
║ Enter opens the confirm line, where “cart” and the reason must be typed.     ║
║ Nothing has been sent.                                                       ║
╚════════════════════════════════════════════════════════════ 12 more below ═══╝";
    assert_eq!(shown(switching(), 22), frame);
}

#[test]
fn it_says_what_is_changed_and_what_is_not() {
    let screen = shown(switching(), 60).replace(" ║\n║ ", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "One request changes Service cart in shop (prod): all of the traffic goes to cart-blue (2.7.3) at once.",
        "Neither that nor cart is changed; cart keeps running. 6 wanted, 6 ready now.",
        "kubectl patch service cart -n shop",
    ] {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
    let mut procedure = switching();
    procedure.open_confirm().expect("nothing bars it");
    assert!(shown(procedure, 30).contains("cart in production back to 2.7.3 on cart-blue, by Service cart."));
}
