//! What is done about a node, each on a page of its own that says first what follows.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{
    api::{self, StepNode},
    model,
};
use crate::ui::{
    ActionForm, Crumb, ErrorState, FormError, PageHead, Submit, TextArea, act, act_error, load,
    page::{Notice, NoticeKind},
    show,
};

/// Drain, resume or declare gone.
#[component]
pub fn NodeStepPage() -> impl IntoView {
    let params = use_params_map();
    let asked = Memo::new(move |_| {
        params.with(|params| (params.get("node").unwrap_or_default(), params.get("step").unwrap_or_default()))
    });
    let node = load(move || asked.get().0, api::node);
    let action = act::<StepNode>();
    let error = act_error(action);
    show(node, move |detail| {
        let step = asked.get_untracked().1;
        let known = model::step(&step).filter(|_| detail.row.steps.contains(&step) && detail.may_write);
        let Some(words) = known else {
            let title = "This cannot be done about the node as it stands now";
            return view! { <ErrorState error=crate::UiError::new("not_found", title) /> }.into_any();
        };
        let row = detail.row;
        let alone = (step == "drain" && detail.others == 0).then_some(
            "No other node serves. Load balancers then find none: applications go on with the leases they have, activations and the console wait.",
        );
        let kind = if words.danger || alone.is_some() { NoticeKind::Warn } else { NoticeKind::Info };
        let others = match detail.others {
            _ if step != "drain" || alone.is_some() => None,
            1 => Some("1 other node serves.".to_owned()),
            others => Some(format!("{others} other nodes serve.")),
        };
        let back = format!("/console/fleet/{}", row.id);
        view! {
            <PageHead title=words.verb crumbs=vec![Crumb::new("/console/fleet", "Fleet"), Crumb::new(back.clone(), row.name)] />
            <Notice kind>
                <p>{words.does}</p>
                {alone.map(|alone| view! { <p><b>{alone}</b></p> })}
                {others.map(|others| view! { <p class="small">{others}</p> })}
            </Notice>
            <ActionForm action=action class="form">
                <FormError error />
                <input type="hidden" name="id" value=row.id />
                <input type="hidden" name="step" value=step />
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error />
                <div class="form-actions">
                    <Submit label=words.verb danger=words.danger pending=action.pending() />
                    <a class="btn btn-plain" href=back>"Cancel"</a>
                </div>
            </ActionForm>
        }
        .into_any()
    })
}
