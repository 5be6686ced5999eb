//! What containers are called while one takes the place of another, and the marks that the new one carries. They are the record of how far
//! an exchange has come: whoever looks at the engine later reads them.

use crate::domain::OpId;

/// The label that names the operation which made a container.
pub const OPERATION: &str = "pilothouse.dev/operation";
/// The label that names the image which was rolled back from.
pub const LEFT: &str = "pilothouse.dev/rolled-back-from";
/// The label that says what the image is called, where a container had to be made by its bare id.
pub const REFERENCE: &str = "pilothouse.dev/image";
const MARK: &str = ".pilothouse-";
const NEXT: &str = ".next";

/// Which part a container plays in an exchange, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    /// None: it has its own name.
    Own,
    /// It was set aside by this operation, and is kept.
    Aside(&'a str),
    /// It was made by this operation, and has not taken its place yet.
    Next(&'a str),
}

/// The name of a container that `operation` sets aside.
pub fn aside(name: &str, operation: &OpId) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    format!("{name}{MARK}{}", operation.as_str().chars().map(plain).collect::<String>())
}

/// The name of the container that `operation` makes, until it takes its place.
pub fn next(name: &str, operation: &OpId) -> String {
    aside(name, operation) + NEXT
}

/// The name of the place, and the part that a container called `name` plays there.
pub fn apart(name: &str) -> (&str, Role<'_>) {
    match name.split_once(MARK) {
        Some((place, operation)) if !place.is_empty() => match operation.strip_suffix(NEXT) {
            Some(operation) => (place, Role::Next(operation)),
            None => (place, Role::Aside(operation)),
        },
        Some(_) | None => (name, Role::Own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_place_the_part_and_the_operation() {
        let operation = OpId::new("7f3a", 2);
        assert_eq!(apart("shop-web-1"), ("shop-web-1", Role::Own));
        assert_eq!(apart(&aside("shop-web-1", &operation)), ("shop-web-1", Role::Aside("7f3a-2")));
        assert_eq!(apart(&next("web.eu", &operation)), ("web.eu", Role::Next("7f3a-2")));
        assert_eq!(aside("web", &OpId::restore("a/b c-1")), "web.pilothouse-a-b-c-1", "only what a name may hold");
    }
}
