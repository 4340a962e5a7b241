//! Finding by one text, as a page: where the box over everything leads without scripting, and what can be shared.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    pages::lists::model::Link,
    ui::{ActionForm, Copyable, Empty, FormError, PageHead, Section, act, act_error, load, show},
};
use api::Seek;
use model::{Found, Group};

/// What a text finds.
#[component]
pub fn FindPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(|query| query.get("q").unwrap_or_default()));
    let unknown = Memo::new(move |_| query.with(|query| query.get("key").is_some()));
    let found = load(move || asked.get(), api::find);
    // A form that is sent, so that a key that is typed here does not get into an address.
    let action = act::<Seek>();
    let error = act_error(action);
    view! {
        <PageHead title="Find" />
        <ActionForm action=action class="filters">
            <div class="grow">
                <label for="find-q">"Key, e-mail, name, device, order or id"</label>
                <input class="input" type="search" id="find-q" name="q" value=asked.get_untracked() autocomplete="off" maxlength="200" />
            </div>
            <button class="btn btn-sm btn-plain" type="submit">"Find"</button>
        </ActionForm>
        <FormError error />
        {show(found, move |found: Found| {
            if unknown.get() {
                let text = "Compare it with the key in the customer's mail, letter by letter. Its last four characters, or the \
                            customer's address, find the license too.";
                view! { <Empty title="No license has this key" text /> }.into_any()
            } else if asked.get_untracked().trim().is_empty() {
                let text = "A whole key or its last four characters, a part of a customer's name or address, an order number, \
                            what a device is called, a product, a plan, or any id.";
                view! { <Empty title="What do you have at hand?" text /> }.into_any()
            } else if found.groups.is_empty() {
                let text = "From three characters on, any part of a name, address, order number or device is looked for; of a \
                            key the last four are enough.";
                view! {
                    <Empty title="Nothing found" text>
                        <a class="btn btn-plain" href="/console/licenses">"All licenses"</a>
                        <a class="btn btn-plain" href="/console/customers">"All customers"</a>
                    </Empty>
                }
                .into_any()
            } else {
                view! { <Groups groups=found.groups /> }.into_any()
            }
        })}
    }
}

/// What was found, by kind.
#[component]
pub fn Groups(
    /// The kinds.
    groups: Vec<Group>,
) -> impl IntoView {
    groups.into_iter().map(group).collect_view()
}

fn group(group: Group) -> impl IntoView {
    let hits = group.hits.into_iter().map(|hit| {
        let title = hit.title.clone();
        let act = move |Link { text, href }| {
            let name = format!("{text}: {title}");
            view! { <a class="link" href=href aria-label=name>{text}</a> }
        };
        view! {
            <li>
                <a class="hit" href=hit.href>
                    <span>{hit.title.clone()}</span>
                    <span class="sub">{hit.detail}</span>
                </a>
                <div class="hit-acts">
                    <Copyable text=hit.id what=format!("id of {}", hit.title) />
                    {hit.acts.into_iter().map(act).collect_view()}
                </div>
            </li>
        }
    });
    view! {
        <Section title=group.name>
            <ul class="hits">{hits.collect_view()}</ul>
        </Section>
    }
}
