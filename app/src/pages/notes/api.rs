//! Server functions of notes.

use leptos::prelude::*;

use super::model::{NoteDetail, NotesAbout};
use crate::error::UiError;

/// A note; one that this person took away a moment ago as what can be put back, without what it said.
#[server(output = crate::wire::Answer)]
pub async fn note(id: String) -> Result<NoteDetail, UiError> {
    use crate::ui::When;
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve},
    };
    use holdfast_domain::Permission;
    use holdfast_service::ErrorCode;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let (service, id) = (ctx::service()?, parse_id(&id)?);
    let now = service.now();
    let people = serve::People::of(&service, &actor).await?;
    match service.note(&actor, id).await {
        Err(error) if error.code == ErrorCode::NotFound && actor.may(Permission::CustomersWrite) => {
            let (note, until) = service.removed_note(&actor, id).await?;
            let gone = super::model::NoteRow { text: String::new(), ..row(&note, &people, now) };
            Ok(NoteDetail { note: gone, back: place(&note), until: Some(When::new(until, now)) })
        }
        found => {
            let note = found?;
            Ok(NoteDetail { note: row(&note, &people, now), back: place(&note), until: None })
        }
    }
}

/// All notes about a license or a customer, page by page.
#[server(output = crate::wire::Answer)]
pub async fn all_notes(about: String, after: String) -> Result<NotesAbout, UiError> {
    use crate::{ctx, pages::serve};
    use holdfast_domain::Permission;
    use holdfast_service::admin::notes::NoteSubject;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let about = subject(&about)?;
    let page = service.notes(&actor, about, serve::page(&after)?).await?;
    let people = serve::People::of(&service, &actor).await?;
    let now = service.now();
    let back = match about {
        NoteSubject::License(id) => format!("/console/licenses/{id}"),
        NoteSubject::Customer(id) => format!("/console/customers/{id}"),
    };
    Ok(NotesAbout { list: serve::list(page, |note| row(&note, &people, now)), back })
}

/// Writes a note about a license or a customer.
#[server(output = crate::wire::Answer)]
pub async fn add_note(subject: String, #[server(default)] note: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CustomersWrite).await?;
    let about = self::subject(&subject)?;
    let note = ctx::service()?.add_note(&ctx::call(&actor), about, parse("note", &note)?).await?;
    ctx::back_to_desk(&place(&note), "notes", "note_added");
    Ok(())
}

/// Gives a note another text.
#[server(output = crate::wire::Answer)]
pub async fn edit_note(id: String, #[server(default)] note: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CustomersWrite).await?;
    let id = parse_id(&id)?;
    let note = ctx::service()?.edit_note(&ctx::call(&actor), id, parse("note", &note)?).await?;
    ctx::redirect(&format!("{}?done=note_saved#notes", place(&note)));
    Ok(())
}

/// Takes a note away, and leads to where it can be put back.
#[server(output = crate::wire::Answer)]
pub async fn remove_note(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CustomersWrite).await?;
    let note = ctx::service()?.remove_note(&ctx::call(&actor), parse_id(&id)?).await?;
    ctx::redirect(&format!("/console/notes/{}?done=note_removed", note.id));
    Ok(())
}

/// Puts a note back that was taken away.
#[server(output = crate::wire::Answer)]
pub async fn restore_note(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CustomersWrite).await?;
    let note = ctx::service()?.restore_note(&ctx::call(&actor), parse_id(&id)?).await?;
    ctx::redirect(&format!("{}?done=note_restored#notes", place(&note)));
    Ok(())
}

/// The newest notes about a license or a customer, for the page that shows them.
#[cfg(feature = "ssr")]
pub async fn notes_about(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    subject: holdfast_service::admin::notes::NoteSubject,
    people: &crate::pages::serve::People,
) -> Result<super::model::NotesView, UiError> {
    use crate::pages::serve;
    use holdfast_domain::Permission;
    let page = service.notes(actor, subject, serve::page("")?).await?;
    let now = service.now();
    Ok(super::model::NotesView {
        list: serve::list(page, |note| row(&note, people, now)),
        may_write: actor.may(Permission::CustomersWrite),
    })
}

/// What the id names.
#[cfg(feature = "ssr")]
fn subject(id: &str) -> Result<holdfast_service::admin::notes::NoteSubject, UiError> {
    use crate::pages::products::api::parse_id;
    use holdfast_service::admin::notes::NoteSubject;
    if let Ok(license) = id.parse() {
        return Ok(NoteSubject::License(license));
    }
    parse_id(id).map(NoteSubject::Customer)
}

/// The page that shows a note.
#[cfg(feature = "ssr")]
fn place(note: &holdfast_service::admin::views::NoteView) -> String {
    match (note.license, note.customer) {
        (Some(license), _) => format!("/console/licenses/{license}"),
        (_, Some(customer)) => format!("/console/customers/{customer}"),
        (None, None) => "/console".to_owned(),
    }
}

#[cfg(feature = "ssr")]
fn row(
    note: &holdfast_service::admin::views::NoteView,
    people: &crate::pages::serve::People,
    now: holdfast_domain::Timestamp,
) -> super::model::NoteRow {
    use crate::ui::When;
    super::model::NoteRow {
        id: note.id.to_string(),
        text: note.text.to_string(),
        who: people.who(&note.author),
        at: When::new(note.created_at, now),
        edited: note.edited_at.map(|at| When::new(at, now)),
        own: note.own,
    }
}
