//! The objects as they travel, with only the fields that are used.
//!
//! A full Pod costs 90 KB of memory, one of these about one. Unknown fields are passed over, nulls and missing fields are empty,
//! and an object that can not be read at all is kept by its name, so that the others of its list are not lost.

pub mod apps;
pub mod core;
mod meta;
pub mod rollouts;

pub use meta::{Authored, Meta, controller, label, note};

use crate::text::Clean;
use kube::core::ObjectMeta;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt::Debug};

/// A kind of object.
pub trait Shape: DeserializeOwned + Clone + Debug + Send + Sync + 'static {
    /// Its kind.
    const KIND: &'static str;
    /// Its group; empty for the core.
    const GROUP: &'static str;
    /// The version of the group that is read.
    const VERSION: &'static str;
    /// Its plural, as paths and rights have it.
    const PLURAL: &'static str;
    /// Whether its objects belong to namespaces.
    const NAMESPACED: bool;
    /// Its metadata.
    fn meta(&self) -> &ObjectMeta;
    /// Its metadata.
    fn meta_mut(&mut self) -> &mut ObjectMeta;
    /// When its pod template was last written, where it has one and says so.
    fn written(&self) -> Option<jiff::Timestamp>;

    /// `deployments.apps`.
    fn resource() -> String {
        if Self::GROUP.is_empty() { Self::PLURAL.to_owned() } else { format!("{}.{}", Self::PLURAL, Self::GROUP) }
    }
}

/// An object that was read, or one that could not be.
#[derive(Clone, Debug)]
pub enum Lean<T> {
    /// It was read.
    Whole(T),
    /// Only its name could be read.
    Torn {
        /// Its metadata, as far as they can be read.
        meta: Box<ObjectMeta>,
        /// What was wrong.
        why: Clean,
    },
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Lean<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default, deserialize_with = "or_default")]
            metadata: Meta,
        }
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(match serde_json::from_str(text.get()) {
            Ok(whole) => Self::Whole(whole),
            Err(error) => {
                let head = serde_json::from_str::<Head>(text.get()).map(|head| head.metadata.0).unwrap_or_default();
                Self::Torn { meta: Box::new(head), why: crate::clean!("{error}") }
            }
        })
    }
}

impl<T: Shape> kube::Resource for Lean<T> {
    type DynamicType = ();
    type Scope = kube::core::DynamicResourceScope;

    fn kind(_: &()) -> Cow<'_, str> {
        T::KIND.into()
    }
    fn group(_: &()) -> Cow<'_, str> {
        T::GROUP.into()
    }
    fn version(_: &()) -> Cow<'_, str> {
        T::VERSION.into()
    }
    fn plural(_: &()) -> Cow<'_, str> {
        T::PLURAL.into()
    }
    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Whole(whole) => whole.meta(),
            Self::Torn { meta, .. } => meta,
        }
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Whole(whole) => whole.meta_mut(),
            Self::Torn { meta, .. } => meta,
        }
    }
}

macro_rules! shape {
    ($name:ident, $kind:literal, $group:literal, $plural:literal) => {
        crate::sources::kubernetes::wire::shape!($name, $kind, $group, $plural, true);
    };
    ($name:ident, $kind:literal, $group:literal, $plural:literal, $namespaced:literal) => {
        crate::sources::kubernetes::wire::shape!($name, $kind, $group, "v1", $plural, $namespaced);
    };
    ($name:ident, $kind:literal, $group:literal, $version:literal, $plural:literal, $namespaced:literal) => {
        impl crate::sources::kubernetes::wire::Shape for $name {
            const KIND: &'static str = $kind;
            const GROUP: &'static str = $group;
            const VERSION: &'static str = $version;
            const PLURAL: &'static str = $plural;
            const NAMESPACED: bool = $namespaced;
            fn meta(&self) -> &kube::core::ObjectMeta {
                &self.metadata.0
            }
            fn meta_mut(&mut self) -> &mut kube::core::ObjectMeta {
                &mut self.metadata.0
            }
            fn written(&self) -> Option<jiff::Timestamp> {
                self.metadata.written()
            }
        }
    };
}
pub(crate) use shape;

/// A list of objects.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub struct List<T> {
    /// The objects.
    #[serde(default, deserialize_with = "or_default")]
    pub items: Vec<Lean<T>>,
}

impl<T> List<T> {
    /// Those that could be read.
    pub fn whole(self) -> impl Iterator<Item = T> {
        self.items.into_iter().filter_map(|item| match item {
            Lean::Whole(whole) => Some(whole),
            Lean::Torn { .. } => None,
        })
    }
}

/// A missing or null value is the default one.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A number that is missing, null, negative or too large is brought into range.
pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = Option::<i64>::deserialize(deserializer)?.unwrap_or_default();
    Ok(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
}

/// The generation that a controller has seen. Argo Rollouts writes it as text, and before 0.10 wrote a hash there that says nothing: taken
/// as seen.
pub fn generation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told {
        Number(i64),
        Text(String),
    }
    Ok(match Option::<Told>::deserialize(deserializer)? {
        None => 0,
        Some(Told::Number(number)) => number,
        Some(Told::Text(text)) if text.is_empty() => 0,
        Some(Told::Text(text)) => text.parse().unwrap_or(i64::MAX),
    })
}

/// A time that is missing, null, `0001-01-01` or unreadable is none.
pub fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<jiff::Timestamp>, D::Error> {
    let text = Option::<Cow<'_, str>>::deserialize(deserializer)?;
    Ok(text.as_deref().and_then(parse_time))
}

/// The time in `text`; the year 1 is how Go writes none.
pub fn parse_time(text: &str) -> Option<jiff::Timestamp> {
    text.parse::<jiff::Timestamp>().ok().filter(|time| time.as_second() > 0)
}

#[cfg(test)]
mod tests;
