//! Shops: the vendor's accounts at payment providers, which of their prices is which plan, and what they have told.

pub mod api;
pub mod model;
#[cfg(feature = "ssr")]
pub mod show;

use holdfast_domain::ShopKind;
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    pages::fleet::Stands,
    ui::{
        ActionForm, Checkbox, Choice, Copyable, Crumb, Empty, Fact, Facts, Field, FormError, PageHead, Pager, Rows,
        Section, SelectField, Snippet, Submit, Tab, Tabs, TextArea, WhenText, act,
        act::Act,
        act_error, load,
        page::{Notice, NoticeKind},
        refused::FormState,
        show,
    },
};
use api::{ConnectShop, SaveRules, SaveShop, SetShopPrice, SetShopSecret, StepShop};
use model::{EventRow, PriceRow, ShopDetail, ShopList, ShopRow};

const HERE: &str = "/console/shops";

/// What is chosen in place of a plan for what needs no license.
pub const NOTHING: &str = "nothing";

/// The plans to choose from, and that none is needed.
pub fn plan_options(plans: Vec<(String, String)>) -> Vec<(String, String)> {
    let nothing = (NOTHING.to_owned(), "Needs no license".to_owned());
    plans.into_iter().chain(std::iter::once(nothing)).collect()
}

/// The list of shops.
#[component]
pub fn ShopsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(|query| query.get("after").unwrap_or_default()));
    let shops = load(move || asked.get(), api::shops);
    show(shops, move |ShopList { list, may_write }| {
        let shown = list.items.len() as u64;
        let add = move || {
            may_write.then(|| view! { <a class="btn btn-sm btn-primary" href="/console/shops/new">"Connect shop"</a> })
        };
        let table = if list.items.is_empty() {
            let text = "A shop at Stripe, Paddle, Lemon Squeezy or elsewhere tells Holdfast of each sale: licenses are issued, \
                        renewed and revoked as it says.";
            view! { <Empty title="No shops yet" text>{add()}</Empty> }.into_any()
        } else {
            let head = vec![("Shop", ""), ("With", ""), ("State", ""), ("Connected", "right wide")];
            view! {
                <Rows label="Shops" head>{list.items.into_iter().map(row).collect_view()}</Rows>
                <Pager shown next=list.next />
            }
            .into_any()
        };
        view! {
            <PageHead title="Shops" total=list.total><div class="actions">{add()}</div></PageHead>
            <p class="page-sub"><a class="link" href="/console/orders/inbox">"What waits for a person"</a></p>
            {table}
        }
    })
}

fn row(shop: ShopRow) -> impl IntoView {
    view! {
        <tr>
            <td>
                <a class="row-link" href=format!("{HERE}/{}", shop.id)>{shop.name}</a>
                <span class="sub"><Copyable text=shop.id what="shop id" /></span>
            </td>
            <td>{shop.kind}</td>
            <td class="nowrap"><Stands badge=shop.state /></td>
            <td class="right wide nowrap"><WhenText when=shop.since /></td>
        </tr>
    }
}

/// A new shop.
#[component]
pub fn NewShopPage() -> impl IntoView {
    let action = act::<ConnectShop>();
    let error = act_error(action);
    let choice = move |kind: ShopKind| {
        let hint = match kind {
            ShopKind::Stripe => "Checkout, Payment Links, invoices and subscriptions.",
            ShopKind::Paddle => "Paddle Billing: transactions and subscriptions.",
            ShopKind::LemonSqueezy => "Orders and subscriptions.",
            ShopKind::Generic => "Any system of yours that can send a signed request.",
        };
        view! {
            <Choice name="kind" value=kind.as_str() label=kind.title() hint checked=kind == ShopKind::Stripe error />
        }
    };
    view! {
        <PageHead title="Connect shop" crumbs=vec![Crumb::new(HERE, "Shops")] />
        <ActionForm action=action class="form">
            <FormError error />
            <fieldset class="group">
                <legend class="legend">"With whom is it?"</legend>
                {ShopKind::ALL.map(choice).into_iter().collect_view()}
            </fieldset>
            <Field name="name" label="Name" required=true maxlength="200" hint="As your people read it." error />
            <Field
                name="api_key"
                label="API key"
                kind="password"
                hint="What became of a sale is asked there. It needs to read only. Can be entered later; another shop has none."
                error
            />
            <details class="more" open=error.is_refused()>
                <summary>"Another address of the API"</summary>
                <Field
                    name="api_url"
                    label="Address of the API"
                    maxlength="2000"
                    placeholder="https://sandbox-api.paddle.com"
                    hint="The provider's own when left empty. For a sandbox."
                    error
                />
            </details>
            <div class="form-actions">
                <Submit label="Connect shop" pending=action.pending() />
                <a class="btn btn-plain" href=HERE>"Cancel"</a>
            </div>
        </ActionForm>
    }
}

/// The tabs of a shop.
const TABS: [Tab; 4] = [
    Tab { value: "", name: "Prices" },
    Tab { value: "messages", name: "Messages" },
    Tab { value: "rules", name: "Rules" },
    Tab { value: "settings", name: "Settings" },
];

/// Everything about a shop.
#[component]
pub fn ShopPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let id = params.with(|params| params.get("id").unwrap_or_default());
        (id, query.with(|query| query.get("after").unwrap_or_default()))
    });
    let tab = Memo::new(move |_| query.with(|query| query.get("tab").unwrap_or_default()));
    let shop = load(move || asked.get(), |(id, after)| api::shop(id, after));
    let action = act::<StepShop>();
    let step = (action, act_error(action));
    show(shop, move |detail: ShopDetail| {
        let row = detail.row.clone();
        let body = {
            let detail = detail.clone();
            move || match tab.get().as_str() {
                "messages" => view! { <Messages detail=detail.clone() /> }.into_any(),
                "rules" => view! { <Rules detail=detail.clone() /> }.into_any(),
                "settings" => view! { <Settings detail=detail.clone() step /> }.into_any(),
                _ => view! { <Prices detail=detail.clone() /> }.into_any(),
            }
        };
        let secret = detail.secret.clone().map(|text| {
            view! {
                <section class="section" aria-label="Secret">
                    <div class="key-once"><Copyable text what="secret" /></div>
                    <p class="muted">"Messages are to be signed with this secret: enter it at the shop. It is shown here for two minutes and never again; a new one can be made in the settings."</p>
                </section>
            }
        });
        view! {
            <PageHead title=row.name.clone() crumbs=vec![Crumb::new(HERE, "Shops")] clone:row>
                <Stands badge=row.state.clone() />
            </PageHead>
            <p class="page-sub">
                <Copyable text=row.id.clone() what="shop id" />
                <span>{row.kind.clone()}</span>
            </p>
            <FormError error=step.1 />
            {secret}
            <Standing detail=detail.clone() step />
            {move || view! { <Tabs tabs=TABS.to_vec() open=tab.get() /> }}
            {body}
        }
    })
}

/// What is still to be done, and whether the provider answers.
#[component]
fn Standing(detail: ShopDetail, step: (Act, FormState)) -> impl IntoView {
    let (id, kind) = (detail.row.id.clone(), detail.row.kind.clone());
    let closed = detail.closed.clone().map(|when| {
        view! {
            <Notice kind=NoticeKind::Warn><p>"Closed " <WhenText when /> ". Its messages are refused."</p></Notice>
        }
    });
    let failing = detail.failing.clone().map(|(when, why)| {
        view! {
            <Notice kind=NoticeKind::Bad>
                <p>"What became of sales could not be asked " <WhenText when /> ": " {why} ". It is tried again and again; nothing is lost."</p>
            </Notice>
        }
    });
    let needs_key = !detail.own_url.is_empty() && !detail.has_api_key;
    let missing = (detail.may_write && (!detail.has_secret || needs_key)).then(|| {
        let settings = format!("{HERE}/{id}?tab=settings");
        let secret = (!detail.has_secret).then(|| {
            view! { <p>"1. At " {kind.clone()} ", add a webhook to the address below. 2. Copy the secret that you are given there into the settings here."</p> }
        });
        let key = needs_key.then(|| view! { <p>"The API key is missing: nothing can be asked until it is entered."</p> });
        view! {
            <Notice kind=NoticeKind::Info>
                {secret}
                {key}
                <p><a class="link" href=settings>"Settings"</a></p>
            </Notice>
        }
    });
    let test = (detail.may_write && !detail.own_url.is_empty()).then(|| {
        view! {
            <ActionForm action=step.0>
                <input type="hidden" name="id" value=id.clone() />
                <input type="hidden" name="step" value="test" />
                <button type="submit" class="btn btn-sm btn-plain">"Test the API key"</button>
            </ActionForm>
        }
    });
    view! {
        {closed}
        {failing}
        {missing}
        <Facts clone:detail>
            <Fact name="Address for its messages"><Copyable text=detail.address.clone() what="address" /></Fact>
        </Facts>
        <div class="actions">{test}</div>
    }
}

#[component]
fn Prices(detail: ShopDetail) -> impl IntoView {
    let action = act::<SetShopPrice>();
    let error = act_error(action);
    let (id, may_write) = (detail.row.id.clone(), detail.may_write);
    let table = if detail.prices.is_empty() {
        let text =
            "A price of the shop buys a license of a plan. Until somebody says which, its sales wait in the inbox.";
        view! { <Empty title="No prices yet" text /> }.into_any()
    } else {
        let head = vec![("Price", ""), ("Plan", ""), ("Number of pieces", "wide"), ("", "right")];
        let shop = id.clone();
        let row = move |row: PriceRow| price_row(shop.clone(), row, may_write, action);
        view! { <Rows label="Prices" head>{detail.prices.into_iter().map(row).collect_view()}</Rows> }.into_any()
    };
    let what = match detail.kind.as_str() {
        "stripe" => "The price's id: price_…",
        "paddle" => "The price's id: pri_…",
        "lemon_squeezy" => "The variant's number.",
        _ => "Whatever the shop calls it.",
    };
    let form = may_write.then(|| {
        view! {
            <Section title="Say which plan a price is" clone:id>
                <p class="muted">{detail.used.clone()}</p>
                <ActionForm action=action class="form">
                    <FormError error />
                    <input type="hidden" name="id" value=id.clone() />
                    <div class="pair">
                        <Field name="price" label="Price" required=true maxlength="200" hint=what error />
                        <SelectField name="plan" label="Plan" options=plan_options(detail.plans.clone()) error />
                    </div>
                    <Checkbox name="seats" label="The number of pieces is the number of seats" error />
                    <div class="form-actions"><Submit label="Save price" pending=action.pending() /></div>
                </ActionForm>
            </Section>
        }
    });
    view! {
        {table}
        {form}
    }
}

fn price_row(shop: String, row: PriceRow, may_write: bool, action: Act) -> impl IntoView {
    let plan = match row.plan {
        Some((id, name)) => view! { <a class="link" href=format!("/console/plans/{id}")>{name}</a> }.into_any(),
        None => view! { <span class="muted">"needs no license"</span> }.into_any(),
    };
    let price = row.price.clone();
    let remove = may_write.then(|| {
        view! {
            <ActionForm action=action>
                <input type="hidden" name="id" value=shop.clone() />
                <input type="hidden" name="price" value=price.clone() />
                <input type="hidden" name="remove" value="true" />
                <button type="submit" class="btn btn-sm btn-plain" aria-label=format!("Remove price {price}")>"Remove"</button>
            </ActionForm>
        }
    });
    view! {
        <tr>
            <td><Copyable text=row.price what="price" /></td>
            <td>{plan}</td>
            <td class="wide">{if row.seats { "the number of seats" } else { "one license; several wait in the inbox" }}</td>
            <td class="right">{remove}</td>
        </tr>
    }
}

#[component]
fn Messages(detail: ShopDetail) -> impl IntoView {
    let shown = detail.events.items.len() as u64;
    let table = if detail.events.items.is_empty() {
        let text = "What the shop tells appears here with what came of it, and stays for 35 days.";
        view! { <Empty title="Nothing yet" text /> }.into_any()
    } else {
        let head = vec![("What", ""), ("State", ""), ("What came of it", "wide"), ("When", "right")];
        view! {
            <Rows label="Messages" head>{detail.events.items.into_iter().map(event_row).collect_view()}</Rows>
            <Pager shown next=detail.events.next />
        }
        .into_any()
    };
    let example = (!detail.example.is_empty()).then(|| {
        view! {
            <Section title="Send one by hand">
                <p class="muted">"With the shop's secret, from any shell. What each member means stands in the documentation of orders."</p>
                <Snippet code=detail.example.clone() what="a signed message" />
            </Section>
        }
    });
    view! {
        {table}
        {example}
    }
}

fn event_row(row: EventRow) -> impl IntoView {
    view! {
        <tr>
            <td class="alert-cell">{row.topic} <span class="sub mono">{row.sale}</span></td>
            <td class="nowrap"><Stands badge=row.state /></td>
            <td class="wide">{row.outcome}</td>
            <td class="right nowrap"><WhenText when=row.received /></td>
        </tr>
    }
}

#[component]
fn Rules(detail: ShopDetail) -> impl IntoView {
    let action = act::<SaveRules>();
    let error = act_error(action);
    let question = move |name: &'static str, days_name: &'static str, legend: &'static str, rule: (String, String)| {
        let (word, days) = rule;
        let is = |value: &str| word == value;
        view! {
            <fieldset class="group">
                <legend class="legend">{legend}</legend>
                <Choice name value="at_once" label="Revoke at once" hint="Its licenses are revoked, and can be reinstated." checked=is("at_once") error />
                <Choice name value="after_days" label="Revoke later" hint="New devices are refused at once; those that run go on for so many days." checked=is("after_days") error>
                    <Field name=days_name label="Days" kind="number" min="1" value=days error />
                </Choice>
                <Choice name value="ask" label="Ask" hint="It waits in the inbox for a person." checked=is("ask") error />
            </fieldset>
        }
    };
    if !detail.may_write {
        return view! { <p class="muted">"An owner or admin can see and change the rules."</p> }.into_any();
    }
    view! {
        <ActionForm action=action class="form">
            <FormError error />
            <input type="hidden" name="id" value=detail.row.id.clone() />
            {question("on_refund", "refund_days", "When all of the money was paid back", detail.on_refund.clone())}
            {question("on_dispute", "dispute_days", "When a dispute was lost", detail.on_dispute.clone())}
            <p class="muted">"When some of the money was paid back, a person is always asked."</p>
            <Field
                name="grace_days"
                label="Days of grace for a payment"
                kind="number"
                min="0"
                required=true
                value=detail.grace_days.to_string()
                hint="While a subscription renews itself, its licenses go on for so long after what was paid for: until the next payment has come in, at the first attempt or a later one. At most 90."
                error
            />
            <div class="form-actions"><Submit label="Save rules" pending=action.pending() /></div>
        </ActionForm>
    }
    .into_any()
}

#[component]
fn Settings(detail: ShopDetail, step: (Act, FormState)) -> impl IntoView {
    if !detail.may_write {
        return view! { <p class="muted">"An owner or admin can see and change the settings."</p> }.into_any();
    }
    let (save, secret) = (act::<SaveShop>(), act::<SetShopSecret>());
    let (save_error, secret_error) = (act_error(save), act_error(secret));
    let id = detail.row.id.clone();
    let api = (!detail.own_url.is_empty()).then(|| {
        let hint = if detail.has_api_key { "There is one. Leave it empty to keep it." } else { "There is none yet." };
        view! {
            <Field name="api_key" label="API key" kind="password" hint error=save_error />
            <Field name="api_url" label="Address of the API" maxlength="2000" value=detail.api_url.clone() hint=format!("The provider's own is {}. Another server needs the key anew.", detail.own_url) error=save_error />
        }
    });
    let (title, words, label) = match (detail.makes_secret, detail.has_secret) {
        (true, _) => ("Secret of its messages", "The provider shows it where its webhook is.", "Save secret"),
        (false, true) => ("New secret", "A new one is made and shown once. Enter it at the shop.", "Make new secret"),
        (false, false) => {
            ("Secret of its messages", "One is made and shown once. Enter it at the shop.", "Make secret")
        }
    };
    let typed = detail.makes_secret.then(|| {
        view! { <Field name="shop_secret" label="Secret" kind="password" required=true error=secret_error /> }
    });
    let previous = detail.previous.clone().map(|when| {
        view! { <p class="muted">"The secret before counts as well; that ends " <WhenText when /> "."</p> }
    });
    let closing = if detail.closed.is_some() {
        view! {
            <Section title="Open again" clone:id>
                <p class="muted">"Its messages are taken again. What was sent meanwhile comes again where the provider still sends it."</p>
                <ActionForm action=step.0>
                    <input type="hidden" name="id" value=id.clone() />
                    <input type="hidden" name="step" value="open" />
                    <button type="submit" class="btn btn-sm btn-plain">"Open shop"</button>
                </ActionForm>
            </Section>
        }
        .into_any()
    } else {
        view! {
            <section class="danger-zone" aria-labelledby="shop-away">
                <h2 id="shop-away">"Close shop"</h2>
                <p class="muted">"Its messages are refused from then on: nothing is issued, renewed or revoked by it any more. Licenses stay as they are. It can be opened again."</p>
                <ActionForm action=step.0 class="form" clone:id>
                    <input type="hidden" name="id" value=id.clone() />
                    <input type="hidden" name="step" value="close" />
                    <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error=step.1 />
                    <div class="form-actions"><Submit label="Close shop" danger=true pending=step.0.pending() /></div>
                </ActionForm>
            </section>
        }
        .into_any()
    };
    view! {
        <ActionForm action=save class="form" clone:id clone:detail>
            <FormError error=save_error />
            <input type="hidden" name="id" value=id.clone() />
            <Field name="name" label="Name" required=true maxlength="200" value=detail.row.name.clone() error=save_error />
            {api}
            <div class="form-actions"><Submit label="Save shop" pending=save.pending() /></div>
        </ActionForm>
        <Section title clone:id>
            <p class="muted">{words} " For a day the one before counts as well."</p>
            {previous}
            <ActionForm action=secret class="form">
                <FormError error=secret_error />
                <input type="hidden" name="id" value=id.clone() />
                {typed}
                <div class="form-actions"><Submit label pending=secret.pending() /></div>
            </ActionForm>
        </Section>
        {closing}
    }
    .into_any()
}
