//! Where our files are.

use super::ConfigError;
use directories::ProjectDirs;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Where the configuration, the keymap, the themes, the journal and the log are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    config: PathBuf,
    named: bool,
    state: PathBuf,
}

impl Paths {
    /// The paths of this user. `flag` is `--config FILE`; `variable` answers for the environment: `PILOTHOUSE_CONFIG` names the file too,
    /// `PILOTHOUSE_STATE` the directory of journal and log.
    ///
    /// # Errors
    /// That there is no home directory, and what to set.
    pub fn find(flag: Option<PathBuf>, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let (named, state) = (flag.or_else(|| set("PILOTHOUSE_CONFIG")), set("PILOTHOUSE_STATE"));
        let project = ProjectDirs::from("", "", "pilothouse");
        let homeless =
            || ConfigError::of_file(Path::new("HOME"), "is not set, so there is no place for our files; set it, or PILOTHOUSE_CONFIG and PILOTHOUSE_STATE");
        let ours = || project.as_ref().ok_or_else(homeless);
        Ok(Self {
            named: named.is_some(),
            config: match named {
                Some(file) => file,
                None => ours()?.config_dir().join("config.toml"),
            },
            state: match state {
                Some(dir) => dir,
                None => ours().map(|dirs| dirs.state_dir().unwrap_or_else(|| dirs.data_dir()).to_path_buf())?,
            },
        })
    }

    /// The configuration.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Whether the user named the configuration: then it must be there.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// The keymap, beside the configuration.
    pub fn keys(&self) -> PathBuf {
        self.config.with_file_name("keys.toml")
    }

    /// The directory of themes, beside the configuration.
    pub fn themes(&self) -> PathBuf {
        self.config.with_file_name("themes")
    }

    /// The directory of the journal.
    pub fn journal(&self) -> PathBuf {
        self.state.join("journal")
    }

    /// The log of the program itself.
    pub fn log(&self) -> PathBuf {
        self.state.join("pilothouse.log")
    }

    /// What views are saved to.
    pub fn views(&self) -> PathBuf {
        self.state.join("views")
    }

    /// What is said by the processes that see a rollback through when its console has gone.
    pub fn handed_over(&self) -> PathBuf {
        self.state.join("handed-over")
    }

    /// Everything with its name, as `config path` lists it.
    pub fn all(&self) -> [(&'static str, PathBuf); 6] {
        [
            ("configuration", self.config.clone()),
            ("keymap", self.keys()),
            ("themes", self.themes()),
            ("journal", self.journal()),
            ("log", self.log()),
            ("saved views", self.views()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_goes_before_a_variable_and_the_rest_lies_beside_the_file() {
        let variable = |name: &str| (name == "PILOTHOUSE_CONFIG").then(|| OsString::from("/v/c.toml"));
        let by_variable = Paths::find(None, &variable).unwrap();
        assert_eq!((by_variable.config(), by_variable.keys(), by_variable.themes()), (Path::new("/v/c.toml"), "/v/keys.toml".into(), "/v/themes".into()));
        let by_flag = Paths::find(Some("/f/c.toml".into()), &variable).unwrap();
        assert_eq!(by_flag.config(), Path::new("/f/c.toml"));
        assert!(by_flag.is_named() && by_variable.is_named());
    }

    #[test]
    fn without_either_it_is_the_users_own_place() {
        let paths = Paths::find(None, &|_| None).unwrap();
        assert!(paths.config().ends_with("pilothouse/config.toml") && !paths.is_named());
        assert!(paths.journal().ends_with("pilothouse/journal"));
        let empty = Paths::find(None, &|_| Some(OsString::new())).unwrap();
        assert_eq!(empty, paths);
    }

    #[test]
    fn state_can_be_kept_elsewhere() {
        let paths = Paths::find(None, &|name| (name == "PILOTHOUSE_STATE").then(|| "/s".into())).unwrap();
        assert_eq!((paths.journal(), paths.log()), ("/s/journal".into(), "/s/pilothouse.log".into()));
        assert_eq!(paths.all().len(), 6);
    }
}
