//! The inbox: what of the sales in shops waits for a person.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    pages::{
        List,
        acts::WaitingNotice,
        licenses::{LicenseTable, steps::Losses},
        shops::plan_options,
    },
    ui::{
        ActionForm, Checkbox, Copyable, Crumb, Empty, Fact, Facts, Field, FormError, PageHead, Pager, Rows, Section,
        SelectField, Snippet, StateBadge, Submit, Tab, Tabs, TextArea, WhenText, act,
        act::Act,
        act_error, load,
        page::{Notice, NoticeKind},
        refused::FormState,
        show,
    },
};
use api::ResolveInbox;
use model::{InboxDetail, InboxRow, Way};

const HERE: &str = "/console/orders/inbox";

/// The tab of everything.
const ALL: &str = "all";

/// What waits for a person.
#[component]
pub fn InboxPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| (query.get("tab").unwrap_or_default(), query.get("after").unwrap_or_default()))
    });
    let found = load(move || asked.get(), |(tab, after)| api::inbox(tab, after));
    show(found, move |found: List<InboxRow>| {
        let open = asked.get_untracked().0;
        let tabs = vec![Tab { value: "", name: "Waiting" }, Tab { value: ALL, name: "All" }];
        let shown = found.items.len() as u64;
        let rows = if found.items.is_empty() {
            let (title, text) = if open == ALL {
                (
                    "Nothing has had to wait yet",
                    "What a shop tells and no rule decides waits here for a person: a price that is no plan yet, a payment for nothing known, money that was paid back in part.",
                )
            } else {
                ("Nothing waits", "What was decided is under All.")
            };
            view! {
                <Empty title text><a class="btn btn-plain" href="/console/orders">"To the orders"</a></Empty>
            }
            .into_any()
        } else {
            let row = |row: InboxRow| {
                let (tone, word) = row.state;
                view! {
                    <tr>
                        <td class="alert-cell">
                            <a class="row-link" href=format!("{HERE}/{}", row.id)>{row.what}</a>
                            <span class="sub">{row.detail}</span>
                        </td>
                        <td class="nowrap"><StateBadge tone word /></td>
                        <td class="wide">{row.shop}</td>
                        <td class="right nowrap"><WhenText when=row.opened /></td>
                    </tr>
                }
            };
            let head = vec![("What", ""), ("State", ""), ("Shop", "wide"), ("Since", "right")];
            view! {
                <Rows label="Inbox" head>{found.items.into_iter().map(row).collect_view()}</Rows>
                <Pager shown next=found.next />
            }
            .into_any()
        };
        view! {
            <PageHead title="Inbox" total=found.total crumbs=vec![Crumb::new("/console/orders", "Orders")] />
            <Tabs tabs open />
            {rows}
        }
    })
}

/// Something that waits for a person, or waited.
#[component]
pub fn InboxEntryPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let found = load(move || id.get(), api::inbox_entry);
    let action = act::<ResolveInbox>();
    let error = act_error(action);
    show(found, move |found: InboxDetail| {
        let row = found.row.clone();
        let (tone, word) = row.state.clone();
        let crumbs = vec![Crumb::new("/console/orders", "Orders"), Crumb::new(HERE, "Inbox")];
        let resolved = found.resolved.clone().map(|(who, when, why)| {
            view! {
                <Fact name="Decided by">{who} ", " <WhenText when /></Fact>
                {why.map(|why| view! { <Fact name="Reason">{why}</Fact> })}
            }
        });
        let order = found.order.clone().map(|id| {
            view! { <Fact name="Order"><a class="link" href=format!("/console/orders/{id}")>"The order"</a></Fact> }
        });
        let shop = match found.shop.clone() {
            Some(id) => view! { <a class="link" href=format!("/console/shops/{id}")>{row.shop.clone()}</a> }.into_any(),
            None => row.shop.clone().into_any(),
        };
        let sale = found.sale.clone().into_iter().map(|(name, value)| view! { <Fact name=name>{value}</Fact> });
        let bought = found.lines.clone();
        let lines = (!bought.is_empty()).then(|| {
            let head = vec![("Bought", ""), ("Price", ""), ("Pieces", "right")];
            let line = |(title, price, pieces): (String, String, u32)| {
                view! {
                    <tr>
                        <td>{title}</td>
                        <td><Copyable text=price what="price" /></td>
                        <td class="right num">{pieces}</td>
                    </tr>
                }
            };
            view! { <Rows label="What was bought" head>{bought.into_iter().map(line).collect_view()}</Rows> }
        });
        let licenses = (!found.licenses.is_empty()).then(|| {
            view! { <Section title="Its licenses" clone:found><LicenseTable rows=found.licenses.clone() /></Section> }
        });
        let message = found.message.clone().map(|(topic, body)| {
            view! { <h3>{topic}</h3> <Snippet code=body what="the message" /> }
        });
        let answers = (found.answers != "[]").then(|| {
            view! { <h3>"What the provider answered"</h3> <Snippet code=found.answers.clone() what="the answers" /> }
        });
        let ways = (!found.ways.is_empty()).then(|| {
            view! {
                <Section title="What is to be made of it?" clone:found>
                    <FormError error />
                    <Ways detail=found.clone() step=(action, error) />
                </Section>
            }
        });
        view! {
            <PageHead title=row.what.clone() crumbs><StateBadge tone word /></PageHead>
            <p class="page-sub"><Copyable text=row.id.clone() what="inbox id" /></p>
            <Notice kind=NoticeKind::Info><p>{row.detail.clone()}</p></Notice>
            {found.waits.into_iter().map(|waiting| view! { <WaitingNotice waiting /> }).collect_view()}
            {ways}
            {licenses}
            <Section title="What came">
                <Facts>
                    <Fact name="Shop">{shop}</Fact>
                    <Fact name="Since"><WhenText when=row.opened.clone() /></Fact>
                    {order}
                    {sale.collect_view()}
                    {resolved}
                </Facts>
                {lines}
                <details class="more">
                    <summary>"As it was sent"</summary>
                    {message}
                    {answers}
                </details>
            </Section>
        }
    })
}

/// What can be made of it, each in a form of its own.
#[component]
fn Ways(detail: InboxDetail, step: (Act, FormState)) -> impl IntoView {
    detail.ways.iter().map(|way| form(*way, &detail, step)).collect_view()
}

/// One of them.
fn form(way: Way, detail: &InboxDetail, (action, error): (Act, FormState)) -> impl IntoView + use<> {
    let id = detail.row.id.clone();
    let (how, title, label, danger) = match way {
        Way::Map => ("map", "From now on this price is", "Save price", false),
        Way::Issue => ("issue", "Issue a license, this once", "Issue license", false),
        Way::Customer => ("customer", "Say who has bought", "Save buyer", false),
        Way::License => ("license", "It was bought for a license that there is", "Link license", false),
        Way::Revoke => ("revoke", "Revoke what was bought", "Revoke", true),
        Way::Reinstate => ("reinstate", "Reinstate what was bought", "Reinstate", false),
        Way::Again => ("again", "Look at the sale once more", "Look again", false),
        Way::Dismiss => ("dismiss", "Nothing follows", "Dismiss", false),
    };
    let fields = match way {
        Way::Map => view! {
            <p class="muted">"The price " <code>{detail.price.clone()}</code> ". Whatever else waits for it is looked at again."</p>
            <SelectField name="plan" label="Plan" options=plan_options(detail.plans.clone()) error />
            <Checkbox name="seats" label="The number of pieces is the number of seats" checked={detail.pieces > 1} error />
        }
        .into_any(),
        Way::Issue => view! {
            <SelectField name="once" label="Plan" options=detail.plans.clone() error />
            <Field name="number" label="Seats" kind="number" min="1" hint="The plan's when left empty." error />
        }
        .into_any(),
        Way::Customer => view! {
            <Field name="email" label="Customer's e-mail" kind="email" required=true hint="One that you have, or a new one." error />
        }
        .into_any(),
        Way::License => view! {
            <Field name="license" label="License id" required=true placeholder="lic_…" hint="From then on it follows the sale." error />
        }
        .into_any(),
        Way::Revoke => {
            let sentence = detail.sentence.clone();
            let losses = (!detail.losses.is_empty()).then(|| view! { <Losses losses=detail.losses.clone() /> });
            view! {
                <Notice kind=NoticeKind::Warn><p>{sentence}</p></Notice>
                {losses}
                <Field name="days" label="Days until running devices stop" kind="number" min="0" hint="At once when left empty." error />
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log. It can be reinstated." error />
            }
            .into_any()
        }
        Way::Reinstate => {
            let sentence = detail.sentence.clone();
            view! {
                <p class="muted">{sentence}</p>
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error />
            }
            .into_any()
        }
        Way::Again => {
            view! { <p class="muted">"What became of it is asked anew."</p> }.into_any()
        }
        Way::Dismiss => {
            view! { <TextArea name="why" label="Reason" required=true hint="Kept in the audit log." error /> }.into_any()
        }
    };
    let form = move || {
        view! {
            <ActionForm action=action class="form">
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="how" value=how />
                {fields}
                <div class="form-actions"><Submit label danger pending=action.pending() /></div>
            </ActionForm>
        }
    };
    let elsewhere = detail.elsewhere.clone().filter(|_| matches!(way, Way::Revoke | Way::Reinstate));
    view! {
        <details class="more" open=error.typed("how").as_deref() == Some(how)>
            <summary>{title}</summary>
            {match elsewhere {
                Some(href) => begin_elsewhere(detail, (title, danger), href).into_any(),
                None => form().into_any(),
            }}
        </details>
    }
}

/// The way to do what this person does not do at once, or not alone.
fn begin_elsewhere(detail: &InboxDetail, (words, danger): (&'static str, bool), href: String) -> impl IntoView + use<> {
    let sentence = detail.sentence.clone();
    let (kind, class) =
        if danger { (NoticeKind::Warn, "btn btn-danger") } else { (NoticeKind::Info, "btn btn-primary") };
    view! {
        <Notice kind><p>{sentence}</p></Notice>
        <div class="form-actions"><a class=class href=href>{words}</a></div>
    }
}
