//! Customers: the list, a new one, and everything about one.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    pages::{fleet::Outdated, licenses::LicenseTable, mail::MailBounced, notes::Notes},
    ui::{
        ActionForm, Copyable, Crumb, Empty, ErrorState, Field, FormError, PageHead, Pager, Section, Submit, WhenText,
        act, act_error,
        live::{Topic, load_live},
        show_live,
    },
};
use api::{CreateCustomer, SaveCustomer};
use model::CustomerDetail;

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
    let customer = load_live(
        Topic::Acts,
        move || asked.get(),
        async |(id, after), by_itself| {
            if by_itself { api::customer_again(id, after).await } else { api::customer(id, after).await }
        },
    );
    let action = act::<SaveCustomer>();
    let error = act_error(action);
    show_live(customer, move |detail: CustomerDetail, outdated| {
        let customer = detail.customer;
        // What was read last may have been another one.
        let outdated = match outdated {
            Some(error) if customer.id != asked.get_untracked().0 => return view! { <ErrorState error /> }.into_any(),
            outdated => outdated,
        };
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
            <Outdated error=outdated />
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
            <MailBounced bounced=detail.bounced />
            {safe}
            <Section title=format!("Licenses ({})", detail.licenses.total)>{licenses}</Section>
            <Notes subject=customer.id.clone() notes=detail.notes />
            {edit}
        }
        .into_any()
    })
}
