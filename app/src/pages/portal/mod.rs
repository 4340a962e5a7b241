//! The customers' portal: the frame around its pages, its door, and one's own licenses.

pub mod account;
pub mod api;
pub mod license;
pub mod model;
pub mod offline;
#[cfg(feature = "ssr")]
mod words;

use leptos::{prelude::*, server_fn::ServerFn as _};
use leptos_meta::{Stylesheet, Title};
use leptos_router::{
    components::{A, Outlet},
    hooks::{use_params_map, use_query_map},
};

use crate::pages::support::api::StopViewing;
use crate::ui::{
    ActionForm, Copyable, Empty, Field, Flash, FormError, PageHead, Pager, Rows, StateBadge, Submit, When, WhenText,
    act, act_error, load,
    page::{Notice, NoticeKind, titled},
    refused::FormState,
    show, show_quietly,
};
use api::{AskCode, Claim, EnterWithKey, LeavePortal, UseCode};
use model::{CodeView, Door, Frame, Home, LicenseRow, Me};

/// The part of the address that says whose portal it is.
pub(crate) fn vendor_here() -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get("vendor").unwrap_or_default()))
}

/// Where the portal begins.
pub(crate) fn home_here() -> String {
    format!("/portal/{}", vendor_here().get_untracked())
}

/// The frame of a portal: whose it is, and where one can go in it.
#[component]
pub fn Portal() -> impl IntoView {
    let vendor = vendor_here();
    let frame = load(move || vendor.get(), api::portal_frame);
    let foot = frame;
    view! {
        <a class="skip" href="#content" rel="external">"Skip to the content"</a>
        {show_quietly(frame, |frame: Frame| view! { <Top frame /> })}
        <main class="portal-main" id="content" tabindex="-1">
            <Flash />
            <Outlet />
        </main>
        {show_quietly(foot, |frame: Frame| frame.help.map(|help| view! { <footer class="portal-foot"><p>{help}</p></footer> }))}
    }
}

#[component]
fn Top(frame: Frame) -> impl IntoView {
    let name = frame.name.clone();
    let formatter = move |title: String| titled(&title, &name);
    let home = frame.home.clone();
    let logo = frame.logo.map(|href| view! { <img class="portal-logo" src=href alt="" width="28" height="28" /> });
    let viewed = frame
        .viewed
        .clone()
        .map(|until| view! { <Viewed until company=frame.me.as_ref().map(|me| me.company.clone()) /> });
    let own = frame.viewed.is_none();
    let menu = frame.me.map(|me| view! { <Menu me own home=frame.home.clone() /> });
    view! {
        <Title formatter />
        {frame.style.map(|href| view! { <Stylesheet href /> })}
        {viewed}
        <header class="portal-top">
            <a class="portal-brand" href=home>
                {logo}
                <span>{frame.name}</span>
            </a>
            {menu}
        </header>
    }
}

#[component]
fn Menu(
    me: Me,
    home: String,
    /// Whether they are signed in here, and can sign out.
    own: bool,
) -> impl IntoView {
    let to = |page: &str| format!("{home}{page}");
    let person = me.email.is_some() || !own;
    let orders = person.then(|| view! { <A href=to("/orders")>"Orders"</A> });
    let people = me.administrator.then(|| view! { <A href=to("/people")>"People"</A> });
    let vendor = home.trim_start_matches("/portal/").to_owned();
    let out = own.then(|| {
        view! {
            <form method="post" action=LeavePortal::url() class="portal-out">
                <input type="hidden" name="vendor" value=vendor />
                <button type="submit" class="btn btn-sm btn-plain">"Sign out"</button>
            </form>
        }
    });
    view! {
        <nav class="portal-nav" aria-label="Portal">
            <A href=home.clone() exact=true>"Licenses"</A>
            <A href=to("/offline")>"Offline"</A>
            {orders}
            {people}
            <A href=to("/account")>"Account"</A>
        </nav>
        {out}
    }
}

/// That a member of the vendor's looks at the portal as the customer sees it, with the way out.
#[component]
fn Viewed(until: When, company: Option<String>) -> impl IntoView {
    view! {
        <aside class="viewed" aria-label="Who looks">
            <p>
                "You see this as " <b>{company.unwrap_or_default()}</b> " does. Nothing can be changed here. It ends " <WhenText when=until /> "."
            </p>
            <form method="post" action=StopViewing::url()>
                <button type="submit" class="btn btn-sm btn-plain">"Stop viewing"</button>
            </form>
        </aside>
    }
}

/// The start: the door, or one's own licenses.
#[component]
pub fn PortalPage() -> impl IntoView {
    let (vendor, query) = (vendor_here(), use_query_map());
    let after = Memo::new(move |_| query.with(|query| query.get("after").unwrap_or_default()));
    let home = load(move || (vendor.get(), after.get()), |(vendor, after)| api::portal_home(vendor, after));
    show(home, move |home: Home| match home {
        Home::Door(door) => view! { <DoorPage door /> }.into_any(),
        Home::Licenses(list) => {
            let shown = list.items.len() as u64;
            let pages = list.next.is_some() || !after.get_untracked().is_empty();
            let body = if shown == 0 {
                view! { <Empty title="No license yet" text="What is bought with your address appears here." /> }
                    .into_any()
            } else {
                let head = vec![("License", ""), ("State", ""), ("Valid until", "wide"), ("Seats", "right")];
                view! { <Rows label="Your licenses" head>{list.items.into_iter().map(license_row).collect_view()}</Rows> }
                    .into_any()
            };
            view! {
                <PageHead title="My licenses" total=list.total />
                {body}
                {pages.then(|| view! { <Pager shown next=list.next /> })}
            }
            .into_any()
        }
    })
}

fn license_row(row: LicenseRow) -> impl IntoView {
    let href = format!("{}/licenses/{}", home_here(), row.id);
    let (tone, word) = row.state;
    view! {
        <tr>
            <td>
                <a class="row-link" href=href>{row.product} " " {row.plan}</a>
                <span class="sub mono">"…" {row.key_hint}</span>
            </td>
            <td><StateBadge tone word /></td>
            <td class="wide nowrap">{row.until}</td>
            <td class="right num nowrap">{row.taken.0} " / " {row.taken.1}</td>
        </tr>
    }
}

/// Signing in: by a code that is mailed, or with a key.
#[component]
fn DoorPage(door: Door) -> impl IntoView {
    let ask = act::<AskCode>();
    // Whoever comes in gets a whole new page: what is around it is another one then.
    let (ask_error, enter_error) = (act_error(ask), FormState::plain(EnterWithKey::url()));
    let vendor = vendor_here().get_untracked();
    let open = enter_error.is_refused() || !door.mail;
    let own = vendor.clone();
    let by_mail = door.mail.then(|| {
        view! {
                <ActionForm action=ask class="form section">
                    <FormError error=ask_error />
                    <input type="hidden" name="vendor" value=own />
                    <Field
                        name="email"
                        label="E-mail"
                        kind="email"
                        required=true
                        autocomplete="email"
                        hint="The address you bought with. A code comes to it; there is no password."
                        error=ask_error
                    />
                    <Submit label="Send me a code" pending=ask.pending() />
                </ActionForm>
        }
    });
    let claim = door.mail.then(|| {
        let href = format!("{}/claim", door.home);
        view! { <p class="section"><a class="link" href=href>"I have a key from before"</a></p> }
    });
    view! {
        <Title text="Sign in" />
        <div class="portal-door">
            <h1>"Sign in"</h1>
            {door.welcome.map(|welcome| view! { <p class="muted">{welcome}</p> })}
            {by_mail}
            <details class="section" open=open>
                <summary class="link">"Only the devices of one license"</summary>
                <form method="post" action=EnterWithKey::url() class="form section">
                    <FormError error=enter_error />
                    <input type="hidden" name="vendor" value=vendor />
                    <Field name="key" label="License key" required=true maxlength="200" error=enter_error />
                    <Field
                        name="key_email"
                        label="E-mail it was sold to"
                        kind="email"
                        required=true
                        autocomplete="email"
                        error=enter_error
                    />
                    <Submit label="Show its devices" />
                </form>
            </details>
            {claim}
        </div>
    }
}

/// An old key leads to where its license is now.
#[component]
pub fn ClaimPage() -> impl IntoView {
    let vendor = vendor_here();
    let page = load(move || vendor.get(), api::code_page);
    let action = act::<Claim>();
    let error = act_error(action);
    show(page, move |view: CodeView| {
        view! {
            <Title text="Your old key" />
            <div class="portal-door">
                <h1>"Your old key"</h1>
                <p class="muted">
                    "Your key goes on: it is known here. With it and the address you bought with you come to your license, its computers and everything else."
                </p>
                <ActionForm action=action class="form section">
                    <FormError error />
                    <input type="hidden" name="vendor" value=vendor.get_untracked() />
                    <Field name="key" label="License key" required=true maxlength="200" error />
                    <Field name="email" label="E-mail you bought with" kind="email" required=true autocomplete="email" hint="A code comes to it, where both belong together." error />
                    <Submit label="Find my license" pending=action.pending() />
                </ActionForm>
                <p class="section"><a class="link" href=view.door.home>"Sign in without a key"</a></p>
            </div>
        }
    })
}

/// The digits of a text.
fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).take(8).collect()
}

/// Where the code is typed. The link of the mail leads here, too: with the code filled in, and nothing used up by that.
#[component]
pub fn CodePage() -> impl IntoView {
    let vendor = vendor_here();
    let page = load(move || vendor.get(), api::code_page);
    let error = FormState::plain(UseCode::url());
    let query = use_query_map();
    let code = query.with_untracked(|query| digits(&query.get("code").unwrap_or_default()));
    show(page, move |view: CodeView| {
        let (home, code) = (view.door.home, code.clone());
        let body = if view.asked {
            view! {
                <p class="muted">
                    "If somebody here has the address you typed, a code of eight digits is on its way to it. It works for 15 minutes, in this browser."
                </p>
                <form method="post" action=UseCode::url() class="form section">
                    <FormError error />
                    <input type="hidden" name="vendor" value=vendor.get_untracked() />
                    <Field name="code" label="Code" required=true value=code autocomplete="one-time-code" maxlength="20" error />
                    <Submit label="Sign in" />
                </form>
                <p class="section"><a class="link" href=home>"Ask for another code"</a></p>
            }
            .into_any()
        } else {
            let there = (!code.is_empty()).then(|| view! { <p><Copyable text=code what="code" /></p> });
            view! {
                <Notice kind=NoticeKind::Info>
                    <p>"A code works in the browser that asked for it, and this is another one. Type it there, or ask for one here."</p>
                    {there}
                </Notice>
                <p><a class="btn btn-primary" href=home>"Ask for a code here"</a></p>
            }
            .into_any()
        };
        view! {
            <Title text="Type your code" />
            <div class="portal-door">
                <h1>"Type your code"</h1>
                {body}
            </div>
        }
    })
}

/// The orders of the company.
#[component]
pub fn OrdersPage() -> impl IntoView {
    let query = use_query_map();
    let after = Memo::new(move |_| query.with(|query| query.get("after").unwrap_or_default()));
    let orders = load(move || after.get(), api::my_orders);
    show(orders, move |list| {
        let shown = list.items.len() as u64;
        let pages = list.next.is_some() || !after.get_untracked().is_empty();
        let home = home_here();
        let row = move |order: model::OrderRow| {
            let (tone, word) = order.state;
            let license = |(id, called): (String, String)| {
                view! { <div><a class="link" href=format!("{home}/licenses/{id}")>{called}</a></div> }
            };
            view! {
                <tr>
                    <td><Copyable text=order.reference what="order number" /></td>
                    <td>
                        <StateBadge tone word />
                        {order.paid_back.map(|when| view! { <span class="sub"><WhenText when exact=true /></span> })}
                    </td>
                    <td>
                        {order.licenses.into_iter().map(license).collect_view()}
                        {order.more.then(|| view! { <span class="sub">"and more"</span> })}
                    </td>
                    <td class="right wide nowrap"><WhenText when=order.made exact=true /></td>
                </tr>
            }
        };
        let body = if shown == 0 {
            view! { <Empty title="No order yet" text="Orders that the vendor has noted for your company appear here." /> }.into_any()
        } else {
            let head = vec![("Order", ""), ("State", ""), ("Licenses", ""), ("Made", "right wide")];
            view! { <Rows label="Orders" head>{list.items.into_iter().map(row).collect_view()}</Rows> }.into_any()
        };
        view! {
            <PageHead title="Orders" total=list.total />
            <p class="page-sub">"The numbers under which your payments are known to the vendor and the payment provider. Invoices come from there."</p>
            {body}
            {pages.then(|| view! { <Pager shown next=list.next /> })}
        }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn of_a_link_only_digits_are_taken() {
        assert_eq!(super::digits("1234 5678"), "12345678");
        assert_eq!(super::digits("<script>12345678999"), "12345678");
    }
}
