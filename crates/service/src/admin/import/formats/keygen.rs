//! Keygen: the answers of its API to a list of licenses, with those to a list of machines where devices are to go on
//! without a word (JSON:API). Users, policies and entitlements are looked up where the file has them.

use super::{
    super::{
        columns::Field,
        reader::{Row, Table},
    },
    KnownDevice, UNLIMITED, fits, headers,
    json::{Resource, resources},
    of_one_product, slug,
};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Its columns here, and what they mean.
pub static COLUMNS: [(&str, Field); 8] = [
    ("key", Field::Key),
    ("name", Field::Name),
    ("email", Field::Email),
    ("policy", Field::Plan),
    ("maxMachines", Field::Seats),
    ("expiry", Field::ExpiresAt),
    ("status", Field::Status),
    ("devices", Field::Devices),
];
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Attributes {
    // Of a license.
    key: Option<String>,
    name: Option<String>,
    expiry: Option<String>,
    status: Option<String>,
    suspended: Option<bool>,
    floating: Option<bool>,
    max_machines: Option<u64>,
    // Of a user.
    email: Option<String>,
    full_name: Option<String>,
    // Of a machine.
    fingerprint: Option<String>,
    // Of an entitlement.
    code: Option<String>,
}

/// The licenses in `text`.
///
/// # Errors
/// [`crate::ErrorCode::ImportUnreadable`].
pub fn read(text: &str) -> Result<Table> {
    let all: Vec<Resource<Attributes>> = resources(text)?;
    let of = |kind: &'static str| all.iter().filter(move |resource| resource.kind == kind);
    let by_id = |kind| of(kind).map(|resource| (resource.id.as_str(), &resource.attributes)).collect::<HashMap<_, _>>();
    let (users, policies, entitlements) = (by_id("users"), by_id("policies"), by_id("entitlements"));
    let mut machines: HashMap<&str, BTreeMap<&str, &str>> = HashMap::new();
    for machine in of("machines") {
        if let (Some(license), Some(fingerprint)) = (machine.related("license").next(), &machine.attributes.fingerprint)
        {
            machines.entry(license).or_default().insert(fingerprint, &machine.id);
        }
    }
    of_one_product(of("licenses").flat_map(|license| license.related("product")))?;
    let codes = |license: &Resource<Attributes>| -> BTreeSet<String> {
        let granted = license.related("entitlements").filter_map(|id| entitlements.get(id));
        granted.filter_map(|entitlement| entitlement.code.clone()).collect()
    };
    let granted: BTreeSet<String> = of("licenses").flat_map(codes).collect();
    fits(of("licenses").count(), &COLUMNS, granted.len())?;
    let mut table = Table { headers: headers(&COLUMNS), rows: Vec::new(), left_out: 0 };
    table.headers.extend(granted.iter().map(|code| format!("entitlement:{code}")));
    for (at, license) in of("licenses").enumerate() {
        let own = &license.attributes;
        let user = ["owner", "user"].into_iter().find_map(|name| users.get(license.related(name).next()?));
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let name = user.and_then(|user| user.full_name.as_ref().or(user.name.as_ref())).filter(|name| !name.is_empty());
        let policy = license.related("policy").next().unwrap_or_default();
        let policy = policies.get(policy).and_then(|policy| policy.name.as_deref()).map_or(policy.to_owned(), slug);
        let known = machines.get(license.id.as_str());
        let counted = known.map_or(0, |known| known.len() as u64);
        // A license may have more machines than it should, where its policy let that pass: none of them is turned away.
        let seats = match own.max_machines {
            Some(most) => most.max(counted).max(1),
            None if own.floating == Some(true) => UNLIMITED,
            None => counted.max(1),
        };
        let devices = match known {
            None => String::new(),
            Some(known) => {
                let device = |(fingerprint, id): (&&str, &&str)| KnownDevice {
                    id: Some((*id).to_owned()),
                    fingerprint: (*fingerprint).to_owned(),
                };
                let devices: Vec<KnownDevice> = known.iter().map(device).collect();
                serde_json::to_string(&devices).map_err(Error::internal)?
            }
        };
        let status = match own.status.as_deref().unwrap_or_default().to_ascii_uppercase().as_str() {
            "SUSPENDED" | "BANNED" => "suspended",
            _ if own.suspended == Some(true) => "suspended",
            _ => "active",
        };
        let mut cells = vec![
            text(own.key.as_ref()),
            text(name.or(own.name.as_ref())),
            text(user.and_then(|user| user.email.as_ref())),
            policy,
            seats.to_string(),
            own.expiry.clone().unwrap_or_else(|| "never".to_owned()),
            status.to_owned(),
            devices,
        ];
        let has = codes(license);
        cells.extend(granted.iter().map(|code| if has.contains(code) { "yes" } else { "" }.to_owned()));
        table.rows.push(Row { line: at as u64 + 1, cells });
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::super::tests::rows;
    use holdfast_domain::Source;

    /// After the documentation of the license, machine, user, policy and entitlement objects.
    pub const SAMPLE: &str = include_str!("samples/keygen.json");

    #[test]
    fn licenses_are_read_with_their_users_policies_machines_and_entitlements() {
        let (source, rows, _) = rows(SAMPLE);
        assert_eq!(source, Source::Keygen);
        let told: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            told,
            [
                "key=C1B6DE-39A6E3-DE1529-8559A0-4AF593-V3 name=Ada Lovelace email=ada@example.com policy=floating-pro \
                 maxMachines=3 expiry=2027-10-22T14:28:03.000Z status=active \
                 devices=[{\"id\":\"a1b2c3d4-0000-4000-8000-000000000002\",\"fingerprint\":\"198e9fe586114844f6a4eaca5069b41a\"},\
                 {\"id\":\"a1b2c3d4-0000-4000-8000-000000000001\",\"fingerprint\":\"4d:Eq:UV:D3:XZ:tL:WN:Bz\"}] \
                 entitlement:EXPORT=yes",
                "key=7A3F22-0B2C11-91D0E4-66AB10-9E77F2-V3 name=Site license policy=b4a1f2de-0000-4000-8000-000000000009 \
                 maxMachines=1000000 expiry=never status=suspended",
                "key=19EE07-AA1290-77C0D1-30AF55-0C1B2D-V3 policy=floating-pro maxMachines=2 \
                 expiry=2026-01-31T00:00:00.000Z status=active \
                 devices=[{\"id\":\"a1b2c3d4-0000-4000-8000-000000000003\",\"fingerprint\":\"one\"},\
                 {\"id\":\"a1b2c3d4-0000-4000-8000-000000000004\",\"fingerprint\":\"two\"}]",
            ]
        );
    }
}
