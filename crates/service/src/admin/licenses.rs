//! Licenses: issuing, finding and reading them, and changing what is not their status.

use super::{
    act::{Act, job},
    customers,
    inputs::{IssueLicense, LicenseFilter, Rekey, Transfer},
    mails,
    page::{Page, PageRequest, map},
    trials::{convert, open_trial},
    undo::OFFERED,
    views::{Issued, LicenseDetail, LicenseInList, LicenseView, MigratedView},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
    runtime::BUDGET_WINDOW,
    vault::Purpose,
};
use holdfast_domain::{
    Email, License, LicenseId, LicenseKey, LicenseStatus, Name, Permission, ReasonText, SeatState, Seconds, Terms,
    plan::MOST_ENTITLEMENTS,
};
pub use holdfast_store::licenses::LicenseSort;
use holdfast_store::{
    Querier, Tx, WriteOptions,
    changes::ChangeKind,
    customers as customer_rows,
    gateways::{self, GatewayRow},
    licenses::{self, LicenseRow, NewLicense},
    migrated, orders, plans, portal_sessions, products, seats,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many seats a license's page shows at most.
pub const SEATS: usize = 200;
/// How many events it shows.
const TIMELINE: u32 = 100;

pub(super) fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

/// A license's row as it is shown, with whose it is.
pub(super) fn view(act: &Act, row: &LicenseRow, whose: Option<(Name, Option<Email>)>) -> LicenseView {
    let license = &row.license;
    let (customer_name, customer_email) = whose.map_or((None, None), |(name, email)| (Some(name), email));
    LicenseView {
        id: license.id,
        product: license.product,
        plan: license.plan,
        plan_code: license.plan_code.clone(),
        customer: license.customer,
        customer_name,
        customer_email,
        order: license.order,
        key_hint: row.key_hint.clone(),
        status: license.status,
        state: license.state(act.now),
        status_reason: license.status_reason.clone(),
        status_effective_at: license.status_effective_at,
        terms: license.terms.clone(),
        overrides: license.overrides.clone(),
        expires_at: license.expires_at,
        seats_taken: row.seats_used,
        created_at: license.created_at,
    }
}

/// The same, asking for the customer.
pub(super) async fn shown(act: &Act, q: &mut dyn Querier, row: &LicenseRow) -> Result<LicenseView> {
    let customer = match row.license.customer {
        Some(id) => customer_rows::get(q, act.scope, id).await?,
        None => None,
    };
    Ok(view(act, row, customer.map(|customer| (customer.name, customer.email))))
}

/// Reads a license for a change, locked until the commit.
pub(super) async fn lock(act: &Act, tx: &mut Tx, id: LicenseId) -> Result<LicenseRow> {
    licenses::lock(tx, act.scope, id).await?.ok_or_else(absent)
}

/// Saves a changed license and tells every node.
pub(super) async fn save(act: &Act, tx: &mut Tx, license: &License) -> Result<()> {
    licenses::update(tx, act.scope, license, act.now).await?;
    act.changed(tx, ChangeKind::License, Some(license.product), license.id.to_bytes());
    Ok(())
}

/// Tells of a license that was just stored: the log, beside what else there is to `say`; its customer, with its key, where
/// that is wished for; and every node.
pub(super) async fn announce(
    act: &Act,
    tx: &mut Tx,
    license: &License,
    plan: &Name,
    to: (Option<&Email>, &LicenseKey),
    say: Value,
) -> Result<()> {
    let mut data = say;
    data["after"] = told(license);
    act.event(tx, "license.issued", license.id, data);
    mails::mail_issued(act, tx, license, plan, to).await?;
    act.changed(tx, ChangeKind::License, Some(license.product), license.id.to_bytes());
    Ok(())
}

/// What an event says of a license; never its key.
pub(super) fn told(license: &License) -> Value {
    json!({
        "plan": license.plan, "customer": license.customer, "order": license.order, "status": license.status,
        "seats": license.terms.seats, "overrides": license.overrides,
        "expires_at": license.expires_at.map(super::import::dates::rfc_3339),
    })
}

/// The same with what else its plan gave it, for acts that change that.
pub(super) fn told_with_terms(license: &License) -> Value {
    let mut all = told(license);
    if let Value::Object(members) = &mut all {
        members.insert("plan_code".to_owned(), json!(license.plan_code));
        members.insert("terms".to_owned(), json!(license.terms));
    }
    all
}

/// Gives a license another key in a write job.
pub(super) async fn rekey(
    act: &Act,
    tx: &mut Tx,
    id: LicenseId,
    key: &StoredKey,
    reason: &ReasonText,
) -> Result<LicenseRow> {
    let mut row = lock(act, tx, id).await?;
    let StoredKey { hash, sealed, hint } = key;
    licenses::rekey(tx, act.scope, id, (hash, sealed, hint), act.now).await?;
    // Whoever the old key let in to the portal.
    portal_sessions::end_of_license(tx, act.scope, id).await?;
    let data = json!({ "before": { "key_hint": row.key_hint }, "after": { "key_hint": hint }, "reason": reason });
    act.event(tx, "license.rekeyed", id, data);
    act.changed(tx, ChangeKind::License, Some(row.license.product), id.to_bytes());
    row.key_hint.clone_from(hint);
    Ok(row)
}

/// A key as the database keeps it: hashed for look-up, sealed for showing, and its last four characters.
#[derive(Clone)]
pub(crate) struct StoredKey {
    pub hash: [u8; 32],
    pub sealed: Vec<u8>,
    pub hint: String,
}

impl Service {
    /// Hashes and seals `key` for the license `id`.
    pub(crate) fn store_key(&self, id: LicenseId, key: &LicenseKey) -> Result<StoredKey> {
        let vault = self.vault()?;
        let sealed = vault.seal(Purpose::LicenseKey, &id.to_bytes(), key.expose().as_bytes(), self.entropy())?;
        Ok(StoredKey { hash: vault.key_hash(key), sealed, hint: key.hint().to_owned() })
    }

    /// Opens a sealed key.
    pub(crate) fn open_key(&self, id: LicenseId, sealed: &[u8]) -> Result<String> {
        let bytes = self.vault()?.open(Purpose::LicenseKey, &id.to_bytes(), sealed)?;
        String::from_utf8(bytes.to_vec()).map_err(|error| Error::internal(error.utf8_error()))
    }

    /// Issues a license. Its key is in the answer, and afterwards only for those who may reveal it.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] with a pointer for a plan, customer or order that is not the vendor's and for values
    /// outside their range; [`ErrorCode::CodeTaken`] where another license of the product has the key given.
    pub async fn issue_license(&self, call: &Call, input: IssueLicense) -> Result<Issued> {
        call.actor.require(Permission::LicensesWrite)?;
        let act = self.act(call);
        let key = match &input.key {
            Some(text) => LicenseKey::parse(text).map_err(|error| Error::invalid("/key", error))?,
            None => LicenseKey::generate(self.entropy()),
        };
        let id = LicenseId::new(act.now, self.entropy());
        let StoredKey { hash, sealed, hint } = self.store_key(id, &key)?;
        // Which license a trial is, shows within.
        let options = if input.device.is_some() { WriteOptions::alone() } else { WriteOptions::default() };
        self.commit(
            call,
            options,
            job!(act, input, key, sealed, hint => |tx| {
                let plan = plans::get(tx, act.scope, input.plan).await?;
                let plan = plan.ok_or_else(|| Error::invalid("/plan", "There is no such plan."))?;
                // A key of one's own is of a license of its own.
                if let Some(device) = input.device.filter(|_| input.key.is_none())
                    && let Some(trial) = open_trial(&act, tx, plan.product, &device).await?
                {
                    return convert(&act, tx, trial, &input.into()).await;
                }
                let order = match input.order {
                    Some(id) => Some(orders::get(tx, act.scope, id).await?
                        .ok_or_else(|| Error::invalid("/order", "There is no such order."))?),
                    None => None,
                };
                let customer = match &input.customer {
                    Some(choice) => Some(customers::choose(&act, tx, choice).await?),
                    None => match order.as_ref().and_then(|order| order.customer) {
                        Some(id) => customer_rows::get(tx, act.scope, id).await?,
                        None => None,
                    },
                };
                let seats = input.seats.unwrap_or(plan.terms.seats);
                let terms = with(Terms { seats, ..plan.terms.clone() }, &input.overrides, "/seats")?;
                if input.expires_at.is_some_and(|end| end <= act.now) {
                    return Err(Error::invalid("/expires_at", "The end lies in the past."));
                }
                let license = License {
                    id,
                    vendor: act.scope.vendor(),
                    product: plan.product,
                    plan: plan.id,
                    plan_code: plan.code,
                    customer: customer.as_ref().map(|customer| customer.id),
                    order: input.order,
                    status: LicenseStatus::Active,
                    status_reason: None,
                    status_effective_at: None,
                    expires_at: input.expires_at.or_else(|| terms.model.end(act.now)),
                    terms,
                    overrides: input.overrides,
                    created_at: act.now,
                };
                let new = NewLicense { license, key_hash: hash, key_sealed: sealed, key_hint: hint };
                licenses::insert(tx, act.scope, &new).await.map_err(|error| Error::from(error).with_pointer("/key"))?;
                let to = customer.as_ref().and_then(|customer| customer.email.as_ref());
                announce(&act, tx, &new.license, &plan.name, (to, &key), json!({})).await?;
                let row = licenses::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                let license = view(&act, &row, customer.map(|customer| (customer.name, customer.email)));
                Ok(Issued { license, key: key.expose().to_owned() })
            }),
        )
        .await
    }

    /// The vendor's licenses as they stand now. A whole key or a license's id in `q` finds that license.
    pub async fn licenses(
        &self,
        actor: &Actor,
        filter: LicenseFilter,
        page: PageRequest<LicenseSort>,
    ) -> Result<Page<LicenseView>> {
        Ok(map(self.licenses_in_list(actor, filter, page).await?, |row| row.license))
    }

    /// The same, with when each was last seen.
    pub async fn licenses_in_list(
        &self,
        actor: &Actor,
        filter: LicenseFilter,
        page: PageRequest<LicenseSort>,
    ) -> Result<Page<LicenseInList>> {
        actor.require(Permission::LicensesRead)?;
        let act = self.act(&Call::new(actor.clone(), crate::RequestInfo::default()));
        let mut reader = self.store().patient_reader();
        let filter = self.narrowed(&act, &mut reader, filter).await?;
        let rows = licenses::list(&mut reader, act.scope, &filter, &page, act.now).await?;
        Ok(map(rows, |row| {
            let whose = row.customer_name.map(|name| (name, row.customer_email));
            LicenseInList { license: view(&act, &row.row, whose), last_seen: row.last_seen }
        }))
    }

    /// `filter` for the store: a whole key or an id in `q` stands for the license that has it.
    pub(super) async fn narrowed(
        &self,
        act: &Act,
        q: &mut dyn Querier,
        filter: LicenseFilter,
    ) -> Result<licenses::LicenseFilter> {
        let mut rows = filter.rows();
        if let Some(found) = self.find_exactly(act, q, rows.q.as_deref().unwrap_or_default()).await? {
            (rows.q, rows.ids) = (None, Some(found.iter().map(|row| row.license.id).collect()));
        }
        Ok(rows)
    }

    /// The licenses that a whole key or an id names; `None` where `q` is neither, or none has it.
    pub(super) async fn find_exactly(
        &self,
        act: &Act,
        q: &mut dyn Querier,
        text: &str,
    ) -> Result<Option<Vec<LicenseRow>>> {
        if let Ok(id) = text.trim().parse::<LicenseId>() {
            return Ok(Some(licenses::get(q, act.scope, id).await?.into_iter().collect()));
        }
        let Ok(key) = LicenseKey::parse(text) else { return Ok(None) };
        let Ok(vault) = self.vault() else { return Ok(None) };
        for hash in vault.key_hashes(&key) {
            let found = licenses::by_key_hash_anywhere(q, act.scope, hash).await?;
            if !found.is_empty() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Everything about a license: its terms, its seats, what happened to it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn license(&self, actor: &Actor, id: LicenseId) -> Result<LicenseDetail> {
        actor.require(Permission::LicensesRead)?;
        let act = self.act(&Call::new(actor.clone(), crate::RequestInfo::default()));
        let mut reader = self.store().patient_reader();
        let q = &mut reader;
        let row = licenses::get(q, act.scope, id).await?.ok_or_else(absent)?;
        let product = products::get(q, act.scope, row.license.product).await?.ok_or_else(absent)?;
        let plan = plans::get(q, act.scope, row.license.plan).await?.ok_or_else(absent)?;
        let order = match row.license.order {
            Some(order) => orders::get(q, act.scope, order).await?,
            None => None,
        };
        let mut shown_seats = super::seats::of_license(&act, q, id, SeatState::Active, SEATS).await?;
        let rest = SEATS - shown_seats.len();
        shown_seats.extend(super::seats::of_license(&act, q, id, SeatState::Released, rest).await?);
        // Seats that were given up a moment ago can be given back, however many others there are.
        let freed = super::seats::freed_since(&act, q, id, act.now.plus(Seconds(-OFFERED.0))).await?;
        let told = freed.iter().chain(&shown_seats).map(|seat| seat.id);
        let timeline = super::events::timeline(&act, q, id, told, TIMELINE).await?;
        let undo = super::undo::offers(actor, &row.license, &freed, &timeline, act.now);
        let migrated = migrated::of(q, act.scope, &[id]).await?.remove(&id);
        let gateways = gateways::of_product(q, act.scope, row.license.product).await?;
        let since = act.now.plus(Seconds(-BUDGET_WINDOW.0));
        let freed_by_holder = seats::releases_by_key(q, act.scope, id, since).await?;
        Ok(LicenseDetail {
            license: shown(&act, q, &row).await?,
            version: row.version,
            undo,
            product_name: product.name,
            plan_name: plan.name,
            order_reference: order.map(|order| order.external_id),
            seats: shown_seats,
            freed_by_holder: u32::try_from(freed_by_holder).unwrap_or(u32::MAX),
            timeline,
            migrated: migrated.map(|row| MigratedView {
                source: row.source,
                import: row.import,
                activated_at: row.activated_at,
            }),
            gateways: gateways.into_iter().filter(GatewayRow::is_on).map(|row| row.kind).collect(),
        })
    }

    /// On how many devices each of these people has a seat of a license; nobody who has none.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn devices_of_users(
        &self,
        actor: &Actor,
        id: LicenseId,
        users: Vec<Email>,
    ) -> Result<BTreeMap<Email, u32>> {
        actor.require(Permission::LicensesRead)?;
        let mut reader = self.store().patient_reader();
        licenses::get(&mut reader, actor.scope(), id).await?.ok_or_else(absent)?;
        Ok(seats::devices_of_users(&mut reader, actor.scope(), id, &users).await?)
    }

    /// Gives a license a new key. The old one is unknown from then on; running seats go on, because a lease does not
    /// depend on the key.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Sealed`].
    pub async fn rekey_license(&self, call: &Call, id: LicenseId, input: Rekey) -> Result<Issued> {
        call.actor.require(Permission::LicensesWrite)?;
        let act = self.act(call);
        let key = LicenseKey::generate(self.entropy());
        let stored = self.store_key(id, &key)?;
        let key = key.expose().to_owned();
        self.commit(
            call,
            WriteOptions::license(id),
            job!(act, input, key, stored => |tx| {
                let row = rekey(&act, tx, id, &stored, &input.reason).await?;
                Ok(Issued { license: shown(&act, tx, &row).await?, key })
            }),
        )
        .await
    }

    /// Hands a license to another customer. Its key and seats stay.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::InvalidRequest`] for a customer who is not the vendor's.
    pub async fn transfer_license(&self, call: &Call, id: LicenseId, input: Transfer) -> Result<LicenseView> {
        call.actor.require(Permission::LicensesWrite)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::license(id),
            job!(act, input => |tx| {
                let mut row = lock(&act, tx, id).await?;
                let customer = customers::choose(&act, tx, &input.customer).await?;
                let before = row.license.customer;
                row.license.customer = Some(customer.id);
                save(&act, tx, &row.license).await?;
                portal_sessions::end_of_license(tx, act.scope, id).await?;
                let data = json!({
                    "before": { "customer": before }, "after": { "customer": customer.id }, "reason": input.reason,
                });
                act.event(tx, "license.transferred", id, data);
                Ok(view(&act, &row, Some((customer.name, customer.email))))
            }),
        )
        .await
    }

    /// A license's whole key. Each time is an event.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for roles that see the last four characters only; [`ErrorCode::NotFound`].
    pub async fn reveal_key(&self, call: &Call, id: LicenseId) -> Result<String> {
        call.actor.require(Permission::KeyReveal)?;
        let act = self.act(call);
        // Written before it is shown: a key that somebody has seen is always in the log.
        let sealed = self.commit(
            call,
            WriteOptions::default(),
            job!(act => |tx| {
                let row = licenses::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                act.event(tx, "license.key_revealed", id, json!({}));
                Ok::<_, Error>(row.key_sealed)
            }),
        );
        self.open_key(id, &sealed.await?)
    }
}

/// `terms` if they make sense together with `overrides`.
pub(super) fn with(terms: Terms, overrides: &holdfast_domain::Entitlements, pointer: &str) -> Result<Terms> {
    let codes: BTreeSet<_> = terms.entitlements.keys().chain(overrides.keys()).collect();
    let too_many = codes.len() > MOST_ENTITLEMENTS;
    let too_long = |value: &holdfast_domain::EntitlementValue| matches!(value, holdfast_domain::EntitlementValue::Text(text) if text.len() > 256);
    if too_many || overrides.values().any(too_long) {
        return Err(Error::invalid("/overrides", holdfast_domain::plan::TermsError::Entitlements));
    }
    terms.checked().map_err(|error| Error::invalid(pointer, error))
}
