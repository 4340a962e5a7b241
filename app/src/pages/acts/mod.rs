//! Acts on many licenses or seats: what one would do, how far it is, what became of each, and taking it back.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    pages::{List, licenses::steps::Losses},
    ui::{
        ActionForm, CopyButton, Countdown, Crumb, Empty, Fact, Facts, Field, FormError, PageHead, Pager, Rows, Section,
        StateBadge, Submit, Tab, Tabs, TextArea, Tone, When, WhenText, act, act_error,
        live::load_while,
        load,
        page::{Notice, NoticeKind},
        search_here, show,
    },
};
use api::{BeginAct, StopAct};
use model::{ActDetail, ActRow, Item, Proposed, Waiting};

fn crumbs() -> Vec<Crumb> {
    vec![Crumb::new("/console/acts", "Acts on many")]
}

/// What an act on many would do, before it is done.
#[component]
pub fn NewActPage() -> impl IntoView {
    let search = search_here();
    let proposed = load(move || search.get(), api::propose);
    let action = act::<BeginAct>();
    let error = act_error(action);
    show(proposed, move |proposed: Proposed| {
        let kind = if proposed.ends_access { NoticeKind::Warn } else { NoticeKind::Info };
        let days = proposed.days.then(|| {
            view! { <Field name="act[days]" label="Days" kind="number" value="30" min="1" required=true hint="By how much each is extended." error /> }
        });
        let losses =
            (proposed.ends_access && !proposed.losses.is_empty()).then(|| view! { <Losses losses=proposed.losses /> });
        let label = if proposed.second { "Ask for approval".to_owned() } else { proposed.title.clone() };
        let later = proposed.later.then(|| view! { <p class="small">{LATER}</p> });
        view! {
            <PageHead title=proposed.title crumbs=vec![Crumb::new(proposed.back.clone(), "Back")] />
            {proposed.second.then(|| view! { <Second /> })}
            <Notice kind>
                {proposed.impact.map(|impact| view! { <p>{impact}</p> })}
                <p class="small">{proposed.does}</p>
                {later}
                {proposed.limit.map(|limit| view! { <p class="small">{limit}</p> })}
                <p class="small">"It is done in the background, one after the other, and written to the audit log license by license. What cannot be done is listed with the reason."</p>
            </Notice>
            {losses}
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="act[id]" value=proposed.id />
                <input type="hidden" name="act[of]" value=proposed.of />
                <input type="hidden" name="act[step]" value=proposed.step />
                <input type="hidden" name="act[ids]" value=proposed.ids />
                <input type="hidden" name="act[query]" value=proposed.query />
                {proposed.second.then(|| view! { <input type="hidden" name="act[ask]" value="true" /> })}
                {days}
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error />
                <div class="form-actions">
                    <Submit label danger=proposed.ends_access pending=action.pending() />
                    <a class="btn btn-plain" href=proposed.back>"Cancel"</a>
                </div>
            </ActionForm>
        }
    })
}

/// What is said of an act of support's that ends somebody's access.
pub const LATER: &str =
    "It takes effect ten minutes from then. Until that moment it can be taken back, and no device notices anything.";

/// An act that begins later, beside what it is about, with the way to take it back.
#[component]
pub fn WaitingNotice(waiting: Waiting) -> impl IntoView {
    let action = act::<StopAct>();
    let error = act_error(action);
    let href = format!("/console/acts/{}", waiting.id);
    let back = waiting.may_stop.then(|| {
        view! {
            <ActionForm action=action>
                <input type="hidden" name="id" value=waiting.id />
                <button type="submit" class="btn btn-sm btn-plain">"Take it back"</button>
            </ActionForm>
        }
    });
    view! {
        <Notice kind=NoticeKind::Warn>
            <p>
                <a class="link" href=href>{waiting.what}</a> " begins in " <Countdown seconds=waiting.seconds at=waiting.at />
                ", asked for by " {waiting.who} ". Until then nothing changes."
            </p>
            <p class="small">"Reason: " {waiting.reason}</p>
            {back}
        </Notice>
        <FormError error />
    }
}

/// That a second person has to approve what is proposed.
#[component]
pub fn Second() -> impl IntoView {
    view! {
        <Notice kind=NoticeKind::Info>
            <p>"This takes a second person: an owner, or an admin other than you, approves it within seven days. Nothing changes before that."</p>
        </Notice>
    }
}

fn badge(row: &ActRow) -> impl IntoView + use<> {
    let tone = match (row.runs, row.state.as_str()) {
        (true, _) => Tone::Info,
        (_, "Done") => Tone::Good,
        (_, "Waits") => Tone::Warn,
        _ => Tone::Bad,
    };
    view! { <StateBadge tone word=row.state.clone() /> }
}

/// The acts on many, the newest first.
#[component]
pub fn ActsPage() -> impl IntoView {
    let query = use_query_map();
    let after = Memo::new(move |_| query.with(|query| query.get("after").unwrap_or_default()));
    let acts = load(move || after.get(), api::acts);
    show(acts, |found: List<ActRow>| {
        let acts = found.items;
        let shown = acts.len() as u64;
        let table = if acts.is_empty() {
            let text =
                "Choose licenses or seats in their lists, or all that match, and say what is to be done with them.";
            view! {
                <Empty title="No act on many yet" text>
                    <a class="btn btn-plain" href="/console/licenses">"Licenses"</a>
                    <a class="btn btn-plain" href="/console/seats">"Seats"</a>
                </Empty>
            }
            .into_any()
        } else {
            let row = |row: ActRow| {
                let (of, changed, refused) = row.counts;
                view! {
                    <tr>
                        <td>
                            <a class="row-link" href=format!("/console/acts/{}", row.id)>{row.what.clone()}</a>
                            <span class="sub">{row.reason.clone()}</span>
                        </td>
                        <td>{badge(&row)}</td>
                        <td class="right nowrap">{changed} " of " {of}</td>
                        <td class="right wide">{refused}</td>
                        <td class="wide">{row.who}</td>
                        <td class="right wide nowrap"><WhenText when=row.began /></td>
                    </tr>
                }
            };
            let head = vec![
                ("What", ""),
                ("State", ""),
                ("Changed", "right"),
                ("Refused", "right wide"),
                ("Who", "wide"),
                ("When", "right wide"),
            ];
            view! {
                <Rows label="Acts on many" head>{acts.into_iter().map(row).collect_view()}</Rows>
                <Pager shown next=found.next />
            }
            .into_any()
        };
        view! {
            <PageHead title="Acts on many" total=found.total />
            {table}
        }
    })
}

/// The way to take an act back, while there is one.
fn undo_offer(id: &str, changed: u64, until: When) -> impl IntoView + use<> {
    let href = format!("/console/acts/new?undo={id}");
    view! {
        <Section title="Take it back">
            <p>"Exactly the " {changed} " that were changed become what they were. One that was changed since is left alone, and told. Offered until " <WhenText when=until exact=true /> "."</p>
            <p><a class="btn btn-plain" href=href>"Take it back"</a></p>
        </Section>
    }
}

/// What became of each, a page of it.
fn outcomes(items: Vec<Item>, export: String, next: Option<String>) -> AnyView {
    let shown = items.len() as u64;
    if items.is_empty() {
        view! { <p class="muted">"None."</p> }.into_any()
    } else {
        let item = |item: Item| {
            view! {
                <tr>
                    <td>
                        <span class="copyable">
                            <a class="row-link" href=item.href>{item.name.clone()}</a>
                            <CopyButton text=item.id what=format!("id of {}", item.name) />
                        </span>
                        <span class="sub">{item.under}</span>
                    </td>
                    <td>{item.customer}</td>
                    <td>{item.outcome}</td>
                </tr>
            }
        };
        let head = vec![("What", ""), ("Customer", ""), ("Outcome", "")];
        view! {
            <Rows label="What became of each" head>{items.into_iter().map(item).collect_view()}</Rows>
            <p><a class="link" href=export rel="external" download="">"All of these as CSV"</a></p>
            <Pager shown next />
        }
        .into_any()
    }
}

/// How far an act is, and what became of each.
#[component]
pub fn ActPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let id = params.with(|params| params.get("id").unwrap_or_default());
        query.with(|query| (id, query.get("tab").unwrap_or_default(), query.get("after").unwrap_or_default()))
    });
    let detail = load_while(
        |found: &ActDetail| found.row.runs,
        move || asked.get(),
        async |(id, fate, after), by_itself| {
            if by_itself { api::act_again(id, fate, after).await } else { api::act_on_many(id, fate, after).await }
        },
    );
    let action = act::<StopAct>();
    let error = act_error(action);
    show(detail, move |found: ActDetail| {
        let row = found.row;
        let (of, changed, refused) = row.counts;
        let standing = badge(&row);
        let progress = row.runs.then(|| {
            view! {
                <div class="section">
                    <progress class="meter" max=of.max(1).to_string() value=(changed + refused).to_string() aria-label="Progress"></progress>
                    <p class="unscripted"><a class="link" href="" rel="external">"Look again"</a></p>
                </div>
            }
        });
        let stop = found.may_stop.then(|| {
            let id = row.id.clone();
            view! {
                <ActionForm action=action class="section">
                    <input type="hidden" name="id" value=id />
                    <Submit label="Stop it" danger=true pending=action.pending() />
                </ActionForm>
            }
        });
        let waits = found.waits.map(|waiting| view! { <WaitingNotice waiting /> });
        let past = found.past.map(|past| view! { <p class="muted">{past}</p> });
        let stopped = found.stopped.map(|why| view! { <Notice kind=NoticeKind::Bad><p>{why}</p></Notice> });
        let other = |words: &'static str, id: Option<String>| {
            id.map(
                |id| view! { <p class="page-sub"><a class="link" href=format!("/console/acts/{id}")>{words}</a></p> },
            )
        };
        let undo = found.undo.map(|until| undo_offer(&row.id, changed, until));
        let open = asked.get_untracked().1;
        let tabs = vec![
            Tab { value: "", name: "All" },
            Tab { value: "changed", name: "Changed" },
            Tab { value: "refused", name: "Refused" },
            Tab { value: "pending", name: "To be done" },
        ];
        view! {
            <PageHead title=row.what.clone() crumbs=crumbs()>{standing}</PageHead>
            {waits}
            {stopped}
            {other("This takes back an earlier act.", found.undoes)}
            {other("This was taken back.", found.undone_by)}
            {progress}
            <FormError error />
            {stop}
            <Facts>
                <Fact name="Changed">{changed} " of " {of}</Fact>
                <Fact name="Refused">{refused}</Fact>
                <Fact name="Reason">{row.reason.clone()}</Fact>
                <Fact name="Asked for by">{row.who.clone()} ", " <WhenText when=row.began.clone() /></Fact>
                {found.approved_by.map(|(href, who)| view! { <Fact name="Approved by"><a class="link" href=href>{who}</a></Fact> })}
            </Facts>
            {undo}
            {past}
            <Section title="What became of each">
                <Tabs tabs open />
                {outcomes(found.items, found.export, found.next)}
            </Section>
        }
    })
}
