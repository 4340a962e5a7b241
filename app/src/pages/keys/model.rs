//! What work on a product's issuing keys does, in words.

use serde::{Deserialize, Serialize};

/// Rotating the keys, or revoking one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyActView {
    /// The product: id and name.
    pub product: (String, String),
    /// What it is called.
    pub title: String,
    /// What follows from it, and for whom.
    pub does: Vec<String>,
    /// Whether a second person has to approve it.
    pub second: bool,
}

/// A rotation that takes the place of the `active` keys.
#[cfg(feature = "ssr")]
pub fn rotation(product: (String, String), active: &[String]) -> KeyActView {
    let before = match active {
        [] => "No key signs now.".to_owned(),
        active => format!(
            "{} signs nothing more after seven days, by when every node knows the new key. What it has signed stays good.",
            active.join(" and ")
        ),
    };
    KeyActView {
        product,
        title: "Rotate keys".to_owned(),
        does: vec![
            format!("A new key signs from now on. {before}"),
            "No device notices: your root key vouches for the new key. It happens by itself every 90 days.".to_owned(),
            "Where somebody else may have a key, this is not enough: revoke that key.".to_owned(),
        ],
        second: false,
    }
}

/// Revoking the key named `kid`: whether a `successor` is made for it, and how many `devices` have a seat of the product.
#[cfg(feature = "ssr")]
pub fn revocation(
    product: (String, String),
    kid: &str,
    successor: bool,
    devices: holdfast_service::admin::page::Total,
) -> KeyActView {
    let devices = match (devices.rows, crate::pages::serve::total(devices)) {
        (0, _) => "No device has a seat of this product.".to_owned(),
        (1, _) => {
            "1 device has a seat of this product. If its lease is of this key, it gets another with its next renewal, \
                   and goes on until then."
                .to_owned()
        }
        (_, many) => format!(
            "{many} devices have a seat of this product. Those whose lease is of this key get another with their next \
             renewal, and go on until then."
        ),
    };
    let next = if successor {
        "A new key is made and signs from now on."
    } else {
        "The product's active key goes on signing."
    };
    KeyActView {
        product,
        title: "Revoke key".to_owned(),
        does: vec![
            format!(
                "Your root key no longer vouches for {kid}: what it has signed, or signs in other hands, proves nothing. {next}"
            ),
            format!("{devices} A server that is cut off from the database does not renew leases of this key."),
            "This cannot be undone.".to_owned(),
        ],
        second: false,
    }
}
