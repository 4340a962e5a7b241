//! Stripe: Checkout, Payment Links, invoices and subscriptions.
//!
//! A message names an object; the sale is found from there. A subscription is one sale with all its invoices; every other
//! sale is one payment, or one invoice. The version of the API is fixed, so that what is read has one shape whatever the
//! vendor's account is set to.

use super::{
    Money, Read, Reader, Trouble, buyer, clean, id, list, named, quantity, short, text, time, whole, word, worse,
};
use holdfast_domain::{
    Sale, Timestamp,
    sale::{Dispute, Line, Payment, Subscription, SubscriptionStatus},
};
use serde_json::Value;

/// The version whose charges name their invoice and whose subscriptions name their period.
pub(super) const VERSION: &str = "2025-02-24.acacia";
/// How often the lines of one invoice are read on, a hundred each time: more than any invoice has.
const MOST_PAGES: usize = 20;

/// The sale that a message is about, where it is about one.
pub(super) async fn read(reader: &mut Reader<'_>, message: &Value) -> Read<Option<Sale>> {
    let object = message.pointer("/data/object").ok_or_else(|| Trouble::odd("/data/object is missing"))?;
    let kind = word(object, "/object")?;
    // What is to come is no invoice yet, and has no id.
    if kind == "invoice" && object.get("id").is_none() {
        return Ok(None);
    }
    match kind {
        "checkout.session" => session(reader, &named(object, "/id")?).await,
        "invoice" => invoice(reader, &named(object, "/id")?).await.map(Some),
        "subscription" => subscription(reader, &named(object, "/id")?).await.map(Some),
        "payment_intent" => intent(reader, &named(object, "/id")?).await,
        "charge" => charge(reader, &named(object, "/id")?).await,
        "refund" | "dispute" => match id(object, "/charge") {
            Some(of) => charge(reader, &of).await,
            None => intent(reader, &named(object, "/payment_intent")?).await,
        },
        _ => Ok(None),
    }
}

/// A purchase by Checkout or by a Payment Link.
async fn session(reader: &mut Reader<'_>, of: &str) -> Read<Option<Sale>> {
    let session = reader.get(&format!("/v1/checkout/sessions/{of}?expand[]=payment_intent.latest_charge")).await?;
    if let Some(of) = id(&session, "/subscription") {
        return subscription(reader, &of).await.map(Some);
    }
    if text(&session, "/mode") != Some("payment") {
        return Ok(None);
    }
    let money = match word(&session, "/payment_status")? {
        "paid" | "no_payment_required" => {
            standing(reader, session.pointer("/payment_intent/latest_charge").unwrap_or(&Value::Null)).await?
        }
        "unpaid" => Money::pending(),
        other => return Err(Trouble::Odd(format!("the payment's status is {other}"))),
    };
    let lines = reader.get(&format!("/v1/checkout/sessions/{of}/line_items?limit=100")).await?;
    let email = text(&session, "/customer_details/email").or(text(&session, "/customer_email"));
    let buyer = buyer(email, text(&session, "/customer_details/name"));
    let lines = list(&lines, "/data").iter().map(|line| bought(line, false)).collect::<Read<_>>()?;
    let of = id(&session, "/payment_intent").unwrap_or_else(|| of.to_owned());
    money.sale(&of, buyer, lines).map(Some)
}

/// The purchase by Checkout that a payment was made for, where it was one.
async fn session_of(reader: &mut Reader<'_>, intent: &str) -> Read<Option<Sale>> {
    let sessions = reader.get(&format!("/v1/checkout/sessions?payment_intent={intent}&limit=1")).await?;
    match id(&sessions, "/data/0/id") {
        Some(of) => session(reader, &of).await,
        None => Ok(None),
    }
}

/// A payment, of whatever.
async fn intent(reader: &mut Reader<'_>, of: &str) -> Read<Option<Sale>> {
    if let Some(sale) = session_of(reader, of).await? {
        return Ok(Some(sale));
    }
    let intent = reader.get(&format!("/v1/payment_intents/{of}?expand[]=latest_charge")).await?;
    if let Some(of) = id(&intent, "/invoice") {
        return invoice(reader, &of).await.map(Some);
    }
    let charge = intent.pointer("/latest_charge").unwrap_or(&Value::Null);
    let money = match text(&intent, "/status") {
        Some("succeeded") => standing(reader, charge).await?,
        _ => Money::pending(),
    };
    unknown(of, charge, money).map(Some)
}

/// A charge, of whatever.
async fn charge(reader: &mut Reader<'_>, of: &str) -> Read<Option<Sale>> {
    let charge = reader.get(&format!("/v1/charges/{of}")).await?;
    if let Some(of) = id(&charge, "/payment_intent") {
        return intent(reader, &of).await;
    }
    if let Some(of) = id(&charge, "/invoice") {
        return invoice(reader, &of).await.map(Some);
    }
    let money = if charge["paid"] == true { standing(reader, &charge).await? } else { Money::pending() };
    unknown(of, &charge, money).map(Some)
}

/// A payment of which nobody says what was bought.
fn unknown(of: &str, charge: &Value, money: Money) -> Read<Sale> {
    let email = text(charge, "/billing_details/email").or(text(charge, "/receipt_email"));
    money.sale(of, buyer(email, text(charge, "/billing_details/name")), Vec::new())
}

/// An invoice: of a subscription, of a purchase by Checkout that asked for one, or by itself.
async fn invoice(reader: &mut Reader<'_>, of: &str) -> Read<Sale> {
    let invoice = reader.get(&format!("/v1/invoices/{of}?expand[]=charge")).await?;
    if let Some(of) = id(&invoice, "/subscription") {
        return subscription(reader, &of).await;
    }
    if let Some(of) = id(&invoice, "/payment_intent")
        && let Some(sale) = session_of(reader, &of).await?
    {
        return Ok(sale);
    }
    let money = match word(&invoice, "/status")? {
        "paid" => standing(reader, invoice.pointer("/charge").unwrap_or(&Value::Null)).await?,
        "draft" | "open" | "void" | "uncollectible" => Money::pending(),
        other => return Err(Trouble::Odd(format!("the invoice is {other}"))),
    };
    let buyer = buyer(text(&invoice, "/customer_email"), text(&invoice, "/customer_name"));
    let lines = lines_of(reader, &invoice).await?;
    let lines = lines.iter().map(|line| bought(line, false)).collect::<Read<_>>()?;
    Ok(Sale { number: short(text(&invoice, "/number")), ..money.sale(of, buyer, lines)? })
}

/// The lines of an invoice. It comes with the first few of them, and says whether there are more.
async fn lines_of(reader: &mut Reader<'_>, invoice: &Value) -> Read<Vec<Value>> {
    if invoice.pointer("/lines/has_more") != Some(&Value::Bool(true)) {
        return Ok(list(invoice, "/lines/data").to_vec());
    }
    let path = format!("/v1/invoices/{}/lines?limit=100", named(invoice, "/id")?);
    let mut lines: Vec<Value> = Vec::new();
    for _ in 0..MOST_PAGES {
        let after = match lines.last() {
            Some(last) => format!("&starting_after={}", named(last, "/id")?),
            None => String::new(),
        };
        let page = reader.get(&format!("{path}{after}")).await?;
        lines.extend_from_slice(list(&page, "/data"));
        if page["has_more"] != true {
            return Ok(lines);
        }
    }
    Err(Trouble::odd("the lines of an invoice do not end"))
}

/// A subscription, with every invoice of it that was paid.
async fn subscription(reader: &mut Reader<'_>, of: &str) -> Read<Sale> {
    let subscription = reader.get(&format!("/v1/subscriptions/{of}?expand[]=customer")).await?;
    let paid = format!("/v1/invoices?subscription={of}&status=paid&limit=100&expand[]=data.charge");
    let paid = reader.get(&paid).await?;
    let paid = list(&paid, "/data");
    let mut lines = Vec::with_capacity(paid.len());
    for invoice in paid {
        lines.push(lines_of(reader, invoice).await?);
    }
    let all = || lines.iter().flatten();
    let until = all().filter(|line| is_period(line)).filter_map(|line| time(line, "/period/end")).max();
    let with_charge = || paid.iter().zip(&lines).filter(|(paid, _)| paid["charge"].is_object());
    let charges: Vec<&Value> = with_charge().map(|(paid, _)| &paid["charge"]).collect();
    // What was paid for a change within a period may go back without an end to the period.
    let last = with_charge().find(|(_, lines)| lines.iter().any(is_period)).map(|(paid, _)| &paid["charge"]);
    let money = if until.is_some() { standing_of(reader, &charges, last).await? } else { Money::pending() };
    let newest = paid.first().unwrap_or(&Value::Null);
    let email = text(&subscription, "/customer/email").or(text(newest, "/customer_email"));
    let name = text(&subscription, "/customer/name").or(text(newest, "/customer_name"));
    let items = list(&subscription, "/items/data").iter().map(|item| bought(item, true));
    let once = all().filter(|line| is_once(line)).map(|line| bought(line, false));
    let bought = items.chain(once).collect::<Read<_>>()?;
    let standing = match until {
        Some(paid_until) => Some(Subscription { status: status(&subscription, paid_until)?, paid_until }),
        None => None,
    };
    Ok(Sale { subscription: standing, ..money.sale(of, buyer(email, name), bought)? })
}

/// Whether a line of an invoice pays for a period of the subscription, and is no settlement of a change within one.
fn is_period(line: &Value) -> bool {
    text(line, "/type") == Some("subscription") && line["proration"] != true
}

/// Whether it pays for something that was sold once along with the subscription.
fn is_once(line: &Value) -> bool {
    let is = |pointer, word| text(line, pointer) == Some(word);
    is("/type", "invoiceitem") && is("/price/type", "one_time") && line["proration"] != true
}

fn status(subscription: &Value, paid_until: Timestamp) -> Read<SubscriptionStatus> {
    let cancelled = subscription["cancel_at_period_end"] == true
        || time(subscription, "/cancel_at").is_some_and(|end| end <= paid_until);
    Ok(match word(subscription, "/status")? {
        "active" | "trialing" if cancelled => SubscriptionStatus::Ending,
        "active" | "trialing" => SubscriptionStatus::Renewing,
        "past_due" => SubscriptionStatus::PastDue,
        "paused" => SubscriptionStatus::Ending,
        "unpaid" | "canceled" | "incomplete" | "incomplete_expired" => SubscriptionStatus::Ended,
        other => return Err(Trouble::Odd(format!("the subscription is {other}"))),
    })
}

/// A line of Checkout or of an invoice, or an item of a subscription.
fn bought(line: &Value, renews: bool) -> Read<Line> {
    let of = named(line, "/id")?;
    // What was charged without a price has none that could be any plan's.
    let price = id(line, "/price").unwrap_or_else(|| of.clone());
    Ok(Line {
        id: clean("the line", &of)?,
        price: clean("the price", &price)?,
        quantity: quantity(whole(line, "/quantity"))?,
        title: short(text(line, "/description").or(text(line, "/price/nickname"))),
        renews,
    })
}

/// What became of the money of one payment that was made; nothing had to be paid where there is no charge.
async fn standing(reader: &mut Reader<'_>, charge: &Value) -> Read<Money> {
    if charge.is_object() { standing_of(reader, &[charge], Some(charge)).await } else { Ok(Money::of(Payment::Paid)) }
}

/// The same of several. Whether all of it was paid back is what `last` says.
async fn standing_of(reader: &mut Reader<'_>, charges: &[&Value], last: Option<&Value>) -> Read<Money> {
    let Some(newest) = charges.first() else { return Ok(Money::of(Payment::Paid)) };
    let (mut back, mut is_whole, mut dispute, mut losses) = (0, false, None, Vec::new());
    for charge in charges {
        let gone = refunded(reader, charge).await?;
        back += gone;
        // A refund that is not through yet, or was not, is none.
        is_whole |=
            last == Some(*charge) && charge["refunded"] == true && Some(gone) >= whole(charge, "/amount_refunded");
        let stands = disputed(reader, charge).await?;
        if stands == Some(Dispute::Lost) {
            losses.push(clean("the charge", &named(charge, "/id")?)?);
        }
        dispute = worse(dispute, stands);
    }
    Money::paid(is_whole, back, word(newest, "/currency")?).map(|money| Money { dispute, lost: losses, ..money })
}

/// How much of a charge has gone back. The charge counts a refund as soon as somebody asks for it; it may fail days later,
/// or be cancelled.
async fn refunded(reader: &mut Reader<'_>, charge: &Value) -> Read<i64> {
    if whole(charge, "/amount_refunded").unwrap_or(0) == 0 {
        return Ok(0);
    }
    let refunds = reader.get(&format!("/v1/refunds?charge={}&limit=100", named(charge, "/id")?)).await?;
    if refunds["has_more"] == true {
        return Err(Trouble::odd("the refunds of a charge do not end"));
    }
    let mut back = 0;
    for refund in list(&refunds, "/data") {
        match text(refund, "/status") {
            // The oldest have none.
            None | Some("succeeded") => back += whole(refund, "/amount").unwrap_or(0),
            Some("pending" | "requires_action" | "failed" | "canceled") => {}
            Some(other) => return Err(Trouble::Odd(format!("the refund is {other}"))),
        }
    }
    Ok(back)
}

/// How disputes about a charge stand.
async fn disputed(reader: &mut Reader<'_>, charge: &Value) -> Read<Option<Dispute>> {
    if charge["disputed"] != true {
        return Ok(None);
    }
    let disputes = reader.get(&format!("/v1/disputes?charge={}&limit=100", named(charge, "/id")?)).await?;
    let mut all = None;
    for dispute in list(&disputes, "/data") {
        let one = match word(dispute, "/status")? {
            "lost" => Dispute::Lost,
            "won" | "warning_closed" | "prevented" => Dispute::Won,
            "needs_response" | "under_review" | "warning_needs_response" | "warning_under_review" => Dispute::Open,
            other => return Err(Trouble::Odd(format!("the dispute is {other}"))),
        };
        all = worse(all, Some(one));
    }
    Ok(all)
}
