//! Labels: the identity of an alert, and quoting for queries.

use super::wire::Pairs;

/// What ends a name or a value in a fingerprint: a byte that UTF-8 never has.
const SEPARATOR: u8 = 0xff;

/// The fingerprint by which Alertmanager knows an alert: FNV-1a of 64 bits over its labels in order of their names
/// (prometheus/common model/signature.go). The same labels give the same fingerprint everywhere.
pub(super) fn fingerprint(labels: &Pairs) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        for byte in text.bytes().chain([SEPARATOR]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// `value` inside the double quotes of a query.
pub(super) fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A regular expression for exactly one of `values`, inside the double quotes of a query.
pub(super) fn any_of<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    quoted(&values.into_iter().map(regex::escape).collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_alertmanager_s() {
        let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Pairs>();
        // As Alertmanager 0.25.0 told them.
        assert_eq!(fingerprint(&labels(&[("severity", "none"), ("alertname", "Watchdog")])), "448881ef475b9b26");
        assert_eq!(fingerprint(&labels(&[("alertname", "Info"), ("service", "s2"), ("severity", "info")])), "00cbc61588b9280b");
        assert_eq!(fingerprint(&Pairs::new()), "cbf29ce484222325");
    }

    #[test]
    fn nothing_leaves_its_quotes() {
        assert_eq!(quoted("a\"} or vector(1) #\\\n"), "a\\\"} or vector(1) #\\\\\\n");
        assert_eq!(any_of(["cart-1.2", "a|b"]), "cart\\\\-1\\\\.2|a\\\\|b");
    }
}
