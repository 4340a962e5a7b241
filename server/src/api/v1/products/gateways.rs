//! `GET /v1/products/{id}/gateways`, `PUT /v1/products/{id}/gateways/{kind}` and `POST /v1/products/{id}/gateways/{kind}/key`:
//! which other systems' clients a product answers.

use crate::{
    AppState,
    api::{
        extract::{Caller, Command, Id, Ids, Params},
        problem::{Problem, Result},
        time::Rfc3339,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            words::GatewayKindWord,
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{Code, GatewayKind, ProductId};
use holdfast_service::{
    ErrorCode,
    admin::gateways::{GatewayView, SetGateway, SetGatewayKey},
    runtime::gateway::GatewaySettings,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A gateway of a product.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Gateway)]
pub struct GatewayModel {
    /// Whose clients it answers.
    #[schema(value_type = GatewayKindWord)]
    pub kind: &'static str,
    /// Whether it does.
    pub on: bool,
    /// The base address of its clients, below this server's.
    #[schema(example = "/gateways/prd_01m803crnaftmanwmz5a0j4ry7/keylight")]
    pub path: String,
    /// What that system calls the vendor: Keylight's tenant, Lemon Squeezy's store, Keygen's account.
    pub account: Option<String>,
    /// What it calls the product.
    pub product: Option<String>,
    /// What it calls plans, by their codes here: Lemon Squeezy's variants, Keygen's policies.
    #[schema(value_type = BTreeMap<String, String>)]
    pub plans: BTreeMap<Code, String>,
    /// The base address that Keygen's clients have, where a proxy leads from there to here.
    pub address: Option<String>,
    /// How many days Keylight's clients count as a trial; null where that is theirs to know.
    pub trial_days: Option<u32>,
    /// Whether Keylight's clients have a free tier; null where that is theirs to know.
    pub free_tier: Option<bool>,
    /// What the key is called that answers are signed with; null where nothing is signed yet.
    pub kid: Option<String>,
    /// The raw public key, base64.
    pub public_key: Option<String>,
    /// When it was last changed; null where it never was on.
    pub updated_at: Option<Rfc3339>,
}

impl GatewayModel {
    fn of(product: ProductId, view: GatewayView) -> Self {
        let public_key = view.public_key_text();
        let GatewaySettings { account, product: theirs, plans, address, trial_days, free_tier } = view.settings;
        Self {
            kind: view.kind.as_str(),
            on: view.on,
            path: view.kind.path(product),
            account,
            product: theirs,
            plans,
            address,
            trial_days,
            free_tier,
            kid: view.kid,
            public_key,
            updated_at: view.updated_at.map(Into::into),
        }
    }
}

/// How a gateway is to be. What is absent is not set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetGatewayBody {
    /// Whether it answers.
    pub on: bool,
    /// What that system calls the vendor: Keylight's tenant, Lemon Squeezy's store, Keygen's account.
    #[schema(required = false)]
    pub account: Option<String>,
    /// What it calls the product.
    #[schema(required = false)]
    pub product: Option<String>,
    /// What it calls plans, by their codes here: Lemon Squeezy's variants, Keygen's policies.
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    #[serde(default)]
    pub plans: BTreeMap<Code, String>,
    /// The base address that Keygen's clients have, where a proxy leads from there to here.
    #[schema(required = false)]
    pub address: Option<String>,
    /// How many days Keylight's clients count as a trial.
    #[schema(required = false)]
    pub trial_days: Option<u32>,
    /// Whether Keylight's clients have a free tier.
    #[schema(required = false)]
    pub free_tier: Option<bool>,
}

/// Which key.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SetGatewayKeyBody {
    /// What it is called; made from the key where absent.
    #[schema(required = false)]
    pub kid: Option<String>,
    /// Whether a key is to be replaced with which answers are being signed: applications that know it alone then take none.
    #[schema(required = false)]
    pub replace: bool,
    /// An Ed25519 private key: 32 bytes in hex or base64, alone or before the public key, or PKCS#8. A new one is made where
    /// absent.
    #[schema(required = false)]
    pub key: Option<String>,
}

/// The kind that a path names. A word that is none is answered as an unknown one.
fn kind(text: &str) -> Result<GatewayKind> {
    GatewayKind::from_name(text).ok_or_else(|| Problem::from(ErrorCode::NotFound))
}

/// Lists a product's gateways
///
/// One for each system whose clients can be answered, whether it is on or not.
#[utoipa::path(
    get,
    path = "/v1/products/{id}/gateways",
    tag = "products",
    operation_id = "listGateways",
    params(("id" = String, Path, description = "The product's id"), ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of gateways", body = Listing<GatewayModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<ProductId>,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<GatewayModel>>> {
    let gateways = state.service().gateways(&actor, id).await?;
    Ok(Json(list.cut(gateways, |gateway| gateway.kind.as_str().to_owned(), |view| GatewayModel::of(id, view))?))
}

/// Sets a gateway
///
/// Switches it on or off and says what its clients are answered with. One that is off again answers that it is unavailable:
/// a plain "not found" would be believed.
#[utoipa::path(
    put,
    path = "/v1/products/{id}/gateways/{kind}",
    tag = "products",
    operation_id = "setGateway",
    params(
        ("id" = String, Path, description = "The product's id"),
        ("kind" = inline(GatewayKindWord), Path, description = "Whose clients it answers"),
    ),
    request_body = SetGatewayBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The gateway", body = GatewayModel),
        Refusals,
    )
)]
pub async fn set(
    State(state): State<AppState>,
    Ids(id, text): Ids<ProductId, String>,
    Command { call, input }: Command<SetGatewayBody>,
) -> Result<Json<GatewayModel>> {
    let SetGatewayBody { on, account, product, plans, address, trial_days, free_tier } = input;
    let settings = GatewaySettings { account, product, plans, address, trial_days, free_tier };
    let view = state.service().set_gateway(&call, id, kind(&text)?, SetGateway { on, settings }).await?;
    Ok(Json(GatewayModel::of(id, view)))
}

/// Gives a gateway a key
///
/// The one that shipped applications verify answers with, best before the gateway is switched on, or a new one.
#[utoipa::path(
    post,
    path = "/v1/products/{id}/gateways/{kind}/key",
    tag = "products",
    operation_id = "setGatewayKey",
    params(
        ("id" = String, Path, description = "The product's id"),
        ("kind" = inline(GatewayKindWord), Path, description = "Whose clients it answers"),
    ),
    request_body = SetGatewayKeyBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The gateway", body = GatewayModel),
        Refusals,
    )
)]
pub async fn set_key(
    State(state): State<AppState>,
    Ids(id, text): Ids<ProductId, String>,
    Command { call, input }: Command<SetGatewayKeyBody>,
) -> Result<Json<GatewayModel>> {
    let key = SetGatewayKey { kid: input.kid, replace: input.replace, key: input.key };
    let view = state.service().set_gateway_key(&call, id, kind(&text)?, key).await?;
    Ok(Json(GatewayModel::of(id, view)))
}
