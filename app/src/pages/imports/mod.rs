//! Importing the licenses of customers a vendor already has: a file, what its columns mean, what would become of every
//! row, a yes, the result.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map, use_query_map};

use crate::ui::{
    ActionForm, Checkbox, Crumb, Empty, FormError, PageHead, Pager, Refresh, Rows, Section, SelectField, Shape,
    StateBadge, Steps, Submit, Tone, WhenText, act, act_error,
    data::with_query,
    load,
    page::{Notice, NoticeKind},
    refused::FormState,
    show,
};
use api::{CancelImport, ConfirmImport, Remap};
use model::{Column, FORMATS, ImportDetail, ImportItem, ImportsView, MEANINGS, RowView, Stage, fate_word};

/// Where a file is sent to.
const UPLOAD: &str = "/console/imports/upload";

const STEPS: [&str; 4] = ["File", "Columns", "Preview", "Result"];

#[component]
fn StageBadge(stage: Stage) -> impl IntoView {
    let (tone, shape, word) = match stage {
        Stage::Reading => (Tone::Info, Shape::Clock, "Reading"),
        Stage::Ready => (Tone::Warn, Shape::Warning, "Waits for you"),
        Stage::Running => (Tone::Info, Shape::Clock, "Running"),
        Stage::Done => (Tone::Good, Shape::Good, "Done"),
        Stage::Cancelled => (Tone::None, Shape::Bad, "Cancelled"),
    };
    view! { <StateBadge tone shape word /> }
}

/// A new import, and those before.
#[component]
pub fn ImportsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(|query| query.get("after").unwrap_or_default()));
    let imports = load(move || asked.get(), api::imports);
    let error = FormState::plain(UPLOAD);
    show(imports, move |found: ImportsView| {
        let shown = found.list.items.len() as u64;
        let form = if found.products.is_empty() {
            view! {
                <Empty title="A product comes first" text="Imported licenses belong to a product and a plan. Create them, then come back with your file.">
                    <a class="btn btn-primary" href="/console/products/new">"Create product"</a>
                </Empty>
            }
            .into_any()
        } else {
            let plans = std::iter::once((String::new(), "A column of the file says it".to_owned()))
                .chain(found.plans)
                .collect();
            let formats = FORMATS.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned())).collect();
            view! {
                <form class="form" method="post" action=UPLOAD enctype="multipart/form-data">
                    <SelectField name="product" label="Product" options=found.products error />
                    <SelectField name="plan" label="Plan" options=plans hint="For rows that name none." error />
                    <SelectField name="format" label="The file is" options=formats hint="If it is not what you think it is, say so." error />
                    <DateOrderField chosen=String::new() error />
                    <div class="field">
                        <label for="file">"File"</label>
                        <input class="file-input" type="file" id="file" name="file" accept=".csv,.tsv,.txt,.json,text/csv,application/json" required aria-describedby="file-hint" />
                        <p class="hint" id="file-hint">
                            "A table with a header row, or another system's export as it is; in UTF-8. Keys of other systems are kept byte for byte. Nothing is changed until you have seen every row's fate and said yes. "
                            {found.most}
                        </p>
                    </div>
                    <div class="form-actions"><Submit label="Read file" /></div>
                </form>
            }
            .into_any()
        };
        let before = (!found.list.items.is_empty()).then(|| {
            view! {
                <Section title="Imports so far">
                    <Rows label="Imports so far" head=vec![("File", ""), ("State", ""), ("Rows", "right"), ("When", "right wide")]>
                        {found.list.items.into_iter().map(row).collect_view()}
                    </Rows>
                    <Pager shown next=found.list.next />
                </Section>
            }
        });
        view! {
            <PageHead title="Import licenses" />
            <p class="page-sub">"Bring the customers you already have. Their keys keep working."</p>
            <Steps names=STEPS.to_vec() at=0 />
            <FormError error />
            {form}
            {before}
        }
    })
}

fn row(item: ImportItem) -> impl IntoView {
    view! {
        <tr>
            <td class="clip"><a class="row-link" href=format!("/console/imports/{}", item.id)>{item.file}</a></td>
            <td><StageBadge stage=item.stage /></td>
            <td class="right">{item.rows}</td>
            <td class="right wide nowrap"><WhenText when=item.created /></td>
        </tr>
    }
}

#[component]
fn DateOrderField(chosen: String, error: FormState) -> impl IntoView {
    let options = [
        ("", "2026-12-31, unmistakable"),
        ("day_first", "31/12/2026 or 31.12.2026, day first"),
        ("month_first", "12/31/2026, month first"),
    ];
    let options = options.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned())).collect();
    view! { <SelectField name="dates" label="Dates are written" options value=chosen error /> }
}

/// One import.
#[component]
pub fn ImportPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let id = params.with(|params| params.get("id").unwrap_or_default());
        query.with(|query| {
            let line = query.get("line").and_then(|line| line.parse().ok()).unwrap_or(0u64);
            (id, query.get("fate").unwrap_or_default(), line)
        })
    });
    let import = load(move || asked.get(), |(id, fate, line)| api::import(id, fate, line));
    let refresh = use_context::<Refresh>();
    // While it is at work, look again every second; without scripting there is a link for that.
    Effect::new(move |_| {
        let found = import.get();
        let at_work = matches!(found, Some(Ok(found)) if matches!(found.item.stage, Stage::Reading | Stage::Running));
        if let (true, Some(Refresh(count))) = (at_work, refresh) {
            set_timeout(move || count.update(|count| *count += 1), std::time::Duration::from_secs(1));
        }
    });
    show(import, move |found| {
        let fate = asked.get_untracked().1;
        let at = match found.item.stage {
            Stage::Reading | Stage::Cancelled => 1,
            Stage::Ready if found.problem.is_some() => 1,
            Stage::Ready => 2,
            Stage::Running => 3,
            Stage::Done => 4,
        };
        let body = match found.item.stage {
            Stage::Reading | Stage::Running => view! { <AtWork found=found.clone() /> }.into_any(),
            Stage::Ready => view! { <Preview found=found.clone() fate /> }.into_any(),
            Stage::Done => view! { <Outcome found=found.clone() fate /> }.into_any(),
            Stage::Cancelled => {
                view! { <Empty title="Cancelled" text="Nothing was changed. Read the file again to start over." /> }
                    .into_any()
            }
        };
        view! {
            <PageHead title=found.item.file.clone() crumbs=vec![Crumb::new("/console/imports", "Import")]>
                <StageBadge stage=found.item.stage />
            </PageHead>
            <p class="page-sub num">{found.used.clone()}</p>
            <Steps names=STEPS.to_vec() at />
            {body}
        }
    })
}

#[component]
fn AtWork(found: ImportDetail) -> impl IntoView {
    let all = found.create.max(1);
    view! {
        <p>{found.progress} " of " {found.create} " rows made ready. All of them become licenses in the same moment."</p>
        <progress class="meter" max=all.to_string() value=found.progress.to_string() aria-label="Progress of the import"></progress>
        <p class="section"><a class="link" href="" rel="external">"Look again"</a></p>
    }
}

#[component]
fn Preview(found: ImportDetail, fate: String) -> impl IntoView {
    let remap = act::<Remap>();
    let remap_error = act_error(remap);
    let confirm = act::<ConfirmImport>();
    let confirm_error = act_error(confirm);
    let cancel = act::<CancelImport>();
    let cancel_error = act_error(cancel);
    let id = found.item.id.clone();
    let problem =
        found.problem.clone().map(|problem| view! { <Notice kind=NoticeKind::Warn><p>{problem}</p></Notice> });
    let blocked = found.problem.is_some() || found.create == 0;
    let in_the_way = found.in_the_way;
    let licenses = if found.create == 1 { "1 license".to_owned() } else { format!("{} licenses", found.create) };
    let yes = if blocked {
        view! { <p class="muted">"There is nothing to import as the columns are mapped now."</p> }.into_any()
    } else {
        let leave_out = (in_the_way > 0).then(|| {
            view! {
                <Notice kind=NoticeKind::Warn>
                    <p>{in_the_way} " rows cannot be imported. Mend the file and read it again, or leave them out."</p>
                </Notice>
                <Checkbox name="leave_out" label=format!("Leave out these {in_the_way} rows") required=true error=confirm_error />
            }
        });
        view! {
            <FormError error=confirm_error />
            <ActionForm action=confirm class="form" clone:id>
                <input type="hidden" name="id" value=id.clone() />
                {leave_out}
                <div class="form-actions">
                    <Submit label=format!("Import {licenses}") pending=confirm.pending() />
                </div>
            </ActionForm>
        }
        .into_any()
    };
    let plans = std::iter::once((String::new(), "A column of the file says it".to_owned()))
        .chain(found.plans.clone())
        .collect();
    view! {
        {problem}
        {about(&found)}
        <details class="more" open=found.problem.is_some() || remap_error.is_refused()>
            <summary>"Columns (" {found.columns.len()} ")"</summary>
            <FormError error=remap_error />
            <ActionForm action=remap class="stack" clone:id clone:found>
                <input type="hidden" name="id" value=id.clone() />
                <Columns columns=found.columns.clone() error=remap_error />
                <div class="pair">
                    <SelectField name="plan" label="Plan of rows that name none" options=plans value=found.plan.clone() error=remap_error />
                    <DateOrderField chosen=found.dates.clone() error=remap_error />
                </div>
                <button type="submit" class="btn btn-plain">"Read rows again"</button>
            </ActionForm>
        </details>
        <Section title="What becomes of each row" clone:found>
            <Fates found=found.clone() fate=fate.clone() />
            <FateRows found=found.clone() />
        </Section>
        <Section title="Import">
            {yes}
            <FormError error=cancel_error />
            <ActionForm action=cancel class="section" clone:id>
                <input type="hidden" name="id" value=id />
                <button type="submit" class="btn btn-sm btn-plain">"Cancel import"</button>
            </ActionForm>
        </Section>
    }
}

/// What the file was recognised as, and what of it is no license.
fn about(found: &ImportDetail) -> Option<impl IntoView + use<>> {
    let (source, left_out) = (found.source.clone(), found.left_out);
    (!source.is_empty() || left_out > 0).then(|| {
        view! {
            <p class="muted">
                {(!source.is_empty()).then(|| format!("An export of {source}. "))}
                {(left_out > 0).then(|| format!("{left_out} more rows are no licenses: sales of something else, repeated charges, totals."))}
            </p>
        }
    })
}

#[component]
fn Columns(columns: Vec<Column>, error: FormState) -> impl IntoView {
    let row = move |(number, column): (usize, Column)| {
        let mut options: Vec<(String, String)> =
            MEANINGS.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned())).collect();
        if MEANINGS.iter().any(|(value, _)| *value == column.field) {
            let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
            let code: String = column.header.chars().map(letter).collect();
            let code = code.trim_matches('_');
            if !code.is_empty() && code.len() <= 64 {
                options.push((format!("entitlement:{code}"), format!("Entitlement {code}")));
            }
        } else {
            options.push((column.field.clone(), column.field.replace("entitlement:", "Entitlement ")));
        }
        let chosen = error.typed(&format!("columns[{number}]")).unwrap_or_else(|| column.field.clone());
        view! {
            <tr>
                <td>{column.header.clone()}</td>
                <td class="clip muted wide">{column.samples}</td>
                <td>
                    <select class="select" name=format!("columns[{number}]") aria-label=format!("What {} means", column.header)>
                        {options
                            .into_iter()
                            .map(|(value, text)| {
                                let selected = value == chosen;
                                view! { <option value=value selected=selected>{text}</option> }
                            })
                            .collect_view()}
                    </select>
                </td>
            </tr>
        }
    };
    view! {
        <Rows label="Columns" head=vec![("Column", ""), ("First values", "wide"), ("Means", "")]>
            {columns.into_iter().enumerate().map(row).collect_view()}
        </Rows>
    }
}

/// How many rows meet which fate; each leads to them.
#[component]
fn Fates(found: ImportDetail, fate: String) -> impl IntoView {
    let path = format!("/console/imports/{}", found.item.id);
    let all = (String::new(), "All".to_owned(), found.item.rows.clone());
    let each = found
        .counts
        .into_iter()
        .filter(|count| count.any || count.fate == fate)
        .map(|count| (count.fate.clone(), fate_word(&count.fate).to_owned(), count.count));
    let links: Vec<_> = std::iter::once(all)
        .chain(each)
        .map(|(value, word, count)| {
            let href = if value.is_empty() { path.clone() } else { format!("{path}?fate={value}") };
            view! { <a href=href aria-current=(value == fate).then_some("page")>{word} " " <span class="muted num">{count}</span></a> }
        })
        .collect();
    view! { <nav class="tab-row" aria-label="Rows by fate">{links}</nav> }
}

#[component]
fn FateRows(found: ImportDetail) -> impl IntoView {
    if found.rows.is_empty() {
        return view! { <Empty title="No such row" text="No row of the file meets this fate." /> }.into_any();
    }
    let query = use_query_map();
    let path = use_location().pathname;
    let shown = found.rows.len();
    let next = found.next;
    let onward =
        move || next.map(|line| query.with(|query| with_query(&path.get(), query, &[("line", &line.to_string())])));
    let row = |row: RowView| {
        let tone = match row.fate.as_str() {
            "create" => Tone::Good,
            "unchanged" => Tone::None,
            "error" => Tone::Bad,
            _ => Tone::Warn,
        };
        let key = match row.license {
            Some(id) => {
                view! { <a class="row-link mono" href=format!("/console/licenses/{id}")>{row.key}</a> }.into_any()
            }
            None => view! { <span class="mono">{row.key}</span> }.into_any(),
        };
        view! {
            <tr>
                <td class="right">{row.line}</td>
                <td class="nowrap">{key}</td>
                <td class="clip wide">{row.customer}</td>
                <td><StateBadge tone word=fate_word(&row.fate) /></td>
                <td>{row.reason}</td>
            </tr>
        }
    };
    let head = vec![("Line", "right"), ("Key", ""), ("Customer", "wide"), ("Fate", ""), ("Reason", "")];
    view! {
        <Rows label="Rows of the file" head>{found.rows.into_iter().map(row).collect_view()}</Rows>
        <nav class="pager" aria-label="Pages of rows">
            <span class="num">{shown} " shown"</span>
            <span class="end">
                {move || onward().map(|href| view! { <a class="btn btn-sm btn-plain" href=href rel="next">"Next rows"</a> })}
            </span>
        </nav>
    }
    .into_any()
}

#[component]
fn Outcome(found: ImportDetail, fate: String) -> impl IntoView {
    let when = found.finished.clone().map(|when| view! { " " <WhenText when /> });
    view! {
        <Notice kind=NoticeKind::Good>
            <p>{found.create} " licenses imported" {when} ". Reading the same file again makes no second ones."</p>
        </Notice>
        {who_has_arrived(&found)}
        <p class="section"><a class="btn btn-primary" href=format!("/console/licenses?import={}", found.item.id)>"To the licenses"</a></p>
        <Section title="What became of each row">
            <Fates found=found.clone() fate />
            <FateRows found />
        </Section>
    }
}

/// On how many of the licenses a device was activated since, and the way to the others.
fn who_has_arrived(found: &ImportDetail) -> Option<impl IntoView + use<>> {
    let arrived = found.arrived.clone()?;
    let list = format!("/console/licenses?import={}&state=active&use=never", found.item.id);
    let others =
        (!arrived.others.is_empty()).then(|| view! { <a class="link" href=list>{arrived.others} " not yet"</a> });
    let left_out = (!arrived.left_out.is_empty()).then(
        || view! { <p class="muted">"Not counted, because nobody can activate with them: " {arrived.left_out} "."</p> },
    );
    let counted = (arrived.all > 0).then(|| {
        view! {
            <p><strong class="num">{arrived.words}</strong> " have activated here. " {others}</p>
            <progress class="meter" max=arrived.all.to_string() value=arrived.here.to_string() aria-label="Licenses that have activated here"></progress>
        }
    });
    Some(view! {
        <Section title="Who has arrived">
            <div class="stack">
                {counted}
                {left_out}
            </div>
        </Section>
    })
}
