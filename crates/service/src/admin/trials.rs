//! Trials: turning one into a license that was bought, and what becomes of those that began.

use super::{
    act::{Act, job},
    customers,
    inputs::ConvertTrial,
    license_change::replace,
    licenses::{absent, lock, told_with_terms, with},
    mails,
    views::{Issued, TrialFunnel},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    DeviceHash, License, LicenseId, LicenseKey, LicenseModel, LicenseStatus, Permission, ProductId, Seconds, Terms,
};
use holdfast_store::{Tx, WriteOptions, customers as customer_rows, licenses, orders, plans, products, trials};
use serde_json::json;

/// The longest time that a funnel looks back.
const LONGEST: i64 = 3_650;

impl Service {
    /// Makes a trial a license that was bought: it gets the plan's terms, a holder and an order, and keeps its key and its
    /// seat, so that the device goes on. A trial that has run out can be converted as well. The key, which nobody was told,
    /// is in the answer.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::StatusConflict`] where it is no trial, or is not in force;
    /// [`ErrorCode::InvalidRequest`] for a plan of another product or of a trial, for an order or customer that is not the
    /// vendor's, and for values outside their range.
    pub async fn convert_trial(&self, call: &Call, id: LicenseId, input: ConvertTrial) -> Result<Issued> {
        call.actor.require(Permission::LicensesWrite)?;
        let act = self.act(call);
        let convert = job!(act, input => |tx| convert(&act, tx, id, &input).await);
        self.commit(call, WriteOptions::license(id), convert).await
    }

    /// What became of the trials of a product that began within so many days.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown product and another vendor's alike.
    pub async fn trial_funnel(&self, actor: &Actor, product: ProductId, days: u32) -> Result<TrialFunnel> {
        actor.require(Permission::LicensesRead)?;
        let (mut reader, scope, now) = (self.store().patient_reader(), actor.scope(), self.now());
        products::get(&mut reader, scope, product).await?.ok_or_else(absent)?;
        let days = i64::from(days).clamp(1, LONGEST);
        let found = trials::funnel(&mut reader, scope, product, now.plus(Seconds::days(-days)), now).await?;
        Ok(TrialFunnel {
            days: u32::try_from(days).unwrap_or(u32::MAX),
            started: found.started,
            active: found.active,
            converted: found.converted,
            lapsed: found.lapsed,
        })
    }
}

/// The trial of a device that can still become a license that was bought.
pub(super) async fn open_trial(
    act: &Act,
    tx: &mut Tx,
    product: ProductId,
    device: &DeviceHash,
) -> Result<Option<LicenseId>> {
    let trial = trials::of_device(tx, act.scope, product, device).await?;
    let Some(trial) = trial.filter(|trial| trial.converted_at.is_none()) else { return Ok(None) };
    let row = licenses::get(tx, act.scope, trial.license).await?;
    let open = |license: &License| is_trial(license) && license.status == LicenseStatus::Active;
    Ok(row.filter(|row| open(&row.license)).map(|row| row.license.id))
}

const fn is_trial(license: &License) -> bool {
    matches!(license.terms.model, LicenseModel::Trial { .. })
}

/// Converts a trial in a write job that has its license as its key.
pub(super) async fn convert(act: &Act, tx: &mut Tx, id: LicenseId, input: &ConvertTrial) -> Result<Issued> {
    let row = lock(act, tx, id).await?;
    let conflict = |detail: &str| Error::new(ErrorCode::StatusConflict).with_detail(detail);
    if !is_trial(&row.license) || trials::of_license(tx, act.scope, id).await?.is_none() {
        return Err(conflict("It is no trial, or is one no more."));
    }
    if row.license.status != LicenseStatus::Active {
        return Err(conflict("It was suspended or revoked. Resume or reinstate it first."));
    }
    let plan = plans::get(tx, act.scope, input.plan).await?;
    let plan = plan.ok_or_else(|| Error::invalid("/plan", "There is no such plan."))?;
    if plan.product != row.license.product {
        return Err(Error::invalid("/plan", "This plan is of another product than the trial."));
    }
    if matches!(plan.terms.model, LicenseModel::Trial { .. }) {
        return Err(Error::invalid("/plan", "This plan is a trial itself."));
    }
    let order = match input.order {
        Some(id) => {
            let order = orders::get(tx, act.scope, id).await?;
            Some(order.ok_or_else(|| Error::invalid("/order", "There is no such order."))?)
        }
        None => None,
    };
    let customer = match &input.customer {
        Some(choice) => Some(customers::choose(act, tx, choice).await?),
        None => match order.as_ref().and_then(|order| order.customer).or(row.license.customer) {
            Some(id) => customer_rows::get(tx, act.scope, id).await?,
            None => None,
        },
    };
    if input.expires_at.is_some_and(|end| end <= act.now) {
        return Err(Error::invalid("/expires_at", "The end lies in the past."));
    }
    let seats = input.seats.unwrap_or(plan.terms.seats);
    let overrides = input.overrides.clone();
    let terms = with(Terms { seats, ..plan.terms.clone() }, &overrides, "/seats")?;
    let after = License {
        plan: plan.id,
        plan_code: plan.code.clone(),
        customer: customer.as_ref().map(|customer| customer.id),
        order: input.order.or(row.license.order),
        expires_at: input.expires_at.or_else(|| terms.model.end(act.now)),
        terms,
        overrides,
        ..row.license.clone()
    };
    let key = act.service.open_key(id, &row.key_sealed)?;
    let data = input.reason.as_ref().map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let bought = after.clone();
    let changed = replace(act, tx, row, after, false, ("trial.converted", told_with_terms, data)).await?;
    if !trials::convert(tx, act.scope, id, act.now).await? {
        return Err(conflict("It is a trial no more."));
    }
    let to = customer.as_ref().and_then(|customer| customer.email.as_ref());
    let told = LicenseKey::parse(&key).map_err(Error::internal)?;
    mails::mail_issued(act, tx, &bought, &plan.name, (to, &told)).await?;
    Ok(Issued { license: changed.license, key })
}
