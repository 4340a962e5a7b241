//! Lemon Squeezy.

use super::{Sold, TOTAL, rfc_3339};
use holdfast_domain::sale::SubscriptionStatus;
use serde_json::{Value, json};

fn resource(kind: &str, id: u32, attributes: &Value) -> Value {
    json!({ "type": kind, "id": id.to_string(), "attributes": attributes, "relationships": {} })
}

fn one(data: Value) -> Value {
    json!({ "jsonapi": { "version": "1.0" }, "data": data })
}

fn many(data: Vec<Value>) -> Value {
    json!({ "meta": { "page": { "currentPage": 1, "lastPage": 1 } }, "jsonapi": { "version": "1.0" }, "data": data })
}

fn variant(sold: &Sold) -> u32 {
    sold.price.parse().unwrap_or(1)
}

/// What has been paid back stands on the order, or on the invoice of a later payment.
pub fn answers(sold: &Sold) -> Vec<(String, Value)> {
    let (tag, order) = (sold.tag, 700_000 + sold.tag);
    let first = sold.period.is_none_or(|period| period.paid == 1);
    let back = if first { sold.back } else { 0 };
    let status = match (sold.paid, back) {
        (false, _) => "pending",
        (true, TOTAL) => "refunded",
        (true, 0) => "paid",
        (true, _) => "partial_refund",
    };
    let bought = json!({
        "store_id": 1, "customer_id": 10 + tag, "identifier": format!("104e18a2-d755-4d4b-80c4-{tag:012}"),
        "order_number": 1_000 + tag, "user_name": "Ada Example", "user_email": sold.email, "currency": "EUR",
        "total": TOTAL, "status": status, "refunded": back == TOTAL, "refunded_amount": back, "test_mode": true,
        "first_order_item": { "id": 800_000 + tag, "order_id": order, "variant_id": variant(sold) },
    });
    let item = json!({
        "order_id": order, "product_id": 5, "variant_id": variant(sold), "price_id": 9, "quantity": sold.quantity,
        "product_name": "Example Editor", "variant_name": "Default", "price": TOTAL,
    });
    let mut answers = vec![
        (format!("/v1/orders/{order}"), one(resource("orders", order, &bought))),
        (
            format!("/v1/order-items?filter[order_id]={order}"),
            many(vec![resource("order-items", 800_000 + tag, &item)]),
        ),
    ];
    let listed = format!("/v1/subscriptions?filter[order_id]={order}");
    let Some(period) = sold.period else {
        answers.push((listed, many(Vec::new())));
        return answers;
    };
    let (of, paid_until) = (900_000 + tag, period.end(period.paid));
    let (status, renews, ends) = match period.status {
        SubscriptionStatus::Renewing => ("active", paid_until, None),
        // The next attempt, and not the end of what was paid.
        SubscriptionStatus::PastDue => ("past_due", paid_until + 3 * 86_400, None),
        SubscriptionStatus::Ending => ("cancelled", paid_until, Some(paid_until)),
        SubscriptionStatus::Ended => ("expired", paid_until, Some(paid_until)),
    };
    let subscription = json!({
        "store_id": 1, "customer_id": 10 + tag, "order_id": order, "order_item_id": 800_000 + tag, "product_id": 5,
        "variant_id": variant(sold), "product_name": "Example Editor", "variant_name": "Default",
        "user_name": "Ada Example", "user_email": sold.email, "status": status, "cancelled": ends.is_some(),
        "pause": null, "trial_ends_at": null, "renews_at": rfc_3339(renews), "ends_at": ends.map(rfc_3339),
        "first_subscription_item": { "id": 950_000 + tag, "subscription_id": of, "price_id": 9, "quantity": sold.quantity },
    });
    let subscription = resource("subscriptions", of, &subscription);
    let mut invoices: Vec<Value> = (1..=period.paid)
        .rev()
        .map(|number| {
            let back = if number == period.paid { sold.back } else { 0 };
            let status = match back {
                TOTAL => "refunded",
                0 => "paid",
                _ => "partial_refund",
            };
            invoice(sold, number, status, back, period.end(number) - super::PERIOD)
        })
        .collect();
    if period.status == SubscriptionStatus::PastDue {
        invoices.insert(0, invoice(sold, period.paid + 1, "pending", 0, paid_until));
    }
    answers.push((format!("/v1/subscriptions/{of}"), one(subscription.clone())));
    answers.push((listed, many(vec![subscription])));
    answers.push((format!("/v1/subscription-invoices?filter[subscription_id]={of}"), many(invoices)));
    answers
}

fn invoice(sold: &Sold, number: u32, status: &str, back: i64, made: i64) -> Value {
    let attributes = json!({
        "store_id": 1, "subscription_id": 900_000 + sold.tag, "billing_reason": if number == 1 { "initial" } else { "renewal" },
        "currency": "EUR", "status": status, "refunded": back == TOTAL, "refunded_amount": back, "total": TOTAL,
        "user_email": sold.email, "created_at": rfc_3339(made),
    });
    resource("subscription-invoices", 600_000 + sold.tag * 100 + number, &attributes)
}

pub fn messages(sold: &Sold) -> Vec<Value> {
    let (tag, order) = (sold.tag, 700_000 + sold.tag);
    let subscription = json!({ "order_id": order, "status": "active" });
    let order = resource("orders", order, &json!({ "order_number": 1_000 + tag, "total": TOTAL }));
    let mut told = vec![("order_created", order.clone())];
    if let Some(period) = sold.period {
        let subscription = resource("subscriptions", 900_000 + tag, &subscription);
        told.push(("subscription_created", subscription.clone()));
        for number in 1..=period.paid {
            told.push(("subscription_payment_success", invoice(sold, number, "paid", 0, period.end(number))));
        }
        told.push((
            match period.status {
                SubscriptionStatus::Renewing => "subscription_updated",
                SubscriptionStatus::PastDue => "subscription_payment_failed",
                SubscriptionStatus::Ending => "subscription_cancelled",
                SubscriptionStatus::Ended => "subscription_expired",
            },
            subscription,
        ));
    }
    if sold.back > 0 {
        told.push(("order_refunded", order));
    }
    told.push(("license_key_created", resource("license-keys", tag, &json!({ "status": "active" }))));
    let message = |(at, (kind, data)): (usize, (&str, Value))| {
        let state = sold.state();
        json!({ "meta": { "test_mode": true, "event_name": kind, "custom_data": { "at": format!("{at}_{state}") } }, "data": data })
    };
    told.into_iter().enumerate().map(message).collect()
}
