//! The Alertmanager source against two real peers that a real Prometheus tells.

use crate::gateway::{ALARM, Pushed, alert, client, server, source, until};
use pilothouse::{
    config::Config,
    domain::{AlertState, Change, Fact, Feed, Severity},
    sources::http::{Ask, Method, Transport, json},
};

const FIRING: &str = "service_error_ratio{service=\"cart\"} 0.174\nservice_latency_p99_seconds{service=\"cart\"} 3";

#[tokio::test]
async fn an_alert_fires_is_silenced_and_explains_another_on_every_peer() {
    let (Some(first), Some(second), Some(gateway), Some(prometheus)) =
        (server("LAB_ALERTMANAGER_1"), server("LAB_ALERTMANAGER_2"), server("LAB_PUSHGATEWAY"), server("LAB_PROMETHEUS"))
    else {
        return;
    };
    let _alone = ALARM.lock().await;
    let both = source(&format!("kind = 'alertmanager'\nurls = ['{first}', '{second}']"), Config::default());
    let pushed = Pushed::new(&gateway, "alarm");
    pushed.push(FIRING).await;

    let fired = until(&both, Feed::Alerts, "the alert", |fact| alert(fact, "CartErrorRate").cloned()).await;
    assert_eq!((fired.severity, &fired.state), (Severity::Critical, &AlertState::Firing));
    assert_eq!(fired.expression.as_deref(), Some("service_error_ratio{service=\"cart\"} > 0.05"));
    assert!(fired.since.is_some() && fired.summary.contains("17.4%") && fired.runbook.is_some(), "{fired:?}");
    let explained = until(&both, Feed::Alerts, "the inhibited alert", |fact| {
        alert(fact, "CartLatencyHigh").map(|alert| alert.state.clone()).filter(|state| *state != AlertState::Firing)
    });
    assert_eq!(explained.await, AlertState::Inhibited { by: "CartErrorRate".into() });

    let alike = source(&format!("kind = 'prometheus'\nurl = '{prometheus}'"), Config::default());
    let same = until(&alike, Feed::Alerts, "the same alert", |fact| alert(fact, "CartErrorRate").cloned()).await;
    assert_eq!(same.id.key(), fired.id.key(), "both know it by the same fingerprint");
    assert_eq!((same.value, same.labels.get("cluster").map(|name| name.raw())), (Some(0.174), Some("lab")));

    let silence = silenced(&first).await;
    for url in [&first, &second] {
        let one = source(&format!("kind = 'alertmanager'\nurl = '{url}'"), Config::default());
        let state = until(&one, Feed::Alerts, "the silence", |fact| {
            alert(fact, "CartErrorRate").map(|alert| alert.state.clone()).filter(|state| matches!(state, AlertState::Silenced { .. }))
        });
        assert!(matches!(state.await, AlertState::Silenced { by, until: Some(_) } if &*by == "mara: a test of the lab"));
    }
    let gone = Ask::change(Method::DELETE, "api/v2/silence", None).segment(&silence);
    client(&first).send(gone).await.expect("it answers").good().expect("the silence ends");
    pushed.take_back().await;
    until(&both, Feed::Alerts, "the end of the alert", |fact| matches!(fact, Fact::Alert(Change::Done)).then_some(())).await;
}

async fn silenced(url: &str) -> String {
    let now = jiff::Timestamp::now();
    let body = serde_json::json!({
        "matchers": [{ "name": "alertname", "value": "CartErrorRate", "isRegex": false, "isEqual": true }],
        "startsAt": now.to_string(), "endsAt": (now + jiff::SignedDuration::from_mins(2)).to_string(), "createdBy": "mara", "comment": "a test of the lab"
    });
    let ask = Ask::change(Method::POST, "api/v2/silences", Some(body.to_string().into()));
    let answer: serde_json::Value = json(&client(url), ask).await.expect("it is silenced");
    answer["silenceID"].as_str().expect("an identity").to_owned()
}

#[tokio::test]
async fn one_peer_that_is_gone_is_named_and_the_other_is_read() {
    let Some(first) = server("LAB_ALERTMANAGER_1") else { return };
    let both = source(&format!("kind = 'alertmanager'\nurls = ['http://127.0.0.1:1', '{first}']"), Config::default());
    until(&both, Feed::Alerts, "the watchdog", |fact| alert(fact, "Watchdog").map(|_| ())).await;
    let lacks = both.offers().lacks;
    assert!(lacks.len() == 1 && lacks[0].contains("127.0.0.1:1 does not serve"), "{lacks:?}");
    assert!(both.probe().await);
}
