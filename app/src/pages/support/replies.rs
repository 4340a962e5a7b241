//! Canned replies: the vendor's own texts, written and changed.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{
    api::{self, RemoveReply, SaveReply},
    explain::crumbs,
    model::{RepliesView, ReplyForm, ReplyRow},
};
use crate::ui::{
    ActionForm, Crumb, Empty, Field, FormError, PageHead, Rows, Submit, TextArea, WhenText, act, act::load_once,
    act_error, load, show,
};

/// The vendor's replies.
#[component]
pub fn RepliesPage() -> impl IntoView {
    let replies = load_once(api::replies);
    show(replies, |found: RepliesView| {
        let write = found
            .may_write
            .then(|| view! { <a class="btn btn-sm btn-primary" href="/support/replies/new">"Write reply"</a> });
        let may_write = found.may_write;
        let table = if found.replies.is_empty() {
            let text = "A reply is a text with the names of facts in braces, such as “Dear {customer}, your license …{key_end} has \
                        {seats_used} of {seats_limit} seats in use.” On a customer's page the facts are filled in.";
            view! { <Empty title="No replies yet" text /> }.into_any()
        } else {
            let row = move |reply: ReplyRow| {
                let name = if may_write {
                    view! { <a class="row-link" href=format!("/support/replies/{}", reply.id)>{reply.name}</a> }
                        .into_any()
                } else {
                    reply.name.into_any()
                };
                view! {
                    <tr>
                        <td>{name} <span class="sub clip">{reply.text}</span></td>
                        <td class="right nowrap"><WhenText when=reply.changed /></td>
                    </tr>
                }
            };
            let rows = found.replies.into_iter().map(row).collect_view();
            view! { <Rows label="Replies" head=vec![("Reply", ""), ("Changed", "right")]>{rows}</Rows> }.into_any()
        };
        view! {
            <PageHead title="Replies" crumbs=crumbs()>
                <div class="actions">{write}</div>
            </PageHead>
            {table}
        }
    })
}

/// A new reply, or one that is changed.
#[component]
pub fn ReplyPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let reply = load(move || id.get(), api::reply);
    let (save, remove) = (act::<SaveReply>(), act::<RemoveReply>());
    let (error, wrong) = (act_error(save), act_error(remove));
    show(reply, move |found: ReplyForm| {
        let facts = format!("The names of facts stand in braces: {}.", found.facts.join(" "));
        let title = if found.reply.is_some() { "Change reply" } else { "Write reply" };
        let mut way = crumbs();
        way.push(Crumb::new("/support/replies", "Replies"));
        let (id, name, text) = found.reply.map(|reply| (reply.id, reply.name, reply.text)).unwrap_or_default();
        let away = (!id.is_empty()).then(|| {
            let id = id.clone();
            view! {
                <section class="danger-zone" aria-labelledby="reply-away">
                    <h2 id="reply-away">"Take it away"</h2>
                    <FormError error=wrong />
                    <div class="row">
                        <div>
                            <p class="muted">"Nobody can choose it any more. What it said stays in the audit log."</p>
                        </div>
                        <ActionForm action=remove>
                            <input type="hidden" name="id" value=id />
                            <button type="submit" class="btn btn-sm btn-danger">"Remove reply"</button>
                        </ActionForm>
                    </div>
                </section>
            }
        });
        view! {
            <PageHead title crumbs=way />
            <ActionForm action=save class="form">
                <FormError error />
                <input type="hidden" name="id" value=id />
                <Field name="name" label="Name" value=name required=true maxlength="200" hint="What it is chosen by." error />
                <TextArea name="text" label="Text" value=text required=true hint=facts error />
                <div class="form-actions">
                    <Submit label="Save reply" pending=save.pending() />
                    <a class="btn btn-plain" href="/support/replies">"Cancel"</a>
                </div>
            </ActionForm>
            {away}
        }
    })
}
