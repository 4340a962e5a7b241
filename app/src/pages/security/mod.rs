//! One's own sign-in: second factors, recovery codes, the password.

pub mod api;
pub mod model;

use leptos::prelude::*;

use crate::ui::{
    ActionForm, Copyable, Crumb, Empty, Field, FormError, PageHead, PasskeyButton, Rows, Section, SelectField, Submit,
    WhenText, act, act_error, load,
    page::{Notice, NoticeKind},
    show,
};
use api::{AddApp, AddPasskey, ChangePassword, NewCodes, RemoveFactor, SetAlertMail};
use model::{AppOffer, FactorRow, SecurityView};

/// One's own sign-in.
#[component]
pub fn SecurityPage() -> impl IntoView {
    let security = load(|| (), |()| api::my_security());
    show(security, move |view: SecurityView| {
        let none = view.factors.is_empty();
        let why = match (none && view.required, view.due.clone()) {
            (true, Some(due)) => Some(view! {
                <Notice kind=NoticeKind::Warn>
                    <p>"Your role needs a second factor. You may go on without one until " <WhenText when=due exact=true /> "."</p>
                </Notice>
            }.into_any()),
            (true, None) => Some(view! {
                <Notice kind=NoticeKind::Warn>
                    <p>"Your role needs a second factor: set one up, and everything else opens."</p>
                </Notice>
            }.into_any()),
            _ => None,
        };
        let codes = (!view.codes.is_empty()).then(|| view! { <Codes codes=view.codes.clone() /> });
        view! {
            <PageHead title="Sign-in and security" />
            {why}
            {codes}
            <Section title=format!("Second factors ({} / {})", view.factors.len(), view.most)>
                <Factors rows=view.factors.clone() />
                <div class="form-actions">
                    <a class="btn btn-primary" href="/console/security/app">"Set up an authenticator app"</a>
                </div>
                <NewPasskey />
            </Section>
            {(!none).then(|| view! { <Recovery left=view.codes_left made=view.codes_made /> })}
            {view.password.then(|| view! { <Password shorter=!none /> })}
            {view.alerts.clone().map(|of| view! { <AlertMail of /> })}
            <Section title="Sessions">
                <p><a class="link" href="/console/sessions">"Where you are signed in"</a></p>
            </Section>
        }
    })
}

/// The recovery codes, once.
#[component]
fn Codes(codes: Vec<String>) -> impl IntoView {
    view! {
        <section class="section" id="codes" aria-label="Recovery codes">
            <h2>"Your recovery codes"</h2>
            <p>"Each lets you in once when your second factor is lost. Keep them where you keep important papers: they are not shown again."</p>
            <ul class="codes key-once">{codes.iter().map(|code| view! { <li><code>{code.clone()}</code></li> }).collect_view()}</ul>
            <p><Copyable text=codes.join("\n") what="recovery codes" /></p>
        </section>
    }
}

#[component]
fn Factors(rows: Vec<FactorRow>) -> impl IntoView {
    let remove = act::<RemoveFactor>();
    let error = act_error(remove);
    if rows.is_empty() {
        let text = "With a second factor, a stolen password alone lets nobody in.";
        return view! { <Empty title="No second factor yet" text /> }.into_any();
    }
    let row = move |factor: FactorRow| {
        let said = format!("Remove {}", factor.name);
        view! {
            <tr>
                <td>{factor.name} <span class="sub">{factor.kind}</span></td>
                <td class="right wide nowrap"><WhenText when=factor.added /></td>
                <td class="right nowrap">{factor.used.map(|when| view! { <WhenText when /> })}</td>
                <td class="right">
                    <ActionForm action=remove>
                        <input type="hidden" name="id" value=factor.id />
                        <button type="submit" class="btn btn-sm btn-plain" aria-label=said>"Remove"</button>
                    </ActionForm>
                </td>
            </tr>
        }
    };
    let head = vec![("Factor", ""), ("Added", "right wide"), ("Last used", "right"), ("", "right")];
    view! {
        <FormError error />
        <Rows label="Second factors" head>{rows.into_iter().map(row).collect_view()}</Rows>
    }
    .into_any()
}

#[component]
fn NewPasskey() -> impl IntoView {
    let action = act::<AddPasskey>();
    let error = act_error(action);
    view! {
        <details class="section">
            <summary class="link">"Add a passkey"</summary>
            <ActionForm action=action class="form section">
                <FormError error />
                <Field name="name" label="What you call it" maxlength="200" placeholder="Work laptop" error />
                <PasskeyButton label="Add a passkey" making=true ask=|| Box::pin(api::passkey_offer()) />
            </ActionForm>
        </details>
    }
}

#[component]
fn Recovery(left: i64, made: usize) -> impl IntoView {
    let action = act::<NewCodes>();
    let error = act_error(action);
    view! {
        <Section title="Recovery codes">
            <FormError error />
            <p>{left} " / " {made} " are left. Each lets you in once without your second factor. New ones replace them all."</p>
            <ActionForm action=action>
                <button type="submit" class="btn btn-plain">"Make new recovery codes"</button>
            </ActionForm>
        </Section>
    }
}

#[component]
fn Password(shorter: bool) -> impl IntoView {
    let action = act::<ChangePassword>();
    let error = act_error(action);
    let hint = if shorter {
        "At least 8 characters, because you have a second factor."
    } else {
        "At least 15 characters. A sentence you remember is best."
    };
    view! {
        <Section title="Password">
            <ActionForm action=action class="form">
                <FormError error />
                <Field name="current_password" label="Current password" kind="password" required=true autocomplete="current-password" error />
                <Field name="new_password" label="New password" kind="password" required=true autocomplete="new-password" hint error />
                <div class="form-actions"><Submit label="Change password" pending=action.pending() /></div>
            </ActionForm>
        </Section>
    }
}

#[component]
fn AlertMail(of: String) -> impl IntoView {
    let action = act::<SetAlertMail>();
    let error = act_error(action);
    let choices = [("critical", "Of those on which somebody must act now"), ("all", "Of all"), ("none", "Of none")];
    let options = choices.map(|(value, words)| (value.to_owned(), words.to_owned())).to_vec();
    view! {
        <Section title="Alerts by mail">
            <ActionForm action=action class="form">
                <FormError error />
                <SelectField name="alerts" label="You are told by mail" options value=of error />
                <div class="form-actions"><Submit label="Save" pending=action.pending() /></div>
            </ActionForm>
        </Section>
    }
}

/// Setting up an authenticator app.
#[component]
pub fn AppPage() -> impl IntoView {
    let offer = load(|| (), |()| api::offer_app());
    let action = act::<AddApp>();
    let error = act_error(action);
    view! {
        <PageHead title="Set up an authenticator app" crumbs=vec![Crumb::new("/console/security", "Sign-in and security")] />
        {show(offer, move |offer: AppOffer| {
            view! {
                <ol class="setup-steps">
                    <li>
                        <p>"Scan this with the app on your phone."</p>
                        <svg class="qr" role="img" aria-label="QR code of the secret" viewBox=format!("0 0 {0} {0}", offer.width)>
                            <path d=offer.picture />
                        </svg>
                        <p>"Or type this secret into it:"</p>
                        <p class="key-once"><Copyable text=offer.secret what="secret" /></p>
                    </li>
                    <li>
                        <p>"Type the six digits that it shows now."</p>
                        <ActionForm action=action class="form">
                            <FormError error />
                            <Field name="code" label="Code" required=true autocomplete="one-time-code" error />
                            <Field name="name" label="What you call it" maxlength="200" placeholder="Phone" error />
                            <div class="form-actions">
                                <Submit label="Add authenticator app" pending=action.pending() />
                                <a class="btn btn-plain" href="/console/security">"Cancel"</a>
                            </div>
                        </ActionForm>
                    </li>
                </ol>
            }
        })}
    }
}
