//! How a vendor's portal looks and where it is.

use leptos::prelude::*;

use super::api::{self, Panel, PortalView, SavePortal};
use crate::ui::{
    ActionForm, Copyable, Crumb, Fact, Facts, Field, FormError, PageHead, Section, Submit, TextArea, act, act_error,
    load,
    page::{Notice, NoticeKind},
    refused::FormState,
    show,
};

/// Where a picture is sent.
const LOGO: &str = "/console/settings/portal/logo";

/// How the portal looks, and what sets it.
#[component]
pub fn PortalSettingsPage() -> impl IntoView {
    let portal = load(|| (), |()| api::portal_settings());
    show(portal, move |view: PortalView| {
        let href = view.href.clone();
        let panels = view.panels.clone().into_iter();
        let panels = panels
            .map(|panel| view! { <Preview panel name=view.shown.clone() logo=view.logo.clone() /> })
            .collect_view();
        let forms = if view.may_write {
            view! { <Forms view=view.clone() /> }.into_any()
        } else {
            view! { <p class="muted">"An owner or admin can change it."</p> }.into_any()
        };
        view! {
            <PageHead title="Customers' portal" crumbs=vec![Crumb::new("/console/settings", "Settings")]>
                <div class="actions"><a class="btn btn-sm btn-plain" href=href rel="external">"Open the portal"</a></div>
            </PageHead>
            <Section title="How it looks">
                <div class="answer-codes">{panels}</div>
                {view.adjusted.map(|said| view! { <p class="hint section">{said}</p> })}
            </Section>
            <Section title="Where it is">
                <Facts>
                    {view.addresses.into_iter().map(|address| view! { <Fact name="Address"><Copyable text=address what="address" /></Fact> }).collect_view()}
                </Facts>
            </Section>
            {forms}
        }
    })
}

/// A drawing of the portal's head in one theme.
#[component]
fn Preview(panel: Panel, name: String, logo: Option<String>) -> impl IntoView {
    let Panel { theme, ground, text, accent, on } = panel;
    let brand = if logo.is_some() { "52" } else { "16" };
    view! {
        <figure class="answer-code">
            <svg viewBox="0 0 400 150" role="img" aria-label=format!("Preview, {theme}")>
                <rect width="400" height="150" rx="6" fill=ground stroke="#8a929e" />
                {logo.map(|href| view! { <image href=href x="16" y="12" width="28" height="28" /> })}
                <text x=brand y="32" font-size="16" font-weight="600" fill=text.clone()>{name}</text>
                <line x1="0" x2="400" y1="52" y2="52" stroke="#8a929e" stroke-width="0.5" />
                <text x="16" y="82" font-size="14" fill=text>"Sign in"</text>
                <rect x="16" y="98" width="130" height="34" rx="6" fill=accent.clone() />
                <text x="81" y="120" font-size="14" text-anchor="middle" fill=on>"Send me a code"</text>
                <text x="166" y="120" font-size="14" fill=accent>"A link"</text>
            </svg>
            <figcaption class="hint">{theme}</figcaption>
        </figure>
    }
}

#[component]
fn Forms(view: PortalView) -> impl IntoView {
    let action = act::<SavePortal>();
    let error = act_error(action);
    let logo_error = FormState::plain(LOGO);
    let remove = view.logo.is_some().then(|| {
        view! {
            <form method="post" enctype="multipart/form-data" action=LOGO class="form-actions">
                <input type="hidden" name="remove" value="true" />
                <button type="submit" class="btn btn-plain">"Remove picture"</button>
            </form>
        }
    });
    let domain = Some(view.domain.clone()).filter(|name| !name.is_empty()).map(|name| {
        view! {
            <Notice kind=NoticeKind::Info>
                <p>"Point " <code>{name}</code> " at this installation (a CNAME record), and have whatever ends TLS answer for it with a certificate of that name and hand the host name on."</p>
            </Notice>
        }
    });
    view! {
        <Section title="Picture">
            <form method="post" enctype="multipart/form-data" action=LOGO class="form">
                <FormError error=logo_error />
                <div class="field">
                    <label for="logo">"PNG, JPEG or SVG"</label>
                    <input class="file-input" type="file" id="logo" name="logo" accept="image/png,image/jpeg,image/svg+xml" required aria-describedby="logo-hint" />
                    <p class="hint" id="logo-hint">"At most 1 MiB. It is written anew: of drawings only shapes are kept, no text, styles or scripts."</p>
                </div>
                <div class="form-actions"><Submit label="Save picture" /></div>
            </form>
            {remove}
        </Section>
        <Section title="Name, colour, texts">
            {domain}
            <ActionForm action=action class="form">
                <FormError error />
                <Field name="name" label="Name" maxlength="200" value=view.name hint="What customers read on top; your vendor's name where it is empty." error />
                <Field name="accent" label="Accent colour" maxlength="7" value=view.accent placeholder="#2b59c3" hint="# and six digits. Made darker or lighter where it could not be read." error />
                <Field name="short_name" label="Short name" maxlength="64" value=view.short_name hint="Stands in the portal's address in place of your vendor id. Letters, digits and hyphens." error />
                <Field name="domain" label="Domain" maxlength="253" value=view.domain placeholder="licenses.example.com" hint="A host name of yours that leads to the portal and to nothing else here." error />
                <TextArea name="welcome" label="At the way in" value=view.welcome error />
                <TextArea name="help" label="Below every page" value=view.help hint="How customers reach you, for example." error />
                <div class="form-actions"><Submit label="Save portal" pending=action.pending() /></div>
            </ActionForm>
        </Section>
    }
}
