//! What holds data: tables, pagers, facts, tabs, time lines, steps.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};

use super::{Tone, When, WhenText};

/// A table: a head that stays in sight, rows of one height, and room to scroll sideways on a phone.
#[component]
pub fn Rows(
    /// What it lists, for those who cannot see it.
    #[prop(into)]
    label: String,
    /// Names of the columns with their class (`right`, `wide` for those a phone hides, or empty).
    head: Vec<(&'static str, &'static str)>,
    /// The rows, `<tr>` each.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table-wrap" tabindex="0" role="region" aria-label=label>
            <table class="rows">
                <thead>
                    <tr>
                        {head
                            .into_iter()
                            .map(|(name, class)| {
                                if name.is_empty() {
                                    view! { <th class=class><span class="visually-hidden">"Actions"</span></th> }.into_any()
                                } else {
                                    view! { <th class=class scope="col">{name}</th> }.into_any()
                                }
                            })
                            .collect_view()}
                    </tr>
                </thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}

/// Stands where a list would be when there is nothing in it, and says what to do next.
#[component]
pub fn Empty(
    /// What is missing.
    #[prop(into)]
    title: String,
    /// What it is for.
    #[prop(into)]
    text: String,
    /// Where to go from here.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </div>
    }
}

/// Searches a table: a form whose answer stands in the address, so that it works without scripting and can be shared.
#[component]
pub fn Search(
    /// The address of the page.
    #[prop(into)]
    path: String,
    /// What is searched.
    #[prop(into)]
    label: String,
    /// What stands in the box.
    q: String,
    /// What else stands in the address and stays.
    #[prop(optional)]
    kept: Vec<(String, String)>,
    /// What else narrows it, beside the box.
    #[prop(optional)]
    beside: Option<AnyView>,
    /// And under it.
    #[prop(optional)]
    under: Option<AnyView>,
) -> impl IntoView {
    view! {
        <form method="get" action=path role="search" aria-label="Filter the list">
            <div class="filters">
                <div class="grow">
                    <label for="list-q">{label}</label>
                    <input class="input" type="search" id="list-q" name="q" value=q autocomplete="off" />
                </div>
                {beside}
                <button class="btn btn-sm btn-plain" type="submit">"Filter"</button>
            </div>
            {under}
            {kept.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view()}
        </form>
    }
}

/// Stands where a table would be that a search has left nothing of.
#[component]
pub fn NothingMatches(
    /// What was searched for, such as "product".
    what: &'static str,
    /// How it is found.
    text: &'static str,
    /// The page without the search.
    #[prop(into)]
    all: String,
) -> impl IntoView {
    view! {
        <Empty title=format!("No {what} matches") text>
            <a class="btn btn-plain" href=all>"Show all"</a>
        </Empty>
    }
}

/// Percent-encodes a query value.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                for half in [byte >> 4, byte & 15] {
                    out.push(char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase());
                }
            }
        }
        out
    })
}

/// This page's address with some query values set (or removed, with an empty text), the rest kept.
///
/// What tells of the past, such as `done`, is dropped.
pub fn with_query(path: &str, query: &leptos_router::params::ParamsMap, changes: &[(&str, &str)]) -> String {
    let kept = query
        .clone()
        .into_iter()
        .map(|(key, value)| (key.into_owned(), value))
        .filter(|(key, _)| !key.starts_with("__") && key != "done" && !changes.iter().any(|(name, _)| name == key));
    let set = changes
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let all: Vec<(String, String)> = kept.chain(set).collect();
    with_values(path, &all.iter().map(|(key, value)| (key.as_str(), value)).collect::<Vec<_>>())
}

/// An address with these query values, without those that are empty.
pub fn with_values(path: &str, values: &[(&str, &String)]) -> String {
    let pairs: Vec<String> = values
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
        .collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Leads through a list by cursor: to the first page and to the next.
#[component]
pub fn Pager(
    /// How many rows are shown.
    #[prop(into)]
    shown: u64,
    /// The cursor of the next page, where there is one.
    next: Option<String>,
) -> impl IntoView {
    let query = use_query_map();
    let path = use_location().pathname;
    let first = move || {
        query.with(|query| query.get("after").is_some().then(|| with_query(&path.get(), query, &[("after", "")])))
    };
    let onward =
        move || next.as_deref().map(|cursor| query.with(|query| with_query(&path.get(), query, &[("after", cursor)])));
    view! {
        <nav class="pager" aria-label="Pages">
            <span class="num">{shown} " shown"</span>
            <span class="end">
                {move || first().map(|href| view! { <a class="btn btn-sm btn-plain" href=href>"First page"</a> })}
                {move || onward().map(|href| view! { <a class="btn btn-sm btn-plain" href=href rel="next">"Next page"</a> })}
            </span>
        </nav>
    }
}

/// A tab: its value in the address and its name.
#[derive(Clone, Copy, Debug)]
pub struct Tab {
    /// The value of `?tab=`; the first one of a page may be empty.
    pub value: &'static str,
    /// The name.
    pub name: &'static str,
}

/// Tabs whose choice stands in the address.
#[component]
pub fn Tabs(
    /// The tabs, the one without `?tab=` first.
    tabs: Vec<Tab>,
    /// Which one is open.
    #[prop(into)]
    open: String,
) -> impl IntoView {
    let path = use_location().pathname;
    view! {
        <nav class="tab-row" aria-label="Parts of this page">
            {tabs
                .into_iter()
                .map(|tab| {
                    let here = tab.value == open;
                    view! {
                        <a
                            href=move || if tab.value.is_empty() { path.get() } else { format!("{}?tab={}", path.get(), tab.value) }
                            aria-current=here.then_some("page")
                        >
                            {tab.name}
                        </a>
                    }
                })
                .collect_view()}
        </nav>
    }
}

/// Facts, as pairs of name and value.
#[component]
pub fn Facts(
    /// [`Fact`]s.
    children: Children,
) -> impl IntoView {
    view! { <dl class="facts">{children()}</dl> }
}

/// One fact.
#[component]
pub fn Fact(
    /// Its name.
    #[prop(into)]
    name: String,
    /// Its value.
    children: Children,
) -> impl IntoView {
    view! {
        <dt>{name}</dt>
        <dd>{children()}</dd>
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TimelineEntry {
    /// When.
    pub at: When,
    /// What, as a sentence.
    pub what: String,
    /// Why, and the like.
    pub why: Option<String>,
    /// Who.
    pub who: String,
    /// Whether it was for the better.
    pub tone: Tone,
    /// The page that says all of it.
    pub href: Option<String>,
    /// To what, where the time line is of many: words and address.
    pub place: Option<(String, String)>,
}

/// What happened, newest first.
#[component]
pub fn Timeline(
    /// The entries.
    entries: Vec<TimelineEntry>,
) -> impl IntoView {
    view! {
        <ol class="timeline">
            {entries
                .into_iter()
                .map(|entry| {
                    view! {
                        <li class=entry.tone.class()>
                            <div><a class="link-quiet" href=entry.href>{entry.what}</a></div>
                            {entry.why.map(|why| view! { <div class="why">{why}</div> })}
                            <div class="at">
                                <WhenText when=entry.at />
                                " · "
                                {entry.who}
                                {entry.place.map(|(name, href)| view! { " · " <a class="link" href=href>{name}</a> })}
                            </div>
                        </li>
                    }
                })
                .collect_view()}
        </ol>
    }
}

/// The steps of a longer task and where one is.
#[component]
pub fn Steps(
    /// The names.
    names: Vec<&'static str>,
    /// The present one, counted from 0.
    at: u8,
) -> impl IntoView {
    view! {
        <ol class="steps-row">
            {names
                .into_iter()
                .zip(0u8..)
                .map(|(name, number)| {
                    view! { <li class=if number < at { "done" } else { "" } aria-current=(number == at).then_some("step")>{name}</li> }
                })
                .collect_view()}
        </ol>
    }
}

#[cfg(test)]
mod tests {
    use leptos_router::params::ParamsMap;

    use super::with_query;

    #[test]
    fn addresses_keep_what_is_not_changed() {
        let mut query = ParamsMap::new();
        query.insert("q", "a b&c".to_owned());
        query.insert("after", "x".to_owned());
        query.insert("done", "saved".to_owned());
        assert_eq!(with_query("/p", &query, &[("after", "")]), "/p?q=a%20b%26c");
        assert_eq!(with_query("/p", &query, &[("q", ""), ("after", "")]), "/p");
        assert_eq!(with_query("/p", &query, &[("after", "ü")]), "/p?q=a%20b%26c&after=%C3%BC");
    }
}
