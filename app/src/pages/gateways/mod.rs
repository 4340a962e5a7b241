//! Gateways: which other systems' clients a product answers, on its page and each on one of its own.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::ui::{
    ActionForm, Checkbox, Copyable, Crumb, Fact, Facts, Field, FormError, PageHead, Rows, Section, SelectField,
    Snippet, StateBadge, Submit, TextArea, Tone, act, act_error, load, refused::FormState, show,
};
use api::{SetGateway, SetGatewayKey};
use model::{GatewayForm, GatewayRow};

#[cfg(feature = "ssr")]
pub(crate) fn row(
    product: holdfast_domain::ProductId,
    view: &holdfast_service::admin::gateways::GatewayView,
) -> GatewayRow {
    let origin = crate::ctx::service().ok().and_then(|service| service.settings().endpoints.first().cloned());
    let origin = origin.or_else(crate::ctx::origin).unwrap_or_default();
    GatewayRow {
        kind: view.kind.as_str().to_owned(),
        name: view.kind.name().to_owned(),
        on: view.on,
        base: format!("{}{}", origin.trim_end_matches('/'), view.kind.path(product)),
    }
}

/// A command that asks a gateway as its clients do.
#[cfg(feature = "ssr")]
fn check(
    kind: holdfast_domain::GatewayKind,
    base: &str,
    settings: &holdfast_service::runtime::gateway::GatewaySettings,
) -> String {
    use holdfast_domain::GatewayKind;
    match kind {
        GatewayKind::Keylight => {
            format!("curl {base}/{}/.well-known/keylight-keys", settings.account.as_deref().unwrap_or_default())
        }
        GatewayKind::LemonSqueezy => format!("curl {base}/v1/licenses/validate -d license_key=KEY"),
        GatewayKind::Keygen => format!(
            "curl {base}/v1/licenses/actions/validate-key \\\n  -H 'Content-Type: application/vnd.api+json' -d '{{\"meta\":{{\"key\":\"KEY\"}}}}'"
        ),
    }
}

/// The system of that stable name.
#[cfg(feature = "ssr")]
fn kind(text: &str) -> Result<holdfast_domain::GatewayKind, crate::error::UiError> {
    use holdfast_service::{Error, ErrorCode};
    holdfast_domain::GatewayKind::from_name(text).ok_or_else(|| Error::new(ErrorCode::NotFound).into())
}

#[component]
fn OnOff(on: bool) -> impl IntoView {
    let (tone, word) = if on { (Tone::Good, "On") } else { (Tone::None, "Off") };
    view! { <StateBadge tone word /> }
}

/// The gateways of a product.
#[component]
pub fn Gateways(
    /// The product's id.
    product: String,
    /// All of them.
    gateways: Vec<GatewayRow>,
) -> impl IntoView {
    let row = move |gateway: GatewayRow| {
        view! {
            <tr>
                <td><a class="row-link" href=format!("/console/products/{product}/gateways/{}", gateway.kind)>{gateway.name}</a></td>
                <td><OnOff on=gateway.on /></td>
                <td class="wide mono clip">{gateway.base}</td>
            </tr>
        }
    };
    view! {
        <p class="muted">
            "Applications that were built for another system go on when their base address leads here. Import their licenses first."
        </p>
        <Rows label="Gateways" head=vec![("System", ""), ("State", ""), ("Base address", "wide")]>
            {gateways.into_iter().map(row).collect_view()}
        </Rows>
    }
}

/// What a system calls the vendor and the product, and what that is good for.
fn names(kind: &str) -> [(&'static str, &'static str); 2] {
    match kind {
        "keylight" => [
            ("Tenant", "As it stands in the application's configuration."),
            ("Product", "As it stands in the application's configuration."),
        ],
        "lemon_squeezy" => [
            ("Store id", "A number; applications compare it with what they were built for."),
            ("Product id", "A number; applications compare it with what they were built for."),
        ],
        _ => [
            ("Account", "Its id or short name there; answers repeat it."),
            ("Product id", "As it is there; a validation may name it."),
        ],
    }
}

/// A gateway of a product.
#[component]
pub fn GatewayPage() -> impl IntoView {
    let params = use_params_map();
    let asked = Memo::new(move |_| {
        params.with(|params| (params.get("id").unwrap_or_default(), params.get("kind").unwrap_or_default()))
    });
    let gateway = load(move || asked.get(), |(product, kind)| api::gateway(product, kind));
    let (set, key) = (act::<SetGateway>(), act::<SetGatewayKey>());
    show(gateway, move |detail| {
        let (id, name) = detail.product.clone();
        let product = format!("/console/products/{id}");
        let crumbs =
            vec![Crumb::new("/console/products", "Products"), Crumb::new(format!("{product}?tab=gateways"), name)];
        let public = detail.key.clone().map(|(kid, base64, hex)| {
            view! {
                <Fact name="Key id"><Copyable text=kid what="key id" /></Fact>
                <Fact name="Public key"><Copyable text=base64 what="public key" /></Fact>
                <Fact name="The same in hex"><Copyable text=hex what="public key in hex" /></Fact>
            }
        });
        let error = act_error(set);
        let form = detail.may_write.then(|| {
            view! {
                <ActionForm action=set class="form section" clone:id clone:detail clone:product>
                    <FormError error />
                    <input type="hidden" name="id" value=id.clone() />
                    <input type="hidden" name="kind" value=detail.row.kind.clone() />
                    <Fields kind=detail.row.kind.clone() form=detail.form.clone() error />
                    <div class="form-actions">
                        <Submit label="Save gateway" pending=set.pending() />
                        <a class="btn btn-plain" href=format!("{product}?tab=gateways")>"Cancel"</a>
                    </div>
                </ActionForm>
            }
        });
        let error = act_error(key);
        let another = detail.may_key.then(|| {
            let asked = (detail.row.on && detail.key.is_some()).then(|| {
                view! { <Checkbox name="replace" label="Replace the key that answers are signed with now" required=true error /> }
            });
            let replaces = detail.key.is_some().then(|| {
                view! {
                    {asked}
                    <p class="hint">"The present key is not kept here. Applications that know its public key alone accept no answer of another: unless you have it elsewhere and set it again, they need a new build."</p>
                }
            });
            view! {
                <Section title="Another key" clone:id clone:detail>
                    <ActionForm action=key class="form" clone:id clone:detail>
                        <FormError error />
                        <input type="hidden" name="id" value=id.clone() />
                        <input type="hidden" name="kind" value=detail.row.kind.clone() />
                        <p class="muted">"Applications that were shipped with a public key accept answers signed with its private key alone. Without one, a new key is made."</p>
                        <Field
                            name="secret"
                            kind="password"
                            label="Private key"
                            maxlength="400"
                            hint="Ed25519: 32 bytes in hex or base64, or PKCS#8. It is sealed here and never shown again."
                            error
                        />
                        <Field name="kid" label="Key id" maxlength="128" hint="What applications know the key by; made from the key when left empty." error />
                        {replaces}
                        <div class="form-actions"><Submit label="Set key" pending=key.pending() /></div>
                    </ActionForm>
                </Section>
            }
        });
        let check = detail.check.clone().map(|check| {
            view! { <Section title="Try it"><Snippet code=check what="command" /></Section> }
        });
        view! {
            <PageHead title=detail.row.name.clone() crumbs><OnOff on=detail.row.on /></PageHead>
            <Facts>
                <Fact name="Base address"><Copyable text=detail.row.base.clone() what="base address" /></Fact>
                {public}
            </Facts>
            {form}
            {check}
            {another}
        }
    })
}

#[component]
fn Fields(kind: String, form: GatewayForm, error: FormState) -> impl IntoView {
    let [(account, account_hint), (product, product_hint)] = names(&kind);
    let own = if kind == "keylight" {
        let free = vec![
            (String::new(), "As the application says".to_owned()),
            ("yes".to_owned(), "Yes".to_owned()),
            ("no".to_owned(), "No".to_owned()),
        ];
        view! {
            <Field name="gateway[trial_days]" kind="number" min="0" label="Days of a trial" value=form.trial_days hint="As the application says when left empty." error />
            <SelectField name="gateway[free_tier]" label="Free tier" options=free value=form.free_tier error />
        }
        .into_any()
    } else {
        let plans = if kind == "keygen" { "Policies" } else { "Variants" };
        let address = (kind == "keygen").then(|| {
            view! {
                <Field
                    name="gateway[address]"
                    label="Address of before"
                    maxlength="300"
                    value=form.address
                    placeholder="https://api.example.com"
                    hint="Where a proxy leads from the address that applications have to the one above: answers are signed for what was asked."
                    error
                />
            }
        });
        view! {
            <TextArea name="gateway[plans]" label=plans value=form.plans hint="One a line: a plan's short name here = its id there." error />
            {address}
        }
        .into_any()
    };
    view! {
        <Checkbox name="gateway[on]" label="Answer its clients" checked=form.on error />
        <Field name="gateway[account]" label=account maxlength="128" value=form.account hint=account_hint error />
        <Field name="gateway[product]" label=product maxlength="128" value=form.product hint=product_hint error />
        {own}
        <p class="hint">"Once on, it can be switched off again: clients are then told to come back later, and keep what they have."</p>
    }
}
