//! The team: who may sign in and what each may do, invitations, and through whom people sign in.

pub mod api;
pub mod model;
#[cfg(feature = "ssr")]
pub mod steps;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::pages::mail::MailBounced;
use crate::ui::{
    ActionForm, Copyable, Crumb, Fact, Facts, Field, FormError, NothingMatches, PageHead, Rows, Search, Section,
    SelectField, StateBadge, Submit, TextArea, Tone, WhenText, act,
    act::Act,
    act_error, load,
    page::{Notice, NoticeKind},
    show,
};
use api::{Invite, RemoveProvider, ResendInvitation, RevokeInvitation, SetProvider, StepMember};
use model::{InvitationRow, MemberDetail, MemberRow, MemberStep, ProviderForm, TeamView, roles};

const HERE: &str = "/console/team";

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Everybody.
#[component]
pub fn TeamPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(|query| query.get("q").unwrap_or_default()));
    let team = load(move || asked.get(), api::team);
    show(team, move |team: TeamView| {
        let nobody = (team.members.is_empty() && team.invitations.is_empty()).then(|| {
            let text = "A part of a name or an address finds who is in the team and who was invited.";
            view! { <NothingMatches what="member" text all=HERE /> }
        });
        let active = team.members.iter().filter(|member| !member.removed).count();
        let mut head = vec![("Name", ""), ("Role", "")];
        if team.may_change {
            head.push(("Second factor", "wide"));
        }
        head.push(("Last signed in", "right"));
        let factors = team.may_change;
        let link = team.link.clone().map(|link| view! {
            <section class="section" id="link" aria-label="Link to hand over">
                <div class="key-once"><Copyable text=link.address what="link" /></div>
                <p class="muted">"Give this link to " {link.email} ", and to nobody else: it works once, for " {link.lasts} ", and is not shown again. " {if link.mailed { "It is mailed to them as well." } else { "No mail leaves here: hand it over yourself." }}</p>
            </section>
        });
        let members = (!team.members.is_empty()).then(|| {
            let rows = team.members.into_iter().map(|row| member_row(row, factors)).collect_view();
            view! { <Rows label="Members" head>{rows}</Rows> }
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
            <Search path=HERE label="Name or address" q=asked.get_untracked() />
            {nobody}
            {members}
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
    let restore = act::<StepMember>();
    let error = act_error(restore);
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
            <MailBounced bounced=detail.bounced.clone() />
            <FormError error />
            {row.may_change.then(|| member_acts(detail.clone(), restore))}
        }
    })
}

/// What can be done with a member: each step has a page of its own, which says what comes of it.
fn member_acts(detail: MemberDetail, restore: Act) -> AnyView {
    let row = detail.row;
    if row.removed {
        let undo = detail.undo_until.map(|until| view! {
            <ActionForm action=restore>
                <input type="hidden" name="id" value=row.id />
                <input type="hidden" name="step" value="restore" />
                <p>"The removal can be undone until " <WhenText when=until exact=true /> ", with role, password and second factors of before."</p>
                <button type="submit" class="btn btn-plain">"Undo the removal"</button>
            </ActionForm>
        });
        return view! {
            <div class="section">
                {undo}
                <p>"They may no longer sign in. To let them come back, invite " {row.email} " again."</p>
            </div>
        }
        .into_any();
    }
    let steps = [
        ("role", "Change role"),
        ("password", "Make password link"),
        ("factors", "Reset second factors"),
        ("remove", "Remove"),
    ];
    let link = |(step, words): (&'static str, &'static str)| {
        let class = if step == "remove" { "btn btn-danger" } else { "btn btn-plain" };
        view! { <a class=class href=format!("/console/team/{}/{step}", row.id)>{words}</a> }
    };
    // One's own password and factors are changed elsewhere.
    let own = row.me;
    let steps = steps.into_iter().filter(|(step, _)| !own || matches!(*step, "role" | "remove")).map(link);
    view! { <div class="actions section">{steps.collect_view()}</div> }.into_any()
}

/// A step with a member, before it is taken.
#[component]
pub fn MemberStepPage() -> impl IntoView {
    let params = use_params_map();
    let asked = Memo::new(move |_| {
        params.with(|params| (params.get("id").unwrap_or_default(), params.get("step").unwrap_or_default()))
    });
    let step = load(move || asked.get(), |(id, step)| api::look_at_member_step(id, step));
    let action = act::<StepMember>();
    let error = act_error(action);
    show(step, move |found: MemberStep| {
        let back = format!("/console/team/{}", found.id);
        let crumbs = vec![Crumb::new("/console/team", "Team"), Crumb::new(back.clone(), found.name)];
        let role = (!found.roles.is_empty()).then(|| {
            view! { <SelectField name="role" label="Role" options=found.roles value=found.role error /> }
        });
        view! {
            <PageHead title=found.title.clone() crumbs />
            <p class="page-sub">{found.whose}</p>
            <Notice kind=NoticeKind::Warn>
                {found.consequences.into_iter().map(|words| view! { <p>{words}</p> }).collect_view()}
            </Notice>
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="id" value=found.id />
                <input type="hidden" name="step" value=asked.with_untracked(|(_, step)| step.clone()) />
                {role}
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error />
                <div class="form-actions">
                    <Submit label=found.title danger=found.ends_access pending=action.pending() />
                    <a class="btn btn-plain" href=back>"Cancel"</a>
                </div>
            </ActionForm>
        }
    })
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
                <p>"Whoever has no password cannot sign in then. Sessions that run go on. The client secret goes with it: to undo this, set the provider anew."</p>
                <ActionForm action=remove class="form">
                    <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error=remove_error />
                    <div class="form-actions"><Submit label="Remove provider" danger=true pending=remove.pending() /></div>
                </ActionForm>
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
