//! Paddle Billing.

use super::{PERIOD, Period, Sold, TOTAL, rfc_3339};
use holdfast_domain::sale::SubscriptionStatus;
use serde_json::{Value, json};

fn one(data: Value) -> Value {
    json!({ "data": data, "meta": { "request_id": "req" } })
}

fn many(data: Vec<Value>) -> Value {
    json!({ "data": data, "meta": { "request_id": "req", "pagination": { "per_page": 50, "next": "", "has_more": false } } })
}

fn price(sold: &Sold) -> Value {
    let cycle = sold.period.map(|_| json!({ "interval": "month", "frequency": 1 }));
    json!({
        "id": sold.price, "product_id": "pro_1", "name": "Monthly", "description": "Example Editor, monthly",
        "billing_cycle": cycle, "unit_price": { "amount": TOTAL.to_string(), "currency_code": "EUR" },
    })
}

fn customer(sold: &Sold) -> Value {
    json!({ "id": format!("ctm_{}", sold.tag), "email": sold.email, "name": "Ada Example", "status": "active" })
}

fn transaction(sold: &Sold, id: &str, period: Option<(Period, u32)>) -> Value {
    let billing = period.map(|(period, number)| {
        json!({ "starts_at": rfc_3339(period.end(number) - PERIOD), "ends_at": rfc_3339(period.end(number)) })
    });
    json!({
        "id": id, "status": if sold.paid { "completed" } else { "ready" }, "customer_id": format!("ctm_{}", sold.tag),
        "subscription_id": period.map(|_| format!("sub_0{}", sold.tag)), "invoice_number": format!("325-{id}"),
        "origin": "web", "currency_code": "EUR", "collection_mode": "automatic", "billing_period": billing,
        "items": [{ "price_id": sold.price, "price": price(sold), "quantity": sold.quantity, "proration": null }],
        "details": { "totals": { "subtotal": TOTAL.to_string(), "grand_total": TOTAL.to_string(), "currency_code": "EUR" } },
        "customer": customer(sold),
    })
}

fn adjustments(sold: &Sold, transaction: &str) -> Vec<Value> {
    let adjustment = |number: u32, action: &str, whole: bool, amount: i64, status: &str| {
        json!({
            "id": format!("adj_{}_{number}", sold.tag), "action": action, "type": if whole { "full" } else { "partial" },
            "transaction_id": transaction, "status": status, "currency_code": "EUR",
            "totals": { "total": amount.to_string(), "currency_code": "EUR" },
        })
    };
    // What a person at Paddle has not approved counts for nothing.
    let mut all = vec![adjustment(0, "refund", true, TOTAL, "pending_approval")];
    if sold.back > 0 {
        all.push(adjustment(1, "refund", sold.back == TOTAL, sold.back, "approved"));
    }
    match sold.dispute {
        Some("open") => all.push(adjustment(2, "chargeback_warning", true, TOTAL, "approved")),
        Some("lost") => all.push(adjustment(3, "chargeback", true, TOTAL, "approved")),
        Some(_) => {
            all.push(adjustment(3, "chargeback", true, TOTAL, "reversed"));
            all.push(adjustment(4, "chargeback_reverse", true, TOTAL, "approved"));
        }
        None => {}
    }
    all
}

pub fn answers(sold: &Sold) -> Vec<(String, Value)> {
    let tag = sold.tag;
    let Some(period) = sold.period else {
        let id = format!("txn_0{tag}");
        return vec![
            (format!("/transactions/{id}"), one(transaction(sold, &id, None))),
            (format!("/adjustments?transaction_id={id}"), many(adjustments(sold, &id))),
        ];
    };
    let of = format!("sub_0{tag}");
    let status = match period.status {
        SubscriptionStatus::Renewing | SubscriptionStatus::Ending => "active",
        SubscriptionStatus::PastDue => "past_due",
        SubscriptionStatus::Ended => "canceled",
    };
    let ends = rfc_3339(period.end(period.paid));
    let change = (period.status == SubscriptionStatus::Ending)
        .then(|| json!({ "action": "cancel", "effective_at": ends, "resume_at": null }));
    let subscription = json!({
        "id": of, "status": status, "customer_id": format!("ctm_{tag}"), "currency_code": "EUR",
        "current_billing_period": { "starts_at": rfc_3339(period.end(period.paid) - PERIOD), "ends_at": ends },
        "scheduled_change": change, "billing_cycle": { "interval": "month", "frequency": 1 },
        "items": [{ "status": "active", "quantity": sold.quantity, "recurring": true, "price": price(sold) }],
    });
    let number = |number: u32| format!("txn_0{tag}_{number}");
    let last = number(period.paid);
    let paid: Vec<Value> = (1..=period.paid).rev().map(|n| transaction(sold, &number(n), Some((period, n)))).collect();
    let mut answers = vec![
        (format!("/subscriptions/{of}"), one(subscription)),
        (format!("/adjustments?subscription_id={of}"), many(adjustments(sold, &last))),
        (format!("/customers/ctm_{tag}"), one(customer(sold))),
    ];
    answers.extend(
        paid.iter()
            .map(|paid| (format!("/transactions/{}", paid["id"].as_str().unwrap_or_default()), one(paid.clone()))),
    );
    answers.push((format!("/transactions?subscription_id={of}&status=paid,completed"), many(paid)));
    answers
}

pub fn messages(sold: &Sold) -> Vec<Value> {
    let tag = sold.tag;
    let mut told: Vec<(&str, Value)> = Vec::new();
    let last = match sold.period {
        None => {
            let id = format!("txn_0{tag}");
            for kind in ["transaction.created", "transaction.paid", "transaction.completed"] {
                told.push((kind, json!({ "id": id, "subscription_id": null })));
            }
            id
        }
        Some(period) => {
            told.push(("subscription.created", json!({ "id": format!("sub_0{tag}") })));
            for number in 1..=period.paid {
                told.push(("transaction.completed", json!({ "id": format!("txn_0{tag}_{number}") })));
            }
            let kind = match period.status {
                SubscriptionStatus::Ended => "subscription.canceled",
                SubscriptionStatus::PastDue => "subscription.past_due",
                _ => "subscription.updated",
            };
            told.push((kind, json!({ "id": format!("sub_0{tag}") })));
            format!("txn_0{tag}_{}", period.paid)
        }
    };
    if sold.back > 0 || sold.dispute.is_some() {
        told.push(("adjustment.updated", json!({ "id": format!("adj_{tag}_1"), "transaction_id": last })));
    }
    told.push(("customer.updated", json!({ "id": format!("ctm_{tag}") })));
    let message = |(at, (kind, data)): (usize, (&str, Value))| {
        let state = sold.state();
        json!({
            "event_id": format!("evt_{tag}_{at}_{state}"), "event_type": kind, "occurred_at": "2026-01-01T00:00:00.000000Z",
            "notification_id": format!("ntf_{tag}_{at}"), "data": data,
        })
    };
    told.into_iter().enumerate().map(message).collect()
}
