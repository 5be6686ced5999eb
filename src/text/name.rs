//! A name from outside, kept both ways.

use super::{Clean, Raw};
use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

/// A name that is used in requests as it came and shown harmless. Compared by what came.
#[derive(Clone)]
pub struct Name(Faces);

/// Nearly every name is harmless as it came, and there are tens of thousands of them: only the others are kept twice.
#[derive(Clone)]
enum Faces {
    One(Clean),
    Two(Box<(Raw, Clean)>),
}

impl Name {
    /// Both faces of `text`.
    pub fn new(text: &str) -> Self {
        let clean = Clean::from_untrusted(text);
        Self(if clean.as_str() == text { Faces::One(clean) } else { Faces::Two(Box::new((Raw::new(text), clean))) })
    }

    /// As it came, for requests.
    pub fn raw(&self) -> &str {
        match &self.0 {
            Faces::One(clean) => clean,
            Faces::Two(both) => both.0.expose(),
        }
    }

    /// As it may be shown.
    pub fn clean(&self) -> &Clean {
        match &self.0 {
            Faces::One(clean) => clean,
            Faces::Two(both) => &both.1,
        }
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.raw().is_empty()
    }
}

impl Default for Name {
    fn default() -> Self {
        Self(Faces::One(Clean::EMPTY))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.raw() == other.raw()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw().cmp(other.raw())
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw().hash(state);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.clean(), f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.clean(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_what_came_beside_what_may_be_shown() {
        let odd = Name::new("ca\u{1b}[31mrt");
        assert_eq!((odd.raw(), odd.clean().as_str()), ("ca\u{1b}[31mrt", "cart"));
        assert_ne!(odd, Name::new("cart"), "they are not one name in a request");
        assert_eq!(Name::new("cart").raw(), Name::new("cart").clean().as_str());
    }

    #[test]
    fn a_harmless_name_takes_no_more_room_than_its_text() {
        assert_eq!(size_of::<Name>(), size_of::<Clean>());
    }
}
