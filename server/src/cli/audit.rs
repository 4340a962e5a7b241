//! `holdfast audit verify`: walks the audit log and compares every hash.

use super::{Failure, node, output::Output};
use crate::config::Config;
use clap::Subcommand;
use holdfast_domain::VendorId;
use serde::Serialize;
use std::fmt::Write as _;

/// What to do with the audit log.
#[derive(Subcommand, Clone, Copy, Debug)]
pub enum Audit {
    /// Compare every event of every vendor with its hash and the one before.
    Verify {
        /// Only this vendor's.
        #[arg(long, value_name = "ID")]
        vendor: Option<VendorId>,
    },
}

#[derive(Serialize)]
struct Report {
    whole: bool,
    vendors: Vec<VendorReport>,
}

#[derive(Serialize)]
struct VendorReport {
    vendor: VendorId,
    events: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<i64>,
}

/// Verifies. Failed where an event is missing or was changed.
pub async fn run(audit: Audit, config: &Config, output: Output) -> Result<(), Failure> {
    let Audit::Verify { vendor } = audit;
    let service = node::open_service(config).await?;
    let mut vendors = Vec::new();
    for view in service.vendors().await? {
        if vendor.is_none_or(|id| id == view.id) {
            let report = service.verify_chain(view.id).await?;
            vendors.push(VendorReport { vendor: view.id, events: report.events, broken_at: report.broken_at });
        }
    }
    node::close(service).await;
    if vendors.is_empty() && vendor.is_some() {
        return Err(Failure::Refused("there is no such vendor".to_owned()));
    }
    let report = Report { whole: vendors.iter().all(|vendor| vendor.broken_at.is_none()), vendors };
    output.result(&report, || {
        report.vendors.iter().fold(String::new(), |mut text, vendor| {
            let _ = match vendor.broken_at {
                None => writeln!(text, "{}: {} events, all as they were written", vendor.vendor, vendor.events),
                Some(number) => writeln!(text, "{}: event {number} is missing or was changed", vendor.vendor),
            };
            text
        })
    })?;
    if report.whole { Ok(()) } else { Err(Failure::Failed("the audit log was tampered with".to_owned())) }
}
