//! What licenses of one's own are in words. On the server, so that the first render is the same on both sides.

use holdfast_domain::{EntitlementValue, Entitlements, LicenseModel, LicenseState, SeatModel, Seconds, Timestamp};
use holdfast_service::{
    admin::views::SeatView as Seat,
    portal::views::{Holder, MyHolder, MyLicense, MyLicenseDetail},
};

use super::model::{HolderRow, LicenseRow, SeatRow};
use crate::{
    ctx,
    pages::audit::words::readable,
    ui::{
        Tone, When,
        time::{day, span},
    },
};

/// Entitlements as people read them: "Export pdf", "Projects: 5".
pub fn unlocks(of: &Entitlements) -> Vec<String> {
    let one = |(code, value): (_, &EntitlementValue)| {
        let name = readable(&format!("{code}").replace('-', " "));
        match value {
            EntitlementValue::Flag(_) => name,
            value => format!("{name}: {value}"),
        }
    };
    of.iter().map(one).collect()
}

fn places(n: u32) -> String {
    if n == 1 { "1 computer".to_owned() } else { format!("{n} computers") }
}

/// How it is sold, and who may use it at once.
pub fn sold(license: &MyLicense) -> (String, String) {
    let sold = match license.model {
        LicenseModel::Perpetual => "Bought once, without an end".to_owned(),
        LicenseModel::Subscription { duration } => format!("Subscription, renewed every {}", span(duration)),
        LicenseModel::Trial { duration } => format!("Trial for {}", span(duration)),
    };
    let used = match license.seat_model {
        SeatModel::NodeLocked => places(license.seats),
        SeatModel::Floating => format!("Any computers, {} at once", license.seats),
        SeatModel::NamedUser { devices } => {
            let people = if license.seats == 1 { "1 person".to_owned() } else { format!("{} people", license.seats) };
            format!("{people}, each on {}", places(devices))
        }
    };
    (sold, used)
}

/// A license in a list.
pub fn row(license: &MyLicense) -> LicenseRow {
    let state = match license.state {
        LicenseState::Active => (Tone::Good, "Valid"),
        LicenseState::Suspended => (Tone::Warn, "Paused"),
        LicenseState::Revoked => (Tone::Bad, "Withdrawn"),
        LicenseState::Expired => (Tone::None, "Run out"),
    };
    LicenseRow {
        id: license.id.to_string(),
        product: license.product.to_string(),
        plan: license.plan.to_string(),
        key_hint: license.key_hint.clone(),
        state: (state.0, state.1.to_owned()),
        until: license.expires_at.map_or_else(|| "for good".to_owned(), day),
        taken: (license.seats_taken, license.seats),
    }
}

/// What is to come of a license that is not in force.
pub fn notice(license: &MyLicense, now: Timestamp) -> Option<String> {
    let from = license.effective_at.map(day);
    Some(match (license.state, from) {
        (LicenseState::Suspended, Some(day)) => format!("This license is paused from {day} on. Ask the vendor."),
        (LicenseState::Suspended, None) => {
            "This license is paused: computers stop when they next ask. Ask the vendor.".to_owned()
        }
        (LicenseState::Revoked, Some(day)) => format!("This license is withdrawn from {day} on. Ask the vendor."),
        (LicenseState::Revoked, None) => {
            "This license was withdrawn: computers stop when they next ask. Ask the vendor.".to_owned()
        }
        (LicenseState::Expired, _) => "This license has run out.".to_owned(),
        (LicenseState::Active, _) => {
            let end = license.expires_at.filter(|end| end.since(now) <= Seconds::days(30))?;
            format!("This license ends on {}.", day(end))
        }
    })
}

/// What is left of a license when it has run out.
pub fn afterwards(license: &MyLicense) -> Option<String> {
    license.expires_at?;
    Some(match &license.fallback {
        None => "Nothing: the application then asks for a new license.".to_owned(),
        Some(left) if left.is_empty() => {
            "The application starts, without anything that the license unlocks.".to_owned()
        }
        Some(left) => unlocks(left).join(", "),
    })
}

/// A device.
pub fn seat(seat: &Seat, now: Timestamp) -> SeatRow {
    let runs = [seat.platform.clone(), seat.app_version.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
    SeatRow {
        id: seat.id.to_string(),
        name: seat.name.clone().unwrap_or_else(|| "Unnamed computer".to_owned()),
        runs,
        user: seat.user.as_ref().map(ToString::to_string),
        seen: When::new(seat.last_seen, now),
        without_us: if seat.offline_until > now { day(seat.offline_until) } else { "its lease has run out".to_owned() },
        until: When::new(seat.offline_until, now),
    }
}

/// Somebody who has a seat of a license on which a person may use so many devices.
pub fn holder(holder: &Holder, model: SeatModel, now: Timestamp) -> HolderRow {
    let most = match model {
        SeatModel::NamedUser { devices } => devices,
        SeatModel::NodeLocked | SeatModel::Floating => holder.devices,
    };
    let how = match (holder.handed_out_at, holder.devices) {
        (Some(at), 0) => format!("handed out on {}, not used yet", day(at)),
        (Some(at), _) => format!("handed out on {}", day(at)),
        (None, _) => "took it by activating".to_owned(),
    };
    HolderRow {
        email: holder.email.to_string(),
        how,
        devices: (holder.devices, most),
        seen: holder.last_seen.map(|at| When::new(at, now)),
    }
}

/// How many seats may still be freed.
pub fn releases((left, of): (u32, u32)) -> String {
    format!("{left} of {of} releases in 30 days are left.")
}

/// What taking the seat of somebody back does.
pub fn taking_back(found: &MyHolder, now: Timestamp) -> String {
    let email = &found.holder.email;
    let latest = found.seats.iter().map(|seat| seat.offline_until).max();
    let computers = match found.seats.len() {
        0 => return format!("{email} uses it on no computer, so nothing stops."),
        1 => "1 computer stops when it next asks".to_owned(),
        n => format!("{n} computers stop when they next ask"),
    };
    let latest = latest.filter(|at| *at > now).map(|at| format!(", at the latest on {}", day(at)));
    format!("{computers}{}. It counts as one release. {}", latest.unwrap_or_default(), releases(found.releases))
}

/// What freeing a seat does.
pub fn consequence(seat: &Seat, floating: bool, now: Timestamp) -> String {
    let name = seat.name.as_deref().unwrap_or("This computer");
    if seat.offline_until <= now {
        return format!("{name} has no valid lease any more, so nothing stops. The seat is free at once.");
    }
    let latest = if floating {
        format!("at the latest in {}", span(seat.offline_until.since(now)))
    } else {
        format!("at the latest on {}", day(seat.offline_until))
    };
    format!(
        "{name} stops when it next asks, {latest}. The seat is free at once; {name} can activate again while one is free."
    )
}

/// The key of that license, where it was just asked for in this browser.
pub fn handed_over(detail: &MyLicenseDetail) -> Option<String> {
    ctx::note(ctx::OWN_KEY)?.strip_prefix(&format!("{} ", detail.license.id)).map(str::to_owned)
}
