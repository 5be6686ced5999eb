//! Opening files that decide something: only ours or root's, and only where nobody else can write or, for a secret, read.

use super::ConfigError;
use rustix::{fs::OFlags, process::geteuid};
use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

/// The largest configuration; more is somebody's mistake.
const LARGEST: u64 = 1024 * 1024;

/// A file that says what is run and what may be changed.
///
/// # Errors
/// Why it is not read, and what to do; `Ok(None)` where there is none.
pub(super) fn read_config(path: &Path) -> Result<Option<String>, ConfigError> {
    let error = |what: String| ConfigError::of_file(path, &what);
    let Some(file) = open(path).map_err(error)? else {
        return Ok(None);
    };
    let about = file.metadata().map_err(|e| error(e.to_string()))?;
    trusted(about.uid(), geteuid().as_raw(), about.mode()).map_err(|what| error(what.into()))?;
    text(file, &about).map(Some).map_err(error)
}

/// A file that decides nothing but how things look.
///
/// # Errors
/// Why it can not be read; `Ok(None)` where there is none.
pub(super) fn read_plain(path: &Path) -> Result<Option<String>, ConfigError> {
    let error = |what: String| ConfigError::of_file(path, &what);
    let Some(file) = open(path).map_err(error)? else {
        return Ok(None);
    };
    let about = file.metadata().map_err(|e| error(e.to_string()))?;
    text(file, &about).map(Some).map_err(error)
}

/// A file that only its owner, who is us, can read.
pub(super) fn open_private(path: &Path) -> Result<File, String> {
    let file = open(path)?.ok_or("there is no such file; write the secret into it with mode 600")?;
    let about = file.metadata().map_err(|e| e.to_string())?;
    private(about.uid(), geteuid().as_raw(), about.mode())?;
    Ok(file)
}

/// What is not a file (a pipe, a device) could hold us for ever: it is looked at before and after it is opened.
fn open(path: &Path) -> Result<Option<File>, String> {
    let not_a_file = || Err("this is not a file; name a file".to_owned());
    match path.metadata() {
        Ok(about) if !about.is_file() => return not_a_file(),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("can not be read: {e}")),
        Ok(_) => {}
    }
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path).map_err(|e| format!("can not be read: {e}"))?;
    match file.metadata() {
        Ok(about) if about.is_file() => Ok(Some(file)),
        _ => not_a_file(),
    }
}

fn text(file: File, about: &Metadata) -> Result<String, String> {
    let megabytes = about.len() as f64 / LARGEST as f64;
    if about.len() > LARGEST {
        return Err(format!("is {megabytes:.1} MB; at most 1 MB is read, so this must be another file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|e| format!("can not be read: {e}"))?;
    String::from_utf8(bytes).map_err(|e| {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|b| **b == b'\n').count();
        format!("line {line} is not UTF-8; save the file as UTF-8")
    })
}

/// Who may have written a file that can run programs: its owner alone, who is us or root.
fn trusted(owner: u32, me: u32, mode: u32) -> Result<(), &'static str> {
    match (owner == me || owner == 0, mode & 0o022) {
        (false, _) => Err("belongs to somebody else, and it can run programs as you; take a copy of your own"),
        (true, 0) => Ok(()),
        (true, _) => Err("can be written by others, and it can run programs as you; look at what it says, then chmod go-w it"),
    }
}

/// Who may read a secret: its owner alone, who is us.
fn private(owner: u32, me: u32, mode: u32) -> Result<(), &'static str> {
    match (owner == me, mode & 0o077) {
        (false, _) => Err("belongs to somebody else; take a copy of your own with mode 600"),
        (true, 0) => Ok(()),
        (true, _) => Err("others can read it; make a new secret, and chmod 600 the file"),
    }
}

/// Writes a new file that only we can read, with its directories; never over another.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), ConfigError> {
    let error = |what: &str| ConfigError::of_file(path, what);
    if let Some(dir) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| error(&format!("its directory can not be made: {e}")))?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => error("is there already and was left as it is"),
        _ => error(&format!("can not be written: {e}")),
    })?;
    file.write_all(text.as_bytes()).map_err(|e| error(&format!("can not be written: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
    };

    #[test]
    fn only_what_we_or_root_alone_can_write_is_trusted() {
        for (owner, me, mode, good) in [
            (1000, 1000, 0o644, true),
            (0, 1000, 0o644, true),
            (1001, 1000, 0o600, false),
            (1000, 1000, 0o664, false),
            (1000, 1000, 0o646, false),
            (0, 1000, 0o666, false),
        ] {
            assert_eq!(trusted(owner, me, mode).is_ok(), good, "{owner} {me} {mode:o}");
        }
    }

    #[test]
    fn only_what_we_alone_can_read_is_private() {
        for (owner, me, mode, good) in
            [(1000, 1000, 0o600, true), (1000, 1000, 0o400, true), (0, 1000, 0o600, false), (1000, 1000, 0o640, false), (1000, 1000, 0o601, false)]
        {
            assert_eq!(private(owner, me, mode).is_ok(), good, "{owner} {me} {mode:o}");
        }
    }

    #[test]
    fn what_is_too_large_not_utf8_or_no_file_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        assert_eq!(read_config(&path), Ok(None));
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            read_config(&path).unwrap_err().what().to_string()
        };
        assert!(refused(&vec![b'#'; 10 * 1024 * 1024]).contains("10.0 MB"));
        assert!(refused(b"[ui]\n\xff\n").contains("line 2 is not UTF-8"));
        assert!(read_config(dir.path()).unwrap_err().what().contains("not a file"));
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert!(read_config(&path).unwrap_err().what().contains("chmod go-w"));
        assert!(read_plain(&path).unwrap_err().what().contains("UTF-8"));
    }

    #[test]
    fn a_new_file_is_ours_alone_and_never_replaces_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/config.toml");
        write_new(&path, "first").unwrap();
        assert!(write_new(&path, "second").unwrap_err().what().contains("there already"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(path.parent().unwrap().metadata().unwrap().mode() & 0o777, 0o700);
    }
}
