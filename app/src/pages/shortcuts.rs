//! What the keyboard does: as a sheet over the page, and as a page for whoever has no scripting.

use leptos::prelude::*;

use crate::{layout::screens::letters, ui::PageHead};

/// What the keys do everywhere.
const EVERYWHERE: [(&[&str], &str); 3] = [
    (&["Ctrl", "K"], "Palette: go, find, do. On a Mac ⌘ K too; stays when shortcuts are off"),
    (&["→"], "In the palette, what can be done with what was found; ← goes back"),
    (&["Esc"], "Close what stands over the page"),
];

/// What single keys do.
const SINGLE: [(&[&str], &str); 6] = [
    (&["/"], "Palette"),
    (&["?"], "This list"),
    (&["n"], "What the page is mostly for, such as Issue license"),
    (&["j"], "Next row of the table"),
    (&["k"], "Row before"),
    (&["Enter"], "Open the row"),
];

fn row(keys: &[&str], does: String) -> impl IntoView + use<> {
    let keys = keys.iter().map(|key| view! { <kbd>{(*key).to_owned()}</kbd> }).collect_view();
    view! { <dt>{keys}</dt> <dd>{does}</dd> }
}

/// All shortcuts.
#[component]
pub fn Shortcuts() -> impl IntoView {
    let both =
        |rows: &'static [(&[&str], &str)]| rows.iter().map(|(keys, does)| row(keys, (*does).to_owned())).collect_view();
    let screens = letters().map(|(letter, _, name)| row(&["g", &letter.to_string()], name.to_owned()));
    view! {
        <div class="shortcuts">
            <div>
                <h2>"Everywhere"</h2>
                <dl>{both(&EVERYWHERE)}</dl>
                <h2>"On a page"</h2>
                <dl>{both(&SINGLE)}</dl>
            </div>
            <div>
                <h2>"Go to"</h2>
                <dl>{screens.collect_view()}</dl>
            </div>
        </div>
        <p class="hint">
            "Single keys do nothing while you type. They can be switched off in your menu, under Shortcuts; this browser remembers it."
        </p>
    }
}

/// All shortcuts, as a page.
#[component]
pub fn ShortcutsPage() -> impl IntoView {
    view! {
        <PageHead title="Keyboard shortcuts" />
        <Shortcuts />
        <p class="hint">"They need scripting in this browser. Without it everything is reached by links and buttons."</p>
    }
}
