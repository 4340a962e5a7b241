//! What is sold, what a change of it would do, and what is brought in from elsewhere.

use crate::admin::import::dates::DateOrder;
use holdfast_domain::{
    Code, CustomerId, ImportId, LicenseId, Name, PlanId, ProductId, Source, Terms, Timestamp, VendorId,
};
use serde::{Deserialize, Serialize};

/// A vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorView {
    /// Its id.
    pub id: VendorId,
    /// Its name.
    pub name: Name,
    /// The raw root public key that applications pin, base64url.
    pub root_public_key: String,
    /// When it was set up.
    pub created_at: Timestamp,
}

/// A product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductView {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: Name,
    /// Its short name.
    pub code: Code,
    /// Hidden from choice.
    pub archived: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// Its id.
    pub id: PlanId,
    /// Its product.
    pub product: ProductId,
    /// Its name.
    pub name: Name,
    /// Its short name.
    pub code: Code,
    /// What a license of it copies.
    pub terms: Terms,
    /// Hidden from choice.
    pub archived: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed; grows with every change.
    // Answers that were kept by a release without it are still given.
    #[serde(default)]
    pub updated_at: Timestamp,
}

/// What applying a plan's terms to the licenses it has issued would do, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsOutcome {
    /// How many licenses of the plan have other terms.
    pub licenses: u64,
    /// How many of them would have more seats taken than the new terms allow; no seat that is taken is lost.
    pub over_their_seats: u64,
    /// Whether they have been changed.
    pub applied: bool,
}

/// What the history that is kept cannot say about other terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Of each device only the last renewal is kept, so not for how long it was away before.
    EarlierGaps,
    /// When a shared seat would have come back by itself under the other length of lease.
    WhenSharedSeatsCameBack,
    /// Applications ask for entitlements without a server.
    WhichEntitlementsWereAskedFor,
    /// How a plan is sold sets the end of licenses that are issued from then on; those that exist keep theirs.
    EndsStay,
    /// What a license with more devices than are read at once would have met.
    LargeLicenses,
    /// What a license with more claims and releases than are replayed would have met before the last ones of them.
    BusyLicenses,
}

/// A license that proposed terms would have hit, or hit as soon as they apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// The license.
    pub license: LicenseId,
    /// The last four characters of its key.
    pub key_hint: String,
    /// Who holds it.
    pub customer: Option<CustomerId>,
    /// That customer's name, or address.
    pub customer_name: Option<String>,
    /// How many of its activations would have been refused.
    pub refused: u64,
    /// How many of its devices would have been left without a valid lease.
    pub ran_out: u64,
    /// When the first of the two would have happened.
    pub first_at: Option<Timestamp>,
    /// The device it would have happened to, where it gave a name.
    pub device: Option<String>,
    /// How many seats are taken now, and how many would be allowed, where those are fewer.
    pub over: Option<(u32, u32)>,
    /// The entitlements that it loses, or has with another value then: that value.
    pub lost: Vec<(String, Option<String>)>,
}

/// How proposed terms would have judged the last 90 days of a plan's licenses, or of a part of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// From when on.
    pub since: Timestamp,
    /// How many licenses of the plan were looked at.
    pub looked_at: u64,
    /// How many it has, or at least about so many.
    pub total: u64,
    /// Whether that is exact.
    pub total_exact: bool,
    /// Where to go on; absent where all were looked at.
    pub next: Option<String>,
    /// How many of those looked at would have other terms.
    pub changing: u64,
    /// How many would have more seats taken than allowed; no seat that is taken is lost.
    pub over_their_seats: u64,
    /// How many activations would have been refused.
    pub refused: u64,
    /// On how many licenses.
    pub licenses_refused: u64,
    /// How many devices would have been left without a valid lease.
    pub ran_out: u64,
    /// On how many licenses.
    pub licenses_ran_out: u64,
    /// How many licenses would have been hit in any of these ways, or lose entitlements.
    pub hit: u64,
    /// Those licenses; at most 100, whoever would have been refused or run out first.
    pub named: Vec<Replayed>,
    /// Entitlements that licenses lose or have changed, and on how many.
    pub lost: Vec<(String, u64)>,
    /// What the kept history cannot say.
    pub unknown: Vec<Unknown>,
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// The file is being read and every row judged.
    Reading,
    /// Every row has its fate; waits for somebody's yes.
    Ready,
    /// Confirmed; licenses are being made.
    Running,
    /// Done.
    Done,
    /// Given up before it was done; nothing was changed.
    Cancelled,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFate {
    /// A license is made.
    Create,
    /// The license exists and is the same: nothing to do.
    Unchanged,
    /// The same key stands in an earlier row.
    Duplicate,
    /// A license with this key exists and is different.
    Conflict,
    /// The row cannot be imported.
    Error,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportView {
    /// Its id.
    pub id: ImportId,
    /// The file's name, where it had one.
    pub file_name: String,
    /// Which system's export it is.
    pub source: Source,
    /// The product that the licenses are for.
    pub product: ProductId,
    /// The plan of rows that name none.
    pub plan: Option<PlanId>,
    /// Where it stands.
    pub state: ImportState,
    /// The columns and what each means.
    pub columns: Vec<ColumnView>,
    /// In which order dates with slashes or dots are written, where somebody has said.
    pub dates: Option<DateOrder>,
    /// What is wrong with the mapping as a whole, where something is; then nothing can be confirmed.
    pub problem: Option<String>,
    /// What becomes of the rows.
    pub counts: ImportCounts,
    /// How many of the rows to be made are made ready; all of them become licenses in the same moment.
    pub progress: u64,
    /// How many of its licenses have arrived: of one that is done and looked at by itself.
    pub arrived: Option<ArrivedView>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
}

/// A column of an imported file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnView {
    /// What the header row calls it.
    pub header: String,
    /// What it means: `key`, `email`, `name`, `product`, `plan`, `seats`, `expires_at`, `status`, `order`,
    /// `devices`, `entitlement:CODE` or `ignore`.
    pub field: String,
    /// The first values, to recognise it by.
    pub samples: Vec<String>,
}

/// How many rows meet which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCounts {
    /// All rows.
    pub rows: u64,
    /// Licenses to be made.
    pub create: u64,
    /// Nothing to do.
    pub unchanged: u64,
    /// Repeated within the file.
    pub duplicate: u64,
    /// Different from the license that exists.
    pub conflict: u64,
    /// Not importable.
    pub error: u64,
    /// Rows of the file that are no licenses and among none of these: sales of something else, charges that follow.
    pub left_out: u64,
}

/// How many of an import's licenses are in use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedView {
    /// The licenses it has made.
    pub licenses: u64,
    /// Those on which a device was ever activated.
    pub activated: u64,
    /// Of the others, those that are revoked.
    pub revoked: u64,
    /// Those that are suspended.
    pub suspended: u64,
    /// Those that have ended.
    pub expired: u64,
}

impl ArrivedView {
    /// The licenses on which a device was activated, or can be as they stand.
    pub const fn expected(&self) -> u64 {
        self.licenses - self.revoked - self.suspended - self.expired
    }
}

impl ImportCounts {
    /// Rows that stand in the way of all or nothing.
    pub const fn in_the_way(&self) -> u64 {
        self.duplicate + self.conflict + self.error
    }
}

/// A row of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRowView {
    /// Its line in the file, the header being line 1.
    pub line: u64,
    /// What becomes of it.
    pub fate: RowFate,
    /// Why, where it is not imported.
    pub reason: Option<String>,
    /// The header of the column that is wrong.
    pub column: Option<String>,
    /// The key, all but its last four characters hidden.
    pub key: String,
    /// Who holds the license, as in the file.
    pub customer: String,
    /// The license that was made or found.
    pub license: Option<LicenseId>,
}
