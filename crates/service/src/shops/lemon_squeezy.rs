//! Lemon Squeezy: orders, and the subscription that an order may have begun.

use super::{Money, Read, Reader, Trouble, buyer, clean, id, list, named, quantity, short, text, time, whole, word};
use holdfast_domain::{
    Sale, Timestamp,
    sale::{Dispute, Line, Subscription, SubscriptionStatus},
};
use serde_json::Value;

/// The sale that a message is about, where it is about one.
pub(super) async fn read(reader: &mut Reader<'_>, message: &Value) -> Read<Option<Sale>> {
    let data = message.pointer("/data").ok_or_else(|| Trouble::odd("/data is missing"))?;
    let of = match word(data, "/type")? {
        "orders" => named(data, "/id")?,
        "subscriptions" => named(data, "/attributes/order_id")?,
        "subscription-invoices" => {
            let of = named(data, "/attributes/subscription_id")?;
            let subscription = reader.get(&format!("/v1/subscriptions/{of}")).await?;
            named(&subscription, "/data/attributes/order_id")?
        }
        _ => return Ok(None),
    };
    order(reader, &of).await.map(Some)
}

/// An order, with what was bought and with its subscription.
async fn order(reader: &mut Reader<'_>, of: &str) -> Read<Sale> {
    let order = reader.get(&format!("/v1/orders/{of}")).await?;
    let items = reader.get(&format!("/v1/order-items?filter[order_id]={of}&page[size]=100")).await?;
    let subscriptions = reader.get(&format!("/v1/subscriptions?filter[order_id]={of}&page[size]=100")).await?;
    let order = &order["data"]["attributes"];
    let subscription = match list(&subscriptions, "/data") {
        [] => None,
        [one] => Some(one),
        _ => return Err(Trouble::odd("the order has more than one subscription")),
    };
    let payments = match subscription {
        Some(subscription) => {
            let of = named(subscription, "/id")?;
            reader.get(&format!("/v1/subscription-invoices?filter[subscription_id]={of}&page[size]=100")).await?
        }
        None => Value::Null,
    };
    let payments: Vec<&Value> = list(&payments, "/data").iter().map(|payment| &payment["attributes"]).collect();
    let money = match word(order, "/status")? {
        "paid" | "refunded" | "partial_refund" => standing(order, &payments)?,
        // Whoever the card belongs to did not buy: the money goes back as by a dispute that is lost.
        "fraudulent" => Money { dispute: Some(Dispute::Lost), ..standing(order, &payments)? },
        "pending" | "failed" => Money::pending(),
        other => return Err(Trouble::Odd(format!("the order is {other}"))),
    };
    let lines = list(&items, "/data").iter().map(|item| bought(item, subscription)).collect::<Read<_>>()?;
    let buyer = buyer(text(order, "/user_email"), text(order, "/user_name"));
    let number = id(order, "/order_number").map(|number| format!("#{number}"));
    let standing = subscription.map(|subscription| going_on(&subscription["attributes"], &payments)).transpose()?;
    Ok(Sale { number: short(number.as_deref()), subscription: standing, ..money.sale(of, buyer, lines)? })
}

/// What became of the money: of the order itself, and of the payments of its subscription, where the first is the order's.
fn standing(order: &Value, payments: &[&Value]) -> Read<Money> {
    let currency = word(order, "/currency")?;
    let back = |of: &Value| whole(of, "/refunded_amount").unwrap_or(0);
    // What went back in several parts is called refunded in part, also when the last of it is gone.
    let all_of = |of: &Value| whole(of, "/total").is_some_and(|total| total > 0 && back(of) >= total);
    let is_back = |of: &Value| of["refunded"] == true || text(of, "/status") == Some("refunded") || all_of(of);
    let (first, later): (Vec<&Value>, Vec<&Value>) =
        payments.iter().partition(|payment| text(payment, "/billing_reason") == Some("initial"));
    // What was paid for a change within a period may go back without an end to the period.
    let periods =
        later.iter().filter(|payment| is_paid(payment) && text(payment, "/billing_reason") == Some("renewal"));
    let newest = periods.max_by_key(|payment| time(payment, "/created_at"));
    // The first payment is the order's: what went back of it may stand on either.
    let of_first = first.iter().copied().map(back).fold(back(order), i64::max);
    let first_is_back = || is_back(order) || first.iter().copied().any(is_back);
    let all = of_first + later.iter().copied().map(back).sum::<i64>();
    Money::paid(newest.map_or_else(first_is_back, |newest| is_back(newest)), all, currency)
}

/// Whether a payment of a subscription was made, whatever became of the money since.
fn is_paid(payment: &Value) -> bool {
    matches!(text(payment, "/status"), Some("paid" | "refunded" | "partial_refund"))
}

/// Whether a subscription goes on, and until when it was paid for.
fn going_on(subscription: &Value, payments: &[&Value]) -> Read<Subscription> {
    let end = |pointer: &str| time(subscription, pointer).ok_or_else(|| Trouble::odd(format!("{pointer} is no time")));
    // While a payment is tried again, the next attempt stands where the end of the period did, and during a pause the end of
    // one that nobody pays for. The invoice that was not paid was made at the end of what was.
    let made = |payment: &&Value| time(payment, "/created_at");
    let unpaid = || -> Read<Timestamp> {
        let last = payments.iter().filter(|payment| is_paid(payment)).filter_map(made).max();
        let open = payments.iter().filter(|payment| matches!(text(payment, "/status"), Some("pending" | "void")));
        open.filter_map(made)
            .filter(|made| last.is_none_or(|last| last < *made))
            .min()
            .map_or_else(|| end("/renews_at"), Ok)
    };
    let (status, paid_until) = match word(subscription, "/status")? {
        "on_trial" | "active" => (SubscriptionStatus::Renewing, end("/renews_at")?),
        // What is given for nothing goes on; what is not given at all does not.
        "paused" if text(subscription, "/pause/mode") == Some("free") => {
            (SubscriptionStatus::Renewing, end("/renews_at")?)
        }
        "paused" => (SubscriptionStatus::Ending, unpaid()?),
        "past_due" => (SubscriptionStatus::PastDue, unpaid()?),
        "unpaid" => (SubscriptionStatus::Ended, unpaid()?),
        "cancelled" => (SubscriptionStatus::Ending, end("/ends_at")?),
        "expired" => (SubscriptionStatus::Ended, end("/ends_at")?),
        other => return Err(Trouble::Odd(format!("the subscription is {other}"))),
    };
    Ok(Subscription { status, paid_until })
}

/// An item of an order. What a subscription has become since counts, where it is one.
fn bought(item: &Value, subscription: Option<&Value>) -> Read<Line> {
    let of = named(item, "/id")?;
    let attributes = &item["attributes"];
    let subscription = subscription.map(|subscription| &subscription["attributes"]);
    let subscription = subscription.filter(|now| id(now, "/order_item_id").as_ref() == Some(&of));
    let now = subscription.unwrap_or(attributes);
    let count = subscription.and_then(|now| whole(now, "/first_subscription_item/quantity"));
    let title = [text(now, "/product_name"), text(now, "/variant_name")].into_iter().flatten().collect::<Vec<_>>();
    Ok(Line {
        id: clean("the item", &of)?,
        price: clean("the variant", &named(now, "/variant_id")?)?,
        quantity: quantity(count.or_else(|| whole(attributes, "/quantity")))?,
        title: short(Some(title.join(", ").as_str())),
        renews: subscription.is_some(),
    })
}
