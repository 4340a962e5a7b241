//! An order: what was bought with it, and noting that it was paid back.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    pages::{
        acts::{LATER, Second, WaitingNotice},
        licenses::{LicenseTable, steps::Losses},
    },
    ui::{
        ActionForm, Copyable, Crumb, Fact, Facts, FormError, PageHead, Pager, Section, StateBadge, Submit, TextArea,
        Timeline, WhenText, act, act_error, load,
        page::{Notice, NoticeKind, way_back},
        show,
    },
};
use api::Refund;
use model::{OrderDetail, RefundView};

/// Everything about an order.
#[component]
pub fn OrderPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let id = params.with(|params| params.get("id").unwrap_or_default());
        (id, query.with(|query| query.get("after").unwrap_or_default()))
    });
    let order = load(move || asked.get(), |(id, after)| api::order(id, after));
    show(order, move |found: OrderDetail| {
        let (tone, word) = found.status;
        let refund = found.may_refund.then(|| {
            let href = format!("/console/orders/{}/refund", found.id);
            view! { <div class="actions"><a class="btn btn-sm btn-danger" href=href>"Refund order"</a></div> }
        });
        let give_back = found.give_back.map(|(href, words)| {
            view! {
                <Notice kind=NoticeKind::Info>
                    <p>
                        "What was bought with it is revoked. Whoever is to go on all the same: "
                        <a class="link" href=href>{words}</a> "."
                    </p>
                </Notice>
            }
        });
        let waiting = found.waiting.into_iter().map(|(id, words)| {
            view! {
                <Notice kind=NoticeKind::Warn>
                    <p>{words} " " <a class="link" href=format!("/console/orders/inbox/{id}")>"Decide"</a></p>
                </Notice>
            }
        });
        let shop = found.shop.map(|(id, name)| match id {
            Some(id) => {
                view! { <Fact name="Shop"><a class="link" href=format!("/console/shops/{id}")>{name}</a></Fact> }
                    .into_any()
            }
            None => view! { <Fact name="Shop">{name}</Fact> }.into_any(),
        });
        let sale = found.sale.into_iter().map(|(name, value)| view! { <Fact name=name>{value}</Fact> });
        let shown = found.licenses.items.len() as u64;
        let pages = found.licenses.next.is_some() || !asked.get_untracked().1.is_empty();
        let licenses = if shown == 0 {
            view! { <p class="muted">"No license was issued for it."</p> }.into_any()
        } else {
            view! { <LicenseTable rows=found.licenses.items /> }.into_any()
        };
        view! {
            <PageHead title=format!("Order {}", found.reference) crumbs=vec![Crumb::new("/console/orders", "Orders")]>
                <StateBadge tone word />
                {refund}
            </PageHead>
            <p class="page-sub"><Copyable text=found.id what="order id" /></p>
            {found.waits.into_iter().map(|waiting| view! { <WaitingNotice waiting /> }).collect_view()}
            {give_back}
            {waiting.collect_view()}
            <Section title=format!("Licenses ({})", found.licenses.total)>
                {licenses}
                {pages.then(|| view! { <Pager shown next=found.licenses.next /> })}
            </Section>
            <div class="two even">
                <Section title="Facts">
                    <Facts>
                        <Fact name="Number"><Copyable text=found.reference what="order number" /></Fact>
                        <Fact name="Customer">
                            {match found.customer {
                                Some((id, name)) => view! { <a class="link" href=format!("/console/customers/{id}")>{name}</a> }.into_any(),
                                None => view! { <span class="muted">"nobody"</span> }.into_any(),
                            }}
                        </Fact>
                        <Fact name="Made"><WhenText when=found.made exact=true /></Fact>
                        {found.refunded.map(|when| view! { <Fact name="Paid back"><WhenText when exact=true /></Fact> })}
                        {shop}
                        {sale.collect_view()}
                    </Facts>
                </Section>
                <Section title="What happened"><Timeline entries=found.timeline /></Section>
            </div>
        }
    })
}

/// Noting that an order was paid back.
#[component]
pub fn RefundPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let refund = load(move || id.get(), api::look_at_refund);
    let action = act::<Refund>();
    let error = act_error(action);
    show(refund, move |found: RefundView| {
        let id = id.get_untracked();
        let (here, back) = (format!("/console/orders/{id}"), way_back(format!("/console/orders/{id}")));
        let crumbs = vec![Crumb::new("/console/orders", "Orders"), Crumb::new(here, found.reference)];
        if !found.waits.is_empty() {
            let waits = found.waits.into_iter().map(|waiting| view! { <WaitingNotice waiting /> }).collect_view();
            return view! {
                <PageHead title="Refund order" crumbs />
                {waits}
                <p><a class="btn btn-plain" href=back>"Back"</a></p>
            }
            .into_any();
        }
        let losses = (!found.impact.losses.is_empty()).then(|| view! { <Losses losses=found.impact.losses /> });
        let licenses = (!found.licenses.is_empty()).then(|| {
            view! { <Section title="Licenses that are revoked"><LicenseTable rows=found.licenses /></Section> }
        });
        view! {
            <PageHead title="Refund order" crumbs />
            <Notice kind=NoticeKind::Warn>
                <p>{found.impact.sentence}</p>
                <p class="small">
                    {found.does}
                    " No money moves: pay it back where it was paid. The licenses can be reinstated at any time; the order stays noted as paid back."
                </p>
                {found.later.then(|| view! { <p class="small">{LATER}</p> })}
            </Notice>
            {found.second.then(|| view! { <Second /> })}
            {losses}
            {licenses}
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="id" value=id />
                {found.second.then(|| view! { <input type="hidden" name="ask" value="true" /> })}
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error />
                <div class="form-actions">
                    <Submit label=if found.second { "Ask for approval" } else { "Refund order" } danger=true pending=action.pending() />
                    <a class="btn btn-plain" href=back>"Cancel"</a>
                </div>
            </ActionForm>
        }
        .into_any()
    })
}
