//! "If everything stopped now, who would notice when": from the leases that are out there.
//!
//! Counting them reads every seat of a vendor once. With few that takes a moment, and is done for every question; with a
//! million it takes about a second, so [`Lately`] keeps what was counted, and it is counted again in the background.

use super::{lately::Lately, views::PlanView};
use crate::{
    Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    CustomerId, LicenseModel, Permission, PlanId, ProductId, Seconds, Terms, UnixSeconds, VendorId, plan::TermsError,
};
pub use holdfast_fleet::Freshness;
use holdfast_fleet::{Stops, freshness};
use holdfast_store::{
    Counted as Kind, Scope, customers, freshness as leases,
    freshness::{FirstCustomer, Of, OtherTerms, Running, StopCount},
    plans, products, vendors,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// How many customers are shown, those who would notice first.
const FIRST_CUSTOMERS: u32 = 10;
/// With so many seats what was counted is kept for a while.
const MANY: u64 = 20_000;

/// Whose leases are asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FreshnessFilter {
    /// Of one product.
    pub product: Option<ProductId>,
    /// Of one customer.
    pub customer: Option<CustomerId>,
    /// Those last signed in one region.
    pub region: Option<String>,
}

/// By what leases are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreshnessBy {
    /// By product.
    Product,
    /// By the region whose node signed them.
    Region,
    /// By customer: those who would notice first.
    Customer,
}

/// Who would notice when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreshnessView {
    /// The leases that stop for want of a server.
    pub stops: Stops,
    /// How many end because their licenses do, whoever is there. They are not among the others.
    pub ending: u64,
}

impl FreshnessView {
    fn new(as_of: UnixSeconds) -> Self {
        Self { stops: Stops::new(as_of), ending: 0 }
    }

    /// The figures.
    pub fn figures(&self) -> Freshness {
        self.stops.freshness()
    }

    /// The share that still works, at so many moments evenly spread from the counting until none does.
    pub fn curve(&self, points: usize) -> Vec<(UnixSeconds, f64)> {
        self.stops.curve(self.stops.end(), points)
    }

    fn add(&mut self, other: &Self) -> Result<()> {
        self.ending = self.ending.saturating_add(other.ending);
        self.stops.merge(&other.stops).map_err(Error::internal)
    }
}

/// What leases have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshnessGroup {
    /// The id of the product or customer; absent for a region, and for licenses that belong to nobody in particular.
    pub id: Option<String>,
    /// The name; absent for a region that is not known, and for licenses that belong to nobody in particular.
    pub name: Option<String>,
    /// The figures.
    pub figures: Freshness,
    /// How many end because their licenses do.
    pub ending: u64,
}

/// What a plan's change would do to the leases of its licenses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// The plan.
    pub plan: PlanView,
    /// The lease that was tried.
    pub lease: Seconds,
    /// The grace that was tried.
    pub grace: Seconds,
    /// As they are.
    pub before: FreshnessView,
    /// As if they had been signed under the changed terms.
    pub after: FreshnessView,
}

/// The leases of a vendor, a plan or a customer, counted at one moment.
pub(crate) struct Counted {
    as_of: UnixSeconds,
    /// By product and region.
    groups: BTreeMap<(ProductId, Option<String>), FreshnessView>,
}

impl Counted {
    fn new(as_of: UnixSeconds, rows: Vec<StopCount>) -> Self {
        let mut groups: BTreeMap<_, FreshnessView> = BTreeMap::new();
        let mut firsts: BTreeMap<_, UnixSeconds> = BTreeMap::new();
        for row in rows {
            let key = (row.product, row.region);
            let group = groups.entry(key.clone()).or_insert_with(|| FreshnessView::new(as_of));
            if row.with_license {
                group.ending = group.ending.saturating_add(row.leases);
            } else {
                group.stops.add(row.bucket, row.leases);
                firsts.entry(key).and_modify(|first| *first = row.first.min(*first)).or_insert(row.first);
            }
        }
        for (key, first) in firsts {
            if let Some(group) = groups.get_mut(&key) {
                group.stops.first_at(first);
            }
        }
        Self { as_of, groups }
    }

    /// All of those that `filter` leaves.
    fn sum(&self, filter: &FreshnessFilter) -> Result<FreshnessView> {
        let mut sum = FreshnessView::new(self.as_of);
        self.matching(filter).try_for_each(|(_, group)| sum.add(group))?;
        Ok(sum)
    }

    fn matching<'a>(
        &'a self,
        filter: &'a FreshnessFilter,
    ) -> impl Iterator<Item = (&'a (ProductId, Option<String>), &'a FreshnessView)> {
        self.groups.iter().filter(|((product, region), _)| {
            filter.product.is_none_or(|wanted| wanted == *product)
                && filter.region.as_ref().is_none_or(|wanted| region.as_ref() == Some(wanted))
        })
    }

    /// Those that `filter` leaves, put together by what `key` makes of product and region.
    fn by<K: Ord>(
        &self,
        filter: &FreshnessFilter,
        key: impl Fn(&(ProductId, Option<String>)) -> K,
    ) -> Result<BTreeMap<K, FreshnessView>> {
        let mut sums = BTreeMap::new();
        for (of, group) in self.matching(filter) {
            sums.entry(key(of)).or_insert_with(|| FreshnessView::new(self.as_of)).add(group)?;
        }
        Ok(sums)
    }
}

/// What a node keeps of what it counted. Everything in it can be lost.
pub(crate) struct Counts {
    vendors: Lately<VendorId, Counted>,
    customers: Lately<(VendorId, FreshnessFilter), Vec<FreshnessGroup>>,
    changes: Lately<(VendorId, PlanId, Option<OtherTerms>), Counted>,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self { vendors: Lately::new(1_000), customers: Lately::new(1_000), changes: Lately::new(200) }
    }
}

impl Service {
    /// Who would notice when, if everything stopped now. Exact for the first, to within 1 % of the time left for the rest.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where the filter names a product or customer that the vendor does not have.
    pub async fn freshness(&self, actor: &Actor, filter: &FreshnessFilter) -> Result<FreshnessView> {
        self.may_ask(actor, filter).await?;
        self.counted(actor.scope(), filter).await?.sum(filter)
    }

    /// The same by product, region or customer, whoever would notice first on top.
    ///
    /// # Errors
    /// As [`Service::freshness`].
    pub async fn freshness_by(
        &self,
        actor: &Actor,
        filter: &FreshnessFilter,
        by: FreshnessBy,
    ) -> Result<Vec<FreshnessGroup>> {
        self.may_ask(actor, filter).await?;
        let scope = actor.scope();
        let mut groups = match by {
            FreshnessBy::Customer => {
                actor.require(Permission::CustomersRead)?;
                let find = || self.first_customers(scope, filter);
                if !self.has_many(scope).await? {
                    return find().await;
                }
                let key = (scope.vendor(), filter.clone());
                return Ok(self.counts().customers.get(key, self.now(), find).await?.to_vec());
            }
            FreshnessBy::Product => {
                let counted = self.counted(scope, filter).await?;
                let mut groups = Vec::new();
                for (id, view) in counted.by(filter, |(product, _)| *product)? {
                    let product = products::get(&mut self.store().reader(), scope, id).await?;
                    let name = product.map(|row| row.name.to_string());
                    groups.push(FreshnessGroup::of(Some(id.to_string()), name, &view));
                }
                groups
            }
            FreshnessBy::Region => {
                let counted = self.counted(scope, filter).await?;
                let regions = counted.by(filter, |(_, region)| region.clone())?;
                regions.into_iter().map(|(region, view)| FreshnessGroup::of(None, region, &view)).collect()
            }
        };
        groups.sort_by_key(|group: &FreshnessGroup| (group.figures.first.is_none(), group.figures.first));
        Ok(groups)
    }

    /// What would happen if all licenses of a plan had this lease and grace: to the leases that are out there, had they
    /// been signed under them. What is not said stays the plan's. A trial lasts as long as it lasts, a borrowed seat until
    /// it is to be given back: those stay.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown plan; [`ErrorCode::InvalidRequest`] for lengths that no plan can have.
    pub async fn freshness_if(
        &self,
        actor: &Actor,
        plan: PlanId,
        lease: Option<Seconds>,
        grace: Option<Seconds>,
    ) -> Result<WhatIf> {
        actor.require(Permission::FleetRead)?;
        let scope = actor.scope();
        let plan = plans::get(&mut self.store().reader(), scope, plan).await?.ok_or_else(absent)?;
        let (lease, grace) = (lease.unwrap_or(plan.terms.lease), grace.unwrap_or(plan.terms.grace));
        let changed = Terms { lease, grace, renew_after: plan.terms.renew_after.min(lease), ..plan.terms.clone() };
        changed.checked().map_err(|error| {
            let pointer = if matches!(error, TermsError::Grace) { "/grace_seconds" } else { "/lease_seconds" };
            Error::invalid(pointer, error)
        })?;
        let other = if matches!(plan.terms.model, LicenseModel::Trial { .. }) { None } else { Some((lease, grace)) };
        let now = self.now();
        let count = |other| self.count_leases(scope, Of::Plan(plan.id), now.seconds(), other);
        let (before, after) = if self.has_many(scope).await? {
            let (kept, key) = (&self.counts().changes, |other| (scope.vendor(), plan.id, other));
            (kept.get(key(None), now, || count(None)).await?, kept.get(key(other), now, || count(other)).await?)
        } else {
            (Arc::new(count(None).await?), Arc::new(count(other).await?))
        };
        let all = FreshnessFilter::default();
        let (before, after) = (before.sum(&all)?, after.sum(&all)?);
        Ok(WhatIf { plan: super::plans::show(&plan), lease, grace, before, after })
    }

    /// Whether `actor` may ask about these leases, and whether there is what the filter names.
    async fn may_ask(&self, actor: &Actor, filter: &FreshnessFilter) -> Result<()> {
        actor.require(Permission::FleetRead)?;
        let reader = &mut self.store().reader();
        if let Some(id) = filter.product {
            products::get(reader, actor.scope(), id).await?.ok_or_else(absent)?;
        }
        if let Some(id) = filter.customer {
            actor.require(Permission::CustomersRead)?;
            customers::get(reader, actor.scope(), id).await?.ok_or_else(absent)?;
        }
        Ok(())
    }

    fn counts(&self) -> &Counts {
        &self.admin().counts
    }

    async fn counted(&self, scope: Scope, filter: &FreshnessFilter) -> Result<Arc<Counted>> {
        let now = self.now();
        let count = |of| self.count_leases(scope, of, now.seconds(), None);
        match filter.customer {
            Some(customer) => count(Of::Customer(customer)).await.map(Arc::new),
            None if self.has_many(scope).await? => {
                self.counts().vendors.get(scope.vendor(), now, || count(Of::Vendor)).await
            }
            None => count(Of::Vendor).await.map(Arc::new),
        }
    }

    /// Whether there are so many seats that they are not counted for every question.
    async fn has_many(&self, scope: Scope) -> Result<bool> {
        Ok(vendors::counted(&mut self.store().reader(), scope, Kind::Seats).await? >= MANY)
    }

    async fn count_leases(
        &self,
        scope: Scope,
        of: Of,
        as_of: UnixSeconds,
        other: Option<OtherTerms>,
    ) -> Result<Counted> {
        let spans = spans(as_of);
        let running = Running { of, as_of, spans: &spans };
        let rows = leases::stops(&mut self.store().reader(), scope, &running, other).await?;
        Ok(Counted::new(as_of, rows))
    }

    async fn first_customers(&self, scope: Scope, filter: &FreshnessFilter) -> Result<Vec<FreshnessGroup>> {
        let as_of = self.now().seconds();
        let spans = spans(as_of);
        let of = filter.customer.map_or(Of::Vendor, Of::Customer);
        let running = Running { of, as_of, spans: &spans };
        let narrowed = (filter.product, filter.region.as_deref());
        let reader = &mut self.store().reader();
        let mut groups = Vec::new();
        for FirstCustomer { customer, first } in
            leases::first_customers(reader, scope, &running, narrowed, FIRST_CUSTOMERS).await?
        {
            let view = if let Some((id, _)) = &customer {
                self.count_leases(scope, Of::Customer(*id), as_of, None).await?.sum(filter)?
            } else {
                // Whoever they belong to, only the first of them is told.
                let mut view = FreshnessView::new(as_of);
                view.stops.add(first, 1);
                view
            };
            let (id, name) = customer.map(|(id, name)| (id.to_string(), name.to_string())).unzip();
            groups.push(FreshnessGroup::of(id, name, &view));
        }
        Ok(groups)
    }

    /// Counts the leases of the vendors with many seats again, where it is time to.
    pub(crate) async fn count_again(&self) -> Result<()> {
        let counts = self.counts();
        for vendor in vendors::all_vendors(&mut self.store().reader()).await? {
            let (scope, now) = (vendor.scope(), self.now());
            if !self.has_many(scope).await? {
                continue;
            }
            let all = FreshnessFilter::default();
            counts.vendors.renew(vendor.id, now, || self.count_leases(scope, Of::Vendor, now.seconds(), None)).await?;
            counts.customers.renew((vendor.id, all.clone()), now, || self.first_customers(scope, &all)).await?;
        }
        Ok(())
    }
}

impl FreshnessGroup {
    fn of(id: Option<String>, name: Option<String>, view: &FreshnessView) -> Self {
        Self { id, name, figures: view.figures(), ending: view.ending }
    }
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

fn spans(as_of: UnixSeconds) -> Vec<(UnixSeconds, i64)> {
    freshness::tiers(as_of).into_iter().map(|tier| (tier.from, tier.width)).collect()
}
