//! The keyboard: what opens the palette and the sheet of shortcuts, and what single letters do.
//!
//! Letters do nothing while somebody types, together with Ctrl, Alt or ⌘, or where they are switched off (WCAG 2.1.4).

use leptos::prelude::*;

/// What stands over the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// Go, find, do.
    Palette,
    /// What the keyboard does.
    Shortcuts,
}

/// What stands over the page of this window, where anything does.
#[derive(Clone, Copy)]
pub struct Summoned {
    /// What it is.
    pub sheet: RwSignal<Option<Sheet>>,
    /// What was typed already into the box that opened the palette.
    pub typed: RwSignal<String>,
}

impl Summoned {
    /// Makes it known to everything below, and has the keyboard open it.
    pub fn provide() -> Self {
        let summoned = Self { sheet: RwSignal::new(None), typed: RwSignal::new(String::new()) };
        provide_context(summoned);
        #[cfg(feature = "hydrate")]
        browser::listen(summoned);
        summoned
    }

    /// Opens the palette with what was typed so far. While its code is on its way, what is typed meanwhile is added.
    pub fn search(self, typed: &str) {
        let opens = self.sheet.get_untracked() == Some(Sheet::Palette);
        self.typed.update(|before| {
            if !opens {
                before.clear();
            }
            before.push_str(typed);
        });
        self.sheet.set(Some(Sheet::Palette));
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::time::Duration;

    use leptos::{ev, prelude::*};
    use leptos_router::hooks::use_navigate;
    use wasm_bindgen::JsCast as _;
    use web_sys::{Element, HtmlElement, KeyboardEvent};

    use super::{Sheet, Summoned};
    use crate::layout::screens::letters;

    /// How long `g` waits for the letter of a screen.
    const WAITS: Duration = Duration::from_millis(1_500);
    /// Where somebody types, or something stands over the page.
    const BUSY: &str = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog";
    /// What a page is mostly for.
    const PRIMARY: &str = ".page-head .btn-primary, .empty .btn-primary";

    pub fn listen(summoned: Summoned) {
        let navigate = use_navigate();
        // Of a `g` that waits: the number of it, so that none ends the waiting of a later one.
        let (waiting, count) = (StoredValue::new(None::<u32>), StoredValue::new(0_u32));
        // Once the page is taken over: before that there is nothing to open.
        Effect::new(move |_| {
            let navigate = navigate.clone();
            let handle = window_event_listener(ev::keydown, move |event| {
                if event.default_prevented() || event.is_composing() {
                    return;
                }
                let (key, held) = (event.key(), event.ctrl_key() || event.meta_key());
                if held && !event.alt_key() && !event.shift_key() && key.eq_ignore_ascii_case("k") {
                    event.prevent_default();
                    let open = summoned.sheet.get_untracked() == Some(Sheet::Palette);
                    if open {
                        summoned.sheet.set(None);
                    } else {
                        summoned.search("");
                    }
                    return;
                }
                // A sign may need Shift, as "?" does; a letter means something else with it.
                let shifted = event.shift_key() && key.chars().all(char::is_alphabetic);
                if held || event.alt_key() || shifted || is_off() || is_busy(&event) {
                    return;
                }
                let went = waiting.get_value().is_some();
                waiting.set_value(None);
                let used = match key.as_str() {
                    letter if went => {
                        let screen = letters().find(|(own, _, _)| letter.chars().eq([*own]));
                        if let Some((_, href, _)) = screen {
                            navigate(href, leptos_router::NavigateOptions::default());
                        }
                        screen.is_some()
                    }
                    "g" => {
                        let number = count.get_value().wrapping_add(1);
                        count.set_value(number);
                        waiting.set_value(Some(number));
                        let end = move || {
                            if waiting.get_value() == Some(number) {
                                waiting.set_value(None);
                            }
                        };
                        set_timeout(end, WAITS);
                        true
                    }
                    "/" => {
                        summoned.search("");
                        true
                    }
                    "?" => {
                        summoned.sheet.set(Some(Sheet::Shortcuts));
                        true
                    }
                    "n" => press(PRIMARY),
                    "j" => step(Element::next_element_sibling),
                    "k" => step(Element::previous_element_sibling),
                    _ => false,
                };
                if used {
                    event.prevent_default();
                }
            });
            on_cleanup(move || handle.remove());
        });
    }

    /// Whether letters are switched off in this browser.
    fn is_off() -> bool {
        document().document_element().is_some_and(|root| root.has_attribute("data-shortcuts"))
    }

    fn is_busy(event: &KeyboardEvent) -> bool {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        target.is_some_and(|target| target.closest(BUSY).ok().flatten().is_some())
    }

    fn press(selector: &str) -> bool {
        let found = document().query_selector(selector).ok().flatten();
        let Some(element) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok()) else { return false };
        element.click();
        true
    }

    /// Moves the focus to the link of the row beside the one that has it; to the first row's where none has.
    fn step(beside: fn(&Element) -> Option<Element>) -> bool {
        let own = document().active_element().and_then(|active| active.closest(".rows tbody tr").ok().flatten());
        let mut row = match own {
            Some(own) => beside(&own),
            None => document().query_selector(".rows tbody tr").ok().flatten(),
        };
        while let Some(candidate) = row {
            let link = candidate.query_selector("a[href]").ok().flatten();
            if let Some(link) = link.and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
                return link.focus().is_ok();
            }
            row = beside(&candidate);
        }
        false
    }
}
