//! One frame to standard output; needs no terminal.

use super::{
    Failed,
    args::{Global, Print},
    demo::{opens, scenario},
    exit::Exit,
    out,
    start::{Prepared, duration},
    svg,
    theatre::{Cue, Theatre},
};
use crate::{
    app::{App, Size},
    keys::Key,
    text::Clean,
    view,
};
use jiff::SignedDuration;
use ratatui::{buffer::Buffer, layout::Rect};

/// Presses the keys, draws the frame, prints it.
pub fn run(global: &Global, print: &Print) -> Result<Exit, Failed> {
    let size = size(&print.size)?;
    let script = script(&print.keys)?;
    if global.demo.is_some() {
        let scenario = scenario(&print.demo.scenario)?;
        let at = print.demo.at.as_deref().map(duration).transpose()?;
        let mut app = App::new(Prepared::of(global)?.simulated(&scenario).staged(opens(&scenario, at), size));
        let mut theatre = Theatre::new(&scenario, print.demo.seed, opens(&scenario, at));
        theatre.open(&mut app);
        theatre.play(&mut app, &script);
        return show(&app, print, size);
    }
    Prepared::of(global)?.block_on(|mut headless| async move {
        headless.app.size = size;
        headless.synced().await;
        for cue in script {
            let patience = match cue {
                Cue::Wait(time) => time.unsigned_abs(),
                Cue::Key(key) => {
                    let effects = headless.app.update(headless.clock.now(), crate::app::Event::Key(key));
                    headless.carry_out(effects);
                    headless.patience.min(std::time::Duration::from_millis(700))
                }
            };
            headless.until(patience, |_| false).await;
            if let Some(dialog) = headless.app.unseen() {
                let effects = headless.app.update(headless.clock.now(), crate::app::Event::Painted(dialog));
                headless.carry_out(effects);
            }
        }
        show(&headless.app, print, size)
    })
}

fn show(app: &App, print: &Print, size: Size) -> Result<Exit, Failed> {
    let area = Rect::new(0, 0, size.width, size.height);
    let mut buffer = Buffer::empty(area);
    view::draw_into(app, &mut buffer, area);
    if let Some(file) = &print.svg {
        let picture = svg::picture(&buffer, "Pilothouse");
        std::fs::write(file, picture).map_err(|error| Failed::new(Exit::No, format!("{}: {error}", file.display())))?;
        return Ok(Exit::Yes);
    }
    let text = if print.colour { coloured(&buffer) } else { plain(&buffer) };
    out::write(format_args!("{text}"));
    Ok(Exit::Yes)
}

/// The frame as text, without the blanks at the ends of its lines.
pub fn plain(buffer: &Buffer) -> String {
    let area = buffer.area;
    let row = |y| -> String { (0..area.width).map(|x| buffer[(x, y)].symbol()).collect() };
    (0..area.height).map(|y| format!("{}\n", row(y).trim_end())).collect()
}

/// The frame with its colours as escape sequences.
fn coloured(buffer: &Buffer) -> String {
    use ratatui::style::{Color, Modifier};
    let code = |colour: Color, base: u8| match colour {
        Color::Rgb(r, g, b) => format!(";{};2;{r};{g};{b}", base + 8),
        Color::Indexed(index) => format!(";{};5;{index}", base + 8),
        _ => String::new(),
    };
    let mut text = String::new();
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let mut style = String::from("0");
            for (modifier, number) in
                [(Modifier::BOLD, ";1"), (Modifier::DIM, ";2"), (Modifier::ITALIC, ";3"), (Modifier::UNDERLINED, ";4"), (Modifier::REVERSED, ";7")]
            {
                if cell.modifier.contains(modifier) {
                    style.push_str(number);
                }
            }
            text.push_str(&format!("\x1b[{style}{}{}m{}", code(cell.fg, 30), code(cell.bg, 40), cell.symbol()));
        }
        text.push_str("\x1b[0m\n");
    }
    text
}

/// `120x40`.
pub fn size(text: &str) -> Result<Size, Failed> {
    let parts = text.split_once(['x', '×']).and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match parts {
        Some((width @ 1..=500, height @ 1..=200)) => Ok(Size { width, height }),
        _ => Err(Failed::new(Exit::Usage, format!("`{}` is not a size: write COLSxROWS, up to 500x200", Clean::from_untrusted(text)))),
    }
}

/// `jjR<enter><wait:41s>`: characters are keys, names stand between angle brackets, and so does time that passes.
pub fn script(text: &str) -> Result<Vec<Cue>, Failed> {
    let mut script = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '<'
            && let Some((name, after)) = rest[1..].split_once('>')
        {
            script.push(cue(name)?);
            rest = after;
        } else {
            script.push(Cue::Key(Key::char(c)));
            rest = &rest[c.len_utf8()..];
        }
    }
    Ok(script)
}

fn cue(name: &str) -> Result<Cue, Failed> {
    match name.strip_prefix("wait:") {
        Some(time) => Ok(Cue::Wait(SignedDuration::try_from(duration(time)?).unwrap_or(SignedDuration::ZERO))),
        None => name.parse().map(Cue::Key).map_err(|error| Failed::new(Exit::Usage, format!("--keys: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_characters_and_names_between_angles() {
        let script = script("jR<enter><wait:41s><ctrl-o>").unwrap();
        let written: Vec<String> = script
            .iter()
            .map(|cue| match cue {
                Cue::Key(key) => key.to_string(),
                Cue::Wait(time) => format!("{time:#}"),
            })
            .collect();
        assert_eq!(written, ["j", "R", "enter", "41s", "ctrl-o"]);
        assert!(super::script("<nonsense>").is_err() && super::script("<wait:soon>").is_err());
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(size("80x24").unwrap(), Size { width: 80, height: 24 });
        assert!(size("0x24").is_err() && size("80").is_err() && size("9999x9").is_err());
    }
}
