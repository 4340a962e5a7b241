//! `holdfast demo`: a believable vendor with products, customers, licenses and devices, for trying the screens.

use super::{Failure, node, output::Output};
use crate::config::Config;
use serde::Serialize;

/// Which one.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Args {
    /// The same number gives the same names and numbers.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

#[derive(Serialize)]
struct Filled {
    vendor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    products: usize,
    customers: usize,
    licenses: usize,
    seats: usize,
}

/// Fills the database.
pub async fn run(args: Args, config: &Config, output: Output) -> Result<(), Failure> {
    node::create_private_dir(&config.data_dir)?;
    let service = node::open_service(config).await?;
    let filled = holdfast_service::admin::demo::fill(&service, args.seed).await;
    node::close(service).await;
    let demo = filled?;
    let filled = Filled {
        vendor: demo.vendor.to_string(),
        email: demo.email,
        password: demo.password.as_ref().map(|password| password.expose().to_owned()),
        products: demo.products,
        customers: demo.customers,
        licenses: demo.licenses,
        seats: demo.seats,
    };
    output.result(&filled, || {
        let mut text = format!(
            "{} products, {} customers, {} licenses and {} seats for {}",
            filled.products, filled.customers, filled.licenses, filled.seats, filled.vendor
        );
        if let (Some(email), Some(password)) = (&filled.email, &filled.password) {
            text = format!("{text}\nSign in as {email} with the password {password}");
        }
        text
    })
}
