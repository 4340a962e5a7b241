//! The server's decision, state by state and at every boundary of time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use holdfast_domain::decide::{Jitter, Mode, decide, decide_license, decide_renewal};
use holdfast_domain::*;

const NOW: Timestamp = Timestamp::from_seconds(1_760_000_000);
const DEVICE: DeviceHash = DeviceHash::from_bytes([7; 32]);

fn flag(code: &str) -> Entitlements {
    Entitlements::from([(code.parse().unwrap(), EntitlementValue::ON)])
}

fn license(model: LicenseModel, seat_model: SeatModel) -> License {
    let terms = Terms { entitlements: flag("pro"), ..Terms::defaults(model, seat_model) };
    License {
        id: LicenseId::from_bytes([1; 16]),
        vendor: VendorId::from_bytes([2; 16]),
        product: ProductId::from_bytes([3; 16]),
        plan: PlanId::from_bytes([4; 16]),
        plan_code: "standard".parse().unwrap(),
        customer: None,
        order: None,
        status: LicenseStatus::Active,
        status_reason: None,
        status_effective_at: None,
        expires_at: model.end(NOW),
        terms,
        overrides: Entitlements::new(),
        created_at: NOW,
    }
}

fn seat() -> Seat {
    Seat {
        id: SeatId::from_bytes([5; 16]),
        license: LicenseId::from_bytes([1; 16]),
        device: DEVICE,
        user: None,
        state: SeatState::Active,
        seq: 1,
        device_key: None,
        borrowed_until: None,
        lease_ends_at: NOW,
        claimed_at: NOW,
    }
}

fn grant_of(license: &License, seat: &Seat, now: Timestamp) -> Grant {
    match decide(license, seat, &DEVICE, now, Jitter::NONE) {
        Decision::Grant(grant) => grant,
        Decision::Deny(denial) => panic!("denied: {denial:?}"),
    }
}

fn denied(license: &License, seat: &Seat, now: Timestamp) -> Denial {
    match decide(license, seat, &DEVICE, now, Jitter::NONE) {
        Decision::Deny(denial) => denial,
        Decision::Grant(grant) => panic!("granted: {grant:?}"),
    }
}

const YEAR: LicenseModel = LicenseModel::Subscription { duration: Seconds::days(365) };

#[test]
fn a_perpetual_license_gets_a_lease_of_14_days_and_16_of_grace() {
    let grant = grant_of(&license(LicenseModel::Perpetual, SeatModel::NodeLocked), &seat(), NOW);
    let at = NOW.seconds();
    assert_eq!(grant.mode, Mode::Licensed);
    assert_eq!((grant.issued, grant.renew), (at, at.plus(Seconds::DAY)));
    assert_eq!((grant.soft, grant.exp), (at.plus(Seconds::days(14)), at.plus(Seconds::days(30))));
    assert_eq!((grant.license_end, grant.fallback), (None, None));
    assert_eq!(grant.entitlements, flag("pro"));
}

#[test]
fn no_lease_outlives_its_license() {
    let license = license(YEAR, SeatModel::NodeLocked);
    let end = license.expires_at.unwrap();
    for (days_before, soft, exp) in [(31, 14, 30), (30, 14, 30), (29, 14, 29), (20, 14, 20), (14, 14, 14), (1, 1, 1)] {
        let now = end.plus(Seconds::days(-days_before));
        let grant = grant_of(&license, &seat(), now);
        let at = now.seconds();
        assert_eq!(
            (grant.soft, grant.exp),
            (at.plus(Seconds::days(soft)), at.plus(Seconds::days(exp))),
            "{days_before}"
        );
        assert!(grant.renew <= grant.soft);
        assert_eq!(grant.license_end, Some(end.seconds()));
    }
}

#[test]
fn a_trial_ends_with_itself_and_has_no_grace() {
    let license = license(LicenseModel::Trial { duration: Seconds::days(14) }, SeatModel::NodeLocked);
    let end = license.expires_at.unwrap();
    let grant = grant_of(&license, &seat(), NOW.plus(Seconds::days(3)));
    assert_eq!((grant.mode, grant.soft, grant.exp), (Mode::Trial, end.seconds(), end.seconds()));
    assert_eq!(denied(&license, &seat(), end).code, DenialCode::Expired);
}

#[test]
fn a_floating_seat_gets_twenty_minutes_or_what_it_borrowed() {
    let license = license(LicenseModel::Perpetual, SeatModel::Floating);
    let at = NOW.seconds();
    let grant = grant_of(&license, &seat(), NOW);
    assert_eq!(
        (grant.renew, grant.soft, grant.exp),
        (at.plus(Seconds(400)), at.plus(Seconds(1_200)), at.plus(Seconds(1_200)))
    );
    let until = NOW.plus(Seconds::days(2));
    let grant = grant_of(&license, &Seat { borrowed_until: Some(until), ..seat() }, NOW);
    assert_eq!((grant.soft, grant.exp), (until.seconds(), until.seconds()));
    let over = grant_of(&license, &Seat { borrowed_until: Some(until), ..seat() }, until.plus(Seconds(-60)));
    assert_eq!(
        over.soft,
        until.seconds().plus(Seconds(1_140)),
        "a borrowing that ends sooner than a lease does not shorten it"
    );
}

#[test]
fn an_expired_license_is_denied_from_its_last_second_on_unless_there_is_a_fallback() {
    let mut license = license(YEAR, SeatModel::NodeLocked);
    let end = license.expires_at.unwrap();
    assert_eq!(grant_of(&license, &seat(), end.plus(Seconds(-1))).mode, Mode::Licensed);
    let denial = denied(&license, &seat(), end);
    assert_eq!((denial.code, denial.effective), (DenialCode::Expired, end.seconds()));

    license.terms.fallback = Some(flag("export"));
    assert_eq!(grant_of(&license, &seat(), end.plus(Seconds(-1))).fallback, Some(flag("export")));
    let grant = grant_of(&license, &seat(), end.plus(Seconds::days(400)));
    assert_eq!((grant.mode, grant.entitlements, grant.fallback), (Mode::Limited, flag("export"), None));
    assert_eq!(grant.soft, end.seconds().plus(Seconds::days(414)), "a limited lease may lie after the license's end");
}

#[test]
fn overrides_replace_and_add() {
    let mut license = license(LicenseModel::Perpetual, SeatModel::NodeLocked);
    license.overrides.insert("pro".parse().unwrap(), EntitlementValue::Integer(3));
    license.overrides.insert("sso".parse().unwrap(), EntitlementValue::ON);
    let granted = grant_of(&license, &seat(), NOW).entitlements;
    assert_eq!(granted.get("pro"), Some(&EntitlementValue::Integer(3)));
    assert_eq!(granted.len(), 2);
}

#[test]
fn every_reason_is_named_and_the_first_to_hold_leads() {
    use DenialCode::{DeviceMismatch, Expired, Released, Revoked};
    let mut license = license(YEAR, SeatModel::NodeLocked);
    license.status = LicenseStatus::Revoked;
    let late = license.expires_at.unwrap().plus(Seconds(5));
    let released = Seat { state: SeatState::Released, device: DeviceHash::from_bytes([8; 32]), ..seat() };
    let codes: Vec<_> = denied(&license, &released, late).reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, [DeviceMismatch, Revoked, Expired, Released]);

    license.status_effective_at = Some(late.plus(Seconds::DAY));
    let denial = denied(&license, &seat(), late);
    assert_eq!((denial.code, denial.effective), (Expired, late.seconds()), "revoked tomorrow, but expired today");
    assert_eq!(denial.reasons.len(), 2);
}

#[test]
fn a_status_counts_when_it_takes_effect_and_never_in_the_past() {
    let mut license = license(LicenseModel::Perpetual, SeatModel::NodeLocked);
    for (status, code) in
        [(LicenseStatus::Revoked, DenialCode::Revoked), (LicenseStatus::Suspended, DenialCode::Suspended)]
    {
        license.status = status;
        for (chosen, expected) in [(None, NOW), (Some(-5), NOW), (Some(0), NOW), (Some(3_600), NOW.plus(Seconds::HOUR))]
        {
            license.status_effective_at = chosen.map(|s| NOW.plus(Seconds(s)));
            let denial = denied(&license, &seat(), NOW);
            assert_eq!((denial.code, denial.effective), (code, expected.seconds()));
            assert_eq!(decide_license(&license, NOW), Some(denial));
        }
    }
    license.status = LicenseStatus::Active;
    assert_eq!(decide_license(&license, NOW), None);
}

#[test]
fn jitter_spreads_renewals_by_a_quarter_either_way() {
    let license = license(LicenseModel::Perpetual, SeatModel::NodeLocked);
    let renew = |jitter| match decide(&license, &seat(), &DEVICE, NOW, Jitter(jitter)) {
        Decision::Grant(grant) => grant.renew.since(grant.issued).0,
        Decision::Deny(_) => panic!("denied"),
    };
    assert_eq!(renew(0), 64_800);
    assert_eq!(renew(32_768), 86_400);
    assert!((107_990..=108_000).contains(&renew(u16::MAX)));
}

#[test]
fn status_changes_are_exactly_those_of_the_vocabulary() {
    use LicenseStatus::{Active, Revoked, Suspended};
    use holdfast_domain::license::StatusChange::{Reinstate, Resume, Revoke, Suspend};
    let table = [
        (Active, [Some(Suspended), None, Some(Revoked), None]),
        (Suspended, [None, Some(Active), Some(Revoked), None]),
        (Revoked, [None, None, None, Some(Active)]),
    ];
    for (status, row) in table {
        assert_eq!([Suspend, Resume, Revoke, Reinstate].map(|change| status.after(change)), row, "{status:?}");
    }
}

#[test]
fn default_terms_pass_their_own_check_and_nonsense_does_not() {
    use holdfast_domain::plan::TermsError;
    let models = [LicenseModel::Perpetual, YEAR, LicenseModel::Trial { duration: Seconds::minutes(5) }];
    let seats = [SeatModel::NodeLocked, SeatModel::Floating, SeatModel::NamedUser { devices: 2 }];
    for model in models {
        for seat in seats {
            assert!(Terms::defaults(model, seat).checked().is_ok(), "{model:?} {seat:?}");
        }
    }
    let base = || Terms::defaults(YEAR, SeatModel::NodeLocked);
    let wrong = [
        (Terms { seats: 0, ..base() }, TermsError::Seats),
        (Terms { overdraft: u32::MAX, ..base() }, TermsError::Seats),
        (Terms { seat_model: SeatModel::NamedUser { devices: 0 }, ..base() }, TermsError::Devices),
        (Terms { lease: Seconds(59), ..base() }, TermsError::Lease),
        (Terms { grace: Seconds(-1), ..base() }, TermsError::Grace),
        (Terms { renew_after: Seconds::days(15), ..base() }, TermsError::RenewAfter),
        (Terms { model: LicenseModel::Subscription { duration: Seconds(0) }, ..base() }, TermsError::Duration),
        (Terms { borrow: Seconds(-1), ..base() }, TermsError::Borrow),
    ];
    for (terms, error) in wrong {
        assert_eq!(terms.checked(), Err(error));
    }
}

#[test]
fn a_no_that_is_announced_for_later_than_the_lease_lasts_is_none_yet() {
    let revoked = License {
        status: LicenseStatus::Revoked,
        status_effective_at: Some(NOW.plus(Seconds::days(40))),
        ..license(LicenseModel::Perpetual, SeatModel::NodeLocked)
    };
    let until = |days: i64| NOW.plus(Seconds::days(days)).seconds();
    let decided = |exp: i64, now: Timestamp| decide_renewal(&revoked, &seat(), &DEVICE, until(exp), now, Jitter::NONE);
    for (exp, days, granted) in [(30, 0, true), (39, 39, true), (40, 20, false), (30, 40, false), (50, 0, false)] {
        let decision = decided(exp, NOW.plus(Seconds::days(days)));
        assert_eq!(matches!(decision, Decision::Grant(_)), granted, "{exp} {days}");
    }
}
