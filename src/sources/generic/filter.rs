//! jq expressions, read by jaq: whether one can be read, and what it makes of an answer.

use crate::{clean, text::Clean};
use jaq_core::{
    Compiler, Ctx, Vars,
    data::JustLut,
    load::{self, Arena, File, Loader},
    unwrap_valr,
};
use jaq_json::{Val, read};
use std::thread;

/// The longest expression, in bytes. What reads it goes one deeper for each bracket.
const LONGEST: usize = 4 << 10;
/// Room for that: so deep an expression never ends this process.
const STACK: usize = 128 << 20;

/// An expression that can be read.
pub(super) struct Filter(jaq_core::Filter<JustLut<Val>>);

/// What is wrong with an expression, and where.
///
/// # Errors
/// That, in words.
pub(super) fn check(code: &str) -> Result<(), Clean> {
    roomy(|| Filter::read(code).map(drop))
}

/// Does something on a thread with room for what goes deep.
pub(super) fn roomy<T: Send>(act: impl FnOnce() -> Result<T, Clean> + Send) -> Result<T, Clean> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, act);
        let lost = || Clean::from_static("jaq fails on this expression");
        thread.map_err(|error| clean!("no thread can be started: {error}"))?.join().map_err(|_| lost())?
    })
}

impl Filter {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(code: &str) -> Result<Self, Clean> {
        if code.len() > LONGEST {
            return Err(clean!("this expression is longer than {LONGEST} bytes"));
        }
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(defs).load(&arena, File { code, path: () }).map_err(|errors| unread(code, &errors))?;
        let compiled = Compiler::default().with_funs(funs).compile(modules);
        compiled.map(Self).map_err(|errors| {
            let first = errors.iter().flat_map(|(_, unknown)| unknown).next();
            first.map_or(Clean::EMPTY, |(name, what)| at(code, name, &format!("there is no {} `{name}`", what.as_str())))
        })
    }

    /// What comes of `input`, one after the other: an error at one place is no end of the others. It stops when `take` has had enough.
    pub fn run(&self, input: &[u8], mut take: impl FnMut(Result<Val, String>) -> bool) {
        let input = match read::parse_single(input) {
            Ok(input) => input,
            Err(error) => {
                take(Err(error.to_string()));
                return;
            }
        };
        let ctx = Ctx::<JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        for one in self.0.id.run((ctx, input)).map(unwrap_valr) {
            let more = match one {
                Ok(Val::Arr(items)) => items.iter().all(|item| take(Ok(item.clone()))),
                Ok(item) => take(Ok(item)),
                Err(error) => take(Err(error.to_string())),
            };
            if !more {
                return;
            }
        }
    }
}

/// The first thing that can not be read.
fn unread(code: &str, errors: &load::Errors<&str, ()>) -> Clean {
    let expected = |what: &str, found: &str| match found.lines().next().unwrap_or_default() {
        "" => format!("{what} is expected before its end"),
        found => format!("{what} is expected, and not `{found}`"),
    };
    let first = errors.iter().find_map(|(_, error)| match error {
        load::Error::Lex(all) => all.first().map(|(what, found)| at(code, found, &expected(what.as_str(), found))),
        load::Error::Parse(all) => all.first().map(|(what, found)| at(code, found, &expected(what.as_str(), found))),
        load::Error::Io(all) => all.first().map(|(name, _)| at(code, name, "modules are not read here")),
    });
    first.unwrap_or_default()
}

/// `what` with its place: `part` lies in `code`, or at its end.
fn at(code: &str, part: &str, what: &str) -> Clean {
    let place = (part.as_ptr() as usize).checked_sub(code.as_ptr() as usize).filter(|place| *place <= code.len());
    let before = code.get(..place.unwrap_or(code.len())).unwrap_or(code);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    clean!("line {line}, column {column} of the expression: {what}")
}
