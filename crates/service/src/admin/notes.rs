//! Notes about licenses and customers: whoever may read those reads them, and everybody changes their own.

use super::{
    act::job,
    page::{Page, PageRequest, map},
    views::NoteView,
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{CustomerId, LicenseId, NoteId, NoteText, Permission, event};
pub use holdfast_store::notes::NoteSubject;
use holdfast_store::{
    Querier, Scope, WriteOptions, customers, licenses,
    notes::{self, NoteRow},
};
use serde_json::json;

fn show(row: NoteRow, reader: &Actor) -> NoteView {
    let author: event::Actor = serde_json::from_str(&row.author).unwrap_or(event::Actor::System);
    NoteView {
        id: row.id,
        license: row.license,
        customer: row.customer,
        author,
        own: author == reader.who(),
        text: row.text,
        created_at: row.created_at,
        edited_at: row.edited_at,
    }
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

/// What somebody must be allowed to see to read notes about `subject`.
const fn reading(subject: NoteSubject) -> Permission {
    match subject {
        NoteSubject::License(_) => Permission::LicensesRead,
        NoteSubject::Customer(_) => Permission::CustomersRead,
    }
}

fn subject_of(row: &NoteRow) -> Result<NoteSubject> {
    match (row.license, row.customer) {
        (Some(id), _) => Ok(NoteSubject::License(id)),
        (_, Some(id)) => Ok(NoteSubject::Customer(id)),
        (None, None) => Err(absent()),
    }
}

fn id_of(subject: NoteSubject) -> String {
    match subject {
        NoteSubject::License(id) => id.to_string(),
        NoteSubject::Customer(id) => id.to_string(),
    }
}

/// `Ok` where what the note is about is the vendor's.
async fn exists(q: &mut dyn Querier, scope: Scope, subject: NoteSubject) -> Result<()> {
    let found = match subject {
        NoteSubject::License(id) => licenses::get(q, scope, id).await?.is_some(),
        NoteSubject::Customer(id) => customers::get(q, scope, id).await?.is_some(),
    };
    found.then_some(()).ok_or_else(absent)
}

impl Service {
    /// The notes about a license or a customer, the newest first.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for what is unknown and another vendor's alike.
    pub async fn notes(&self, actor: &Actor, subject: NoteSubject, page: PageRequest<()>) -> Result<Page<NoteView>> {
        actor.require(reading(subject))?;
        let mut reader = self.store().patient_reader();
        exists(&mut reader, actor.scope(), subject).await?;
        let rows = notes::list(&mut reader, actor.scope(), subject, &page).await?;
        Ok(map(rows, |row| show(row, actor)))
    }

    /// A note.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn note(&self, actor: &Actor, id: NoteId) -> Result<NoteView> {
        actor.require(Permission::LicensesRead)?;
        let row = notes::get(&mut self.store().patient_reader(), actor.scope(), id).await?.ok_or_else(absent)?;
        actor.require(reading(subject_of(&row)?))?;
        Ok(show(row, actor))
    }

    /// Writes a note.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn add_note(&self, call: &Call, subject: NoteSubject, text: NoteText) -> Result<NoteView> {
        call.actor.require(Permission::CustomersWrite)?;
        call.actor.require(reading(subject))?;
        let (act, actor) = (self.act(call), call.actor.clone());
        let (license, customer): (Option<LicenseId>, Option<CustomerId>) = match subject {
            NoteSubject::License(id) => (Some(id), None),
            NoteSubject::Customer(id) => (None, Some(id)),
        };
        let row = NoteRow {
            id: NoteId::new(act.now, self.entropy()),
            vendor: call.actor.vendor(),
            license,
            customer,
            author: serde_json::to_string(&act.who).map_err(Error::internal)?,
            text,
            created_at: act.now,
            edited_at: None,
        };
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor, row => |tx| {
                exists(tx, act.scope, subject).await?;
                notes::insert(tx, act.scope, &row).await?;
                let data = json!({ "note_id": row.id, "after": { "text": row.text } });
                act.event(tx, "note.added", id_of(subject), data);
                Ok(show(row, &actor))
            }),
        )
        .await
    }

    /// Gives a note of one's own another text.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] for another's note.
    pub async fn edit_note(&self, call: &Call, id: NoteId, text: NoteText) -> Result<NoteView> {
        self.change_note(call, id, Some(text)).await
    }

    /// Takes a note of one's own away. It is answered as it was.
    ///
    /// # Errors
    /// As for editing it.
    pub async fn remove_note(&self, call: &Call, id: NoteId) -> Result<NoteView> {
        self.change_note(call, id, None).await
    }

    async fn change_note(&self, call: &Call, id: NoteId, text: Option<NoteText>) -> Result<NoteView> {
        call.actor.require(Permission::CustomersWrite)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor, text => |tx| {
                let row = notes::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                let note = show(row.clone(), &actor);
                if !note.own {
                    return Err(Error::new(ErrorCode::Forbidden).with_detail("Everybody changes their own notes."));
                }
                let subject = id_of(subject_of(&row)?);
                let before = json!({ "text": row.text });
                let Some(text) = text else {
                    notes::remove(tx, act.scope, id).await?;
                    act.event(tx, "note.removed", subject, json!({ "note_id": id, "before": before }));
                    return Ok(note);
                };
                notes::edit(tx, act.scope, id, &text, act.now).await?;
                let data = json!({ "note_id": id, "before": before, "after": { "text": text } });
                act.event(tx, "note.edited", subject, data);
                Ok(NoteView { text, edited_at: Some(act.now), ..note })
            }),
        )
        .await
    }
}
