//! Where a person is signed in, and how to end it.

pub mod api;
pub mod model;

use leptos::prelude::*;

use crate::ui::{ActionForm, FormError, PageHead, Rows, StateBadge, Tone, WhenText, act, act_error, load, show};
use api::{EndOtherSessions, EndSession};
use model::SessionRow;

/// The sessions of whoever looks.
#[component]
pub fn SessionsPage() -> impl IntoView {
    let sessions = load(|| (), |()| api::my_sessions());
    let end = act::<EndSession>();
    let error = act_error(end);
    let others = act::<EndOtherSessions>();
    let others_error = act_error(others);
    show(sessions, move |sessions| {
        let row = move |session: SessionRow| {
            let place = if session.origin.is_empty() { "Unknown address".to_owned() } else { session.origin };
            let what = if session.current { "Sign out here" } else { "End session" };
            let said = format!("{what}, {}, begun {} from {place}", session.browser, session.began.absolute);
            view! {
                <tr>
                    <td>
                        {session.browser} <span class="sub mono">{place}</span>
                        {session.current.then(|| view! { <StateBadge tone=Tone::Good word="This browser" /> })}
                    </td>
                    <td class="right wide nowrap"><WhenText when=session.began /></td>
                    <td class="right nowrap"><WhenText when=session.used /></td>
                    <td class="right wide nowrap"><WhenText when=session.ends /></td>
                    <td class="right">
                        <ActionForm action=end>
                            <input type="hidden" name="id" value=session.id />
                            <button type="submit" class="btn btn-sm btn-plain" aria-label=said>{what}</button>
                        </ActionForm>
                    </td>
                </tr>
            }
        };
        let head = vec![
            ("Signed in with", ""),
            ("Since", "right wide"),
            ("Last used", "right"),
            ("Ends at the latest", "right wide"),
            ("", "right"),
        ];
        let others = (sessions.len() > 1).then(|| view! {
            <ActionForm action=others><button type="submit" class="btn btn-plain">"End all others"</button></ActionForm>
        });
        view! {
            <PageHead title="Your sessions" total=sessions.len().to_string()><div class="actions">{others}</div></PageHead>
            <p class="page-sub">"Every browser in which you are signed in. A new password or role ends all of them. One that you do not know? End all others, and change your password."</p>
            <FormError error />
            <FormError error=others_error />
            <Rows label="Your sessions" head>{sessions.into_iter().map(row).collect_view()}</Rows>
        }
    })
}
