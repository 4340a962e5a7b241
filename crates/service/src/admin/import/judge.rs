//! The fate of every row: read under the mapping, compared with the rows before it and with the licenses that exist.

use super::{
    columns::Field,
    dates::{DateOrder, rfc_3339, shorten},
    reader::Row,
    row::{self, End, ParsedRow},
};
use crate::admin::views::RowFate;
use holdfast_domain::{Code, Email, Entitlements, LicenseId, LicenseStatus, Name, PlanId, ProductId, Terms, Timestamp};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// The product that licenses are imported into, and its plans by code.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The product.
    pub product: ProductId,
    /// Its code.
    pub product_code: Code,
    /// Its plans by code.
    pub plans: BTreeMap<String, Arc<PlanTerms>>,
    /// The plan of rows that name none.
    pub default_plan: Option<Arc<PlanTerms>>,
}

/// What a license copies from its plan.
#[derive(Clone, Debug)]
pub struct PlanTerms {
    /// The plan.
    pub id: PlanId,
    /// Its code.
    pub code: Code,
    /// Its terms.
    pub terms: Terms,
}

/// A license that exists already, as far as a row can differ from it.
#[derive(Clone, Debug)]
pub struct Existing {
    /// Its id.
    pub id: LicenseId,
    /// Its plan.
    pub plan: PlanId,
    /// Its status.
    pub status: LicenseStatus,
    /// Its number of seats.
    pub seats: u32,
    /// Its end.
    pub expires_at: Option<Timestamp>,
    /// Its overrides.
    pub overrides: Entitlements,
    /// Its customer's address.
    pub email: Option<Email>,
    /// Its customer's name.
    pub name: Option<Name>,
    /// The provider's number of its order.
    pub order: Option<String>,
}

/// A row that describes a license, made ready.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The row.
    pub row: ParsedRow,
    /// Its plan.
    pub plan: Arc<PlanTerms>,
}

/// A judged row.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its line in the file.
    pub line: u64,
    /// What becomes of it.
    pub fate: RowFate,
    /// Why, where it is not imported.
    pub reason: Option<String>,
    /// The index of the column that is wrong.
    pub column: Option<usize>,
    /// The keyed hash of its key, where it has one.
    pub hash: Option<[u8; 32]>,
    /// The license it describes, where it can be read.
    pub license: Option<Prepared>,
    /// The license that exists.
    pub existing: Option<LicenseId>,
}

/// Reads every row and finds repetitions within the file; whether licenses exist already is asked afterwards
/// ([`against`]).
pub fn read(
    rows: &[Row],
    mapping: &[Field],
    order: Option<DateOrder>,
    catalogue: &Catalogue,
    hash: impl Fn(&ParsedRow) -> [u8; 32],
) -> Vec<Judged> {
    let mut seen: HashMap<[u8; 32], u64> = HashMap::with_capacity(rows.len());
    rows.iter()
        .map(|raw| {
            let mut judged = Judged {
                line: raw.line,
                fate: RowFate::Error,
                reason: None,
                column: None,
                hash: None,
                license: None,
                existing: None,
            };
            let parsed = match row::parse(&raw.cells, mapping, order) {
                Ok(parsed) => parsed,
                Err(error) => {
                    judged.column = error.column;
                    judged.reason = Some(error.reason);
                    return judged;
                }
            };
            let hash = hash(&parsed);
            judged.hash = Some(hash);
            match plan_of(&parsed, catalogue) {
                Err((field, reason)) => {
                    judged.column = mapping.iter().position(|other| *other == field);
                    judged.reason = Some(reason);
                }
                Ok(plan) => {
                    if let Some(first) = seen.get(&hash) {
                        judged.fate = RowFate::Duplicate;
                        judged.column = mapping.iter().position(|field| *field == Field::Key);
                        judged.reason = Some(format!("Line {first} has the same key."));
                    } else {
                        seen.insert(hash, raw.line);
                        judged.fate = RowFate::Create;
                        judged.license = Some(Prepared { row: parsed, plan });
                    }
                }
            }
            judged
        })
        .collect()
}

fn plan_of(row: &ParsedRow, catalogue: &Catalogue) -> Result<Arc<PlanTerms>, (Field, String)> {
    if let Some(product) = row.product.as_ref().filter(|code| code.as_str() != catalogue.product_code.as_str()) {
        return Err((
            Field::Product,
            format!(
                "\"{}\" is another product than \"{}\", which is imported into.",
                shorten(product),
                catalogue.product_code
            ),
        ));
    }
    let plan = match &row.plan {
        Some(code) => catalogue
            .plans
            .get(code)
            .ok_or_else(|| (Field::Plan, format!("The product has no plan \"{}\".", shorten(code))))?,
        None => catalogue
            .default_plan
            .as_ref()
            .ok_or_else(|| (Field::Plan, "The plan is missing, and none was chosen for such rows.".to_owned()))?,
    };
    let terms = Terms { seats: row.seats.unwrap_or(plan.terms.seats), ..plan.terms.clone() };
    if let Err(error) = terms.checked() {
        return Err((Field::Seats, format!("With the plan's overdraft, {error}.")));
    }
    if plan.terms.entitlements.len() + row.overrides.len() > 64 {
        return Err((Field::Key, "With the plan's entitlements there would be more than 64.".to_owned()));
    }
    Ok(plan.clone())
}

/// Compares a row marked `create` with the license that has its key already: the same leaves nothing to do, another is a
/// conflict. A member that the file does not have is not compared.
pub fn against(judged: &mut Judged, existing: &Existing, mapping: &[Field]) {
    let Some(Prepared { row, plan }) = judged.license.take() else { return };
    judged.existing = Some(existing.id);
    let differs = difference(&row, plan.id, existing);
    judged.fate = if differs.is_some() { RowFate::Conflict } else { RowFate::Unchanged };
    if let Some((field, reason)) = differs {
        judged.column = mapping.iter().position(|other| *other == field);
        judged.reason = Some(reason);
    }
}

fn difference(row: &ParsedRow, plan: PlanId, existing: &Existing) -> Option<(Field, String)> {
    let tell = |what: &str, theirs: String, ours: String| {
        format!("A license with this key exists, with {what} {theirs}; the row says {ours}.")
    };
    let none = || "none".to_owned();
    if plan != existing.plan {
        return Some((Field::Plan, "A license with this key exists, under another plan.".to_owned()));
    }
    if let Some(seats) = row.seats.filter(|seats| *seats != existing.seats) {
        return Some((Field::Seats, tell("seats", existing.seats.to_string(), seats.to_string())));
    }
    let end = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), rfc_3339);
    let wanted = match row.end {
        End::AsPlan => existing.expires_at,
        End::Never => None,
        End::At(at) => Some(at),
    };
    if wanted.map(Timestamp::seconds) != existing.expires_at.map(Timestamp::seconds) {
        return Some((Field::ExpiresAt, tell("the end", end(existing.expires_at), end(wanted))));
    }
    if let Some(status) = row.status.filter(|status| *status != existing.status) {
        return Some((Field::Status, tell("status", existing.status.as_str().to_owned(), status.as_str().to_owned())));
    }
    if let Some(email) = row.email.as_ref().filter(|email| Some(*email) != existing.email.as_ref()) {
        let theirs = existing.email.as_ref().map_or_else(none, ToString::to_string);
        return Some((Field::Email, tell("the customer", theirs, email.to_string())));
    }
    // A name is compared only where it is all that tells whose the license is.
    if let (None, Some(name)) = (&row.email, &row.name)
        && Some(name) != existing.name.as_ref()
    {
        let theirs = existing.name.as_ref().map_or_else(none, |name| shorten(name.as_str()));
        return Some((Field::Name, tell("the customer", theirs, shorten(name.as_str()))));
    }
    if let Some(order) = row.order.as_ref().filter(|order| Some(order.as_str()) != existing.order.as_deref()) {
        let theirs = existing.order.as_deref().map_or_else(none, shorten);
        return Some((Field::Order, tell("the order", theirs, shorten(order.as_str()))));
    }
    let changed = row.overrides.iter().find(|(code, value)| existing.overrides.get(*code) != Some(*value));
    changed.map(|(code, value)| {
        let theirs = existing.overrides.get(code).map_or_else(none, ToString::to_string);
        (Field::Entitlement(code.clone()), tell(code.as_str(), shorten(&theirs), shorten(&value.to_string())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_domain::{LicenseModel, SeatModel, Seconds};

    fn catalogue() -> Catalogue {
        let plan = |n: u8, code: &str| {
            let terms =
                Terms::defaults(LicenseModel::Subscription { duration: Seconds::days(365) }, SeatModel::NodeLocked);
            Arc::new(PlanTerms { id: PlanId::from_bytes([n; 16]), code: code.parse().unwrap(), terms })
        };
        Catalogue {
            product: ProductId::from_bytes([1; 16]),
            product_code: "editor".parse().unwrap(),
            plans: [("pro".to_owned(), plan(1, "pro")), ("team".to_owned(), plan(2, "team"))].into(),
            default_plan: None,
        }
    }

    fn judge(text: &str) -> Vec<Judged> {
        let table = super::super::reader::read(text, None).unwrap();
        let mapping = super::super::columns::guess(&table.headers);
        read(&table.rows, &mapping, None, &catalogue(), |row| {
            let mut hash = [0; 32];
            row.key.normal_form().bytes().take(32).enumerate().for_each(|(at, byte)| hash[at] = byte);
            hash
        })
    }

    #[test]
    fn each_row_has_a_fate_and_a_reason() {
        let judged = judge(
            "key,plan,seats,product\nAAAA-1111,pro,1,editor\naaaa 1111,team,,\nBBBB-2222,none,,\nCCCC-3333,,,\nDDDD-4444,pro,x,\nEEEE-5555,pro,,viewer\n",
        );
        let told: Vec<_> = judged.iter().map(|row| (row.line, row.fate, row.column)).collect();
        assert_eq!(
            told,
            [
                (2, RowFate::Create, None),
                (3, RowFate::Duplicate, Some(0)),
                (4, RowFate::Error, Some(1)),
                (5, RowFate::Error, Some(1)),
                (6, RowFate::Error, Some(2)),
                (7, RowFate::Error, Some(3)),
            ]
        );
        assert!(judged[1].reason.as_ref().unwrap().contains("Line 2"));
        assert!(judged[1..].iter().all(|row| row.reason.is_some()));
    }

    #[test]
    fn an_existing_license_is_unchanged_or_in_conflict() {
        let mut existing = Existing {
            id: LicenseId::from_bytes([9; 16]),
            plan: PlanId::from_bytes([1; 16]),
            status: LicenseStatus::Active,
            seats: 3,
            expires_at: Some(Timestamp::from_micros(1_798_761_600_000_123)),
            overrides: Entitlements::new(),
            email: Some("ada@example.com".parse().unwrap()),
            name: None,
            order: None,
        };
        let mapping: Vec<Field> = ["key", "plan", "seats", "expires_at", "email"].map(|f| f.parse().unwrap()).to_vec();
        let text = "key,plan,seats,expires_at,email\nAAAA-1111,pro,3,2026-12-31,Ada@example.com\n";
        let mut row = judge(text).remove(0);
        against(&mut row, &existing, &mapping);
        assert_eq!((row.fate, row.existing, row.reason), (RowFate::Unchanged, Some(existing.id), None));
        existing.seats = 5;
        let mut row = judge(text).remove(0);
        against(&mut row, &existing, &mapping);
        assert_eq!((row.fate, row.column), (RowFate::Conflict, Some(2)));
        assert_eq!(row.reason.unwrap(), "A license with this key exists, with seats 5; the row says 3.");
        existing.seats = 3;
        existing.expires_at = None;
        let mut row = judge(text).remove(0);
        against(&mut row, &existing, &mapping);
        assert_eq!((row.fate, row.column), (RowFate::Conflict, Some(3)));
    }
}
