//! The vendor's own settings.

pub mod api;
pub mod portal;

use leptos::prelude::*;

use crate::ui::{
    ActionForm, Copyable, Fact, Facts, Field, FormError, PageHead, Section, WhenText, act, act_error, load, show,
};
use api::SaveSettings;

/// What is set for the vendor as a whole.
#[component]
pub fn SettingsPage() -> impl IntoView {
    let settings = load(|| (), |()| api::settings());
    let action = act::<SaveSettings>();
    let error = act_error(action);
    show(settings, move |found| {
        let name = if found.may_write {
            view! {
                <ActionForm action=action class="form">
                    <FormError error />
                    <Field name="name" label="Name" required=true maxlength="200" value=found.name hint="As your people and customers read it." error />
                    <div class="form-actions">
                        <button type="submit" class="btn btn-primary">"Save settings"</button>
                    </div>
                </ActionForm>
            }
            .into_any()
        } else {
            view! { <p>{found.name} <span class="muted">" An owner or admin can change it."</span></p> }.into_any()
        };
        view! {
            <PageHead title="Settings" />
            <Section title="Vendor">{name}</Section>
            <Section title="What applications need">
                <Facts>
                    <Fact name="Vendor id"><Copyable text=found.id what="vendor id" /></Fact>
                    <Fact name="Root public key"><Copyable text=found.root_public_key what="root public key" /></Fact>
                    <Fact name="Address"><Copyable text=found.address what="address" /></Fact>
                    <Fact name="Set up"><WhenText when=found.since /></Fact>
                </Facts>
            </Section>
            <Section title="Elsewhere">
                <ul class="next-steps">
                    <li><span></span><a class="link" href="/console/settings/portal">"Customers' portal"</a><span class="hint">"Name, picture, colour, address"</span></li>
                    {found
                        .may_provide
                        .then(|| view! { <li><span></span><a class="link" href="/console/team/sign-in">"How your people sign in"</a><span class="hint">"A company's own accounts"</span></li> })}
                    <li><span></span><a class="link" href="/console/settings/mail">"Mail"</a><span class="hint">"How it leaves, how it looks, what went"</span></li>
                    <li><span></span><a class="link" href="/console/tokens">"API tokens"</a><span class="hint">"What programs sign in with"</span></li>
                    <li><span></span><a class="link" href="/console/webhooks">"Webhooks"</a><span class="hint">"What other systems are told"</span></li>
                </ul>
            </Section>
        }
    })
}
