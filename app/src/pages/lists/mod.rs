//! Lists: one frame for licenses, customers, seats, orders and the audit log. Everything about one stands in its address.

pub mod api;
#[cfg(feature = "ssr")]
pub(crate) mod build;
pub mod model;

use std::mem::take;

use leptos::prelude::*;

use crate::{
    pages::fleet::Outdated,
    ui::{
        ActionForm, Checkbox, CopyButton, Copyable, Empty, ErrorState, Field, FormError, PageHead, Pager, Search,
        StateBadge, Submit, WhenText, act, act_error,
        live::{self, Topic},
        search_here, show_live,
        state::LicenseBadge,
    },
};
use api::{RemoveView, SaveView};
use model::{Cell, Head, Line, Link, Listed};

/// The licenses.
#[component]
pub fn LicensesPage() -> impl IntoView {
    view! { <ListPage of="licenses" /> }
}

/// The customers.
#[component]
pub fn CustomersPage() -> impl IntoView {
    view! { <ListPage of="customers" /> }
}

/// The seats.
#[component]
pub fn SeatsPage() -> impl IntoView {
    view! { <ListPage of="seats" /> }
}

/// The orders.
#[component]
pub fn OrdersPage() -> impl IntoView {
    view! { <ListPage of="orders" /> }
}

/// The plans of all products.
#[component]
pub fn PlansPage() -> impl IntoView {
    view! { <ListPage of="plans" /> }
}

/// A list.
#[component]
pub fn ListPage(
    /// Which one.
    of: &'static str,
) -> impl IntoView {
    let search = search_here();
    // The first page of the seats is where a device that activates appears; the others would only shift.
    let told = move || if of == "seats" && !search.get().contains("after=") { live::count(Topic::Acts) } else { 0 };
    let listed = live::load_live(
        told,
        move || search.get(),
        move |query, by_itself| async move {
            if by_itself {
                api::list_again(of.to_owned(), query).await
            } else {
                api::read_list(of.to_owned(), query).await
            }
        },
    );
    let shown = StoredValue::new(None);
    show_live(listed, move |listed, error| {
        let here = Some(search.get_untracked());
        let error = match error {
            // What was read last may have been narrowed in another way.
            Some(error) if shown.get_value() != here => return view! { <ErrorState error /> }.into_any(),
            error => error,
        };
        shown.set_value(here);
        view! {
            <Outdated error />
            <List of listed />
        }
        .into_any()
    })
}

/// The rows of a list, or what is said where there are none.
#[component]
pub fn Found(
    /// Of which list.
    of: &'static str,
    /// The list.
    listed: Listed,
) -> impl IntoView {
    let shown = listed.rows.len() as u64;
    let narrowed = !listed.chips.is_empty() || !listed.q.is_empty() || listed.next.is_some();
    let (title, text, links) = listed.empty;
    if listed.rows.is_empty() {
        view! {
            <Empty title text>
                {links
                    .into_iter()
                    .enumerate()
                    .map(|(at, Link { text, href })| {
                        let class = if at == 0 && !narrowed { "btn btn-primary" } else { "btn btn-plain" };
                        view! { <a class=class href=href>{text}</a> }
                    })
                    .collect_view()}
            </Empty>
            {listed.next.map(|next| view! { <Pager shown next=Some(next) /> })}
        }
        .into_any()
    } else {
        let chosen = !listed.steps.is_empty();
        let rows = view! {
            <Table title=listed.title heads=listed.heads rows=listed.rows chosen />
            <Pager shown next=listed.next />
        };
        if chosen {
            view! { <Choosing of steps=listed.steps query=listed.query total=listed.total>{rows}</Choosing> }.into_any()
        } else {
            rows.into_any()
        }
    }
}

#[component]
fn List(of: &'static str, mut listed: Listed) -> impl IntoView {
    let action = listed
        .action
        .take()
        .map(|Link { text, href }| view! { <a class="btn btn-sm btn-primary" href=href>{text}</a> });
    let columns = take(&mut listed.columns).into_iter().map(|(name, on, href)| {
        view! { <a href=href class="menu-row">{if on { "✓ " } else { "+ " }} {name}</a> }
    });
    let exporting = take(&mut listed.exporting);
    let exports = (!listed.exports.is_empty()).then(|| {
        let links = take(&mut listed.exports).into_iter().map(|Link { text, href }| {
            view! { <a href=href class="menu-row" rel="external" download="">{text}</a> }
        });
        view! {
            <details class="menu-pop">
                <summary class="btn btn-sm btn-plain">"Export"</summary>
                <div class="menu-body">
                    {links.collect_view()}
                    <p class="menu-row hint">{exporting}</p>
                </div>
            </details>
        }
    });
    let (views, fields, kept) = (take(&mut listed.views), take(&mut listed.fields), take(&mut listed.kept));
    view! {
        <PageHead title=listed.title.clone() total=listed.total.clone()>
            <div class="actions">
                <details class="menu-pop">
                    <summary class="btn btn-sm btn-plain">"Columns"</summary>
                    <div class="menu-body">{columns.collect_view()}</div>
                </details>
                {exports}
                {action}
            </div>
        </PageHead>
        <Views of views unsaved=listed.unsaved may_share=listed.may_share saved=listed.saved.clone() query=listed.query.clone() />
        <Filters path=listed.path.clone() search=listed.search.clone() q=listed.q.clone() fields kept />
        <Chips chips=listed.chips.clone() />
        <Found of listed />
    }
}

/// The saved lists as tabs, and a place to save the one that is shown.
#[component]
fn Views(
    of: &'static str,
    views: Vec<model::SavedView>,
    unsaved: bool,
    may_share: bool,
    saved: String,
    query: String,
) -> impl IntoView {
    let (save, remove) = (act::<SaveView>(), act::<RemoveView>());
    let (error, kept) = (act_error(save), act_error(remove));
    let here = views.iter().find(|view| view.here).cloned();
    let gone = here.and_then(|view| view.removable.map(|id| (id, view.name)));
    let tabs = views.into_iter().map(|view| {
        view! { <a href=view.href aria-current=view.here.then_some("page")>{view.name}</a> }
    });
    let form = unsaved.then(|| {
        view! {
            <details class="more save-view" open=error.is_refused()>
                <summary>"Save this view " <span class="muted num">{saved}</span></summary>
                <ActionForm action=save class="filters">
                    <FormError error />
                    <input type="hidden" name="of" value=of />
                    <input type="hidden" name="query" value=query />
                    <div class="grow"><Field name="name" label="Name" required=true maxlength="60" error /></div>
                    {may_share.then(|| view! { <Checkbox name="shared" label="For everybody" error /> })}
                    <Submit label="Save view" pending=save.pending() />
                </ActionForm>
            </details>
        }
    });
    let forget = gone.map(|(id, name)| {
        view! {
            <ActionForm action=remove class="filters">
                <FormError error=kept />
                <input type="hidden" name="of" value=of />
                <input type="hidden" name="id" value=id />
                <button class="btn btn-sm btn-ghost" type="submit">{format!("Remove view “{name}”")}</button>
            </ActionForm>
        }
    });
    view! {
        <nav class="tab-row" aria-label="Saved views">{tabs.collect_view()}</nav>
        {form}
        {forget}
    }
}

/// What narrows the list, as a form whose answers stand in the address.
#[component]
fn Filters(
    path: String,
    search: String,
    q: String,
    fields: Vec<model::Field>,
    kept: Vec<(String, String)>,
) -> impl IntoView {
    let open = fields.iter().any(|field| !field.first && !field.value.is_empty());
    let (first, rest): (Vec<model::Field>, Vec<model::Field>) = fields.into_iter().partition(|field| field.first);
    let rest = (!rest.is_empty()).then(|| {
        view! {
            <details class="more all-filters" open=open>
                <summary>"More filters"</summary>
                <div class="filters">{rest.into_iter().map(field).collect_view()}</div>
            </details>
        }
    });
    let first = first.into_iter().map(field).collect_view().into_any();
    view! { <Search path label=search q kept beside=first under=rest.into_any() /> }
}

fn field(field: model::Field) -> impl IntoView {
    let id = format!("list-{}", field.name);
    let input = if field.options.is_empty() {
        view! { <input class="input" type="date" id=id.clone() name=field.name value=field.value /> }.into_any()
    } else {
        let options = field.options.into_iter().map(|(value, text)| {
            let selected = value == field.value;
            view! { <option value=value selected=selected>{text}</option> }
        });
        view! { <select class="select" id=id.clone() name=field.name>{options.collect_view()}</select> }.into_any()
    };
    view! { <div class="narrow"><label for=id>{field.label}</label>{input}</div> }
}

/// What narrows the list now; each goes with a click.
#[component]
fn Chips(chips: Vec<Link>) -> impl IntoView {
    (!chips.is_empty()).then(|| {
        let chips = chips.into_iter().map(|Link { text, href }| {
            view! {
                <a class="chip" href=href>
                    {text} <span aria-hidden="true">" ×"</span> <span class="visually-hidden">" (remove)"</span>
                </a>
            }
        });
        view! { <div class="chips" role="group" aria-label="Filters in force">{chips.collect_view()}</div> }
    })
}

#[component]
fn Table(title: String, heads: Vec<Head>, rows: Vec<Line>, chosen: bool) -> impl IntoView {
    let head = |head: Head| {
        let sorted = head.sorted.map(|down| if down { "descending" } else { "ascending" });
        let sign = head.sorted.map(|down| view! { <span aria-hidden="true">{if down { " ↓" } else { " ↑" }}</span> });
        let name = match head.sort {
            Some(href) => view! { <a href=href class="sort">{head.name} {sign}</a> }.into_any(),
            None => head.name.into_any(),
        };
        view! { <th class=head.class scope="col" aria-sort=sorted>{name}</th> }
    };
    let classes: Vec<String> = heads.iter().map(|head| head.class.clone()).collect();
    let row = move |row: Line| {
        let pick = chosen.then(|| {
            view! {
                <td class="pick">
                    <input class="checkbox checkbox-sm" type="checkbox" name="id" value=row.id.clone() aria-label=format!("Choose {}", row.name) />
                </td>
            }
        });
        let cells = row.cells.into_iter().zip(&classes).map(|(cell, class)| {
            let class = if matches!(cell, Cell::When(_) | Cell::License(_) | Cell::Badge(..)) {
                format!("{class} nowrap")
            } else {
                format!("{class} clip")
            };
            view! { <td class=class>{inside(cell)}</td> }
        });
        let links = row.actions.into_iter().map(|Link { text, href }| view! { <a class="link" href=href>{text}</a> });
        view! {
            <tr>
                {pick} {cells.collect_view()}
                <td class="right wide">
                    <span class="row-actions on-hover">
                        {links.collect_view()} <CopyButton text=row.id what=format!("id of {}", row.name) />
                    </span>
                </td>
            </tr>
        }
    };
    view! {
        <div class="table-wrap" tabindex="0" role="region" aria-label=title>
            <table class="rows">
                <thead>
                    <tr>
                        {chosen.then(|| view! { <th class="pick"><span class="visually-hidden">"Choose"</span></th> })}
                        {heads.into_iter().map(head).collect_view()}
                        <th class="wide"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

fn inside(cell: Cell) -> AnyView {
    match cell {
        Cell::Nothing => view! { <span class="muted">"–"</span> }.into_any(),
        Cell::Text(text, true) => view! { <Copyable text=text.clone() what=text /> }.into_any(),
        Cell::Id(Link { text, href }) => view! { <Copyable text=text.clone() what=text href=Some(href) /> }.into_any(),
        Cell::Text(text, false) => text.into_any(),
        Cell::Link(Link { text, href }, under, mono) => view! {
            <a class=if mono { "row-link mono" } else { "row-link" } href=href>{text}</a>
            {(!under.is_empty()).then(|| view! { <span class="sub">{under}</span> })}
        }
        .into_any(),
        Cell::When(when) => view! { <WhenText when /> }.into_any(),
        Cell::License(state) => view! { <LicenseBadge state /> }.into_any(),
        Cell::Badge(tone, word) => view! { <StateBadge tone word /> }.into_any(),
    }
}

/// Rows that can be chosen, each or all that match, and what to do with them: a page says first what it would do.
#[component]
fn Choosing(
    of: &'static str,
    steps: Vec<(String, String)>,
    query: String,
    total: String,
    children: Children,
) -> impl IntoView {
    let buttons = steps.into_iter().map(|(step, words)| {
        view! { <button class="btn btn-sm btn-plain" type="submit" name="step" value=step>{words}</button> }
    });
    view! {
        <form method="get" action="/console/acts/new">
            <input type="hidden" name="of" value=of />
            <input type="hidden" name="query" value=query />
            {children()}
            <fieldset class="bulk">
                <legend class="visually-hidden">"Do with the chosen"</legend>
                <label class="check">
                    <input class="checkbox checkbox-sm" type="checkbox" name="all" value="true" />
                    {format!("All {total} that match")}
                </label>
                <span class="row-actions">{buttons.collect_view()}</span>
            </fieldset>
        </form>
    }
}
