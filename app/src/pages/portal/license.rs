//! A license of one's own, and a device that uses it.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{
    api::{self, FreeMySeat, RenameMySeat, RevealMyKey, TakePlace},
    home_here,
    model::{LicenseView, SeatRow, SeatView},
};
use crate::ui::{
    ActionForm, Copyable, Crumb, Empty, Fact, Facts, Field, FormError, PageHead, Rows, Section, StateBadge, Submit,
    WhenText, act, act_error, load,
    page::{Notice, NoticeKind},
    show,
};

/// A license of one's own.
#[component]
pub fn LicensePage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let license = load(move || id.get(), api::my_license);
    show(license, move |found: LicenseView| {
        let row = found.row;
        let (tone, word) = row.state;
        let id = row.id.clone();
        let (renew, upgrade) = found.links.clone();
        let link = |href: String, words: &'static str, class: &'static str| {
            view! { <a class=class href=href rel="external noopener">{words}</a> }
        };
        let renew = renew.map(|href| link(href, "Renew license", "btn btn-sm btn-primary"));
        let upgrade = upgrade.map(|href| link(href, "Upgrade", "btn btn-sm btn-plain"));
        let notice = found.notice.clone().map(|text| view! { <Notice kind=NoticeKind::Warn><p>{text}</p></Notice> });
        let unlocks = if found.unlocks.is_empty() {
            view! { <span class="muted">"The application itself"</span> }.into_any()
        } else {
            found.unlocks.iter().map(|what| view! { <div>{what.clone()}</div> }).collect_view().into_any()
        };
        let ends = match found.ends {
            Some(when) => view! { {row.until} " (" <WhenText when /> ")" }.into_any(),
            None => view! { "for good" }.into_any(),
        };
        view! {
            <PageHead title=format!("{} {}", row.product, row.plan) crumbs=vec![Crumb::new(home_here(), "My licenses")]>
                <StateBadge tone word />
                <div class="actions">{upgrade} {renew}</div>
            </PageHead>
            {notice}
            <Key id=row.id.clone() hint=row.key_hint.clone() key=found.key.clone() may=found.may_reveal />
            <Section title="What you have">
                <Facts>
                    <Fact name="Valid until">{ends}</Fact>
                    <Fact name="Unlocks">{unlocks}</Fact>
                    {found.afterwards.clone().map(|left| view! { <Fact name="After that">{left}</Fact> })}
                    <Fact name="Sold as">{found.sold.0.clone()}</Fact>
                    <Fact name="Used by">{found.sold.1.clone()}</Fact>
                    {found.order.clone().map(|order| view! { <Fact name="Order"><Copyable text=order what="order number" /></Fact> })}
                    <Fact name="License id"><Copyable text=id what="license id" /></Fact>
                </Facts>
            </Section>
            <Section title=format!("Seats ({} / {})", row.taken.0, row.taken.1)>
                <Seats id=row.id seats=found.seats named=found.named />
            </Section>
        }
    })
}

/// The key: whole where it was just asked for, otherwise its last characters.
#[component]
fn Key(id: String, hint: String, key: Option<String>, may: bool) -> impl IntoView {
    let action = act::<RevealMyKey>();
    let error = act_error(action);
    match key {
        Some(key) => view! {
            <section class="section" aria-label="License key">
                <div class="key-once"><Copyable text=key what="license key" /></div>
                <p class="muted">"Whoever has it can use your seats. It is shown here for two minutes; each time it is shown is noted."</p>
            </section>
        }
        .into_any(),
        None => {
            let show = may.then(|| {
                view! {
                    <ActionForm action=action>
                        <input type="hidden" name="id" value=id />
                        <button type="submit" class="btn btn-sm btn-plain">"Show key"</button>
                    </ActionForm>
                }
            });
            view! {
                <FormError error />
                <div class="page-sub"><span class="mono">"Key …" {hint}</span> {show}</div>
            }
            .into_any()
        }
    }
}

#[component]
fn Seats(id: String, seats: Vec<SeatRow>, named: bool) -> impl IntoView {
    if seats.is_empty() {
        let text = "Open the application on a computer and paste the key where it asks for one.";
        return view! { <Empty title="No computer uses it" text /> }.into_any();
    }
    let home = home_here();
    let row = move |seat: SeatRow| {
        let href = format!("{home}/licenses/{id}/seats/{}", seat.id);
        let user = named.then(|| view! { <td class="clip">{seat.user.unwrap_or_default()}</td> });
        view! {
            <tr>
                <td class="clip"><a class="row-link" href=href>{seat.name}</a> <span class="sub">{seat.runs}</span></td>
                {user}
                <td class="right wide nowrap"><WhenText when=seat.seen /></td>
                <td class="right nowrap"><span title=seat.until.absolute>{seat.without_us}</span></td>
            </tr>
        }
    };
    let mut head = vec![("Computer", ""), ("Last seen", "right wide"), ("Works without us until", "right")];
    if named {
        head.insert(1, ("Person", ""));
    }
    view! {
        <Rows label="Computers" head>{seats.into_iter().map(row).collect_view()}</Rows>
        <p class="hint section">"If our servers cannot be reached, nothing stops at once: each computer keeps working until the day beside it."</p>
    }
    .into_any()
}

/// A device: what it is, what happens to it in an outage, and what can be done with it.
#[component]
pub fn SeatPage() -> impl IntoView {
    let params = use_params_map();
    let asked = Memo::new(move |_| {
        params.with(|params| (params.get("id").unwrap_or_default(), params.get("seat").unwrap_or_default()))
    });
    let seat = load(move || asked.get(), |(license, seat)| api::my_seat(license, seat));
    show(seat, move |found: SeatView| {
        let home = home_here();
        let (license, called) = found.license.clone();
        let seat = found.seat.clone();
        let crumbs =
            vec![Crumb::new(home.clone(), "My licenses"), Crumb::new(format!("{home}/licenses/{license}"), called)];
        let runs = (!seat.runs.is_empty()).then(|| view! { <Fact name="Runs">{seat.runs.clone()}</Fact> });
        let user = seat.user.clone().map(|user| view! { <Fact name="Person">{user}</Fact> });
        let fetch = found.may_fetch.then(|| view! { <Fetch home=home.clone() seat=seat.id.clone() /> });
        let place =
            found.place.clone().map(|place| view! { <Place license=license.clone() place releases=found.releases /> });
        view! {
            <PageHead title=seat.name.clone() crumbs />
            <Notice kind=NoticeKind::Info>
                <p>"In an outage: this computer keeps working without us until " <b>{seat.without_us.clone()}</b> "."</p>
            </Notice>
            <Facts>
                {runs}
                {user}
                <Fact name="Last seen"><WhenText when=seat.seen.clone() /></Fact>
                <Fact name="Activated"><WhenText when=found.since.clone() /></Fact>
            </Facts>
            <Rename license=license.clone() seat=seat.id.clone() name=found.name.clone() />
            {fetch}
            <Free license=license seat=seat.id consequence=found.consequence releases=found.releases />
            {place}
        }
    })
}

#[component]
fn Rename(license: String, seat: String, name: String) -> impl IntoView {
    let action = act::<RenameMySeat>();
    let error = act_error(action);
    view! {
        <Section title="Name">
            <ActionForm action=action class="form">
                <FormError error />
                <input type="hidden" name="license" value=license />
                <input type="hidden" name="seat" value=seat />
                <Field name="name" label="What you call it" required=true maxlength="200" value=name error />
                <div class="form-actions"><button type="submit" class="btn btn-plain">"Rename computer"</button></div>
            </ActionForm>
        </Section>
    }
}

/// A form of the browser's own: it answers with a file.
#[component]
fn Fetch(home: String, seat: String) -> impl IntoView {
    view! {
        <Section title="Lease">
            <p>"For a computer without a network: a fresh lease in a file. Bring it there and open it with the application."</p>
            <form method="post" enctype="multipart/form-data" action=format!("{home}/leases/{seat}") class="form-actions">
                <button type="submit" class="btn btn-plain">"Download lease"</button>
            </form>
        </Section>
    }
}

/// How many seats may still be freed, in words.
fn left((left, of): (u32, u32)) -> String {
    format!("{left} of {of} releases in 30 days are left.")
}

#[component]
fn Free(license: String, seat: String, consequence: String, releases: (u32, u32)) -> impl IntoView {
    let action = act::<FreeMySeat>();
    let error = act_error(action);
    view! {
        <Section title="Free this seat">
            <p>{consequence} " " {left(releases)}</p>
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="license" value=license />
                <input type="hidden" name="seat" value=seat />
                <Submit label="Free seat" danger=true pending=action.pending() />
            </ActionForm>
        </Section>
    }
}

#[component]
fn Place(license: String, place: (String, u64), releases: (u32, u32)) -> impl IntoView {
    let action = act::<TakePlace>();
    let error = act_error(action);
    let (user, devices) = place;
    let what = if devices == 1 {
        format!("{user} uses this license on 1 computer. It stops when it next asks.")
    } else {
        format!("{user} uses this license on {devices} computers. All of them stop when they next ask.")
    };
    view! {
        <Section title="Hand this person's seat on">
            <p>{what} " It counts as one release. " {left(releases)}</p>
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="license" value=license />
                <input type="hidden" name="user" value=user />
                <Field
                    name="to"
                    label="Colleague's e-mail"
                    kind="email"
                    hint="Asked in here, and has the seat once their application activates with this address. Leave it empty to take the seat back only."
                    error
                />
                <Submit label="Take seat back" danger=true pending=action.pending() />
            </ActionForm>
        </Section>
    }
}
