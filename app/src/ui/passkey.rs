//! Passkeys in the browser. Only with scripting; a code of an app is the way without.

use std::{future::Future, pin::Pin};

use leptos::{html::Input, prelude::*};

use super::{Icon, Shape};
use crate::error::UiError;

/// Asks the server what to ask the browser for.
pub type Ask = fn() -> Pin<Box<dyn Future<Output = Result<String, UiError>> + Send>>;

/// A button that has the browser make or use a passkey and sends the form it stands in, as its field `credential`.
#[component]
pub fn PasskeyButton(
    /// What it says.
    label: &'static str,
    /// Whether a passkey is to be made.
    making: bool,
    /// What to ask for.
    ask: Ask,
) -> impl IntoView {
    let field = NodeRef::<Input>::new();
    let said = RwSignal::new(String::new());
    let press = move |_| {
        let Some(field) = field.get_untracked() else { return };
        said.set(String::new());
        leptos::task::spawn_local(async move {
            let answer = match ask().await {
                Ok(asked) => browser::answer(&asked, making).await,
                Err(error) => Err(error.sentence()),
            };
            match answer {
                Ok(answer) => {
                    field.set_value(&answer);
                    if let Some(form) = field.form() {
                        // A form that a field is missing from says so itself.
                        let _ = form.request_submit();
                    }
                }
                Err(why) => said.set(why),
            }
        });
    };
    view! {
        <input type="hidden" name="credential" value="" node_ref=field />
        <div class="form-actions">
            <button type="button" class="btn btn-plain scripted" on:click=press>
                <Icon shape=Shape::License />
                {label}
            </button>
        </div>
        <p class="hint unscripted">"Passkeys need scripting, which is off in this browser."</p>
        <div role="alert">{move || Some(said.get()).filter(|said| !said.is_empty()).map(|said| view! { <p class="wrong"><Icon shape=Shape::Bad />{said}</p> })}</div>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use js_sys::{JSON, Object, Reflect};
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = PublicKeyCredential, js_name = parseCreationOptionsFromJSON, catch)]
        fn to_make(asked: JsValue) -> Result<JsValue, JsValue>;
        #[wasm_bindgen(js_namespace = PublicKeyCredential, js_name = parseRequestOptionsFromJSON, catch)]
        fn to_use(asked: JsValue) -> Result<JsValue, JsValue>;
        #[wasm_bindgen(js_namespace = ["navigator", "credentials"], js_name = create, catch)]
        async fn make(options: &JsValue) -> Result<JsValue, JsValue>;
        #[wasm_bindgen(js_namespace = ["navigator", "credentials"], js_name = get, catch)]
        async fn take(options: &JsValue) -> Result<JsValue, JsValue>;
    }

    /// What the browser answers, as JSON.
    pub async fn answer(asked: &str, making: bool) -> Result<String, String> {
        let told = async {
            let asked = JSON::parse(asked)?;
            let asked = if making { to_make(asked)? } else { to_use(asked)? };
            let options = Object::new();
            Reflect::set(&options, &"publicKey".into(), &asked)?;
            let credential = if making { make(&options).await? } else { take(&options).await? };
            JSON::stringify(&credential)
        };
        match told.await {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(
                "No passkey was used: the browser has none for this site, does not know passkeys, or it was cancelled."
                    .to_owned(),
            ),
        }
    }
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    /// Only a browser has passkeys.
    pub fn answer(_: &str, _: bool) -> impl Future<Output = Result<String, String>> {
        std::future::ready(Err(String::new()))
    }
}
