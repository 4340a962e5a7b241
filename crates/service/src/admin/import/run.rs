//! Running a confirmed import: rows are made ready in pieces, then all licenses come into being in one transaction.
//!
//! What takes long (reading, hashing, sealing, looking up) happens outside of the transaction, so that activations wait
//! for the insertion alone. A run that was interrupted has changed nothing and is simply run again.

use super::{
    LINES, Notes, Running, absent, catalogue, count, judge,
    judge::{Judged, Prepared},
    row::{End, ParsedRow},
    stored_fate, view, wrong_state,
};
use crate::{
    Call, Service,
    admin::{
        act::{Act, job},
        customers::named_after,
        licenses::StoredKey,
        views::{ImportView, RowFate},
    },
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    CustomerId, Email, ImportId, License, LicenseId, LicenseStatus, Name, OrderId, Permission, ProductId, Seconds,
    Source, Terms, Timestamp,
};
use holdfast_lease::device_hash;
use holdfast_store::{
    StoreError, Tx, WriteOptions,
    changes::ChangeKind,
    customers::{self, CustomerRow},
    imports::{self, Fate, ImportRow, ImportStatus},
    job_leases,
    licenses::{self, NewLicense},
    migrated::{self, KnownDevice},
    orders::{self, OrderRow, OrderStatus},
};
use serde_json::json;
use std::{collections::HashMap, sync::Arc};

/// How often a run is tried when somebody else creates one of its keys, customers or orders at the same moment.
const ATTEMPTS: u32 = 3;

/// For how long a node that has died keeps others from taking its import up.
const HELD: Seconds = Seconds::MINUTE;

/// The right to run one import.
#[derive(Clone)]
struct Lease {
    name: String,
    holder: String,
}

/// Everything that the one transaction inserts.
#[derive(Default)]
struct Batch {
    customers: Vec<CustomerRow>,
    orders: Vec<OrderRow>,
    devices: Vec<KnownDevice>,
    /// How many pieces of licenses are put aside, and how many licenses in all.
    pieces: i64,
    licenses: usize,
    /// Who has an address, and who is known by a name alone within this file.
    by_email: HashMap<Email, CustomerId>,
    by_name: HashMap<Name, CustomerId>,
    by_reference: HashMap<String, OrderId>,
}

/// How a run ended, where it did not fail.
enum Ended {
    Done(Box<ImportView>),
    /// Rows that were to be created cannot be any more; nothing was changed.
    Stale,
    /// Somebody created one of the keys, customers or orders meanwhile: try again.
    Collision,
}

impl Service {
    /// Makes the licenses of a staged import: all that are marked `create`, or none. Returns when it is done, so callers
    /// that show progress run it in a task of its own and look at [`Service::import`]. An import that was interrupted
    /// (state `running`, after a crash) is taken up again; one that is done is answered as it is.
    ///
    /// # Errors
    /// [`ErrorCode::ImportRejected`] where rows stand in the way and `leave_out` does not say to leave them out;
    /// [`ErrorCode::ImportState`] where it runs on this node, is cancelled, or is still being read.
    pub async fn confirm_import(&self, call: &Call, id: ImportId, leave_out: bool) -> Result<ImportView> {
        call.actor.require(Permission::LicensesWrite)?;
        if let Some(answer) = self.first_answer(call).await? {
            return Ok(answer);
        }
        let done = self.confirm_once(call, id, leave_out).await?;
        self.keep_answer(call, done).await
    }

    async fn confirm_once(&self, call: &Call, id: ImportId, leave_out: bool) -> Result<ImportView> {
        let act = self.act(call);
        let import = imports::get(&mut self.store().reader(), act.scope, id).await?.ok_or_else(absent)?;
        match import.status {
            ImportStatus::Done => return view(&import, None, None),
            ImportStatus::Cancelled => return Err(wrong_state("The import was cancelled.")),
            ImportStatus::Reading => return Err(wrong_state("The file is still being read.")),
            ImportStatus::Staged | ImportStatus::Running => {}
        }
        let Some(running) = self.admin().imports.begin(id) else {
            return Err(wrong_state("The import is running."));
        };
        let lease = Lease { name: format!("import:{id}"), holder: LicenseId::new(act.now, self.entropy()).to_string() };
        self.hold(&lease).await?;
        let outcome = self.run_held(&act, &import, leave_out, &running, &lease).await;
        self.let_go(&lease).await;
        outcome
    }

    async fn run_held(
        &self,
        act: &Act,
        import: &ImportRow,
        leave_out: bool,
        running: &Running<'_>,
        lease: &Lease,
    ) -> Result<ImportView> {
        if import.status == ImportStatus::Staged {
            self.begin_run(act, import, leave_out).await?;
        }
        let mut outcome =
            Err(Error::new(ErrorCode::Unavailable).with_detail("Others keep creating the same licenses; try again."));
        for _ in 0..ATTEMPTS {
            outcome = match self.run(act, import, leave_out, running, lease).await {
                Ok(Ended::Collision) => continue,
                Ok(Ended::Done(view)) => return Ok(*view),
                Ok(Ended::Stale) => Err(Error::new(ErrorCode::ImportRejected)
                    .with_detail("Licenses were made meanwhile that rows now differ from; look at the rows again.")),
                Err(error) => Err(error),
            };
            break;
        }
        self.back_to_staged(act, import.id, lease).await?;
        outcome
    }

    /// Takes or prolongs the right to run an import, so that no two nodes do.
    async fn hold(&self, lease: &Lease) -> Result<()> {
        let now = self.now();
        let held = self.store().write(
            WriteOptions::last().idempotent(),
            job!(lease => |tx| job_leases::acquire(tx, &lease.name, &lease.holder, HELD, now).await),
        );
        match held.await? {
            Some(_) => Ok(()),
            None => Err(wrong_state("The import is running on another node.")),
        }
    }

    /// Gives that right back. Where that fails it ends by itself.
    async fn let_go(&self, lease: &Lease) {
        let now = self.now();
        let released = self.store().write(
            WriteOptions::last().idempotent(),
            job!(lease => |tx| job_leases::release(tx, &lease.name, &lease.holder, now).await),
        );
        if let Err(error) = released.await {
            tracing::warn!(?error, "the right to run an import could not be given back");
        }
    }

    async fn begin_run(&self, act: &Act, import: &ImportRow, leave_out: bool) -> Result<()> {
        let notes = Notes::of(import)?;
        if let Some(problem) = notes.problem {
            return Err(wrong_state(&problem));
        }
        if import.refused > 0 && !leave_out {
            let detail = format!("{} of {} rows stand in the way.", import.refused, import.total);
            return Err(Error::new(ErrorCode::ImportRejected).with_detail(detail));
        }
        let after = ImportRow { status: ImportStatus::Running, updated_at: act.now, ..import.clone() };
        let begun = self.store().write(
            WriteOptions::default(),
            job!(act, after => |tx| {
                imports::update(tx, act.scope, ImportStatus::Staged, &after).await
            }),
        );
        if begun.await? { Ok(()) } else { Err(wrong_state("The import was confirmed or cancelled meanwhile.")) }
    }

    /// Nothing was changed: the import waits to be confirmed again.
    async fn back_to_staged(&self, act: &Act, id: ImportId, lease: &Lease) -> Result<()> {
        let now = self.now();
        self.store()
            .write(
                WriteOptions::default(),
                job!(act, lease => |tx| {
                    if job_leases::acquire(tx, &lease.name, &lease.holder, HELD, now).await?.is_none() {
                        return Ok(());
                    }
                    let Some(import) = imports::get(tx, act.scope, id).await? else { return Ok(()) };
                    let staged = ImportRow { status: ImportStatus::Staged, updated_at: act.now, ..import };
                    imports::update(tx, act.scope, ImportStatus::Running, &staged).await?;
                    Ok::<_, StoreError>(())
                }),
            )
            .await?;
        Ok(())
    }

    async fn run(
        &self,
        act: &Act,
        import: &ImportRow,
        leave_out: bool,
        running: &Running<'_>,
        lease: &Lease,
    ) -> Result<Ended> {
        let mut notes = Notes::of(import)?;
        let mut reader = self.store().reader();
        let catalogue = catalogue(act, &mut reader, import.product, import.plan).await?;
        let mut batch = Batch::default();
        let mut changed: Vec<Judged> = Vec::new();
        let mut after = 0;
        running.restart();
        self.clear(act, import.id).await?;
        loop {
            let lines = imports::lines(&mut reader, act.scope, import.id, Some(Fate::Create), after, LINES).await?;
            let Some(last) = lines.last() else { break };
            after = last.line;
            let rows = lines.iter().map(|line| self.open_line(line)).collect::<Result<Vec<_>>>()?;
            let vault = self.vault()?;
            let hash = |row: &ParsedRow| vault.key_hash(&row.key);
            let mut judged = judge::read(&rows, &notes.mapping, notes.dates, &catalogue, hash);
            self.compare(act, import.product, &notes.mapping, &mut judged).await?;
            batch.look_up(self, act, &judged).await?;
            let mut ids = Vec::with_capacity(judged.len());
            let mut piece = Vec::with_capacity(judged.len());
            for (line, row) in lines.iter().zip(judged) {
                let Some(prepared) = &row.license else {
                    changed.push(row);
                    continue;
                };
                let id = line.license.unwrap_or_else(|| LicenseId::new(act.now, self.entropy()));
                piece.push(batch.license(self, act, import, id, prepared)?);
                batch.devices.extend(known_devices(import.product, id, &prepared.row)?);
                ids.push((line.line, Fate::Create, String::new(), Some(id)));
            }
            self.put_aside(act, import.id, ids, piece, &mut batch).await?;
            self.hold(lease).await?;
            running.add(lines.len());
        }
        let mut counts = import.clone();
        if !changed.is_empty() {
            self.save_fates(act, import.id, &changed).await?;
            correct(&mut counts, &mut notes, &changed);
            self.save_notes(act, &counts, &notes).await?;
            let in_the_way = changed.iter().any(|row| row.fate != RowFate::Unchanged);
            if in_the_way && !leave_out {
                return Ok(Ended::Stale);
            }
        }
        self.insert_all(act, counts, notes, batch).await
    }

    /// Puts a piece of licenses aside, and writes down which row becomes which of them.
    async fn put_aside(
        &self,
        act: &Act,
        id: ImportId,
        ids: Vec<(i64, Fate, String, Option<LicenseId>)>,
        piece: Vec<NewLicense>,
        batch: &mut Batch,
    ) -> Result<()> {
        let number = batch.pieces;
        batch.pieces += 1;
        batch.licenses += piece.len();
        let (ids, piece) = (Arc::new(ids), Arc::new(piece));
        let done = self.store().write(
            WriteOptions::last(),
            job!(act, ids, piece => |tx| {
                imports::set_fates(tx, act.scope, id, &ids).await?;
                licenses::stage(tx, act.scope, id, number, &piece).await
            }),
        );
        Ok(done.await?)
    }

    /// Throws away what an earlier run has put aside, or this one, when it is no longer needed.
    async fn clear(&self, act: &Act, id: ImportId) -> Result<()> {
        loop {
            let cleared = self
                .store()
                .write(WriteOptions::last().idempotent(), job!(act => |tx| licenses::unstage(tx, act.scope, id).await));
            if !cleared.await? {
                return Ok(());
            }
        }
    }

    async fn save_notes(&self, act: &Act, counts: &ImportRow, notes: &Notes) -> Result<()> {
        let (counts, text) = (counts.clone(), notes.to_text()?);
        self.store()
            .write(
                WriteOptions::default(),
                job!(act, counts, text => |tx| {
                    let running = ImportRow { status: ImportStatus::Running, ..counts };
                    imports::update(tx, act.scope, ImportStatus::Running, &running).await?;
                    imports::set_mapping(tx, act.scope, running.id, &text, running.plan).await.map(|_| ())
                }),
            )
            .await?;
        Ok(())
    }

    async fn insert_all(&self, act: &Act, counts: ImportRow, notes: Notes, batch: Batch) -> Result<Ended> {
        let done = ImportRow {
            status: ImportStatus::Done,
            done: count(batch.licenses),
            mapping: notes.to_text()?,
            updated_at: self.now(),
            ..counts
        };
        let (batch, sha256, source) = (Arc::new(batch), notes.sha256, notes.source);
        let (id, licenses, began) = (done.id, batch.licenses, std::time::Instant::now());
        let inserted = self.store().write_apart(job!(act, done, batch, sha256 => |tx| {
            // Of two nodes that run the same import, the one that gets here second inserts nothing.
            if !imports::update(tx, act.scope, ImportStatus::Running, &done).await? {
                return Err(wrong_state("The import was finished elsewhere."));
            }
            batch.insert(&act, tx, done.id, source).await?;
            let data = json!({
                "file": done.name, "sha256": sha256, "source": source, "licenses": batch.licenses,
                "customers": batch.customers.len(), "orders": batch.orders.len(), "left_out": done.refused,
            });
            act.event(tx, "import.applied", done.id, data);
            act.changed(tx, ChangeKind::Product, Some(done.product), done.product.to_bytes());
            view(&done, None, None)
        }));
        let outcome = inserted.await;
        tracing::info!(licenses, took = ?began.elapsed(), done = outcome.is_ok(), "the licenses of an import were inserted");
        match outcome {
            Ok(view) => {
                // What stays put aside harms nobody: the import is done.
                if let Err(error) = self.clear(act, id).await {
                    tracing::warn!(?error, "what an import had put aside could not be thrown away");
                }
                Ok(Ended::Done(Box::new(view)))
            }
            Err(error) if matches!(error.code, ErrorCode::EmailTaken | ErrorCode::CodeTaken) => Ok(Ended::Collision),
            Err(error) => Err(error),
        }
    }
}

/// Takes rows that are not created after all out of the counts.
fn correct(counts: &mut ImportRow, notes: &mut Notes, changed: &[Judged]) {
    for row in changed {
        counts.accepted -= 1;
        match row.fate {
            RowFate::Unchanged => counts.existing += 1,
            RowFate::Conflict => notes.conflict += 1,
            RowFate::Duplicate => notes.duplicate += 1,
            RowFate::Create | RowFate::Error => notes.error += 1,
        }
        if stored_fate(row.fate) == Fate::Refuse {
            counts.refused += 1;
        }
    }
}

impl Batch {
    /// Finds the customers and orders that exist already and that `judged` rows name for the first time.
    async fn look_up(&mut self, service: &Service, act: &Act, judged: &[Judged]) -> Result<()> {
        let rows = || judged.iter().filter_map(|row| row.license.as_ref()).map(|prepared| &prepared.row);
        let unknown = rows().filter_map(|row| row.email.clone()).filter(|email| !self.by_email.contains_key(email));
        let emails: Vec<Email> = unknown.collect();
        let mut reader = service.store().reader();
        self.by_email.extend(customers::by_emails(&mut reader, act.scope, &emails).await?);
        let unknown = rows().filter_map(|row| row.order.as_ref()).map(ToString::to_string);
        let references: Vec<String> = unknown.filter(|order| !self.by_reference.contains_key(order)).collect();
        self.by_reference.extend(orders::by_external_ids(&mut reader, act.scope, &references).await?);
        Ok(())
    }

    /// The license that a row describes; adds its customer and order where they are new.
    fn license(
        &mut self,
        service: &Service,
        act: &Act,
        import: &ImportRow,
        id: LicenseId,
        ready: &Prepared,
    ) -> Result<NewLicense> {
        let Prepared { row, plan } = ready;
        let customer = self.customer(service, act, row.email.as_ref(), row.name.as_ref())?;
        let order = row.order.as_ref().map(|reference| self.order(service, act, reference.as_str(), customer));
        let status = row.status.unwrap_or(LicenseStatus::Active);
        let status_reason = match status {
            LicenseStatus::Active => None,
            _ => Some("Imported so.".parse().map_err(Error::internal)?),
        };
        let terms = Terms { seats: row.seats.unwrap_or(plan.terms.seats), ..plan.terms.clone() };
        let license = License {
            id,
            vendor: act.scope.vendor(),
            product: import.product,
            plan: plan.id,
            plan_code: plan.code.clone(),
            customer,
            order,
            status,
            status_reason,
            status_effective_at: None,
            expires_at: match row.end {
                End::AsPlan => terms.model.end(act.now),
                End::Never => None,
                End::At(at) => Some(at),
            },
            terms,
            overrides: row.overrides.clone(),
            created_at: act.now,
        };
        let StoredKey { hash, sealed, hint } = service.store_key(id, &row.key)?;
        Ok(NewLicense { license, key_hash: hash, key_sealed: sealed, key_hint: hint })
    }

    fn customer(
        &mut self,
        service: &Service,
        act: &Act,
        email: Option<&Email>,
        name: Option<&Name>,
    ) -> Result<Option<CustomerId>> {
        let known = match (email, name) {
            (Some(email), _) => self.by_email.get(email),
            (None, Some(name)) => self.by_name.get(name),
            (None, None) => return Ok(None),
        };
        if let Some(known) = known {
            return Ok(Some(*known));
        }
        let id = CustomerId::new(act.now, service.entropy());
        let shown = match (name, email) {
            (Some(name), _) => name.clone(),
            (None, Some(email)) => named_after(email.as_str())?,
            (None, None) => return Ok(None),
        };
        match (email, name) {
            (Some(email), _) => self.by_email.insert(email.clone(), id),
            (None, Some(name)) => self.by_name.insert(name.clone(), id),
            (None, None) => None,
        };
        self.customers.push(CustomerRow {
            id,
            vendor: act.scope.vendor(),
            name: shown,
            email: email.cloned(),
            external_id: None,
            created_at: act.now,
            updated_at: act.now,
        });
        Ok(Some(id))
    }

    fn order(&mut self, service: &Service, act: &Act, reference: &str, customer: Option<CustomerId>) -> OrderId {
        if let Some(known) = self.by_reference.get(reference) {
            return *known;
        }
        let id = OrderId::new(act.now, service.entropy());
        self.by_reference.insert(reference.to_owned(), id);
        self.orders.push(new_order(id, act, reference, customer, act.now));
        id
    }

    async fn insert(&self, act: &Act, tx: &mut Tx, id: ImportId, source: Source) -> Result<()> {
        customers::insert_many(tx, act.scope, &self.customers).await?;
        orders::insert_many(tx, act.scope, &self.orders).await?;
        let inserted = licenses::insert_staged(tx, act.scope, id, source, self.pieces).await?;
        // Another node has begun the same import anew and cleared what this one had put aside.
        if inserted != self.licenses as u64 {
            return Err(Error::new(ErrorCode::CodeTaken));
        }
        Ok(migrated::note_devices(tx, act.scope, &self.devices).await?)
    }
}

/// The devices that a row knows, as its license's gateway will meet them.
fn known_devices(product: ProductId, license: LicenseId, row: &ParsedRow) -> Result<Vec<KnownDevice>> {
    let product = product.to_string();
    let device = |known: &super::formats::KnownDevice| {
        let hash = device_hash(&product, known.fingerprint.as_bytes());
        let device = hash.parse().map_err(Error::internal)?;
        Ok(KnownDevice { license, instance: known.id.clone().unwrap_or(hash), device })
    };
    row.devices.iter().map(device).collect()
}

fn new_order(id: OrderId, act: &Act, reference: &str, customer: Option<CustomerId>, now: Timestamp) -> OrderRow {
    OrderRow {
        id,
        vendor: act.scope.vendor(),
        customer,
        external_id: reference.to_owned(),
        status: OrderStatus::Paid,
        created_at: now,
        updated_at: now,
        refunded_at: None,
    }
}
