//! Issuing a license: a plan and an address are enough.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{self, Issue};
use crate::ui::{
    ActionForm, Crumb, Empty, Field, FormError, PageHead, SelectField, Submit, TextArea, act, act_error, load, show,
};

/// A new license.
#[component]
pub fn IssuePage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(|query| query.get("customer").unwrap_or_default()));
    let choices = load(move || asked.get(), api::issue_choices);
    let action = act::<Issue>();
    let error = act_error(action);
    show(choices, move |choices| {
        let head =
            view! { <PageHead title="Issue license" crumbs=vec![Crumb::new("/console/licenses", "Licenses")] /> };
        if choices.plans.is_empty() {
            let text = "Licenses are issued from plans. Create a product, add a plan to it, and come back.";
            return view! {
                {head}
                <Empty title="There is no plan yet" text>
                    <a class="btn btn-primary" href="/console/products">"To the products"</a>
                </Empty>
            }
            .into_any();
        }
        let plan = query.with_untracked(|query| query.get("plan")).unwrap_or_default();
        let options = choices.plans.into_iter().map(|plan| (plan.id, plan.name)).collect();
        let customer = match choices.customer {
            Some((id, name)) => view! {
                <input type="hidden" name="license[customer]" value=id.clone() />
                <div class="field">
                    <span class="legend">"Customer"</span>
                    <a class="link" href=format!("/console/customers/{id}")>{name}</a>
                </div>
            }
            .into_any(),
            None => view! {
                <div class="pair">
                    <Field name="license[email]" label="Customer's e-mail" kind="email" autofocus=true error />
                    <Field name="license[name]" label="Customer's name" maxlength="200" error />
                </div>
            }
            .into_any(),
        };
        view! {
            {head}
            <ActionForm action=action class="form">
                <FormError error />
                <SelectField name="license[plan]" label="Plan" options value=plan error />
                {customer}
                <details class="more" open=error.is_refused()>
                    <summary>"Other than the plan says"</summary>
                    <div class="stack">
                        <div class="pair">
                            <Field name="license[seats]" label="Seats" kind="number" min="1" error />
                            <Field name="license[expires_on]" label="Ends on" kind="date" hint="The start of that day, UTC." error />
                        </div>
                        <TextArea name="license[entitlements]" label="Entitlements" hint="One a line; they add to the plan's or replace them." error />
                        <Field name="license[key]" label="Key of another system" hint="Kept byte for byte. A new key is made when left empty." error />
                    </div>
                </details>
                <div class="form-actions">
                    <Submit label="Issue license" pending=action.pending() />
                    <a class="btn btn-plain" href="/console/licenses">"Cancel"</a>
                </div>
            </ActionForm>
        }
        .into_any()
    })
}
