//! The main job: the customers a vendor has already, as a file from another system.

use crate::world::*;
use holdfast_domain::{
    EntitlementValue, ImportId, LicenseState, LicenseStatus, PlanId, Seconds, Source, Timestamp, license::StatusChange,
};
use holdfast_service::{
    ErrorCode, Result,
    admin::{
        import::{RemapImport, StageImport, columns::Field, dates::DateOrder},
        inputs::{ChangeStatus, CreatePlan, EventFilter, IssueLicense, LicenseFilter, UpdateLicense},
        views::{ArrivedView, ImportCounts, ImportState, ImportView, RowFate},
    },
};
use holdfast_store::imports::{self, ImportStatus};
use holdfast_testkit::both;
use std::{collections::BTreeMap, fmt::Write as _};

fn input(world: &World) -> StageImport {
    StageImport {
        file_name: "customers.csv".to_owned(),
        product: world.product,
        plan: Some(world.plan),
        source: None,
        delimiter: None,
        dates: None,
        mapping: BTreeMap::new(),
    }
}

async fn stage(world: &World, text: &str) -> Result<ImportView> {
    world.service.stage_import(&world.call(), input(world), text.as_bytes().to_vec()).await
}

async fn confirm(world: &World, id: ImportId, leave_out: bool) -> Result<ImportView, ErrorCode> {
    world.service.confirm_import(&world.call(), id, leave_out).await.map_err(|error| error.code)
}

fn counts(create: u64, unchanged: u64, duplicate: u64, conflict: u64, error: u64) -> ImportCounts {
    let rows = create + unchanged + duplicate + conflict + error;
    ImportCounts { rows, create, unchanged, duplicate, conflict, error, left_out: 0 }
}

async fn licenses(world: &World) -> u64 {
    world.service.licenses(&world.system(), LicenseFilter::default(), page()).await.unwrap().total.rows
}

const KEYS: [&str; 5] = [
    "6f1c1f5e-2d53-4a7e-9d4f-8f0d8f1b2c3d",
    "AB12-CD34-EF56-GH78",
    "aBcDeFgHiJkLmNoP",
    "0123456789012345678901234567890123456789012345678901234567890123",
    "mixed_Case.key/With+Signs=",
];

/// A file of `n` rows as another system exports it.
fn file(n: usize) -> String {
    let mut text = "License Key,E-Mail,Customer name,Max activations,Expiry date,Order,Notes\n".to_owned();
    for row in 0..n {
        let customer = row / 3;
        let _ = writeln!(
            text,
            "OLD-{row:06}-{:04X}-Key,customer{customer}@example.com,\"Customer, {customer}\",{},2027-06-{:02},INV-{customer},",
            row * 7919 % 65_536,
            row % 9 + 1,
            row % 28 + 1,
        );
    }
    text
}

both! {
    async fn keys_keep_every_byte_and_work_at_once(db: TestDb) {
        let world = World::new(&db).await;
        let mut text = "serial;mail;name;seats;valid until;status;entitlement:export;notes\n".to_owned();
        for (n, key) in KEYS.iter().enumerate() {
            let _ = writeln!(text, "{key};c{n}@example.com;Customer {n};{};2027-03-31;active;yes;=1+1", n + 2);
        }
        let staged = stage(&world, &text).await.unwrap();
        assert_eq!((staged.state, staged.counts), (ImportState::Ready, counts(5, 0, 0, 0, 0)));
        let fields: Vec<&str> = staged.columns.iter().map(|column| column.field.as_str()).collect();
        assert_eq!(fields, ["key", "email", "name", "seats", "expires_at", "status", "entitlement:export", "ignore"]);
        assert!(staged.columns[0].samples.is_empty(), "no key in the clear");
        assert_eq!(staged.columns[1].samples[0], "c0@example.com");
        assert_eq!(licenses(&world).await, 0, "a dry run changes nothing");
        let done = confirm(&world, staged.id, false).await.unwrap();
        assert_eq!((done.state, done.progress), (ImportState::Done, 5));
        let rows = world.service.import_rows(&world.system(), staged.id, None, 0, 200).await.unwrap();
        for (n, (row, key)) in rows.iter().zip(KEYS).enumerate() {
            let id = row.license.unwrap();
            assert_eq!(world.service.reveal_key(&world.call(), id).await.unwrap(), key);
            let license = world.service.license(&world.system(), id).await.unwrap().license;
            assert_eq!(license.terms.seats as usize, n + 2);
            assert_eq!(license.customer_email.unwrap().as_str(), format!("c{n}@example.com"));
            assert_eq!(license.expires_at, Some(Timestamp::from_seconds(1_806_537_600)));
            assert_eq!(license.overrides.values().collect::<Vec<_>>(), [&EntitlementValue::ON]);
            assert!(row.key.starts_with('…') && row.key.chars().count() == 5);
            assert!(world.activate(key, "laptop").await.is_ok());
            assert!(world.activate(&key.to_lowercase(), "laptop").await.unwrap().again);
        }
    }

    async fn every_row_has_its_fate_and_its_reason(db: TestDb) {
        let world = World::new(&db).await;
        let call = world.call();
        let taken = IssueLicense { key: Some("EXISTING-0001".to_owned()), ..IssueLicense::of(world.plan) };
        world.service.issue_license(&call, taken).await.unwrap();
        let text = "key,email,plan,seats,expires_at\n\
            GOOD-0000-0001,a@example.com,pro,2,2027-01-01\n\
            good00000001,b@example.com,,,\n\
            existing 0001,,,3,\n\
            EXISTING-0001,,,9,\n\
            GOOD-0000-0002,not an address,,,\n\
            GOOD-0000-0003,,enterprise,,\n\
            GOOD-0000-0004,,,many,\n\
            GOOD-0000-0005,,,,03/04/2027\n\
            ,c@example.com,,,\n\
            GOOD-0000-0006,d@example.com,PRO,,never,surplus\n";
        let staged = stage(&world, text).await.unwrap();
        let rows = world.service.import_rows(&world.system(), staged.id, None, 0, 200).await.unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.line, row.fate, row.column.as_deref())).collect();
        assert_eq!(told, [
            (2, RowFate::Create, None),
            (3, RowFate::Duplicate, Some("key")),
            (4, RowFate::Unchanged, None),
            (5, RowFate::Duplicate, Some("key")),
            (6, RowFate::Error, Some("email")),
            (7, RowFate::Error, Some("plan")),
            (8, RowFate::Error, Some("seats")),
            (9, RowFate::Error, Some("expires_at")),
            (10, RowFate::Error, Some("key")),
            (11, RowFate::Error, None),
        ]);
        assert_eq!(staged.counts, counts(1, 1, 2, 0, 6));
        for row in &rows {
            let needs_reason = !matches!(row.fate, RowFate::Create | RowFate::Unchanged);
            assert_eq!(row.reason.is_some(), needs_reason, "{row:?}");
        }
        assert!(rows[1].reason.as_ref().unwrap().contains("Line 2"));
        // By fate, and in pages.
        let errors = world.service.import_rows(&world.system(), staged.id, Some(RowFate::Error), 0, 4).await.unwrap();
        assert_eq!(errors.iter().map(|row| row.line).collect::<Vec<_>>(), [6, 7, 8, 9]);
        let rest = world.service.import_rows(&world.system(), staged.id, Some(RowFate::Error), 9, 4).await.unwrap();
        assert_eq!(rest.len(), 2);
        // All or nothing, unless the rest is left out on purpose.
        assert_eq!(confirm(&world, staged.id, false).await.unwrap_err(), ErrorCode::ImportRejected);
        assert_eq!(licenses(&world).await, 1);
        assert_eq!(confirm(&world, staged.id, true).await.unwrap().state, ImportState::Done);
        assert_eq!(licenses(&world).await, 2);
    }

    async fn the_same_file_again_changes_nothing_and_a_grown_one_adds_the_new_rows(db: TestDb) {
        let world = World::new(&db).await;
        let first = stage(&world, &file(40)).await.unwrap();
        confirm(&world, first.id, false).await.unwrap();
        let customers = world.service.customers(&world.system(), None, page()).await.unwrap().total.rows;
        assert_eq!((licenses(&world).await, customers), (40, 14));
        world.clock.advance(Seconds::days(3));
        let again = stage(&world, &file(40)).await.unwrap();
        assert_eq!(again.counts, counts(0, 40, 0, 0, 0));
        confirm(&world, again.id, false).await.unwrap();
        assert_eq!(confirm(&world, again.id, false).await.unwrap().state, ImportState::Done, "once more is no error");
        assert_eq!(licenses(&world).await, 40);
        let grown = stage(&world, &file(43)).await.unwrap();
        assert_eq!(grown.counts, counts(3, 40, 0, 0, 0));
        confirm(&world, grown.id, false).await.unwrap();
        assert_eq!(licenses(&world).await, 43);
        let customers = world.service.customers(&world.system(), None, page()).await.unwrap().total.rows;
        assert_eq!(customers, 15, "customers and orders are found again by address and number");
        assert_eq!(world.service.verify_chain(world.vendor).await.unwrap().broken_at, None);
        let filter = EventFilter { action: Some("import.applied".to_owned()), ..EventFilter::default() };
        let told = world.service.events(&world.system(), filter, page()).await.unwrap().items;
        assert_eq!(told[0].data["licenses"], 3);
        assert_eq!(told[2].data["sha256"].as_str().unwrap().len(), 64);
    }

    async fn a_license_changed_since_is_a_conflict_that_names_what_differs(db: TestDb) {
        let world = World::new(&db).await;
        let text = "key,seats,email\nOLD-0000-0001,2,a@example.com\n";
        let first = stage(&world, text).await.unwrap();
        confirm(&world, first.id, false).await.unwrap();
        let rows = world.service.import_rows(&world.system(), first.id, None, 0, 1).await.unwrap();
        let more = UpdateLicense { seats: Some(5), ..UpdateLicense::default() };
        world.service.update_license(&world.call(), rows[0].license.unwrap(), more).await.unwrap();
        let again = stage(&world, text).await.unwrap();
        assert_eq!(again.counts, counts(0, 0, 0, 1, 0));
        let rows = world.service.import_rows(&world.system(), again.id, None, 0, 1).await.unwrap();
        assert_eq!((rows[0].fate, rows[0].column.as_deref()), (RowFate::Conflict, Some("seats")));
        assert!(rows[0].reason.as_ref().unwrap().contains("seats 5; the row says 2"));
        assert_eq!(confirm(&world, again.id, false).await.unwrap_err(), ErrorCode::ImportRejected);
    }

    async fn hostile_content_is_carried_and_never_understood(db: TestDb) {
        let world = World::new(&db).await;
        let long = "x".repeat(10_000);
        let names = [
            "=HYPERLINK(\"http://evil.example.com\";\"x\")", "<script>alert(1)</script>", "😀 Ünïcödé",
            "\u{202e}gnp.exe", "Robert'); DROP TABLE licenses;--", "+41 44 668", "@SUM(A1)", "\\N", "NULL", "${jndi:ldap}",
        ];
        let mut text = "key,name,notes\n".to_owned();
        for (n, name) in names.iter().enumerate() {
            let _ = writeln!(text, "HOSTILE-{n:04},\"{}\",{long}", name.replace('"', "\"\""));
        }
        let _ = writeln!(text, "HOSTILE-9999,{long},x");
        let _ = writeln!(text, "{long},Somebody,x");
        let staged = stage(&world, &text).await.unwrap();
        assert_eq!(staged.counts, counts(names.len() as u64, 0, 0, 0, 2));
        confirm(&world, staged.id, true).await.unwrap();
        let found = world.service.licenses(&world.system(), LicenseFilter::default(), page()).await.unwrap().items;
        let mut kept: Vec<String> = found.into_iter().filter_map(|row| row.customer_name).map(|n| n.to_string()).collect();
        let mut expected: Vec<String> = names.map(ToOwned::to_owned).to_vec();
        kept.sort();
        expected.sort();
        assert_eq!(kept, expected);
    }

    async fn what_is_no_file_of_rows_is_refused_with_the_reason(db: TestDb) {
        let world = World::new(&db).await;
        for bytes in [&b""[..], b"\xff\xfea\0", b"key\nM\xfcller-0001", b"key\n\"unclosed\0", b"key\n"] {
            let refused = world.service.stage_import(&world.call(), input(&world), bytes.to_vec()).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::ImportUnreadable);
            assert!(refused.detail.is_some());
        }
        let elsewhere = StageImport { plan: Some(PlanId::from_bytes([7; 16])), ..input(&world) };
        let refused = world.service.stage_import(&world.call(), elsewhere, b"key\nAAAA-0001".to_vec()).await.unwrap_err();
        assert_eq!(refused.pointer.as_deref(), Some("/plan"));
        let unmapped = stage(&world, "who,what\na,AAAA-0001\n").await.unwrap();
        assert!(unmapped.problem.as_ref().unwrap().contains("license key"));
        assert_eq!(confirm(&world, unmapped.id, true).await.unwrap_err(), ErrorCode::ImportState);
    }

    async fn columns_dates_and_plan_can_be_said_afterwards(db: TestDb) {
        let world = World::new(&db).await;
        let team = CreatePlan { product: world.product, name: text("Team"), code: text("team"), terms: yearly() };
        let team = world.service.create_plan(&world.call(), team).await.unwrap().id;
        let none = StageImport { plan: None, ..input(&world) };
        let text = "what,who,until\nAAAA-0001,a@example.com,03/04/2027\n";
        let staged = world.service.stage_import(&world.call(), none, text.as_bytes().to_vec()).await.unwrap();
        assert!(staged.problem.is_some());
        let remap = RemapImport {
            mapping: vec![Field::Key, Field::Email, Field::ExpiresAt],
            plan: Some(team),
            dates: Some(DateOrder::DayFirst),
        };
        let short = RemapImport { mapping: vec![Field::Key], ..remap.clone() };
        let refused = world.service.remap_import(&world.call(), staged.id, short).await.unwrap_err();
        assert_eq!(refused.pointer.as_deref(), Some("/mapping"));
        let again = world.service.remap_import(&world.call(), staged.id, remap.clone()).await.unwrap();
        assert_eq!((again.problem.as_deref(), again.counts), (None, counts(1, 0, 0, 0, 0)));
        assert_eq!(world.service.import(&world.system(), staged.id).await.unwrap(), again);
        confirm(&world, staged.id, false).await.unwrap();
        let found = world.service.licenses(&world.system(), LicenseFilter::default(), page()).await.unwrap().items;
        assert_eq!((found[0].plan, found[0].expires_at), (team, Some(Timestamp::from_seconds(1_806_796_800))));
        let late = world.service.remap_import(&world.call(), staged.id, remap).await.unwrap_err();
        assert_eq!(late.code, ErrorCode::ImportState);
    }

    async fn status_and_end_are_taken_over(db: TestDb) {
        let world = World::new(&db).await;
        let text = "key,status,expires_at\nAAAA-0001,revoked,never\nAAAA-0002,expired,2020-01-31\nAAAA-0003,,\n";
        let staged = stage(&world, text).await.unwrap();
        confirm(&world, staged.id, false).await.unwrap();
        let mut found = Vec::new();
        for row in world.service.import_rows(&world.system(), staged.id, None, 0, 9).await.unwrap() {
            let license = world.service.license(&world.system(), row.license.unwrap()).await.unwrap().license;
            found.push((license.status, license.expires_at));
        }
        let year = world.service.now().plus(Seconds::days(365));
        assert_eq!(found, [
            (LicenseStatus::Revoked, None),
            (LicenseStatus::Active, Some(Timestamp::from_seconds(1_580_515_200))),
            (LicenseStatus::Active, Some(year)),
        ]);
        assert_eq!(world.activate("AAAA-0001", "a").await.unwrap_err().code, ErrorCode::LicenseRevoked);
        assert_eq!(world.activate("AAAA-0002", "a").await.unwrap_err().code, ErrorCode::LicenseExpired);
        assert!(world.activate("AAAA-0003", "a").await.is_ok());
    }

    async fn who_cannot_arrive_is_not_waited_for(db: TestDb) {
        let world = World::new(&db).await;
        let states = ["revoked,never", "suspended,never", "expired,2020-01-31", "expired,2020-01-31", ",", ","];
        let rows: Vec<String> = states.iter().enumerate().map(|(n, state)| format!("AAAA-000{n},{state}")).collect();
        let staged = stage(&world, &format!("key,status,expires_at\n{}\n", rows.join("\n"))).await.unwrap();
        confirm(&world, staged.id, false).await.unwrap();
        let arrived = || async { world.service.import(&world.system(), staged.id).await.unwrap().arrived.unwrap() };
        let all = ArrivedView { licenses: 6, activated: 0, revoked: 1, suspended: 1, expired: 2 };
        assert_eq!(arrived().await, all);
        assert_eq!(all.expected(), 2);
        // As the page's link lists them.
        let filter = LicenseFilter {
            import: Some(staged.id),
            activated: Some(false),
            state: Some(LicenseState::Active),
            ..LicenseFilter::default()
        };
        assert_eq!(world.service.licenses(&world.system(), filter, page()).await.unwrap().total.rows, 2);
        world.activate("AAAA-0004", "a").await.unwrap();
        world.activate("AAAA-0005", "a").await.unwrap();
        let whole = arrived().await;
        assert_eq!((whole.activated, whole.expected()), (2, 2));
        // Whoever has arrived stays so, whatever becomes of the license.
        let filter = LicenseFilter { import: Some(staged.id), activated: Some(true), ..LicenseFilter::default() };
        let here = world.service.licenses(&world.system(), filter, page()).await.unwrap().items[0].id;
        let revoke = ChangeStatus { change: StatusChange::Revoke, reason: text("Paid back"), effective_at: None, dry_run: false };
        world.service.change_status(&world.call(), here, revoke).await.unwrap();
        assert_eq!(arrived().await, whole);
        let other = World::new(&db).await;
        assert_eq!(other.service.import(&other.system(), staged.id).await.unwrap_err().code, ErrorCode::NotFound);
    }

    async fn other_systems_exports_are_recognised_marked_and_counted_as_they_arrive(db: TestDb) {
        let world = World::new(&db).await;
        let samples = [
            (Source::Keygen, include_str!("../../src/admin/import/formats/samples/keygen.json"), "C1B6DE-39A6E3-DE1529-8559A0-4AF593-V3"),
            (Source::LemonSqueezy, include_str!("../../src/admin/import/formats/samples/lemon_squeezy.json"), "80e15db5-c796-436b-850c-8f9c98a48abe"),
            (Source::Gumroad, include_str!("../../src/admin/import/formats/samples/gumroad.csv"), "85DB562A-C11D4B06-A2335A6B-8C079166"),
            (Source::PaddleClassic, include_str!("../../src/admin/import/formats/samples/paddle_classic.csv"), "SELLER-0001-OWN-KEY"),
            (Source::Keylight, include_str!("../../src/admin/import/formats/samples/keylight.json"), "ACME-1A2B-3C4D"),
        ];
        for (source, sample, key) in samples {
            let staged = stage(&world, sample).await.unwrap();
            assert_eq!((staged.source, staged.arrived), (source, None));
            let done = confirm(&world, staged.id, true).await.unwrap();
            assert_eq!(done.state, ImportState::Done, "{source:?}");
            let arrived = || async { world.service.import(&world.system(), staged.id).await.unwrap().arrived.unwrap() };
            let before = arrived().await;
            assert_eq!((before.licenses, before.activated), (staged.counts.create, 0), "{source:?}");
            assert!(before.licenses > 0, "{source:?}");
            world.activate(key, "laptop").await.unwrap();
            world.activate(key, "laptop").await.unwrap();
            assert_eq!(arrived().await.activated, 1, "{source:?}");
            let rows = world.service.import_rows(&world.system(), staged.id, None, 0, 200).await.unwrap();
            let made: Vec<_> = rows.iter().filter_map(|row| row.license).collect();
            let marked = world.service.license(&world.system(), made[0]).await.unwrap().migrated.unwrap();
            assert_eq!((marked.source, marked.import), (source, staged.id));
            // Those who have not arrived, as the import's page lists them.
            let filter = LicenseFilter { import: Some(staged.id), activated: Some(false), ..LicenseFilter::default() };
            let missing = world.service.licenses(&world.system(), filter, page()).await.unwrap();
            assert_eq!(missing.total.rows, before.licenses - 1, "{source:?}");
            assert!(missing.items.iter().all(|license| made.contains(&license.id)));
        }
        // The same export again changes nothing, and what was issued here came from nowhere.
        let again = stage(&world, samples[4].1).await.unwrap();
        assert_eq!((again.counts.create, again.counts.rows), (0, 3));
        let own = world.service.issue_license(&world.call(), IssueLicense::of(world.plan)).await.unwrap().license.id;
        assert_eq!(world.service.license(&world.system(), own).await.unwrap().migrated, None);
    }

    async fn a_format_that_was_chosen_is_not_guessed(db: TestDb) {
        let world = World::new(&db).await;
        let sample = include_str!("../../src/admin/import/formats/samples/gumroad.csv");
        let as_columns = StageImport { source: Some(Source::Csv), ..input(&world) };
        let staged = world.service.stage_import(&world.call(), as_columns, sample.as_bytes().to_vec()).await.unwrap();
        assert_eq!((staged.source, staged.counts.left_out), (Source::Csv, 0));
        let wrong = StageImport { source: Some(Source::Keygen), ..input(&world) };
        let error = world.service.stage_import(&world.call(), wrong, sample.as_bytes().to_vec()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::ImportUnreadable);
    }

    async fn a_run_that_was_interrupted_is_taken_up_again(db: TestDb) {
        let world = World::new(&db).await;
        let staged = stage(&world, &file(30)).await.unwrap();
        // The node died after the import was confirmed and before it took effect.
        let (scope, id) = (holdfast_store::Scope::trusted(world.vendor), staged.id);
        world
            .service
            .store()
            .write::<_, holdfast_store::StoreError, _>(holdfast_store::WriteOptions::default(), move |tx| {
                Box::pin(async move {
                    let row = imports::get(tx, scope, id).await?.unwrap();
                    let running = imports::ImportRow { status: ImportStatus::Running, ..row };
                    imports::update(tx, scope, ImportStatus::Staged, &running).await
                })
            })
            .await
            .unwrap();
        let after = node(db.another_node().await, &world.clock);
        assert_eq!(after.import(&world.system(), id).await.unwrap().state, ImportState::Running);
        assert_eq!(licenses(&world).await, 0);
        let refused = after.cancel_import(&world.call(), id).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::ImportState);
        assert_eq!(after.confirm_import(&world.call(), id, false).await.unwrap().state, ImportState::Done);
        assert_eq!(licenses(&world).await, 30);
    }

    async fn two_nodes_that_confirm_at_once_import_once(db: TestDb) {
        let world = World::new(&db).await;
        let staged = stage(&world, &file(200)).await.unwrap();
        let other = node(db.another_node().await, &world.clock);
        let call = world.call();
        let (a, b) = tokio::join!(
            world.service.confirm_import(&call, staged.id, false),
            other.confirm_import(&call, staged.id, false),
        );
        assert!(a.is_ok() || b.is_ok());
        for outcome in [a, b] {
            match outcome {
                Ok(view) => assert_eq!(view.state, ImportState::Done),
                Err(error) => assert_eq!(error.code, ErrorCode::ImportState),
            }
        }
        assert_eq!(licenses(&world).await, 200);
        assert_eq!(world.service.import(&world.system(), staged.id).await.unwrap().state, ImportState::Done);
    }

    async fn a_key_that_was_issued_meanwhile_stops_the_whole_import(db: TestDb) {
        let world = World::new(&db).await;
        let staged = stage(&world, &file(20)).await.unwrap();
        let key = format!("OLD-{:06}-{:04X}-Key", 7, 7 * 7919);
        let issue = IssueLicense { key: Some(key), seats: Some(99), ..IssueLicense::of(world.plan) };
        world.service.issue_license(&world.call(), issue).await.unwrap();
        assert_eq!(confirm(&world, staged.id, false).await.unwrap_err(), ErrorCode::ImportRejected);
        assert_eq!(licenses(&world).await, 1, "nothing of it took effect");
        let view = world.service.import(&world.system(), staged.id).await.unwrap();
        assert_eq!((view.state, view.counts), (ImportState::Ready, counts(19, 0, 0, 1, 0)));
        confirm(&world, staged.id, true).await.unwrap();
        assert_eq!(licenses(&world).await, 20);
    }

    async fn a_cancelled_import_is_forgotten(db: TestDb) {
        let world = World::new(&db).await;
        let staged = stage(&world, &file(10)).await.unwrap();
        for _ in 0..2 {
            let view = world.service.cancel_import(&world.call(), staged.id).await.unwrap();
            assert_eq!(view.state, ImportState::Cancelled);
        }
        assert!(world.service.import_rows(&world.system(), staged.id, None, 0, 9).await.unwrap().is_empty());
        assert_eq!(confirm(&world, staged.id, false).await.unwrap_err(), ErrorCode::ImportState);
        assert_eq!(licenses(&world).await, 0);
    }

    // HOLDFAST_TEST_IMPORT_ROWS says how many rows, to see how long a real customer base takes.
    async fn activations_go_on_while_thousands_of_rows_come_in(db: TestDb) {
        let world = World::new(&db).await;
        let rows = std::env::var("HOLDFAST_TEST_IMPORT_ROWS").map_or(5_000, |rows| rows.parse().unwrap());
        let issued = world.issue().await;
        let began = std::time::Instant::now();
        let staged = stage(&world, &file(rows)).await.unwrap();
        let read = began.elapsed();
        let (service, call) = (world.service.clone(), world.call());
        let confirmed = std::time::Instant::now();
        let run = tokio::spawn(async move { service.confirm_import(&call, staged.id, false).await });
        let (mut slowest, mut ready, mut progress) = (std::time::Duration::ZERO, std::time::Duration::ZERO, Vec::new());
        while !run.is_finished() {
            let asked = std::time::Instant::now();
            world.activate(&issued.key, "laptop").await.unwrap();
            slowest = slowest.max(asked.elapsed());
            let view = world.service.import(&world.system(), staged.id).await.unwrap();
            if view.progress < rows as u64 {
                ready = confirmed.elapsed();
            }
            progress.push(view.progress);
        }
        assert_eq!(run.await.unwrap().unwrap().progress, rows as u64);
        println!(
            "{rows} rows: read in {read:?}, made ready in {ready:?}, all in {:?}, slowest activation {slowest:?}",
            began.elapsed()
        );
        assert!(progress.is_sorted(), "{progress:?}");
        assert!(slowest < std::time::Duration::from_secs(8), "{slowest:?}");
        let found = world.service.licenses(&world.system(), LicenseFilter::default(), page()).await.unwrap();
        assert_eq!(found.total.rows, rows as u64 + 1);
    }
}
