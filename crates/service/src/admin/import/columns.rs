//! What the columns of a file mean: guessed from their headers, settable by the user.

use crate::error::{Error, ErrorCode, Result};
use holdfast_domain::EntitlementCode;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// What a column means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The license key.
    Key,
    /// The customer's address.
    Email,
    /// The customer's name.
    Name,
    /// The product's code.
    Product,
    /// The plan's code.
    Plan,
    /// The number of seats.
    Seats,
    /// The end of the license.
    ExpiresAt,
    /// The status.
    Status,
    /// The payment provider's number of the order.
    Order,
    /// The devices that the other system knows, as a JSON list ([`super::formats::KnownDevice`]).
    Devices,
    /// An entitlement that the license has beyond or instead of its plan's.
    Entitlement(EntitlementCode),
    /// Nothing.
    Ignore,
}

impl Field {
    const NAMED: [(&'static str, Self); 11] = [
        ("key", Self::Key),
        ("email", Self::Email),
        ("name", Self::Name),
        ("product", Self::Product),
        ("plan", Self::Plan),
        ("seats", Self::Seats),
        ("expires_at", Self::ExpiresAt),
        ("status", Self::Status),
        ("order", Self::Order),
        ("devices", Self::Devices),
        ("ignore", Self::Ignore),
    ];

    /// What a header most likely means. Whatever is not recognised is ignored.
    pub fn guess(header: &str) -> Self {
        if let Some(code) = header.trim().split_once(':').filter(|(word, _)| word.eq_ignore_ascii_case("entitlement")) {
            return code.1.trim().parse().map_or(Self::Ignore, Self::Entitlement);
        }
        let plain: String =
            header.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        match plain.as_str() {
            "key" | "licensekey" | "licencekey" | "serial" | "serialnumber" | "serialkey" | "activationkey"
            | "productkey" | "activationcode" | "licensecode" | "license" | "licence" => Self::Key,
            "email" | "mail" | "emailaddress" | "customeremail" | "useremail" | "owneremail" | "buyeremail" => {
                Self::Email
            }
            "name" | "customer" | "customername" | "company" | "companyname" | "fullname" | "buyer" | "buyername"
            | "organization" | "organisation" | "licensee" => Self::Name,
            "product" | "productcode" | "productid" | "app" | "application" => Self::Product,
            "plan" | "plancode" | "sku" | "edition" | "tier" | "policy" | "variant" => Self::Plan,
            "seats" | "seat" | "quantity" | "qty" | "maxactivations" | "activationlimit" | "maxmachines"
            | "machines" | "devices" | "maxdevices" | "users" => Self::Seats,
            "expiresat" | "expires" | "expiry" | "expirydate" | "expirationdate" | "expiration" | "validuntil"
            | "enddate" | "expireson" => Self::ExpiresAt,
            "status" | "state" | "licensestatus" => Self::Status,
            "order" | "orderid" | "ordernumber" | "orderno" | "orderreference" | "invoice" | "invoicenumber"
            | "transactionid" => Self::Order,
            _ => Self::Ignore,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Entitlement(code) = self {
            return write!(f, "entitlement:{code}");
        }
        f.write_str(Self::NAMED.iter().find(|(_, field)| field == self).map_or("ignore", |(name, _)| name))
    }
}

impl FromStr for Field {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(code) = text.strip_prefix("entitlement:") {
            let code = code.parse().map_err(|error| Error::invalid("/mapping", format_args!("{text}: {error}")))?;
            return Ok(Self::Entitlement(code));
        }
        Self::NAMED
            .iter()
            .find_map(|(name, field)| (*name == text).then(|| field.clone()))
            .ok_or_else(|| Error::invalid("/mapping", format_args!("\"{text}\" is not something a column can mean.")))
    }
}

impl Serialize for Field {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(|error: Error| serde::de::Error::custom(error.detail.unwrap_or_else(|| error.code.title().into())))
    }
}

/// What each column of a file means, in the order of the columns.
pub type Mapping = Vec<Field>;

/// The guess for `headers`: a field that an earlier column has already is not guessed again.
pub fn guess(headers: &[String]) -> Mapping {
    let mut mapping: Mapping = Vec::with_capacity(headers.len());
    for header in headers {
        let field = Field::guess(header);
        let taken = mapping.contains(&field);
        mapping.push(if taken { Field::Ignore } else { field });
    }
    mapping
}

/// The mapping for `headers` where `chosen` names some columns by header; the others mean what is `known` of them, or are
/// guessed, as far as what they would mean is still free.
///
/// # Errors
/// A header that the file does not have.
pub fn choose(headers: &[String], known: Option<Mapping>, chosen: &BTreeMap<String, Field>) -> Result<Mapping> {
    if let Some(unknown) = chosen.keys().find(|header| !headers.contains(header)) {
        return Err(Error::invalid("/mapping", format_args!("The file has no column \"{unknown}\".")));
    }
    let mut taken: Vec<Field> = chosen.values().cloned().collect();
    let mut known = known.unwrap_or_default().into_iter();
    let mut mapping = Mapping::with_capacity(headers.len());
    for header in headers {
        let known = known.next();
        let field = chosen.get(header).cloned().unwrap_or_else(|| {
            let guess = known.unwrap_or_else(|| Field::guess(header));
            if taken.contains(&guess) { Field::Ignore } else { guess }
        });
        taken.push(field.clone());
        mapping.push(field);
    }
    Ok(mapping)
}

/// What is wrong with `mapping` as a whole, if anything: the key is missing, or a field is there twice.
pub fn problem(mapping: &[Field], plan_given: bool) -> Option<String> {
    let count = |field: &Field| mapping.iter().filter(|other| *other == field).count();
    if let Some(twice) = mapping.iter().find(|field| **field != Field::Ignore && count(field) > 1) {
        return Some(format!("Two columns are mapped to \"{twice}\"; choose one."));
    }
    if count(&Field::Key) == 0 {
        return Some("No column is mapped to the license key.".to_owned());
    }
    if count(&Field::Plan) == 0 && !plan_given {
        return Some("Choose the plan for all rows, or map a column to it.".to_owned());
    }
    None
}

/// Checks that a mapping has one field for each of `columns` columns.
///
/// # Errors
/// [`ErrorCode::InvalidRequest`] where it has not.
pub fn checked(mapping: Mapping, columns: usize) -> Result<Mapping> {
    if mapping.len() == columns {
        Ok(mapping)
    } else {
        Err(Error::new(ErrorCode::InvalidRequest)
            .with_pointer("/mapping")
            .with_detail(format_args!("The file has {columns} columns; the mapping has {}.", mapping.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(mapping: &[Field]) -> Vec<String> {
        mapping.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn usual_headers_are_recognised() {
        let headers: Vec<String> = [
            "License Key",
            "E-Mail",
            "Customer name",
            "SKU",
            "Max. activations",
            "Expiry date",
            "Status",
            "Order #",
            "Notes",
            "entitlement: export",
        ]
        .map(ToOwned::to_owned)
        .to_vec();
        assert_eq!(
            names(&guess(&headers)),
            ["key", "email", "name", "plan", "seats", "expires_at", "status", "order", "ignore", "entitlement:export"]
        );
    }

    #[test]
    fn a_meaning_is_given_once_and_the_users_choice_wins() {
        let headers = ["key", "serial", "name"].map(ToOwned::to_owned);
        assert_eq!(names(&guess(&headers)), ["key", "ignore", "name"]);
        let chosen = BTreeMap::from([("serial".to_owned(), Field::Key), ("name".to_owned(), Field::Ignore)]);
        assert_eq!(names(&choose(&headers, None, &chosen).unwrap()), ["ignore", "key", "ignore"]);
        let known = Some(vec![Field::Name, Field::Key, Field::Email]);
        let chosen = BTreeMap::from([("name".to_owned(), Field::Name)]);
        assert_eq!(names(&choose(&headers, known, &chosen).unwrap()), ["ignore", "key", "name"]);
        assert!(choose(&headers, None, &BTreeMap::from([("nope".to_owned(), Field::Key)])).is_err());
    }

    #[test]
    fn a_mapping_that_cannot_work_says_why() {
        use Field as F;
        assert!(problem(&[F::Email], true).unwrap().contains("license key"));
        assert!(problem(&[F::Key], false).unwrap().contains("plan"));
        assert!(problem(&[F::Key, F::Seats, F::Seats], true).unwrap().contains("seats"));
        assert_eq!(problem(&[F::Key, F::Ignore, F::Ignore], true), None);
        assert_eq!(problem(&[F::Key, F::Plan], false), None);
    }

    #[test]
    fn fields_round_trip_as_text() {
        for text in ["key", "expires_at", "devices", "entitlement:a.b", "ignore"] {
            assert_eq!(text.parse::<Field>().unwrap().to_string(), text);
        }
        assert!("entitlement:".parse::<Field>().is_err());
        assert!("nonsense".parse::<Field>().is_err());
    }
}
