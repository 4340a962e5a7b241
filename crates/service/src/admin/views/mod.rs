//! What the management use cases answer: plain values that a program or a screen shows as they are.

mod catalog;
mod licenses;
mod log;
mod people;

pub use catalog::{
    ArrivedView, ColumnView, ImportCounts, ImportRowView, ImportState, ImportView, PlanView, ProductView, Replay,
    Replayed, RowFate, TermsOutcome, Unknown, VendorView,
};
pub use licenses::{
    ChangeOutcome, CustomerView, DeviceOutlook, Impact, Issued, LicenseDetail, LicenseInList, LicenseView,
    MigratedView, NoteView, OrderInList, OrderView, RefundOutcome, SeatImpact, SeatInList, SeatView, StatusOutcome,
    TermChange, TrialFunnel, UndoOffer,
};
pub use log::{ChainReport, ChainWalk, CustomerTimeline, EventDetail, EventView};
pub use people::{
    Bootstrapped, FactorView, FactorsView, InvitationLook, InvitationView, MemberView, NewInvitation, NewPasswordLink,
    NewToken, PasswordLinkLook, ProviderView, SessionView, TokenView,
};
