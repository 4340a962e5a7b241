//! Customers: the list, a new one, and everything about one.

pub mod api;
pub mod model;
pub mod people;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    pages::{
        fleet::Outdated,
        licenses::{LicenseTable, detail::TimelineTab},
        lists::{Found, model::Listed},
        mail::MailBounced,
        notes::Notes,
    },
    ui::{
        ActionForm, Copyable, Crumb, Empty, ErrorState, Fact, Facts, Field, FormError, PageHead, Pager, Section,
        Submit, Tab, Tabs, Timeline, WhenText, act,
        act::Act,
        act_error,
        live::{Topic, count, load_live},
        show_live,
    },
};
use api::{CreateCustomer, SaveCustomer};
use model::{Asked, CustomerDetail, CustomerRow, Part};
use people::{InPortal, WithoutDevice};

/// A new customer.
#[component]
pub fn NewCustomerPage() -> impl IntoView {
    let action = act::<CreateCustomer>();
    let error = act_error(action);
    view! {
        <PageHead title="Add customer" crumbs=vec![Crumb::new("/console/customers", "Customers")] />
        <ActionForm action=action class="form">
            <FormError error />
            <Field name="email" label="E-mail" kind="email" autofocus=true hint="With it the customer can sign in to the portal." error />
            <Field name="name" label="Name" maxlength="200" hint="Of the person or company. One of the two is needed." error />
            <div class="form-actions">
                <Submit label="Add customer" pending=action.pending() />
                <a class="btn btn-plain" href="/console/customers">"Cancel"</a>
            </div>
        </ActionForm>
    }
}

/// The tabs of a customer.
const TABS: [Tab; 4] = [
    Tab { value: "", name: "Overview" },
    Tab { value: "orders", name: "Orders" },
    Tab { value: "devices", name: "Devices" },
    Tab { value: "timeline", name: "Time line" },
];

/// Everything about a customer.
#[component]
pub fn CustomerPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let id = params.with(|params| params.get("id").unwrap_or_default());
        let get = |name| query.with(|query| query.get(name).unwrap_or_default());
        Asked { id, tab: get("tab"), told: get("told"), after: get("after") }
    });
    let customer = load_live(
        || count(Topic::Acts),
        move || asked.get(),
        async |asked, by_itself| {
            if by_itself { api::customer_again(asked).await } else { api::customer(asked).await }
        },
    );
    let action = act::<SaveCustomer>();
    show_live(customer, move |detail: CustomerDetail, error| {
        let CustomerDetail { customer, bounced, part, may_write, may_issue } = detail;
        let asked = asked.get_untracked();
        let error = match error {
            // What was read last may have been another one.
            Some(error) if customer.id != asked.id => return view! { <ErrorState error /> }.into_any(),
            error => error,
        };
        let issue = may_issue.then(|| format!("/console/licenses/new?customer={}", customer.id));
        let here = format!("/console/customers/{}", customer.id);
        let (tab, body) = match part {
            Part::Overview(found) => {
                let body = view! { <Overview customer=customer.clone() found=*found issue=issue.clone() /> };
                let edit = may_write.then(|| view! { <Edit customer=customer.clone() action /> });
                ("", view! { {body} {edit} }.into_any())
            }
            Part::Orders(listed) => {
                ("orders", view! { <Theirs of="orders" customer=customer.id.clone() listed=*listed /> }.into_any())
            }
            Part::Devices(listed) => {
                ("devices", view! { <Theirs of="seats" customer=customer.id.clone() listed=*listed /> }.into_any())
            }
            Part::Timeline(page, untold) => {
                ("timeline", view! { <TimelineTab here told=asked.told page untold /> }.into_any())
            }
        };
        view! {
            <Outdated error />
            <PageHead title=customer.name.clone() crumbs=vec![Crumb::new("/console/customers", "Customers")]>
                <div class="actions">
                    {issue.map(|href| view! { <a class="btn btn-sm btn-primary" href=href>"Issue license"</a> })}
                </div>
            </PageHead>
            <p class="page-sub">
                <Copyable text=customer.id.clone() what="customer id" />
                <span>"Customer since " <WhenText when=customer.created.clone() /></span>
            </p>
            <MailBounced bounced />
            <Tabs tabs=TABS.to_vec() open=tab />
            {body}
        }
        .into_any()
    })
}

/// What they are and hold on the left, what was noted and what happened on the right.
#[component]
fn Overview(
    customer: CustomerRow,
    found: model::Overview,
    /// Where a license is issued to them, where this person may.
    issue: Option<String>,
) -> impl IntoView {
    let here = format!("/console/customers/{}", customer.id);
    let total = found.licenses.total.clone();
    let licenses = if found.licenses.items.is_empty() {
        view! {
            <Empty title="No licenses yet" text="What this customer buys appears here, with its devices.">
                {issue.map(|href| view! { <a class="btn btn-primary" href=href>"Issue license"</a> })}
            </Empty>
        }
        .into_any()
    } else {
        let shown = found.licenses.items.len() as u64;
        view! {
            <LicenseTable rows=found.licenses.items of_customer=true />
            <Pager shown next=found.licenses.next />
        }
        .into_any()
    };
    let safe = found.safe.map(|safe| {
        let one = safe.devices == "1";
        let whose = if one {
            "This customer's computer".to_owned()
        } else {
            format!("Each of this customer's {} computers", safe.devices)
        };
        let last = (!one).then(|| view! { ", the last until " <WhenText when=safe.last exact=true /> });
        let href = format!("/console/freshness?customer={}", customer.id);
        view! {
            <Fact name="If everything stopped now">
                {whose} " would work until at least " <WhenText when=safe.first exact=true /> {last} ". "
                <a class="link" href=href>"Freshness"</a>
            </Fact>
        }
    });
    let copied = |text: Option<String>, what: &'static str| match text {
        Some(text) => view! { <Copyable text what /> }.into_any(),
        None => view! { <span class="muted">"none"</span> }.into_any(),
    };
    view! {
        <div class="two">
            <div>
                <Section title="Facts" clone:customer>
                    <Facts>
                        <Fact name="E-mail">{copied(customer.email.clone(), "e-mail address")}</Fact>
                        <Fact name="External id">{copied(customer.external.clone(), "external id")}</Fact>
                        {found.seats.map(|(taken, seats)| view! {
                            <Fact name="Seats of active licenses">{taken} " / " {seats}</Fact>
                        })}
                        {safe}
                    </Facts>
                </Section>
                <Section title=format!("Licenses ({total})")>{licenses}</Section>
            </div>
            <div>
                <Notes subject=customer.id.clone() notes=found.notes />
                <InPortal people=found.people />
                <WithoutDevice seats=found.without_device />
                <Section title="What happened">
                    <Timeline entries=found.timeline />
                    <p><a class="link" href=format!("{here}?tab=timeline")>"The whole time line"</a></p>
                </Section>
            </div>
        </div>
    }
}

/// What is a customer's of a list, and the way to that.
#[component]
fn Theirs(
    /// Of which list.
    of: &'static str,
    customer: String,
    listed: Listed,
) -> impl IntoView {
    let list = (!listed.rows.is_empty()).then(|| {
        let href = format!("{}?customer={customer}", listed.path);
        view! { <p class="page-sub"><span>{listed.total.clone()} " in all. "</span> <a class="link" href=href>"Filter, sort or export them"</a></p> }
    });
    view! {
        {list}
        <Found of listed />
    }
}

#[component]
fn Edit(customer: CustomerRow, action: Act) -> impl IntoView {
    let error = act_error(action);
    view! {
        <Section title="Name and address">
            <ActionForm action=action class="form">
                <FormError error />
                <input type="hidden" name="id" value=customer.id />
                <div class="pair">
                    <Field name="name" label="Name" maxlength="200" value=customer.name error />
                    <Field name="email" label="E-mail" kind="email" value=customer.email.unwrap_or_default() error />
                </div>
                <div class="form-actions">
                    <button type="submit" class="btn btn-plain">"Save customer"</button>
                </div>
            </ActionForm>
        </Section>
    }
}
