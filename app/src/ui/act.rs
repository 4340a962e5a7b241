//! Reading and writing through server functions: resources that follow the address, actions that refresh them.

use std::{future::Future, time::Duration};

use codee::{Decoder, Encoder};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_location;
use serde::{Serialize, de::DeserializeOwned};

use super::ErrorState;
use crate::error::UiError;

/// What a page reads from the server.
pub type Reading<T> = Resource<Result<T, UiError>, Json>;

/// JSON as resources carry it from the server's page into the browser. Read as bytes, like the answers of server
/// functions: read as text, every type would bring its decoder a second time.
pub struct Json;

impl<T: Serialize> Encoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, serde_json::Error> {
        serde_json::to_string(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, serde_json::Error> {
        serde_json::from_slice(text.as_bytes())
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

/// An action for an `<ActionForm>`. Done, it leads to another address, which is read as usual; where it leads back to the
/// very same one, what the page shows is read again.
pub fn act<F>() -> ServerAction<F>
where
    F: ServerFn + Clone + Send + Sync + 'static,
    F::Output: Send + Sync + 'static,
    F::Error: Send + Sync + 'static,
    F: ServerFn<Error = UiError>,
{
    let action = ServerAction::<F>::new();
    let refresh = use_context::<Refresh>();
    let (version, pending) = (action.version(), action.pending());
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
    action
}

/// Why the action last failed, where it did.
pub fn act_error<F>(action: ServerAction<F>) -> Signal<Option<UiError>>
where
    F: ServerFn<Error = UiError> + Clone + Send + Sync + 'static,
    F::Output: Clone + Send + Sync + 'static,
{
    let value = action.value();
    Signal::derive(move || value.with(|value| value.as_ref().and_then(|result| result.as_ref().err().cloned())))
}

/// What a page shows: read again when what `source` returns changes and after every write.
pub fn load<S, T, Fut>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S) -> Fut + Send + Sync + 'static,
) -> Reading<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    Fut: Future<Output = Result<T, UiError>> + Send + 'static,
{
    let location = use_location();
    let here = location.pathname.get_untracked();
    // A page that is being left must not ask anew because the address changes under it.
    let asked = Memo::new(move |before: Option<&(S, String, u32)>| {
        let leaving = location.pathname.get() != here;
        let now = (source(), location.search.get(), Refresh::count());
        match before {
            Some(before) if leaving && before.0 == now.0 => before.clone(),
            _ => now,
        }
    });
    Resource::new_with_options(move || asked.get(), move |(source, _, _)| fetch(source), false)
}

/// Shows what was read, or says plainly why it could not be. What was shown before stays while it is read again.
pub fn show<T, V>(resource: Reading<T>, content: impl Fn(T) -> V + Clone + Send + Sync + 'static) -> impl IntoView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    V: IntoView + 'static,
{
    view! {
        <Transition fallback=|| ()>
            {move || {
                let content = content.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(found) => content(found).into_any(),
                        Err(error) => view! { <ErrorState error /> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}
