//! Products: the list, a new one, and everything about one.

pub mod api;
pub mod model;
#[cfg(feature = "ssr")]
pub mod snippet;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::pages::gateways::Gateways;
use crate::ui::{
    ActionForm, Checkbox, Copyable, Crumb, Empty, Fact, Facts, Field, FormError, NothingMatches, PageHead, Pager, Rows,
    Search, Section, Snippet, StateBadge, Submit, Tab, Tabs, Tone, WhenText, act, act::Act, act_error, load, show,
};
use api::{ArchiveProduct, CreateProduct, RenameProduct};
use model::{FunnelView, KeyRow, PlanRow, ProductDetail, ProductRow};

/// The list of products.
#[component]
pub fn ProductsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let get = |name| query.with(|query| query.get(name).unwrap_or_default());
        (get("q"), get("after"), get("archived") == "true")
    });
    let products = load(move || asked.get(), |(q, after, archived)| api::products(q, after, archived));
    show(products, move |(list, may_write)| {
        let (q, _, archived) = asked.get_untracked();
        let here = if archived { "/console/products?archived=true" } else { "/console/products" };
        let shown = list.items.len() as u64;
        let kept = if archived { vec![("archived".to_owned(), "true".to_owned())] } else { Vec::new() };
        let search = (shown > 0 || !q.is_empty())
            .then(|| view! { <Search path="/console/products" label="Name or short name" q=q.clone() kept /> });
        let table = if shown == 0 && !q.is_empty() {
            view! { <NothingMatches what="product" text="A part of its name or short name finds a product." all=here /> }.into_any()
        } else if shown == 0 {
            let text = "A product is one piece of software you sell. It has its own signing keys, plans and licenses.";
            view! {
                <Empty title=if archived { "No archived products" } else { "No products yet" } text>
                    {may_write.then(|| view! { <a class="btn btn-primary" href="/console/products/new">"Create product"</a> })}
                </Empty>
            }
            .into_any()
        } else {
            view! {
                <Rows label="Products" head=vec![("Product", ""), ("Short name", "wide"), ("Created", "right")]>
                    {list.items.into_iter().map(row).collect_view()}
                </Rows>
                <Pager shown next=list.next />
            }
            .into_any()
        };
        let (other, href) = if archived {
            ("Show active", "/console/products")
        } else {
            ("Show archived", "/console/products?archived=true")
        };
        view! {
            <PageHead title=if archived { "Archived products" } else { "Products" } total=list.total>
                <div class="actions">
                    <a class="btn btn-sm btn-plain" href=href>{other}</a>
                    {may_write.then(|| view! { <a class="btn btn-sm btn-primary" href="/console/products/new">"Create product"</a> })}
                </div>
            </PageHead>
            {search}
            {table}
        }
    })
}

fn row(product: ProductRow) -> impl IntoView {
    view! {
        <tr>
            <td>
                <a class="row-link" href=format!("/console/products/{}", product.id)>{product.name}</a>
                <span class="sub mono">{product.id}</span>
            </td>
            <td class="wide mono">{product.code}</td>
            <td class="right nowrap"><WhenText when=product.created /></td>
        </tr>
    }
}

/// A new product.
#[component]
pub fn NewProductPage() -> impl IntoView {
    let action = act::<CreateProduct>();
    let error = act_error(action);
    view! {
        <PageHead title="Create product" crumbs=vec![Crumb::new("/console/products", "Products")] />
        <ActionForm action=action class="form">
            <FormError error />
            <Field name="name" label="Name" required=true maxlength="200" autofocus=true placeholder="Example Editor" hint="As your customers know it." error />
            <Field
                name="code"
                label="Short name"
                maxlength="64"
                hint="Lower-case letters, digits and dashes; used in imports and in the API. Made from the name when left empty."
                error
            />
            <Checkbox name="plan" label="With a usual plan: a year for one device, a month without any server. It can be changed, and others added." checked=true error />
            <div class="form-actions">
                <Submit label="Create product" pending=action.pending() />
                <a class="btn btn-plain" href="/console/products">"Cancel"</a>
            </div>
        </ActionForm>
    }
}

/// The tabs of a product.
const TABS: [Tab; 7] = [
    Tab { value: "", name: "Plans" },
    Tab { value: "entitlements", name: "Entitlements" },
    Tab { value: "trials", name: "Trials" },
    Tab { value: "keys", name: "Keys" },
    Tab { value: "integrate", name: "Integrate" },
    Tab { value: "gateways", name: "Gateways" },
    Tab { value: "settings", name: "Settings" },
];

/// Everything about a product.
#[component]
pub fn ProductPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let tab = Memo::new(move |_| query.with(|query| query.get("tab").unwrap_or_default()));
    let product = load(move || id.get(), api::product);
    show(product, move |detail| {
        let crumbs = vec![Crumb::new("/console/products", "Products")];
        let (id, may_write, may_issue) = (detail.product.id.clone(), detail.may_write, detail.may_issue);
        let archived = detail.product.archived.then(|| view! { <StateBadge tone=Tone::None word="Archived" /> });
        let name = detail.product.name.clone();
        let code = detail.product.code.clone();
        let body = move || {
            let detail = detail.clone();
            match tab.get().as_str() {
                "entitlements" => view! { <Entitlements plans=detail.plans /> }.into_any(),
                "trials" => view! { <Trials id=detail.product.id /> }.into_any(),
                "keys" => view! { <Keys detail /> }.into_any(),
                "integrate" => view! { <Integrate texts=detail.integrate /> }.into_any(),
                "gateways" => view! { <Gateways product=detail.product.id gateways=detail.gateways /> }.into_any(),
                "settings" => view! { <Settings product=detail.product may_write=detail.may_write /> }.into_any(),
                _ => view! { <Plans id=detail.product.id plans=detail.plans may_write=detail.may_write /> }.into_any(),
            }
        };
        view! {
            <PageHead title=name crumbs clone:id>
                {archived}
                <div class="actions">
                    <a class="btn btn-sm btn-plain" href=format!("/console/licenses?product={id}")>"Licenses"</a>
                    {may_write.then(|| view! { <a class="btn btn-sm btn-plain" href=format!("/console/products/{id}/plans/new")>"Add plan"</a> })}
                    {may_issue.then(|| view! { <a class="btn btn-sm btn-primary" href="/console/licenses/new">"Issue license"</a> })}
                </div>
            </PageHead>
            <p class="page-sub">
                <Copyable text=id.clone() what="product id" />
                <span>"Short name " <code>{code}</code></span>
            </p>
            {move || view! { <Tabs tabs=TABS.to_vec() open=tab.get() /> }}
            {body}
        }
    })
}

#[component]
fn Plans(id: String, plans: Vec<PlanRow>, may_write: bool) -> impl IntoView {
    if plans.is_empty() {
        let text = "A plan says how this product is sold: for how long, for how many devices, and what happens off line. \
                    Licenses are issued from plans.";
        return view! {
            <Empty title="No plans yet" text>
                {may_write
                    .then(|| view! { <a class="btn btn-primary" href=format!("/console/products/{id}/plans/new")>"Add plan"</a> })}
            </Empty>
        }
        .into_any();
    }
    let head =
        vec![("Plan", ""), ("Sold as", ""), ("Used by", "wide"), ("Off line", "wide"), ("Entitlements", "right wide")];
    view! {
        <Rows label="Plans" head>
            {plans
                .into_iter()
                .map(|plan| {
                    view! {
                        <tr>
                            <td>
                                <a class="row-link" href=format!("/console/plans/{}", plan.id)>{plan.name}</a>
                                <span class="sub mono">{plan.code}</span>
                            </td>
                            <td>{plan.sold} {plan.archived.then_some(" (archived)")}</td>
                            <td class="wide">{plan.used}</td>
                            <td class="wide">{plan.offline}</td>
                            <td class="right wide">{plan.entitlements.len()}</td>
                        </tr>
                    }
                })
                .collect_view()}
        </Rows>
    }
    .into_any()
}

/// The times that a funnel is shown of.
const SPANS: [(&str, &str); 3] = [("30", "30 days"), ("90", "90 days"), ("365", "A year")];

/// What becomes of trials.
#[component]
fn Trials(id: String) -> impl IntoView {
    let query = use_query_map();
    let days = Memo::new(move |_| query.with(|query| query.get("days").unwrap_or_default()));
    let here = format!("/console/products/{id}");
    let funnel = load(move || (id.clone(), days.get()), |(id, days)| api::trial_funnel(id, days));
    show(funnel, move |funnel: FunnelView| {
        let chips = SPANS.map(|(value, name)| {
            let href = format!("{here}?tab=trials&days={value}");
            view! { <a class="chip" href=href aria-current=(funnel.days == value).then_some("true")>{name}</a> }
        });
        let body = if funnel.rows.is_empty() {
            let text =
                "Applications start trials by themselves where the product has a trial plan: one for each device.";
            view! { <Empty title="No trial began in this time" text /> }.into_any()
        } else {
            let row = |(what, count, share): (String, String, String)| {
                view! { <tr><td>{what}</td><td class="right num">{count}</td><td class="right num">{share}</td></tr> }
            };
            let head = vec![("Trials", ""), ("Number", "right"), ("Share", "right")];
            view! { <Rows label="What became of trials" head>{funnel.rows.into_iter().map(row).collect_view()}</Rows> }
                .into_any()
        };
        view! {
            <nav class="chips" aria-label="Of which time"><span class="chip-group">{chips.collect_view()}</span></nav>
            {body}
        }
    })
}

#[component]
fn Entitlements(plans: Vec<PlanRow>) -> impl IntoView {
    let mut codes: Vec<String> =
        plans.iter().flat_map(|plan| plan.entitlements.iter().map(|(code, _)| code.clone())).collect();
    codes.sort();
    codes.dedup();
    if codes.is_empty() {
        let text = "An entitlement is a code with a value that unlocks or sizes a feature of your application. Plans grant \
                    them; add some when you edit a plan.";
        return view! { <Empty title="No entitlements yet" text /> }.into_any();
    }
    let value = |plan: &PlanRow, code: &str| {
        plan.entitlements
            .iter()
            .find(|(other, _)| other == code)
            .map_or_else(|| "–".to_owned(), |(_, value)| value.clone())
    };
    view! {
        <div class="table-wrap" tabindex="0" role="region" aria-label="Entitlements by plan">
            <table class="rows">
                <thead>
                    <tr>
                        <th scope="col">"Entitlement"</th>
                        {plans.iter().map(|plan| view! { <th scope="col" class="right">{plan.name.clone()}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>
                    {codes
                        .iter()
                        .map(|code| {
                            view! {
                                <tr>
                                    <td class="mono">{code.clone()}</td>
                                    {plans.iter().map(|plan| view! { <td class="right">{value(plan, code)}</td> }).collect_view()}
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

#[component]
fn Keys(detail: ProductDetail) -> impl IntoView {
    let at = format!("/console/products/{}/keys/", detail.product.id);
    let rotate = format!("{at}rotate");
    let row = move |key: KeyRow| {
        let revoke = format!("{at}{}", key.kid);
        let tone = match key.status.as_str() {
            "active" => Tone::Good,
            "revoked" => Tone::Bad,
            _ => Tone::None,
        };
        view! {
            <tr>
                <td class="mono">{key.kid}</td>
                <td><StateBadge tone word=key.status /></td>
                <td class="right wide nowrap"><WhenText when=key.from /></td>
                <td class="right nowrap"><WhenText when=key.until /></td>
                <td class="right">{key.may_revoke.then(|| view! { <a class="link" href=revoke>"Revoke"</a> })}</td>
            </tr>
        }
    };
    view! {
        <Facts>
            <Fact name="Root key"><Copyable text=detail.root_key what="root key" /></Fact>
        </Facts>
        <p class="muted">
            "Applications pin the root key. Issuing keys sign the leases, are replaced every 90 days on their own, and are vouched for by the root key."
        </p>
        <Section title="Issuing keys">
            <Rows label="Issuing keys" head=vec![("Key", ""), ("Status", ""), ("Signs since", "right wide"), ("Accepted until", "right"), ("", "")]>
                {detail.keys.into_iter().map(row).collect_view()}
            </Rows>
            {detail.may_keys.then(|| view! { <a class="btn btn-sm btn-plain section" href=rotate>"Rotate keys"</a> })}
        </Section>
    }
}

#[component]
fn Integrate(texts: [String; 3]) -> impl IntoView {
    let [add, program, check] = texts;
    view! {
        <div class="stack">
            <p>"The client library is part of Holdfast's source. Put in where you have that, and run in your application's folder:"</p>
            <Snippet code=add what="command that adds the client library" />
            <p>"This is a whole program, with this product's id and your root key in it. Run it, and type the key of a license."</p>
            <Snippet code=program what="integration code" />
            <p class="muted">
                "After the first activation the application starts without the network, and goes on for as long as the plan says when no server can be reached."
            </p>
            <p class="muted">"Nobody has to believe the library. With the root key alone, this checks the lease that the program has stored:"</p>
            <Snippet code=check what="commands that check a lease" />
        </div>
    }
}

#[component]
fn Settings(product: ProductRow, may_write: bool) -> impl IntoView {
    let rename = act::<RenameProduct>();
    let archive = act::<ArchiveProduct>();
    let error = act_error(rename);
    if !may_write {
        return view! { <p class="muted">"Your role can look at this product but not change it."</p> }.into_any();
    }
    view! {
        <ActionForm action=rename class="form" clone:product>
            <FormError error />
            <input type="hidden" name="id" value=product.id.clone() />
            <Field name="name" label="Name" required=true maxlength="200" hint="As your customers know it." value=product.name error />
            <div class="form-actions"><Submit label="Save name" /></div>
        </ActionForm>
        <Archive action=archive id=product.id what="product" archived=product.archived />
    }
    .into_any()
}

/// Archives a product or a plan, or brings it back.
#[component]
pub fn Archive(
    /// What the form is sent to.
    action: Act,
    /// Its id.
    id: String,
    /// What it is.
    what: &'static str,
    /// Whether it is archived.
    archived: bool,
) -> impl IntoView {
    let (verb, words) = if archived {
        ("Restore", "It can be chosen again.")
    } else {
        (
            "Archive",
            "It is hidden from choice. Its licenses and everybody's access stay exactly as they are. You can restore it.",
        )
    };
    view! {
        <Section title="Archive">
            <FormError error=act_error(action) />
            <ActionForm action=action>
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="archived" value=if archived { "false" } else { "true" } />
                <p class="muted">{words}</p>
                <button type="submit" class="btn btn-plain section">{verb} " " {what}</button>
            </ActionForm>
        </Section>
    }
}
