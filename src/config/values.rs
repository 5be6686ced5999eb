//! Values as they are written: durations, ratios and choices.

use super::Database;
use crate::domain::{Automatic, Tier};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fmt, str::FromStr, time::Duration};

/// A duration as people write it: `500ms`, `60s`, `10m`, `1h30m`, `2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Period(pub Duration);

const UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Period {
    /// That many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a duration; write it as \"500ms\", \"60s\", \"10m\" or \"1h30m\"");
        let (mut rest, mut sum) = (text.trim(), 0_u64);
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let letters = rest[digits..].len() - rest[digits..].trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
            let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[digits..digits + letters]).ok_or_else(wrong)?;
            sum = number.checked_mul(*unit).and_then(|ms| sum.checked_add(ms)).ok_or_else(wrong)?;
            rest = &rest[digits + letters..];
        }
        Ok(Self(Duration::from_millis(sum)))
    }
}

impl TryFrom<String> for Period {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if left == 0 {
            return f.write_str("0s");
        }
        for (name, unit) in UNITS.iter().rev() {
            if left >= *unit {
                write!(f, "{}{name}", left / unit)?;
                left %= unit;
            }
        }
        Ok(())
    }
}

/// The address of a request: http or https, a host, and no secrets in it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Address(pub String);

impl TryFrom<String> for Address {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        match host {
            "" => Err("this is not the address of a request; write it as \"https://host/path\"".into()),
            _ if host.contains('@') => Err("a URL here holds no secrets: smoke requests are sent without credentials".into()),
            _ if text.contains(char::is_whitespace) => Err("a URL has no spaces in it".into()),
            _ => Ok(Self(text)),
        }
    }
}

/// A part of a whole, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
pub struct Ratio(pub f64);

impl TryFrom<f64> for Ratio {
    type Error = String;
    fn try_from(ratio: f64) -> Result<Self, String> {
        match ratio {
            0.0..=1.0 => Ok(Self(ratio)),
            1.0..=100.0 => Err(format!("{ratio} is more than the whole; write a part of 1, as {} for {ratio} %", ratio / 100.0)),
            _ => Err(format!("{ratio} is not a part of a whole; write a number from 0 to 1")),
        }
    }
}

/// Where the journal is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum JournalUrl {
    /// A file in the state directory of the user.
    #[default]
    File,
    /// A database that a team shares.
    Postgres(Box<Database>),
}

impl TryFrom<String> for JournalUrl {
    type Error = String;
    fn try_from(url: String) -> Result<Self, String> {
        match url.split_once("://") {
            None if url == "file" => Ok(Self::File),
            Some(("postgresql" | "postgres", _)) => Database::parse(&url).map(|database| Self::Postgres(Box::new(database))),
            _ => Err("the journal is \"file\" or \"postgresql://user@host/database\"".into()),
        }
    }
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }
    };
}

choice! {
    /// Which characters are drawn.
    Glyphs {
        /// Unicode where a box character is one cell wide in this terminal.
        #[default]
        Auto,
        /// Unicode.
        Unicode,
        /// ASCII.
        Ascii,
    }
}

choice! {
    /// How times are shown.
    Times {
        /// As an age.
        #[default]
        Age,
        /// In the zone of this machine.
        Local,
        /// In UTC.
        Utc,
    }
}

choice! {
    /// How a watch rings.
    Notify {
        /// Not at all.
        Off,
        /// The terminal's bell.
        #[default]
        Bell,
        /// A notification of the terminal, as iTerm2, Windows Terminal, WezTerm and others have it.
        Osc9,
        /// One with a title, as urxvt, foot, Ghostty and others have it.
        Osc777,
    }
}

/// [`Tier`] as it is written; the domain knows no files.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum TierName {
    Development,
    Testing,
    Staging,
    Production,
}

impl From<TierName> for Tier {
    fn from(name: TierName) -> Self {
        match name {
            TierName::Development => Self::Development,
            TierName::Testing => Self::Testing,
            TierName::Staging => Self::Staging,
            TierName::Production => Self::Production,
        }
    }
}

/// [`Automatic`] as it is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum AutomaticName {
    #[default]
    Off,
    Prepare,
    Execute,
}

impl From<AutomaticName> for Automatic {
    fn from(name: AutomaticName) -> Self {
        match name {
            AutomaticName::Off => Self::Off,
            AutomaticName::Prepare => Self::Prepare,
            AutomaticName::Execute => Self::Execute,
        }
    }
}
