//! Looking at imports: where each stands, and what becomes of its rows.

use super::{LINES, Notes, Why, absent, columns::Field, dates, stored_fate};
use crate::{
    Service,
    actor::Actor,
    admin::{
        page::{Page, PageRequest, try_map},
        views::{ArrivedView, ColumnView, ImportCounts, ImportRowView, ImportState, ImportView, RowFate},
    },
    error::Result,
};
use holdfast_domain::{ImportId, LicenseKey, Permission};
use holdfast_store::{
    imports::{self, Fate, ImportLine, ImportRow, ImportStatus},
    migrated::{self, Arrived},
};

impl Service {
    /// An import, with how far it has come.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn import(&self, actor: &Actor, id: ImportId) -> Result<ImportView> {
        actor.require(Permission::LicensesWrite)?;
        let mut reader = self.store().patient_reader();
        let row = imports::get(&mut reader, actor.scope(), id).await?.ok_or_else(absent)?;
        let arrived = match row.status {
            ImportStatus::Done => Some(migrated::arrived(&mut reader, actor.scope(), id, self.now()).await?),
            _ => None,
        };
        view(&row, self.admin().imports.get(id), arrived)
    }

    /// The vendor's imports by time of creation.
    pub async fn imports(&self, actor: &Actor, page: PageRequest<()>) -> Result<Page<ImportView>> {
        actor.require(Permission::LicensesWrite)?;
        let rows = imports::list(&mut self.store().patient_reader(), actor.scope(), &page).await?;
        try_map(rows, |row| view(&row, self.admin().imports.get(row.id), None))
    }

    /// The rows of an import after line `after`, of one fate or of all, in the order of the file, at most `limit` (200).
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn import_rows(
        &self,
        actor: &Actor,
        id: ImportId,
        fate: Option<RowFate>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ImportRowView>> {
        actor.require(Permission::LicensesWrite)?;
        let (scope, limit) = (actor.scope(), limit.clamp(1, 200));
        let mut reader = self.store().patient_reader();
        let import = imports::get(&mut reader, scope, id).await?.ok_or_else(absent)?;
        let notes = Notes::of(&import)?;
        let mut found = Vec::new();
        let mut after = i64::try_from(after).unwrap_or(i64::MAX);
        loop {
            let lines = imports::lines(&mut reader, scope, id, fate.map(stored_fate), after, LINES).await?;
            let Some(last) = lines.last() else { return Ok(found) };
            after = last.line;
            for line in &lines {
                let shown = self.show_line(line, &notes)?;
                if fate.is_none_or(|fate| shown.fate == fate) {
                    found.push(shown);
                }
                if found.len() == limit {
                    return Ok(found);
                }
            }
        }
    }

    fn show_line(&self, line: &ImportLine, notes: &Notes) -> Result<ImportRowView> {
        let raw = self.open_line(line)?;
        let why: Option<Why> = serde_json::from_str(&line.reason).ok();
        let fate = match line.fate {
            Fate::Create | Fate::Created => RowFate::Create,
            Fate::Exists => RowFate::Unchanged,
            Fate::Refuse => why.as_ref().map_or(RowFate::Error, |why| why.fate),
        };
        let cell = |field: &Field| {
            let at = notes.mapping.iter().position(|other| other == field)?;
            raw.cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
        };
        let key = cell(&Field::Key).map_or_else(String::new, |text| {
            LicenseKey::parse(text).map_or_else(|_| "…".to_owned(), |key| format!("…{}", key.hint()))
        });
        let customer = cell(&Field::Email).or_else(|| cell(&Field::Name)).map(dates::shorten).unwrap_or_default();
        let column = why.as_ref().and_then(|why| why.column).and_then(|at| notes.headers.get(at)).cloned();
        let reason = why.and_then(|why| why.reason);
        Ok(ImportRowView { line: raw.line, fate, reason, column, key, customer, license: line.license })
    }
}

/// An import as it is shown; `progress` where it runs on this node, `arrived` where that was counted.
pub(super) fn view(row: &ImportRow, progress: Option<u64>, arrived: Option<Arrived>) -> Result<ImportView> {
    let notes = Notes::of(row)?;
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    let columns = notes.headers.into_iter().zip(notes.samples).zip(&notes.mapping);
    Ok(ImportView {
        id: row.id,
        file_name: row.name.clone(),
        source: notes.source,
        product: row.product,
        plan: row.plan,
        state: match row.status {
            ImportStatus::Reading => ImportState::Reading,
            ImportStatus::Staged => ImportState::Ready,
            ImportStatus::Running => ImportState::Running,
            ImportStatus::Done => ImportState::Done,
            ImportStatus::Cancelled => ImportState::Cancelled,
        },
        columns: columns
            .map(|((header, samples), field)| ColumnView { header, field: field.to_string(), samples })
            .collect(),
        dates: notes.dates,
        problem: notes.problem,
        counts: ImportCounts {
            rows: number(row.total),
            create: number(row.accepted),
            unchanged: number(row.existing),
            duplicate: notes.duplicate,
            conflict: notes.conflict,
            error: notes.error,
            left_out: notes.left_out,
        },
        arrived: arrived.map(|arrived| ArrivedView {
            licenses: arrived.licenses,
            activated: arrived.activated,
            revoked: arrived.revoked,
            suspended: arrived.suspended,
            expired: arrived.expired,
        }),
        progress: progress.unwrap_or_else(|| number(row.done)),
        created_at: row.created_at,
        finished_at: (row.status == ImportStatus::Done).then_some(row.updated_at),
    })
}
