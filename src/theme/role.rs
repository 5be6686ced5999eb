//! What a style is for.

macro_rules! roles {
    ($($variant:ident $name:literal $help:literal,)*) => {
        /// What something on the screen is, never how it looks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $(#[doc = $help] $variant,)* }

        impl Role {
            /// Every role.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// Its name in a theme.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

roles! {
    Text "text" "Plain text, and the ground that everything lies on.",
    Dim "dim" "Text that matters less: units, labels, rows of a source that is not live.",
    Faint "faint" "Text that is hardly there: absent, nothing, separators.",
    Title "title" "The title of a panel.",
    Border "border" "The frame of a panel.",
    BorderFocus "border-focus" "The frame of the panel that hears the keys.",
    Cursor "cursor" "The row or cell under the cursor.",
    Accent "accent" "What is to be noticed without being good or bad: a name, a link, a target.",
    Ok "ok" "Well.",
    Rolling "rolling" "On its way: rolling, running, converging.",
    Warn "warn" "To be looked at: degraded, pending, warning.",
    Critical "critical" "Act now: down, stuck, failing, critical.",
    Stale "stale" "True a while ago.",
    Unknown "unknown" "Not measured, not known.",
    Production "production" "The word PRODUCTION and what belongs to it.",
    Header "header" "The line at the top.",
    Key "key" "A key in a footer or in help.",
    Marker "marker" "A line between other lines: a change among logs, a mark.",
    Demo "badge-demo" "The badge that says the world is simulated.",
    BarDone "bar-done" "The part of a bar that is done.",
    BarTodo "bar-todo" "The part of a bar that is left.",
    LogError "log-error" "A log line of level error or worse.",
    LogWarn "log-warn" "A log line of level warning.",
    LogInfo "log-info" "A log line of level info.",
    LogDebug "log-debug" "A log line of level debug or trace.",
    Hit "hit" "What a search found.",
    Marked "marked" "A marked row.",
    Added "added" "New in a difference.",
    Removed "removed" "Gone in a difference.",
}

impl Role {
    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }
}
