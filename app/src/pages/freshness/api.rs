//! The server function of the freshness screen.

use leptos::prelude::*;

use super::model::{Asked, FreshnessView};
use crate::error::UiError;

/// Who would notice when, and what a plan's change would do.
#[server(output = crate::wire::Answer)]
pub async fn load_freshness(asked: Asked) -> Result<FreshnessView, UiError> {
    use super::model::{curve, figures};
    use crate::{
        ctx,
        pages::products::api::parse_id,
        ui::{When, data::with_values},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::{
        freshness::{FreshnessBy, FreshnessFilter, FreshnessGroup},
        inputs::PlanFilter,
        page::{Limit, PageRequest},
    };
    let actor = ctx::actor(Permission::FleetRead).await?;
    let service = ctx::service()?;
    let id = |text: &str| if text.is_empty() { None } else { Some(text.to_owned()) };
    let filter = FreshnessFilter {
        product: id(&asked.product).map(|id| parse_id(&id)).transpose()?,
        customer: id(&asked.customer).map(|id| parse_id(&id)).transpose()?,
        region: id(&asked.region),
    };
    let view = service.freshness(&actor, &filter).await?;
    let narrowed = {
        let mut words = Vec::new();
        if let Some(id) = filter.product {
            words.push(service.product(&actor, id).await?.name.to_string());
        }
        if let Some(id) = filter.customer {
            words.push(service.customer(&actor, id).await?.name.to_string());
        }
        words.extend(filter.region.as_ref().map(|region| format!("region {region}")));
        (!words.is_empty()).then(|| words.join(", "))
    };
    // Each row leads to the same screen narrowed to it.
    let narrow = |by: FreshnessBy, group: &FreshnessGroup| {
        let (name, value) = match by {
            FreshnessBy::Product => ("product", group.id.as_ref()),
            FreshnessBy::Customer => ("customer", group.id.as_ref()),
            FreshnessBy::Region => ("region", group.name.as_ref()),
        };
        let mut values = vec![("product", &asked.product), ("customer", &asked.customer), ("region", &asked.region)];
        values.iter_mut().filter(|(key, _)| *key == name).for_each(|(_, old)| *old = value.unwrap_or(old));
        value.map(|_| with_values("/console/freshness", &values))
    };
    let mut tables = Vec::new();
    for (by, nameless) in [
        (FreshnessBy::Product, "Product"),
        (FreshnessBy::Region, "Region not known yet"),
        (FreshnessBy::Customer, "Licenses without a customer"),
    ] {
        let groups = service.freshness_by(&actor, &filter, by).await?;
        let rows = groups.iter().map(|group| super::model::Group {
            name: group.name.clone().unwrap_or_else(|| nameless.to_owned()),
            href: narrow(by, group),
            figures: figures(group.figures, group.ending),
        });
        tables.push(rows.collect::<Vec<_>>());
    }
    let [products, regions, customers] = <[_; 3]>::try_from(tables).unwrap_or_default();

    let all = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    let plans = service.plans(&actor, PlanFilter { archived: Some(false), ..PlanFilter::default() }, all).await?.items;
    let now = service.now();
    let trying = trying(&service, &actor, &asked, plans.first().map(|plan| plan.id)).await?;
    Ok(FreshnessView {
        narrowed,
        as_of: When::new(view.stops.as_of().into(), now),
        figures: figures(view.figures(), view.ending),
        curve: curve(&view, None),
        products,
        regions,
        customers,
        plans: plans.into_iter().map(|plan| (plan.id.to_string(), plan.name.to_string())).collect(),
        trying,
    })
}

/// The plan that was chosen, or the first one, and what a change of it that was asked for would do.
#[cfg(feature = "ssr")]
async fn trying(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    asked: &Asked,
    first: Option<holdfast_domain::PlanId>,
) -> Result<Option<super::model::Trying>, UiError> {
    use super::model::{Outcome, Trying, Unit, curve};
    use crate::pages::{products::api::parse_id, serve::optional};
    use holdfast_domain::{LicenseModel, Seconds};
    let chosen = if asked.plan.is_empty() { first } else { Some(parse_id(&asked.plan)?) };
    let Some(id) = chosen else { return Ok(None) };
    let plan = service.plan(actor, id).await?;
    let (lease, grace) = (plan.terms.lease.0, plan.terms.grace.0);
    let unit = Unit::of(lease, grace);
    let now = (lease / unit.seconds(), grace / unit.seconds());
    // What was chosen for another plan, whose unit may be another, does not count.
    let counts = asked.of.is_empty() || asked.of == asked.plan;
    let tried = |field: &str, text: &str| if counts { optional::<u32>(field, text) } else { Ok(None) };
    let (wanted_lease, wanted_grace) = (tried("lease", &asked.lease)?, tried("grace", &asked.grace)?);
    let tried_lease = wanted_lease.map_or(now.0, i64::from);
    let tried_grace = wanted_grace.map_or(now.1, i64::from);
    let outcome = if wanted_lease.is_none() && wanted_grace.is_none() {
        None
    } else {
        let length = |n: i64| Seconds(n.saturating_mul(unit.seconds()));
        let found = service.freshness_if(actor, id, Some(length(tried_lease)), Some(length(tried_grace))).await?;
        Some(Outcome { sentences: super::words::outcome(&found), curve: curve(&found.before, Some(&found.after)) })
    };
    Ok(Some(Trying {
        plan: plan.id.to_string(),
        name: plan.name.to_string(),
        unit,
        lease: (now.0, unit.most(now.0.max(tried_lease / 2))),
        grace: (now.1, unit.most(now.1.max(tried_grace / 2))),
        tried_lease,
        tried_grace,
        is_trial: matches!(plan.terms.model, LicenseModel::Trial { .. }),
        outcome,
    }))
}
