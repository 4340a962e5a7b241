//! What a page is framed by: heading, sections, notices.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_query_map};

use super::{Icon, Shape, refused};
use crate::error::UiError;

/// A step of the way to a page: where it leads and what it is called.
#[derive(Clone, Debug)]
pub struct Crumb {
    /// The address.
    pub href: String,
    /// The name.
    pub name: String,
}

impl Crumb {
    /// A step.
    pub fn new(href: impl Into<String>, name: impl Into<String>) -> Self {
        Self { href: href.into(), name: name.into() }
    }
}

/// The name of a page and of what it belongs to, as the browser shows it above the page. The framework writes a title into
/// the document as it is, so what the server renders is escaped; what a browser sets is text.
pub fn titled(page: &str, whole: &str) -> String {
    let title = if page.is_empty() { whole.to_owned() } else { format!("{page} · {whole}") };
    if cfg!(feature = "ssr") { super::form::escape(&title) } else { title }
}

/// The heading of a page: the way here, what it is, how many, and the actions that matter.
#[component]
pub fn PageHead(
    /// What the page is about.
    #[prop(into)]
    title: String,
    /// The way here.
    #[prop(optional)]
    crumbs: Vec<Crumb>,
    /// The total of a list.
    #[prop(optional, into)]
    total: Option<String>,
    /// A badge and the actions.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let way = (!crumbs.is_empty()).then(|| {
        let step = |(at, Crumb { href, name })| {
            let between = (at > 0).then(|| view! { <span aria-hidden="true">"/"</span> });
            view! { {between} <a href=href>{name}</a> }
        };
        view! {
            <nav class="crumbs" aria-label="Way here">{crumbs.into_iter().enumerate().map(step).collect_view()}</nav>
        }
    });
    view! {
        <Title text=title.clone() />
        {way}
        <div class="page-head">
            <h1>{title} {total.map(|total| view! { <span class="count num">{total}</span> })}</h1>
            {children.map(|children| children())}
        </div>
    }
}

/// Where one goes back to: to the desk's page that this one was come to from, where the address says so, or to `default`.
pub fn way_back(default: String) -> String {
    let from = use_query_map().with_untracked(|query| query.get("from"));
    from.filter(|from| from.starts_with("/support/")).unwrap_or(default)
}

/// A part of a page with a heading.
#[component]
pub fn Section(
    /// The heading.
    #[prop(into)]
    title: String,
    /// What it holds.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{title}</h2>
            </div>
            {children()}
        </section>
    }
}

/// What kind of notice it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something was done.
    Good,
    /// Something failed.
    Bad,
    /// Something needs attention.
    Warn,
    /// Something worth knowing.
    Info,
}

/// A notice in the page.
#[component]
pub fn Notice(
    /// Its kind.
    kind: NoticeKind,
    /// A name by which an address leads to it.
    #[prop(default = None)]
    anchor: Option<&'static str>,
    /// What it says.
    children: Children,
) -> impl IntoView {
    let (class, shape, role) = match kind {
        NoticeKind::Good => ("notice good", Shape::Good, "status"),
        NoticeKind::Bad => ("notice bad", Shape::Bad, "alert"),
        NoticeKind::Warn => ("notice warn", Shape::Warning, "note"),
        NoticeKind::Info => ("notice info", Shape::Info, "note"),
    };
    view! {
        <div class=class role=role id=anchor tabindex=anchor.map(|_| "-1")>
            <Icon shape />
            <div>{children()}</div>
        </div>
    }
}

/// What was just done, told by the address: `?done=license_revoked`.
const DONE: &[(&str, &str)] = &[
    ("signed_out", "You are signed out."),
    ("set_up", "The installation is set up. Sign in with the address and password you chose."),
    ("product_created", "Product created. Next: add a plan, so that licenses can be issued."),
    ("product_ready", "Product created, with a plan. Licenses can be issued now."),
    ("product_saved", "Product saved."),
    ("product_archived", "Product archived. Its licenses go on as before."),
    ("product_restored", "Product restored."),
    ("keys_rotated", "A new key signs from now on."),
    ("key_revoked", "Key revoked. A new list of keys, signed by the root key, says so."),
    ("gateway_key", "Key set. Answers are signed with it from now on."),
    ("plan_created", "Plan created. Licenses of it can be issued now."),
    ("plan_archived", "Plan archived. Its licenses go on as before."),
    ("plan_restored", "Plan restored."),
    ("plan_saved", "Plan saved. Licenses already issued keep the terms they were issued with."),
    ("customer_created", "Customer created."),
    ("customer_saved", "Customer saved."),
    ("license_issued", "License issued."),
    ("license_revoked", "License revoked. You can reinstate it at any time."),
    ("license_reinstated", "License reinstated. Devices go on when they next ask."),
    ("license_suspended", "License suspended. You can resume it at any time."),
    ("license_resumed", "License resumed."),
    ("license_extended", "License extended."),
    ("license_changed", "License changed. Its devices learn of it with their next renewal."),
    ("license_transferred", "License handed over."),
    ("license_rekeyed", "New key made. The old one is unknown from now on."),
    ("undone", "Undone."),
    ("scheduled", "Asked for. It takes effect in ten minutes, where nobody takes it back before."),
    ("taken_back", "Taken back before it began. Nothing was changed."),
    ("stopped", "Stopped. What was to be done yet stays as it is."),
    ("reply_saved", "Reply saved."),
    ("reply_removed", "Reply removed."),
    ("asked", "Asked for. Nothing changes before a second person approves."),
    ("approved", "Approved, and done."),
    ("refused", "Refused. Nothing was changed."),
    ("withdrawn", "Withdrawn. Nothing was changed."),
    ("note_added", "Note added."),
    ("note_saved", "Note saved."),
    ("note_removed", "Note removed."),
    ("note_restored", "Note put back."),
    ("token_created", "Token made. Its secret is shown here for two minutes, and never again."),
    ("token_revoked", "Token revoked. Whoever uses it is refused from now on."),
    ("order_refunded", "Noted as paid back. Its licenses are revoked."),
    ("seat_freed", "Seat freed. Another device can take it now."),
    ("import_cancelled", "Import cancelled. Nothing was changed."),
    ("session_ended", "Session ended. That browser has to sign in again."),
    ("sessions_ended", "All your other sessions have ended."),
    ("alert_acknowledged", "Taken on. The alert stands until what it is about is better."),
    ("denials_pass", "Denials pass for a day: each is signed when its device next asks."),
    ("node_drained", "Drained. Load balancers leave it alone from its next sign of life on."),
    ("node_resumed", "Resumed. Load balancers send it requests again from its next sign of life on."),
    ("node_gone", "Declared gone. Nothing waits for it any more."),
    ("shop_connected", "Shop connected. Next: enter its address at the provider, and say which price is which plan."),
    ("shop_secret_set", "Secret set. For a day the one before counts as well."),
    ("shop_closed", "Shop closed. Its messages are refused."),
    ("shop_opened", "Shop open again."),
    ("shop_answers", "The provider lets the API key in."),
    ("price_set", "Price saved. Sales that waited for it are looked at again."),
    ("price_removed", "Price removed. Its sales wait in the inbox from now on."),
    ("inbox_resolved", "Decided."),
    ("webhook_created", "Webhook added. It is told what happens from now on."),
    ("webhook_paused", "Paused. What happens meanwhile waits."),
    ("webhook_resumed", "Resumed. What has waited is sent now, in its order."),
    ("webhook_tested", "Test sent. What the receiver answers appears here when it comes."),
    ("webhook_rotated", "New secret made. For a day the one before signs as well."),
    ("webhook_removed", "Webhook removed."),
    ("webhook_redelivered", "In line again, the same bytes under the same id."),
    ("mail_tested", "In line. What the mail server answers appears here when it comes."),
    ("mail_sent_again", "In line again, as a mail of its own."),
    ("alert_mail_set", "Saved. It counts from the next alert on."),
    ("factor_added", "Second factor added. All your other sessions have ended."),
    ("factor_removed", "Second factor removed. All your other sessions have ended."),
    ("codes_made", "New recovery codes made. Those of before open nothing any more."),
    ("password_changed", "Password changed. All your other sessions have ended."),
    ("invited", "Invitation made."),
    ("password_link_made", "Link made. The one before opens nothing any more."),
    ("invitation_revoked", "Invitation taken back. Its link opens nothing any more."),
    ("role_changed", "Role changed. Their sessions have ended."),
    ("member_removed", "Member removed. Their sessions have ended. It can be undone for ten minutes."),
    ("member_restored", "The removal is undone. They can sign in as before."),
    ("factors_reset", "Second factors reset. They set one up when they next sign in."),
    ("provider_set", "Saved. The provider has answered."),
    ("provider_removed", "Provider removed."),
    ("view_saved", "View saved. It is a tab above the list now."),
    ("view_removed", "View removed."),
    ("saved", "Saved."),
    ("trial_converted", "Trial converted. Its computer goes on with its next renewal."),
    ("own_seat_freed", "Seat freed. The computer stops when it next asks."),
    (
        "seat_handed_out",
        "Handed out. They are written to, and have the seat once their application activates with their address.",
    ),
    ("place_taken", "Seat taken back. Its computers stop when they next ask."),
    ("colleague_invited", "Asked in. They sign in here with their address."),
];

/// Says what was just done, where the address tells of something.
#[component]
pub fn Flash() -> impl IntoView {
    let query = use_query_map();
    let (path, forget) = (use_location().pathname, refused::forget());
    Effect::new(move |before: Option<()>| {
        path.track();
        if before.is_some() {
            forget();
        }
    });
    let sentence = move || {
        let done = query.with(|query| query.get("done"))?;
        DONE.iter().find(|(code, _)| *code == done).map(|(_, sentence)| *sentence)
    };
    move || sentence().map(|sentence| view! { <Notice kind=NoticeKind::Good><p>{sentence}</p></Notice> })
}

/// Stands in for what could not be read: what happened, that nothing was changed, what to do.
#[component]
pub fn ErrorState(
    /// Why.
    error: UiError,
) -> impl IntoView {
    let confirm = (error.code == "step_up_required").then(|| {
        let href = format!("/console/confirm?next={}", use_location().pathname.get_untracked());
        view! { <div class="actions"><a class="btn btn-primary" href=href>"Confirm that it is you"</a></div> }
    });
    view! {
        <Title text=error.title.clone() />
        <div class="empty" role="alert">
            <h1>{error.title.clone()}</h1>
            <p>{error.advice()}</p>
            {confirm}
            {error.request_id.map(|id| view! { <p>"Request " <code>{id}</code></p> })}
        </div>
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_title_ends_where_it_ends() {
        assert_eq!(super::titled("", "Holdfast"), "Holdfast");
        let said = super::titled("</title><b>&", "Ada");
        let expected =
            if cfg!(feature = "ssr") { "&lt;/title&gt;&lt;b&gt;&amp; · Ada" } else { "</title><b>& · Ada" };
        assert_eq!(said, expected);
    }
}
