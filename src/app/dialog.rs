//! A question that must have been seen before it can be answered.

/// Which dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId(pub u64);

/// A dialog that ignores confirming keys until the frame that first shows it has reached the terminal:
/// no key typed or pasted before can confirm anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Nobody can have seen it yet.
    Unseen(DialogId),
    /// It was painted.
    Seen(DialogId),
}

impl Dialog {
    /// Marks it as painted, if it is this one.
    pub fn painted(&mut self, painted: DialogId) {
        if *self == Self::Unseen(painted) {
            *self = Self::Seen(painted);
        }
    }

    /// Whether it may be confirmed.
    pub const fn seen(&self) -> bool {
        matches!(self, Self::Seen(_))
    }

    /// Its identity, as long as nobody can have seen it.
    pub const fn unseen(&self) -> Option<DialogId> {
        match self {
            Self::Unseen(id) => Some(*id),
            Self::Seen(_) => None,
        }
    }
}
