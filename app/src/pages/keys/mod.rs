//! Rotating a product's issuing keys and revoking one, on a page that says first what follows and for whom.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    pages::acts::Second,
    ui::{
        ActionForm, Crumb, FormError, PageHead, Submit, TextArea, act, act_error, load,
        page::{Notice, NoticeKind},
        show,
    },
};
use api::{RevokeKey, RotateKeys};

/// What stands for a key in the address where all are replaced; a key's name is longer.
const ROTATE: &str = "rotate";

/// Rotate the keys, or revoke one.
#[component]
pub fn KeyStepPage() -> impl IntoView {
    let params = use_params_map();
    let asked = Memo::new(move |_| {
        params.with(|params| (params.get("id").unwrap_or_default(), params.get("key").unwrap_or_default()))
    });
    let step = load(move || asked.get(), |(product, key)| api::key_step(product, key));
    let (rotate, revoke) = (act::<RotateKeys>(), act::<RevokeKey>());
    show(step, move |step| {
        let key = asked.get_untracked().1;
        let danger = key != ROTATE;
        let action = if danger { revoke } else { rotate };
        let error = act_error(action);
        let (id, name) = step.product;
        let second = step.second;
        let label = if second { "Ask for approval".to_owned() } else { step.title.clone() };
        let product = format!("/console/products/{id}");
        let back = format!("{product}?tab=keys");
        let crumbs = vec![Crumb::new("/console/products", "Products"), Crumb::new(product, name)];
        view! {
            <PageHead title=step.title crumbs />
            <Notice kind=if danger { NoticeKind::Warn } else { NoticeKind::Info }>
                {step.does.into_iter().map(|does| view! { <p>{does}</p> }).collect_view()}
            </Notice>
            {second.then(|| view! { <Second /> })}
            <ActionForm action=action class="form">
                <FormError error />
                <input type="hidden" name="product" value=id />
                {danger.then(|| view! { <input type="hidden" name="key" value=key /> })}
                {(danger || second)
                    .then(|| view! { <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error /> })}
                <div class="form-actions">
                    <Submit label danger pending=action.pending() />
                    <a class="btn btn-plain" href=back>"Cancel"</a>
                </div>
            </ActionForm>
        }
    })
}
