//! The faces and their flags.

use clap::{Args, Parser, Subcommand, ValueHint};
use std::path::PathBuf;

/// The console of the engineer on call.
#[derive(Debug, Parser)]
#[command(
    name = "pilothouse",
    version,
    about = "The console of the engineer on call: what runs where, what is shipped, what burns, what it says, and a rollback that proves itself",
    after_help = "Exit codes: 0 yes, 1 no, 2 could not tell, 64 usage, 70 a fault of ours, 75 the world moved, 77 forbidden by policy, 78 configuration.\n\
                  A pipe that is closed ends nothing but a followed log: a face goes on in silence to the exit code it would have had.\n\
                  With nothing configured it uses the current context of the kubeconfig, the Docker socket and the CI of the git remote.",
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Which face.
    #[command(subcommand)]
    pub face: Option<Face>,
    /// What holds for all faces.
    #[command(flatten)]
    pub global: Global,
    /// Open on this service or alert.
    #[arg(value_name = "SERVICE|ALERT")]
    pub open: Option<String>,
    /// Open in this environment.
    #[arg(short = 'e', long = "environment", value_name = "ENV")]
    pub environment: Option<String>,
}

/// What holds for all faces.
#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// Read this file instead of the user's own configuration.
    #[arg(long, global = true, value_name = "FILE", env = "PILOTHOUSE_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Change nothing, whatever the policy says.
    #[arg(long, global = true, conflicts_with = "write")]
    pub read_only: bool,
    /// Production does not start locked.
    #[arg(long, global = true)]
    pub write: bool,
    /// The kubeconfig context to use, instead of the current one; may be given several times.
    #[arg(long, global = true, value_name = "CONTEXT")]
    pub context: Vec<String>,
    /// Only this namespace.
    #[arg(short = 'n', long, global = true, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// A theme by name.
    #[arg(long, global = true, value_name = "THEME")]
    pub theme: Option<String>,
    /// How long a face without a screen waits for its sources.
    #[arg(long, global = true, value_name = "DURATION", default_value = "10s")]
    pub timeout: String,
    /// The simulated world instead of the real one, and which story of it.
    #[arg(long, global = true, value_name = "STORY", num_args = 0..=1, require_equals = true, default_missing_value = "incident")]
    pub demo: Option<String>,
}

/// Which face.
#[derive(Debug, Subcommand)]
pub enum Face {
    /// The console on a simulated world, which says so on screen.
    Demo(Demo),
    /// One frame to standard output; needs no terminal.
    Print(Print),
    /// The matrix, alerts and runs as text; exit 1 if something is critical.
    Status(Output),
    /// The merged log of what the targets say, as plain text.
    Logs(Logs),
    /// Whether a release is in, everywhere, and well; exit 1 if not, 2 if it can not be told.
    Verify(Verify),
    /// Follow a run of a CI to its end; exit 1 if it failed or was cancelled, 2 if it can not be told.
    Watch(Watch),
    /// The procedure of the key R without a screen.
    Rollback(Rollback),
    /// Configuration, reach, rights, clock and terminal, each with a remedy.
    Doctor(Output),
    /// The configuration: where it is, whether it is right.
    Config {
        /// What about it.
        #[command(subcommand)]
        what: ConfigFace,
    },
    /// Completions for a shell, to standard output.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// The manual page, to standard output.
    Man,
}

impl Face {
    /// Whether its answer is one JSON value.
    pub const fn json(&self) -> bool {
        match self {
            Self::Status(output) | Self::Doctor(output) => output.json,
            Self::Verify(verify) => verify.output.json,
            Self::Watch(watch) => watch.output.json,
            Self::Rollback(rollback) => rollback.output.json,
            Self::Demo(_) | Self::Print(_) | Self::Logs(_) | Self::Config { .. } | Self::Completions { .. } | Self::Man => false,
        }
    }
}

/// Text or JSON.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Output {
    /// JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Which simulated world.
#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Which story: incident, node-down, quiet, blind.
    #[arg(long, value_name = "NAME", default_value = "incident")]
    pub scenario: String,
    /// The seed of everything that is left to chance.
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub seed: u64,
    /// How long the story has run when the screen opens.
    #[arg(long, value_name = "DURATION")]
    pub at: Option<String>,
}

/// One frame.
#[derive(Clone, Debug, Args)]
pub struct Print {
    /// Which world, with --demo.
    #[command(flatten)]
    pub demo: Demo,
    /// Keys to press first, as people write them: `jjR`, `<enter>`, `<ctrl-o>`; `<wait:41s>` lets time pass.
    #[arg(long, value_name = "KEYS", default_value = "")]
    pub keys: String,
    /// Columns x rows.
    #[arg(long, value_name = "COLSxROWS", default_value = "120x40")]
    pub size: String,
    /// Write the frame as a picture to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub svg: Option<PathBuf>,
    /// Keep the colours, as escape sequences.
    #[arg(long)]
    pub colour: bool,
}

/// Whose log.
#[derive(Clone, Debug, Args)]
pub struct Logs {
    /// Services, or SERVICE/POD.
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<String>,
    /// In this environment.
    #[arg(short = 'e', long = "environment", value_name = "ENV")]
    pub environment: Option<String>,
    /// From how long ago on.
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub since: String,
    /// Only lines that match this regular expression.
    #[arg(long, value_name = "RE")]
    pub grep: Option<String>,
    /// Go on until interrupted.
    #[arg(short = 'f', long)]
    pub follow: bool,
    /// The run before this one of crashed containers too.
    #[arg(short = 'p', long)]
    pub previous: bool,
}

/// Which release.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// Which service.
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// In which environment; may be given several times.
    #[arg(short = 'e', long = "environment", value_name = "ENV", required = true)]
    pub environments: Vec<String>,
    /// The version that must run; without it the newest is verified, whichever it is.
    #[arg(long = "release", visible_alias = "version", value_name = "VERSION")]
    pub release: Option<String>,
    /// The digest of its image, or its beginning.
    #[arg(long, value_name = "DIGEST")]
    pub digest: Option<String>,
    /// Which workload, where the service has several there: `Deployment/cart`.
    #[arg(long, value_name = "KIND/NAME")]
    pub workload: Option<String>,
    /// How long the release is waited for.
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub within: String,
    /// Take a fresh release that is not verified back, without a person: only where the configuration of its environment says
    /// rollback = { automatic = "execute" }, and only to a version that is proven.
    #[arg(long)]
    pub auto_rollback: bool,
    /// Print each change as it is seen, with its time.
    #[arg(long, conflicts_with = "json")]
    pub follow: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub output: Output,
}

/// Which run.
#[derive(Clone, Debug, Args)]
#[group(id = "which", required = true, multiple = true)]
pub struct Watch {
    /// Its number, as in `311`, `acme/cart#311`, or its address.
    #[arg(value_name = "RUN", group = "which", conflicts_with_all = ["branch", "commit"])]
    pub run: Option<String>,
    /// The newest of this branch.
    #[arg(long, value_name = "BRANCH", group = "which")]
    pub branch: Option<String>,
    /// The newest of this commit, or of one that begins so; it is waited for where there is none yet.
    #[arg(long, value_name = "SHA", group = "which")]
    pub commit: Option<String>,
    /// Of this repository only: `acme/cart`, or `cart`.
    #[arg(short = 'R', long, value_name = "REPOSITORY")]
    pub repository: Option<String>,
    /// Of this workflow or pipeline only.
    #[arg(long, value_name = "NAME")]
    pub workflow: Option<String>,
    /// How long it is waited for.
    #[arg(long, value_name = "DURATION", default_value = "2h")]
    pub within: String,
    /// Text or JSON.
    #[command(flatten)]
    pub output: Output,
}

/// What to take back.
#[derive(Clone, Debug, Args)]
pub struct Rollback {
    /// Which service. Several go back one after the other, in the order of `depends_on`: what does not help stops the rest.
    #[arg(value_name = "SERVICE", required_unless_present = "resume")]
    pub service: Vec<String>,
    /// In which environment.
    #[arg(short = 'e', long = "environment", value_name = "ENV", required_unless_present = "resume")]
    pub environment: Option<String>,
    /// See a rollback through that a console left: nothing is sent, what was sent is watched to its verdict and written down. `B` in the
    /// console lists what was left.
    #[arg(long, value_name = "OP", conflicts_with_all = ["service", "environment", "to", "workload", "dry_run", "yes", "reason", "confirm", "back_to_bad", "hold", "delete_pod"])]
    pub resume: Option<String>,
    /// To this revision instead of the one with the best evidence: `r41` or `41`; or to the workload of this name, where traffic can be switched to it; or by a sync to this version of its Argo CD application (`1f2e3d4`).
    #[arg(long, value_name = "REV")]
    pub to: Option<String>,
    /// Which workload, where the service has several there: `Deployment/cart`.
    #[arg(long, value_name = "KIND/NAME")]
    pub workload: Option<String>,
    /// Plan and check, change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do it.
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// Why; production demands it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// The service's name again, or with several services the environment's; production demands it.
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// First hold off what would undo it: the auto-sync of Argo CD, Flux. It stays held off until somebody lets it go (`H` in the console).
    #[arg(long)]
    pub hold: bool,
    /// Afterwards delete the pod that a StatefulSet waits for in vain: with OrderedReady nothing goes back before a pod that never gets ready is gone. One
    /// service at a time.
    #[arg(long)]
    pub delete_pod: bool,
    /// Go back to what was itself rolled back from within a day.
    #[arg(long)]
    pub back_to_bad: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub output: Output,
}

/// What about the configuration.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigFace {
    /// Where everything is.
    Path,
    /// Write the commented defaults to the user's place; never over a file.
    Init,
    /// Read everything and tell all errors at once.
    Check,
    /// The JSON schema of the configuration.
    Schema,
}
