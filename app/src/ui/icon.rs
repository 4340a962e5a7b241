//! Icons: one stroke, 16 pixels, drawn in the text's colour.

use leptos::prelude::*;

/// What an icon shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The product's own sign.
    Anchor,
    /// A house.
    Home,
    /// A box.
    Product,
    /// A key.
    License,
    /// A screen on its foot.
    Seat,
    /// A receipt.
    Order,
    /// Two people.
    Customers,
    /// An arrow into a tray.
    Import,
    /// A list with a tick.
    Audit,
    /// A magnifying glass.
    Search,
    /// A tick in a circle.
    Good,
    /// Two upright bars in a circle.
    Paused,
    /// A cross in a circle.
    Bad,
    /// A clock.
    Clock,
    /// A triangle with a mark.
    Warning,
    /// An i in a circle.
    Info,
    /// Two sheets.
    Copy,
    /// A person.
    Person,
    /// An empty circle.
    Open,
    /// Two machines, one above the other.
    Fleet,
    /// A bell.
    Alert,
    /// An arrow out of a box.
    Webhook,
    /// Two sliders.
    Settings,
    /// Three dots.
    More,
    /// A price tag.
    Plan,
    /// A tick before each of three lines.
    Act,
    /// A frame with a bar at its left.
    Fold,
    /// A lifebuoy.
    Support,
}

impl Shape {
    const fn path(self) -> &'static str {
        match self {
            Self::Anchor => {
                "M8 5v9.5M8 5a1.8 1.8 0 1 0 0-3.6A1.8 1.8 0 0 0 8 5ZM5.5 7.5h5M2 9c.2 3.2 2.8 5.5 6 5.5s5.8-2.3 6-5.5"
            }
            Self::Home => "M2.5 7 8 2.5 13.5 7v6a.5.5 0 0 1-.5.5H10V10H6v3.5H3a.5.5 0 0 1-.5-.5Z",
            Self::Product => "M8 1.8 13.8 5v6L8 14.2 2.2 11V5ZM2.2 5 8 8.2 13.8 5M8 8.2v6",
            Self::License => "M9.5 6.5 14 2M11.5 4.5l2 2M10.2 9.5a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0Z",
            Self::Seat => "M2 3h12v8H2ZM8 11v2.5M5 13.5h6",
            Self::Order => "M3.5 2h9v12l-2.2-1.2L8 14l-2.3-1.2L3.5 14ZM6 5.5h4M6 8.5h4",
            Self::Customers => {
                "M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.5 2.8a2.5 2.5 0 0 1 0 4.4M12 9.8c1.6.6 2.5 1.9 2.5 3.7"
            }
            Self::Import => "M8 2v7.5M5 6.8l3 3 3-3M2.5 10v3a.5.5 0 0 0 .5.5h10a.5.5 0 0 0 .5-.5v-3",
            Self::Audit => "M2.5 4h6M2.5 8h5M2.5 12h4M9.5 11l2 2 3-4.5",
            Self::Plan => "M2.5 2.5h5l6 6-5 5-6-6ZM5.3 5.3h.01",
            Self::Act => "M6.5 4H14M6.5 8H14M6.5 12H14M2 4l.8.8L4.2 3.3M2 8l.8.8 1.4-1.5M2 12l.8.8 1.4-1.5",
            Self::Fold => "M2.5 3h11v10h-11ZM6 3v10",
            Self::Support => {
                "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM3.8 3.8l2.4 2.4M9.8 9.8l2.4 2.4M12.2 3.8 9.8 6.2M6.2 9.8l-2.4 2.4"
            }
            Self::Search => "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5l3.5 3.5",
            Self::Good => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM5.3 8.2l1.9 1.9 3.6-4",
            Self::Paused => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6.5 6v4M9.5 6v4",
            Self::Bad => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6 6l4 4M10 6l-4 4",
            Self::Webhook => {
                "M7 3H3.5a.5.5 0 0 0-.5.5v9a.5.5 0 0 0 .5.5h9a.5.5 0 0 0 .5-.5V9M9.5 2.5h4v4M13.5 2.5 7.5 8.5"
            }
            Self::Clock => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.5",
            Self::Warning => "M8 2.2 14.3 13.5H1.7ZM8 6.5v3.3M8 11.5v.3",
            Self::Info => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.3v3.5M8 5v.3",
            Self::Copy => "M6 5.5h7.5V14H6ZM3.5 10.5h-1V2H10v1",
            Self::Person => {
                "M8 7.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM2.8 14c0-2.6 2.3-4.2 5.2-4.2s5.2 1.6 5.2 4.2"
            }
            Self::Open => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z",
            Self::Fleet => "M2.5 2.5h11v4.5h-11ZM2.5 9h11v4.5h-11ZM5 4.8h.1M5 11.3h.1M8 4.8h3M8 11.3h3",
            Self::Alert => "M4 11V7a4 4 0 0 1 8 0v4l1.2 1.5H2.8ZM6.7 14.2h2.6M8 3V1.8",
            Self::Settings => "M2 5h6M12 5h2M2 11h2M8 11h6M10 3.2v3.6M6 9.2v3.6",
            Self::More => "M3.5 8h.1M8 8h.1M12.5 8h.1",
        }
    }
}

/// An icon beside a word; never the only carrier of a meaning, so it is hidden from screen readers.
#[component]
pub fn Icon(
    /// What it shows.
    shape: Shape,
) -> impl IntoView {
    view! {
        <svg
            class="icon"
            viewBox="0 0 16 16"
            fill="none"
            stroke="currentColor"
            stroke-width="1.5"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            <path d=shape.path() />
        </svg>
    }
}
