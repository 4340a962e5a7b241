//! The team: who may sign in and what each may do, invitations, and through whom people sign in.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::ui::{
    ActionForm, Copyable, Crumb, Fact, Facts, Field, FormError, PageHead, Rows, Section, SelectField, StateBadge,
    Submit, Tone, WhenText, act, act_error, load,
    page::{Notice, NoticeKind},
    show,
};
use api::{
    Invite, RemoveMember, RemoveProvider, ResendInvitation, ResetMemberFactors, RevokeInvitation, SetProvider, SetRole,
};
use model::{InvitationRow, MemberDetail, MemberRow, ProviderForm, TeamView, roles};

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Everybody.
#[component]
pub fn TeamPage() -> impl IntoView {
    let team = load(|| (), |()| api::team());
    show(team, move |team: TeamView| {
        let active = team.members.iter().filter(|member| !member.removed).count();
        let mut head = vec![("Name", ""), ("Role", "")];
        if team.may_change {
            head.push(("Second factor", "wide"));
        }
        head.push(("Last signed in", "right"));
        let factors = team.may_change;
        let link = team.link.clone().map(|(email, link)| view! {
            <section class="section" id="link" aria-label="Link of the invitation">
                <div class="key-once"><Copyable text=link what="link" /></div>
                <p class="muted">"Give this link to " {email} ", and to nobody else: it works once, for seven days, and is not shown again. No mail is sent yet."</p>
            </section>
        });
        let waiting = (!team.invitations.is_empty()).then(|| view! { <Invitations rows=team.invitations.clone() /> });
        let invite = team.may_change.then(|| view! { <InviteForm owners=team.owners /> });
        let provider =
            team.owners.then(|| view! { <a class="btn btn-plain" href="/console/team/sign-in">"Company sign-in"</a> });
        view! {
            <PageHead title="Team" total=active.to_string()>
                <div class="actions">{provider}</div>
            </PageHead>
            {link}
            <Rows label="Members" head>
                {team.members.into_iter().map(|row| member_row(row, factors)).collect_view()}
            </Rows>
            {waiting}
            {invite}
        }
    })
}

fn member_row(row: MemberRow, factors: bool) -> impl IntoView {
    let href = format!("/console/team/{}", row.id);
    let factors = factors.then(|| {
        let tone = if row.factor_missing { Tone::Warn } else { Tone::None };
        let words = row.factors.clone().unwrap_or_default();
        view! { <td class="wide">{if row.factor_missing { view! { <StateBadge tone word="Missing" /> }.into_any() } else { words.into_any() }}</td> }
    });
    view! {
        <tr>
            <td>
                <a class="row-link" href=href>{row.name}</a>
                {row.me.then_some(" (you)")}
                <span class="sub">{row.email}</span>
            </td>
            <td>
                {if row.removed { view! { <StateBadge tone=Tone::Bad word="Removed" /> }.into_any() } else { capital(&row.role).into_any() }}
            </td>
            {factors}
            <td class="right nowrap">
                {match row.signed_in {
                    Some(when) => view! { <WhenText when /> }.into_any(),
                    None => view! { "never" }.into_any(),
                }}
            </td>
        </tr>
    }
}

#[component]
fn Invitations(rows: Vec<InvitationRow>) -> impl IntoView {
    let (resend, revoke) = (act::<ResendInvitation>(), act::<RevokeInvitation>());
    let (resend_error, revoke_error) = (act_error(resend), act_error(revoke));
    let row = move |row: InvitationRow| {
        let (again, back) =
            (format!("New link for {}", row.email), format!("Take back the invitation of {}", row.email));
        let (resend_id, revoke_id) = (row.id.clone(), row.id.clone());
        let acts = row.may_change.then(move || {
            view! {
                <div class="row-actions">
                    <ActionForm action=resend>
                        <input type="hidden" name="id" value=resend_id />
                        <button type="submit" class="btn btn-sm btn-plain" aria-label=again>"New link"</button>
                    </ActionForm>
                    <ActionForm action=revoke>
                        <input type="hidden" name="id" value=revoke_id />
                        <button type="submit" class="btn btn-sm btn-plain" aria-label=back>"Take back"</button>
                    </ActionForm>
                </div>
            }
        });
        view! {
            <tr>
                <td class="clip">{row.email} <span class="sub">{capital(&row.role)} {(!row.open).then_some(", run out")}</span></td>
                <td class="right wide nowrap">
                    {if row.open { view! { <WhenText when=row.until /> }.into_any() } else { view! { <StateBadge tone=Tone::Warn word="Run out" /> }.into_any() }}
                </td>
                <td class="right">{acts}</td>
            </tr>
        }
    };
    let head = vec![("Invited", ""), ("Ends", "right wide"), ("", "right")];
    view! {
        <Section title="Invitations">
            <FormError error=resend_error />
            <FormError error=revoke_error />
            <Rows label="Invitations" head>{rows.into_iter().map(row).collect_view()}</Rows>
        </Section>
    }
}

#[component]
fn InviteForm(owners: bool) -> impl IntoView {
    let action = act::<Invite>();
    let error = act_error(action);
    view! {
        <Section title="Invite somebody">
            <ActionForm action=action class="form">
                <FormError error />
                <Field name="email" label="E-mail" kind="email" required=true error />
                <SelectField name="role" label="Role" options=roles(owners) value="viewer" error />
                <div class="form-actions"><Submit label="Make invitation link" pending=action.pending() /></div>
            </ActionForm>
        </Section>
    }
}

/// A member.
#[component]
pub fn MemberPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let member = load(move || id.get(), api::member);
    show(member, move |detail: MemberDetail| {
        let row = detail.row.clone();
        let state = if row.removed { (Tone::Bad, "Removed".to_owned()) } else { (Tone::Good, capital(&row.role)) };
        view! {
            <PageHead title=row.name.clone() crumbs=vec![Crumb::new("/console/team", "Team")]>
                <StateBadge tone=state.0 word=state.1 />
            </PageHead>
            <Facts>
                <Fact name="E-mail">{row.email.clone()}</Fact>
                <Fact name="Last signed in">
                    {match row.signed_in.clone() {
                        Some(when) => view! { <WhenText when /> }.into_any(),
                        None => view! { "never" }.into_any(),
                    }}
                </Fact>
                {row.factors.clone().map(|factors| view! { <Fact name="Second factor">{factors}</Fact> })}
                <Fact name="What they did"><a class="link" href=format!("/console/audit?member={}", row.id)>"Audit log"</a></Fact>
            </Facts>
            {row.may_change.then(|| view! { <MemberActs detail=detail.clone() /> })}
        }
    })
}

#[component]
fn MemberActs(detail: MemberDetail) -> impl IntoView {
    let (role, reset, remove) = (act::<SetRole>(), act::<ResetMemberFactors>(), act::<RemoveMember>());
    let (role_error, reset_error, remove_error) = (act_error(role), act_error(reset), act_error(remove));
    let row = detail.row;
    let own = row.me;
    let (role_id, reset_id, remove_id) = (row.id.clone(), row.id.clone(), row.id.clone());
    if row.removed {
        return view! { <p class="section">"They may no longer sign in. To let them come back, invite " {row.email} " again."</p> }.into_any();
    }
    view! {
        <Section title="Role">
            <ActionForm action=role class="form">
                <FormError error=role_error />
                <input type="hidden" name="id" value=role_id />
                <SelectField name="role" label="Role" options=roles(detail.owners) value=row.role hint="Another role ends their sessions, and revokes those of their API tokens that may do more." error=role_error />
                <div class="form-actions"><Submit label="Change role" pending=role.pending() /></div>
            </ActionForm>
        </Section>
        {(!own).then(move || view! {
            <Section title="Second factors">
                <FormError error=reset_error />
                <p>"For somebody who has lost them. They sign in with the password alone then, and set one up before anything else."</p>
                <ActionForm action=reset>
                    <input type="hidden" name="id" value=reset_id />
                    <button type="submit" class="btn btn-plain">"Reset second factors"</button>
                </ActionForm>
            </Section>
        })}
        <section class="danger-zone">
            <h2>"Remove from the team"</h2>
            <FormError error=remove_error />
            <p>"Ends all sessions at once. " {detail.leaves} " What they did stays in the audit log; an invitation lets them come back."</p>
            <ActionForm action=remove>
                <input type="hidden" name="id" value=remove_id />
                <button type="submit" class="btn btn-error">{if own { "Remove yourself" } else { "Remove member" }}</button>
            </ActionForm>
        </section>
    }
    .into_any()
}

/// Through whom people sign in.
#[component]
pub fn ProviderPage() -> impl IntoView {
    let provider = load(|| (), |()| api::provider());
    let (set, remove) = (act::<SetProvider>(), act::<RemoveProvider>());
    let (error, remove_error) = (act_error(set), act_error(remove));
    show(provider, move |form: ProviderForm| {
        let secret =
            if form.is_set { "Leave empty to keep the one that is set." } else { "It is kept sealed and never shown." };
        let mut choices = vec![(String::new(), "Nobody: only members and those who were invited".to_owned())];
        choices.extend(roles(false));
        let began = form.is_set.then(|| view! {
            <Notice kind=NoticeKind::Info>
                <p>"People begin at " <code>{form.begin.clone()}</code> ". Where this is the only vendor of the installation, the sign-in page leads there, too."</p>
            </Notice>
        });
        let end = form.is_set.then(|| view! {
            <section class="danger-zone">
                <h2>"Take the provider away"</h2>
                <FormError error=remove_error />
                <p>"Whoever has no password cannot sign in then. Sessions that run go on."</p>
                <ActionForm action=remove><button type="submit" class="btn btn-error">"Remove provider"</button></ActionForm>
            </section>
        });
        view! {
            <PageHead title="Company sign-in" crumbs=vec![Crumb::new("/console/team", "Team")] />
            <p class="page-sub">"People sign in with the account that they have with you (OpenID Connect). Second factors are asked for here as well."</p>
            {began}
            <Facts>
                <Fact name="Redirect address"><Copyable text=form.back.clone() what="redirect address" /></Fact>
            </Facts>
            <ActionForm action=set class="form section">
                <FormError error />
                <Field name="issuer" label="Issuer" kind="url" required=true value=form.issuer placeholder="https://id.example.com" hint="The provider's address, exactly as it calls itself." error />
                <Field name="client_id" label="Client id" required=true value=form.client_id error />
                <Field name="secret" label="Client secret" kind="password" hint=secret error />
                <Field name="domains" label="Domains" required=true value=form.domains placeholder="example.com" hint="Whose addresses are let in; several with commas." error />
                <SelectField name="new_role" label="Who comes for the first time becomes" options=choices value=form.new_role error />
                <div class="form-actions"><Submit label="Save" pending=set.pending() /></div>
            </ActionForm>
            {end}
        }
    })
}
