//! Members, sessions, bundles, set-up, throttling, tokens, trials, idempotency, imports, keys, job leases, backup.

use crate::{
    claims::futures_all,
    support::{Fixture, NOW, device, entropy, event, terms, vendor},
};
use holdfast_domain::{GatewayKind, ImportId, LicenseId, MemberId, Role, SeatModel, Seconds, TokenId, TrialId};
use holdfast_store::{
    BoxFuture, Constraint, Db, DbOptions, DbUrl, StoreError, Tx, WriteOptions, backup, bundles, events, gateways,
    idempotency, imports, job_leases, members, migrated, products, raw, sessions, setup, signing_keys, throttle,
    tokens, trials, vendors,
};
use holdfast_testkit::{TestDb, both};
use std::collections::BTreeSet;

/// Answers are kept for a day.
const DAY: Seconds = Seconds(-86_400);

async fn write<T, F>(f: &Fixture, job: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
{
    f.store.write(WriteOptions::default(), job).await
}

fn put_file(tx: &mut Tx, file: bundles::BundleFile) -> BoxFuture<'_, Result<bool, StoreError>> {
    Box::pin(async move { bundles::put(tx, &file).await })
}

async fn member(f: &Fixture, email: &str, role: Role) -> Result<MemberId, StoreError> {
    let id = MemberId::new(NOW, &entropy());
    let row = members::MemberRow {
        id,
        vendor: f.scope.vendor(),
        email: email.parse().unwrap(),
        name: "Somebody".parse().unwrap(),
        role,
        password_hash: Some("$argon2id$".to_owned()),
        totp_sealed: None,
        created_at: NOW,
        last_login_at: None,
        disabled_at: None,
        factor_due_at: None,
    };
    let scope = f.scope;
    write(f, move |tx| {
        let row = row.clone();
        Box::pin(async move { members::insert(tx, scope, &row).await })
    })
    .await
    .map(|()| id)
}

both! {
    async fn the_last_owner_stays_in_a_race_too(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let other = db.another_node().await;
        let (a, b) = (member(&f, "a@example.com", Role::Owner).await.unwrap(), member(&f, "b@example.com", Role::Owner).await.unwrap());
        let scope = f.scope;
        let tasks = [(f.store.clone(), a), (other, b)].into_iter().map(|(store, id)| tokio::spawn(async move {
            store.write::<_, StoreError, _>(WriteOptions::default(), move |tx| Box::pin(async move {
                members::set_role(tx, scope, id, Role::Viewer).await
            })).await.unwrap()
        }));
        let mut results = futures_all(tasks).await;
        results.sort_by_key(|r| *r == members::OwnerGuard::LastOwner);
        assert_eq!(results, [members::OwnerGuard::Done, members::OwnerGuard::LastOwner]);
        let q = &mut f.store.reader();
        let owner = if members::get(q, scope, a).await.unwrap().unwrap().role == Role::Owner { a } else { b };
        let disabled = write(&f, move |tx| Box::pin(async move { members::set_disabled(tx, scope, owner, Some(NOW)).await })).await.unwrap();
        assert_eq!(disabled, members::OwnerGuard::LastOwner);
    }

    async fn an_address_signs_in_at_one_vendor_only(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let g = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await;
        let id = member(&f, "Ada@Example.com", Role::Owner).await.unwrap();
        let again = member(&g, "ada@example.com", Role::Owner).await.unwrap_err();
        assert!(again.is_conflict(Constraint::MemberEmail));
        let found = members::by_email(&mut f.store.reader(), &"ADA@example.com".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((found.id, found.scope()), (id, f.scope));
    }

    async fn bundles_of_the_last_releases_are_kept_and_no_others(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let file = |release: &str, name: &str, coding: &str| bundles::BundleFile {
            release: release.to_owned(), name: name.to_owned(), coding: coding.to_owned(),
            content_type: "text/css".to_owned(), body: release.as_bytes().to_vec(),
        };
        for (n, release) in ["one", "two", "three"].into_iter().enumerate() {
            let at = NOW.plus(Seconds(i64::try_from(n).unwrap()));
            write(&f, move |tx| Box::pin(async move { bundles::see_release(tx, release, at).await })).await.unwrap();
            for (name, coding) in [("a.css", "br"), ("a.css", "gzip"), (release, "identity")] {
                let file = file(release, name, coding);
                for _ in 0..2 {
                    let file = file.clone();
                    assert!(write(&f, move |tx| put_file(tx, file.clone())).await.unwrap(), "twice is no error");
                }
            }
        }
        let q = &mut f.store.reader();
        let names = |rows: Vec<(String, String)>| rows.into_iter().map(|(name, coding)| format!("{name}:{coding}")).collect::<BTreeSet<_>>();
        let all = names(bundles::names(q, None).await.unwrap());
        assert_eq!(all.into_iter().collect::<Vec<_>>(), ["a.css:br", "a.css:gzip", "one:identity", "three:identity", "two:identity"]);
        assert_eq!(bundles::names(q, Some("two")).await.unwrap().len(), 3);
        let found = bundles::get(q, "one", "identity").await.unwrap().unwrap();
        assert_eq!((found.content_type.as_str(), found.body.as_slice()), ("text/css", b"one".as_slice()));
        assert!(bundles::get(q, "one", "br").await.unwrap().is_none());
        // A node of the oldest starts again, so that it is not the one that goes.
        write(&f, |tx| Box::pin(async move { bundles::see_release(tx, "one", NOW.plus(Seconds(9))).await })).await.unwrap();
        write(&f, |tx| Box::pin(async move { bundles::see_release(tx, "one", NOW).await })).await.unwrap();
        assert_eq!(write(&f, |tx| Box::pin(async move { bundles::prune(tx, 2).await })).await.unwrap(), 1);
        assert!(bundles::get(q, "two", "identity").await.unwrap().is_none());
        assert!(bundles::get(q, "one", "identity").await.unwrap().is_some());
        assert!(bundles::get(q, "a.css", "gzip").await.unwrap().is_some());
        let late = file("two", "late", "br");
        assert!(!write(&f, move |tx| put_file(tx, late.clone())).await.unwrap(), "its release is gone");
    }

    async fn an_ended_session_is_not_brought_back(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let id = member(&f, "a@example.com", Role::Owner).await.unwrap();
        let session = |n: u8| sessions::SessionRow {
            id_hash: [n; 32], vendor: Some(f.scope.vendor()), member: Some(id), created_at: NOW, last_seen_at: NOW,
            idle_expires_at: NOW.plus(Seconds::HOUR), expires_at: NOW.plus(Seconds::hours(12)), data: "{}".to_owned(),
        };
        let scope = f.scope;
        for n in 1..=3 {
            let row = session(n);
            assert!(write(&f, move |tx| { let row = row.clone(); Box::pin(async move { sessions::insert(tx, &row).await }) }).await.unwrap());
        }
        let row = session(1);
        assert!(!write(&f, move |tx| { let row = row.clone(); Box::pin(async move { sessions::insert(tx, &row).await }) }).await.unwrap());
        let q = &mut f.store.reader();
        assert!(sessions::get(q, [1; 32], NOW.plus(Seconds(3_599))).await.unwrap().is_some());
        assert!(sessions::get(q, [1; 32], NOW.plus(Seconds::HOUR)).await.unwrap().is_none(), "idle for too long");
        let mut living = sessions::living(q, &[[1; 32], [3; 32], [9; 32]], NOW).await.unwrap();
        living.sort_unstable();
        assert_eq!(living, [[1; 32], [3; 32]]);
        assert!(sessions::living(q, &[[1; 32]], NOW.plus(Seconds::HOUR)).await.unwrap().is_empty(), "idle for too long");
        let later = NOW.plus(Seconds::hours(13));
        write(&f, move |tx| Box::pin(async move { sessions::touch(tx, [1; 32], NOW.plus(Seconds(60)), later).await })).await.unwrap();
        assert!(sessions::get(q, [1; 32], NOW.plus(Seconds::hours(11))).await.unwrap().is_some(), "it was used");
        assert!(sessions::get(q, [1; 32], NOW.plus(Seconds::hours(12))).await.unwrap().is_none(), "the absolute end");
        assert_eq!(write(&f, move |tx| Box::pin(async move { sessions::end_of_member(tx, scope, id, Some([2; 32])).await })).await.unwrap(), 2);
        assert_eq!(sessions::of_member(q, scope, id, NOW).await.unwrap().len(), 1);
        let row = session(1);
        assert!(!write(&f, move |tx| { let row = row.clone(); Box::pin(async move { sessions::save(tx, &row).await }) }).await.unwrap());
        assert!(sessions::get(q, [1; 32], NOW).await.unwrap().is_none());
        assert_eq!(write(&f, |tx| Box::pin(async move { sessions::prune(tx, NOW.plus(Seconds::HOUR)).await })).await.unwrap(), 1);
    }

    async fn the_set_up_code_works_once_and_only_while_nothing_exists(db: TestDb) {
        let store = db.store();
        let put = |hash: [u8; 32]| store.write::<_, StoreError, _>(WriteOptions::default(), move |tx| Box::pin(async move { setup::put_code(tx, hash, NOW).await }));
        let take = |hash: [u8; 32]| store.write::<_, StoreError, _>(WriteOptions::default(), move |tx| Box::pin(async move { setup::take_code(tx, hash, NOW).await }));
        let q = &mut store.reader();
        assert!(setup::is_unused(q).await.unwrap());
        assert!(put([1; 32]).await.unwrap() && put([2; 32]).await.unwrap());
        assert!(!setup::code_fits(q, [1; 32]).await.unwrap() && setup::code_fits(q, [2; 32]).await.unwrap());
        assert!(!take([1; 32]).await.unwrap());
        let (one, two) = tokio::join!(take([2; 32]), take([2; 32]));
        assert!(one.unwrap() ^ two.unwrap(), "of two at once, one");
        assert!(!store.write::<_, StoreError, _>(WriteOptions::default(), |tx| Box::pin(async move { setup::claim(tx, NOW).await })).await.unwrap());
        vendor(&store, terms(SeatModel::NodeLocked, 1)).await;
        assert!(!put([3; 32]).await.unwrap() && !setup::is_unused(q).await.unwrap());
    }

    async fn failed_attempts_are_counted_by_all_nodes_within_a_window(db: TestDb) {
        let nodes = [db.store(), db.another_node().await];
        let hit = |n: usize, at: i64| nodes[n].write::<_, StoreError, _>(WriteOptions::default(), move |tx| Box::pin(async move {
            throttle::hit(tx, "login:x", Seconds::MINUTE, NOW.plus(Seconds(at))).await
        }));
        assert_eq!((hit(0, 0).await.unwrap(), hit(1, 20).await.unwrap(), hit(0, 59).await.unwrap()), (1, 2, 3));
        assert_eq!(hit(1, 60).await.unwrap(), 1, "a new window");
        let q = &mut nodes[0].reader();
        assert_eq!(throttle::get(q, "login:x", Seconds::MINUTE, NOW.plus(Seconds(61))).await.unwrap().unwrap().hits, 1);
        assert!(throttle::get(q, "login:x", Seconds::MINUTE, NOW.plus(Seconds(200))).await.unwrap().is_none());
        nodes[0].write::<_, StoreError, _>(WriteOptions::default(), |tx| Box::pin(async move { throttle::clear(tx, "login:x").await })).await.unwrap();
        assert!(throttle::get(q, "login:x", Seconds::MINUTE, NOW).await.unwrap().is_none());
    }

    async fn a_token_is_found_by_its_hash_until_it_ends(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let permissions = tokens::Permissions(vec![holdfast_domain::Permission::LicensesRead, holdfast_domain::Permission::CatalogWrite]);
        let row = tokens::TokenRow {
            id: TokenId::new(NOW, &entropy()), vendor: f.scope.vendor(), name: "CI".parse().unwrap(), hash: [5; 32],
            hint: "hf_sk_abcd".to_owned(), permissions: permissions.clone(), created_by: None, created_at: NOW,
            expires_at: Some(NOW.plus(Seconds::DAY)), revoked_at: None, last_used_at: None,
        };
        let (scope, id) = (f.scope, row.id);
        write(&f, move |tx| { let row = row.clone(); Box::pin(async move { tokens::insert(tx, scope, &row).await }) }).await.unwrap();
        let q = &mut f.store.reader();
        let (found, _) = tokens::by_hash(q, [5; 32], NOW).await.unwrap().unwrap();
        assert!(found.permissions == permissions && found.scope() == scope);
        assert!(tokens::by_hash(q, [5; 32], NOW.plus(Seconds::DAY)).await.unwrap().is_none());
        assert!(write(&f, move |tx| Box::pin(async move { tokens::revoke(tx, scope, id, NOW).await })).await.unwrap());
        assert!(tokens::by_hash(q, [5; 32], NOW).await.unwrap().is_none());
    }

    async fn a_device_has_one_trial(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 1)).await;
        let tasks = (0..20).map(|_| {
            let f = f.clone();
            tokio::spawn(async move {
                let row = trials::TrialRow { id: TrialId::new(NOW, &entropy()), vendor: f.scope.vendor(), product: f.product, device: device(1), license, created_at: NOW, converted_at: None, ends_at: None };
                let scope = f.scope;
                write(&f, move |tx| { let row = row.clone(); Box::pin(async move { trials::insert(tx, scope, &row).await }) }).await.unwrap()
            })
        });
        assert_eq!(futures_all(tasks).await.into_iter().filter(|begun| *begun).count(), 1);
    }

    async fn an_idempotency_key_gives_the_first_answer_again(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let other = Fixture { store: db.another_node().await, ..f.clone() };
        // Each does the act unless it was done, as a handler does; a conflict means that another was faster.
        let act = |f: Fixture, body: u8, n: u32| async move {
            let scope = f.scope;
            loop {
                let done = write(&f, move |tx| Box::pin(async move {
                    match idempotency::look_up(tx, scope, "tok_1", "key", [body; 32], NOW.plus(DAY)).await? {
                        idempotency::Known::New => {
                            tx.event(event(scope, "acted", &n.to_string()));
                            let text = format!("answer {n}");
                            let answer = idempotency::Answer { actor: "tok_1", key: "key", body_hash: [body; 32], status: 201, body: &text };
                            idempotency::remember(tx, scope, &answer, NOW.plus(DAY), NOW).await?;
                            Ok(Some(text))
                        }
                        idempotency::Known::Answered { status, body } => { assert_eq!(status, 201); Ok(Some(body)) }
                        idempotency::Known::Mismatch => Ok(None),
                    }
                })).await;
                match done {
                    Err(error) if error.is_conflict(Constraint::IdempotencyKey) => {}
                    done => return done.unwrap(),
                }
            }
        };
        let tasks = (0..40u32).map(|n| { let f = if n % 2 == 0 { f.clone() } else { other.clone() }; tokio::spawn(async move { act(f, 1, n).await.unwrap() }) });
        let answers = futures_all(tasks).await;
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
        assert_eq!(act(f.clone(), 2, 99).await, None);
        assert!(matches!(events::verify(&mut f.store.reader(), f.scope).await.unwrap(), events::Verdict::Whole { events: 1, .. }));
        assert_eq!(write(&f, |tx| Box::pin(async move { idempotency::prune(tx, NOW.plus(Seconds(1))).await })).await.unwrap(), 1);
    }

    async fn staged_rows_keep_their_fates(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let id = ImportId::new(NOW, &entropy());
        let (scope, product) = (f.scope, f.product);
        let row = imports::ImportRow {
            id, vendor: scope.vendor(), product, plan: None, name: "a.csv".to_owned(), mapping: "{}".to_owned(),
            status: imports::ImportStatus::Staged, total: 500, accepted: 0, existing: 0, refused: 0, done: 0, created_at: NOW, updated_at: NOW,
        };
        let staged = row.clone();
        write(&f, move |tx| { let row = staged.clone(); Box::pin(async move {
            imports::insert(tx, scope, &row).await?;
            let lines: Vec<_> = (1..=500).map(|line| imports::ImportLine { import: id, line, data: vec![1], fate: imports::Fate::Create, reason: String::new(), license: None }).collect();
            imports::insert_lines(tx, scope, id, &lines).await
        }) }).await.unwrap();
        write(&f, move |tx| Box::pin(async move {
            let fates: Vec<_> = (1..=500).filter(|n| n % 5 == 0).map(|n| (n, imports::Fate::Refuse, "no key".to_owned(), None)).collect();
            imports::set_fates(tx, scope, id, &fates).await?;
            let license = LicenseId::from_bytes([3; 16]);
            imports::set_fates(tx, scope, id, &[(1, imports::Fate::Created, String::new(), Some(license))]).await
        })).await.unwrap();
        let q = &mut f.store.reader();
        let refused = imports::lines(q, scope, id, Some(imports::Fate::Refuse), 250, 1_000).await.unwrap();
        assert_eq!((refused.len(), refused[0].line, refused[0].reason.as_str()), (50, 255, "no key"));
        assert_eq!(imports::lines(q, scope, id, None, 0, 1).await.unwrap()[0].license, Some(LicenseId::from_bytes([3; 16])));
        let begin = |row: imports::ImportRow| write(&f, move |tx| {
            let row = imports::ImportRow { status: imports::ImportStatus::Running, ..row.clone() };
            Box::pin(async move { imports::update(tx, scope, imports::ImportStatus::Staged, &row).await })
        });
        let (one, two) = tokio::join!(begin(row.clone()), begin(row.clone()));
        assert!(one.unwrap() ^ two.unwrap(), "of two confirmations, one");
        assert_eq!(write(&f, move |tx| Box::pin(async move { imports::forget_lines(tx, scope, id).await })).await.unwrap(), 500);
    }

    async fn a_gateway_remembers_that_it_was_on_and_a_device_what_it_was_called(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let (scope, later) = (f.scope, NOW.plus(Seconds::DAY));
        let row = gateways::GatewayRow {
            product: f.product,
            kind: GatewayKind::Keylight,
            vendor: scope.vendor(),
            switched_off_at: None,
            settings: "{}".to_owned(),
            kid: None,
            public_key: None,
            seed_sealed: None,
            created_at: NOW,
            updated_at: NOW,
        };
        let key = (Some("k".to_owned()), Some([7; 32]), Some(vec![7]));
        let off = gateways::GatewayRow {
            switched_off_at: Some(later), created_at: later, updated_at: later,
            kid: key.0, public_key: key.1, seed_sealed: key.2, ..row.clone()
        };
        for row in [row, off.clone()] {
            write(&f, move |tx| {
                let row = row.clone();
                Box::pin(async move { gateways::put(tx, scope, &row).await })
            }).await.unwrap();
        }
        let kept = gateways::of_product(&mut f.store.reader(), scope, f.product).await.unwrap();
        assert!(!kept[0].is_on());
        assert_eq!(format!("{kept:?}"), format!("{:?}", [gateways::GatewayRow { created_at: NOW, ..off }]));

        let license = f.license(terms(SeatModel::NodeLocked, 1)).await;
        for n in [1, 2] {
            let known = migrated::KnownDevice { license, instance: "theirs".to_owned(), device: device(n) };
            write(&f, move |tx| {
                let known = known.clone();
                Box::pin(async move { migrated::note_devices(tx, scope, &[known]).await })
            }).await.unwrap();
        }
        let q = &mut f.store.reader();
        assert_eq!(migrated::device(q, scope, license, "theirs").await.unwrap(), Some(device(1)), "the first word counts");
        assert_eq!(migrated::device(q, scope, license, "THEIRS").await.unwrap(), None);
        assert!(migrated::is_known(q, scope, license, &device(1)).await.unwrap());
        assert!(!migrated::is_known(q, scope, license, &device(2)).await.unwrap());
        for (n, instance) in [(3, "second"), (4, "third")] {
            let known = migrated::KnownDevice { license, instance: instance.to_owned(), device: device(n) };
            write(&f, move |tx| {
                let known = known.clone();
                Box::pin(async move { migrated::note_device(tx, scope, &known, 2).await })
            }).await.unwrap();
        }
        let q = &mut f.store.reader();
        assert_eq!(migrated::device(q, scope, license, "second").await.unwrap(), Some(device(3)));
        assert_eq!(migrated::device(q, scope, license, "third").await.unwrap(), None, "two are noted already");
    }

    async fn numbers_of_manifests_and_lists_grow_by_one(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let (scope, product) = (f.scope, f.product);
        let tasks = (0..30).map(|_| { let f = f.clone(); tokio::spawn(async move {
            write(&f, move |tx| Box::pin(async move {
                Ok((vendors::next_manifest_seq(tx, scope).await?, products::next_revocation_seq(tx, scope, product).await?.unwrap()))
            })).await.unwrap()
        }) });
        let mut all = futures_all(tasks).await;
        all.sort_unstable();
        assert_eq!(all, (1..=30).map(|n| (n, n)).collect::<Vec<_>>());
    }

    async fn a_revoked_key_stays_revoked(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let (scope, product) = (f.scope, f.product);
        let id = holdfast_domain::SigningKeyId::new(NOW, &entropy());
        let row = signing_keys::SigningKeyRow {
            id, vendor: scope.vendor(), product: None, kind: signing_keys::KeyKind::Root, kid: "kid".to_owned(), public_key: [1; 32],
            seed_sealed: Some(vec![9; 72]), uses: "[]".to_owned(), status: signing_keys::KeyStatus::Active, nbf: NOW,
            exp: NOW.plus(Seconds::days(90)), created_at: NOW, revoked_at: None,
        };
        write(&f, move |tx| { let row = row.clone(); Box::pin(async move { signing_keys::insert(tx, scope, &row).await }) }).await.unwrap();
        let set = |status| write(&f, move |tx| Box::pin(async move { signing_keys::set_status(tx, scope, id, status, NOW, NOW).await }));
        assert!(set(signing_keys::KeyStatus::Retiring).await.unwrap());
        assert!(set(signing_keys::KeyStatus::Revoked).await.unwrap());
        assert!(!set(signing_keys::KeyStatus::Active).await.unwrap());
        let q = &mut f.store.reader();
        let key = signing_keys::of_vendor(q, scope).await.unwrap().remove(0);
        assert_eq!((key.status, key.revoked_at, key.public_key), (signing_keys::KeyStatus::Revoked, Some(NOW), [1; 32]));
        assert!(signing_keys::of_product(q, scope, product).await.unwrap().is_empty());
        assert_eq!(signing_keys::all_keys(q).await.unwrap().len(), 1);
    }

    async fn a_job_has_one_holder_and_a_growing_token(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let take = |who: &'static str, at: i64| write(&f, move |tx| Box::pin(async move {
            job_leases::acquire(tx, "prune", who, Seconds(30), NOW.plus(Seconds(at))).await
        }));
        assert_eq!(take("a", 0).await.unwrap(), Some(1));
        assert_eq!(take("b", 10).await.unwrap(), None);
        assert_eq!(take("a", 20).await.unwrap(), Some(1), "prolonged");
        assert_eq!(take("b", 49).await.unwrap(), None);
        assert_eq!(take("b", 50).await.unwrap(), Some(2), "the first holder was late");
        assert_eq!(take("a", 51).await.unwrap(), None);
        let holds = |token| write(&f, move |tx| Box::pin(async move { job_leases::still_holds(tx, "prune", token).await }));
        assert!(!holds(1).await.unwrap() && holds(2).await.unwrap());
        write(&f, |tx| Box::pin(async move { job_leases::release(tx, "prune", "b", NOW.plus(Seconds(52))).await })).await.unwrap();
        assert_eq!(take("a", 52).await.unwrap(), Some(3));
    }
}

#[test]
fn a_backup_taken_while_writing_is_whole() {
    holdfast_testkit::db::run(async {
        let db = TestDb::sqlite().await;
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 10_000)).await;
        let base = f.clone();
        let writing = (0..400u32).map(move |n| {
            let f = base.clone();
            tokio::spawn(async move { f.claim(license, n).await.map(|_| ()).unwrap() })
        });
        let writing = tokio::spawn(futures_all(writing));
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("copy.db");
        backup::backup(&db.db, &target).await.unwrap();
        writing.await.unwrap();
        let copy = Db::open(&DbUrl::Sqlite(target.clone()), DbOptions::default()).await.unwrap();
        let verdict = events::verify(&mut copy.reader(), f.scope).await.unwrap();
        let events::Verdict::Whole { events, .. } = verdict else { panic!("{verdict:?}") };
        let seats = raw::run(&copy, "SELECT count(*) FROM seats").await.unwrap()[0][0].clone().unwrap();
        assert_eq!(seats, events.to_string());
        copy.close().await;
        assert!(backup::backup(&db.db, &target).await.is_err(), "an existing file is not overwritten");
        let mut bytes = std::fs::read(&target).unwrap();
        for at in (8_192..bytes.len().min(200_000)).step_by(97) {
            bytes[at] ^= 0xff;
        }
        std::fs::write(&target, bytes).unwrap();
        assert!(backup::check_file(&target).await.is_err(), "damage is noticed");
    });
}

#[test]
fn ballast_is_really_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ballast");
    backup::reserve_ballast(&path, 1_000_000).unwrap();
    backup::reserve_ballast(&path, 1_000_000).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 1_000_000);
}
