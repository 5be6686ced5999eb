//! What a rollback changes, in an operator's terms.

use crate::{
    domain::{Leaf, Outline, Part},
    text::Clean,
};
use std::collections::BTreeMap;

/// One value that differs. At least one side is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which part of the specification.
    pub part: Part,
    /// Where it stands: `app: LOG_LEVEL`.
    pub path: Clean,
    /// What runs now; none where the rollback adds it.
    pub before: Option<Clean>,
    /// What will run; none where the rollback takes it away.
    pub after: Option<Clean>,
}

/// The values that differ, by part and path. A path that occurs several times (arguments) is compared in its order.
pub fn difference(before: &Outline, after: &Outline) -> Vec<Difference> {
    let (old, new) = (by_place(before), by_place(after));
    let mut places: Vec<_> = old.keys().chain(new.keys()).collect();
    places.sort_unstable();
    places.dedup();
    let one = |place: &&(Part, &Clean, usize)| {
        let (before, after) = (old.get(*place), new.get(*place));
        let value = |leaf: Option<&&Leaf>| leaf.map(|leaf| leaf.value.clone());
        (before.map(|l| &l.value) != after.map(|l| &l.value)).then(|| Difference {
            part: place.0,
            path: place.1.clone(),
            before: value(before),
            after: value(after),
        })
    };
    let mut found: Vec<Difference> = places.iter().filter_map(one).collect();
    // Of whole objects those that go are what must not be missed.
    found.sort_by_key(|change| (change.part, change.part == Part::Objects && change.after.is_some()));
    found
}

fn by_place(outline: &Outline) -> BTreeMap<(Part, &Clean, usize), &Leaf> {
    let mut found = BTreeMap::new();
    for leaf in &outline.0 {
        let mut nth = 0;
        while found.contains_key(&(leaf.part, &leaf.path, nth)) {
            nth += 1;
        }
        found.insert((leaf.part, &leaf.path, nth), leaf);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(leaves: &[(Part, &'static str, &'static str)]) -> Outline {
        Outline(leaves.iter().map(|(part, path, value)| Leaf { part: *part, path: (*path).into(), value: (*value).into() }).collect())
    }

    #[test]
    fn images_come_first_and_only_what_differs_is_told() {
        let now = outline(&[(Part::Environment, "app: CURRENCY", ""), (Part::Image, "app", "cart:2.8.0"), (Part::Probes, "app: readiness", "GET /ready")]);
        let then = outline(&[(Part::Image, "app", "cart:2.7.3"), (Part::Probes, "app: readiness", "GET /ready"), (Part::Environment, "app: LEVEL", "info")]);
        let found = difference(&now, &then);
        let found: Vec<_> = found.iter().map(|d| (d.part, &*d.path, d.before.as_deref(), d.after.as_deref())).collect();
        assert_eq!(
            found,
            [
                (Part::Image, "app", Some("cart:2.8.0"), Some("cart:2.7.3")),
                (Part::Environment, "app: CURRENCY", Some(""), None),
                (Part::Environment, "app: LEVEL", None, Some("info")),
            ]
        );
    }

    #[test]
    fn equal_specifications_do_not_differ_whatever_their_order() {
        let one = outline(&[(Part::Command, "app: args", "-v"), (Part::Image, "app", "a:1")]);
        let other = outline(&[(Part::Image, "app", "a:1"), (Part::Command, "app: args", "-v")]);
        assert_eq!(difference(&one, &other), []);
    }

    #[test]
    fn repeated_paths_are_compared_in_their_order() {
        let one = outline(&[(Part::Command, "app: args", "-a"), (Part::Command, "app: args", "-b")]);
        let other = outline(&[(Part::Command, "app: args", "-a")]);
        assert_eq!(difference(&one, &other).len(), 1);
        assert_eq!(difference(&one, &other)[0].before.as_deref(), Some("-b"));
    }

    #[test]
    fn a_masked_secret_that_changed_shows_as_changed() {
        let one = outline(&[(Part::Environment, "app: TOKEN", "•••• 3f9a")]);
        let other = outline(&[(Part::Environment, "app: TOKEN", "•••• 77c0")]);
        assert_eq!(difference(&one, &other).len(), 1);
    }
}
