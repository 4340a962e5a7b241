//! Who of a company comes in, and one's own sessions and data.

use leptos::{prelude::*, server_fn::ServerFn as _};

use super::{
    api::{self, ChangeCompany, EndMySession, InviteColleague, StepColleague},
    home_here,
    model::{Account, PersonRow, SessionRow},
};
use crate::ui::{
    ActionForm, Checkbox, Fact, Facts, Field, FormError, PageHead, Rows, Section, StateBadge, Submit, Tone, WhenText,
    act, act_error, load, refused::FormState, show,
};

/// Who of the company comes in.
#[component]
pub fn PeoplePage() -> impl IntoView {
    let people = load(|| (), |()| api::my_people());
    let (step, invite) = (act::<StepColleague>(), act::<InviteColleague>());
    let (step_error, invite_error) = (act_error(step), act_error(invite));
    show(people, move |people: Vec<PersonRow>| {
        let row = move |person: PersonRow| {
            let form = move |id: String, what: &'static str, words: &'static str, said: String| {
                view! {
                    <ActionForm action=step>
                        <input type="hidden" name="id" value=id />
                        <input type="hidden" name="step" value=what />
                        <button type="submit" class="btn btn-sm btn-plain" aria-label=said>{words}</button>
                    </ActionForm>
                }
            };
            let email = person.email.clone();
            let (name, sub) = match person.name.clone() {
                Some(name) => (name, Some(view! { <span class="sub">{person.email.clone()}</span> })),
                None => (person.email.clone(), None),
            };
            let acts = person.may_change.then(|| {
                let (what, words) =
                    if person.administrator { ("user", "Make user") } else { ("administrator", "Make administrator") };
                view! {
                    <div class="row-actions">
                        {form(person.id.clone(), what, words, format!("{words}, {email}"))}
                        {form(person.id.clone(), "remove", "Remove", format!("Remove {email}"))}
                    </div>
                }
            });
            view! {
                <tr>
                    <td class="clip">{name} {sub}</td>
                    <td>
                        {if person.administrator { "Administrator" } else { "User" }}
                        {person.note.map(|note| view! { <span class="sub">{note}</span> })}
                    </td>
                    <td class="right wide nowrap">
                        {match person.seen {
                            Some(when) => view! { <WhenText when /> }.into_any(),
                            None => view! { "never" }.into_any(),
                        }}
                    </td>
                    <td class="right">{acts}</td>
                </tr>
            }
        };
        let head = vec![("Person", ""), ("Role", ""), ("Last here", "right wide"), ("", "right")];
        view! {
            <PageHead title="People" total=people.len().to_string() />
            <p class="page-sub">"Users see the company's licenses and keys, and manage computers. Administrators also say who comes in, and who has a seat."</p>
            <FormError error=step_error />
            <Rows label="People" head>{people.into_iter().map(row).collect_view()}</Rows>
            <Section title="Ask a colleague in">
                <ActionForm action=invite class="form">
                    <FormError error=invite_error />
                    <Field name="email" label="E-mail" kind="email" required=true error=invite_error />
                    <Field name="name" label="Name" maxlength="200" error=invite_error />
                    <Checkbox name="administrator" label="As an administrator" error=invite_error />
                    <div class="form-actions"><Submit label="Ask in" pending=invite.pending() /></div>
                </ActionForm>
            </Section>
        }
    })
}

/// Who one is here, one's sessions, and everything that is held.
#[component]
pub fn AccountPage() -> impl IntoView {
    let account = load(|| (), |()| api::my_account());
    let end = act::<EndMySession>();
    let (end_error, change_error) = (act_error(end), FormState::plain(ChangeCompany::url()));
    show(account, move |account: Account| {
        let Account { me, sessions } = account;
        let others = Some(me.others).filter(|others| !others.is_empty()).map(|others| {
            let one = move |(id, name): (String, String)| {
                view! {
                    <form method="post" action=ChangeCompany::url()>
                        <input type="hidden" name="to" value=id />
                        <button type="submit" class="btn btn-plain">"Go to " {name}</button>
                    </form>
                }
            };
            view! {
                <Section title="Your other companies">
                    <FormError error=change_error />
                    <div class="actions">{others.into_iter().map(one).collect_view()}</div>
                </Section>
            }
        });
        let who = match me.email.clone() {
            Some(email) => view! { {email} }.into_any(),
            None if me.administrator => {
                view! { "An administrator: they have no address yet, so nobody can sign in." }.into_any()
            }
            None => view! { "Here with a license's key, for its devices alone. For everything else sign in by mail." }
                .into_any(),
        };
        let data = me.administrator.then(|| {
            view! {
                <Section title="Your data">
                    <p>"Everything that is held about your company here: people, orders, licenses with their keys, computers, and what was done in its name. A JSON file; each time is noted."</p>
                    <form method="post" enctype="multipart/form-data" action=format!("{}/data", home_here()) class="form-actions">
                        <button type="submit" class="btn btn-plain">"Download everything"</button>
                    </form>
                </Section>
            }
        });
        let row = move |session: SessionRow| {
            let place = if session.origin.is_empty() { "Unknown address".to_owned() } else { session.origin };
            let what = if session.current { "Sign out here" } else { "End session" };
            let said = format!("{what}, {} from {place}", session.browser);
            view! {
                <tr>
                    <td>
                        {session.browser} <span class="sub mono">{place}</span>
                        {session.current.then(|| view! { <StateBadge tone=Tone::Good word="This browser" /> })}
                    </td>
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
        let head =
            vec![("Signed in with", ""), ("Last used", "right"), ("Ends unless used", "right wide"), ("", "right")];
        let sessions = (!sessions.is_empty()).then(|| {
            view! {
                <Section title="Where you are signed in">
                    <FormError error=end_error />
                    <Rows label="Your sessions" head>{sessions.into_iter().map(row).collect_view()}</Rows>
                </Section>
            }
        });
        view! {
            <PageHead title="Account" />
            <Facts>
                <Fact name="You">{who}</Fact>
                <Fact name="Company">{me.company}</Fact>
            </Facts>
            {others}
            {sessions}
            {data}
        }
    })
}
