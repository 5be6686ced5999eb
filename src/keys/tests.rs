use super::*;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn in_layers(layers: &[Layer], text: &str) -> Resolution {
    let chord: Chord = text.parse().unwrap();
    Keymap::default().resolve(layers, chord.keys())
}

fn faults(user: &str) -> Vec<String> {
    Keymap::with(user).unwrap_err().into_iter().map(|fault| format!("{}: {}", &user[fault.span], fault.what)).collect()
}

#[test]
fn a_key_is_written_as_it_is_read() {
    for text in
        ["j", "G", "ctrl-r", "tab", "shift-tab", "enter", "esc", "pgup", "f5", "space", "alt-x", "ctrl-alt-del", "-", "ctrl--", "_", "<", "ctrl-space", "é"]
    {
        assert_eq!(key(text).to_string(), text);
    }
}

#[test]
fn every_way_to_say_a_key_becomes_one() {
    assert_eq!(key("shift-g"), key("G"));
    assert_eq!(key("ctrl-R"), key("ctrl-r"));
    assert_eq!(Key::new(KeyCode::Char('g'), false, false, true), Key::char('G'));
    assert_eq!(Key::new(KeyCode::Char('G'), false, false, true), Key::char('G'));
    assert_eq!(Key::new(KeyCode::Char('!'), false, false, true), Key::char('!'));
}

#[test]
fn what_is_not_a_key_is_refused_with_a_way_to_write_it() {
    for text in ["", "ctrl-", "hello", "f13", "f0", "meta-x", "jj", "\u{7}"] {
        assert!(text.parse::<Key>().is_err(), "{text:?}");
    }
    assert!("".parse::<Chord>().unwrap_err().0.contains("`none`"));
}

#[test]
fn keys_that_a_terminal_can_not_tell_apart_are_refused() {
    assert!("ctrl-i".parse::<Key>().unwrap_err().0.contains("`tab`"));
    assert!("ctrl-m".parse::<Key>().unwrap_err().0.contains("`enter`"));
    assert!("ctrl-[".parse::<Key>().unwrap_err().0.contains("`esc`"));
}

#[test]
fn only_bare_characters_type_text() {
    assert_eq!(key("G").text(), Some('G'));
    assert_eq!(key("space").text(), Some(' '));
    assert_eq!(key("ctrl-g").text(), None);
    assert_eq!(key("enter").text(), None);
}

#[test]
fn the_built_in_keymap_is_sound_and_names_every_action() {
    let (found, faults) = read::read(DEFAULT);
    assert_eq!(faults, []);
    let here: Vec<Action> = found.iter().map(|f| f.action).collect();
    let missing: Vec<&Action> = Action::ALL.iter().filter(|action| !here.contains(action)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // Laid over itself every binding is the user's, so that a conflict could be told.
    assert!(Keymap::with(DEFAULT).is_ok());
}

#[test]
fn names_are_unique_and_kebab_case() {
    for (i, action) in Action::ALL.iter().enumerate() {
        assert!(action.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{action:?}");
        assert_eq!(Action::named(action.name()), Some(*action), "{i}");
    }
}

/// The table of keys as the screens show it.
#[rustfmt::skip]
#[test]
fn the_key_table_is_kept() {
    use Action::*;
    let table = [
        ("1", Panel1), ("6", Panel6), ("0", AllPanels), ("tab", NextPanel), ("shift-tab", PrevPanel), ("j", Down), ("k", Up), ("g", Top), ("G", Bottom),
        ("ctrl-f", PageDown), ("ctrl-b", PageUp), ("pgup", PageUp), ("ctrl-u", HalfUp), ("ctrl-d", HalfDown), ("left", Left), ("right", Right),
        ("[", TabLeft), ("]", TabRight), ("enter", Enter), ("esc", Escape), ("q", Back), ("-", LastView), ("+", Zoom), ("_", Unzoom), (":", Palette),
        ("ctrl-p", Palette), ("/", Filter), ("n", NextHit), ("N", PrevHit), ("e", NextTrouble), ("E", PrevTrouble), ("!", Problems), ("space", Mark),
        ("<", SortPrev), (">", SortNext), ("t", Times), ("?", Help), ("c", CopyName), ("Y", CopyView), ("b", Links), ("ctrl-s", SaveView),
        ("W", WatchNotify), ("B", Background), ("ctrl-o", OpenLock), ("ctrl-r", Refresh), ("ctrl-l", Redraw), ("ctrl-z", Suspend), ("ctrl-c", Quit),
        ("x", Explain), ("l", Logs), ("p", PreviousLogs), ("d", Describe), ("y", Yaml), ("z", History), ("T", Changes), ("v", Verify), ("o", Runbook),
        ("R", Rollback), ("r", Restart), ("X", Stop), ("A", LetGo), ("a", Acknowledge), ("S", Silence), ("i", Incident),
    ];
    for (text, action) in table {
        assert_eq!(in_layers(&[Layer::Environments, Layer::Global], text), Resolution::Action(action), "{text}");
    }
    let logs = [("s", Follow), ("w", Wrap), ("f", FullScreen), ("m", MarkLine), ("C", Clear), ("u", Unfold), ("h", HiddenSidecars), ("@", GoTo), ("space", Mark)];
    for (text, action) in logs {
        assert_eq!(in_layers(&[Layer::Logs, Layer::Global], text), Resolution::Action(action), "{text}");
    }
    assert_eq!(in_layers(&[Layer::Pods, Layer::Global], "s"), Resolution::Action(Shell));
    for (text, action) in [("D", Dispatch), ("w", WatchNotify), ("W", WatchNotify)] {
        assert_eq!(in_layers(&[Layer::Pipelines, Layer::Global], text), Resolution::Action(action), "{text}");
    }
}

#[test]
fn fingers_from_k9s_find_nothing_that_kills_or_rolls_back() {
    assert_eq!(in_layers(&[Layer::Pods, Layer::Global], "ctrl-k"), Resolution::None);
    assert_eq!(in_layers(&[Layer::Pods, Layer::Global], "ctrl-d"), Resolution::Action(Action::HalfDown));
    assert_eq!(in_layers(&[Layer::Pods, Layer::Global], "ctrl-l"), Resolution::Action(Action::Redraw));
}

#[test]
fn where_text_is_typed_nothing_below_is_heard() {
    for layer in [Layer::Prompt, Layer::Form, Layer::Confirm] {
        let layers = [layer, Layer::Plan, Layer::Logs, Layer::Global];
        for text in ["R", "q", "j", "space", "1", "ctrl-o", "ctrl-r"] {
            assert_eq!(in_layers(&layers, text), Resolution::None, "{layer:?} {text}");
        }
        assert_eq!(in_layers(&layers, "enter"), Resolution::Action(Action::Enter));
        assert_eq!(in_layers(&layers, "esc"), Resolution::Action(Action::Escape));
        assert_eq!(in_layers(&layers, "tab"), Resolution::Action(Action::NextPanel));
    }
    for action in Action::ALL.iter().filter(|action| action.changes()) {
        for layer in [Layer::Prompt, Layer::Form, Layer::Confirm] {
            assert_eq!(Keymap::default().chords(layer, *action).next(), None);
        }
    }
}

#[test]
fn a_chord_waits_for_its_second_key() {
    let map = Keymap::with("[global]\ntop = \"g g\"\n").unwrap();
    let g = key("g");
    assert_eq!(map.resolve(&[Layer::Global], &[g]), Resolution::Pending);
    assert_eq!(map.resolve(&[Layer::Global], &[g, g]), Resolution::Action(Action::Top));
    assert_eq!(map.resolve(&[Layer::Global], &[g, key("x")]), Resolution::None);
    assert_eq!(map.resolve(&[Layer::Global], &[key("home")]), Resolution::None);
}

#[test]
fn a_bound_action_loses_its_built_in_keys_and_none_leaves_it_without() {
    let map = Keymap::with("[global]\ndown = \"ctrl-n\"\nup = \"none\"\n").unwrap();
    assert_eq!(map.resolve(&[Layer::Global], &[key("ctrl-n")]), Resolution::Action(Action::Down));
    for gone in ["j", "down", "k", "up"] {
        assert_eq!(map.resolve(&[Layer::Global], &[key(gone)]), Resolution::None, "{gone}");
    }
    assert_eq!(map.resolve(&[Layer::Global], &[key("G")]), Resolution::Action(Action::Bottom));
}

#[test]
fn two_actions_may_swap_their_keys() {
    let map = Keymap::with("[verbs]\nexplain = \"l\"\nlogs = \"x\"\n").unwrap();
    assert_eq!(map.resolve(&[Layer::Global], &[key("x")]), Resolution::Action(Action::Logs));
}

#[test]
fn all_faults_come_at_once_each_with_its_place_and_a_remedy() {
    let found = faults(
        "[global]\nexplian = \"x\"\ndown = [\"jj\", 7]\nfollow = \"s\"\n[verbs]\nrollback = \"x\"\n[logs]\nwrap = \"R\"\nclear = \"Q\"\n\
         [confirm]\nrollback = \"ctrl-y\"\nenter = \"y\"\nquit = \"ctrl-c\"\n[pod]\nshell = \"s\"\n",
    );
    let expected = [
        "explian: there is no action `explian`; did you mean `explain`?",
        "\"jj\": `jj` is not a key; write `j`, `G`, `ctrl-r`, `alt-x`, `shift-tab`, `pgup`, `f5` or `space`",
        "7: a key is a text, as \"ctrl-r\", or a list of them, as [\"j\", \"down\"]",
        "follow: `follow` belongs under [logs], not under [global]",
        "\"x\": `x` would be both `explain` and `rollback`; rebind one of them, or set it to \"none\"",
        "rollback: `rollback` leads to a change and is never bound where text is typed; bind it under [verbs]",
        "\"y\": `y` is text here; take a key that types nothing, as `tab` or `ctrl-n`",
        "quit: `quit` means nothing where text is typed; bind it under [global]",
        "pod: there are no keys for `pod`; the tables are global, verbs, pods, pipelines, logs, incident, prompt, form, confirm",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_panel_key_never_hides_a_global_one() {
    assert_eq!(
        faults("[logs]\nwrap = \"R\"\n"),
        ["\"R\": `R` is `rollback` everywhere, and a panel's key never hides a global one; rebind one of `rollback` and `wrap`, or set it to \"none\""]
    );
    assert_eq!(
        faults("[verbs]\nexplain = \"u\"\n"),
        ["\"u\": `u` is `explain` everywhere, and a panel's key never hides a global one; rebind one of `unfold` and `explain`, or set it to \"none\""]
    );
    assert!(Keymap::with("[pods]\nshell = \"w\"\n").is_ok(), "two panels may use one key");
}

#[test]
fn a_key_can_not_begin_a_chord_and_stand_alone() {
    assert_eq!(faults("[verbs]\nexplain = \"g x\"\n"), ["\"g x\": `g` (top) can not begin the chord `g x` (explain); take another key for one"]);
    assert_eq!(faults("[verbs]\nexplain = [\"f1\", \"f1\"]\n"), ["\"f1\": `f1` is written twice for `explain`; once is enough"]);
}

#[test]
fn broken_text_is_told_with_its_place() {
    assert!(faults("[global]\ndown = \n")[0].contains("value"));
    assert!(faults("[global]\ndown = \"j\"\ndown = \"k\"\n")[0].starts_with("down: "));
    assert!(faults("down = \"j\"\n")[0].contains("put it under [global]"));
}

#[test]
fn help_lists_the_keys_of_a_layer_and_what_they_mean_there() {
    let map = Keymap::default();
    let find = |layer, action| map.help(layer).into_iter().find(|line| line.action == action).unwrap();
    assert_eq!(find(Layer::Plan, Action::Describe), Help { keys: "d".into(), action: Action::Describe, text: "difference" });
    assert_eq!(find(Layer::Logs, Action::Mark).keys, "space");
    assert_eq!(find(Layer::Confirm, Action::Escape), Help { keys: "Esc, ctrl-c".into(), action: Action::Escape, text: "no" });
    assert_eq!(find(Layer::Global, Action::Down).keys, "j, Down");
    assert_eq!(find(Layer::Global, Action::Scale).keys, "");
    let global: Vec<Action> = map.help(Layer::Global).iter().map(|line| line.action).collect();
    assert!(global.contains(&Action::Rollback) && !global.contains(&Action::Follow));
}

#[test]
fn a_footer_shows_the_preferred_key() {
    let map = Keymap::default();
    assert_eq!(map.key(Layer::Environments, Action::Rollback).as_deref(), Some("R"));
    assert_eq!(map.key(Layer::Plan, Action::Escape).as_deref(), Some("Esc"));
    assert_eq!(map.key(Layer::Confirm, Action::Rollback), None);
    assert_eq!(map.key(Layer::Global, Action::Scale), None);
}
