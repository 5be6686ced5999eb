//! A database of PostgreSQL: its URL as a person writes it, and its password, which is never in it.

use super::{Credential, files};
use crate::{clean, text::Clean};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt,
    io::Read,
    path::{Path, PathBuf},
};
use tokio_postgres::config::{Host, SslMode};

const FORM: &str = "postgresql://user@host/database";
/// The port where the URL names none.
const PORT: u16 = 5432;
/// The largest file of passwords, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// How the connection to a database is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Not at all: it does not leave this machine, or somebody said so.
    Plain,
    /// Encrypted where the server can.
    Preferred,
    /// Encrypted; whose certificate it is is not looked at.
    Encrypted,
    /// Encrypted, and the certificate is the host's.
    Verified,
}

/// A database of PostgreSQL.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    settings: tokio_postgres::Config,
    /// How the connection to it is protected.
    pub protection: Protection,
    /// Whose certificates are trusted; none means those that the system trusts.
    pub authorities: Option<PathBuf>,
    password: Option<Credential>,
}

impl Database {
    /// Reads the URL of a database.
    ///
    /// # Errors
    /// What is wrong with it and what to write, without the URL.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let authority = place.split_once("://").map_or(place, |(_, rest)| rest).split('/').next().unwrap_or_default();
        if authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) || query.split('&').any(|part| part.starts_with("password=")) {
            return Err(no_password());
        }
        let (ours, theirs): (Vec<&str>, Vec<&str>) =
            query.split('&').filter(|part| !part.is_empty()).partition(|part| ["sslmode=", "sslrootcert="].iter().any(|name| part.starts_with(name)));
        let settings: tokio_postgres::Config = format!("{place}?{}", theirs.join("&")).parse().map_err(|error: tokio_postgres::Error| {
            let what = std::error::Error::source(&error).map(|source| format!(" ({source})")).unwrap_or_default();
            format!("this is not the URL of a database{what}; write it as {FORM}")
        })?;
        if settings.get_password().is_some() {
            return Err(no_password());
        }
        if settings.get_user().is_none_or(str::is_empty) || settings.get_hosts().is_empty() || settings.get_dbname().is_none_or(str::is_empty) {
            return Err(format!("this must name a user, a host and a database: {FORM}, or postgresql:///database?user=user&host=/run/postgresql"));
        }
        let said = |name: &str| ours.iter().rev().find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let protection = match said("sslmode") {
            Some("disable") => Protection::Plain,
            Some("prefer") => Protection::Preferred,
            Some("require") => Protection::Encrypted,
            Some("verify-full") => Protection::Verified,
            Some(_) => return Err("sslmode is disable, prefer, require or verify-full".into()),
            None if stays_here(&settings) => Protection::Plain,
            None => Protection::Verified,
        };
        let authorities = match said("sslrootcert") {
            None | Some("system") => None,
            Some(_) if protection != Protection::Verified => return Err("sslrootcert is looked at only with sslmode=verify-full; write both".into()),
            Some(file) if Path::new(file).is_absolute() => Some(PathBuf::from(file)),
            Some(_) => return Err("sslrootcert is a file; write its whole path, from /".into()),
        };
        let mut settings = settings;
        settings.ssl_mode(match protection {
            Protection::Plain => SslMode::Disable,
            Protection::Preferred => SslMode::Prefer,
            Protection::Encrypted | Protection::Verified => SslMode::Require,
        });
        Ok(Self { settings, protection, authorities, password: None })
    }

    /// The same with a place for its password; none means PGPASSWORD, PGPASSFILE or ~/.pgpass.
    #[must_use]
    pub fn with_password(&self, password: Option<Credential>) -> Self {
        Self { password, ..self.clone() }
    }

    /// What others could do to the connection, and what helps; nothing where they can not.
    pub fn exposed(&self) -> Option<&'static str> {
        match self.protection {
            Protection::Verified => None,
            _ if stays_here(&self.settings) => None,
            Protection::Plain => Some("others on the way can read and change what is written: sslmode=verify-full in [journal] url keeps them out"),
            Protection::Preferred | Protection::Encrypted => Some(
                "whose certificate it is is not looked at: sslmode=verify-full in [journal] url does, with sslrootcert=/path where the authority is your own",
            ),
        }
    }

    /// What a client needs, but the password.
    pub fn settings(&self) -> &tokio_postgres::Config {
        &self.settings
    }

    /// The name of its role.
    pub fn user(&self) -> Clean {
        Clean::from_untrusted(self.settings.get_user().unwrap_or_default())
    }

    /// Fetches the password; none where nobody has one, as for a login by certificate, by peer or by trust. It blocks as a [`Credential`] does.
    ///
    /// # Errors
    /// What is wrong and what to do, without the password.
    pub fn password(&self) -> Result<Option<SecretString>, Clean> {
        if let Some(credential) = &self.password {
            return credential.resolve().map(Some);
        }
        match std::env::var("PGPASSWORD") {
            Ok(password) if !password.is_empty() => return Ok(Some(SecretString::from(password))),
            _ => {}
        }
        match std::env::var_os("PGPASSFILE").filter(|path| !path.is_empty()) {
            Some(path) => self.in_file(Path::new(&path)),
            None => match directories::BaseDirs::new().map(|dirs| dirs.home_dir().join(".pgpass")) {
                Some(path) if path.exists() => self.in_file(&path),
                _ => Ok(None),
            },
        }
    }

    fn in_file(&self, path: &Path) -> Result<Option<SecretString>, Clean> {
        let shown = path.display();
        let file = files::open_private(path).map_err(|why| clean!("{shown}: {why}"))?;
        let mut text = String::new();
        file.take(LARGEST).read_to_string(&mut text).map_err(|error| clean!("{shown} can not be read: {error}"))?;
        let text = SecretString::from(text);
        let places = self.places().map(|(host, port)| match host {
            // As libpq has it: a socket is this machine.
            Host::Unix(_) => ("localhost".to_owned(), port),
            Host::Tcp(name) => (name.clone(), port),
        });
        let (user, name) = (self.settings.get_user().unwrap_or_default(), self.settings.get_dbname().unwrap_or_default());
        Ok(places.into_iter().find_map(|(host, port)| in_lines(text.expose_secret(), [&host, &port.to_string(), name, user])))
    }

    fn places(&self) -> impl Iterator<Item = (&Host, u16)> {
        let ports = self.settings.get_ports();
        self.settings.get_hosts().iter().enumerate().map(|(at, host)| (host, ports.get(at).or(ports.first()).copied().unwrap_or(PORT)))
    }
}

/// The place, as it may be shown: without anything that was written behind it.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |(host, port): (&Host, u16)| {
            let host = match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            };
            if port == PORT { host } else { format!("{host}:{port}") }
        };
        let places: Vec<String> = self.places().map(place).collect();
        let name = self.settings.get_dbname().unwrap_or_default();
        f.write_str(&Clean::from_untrusted(&format!("postgresql://{}@{}/{name}", self.user(), places.join(","))))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn no_password() -> String {
    format!("a password is never written here; write {FORM}, and give it by PGPASSFILE, PGPASSWORD or password_command")
}

/// Whether nothing of it leaves this machine.
fn stays_here(settings: &tokio_postgres::Config) -> bool {
    settings.get_hosts().iter().all(is_here) && settings.get_hostaddrs().is_empty()
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback()),
    }
}

/// The password of the first line that fits: `host:port:database:user:password`, `*` for anything, `\` before a colon or itself.
fn in_lines(text: &str, wanted: [&str; 4]) -> Option<SecretString> {
    let fits = |line: &&str| {
        let mut fields = fields(line);
        !line.starts_with('#') && wanted.iter().all(|wanted| fields.next().is_some_and(|field| field == "*" || field == *wanted))
    };
    text.lines().find(fits).and_then(|line| fields(line).nth(4)).filter(|password| !password.is_empty()).map(SecretString::from)
}

fn fields(line: &str) -> impl Iterator<Item = String> {
    let mut chars = line.chars();
    let mut over = false;
    std::iter::from_fn(move || {
        let mut field = String::new();
        while !over {
            match chars.next() {
                Some('\\') => field.extend(chars.next()),
                Some(':') => return Some(field),
                Some(c) => field.push(c),
                None => {
                    over = true;
                    return Some(field);
                }
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
    };

    fn read(url: &str) -> Database {
        Database::parse(url).unwrap_or_else(|why| panic!("{url}: {why}"))
    }

    #[test]
    fn what_leaves_the_machine_is_verified_unless_somebody_says_otherwise() {
        for (url, protection) in [
            ("postgresql://ops@db/pilothouse", Protection::Verified),
            ("postgres://ops@db.example:6432/pilothouse?connect_timeout=3", Protection::Verified),
            ("postgresql://ops@127.0.0.1,db/pilothouse", Protection::Verified),
            ("postgresql://ops@localhost/pilothouse", Protection::Plain),
            ("postgresql://ops@[::1]:5433/pilothouse", Protection::Plain),
            ("postgresql:///pilothouse?user=ops&host=/run/postgresql", Protection::Plain),
            ("postgresql://ops@%2Frun%2Fpostgresql/pilothouse", Protection::Plain),
            ("postgresql://ops@db/p?sslmode=disable", Protection::Plain),
            ("postgresql://ops@db/p?sslmode=prefer", Protection::Preferred),
            ("postgresql://ops@db/p?sslmode=require&target_session_attrs=read-write", Protection::Encrypted),
            ("postgresql://ops@localhost/p?sslmode=verify-full&sslrootcert=/etc/ca.pem", Protection::Verified),
        ] {
            assert_eq!(read(url).protection, protection, "{url}");
        }
        for (url, exposed) in [("db/p", false), ("db/p?sslmode=disable", true), ("db/p?sslmode=prefer", true), ("localhost/p", false)] {
            assert_eq!(read(&format!("postgresql://ops@{url}")).exposed().is_some(), exposed, "{url}");
        }
        assert_eq!(read("postgresql://ops@db/p?sslmode=verify-full&sslrootcert=/etc/ca.pem").authorities.as_deref(), Some(Path::new("/etc/ca.pem")));
    }

    #[test]
    fn what_is_wrong_with_a_url_is_told_with_what_to_write_and_without_the_url() {
        for (url, words) in [
            ("postgresql://ops:s3cret@db/p", "a password is never written here"),
            ("postgresql://ops@db/p?password=s3cret", "a password is never written here"),
            ("postgresql://ops@db/p?sslmode=allow&application_name=s3cret", "sslmode is disable, prefer, require or verify-full"),
            ("postgresql://ops@db/p?sslcert=/s3cret", "unknown option `sslcert`"),
            ("postgresql://db/p", "must name a user, a host and a database"),
            ("postgresql://ops@/p", "must name a user, a host and a database"),
            ("postgresql://ops@db", "must name a user, a host and a database"),
            ("postgresql://ops@db:s3cret/p", "this is not the URL of a database"),
            ("postgresql://ops@db/p?sslmode=require&sslrootcert=/s3cret", "only with sslmode=verify-full"),
            ("postgresql://ops@db/p?sslrootcert=s3cret", "its whole path"),
        ] {
            let error = Database::parse(url).expect_err(url);
            assert!(error.contains(words) && !error.contains("s3cret"), "{url}: {error}");
        }
    }

    #[test]
    fn it_is_shown_by_its_place_alone() {
        let shown = |url: &str| format!("{:?}", read(url));
        assert_eq!(shown("postgres://ops@db:6432/p?options=-csearch_path%3Ds3cret"), "postgresql://ops@db:6432/p");
        assert_eq!(shown("postgresql://ops@a,b:6000/p"), "postgresql://ops@a,b:6000/p");
        assert_eq!(shown("postgresql:///p?user=ops&host=/run/postgresql"), "postgresql://ops@/run/postgresql/p");
    }

    #[test]
    fn a_file_of_passwords_is_read_as_postgresql_reads_it() {
        let lines = "# a comment\ndb:5432:other:ops:wrong\ndb:*:pilothouse:ops:one\\:two\\\\three\n*:*:*:*:any\n";
        let found = |wanted| in_lines(lines, wanted).map(|secret| secret.expose_secret().to_owned());
        assert_eq!(found(["db", "5432", "pilothouse", "ops"]).as_deref(), Some("one:two\\three"));
        assert_eq!(found(["db2", "5432", "pilothouse", "ops"]).as_deref(), Some("any"));
        assert!(in_lines("db:5432:p:ops:\ndb:5432:p\n", ["db", "5432", "p", "ops"]).is_none());
    }

    #[test]
    fn a_file_of_passwords_that_others_can_read_is_refused_and_the_socket_is_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pgpass");
        fs::write(&path, "localhost:5432:p:ops:s3cret\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let database = read("postgresql:///p?user=ops&host=/run/postgresql");
        let error = database.in_file(&path).unwrap_err();
        assert!(error.contains("chmod 600") && !error.contains("s3cret"), "{error}");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let secret = |database: &Database| database.in_file(&path).unwrap().map(|secret| secret.expose_secret().to_owned());
        assert_eq!(secret(&database).as_deref(), Some("s3cret"));
        assert_eq!(secret(&read("postgresql://ops@db/p")), None);
    }

    #[test]
    fn a_place_that_is_named_is_where_the_password_comes_from() {
        let database = read("postgresql://ops@db/p").with_password(Some(Credential::Command(["echo", "s3cret"].map(String::from).to_vec())));
        assert_eq!(database.password().unwrap().map(|secret| secret.expose_secret().to_owned()).as_deref(), Some("s3cret"));
        assert!(!format!("{database:?}").contains("s3cret"));
    }
}
