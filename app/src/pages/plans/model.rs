//! What the plan screens show and send.

use serde::{Deserialize, Serialize};

use crate::pages::products::model::PlanRow;

/// A plan as it was typed: three questions, and what has good defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanForm {
    /// Its name.
    pub name: String,
    /// Its short name.
    pub code: String,
    /// How it is sold: `perpetual`, `subscription` or `trial`.
    pub sold: String,
    /// How many months a subscription lasts.
    pub months: String,
    /// How many days a trial lasts.
    pub days: String,
    /// Who may use it at once: `devices`, `floating` or `users`.
    pub used: String,
    /// How many seats.
    pub seats: String,
    /// On how many devices each named user may work.
    pub devices: String,
    /// What happens off line: `standard`, `short`, `long` or `own`.
    pub offline: String,
    /// With `own`: for how many days a lease lasts.
    pub lease_days: String,
    /// With `own`: for how many more days it works after that.
    pub grace_days: String,
    /// How many seats beyond the limit.
    pub overdraft: String,
    /// For how many days a floating seat may be borrowed.
    pub borrow_days: String,
    /// How often in 30 days an application may free another device's seat.
    pub release_budget: String,
    /// Entitlements, one a line: `code = value`.
    pub entitlements: String,
    /// Whether an expired license keeps working with the fallback entitlements.
    pub has_fallback: bool,
    /// Those entitlements, one a line.
    pub fallback: String,
}

/// Everything about a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanDetail {
    /// In words.
    pub row: PlanRow,
    /// Its product's id.
    pub product: String,
    /// Its product's name.
    pub product_name: String,
    /// Seats beyond the limit, in words.
    pub overdraft: String,
    /// For how long a seat may be borrowed, in words.
    pub borrow: String,
    /// How often a seat may be freed from inside the application, in words.
    pub release_budget: String,
    /// Whether it keeps working after the end.
    pub has_fallback: bool,
    /// The same as a form shows them.
    pub form: PlanForm,
    /// How many licenses it has issued, in words.
    pub licenses: String,
    /// Whether this person may change it.
    pub may_write: bool,
}

/// The licenses of a plan that hold other terms than it has now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierTerms {
    /// How many they are and what becomes of them, as sentences.
    pub said: String,
    /// What the link says that leads to giving them the present terms.
    pub label: String,
    /// Where it leads.
    pub href: String,
}

#[cfg(feature = "ssr")]
mod server {
    use holdfast_domain::{EntitlementValue, Entitlements, LicenseModel, SeatModel, Seconds, Terms};

    use super::PlanForm;
    use crate::{
        error::UiError,
        pages::serve::{optional, parse},
        ui::time::span,
    };

    /// A month as a subscription counts it: a twelfth of a year.
    const MONTH: Seconds = Seconds(2_629_800);
    /// Lease, grace and how often a lease is renewed, where it works off line for a week.
    const SHORT: (Seconds, Seconds, Seconds) = (Seconds::days(3), Seconds::days(4), Seconds::hours(8));
    /// The same, where it works for four months.
    const LONG: (Seconds, Seconds, Seconds) = (Seconds::days(60), Seconds::days(60), Seconds::DAY);

    impl PlanForm {
        /// What was typed, as terms.
        ///
        /// Fails with the field that is not right.
        pub fn terms(&self) -> Result<Terms, UiError> {
            let count = |field: &str, text: &str| optional::<u32>(field, text).map(|n| n.map(i64::from));
            let model = match self.sold.as_str() {
                "subscription" => LicenseModel::Subscription {
                    duration: Seconds(MONTH.0.saturating_mul(count("months", &self.months)?.unwrap_or(12))),
                },
                "trial" => LicenseModel::Trial { duration: Seconds::days(count("days", &self.days)?.unwrap_or(14)) },
                "perpetual" => LicenseModel::Perpetual,
                _ => return Err(UiError::field("sold", "choose one of the answers")),
            };
            let seat_model = match self.used.as_str() {
                "floating" => SeatModel::Floating,
                "users" => SeatModel::NamedUser { devices: optional("devices", &self.devices)?.unwrap_or(2) },
                "devices" => SeatModel::NodeLocked,
                _ => return Err(UiError::field("used", "choose one of the answers")),
            };
            let mut terms = Terms::defaults(model, seat_model);
            match self.offline.as_str() {
                "" | "standard" => {}
                "short" => (terms.lease, terms.grace, terms.renew_after) = SHORT,
                "long" => (terms.lease, terms.grace, terms.renew_after) = LONG,
                "own" => {
                    terms.lease = Seconds::days(parse::<u32>("lease_days", &self.lease_days)?.into());
                    terms.grace = Seconds::days(count("grace_days", &self.grace_days)?.unwrap_or(0));
                    terms.renew_after = Seconds((terms.lease.0 / 4).clamp(10, 86_400));
                }
                _ => return Err(UiError::field("offline", "choose one of the answers")),
            }
            terms.seats = optional("seats", &self.seats)?.unwrap_or(1);
            terms.overdraft = optional("overdraft", &self.overdraft)?.unwrap_or(0);
            if let Some(days) = count("borrow_days", &self.borrow_days)? {
                terms.borrow = Seconds::days(days);
            }
            if let Some(budget) = optional("release_budget", &self.release_budget)? {
                terms.release_budget = budget;
            }
            terms.entitlements = entitlements("entitlements", &self.entitlements)?;
            terms.fallback = if self.has_fallback { Some(entitlements("fallback", &self.fallback)?) } else { None };
            terms.checked().map_err(|error| UiError::field("terms", error))
        }

        /// The form that gives `terms` again.
        pub fn of(name: String, code: String, terms: &Terms) -> Self {
            let days = |span: Seconds| (span.0 / 86_400).to_string();
            let (sold, months, trial_days) = match terms.model {
                LicenseModel::Perpetual => ("perpetual", String::new(), String::new()),
                LicenseModel::Subscription { duration } => {
                    ("subscription", ((duration.0 + MONTH.0 / 2) / MONTH.0).to_string(), String::new())
                }
                LicenseModel::Trial { duration } => ("trial", String::new(), days(duration)),
            };
            let (used, devices) = match terms.seat_model {
                SeatModel::NodeLocked => ("devices", String::new()),
                SeatModel::Floating => ("floating", String::new()),
                SeatModel::NamedUser { devices } => ("users", devices.to_string()),
            };
            let usual = Terms::defaults(terms.model, terms.seat_model);
            let offline = match (terms.lease, terms.grace, terms.renew_after) {
                (lease, grace, _) if (lease, grace) == (usual.lease, usual.grace) => "standard",
                spans if spans == SHORT => "short",
                spans if spans == LONG => "long",
                _ => "own",
            };
            Self {
                name,
                code,
                sold: sold.to_owned(),
                months,
                days: trial_days,
                used: used.to_owned(),
                seats: terms.seats.to_string(),
                devices,
                offline: offline.to_owned(),
                lease_days: days(terms.lease),
                grace_days: days(terms.grace),
                overdraft: terms.overdraft.to_string(),
                borrow_days: days(terms.borrow),
                release_budget: terms.release_budget.to_string(),
                entitlements: lines(&terms.entitlements),
                has_fallback: terms.fallback.is_some(),
                fallback: terms.fallback.as_ref().map(lines).unwrap_or_default(),
            }
        }
    }

    /// Entitlements as they are typed, one a line.
    pub fn lines(entitlements: &Entitlements) -> String {
        let lines: Vec<String> = entitlements.iter().map(|(code, value)| format!("{code} = {value}")).collect();
        lines.join("\n")
    }

    /// Entitlements as typed, one a line: `export`, `export = true`, `projects = 10`, `edition = gold`.
    pub fn entitlements(field: &str, text: &str) -> Result<Entitlements, UiError> {
        let mut all = Entitlements::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (code, value) = line.split_once('=').unwrap_or((line, "true"));
            let code = code.trim().parse().map_err(|error| UiError::field(field, format!("\"{line}\" {error}")))?;
            let value = match value.trim() {
                "true" | "yes" => EntitlementValue::ON,
                "" | "false" | "no" => {
                    return Err(UiError::field(field, format!("\"{line}\": leave out what is not granted")));
                }
                number if number.parse::<i64>().is_ok() => {
                    EntitlementValue::Integer(number.parse().unwrap_or_default())
                }
                text => EntitlementValue::Text(text.to_owned()),
            };
            all.insert(code, value);
        }
        Ok(all)
    }

    /// How it is sold, in words.
    pub fn sold(model: LicenseModel) -> String {
        match model {
            LicenseModel::Perpetual => "Perpetual".to_owned(),
            LicenseModel::Subscription { duration } => match (duration.0 + MONTH.0 / 2) / MONTH.0 {
                0 => format!("Subscription, {}", span(duration)),
                1 => "Subscription, 1 month".to_owned(),
                12 => "Subscription, 1 year".to_owned(),
                months => format!("Subscription, {months} months"),
            },
            LicenseModel::Trial { duration } => format!("Trial, {}", span(duration)),
        }
    }

    /// Who may use it at once, in words.
    pub fn used(terms: &Terms) -> String {
        let seats = terms.seats;
        let s = if seats == 1 { "" } else { "s" };
        match terms.seat_model {
            SeatModel::NodeLocked => format!("{seats} device{s}"),
            SeatModel::Floating => format!("{seats} device{s} at once"),
            SeatModel::NamedUser { devices: 1 } => format!("{seats} person{s}, 1 device each"),
            SeatModel::NamedUser { devices } => format!("{seats} person{s}, {devices} devices each"),
        }
    }

    /// How long it works without any server, in words.
    pub fn offline(terms: &Terms) -> String {
        match (terms.seat_model, terms.borrow) {
            (SeatModel::Floating, Seconds(1..)) => format!("borrowed for up to {}", span(terms.borrow)),
            _ => span(Seconds(terms.lease.0.saturating_add(terms.grace.0))),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn form() -> PlanForm {
            PlanForm { sold: "subscription".into(), used: "devices".into(), months: "12".into(), ..PlanForm::default() }
        }

        #[test]
        fn three_answers_make_a_plan() {
            let terms = form().terms().unwrap();
            assert_eq!(
                terms,
                Terms::defaults(LicenseModel::Subscription { duration: Seconds(31_557_600) }, SeatModel::NodeLocked)
            );
            assert_eq!(sold(terms.model), "Subscription, 1 year");
            assert_eq!((used(&terms).as_str(), offline(&terms).as_str()), ("1 device", "30 d"));
        }

        #[test]
        fn a_form_gives_the_same_terms_again() {
            for (sold, used, offline) in [
                ("perpetual", "users", "standard"),
                ("trial", "devices", "standard"),
                ("subscription", "floating", "standard"),
                ("subscription", "devices", "short"),
                ("subscription", "devices", "long"),
            ] {
                let typed = PlanForm {
                    sold: sold.into(),
                    used: used.into(),
                    offline: offline.into(),
                    seats: "5".into(),
                    entitlements: "a\nb = 3\nc = gold".into(),
                    has_fallback: true,
                    fallback: "read".into(),
                    ..PlanForm::default()
                };
                let terms = typed.terms().unwrap();
                let again = PlanForm::of(String::new(), String::new(), &terms).terms().unwrap();
                assert_eq!(again, terms, "{sold} {used} {offline}");
            }
        }

        #[test]
        fn what_is_wrong_names_its_field() {
            let wrong = |form: PlanForm| form.terms().unwrap_err().field.unwrap();
            assert_eq!(wrong(PlanForm { seats: "many".into(), ..form() }), "seats");
            assert_eq!(wrong(PlanForm { sold: String::new(), ..form() }), "sold");
            assert_eq!(wrong(PlanForm { entitlements: "a b".into(), ..form() }), "entitlements");
            assert_eq!(wrong(PlanForm { entitlements: "a = false".into(), ..form() }), "entitlements");
            assert_eq!(wrong(PlanForm { seats: "0".into(), ..form() }), "terms");
        }
    }
}

#[cfg(feature = "ssr")]
pub use server::{entitlements, lines, offline, sold, used};
