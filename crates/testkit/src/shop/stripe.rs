//! Stripe, in the version of the API of February 2025.

use super::{PERIOD, Period, Sold, TOTAL};
use holdfast_domain::sale::SubscriptionStatus;
use serde_json::{Value, json};

fn many(data: Vec<Value>) -> Value {
    json!({ "object": "list", "has_more": false, "data": data })
}

fn price(sold: &Sold) -> Value {
    let renews = sold.period.is_some();
    json!({
        "id": sold.price, "object": "price", "active": true, "currency": "eur", "nickname": null,
        "type": if renews { "recurring" } else { "one_time" }, "unit_amount": TOTAL,
    })
}

/// The charge of the last payment has what was paid back.
fn charge(sold: &Sold, id: &str, intent: &str, invoice: Option<&str>, last: bool) -> Value {
    let back = if last { sold.back } else { 0 };
    json!({
        "id": id, "object": "charge", "amount": TOTAL, "amount_refunded": back, "currency": "eur", "paid": sold.paid,
        "refunded": back == TOTAL, "disputed": last && sold.dispute.is_some(), "payment_intent": intent, "invoice": invoice,
        "billing_details": { "email": sold.email, "name": "Ada Example", "phone": null },
        "receipt_email": null, "status": "succeeded",
    })
}

fn dispute(sold: &Sold, charge: &str) -> Option<Value> {
    let status = match sold.dispute? {
        "open" => "needs_response",
        other => other,
    };
    Some(
        json!({ "id": format!("dp_{}", sold.tag), "object": "dispute", "amount": TOTAL, "charge": charge, "status": status }),
    )
}

/// What was paid back, and what somebody at Stripe has tried to and failed.
fn refunds(sold: &Sold, charge: &str, last: bool) -> Value {
    let refund = |number: u32, amount: i64, status: &str| {
        json!({ "id": format!("re_{}_{number}", sold.tag), "object": "refund", "amount": amount, "charge": charge,
            "currency": "eur", "status": status })
    };
    let through = (last && sold.back > 0).then(|| refund(1, sold.back, "succeeded"));
    many([refund(0, TOTAL, "failed")].into_iter().chain(through).collect())
}

pub fn answers(sold: &Sold) -> Vec<(String, Value)> {
    match sold.period {
        Some(period) => of_subscription(sold, period),
        None => of_purchase(sold),
    }
}

fn of_purchase(sold: &Sold) -> Vec<(String, Value)> {
    let tag = sold.tag;
    let (session, intent, of) = (format!("cs_test_{tag}"), format!("pi_{tag}"), format!("ch_{tag}"));
    let charge = if sold.paid { charge(sold, &of, &intent, None, true) } else { Value::Null };
    let paid = json!({
        "id": intent, "object": "payment_intent", "amount": TOTAL, "currency": "eur", "invoice": null,
        "latest_charge": charge, "status": if sold.paid { "succeeded" } else { "requires_payment_method" },
    });
    let bought = json!({
        "id": session, "object": "checkout.session", "mode": "payment", "amount_total": TOTAL, "currency": "eur",
        "customer_details": { "email": sold.email, "name": "Ada Example", "address": { "country": "DE" } },
        "payment_intent": paid, "payment_status": if sold.paid { "paid" } else { "unpaid" }, "status": "complete",
        "subscription": null, "invoice": null,
    });
    let line = json!({
        "id": format!("li_{tag}"), "object": "item", "amount_total": TOTAL, "currency": "eur",
        "description": "Example Editor", "price": price(sold), "quantity": sold.quantity,
    });
    vec![
        (format!("/v1/checkout/sessions/{session}"), bought.clone()),
        (format!("/v1/checkout/sessions/{session}/line_items"), many(vec![line])),
        (format!("/v1/checkout/sessions?payment_intent={intent}"), many(vec![bought])),
        (format!("/v1/payment_intents/{intent}"), paid),
        (format!("/v1/charges/{of}"), charge),
        (format!("/v1/refunds?charge={of}"), refunds(sold, &of, true)),
        (format!("/v1/disputes?charge={of}"), many(dispute(sold, &of).into_iter().collect())),
    ]
}

fn of_subscription(sold: &Sold, period: Period) -> Vec<(String, Value)> {
    let tag = sold.tag;
    let id = format!("sub_{tag}");
    let is = |status| period.status == status;
    let status = match period.status {
        SubscriptionStatus::Renewing | SubscriptionStatus::Ending => "active",
        SubscriptionStatus::PastDue => "past_due",
        SubscriptionStatus::Ended => "canceled",
    };
    // While a payment is tried again, the period that is not paid has begun.
    let current = period.paid + u32::from(is(SubscriptionStatus::PastDue));
    let item = json!({ "id": format!("si_{tag}"), "object": "subscription_item", "price": price(sold), "quantity": sold.quantity });
    let subscription = json!({
        "id": id, "object": "subscription", "status": status, "cancel_at": null,
        "cancel_at_period_end": is(SubscriptionStatus::Ending), "current_period_start": period.end(current) - PERIOD,
        "current_period_end": period.end(current), "items": many(vec![item]), "latest_invoice": format!("in_{tag}_{current}"),
        "customer": { "id": format!("cus_{tag}"), "object": "customer", "email": sold.email, "name": "Ada Example" },
    });
    let mut answers = vec![(format!("/v1/subscriptions/{id}"), subscription)];
    let mut paid = Vec::new();
    for number in (1..=period.paid).rev() {
        let (of, intent, charged) =
            (format!("in_{tag}_{number}"), format!("pi_{tag}_{number}"), format!("ch_{tag}_{number}"));
        let charge = charge(sold, &charged, &intent, Some(&of), number == period.paid);
        let line = json!({
            "id": format!("il_{tag}_{number}"), "object": "line_item", "type": "subscription", "proration": false,
            "amount": TOTAL, "price": price(sold), "quantity": sold.quantity, "subscription_item": format!("si_{tag}"),
            "period": { "start": period.end(number) - PERIOD, "end": period.end(number) },
        });
        let invoice = json!({
            "id": of, "object": "invoice", "status": "paid", "paid": true, "amount_paid": TOTAL, "currency": "eur",
            "customer_email": sold.email, "customer_name": "Ada Example", "number": format!("A{tag}-{number:04}"),
            "subscription": id, "payment_intent": intent, "charge": charge, "lines": many(vec![line]),
        });
        answers.extend([
            (format!("/v1/invoices/{of}"), invoice.clone()),
            (format!("/v1/charges/{charged}"), charge),
            (format!("/v1/checkout/sessions?payment_intent={intent}"), many(Vec::new())),
            (
                format!("/v1/payment_intents/{intent}"),
                json!({ "id": intent, "object": "payment_intent", "invoice": of }),
            ),
            (format!("/v1/refunds?charge={charged}"), refunds(sold, &charged, number == period.paid)),
            (format!("/v1/disputes?charge={charged}"), many(dispute(sold, &charged).into_iter().collect())),
        ]);
        paid.push(invoice);
    }
    answers.push((format!("/v1/invoices?subscription={id}&status=paid"), many(paid)));
    let session = json!({
        "id": format!("cs_test_{tag}"), "object": "checkout.session", "mode": "subscription", "payment_intent": null,
        "payment_status": "paid", "subscription": id,
    });
    answers.push((format!("/v1/checkout/sessions/cs_test_{tag}"), session));
    answers
}

fn message(number: &str, kind: &str, object: &Value) -> Value {
    json!({
        "id": format!("evt_{number}"), "object": "event", "api_version": "2026-07-29.dahlia", "created": 1_767_225_600,
        "data": { "object": object }, "livemode": false, "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null }, "type": kind,
    })
}

pub fn messages(sold: &Sold) -> Vec<Value> {
    let tag = sold.tag;
    let mut told: Vec<(String, String)> = Vec::new();
    let mut say = |kind: &str, object: String| told.push((kind.to_owned(), object));
    let last = match sold.period {
        None => {
            say("payment_intent.created", format!("payment_intent pi_{tag}"));
            say("checkout.session.completed", format!("checkout.session cs_test_{tag}"));
            say("payment_intent.succeeded", format!("payment_intent pi_{tag}"));
            say("charge.succeeded", format!("charge ch_{tag}"));
            format!("charge ch_{tag}")
        }
        Some(period) => {
            say("checkout.session.completed", format!("checkout.session cs_test_{tag}"));
            say("customer.subscription.created", format!("subscription sub_{tag}"));
            for number in 1..=period.paid {
                say("invoice.paid", format!("invoice in_{tag}_{number}"));
                say("charge.succeeded", format!("charge ch_{tag}_{number}"));
            }
            if period.status == SubscriptionStatus::Ended {
                say("customer.subscription.deleted", format!("subscription sub_{tag}"));
            } else {
                say("customer.subscription.updated", format!("subscription sub_{tag}"));
            }
            format!("charge ch_{tag}_{}", period.paid)
        }
    };
    if sold.back > 0 {
        say("charge.refunded", last.clone());
    }
    if sold.dispute.is_some() {
        say("charge.dispute.created", format!("dispute {}", last.replace("charge ", "")));
    }
    say("customer.updated", format!("customer cus_{tag}"));
    let message = |(at, (kind, object)): (usize, (String, String))| {
        let (what, id) = object.split_once(' ').unwrap_or_default();
        let object = match what {
            "dispute" => json!({ "id": format!("dp_{tag}"), "object": what, "charge": id }),
            _ => json!({ "id": id, "object": what }),
        };
        message(&format!("{tag}_{at}_{}", sold.state()), &kind, &object)
    };
    told.into_iter().enumerate().map(message).collect()
}
