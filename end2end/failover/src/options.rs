//! What can be asked for on the command line.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

/// Why the rehearsal could not go on; says everything that whoever reads it needs.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How long things are to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// For `make test`: lower times of Patroni, short outages, only what today's server must pass.
    Short,
    /// Production values.
    #[default]
    Usual,
    /// The same, with the database gone for ten minutes.
    Full,
}

impl Profile {
    /// Patroni's `ttl`, `loop_wait` and `retry_timeout`, in seconds.
    pub const fn times(self) -> (u32, u32, u32) {
        match self {
            Self::Short => (6, 1, 2),
            Self::Usual | Self::Full => (20, 3, 3),
        }
    }

    /// How long the whole database is gone.
    pub const fn outage(self) -> Duration {
        match self {
            Self::Short => Duration::from_secs(20),
            Self::Usual => Duration::from_mins(1),
            Self::Full => Duration::from_mins(10),
        }
    }

    /// The longest that writes may be gone when the primary is lost.
    pub const fn writes_back(self) -> Duration {
        match self {
            Self::Short => Duration::from_secs(12),
            Self::Usual | Self::Full => Duration::from_secs(25),
        }
    }

    /// What it is called in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Short => "short (Patroni's ttl lowered to 6 s)",
            Self::Usual => "production values",
            Self::Full => "production values, database gone for 10 minutes",
        }
    }
}

/// The options.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub profile: Profile,
    /// The program that is rehearsed.
    pub binary: PathBuf,
    /// The program of the previous release, from which nodes are upgraded.
    pub previous: Option<PathBuf>,
    /// Only the faults whose name contains this.
    pub only: Option<String>,
    /// Keep the logs of a rehearsal that succeeded, too.
    pub keep: bool,
}

impl Options {
    /// Reads the command line.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self { binary: own_neighbour("holdfast")?, ..Self::default() };
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--short" => options.profile = Profile::Short,
                "--full" => options.profile = Profile::Full,
                "--previous" => options.previous = Some(std::fs::canonicalize(value()?)?),
                "--only" => options.only = Some(value()?),
                "--keep" => options.keep = true,
                _ => return Err(format!("unknown flag {flag}").into()),
            }
        }
        Ok(options)
    }
}

/// A program that was built together with this one.
fn own_neighbour(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    own.parent()
        .map(|folder| folder.join(name))
        .filter(|path| path.is_file())
        .ok_or_else(|| format!("{name} is not built: cargo build --package {name}").into())
}
