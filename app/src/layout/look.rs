//! How it looks and listens in this browser: chosen here, kept in a cookie, applied to the document.

use leptos::prelude::*;

/// A choice: its name, its label, its values with their words.
type Choice = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Whether the navigation is there whole, or only its icons until it is pointed at.
const NAV: Choice = ("nav", "Navigation", &[("open", "Open"), ("folded", "Folded")]);
/// Its place among the choices.
pub const NAV_PLACE: usize = 3;

/// What can be chosen; the first value of each is what holds where nothing was chosen.
pub const CHOICES: [Choice; 4] = [
    ("theme", "Theme", &[("system", "System"), ("light", "Light"), ("dark", "Dark")]),
    ("density", "Rows", &[("comfortable", "Roomy"), ("compact", "Compact")]),
    ("shortcuts", "Shortcuts", &[("on", "On"), ("off", "Off")]),
    NAV,
];

/// What was chosen in this window since its page came, by the place in [`CHOICES`].
#[derive(Clone, Copy)]
pub struct Chosen(RwSignal<[Option<&'static str>; 4]>);

impl Chosen {
    /// Makes it known to everything below.
    pub fn provide() {
        provide_context(Self(RwSignal::new([None; 4])));
    }

    /// Of everything above.
    pub fn find() -> Option<Self> {
        use_context()
    }

    /// What was chosen of the choice at `place`.
    pub fn of(self, place: usize) -> Option<&'static str> {
        self.0.get().get(place).copied().flatten()
    }

    /// Chooses: this document looks so at once, and the server keeps it for the next.
    pub fn choose(self, place: usize, value: &'static str) {
        let Some((name, _, values)) = CHOICES.get(place) else { return };
        self.0.update(|chosen| {
            if let Some(chosen) = chosen.get_mut(place) {
                *chosen = Some(value);
            }
        });
        apply(name, value, values.first().is_some_and(|(usual, _)| *usual == value));
    }
}

/// Does what the server does when it renders the document, and tells it.
#[cfg(feature = "hydrate")]
fn apply(name: &'static str, value: &'static str, usual: bool) {
    let attribute = format!("data-{name}");
    if let Some(root) = document().document_element() {
        // Neither can fail for these names.
        let _ = if usual { root.remove_attribute(&attribute) } else { root.set_attribute(&attribute, value) };
    }
    let of = |other: &str| if other == name { value.to_owned() } else { String::new() };
    let (theme, density, shortcuts, nav) = (of("theme"), of("density"), of("shortcuts"), of("nav"));
    leptos::task::spawn_local(async move {
        // Where it could not be kept, this window looks so and the next one does not.
        let _ = super::api::set_look(theme, density, shortcuts, nav).await;
    });
}

#[cfg(not(feature = "hydrate"))]
const fn apply(_: &str, _: &str, _: bool) {}
