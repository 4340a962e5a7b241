//! The vendor's side: a product, a plan, a refund, and a server whose clock is some days ahead.

use crate::Failure;
use crate::client::faketime_variables;
use holdfast_testkit::installation::{Installation, Running};
use serde_json::{Value, json};

/// Starts the server; its clock is so many days ahead.
pub fn start(installation: &Installation, days: u32) -> Result<Running, Failure> {
    let variables = if days > 0 { faketime_variables(days)?.to_vec() } else { Vec::new() };
    installation.start(|command| {
        command.envs(variables);
    })
}

/// Makes the product and its one plan, and returns the product's id.
pub fn make_product(installation: &Installation) -> Result<String, Failure> {
    let product = installation.api("POST", "/products", &json!({"name": "Example Studio", "code": "studio"}))?;
    let id = product["id"].as_str().ok_or("the product has no id")?.to_owned();
    let terms = json!({"model": "perpetual", "seats": 2, "entitlements": {"export.pdf": true, "projects": 25}});
    let plan = json!({"product": id, "name": "Professional", "code": "pro", "terms": terms});
    installation.api("POST", "/plans", &plan)?;
    Ok(id)
}

/// Refunds the order with this reference.
pub fn refund(installation: &Installation, reference: &str) -> Result<Value, Failure> {
    let found = installation.api("GET", &format!("/orders?q={reference}"), &Value::Null)?;
    let order = found["items"]
        .as_array()
        .and_then(|orders| orders.iter().find(|order| order["reference"] == reference))
        .ok_or_else(|| format!("no order {reference} in {found}"))?;
    let id = order["id"].as_str().ok_or("the order has no id")?;
    installation.api("POST", &format!("/orders/{id}/refund"), &json!({"reason": "Asked for the money back"}))
}
