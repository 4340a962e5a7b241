//! Importing an existing customer base: a file is staged and judged row by row, looked at, then confirmed as a whole.
//!
//! Staging changes nothing but the import itself. The rows are kept sealed, because license keys are in them. [`run`]
//! turns a confirmed import into licenses, all of them in one transaction.

pub mod columns;
pub mod dates;
pub mod formats;
pub mod judge;
mod look;
pub mod reader;
pub mod row;
mod run;

use super::{
    act::{Act, job},
    page::{Limit, PageRequest},
    views::{ImportView, RowFate},
};
use crate::{
    Call, Service,
    error::{Error, ErrorCode, Result},
    vault::Purpose,
};
use columns::{Field, Mapping};
use dates::DateOrder;
use holdfast_domain::{ImportId, Permission, PlanId, ProductId, Source};
use holdfast_store::{
    Querier, WriteOptions,
    imports::{self, Fate, ImportLine, ImportRow, ImportStatus},
    licenses, plans, products,
};
use judge::{Catalogue, Existing, Judged, PlanTerms};
use look::view;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// How many rows are written, or read back, in one go: short enough that nobody waits for it.
const CHUNK: usize = LINES as usize;
/// The same as the store counts.
const LINES: u32 = 1_000;
/// How many first values of a column are shown to recognise it by.
const SAMPLES: usize = 3;

/// How far the imports that run on this node have come.
#[derive(Default)]
pub(crate) struct Progress(Mutex<HashMap<ImportId, Arc<AtomicU64>>>);

impl Progress {
    /// A counter for `id`; `None` where it runs on this node already.
    fn begin(&self, id: ImportId) -> Option<Running<'_>> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains_key(&id) {
            return None;
        }
        let counter = Arc::new(AtomicU64::new(0));
        running.insert(id, counter.clone());
        Some(Running { of: self, id, counter })
    }

    fn get(&self, id: ImportId) -> Option<u64> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(&id).map(|counter| counter.load(Ordering::Relaxed))
    }
}

/// An import that runs on this node, until dropped.
struct Running<'a> {
    of: &'a Progress,
    id: ImportId,
    counter: Arc<AtomicU64>,
}

impl Running<'_> {
    /// Begins to count anew, for another attempt.
    fn restart(&self) {
        self.counter.store(0, Ordering::Relaxed);
    }

    fn add(&self, rows: usize) {
        self.counter.fetch_add(rows as u64, Ordering::Relaxed);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// What to stage.
#[derive(Clone, Debug, Deserialize)]
pub struct StageImport {
    /// The file's name, to recognise the import by.
    pub file_name: String,
    /// The product that the licenses are for.
    pub product: ProductId,
    /// The plan of rows that name none.
    #[serde(default)]
    pub plan: Option<PlanId>,
    /// Which system's export it is; recognised by its content where absent.
    #[serde(default)]
    pub source: Option<Source>,
    /// The delimiter; guessed where absent.
    #[serde(default)]
    pub delimiter: Option<u8>,
    /// In which order dates with slashes or dots are written; such dates are refused where absent.
    #[serde(default)]
    pub dates: Option<DateOrder>,
    /// What columns mean, by header; the others are guessed.
    #[serde(default)]
    pub mapping: BTreeMap<String, Field>,
}

/// How to read the rows of a staged import anew.
#[derive(Clone, Debug, Deserialize)]
pub struct RemapImport {
    /// What each column means, in the order of the columns.
    pub mapping: Mapping,
    /// The plan of rows that name none.
    #[serde(default)]
    pub plan: Option<PlanId>,
    /// In which order dates with slashes or dots are written.
    #[serde(default)]
    pub dates: Option<DateOrder>,
}

/// What is remembered of a file beside its rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Notes {
    #[serde(default = "csv")]
    source: Source,
    headers: Vec<String>,
    samples: Vec<Vec<String>>,
    mapping: Mapping,
    dates: Option<DateOrder>,
    sha256: String,
    problem: Option<String>,
    duplicate: u64,
    conflict: u64,
    error: u64,
    /// Rows of the file that are no licenses.
    #[serde(default)]
    left_out: u64,
}

/// What imports were before others were known.
const fn csv() -> Source {
    Source::Csv
}

impl Notes {
    fn of(row: &ImportRow) -> Result<Self> {
        serde_json::from_str(&row.mapping).map_err(Error::internal)
    }

    fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(Error::internal)
    }
}

/// Why a row is not imported, beside its fate in the database's coarser words.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Why {
    fate: RowFate,
    column: Option<usize>,
    reason: Option<String>,
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

fn wrong_state(detail: &str) -> Error {
    Error::new(ErrorCode::ImportState).with_detail(detail)
}

const fn stored_fate(fate: RowFate) -> Fate {
    match fate {
        RowFate::Create => Fate::Create,
        RowFate::Unchanged => Fate::Exists,
        RowFate::Duplicate | RowFate::Conflict | RowFate::Error => Fate::Refuse,
    }
}

fn sealing_row(id: ImportId, line: i64) -> Vec<u8> {
    [id.to_bytes().as_slice(), &line.to_be_bytes()].concat()
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl Judged {
    fn why(&self) -> Result<String> {
        if self.fate == RowFate::Create || self.fate == RowFate::Unchanged {
            return Ok(String::new());
        }
        let why = Why { fate: self.fate, column: self.column, reason: self.reason.clone() };
        serde_json::to_string(&why).map_err(Error::internal)
    }
}

/// What becomes of the rows, added up.
fn tally(notes: &mut Notes, row: &mut ImportRow, judged: &[Judged]) {
    let of = |fate: RowFate| judged.iter().filter(|judged| judged.fate == fate).count();
    notes.duplicate = of(RowFate::Duplicate) as u64;
    notes.conflict = of(RowFate::Conflict) as u64;
    notes.error = of(RowFate::Error) as u64;
    row.accepted = count(of(RowFate::Create));
    row.existing = count(of(RowFate::Unchanged));
    row.total = count(judged.len());
    row.refused = row.total - row.accepted - row.existing;
}

impl Service {
    /// Reads a file, judges every row and keeps both: nothing else changes. What stands in the way is said in the answer,
    /// not by an error, as long as the file can be read at all.
    ///
    /// # Errors
    /// [`ErrorCode::ImportUnreadable`] where it cannot; [`ErrorCode::InvalidRequest`] for a product or plan that is not
    /// the vendor's; [`ErrorCode::Sealed`].
    pub async fn stage_import(&self, call: &Call, input: StageImport, bytes: Vec<u8>) -> Result<ImportView> {
        call.actor.require(Permission::LicensesWrite)?;
        let act = self.act(call);
        let (delimiter, source) = (input.delimiter, input.source);
        let (export, sha256) = blocking(move || {
            let digest = Sha256::digest(&bytes);
            let hex = digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            Ok((formats::read(&bytes, source, delimiter)?, hex))
        })
        .await?;
        let formats::Export { source, mut table, mapping: known } = export;
        let mut mapping = columns::choose(&table.headers, known, &input.mapping)?;
        let catalogue = catalogue(&act, &mut self.store().patient_reader(), input.product, input.plan).await?;
        if source != Source::Csv && !input.mapping.values().any(|field| *field == Field::Plan) {
            ignore_foreign_plans(&mut mapping, &mut table, &catalogue);
        }
        let samples = (0..table.headers.len())
            .map(|at| {
                let cells =
                    table.rows.iter().filter_map(|row| row.cells.get(at)).filter(|cell| !cell.trim().is_empty());
                // A sample of the key column would be a key in the clear; devices are nobody's business.
                let cells = cells.filter(|_| !matches!(mapping.get(at), Some(Field::Key | Field::Devices)));
                cells.take(SAMPLES).map(|cell| dates::shorten(cell)).collect()
            })
            .collect();
        let mut notes = Notes {
            source,
            problem: columns::problem(&mapping, input.plan.is_some()),
            headers: table.headers.clone(),
            samples,
            mapping,
            dates: input.dates,
            sha256,
            duplicate: 0,
            conflict: 0,
            error: 0,
            left_out: table.left_out,
        };
        let rows = Arc::new(table.rows);
        let judged = self.judge(&act, rows.clone(), &notes, catalogue).await?;
        let id = ImportId::new(act.now, self.entropy());
        let mut import = ImportRow {
            id,
            vendor: call.actor.vendor(),
            product: input.product,
            plan: input.plan,
            name: dates::shorten(&input.file_name),
            mapping: String::new(),
            status: ImportStatus::Reading,
            total: 0,
            accepted: 0,
            existing: 0,
            refused: 0,
            done: 0,
            created_at: act.now,
            updated_at: act.now,
        };
        tally(&mut notes, &mut import, &judged);
        import.mapping = notes.to_text()?;
        let first = import.clone();
        self.store()
            .write(WriteOptions::default(), job!(act, first => |tx| imports::insert(tx, act.scope, &first).await))
            .await?;
        for (raw, judged) in rows.chunks(CHUNK).zip(judged.chunks(CHUNK)) {
            let lines = Arc::new(self.seal_lines(id, raw, judged)?);
            self.store()
                .write(
                    WriteOptions::last(),
                    job!(act, lines => |tx| {
                        imports::insert_lines(tx, act.scope, id, &lines).await
                    }),
                )
                .await?;
        }
        import.status = ImportStatus::Staged;
        let (file, digest) = (import.name.clone(), notes.sha256.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, import, file, digest => |tx| {
                imports::update(tx, act.scope, ImportStatus::Reading, &import).await?;
                let data = json!({ "file": file, "sha256": digest, "rows": import.total, "source": source });
                act.event(tx, "import.staged", id, data);
                view(&import, None, None)
            }),
        )
        .await
    }

    fn seal_lines(&self, id: ImportId, rows: &[reader::Row], judged: &[Judged]) -> Result<Vec<ImportLine>> {
        let vault = self.vault()?;
        rows.iter()
            .zip(judged)
            .map(|(raw, judged)| {
                let line = i64::try_from(raw.line).unwrap_or(i64::MAX);
                let cells = serde_json::to_vec(&raw.cells).map_err(Error::internal)?;
                let data = vault.seal(Purpose::ImportRow, &sealing_row(id, line), &cells, self.entropy())?;
                let fate = stored_fate(judged.fate);
                Ok(ImportLine { import: id, line, data, fate, reason: judged.why()?, license: judged.existing })
            })
            .collect()
    }

    fn open_line(&self, line: &ImportLine) -> Result<reader::Row> {
        let cells = self.vault()?.open(Purpose::ImportRow, &sealing_row(line.import, line.line), &line.data)?;
        let cells = serde_json::from_slice(&cells).map_err(Error::internal)?;
        Ok(reader::Row { line: u64::try_from(line.line).unwrap_or_default(), cells })
    }

    /// Judges `rows`: reads them off the threads that serve requests, then compares them with the licenses there are.
    async fn judge(
        &self,
        act: &Act,
        rows: Arc<Vec<reader::Row>>,
        notes: &Notes,
        catalogue: Catalogue,
    ) -> Result<Vec<Judged>> {
        self.vault()?;
        let (service, notes, product) = (self.clone(), notes.clone(), catalogue.product);
        let mapping = notes.mapping.clone();
        let mut judged = blocking(move || {
            let vault = service.vault()?;
            Ok(judge::read(&rows, &notes.mapping, notes.dates, &catalogue, |row| vault.key_hash(&row.key)))
        })
        .await?;
        self.compare(act, product, &mapping, &mut judged).await?;
        Ok(judged)
    }

    /// Compares rows marked `create` with the licenses that have their keys already.
    async fn compare(&self, act: &Act, product: ProductId, mapping: &[Field], judged: &mut [Judged]) -> Result<()> {
        let vault = self.vault()?;
        let mut reader = self.store().patient_reader();
        for chunk in judged.chunks_mut(CHUNK) {
            // A key may be stored under the hash of an older master key.
            let mut wanted: HashMap<[u8; 32], usize> = HashMap::with_capacity(chunk.len());
            for (at, row) in chunk.iter().enumerate() {
                if let Some(license) = &row.license {
                    wanted.extend(vault.key_hashes(&license.row.key).into_iter().map(|hash| (hash, at)));
                }
            }
            let hashes: Vec<[u8; 32]> = wanted.keys().copied().collect();
            for known in licenses::known(&mut reader, act.scope, product, &hashes).await? {
                let Some(row) = wanted.get(&known.row.key_hash).and_then(|at| chunk.get_mut(*at)) else { continue };
                let license = known.row.license;
                let existing = Existing {
                    id: license.id,
                    plan: license.plan,
                    status: license.status,
                    seats: license.terms.seats,
                    expires_at: license.expires_at,
                    overrides: license.overrides,
                    email: known.customer_email,
                    name: known.customer_name,
                    order: known.order_external_id,
                };
                judge::against(row, &existing, mapping);
            }
        }
        Ok(())
    }

    /// Reads the rows of a staged import under another mapping, and judges them anew.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::ImportState`] where it is confirmed or cancelled already.
    pub async fn remap_import(&self, call: &Call, id: ImportId, input: RemapImport) -> Result<ImportView> {
        call.actor.require(Permission::LicensesWrite)?;
        let act = self.act(call);
        let mut import = imports::get(&mut self.store().patient_reader(), act.scope, id).await?.ok_or_else(absent)?;
        if import.status != ImportStatus::Staged {
            return Err(wrong_state("Only an import that waits to be confirmed can be read anew."));
        }
        let mut notes = Notes::of(&import)?;
        notes.mapping = columns::checked(input.mapping, notes.headers.len())?;
        for (samples, field) in notes.samples.iter_mut().zip(&notes.mapping) {
            if matches!(field, Field::Key | Field::Devices) {
                samples.clear();
            }
        }
        notes.dates = input.dates;
        notes.problem = columns::problem(&notes.mapping, input.plan.is_some());
        import.plan = input.plan;
        let judged = self.judge_again(&act, &import, &notes).await?;
        tally(&mut notes, &mut import, &judged);
        import.mapping = notes.to_text()?;
        import.updated_at = act.now;
        self.save_fates(&act, id, &judged).await?;
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, import => |tx| {
                if !imports::update(tx, act.scope, ImportStatus::Staged, &import).await? {
                    return Err(wrong_state("The import was confirmed or cancelled meanwhile."));
                }
                imports::set_mapping(tx, act.scope, id, &import.mapping, import.plan).await?;
                act.event(tx, "import.remapped", id, json!({}));
                view(&import, None, None)
            }),
        )
        .await
    }

    /// Reads all rows of a staged import back and judges them.
    async fn judge_again(&self, act: &Act, import: &ImportRow, notes: &Notes) -> Result<Vec<Judged>> {
        let mut reader = self.store().patient_reader();
        let catalogue = catalogue(act, &mut reader, import.product, import.plan).await?;
        let mut rows = Vec::new();
        let mut after = 0;
        loop {
            let lines = imports::lines(&mut reader, act.scope, import.id, None, after, LINES).await?;
            let Some(last) = lines.last() else { break };
            after = last.line;
            for line in &lines {
                rows.push(self.open_line(line)?);
            }
        }
        self.judge(act, Arc::new(rows), notes, catalogue).await
    }

    async fn save_fates(&self, act: &Act, id: ImportId, judged: &[Judged]) -> Result<()> {
        for chunk in judged.chunks(CHUNK) {
            let mut fates = Vec::with_capacity(chunk.len());
            for row in chunk {
                let line = i64::try_from(row.line).unwrap_or(i64::MAX);
                fates.push((line, stored_fate(row.fate), row.why()?, row.existing));
            }
            let fates = Arc::new(fates);
            let saved = self.store().write(
                WriteOptions::last(),
                job!(act, fates => |tx| {
                    imports::set_fates(tx, act.scope, id, &fates).await
                }),
            );
            saved.await?;
        }
        Ok(())
    }

    /// Gives up an import that is not confirmed. Its rows are forgotten.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::ImportState`] where it runs or has run.
    pub async fn cancel_import(&self, call: &Call, id: ImportId) -> Result<ImportView> {
        call.actor.require(Permission::LicensesWrite)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act => |tx| {
                let before = imports::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                let after = ImportRow { status: ImportStatus::Cancelled, updated_at: act.now, ..before.clone() };
                match before.status {
                    ImportStatus::Cancelled => return view(&before, None, None),
                    ImportStatus::Running | ImportStatus::Done => {
                        return Err(wrong_state("The import is confirmed; revoke its licenses instead."));
                    }
                    ImportStatus::Reading | ImportStatus::Staged => {}
                }
                if !imports::update(tx, act.scope, before.status, &after).await? {
                    return Err(wrong_state("The import was confirmed meanwhile."));
                }
                imports::forget_lines(tx, act.scope, id).await?;
                act.event(tx, "import.cancelled", id, json!({}));
                view(&after, None, None)
            }),
        )
        .await
    }
}

/// Leaves out the plans that another system names where they are not the product's. Where a plan was chosen for rows that name
/// none, those rows get it; otherwise plans of those codes are made first, or, where none is known, one is chosen.
fn ignore_foreign_plans(mapping: &mut [Field], table: &mut reader::Table, catalogue: &Catalogue) {
    let Some(at) = mapping.iter().position(|field| *field == Field::Plan) else { return };
    let is_known = |plan: &String| catalogue.plans.contains_key(&plan.to_lowercase());
    if catalogue.default_plan.is_some() {
        for cell in table.rows.iter_mut().filter_map(|row| row.cells.get_mut(at)).filter(|cell| !is_known(cell)) {
            cell.clear();
        }
    } else if !table.rows.iter().filter_map(|row| row.cells.get(at)).any(is_known) {
        mapping[at] = Field::Ignore;
    }
}

/// Runs `work` where it holds nobody up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

/// The product that is imported into, and its plans.
async fn catalogue(act: &Act, q: &mut dyn Querier, product: ProductId, plan: Option<PlanId>) -> Result<Catalogue> {
    let row = products::get(q, act.scope, product).await?;
    let row = row.ok_or_else(|| Error::invalid("/product", "There is no such product."))?;
    let filter = plans::PlanFilter { product: Some(product), ..plans::PlanFilter::default() };
    let mut page = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    let mut all = BTreeMap::new();
    let mut default_plan = None;
    loop {
        let found = plans::list(q, act.scope, &filter, &page).await?;
        for row in found.items {
            let code = row.code.to_string();
            let terms = Arc::new(PlanTerms { id: row.id, code: row.code, terms: row.terms });
            if plan == Some(terms.id) {
                default_plan = Some(terms.clone());
            }
            all.insert(code, terms);
        }
        let Some(next) = found.next else { break };
        page.after = Some(next);
    }
    if plan.is_some() && default_plan.is_none() {
        return Err(Error::invalid("/plan", "The product has no such plan."));
    }
    Ok(Catalogue { product, product_code: row.code, plans: all, default_plan })
}
