//! `holdfast keys`: root and issuing keys.

use super::{
    Failure, node,
    output::Output,
    vendor::{self, VendorArgs},
};
use crate::{api::time, config::Config};
use clap::Subcommand;
use holdfast_domain::ReasonText;
use serde::Serialize;
use std::fmt::Write as _;

/// What to do with keys.
#[derive(Subcommand, Clone, Debug)]
pub enum Keys {
    /// List every key, its public half.
    List(VendorArgs),
    /// Make a new issuing key for a product; the old one verifies on until its last lease has ended.
    Rotate {
        /// Whose.
        #[command(flatten)]
        vendor: VendorArgs,
        /// The product's id or code.
        #[arg(long, value_name = "PRODUCT")]
        product: Option<String>,
    },
    /// Withdraw an issuing key that leaked.
    Revoke {
        /// Whose.
        #[command(flatten)]
        vendor: VendorArgs,
        /// The product's id or code.
        #[arg(long, value_name = "PRODUCT")]
        product: Option<String>,
        /// The key's id.
        #[arg(long, value_name = "KID")]
        kid: String,
        /// Why; kept in the audit log.
        #[arg(long, value_name = "TEXT")]
        reason: ReasonText,
    },
    /// Print the root public key that applications pin.
    Root(VendorArgs),
}

#[derive(Serialize)]
struct Listed {
    kid: String,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    status: String,
    not_before: String,
    not_after: String,
}

#[derive(Serialize)]
struct One<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_public_key: Option<&'a str>,
}

/// Does it.
pub async fn run(keys: Keys, config: &Config, output: Output) -> Result<(), Failure> {
    let service = node::open_service(config).await?;
    match keys {
        Keys::List(vendor) => {
            let call = vendor.call(&service).await?;
            let keys: Vec<Listed> = service
                .signing_keys(&call)
                .await?
                .into_iter()
                .map(|key| Listed {
                    kid: key.kid,
                    public_key: key.public_key,
                    product: key.product.map(|id| id.to_string()),
                    status: key.status,
                    not_before: time::format(key.not_before),
                    not_after: time::format(key.not_after),
                })
                .collect();
            output.result(&keys, || {
                keys.iter().fold(String::new(), |mut text, key| {
                    let product = key.product.as_deref().unwrap_or("root");
                    let _ = writeln!(
                        text,
                        "{}  {:9} {} … {}  {product}  {}",
                        key.kid, key.status, key.not_before, key.not_after, key.public_key
                    );
                    text
                })
            })?;
        }
        Keys::Rotate { vendor, product } => {
            let call = vendor.call(&service).await?;
            let product = vendor::product(&service, &call.actor, product.as_deref()).await?;
            let kid = service.rotate_issuing_keys(&call, product).await?;
            output.result(&One { kid: Some(&kid), root_public_key: None }, || format!("{kid} signs from now on"))?;
        }
        Keys::Revoke { vendor, product, kid, reason } => {
            let call = vendor.call(&service).await?;
            let product = vendor::product(&service, &call.actor, product.as_deref()).await?;
            service.revoke_issuing_key(&call, product, &kid, &reason).await?;
            output.result(&One { kid: Some(&kid), root_public_key: None }, || format!("{kid} is revoked"))?;
        }
        Keys::Root(vendor) => {
            let vendor = vendor.find(&service).await?;
            let key = service.root_public_key(vendor).await?;
            output.result(&One { kid: None, root_public_key: Some(&key) }, || key.clone())?;
        }
    }
    node::close(service).await;
    Ok(())
}
