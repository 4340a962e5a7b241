//! `holdfast serve`: runs a node.

use super::{Failure, output::Output};
use crate::{
    config::{Config, ServeConfig},
    lifecycle,
};

/// Runs a node until it is told to stop.
pub async fn run(config: Config, serve: ServeConfig, output: Output) -> Result<(), Failure> {
    let serve = ServeConfig { public_url: config.public_url.clone(), ..serve };
    lifecycle::run(config, serve, output).await
}
