//! Reading the text of a theme, and all that can be wrong with one.

use super::{BUILT_IN, Fault, Role, colour::ANSI};
use ratatui::style::{Color, Modifier, Style};
use std::{borrow::Cow, collections::BTreeMap, ops::Range};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

type Entry<'a> = (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>);

/// A colour as it is written, to be looked up when the palette is whole, and where it is written.
#[derive(Clone, Debug)]
struct Written {
    name: String,
    theme: String,
    span: Range<usize>,
}

#[derive(Clone, Debug, Default)]
struct Look {
    fg: Option<Written>,
    bg: Option<Written>,
    attributes: Modifier,
}

/// A text read so far: parents first, children over them.
#[derive(Default)]
struct Draft {
    palette: BTreeMap<String, Color>,
    roles: BTreeMap<Role, Look>,
    faults: Vec<Fault>,
}

const ATTRIBUTES: &[(&str, Modifier)] =
    &[("bold", Modifier::BOLD), ("dim", Modifier::DIM), ("italic", Modifier::ITALIC), ("underline", Modifier::UNDERLINED), ("reverse", Modifier::REVERSED)];

/// The names of the sixteen in the order of their numbers.
const NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

pub(super) fn read(name: &str, own: &dyn Fn(&str) -> Option<String>) -> Result<[Style; Role::COUNT], Vec<Fault>> {
    let mut draft = Draft::default();
    match text_of(name, own, &[]) {
        Some(text) => draft.lay(name, &text, own, &mut Vec::new()),
        None => draft.fault(name, 0..0, no_theme(name)),
    }
    draft.finish(name)
}

/// The text of a theme: the user's, unless it is just being read, then the built-in one, so that a user's `dark` can inherit `dark`.
fn text_of(name: &str, own: &dyn Fn(&str) -> Option<String>, open: &[String]) -> Option<String> {
    let built_in = || BUILT_IN.iter().find(|(n, _)| *n == name).map(|(_, text)| (*text).to_owned());
    match open.iter().filter(|n| *n == name).count() {
        0 => own(name).or_else(built_in),
        1 => built_in(),
        _ => None,
    }
}

fn no_theme(name: &str) -> String {
    let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    format!("there is no theme `{name}`{}; built in are {}", near(name, &names), names.join(", "))
}

fn near(name: &str, names: &[&str]) -> String {
    let best = names.iter().map(|n| (strsim::normalized_damerau_levenshtein(name, n), n)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness >= 0.5).map(|(_, n)| format!("; did you mean `{n}`?")).unwrap_or_default()
}

/// A colour that needs no palette: a name, `#rrggbb`, a number, `default`.
fn base(text: &str) -> Option<Color> {
    if let Some(i) = NAMES.iter().position(|name| *name == text) {
        return Some(ANSI[i]);
    }
    if text == "default" {
        return Some(Color::Reset);
    }
    let Some(hex) = text.strip_prefix('#') else {
        return text.parse().ok().map(Color::Indexed);
    };
    let valid = hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    valid.then(|| u32::from_str_radix(hex, 16).ok().map(Color::from_u32)).flatten()
}

impl Draft {
    fn fault(&mut self, theme: &str, span: Range<usize>, what: impl Into<String>) {
        self.faults.push(Fault { theme: theme.to_owned(), span, what: what.into() });
    }

    fn lay(&mut self, name: &str, text: &str, own: &dyn Fn(&str) -> Option<String>, open: &mut Vec<String>) {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            self.fault(name, error.span().unwrap_or(0..0), error.message());
        }
        if !errors.is_empty() {
            return;
        }
        open.push(name.to_owned());
        if let Some(parent) = root.get_ref().get("inherits") {
            self.inherit(name, parent, own, open);
        }
        for (key, value) in root.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("palette", DeValue::Table(rows)) => rows.iter().for_each(|row| self.paint(name, row)),
                ("roles", DeValue::Table(rows)) => rows.iter().for_each(|row| self.role(name, row)),
                ("palette" | "roles", _) => self.fault(name, value.span(), "this is a table; write [palette] or [roles] on a line of its own"),
                ("inherits", _) => {}
                (other, _) => self.fault(name, key.span(), format!("`{other}` is nothing a theme has; it has `inherits`, [palette] and [roles]")),
            }
        }
    }

    fn inherit(&mut self, name: &str, parent: &Spanned<DeValue<'_>>, own: &dyn Fn(&str) -> Option<String>, open: &mut Vec<String>) {
        let Some(parent_name) = parent.get_ref().as_str() else {
            return self.fault(name, parent.span(), "`inherits` is the name of a theme, as \"dark\"");
        };
        match text_of(parent_name, own, open) {
            Some(text) => self.lay(parent_name, &text, own, open),
            None if open.iter().any(|n| n == parent_name) => {
                self.fault(name, parent.span(), format!("`{parent_name}` inherits itself by way of this; break the circle"))
            }
            None => self.fault(name, parent.span(), no_theme(parent_name)),
        }
    }

    fn paint(&mut self, theme: &str, (key, value): Entry<'_>) {
        match written(value).as_deref().and_then(base) {
            Some(colour) => {
                self.palette.insert(key.get_ref().to_string(), colour);
            }
            None => self.fault(theme, value.span(), "a colour is \"#rrggbb\", a name as \"bright-red\", a number from 0 to 255, or \"default\""),
        }
    }

    fn role(&mut self, theme: &str, (key, value): Entry<'_>) {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        let Some(role) = Role::named(key.get_ref()) else {
            let name = key.get_ref();
            return self.fault(theme, key.span(), format!("there is no role `{name}`{}; the roles are {}", near(name, &names), names.join(", ")));
        };
        let look = match value.get_ref() {
            DeValue::Table(rows) => self.look(theme, rows),
            _ => match written(value) {
                Some(name) => Look { fg: Some(Written { name, theme: theme.to_owned(), span: value.span() }), ..Look::default() },
                None => return self.fault(theme, value.span(), "a role is a colour, or { fg = …, bg = …, bold = true }"),
            },
        };
        self.roles.insert(role, look);
    }

    fn look(&mut self, theme: &str, rows: &DeTable<'_>) -> Look {
        let mut look = Look::default();
        for (key, value) in rows {
            let attribute = ATTRIBUTES.iter().find(|(name, _)| name == key.get_ref());
            match (key.get_ref().as_ref(), attribute, value.get_ref()) {
                ("fg" | "bg", ..) => match written(value) {
                    Some(name) => {
                        let colour = Some(Written { name, theme: theme.to_owned(), span: value.span() });
                        *(if key.get_ref() == "fg" { &mut look.fg } else { &mut look.bg }) = colour;
                    }
                    None => self.fault(theme, value.span(), "a colour is a text, as \"#rrggbb\", or a number from 0 to 255"),
                },
                (_, Some((_, modifier)), DeValue::Boolean(on)) => look.attributes.set(*modifier, *on),
                (name, Some(_), _) => self.fault(theme, value.span(), format!("`{name}` is true or false")),
                (name, None, _) => {
                    let what = format!("there is no `{name}` in a role; it has fg, bg, bold, dim, italic, underline and reverse");
                    self.fault(theme, key.span(), what);
                }
            }
        }
        look
    }

    fn finish(mut self, theme: &str) -> Result<[Style; Role::COUNT], Vec<Fault>> {
        let mut styles = [Style::new(); Role::COUNT];
        let roles = std::mem::take(&mut self.roles);
        let broken = !self.faults.is_empty();
        for role in Role::ALL {
            match roles.get(role) {
                Some(look) => {
                    let style = Style::new().add_modifier(look.attributes);
                    styles[*role as usize] = Style { fg: self.colour(look.fg.as_ref()), bg: self.colour(look.bg.as_ref()), ..style };
                }
                // A text that could not be read lacks roles for that reason alone.
                None if broken => {}
                None => self.fault(theme, 0..0, format!("the role `{}` is missing; add it, or begin with inherits = \"dark\"", role.name())),
            }
        }
        if self.faults.is_empty() { Ok(styles) } else { Err(self.faults) }
    }

    fn colour(&mut self, written: Option<&Written>) -> Option<Color> {
        let written = written?;
        let found = self.palette.get(&written.name).copied().or_else(|| base(&written.name));
        if found.is_none() {
            let names: Vec<&str> = self.palette.keys().map(String::as_str).chain(NAMES).collect();
            let what = format!("there is no colour `{}`{}; name it in [palette] or write \"#rrggbb\"", written.name, near(&written.name, &names));
            self.fault(&written.theme, written.span.clone(), what);
        }
        found
    }
}

/// A colour as it is written: a text or a number.
fn written(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}
