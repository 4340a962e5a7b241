//! Notes about licenses and customers: whoever may read those reads them, and everybody changes their own.

use super::{
    act::{Act, job},
    import::dates::rfc_3339,
    page::{Limit, Page, PageRequest, map},
    undo::{OFFERED, moment},
    views::NoteView,
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{CustomerId, LicenseId, NoteId, NoteText, Permission, Seconds, Timestamp, event};
pub use holdfast_store::notes::NoteSubject;
use holdfast_store::{
    Querier, Scope, WriteOptions, customers,
    events::{self, EventFilter, EventRow},
    licenses,
    notes::{self, NoteRow},
};
use serde_json::{Value, json};

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

/// The note that whoever acts took away in the last ten minutes, with the event that tells of it.
async fn removed(act: &Act, q: &mut dyn Querier, id: NoteId) -> Result<(NoteRow, EventRow)> {
    if notes::get(q, act.scope, id).await?.is_some() {
        return Err(absent());
    }
    let filter = EventFilter {
        actor: Some(act.who),
        action: Some("note.removed".to_owned()),
        since: Some(act.now.plus(Seconds(-OFFERED.0))),
        ..EventFilter::default()
    };
    let page = PageRequest { limit: Limit::new(200), counted: false, ..PageRequest::default() };
    let told = events::list(q, act.scope, &filter, &page).await?.items;
    for event in told {
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        if data["note_id"] != json!(id) || event.at.plus(OFFERED) <= act.now {
            continue;
        }
        let before = &data["before"];
        let row = NoteRow {
            id,
            vendor: act.scope.vendor(),
            license: event.subject.parse().ok(),
            customer: event.subject.parse().ok(),
            author: event.actor.clone(),
            text: serde_json::from_value(before["text"].clone()).map_err(Error::internal)?,
            created_at: moment(&before["created_at"])?.unwrap_or(event.at),
            edited_at: moment(&before["edited_at"])?,
        };
        return Ok((row, event));
    }
    Err(absent())
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

    /// Takes a note of one's own away. It is answered as it was, and can be put back for ten minutes.
    ///
    /// # Errors
    /// As for editing it.
    pub async fn remove_note(&self, call: &Call, id: NoteId) -> Result<NoteView> {
        self.change_note(call, id, None).await
    }

    /// A note that whoever asks took away and can put back now, with until when.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for every other note.
    pub async fn removed_note(&self, actor: &Actor, id: NoteId) -> Result<(NoteView, Timestamp)> {
        actor.require(Permission::CustomersWrite)?;
        let act = self.act(&Call::new(actor.clone(), crate::RequestInfo::default()));
        let (row, event) = removed(&act, &mut self.store().patient_reader(), id).await?;
        Ok((show(row, actor), event.at.plus(OFFERED)))
    }

    /// Puts a note back that whoever asks took away.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a note that is there, was another's, or was taken away more than ten minutes ago.
    pub async fn restore_note(&self, call: &Call, id: NoteId) -> Result<NoteView> {
        call.actor.require(Permission::CustomersWrite)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor => |tx| {
                let (row, event) = removed(&act, tx, id).await?;
                let subject = subject_of(&row)?;
                exists(tx, act.scope, subject).await?;
                notes::insert(tx, act.scope, &row).await?;
                let data = json!({ "note_id": id, "after": { "text": row.text }, "undoes": event.id });
                act.event(tx, "note.restored", id_of(subject), data);
                Ok(show(row, &actor))
            }),
        )
        .await
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
                    let before = json!({
                        "text": row.text,
                        "created_at": rfc_3339(row.created_at),
                        "edited_at": row.edited_at.map(rfc_3339),
                    });
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
