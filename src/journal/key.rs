//! The key of this installation: values that must not be written down can still be compared.

use super::{
    error::{JournalError, shown},
    line::hex,
    lock::Lock,
    place::{self, KEY},
};
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};

const BYTES: usize = 32;

/// HMAC-SHA-256 of `value` in hex.
pub(super) fn keyed(key: &hmac::Key, value: &[u8]) -> String {
    hex(hmac::sign(key, value).as_ref())
}

/// The key in `dir`, made at its first use.
pub(super) fn load(dir: &Path, wait: Duration) -> Result<hmac::Key, JournalError> {
    if let Some(key) = existing(dir)? {
        return Ok(key);
    }
    place::make_private(dir)?;
    let _lock = Lock::exclusive(dir, wait, &format!("pid {}", std::process::id()))?;
    match existing(dir)? {
        Some(key) => Ok(key),
        None => create(dir),
    }
}

fn existing(dir: &Path) -> Result<Option<hmac::Key>, JournalError> {
    let path = dir.join(KEY);
    let refuse = |why| Err(JournalError::Key { path: shown(&path), why });
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::file("open", &path)(error)),
    };
    if !place::is_private(&file).map_err(JournalError::file("read", &path))? {
        return refuse("can be read by others: chmod it to 0600, or remove it if they may have");
    }
    let mut bytes = Vec::with_capacity(BYTES);
    file.take(BYTES as u64 + 1).read_to_end(&mut bytes).map_err(JournalError::file("read", &path))?;
    if bytes.len() != BYTES {
        return refuse("is not 32 bytes long: remove it; hashes written before can then no longer be compared");
    }
    Ok(Some(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
}

fn create(dir: &Path) -> Result<hmac::Key, JournalError> {
    let path = dir.join(KEY);
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| JournalError::file("make a key for", &path)(io::Error::other("the system gives no random bytes")))?;
    let new = path.with_extension("new");
    let write = || {
        let mut file = place::private_file().write(true).create(true).truncate(true).open(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&new, &path)
    };
    write().map_err(JournalError::file("write", &path))?;
    place::sync_dir(dir)?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}
