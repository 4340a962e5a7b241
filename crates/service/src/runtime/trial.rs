//! Trials: one per device and product, started and returned to by the same call.

use super::{
    activate::{Claimant, Note, Origin, Outcome, claim_locked},
    hot::HotProduct,
    request::{Activated, Nonce, StartTrial},
};
use crate::{Error, ErrorCode, RequestInfo, Result, Service, vault::Purpose};
use holdfast_domain::{
    Code, License, LicenseId, LicenseKey, LicenseModel, LicenseStatus, ProductId, Timestamp, TrialId, decide::Jitter,
    entropy::random_bytes,
};
use holdfast_store::{
    Direction, Limit, PageRequest, WriteOptions,
    licenses::{self, NewLicense},
    plans::{self, PlanFilter, PlanRow},
    seats, trials,
    trials::TrialRow,
};

/// What came of an attempt to start a trial.
enum Started {
    /// A new trial, with its seat.
    New(Outcome),
    /// The device has had one: on this license.
    Known(LicenseId),
}

impl Service {
    /// Starts the device's one trial of the product, or returns to it (HTTP API, `trials`).
    ///
    /// Fails with [`ErrorCode::NoTrial`] where the product has no such trial plan, [`ErrorCode::TrialUsed`] where the
    /// device's trial has ended, a code with a signed denial where it was revoked or suspended, and retryably otherwise.
    pub async fn start_trial(&self, product: ProductId, input: StartTrial, from: &RequestInfo) -> Result<Activated> {
        let hot = self.signing_product(product).await?;
        let device = input.device.hash;
        let keys = hot.manifest_newer_than(input.manifest_seq);
        let known = trials::of_device(&mut self.store().patient_reader(), hot.scope, product, &device).await?;
        let claimant = Claimant { device: input.device, user: None, borrow: None, returning: false, key: None };
        if let Some(trial) = known {
            return self.return_to_trial(&hot, trial.license, claimant, &input.nonce, from, keys).await;
        }
        let plan = self.trial_plan(&hot, input.plan.as_ref()).await?;
        let now = self.now();
        match self.begin_trial(&hot, plan, claimant.clone(), Origin::of(from), now).await? {
            Started::New(outcome) => self.answer_claim(&hot, outcome, device, &input.nonce, now, keys),
            Started::Known(license) => self.return_to_trial(&hot, license, claimant, &input.nonce, from, keys).await,
        }
    }

    async fn return_to_trial(
        &self,
        product: &HotProduct,
        license: LicenseId,
        claimant: Claimant,
        nonce: &Nonce,
        from: &RequestInfo,
        keys: Option<String>,
    ) -> Result<Activated> {
        match self.claim_seat(product, license, claimant, nonce, from, keys).await {
            Err(error) if error.code == ErrorCode::LicenseExpired => {
                let used = Error::new(ErrorCode::TrialUsed);
                Err(match error.denial {
                    Some(denial) => used.with_denial(denial),
                    None => used,
                })
            }
            answer => answer,
        }
    }

    /// The trial plan of that code, or the product's oldest one. Archived plans start no trials.
    async fn trial_plan(&self, product: &HotProduct, code: Option<&Code>) -> Result<PlanRow> {
        let is_trial =
            |plan: &PlanRow| plan.archived_at.is_none() && matches!(plan.terms.model, LicenseModel::Trial { .. });
        let mut reader = self.store().patient_reader();
        let found = match code {
            Some(code) => plans::by_code(&mut reader, product.scope, product.product, code).await?.filter(is_trial),
            None => first_plan(&mut reader, product, is_trial).await?,
        };
        found.ok_or_else(|| Error::new(ErrorCode::NoTrial))
    }

    async fn begin_trial(
        &self,
        product: &HotProduct,
        plan: PlanRow,
        claimant: Claimant,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Started> {
        let (scope, service) = (product.scope, self.clone());
        let jitter = Jitter(u16::from_be_bytes(random_bytes(self.entropy())));
        let id = LicenseId::new(now, self.entropy());
        let new = self.trial_license(id, &plan, now)?;
        self.store()
            .write(WriteOptions::license(id).idempotent(), move |tx| {
                let (service, claimant, origin, new) = (service.clone(), claimant.clone(), origin.clone(), new.clone());
                Box::pin(async move {
                    let (product, device) = (new.license.product, claimant.device.hash);
                    if let Some(trial) = trials::of_device(tx, scope, product, &device).await? {
                        return Ok(Started::Known(trial.license));
                    }
                    licenses::insert(tx, scope, &new).await?;
                    let trial = TrialRow {
                        id: TrialId::new(now, service.entropy()),
                        vendor: scope.vendor(),
                        product,
                        device,
                        license: new.license.id,
                        created_at: now,
                        converted_at: None,
                        ends_at: new.license.expires_at,
                    };
                    if !trials::insert(tx, scope, &trial).await? {
                        // Another node was faster by a moment: nothing of this attempt stays, the next finds that trial.
                        return Err(Error::new(ErrorCode::Unavailable).with_retry_after(holdfast_domain::Seconds(1)));
                    }
                    let locked = seats::lock(tx, scope, new.license.id, &device).await?;
                    let locked = locked.ok_or_else(|| Error::internal("a license just stored is not there"))?;
                    let note = Note { service: &service, license: &new.license, now, origin: &origin };
                    let data = serde_json::json!({"plan": new.license.plan_code, "ends": new.license.expires_at});
                    note.event_about(tx, "trial.started", new.license.id.to_string(), data);
                    let outcome = claim_locked(&service, tx, &locked, &claimant, (now, jitter), &origin).await?;
                    Ok::<_, Error>(Started::New(outcome))
                })
            })
            .await
    }

    /// The license that carries a trial. Nobody is told its key.
    fn trial_license(&self, id: LicenseId, plan: &PlanRow, now: Timestamp) -> Result<NewLicense> {
        let vault = self.vault()?;
        let key = LicenseKey::generate(self.entropy());
        Ok(NewLicense {
            key_hash: vault.key_hash(&key),
            key_sealed: vault.seal(Purpose::LicenseKey, &id.to_bytes(), key.expose().as_bytes(), self.entropy())?,
            key_hint: key.hint().to_owned(),
            license: License {
                id,
                vendor: plan.vendor,
                product: plan.product,
                plan: plan.id,
                plan_code: plan.code.clone(),
                customer: None,
                order: None,
                status: LicenseStatus::Active,
                status_reason: None,
                status_effective_at: None,
                expires_at: plan.terms.model.end(now),
                terms: plan.terms.clone(),
                overrides: holdfast_domain::Entitlements::new(),
                created_at: now,
            },
        })
    }
}

/// The oldest plan of the product for which `wanted` holds.
async fn first_plan(
    reader: &mut holdfast_store::Reader,
    product: &HotProduct,
    wanted: impl Fn(&PlanRow) -> bool,
) -> Result<Option<PlanRow>> {
    let filter = PlanFilter { product: Some(product.product), archived: Some(false), ..PlanFilter::default() };
    let mut page = PageRequest { limit: Limit::new(200), direction: Direction::Ascending, ..PageRequest::default() };
    loop {
        let found = plans::list(reader, product.scope, &filter, &page).await.map_err(Error::internal)?;
        let next = found.next;
        if let Some(plan) = found.items.into_iter().find(|plan| wanted(plan)) {
            return Ok(Some(plan));
        }
        match next {
            Some(cursor) => page.after = Some(cursor),
            None => return Ok(None),
        }
    }
}
