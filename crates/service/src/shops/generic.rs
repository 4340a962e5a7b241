//! Any other shop: its messages carry the whole sale, and a number that grows with each state of it.

use super::{Read, Told, Trouble, time};
use holdfast_domain::{
    Email, Name, Sale,
    sale::{Buyer, Dispute, Line, Payment, Subscription, SubscriptionStatus},
};
use serde::Deserialize;
use serde_json::Value;

/// The one kind of message that there is.
const TYPE: &str = "sale";

/// A message, as docs/orders.md describes it. What it does not know is refused: a misspelt member would be lost rights.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    #[serde(rename = "type")]
    _type: String,
    sequence: u64,
    sale: Described,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    id: Name,
    number: Option<Name>,
    payment: Payment,
    paid_back: Option<Name>,
    dispute: Option<Dispute>,
    #[serde(default)]
    lost: Vec<Name>,
    buyer: Option<Somebody>,
    #[serde(default)]
    lines: Vec<Piece>,
    subscription: Option<Period>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Somebody {
    email: Email,
    name: Option<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Piece {
    id: Name,
    price: Name,
    #[serde(default = "one")]
    quantity: u32,
    title: Option<Name>,
    #[serde(default)]
    renews: bool,
}

const fn one() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    status: SubscriptionStatus,
    paid_until: Value,
}

/// The sale that a message describes.
pub(super) fn read(message: &Value) -> Read<Told> {
    if message["type"] != TYPE {
        return Err(Trouble::odd("its type is not \"sale\""));
    }
    let odd = |error: serde_json::Error| Trouble::Odd(error.to_string());
    let Message { sequence, sale, .. } = Message::deserialize(message).map_err(odd)?;
    let sequence = i64::try_from(sequence).map_err(|_| Trouble::odd("the sequence is too large"))?;
    let subscription = match sale.subscription {
        Some(Period { status, paid_until }) => {
            let paid_until = time(&Value::Array(vec![paid_until]), "/0");
            let paid_until = paid_until.ok_or_else(|| Trouble::odd("paid_until is no time"))?;
            Some(Subscription { status, paid_until })
        }
        None => None,
    };
    let Described { id, number, payment, paid_back, dispute, lost, buyer, lines, .. } = sale;
    let buyer = buyer.map(|Somebody { email, name }| Buyer { email, name });
    let line = |piece: Piece| {
        let Piece { id, price, quantity, title, renews } = piece;
        Line { id, price, quantity, title, renews }
    };
    let lines = lines.into_iter().map(line).collect();
    let sale = Sale { id, number, payment, paid_back, dispute, lost, buyer, lines, subscription };
    let mut lines: Vec<&Name> = sale.lines.iter().map(|line| &line.id).collect();
    lines.sort_unstable();
    if lines.windows(2).any(|two| two[0] == two[1]) {
        return Err(Trouble::odd("two lines have the same id"));
    }
    Ok(Told { sale: Some(sale), sequence: Some(sequence) })
}
