//! The directory: private, with the newest file, the full ones and their names.

use super::error::JournalError;
use rustix::fs::OFlags;
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The file that is written.
pub(super) const ACTIVE: &str = "journal.jsonl";
/// The file that is locked; it never moves.
pub(super) const LOCK: &str = "journal.lock";
/// The installation's key.
pub(super) const KEY: &str = "journal.key";

const OTHERS: u32 = 0o077;

/// Options whose new files only their owner can read. A link in a file's place is refused: behind it may be anything.
pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Makes the directory and sees that nobody else can look into it.
pub(super) fn make_private(dir: &Path) -> Result<(), JournalError> {
    if !dir.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(JournalError::file("create", dir))?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_dir(parent)?;
        }
    }
    File::open(dir).and_then(|file| tighten(&file, 0o700)).map_err(JournalError::file("make private", dir))
}

/// Takes the rights of others away from `file`, where they have any.
fn tighten(file: &File, mode: u32) -> io::Result<()> {
    if is_private(file)? { Ok(()) } else { file.set_permissions(Permissions::from_mode(mode)) }
}

/// Whether others have rights to `file`.
pub(super) fn is_private(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.permissions().mode() & OTHERS == 0)
}

/// Makes names in `dir` survive the machine.
pub(super) fn sync_dir(dir: &Path) -> Result<(), JournalError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(JournalError::file("sync", dir))
}

/// Opens the file that is written, and creates it where it is missing.
pub(super) fn open_active(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join(ACTIVE);
    let file = private_file().read(true).append(true).create(true).open(&path).map_err(JournalError::file("open", &path))?;
    tighten(&file, 0o600).map_err(JournalError::file("make private", &path))?;
    Ok(file)
}

/// The full files and their numbers, the oldest first.
pub(super) fn rotated(dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let read = |entry: io::Result<fs::DirEntry>| {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(ACTIVE)?.strip_prefix('.')?.parse().ok());
        Ok(number.map(|number: u64| (number, dir.join(name))))
    };
    let listed = fs::read_dir(dir).and_then(|entries| entries.filter_map(|entry| read(entry).transpose()).collect::<io::Result<Vec<_>>>());
    let mut files = match listed {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(JournalError::file("list", dir)(error)),
    };
    files.sort_unstable();
    Ok(files)
}

/// One file as it was at one moment: what is written later is not read.
pub(super) struct Segment {
    /// Where it is.
    pub path: PathBuf,
    /// Open for reading, also when it is renamed.
    pub file: File,
    /// Its length at that moment.
    pub len: u64,
    /// Which file it is, whatever its name.
    pub inode: (u64, u64),
}

/// All files, the oldest first.
pub(super) fn segments(dir: &Path) -> Result<Vec<Segment>, JournalError> {
    let paths = rotated(dir)?.into_iter().map(|(_, path)| path).chain([dir.join(ACTIVE)]);
    let mut segments = Vec::new();
    for path in paths {
        match segment(&path) {
            Ok(segment) => segments.push(segment),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(JournalError::file("read", &path)(error)),
        }
    }
    Ok(segments)
}

/// One file at this moment.
pub(super) fn segment(path: &Path) -> io::Result<Segment> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    Ok(Segment { path: path.to_owned(), file, len: metadata.len(), inode: (metadata.dev(), metadata.ino()) })
}
