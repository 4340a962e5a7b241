//! Everything about a license: how it stands, its key, its seats, what happened to it, what can be done.

use holdfast_domain::{LicenseStatus, plan::MOST_ENTITLEMENTS};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{
    api::{self, Reveal},
    model::{LicenseDetail, LicenseView, SeatRow, UndoOffer},
};
use crate::{
    pages::{
        List,
        acts::WaitingNotice,
        fleet::Outdated,
        notes::{Notes, model::NotesView},
    },
    ui::{
        ActionForm, Copyable, Crumb, Empty, ErrorState, Fact, Facts, FormError, PageHead, Pager, Rows, Section,
        StateBadge, Tab, Tabs, Timeline, TimelineEntry, Tone, WhenText, act, act_error,
        data::with_values,
        live::{Topic, count, load_live},
        page::{Notice, NoticeKind},
        show_live,
        state::LicenseBadge,
    },
};

/// Everything about a license.
#[component]
pub fn LicensePage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let query = use_query_map();
    let told = Memo::new(move |_| {
        query.with(|query| match query.get("tab").as_deref() {
            Some("timeline") => {
                (query.get("told").unwrap_or_else(|| "all".to_owned()), query.get("after").unwrap_or_default())
            }
            _ => Default::default(),
        })
    });
    let view = load_live(
        || count(Topic::Acts),
        move || (id.get(), told.get()),
        async |(id, (told, after)), by_itself| {
            if by_itself { api::license_again(id, told, after).await } else { api::license_page(id, told, after).await }
        },
    );
    show_live(view, move |found: LicenseView, error| {
        let id = id.get_untracked();
        let error = match error {
            // What was read last may have been another one.
            Some(error) if found.detail.row.id != id => return view! { <ErrorState error /> }.into_any(),
            error => error,
        };
        let detail = found.detail;
        let body = match found.told {
            Some(page) => view! {
                <TimelineTab here=format!("/console/licenses/{id}") told=told.get_untracked().0 page untold=found.untold />
            }
            .into_any(),
            None => view! { <Overview detail=detail.clone() notes=found.notes /> }.into_any(),
        };
        let tab = if told.get_untracked().0.is_empty() { "" } else { "timeline" };
        view! {
            <Outdated error />
            <Detail detail tab>{body}</Detail>
        }
        .into_any()
    })
}

#[component]
fn Detail(
    detail: LicenseDetail,
    /// Which tab is open.
    tab: &'static str,
    children: Children,
) -> impl IntoView {
    let row = detail.row.clone();
    let at = |step: &str| format!("/console/licenses/{}/{step}", row.id);
    let back = match detail.status {
        LicenseStatus::Revoked => Some(("Reinstate license", at("reinstate"))),
        LicenseStatus::Suspended => Some(("Resume license", at("resume"))),
        LicenseStatus::Active => None,
    };
    let back = back
        .filter(|_| detail.may.status)
        .map(|(verb, href)| view! { <a class="btn btn-sm btn-primary" href=href>{verb}</a> });
    let extend = (detail.may.extend && row.ends.is_some())
        .then(|| view! { <a class="btn btn-sm btn-plain" href=at("extend")>"Extend"</a> });
    let convert = (detail.trial && detail.may.change && detail.status == LicenseStatus::Active)
        .then(|| view! { <a class="btn btn-sm btn-primary" href=at("convert")>"Convert trial"</a> });
    let change = detail.may.change.then(|| view! { <a class="btn btn-sm btn-plain" href=at("change")>"Change"</a> });
    let more = detail.may.change.then(|| {
        view! {
            <details class="menu-pop">
                <summary class="btn btn-sm btn-plain">"More"</summary>
                <div class="menu-body">
                    <a class="menu-button" href=at("transfer")>"Transfer to another customer"</a>
                    <a class="menu-button" href=at("rekey")>"Make a new key"</a>
                </div>
            </details>
        }
    });
    let ask_key =
        detail.may.ask_key.then(|| view! { <a class="btn btn-sm btn-plain" href=at("rekey")>"Ask for a new key"</a> });
    let explain = format!("/support/explain?q={}", row.id);
    let waits = detail.waits.clone().into_iter().map(|waiting| view! { <WaitingNotice waiting /> }).collect_view();
    let undo = detail.undo.clone().map(|offer| view! { <UndoNotice offer /> });
    let why = detail.reason.clone().filter(|_| detail.status != LicenseStatus::Active).map(|reason| {
        view! { <Notice kind=NoticeKind::Warn><p>"Reason: " {reason}</p></Notice> }
    });
    view! {
        <PageHead title=format!("License …{}", row.key_hint) crumbs=vec![Crumb::new("/console/licenses", "Licenses")]>
            <LicenseBadge state=row.state />
            <div class="actions">
                {more} {ask_key} <a class="btn btn-sm btn-plain" href=explain>"Explain"</a> {change} {extend} {convert} {back}
            </div>
        </PageHead>
        <p class="page-sub"><Copyable text=row.id.clone() what="license id" /></p>
        {waits}
        {undo}
        {why}
        <Key detail=detail.clone() />
        <Tabs tabs=TABS.to_vec() open=tab />
        {children()}
    }
}

/// What it is on the left, what was noted and what happened on the right, what ends access below.
#[component]
fn Overview(detail: LicenseDetail, notes: NotesView) -> impl IntoView {
    let row = detail.row.clone();
    let here = format!("/console/licenses/{}", row.id);
    let entitlements = if detail.entitlements.is_empty() {
        view! { <span class="muted">"none"</span> }.into_any()
    } else {
        let each = |(code, value): (String, String)| view! { <div><code>{code}</code> " = " {value}</div> };
        detail.entitlements.clone().into_iter().map(each).collect_view().into_any()
    };
    let (sold, used, offline) = detail.terms.clone();
    let customer = match row.customer.clone() {
        Some((id, name)) => view! { <a class="link" href=format!("/console/customers/{id}")>{name}</a> }.into_any(),
        None => view! { <span class="muted">"nobody"</span> }.into_any(),
    };
    let ends = match row.ends.clone() {
        Some(when) => view! { <WhenText when /> }.into_any(),
        None => view! { "never" }.into_any(),
    };
    view! {
        <div class="two">
            <div>
                <Section title="Facts" clone:detail clone:row>
                    <Facts>
                        <Fact name="Customer">{customer}</Fact>
                        <Fact name="Product">
                            <a class="link" href=format!("/console/products/{}", detail.product.0)>{detail.product.1.clone()}</a>
                        </Fact>
                        <Fact name="Plan">
                            <a class="link" href=format!("/console/plans/{}", detail.plan.0)>{detail.plan.1.clone()}</a>
                        </Fact>
                        <Fact name="Sold as">{sold}</Fact>
                        <Fact name="Used by">{used}</Fact>
                        <Fact name="Works off line">{offline}</Fact>
                        <Fact name="Ends">{ends}</Fact>
                        <Fact name="Issued"><WhenText when=row.issued.clone() /></Fact>
                        {detail.migrated.clone().map(|(import, source)| view! {
                            <Fact name="Migrated">
                                "from " {source} " "
                                {detail.may.change.then(|| view! { <a class="link" href=format!("/console/imports/{import}")>"Import"</a> })}
                            </Fact>
                        })}
                        {detail.order.clone().map(|(id, number)| view! {
                            <Fact name="Order"><a class="link" href=format!("/console/orders/{id}")>{number}</a></Fact>
                        })}
                        {detail.limits.clone().into_iter().map(|(name, used)| view! { <Fact name>{used}</Fact> }).collect_view()}
                        <Fact name=format!("Entitlements ({} / {MOST_ENTITLEMENTS})", detail.entitlements.len())>{entitlements}</Fact>
                    </Facts>
                </Section>
                <Section title=format!("Seats ({} / {})", row.taken, row.seats) clone:detail clone:row>
                    <Seats id=row.id.clone() seats=detail.seats.clone() may_free=detail.may.free />
                    {detail.more_seats.clone().map(|more| view! { <p class="page-sub">{more} " " <a class="link" href=format!("/console/seats?license={}", row.id)>"All its seats"</a></p> })}
                </Section>
            </div>
            <div>
                <Notes subject=row.id.clone() notes />
                <Section title="What happened" clone:detail>
                    <Timeline entries=detail.timeline.iter().take(12).cloned().collect() />
                    <p><a class="link" href=format!("{here}?tab=timeline")>"The whole time line"</a></p>
                </Section>
            </div>
        </div>
        <Danger detail=detail.clone() />
    }
}

/// Offers to undo what was done last.
#[component]
pub fn UndoNotice(
    /// The act.
    offer: UndoOffer,
) -> impl IntoView {
    view! {
        <Notice kind=NoticeKind::Info>
            <p>
                {offer.what} " by " {offer.who} ". "
                <a class="link" href=offer.path>"Undo"</a>
                " is offered until " <WhenText when=offer.until exact=true /> "."
            </p>
        </Notice>
    }
}

/// What a time line can be narrowed to.
const TOLD: [(&str, &str); 3] = [("", "All"), ("people", "People and programs"), ("devices", "Devices")];

/// What happened to a license or a customer and to what belongs to it, page by page.
#[component]
pub fn TimelineTab(
    /// The address of its page.
    here: String,
    /// What it is narrowed to.
    told: String,
    /// What is told.
    page: List<TimelineEntry>,
    /// What is said where that is not all.
    untold: Option<String>,
) -> impl IntoView {
    let chips = TOLD.map(|(value, name)| {
        let href = with_values(&here, &[("tab", &"timeline".to_owned()), ("told", &value.to_owned())]);
        view! { <a class="chip" href=href aria-current=(told == value || (told == "all" && value.is_empty())).then_some("true")>{name}</a> }
    });
    let after = use_query_map().with_untracked(|query| query.get("after").is_some());
    let shown = page.items.len() as u64;
    let pages = page.next.is_some() || after;
    let none = page.items.is_empty().then(|| view! { <p class="muted">"Nothing of this kind has happened."</p> });
    view! {
        {untold.map(|untold| view! { <p class="page-sub">{untold}</p> })}
        <nav class="chips" aria-label="What is told"><span class="chip-group">{chips.collect_view()}</span></nav>
        {none}
        <Timeline entries=page.items />
        {pages.then(|| view! { <Pager shown next=page.next /> })}
    }
}

/// The tabs of a license.
const TABS: [Tab; 2] = [Tab { value: "", name: "Overview" }, Tab { value: "timeline", name: "Time line" }];

/// The key: whole where it has just been issued or asked for, otherwise its last characters.
#[component]
fn Key(detail: LicenseDetail) -> impl IntoView {
    let action = act::<Reveal>();
    let error = act_error(action);
    match detail.key {
        Some(key) => view! {
            <section class="section" aria-label="License key">
                <div class="key-once">
                    <Copyable text=key what="license key" />
                </div>
                <p class="muted">"Give this key to the customer. It is shown here for two minutes; later it can be shown again, and each time is noted."</p>
            </section>
        }
        .into_any(),
        None if detail.may.reveal => view! {
            <FormError error />
            <ActionForm action=action>
                <input type="hidden" name="id" value=detail.row.id />
                <button type="submit" class="btn btn-sm btn-plain">"Show key"</button>
            </ActionForm>
        }
        .into_any(),
        None => ().into_any(),
    }
}

#[component]
fn Seats(id: String, seats: Vec<SeatRow>, may_free: bool) -> impl IntoView {
    if seats.is_empty() {
        let text = "When the customer activates a device with the key, it appears here with its name and how long it works off line.";
        return view! { <Empty title="No device yet" text /> }.into_any();
    }
    let row = move |seat: SeatRow| {
        let href = format!("/console/licenses/{id}/free/{}", seat.id);
        let state = if seat.taken {
            view! { <StateBadge tone=Tone::Good word="In use" /> }.into_any()
        } else {
            view! { <StateBadge tone=Tone::None word="Free" /> }.into_any()
        };
        let runs = [seat.user.unwrap_or_default(), seat.runs].into_iter().filter(|text| !text.is_empty());
        view! {
            <tr>
                <td>
                    <a class="row-link" href=format!("/console/seats/{}", seat.id)>{seat.name.clone()}</a>
                    <span class="sub">{runs.collect::<Vec<_>>().join(" · ")}</span>
                </td>
                <td>{state}</td>
                <td class="right wide nowrap"><WhenText when=seat.first_seen /></td>
                <td class="right nowrap"><WhenText when=seat.last_seen /></td>
                <td class="right wide nowrap">
                    {if seat.taken { view! { <WhenText when=seat.offline_until /> }.into_any() } else { view! { "–" }.into_any() }}
                </td>
                <td class="right">
                    {(may_free && seat.taken)
                        .then(|| view! { <a class="link" href=href aria-label=format!("Free the seat of {}", seat.name)>"Free"</a> })}
                </td>
            </tr>
        }
    };
    let head = vec![
        ("Device", ""),
        ("State", ""),
        ("First seen", "right wide"),
        ("Last seen", "right"),
        ("Works off line until", "right wide"),
        ("", "right"),
    ];
    view! { <Rows label="Seats" head>{seats.into_iter().map(row).collect_view()}</Rows> }.into_any()
}

/// What ends somebody's access, apart from everything else and in words.
#[component]
fn Danger(detail: LicenseDetail) -> impl IntoView {
    if !detail.may.status || detail.status == LicenseStatus::Revoked {
        return ().into_any();
    }
    let at = |step: &str| format!("/console/licenses/{}/{step}", detail.row.id);
    let suspend = (detail.status == LicenseStatus::Active).then(|| {
        view! {
            <div class="row">
                <div>
                    <h3>"Suspend license"</h3>
                    <p class="muted">"Pauses it until you resume it, for example while a payment is disputed."</p>
                </div>
                <a class="btn btn-sm btn-plain" href=at("suspend")>"Suspend license"</a>
            </div>
        }
    });
    view! {
        <section class="danger-zone" aria-labelledby="ends-access">
            <h2 id="ends-access">"Ends somebody's access"</h2>
            <p class="muted">"You see whose access ends, and when, before anything happens. Both can be undone."</p>
            {suspend}
            <div class="row">
                <div>
                    <h3>"Revoke license"</h3>
                    <p class="muted">"Takes it back, for example after a refund."</p>
                </div>
                <a class="btn btn-sm btn-danger" href=at("revoke")>"Revoke license"</a>
            </div>
        </section>
    }
    .into_any()
}
