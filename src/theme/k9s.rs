//! Skins of k9s as themes.

use serde_json::Value;
use std::fmt::Write;

/// Role, and where k9s keeps its foreground and its ground.
const WHERE: &[(&str, &str, &str)] = &[
    ("text", "body.fgColor", "body.bgColor"),
    ("title", "frame.title.fgColor", ""),
    ("border", "frame.border.fgColor", ""),
    ("border-focus", "frame.border.focusColor", ""),
    ("cursor", "views.table.cursorFgColor", "views.table.cursorBgColor"),
    ("accent", "frame.title.highlightColor", ""),
    ("header", "info.fgColor", ""),
    ("key", "frame.menu.keyColor", ""),
    ("marked", "views.table.markColor", ""),
    ("marker", "frame.title.counterColor", ""),
    ("ok", "frame.status.newColor", ""),
    ("rolling", "frame.status.modifyColor", ""),
    ("warn", "frame.status.pendingColor", ""),
    ("critical", "frame.status.errorColor", ""),
    ("stale", "frame.status.completedColor", ""),
    ("added", "frame.status.addColor", ""),
    ("removed", "frame.status.killColor", ""),
    ("log-error", "frame.status.errorColor", ""),
    ("log-warn", "frame.status.pendingColor", ""),
    ("log-info", "views.logs.fgColor", ""),
    ("bar-done", "frame.status.modifyColor", ""),
];

/// Roles that stay bold, so that they differ in more than hue whatever the skin says.
const BOLD: &[&str] = &["title", "cursor", "critical", "warn", "key", "marked", "log-error"];

/// The text of a theme that looks as a k9s skin does. What the skin does not say is inherited from `dark`, or from `light` where its ground is bright.
///
/// # Errors
/// Why the text is not a skin, in one sentence.
pub fn from_k9s(yaml: &str) -> Result<String, String> {
    let skin: Value = serde_saphyr::from_str(yaml).map_err(|e| format!("this is not YAML that can be read: {}", first_line(&e.to_string())))?;
    let Some(skin) = skin.get("k9s") else {
        return Err("this is not a k9s skin: it has no `k9s:` at the top".into());
    };
    let bright = colour(skin, "body.bgColor").is_ok_and(|c| c.as_deref().is_some_and(is_bright));
    let mut theme = format!("# Imported from a k9s skin.\ninherits = \"{}\"\n\n[roles]\n", if bright { "light" } else { "dark" });
    for (role, fg, bg) in WHERE {
        let mut parts = Vec::new();
        for (name, path) in [("fg", fg), ("bg", bg)] {
            match colour(skin, path) {
                Ok(Some(colour)) => parts.push(format!("{name} = \"{colour}\"")),
                Ok(None) => {}
                Err(unknown) => _ = writeln!(theme, "# {path}: {unknown:?} is a colour that is not known here; left as inherited"),
            }
        }
        if parts.is_empty() {
            continue;
        }
        if BOLD.contains(role) {
            parts.push("bold = true".into());
        }
        _ = writeln!(theme, "{role} = {{ {} }}", parts.join(", "));
    }
    Ok(theme)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect()
}

/// The colour at a path: none where the skin is silent, `Err` with the word where it is not known.
fn colour(skin: &Value, path: &str) -> Result<Option<String>, String> {
    let found = path.split('.').try_fold(skin, |value, key| value.get(key));
    let Some(word) = found.and_then(Value::as_str).filter(|word| !word.is_empty()) else {
        return Ok(None);
    };
    let word = word.to_ascii_lowercase();
    if matches!(word.as_str(), "default" | "-") {
        return Ok(Some("default".into()));
    }
    let hex = word.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    let named = || NAMES.iter().find(|(name, _)| *name == word).map(|(_, rgb)| format!("#{rgb:06x}"));
    if hex { Ok(Some(word)) } else { named().map(Some).ok_or_else(|| word.chars().filter(|c| !c.is_control()).take(40).collect()) }
}

fn is_bright(hex: &str) -> bool {
    let sum: u32 = (1..=5).step_by(2).filter_map(|i| hex.get(i..i + 2)).filter_map(|part| u32::from_str_radix(part, 16).ok()).sum();
    sum > 3 * 128
}

/// The names of colours, as browsers and k9s have them, that skins use.
const NAMES: &[(&str, u32)] = &[
    ("aqua", 0x00ffff),
    ("aquamarine", 0x7fffd4),
    ("antiquewhite", 0xfaebd7),
    ("azure", 0xf0ffff),
    ("beige", 0xf5f5dc),
    ("black", 0x000000),
    ("blue", 0x0000ff),
    ("blueviolet", 0x8a2be2),
    ("brown", 0xa52a2a),
    ("cadetblue", 0x5f9ea0),
    ("chartreuse", 0x7fff00),
    ("coral", 0xff7f50),
    ("cornflowerblue", 0x6495ed),
    ("crimson", 0xdc143c),
    ("cyan", 0x00ffff),
    ("darkblue", 0x00008b),
    ("darkcyan", 0x008b8b),
    ("darkgray", 0xa9a9a9),
    ("darkgreen", 0x006400),
    ("darkmagenta", 0x8b008b),
    ("darkorange", 0xff8c00),
    ("darkred", 0x8b0000),
    ("darkslategray", 0x2f4f4f),
    ("deeppink", 0xff1493),
    ("deepskyblue", 0x00bfff),
    ("dimgray", 0x696969),
    ("dodgerblue", 0x1e90ff),
    ("firebrick", 0xb22222),
    ("forestgreen", 0x228b22),
    ("fuchsia", 0xff00ff),
    ("ghostwhite", 0xf8f8ff),
    ("gold", 0xffd700),
    ("gray", 0x808080),
    ("green", 0x008000),
    ("greenyellow", 0xadff2f),
    ("grey", 0x808080),
    ("hotpink", 0xff69b4),
    ("indianred", 0xcd5c5c),
    ("indigo", 0x4b0082),
    ("ivory", 0xfffff0),
    ("khaki", 0xf0e68c),
    ("lavender", 0xe6e6fa),
    ("lawngreen", 0x7cfc00),
    ("lightblue", 0xadd8e6),
    ("lightcyan", 0xe0ffff),
    ("lightgray", 0xd3d3d3),
    ("lightgreen", 0x90ee90),
    ("lightskyblue", 0x87cefa),
    ("lightslategray", 0x778899),
    ("lightyellow", 0xffffe0),
    ("lime", 0x00ff00),
    ("limegreen", 0x32cd32),
    ("magenta", 0xff00ff),
    ("maroon", 0x800000),
    ("mediumpurple", 0x9370db),
    ("mediumvioletred", 0xc71585),
    ("navajowhite", 0xffdead),
    ("navy", 0x000080),
    ("olive", 0x808000),
    ("orange", 0xffa500),
    ("orangered", 0xff4500),
    ("orchid", 0xda70d6),
    ("palegreen", 0x98fb98),
    ("paleturquoise", 0xafeeee),
    ("papayawhip", 0xffefd5),
    ("pink", 0xffc0cb),
    ("plum", 0xdda0dd),
    ("powderblue", 0xb0e0e6),
    ("purple", 0x800080),
    ("red", 0xff0000),
    ("royalblue", 0x4169e1),
    ("salmon", 0xfa8072),
    ("sandybrown", 0xf4a460),
    ("seagreen", 0x2e8b57),
    ("silver", 0xc0c0c0),
    ("skyblue", 0x87ceeb),
    ("slateblue", 0x6a5acd),
    ("slategray", 0x708090),
    ("snow", 0xfffafa),
    ("springgreen", 0x00ff7f),
    ("steelblue", 0x4682b4),
    ("tan", 0xd2b48c),
    ("teal", 0x008080),
    ("thistle", 0xd8bfd8),
    ("tomato", 0xff6347),
    ("turquoise", 0x40e0d0),
    ("violet", 0xee82ee),
    ("wheat", 0xf5deb3),
    ("white", 0xffffff),
    ("whitesmoke", 0xf5f5f5),
    ("yellow", 0xffff00),
    ("yellowgreen", 0x9acd32),
];
