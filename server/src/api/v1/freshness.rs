//! `GET /v1/freshness`: who would notice when, if everything stopped now.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::{Problem, Result},
        time::Rfc3339,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{CustomerId, PlanId, ProductId, Seconds, Timestamp, UnixSeconds};
use holdfast_service::{
    Error,
    admin::freshness::{FreshnessBy, FreshnessFilter, FreshnessGroup, FreshnessView, WhatIf},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The points of a curve where none are asked for.
const POINTS: i64 = 61;
/// The most points of a curve.
const MOST_POINTS: i64 = 500;

/// By what leases are told apart.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ByWord {
    /// By product.
    Product,
    /// By the region whose node signed them.
    Region,
    /// By customer: the ten who would notice first.
    Customer,
}

/// Whose leases are asked about, and what is to be answered.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only those of this product.
    #[param(value_type = String, pattern = "^prd_[0-7][0-9a-hjkmnp-tv-z]{25}$", required = false)]
    pub product: Option<ProductId>,
    /// Only those of this customer.
    #[param(value_type = String, pattern = "^cus_[0-7][0-9a-hjkmnp-tv-z]{25}$", required = false)]
    pub customer: Option<CustomerId>,
    /// Only those last signed by a node of this region.
    #[param(required = false)]
    pub region: Option<String>,
    /// Also by `product`, `region` or `customer`, whoever would notice first on top.
    #[param(inline, required = false)]
    pub by: Option<ByWord>,
    /// How many points the curve has.
    #[param(value_type = u32, minimum = 2, maximum = 500, default = 61, required = false)]
    pub points: Option<i64>,
    /// Also what a change of this plan's lease and grace would do.
    #[param(value_type = String, pattern = "^pln_[0-7][0-9a-hjkmnp-tv-z]{25}$", required = false)]
    pub plan: Option<PlanId>,
    /// The lease to try on that plan; its own where absent.
    #[param(minimum = 60, required = false)]
    pub lease_seconds: Option<i64>,
    /// The grace to try on that plan; its own where absent.
    #[param(minimum = 0, required = false)]
    pub grace_seconds: Option<i64>,
}

/// A moment, and how far away it was when the leases were counted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = FreshnessMoment)]
pub struct MomentModel {
    /// When.
    pub at: Rfc3339,
    /// In how many seconds.
    pub seconds: i64,
}

/// A point of the curve.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = FreshnessPoint)]
pub struct PointModel {
    /// When.
    pub at: Rfc3339,
    /// The share of leases that still works then, from 1 to 0.
    pub working: f64,
}

/// Who would notice when. The first is exact, the others are right to within 1 % of the time left.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FreshnessFigures)]
pub struct FiguresModel {
    /// How many leases would stop for want of a server.
    pub leases: u64,
    /// How many leases run besides those that will end with their licenses, whoever is there.
    pub ending_with_license: u64,
    /// When the first stops.
    pub first: Option<MomentModel>,
    /// When 1 % have stopped.
    pub one_percent: Option<MomentModel>,
    /// When half have stopped.
    pub half: Option<MomentModel>,
    /// When the last stops.
    pub last: Option<MomentModel>,
}

/// Leases that have a product, a region or a customer in common.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FreshnessGroup)]
pub struct GroupModel {
    /// The id of the product or customer; null for a region, and for licenses that belong to no customer.
    pub id: Option<String>,
    /// The name; null for a region that is not known, and for licenses that belong to no customer.
    pub name: Option<String>,
    /// The figures.
    #[serde(flatten)]
    pub figures: FiguresModel,
}

/// What a change of a plan would do, if all of its licenses got the changed terms.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FreshnessWhatIf)]
pub struct WhatIfModel {
    /// The plan.
    pub plan: String,
    /// The lease that was tried.
    pub lease_seconds: i64,
    /// The grace that was tried.
    pub grace_seconds: i64,
    /// The plan's leases as they are.
    pub before: FiguresModel,
    /// The same leases, had they been signed under the changed terms.
    pub after: FiguresModel,
    /// How many of them would have stopped already: their devices have not been heard of for longer than that.
    pub stopped_already: u64,
    /// The share that would still work then.
    pub curve: Vec<PointModel>,
}

/// Who would notice when, if everything stopped now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Freshness)]
pub struct FreshnessModel {
    /// When the leases were counted: now, or with very many of them up to a few minutes ago.
    pub as_of: Rfc3339,
    /// The figures.
    #[serde(flatten)]
    pub figures: FiguresModel,
    /// The share that still works, from the counting until the last one stops.
    pub curve: Vec<PointModel>,
    /// The same by what was asked for.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Vec<GroupModel>>,
    /// What a change of the plan asked for would do.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIfModel>,
}

fn at(second: UnixSeconds) -> Rfc3339 {
    Timestamp::from(second).into()
}

impl FiguresModel {
    fn new(figures: holdfast_fleet::Freshness, ending_with_license: u64) -> Self {
        let moment =
            |left: Option<Seconds>| left.map(|left| MomentModel { at: at(figures.as_of.plus(left)), seconds: left.0 });
        Self {
            leases: figures.leases,
            ending_with_license,
            first: moment(figures.first),
            one_percent: moment(figures.one_percent),
            half: moment(figures.half),
            last: moment(figures.last),
        }
    }
}

fn curve(view: &FreshnessView, points: usize) -> Vec<PointModel> {
    let share = |working: f64| (working * 1e6).round() / 1e6;
    let points = view.curve(points).into_iter();
    points.map(|(moment, working)| PointModel { at: at(moment), working: share(working) }).collect()
}

impl From<FreshnessGroup> for GroupModel {
    fn from(group: FreshnessGroup) -> Self {
        Self { id: group.id, name: group.name, figures: FiguresModel::new(group.figures, group.ending) }
    }
}

impl WhatIfModel {
    fn new(what_if: &WhatIf, points: usize) -> Self {
        let WhatIf { plan, lease, grace, before, after } = what_if;
        Self {
            plan: plan.id.to_string(),
            lease_seconds: lease.0,
            grace_seconds: grace.0,
            before: FiguresModel::new(before.figures(), before.ending),
            after: FiguresModel::new(after.figures(), after.ending),
            stopped_already: after.stops.stopping_at_once(),
            curve: curve(after, points),
        }
    }
}

/// Says who would notice when, if everything stopped now
///
/// From the leases that are out there: when their devices would stop if no server ever answered again. Leases that end
/// because their licenses do are counted apart, and are in none of the other figures.
#[utoipa::path(
    get,
    path = "/v1/freshness",
    tag = "freshness",
    operation_id = "getFreshness",
    params(Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "Who would notice when", body = FreshnessModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(asked): Params<Filter>,
) -> Result<Json<FreshnessModel>> {
    let points = asked.points.unwrap_or(POINTS);
    let points = usize::try_from(points).ok().filter(|_| (2..=MOST_POINTS).contains(&points));
    let points = points.ok_or_else(|| Problem(Error::invalid("/points", "expected a number from 2 to 500")))?;
    if asked.plan.is_none() && (asked.lease_seconds.is_some() || asked.grace_seconds.is_some()) {
        return Err(Problem(Error::invalid("/plan", "lease and grace are tried on a plan: say which")));
    }
    let service = state.service();
    let filter = FreshnessFilter { product: asked.product, customer: asked.customer, region: asked.region };
    let view = service.freshness(&actor, &filter).await?;
    let by = match asked.by {
        None => None,
        Some(by) => {
            let by = match by {
                ByWord::Product => FreshnessBy::Product,
                ByWord::Region => FreshnessBy::Region,
                ByWord::Customer => FreshnessBy::Customer,
            };
            Some(service.freshness_by(&actor, &filter, by).await?.into_iter().map(GroupModel::from).collect())
        }
    };
    let what_if = match asked.plan {
        None => None,
        Some(plan) => {
            let (lease, grace) = (asked.lease_seconds.map(Seconds), asked.grace_seconds.map(Seconds));
            Some(WhatIfModel::new(&service.freshness_if(&actor, plan, lease, grace).await?, points))
        }
    };
    let figures = view.figures();
    Ok(Json(FreshnessModel {
        as_of: at(figures.as_of),
        curve: curve(&view, points),
        figures: FiguresModel::new(figures, view.ending),
        by,
        what_if,
    }))
}

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get))
}
