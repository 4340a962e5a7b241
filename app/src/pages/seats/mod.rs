//! A seat: which device it belongs to, how long that works by itself, what happened to it.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    pages::{fleet::Outdated, licenses::detail::UndoNotice},
    ui::{
        Copyable, Crumb, ErrorState, Fact, Facts, PageHead, Pager, Section, StateBadge, Timeline, Tone, WhenText,
        live::{Topic, count, load_live},
        show_live,
        state::LicenseBadge,
    },
};
use model::SeatDetail;

/// Everything about a seat.
#[component]
pub fn SeatPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let id = params.with(|params| params.get("id").unwrap_or_default());
        (id, query.with(|query| query.get("after").unwrap_or_default()))
    });
    let seat = load_live(
        || count(Topic::Acts),
        move || asked.get(),
        async |(id, after), by_itself| {
            if by_itself { api::seat_again(id, after).await } else { api::seat(id, after).await }
        },
    );
    show_live(seat, move |found: SeatDetail, error| {
        let row = found.row;
        let error = match error {
            // What was read last may have been another one.
            Some(error) if row.id != asked.get_untracked().0 => return view! { <ErrorState error /> }.into_any(),
            error => error,
        };
        let license = found.license;
        let crumbs = vec![
            Crumb::new("/console/licenses", "Licenses"),
            Crumb::new(format!("/console/licenses/{}", license.id), format!("…{}", license.key_hint)),
        ];
        let badge = if row.taken {
            view! { <StateBadge tone=Tone::Good word="In use" /> }.into_any()
        } else {
            view! { <StateBadge tone=Tone::None word="Free" /> }.into_any()
        };
        let free = (found.may_free && row.taken).then(|| {
            let href = format!("/console/licenses/{}/free/{}", license.id, row.id);
            view! { <div class="actions"><a class="btn btn-sm btn-danger" href=href>"Free seat"</a></div> }
        });
        let undo = found.undo.map(|offer| view! { <UndoNotice offer /> });
        let shown = found.timeline.items.len() as u64;
        let pages = found.timeline.next.is_some() || !asked.get_untracked().1.is_empty();
        view! {
            <PageHead title=row.name.clone() crumbs>
                {badge}
                {free}
            </PageHead>
            <Outdated error />
            <p class="page-sub"><Copyable text=row.id.clone() what="seat id" /></p>
            {undo}
            <div class="two">
                <Section title="Facts">
                    <Facts>
                        <Fact name="License">
                            <a class="link mono" href=format!("/console/licenses/{}", license.id)>"…" {license.key_hint.clone()}</a>
                            " " <LicenseBadge state=license.state />
                        </Fact>
                        {license.customer.clone().map(|(id, name)| view! {
                            <Fact name="Customer"><a class="link" href=format!("/console/customers/{id}")>{name}</a></Fact>
                        })}
                        <Fact name="Seats of the license">{license.taken} " / " {license.seats}</Fact>
                        <Fact name="Product">
                            <a class="link" href=format!("/console/products/{}", found.product.0)>{found.product.1.clone()}</a>
                        </Fact>
                        {row.user.clone().map(|user| view! { <Fact name="Person">{user}</Fact> })}
                        <Fact name="Runs">{if row.runs.is_empty() { "not said".to_owned() } else { row.runs.clone() }}</Fact>
                        <Fact name="First seen"><WhenText when=row.first_seen.clone() /></Fact>
                        <Fact name="Taken"><WhenText when=row.since.clone() /></Fact>
                        <Fact name="Last seen"><WhenText when=row.last_seen.clone() /></Fact>
                        {row.taken.then(|| view! { <Fact name="Works off line until"><WhenText when=row.offline_until.clone() exact=true /></Fact> })}
                        {found.borrowed.map(|(when, most)| view! {
                            <Fact name="Borrowed until"><WhenText when exact=true /> ", of at most " {most} " at a time"</Fact>
                        })}
                        {found.released.map(|when| view! { <Fact name="Given up"><WhenText when /></Fact> })}
                    </Facts>
                </Section>
                <Section title="What happened">
                    <Timeline entries=found.timeline.items />
                    {pages.then(|| view! { <Pager shown next=found.timeline.next /> })}
                </Section>
            </div>
        }
        .into_any()
    })
}
