//! The wishes a key can stand for: the names in the keymap.

/// What kind of wish an action is; help lists them in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// From panel to panel and view to view.
    Go,
    /// Inside a view.
    Move,
    /// What is shown and how.
    Look,
    /// Taking something along.
    Take,
    /// The console itself.
    Console,
    /// Verbs that only read.
    Read,
    /// Verbs that open a plan or a form for a change; none changes anything by itself.
    Change,
    /// One panel's own.
    Own,
}

macro_rules! actions {
    ($($table:literal $group:ident { $($variant:ident $name:literal $label:literal $help:literal,)* })*) => {
        /// A wish, under the name it has in `keys.toml`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($(#[doc = $help] $variant,)*)* }

        impl Action {
            /// Every action, in the order in which help lists them.
            pub const ALL: &[Self] = &[$($(Self::$variant,)*)*];

            const fn row(self) -> (&'static str, Group, &'static str, &'static str, &'static str) {
                match self { $($(Self::$variant => ($table, Group::$group, $name, $label, $help),)*)* }
            }
        }
    };
}

actions! {
    "global" Go {
        Panel1 "panel-1" "environments" "Environments: the matrix",
        Panel2 "panel-2" "pipelines" "Pipelines",
        Panel3 "panel-3" "logs" "Logs",
        Panel4 "panel-4" "alerts" "Alerts and changes",
        Panel5 "panel-5" "incident" "Incident",
        Panel6 "panel-6" "posture" "Posture",
        AllPanels "all-panels" "all" "All panels, without scope and filter",
        NextPanel "next-panel" "next panel" "Next panel, or field in a form",
        PrevPanel "prev-panel" "previous panel" "Previous panel, or field in a form",
        LastView "last-view" "last view" "The view before this one, and back",
        Palette "palette" "go" "Go to anything, do anything: by name",
    }
    "global" Move {
        Up "up" "up" "One up",
        Down "down" "down" "One down",
        Left "left" "left" "Left: the environment, or sideways",
        Right "right" "right" "Right: the environment, or sideways",
        Top "top" "top" "To the first",
        Bottom "bottom" "bottom" "To the last",
        PageUp "page-up" "page up" "One page up",
        PageDown "page-down" "page down" "One page down",
        HalfUp "half-up" "half up" "Half a page up",
        HalfDown "half-down" "half down" "Half a page down",
        TabLeft "tab-left" "tab left" "The tab to the left; in a plan the older target",
        TabRight "tab-right" "tab right" "The tab to the right; in a plan the newer target",
        Enter "enter" "open" "Into what is under the cursor",
        Escape "escape" "close" "Close one thing; never quits",
        Back "back" "back" "Back; at the top it asks whether to quit",
        NextHit "next-hit" "next hit" "Next hit of the filter",
        PrevHit "prev-hit" "previous hit" "Previous hit of the filter",
        NextTrouble "next-trouble" "next trouble" "Next row or log line in trouble",
        PrevTrouble "prev-trouble" "previous trouble" "Previous row or log line in trouble",
    }
    "global" Look {
        Filter "filter" "filter" "Filter or find in this view",
        Problems "problems" "problems" "Only what is in trouble",
        Mark "mark" "mark" "Mark the row; in a text that runs, pause it",
        SortPrev "sort-prev" "sort" "Sort by the column to the left; again: reverse",
        SortNext "sort-next" "sort" "Sort by the column to the right; again: reverse",
        Zoom "zoom" "zoom" "This panel larger",
        Unzoom "unzoom" "unzoom" "This panel smaller",
        Times "times" "times" "Times as age, local or UTC",
        Help "help" "all keys" "All keys of this view",
    }
    "global" Take {
        CopyName "copy-name" "copy name" "Copy the name under the cursor",
        CopyView "copy-view" "copy as text" "Copy this view as text for a chat, secrets masked",
        Links "links" "links" "Links of what is under the cursor",
        SaveView "save-view" "save" "Save this view to a file, secrets masked",
    }
    "global" Console {
        WatchNotify "watch-notify" "watch" "Watch this and ring when it ends",
        Background "background" "still open" "What is under way and what was left open",
        OpenLock "open-lock" "open or lock" "Open a locked environment for 15 minutes, or lock it again",
        Refresh "refresh" "refresh" "Ask again now, retry what is down",
        Redraw "redraw" "redraw" "Draw the screen anew; a rollback is another key",
        Suspend "suspend" "suspend" "To the shell; fg comes back",
        Quit "quit" "quit" "Quit; asks while an operation runs",
    }
    "verbs" Read {
        Explain "explain" "explain" "Why is it broken?",
        Logs "logs" "logs" "Its logs",
        PreviousLogs "previous-logs" "previous logs" "The logs of the run before the crash",
        Describe "describe" "describe" "All about it, with its events",
        Yaml "yaml" "yaml" "Its YAML, secrets masked",
        Brought "brought" "its run" "The run of a CI that brought what runs there",
        History "history" "history" "Its revisions, with what is known of their health",
        Changes "changes" "changes" "What changed, and when",
        Verify "verify" "verify" "Is the release out everywhere, and well?",
        Runbook "runbook" "runbook" "Its runbook",
    }
    "verbs" Change {
        Rollback "rollback" "roll back" "Plan a rollback",
        Restart "restart" "restart" "Plan a restart, or the rerun of what failed",
        Stop "stop" "stop" "Plan to stop it: cancel a run, abort a rollout, expire a silence",
        LetGo "let-go" "let it go on" "Plan to let it go on: approve, play, promote, resume, delete the pod it waits for",
        Acknowledge "acknowledge" "acknowledge" "Acknowledge the alert",
        Silence "silence" "silence" "Silence the alert, by a form",
        Incident "incident" "incident" "Open an incident, or its record",
        Scale "scale" "scale" "Plan another number of replicas",
        Pause "pause" "pause" "Plan to pause the rollout",
        Promote "promote" "promote" "Plan to let a rollout go on past the pause at which it waits",
        PromoteFull "promote-full" "promote in full" "Plan to skip all steps that are left of a rollout",
        Retry "retry" "retry" "Plan to send a rollout forward again that was aborted",
        Rerun "rerun" "rerun" "Plan to run all jobs of a run again",
        ForceCancel "force-cancel" "force-cancel" "Plan to end a run at once, where a cancel did not bite",
        Reject "reject" "reject" "Plan to say no where a run waits for a person",
        Hold "hold" "hold off" "Plan to hold off the controller above that would change it back, or to let it go again",
        Resume "resume" "resume" "Plan to let a paused rollout go on",
    }
    "pods" Own {
        Shell "shell" "shell" "Leave the screen for a shell in the container; never in read-only",
    }
    "pipelines" Own {
        Dispatch "dispatch" "dispatch" "Plan to start another run of its workflow, with inputs",
    }
    "logs" Own {
        Follow "follow" "follow" "Follow the newest line",
        Wrap "wrap" "wrap" "Wrap long lines",
        FullScreen "full-screen" "full screen" "Logs alone on the screen",
        MarkLine "mark-line" "mark" "Put a marker line here",
        Clear "clear" "clear" "Clear the view, not the source",
        Unfold "unfold" "unfold" "Unfold a line of JSON",
        HiddenSidecars "hidden-sidecars" "sidecars" "Show or hide the known sidecars",
        GoTo "go-to" "go to" "Go to a time: 14:02, -5m, deploy",
    }
    "incident" Own {
        Note "note" "note" "Write a note into the record",
        Priority "priority" "priority" "Set the priority",
    }
}

impl Action {
    /// Its name in the keymap and in the palette.
    pub const fn name(self) -> &'static str {
        self.row().2
    }

    /// The action of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }

    /// Its kind.
    pub const fn group(self) -> Group {
        self.row().1
    }

    /// Two words for a footer.
    pub const fn label(self) -> &'static str {
        self.row().3
    }

    /// One line for help.
    pub const fn help(self) -> &'static str {
        self.row().4
    }

    /// The table of `keys.toml` that binds it.
    pub const fn table(self) -> &'static str {
        self.row().0
    }

    /// Whether it leads to a change of the world; such a key is never bound where text is typed.
    pub const fn changes(self) -> bool {
        matches!(self.group(), Group::Change) || matches!(self, Self::Shell | Self::Dispatch | Self::Note | Self::Priority)
    }

    /// The panel that it goes to, 1 to 6.
    pub const fn panel(self) -> Option<usize> {
        match self {
            Self::Panel1 => Some(1),
            Self::Panel2 => Some(2),
            Self::Panel3 => Some(3),
            Self::Panel4 => Some(4),
            Self::Panel5 => Some(5),
            Self::Panel6 => Some(6),
            _ => None,
        }
    }
}
