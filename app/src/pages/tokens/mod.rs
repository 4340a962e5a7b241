//! API tokens: what programs sign in with. The list, a new one, and one with what it may do.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::ui::{
    ActionForm, Copyable, Crumb, Empty, Fact, Facts, Field, FormError, NothingMatches, PageHead, Pager, Rows, Search,
    StateBadge, Submit, TextArea, Tone, WhenText, act, act_error, load, show,
};
use api::{CreateToken, RevokeToken};
use model::TokenRow;

const HERE: &str = "/console/tokens";

fn crumbs() -> Vec<Crumb> {
    vec![Crumb::new(HERE, "API tokens")]
}

#[component]
fn Standing(row: TokenRow) -> impl IntoView {
    let (tone, word) = match (row.revoked.is_some(), row.ended) {
        (true, _) => (Tone::Bad, "Revoked"),
        (false, true) => (Tone::None, "Ended"),
        (false, false) => (Tone::Good, "Valid"),
    };
    view! { <StateBadge tone word /> }
}

/// The list of tokens.
#[component]
pub fn TokensPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let get = |name| query.with(|query| query.get(name).unwrap_or_default());
        (get("q"), get("after"))
    });
    let tokens = load(move || asked.get(), |(q, after)| api::tokens(q, after));
    show(tokens, move |list| {
        let q = asked.get_untracked().0;
        let make = || view! { <a class="btn btn-sm btn-primary" href="/console/tokens/new">"Make token"</a> };
        let shown = list.items.len() as u64;
        let row = |row: TokenRow| {
            let scopes = row.scopes.len();
            view! {
                <tr>
                    <td>
                        <a class="row-link" href=format!("/console/tokens/{}", row.id)>{row.name.clone()}</a>
                        <span class="sub mono">{row.hint.clone()} "…"</span>
                    </td>
                    <td><Standing row=row.clone() /></td>
                    <td class="right">{scopes}</td>
                    <td class="right nowrap">
                        {match row.used.clone() {
                            Some(when) => view! { <WhenText when /> }.into_any(),
                            None => view! { <span class="muted">"never"</span> }.into_any(),
                        }}
                    </td>
                    <td class="right wide nowrap">
                        {match row.ends.clone() {
                            Some(when) => view! { <WhenText when /> }.into_any(),
                            None => view! { <span class="muted">"never"</span> }.into_any(),
                        }}
                    </td>
                    <td class="wide clip">{row.who}</td>
                </tr>
            }
        };
        let search = (shown > 0 || !q.is_empty())
            .then(|| view! { <Search path=HERE label="Name or first characters" q=q.clone() /> });
        let table = if shown == 0 && !q.is_empty() {
            view! { <NothingMatches what="token" text="A part of its name, or its first characters, finds a token." all=HERE /> }.into_any()
        } else if shown == 0 {
            let text = "A token lets a program of yours use the API: a shop that issues licenses, a report. It may do what you choose, and never more than you.";
            view! { <Empty title="No token yet" text>{make()}</Empty> }.into_any()
        } else {
            let head = vec![
                ("Token", ""),
                ("State", ""),
                ("Scopes", "right"),
                ("Last used", "right"),
                ("Ends", "right wide"),
                ("Made by", "wide"),
            ];
            view! {
                <Rows label="API tokens" head>{list.items.into_iter().map(row).collect_view()}</Rows>
                <Pager shown next=list.next />
            }
            .into_any()
        };
        view! {
            <PageHead title="API tokens" total=list.total>
                <div class="actions">{make()}</div>
            </PageHead>
            {search}
            {table}
        }
    })
}

/// A new token.
#[component]
pub fn NewTokenPage() -> impl IntoView {
    let scopes = load(|| (), |()| api::token_scopes());
    let action = act::<CreateToken>();
    let error = act_error(action);
    show(scopes, move |scopes| {
        let wrong =
            move || error.get().filter(|error| error.field.as_deref() == Some("scopes")).map(|error| error.sentence());
        let choice = move |scope: model::ScopeChoice| {
            let name = format!("scopes[{}]", scope.name);
            let (id, of) = (name.clone(), name.clone());
            let checked = error.typed(&name).is_some_and(|typed| typed == "true");
            view! {
                <label class="check" for=of>
                    <input class="checkbox checkbox-sm" type="checkbox" id=id name=name value="true" checked=checked />
                    <span>{scope.about} " " <code>{scope.name}</code></span>
                </label>
            }
        };
        view! {
            <PageHead title="Make token" crumbs=crumbs() />
            <ActionForm action=action class="form">
                <FormError error />
                <Field name="name" label="What it is for" required=true maxlength="200" placeholder="Web shop" error />
                <Field name="expires_at" label="Ends on" kind="date" hint="The start of that day, UTC. Empty for a token without end." error />
                <fieldset class="group">
                    <legend class="legend">"What it may do"</legend>
                    {scopes.into_iter().map(choice).collect_view()}
                    {move || wrong().map(|text| view! { <p class="wrong" role="alert">{text}</p> })}
                </fieldset>
                <div class="form-actions">
                    <Submit label="Make token" pending=action.pending() />
                    <a class="btn btn-plain" href="/console/tokens">"Cancel"</a>
                </div>
            </ActionForm>
        }
    })
}

/// A token, and revoking it.
#[component]
pub fn TokenPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let token = load(move || id.get(), api::token);
    let action = act::<RevokeToken>();
    let error = act_error(action);
    show(token, move |found| {
        let row = found.row;
        let secret = found.secret.map(|secret| {
            view! {
                <section class="section" aria-label="Secret of the token">
                    <div class="key-once"><Copyable text=secret what="secret" /></div>
                    <p class="muted">"Keep it where the program finds it. It is shown here for two minutes and never again."</p>
                </section>
            }
        });
        let doomed = row.clone();
        let revoke = row.may_revoke.then(move || {
            let row = doomed;
            let used = row.used.clone().map_or_else(
                || view! { "It has never been used." }.into_any(),
                |when| view! { "It was last used " <WhenText when /> "." }.into_any(),
            );
            view! {
                <section class="danger-zone" aria-labelledby="token-away">
                    <h2 id="token-away">"Ends a program's access"</h2>
                    <FormError error />
                    <h3>"Revoke token"</h3>
                    <p class="muted">"Whatever program uses it is refused from the next request on. This cannot be undone: make a new one instead. " {used}</p>
                    <ActionForm action=action class="form">
                        <input type="hidden" name="id" value=row.id.clone() />
                        <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error />
                        <div class="form-actions"><Submit label="Revoke token" danger=true pending=action.pending() /></div>
                    </ActionForm>
                </section>
            }
        });
        view! {
            <PageHead title=row.name.clone() crumbs=crumbs() clone:row>
                <Standing row=row />
            </PageHead>
            <p class="page-sub"><Copyable text=row.id.clone() what="token id" /></p>
            {secret}
            <Facts clone:row>
                <Fact name="Begins with"><code>{row.hint.clone()} "…"</code></Fact>
                <Fact name="May">
                    {row.scopes.iter().map(|scope| view! { <div><code>{scope.clone()}</code></div> }).collect_view()}
                </Fact>
                <Fact name="Made by">{row.who.clone()}</Fact>
                <Fact name="Made"><WhenText when=row.made.clone() /></Fact>
                <Fact name="Last used">
                    {match row.used.clone() {
                        Some(when) => view! { <WhenText when /> }.into_any(),
                        None => view! { "never" }.into_any(),
                    }}
                </Fact>
                {row.ends.clone().map(|when| view! { <Fact name="Ends"><WhenText when exact=true /></Fact> })}
                {row.revoked.clone().map(|when| view! { <Fact name="Revoked"><WhenText when /></Fact> })}
            </Facts>
            {revoke}
        }
    })
}
