//! Blue and green: a Service that is switched between workloads by its selector.
//!
//! The rule. A Service leads by hand to one of several workloads where
//! - its selector matches the pods of exactly one of them;
//! - the others' pods have the same labels but for those that say which of the two it is (`version`, `color`, `slot`, `track`, or a value
//!   in which only the word for a colour differs), at least one of those labels is in the selector, and at least one other is the same;
//! - their main container has the same name: it is the same program;
//! - it is not called after the value that it selects (`web-blue`, `reviews-v2`): such a one belongs to that workload, nobody switches it;
//! - it is not called a preview (`web-preview`, `web-canary`): what that leads to serves nobody.

use super::board::{Work, labels, name, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What labels are called that tell two releases of one program apart, whatever stands before the slash.
const NAMES: &[&str] = &["version", "color", "colour", "slot", "track"];
/// The words that tell two releases apart in any label.
const COLOURS: &[&str] = &["blue", "green", "red", "black"];
/// Labels that may differ although no selector needs them.
const BESIDE: &[&str] = &["helm.sh/chart", "chart"];
/// Words in the names of Services that lead to what does not serve yet.
const PREVIEW: &[&str] = &["preview", "idle", "inactive", "standby", "passive", "test", "stage", "staging", "next", "canary"];

/// The words of a name or a value.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// Whether a label is called like one that tells releases apart.
fn is_called_so(key: &str) -> bool {
    NAMES.contains(&key.rsplit('/').next().unwrap_or(key))
}

/// Whether an entry of a selector can be what it is switched by.
fn turns((key, value): &(&String, &String)) -> bool {
    is_called_so(key) || words(value).any(|word| COLOURS.contains(&word))
}

/// Whether a label with these two values tells two releases of one program apart.
fn tells_apart(key: &str, one: &str, other: &str) -> bool {
    is_called_so(key) || by_colour(one, other)
}

/// Whether two values differ in the word for a colour and in nothing else.
fn by_colour(one: &str, other: &str) -> bool {
    let (one, other): (Vec<_>, Vec<_>) = (words(one).collect(), words(other).collect());
    let pairs = || one.iter().zip(&other).filter(|(a, b)| a != b);
    one.len() == other.len() && pairs().count() == 1 && pairs().all(|(a, b)| COLOURS.contains(a) && COLOURS.contains(b))
}

fn matches(selector: &BTreeMap<String, String>, work: &Work) -> bool {
    selector.iter().all(|(key, value)| work.labels.get(key) == Some(value))
}

/// Whether a selector could be switched away from these labels, or to them: what is worth to look for the others.
pub fn may(service: &Value, own: &BTreeMap<String, String>) -> bool {
    let selector = labels(service, "/spec/selector");
    let fits = |(key, value): (&String, &String)| own.get(key).is_some_and(|own| own == value || tells_apart(key, own, value));
    !selector.is_empty() && selector.iter().all(fits) && selector.iter().any(|entry| turns(&entry)) && switched_by_hand(service, &selector)
}

/// Whether it is called as something that leads to whatever serves.
fn switched_by_hand(service: &Value, selector: &BTreeMap<String, String>) -> bool {
    let name: BTreeSet<&str> = words(name(service)).collect();
    let own = selector.iter().filter(turns).flat_map(|(_, value)| colours(value)).any(|word| name.contains(word));
    !own && !name.iter().any(|word| PREVIEW.contains(word)) && text(service, "/spec/type") != "ExternalName"
}

/// What a value is told apart by: the colour in it, else all of it.
fn colours(value: &str) -> Vec<&str> {
    let found: Vec<&str> = words(value).filter(|word| COLOURS.contains(word)).collect();
    if found.is_empty() { vec![value] } else { found }
}

/// The workloads between which a Service is switched, the one that it leads to first; none where it is an ordinary one.
pub fn arms<'a>(service: &Value, works: &'a [Work]) -> Option<Vec<&'a Work>> {
    let selector = labels(service, "/spec/selector");
    if selector.is_empty() || !switched_by_hand(service, &selector) {
        return None;
    }
    let mut matched = works.iter().filter(|work| matches(&selector, work));
    let (active, None) = (matched.next()?, matched.next()) else { return None };
    let others = works.iter().filter(|other| other.address != active.address && switches(&selector, active, other));
    let arms: Vec<&Work> = std::iter::once(active).chain(others).collect();
    (arms.len() > 1).then_some(arms)
}

/// Whether the selector can be switched from one workload to the other.
fn switches(selector: &BTreeMap<String, String>, active: &Work, other: &Work) -> bool {
    let keys: BTreeSet<&String> = active.labels.keys().chain(other.labels.keys()).collect();
    let (mut same, mut turned) = (false, false);
    for key in keys {
        match (active.labels.get(key), other.labels.get(key)) {
            (Some(one), Some(another)) if one == another => same = true,
            (Some(one), Some(another)) if tells_apart(key, one, another) => {
                turned |= selector.contains_key(key);
                same |= by_colour(one, another) && words(one).count() > 1;
            }
            _ if BESIDE.contains(&key.as_str()) => {}
            _ => return false,
        }
    }
    same && turned && active.main == other.main
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::kubernetes::routes::board::tests::{service, work};

    type Labels = &'static [(&'static str, &'static str)];

    const BLUE: Labels = &[("app", "web"), ("color", "blue")];
    const GREEN: Labels = &[("app", "web"), ("color", "green")];

    /// The names of the arms of a Service called `name` over workloads a, b, … with these labels.
    fn found(name: &str, selector: Labels, works: &[Labels]) -> Option<String> {
        let works: Vec<Work> = works.iter().zip(["a", "b", "c"]).map(|(labels, name)| work(name, labels, "app")).collect();
        let arms = arms(&service(name, selector), &works)?;
        Some(arms.iter().map(|work| work.address.name.as_str()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_service_that_is_switched_by_its_selector_is_recognised() {
        for (what, selector, works, arms) in [
            ("two colours", GREEN, [BLUE, GREEN].as_slice(), "b a"),
            ("the switching label alone", &[("color", "blue")], &[BLUE, GREEN], "a b"),
            (
                "versions, with a prefix",
                &[("app", "web"), ("app.kubernetes.io/version", "v1")],
                &[&[("app", "web"), ("app.kubernetes.io/version", "v1")], &[("app", "web"), ("app.kubernetes.io/version", "v2")]],
                "a b",
            ),
            (
                "three slots",
                &[("app", "web"), ("slot", "y")],
                &[&[("app", "web"), ("slot", "x")], &[("app", "web"), ("slot", "y")], &[("app", "web"), ("slot", "z")]],
                "b a c",
            ),
            ("a colour in a name", &[("app", "shop-green")], &[&[("app", "shop-blue")], &[("app", "shop-green")]], "b a"),
            (
                "a chart for each colour, whose names differ beside the selector",
                GREEN,
                &[
                    &[("app", "web"), ("color", "blue"), ("app.kubernetes.io/instance", "web-blue"), ("helm.sh/chart", "web-1.2.0")],
                    &[("app", "web"), ("color", "green"), ("app.kubernetes.io/instance", "web-green"), ("helm.sh/chart", "web-1.3.0")],
                ],
                "b a",
            ),
        ] {
            assert_eq!(found("web", selector, works).as_deref(), Some(arms), "{what}");
        }
    }

    #[test]
    fn an_ordinary_service_is_left_alone() {
        for (what, name, selector, works) in [
            ("one workload and no other", "web", GREEN, [GREEN].as_slice()),
            ("other programs", "cart", &[("app", "cart")], &[&[("app", "cart")], &[("app", "checkout")]]),
            (
                "other parts of one program",
                "shop",
                &[("app", "shop"), ("tier", "web")],
                &[&[("app", "shop"), ("tier", "web")], &[("app", "shop"), ("tier", "worker")]],
            ),
            ("both at once", "web", &[("app", "web")], &[BLUE, GREEN]),
            ("none of them", "web", &[("app", "web"), ("color", "red")], &[BLUE, GREEN]),
            ("no selector", "web", &[], &[BLUE, GREEN]),
            ("another program that has a colour too", "web", GREEN, &[GREEN, &[("app", "cart"), ("color", "blue")]]),
            ("other programs with versions", "web", &[("version", "v1")], &[&[("version", "v1")], &[("version", "v2")]]),
            ("one has a label more", "web", GREEN, &[GREEN, &[("app", "web"), ("color", "blue"), ("role", "batch")]]),
            (
                "releases of one chart beside each other",
                "a",
                &[("app", "db"), ("release", "a")],
                &[&[("app", "db"), ("release", "a")], &[("app", "db"), ("release", "b")]],
            ),
            (
                "what differs is not what it selects by",
                "a",
                &[("app", "web-a")],
                &[&[("app", "web-a"), ("version", "1")], &[("app", "web-b"), ("version", "2")]],
            ),
            ("the Service of one colour", "web-green", GREEN, &[BLUE, GREEN]),
            ("a preview", "web-preview", GREEN, &[BLUE, GREEN]),
        ] {
            assert_eq!(found(name, selector, works), None, "{what}");
        }
    }

    #[test]
    fn another_program_in_the_pods_is_another_service() {
        let works = [work("a", BLUE, "app"), work("b", GREEN, "proxy")];
        assert!(arms(&service("web", GREEN), &works).is_none());
        let mut by_name = service("web", GREEN);
        by_name["spec"]["type"] = "ExternalName".into();
        assert!(arms(&by_name, &[work("a", BLUE, "app"), work("b", GREEN, "app")]).is_none());
    }

    #[test]
    fn it_is_only_looked_further_where_a_selector_could_be_switched() {
        let own = work("a", BLUE, "app").labels;
        for (name, selector, looks) in [
            ("web", GREEN, true),
            ("web", BLUE, true),
            ("web", &[("app", "web")] as Labels, false),
            ("cart", &[("app", "cart"), ("color", "green")], false),
            ("web-green", GREEN, false),
            ("web", &[], false),
        ] {
            assert_eq!(may(&service(name, selector), &own), looks, "{name} {selector:?}");
        }
    }
}
