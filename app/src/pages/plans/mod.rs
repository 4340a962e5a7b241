//! Plans: a new one from three questions, and everything about one.

pub mod api;
pub mod check;
pub mod model;

use holdfast_domain::plan::MOST_ENTITLEMENTS;
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    pages::products::Archive,
    ui::{
        ActionForm, Checkbox, Choice, Copyable, Crumb, Fact, Facts, Field, FormError, PageHead, Section, StateBadge,
        Submit, Tab, Tabs, TextArea, Tone, act, act_error, load,
        page::{Notice, NoticeKind},
        refused::FormState,
        show, show_quietly,
    },
};
use api::{ArchivePlan, CreatePlan, SavePlan, SavePlanLinks};
use model::{LinksView, PlanDetail, PlanForm};

/// A new plan.
#[component]
pub fn NewPlanPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let product = load(move || id.get(), api::product_name);
    let action = act::<CreatePlan>();
    let error = act_error(action);
    show(product, move |name| {
        let id = id.get_untracked();
        let back = format!("/console/products/{id}");
        view! {
            <PageHead title="Add plan" crumbs=vec![Crumb::new("/console/products", "Products"), Crumb::new(back.clone(), name)] />
            <ActionForm action=action class="form wide">
                <FormError error />
                <input type="hidden" name="product" value=id />
                <PlanFields form=PlanForm::usual() is_new=true error />
                <div class="form-actions">
                    <Submit label="Add plan" pending=action.pending() />
                    <a class="btn btn-plain" href=back>"Cancel"</a>
                </div>
            </ActionForm>
        }
    })
}

/// A number beside an answer.
#[component]
fn Number(
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    value: String,
    error: FormState,
) -> impl IntoView {
    let value = error.typed(name).unwrap_or(value);
    view! {
        <input class="input" type="number" min="0" name=name value=value aria-label=label />
        <span>{unit}</span>
    }
}

/// The three questions, and what has good defaults.
#[component]
fn PlanFields(form: PlanForm, is_new: bool, error: FormState) -> impl IntoView {
    let or = |value: &str, usual: &str| if value.is_empty() { usual.to_owned() } else { value.to_owned() };
    let (sold, used, offline) = (form.sold.clone(), form.used.clone(), form.offline.clone());
    let wrong_terms =
        move || error.get().filter(|error| error.field.as_deref() == Some("terms")).map(|error| error.sentence());
    view! {
        <input type="hidden" name="plan[seen]" value=form.seen />
        <div class="pair">
            <Field name="plan[name]" label="Name" required=true maxlength="200" value=form.name placeholder="Professional" hint="What you call it. Applications see the short name." error />
            {is_new
                .then(|| view! { <Field name="plan[code]" label="Short name" maxlength="64" hint="Made from the name when left empty." error /> })}
        </div>
        {move || wrong_terms().map(|text| view! { <p class="wrong">{text}</p> })}

        <fieldset class="group">
            <legend class="legend">"How is it sold?"</legend>
            <div class="choices">
                <Choice name="plan[sold]" value="subscription" label="Subscription" hint="Ends after a time unless it is renewed." checked=sold == "subscription" error>
                    <Number name="plan[months]" label="Months" unit="months from the day of issue" value=or(&form.months, "12") error />
                </Choice>
                <Choice name="plan[sold]" value="perpetual" label="Perpetual" hint="Bought once, works for good." checked=sold == "perpetual" error />
                <Choice name="plan[sold]" value="trial" label="Trial" hint="Once per device, without a purchase." checked=sold == "trial" error>
                    <Number name="plan[days]" label="Days" unit="days from the first start" value=or(&form.days, "14") error />
                </Choice>
            </div>
        </fieldset>

        <fieldset class="group">
            <legend class="legend">"Who may use it at once?"</legend>
            <div class="choices">
                <Choice name="plan[used]" value="devices" label="Fixed devices" hint="A device keeps its seat until it is freed." checked=used == "devices" error />
                <Choice name="plan[used]" value="floating" label="Shared seats" hint="Whoever is working takes a seat; it comes back some minutes after they stop." checked=used == "floating" error />
                <Choice name="plan[used]" value="users" label="Named people" hint="A seat belongs to a person, by e-mail address, on a few devices of theirs." checked=used == "users" error>
                    <Number name="plan[devices]" label="Devices for each person" unit="devices for each person" value=or(&form.devices, "2") error />
                </Choice>
            </div>
            <div class="section">
                <Field name="plan[seats]" label="Seats" kind="number" min="1" required=true value=or(&form.seats, "1") hint="How many devices or people. A single license can have more." error />
            </div>
        </fieldset>

        <fieldset class="group">
            <legend class="legend">"What happens off line?"</legend>
            <div class="choices">
                <Choice name="plan[offline]" value="standard" label="Works for a month" hint="Renewed daily in the background. Fixed devices go on for 30 days without any server; shared seats for as long as they are borrowed; a trial to its end." checked=offline == "standard" error />
                <Choice name="plan[offline]" value="short" label="Works for a week" hint="For software that is on line most days: a refund takes effect sooner." checked=offline == "short" error />
                <Choice name="plan[offline]" value="long" label="Works for four months" hint="For ships, labs and plants that are rarely on line." checked=offline == "long" error />
                <Choice name="plan[offline]" value="own" label="Own values" hint="The lease is how long it works on its own; the grace is how much longer it goes on while saying that it cannot reach you." checked=offline == "own" error>
                    <Number name="plan[lease_days]" label="Days of lease" unit="days of lease" value=or(&form.lease_days, "14") error />
                    <Number name="plan[grace_days]" label="Days of grace" unit="days of grace" value=or(&form.grace_days, "16") error />
                </Choice>
            </div>
        </fieldset>

        <TextArea
            name="plan[entitlements]"
            label="Entitlements"
            value=form.entitlements
            hint="One a line, such as: export, or projects = 10, or edition = gold. Your application asks for them by code."
            error
        />

        <details class="more" open=error.is_refused()>
            <summary>"More terms, with good defaults"</summary>
            <div class="stack">
                <div class="pair">
                    <Field name="plan[overdraft]" label="Seats beyond the limit" kind="number" min="0" value=or(&form.overdraft, "0") hint="Let somebody work first and sort it out later; you are told." error />
                    <Field name="plan[borrow_days]" label="Days a shared seat may be borrowed" kind="number" min="0" value=or(&form.borrow_days, "7") hint="How long one may be taken off line, on a plane for example." error />
                    <Field name="plan[release_budget]" label="Seats freed from inside the application" kind="number" min="0" value=or(&form.release_budget, "5") hint="How often within 30 days somebody may free the seat of a lost device themselves." error />
                </div>
                <Checkbox name="plan[has_fallback]" label="When it has run out, keep working with reduced entitlements" checked=form.has_fallback error />
                <TextArea name="plan[fallback]" label="Entitlements after the end" value=form.fallback hint="For example read-only: people can still open and export their work." error />
            </div>
        </details>
    }
}

/// The tabs of a plan.
const TABS: [Tab; 2] = [Tab { value: "", name: "Terms" }, Tab { value: "edit", name: "Edit" }];

/// Everything about a plan.
#[component]
pub fn PlanPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let tab = Memo::new(move |_| query.with(|query| query.get("tab").unwrap_or_default()));
    let plan = load(move || id.get(), api::plan);
    // The number of seats that the plan had, where it was saved to go on with its licenses.
    let seats_from = Memo::new(move |_| query.with(|query| query.get("seats_from").unwrap_or_default()));
    let outdated = load(
        move || (id.get(), tab.get(), seats_from.get()),
        |(id, tab, seats_from)| api::outdated(id, tab, seats_from),
    );
    let outdated = show_quietly(outdated, |found| {
        found.map(|found| {
            view! {
                <Section title="Licenses with earlier terms">
                    <Notice kind=NoticeKind::Info><p>{found.said}</p></Notice>
                    <p><a class="btn btn-plain" href=found.href>{found.label}</a></p>
                </Section>
            }
        })
    });
    let plan = show(plan, move |detail| {
        let crumbs = vec![
            Crumb::new("/console/products", "Products"),
            Crumb::new(format!("/console/products/{}", detail.product), detail.product_name.clone()),
        ];
        let (title, id, code) = (detail.row.name.clone(), detail.row.id.clone(), detail.row.code.clone());
        let archived = detail.row.archived.then(|| view! { <StateBadge tone=Tone::None word="Archived" /> });
        let (may_write, may_issue) = (detail.may_write, detail.may_issue);
        let body = move || {
            let detail = detail.clone();
            if tab.get() == "edit" && may_write {
                view! { <Edit detail /> }.into_any()
            } else {
                view! { <TermsView detail /> }.into_any()
            }
        };
        view! {
            <PageHead title=title crumbs clone:id>
                {archived}
                <div class="actions">
                    <a class="btn btn-sm btn-plain" href=format!("/console/licenses?plan={id}")>"Licenses"</a>
                    {may_issue
                        .then(|| view! { <a class="btn btn-sm btn-primary" href=format!("/console/licenses/new?plan={id}")>"Issue license"</a> })}
                </div>
            </PageHead>
            <p class="page-sub">
                <Copyable text=id what="plan id" />
                <span>"Short name " <code>{code}</code></span>
            </p>
            {move || may_write.then(|| view! { <Tabs tabs=TABS.to_vec() open=tab.get() /> })}
            {body}
        }
    });
    let links = load(move || id.get(), api::plan_links);
    let saved = act::<SavePlanLinks>();
    let error = act_error(saved);
    let links = show_quietly(links, move |links: LinksView| {
        let body = if links.may_write {
            view! {
                <ActionForm action=saved class="form">
                    <FormError error />
                    <input type="hidden" name="id" value=id.get_untracked() />
                    <Field name="renew" label="Renewal" maxlength="500" value=links.renew placeholder="https://" hint="Where customers renew a license of this plan: a button in the portal leads there." error />
                    <Field name="upgrade" label="Upgrade" maxlength="500" value=links.upgrade placeholder="https://" error />
                    <div class="form-actions"><button type="submit" class="btn btn-plain">"Save links"</button></div>
                </ActionForm>
            }
            .into_any()
        } else {
            let said = |link: String| if link.is_empty() { "none".to_owned() } else { link };
            view! {
                <Facts>
                    <Fact name="Renewal">{said(links.renew)}</Fact>
                    <Fact name="Upgrade">{said(links.upgrade)}</Fact>
                </Facts>
            }
            .into_any()
        };
        view! { <Section title="Links in the portal">{body}</Section> }
    });
    view! {
        {plan}
        {outdated}
        {links}
    }
}

#[component]
fn TermsView(detail: PlanDetail) -> impl IntoView {
    let row = detail.row;
    let archive = act::<ArchivePlan>();
    let entitlements = format!("Entitlements ({} / {MOST_ENTITLEMENTS})", row.entitlements.len());
    let granted = if row.entitlements.is_empty() {
        view! { <span class="muted">"none"</span> }.into_any()
    } else {
        row.entitlements
            .into_iter()
            .map(|(code, value)| view! { <div><code>{code}</code> " = " {value}</div> })
            .collect_view()
            .into_any()
    };
    view! {
        <Facts>
            <Fact name="Sold as">{row.sold}</Fact>
            <Fact name="Used by">{row.used}</Fact>
            <Fact name="Off line">{row.offline}</Fact>
            <Fact name="Seats beyond the limit">{detail.overdraft}</Fact>
            <Fact name="Borrowed for at most">{detail.borrow}</Fact>
            <Fact name="Freed in 30 days">{detail.release_budget} " from inside the application"</Fact>
            <Fact name="After the end">
                {if detail.has_fallback { "keeps working with reduced entitlements" } else { "stops" }}
            </Fact>
            <Fact name=entitlements>{granted}</Fact>
            <Fact name="Licenses issued">{detail.licenses}</Fact>
        </Facts>
        {detail.may_write.then(|| view! { <Archive action=archive id=row.id what="plan" archived=row.archived /> })}
    }
}

#[component]
fn Edit(detail: PlanDetail) -> impl IntoView {
    // Nothing is sent from here: the next page says what it would mean, and has the buttons that save.
    let error = act_error(act::<SavePlan>());
    let back = format!("/console/plans/{}", detail.row.id);
    let typed = use_query_map().with_untracked(check::from_query);
    // What was typed is looked at over the plan as it is now.
    let seen = detail.form.seen.clone();
    let form = typed.map_or(detail.form, |typed| PlanForm { seen, ..typed });
    let to = format!("{back}/check");
    view! {
        <Notice kind=NoticeKind::Info>
            <p>"First you see what the change would have meant for your customers in the last 90 days. Then you choose whether it holds for new licenses only."</p>
        </Notice>
        <form class="form wide" method="get" action=to>
            <PlanFields form is_new=false error />
            <div class="form-actions">
                <button type="submit" class="btn btn-primary">"Check the change"</button>
                <a class="btn btn-plain" href=back>"Cancel"</a>
            </div>
        </form>
    }
}
