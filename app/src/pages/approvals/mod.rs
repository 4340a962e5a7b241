//! Approvals: what somebody may not do alone, and a second person decides on.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    pages::{List, licenses::steps::Losses},
    ui::{
        ActionForm, Copyable, Crumb, Empty, Fact, Facts, FormError, PageHead, Pager, Rows, Section, StateBadge, Submit,
        Tab, Tabs, TextArea, WhenText, act, act_error, load,
        page::{Notice, NoticeKind},
        show,
    },
};
use api::{Decide, Withdraw};
use model::{ApprovalDetail, ApprovalRow};

/// The tab of everything.
const ALL: &str = "all";

/// What was asked for.
#[component]
pub fn ApprovalsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| (query.get("tab").unwrap_or_default(), query.get("after").unwrap_or_default()))
    });
    let found = load(move || asked.get(), |(tab, after)| api::approvals(tab, after));
    show(found, move |found: List<ApprovalRow>| {
        let open = asked.get_untracked().0;
        let tabs = vec![Tab { value: "", name: "Waiting" }, Tab { value: ALL, name: "All" }];
        let shown = found.items.len() as u64;
        let rows = if found.items.is_empty() {
            let (title, text) = if open == ALL {
                (
                    "Nobody has asked for approval yet",
                    "More than ten licenses at once, and work on signing keys, take a second person unless an owner does it. Who asks for that is listed here.",
                )
            } else {
                ("Nothing waits for approval", "What was decided is under All.")
            };
            view! { <Empty title text /> }.into_any()
        } else {
            let row = |row: ApprovalRow| {
                let (tone, word) = row.state;
                view! {
                    <tr>
                        <td>
                            <a class="row-link" href=format!("/console/approvals/{}", row.id)>{row.what}</a>
                            <span class="sub">{row.reason}</span>
                        </td>
                        <td><StateBadge tone word /></td>
                        <td class="wide">{row.who}</td>
                        <td class="right wide nowrap"><WhenText when=row.asked /></td>
                    </tr>
                }
            };
            let head = vec![("What", ""), ("State", ""), ("Asked for by", "wide"), ("When", "right wide")];
            view! {
                <Rows label="Approvals" head>{found.items.into_iter().map(row).collect_view()}</Rows>
                <Pager shown next=found.next />
            }
            .into_any()
        };
        view! {
            <PageHead title="Approvals" total=found.total />
            <Tabs tabs open />
            {rows}
        }
    })
}

/// One to decide on, or what became of it.
#[component]
pub fn ApprovalPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let found = load(move || id.get(), api::approval);
    let (decide, withdraw) = (act::<Decide>(), act::<Withdraw>());
    show(found, move |found: ApprovalDetail| {
        let row = found.row;
        let (tone, word) = row.state;
        let kind = if found.ends_access { NoticeKind::Warn } else { NoticeKind::Info };
        let does = (!found.does.is_empty()).then(|| {
            view! {
                <Notice kind>
                    {found.does.into_iter().map(|does| view! { <p>{does}</p> }).collect_view()}
                </Notice>
            }
        });
        let losses = (found.ends_access && !found.losses.is_empty()).then(|| view! { <Losses losses=found.losses /> });
        let id = row.id.clone();
        let decision = found.may_decide.then(|| {
            let (error, id) = (act_error(decide), id.clone());
            view! {
                <Section title="Decide">
                    <ActionForm action=decide class="form">
                        <FormError error />
                        <input type="hidden" name="id" value=id />
                        <TextArea name="note" label="Note" hint="Kept in the audit log." error />
                        <div class="form-actions">
                            <Submit label="Approve" danger=found.ends_access pending=decide.pending() />
                            <button class="btn btn-plain" type="submit" name="refuse" value="true">"Refuse"</button>
                        </div>
                    </ActionForm>
                </Section>
            }
        });
        let take_back = found.may_withdraw.then(|| {
            let error = act_error(withdraw);
            view! {
                <ActionForm action=withdraw class="form section">
                    <FormError error />
                    <input type="hidden" name="id" value=id />
                    <div class="form-actions">
                        <Submit label="Withdraw" pending=withdraw.pending() />
                    </div>
                </ActionForm>
            }
        });
        view! {
            <PageHead title=row.what crumbs=vec![Crumb::new("/console/approvals", "Approvals")]>
                <StateBadge tone word />
            </PageHead>
            <p class="page-sub"><Copyable text=row.id what="approval id" /></p>
            {does}
            {losses}
            <Section title="Facts">
                <Facts>
                    <Fact name="Asked for by">{row.who} ", " <WhenText when=row.asked /></Fact>
                    <Fact name="Reason">{row.reason}</Fact>
                    {found.about.map(|(href, name)| view! { <Fact name="About"><a class="link" href=href>{name}</a></Fact> })}
                    {found.until.map(|when| view! { <Fact name="Can be approved until"><WhenText when exact=true /></Fact> })}
                    {found.decided.map(|(who, when)| view! { <Fact name="Decided by">{who} ", " <WhenText when /></Fact> })}
                    {found.note.map(|note| view! { <Fact name="Note">{note}</Fact> })}
                    {found.act.map(|act| view! { <Fact name="Act"><a class="link" href=format!("/console/acts/{act}")>"What became of each"</a></Fact> })}
                </Facts>
            </Section>
            {decision}
            {take_back}
        }
    })
}
