//! What the plan screens show and send.

use serde::{Deserialize, Serialize};

use crate::pages::products::model::PlanRow;

/// A plan as it was typed: three questions, and what has good defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanForm {
    /// When the plan that was looked at had been changed last, in microseconds; empty for a new one.
    pub seen: String,
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

impl PlanForm {
    /// A plan as most are: what a new one begins with.
    pub fn usual() -> Self {
        Self { sold: "subscription".into(), used: "devices".into(), offline: "standard".into(), ..Self::default() }
    }
}

/// Where licenses of a plan are renewed and upgraded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinksView {
    /// Empty where there is none.
    pub renew: String,
    /// Empty where there is none.
    pub upgrade: String,
    /// Whether this person may change them.
    pub may_write: bool,
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
    /// Whether this person may issue licenses of it.
    pub may_issue: bool,
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
            self.made(None)
        }

        /// What was typed over the form of a plan with the terms `before`. A form says less than terms can: what still reads
        /// as that form did stays as it was, and so does the renewal interval of an unchanged lease.
        ///
        /// Fails with the field that is not right.
        pub fn edited(&self, before: &Terms) -> Result<Terms, UiError> {
            self.made(Some(before))
        }

        fn made(&self, before: Option<&Terms>) -> Result<Terms, UiError> {
            let shown = before.map(|before| (Self::of(String::new(), String::new(), before), before));
            let kept = |fields: fn(&Self) -> [&str; 3]| {
                shown.as_ref().filter(|(shown, _)| fields(self) == fields(shown)).map(|(_, before)| *before)
            };
            let count = |field: &str, text: &str| optional::<u32>(field, text).map(|n| n.map(i64::from));
            // A number beside an answer that was not given does not count.
            let sold = kept(|form| match form.sold.as_str() {
                "subscription" => [&form.sold, &form.months, ""],
                "trial" => [&form.sold, "", &form.days],
                _ => [&form.sold, "", ""],
            });
            let model = match (sold, self.sold.as_str()) {
                (Some(before), _) => before.model,
                (None, "subscription") => LicenseModel::Subscription {
                    duration: Seconds(MONTH.0.saturating_mul(count("months", &self.months)?.unwrap_or(12))),
                },
                (None, "trial") => {
                    LicenseModel::Trial { duration: Seconds::days(count("days", &self.days)?.unwrap_or(14)) }
                }
                (None, "perpetual") => LicenseModel::Perpetual,
                (None, _) => return Err(UiError::field("sold", "choose one of the answers")),
            };
            let seat_model = match self.used.as_str() {
                "floating" => SeatModel::Floating,
                "users" => SeatModel::NamedUser { devices: optional("devices", &self.devices)?.unwrap_or(2) },
                "devices" => SeatModel::NodeLocked,
                _ => return Err(UiError::field("used", "choose one of the answers")),
            };
            let mut terms = Terms::defaults(model, seat_model);
            let own = kept(|form| [&form.offline, &form.lease_days, &form.grace_days]);
            match (self.offline.as_str(), own) {
                ("" | "standard", _) => {}
                ("short", _) => (terms.lease, terms.grace, terms.renew_after) = SHORT,
                ("long", _) => (terms.lease, terms.grace, terms.renew_after) = LONG,
                ("own", Some(before)) => (terms.lease, terms.grace) = (before.lease, before.grace),
                ("own", None) => {
                    terms.lease = Seconds::days(parse::<u32>("lease_days", &self.lease_days)?.into());
                    terms.grace = Seconds::days(count("grace_days", &self.grace_days)?.unwrap_or(0));
                    terms.renew_after = Seconds((terms.lease.0 / 4).clamp(10, 86_400));
                }
                _ => return Err(UiError::field("offline", "choose one of the answers")),
            }
            if let Some(before) = before.filter(|before| before.lease == terms.lease) {
                terms.renew_after = before.renew_after;
            }
            terms.seats = optional("seats", &self.seats)?.unwrap_or(1);
            terms.overdraft = optional("overdraft", &self.overdraft)?.unwrap_or(0);
            if let Some(before) = kept(|form| [&form.borrow_days, "", ""]) {
                terms.borrow = before.borrow;
            } else if let Some(days) = count("borrow_days", &self.borrow_days)? {
                terms.borrow = Seconds::days(days);
            }
            if let Some(budget) = optional("release_budget", &self.release_budget)? {
                terms.release_budget = budget;
            }
            let none = Entitlements::new();
            let granted = before.map_or(&none, |before| &before.entitlements);
            terms.entitlements = edited("entitlements", &self.entitlements, granted)?;
            if self.has_fallback {
                let left = before.and_then(|before| before.fallback.as_ref()).unwrap_or(&none);
                terms.fallback = Some(edited("fallback", &self.fallback, left)?);
            }
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
                seen: String::new(),
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

    /// Entitlements as typed over the lines of those `before`. A line that was not touched keeps the value it stands for,
    /// whatever kind of value it reads like.
    pub fn edited(field: &str, typed: &str, before: &Entitlements) -> Result<Entitlements, UiError> {
        fn tidy(text: &str) -> Vec<&str> {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
        }
        let mut new = tidy(typed);
        if new == tidy(&lines(before)) {
            return Ok(before.clone());
        }
        let mut all = before.clone();
        all.retain(|code, value| {
            let line = format!("{code} = {value}");
            let place = new.iter().position(|new| *new == line.trim());
            place.map(|place| new.remove(place)).is_some()
        });
        all.extend(entitlements(field, &new.join("\n"))?);
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

        /// Terms of every kind, most of which no form can say.
        fn odd() -> Vec<Terms> {
            let span = |spans: [i64; 3]| spans.map(Seconds);
            let entitled = |text: &str| serde_json::from_str::<Entitlements>(text).unwrap();
            let sets = [
                "{}",
                r#"{"a":"10","b":10,"c":true,"d":"true","e":"no"}"#,
                r#"{"a":" 7 ","b":"","c":"one\ntwo","d":"x = y"}"#,
            ];
            let mut all = Vec::new();
            for model in [
                LicenseModel::Perpetual,
                LicenseModel::Subscription { duration: Seconds::days(45) },
                LicenseModel::Subscription { duration: Seconds::hours(12) },
                LicenseModel::Trial { duration: Seconds::hours(36) },
                LicenseModel::Trial { duration: Seconds::days(14) },
            ] {
                for seat_model in [SeatModel::NodeLocked, SeatModel::Floating, SeatModel::NamedUser { devices: 3 }] {
                    let usual = Terms::defaults(model, seat_model);
                    for lease in [usual.lease, SHORT.0, LONG.0, Seconds::hours(12), Seconds(8_640_001)] {
                        for grace in [usual.grace, SHORT.1, LONG.1, Seconds(1)] {
                            for (borrow, set) in span([0, 90_000, 604_800]).into_iter().zip(sets) {
                                let renew_after = Seconds((lease.0 / 3).max(10));
                                let fallback = (borrow.0 > 0).then(|| entitled(set));
                                let entitlements = entitled(set);
                                let terms = Terms {
                                    lease,
                                    grace,
                                    renew_after,
                                    borrow,
                                    fallback,
                                    entitlements,
                                    ..usual.clone()
                                };
                                all.push(terms.checked().unwrap());
                            }
                        }
                    }
                }
            }
            all
        }

        #[test]
        fn what_is_not_touched_stays_as_it_is() {
            for terms in odd() {
                // As a browser sends it: lines end otherwise.
                let mut form = PlanForm::of(String::new(), String::new(), &terms);
                form.entitlements = form.entitlements.replace('\n', "\r\n");
                form.fallback = form.fallback.replace('\n', "\r\n");
                assert_eq!(form.edited(&terms).unwrap(), terms, "{form:?}");
                form.seats = "9".to_owned();
                assert_eq!(form.edited(&terms).unwrap(), Terms { seats: 9, ..terms }, "{form:?}");
            }
        }

        #[test]
        fn what_is_touched_becomes_what_it_says() {
            let before = Terms {
                lease: Seconds::hours(12),
                grace: Seconds(1),
                renew_after: Seconds::hours(4),
                ..Terms::defaults(LicenseModel::Subscription { duration: Seconds::days(45) }, SeatModel::NodeLocked)
            };
            let shown = PlanForm::of(String::new(), String::new(), &before);
            let edit = |change: fn(&mut PlanForm)| {
                let mut form = shown.clone();
                change(&mut form);
                form.edited(&before).unwrap()
            };
            let model = LicenseModel::Subscription { duration: Seconds(MONTH.0 * 2) };
            assert_eq!(edit(|form| form.months = "2".into()), Terms { model, ..before.clone() });
            assert_eq!(
                edit(|form| form.borrow_days = "9".into()),
                Terms { borrow: Seconds::days(9), ..before.clone() }
            );
            let month = edit(|form| form.offline = "standard".into());
            assert_eq!(
                (month.lease, month.grace, month.renew_after),
                (Seconds::days(14), Seconds::days(16), Seconds::DAY)
            );
            let own = edit(|form| form.lease_days = "2".into());
            assert_eq!((own.lease, own.grace, own.renew_after), (Seconds::days(2), Seconds(0), Seconds::hours(12)));
            let plus = edit(|form| form.entitlements = "export".into());
            assert_eq!(plus.entitlements.len(), 1);
        }

        #[test]
        fn lengths_come_back_by_their_names() {
            for offline in ["standard", "short", "long", "own"] {
                let typed = PlanForm { offline: offline.into(), lease_days: "5".into(), ..form() };
                let again = PlanForm::of(String::new(), String::new(), &typed.terms().unwrap());
                assert_eq!(again.offline, offline);
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
pub use server::{edited, entitlements, lines, offline, sold, used};
