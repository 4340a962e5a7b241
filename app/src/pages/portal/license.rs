//! A license of one's own, and a device that uses it.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{
    api::{self, FreeMySeat, HandOutSeat, RenameMySeat, RevealMyKey, TakePlace},
    home_here,
    model::{HolderRow, HolderView, LicenseView, SeatRow, SeatView},
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
        let full = row.taken.0 >= row.taken.1;
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
                {found
                    .holders
                    .clone()
                    .map(|holders| view! { <Holders id=row.id.clone() holders may=found.may_hand_out full /> })}
                <Seats id=row.id seats=found.seats more=found.more named=found.holders.is_some() />
            </Section>
        }
    })
}

/// The key: whole where it was just asked for, otherwise its last characters.
#[component]
fn Key(id: String, hint: String, key: Option<String>, may: bool) -> impl IntoView {
    let action = act::<RevealMyKey>();
    let error = act_error(action);
    if let Some(key) = key {
        view! {
        <section class="section" aria-label="License key">
            <div class="key-once"><Copyable text=key what="license key" /></div>
            <p class="muted">"Whoever has it can use your seats. It is shown here for two minutes; each time it is shown is noted."</p>
        </section>
    }
    .into_any()
    } else {
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

/// Who has a seat, where seats belong to people, and how another one is handed out.
#[component]
fn Holders(id: String, holders: Vec<HolderRow>, may: bool, full: bool) -> impl IntoView {
    let action = act::<HandOutSeat>();
    let error = act_error(action);
    let home = home_here();
    let license = id.clone();
    let row = move |holder: HolderRow| {
        let name = if may {
            let href = format!("{home}/licenses/{license}/person?user={}", in_address(&holder.email));
            view! { <a class="row-link" href=href>{holder.email}</a> }.into_any()
        } else {
            view! { <span>{holder.email}</span> }.into_any()
        };
        view! {
            <tr>
                <td class="holder">{name} <span class="sub">{holder.how}</span></td>
                <td class="right num nowrap">{holder.devices.0} " / " {holder.devices.1}</td>
                <td class="right wide nowrap">
                    {match holder.seen {
                        Some(when) => view! { <WhenText when /> }.into_any(),
                        None => view! { "never" }.into_any(),
                    }}
                </td>
            </tr>
        }
    };
    let table = (!holders.is_empty()).then(|| {
        let head = vec![("Person", ""), ("Computers", "right"), ("Last seen", "right wide")];
        view! { <Rows label="People" head>{holders.into_iter().map(row).collect_view()}</Rows> }
    });
    let form = may.then(|| {
        if full {
            view! { <p class="hint section">"All seats are taken. Take one back to hand it to somebody else."</p> }
                .into_any()
        } else {
            view! {
                <ActionForm action=action class="form section">
                    <FormError error />
                    <input type="hidden" name="license" value=id />
                    <Field
                        name="to"
                        label="Hand a seat to"
                        kind="email"
                        required=true
                        placeholder="colleague@example.com"
                        hint="Theirs from now on. They are written to, and activate with this address and the key."
                        error
                    />
                    <div class="form-actions"><Submit label="Hand out seat" pending=action.pending() /></div>
                </ActionForm>
            }
            .into_any()
        }
    });
    view! { {table} {form} }
}

/// A text as a part of an address.
fn in_address(text: &str) -> String {
    let part = |byte: u8| match byte {
        b'-' | b'_' | b'.' | b'@' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(part).collect()
}

/// Devices in a table; with whose they are, where `named`.
#[component]
fn Devices(id: String, seats: Vec<SeatRow>, named: bool) -> impl IntoView {
    let home = home_here();
    let row = move |seat: SeatRow| {
        let href = format!("{home}/licenses/{id}/seats/{}", seat.id);
        let user = named.then(|| view! { <td class="clip wide">{seat.user.clone().unwrap_or_default()}</td> });
        let whose =
            seat.user.clone().filter(|_| named).map(|user| view! { <span class="sub narrow-only">{user}</span> });
        view! {
            <tr>
                <td class="clip">
                    <a class="row-link" href=href>{seat.name}</a>
                    <span class="sub">{seat.runs}</span>
                    {whose}
                    <span class="sub narrow-only">"seen " <WhenText when=seat.seen.clone() /></span>
                </td>
                {user}
                <td class="right wide nowrap"><WhenText when=seat.seen /></td>
                <td class="right nowrap"><span title=seat.until.absolute>{seat.without_us}</span></td>
            </tr>
        }
    };
    let mut head = vec![("Computer", ""), ("Last seen", "right wide"), ("Works without us until", "right")];
    if named {
        head.insert(1, ("Person", "wide"));
    }
    view! { <Rows label="Computers" head>{seats.into_iter().map(row).collect_view()}</Rows> }
}

#[component]
fn Seats(id: String, seats: Vec<SeatRow>, more: bool, named: bool) -> impl IntoView {
    if seats.is_empty() {
        let text = "Open the application on a computer and paste the key where it asks for one.";
        return view! { <Empty title="No computer uses it" text /> }.into_any();
    }
    let shown = more.then(|| format!("The {} that were seen last are shown.", seats.len()));
    view! {
        <div class=named.then_some("section")><Devices id seats named /></div>
        {shown.map(|text| view! { <p class="hint section">{text}</p> })}
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
        let user = seat.user.clone().map(|user| {
            let whole = if found.may_take_back {
                let href = format!("{home}/licenses/{license}/person?user={}", in_address(&user));
                view! { <a class="link" href=href>{user}</a> }.into_any()
            } else {
                view! { {user} }.into_any()
            };
            view! { <Fact name="Person">{whole}</Fact> }
        });
        let fetch = found.may_fetch.then(|| view! { <Fetch home=home.clone() seat=seat.id.clone() /> });
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
            <Free license=license seat=seat.id consequence=found.consequence />
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

#[component]
fn Free(license: String, seat: String, consequence: String) -> impl IntoView {
    let action = act::<FreeMySeat>();
    let error = act_error(action);
    view! {
        <Section title="Free this seat">
            <p>{consequence}</p>
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="license" value=license />
                <input type="hidden" name="seat" value=seat />
                <div class="form-actions"><Submit label="Free seat" danger=true pending=action.pending() /></div>
            </ActionForm>
        </Section>
    }
}

/// Somebody who has a seat: where they use it, and how it is taken back.
#[component]
pub fn HolderPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let license = params.with(|params| params.get("id").unwrap_or_default());
        (license, query.with(|query| query.get("user").unwrap_or_default()))
    });
    let holder = load(move || asked.get(), |(license, user)| api::my_holder(license, user));
    let action = act::<TakePlace>();
    let error = act_error(action);
    show(holder, move |found: HolderView| {
        let home = home_here();
        let (license, called) = found.license.clone();
        let crumbs =
            vec![Crumb::new(home.clone(), "My licenses"), Crumb::new(format!("{home}/licenses/{license}"), called)];
        let HolderRow { email, how, devices, .. } = found.holder;
        let its = license.clone();
        let computers = (!found.seats.is_empty()).then(move || {
            view! { <Section title="Computers"><Devices id=its seats=found.seats named=false /></Section> }
        });
        view! {
            <PageHead title=email.clone() crumbs />
            <Facts>
                <Fact name="Seat">{how}</Fact>
                <Fact name="Computers">{devices.0} " of " {devices.1}</Fact>
            </Facts>
            {computers}
            <Section title="Take this seat back">
                <p>{found.consequence}</p>
                <ActionForm action=action class="form section">
                    <FormError error />
                    <input type="hidden" name="license" value=license />
                    <input type="hidden" name="user" value=email />
                    <Field
                        name="to"
                        label="Hand it to"
                        kind="email"
                        placeholder="colleague@example.com"
                        hint="They are written to, and activate with this address and the key. Empty to take it back only."
                        error
                    />
                    <div class="form-actions"><Submit label="Take seat back" danger=true pending=action.pending() /></div>
                </ActionForm>
            </Section>
        }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_address_stays_one_part_of_an_address() {
        assert_eq!(super::in_address("ann+b&c@example.com"), "ann%2Bb%26c@example.com");
        assert_eq!(super::in_address("ä%"), "%C3%A4%25");
    }
}
