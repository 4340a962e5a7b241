//! The way in: first set-up, signing in, proving again who one is.

mod api;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    layout::Door,
    ui::{ActionForm, Field, FormError, PageHead, Submit, act, act_error},
};
use api::{Confirm, SetUp, SignIn};

/// First run: the vendor and its owner, with the code from the server's log.
#[component]
pub fn SetupPage() -> impl IntoView {
    let action = act::<SetUp>();
    let error = act_error(action);
    view! {
        <Title text="Set up" />
        <Door>
            <h1>"Set up this installation"</h1>
            <p class="muted">"One time only. The set-up code stands in the server's output: it shows that this server is yours."</p>
            <ActionForm action=action class="form section">
                <FormError error />
                <Field name="code" label="Set-up code" required=true placeholder="XXXX-XXXX-XXXX" autofocus=true error />
                <Field
                    name="vendor"
                    label="Vendor"
                    required=true
                    maxlength="200"
                    autocomplete="organization"
                    hint="The name of your company, as your customers know it."
                    error
                />
                <Field name="email" label="Your e-mail" kind="email" required=true autocomplete="username" error />
                <Field
                    name="password"
                    label="Password"
                    kind="password"
                    required=true
                    autocomplete="new-password"
                    hint="At least 15 characters. A sentence you remember is best."
                    error
                />
                <Submit label="Set up and sign in" pending=action.pending() />
            </ActionForm>
        </Door>
    }
}

/// Signing in.
#[component]
pub fn SignInPage() -> impl IntoView {
    let action = act::<SignIn>();
    let error = act_error(action);
    let next = use_query_map().with_untracked(|query| query.get("next")).unwrap_or_default();
    view! {
        <Title text="Sign in" />
        <Door>
            <h1>"Sign in"</h1>
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="next" value=next />
                <Field name="email" label="E-mail" kind="email" required=true autocomplete="username" autofocus=true error />
                <Field name="password" label="Password" kind="password" required=true autocomplete="current-password" error />
                <Submit label="Sign in" pending=action.pending() />
            </ActionForm>
            <p class="door-foot">"An owner or admin of your vendor can give you a new password."</p>
        </Door>
    }
}

/// Proving again who one is, before something that asks for a fresh sign-in.
#[component]
pub fn ConfirmPage() -> impl IntoView {
    let action = act::<Confirm>();
    let error = act_error(action);
    let next = use_query_map().with_untracked(|query| query.get("next")).unwrap_or_default();
    view! {
        <PageHead title="Confirm your password" />
        <p class="page-sub">"What you are about to do asks for a sign-in of the last ten minutes."</p>
        <ActionForm action=action class="form">
            <FormError error />
            <input type="hidden" name="next" value=next />
            <Field name="password" label="Password" kind="password" required=true autocomplete="current-password" autofocus=true error />
            <div class="form-actions">
                <Submit label="Confirm password" pending=action.pending() />
            </div>
        </ActionForm>
    }
}
