//! Fields of forms. Uncontrolled, so that nothing typed is lost when the WebAssembly arrives.

use leptos::prelude::*;

use super::{
    Icon, Shape,
    page::{Notice, NoticeKind},
    refused::{ANCHOR, CONFIRMED, FormState},
};

/// The field's own name: `name` for `plan[name]`.
fn own(name: &str) -> &str {
    name.split_once('[').map_or(name, |(_, rest)| rest.trim_end_matches(']'))
}

fn wrong(error: Option<FormState>, name: &'static str) -> impl Fn() -> Option<String> + Clone + Send + Sync + 'static {
    move || {
        error
            .and_then(|error| error.get())
            .filter(|error| error.field.as_deref() == Some(own(name)))
            .map(|error| error.sentence())
    }
}

fn below(
    name: &'static str,
    hint: Option<String>,
    wrong: impl Fn() -> Option<String> + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        {hint.map(|hint| view! { <p class="hint" id=format!("{name}-hint")>{hint}</p> })}
        <div id=format!("{name}-wrong") role="alert">
            {move || wrong().map(|text| view! { <p class="wrong"><Icon shape=Shape::Bad />{text}</p> })}
        </div>
    }
}

/// A one-line field with its label, hint and error.
#[component]
pub fn Field(
    /// The name under which it is sent; also its id.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// `text`, `email`, `password`, `number`, `date`.
    #[prop(default = "text")]
    kind: &'static str,
    /// What stands in it at first.
    #[prop(optional, into)]
    value: String,
    /// One sentence that helps.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Whether the browser asks for it.
    #[prop(optional)]
    required: bool,
    /// What the browser may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// An example.
    #[prop(optional, into)]
    placeholder: Option<String>,
    /// Smallest number.
    #[prop(optional)]
    min: Option<&'static str>,
    /// Longest text.
    #[prop(optional)]
    maxlength: Option<&'static str>,
    /// The form's last error.
    #[prop(optional, into)]
    error: Option<FormState>,
    /// Whether the cursor starts here.
    #[prop(optional)]
    autofocus: bool,
) -> impl IntoView {
    let bad = wrong(error, name);
    let invalid = bad.clone();
    let described = format!("{}{name}-wrong", if hint.is_some() { format!("{name}-hint ") } else { String::new() });
    // What was typed comes back, but a password is never sent to a browser.
    let value = error.filter(|_| kind != "password").and_then(|error| error.typed(name)).unwrap_or(value);
    view! {
        <div class="field">
            <label for=name>{label} {(!required).then(|| view! { <span class="opt">" (optional)"</span> })}</label>
            <input
                class="input"
                id=name
                name=name
                type=kind
                value=value
                required=required
                autocomplete=autocomplete
                placeholder=placeholder
                min=min
                maxlength=maxlength
                autofocus=autofocus
                aria-describedby=described
                aria-invalid=move || invalid().is_some().then_some("true")
            />
            {below(name, hint, bad)}
        </div>
    }
}

/// Escapes text for the inside of a `<textarea>` or a `<title>`.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A field of several lines.
///
/// The only place that may write a `<textarea>`: the framework does not escape its content when rendering on the
/// server, so this part does.
#[component]
pub fn TextArea(
    /// The name under which it is sent; also its id.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// What stands in it at first.
    #[prop(optional, into)]
    value: String,
    /// One sentence that helps.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Whether the browser asks for it.
    #[prop(optional)]
    required: bool,
    /// The form's last error.
    #[prop(optional, into)]
    error: Option<FormState>,
) -> impl IntoView {
    let bad = wrong(error, name);
    let invalid = bad.clone();
    let described = format!("{}{name}-wrong", if hint.is_some() { format!("{name}-hint ") } else { String::new() });
    let value = error.and_then(|error| error.typed(name)).unwrap_or(value);
    view! {
        <div class="field">
            <label for=name>{label} {(!required).then(|| view! { <span class="opt">" (optional)"</span> })}</label>
            <textarea
                class="textarea"
                id=name
                name=name
                required=required
                rows="3"
                aria-describedby=described
                aria-invalid=move || invalid().is_some().then_some("true")
                inner_html=escape(&value)
            ></textarea>
            {below(name, hint, bad)}
        </div>
    }
}

/// One of several values, in a list that opens.
#[component]
pub fn SelectField(
    /// The name under which it is sent; also its id.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// Value and text of each choice.
    options: Vec<(String, String)>,
    /// The value that is chosen at first.
    #[prop(optional, into)]
    value: String,
    /// One sentence that helps.
    #[prop(optional, into)]
    hint: Option<String>,
    /// The form's last error.
    #[prop(optional, into)]
    error: Option<FormState>,
) -> impl IntoView {
    let bad = wrong(error, name);
    let described = format!("{}{name}-wrong", if hint.is_some() { format!("{name}-hint ") } else { String::new() });
    let value = error.and_then(|error| error.typed(name)).unwrap_or(value);
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <select class="select" id=name name=name aria-describedby=described>
                {options
                    .into_iter()
                    .map(|(key, text)| {
                        let selected = key == value;
                        view! { <option value=key selected=selected>{text}</option> }
                    })
                    .collect_view()}
            </select>
            {below(name, hint, bad)}
        </div>
    }
}

/// A yes that is sent as `true`; a no is not sent at all.
#[component]
pub fn Checkbox(
    /// The name under which it is sent; also its id.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// Whether it is ticked at first.
    #[prop(optional)]
    checked: bool,
    /// Whether it has to be ticked.
    #[prop(optional)]
    required: bool,
    /// The form's state.
    #[prop(optional, into)]
    error: Option<FormState>,
) -> impl IntoView {
    let checked = error.and_then(|error| error.typed(name)).map_or(checked, |typed| typed == "true");
    view! {
        <label class="check" for=name>
            <input class="checkbox checkbox-sm" type="checkbox" id=name name=name value="true" checked=checked required=required />
            <span>{label}</span>
        </label>
    }
}

/// One answer to a question, with what it means and, where it needs one, a number beside it.
#[component]
pub fn Choice(
    /// The name of the question.
    name: &'static str,
    /// The value sent.
    value: &'static str,
    /// The answer.
    #[prop(into)]
    label: String,
    /// What it means.
    #[prop(into)]
    hint: String,
    /// Whether it is chosen at first.
    #[prop(optional)]
    checked: bool,
    /// The form's state.
    error: FormState,
    /// A field that belongs to this answer.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let checked = error.typed(name).map_or(checked, |typed| typed == value);
    let id = format!("{name}-{value}");
    let described = format!("{id}-hint");
    view! {
        <div class="choice">
            <input
                class="radio radio-sm"
                type="radio"
                id=id.clone()
                name=name
                value=value
                checked=checked
                aria-describedby=described.clone()
            />
            <label for=id>
                <b>{label}</b>
            </label>
            <span class="hint" id=described>{hint}</span>
            {children.map(|children| view! { <div class="inline-input">{children()}</div> })}
        </div>
    }
}

/// Why the form was not accepted: what happened, that nothing was changed, the code and the request.
#[component]
pub fn FormError(
    /// The form's last error.
    error: FormState,
) -> impl IntoView {
    // A browser that was led back here goes to the summary, and on from there.
    let anchor = error.is_refused().then_some(ANCHOR);
    move || {
        error.get().map(|error| {
            if error.code == CONFIRMED {
                return view! {
                    <Notice kind=NoticeKind::Info anchor>
                        <p>{error.sentence()} " What you had filled in is here again; nothing has been done yet."</p>
                    </Notice>
                }
                .into_any();
            }
            view! {
                <Notice kind=NoticeKind::Bad anchor>
                    <p>{error.sentence()} " " <span class="muted">"Nothing was changed."</span></p>
                    <p class="small">
                        <code>{error.code.clone()}</code>
                        {error.request_id.clone().map(|id| view! { " · request " <code>{id}</code> })}
                    </p>
                </Notice>
            }
            .into_any()
        })
    }
}

/// The button that sends a form.
#[component]
pub fn Submit(
    /// A verb and what it is done to.
    #[prop(into)]
    label: String,
    /// Whether it ends somebody's access.
    #[prop(optional)]
    danger: bool,
    /// Whether the form is on its way.
    #[prop(optional, into)]
    pending: Option<Signal<bool>>,
) -> impl IntoView {
    let class = if danger { "btn btn-error" } else { "btn btn-primary" };
    view! {
        <button type="submit" class=class aria-disabled=move || pending.is_some_and(|pending| pending.get()).then_some("true")>
            {label}
        </button>
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_cannot_leave_its_field() {
        assert_eq!(super::escape("</textarea><script>&"), "&lt;/textarea&gt;&lt;script&gt;&amp;");
    }
}
