//! Who goes back first.

use crate::{store::ServiceRule, text::Name};
use std::collections::BTreeSet;

/// Sorts so that a service goes back before those it depends on, directly or through others: the newer one was made for what is below it,
/// while what is below served the older one before. Where nothing is said the order stays. Whether it goes round in a circle somewhere,
/// which is taken up where it stands first.
pub(super) fn sort<T>(members: &mut Vec<T>, service: impl Fn(&T) -> &Name, rules: &[ServiceRule]) -> bool {
    let mut left: Vec<T> = std::mem::take(members);
    let mut circle = false;
    while !left.is_empty() {
        let needed = |at: usize| left.iter().any(|other| service(other) != service(&left[at]) && needs(service(other), service(&left[at]), rules));
        let free = (0..left.len()).find(|at| !needed(*at));
        circle |= free.is_none();
        members.push(left.remove(free.unwrap_or_default()));
    }
    circle
}

/// Whether `above` depends on `below`, directly or through others.
fn needs(above: &Name, below: &Name, rules: &[ServiceRule]) -> bool {
    let (mut seen, mut open) = (BTreeSet::from([above]), vec![above]);
    while let Some(name) = open.pop() {
        for needed in rules.iter().filter(|rule| rule.name == *name).flat_map(|rule| &rule.depends_on) {
            if needed == below {
                return true;
            }
            if seen.insert(needed) {
                open.push(needed);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str], rules: &[(&str, &[&str])]) -> (Vec<String>, bool) {
        let rules: Vec<ServiceRule> = rules
            .iter()
            .map(|(name, needs)| ServiceRule {
                name: Name::new(name),
                depends_on: needs.iter().map(|name| Name::new(name)).collect(),
                ..ServiceRule::default()
            })
            .collect();
        let mut members: Vec<Name> = names.iter().map(|name| Name::new(name)).collect();
        let circle = sort(&mut members, |name| name, &rules);
        (members.iter().map(ToString::to_string).collect(), circle)
    }

    #[test]
    fn what_depends_on_others_goes_back_before_them() {
        let rules: &[(&str, &[&str])] = &[("cart", &["payments"]), ("payments", &["ledger"]), ("web", &["cart"])];
        assert_eq!(sorted(&["payments", "cart"], rules), (vec!["cart".into(), "payments".into()], false));
        assert_eq!(sorted(&["ledger", "web", "search"], rules), (vec!["web".into(), "ledger".into(), "search".into()], false), "through what is not marked");
        assert_eq!(sorted(&["b", "a"], rules), (vec!["b".into(), "a".into()], false), "what nothing is said of stays");
    }

    #[test]
    fn a_circle_is_told_and_loses_nobody() {
        let (order, circle) = sorted(&["a", "b", "c"], &[("a", &["b"]), ("b", &["a"]), ("c", &["a"])]);
        assert_eq!((order.join(" "), circle), ("c a b".into(), true));
        assert_eq!(sorted(&["a", "a"], &[("a", &["a"])]).1, false, "two workloads of one service are no circle");
    }
}
