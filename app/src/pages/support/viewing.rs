//! Looking at the portal as a customer sees it: first what that means, then a reason.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{
    api::{self, ViewAs},
    explain::crumbs,
};
use crate::ui::{
    ActionForm, Crumb, FormError, PageHead, Submit, TextArea, act, act_error, load,
    page::{Notice, NoticeKind},
    show,
};

/// Where somebody begins to look at the portal as a customer.
#[component]
pub fn ViewAsPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let customer = load(move || id.get(), api::who_to_view_as);
    let action = act::<ViewAs>();
    let error = act_error(action);
    show(customer, move |name: String| {
        let id = id.get_untracked();
        let back = format!("/support/{id}");
        let mut way = crumbs();
        way.push(Crumb::new(back.clone(), name.clone()));
        view! {
            <PageHead title="View as the customer" crumbs=way />
            <Notice kind=NoticeKind::Info>
                <p>"You see the portal as an administrator of " <b>{name}</b> " does: licenses, devices, orders and people."</p>
                <p class="small">"You can change nothing there and see no key. It ends after 30 minutes, or when you stop or sign out. It is written to the audit log."</p>
            </Notice>
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="id" value=id />
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error />
                <div class="form-actions">
                    <Submit label="View as the customer" pending=action.pending() />
                    <a class="btn btn-plain" href=back>"Cancel"</a>
                </div>
            </ActionForm>
        }
    })
}
