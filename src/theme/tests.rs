use super::{colour::indexed, *};
use ratatui::style::Modifier;

type Linear = [f64; 3];

fn built_in(name: &str) -> Theme {
    Theme::read(name, &|_| None).unwrap_or_else(|faults| panic!("{name}: {faults:?}"))
}

fn own(text: &str) -> Result<Theme, Vec<Fault>> {
    Theme::read("mine", &|name| (name == "mine").then(|| text.to_owned()))
}

/// Each fault as the words it points at and what it says of them.
fn faults(text: &str) -> Vec<String> {
    own(text).unwrap_err().into_iter().map(|f| format!("{}: {}", &text[f.span], f.what)).collect()
}

fn linear(colour: Color) -> Linear {
    let (r, g, b) = match colour {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Indexed(i) => indexed(i),
        other => panic!("{other:?} is the terminal's own"),
    };
    [r, g, b].map(|c| f64::from(c) / 255.0).map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) })
}

fn luminance([r, g, b]: Linear) -> f64 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn contrast(a: Linear, b: Linear) -> f64 {
    let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
    a.max(b) / a.min(b)
}

/// What is painted for a role: its own colours over those of plain text.
fn painted(theme: &Theme, role: Role) -> (Linear, Linear) {
    let (style, ground) = (theme.style(role), theme.style(Role::Text));
    (linear(style.fg.or(ground.fg).unwrap()), linear(style.bg.or(ground.bg).unwrap()))
}

#[test]
fn every_built_in_theme_has_every_role() {
    for (name, _) in BUILT_IN {
        built_in(name);
    }
    assert_eq!(Theme::default(), built_in("dark"));
}

#[test]
fn roles_have_unique_names() {
    for role in Role::ALL {
        assert_eq!(Role::named(role.name()), Some(*role));
    }
}

#[test]
fn text_can_be_read_on_its_ground() {
    for (name, least) in [("dark", 4.5), ("light", 4.5), ("colour-blind", 4.5), ("high-contrast", 7.0)] {
        let theme = built_in(name);
        for role in Role::ALL.iter().filter(|role| !matches!(role, Role::Border | Role::BarTodo)) {
            let (fg, bg) = painted(&theme, *role);
            assert!(contrast(fg, bg) >= least, "{name} {role:?}: {:.2}", contrast(fg, bg));
        }
    }
}

#[test]
fn critical_and_ok_differ_in_more_than_hue() {
    for (name, _) in BUILT_IN {
        let theme = built_in(name);
        let (ok, critical) = (theme.style(Role::Ok), theme.style(Role::Critical));
        assert_ne!(ok.add_modifier, critical.add_modifier, "{name}");
        assert_ne!(theme.style(Role::Text), critical, "{name}");
    }
}

#[test]
fn production_and_demo_stand_out_in_every_theme() {
    for (name, _) in BUILT_IN {
        let theme = built_in(name);
        for role in [Role::Production, Role::Demo] {
            let style = theme.style(role);
            assert!(style.bg.is_some() || style.add_modifier.contains(Modifier::REVERSED), "{name} {role:?}");
        }
    }
}

/// What people see who lack one kind of cone (Viénot 1999 for red and green, one half of Brettel 1997 for blue), in linear light.
const BLIND: [(&str, [[f64; 3]; 3]); 3] = [
    ("protanopia", [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]]),
    ("deuteranopia", [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]),
    ("tritanopia", [[1.01277, 0.13548, -0.14826], [-0.01243, 0.86812, 0.14431], [0.07589, 0.80500, 0.11911]]),
];

fn seen(matrix: &[[f64; 3]; 3], colour: Linear) -> Linear {
    matrix.map(|row| row.iter().zip(colour).map(|(m, c)| m * c).sum::<f64>().clamp(0.0, 1.0))
}

/// How far apart two colours look (ΔE of CIE 1976): 10 is told apart at a glance.
fn apart(a: Linear, b: Linear) -> f64 {
    let lab = |[r, g, b]: Linear| {
        let xyz = [(0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505, 0.2126 * r + 0.7152 * g + 0.0722 * b, (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089];
        let [x, y, z] = xyz.map(|v| if v > 0.008856 { v.cbrt() } else { 7.787 * v + 16.0 / 116.0 });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    };
    lab(a).iter().zip(lab(b)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn the_colour_blind_theme_tells_states_apart_for_every_eye() {
    let theme = built_in("colour-blind");
    // What is reversed in the theme has its colour in the ground.
    let colour = |role| if role == Role::Critical { painted(&theme, role).1 } else { painted(&theme, role).0 };
    let states = [Role::Ok, Role::Rolling, Role::Warn, Role::Critical];
    for (eye, matrix) in &BLIND {
        for (i, a) in states.iter().enumerate() {
            for b in &states[i + 1..] {
                let apart = apart(seen(matrix, colour(*a)), seen(matrix, colour(*b)));
                assert!(apart >= 15.0, "{eye}: {a:?} and {b:?} are {apart:.1} apart");
            }
        }
    }
}

#[test]
fn mono_names_no_colour_and_tells_states_by_attributes() {
    let theme = built_in("mono");
    assert!(Role::ALL.iter().all(|role| theme.style(*role).fg.is_none() && theme.style(*role).bg.is_none()));
    let states = [Role::Ok, Role::Rolling, Role::Warn, Role::Critical, Role::Stale, Role::Unknown].map(|role| theme.style(role).add_modifier);
    for (i, a) in states.iter().enumerate() {
        assert!(!states[i + 1..].contains(a), "{a:?}");
    }
}

#[test]
fn a_child_paints_its_parents_roles_with_its_own_palette() {
    let theme = own("inherits = \"dark\"\n[palette]\nred = \"#ff0000\"\n[roles]\nok = 42\ntitle = { fg = \"red\", underline = true }\n").unwrap();
    assert_eq!(theme.style(Role::Critical).fg, Some(Color::Rgb(255, 0, 0)));
    assert_eq!(theme.style(Role::Ok), Style::new().fg(Color::Indexed(42)));
    assert_eq!(theme.style(Role::Title), Style::new().fg(Color::Rgb(255, 0, 0)).add_modifier(Modifier::UNDERLINED));
    assert_eq!(theme.style(Role::Warn), Theme::default().style(Role::Warn));
}

#[test]
fn a_users_theme_may_have_the_name_of_the_one_it_inherits() {
    let theme = Theme::read("dark", &|name| (name == "dark").then(|| "inherits = \"dark\"\n[roles]\nok = \"bright-green\"\n".into())).unwrap();
    assert_eq!(theme.style(Role::Ok).fg, Some(Color::LightGreen));
    assert_eq!(theme.style(Role::Critical), Theme::default().style(Role::Critical));
}

#[test]
fn all_faults_of_a_theme_come_at_once() {
    let text = "inherits = \"drak\"\ncolours = 1\n[palette]\nred = \"#ff00\"\nblue = 256\n[roles]\ncritcal = \"red\"\nok = { fg = \"gren\", blink = true, bold = 1 }\nwarn = true\n";
    let mut found = faults(text);
    found.sort();
    let expected = [
        "\"#ff00\": a colour is \"#rrggbb\", a name as \"bright-red\", a number from 0 to 255, or \"default\"",
        "\"drak\": there is no theme `drak`; did you mean `dark`?; built in are dark, light, high-contrast, colour-blind, 16-colours, mono",
        "\"gren\": there is no colour `gren`; did you mean `green`?; name it in [palette] or write \"#rrggbb\"",
        "1: `bold` is true or false",
        "256: a colour is \"#rrggbb\", a name as \"bright-red\", a number from 0 to 255, or \"default\"",
        "blink: there is no `blink` in a role; it has fg, bg, bold, dim, italic, underline and reverse",
        "colours: `colours` is nothing a theme has; it has `inherits`, [palette] and [roles]",
    ];
    assert_eq!(found[..7], expected);
    assert!(found[7].starts_with("critcal: there is no role `critcal`; did you mean `critical`?"), "{}", found[7]);
    assert_eq!(found[8], "true: a role is a colour, or { fg = …, bg = …, bold = true }");
}

#[test]
fn a_circle_of_themes_is_told_and_does_not_hang() {
    let texts = [("a", "inherits = \"b\"\n"), ("b", "inherits = \"a\"\n")];
    let lookup = |name: &str| texts.iter().find(|(n, _)| *n == name).map(|(_, text)| (*text).to_owned());
    let faults = Theme::read("a", &lookup).unwrap_err();
    assert_eq!((faults[0].theme.as_str(), faults[0].what.as_str()), ("b", "`a` inherits itself by way of this; break the circle"));
}

#[test]
fn a_theme_that_inherits_nothing_must_have_all_roles() {
    let faults = faults("[roles]\nok = \"green\"\n");
    assert_eq!(faults.len(), Role::COUNT - 1);
    assert!(faults[0].contains("the role `text` is missing"));
}

#[test]
fn the_depth_comes_from_what_the_terminal_says() {
    let cases = [
        ((None, Some("xterm-256color"), Some("truecolor")), Depth::TrueColour),
        ((None, Some("xterm-256color"), None), Depth::Indexed256),
        ((None, Some("screen-256color"), Some("")), Depth::Indexed256),
        ((None, Some("xterm-kitty"), None), Depth::TrueColour),
        ((None, Some("linux"), None), Depth::Ansi16),
        ((None, Some("xterm"), None), Depth::Ansi16),
        ((None, Some("dumb"), Some("truecolor")), Depth::None),
        ((None, None, None), Depth::None),
        ((Some("1"), Some("xterm-256color"), Some("truecolor")), Depth::None),
        ((Some(""), Some("xterm-256color"), None), Depth::Indexed256),
    ];
    for ((no_color, term, colorterm), depth) in cases {
        assert_eq!(Depth::of(no_color, term, colorterm), depth, "{no_color:?} {term:?} {colorterm:?}");
    }
}

#[test]
fn colours_become_the_nearest_the_terminal_has() {
    let nearest = |depth: Depth, rgb: u32| depth.nearest(Color::from_u32(rgb));
    assert_eq!(nearest(Depth::TrueColour, 0x123456), Color::from_u32(0x123456));
    assert_eq!(nearest(Depth::Indexed256, 0xff0000), Color::Indexed(196));
    assert_eq!(nearest(Depth::Indexed256, 0x808080), Color::Indexed(244));
    assert_eq!(nearest(Depth::Indexed256, 0x000000), Color::Indexed(16));
    assert_eq!(nearest(Depth::Ansi16, 0xfe0101), Color::LightRed);
    assert_eq!(nearest(Depth::Ansi16, 0x101010), Color::Black);
    assert_eq!(Depth::Ansi16.nearest(Color::Indexed(196)), Color::LightRed);
    assert_eq!(Depth::Ansi16.nearest(Color::Reset), Color::Reset);
    assert_eq!(Depth::Ansi16.nearest(Color::Cyan), Color::Cyan);
}

#[test]
fn at_no_depth_does_a_theme_name_more_than_there_is() {
    for (name, _) in BUILT_IN {
        let theme = built_in(name).at(Depth::Ansi16);
        let sixteen = |colour: Option<Color>| !matches!(colour, Some(Color::Rgb(..) | Color::Indexed(_)));
        assert!(Role::ALL.iter().all(|role| sixteen(theme.style(*role).fg) && sixteen(theme.style(*role).bg)), "{name}");
        assert_eq!(built_in(name).at(Depth::None), built_in("mono"), "{name}");
    }
    for depth in [Depth::None, Depth::Ansi16, Depth::Indexed256, Depth::TrueColour] {
        built_in(depth.theme());
    }
}

#[test]
fn a_k9s_skin_becomes_a_theme_with_its_anchors_followed() {
    let skin = "fg: &fg \"#102030\"\nalarm: &alarm orangered\nk9s:\n  body: {fgColor: *fg, bgColor: \"#fdf6e3\"}\n  frame:\n    status: {newColor: *fg, errorColor: *alarm, pendingColor: nonsense}\n    border: {fgColor: default}\n";
    let text = from_k9s(skin).unwrap();
    let theme = own(&text).unwrap_or_else(|faults| panic!("{text}\n{faults:?}"));
    assert_eq!(theme.style(Role::Text), Style::new().fg(Color::from_u32(0x102030)).bg(Color::from_u32(0xfdf6e3)));
    assert_eq!(theme.style(Role::Critical).fg, Some(Color::from_u32(0xff4500)));
    assert_eq!(theme.style(Role::Border).fg, Some(Color::Reset));
    assert_eq!(theme.style(Role::Warn), built_in("light").style(Role::Warn));
    assert!(text.contains("# frame.status.pendingColor: \"nonsense\""), "{text}");
}

#[test]
fn what_is_no_skin_is_refused() {
    assert!(from_k9s("body: 1\n").unwrap_err().contains("`k9s:`"));
    assert!(from_k9s("a: [").unwrap_err().contains("YAML"));
    let bomb: String = (1..40).fold("a0: &a0 [x, x]\n".into(), |text, i| format!("{text}a{i}: &a{i} [*a{p}, *a{p}, *a{p}, *a{p}]\n", p = i - 1));
    assert!(from_k9s(&bomb).is_err());
}
