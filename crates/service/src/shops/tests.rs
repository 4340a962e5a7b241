//! What each provider says, in each state of a sale, read from a stand-in that answers after its documentation.

use super::*;
use holdfast_domain::sale::{Subscription, SubscriptionStatus};
use holdfast_testkit::shop::{API_KEY, Sold, StandIn, TOTAL};

const UNTIL: Timestamp = Timestamp::from_seconds(1_769_904_000);
const ASKED: [ShopKind; 3] = [ShopKind::Stripe, ShopKind::Paddle, ShopKind::LemonSqueezy];

struct Wire(StandIn);

impl Ask for Wire {
    fn get(&self, url: String, headers: Vec<(&'static str, String)>) -> BoxFuture<'_, Result<Reply, String>> {
        let authorization = headers.into_iter().find(|(name, _)| *name == "authorization").map(|(_, value)| value);
        let path = url.strip_prefix("https://provider.example").unwrap().to_owned();
        let (status, body) = self.0.answer(&path, authorization.as_deref());
        Box::pin(async move { Ok(Reply { status, retry_after: None, body }) })
    }
}

fn told_with(kind: ShopKind, provider: &StandIn, key: &str, message: &Value) -> Read<Told> {
    let wire = Wire(provider.clone());
    let mut reader = Reader::new(kind, &wire, "https://provider.example/", Zeroizing::new(key.to_owned()));
    futures::executor::block_on(read(&mut reader, message))
}

fn told(kind: ShopKind, provider: &StandIn, message: &Value) -> Read<Option<Sale>> {
    told_with(kind, provider, API_KEY, message).map(|told| told.sale)
}

/// The sale that every message about `sold` leads to.
fn sale(kind: ShopKind, sold: &Sold) -> Sale {
    let provider = StandIn::default();
    provider.knows(kind, sold);
    let found: Vec<Sale> =
        sold.messages(kind).iter().filter_map(|message| told(kind, &provider, message).unwrap()).collect();
    assert!(!found.is_empty(), "{kind:?}");
    assert!(found.windows(2).all(|two| two[0] == two[1]), "{kind:?}: all messages lead to one state: {found:?}");
    found.into_iter().next().unwrap()
}

fn price(kind: ShopKind) -> &'static str {
    if kind == ShopKind::LemonSqueezy { "4711" } else { "price_editor" }
}

fn subscribed(kind: ShopKind) -> Sold {
    Sold::subscribed(3, price(kind), UNTIL)
}

#[test]
fn every_message_about_a_purchase_leads_to_the_same_sale() {
    for kind in ShopKind::ALL {
        let sold = Sold { quantity: 5, ..Sold::once(2, price(kind)) };
        let sale = sale(kind, &sold);
        assert_eq!((sale.id.as_str(), sale.payment), (sold.id(kind).as_str(), Payment::Paid), "{kind:?}");
        let buyer = sale.buyer.as_ref().unwrap();
        assert_eq!(
            (buyer.email.as_str(), buyer.name.as_ref().unwrap().as_str()),
            ("buyer2@example.com", "Ada Example")
        );
        let [line] = sale.lines.as_slice() else { panic!("{:?}", sale.lines) };
        assert_eq!((line.price.as_str(), line.quantity, line.renews), (price(kind), 5, false), "{kind:?}");
        assert_eq!((sale.paid_back, sale.dispute, sale.subscription), (None, None, None), "{kind:?}");
    }
}

#[test]
fn what_is_not_paid_yet_is_pending() {
    for kind in ShopKind::ALL {
        let sold = Sold { paid: false, ..Sold::once(2, price(kind)) };
        let provider = StandIn::default();
        provider.knows(kind, &sold);
        let messages = sold.messages(kind);
        let found = messages.iter().filter_map(|message| told(kind, &provider, message).ok().flatten());
        let payments: Vec<Payment> = found.map(|sale| sale.payment).collect();
        assert!(!payments.is_empty() && payments.iter().all(|payment| *payment == Payment::Pending), "{kind:?}");
    }
}

#[test]
fn what_was_paid_back_and_what_a_bank_took_back_is_told_apart() {
    for kind in ShopKind::ALL {
        let sold = Sold::once(2, price(kind));
        let part = sale(kind, &sold.clone().paid_back(1_000));
        assert_eq!(
            (part.payment, part.paid_back.unwrap().as_str()),
            (Payment::PaidBackInPart, "10.00 EUR"),
            "{kind:?}"
        );
        let all = sale(kind, &sold.clone().paid_back(TOTAL));
        assert_eq!((all.payment, all.paid_back.unwrap().as_str()), (Payment::PaidBack, "49.00 EUR"), "{kind:?}");
        if kind == ShopKind::LemonSqueezy {
            continue;
        }
        for (word, dispute) in [("open", Dispute::Open), ("won", Dispute::Won), ("lost", Dispute::Lost)] {
            let disputed = sale(kind, &Sold { dispute: Some(word), ..sold.clone() });
            assert_eq!((disputed.payment, disputed.dispute), (Payment::Paid, Some(dispute)), "{kind:?}");
            let names = kind != ShopKind::Generic && dispute == Dispute::Lost;
            assert_eq!(disputed.lost.len(), usize::from(names), "{kind:?}: {:?}", disputed.lost);
        }
    }
}

#[test]
fn a_subscription_is_one_sale_with_all_its_payments() {
    for kind in ShopKind::ALL {
        let first = sale(kind, &subscribed(kind));
        let until = |paid_until| Some(Subscription { status: SubscriptionStatus::Renewing, paid_until });
        assert_eq!(first.subscription, until(UNTIL), "{kind:?}");
        assert!(first.lines.len() == 1 && first.lines[0].renews, "{kind:?}: {:?}", first.lines);
        let third = sale(kind, &subscribed(kind).renewed(3));
        assert_eq!(third.subscription, until(UNTIL.plus(Seconds::days(60))), "{kind:?}");
        assert_eq!((&third.id, &third.lines), (&first.id, &first.lines), "{kind:?}");
        // The last payment counts as the whole, an earlier one does not.
        let back = sale(kind, &subscribed(kind).renewed(2).paid_back(TOTAL));
        assert_eq!(back.payment, Payment::PaidBack, "{kind:?}");
        let part = sale(kind, &subscribed(kind).renewed(2).paid_back(500));
        assert_eq!(part.payment, Payment::PaidBackInPart, "{kind:?}");
    }
}

/// The state of `sold`, whose last payment was followed by a smaller one for a change within the period; `back` of that was paid
/// back.
fn changed_within(kind: ShopKind, sold: &Sold, back: i64) -> Sale {
    let provider = StandIn::default();
    let mut answers = sold.answers(kind);
    let listed = match kind {
        ShopKind::Stripe => "/v1/invoices?",
        ShopKind::Paddle => "/transactions?",
        _ => "/v1/subscription-invoices?",
    };
    let mut refunds = Vec::new();
    let (_, list) = answers.iter_mut().find(|(path, _)| path.starts_with(listed)).unwrap();
    let mut change = list["data"][0].clone();
    match kind {
        ShopKind::Stripe => {
            change["id"] = json!("in_change");
            change["lines"]["data"][0]["type"] = json!("invoiceitem");
            change["lines"]["data"][0]["proration"] = json!(true);
            let refund = json!({ "id": "re_change", "amount": back, "status": "succeeded" });
            refunds.push(("/v1/refunds?charge=ch_change".to_owned(), json!({ "data": [refund] })));
            change["charge"] = json!({ "id": "ch_change", "object": "charge", "amount": 2_000, "amount_refunded": back,
                "currency": "eur", "paid": true, "refunded": back == 2_000, "disputed": false });
        }
        ShopKind::Paddle => {
            change["id"] = json!("txn_change");
            change["items"][0]["proration"] = json!({ "rate": "0.5" });
            change["details"]["totals"]["grand_total"] = json!("2000");
        }
        _ => {
            let new = json!({ "billing_reason": "updated", "total": 2_000, "refunded_amount": back, "refunded": back == 2_000,
                "status": if back == 2_000 { "refunded" } else { "paid" }, "created_at": "2026-02-20T00:00:00.000000Z" });
            change["attributes"].as_object_mut().unwrap().extend(new.as_object().unwrap().clone());
        }
    }
    list["data"].as_array_mut().unwrap().insert(0, change);
    answers.extend(refunds);
    if kind == ShopKind::Paddle && back > 0 {
        let (_, list) = answers.iter_mut().find(|(path, _)| path.starts_with("/adjustments?")).unwrap();
        list["data"].as_array_mut().unwrap().push(json!({ "id": "adj_change", "action": "refund", "type": "full",
            "transaction_id": "txn_change", "status": "approved", "totals": { "total": back.to_string() } }));
    }
    provider.says(answers);
    told(kind, &provider, &sold.messages(kind)[0]).unwrap().unwrap()
}

#[test]
fn a_change_within_a_period_that_is_paid_back_ends_no_subscription() {
    for kind in ASKED {
        for paid in [1, 2] {
            let sold = subscribed(kind).renewed(paid);
            let small = changed_within(kind, &sold, 2_000);
            assert_eq!(
                (small.payment, small.paid_back.unwrap().as_str()),
                (Payment::PaidBackInPart, "20.00 EUR"),
                "{kind:?} after {paid}"
            );
            let whole = changed_within(kind, &sold.paid_back(TOTAL), 0);
            assert_eq!(whole.payment, Payment::PaidBack, "{kind:?} after {paid}: the period itself");
        }
    }
}

/// The state of `sold` with another answer at a path that begins so.
fn answered(kind: ShopKind, sold: &Sold, begins: &str, answer: Value) -> Read<Option<Sale>> {
    let provider = StandIn::default();
    let mut answers = sold.answers(kind);
    answers.iter_mut().find(|(path, _)| path.starts_with(begins)).unwrap().1 = answer;
    provider.says(answers);
    let messages = sold.messages(kind);
    told(kind, &provider, &messages[1 % messages.len()])
}

#[test]
fn a_refund_at_stripe_counts_once_it_is_through() {
    let kind = ShopKind::Stripe;
    for sold in [Sold::once(3, price(kind)), subscribed(kind).renewed(2)] {
        let sold = sold.paid_back(TOTAL);
        let refunds = |statuses: &[(i64, Value)]| {
            let refund = |(amount, status): &(i64, Value)| json!({ "id": "re_1", "amount": amount, "status": status });
            json!({ "object": "list", "has_more": false, "data": statuses.iter().map(refund).collect::<Vec<_>>() })
        };
        let read = |statuses: &[(i64, Value)]| answered(kind, &sold, "/v1/refunds?", refunds(statuses));
        let money = |statuses: &[(i64, Value)]| {
            let sale = read(statuses).unwrap().unwrap();
            (sale.payment, sale.paid_back.map(|amount| amount.to_string()))
        };
        for status in ["pending", "requires_action", "failed", "canceled"] {
            assert_eq!(money(&[(TOTAL, json!(status))]), (Payment::Paid, None), "{status}");
            let both = [(1_000, json!("succeeded")), (TOTAL - 1_000, json!(status))];
            assert_eq!(money(&both), (Payment::PaidBackInPart, Some("10.00 EUR".to_owned())), "{status}");
        }
        for status in [json!("succeeded"), Value::Null] {
            assert_eq!(money(&[(TOTAL, status)]), (Payment::PaidBack, Some("49.00 EUR".to_owned())));
        }
        assert!(matches!(read(&[(TOTAL, json!("perhaps"))]), Err(Trouble::Odd(_))));
    }
}

#[test]
fn a_chargeback_at_paddle_stands_until_it_is_taken_back_itself() {
    let (kind, sold) = (ShopKind::Paddle, Sold::once(3, price(ShopKind::Paddle)));
    let read = |adjustments: &[(&str, &str)]| {
        let adjustment = |(at, (action, status)): (usize, &(&str, &str))| {
            json!({ "id": format!("adj_{at}"), "action": action, "status": status, "type": "full",
                "transaction_id": "txn_03", "totals": { "total": TOTAL.to_string() } })
        };
        let data: Vec<Value> = adjustments.iter().enumerate().map(adjustment).collect();
        answered(kind, &sold, "/adjustments?", json!({ "data": data }))
    };
    let dispute = |adjustments: &[(&str, &str)]| {
        let sale = read(adjustments).unwrap().unwrap();
        assert_eq!(sale.payment, Payment::Paid, "{adjustments:?}");
        (sale.dispute, sale.lost.len())
    };
    let (one, back) = ("chargeback", "chargeback_reverse");
    for (adjustments, stands) in [
        (vec![(one, "approved")], (Some(Dispute::Lost), 1)),
        (vec![(one, "reversed"), (back, "approved")], (Some(Dispute::Won), 0)),
        (vec![(one, "approved"), (back, "approved")], (Some(Dispute::Won), 0)),
        (vec![(one, "reversed"), (back, "approved"), (one, "approved")], (Some(Dispute::Lost), 1)),
        (vec![("chargeback_warning", "approved")], (Some(Dispute::Open), 0)),
        (vec![("chargeback_warning", "reversed")], (Some(Dispute::Won), 0)),
        (vec![("chargeback_warning", "approved"), ("chargeback_warning_reverse", "approved")], (Some(Dispute::Won), 0)),
        (vec![("refund", "pending_approval"), ("refund", "rejected"), ("credit", "approved")], (None, 0)),
        (vec![("credit", "reversed"), ("credit_reverse", "approved")], (None, 0)),
    ] {
        assert_eq!(dispute(&adjustments), stands, "{adjustments:?}");
    }
    for odd in [("refund", "perhaps"), ("surprise", "approved")] {
        assert!(matches!(read(&[odd]), Err(Trouble::Odd(_))), "{odd:?}");
    }
}

#[test]
fn adjustments_of_more_than_one_page_are_read_to_their_end() {
    let (kind, sold) = (ShopKind::Paddle, Sold::once(3, price(ShopKind::Paddle)));
    let page = |from: usize, more: bool| {
        let credit = |n: usize| {
            json!({ "id": format!("adj_{n}"), "action": if n == 50 { "chargeback" } else { "credit" }, "status": "approved",
                "transaction_id": "txn_03", "totals": { "total": "1" } })
        };
        let data: Vec<Value> = (from..from + 50).map(credit).collect();
        json!({ "data": data, "meta": { "pagination": { "has_more": more } } })
    };
    let provider = StandIn::default();
    let mut answers = sold.answers(kind);
    answers.iter_mut().find(|(path, _)| path.starts_with("/adjustments?")).unwrap().1 = page(0, true);
    let next = "/adjustments?transaction_id=txn_03&after=adj_49".to_owned();
    answers.push((next, page(50, false)));
    provider.says(answers.clone());
    let read = told(kind, &provider, &sold.messages(kind)[0]).unwrap().unwrap();
    assert_eq!(read.dispute, Some(Dispute::Lost));
    // What never ends is for a person.
    answers.last_mut().unwrap().1 = page(0, true);
    provider.says(answers);
    assert!(matches!(told(kind, &provider, &sold.messages(kind)[0]), Err(Trouble::Odd(_))));
}

#[test]
fn what_went_back_in_parts_at_lemon_squeezy_is_the_whole_in_the_end() {
    let order = "/v1/orders/700003";
    let set =
        |path: &'static str, at: &'static str, member: &str, value: Value| (path, format!("{at}/{member}"), value);
    let parts = |path, at| {
        [
            set(path, at, "status", json!("partial_refund")),
            set(path, at, "refunded", json!(false)),
            set(path, at, "refunded_amount", json!(TOTAL)),
        ]
    };
    let read = |sold: &Sold, changes: [(&'static str, String, Value); 3]| {
        let changes: Vec<_> =
            changes.iter().map(|(path, member, value)| (*path, member.as_str(), value.clone())).collect();
        squeezed(sold, &changes)
    };
    let bought = Sold::once(3, price(ShopKind::LemonSqueezy));
    let sale = read(&bought, parts(order, "/data/attributes"));
    assert_eq!((sale.payment, sale.paid_back.unwrap().as_str()), (Payment::PaidBack, "49.00 EUR"));
    // The first payment of a subscription is the order's: it counts once, wherever it stands.
    let (first, invoices) =
        (subscribed(ShopKind::LemonSqueezy), "/v1/subscription-invoices?filter[subscription_id]=900003");
    for changes in [parts(order, "/data/attributes"), parts(invoices, "/data/0/attributes")] {
        let sale = read(&first, changes);
        assert_eq!((sale.payment, sale.paid_back.unwrap().as_str()), (Payment::PaidBack, "49.00 EUR"));
    }
    let sale = read(&first.clone().paid_back(TOTAL), parts(invoices, "/data/0/attributes"));
    assert_eq!((sale.payment, sale.paid_back.unwrap().as_str()), (Payment::PaidBack, "49.00 EUR"));
}

#[test]
fn an_invoice_of_more_lines_than_it_comes_with_is_read_to_its_end() {
    let (kind, sold) = (ShopKind::Stripe, subscribed(ShopKind::Stripe).renewed(2));
    let provider = StandIn::default();
    let mut answers = sold.answers(kind);
    let (_, listed) = answers.iter_mut().find(|(path, _)| path.starts_with("/v1/invoices?")).unwrap();
    let period = listed["data"][0]["lines"]["data"][0].clone();
    let settled = |n: usize| {
        let mut line = period.clone();
        line["id"] = json!(format!("il_settled_{n}"));
        (line["type"], line["proration"]) = (json!("invoiceitem"), json!(true));
        line
    };
    let settled: Vec<Value> = (0..110).map(settled).collect();
    listed["data"][0]["lines"] = json!({ "object": "list", "has_more": true, "data": settled[..10] });
    let lines = "/v1/invoices/in_3_2/lines";
    answers.extend([
        (lines.to_owned(), json!({ "object": "list", "has_more": true, "data": settled[..100] })),
        (
            format!("{lines}?starting_after=il_settled_99"),
            json!({ "object": "list", "has_more": false, "data": ([settled[100..].to_vec(), vec![period]].concat()) }),
        ),
    ]);
    provider.says(answers.clone());
    let read = told(kind, &provider, &sold.messages(kind)[0]).unwrap().unwrap();
    assert_eq!(read.subscription.unwrap().paid_until, UNTIL.plus(Seconds::days(30)));
    // One that never ends is for a person.
    answers.last_mut().unwrap().1 = json!({ "object": "list", "has_more": true, "data": settled[..100] });
    provider.says(answers);
    assert!(matches!(told(kind, &provider, &sold.messages(kind)[0]), Err(Trouble::Odd(_))));
}

#[test]
fn until_when_a_subscription_was_paid_for_does_not_move_while_a_payment_is_tried_again() {
    use SubscriptionStatus as S;
    for kind in ShopKind::ALL {
        for status in [S::Renewing, S::PastDue, S::Ending, S::Ended] {
            let standing = sale(kind, &subscribed(kind).renewed(2).now(status)).subscription.unwrap();
            assert_eq!(standing, Subscription { status, paid_until: UNTIL.plus(Seconds::days(30)) }, "{kind:?}");
        }
    }
}

/// The state of `sold` at Lemon Squeezy with some members of its answers set anew.
fn squeezed(sold: &Sold, changes: &[(&str, &str, Value)]) -> Sale {
    let (kind, provider) = (ShopKind::LemonSqueezy, StandIn::default());
    let mut answers = sold.answers(kind);
    for (path, member, value) in changes {
        let (_, answer) = answers.iter_mut().find(|(at, _)| at == path).unwrap();
        *answer.pointer_mut(member).unwrap() = value.clone();
    }
    provider.says(answers);
    told(kind, &provider, &sold.messages(kind)[0]).unwrap().unwrap()
}

#[test]
fn a_pause_ends_what_nobody_pays_for_unless_it_is_given() {
    use SubscriptionStatus as S;
    let sold = subscribed(ShopKind::LemonSqueezy).renewed(2);
    let (paid_until, moved) = (UNTIL.plus(Seconds::days(30)), UNTIL.plus(Seconds::days(60)));
    let listed = "/v1/subscriptions?filter[order_id]=700003";
    let paused = |mode: &str, renews_at: Timestamp| {
        let at = |member: &str| format!("/data/0/attributes/{member}");
        let mut changes = vec![
            (listed, at("status"), json!("paused")),
            (listed, at("pause"), json!({ "mode": mode, "resumes_at": null })),
            (listed, at("renews_at"), json!(renews_at.seconds().0)),
        ];
        if renews_at == moved {
            // The period that nobody pays for was voided when it began.
            let voided = &sold.clone().now(S::PastDue).answers(ShopKind::LemonSqueezy);
            let path = "/v1/subscription-invoices?filter[subscription_id]=900003";
            let mut invoices = voided.iter().find(|(at, _)| at == path).unwrap().1["data"].clone();
            invoices[0]["attributes"]["status"] = json!("void");
            changes.push((path, "/data".to_owned(), invoices));
        }
        let changes: Vec<_> =
            changes.iter().map(|(path, member, value)| (*path, member.as_str(), value.clone())).collect();
        squeezed(&sold, &changes).subscription.unwrap()
    };
    let until = |status, paid_until| Subscription { status, paid_until };
    assert_eq!(paused("free", moved), until(S::Renewing, moved));
    assert_eq!(paused("void", paid_until), until(S::Ending, paid_until));
    assert_eq!(paused("void", moved), until(S::Ending, paid_until), "the next period has begun, and is not paid");
}

#[test]
fn what_a_provider_calls_fraudulent_is_a_dispute_that_was_lost() {
    let sold = Sold::once(2, price(ShopKind::LemonSqueezy));
    let sale = squeezed(&sold, &[("/v1/orders/700002", "/data/attributes/status", json!("fraudulent"))]);
    assert_eq!((sale.payment, sale.dispute), (Payment::Paid, Some(Dispute::Lost)));
}

#[test]
fn a_payment_of_which_nobody_says_what_was_bought_has_no_lines() {
    let provider = StandIn::default();
    let charge = json!({
        "id": "ch_9", "object": "charge", "amount": 100, "amount_refunded": 0, "currency": "jpy", "paid": true,
        "refunded": false, "disputed": false, "payment_intent": "pi_9", "invoice": null,
        "billing_details": { "email": null, "name": null }, "receipt_email": "who@example.com",
    });
    let intent = json!({ "id": "pi_9", "object": "payment_intent", "status": "succeeded", "latest_charge": charge, "invoice": null });
    provider.says(vec![
        ("/v1/charges/ch_9".to_owned(), charge),
        ("/v1/checkout/sessions?payment_intent=pi_9".to_owned(), json!({ "data": [] })),
        ("/v1/payment_intents/pi_9".to_owned(), intent),
    ]);
    for object in [json!({ "object": "charge", "id": "ch_9" }), json!({ "object": "payment_intent", "id": "pi_9" })] {
        let sale = told(ShopKind::Stripe, &provider, &json!({ "data": { "object": object } })).unwrap().unwrap();
        assert_eq!((sale.id.as_str(), sale.payment, sale.lines.len()), ("pi_9", Payment::Paid, 0));
        assert_eq!(sale.buyer.unwrap().email.as_str(), "who@example.com");
    }
}

#[test]
fn what_was_sold_once_along_with_a_subscription_is_a_line_of_its_own() {
    let sold = subscribed(ShopKind::Paddle);
    let provider = StandIn::default();
    let mut answers = sold.answers(ShopKind::Paddle);
    let once = json!({ "price": { "id": "pri_book", "billing_cycle": null, "name": "Handbook" }, "quantity": 1, "proration": null });
    let (_, listed) = answers.iter_mut().find(|(path, _)| path.starts_with("/transactions?")).unwrap();
    listed["data"][0]["items"].as_array_mut().unwrap().push(once);
    provider.says(answers);
    let sale = told(ShopKind::Paddle, &provider, &sold.messages(ShopKind::Paddle)[0]).unwrap().unwrap();
    let lines: Vec<_> = sale.lines.iter().map(|line| (line.id.as_str(), line.price.as_str(), line.renews)).collect();
    assert_eq!(lines, [("price_editor", "price_editor", true), ("txn_03_1/pri_book", "pri_book", false)]);
}

#[test]
fn a_first_transaction_waits_for_its_subscription() {
    let provider = StandIn::default();
    let price = json!({ "id": "pri_1", "billing_cycle": { "interval": "year", "frequency": 1 } });
    let transaction = json!({ "data": { "id": "txn_1", "status": "paid", "subscription_id": null,
        "items": [{ "price": price, "quantity": 1 }] } });
    provider.says(vec![("/transactions/txn_1".to_owned(), transaction)]);
    let message = json!({ "event_type": "transaction.paid", "data": { "id": "txn_1" } });
    assert_eq!(told(ShopKind::Paddle, &provider, &message), Ok(None));
}

#[test]
fn what_is_about_no_sale_is_passed_over_and_what_makes_no_sense_is_for_a_person() {
    let provider = StandIn::default();
    for (kind, message) in [
        (ShopKind::Stripe, json!({ "data": { "object": { "object": "customer", "id": "cus_1" } } })),
        (ShopKind::Stripe, json!({ "data": { "object": { "object": "invoice", "subscription": "sub_1" } } })),
        (ShopKind::Paddle, json!({ "event_type": "product.updated", "data": { "id": "pro_1" } })),
        (ShopKind::LemonSqueezy, json!({ "data": { "type": "license-keys", "id": "1", "attributes": {} } })),
    ] {
        assert_eq!(told(kind, &provider, &message), Ok(None), "{message}");
    }
    let hostile = "../../v1/accounts?limit=1";
    for (kind, message) in [
        (ShopKind::Stripe, json!({ "data": {} })),
        (ShopKind::Stripe, json!({ "data": { "object": { "object": "charge", "id": hostile } } })),
        (ShopKind::Stripe, json!({ "data": { "object": { "object": "charge", "id": "ch_nobody" } } })),
        (ShopKind::Paddle, json!({ "event_type": "transaction.paid", "data": { "id": hostile } })),
        (ShopKind::LemonSqueezy, json!({ "data": { "type": "orders", "id": hostile } })),
        (ShopKind::Generic, json!({ "type": "refund", "sequence": 1, "sale": {} })),
        (ShopKind::Generic, json!({ "type": "sale", "sequence": 1, "sale": { "id": "1", "payment": "perhaps" } })),
        (ShopKind::Generic, json!({ "type": "sale", "sequence": -1, "sale": { "id": "1", "payment": "paid" } })),
        (
            ShopKind::Generic,
            json!({ "type": "sale", "sequence": 1, "sale": { "id": "1", "payment": "paid", "line": [] } }),
        ),
    ] {
        assert!(matches!(told(kind, &provider, &message), Err(Trouble::Odd(_))), "{message}");
    }
    assert!(provider.asked().iter().all(|path| !path.contains("accounts")), "{:?}", provider.asked());
    // A status that nobody knows is not taken for one of those that are known.
    for (kind, path, member) in [
        (ShopKind::Stripe, "/v1/subscriptions/sub_3", "/status"),
        (ShopKind::Paddle, "/subscriptions/sub_03", "/data/status"),
        (ShopKind::LemonSqueezy, "/v1/orders/700003", "/data/attributes/status"),
    ] {
        let sold = subscribed(kind);
        let mut answers = sold.answers(kind);
        *answers.iter_mut().find(|(at, _)| at == path).unwrap().1.pointer_mut(member).unwrap() = json!("hibernating");
        provider.says(answers);
        let message = &sold.messages(kind)[0];
        let message = if kind == ShopKind::LemonSqueezy { message } else { &sold.messages(kind)[1] };
        let found = told(kind, &provider, message);
        assert!(matches!(&found, Err(Trouble::Odd(why)) if why.contains("hibernating")), "{kind:?}: {found:?}");
    }
}

#[test]
fn a_provider_that_does_not_answer_is_asked_again_later() {
    for kind in ASKED {
        let sold = Sold::once(2, price(kind));
        let provider = StandIn::default();
        provider.knows(kind, &sold);
        let message = &sold.messages(kind)[1 % sold.messages(kind).len()];
        let message = if kind == ShopKind::LemonSqueezy { &sold.messages(kind)[0] } else { message };
        for status in [500, 503, 429, 302] {
            provider.fails_with(Some(status));
            let found = told(kind, &provider, message);
            assert!(
                matches!(&found, Err(Trouble::Later { why, .. }) if why.contains(&status.to_string())),
                "{found:?}"
            );
        }
        provider.fails_with(None);
        for key in ["", "sk_of_somebody_else"] {
            assert!(matches!(told_with(kind, &provider, key, message), Err(Trouble::Later { .. })), "{kind:?}");
        }
        assert!(told(kind, &provider, message).unwrap().is_some());
    }
}

#[test]
fn a_message_has_the_name_that_its_provider_gives_it() {
    let header = |name: &str| (name == "webhook-id").then(|| "msg_1".to_owned());
    let stamp = |kind, body: Value| super::stamp(kind, &header, body.to_string().as_bytes());
    let named = |id: &str, topic: &str| Some(Stamp { id: id.to_owned(), topic: topic.to_owned() });
    assert_eq!(
        stamp(ShopKind::Stripe, json!({ "id": "evt_1", "type": "invoice.paid" })),
        named("evt_1", "invoice.paid")
    );
    let paddle = json!({ "event_id": "evt_01", "event_type": "transaction.paid", "notification_id": "ntf_01" });
    assert_eq!(stamp(ShopKind::Paddle, paddle), named("evt_01", "transaction.paid"));
    let [one, other] = [1, 2].map(|n| json!({ "meta": { "event_name": "order_created" }, "data": { "id": n } }));
    let first = stamp(ShopKind::LemonSqueezy, one.clone()).unwrap();
    assert!(first.id.len() == 64 && first.topic == "order_created");
    assert_eq!(stamp(ShopKind::LemonSqueezy, one), Some(first.clone()));
    assert_ne!(stamp(ShopKind::LemonSqueezy, other), Some(first));
    assert_eq!(stamp(ShopKind::Generic, json!({ "type": "sale" })), named("msg_1", "sale"));
    for wrong in
        [json!({}), json!([]), json!({ "id": "a b", "type": "x" }), json!({ "id": "x".repeat(201), "type": "x" })]
    {
        assert_eq!(stamp(ShopKind::Stripe, wrong.clone()), None, "{wrong}");
    }
    assert_eq!(super::stamp(ShopKind::Stripe, &header, b"not json"), None);
}

#[test]
fn amounts_are_written_as_people_do() {
    for (minor, currency, text) in
        [(4_900, "eur", "49.00 EUR"), (5, "USD", "0.05 USD"), (4_900, "jpy", "4900 JPY"), (1_500, "kwd", "1.500 KWD")]
    {
        assert_eq!(money(minor, currency).unwrap(), text);
    }
    for wrong in ["", "euro", "€", "e1r"] {
        assert!(money(1, wrong).is_err(), "{wrong}");
    }
}
