//! Notes about a license or a customer: beside its time line, and one's own on a page where it is changed.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::ui::{ActionForm, Crumb, FormError, PageHead, Pager, TextArea, WhenText, act, act_error, load, show};
use api::{AddNote, EditNote, RemoveNote, RestoreNote};
use model::{NoteRow, NotesAbout, NotesView};

/// The notes about something, and the form for another one.
#[component]
pub fn Notes(
    /// The id of the license or customer.
    subject: String,
    /// The notes.
    notes: NotesView,
) -> impl IntoView {
    let add = act::<AddNote>();
    let error = act_error(add);
    let more = notes.list.next.is_some().then(|| {
        let href = format!("/console/notes/about/{subject}");
        view! { <p><a class="link" href=href>"All " {notes.list.total} " notes"</a></p> }
    });
    let form = notes.may_write.then(|| {
        view! {
            <ActionForm action=add class="form">
                <FormError error />
                <input type="hidden" name="subject" value=subject />
                <TextArea name="note" label="New note" required=true hint="Read by everybody who may see this page." error />
                <div class="form-actions">
                    <button type="submit" class="btn btn-sm btn-plain">"Add note"</button>
                </div>
            </ActionForm>
        }
    });
    let none = notes.list.items.is_empty().then(|| view! { <p class="muted">"None yet."</p> });
    let rows = notes.list.items.into_iter().map(|note| view! { <Note note /> }).collect_view();
    view! {
        <section class="section" id="notes" aria-labelledby="notes-name">
            <div class="section-head">
                <h2 id="notes-name">"Notes"</h2>
            </div>
            {none}
            <ul class="notes">{rows}</ul>
            {more}
            {form}
        </section>
    }
}

/// One note.
#[component]
pub fn Note(
    /// The note.
    note: NoteRow,
) -> impl IntoView {
    let href = format!("/console/notes/{}", note.id);
    let said = format!("Change the note of {}", note.at.absolute);
    view! {
        <li>
            <p class="note-text">{note.text}</p>
            <div class="note-at">
                {note.who} " · " <WhenText when=note.at />
                {note.edited.map(|when| view! { " · changed " <WhenText when /> })}
                {note.own.then(|| view! { " · " <a class="link" href=href aria-label=said>"Change"</a> })}
            </div>
        </li>
    }
}

/// All notes about a license or a customer.
#[component]
pub fn NotesPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let about = params.with(|params| params.get("id").unwrap_or_default());
        (about, query.with(|query| query.get("after").unwrap_or_default()))
    });
    let notes = load(move || asked.get(), |(about, after)| api::all_notes(about, after));
    show(notes, |found: NotesAbout| {
        let shown = found.list.items.len() as u64;
        view! {
            <PageHead title="Notes" total=found.list.total crumbs=vec![Crumb::new(found.back, "What they are about")] />
            <ul class="notes">{found.list.items.into_iter().map(|note| view! { <Note note /> }).collect_view()}</ul>
            <Pager shown next=found.list.next />
        }
    })
}

/// A note of one's own, to change it or take it away.
#[component]
pub fn NotePage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let note = load(move || id.get(), api::note);
    let (edit, remove, restore) = (act::<EditNote>(), act::<RemoveNote>(), act::<RestoreNote>());
    let (error, wrong, kept) = (act_error(edit), act_error(remove), act_error(restore));
    show(note, move |found| {
        let crumbs = vec![Crumb::new(found.back.clone(), "Where it stands")];
        let note = found.note;
        if let Some(until) = found.until {
            return view! {
                <PageHead title="Note removed" crumbs />
                <p>"It is no longer shown. You can put it back until " <WhenText when=until exact=true /> "; what it said stays in the audit log."</p>
                <FormError error=kept />
                <ActionForm action=restore>
                    <input type="hidden" name="id" value=note.id />
                    <button type="submit" class="btn btn-plain">"Put it back"</button>
                </ActionForm>
            }
            .into_any();
        }
        if !note.own {
            return view! {
                <PageHead title="Note" crumbs />
                <p class="note-text">{note.text}</p>
                <p class="muted">{note.who} " · " <WhenText when=note.at /> ". Everybody changes their own notes."</p>
            }
            .into_any();
        }
        let id = note.id.clone();
        view! {
            <PageHead title="Change note" crumbs />
            <ActionForm action=edit class="form">
                <FormError error />
                <input type="hidden" name="id" value=note.id />
                <TextArea name="note" label="Note" value=note.text required=true error />
                <div class="form-actions">
                    <button type="submit" class="btn btn-primary">"Save note"</button>
                    <a class="btn btn-plain" href=found.back>"Cancel"</a>
                </div>
            </ActionForm>
            <section class="danger-zone" aria-labelledby="note-away">
                <h2 id="note-away">"Take it away"</h2>
                <FormError error=wrong />
                <div class="row">
                    <div>
                        <p class="muted">"It is no longer shown. You can put it back for ten minutes; what it said stays in the audit log."</p>
                    </div>
                    <ActionForm action=remove>
                        <input type="hidden" name="id" value=id />
                        <button type="submit" class="btn btn-sm btn-danger">"Remove note"</button>
                    </ActionForm>
                </div>
            </section>
        }
        .into_any()
    })
}
