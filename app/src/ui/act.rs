//! Reading and writing through server functions: resources that follow the address, actions that refresh them.

use std::{
    any::Any,
    future::{Future, ready},
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use codee::{Decoder, Encoder};
use leptos::{
    ev::SubmitEvent, form::form_data_from_event, html::Form, prelude::*, server_fn::ServerFn, web_sys::UrlSearchParams,
};
use leptos_router::hooks::use_location;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    ErrorState,
    refused::{self, FormState},
};
use crate::error::UiError;

/// What a page reads from the server.
pub struct Reading<T>(Resource<Outcome, Json>, PhantomData<fn() -> T>);

impl<T> Clone for Reading<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Reading<T> {}

impl<T: Clone + DeserializeOwned + 'static> Reading<T> {
    /// What was read last, where anything was; follows it.
    pub fn get(self) -> Option<Result<T, UiError>> {
        self.0.get().map(|outcome| outcome.and_then(Found::open))
    }
}

type Outcome = Result<Found, UiError>;
type Asking = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What was read, of one type whatever it holds: else each page would bring the machinery of resources, of suspense and
/// of their wire form once more, which is most of what a module weighs.
#[derive(Clone)]
enum Found {
    /// As the call returned it, and how the server's page carries it into the browser.
    Value(Arc<dyn Any + Send + Sync>, #[cfg(feature = "ssr")] fn(&dyn Any) -> Result<String, serde_json::Error>),
    /// As the server's page carried it here.
    Text(Arc<str>),
}

impl Found {
    fn of<T: Serialize + Send + Sync + 'static>(value: T) -> Self {
        Self::Value(
            Arc::new(value),
            #[cfg(feature = "ssr")]
            |value| serde_json::to_string(&value.downcast_ref::<T>()),
        )
    }

    fn open<T: Clone + DeserializeOwned + 'static>(self) -> Result<T, UiError> {
        let value = match self {
            Self::Value(value, ..) => value.downcast_ref().cloned(),
            // Read as bytes, like the answers of server functions, so that a type has one decoder.
            Self::Text(text) => crate::wire::read(text.as_bytes()).ok(),
        };
        value.ok_or_else(|| UiError::new("unreadable_answer", "The server's answer made no sense"))
    }
}

/// How an outcome is carried from the server's page into the browser: a sign and JSON.
pub struct Json;

impl Encoder<Outcome> for Json {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(outcome: &Outcome) -> Result<String, serde_json::Error> {
        Ok(match outcome {
            Err(error) => format!("-{}", serde_json::to_string(error)?),
            Ok(Found::Text(text)) => format!("+{text}"),
            #[cfg(feature = "ssr")]
            Ok(Found::Value(value, encode)) => format!("+{}", encode(value.as_ref())?),
            // Only servers carry anything anywhere.
            #[cfg(not(feature = "ssr"))]
            Ok(Found::Value(_)) => "+null".to_owned(),
        })
    }
}

impl Decoder<Outcome> for Json {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<Outcome, serde_json::Error> {
        match text.strip_prefix('+') {
            Some(json) => Ok(Ok(Found::Text(json.into()))),
            None => serde_json::from_slice(text.trim_start_matches('-').as_bytes()).map(Err),
        }
    }
}

/// What a page asks for, of one type whatever it is.
#[derive(Clone)]
struct Question(Arc<dyn Any + Send + Sync>, fn(&dyn Any, &dyn Any) -> bool);

impl Question {
    fn of<S: PartialEq + Send + Sync + 'static>(source: S) -> Self {
        Self(Arc::new(source), |one, other| match (one.downcast_ref::<S>(), other.downcast_ref::<S>()) {
            (Some(one), Some(other)) => one == other,
            _ => false,
        })
    }
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        (self.1)(self.0.as_ref(), other.0.as_ref())
    }
}

/// Counts the writes of this page, so that what is shown is read again after each.
#[derive(Clone, Copy)]
pub struct Refresh(pub RwSignal<u32>);

impl Refresh {
    /// Provides the counter to everything below.
    pub fn provide() {
        provide_context(Self(RwSignal::new(0)));
    }

    fn count() -> u32 {
        use_context::<Self>().map_or(0, |refresh| refresh.0.get())
    }
}

/// A form's act: what it is sent to, and how that stands. Of one type whatever is sent, as [`Found`] is for reading.
#[derive(Clone, Copy)]
pub struct Act {
    path: &'static str,
    action: Action<String, Result<(), UiError>>,
}

impl Act {
    /// Whether the form is on its way.
    pub fn pending(self) -> Signal<bool> {
        self.action.pending().into()
    }
}

/// The act of the form that calls the server function `F`. Done, it leads to another address, which is read as usual; where
/// it leads back to the very same one, what the page shows is read again.
pub fn act<F: ServerFn<Output = (), Error = UiError>>() -> Act {
    act_on(F::PATH)
}

fn act_on(path: &'static str) -> Act {
    let refused = refused::of(path).map(|refused| Err(refused.error.clone()));
    let action = Action::new_with_value(refused, move |form: &String| send(path, form.clone()));
    let forget = refused::forget();
    let refresh = use_context::<Refresh>();
    let (version, pending, value) = (action.version(), action.pending(), action.value());
    let location = use_location();
    let here = move || (location.pathname.get_untracked(), location.search.get_untracked());
    let began = StoredValue::new(None);
    Effect::new(move |_| {
        if pending.get() {
            began.set_value(Some(here()));
        }
    });
    Effect::new(move |_| {
        if version.get() == 0 {
            return;
        }
        forget();
        // What was refused has changed nothing, and a page that is read again may begin anew, without what it was told.
        if value.with_untracked(|value| matches!(value, Some(Err(_)))) {
            return;
        }
        let Some(Refresh(count)) = refresh else { return };
        let began = began.get_value();
        // A moment later, so that a redirect has changed the address if there was one.
        set_timeout(
            move || {
                if began == Some(here()) {
                    count.update(|count| *count += 1);
                }
            },
            Duration::from_millis(50),
        );
    });
    Act { path, action }
}

/// Sends a form as the browser would, asks for the outcome as data, and goes where the server leads.
#[cfg(feature = "hydrate")]
async fn send(path: &'static str, form: String) -> Result<(), UiError> {
    use leptos::server_fn::{
        ContentType,
        client::{Client, browser::BrowserClient},
        codec::{Encoding, Json as JsonAnswer, PostUrl},
        error::FromServerFnError,
        redirect::call_redirect_hook,
        request::{ClientReq, browser::BrowserRequest},
        response::ClientRes,
    };
    let request = <BrowserRequest as ClientReq<UiError>>::try_new_req_text(
        path,
        PostUrl::CONTENT_TYPE,
        JsonAnswer::CONTENT_TYPE,
        form,
        PostUrl::METHOD,
    )?;
    let response = <BrowserClient as Client<UiError>>::send(request).await?;
    let leads_to = ClientRes::<UiError>::has_redirect(&response).then(|| ClientRes::<UiError>::location(&response));
    let outcome = if ClientRes::<UiError>::status(&response) >= 400 {
        Err(UiError::de(ClientRes::<UiError>::try_into_bytes(response).await?))
    } else {
        Ok(())
    };
    if let Some(address) = leads_to {
        call_redirect_hook(&address);
    }
    outcome
}

/// Only a browser sends forms.
#[cfg(not(feature = "hydrate"))]
fn send(_: &'static str, _: String) -> impl Future<Output = Result<(), UiError>> {
    ready(Err(UiError::new("internal", "Something went wrong here")))
}

/// A form that works by itself, and with scripting is sent without leaving the page.
#[component]
pub fn ActionForm(
    /// What it does.
    action: Act,
    /// Its class.
    #[prop(optional)]
    class: Option<&'static str>,
    /// The fields and the button.
    children: Children,
) -> impl IntoView {
    let (form, sent) = (NodeRef::<Form>::new(), StoredValue::new(false));
    let submit = move |event: SubmitEvent| {
        // What cannot be gathered here, the browser sends by itself.
        if event.default_prevented() {
            return;
        }
        if let Some(fields) = gathered(&event) {
            event.prevent_default();
            sent.set_value(true);
            action.action.dispatch(fields);
        }
    };
    // Whoever has to confirm first who they are goes the way of a browser without scripting: the server keeps what was
    // filled in, asks, and leads back to it. The act was refused, so that sending it again does nothing twice.
    Effect::new(move |_| {
        let stale =
            action.action.value().with(|value| matches!(value, Some(Err(error)) if error.code == "step_up_required"));
        if stale
            && sent.get_value()
            && let Some(form) = form.get_untracked()
        {
            sent.set_value(false);
            // Where even that fails, the page says what is wrong.
            let _ = form.submit();
        }
    });
    view! { <form action=action.path method="post" class=class on:submit=submit node_ref=form>{children()}</form> }
}

/// The fields of a form that is being sent, as a browser writes them into its body.
fn gathered(event: &SubmitEvent) -> Option<String> {
    let fields = form_data_from_event(event).ok()?;
    let fields = UrlSearchParams::new_with_str_sequence_sequence(&fields).ok()?;
    fields.to_string().as_string()
}

/// Why the act last failed, where it did, and what was typed where the browser sent it by itself.
pub fn act_error(act: Act) -> FormState {
    let value = act.action.value();
    let error = move || value.with(|value| value.as_ref().and_then(|result| result.as_ref().err().cloned()));
    FormState::new(act.path, Signal::derive(error))
}

/// What a page shows: read again when what `source` returns changes and after every write that went through.
pub fn load<S, T, Fut>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S) -> Fut + Send + Sync + 'static,
) -> Reading<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Serialize + Send + Sync + 'static,
    Fut: Future<Output = Result<T, UiError>> + Send + 'static,
{
    let fetch = move |question: &Question| -> Asking {
        let Some(source) = question.0.downcast_ref::<S>() else {
            return Box::pin(ready(Err(UiError::new("internal", "Something went wrong here"))));
        };
        let answer = fetch(source.clone());
        Box::pin(async move { answer.await.map(Found::of) })
    };
    Reading(load_found(Box::new(move || Question::of(source())), Box::new(fetch)), PhantomData)
}

/// The same, read once: what does not change with the address.
pub fn load_once<T, Fut>(fetch: impl Fn() -> Fut + Send + Sync + 'static) -> Reading<T>
where
    T: Serialize + Send + Sync + 'static,
    Fut: Future<Output = Result<T, UiError>> + Send + 'static,
{
    let fetch = move |()| -> Asking {
        let answer = fetch();
        Box::pin(async move { answer.await.map(Found::of) })
    };
    Reading(Resource::new_with_options(|| (), fetch, false), PhantomData)
}

/// The query of the page's address, for what is read by it. While the page is being left it stays what it was: the next
/// page's would make no sense here.
pub fn search_here() -> Memo<String> {
    let location = use_location();
    let here = location.pathname.get_untracked();
    Memo::new(move |before: Option<&String>| match before {
        Some(before) if location.pathname.get() != here => before.clone(),
        _ => location.search.get(),
    })
}

type Asked = Box<dyn Fn() -> Question + Send + Sync>;
type Fetch = Box<dyn Fn(&Question) -> Asking + Send + Sync>;

fn load_found(source: Asked, fetch: Fetch) -> Resource<Outcome, Json> {
    let location = use_location();
    let here = location.pathname.get_untracked();
    // A page that is being left must not ask anew because the address changes under it.
    let asked = Memo::new(move |before: Option<&(Question, String, u32)>| {
        let leaving = location.pathname.get() != here;
        let now = (source(), location.search.get(), Refresh::count());
        match before {
            Some(before) if leaving && before.0 == now.0 => before.clone(),
            _ => now,
        }
    });
    Resource::new_with_options(move || asked.get(), move |(question, _, _)| fetch(&question), false)
}

/// Shows what was read, or says plainly why it could not be. What was shown before stays while it is read again.
pub fn show<T, V>(reading: Reading<T>, content: impl Fn(T) -> V + Send + Sync + 'static) -> impl IntoView
where
    T: Clone + DeserializeOwned + 'static,
    V: IntoView + 'static,
{
    show_outcome(reading.0, false, Arc::new(move |outcome| Ok(content(Found::open(outcome?)?).into_any())))
}

/// The same for what is read again by itself: where that fails for a while, what was read last stays, with why it may no
/// longer be so.
pub fn show_live<T, V>(
    reading: Reading<T>,
    content: impl Fn(T, Option<UiError>) -> V + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + DeserializeOwned + 'static,
    V: IntoView + 'static,
{
    let last = StoredValue::new(None::<Found>);
    show_outcome(
        reading.0,
        false,
        Arc::new(move |outcome| {
            let (found, error) = match outcome {
                Err(error) if error.passes() => match last.get_value() {
                    Some(found) => (found, Some(error)),
                    None => return Err(error),
                },
                outcome => (outcome?, None),
            };
            last.set_value(Some(found.clone()));
            Ok(content(Found::open(found)?, error).into_any())
        }),
    )
}

/// The same for a trifle: where it could not be read there is nothing.
pub fn show_quietly<T, V>(reading: Reading<T>, content: impl Fn(T) -> V + Send + Sync + 'static) -> impl IntoView
where
    T: Clone + DeserializeOwned + 'static,
    V: IntoView + 'static,
{
    show_outcome(
        reading.0,
        true,
        Arc::new(move |outcome| Ok(outcome.and_then(Found::open).ok().map(&content).into_any())),
    )
}

/// While nothing is there yet, a word in its place says so, after a moment (`.loading`); of a trifle nothing does.
fn show_outcome(
    resource: Resource<Outcome, Json>,
    trifle: bool,
    content: Arc<dyn Fn(Outcome) -> Result<AnyView, UiError> + Send + Sync>,
) -> AnyView {
    view! {
        <Transition fallback=move || (!trifle).then(|| view! { <p class="loading" role="status" aria-busy="true">"Loading…"</p> })>
            {move || {
                let content = Arc::clone(&content);
                Suspend::new(async move {
                    content(resource.await).unwrap_or_else(|error| view! { <ErrorState error /> }.into_any())
                })
            }}
        </Transition>
    }
    .into_any()
}
