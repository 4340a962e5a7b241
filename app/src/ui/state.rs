//! How something stands, as a quiet badge: an icon and a word, so that colour is never alone.

use holdfast_domain::LicenseState;
use leptos::prelude::*;

use super::{Icon, Shape};

/// What a state means for the person who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Needs attention.
    Warn,
    /// Ended or refused.
    Bad,
    /// Worth knowing.
    Info,
    /// Neither.
    None,
}

impl Tone {
    /// The class of the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "tone-good",
            Self::Warn => "tone-warn",
            Self::Bad => "tone-bad",
            Self::Info => "tone-info",
            Self::None => "tone-none",
        }
    }

    const fn shape(self) -> Shape {
        match self {
            Self::Good => Shape::Good,
            Self::Warn => Shape::Warning,
            Self::Bad => Shape::Bad,
            Self::Info => Shape::Info,
            Self::None => Shape::Open,
        }
    }
}

/// A badge.
#[component]
pub fn StateBadge(
    /// What it means.
    tone: Tone,
    /// The word.
    #[prop(into)]
    word: String,
    /// Another icon than the tone's own.
    #[prop(optional)]
    shape: Option<Shape>,
) -> impl IntoView {
    view! {
        <span class=format!("badge-state {}", tone.class())>
            <Icon shape=shape.unwrap_or(tone.shape()) />
            {word}
        </span>
    }
}

/// How a license stands.
#[component]
pub fn LicenseBadge(
    /// The state.
    state: LicenseState,
) -> impl IntoView {
    let (tone, shape, word) = match state {
        LicenseState::Active => (Tone::Good, Shape::Good, "Active"),
        LicenseState::Suspended => (Tone::Warn, Shape::Paused, "Suspended"),
        LicenseState::Revoked => (Tone::Bad, Shape::Bad, "Revoked"),
        LicenseState::Expired => (Tone::None, Shape::Clock, "Expired"),
    };
    view! { <StateBadge tone shape word /> }
}
