//! Server functions of the import screens. The file itself comes in through `ssr::upload`.

use leptos::prelude::*;

use super::model::{ImportDetail, ImportsView};
use crate::error::UiError;

/// What an import starts from, and those before.
#[server(output = crate::wire::Answer)]
pub async fn imports(after: String) -> Result<ImportsView, UiError> {
    use crate::{ctx, pages::serve, ssr::upload::FILE_LIMIT};
    use holdfast_domain::Permission;
    use holdfast_service::admin::{
        import::reader::{MAX_COLUMNS, MAX_ROWS},
        page::{Limit, PageRequest},
    };
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let service = ctx::service()?;
    let page = service.imports(&actor, serve::page(&after)?).await?;
    let all = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    let products = service.products(&actor, Some(false), None, all).await?;
    let plans = plan_choices(&actor, None).await?;
    let now = service.now();
    Ok(ImportsView {
        products: products
            .items
            .into_iter()
            .map(|product| (product.id.to_string(), product.name.to_string()))
            .collect(),
        plans,
        most: format!(
            "At most {} MiB, {} rows and {MAX_COLUMNS} columns.",
            FILE_LIMIT >> 20,
            serve::number(MAX_ROWS as u64)
        ),
        list: serve::list(page, |import| item(&import, now)),
    })
}

/// An import, with the rows of `fate` (or all) after a line.
#[server(output = crate::wire::Answer)]
pub async fn import(id: String, fate: String, after: u64) -> Result<ImportDetail, UiError> {
    use super::model::{Column, FateCount, RowView};
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve},
        ui::When,
    };
    use holdfast_domain::{Permission, Source};
    use holdfast_service::admin::{
        import::{
            dates::DateOrder,
            reader::{MAX_COLUMNS, MAX_ROWS},
        },
        views::{ImportState, RowFate},
    };
    const ROWS: usize = 50;
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let service = ctx::service()?;
    let id = parse_id(&id)?;
    let import = service.import(&actor, id).await?;
    let fates = [
        ("create", RowFate::Create, import.counts.create),
        ("unchanged", RowFate::Unchanged, import.counts.unchanged),
        ("duplicate", RowFate::Duplicate, import.counts.duplicate),
        ("conflict", RowFate::Conflict, import.counts.conflict),
        ("error", RowFate::Error, import.counts.error),
    ];
    let chosen = fates.iter().find(|(name, ..)| *name == fate).map(|(_, fate, _)| *fate);
    let rows = if matches!(import.state, ImportState::Ready | ImportState::Done) {
        service.import_rows(&actor, id, chosen, after, ROWS + 1).await?
    } else {
        Vec::new()
    };
    let next = rows.get(ROWS).and_then(|_| rows.get(ROWS - 1)).map(|row| row.line);
    let now = service.now();
    let name = |fate: RowFate| fates.iter().find(|(_, other, _)| *other == fate).map_or("error", |(name, ..)| *name);
    let dates = match import.dates {
        Some(DateOrder::DayFirst) => "day_first",
        Some(DateOrder::MonthFirst) => "month_first",
        None => "",
    };
    Ok(ImportDetail {
        item: item(&import, now),
        used: format!(
            "{} / {} rows, {} / {MAX_COLUMNS} columns",
            serve::number(import.counts.rows),
            serve::number(MAX_ROWS as u64),
            import.columns.len()
        ),
        columns: import
            .columns
            .iter()
            .map(|column| Column {
                header: column.header.clone(),
                field: column.field.clone(),
                samples: column.samples.join(", "),
            })
            .collect(),
        plan: import.plan.map(|plan| plan.to_string()).unwrap_or_default(),
        plans: plan_choices(&actor, Some(import.product)).await?,
        dates: dates.to_owned(),
        problem: import.problem.clone(),
        counts: fates
            .iter()
            .map(|(name, _, count)| FateCount {
                fate: (*name).to_owned(),
                count: serve::number(*count),
                any: *count > 0,
            })
            .collect(),
        create: import.counts.create,
        in_the_way: import.counts.in_the_way(),
        progress: import.progress,
        rows: rows
            .into_iter()
            .take(ROWS)
            .map(|row| RowView {
                line: row.line,
                fate: name(row.fate).to_owned(),
                reason: match (row.column, row.reason) {
                    (Some(column), Some(reason)) => format!("{column}: {reason}"),
                    (_, reason) => reason.unwrap_or_default(),
                },
                key: row.key,
                customer: row.customer,
                license: row.license.map(|id| id.to_string()),
            })
            .collect(),
        next,
        finished: import.finished_at.map(|at| When::new(at, now)),
        source: match import.source {
            Source::Csv => String::new(),
            source => source.name().to_owned(),
        },
        left_out: import.counts.left_out,
        arrived: import.arrived.filter(|arrived| arrived.licenses > 0).as_ref().map(arrivals),
    })
}

/// How many of an import's licenses are used here already.
#[cfg(feature = "ssr")]
fn arrivals(found: &holdfast_service::admin::views::ArrivedView) -> super::model::Arrived {
    use crate::pages::serve::number;
    let (all, here) = (found.expected(), found.activated);
    let left_out = [(found.revoked, "revoked"), (found.suspended, "suspended"), (found.expired, "expired")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{} {} {state}", number(count), if count == 1 { "is" } else { "are" }));
    super::model::Arrived {
        all,
        here,
        words: format!("{} of {}", number(here), number(all)),
        others: if all == here { String::new() } else { number(all - here) },
        left_out: left_out.collect::<Vec<_>>().join(", "),
    }
}

/// Reads the rows anew with other meanings of the columns.
#[server(output = crate::wire::Answer)]
pub async fn remap(
    id: String,
    columns: Vec<String>,
    #[server(default)] plan: String,
    #[server(default)] dates: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::{ImportId, Permission};
    use holdfast_service::admin::import::RemapImport;
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let id: ImportId = parse_id(&id)?;
    let mapping = columns.iter().map(|field| parse("columns", field)).collect::<Result<_, _>>()?;
    let input = RemapImport { mapping, plan: optional("plan", &plan)?, dates: date_order(&dates) };
    ctx::service()?.remap_import(&ctx::call(&actor), id, input).await?;
    ctx::redirect(&format!("/console/imports/{id}"));
    Ok(())
}

/// Makes the licenses. What takes longer than a moment goes on by itself, and the page shows how far it is.
#[server(output = crate::wire::Answer)]
pub async fn confirm_import(id: String, #[server(default)] leave_out: bool) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{ImportId, Permission};
    use holdfast_service::{Error, ErrorCode};
    use std::time::Duration;
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let service = ctx::service()?;
    let id: ImportId = parse_id(&id)?;
    let import = service.import(&actor, id).await?;
    if import.counts.in_the_way() > 0 && !leave_out {
        return Err(Error::new(ErrorCode::ImportRejected).into());
    }
    let call = ctx::call(&actor);
    let task = tokio::spawn(async move {
        let done = service.confirm_import(&call, id, leave_out).await;
        if let Err(error) = &done {
            tracing::warn!(?error, import = %id, "an import ended without licenses");
        }
        done
    });
    if let Ok(Ok(done)) = tokio::time::timeout(Duration::from_millis(1_500), task).await {
        done?;
    }
    ctx::redirect(&format!("/console/imports/{id}"));
    Ok(())
}

/// Gives an import up before anything was made.
#[server(output = crate::wire::Answer)]
pub async fn cancel_import(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    ctx::service()?.cancel_import(&ctx::call(&actor), parse_id(&id)?).await?;
    ctx::redirect("/console/imports?done=import_cancelled");
    Ok(())
}

/// In which order dates are written, as a form says it.
#[cfg(feature = "ssr")]
pub fn date_order(text: &str) -> Option<holdfast_service::admin::import::dates::DateOrder> {
    use holdfast_service::admin::import::dates::DateOrder;
    match text {
        "day_first" => Some(DateOrder::DayFirst),
        "month_first" => Some(DateOrder::MonthFirst),
        _ => None,
    }
}

/// Plans to choose, of one product or of all.
#[cfg(feature = "ssr")]
pub(crate) async fn plan_choices(
    actor: &holdfast_service::Actor,
    product: Option<holdfast_domain::ProductId>,
) -> Result<Vec<(String, String)>, UiError> {
    use holdfast_service::admin::{
        inputs::PlanFilter,
        page::{Limit, PageRequest},
    };
    let service = crate::ctx::service()?;
    let all = || PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    let products =
        service.products(actor, None, None, PageRequest { limit: Limit::new(200), ..PageRequest::default() }).await?;
    let plans =
        service.plans(actor, PlanFilter { product, archived: Some(false), ..PlanFilter::default() }, all()).await?;
    let name = |id| products.items.iter().find(|product| product.id == id).map(|product| product.name.to_string());
    let choice = |plan: &holdfast_service::admin::views::PlanView| {
        (plan.id.to_string(), format!("{} · {}", name(plan.product).unwrap_or_default(), plan.name))
    };
    Ok(plans.items.iter().map(choice).collect())
}

#[cfg(feature = "ssr")]
fn item(
    import: &holdfast_service::admin::views::ImportView,
    now: holdfast_domain::Timestamp,
) -> super::model::ImportItem {
    use super::model::{ImportItem, Stage};
    use crate::{pages::serve::number, ui::When};
    use holdfast_service::admin::views::ImportState;
    ImportItem {
        id: import.id.to_string(),
        file: import.file_name.clone(),
        stage: match import.state {
            ImportState::Reading => Stage::Reading,
            ImportState::Ready => Stage::Ready,
            ImportState::Running => Stage::Running,
            ImportState::Done => Stage::Done,
            ImportState::Cancelled => Stage::Cancelled,
        },
        rows: number(import.counts.rows),
        created: When::new(import.created_at, now),
    }
}
