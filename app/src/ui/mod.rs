//! The component set: every page is made of these parts and of nothing else.
//!
//! None of them sets a style or a script of its own; the style sheets are in `style/`. All of them work before the
//! WebAssembly has come, and without it.

pub mod act;
pub mod copy;
pub mod curve;
pub mod data;
pub mod form;
pub mod icon;
pub mod live;
pub mod page;
pub mod passkey;
pub mod refused;
pub mod state;
pub mod time;

pub use act::{ActionForm, Refresh, act, act_error, load, search_here, show, show_live, show_quietly};
pub use copy::{CopyButton, Copyable, Snippet};
pub use data::{Empty, Fact, Facts, NothingMatches, Pager, Rows, Search, Steps, Tab, Tabs, Timeline, TimelineEntry};
pub use form::{Checkbox, Choice, Field, FormError, SelectField, Submit, TextArea};
pub use icon::{Icon, Shape};
pub use page::{Crumb, ErrorState, Flash, PageHead, Section};
pub use passkey::PasskeyButton;
pub use state::{StateBadge, Tone};
pub use time::{Countdown, When, WhenText};
