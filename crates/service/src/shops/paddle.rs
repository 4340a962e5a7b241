//! Paddle Billing: transactions, subscriptions, and the adjustments by which money goes back.

use super::{
    Money, Read, Reader, Trouble, buyer, clean, id, list, named, quantity, short, text, time, whole, word, worse,
};
use holdfast_domain::{
    Sale,
    sale::{Dispute, Line, Subscription, SubscriptionStatus},
};
use serde_json::Value;

/// How often adjustments are read on, fifty each time: more than any sale has.
const MOST_PAGES: usize = 20;

/// The sale that a message is about, where it is about one.
pub(super) async fn read(reader: &mut Reader<'_>, message: &Value) -> Read<Option<Sale>> {
    match word(message, "/event_type")?.split('.').next() {
        Some("transaction") => transaction(reader, &named(message, "/data/id")?).await,
        Some("subscription") => subscription(reader, &named(message, "/data/id")?).await.map(Some),
        Some("adjustment") => transaction(reader, &named(message, "/data/transaction_id")?).await,
        _ => Ok(None),
    }
}

/// A transaction: of a subscription, or a purchase by itself.
async fn transaction(reader: &mut Reader<'_>, of: &str) -> Read<Option<Sale>> {
    let transaction = reader.get(&format!("/transactions/{of}?include=customer")).await?;
    let transaction = &transaction["data"];
    if let Some(of) = id(transaction, "/subscription_id") {
        return subscription(reader, &of).await.map(Some);
    }
    let items = list(transaction, "/items");
    // Its subscription is made when it is paid, and tells of itself.
    if items.iter().any(renews) {
        return Ok(None);
    }
    let money = match word(transaction, "/status")? {
        "paid" | "completed" => {
            let adjustments = adjustments_of(reader, &format!("transaction_id={of}")).await?;
            standing(&[transaction], Some(transaction), &adjustments)?
        }
        "draft" | "ready" | "billed" | "past_due" | "canceled" => Money::pending(),
        other => return Err(Trouble::Odd(format!("the transaction is {other}"))),
    };
    let buyer = buyer(text(transaction, "/customer/email"), text(transaction, "/customer/name"));
    let lines = items.iter().map(|item| bought(item, None, false)).collect::<Read<_>>()?;
    Ok(Some(Sale { number: short(text(transaction, "/invoice_number")), ..money.sale(of, buyer, lines)? }))
}

/// A subscription, with every transaction of it that was paid.
async fn subscription(reader: &mut Reader<'_>, of: &str) -> Read<Sale> {
    let subscription = reader.get(&format!("/subscriptions/{of}")).await?;
    let subscription = &subscription["data"];
    let paid = format!(
        "/transactions?subscription_id={of}&status=paid,completed&order_by=billed_at[DESC]&per_page=30&include=customer"
    );
    let paid = reader.get(&paid).await?;
    let paid: Vec<&Value> = list(&paid, "/data").iter().collect();
    let adjustments = adjustments_of(reader, &format!("subscription_id={of}")).await?;
    let state = word(subscription, "/status")?;
    let periods = paid.iter().filter_map(|paid| time(paid, "/billing_period/ends_at"));
    // Nothing is paid for a trial; its end is the period's.
    let trial = if state == "trialing" { time(subscription, "/current_billing_period/ends_at") } else { None };
    let until = periods.chain(trial).max();
    // What was paid for a change within a period may go back without an end to the period.
    let last = paid.iter().find(|paid| total(paid) > 0 && is_period(paid)).copied();
    let money = if until.is_some() { standing(&paid, last, &adjustments)? } else { Money::pending() };
    let ending = matches!(text(subscription, "/scheduled_change/action"), Some("cancel" | "pause"));
    let status = match state {
        "active" | "trialing" if ending => SubscriptionStatus::Ending,
        "active" | "trialing" => SubscriptionStatus::Renewing,
        "past_due" => SubscriptionStatus::PastDue,
        "paused" => SubscriptionStatus::Ending,
        "canceled" => SubscriptionStatus::Ended,
        other => return Err(Trouble::Odd(format!("the subscription is {other}"))),
    };
    let customer = match paid.first().and_then(|paid| paid.get("customer")).filter(|customer| customer.is_object()) {
        Some(customer) => (*customer).clone(),
        None => reader.get(&format!("/customers/{}", named(subscription, "/customer_id")?)).await?["data"].clone(),
    };
    let items = list(subscription, "/items").iter().filter(|item| renews(item)).map(|item| bought(item, None, true));
    let once = paid.iter().flat_map(|paid| list(paid, "/items").iter().map(move |item| (paid, item)));
    let once = once.filter(|(_, item)| !renews(item) && item["proration"].is_null());
    let lines = items.chain(once.map(|(paid, item)| bought(item, id(paid, "/id"), false))).collect::<Read<_>>()?;
    let buyer = buyer(text(&customer, "/email"), text(&customer, "/name"));
    let standing = until.map(|paid_until| Subscription { status, paid_until });
    Ok(Sale { subscription: standing, ..money.sale(of, buyer, lines)? })
}

/// All adjustments of a transaction or a subscription.
async fn adjustments_of(reader: &mut Reader<'_>, of: &str) -> Read<Vec<Value>> {
    let path = format!("/adjustments?{of}&per_page=50");
    let mut adjustments: Vec<Value> = Vec::new();
    for _ in 0..MOST_PAGES {
        let after = match adjustments.last() {
            Some(last) => format!("&after={}", named(last, "/id")?),
            None => String::new(),
        };
        let page = reader.get(&format!("{path}{after}")).await?;
        adjustments.extend_from_slice(list(&page, "/data"));
        if page.pointer("/meta/pagination/has_more") != Some(&Value::Bool(true)) {
            return Ok(adjustments);
        }
    }
    Err(Trouble::odd("the adjustments do not end"))
}

/// Whether an item is billed again and again.
fn renews(item: &Value) -> bool {
    item.pointer("/price/billing_cycle").is_some_and(Value::is_object)
}

/// Whether a transaction pays for a period of the subscription, and is no settlement of a change within one.
fn is_period(transaction: &Value) -> bool {
    let whole = |item: &Value| renews(item) && item["proration"].is_null();
    transaction["billing_period"].is_object() && list(transaction, "/items").iter().any(whole)
}

/// What a transaction came to.
fn total(paid: &Value) -> i64 {
    whole(paid, "/details/totals/grand_total").or_else(|| whole(paid, "/details/totals/total")).unwrap_or(0)
}

/// An item. A subscription has one of each price; what was bought once along with it, also the transaction that it was
/// `bought_with`.
fn bought(item: &Value, bought_with: Option<String>, renews: bool) -> Read<Line> {
    let price = id(item, "/price").or_else(|| id(item, "/price_id"));
    let price = price.ok_or_else(|| Trouble::odd("an item has no price"))?;
    let line = bought_with.map_or_else(|| price.clone(), |with| format!("{with}/{price}"));
    Ok(Line {
        id: clean("the line", &line)?,
        price: clean("the price", &price)?,
        quantity: quantity(whole(item, "/quantity"))?,
        title: short(text(item, "/price/name").or(text(item, "/price/description"))),
        renews,
    })
}

/// What became of the money of these transactions after `adjustments`. Whether all of it was paid back is what became of `last`.
fn standing(paid: &[&Value], last: Option<&Value>, adjustments: &[Value]) -> Read<Money> {
    let Some(newest) = paid.first() else { return Ok(Money::of(holdfast_domain::sale::Payment::Paid)) };
    let (mut back, mut back_of_last, mut whole_last) = (0, 0, false);
    let (mut dispute, mut losses) = (None, Vec::new());
    let last_id = last.and_then(|last| id(last, "/id"));
    for adjustment in adjustments {
        let is_approved = match word(adjustment, "/status")? {
            "approved" => true,
            // What has been taken back says so itself.
            "reversed" => false,
            "pending_approval" | "rejected" => continue,
            other => return Err(Trouble::Odd(format!("the adjustment is {other}"))),
        };
        let amount = whole(adjustment, "/totals/total").unwrap_or(0);
        match word(adjustment, "/action")? {
            "refund" if is_approved => {
                back += amount;
                if last_id.is_some() && id(adjustment, "/transaction_id") == last_id {
                    back_of_last += amount;
                    whole_last |= text(adjustment, "/type") == Some("full");
                }
            }
            "chargeback" => {
                let is_back = !is_approved || is_taken_back(adjustments, adjustment, "chargeback_reverse");
                let stands = if is_back { Dispute::Won } else { Dispute::Lost };
                if stands == Dispute::Lost {
                    losses.push(clean("the transaction", &named(adjustment, "/transaction_id")?)?);
                }
                dispute = worse(dispute, Some(stands));
            }
            "chargeback_warning" => {
                let is_back = !is_approved || is_taken_back(adjustments, adjustment, "chargeback_warning_reverse");
                dispute = worse(dispute, Some(if is_back { Dispute::Won } else { Dispute::Open }));
            }
            // Credit for later purchases, and what takes something back that was said before.
            "refund" | "credit" | "credit_reverse" | "chargeback_reverse" | "chargeback_warning_reverse" => {}
            other => return Err(Trouble::Odd(format!("the adjustment is a {other}"))),
        }
    }
    let all = whole_last || last.map(total).is_some_and(|total| total > 0 && back_of_last >= total);
    Money::paid(all, back, word(newest, "/currency_code")?).map(|money| Money { dispute, lost: losses, ..money })
}

/// Whether a chargeback, or a warning of one, was taken back: as many of its transaction were as there are.
fn is_taken_back(all: &[Value], adjustment: &Value, by: &str) -> bool {
    let (of, action) = (id(adjustment, "/transaction_id"), text(adjustment, "/action"));
    let count = |action: Option<&str>| {
        let stands = |other: &&Value| matches!(text(other, "/status"), Some("approved" | "reversed"));
        let same = |other: &&Value| text(other, "/action") == action && id(other, "/transaction_id") == of;
        all.iter().filter(stands).filter(same).count()
    };
    count(Some(by)) >= count(action)
}
