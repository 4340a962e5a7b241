//! The way in: first set-up, signing in, the second factor, invitations, proving again who one is.

mod api;
mod model;

use leptos::{prelude::*, server_fn::ServerFn as _};
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    layout::Door,
    ui::{
        ActionForm, Field, FormError, PageHead, PasskeyButton, Submit, WhenText, act, act_error, load,
        page::{Notice, NoticeKind},
        refused::FormState,
        show, show_quietly,
    },
};
use api::{AcceptInvitation, Confirm, FinishSignIn, SetUp, SignIn};
use model::{Invited, Ways};

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

fn next() -> String {
    use_query_map().with_untracked(|query| query.get("next")).unwrap_or_default()
}

/// Signing in.
#[component]
pub fn SignInPage() -> impl IntoView {
    let action = act::<SignIn>();
    let error = act_error(action);
    let wanted = next();
    let company = load(move || wanted.clone(), api::company_door);
    view! {
        <Title text="Sign in" />
        <Door>
            <h1>"Sign in"</h1>
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="next" value=next() />
                <Field name="email" label="E-mail" kind="email" required=true autocomplete="username" autofocus=true error />
                <Field name="password" label="Password" kind="password" required=true autocomplete="current-password" error />
                <Submit label="Sign in" pending=action.pending() />
            </ActionForm>
            {show_quietly(company, |href: String| {
                (!href.is_empty())
                    .then(|| view! { <p class="section"><a class="btn btn-plain" href=href rel="external">"Sign in with your company's account"</a></p> })
            })}
            <p class="door-foot">"Forgotten the password? An owner or admin of your vendor can make you a link to a new one."</p>
        </Door>
    }
}

/// The second half of a sign-in.
#[component]
pub fn FactorPage() -> impl IntoView {
    let ways = load(|| (), |()| api::half_ways());
    let action = act::<FinishSignIn>();
    let error = act_error(action);
    view! {
        <Title text="Second factor" />
        <Door>
            <h1>"Second factor"</h1>
            {show(ways, move |ways: Ways| {
                let label = if ways.app { "Code" } else { "Recovery code" };
                let hint = if ways.app { "Six digits from your authenticator app, or a recovery code." } else { "One of the codes that you kept." };
                let passkey = ways.passkey.then(|| view! {
                    <ActionForm action=action class="form section">
                        <input type="hidden" name="next" value=next() />
                        <PasskeyButton label="Use a passkey" making=false ask=|| Box::pin(api::half_passkey()) />
                    </ActionForm>
                });
                let code = (ways.app || ways.recovery).then(|| view! {
                    <ActionForm action=action class="form section">
                        <input type="hidden" name="next" value=next() />
                        <Field name="code" label=label required=true autocomplete="one-time-code" hint=hint autofocus=true error />
                        <Submit label="Sign in" pending=action.pending() />
                    </ActionForm>
                });
                view! { <FormError error /> {passkey} {code} }
            })}
            <p class="door-foot">
                <a class="link" href="/sign-in">"Begin again"</a>
                ". Lost everything? An owner or admin can reset your second factor."
            </p>
        </Door>
    }
}

/// The page of a link that was handed over: becoming a member, or choosing a new password.
#[component]
pub fn InvitePage() -> impl IntoView {
    let params = use_params_map();
    let token = Memo::new(move |_| params.with(|params| params.get("token").unwrap_or_default()));
    let invited = load(move || token.get(), api::invitation);
    let action = act::<AcceptInvitation>();
    let error = act_error(action);
    view! {
        <Title text="Your link" />
        <Door>
            {show(invited, move |invited: Invited| {
                let (new, old) = (invited.new, !invited.new);
                let factor =
                    (!invited.factor.is_empty()).then(|| view! { <p class="small muted">{invited.factor}</p> });
                let name = new.then(|| view! {
                    <Field name="name" label="Your name" required=true maxlength="200" autocomplete="name" autofocus=true error />
                });
                view! {
                    <h1>{invited.title}</h1>
                    <p class="muted">
                        {invited.email.clone()} " " {invited.what} ". This link works once, until " <WhenText when=invited.until exact=true /> "."
                    </p>
                    <ActionForm action=action class="form section">
                        <FormError error />
                        <input type="hidden" name="token" value=token.get_untracked() />
                        // For password managers.
                        <input type="hidden" name="username" value=invited.email autocomplete="username" />
                        {name}
                        <Field
                            name="password"
                            label="Password"
                            kind="password"
                            required=true
                            autocomplete="new-password"
                            autofocus=old
                            hint=invited.hint
                            error
                        />
                        {factor}
                        <Submit label=invited.verb pending=action.pending() />
                    </ActionForm>
                }
            })}
        </Door>
    }
}

/// Proving again who one is, before something that asks for a fresh sign-in. Forms of the browser's own: the page that it
/// leads back to is loaded anew, with what had been filled in there.
#[component]
pub fn ConfirmPage() -> impl IntoView {
    let ways = load(|| (), |()| api::my_ways());
    let error = FormState::plain(Confirm::PATH);
    show(ways, move |ways: Ways| {
        let password = ways.password.then(|| view! {
            <form class="form section" method="post" action=Confirm::url()>
                <input type="hidden" name="next" value=next() />
                <Field name="password" label="Password" kind="password" required=true autocomplete="current-password" autofocus=true error />
                <div class="form-actions"><Submit label="Confirm with password" /></div>
            </form>
        });
        let app = ways.app.then(|| view! {
            <form class="form section" method="post" action=Confirm::url()>
                <input type="hidden" name="next" value=next() />
                <Field name="code" label="Code from your authenticator app" required=true autocomplete="one-time-code" error />
                <div class="form-actions"><Submit label="Confirm with code" /></div>
            </form>
        });
        let passkey = ways.passkey.then(|| {
            view! {
                <form class="form section" method="post" action=Confirm::url()>
                    <input type="hidden" name="next" value=next() />
                    <PasskeyButton label="Confirm with passkey" making=false ask=|| Box::pin(api::my_passkey()) />
                </form>
            }
        });
        let none = (!ways.password && !ways.app && !ways.passkey).then(|| view! {
            <Notice kind=NoticeKind::Info><p>"You sign in with your company's account: sign out and in again, and begin anew within ten minutes."</p></Notice>
        });
        view! {
            <PageHead title="Confirm that it is you" />
            <p class="page-sub">"What you are about to do asks for a sign-in of the last ten minutes. What you have filled in is kept."</p>
            <FormError error />
            {passkey} {app} {password} {none}
        }
    })
}
