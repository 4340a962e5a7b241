//! What happened, as customers and the vendor saw it: every operation with its beginning, its end and its outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;

/// A device, by its number.
pub type Device = u32;
/// A license, by its number.
pub type License = u32;
/// Microseconds since the rehearsal began.
pub type Micros = u64;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// A device claims a seat.
    Activate,
    /// A device renews its lease.
    Renew,
    /// A device gives its seat up.
    Release,
    /// An application starts and asks for its verdict, without a network.
    Launch,
    /// A program of the vendor reads from the management API.
    Read,
}

impl Act {
    /// Every act, in the order of the report.
    pub const ALL: [Self; 5] = [Self::Activate, Self::Renew, Self::Release, Self::Launch, Self::Read];

    /// Its name in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activate => "activations",
            Self::Renew => "renewals",
            Self::Release => "releases",
            Self::Launch => "launches",
            Self::Read => "reads",
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, and acknowledged.
    Done,
    /// The license has no free seat.
    SeatLimit,
    /// The license or the seat is refused: by a signed denial, or in words alone.
    Denied(String),
    /// The application started without its rights.
    NotEntitled(String),
    /// Nobody answered, or asked for patience: whether it was done is not known.
    Failed(String),
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub act: Act,
    /// Whose; for reads a number that means nothing.
    pub device: Device,
    pub license: License,
    pub begun: Micros,
    pub ended: Micros,
    pub outcome: Outcome,
    /// How many attempts within it got no answer. Such an attempt may still be carried out later, by a node that was frozen
    /// with the request in its hand.
    pub lost_tries: u32,
}

/// What one copy of the database holds at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copy {
    pub name: String,
    /// The devices with a seat.
    pub devices: BTreeSet<Device>,
}

/// Everything that the checker looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// How many seats each license has.
    pub seats: BTreeMap<License, usize>,
    pub operations: Vec<Operation>,
    /// When the vendor began to revoke a license. Whatever is refused afterwards is refused rightly.
    pub revoked: BTreeMap<License, Micros>,
    /// What is stored once everything is healed and quiet.
    pub copies: Vec<Copy>,
}

impl History {
    /// Writes every operation to a file, a line each, for the person who looks into a finding.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = io::BufWriter::new(std::fs::File::create(path)?);
        writeln!(file, "begun_us\tended_us\tact\tdevice\tlicense\tlost_tries\toutcome")?;
        for one in &self.operations {
            let (begun, ended, act) = (one.begun, one.ended, one.act.name());
            writeln!(
                file,
                "{begun}\t{ended}\t{act}\t{}\t{}\t{}\t{:?}",
                one.device, one.license, one.lost_tries, one.outcome
            )?;
        }
        file.flush()
    }
}
