//! What the management API shows and takes: the use cases' views with times in RFC 3339 and units in the names.

mod import;
mod license;
mod people;
mod sale;
mod terms;

pub use import::{ColumnModel, ImportModel, ImportRowModel};
pub use license::{
    ChangeOutcomeModel, ImpactModel, IssuedModel, LicenseDetailModel, LicenseModel, RefundOutcomeModel,
    SeatImpactModel, SeatModel, StatusOutcomeModel,
};
pub use people::{EventModel, InvitationModel, MemberModel, NewInvitationModel, NewTokenModel, TokenModel};
pub use sale::{CustomerModel, OrderModel, PlanModel, ProductModel};
pub use terms::{ModelName, SeatModelName, TermsInput, TermsModel, TermsOutcomeModel, given};

/// The name that a value without data has in JSON.
fn name_of(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
