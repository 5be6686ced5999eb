//! What tests came to, out of the title of a check: GitHub counts none, and those who do write it there.

use crate::domain::Tests;
use regex::Regex;
use std::sync::LazyLock;

/// A number, grouped or not, and the word behind it: `4 456 tests pass`, `1 fail`, `310 passed`.
static COUNT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(\d{1,3}(?:[\s,]\d{3})+|\d+)\s+(?:tests?\s+)?(pass|succe|fail|error|skip|ignored|disabled)").expect("a pattern"));

/// The tests that a check counted: `All 87 tests pass, 6 skipped in 9m 22s` and `1 fail, 1 skipped, 17 pass in 12s` are what Publish Test Results writes,
/// `317 tests run, 310 passed, 5 skipped, 2 failed.` is what JUnit Report does. A title that counts no test that passed may be a linter's, unless the check
/// is called after tests.
pub(super) fn tests(name: &str, title: &str) -> Option<Tests> {
    let (mut tests, mut passed) = (Tests::default(), None::<u64>);
    for found in COUNT.captures_iter(title) {
        let digits: String = found[1].chars().filter(char::is_ascii_digit).collect();
        let Ok(number) = digits.parse::<u64>() else { continue };
        let into = match found[2].to_ascii_lowercase().as_str() {
            "pass" | "succe" => passed.get_or_insert(0),
            "fail" | "error" => &mut tests.failed,
            _ => &mut tests.skipped,
        };
        *into = into.saturating_add(number);
    }
    let meant = passed.is_some() || (tests.failed > 0 && name.to_lowercase().contains("test"));
    tests.total = passed.unwrap_or_default().saturating_add(tests.failed).saturating_add(tests.skipped);
    (meant && tests.total > 0).then_some(tests)
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn tests_are_counted_out_of_the_titles_that_are_written_of_them_and_of_no_others() {
        for (name, title, expected) in [
            ("Test Results", "All 87 tests pass, 6 skipped in 9m 22s", Some((93, 0, 6))),
            ("Test Results", "All 4\u{2008}456 tests pass, 3 030 skipped in 2m 55s", Some((7_486, 0, 3_030))),
            ("Results", "1 fail, 1 skipped, 17 pass in 12s", Some((19, 1, 1))),
            ("Results", "2 errors, 1 fail, 17 pass in 12s", Some((20, 3, 0))),
            ("JUnit Test Report", "317 tests run, 310 passed, 5 skipped, 2 failed.", Some((317, 2, 5))),
            ("Integration tests", "3 failed", Some((3, 3, 0))),
            ("All tests", "No test results found", None),
            ("eslint", "2 errors, 4 warnings", None),
            ("codecov/project", "87.20% (+0.12%) compared to 0f3c9d2", None),
            ("Results", "0 passed", None),
            ("Results", "99999999999999999999999 passed", None),
            ("", "", None),
        ] {
            let expected = expected.map(|(total, failed, skipped)| Tests { total, failed, skipped });
            assert_eq!(tests(name, title), expected, "{title}");
        }
    }
}
