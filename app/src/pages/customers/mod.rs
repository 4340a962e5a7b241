//! Customers: the list, a new one, and everything about one.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    pages::{licenses::LicenseTable, notes::Notes},
    ui::{
        ActionForm, Copyable, Crumb, Empty, Field, FormError, PageHead, Pager, Rows, Section, Submit, WhenText, act,
        act_error, load, show,
    },
};
use api::{CreateCustomer, SaveCustomer};

/// The list of customers.
#[component]
pub fn CustomersPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| (query.get("q").unwrap_or_default(), query.get("after").unwrap_or_default()))
    });
    let customers = load(move || asked.get(), |(q, after)| api::customers(q, after));
    show(customers, move |(list, may_write)| {
        let q = asked.get_untracked().0;
        let shown = list.items.len() as u64;
        let table = if list.items.is_empty() && q.is_empty() {
            let text = "A customer is a person or company that bought. Customers come with the licenses you issue, with an \
                        import, or from here.";
            view! {
                <Empty title="No customers yet" text>
                    {may_write.then(|| view! { <a class="btn btn-primary" href="/console/customers/new">"Add customer"</a> })}
                    <a class="btn btn-plain" href="/console/imports">"Import licenses"</a>
                </Empty>
            }
            .into_any()
        } else if list.items.is_empty() {
            view! {
                <Empty title="No customer matches" text="Names and e-mail addresses are searched from their beginning.">
                    <a class="btn btn-plain" href="/console/customers">"Show all"</a>
                </Empty>
            }
            .into_any()
        } else {
            view! {
                <Rows label="Customers" head=vec![("Customer", ""), ("E-mail", ""), ("Since", "right wide")]>
                    {list
                        .items
                        .into_iter()
                        .map(|customer| {
                            view! {
                                <tr>
                                    <td>
                                        <a class="row-link" href=format!("/console/customers/{}", customer.id)>{customer.name}</a>
                                        <span class="sub mono">{customer.id}</span>
                                    </td>
                                    <td class="clip">{customer.email}</td>
                                    <td class="right wide nowrap"><WhenText when=customer.created /></td>
                                </tr>
                            }
                        })
                        .collect_view()}
                </Rows>
                <Pager shown next=list.next />
            }
            .into_any()
        };
        view! {
            <PageHead title="Customers" total=list.total>
                <div class="actions">
                    {may_write.then(|| view! { <a class="btn btn-sm btn-primary" href="/console/customers/new">"Add customer"</a> })}
                </div>
            </PageHead>
            <form class="filters" method="get" action="/console/customers" role="search" aria-label="Filter customers">
                <div class="grow">
                    <label for="customer-q">"Name or e-mail"</label>
                    <input class="input" type="search" id="customer-q" name="q" value=q autocomplete="off" />
                </div>
                <button class="btn btn-sm btn-plain" type="submit">"Search"</button>
            </form>
            {table}
        }
    })
}

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

/// Everything about a customer.
#[component]
pub fn CustomerPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        (
            params.with(|params| params.get("id").unwrap_or_default()),
            query.with(|query| query.get("after").unwrap_or_default()),
        )
    });
    let customer = load(move || asked.get(), |(id, after)| api::customer(id, after));
    let action = act::<SaveCustomer>();
    let error = act_error(action);
    show(customer, move |detail| {
        let customer = detail.customer;
        let issue = format!("/console/licenses/new?customer={}", customer.id);
        let licenses = if detail.licenses.items.is_empty() {
            view! {
                <Empty title="No licenses yet" text="What this customer buys appears here, with its devices." clone:issue>
                    {detail.may_issue.then(|| view! { <a class="btn btn-primary" href=issue.clone()>"Issue license"</a> })}
                </Empty>
            }
            .into_any()
        } else {
            let shown = detail.licenses.items.len() as u64;
            view! {
                <LicenseTable rows=detail.licenses.items of_customer=true />
                <Pager shown next=detail.licenses.next />
            }
            .into_any()
        };
        let safe = detail.safe.map(|safe| {
            let one = safe.devices == "1";
            let whose = if one { "this customer's computer".to_owned() } else { format!("each of this customer's {} computers", safe.devices) };
            let last = (!one).then(|| view! { ", the last until " <WhenText when=safe.last exact=true /> });
            let href = format!("/console/freshness?customer={}", customer.id);
            view! {
                <p>
                    "If everything stopped now, " {whose} " would work until at least " <WhenText when=safe.first exact=true /> {last} ". "
                    <a class="link" href=href>"Freshness"</a>
                </p>
            }
        });
        let edit = detail.may_write.then(|| {
            let customer = customer.clone();
            view! {
                <Section title="Name and address">
                    <ActionForm action=action class="form">
                        <FormError error />
                        <input type="hidden" name="id" value=customer.id.clone() />
                        <div class="pair">
                            <Field name="name" label="Name" maxlength="200" value=customer.name.clone() error />
                            <Field name="email" label="E-mail" kind="email" value=customer.email.clone().unwrap_or_default() error />
                        </div>
                        <div class="form-actions">
                            <button type="submit" class="btn btn-plain">"Save customer"</button>
                        </div>
                    </ActionForm>
                </Section>
            }
        });
        view! {
            <PageHead title=customer.name.clone() crumbs=vec![Crumb::new("/console/customers", "Customers")]>
                <div class="actions">
                    {detail.may_issue.then(|| view! { <a class="btn btn-sm btn-primary" href=issue.clone()>"Issue license"</a> })}
                </div>
            </PageHead>
            <p class="page-sub">
                {customer.email.clone().map(|email| view! { <Copyable text=email what="e-mail address" /> })}
                <Copyable text=customer.id.clone() what="customer id" />
                <span>"Customer since " <WhenText when=customer.created.clone() /></span>
            </p>
            {safe}
            <Section title=format!("Licenses ({})", detail.licenses.total)>{licenses}</Section>
            <Notes subject=customer.id.clone() notes=detail.notes />
            {edit}
        }
    })
}
