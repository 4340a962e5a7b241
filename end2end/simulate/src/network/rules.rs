//! The rules that a history is played by: what the server does, and deliberate mistakes that the checker must find.

use holdfast_domain::{Seconds, continuity::Bounds};

/// When a claim may take back a floating seat whose lease has ended in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reclaim {
    /// As soon as the margin has passed: what other nodes have signed and not written yet is not thought of.
    AfterMargin,
    /// When every other running node has written down everything it signed up to that end. A node that comes back
    /// under its name goes on from the moment it comes back; one that does not is waited for as long as it could go on.
    Settled,
    /// The same, and leases that a crash may have swallowed are waited for until they have ended, through any number of
    /// renewals and nodes; a process that has not taken its row yet waits for its own, too.
    SettledAndSwallowed,
}

/// A mistake that must not go unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Nobody looks at how many seats are taken.
    NoLimit,
    /// Lapsed floating seats are renewed without a transaction.
    RevivesLapsed,
    /// Nodes do not follow the change feed.
    NoFeed,
    /// Nodes go on without the database for as long as they like.
    Endless,
    /// Leases without the database are not counted.
    Uncounted,
    /// A "no" follows from what is remembered.
    DeniesFromMemory,
    /// A "no" follows from a database that does not answer.
    SilenceDenies,
    /// There never is a "no".
    NeverDenies,
    /// Devices write nothing down.
    NoDisk,
}

impl Mistake {
    const ALL: [(Self, &'static str, &'static str); 9] = [
        (Self::NoLimit, "limit", "nobody looks at how many seats are taken"),
        (Self::RevivesLapsed, "lapsed", "lapsed floating seats are renewed without a transaction"),
        (Self::NoFeed, "feed", "nodes do not follow the change feed"),
        (Self::Endless, "endless", "nodes go on without the database for as long as they like"),
        (Self::Uncounted, "uncounted", "leases without the database are not counted"),
        (Self::DeniesFromMemory, "memory", "denials follow from what is remembered"),
        (Self::SilenceDenies, "silence", "denials follow from a database that does not answer"),
        (Self::NeverDenies, "never", "nobody is ever denied anything"),
        (Self::NoDisk, "disk", "devices write nothing down"),
    ];
}

/// What is done how.
#[expect(clippy::struct_excessive_bools, reason = "each is one rule that can be broken on its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// When a floating seat is taken back.
    pub reclaim: Reclaim,
    /// How long after the end of its lease at the earliest.
    pub margin: Seconds,
    /// By how much a node's clock may be wrong before it stops signing.
    pub clock_guard: Seconds,
    /// How long nodes go on without the database.
    pub bounds: Bounds,
    /// A node vouches for nothing that is later than the start of a renewal it is still working on.
    pub counts_unfinished: bool,
    /// What is being written at the moment counts as not written.
    pub counts_writing: bool,
    /// A node never renews without a transaction what ended before the moment it has vouched for.
    pub keeps_its_word: bool,
    /// A floating seat is carried on for so long after the node last *wrote*, not only read.
    pub floats_by_writes: bool,
    /// A node that stops notes that on its disk before it says so in the database.
    pub stop_is_noted: bool,
    /// A node that was declared gone never comes back with its old disk.
    pub gone_for_good: bool,
    /// What the database knows of a lease's end is never lowered by a later touch.
    pub ends_only_grow: bool,
    /// A release frees the seat only where the lease that is given up is the newest one known: a release that was on its
    /// way for long takes nothing from a device that has renewed since.
    pub releases_newest_only: bool,
    /// A plain mistake, if one is made.
    pub mistake: Option<Mistake>,
}

impl Rules {
    /// Everything as it has to be for the invariants to hold.
    pub const fn sound() -> Self {
        Self {
            reclaim: Reclaim::SettledAndSwallowed,
            margin: Seconds(5),
            clock_guard: Seconds(3),
            bounds: Bounds { longest: Seconds(2_400), floating: Seconds(1_200) },
            counts_unfinished: true,
            counts_writing: true,
            keeps_its_word: true,
            floats_by_writes: true,
            stop_is_noted: true,
            gone_for_good: true,
            ends_only_grow: true,
            releases_newest_only: true,
            mistake: None,
        }
    }

    /// The rule of settled nodes to the letter: other nodes' rows and the own memory are looked at, and nothing else.
    pub const fn to_the_letter() -> Self {
        Self {
            reclaim: Reclaim::Settled,
            keeps_its_word: false,
            floats_by_writes: false,
            ends_only_grow: false,
            ..Self::sound()
        }
    }

    /// The rules under the names that the command line knows, each with what it is.
    pub fn named() -> Vec<(&'static str, &'static str, Self)> {
        let sound = Self::sound();
        let mut named = vec![
            ("sound", "every rule as it has to be", sound),
            ("letter", "the rule of settled nodes to the letter", Self::to_the_letter()),
            (
                "swallowed",
                "leases swallowed by a crash are not thought of",
                Self { reclaim: Reclaim::Settled, ..sound },
            ),
            (
                "reads",
                "a floating seat is carried on while the database is only readable",
                Self { floats_by_writes: false, ..sound },
            ),
            ("unfinished", "unfinished renewals are vouched for", Self { counts_unfinished: false, ..sound }),
            ("writing", "what is being written counts as written", Self { counts_writing: false, ..sound }),
            (
                "word",
                "a clock set back makes a node renew what it has vouched for",
                Self { keeps_its_word: false, ..sound },
            ),
            (
                "stop",
                "a stopped node starts again from a snapshot that says it runs",
                Self { stop_is_noted: false, ..sound },
            ),
            ("gone", "a node that was declared gone comes back with its disk", Self { gone_for_good: false, ..sound }),
            ("margin", "the margin is smaller than what clocks may differ by", Self { margin: Seconds(0), ..sound }),
            (
                "late-release",
                "a release that comes late frees a seat that was renewed since",
                Self { releases_newest_only: false, ..sound },
            ),
            (
                "ends",
                "a touch of a node with a slow clock lowers what is known of a lease's end",
                Self { ends_only_grow: false, ..sound },
            ),
            (
                "unsettled",
                "what other nodes have not written yet is not thought of",
                Self { reclaim: Reclaim::AfterMargin, ..sound },
            ),
        ];
        named.extend(Mistake::ALL.map(|(mistake, name, what)| (name, what, Self { mistake: Some(mistake), ..sound })));
        named
    }

    /// Whether this mistake is made.
    pub fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// The rules of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::named().into_iter().find(|(known, ..)| *known == name).map(|(.., rules)| rules)
    }
}
