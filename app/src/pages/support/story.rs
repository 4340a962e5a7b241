//! A customer's whole story on one page, with what can be done beside what it is done to.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{
    api,
    explain::{Devices, Helps, crumbs},
    model::{Filled, LicenseStory, OrderRow, StoryView},
};
use crate::{
    pages::{
        acts::{WaitingNotice, model::Waiting},
        customers::people::{InPortal, WithoutDevice},
        fleet::{Outdated, Stands},
        mail::{MailBounced, model::MailRow},
        notes::{Note, Notes},
    },
    ui::{
        CopyButton, Copyable, Empty, ErrorState, Fact, Facts, PageHead, Pager, Rows, Section, SelectField, StateBadge,
        TextArea, Timeline, WhenText,
        live::{Topic, count, load_live},
        page::{Notice, NoticeKind},
        show_live,
        state::LicenseBadge,
    },
};

/// A customer's whole story.
#[component]
pub fn StoryPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let get = |name| query.with(|query| query.get(name).unwrap_or_default());
        (params.with(|params| params.get("id").unwrap_or_default()), get("after"), get("reply"), get("license"))
    });
    let story = load_live(
        || count(Topic::Acts),
        move || asked.get(),
        async |(id, after, reply, license), by_itself| {
            if by_itself {
                api::story_again(id, after, reply, license).await
            } else {
                api::story(id, after, reply, license).await
            }
        },
    );
    show_live(story, move |found: StoryView, error| {
        let error = match error {
            // What was read last may have been another one.
            Some(error) if found.customer.id != asked.get_untracked().0 => {
                return view! { <ErrorState error /> }.into_any();
            }
            error => error,
        };
        let license = asked.get_untracked().3;
        view! { <Outdated error /> <Whole found license /> }.into_any()
    })
}

#[component]
fn Whole(
    found: StoryView,
    /// The license that a reply is about, as the address has it.
    license: String,
) -> impl IntoView {
    let StoryView { customer, whole, licenses, orders, more_orders, refunds, replies, filled, .. } = found;
    let id = customer.id.clone();
    let console = format!("/console/customers/{id}");
    let choices: Vec<(String, String)> =
        licenses.iter().map(|one| (one.row.id.clone(), format!("…{} · {}", one.row.key_hint, one.product))).collect();
    let copied = |text: Option<String>, what: &'static str| match text {
        Some(text) => view! { <Copyable text what /> }.into_any(),
        None => view! { <span class="muted">"none"</span> }.into_any(),
    };
    let safe = whole.safe.map(|safe| {
        view! { <Fact name="Works without us">"at least until " <WhenText when=safe.first exact=true /></Fact> }
    });
    let view_as = found.may_view.then(|| {
        view! { <a class="btn btn-sm btn-plain" href=format!("/support/{id}/view")>"View as the customer"</a> }
    });
    let from = format!("?from=/support/{id}");
    let shown = licenses.len() as u64;
    let pages = whole.licenses.next.is_some() || use_query_map().with_untracked(|query| query.get("after").is_some());
    let stories = if licenses.is_empty() {
        view! { <Empty title="No licenses yet" text="What this customer buys appears here, with its devices." /> }
            .into_any()
    } else {
        licenses.into_iter().map(|license| view! { <Story license from=from.clone() /> }).collect_view().into_any()
    };
    view! {
        <PageHead title=customer.name.clone() crumbs=crumbs()>
            <div class="actions">
                <a class="btn btn-sm btn-plain" href="#answer" rel="external">"Answer"</a>
                {view_as}
                <a class="btn btn-sm btn-plain" href=console>"In the console"</a>
            </div>
        </PageHead>
        <p class="page-sub">
            <Copyable text=id.clone() what="customer id" />
            <span>"Customer since " <WhenText when=customer.created /></span>
        </p>
        <MailBounced bounced=found.bounced />
        <div class="two">
            <div>
                <Section title="Who">
                    <Facts>
                        <Fact name="E-mail">{copied(customer.email, "e-mail address")}</Fact>
                        <Fact name="External id">{copied(customer.external, "external id")}</Fact>
                        {whole.seats.map(|(taken, seats)| view! {
                            <Fact name="Seats of active licenses">{taken} " / " {seats}</Fact>
                        })}
                        {safe}
                    </Facts>
                </Section>
                {stories}
                {pages.then(|| view! { <Pager shown next=whole.licenses.next /> })}
                <Orders orders more=more_orders refunds from />
                <Reply replies licenses=choices license filled />
            </div>
            <div>
                <Notes subject=id.clone() notes=whole.notes />
                <InPortal people=whole.people />
                <WithoutDevice seats=whole.without_device />
                <Mails mails=found.mails />
                <Section title="What happened">
                    <Timeline entries=whole.timeline />
                    <p><a class="link" href=format!("/console/customers/{id}?tab=timeline")>"The whole time line"</a></p>
                </Section>
            </div>
        </div>
    }
}

/// The newest mails to them.
#[component]
fn Mails(mails: Vec<MailRow>) -> impl IntoView {
    let table = if mails.is_empty() {
        view! { <p class="muted">"None in the last months."</p> }.into_any()
    } else {
        let row = |mail: MailRow| {
            view! {
                <tr>
                    <td class="clip">
                        {mail.what} <span class="sub">{mail.to}</span>
                        {(!mail.error.is_empty()).then(|| view! { <span class="sub">{mail.error}</span> })}
                    </td>
                    <td><Stands badge=mail.state /></td>
                    <td class="right nowrap"><WhenText when=mail.created /></td>
                </tr>
            }
        };
        let rows = mails.into_iter().map(row).collect_view();
        view! { <Rows label="Mail" head=vec![("Mail", ""), ("State", ""), ("When", "right")]>{rows}</Rows> }.into_any()
    };
    view! { <Section title="Mail">{table}</Section> }
}

/// A license with its devices, and what can be done to it.
#[component]
pub fn Story(
    /// The license.
    license: LicenseStory,
    /// What stands at the end of an address to be led back here.
    #[prop(into)]
    from: String,
) -> impl IntoView {
    let LicenseStory { row, product, reason, subscription, answer, cure, devices, more, waits, notes, may } = license;
    let at = |step: &str| format!("/console/licenses/{}/{step}{from}", row.id);
    let link = |shown: bool, step: &str, words: &'static str| {
        shown.then(|| view! { <a class="btn btn-sm btn-plain" href=at(step)>{words}</a> })
    };
    let active = matches!(row.state, holdfast_domain::LicenseState::Active | holdfast_domain::LicenseState::Expired);
    let revoked = row.state == holdfast_domain::LicenseState::Revoked;
    let idle = waits.is_empty();
    let acts = view! {
        {link(may.extend, "extend", "Extend")}
        {link(may.key, "rekey", "New key")}
        {link(may.status && active && idle, "suspend", "Suspend")}
        {link(may.status && !revoked && idle, "revoke", "Revoke")}
    };
    let ends = match row.ends.clone() {
        Some(when) => view! { <WhenText when exact=true /> }.into_any(),
        None => view! { "never" }.into_any(),
    };
    let name = format!("license-{}", row.id);
    let (tone, text) = answer;
    let seats = if devices.is_empty() {
        view! { <p class="muted">"No device uses it now."</p> }.into_any()
    } else {
        view! { <Devices devices may_free=may.free from /> }.into_any()
    };
    view! {
        <section class="section" id=row.id.clone() aria-labelledby=name.clone()>
            <div class="section-head">
                <h2 id=name.clone()>
                    <a class="link-quiet mono" href=format!("/console/licenses/{}", row.id)>"…" {row.key_hint.clone()}</a> " " {product}
                </h2>
                <LicenseBadge state=row.state />
                <div class="actions">{acts}</div>
            </div>
            {waits.into_iter().map(|waiting| view! { <WaitingNotice waiting /> }).collect_view()}
            <Facts>
                <Fact name="Ends">{ends}</Fact>
                <Fact name="Seats">{row.taken} " / " {row.seats}</Fact>
                {reason.map(|reason| view! { <Fact name="Reason">{reason}</Fact> })}
                {subscription.map(|(tone, word, words)| view! {
                    <Fact name="Subscription"><StateBadge tone word /> " " {words}</Fact>
                })}
                <Fact name="Its key now"><StateBadge tone word=if tone == crate::ui::Tone::Bad { "No" } else { "Yes" } /> " " {text}</Fact>
                <Fact name="What helps"><Helps cure /></Fact>
            </Facts>
            {(!notes.is_empty()).then(|| {
                let notes = notes.into_iter().map(|note| view! { <Note note /> }).collect_view();
                view! { <ul class="notes" aria-label="Notes about this license">{notes}</ul> }
            })}
            {seats}
            {more.map(|more| view! { <p class="page-sub">{more} " " <a class="link" href=format!("/console/seats?license={}", row.id)>"All its seats"</a></p> })}
        </section>
    }
}

#[component]
fn Orders(orders: Vec<OrderRow>, more: Option<String>, refunds: Vec<Waiting>, from: String) -> impl IntoView {
    let table = if orders.is_empty() {
        view! { <p class="muted">"None."</p> }.into_any()
    } else {
        let row = |order: OrderRow| {
            let (tone, word) = order.status;
            let refund = format!("/console/orders/{}/refund{from}", order.id);
            let refund = order
                .may_refund
                .then(|| view! { <a class="link" href=refund aria-label=format!("Refund order {}", order.reference)>"Refund"</a> });
            view! {
                <tr>
                    <td><a class="row-link" href=format!("/console/orders/{}", order.id)>{order.reference.clone()}</a></td>
                    <td><StateBadge tone word /></td>
                    <td class="right wide nowrap"><WhenText when=order.made /></td>
                    <td class="right">{refund} {order.waits.then(|| view! { <span class="muted">"Refund waits"</span> })}</td>
                </tr>
            }
        };
        let head = vec![("Order", ""), ("State", ""), ("Made", "right wide"), ("", "right")];
        let rows = orders.into_iter().map(row).collect_view();
        view! { <Rows label="Orders" head>{rows}</Rows> }.into_any()
    };
    view! {
        <Section title="Orders">
            {refunds.into_iter().map(|waiting| view! { <WaitingNotice waiting /> }).collect_view()}
            {table}
            {more.map(|more| view! { <p class="page-sub">{more}</p> })}
        </Section>
    }
}

/// Answering with a reply of the vendor's. What is chosen stands in the address.
#[component]
fn Reply(
    replies: Vec<(String, String)>,
    licenses: Vec<(String, String)>,
    license: String,
    filled: Option<Filled>,
) -> impl IntoView {
    let body = if replies.is_empty() {
        let text = "Texts that you send again and again, with the facts of the customer filled in.";
        view! {
            <Empty title="No replies yet" text>
                <a class="btn btn-plain" href="/support/replies">"Write one"</a>
            </Empty>
        }
        .into_any()
    } else {
        let chosen = filled.as_ref().map(|filled| filled.id.clone()).unwrap_or_default();
        let of = (!licenses.is_empty()).then(|| {
            let only =
                (String::new(), if licenses.len() == 1 { "The only one" } else { "None in particular" }.to_owned());
            let options = std::iter::once(only).chain(licenses).collect();
            view! { <SelectField name="license" label="About the license" options value=license /> }
        });
        let text = filled.map(|filled| match filled.text {
            Ok(text) => view! {
                <div class="section">
                    <TextArea name="filled" label="Ready to copy" value=text.clone() required=true hint="Change what you like before you copy it from here." />
                    <p><CopyButton text what="reply" /> " The text as it was filled in."</p>
                </div>
            }
            .into_any(),
            Err(why) => view! { <Notice kind=NoticeKind::Bad><p>{why}</p></Notice> }.into_any(),
        });
        view! {
            <form class="form" method="get" action="#answer">
                <div class="pair">
                    <SelectField name="reply" label="Reply" options=replies value=chosen />
                    {of}
                </div>
                <div class="form-actions">
                    <button type="submit" class="btn btn-plain">"Fill in"</button>
                    <a class="btn btn-ghost" href="/support/replies">"All replies"</a>
                </div>
            </form>
            {text}
        }
        .into_any()
    };
    view! {
        <section class="section" id="answer" aria-labelledby="answer-name">
            <div class="section-head">
                <h2 id="answer-name">"Answer"</h2>
            </div>
            {body}
        </section>
    }
}
