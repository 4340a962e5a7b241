//! Sales: what a payment provider says of an order, in words of none of them, and what a vendor wants to follow from it.

use crate::{
    text::{Email, Name},
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// With whom a shop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShopKind {
    /// Stripe.
    Stripe,
    /// Paddle Billing.
    Paddle,
    /// Lemon Squeezy.
    LemonSqueezy,
    /// Any other, which sends what Holdfast describes.
    Generic,
}

impl ShopKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Stripe, Self::Paddle, Self::LemonSqueezy, Self::Generic];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Paddle => "paddle",
            Self::LemonSqueezy => "lemon_squeezy",
            Self::Generic => "generic",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Stripe => "Stripe",
            Self::Paddle => "Paddle",
            Self::LemonSqueezy => "Lemon Squeezy",
            Self::Generic => "Another shop",
        }
    }

    /// Where its API is, which is asked what became of a sale; `None` for one whose messages say all of it.
    pub const fn api(self) -> Option<&'static str> {
        match self {
            Self::Stripe => Some("https://api.stripe.com"),
            Self::Paddle => Some("https://api.paddle.com"),
            Self::LemonSqueezy => Some("https://api.lemonsqueezy.com"),
            Self::Generic => None,
        }
    }

    /// Whether the provider makes up the secret that its messages are signed with. Otherwise Holdfast does.
    pub const fn makes_secret(self) -> bool {
        matches!(self, Self::Stripe | Self::Paddle)
    }
}

/// What follows for the licenses of a sale whose money is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consequence {
    /// They are revoked.
    AtOnce,
    /// They are revoked, for running seats so many days later.
    AfterDays(u16),
    /// A person decides.
    Ask,
}

/// The text is no consequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected at_once, ask, or after_days: and a number from 1 to 365")]
pub struct ConsequenceError;

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtOnce => f.write_str("at_once"),
            Self::AfterDays(days) => write!(f, "after_days:{days}"),
            Self::Ask => f.write_str("ask"),
        }
    }
}

impl FromStr for Consequence {
    type Err = ConsequenceError;

    fn from_str(text: &str) -> Result<Self, ConsequenceError> {
        match (text, text.strip_prefix("after_days:")) {
            ("at_once", _) => Ok(Self::AtOnce),
            ("ask", _) => Ok(Self::Ask),
            (_, Some(days)) => {
                days.parse().ok().filter(|days| (1..=365).contains(days)).map(Self::AfterDays).ok_or(ConsequenceError)
            }
            _ => Err(ConsequenceError),
        }
    }
}

impl Serialize for Consequence {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Consequence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a vendor wants to follow from what a shop says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopRules {
    /// From a sale that was wholly paid back.
    pub on_refund: Consequence,
    /// From a dispute that was lost.
    pub on_dispute: Consequence,
    /// For how many days licenses go on after the end of a paid period while a subscription renews itself: until the next
    /// payment has come in, at the first attempt or at a later one.
    pub grace_days: u16,
}

impl ShopRules {
    /// The longest grace, in days.
    pub const LONGEST_GRACE: u16 = 90;

    /// The grace.
    pub fn grace(self) -> Seconds {
        Seconds::days(i64::from(self.grace_days))
    }
}

impl Default for ShopRules {
    /// A refund revokes, a lost dispute asks, and two weeks for a payment: as long as providers try by themselves.
    fn default() -> Self {
        Self { on_refund: Consequence::AtOnce, on_dispute: Consequence::Ask, grace_days: 14 }
    }
}

/// A sale as it stands at the provider: one purchase, or one subscription with all its payments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// What the provider calls it; never changes.
    pub id: Name,
    /// What the buyer's receipt calls it, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Name>,
    /// What became of the money.
    pub payment: Payment,
    /// How much was paid back, as people write it: tells one part that was paid back from the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_back: Option<Name>,
    /// Whether the buyer's bank has taken the buyer's side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<Dispute>,
    /// What the provider calls the payments about which a dispute was lost, where it says: tells one from the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Name>,
    /// Who bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<Buyer>,
    /// What was bought; nothing where the provider knows of no more than a payment.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// The subscription that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Subscription>,
}

/// What became of the money of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// Nothing was paid yet, and perhaps never will be.
    Pending,
    /// It was paid.
    Paid,
    /// Some of it was paid back.
    PaidBackInPart,
    /// It was paid back: of a subscription the last payment for a period.
    PaidBack,
}

/// How a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispute {
    /// Nobody has decided.
    Open,
    /// For the vendor, who keeps the money.
    Won,
    /// Against the vendor, who does not.
    Lost,
}

/// Who bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// Their address.
    pub email: Email,
    /// Their name, where they gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
}

/// One thing that was bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What the provider calls the line; unique within the sale.
    pub id: Name,
    /// What the provider calls the price or variant that was bought.
    pub price: Name,
    /// How many of it.
    pub quantity: u32,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Name>,
    /// Whether it goes on with the subscription, rather than being paid for once.
    #[serde(default)]
    pub renews: bool,
}

/// A subscription as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Whether it goes on.
    pub status: SubscriptionStatus,
    /// The end of the last period that was paid for.
    pub paid_until: Timestamp,
}

/// Whether a subscription goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// It renews itself.
    Renewing,
    /// A payment has failed, and the provider tries again.
    PastDue,
    /// It ends with the period that was paid for.
    Ending,
    /// It has ended.
    Ended,
}

impl Subscription {
    /// Until when its licenses go on. As long as it renews itself that is `grace` later than what was paid for: a device asks
    /// for a new lease when it likes to, and nobody stands before a closed door in the hours, or failed attempts, between
    /// the end of one period and the payment of the next.
    pub const fn ends_at(&self, grace: Seconds) -> Timestamp {
        match self.status {
            SubscriptionStatus::Renewing | SubscriptionStatus::PastDue => self.paid_until.plus(grace),
            SubscriptionStatus::Ending | SubscriptionStatus::Ended => self.paid_until,
        }
    }
}

/// Money that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// All of it was paid back.
    Whole,
    /// Some of it was paid back.
    Part,
    /// A dispute was lost.
    Dispute,
}

impl Sale {
    /// What of its money is gone: each with a name that changes when there is more of it, so that what was decided once
    /// is not asked again.
    pub fn losses(&self) -> Vec<(Loss, String)> {
        let so_much = self.paid_back.as_ref().map_or("", Name::as_str);
        let back = match self.payment {
            Payment::PaidBack => Some((Loss::Whole, format!("refund:{so_much}"))),
            Payment::PaidBackInPart => Some((Loss::Part, format!("part:{so_much}"))),
            Payment::Pending | Payment::Paid => None,
        };
        let lost: Vec<String> = match self.dispute {
            Some(Dispute::Lost) if self.lost.is_empty() => vec!["dispute".to_owned()],
            Some(Dispute::Lost) => self.lost.iter().map(|payment| format!("dispute:{payment}")).collect(),
            _ => Vec::new(),
        };
        back.into_iter().chain(lost.into_iter().map(|matter| (Loss::Dispute, matter))).collect()
    }

    /// What of the money that was gone in the state `before` is there again, as [`Sale::losses`] names it: a dispute was won
    /// after all, a refund failed or was cancelled. A further period that was paid for since is no such thing.
    pub fn regained(&self, before: &Self) -> Vec<(Loss, String)> {
        let paid_until = |sale: &Self| sale.subscription.map(|subscription| subscription.paid_until);
        let (now, paid_anew) = (self.losses(), paid_until(before) < paid_until(self));
        // Where a shop begins to name its payments, what was lost is called something else.
        let renamed = self.dispute == Some(Dispute::Lost) && (self.lost.is_empty() || before.lost.is_empty());
        let is_there = |(loss, matter): &(Loss, String)| match loss {
            Loss::Dispute => !renamed && now.iter().all(|(_, other)| other != matter),
            Loss::Whole | Loss::Part => !paid_anew && self.is_less_gone_than(before),
        };
        before.losses().into_iter().filter(is_there).collect()
    }

    /// Whether less was paid back than in the state `before`.
    fn is_less_gone_than(&self, before: &Self) -> bool {
        let part_of = |payment| match payment {
            Payment::Pending | Payment::Paid => 0,
            Payment::PaidBackInPart => 1,
            Payment::PaidBack => 2,
        };
        let amount = |sale: &Self| {
            let (number, currency) = sale.paid_back.as_ref()?.as_str().split_once(' ')?;
            Some((number.parse::<f64>().ok()?, currency.to_owned()))
        };
        match (part_of(self.payment), part_of(before.payment)) {
            (is, was) if is == was => {
                amount(self).zip(amount(before)).is_some_and(|(is, was)| is.1 == was.1 && is.0 < was.0)
            }
            (is, was) => is < was,
        }
    }

    /// Whether what was bought with `line` renews itself, with nothing for the buyer to do. While a payment is late it does:
    /// the provider tries again, and reminds them.
    pub fn renews(&self, line: &str) -> bool {
        let goes_on = |subscription: Subscription| {
            matches!(subscription.status, SubscriptionStatus::Renewing | SubscriptionStatus::PastDue)
        };
        self.subscription.is_some_and(goes_on)
            && self.lines.iter().any(|bought| bought.renews && bought.id.as_str() == line)
    }

    /// What an order of it is called.
    pub fn reference(&self) -> &str {
        self.number.as_ref().unwrap_or(&self.id).as_str()
    }
}

/// The end of a license of which the sale said `said` when it was last looked at and says `says` now. An end that somebody
/// has changed meanwhile is only ever moved later; a license without an end keeps none.
pub fn moved_end(present: Option<Timestamp>, said: Option<Timestamp>, says: Timestamp) -> Option<Timestamp> {
    let present = present?;
    Some(match said {
        Some(said) if said == says => present,
        Some(said) if said == present => says,
        _ => present.max(says),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAID: Timestamp = Timestamp::from_seconds(1_767_225_600);

    fn day(n: i64) -> Timestamp {
        PAID.plus(Seconds::days(n))
    }

    fn sale() -> Sale {
        Sale {
            id: "sub_1".parse().unwrap(),
            number: None,
            payment: Payment::Paid,
            paid_back: None,
            dispute: None,
            lost: Vec::new(),
            buyer: None,
            lines: Vec::new(),
            subscription: None,
        }
    }

    #[test]
    fn names_round_trip() {
        assert!(ShopKind::ALL.into_iter().all(|kind| ShopKind::from_name(kind.as_str()) == Some(kind)));
        for consequence in [Consequence::AtOnce, Consequence::AfterDays(14), Consequence::Ask] {
            assert_eq!(consequence.to_string().parse(), Ok(consequence));
        }
        for wrong in ["", "never", "after_days", "after_days:", "after_days:0", "after_days:366", "after_days:-1"] {
            assert_eq!(wrong.parse::<Consequence>(), Err(ConsequenceError), "{wrong}");
        }
    }

    #[test]
    fn licenses_go_on_through_the_grace_until_it_is_clear_that_it_ends() {
        let ends = |status| Subscription { status, paid_until: PAID }.ends_at(Seconds::days(14));
        assert_eq!(ends(SubscriptionStatus::Renewing), day(14));
        assert_eq!(ends(SubscriptionStatus::PastDue), day(14));
        assert_eq!(ends(SubscriptionStatus::Ending), PAID);
        assert_eq!(ends(SubscriptionStatus::Ended), PAID);
    }

    #[test]
    fn what_somebody_changed_is_not_shortened_by_a_shop() {
        for (present, said, says, end, why) in [
            (day(0), None, day(30), day(30), "the first word of the shop is later"),
            (day(40), None, day(30), day(40), "a license that goes on longer than the shop says"),
            (day(30), Some(day(30)), day(60), day(60), "a renewal"),
            (day(60), Some(day(60)), day(46), day(46), "a cancellation"),
            (day(60), Some(day(60)), day(60), day(60), "the same again"),
            (day(90), Some(day(60)), day(60), day(90), "extended by hand, and the same again"),
            (day(90), Some(day(60)), day(46), day(90), "extended by hand, and cancelled"),
            (day(90), Some(day(60)), day(91), day(91), "extended by hand, and renewed beyond"),
            (day(10), Some(day(60)), day(60), day(10), "shortened by hand, and the same again"),
            (day(10), Some(day(60)), day(90), day(90), "shortened by hand, and paid for once more"),
        ] {
            assert_eq!(moved_end(Some(present), said, says), Some(end), "{why}");
        }
        assert_eq!(moved_end(None, Some(day(1)), day(2)), None);
    }

    #[test]
    fn each_part_that_is_paid_back_is_another_question() {
        let back = |payment, so_much: &str| Sale { payment, paid_back: so_much.parse().ok(), ..sale() };
        assert_eq!(sale().losses(), []);
        let first = back(Payment::PaidBackInPart, "10.00 EUR").losses();
        assert_eq!(first, [(Loss::Part, "part:10.00 EUR".to_owned())]);
        assert_ne!(first, back(Payment::PaidBackInPart, "20.00 EUR").losses());
        let all = Sale { dispute: Some(Dispute::Lost), ..back(Payment::PaidBack, "49.00 EUR") };
        assert_eq!(all.losses().iter().map(|(loss, _)| *loss).collect::<Vec<_>>(), [Loss::Whole, Loss::Dispute]);
        let lost = |payments: &[&str]| {
            let lost = payments.iter().map(|payment| payment.parse().unwrap()).collect();
            Sale { dispute: Some(Dispute::Lost), lost, ..sale() }.losses()
        };
        assert_eq!(lost(&["ch_2", "ch_1"])[1], lost(&["ch_1"])[0], "what was lost once is the same later");
        assert_eq!(lost(&["ch_2", "ch_1"]).len(), 2);
        for harmless in [Dispute::Open, Dispute::Won] {
            assert_eq!(Sale { dispute: Some(harmless), ..sale() }.losses(), []);
        }
    }

    #[test]
    fn what_is_there_again_is_told_from_what_was_paid_anew() {
        let back = |payment, so_much: &str| Sale { payment, paid_back: so_much.parse().ok(), ..sale() };
        let paid = sale();
        let (part, more) = (back(Payment::PaidBackInPart, "9.00 EUR"), back(Payment::PaidBackInPart, "10.00 EUR"));
        let all = back(Payment::PaidBack, "49.00 EUR");
        for (now, before, regained) in [
            (&paid, &all, vec![(Loss::Whole, "refund:49.00 EUR".to_owned())]),
            (&part, &all, vec![(Loss::Whole, "refund:49.00 EUR".to_owned())]),
            (&part, &more, vec![(Loss::Part, "part:10.00 EUR".to_owned())]),
            (&more, &part, vec![]),
            (&all, &part, vec![]),
            (&all, &all, vec![]),
            (&all, &paid, vec![]),
        ] {
            assert_eq!(now.regained(before), regained, "{before:?} became {now:?}");
        }
        let until = |sale: &Sale, end| {
            let subscription = Some(Subscription { status: SubscriptionStatus::Renewing, paid_until: end });
            Sale { subscription, ..sale.clone() }
        };
        assert_eq!(until(&part, day(30)).regained(&until(&all, PAID)), [], "another period was paid for");
        assert_eq!(until(&part, PAID).regained(&until(&all, PAID)).len(), 1);
        let disputed = |dispute, lost: &[&str]| {
            let lost = lost.iter().map(|payment| payment.parse().unwrap()).collect();
            Sale { dispute: Some(dispute), lost, ..sale() }
        };
        let lost = disputed(Dispute::Lost, &["ch_1", "ch_2"]);
        assert_eq!(disputed(Dispute::Won, &[]).regained(&lost).len(), 2);
        let one = [(Loss::Dispute, "dispute:ch_1".to_owned())];
        assert_eq!(disputed(Dispute::Lost, &["ch_2"]).regained(&lost), one);
        assert_eq!(disputed(Dispute::Lost, &["ch_1"]).regained(&disputed(Dispute::Lost, &[])), [], "it has a name now");
        assert_eq!(paid.regained(&disputed(Dispute::Lost, &[])), [(Loss::Dispute, "dispute".to_owned())]);
    }

    #[test]
    fn what_goes_on_by_itself_is_told_from_what_ends_and_from_what_was_bought_beside_it() {
        let line = |id: &str, renews| Line {
            id: id.parse().unwrap(),
            price: "price_1".parse().unwrap(),
            quantity: 1,
            title: None,
            renews,
        };
        let of = |status| Sale {
            lines: vec![line("seat", true), line("set-up", false)],
            subscription: Some(Subscription { status, paid_until: PAID }),
            ..sale()
        };
        for status in [SubscriptionStatus::Renewing, SubscriptionStatus::PastDue] {
            let sale = of(status);
            assert_eq!(["seat", "set-up", "gone"].map(|line| sale.renews(line)), [true, false, false], "{status:?}");
        }
        for status in [SubscriptionStatus::Ending, SubscriptionStatus::Ended] {
            assert!(!of(status).renews("seat"), "{status:?}");
        }
        assert!(!Sale { subscription: None, ..of(SubscriptionStatus::Renewing) }.renews("seat"));
    }

    #[test]
    fn an_order_is_called_what_the_receipt_calls_it() {
        assert_eq!(sale().reference(), "sub_1");
        assert_eq!(Sale { number: "INV-1".parse().ok(), ..sale() }.reference(), "INV-1");
    }
}
