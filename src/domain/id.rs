//! Typed identities: an `Id<Workload>` can not be used for a `Run`.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    sync::Arc,
};

/// Which source said it: the kind, and the context or host where there are several, as in `kubernetes/prod-eu`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(Arc<str>);

impl SourceId {
    /// The smoke requests of the configuration, which this console asks itself.
    pub const SMOKE: &'static str = "smoke";
    /// The registries that images come from.
    pub const REGISTRIES: &'static str = "registries";

    /// The source called `name`. The name is our own or from the configuration and already harmless.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of back end: `kubernetes` of `kubernetes/prod-eu`.
    pub fn kind(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// What tells sources of one kind apart: `prod-eu` of `kubernetes/prod-eu`, or the kind itself.
    pub fn instance(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(_, instance)| instance)
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of one row, unique over all sources. Opaque: made from the source and that source's own key.
pub struct Id<T> {
    text: Arc<str>,
    of: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The row that `source` knows as `key` (a uid, a number, a path).
    pub fn new(source: &SourceId, key: &str) -> Self {
        Self { text: Arc::from(format!("{source}#{key}")), of: PhantomData }
    }

    /// The source's own key.
    pub fn key(&self) -> &str {
        self.text.split_once('#').map_or("", |(_, key)| key)
    }

    /// The source that this row came from.
    pub fn source(&self) -> SourceId {
        SourceId::new(self.text.split('#').next().unwrap_or_default())
    }

    /// The whole identity, for maps, journals and comparison.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// An identity read back from [`Id::as_str`], as a journal keeps it.
    pub fn restore(text: &str) -> Self {
        Self { text: Arc::from(text), of: PhantomData }
    }

    /// The same identity under another noun, for rows that two nouns describe (a workload and its subject).
    pub fn cast<U>(&self) -> Id<U> {
        Id { text: self.text.clone(), of: PhantomData }
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), of: PhantomData }
    }
}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
