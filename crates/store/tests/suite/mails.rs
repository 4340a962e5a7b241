//! Mails in line: each is tried by one node at a time, none is lost, and what is over is not sent.

use crate::support::{Fixture, NOW, entropy, terms, vendor};
use holdfast_domain::{Email, MailId, SeatModel, Seconds, Timestamp};
use holdfast_store::{
    Constraint, PageRequest, Store, StoreError, WriteOptions,
    mails::{self, LookRow, MailFilter, MailRow, MailState, PATIENCE, Template},
    members::{self, AlertMail, MemberRow},
    notices,
};
use holdfast_testkit::both;
use std::collections::BTreeMap;

const CLAIM: Seconds = Seconds::minutes(3);

fn mail(f: &Fixture, to: &str) -> MailRow {
    MailRow {
        id: MailId::new(NOW, &entropy()),
        vendor: f.scope.vendor(),
        template: Template::Invitation,
        recipient: to.parse().unwrap(),
        about: format!("inv_{to}"),
        value: None,
        sealed: Some(vec![1, 2, 3]),
        state: MailState::Queued,
        attempts: 0,
        next_at: NOW,
        expires_at: NOW.plus(PATIENCE),
        error: None,
        created_at: NOW,
        ended_at: None,
    }
}

async fn put(store: &Store, rows: Vec<MailRow>) {
    let put: Result<(), StoreError> = store
        .write(WriteOptions::default(), move |tx| {
            let rows = rows.clone();
            Box::pin(async move { mails::put(tx, &rows).await })
        })
        .await;
    put.unwrap();
}

async fn claim(store: &Store, now: Timestamp, limit: u32) -> Vec<MailRow> {
    store
        .write::<_, StoreError, _>(WriteOptions::default(), move |tx| {
            Box::pin(async move { mails::claim(tx, now, now.plus(CLAIM), limit).await })
        })
        .await
        .unwrap()
}

async fn record(store: &Store, row: MailRow) -> bool {
    store
        .write::<_, StoreError, _>(WriteOptions::default(), move |tx| {
            let row = row.clone();
            Box::pin(async move { mails::record(tx, &row).await })
        })
        .await
        .unwrap()
}

async fn end_overdue(store: &Store, now: Timestamp) -> Vec<MailState> {
    store
        .write::<_, StoreError, _>(WriteOptions::default(), move |tx| {
            Box::pin(async move { mails::end_overdue(tx, now).await })
        })
        .await
        .unwrap()
}

async fn get(f: &Fixture, id: MailId) -> MailRow {
    mails::get(&mut f.store.reader(), f.scope, id).await.unwrap().unwrap()
}

both! {
    async fn two_nodes_never_try_one_mail_at_once(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let nodes = [f.store.clone(), db.another_node().await, db.another_node().await];
        put(&f.store, (0..60).map(|n| mail(&f, &format!("p{n}@example.com"))).collect()).await;
        let tasks = nodes.clone().into_iter().map(|node| {
            tokio::spawn(async move {
                let mut taken = Vec::new();
                loop {
                    let some = claim(&node, NOW, 4).await;
                    if some.is_empty() {
                        return taken;
                    }
                    taken.extend(some.into_iter().map(|mail| (mail.id, mail.attempts)));
                }
            })
        });
        let mut by_mail: BTreeMap<MailId, usize> = BTreeMap::new();
        for task in tasks {
            for (id, attempts) in task.await.unwrap() {
                assert_eq!(attempts, 1);
                *by_mail.entry(id).or_default() += 1;
            }
        }
        assert_eq!(by_mail.len(), 60);
        assert!(by_mail.values().all(|times| *times == 1), "{by_mail:?}");
    }

    async fn what_was_claimed_and_not_written_down_is_tried_again_under_the_same_id(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let new = mail(&f, "ada@example.com");
        put(&f.store, vec![new.clone()]).await;
        let first = claim(&f.store, NOW, 10).await;
        assert_eq!(first.iter().map(|mail| (mail.id, mail.attempts)).collect::<Vec<_>>(), [(new.id, 1)]);
        // The node was killed after the mail server took it. Nobody tries it while it could still be at it.
        let other = db.another_node().await;
        assert!(!mails::is_due(&mut other.reader(), NOW.plus(Seconds(179))).await.unwrap());
        assert!(claim(&other, NOW.plus(Seconds(179)), 10).await.is_empty());
        let later = NOW.plus(CLAIM);
        assert!(mails::is_due(&mut other.reader(), later).await.unwrap());
        let second = claim(&other, later, 10).await.remove(0);
        assert_eq!((second.id, second.attempts, second.sealed.as_deref()), (new.id, 2, Some(&[1, 2, 3][..])));
        // What the first has to say now is no longer heard.
        let stale = MailRow { state: MailState::Bounced, ended_at: Some(later), ..first[0].clone() };
        assert!(!record(&f.store, stale).await);
        let sent = MailRow { state: MailState::Sent, sealed: None, ended_at: Some(later), ..second };
        assert!(record(&other, sent.clone()).await);
        assert!(!record(&other, sent).await, "it is over");
        let now = get(&f, new.id).await;
        assert_eq!((now.state, now.sealed, now.ended_at), (MailState::Sent, None, Some(later)));
        assert!(claim(&other, later.plus(PATIENCE), 10).await.is_empty());
    }

    async fn a_mail_is_there_exactly_when_what_it_follows_from_is(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let (lost, kept) = (mail(&f, "lost@example.com"), mail(&f, "kept@example.com"));
        let row = lost.clone();
        let failed: Result<(), StoreError> = f.store
            .write(WriteOptions::default(), move |tx| {
                let row = row.clone();
                Box::pin(async move {
                    mails::put(tx, &[row]).await?;
                    Err(StoreError::Conflict(Constraint::Reference))
                })
            })
            .await;
        assert!(failed.is_err());
        put(&f.store, vec![kept.clone()]).await;
        let again = db.another_node().await;
        let all = mails::list(&mut again.reader(), f.scope, &MailFilter::default(), &PageRequest::default()).await.unwrap();
        assert_eq!(all.items.iter().map(|mail| mail.id).collect::<Vec<_>>(), [kept.id]);
    }

    async fn those_go_first_that_have_been_due_for_the_longest(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let usual = mail(&f, "usual@example.com");
        let waited_for = MailRow { next_at: NOW.plus(Seconds(-86_400)), ..mail(&f, "waits@example.com") };
        let not_yet = MailRow { next_at: NOW.plus(Seconds(1)), ..mail(&f, "later@example.com") };
        put(&f.store, vec![usual.clone(), not_yet, waited_for.clone()]).await;
        assert_eq!(claim(&f.store, NOW, 1).await[0].id, waited_for.id);
        assert_eq!(claim(&f.store, NOW, 5).await.iter().map(|mail| mail.id).collect::<Vec<_>>(), [usual.id]);
    }

    async fn what_is_over_is_not_sent_and_its_secret_is_forgotten(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let link = MailRow { expires_at: NOW.plus(Seconds::minutes(15)), ..mail(&f, "link@example.com") };
        let long = mail(&f, "long@example.com");
        let about = mail(&f, "revoked@example.com");
        let tried = MailRow { expires_at: NOW.plus(Seconds::minutes(15)), ..mail(&f, "tried@example.com") };
        put(&f.store, vec![link.clone(), long.clone(), about.clone(), tried.clone()]).await;
        assert_eq!(end_overdue(&f.store, NOW).await, []);
        let (scope, subject) = (f.scope, about.about.clone());
        let ended: Result<(), StoreError> = f.store
            .write(WriteOptions::default(), move |tx| {
                let subject = subject.clone();
                Box::pin(async move { mails::end_about(tx, scope, &subject, NOW).await })
            })
            .await;
        ended.unwrap();
        // Somebody is trying one of them when its link runs out.
        let late = NOW.plus(Seconds::minutes(16));
        put(&f.store, vec![MailRow { next_at: late.plus(CLAIM), attempts: 1, ..mail(&f, "busy@example.com") }]).await;
        let claimed = MailRow { next_at: late.plus(CLAIM), attempts: 1, id: MailId::new(NOW, &entropy()), ..tried.clone() };
        put(&f.store, vec![claimed.clone()]).await;
        assert_eq!(end_overdue(&f.store, late).await, [MailState::Expired, MailState::Expired]);
        assert_eq!(get(&f, claimed.id).await.state, MailState::Queued);
        for id in [link.id, about.id, tried.id] {
            let mail = get(&f, id).await;
            assert_eq!((mail.state, mail.sealed), (MailState::Expired, None), "{}", mail.recipient);
        }
        assert_eq!(end_overdue(&f.store, NOW.plus(PATIENCE)).await.iter().filter(|state| **state == MailState::Failed).count(), 2);
        let given_up = get(&f, long.id).await;
        assert_eq!((given_up.state, given_up.sealed.is_some()), (MailState::Failed, true), "it can be sent again");
    }

    async fn what_came_back_is_known_of_the_address_until_something_arrives(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let other = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await;
        let to: Email = "ada@example.com".parse().unwrap();
        let bounce = async |f: &Fixture| mails::bounce(&mut f.store.reader(), f.scope, &to).await.unwrap();
        let said = Some("550 no such user".to_owned());
        let back = MailRow { state: MailState::Bounced, error: said, ended_at: Some(NOW), ..mail(&f, "ada@example.com") };
        put(&f.store, vec![back]).await;
        assert_eq!(bounce(&f).await, Some((NOW, "550 no such user".to_owned())));
        assert_eq!(bounce(&other).await, None, "of another vendor");
        // What only waits says nothing; what arrives does.
        let later = |state| MailRow {
            id: MailId::new(NOW.plus(Seconds(5)), &entropy()), state, ended_at: Some(NOW), ..mail(&f, "ada@example.com")
        };
        put(&f.store, vec![later(MailState::Failed)]).await;
        assert!(bounce(&f).await.is_some());
        put(&f.store, vec![later(MailState::Sent)]).await;
        assert_eq!(bounce(&f).await, None);
    }

    async fn how_much_waits_is_known(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let waiting = async || mails::waiting(&mut f.store.reader()).await.unwrap();
        assert_eq!(waiting().await, (0, None, None));
        let old = MailRow { created_at: NOW.plus(Seconds(-60)), ..mail(&f, "a@example.com") };
        let sent = MailRow { state: MailState::Sent, ended_at: Some(NOW.plus(Seconds(-9))), ..mail(&f, "c@example.com") };
        put(&f.store, vec![old, mail(&f, "b@example.com"), sent]).await;
        assert_eq!(waiting().await, (2, Some(NOW.plus(Seconds(-60))), Some(NOW.plus(Seconds(-9)))));
        let pruned = f.store.write::<_, StoreError, _>(WriteOptions::default(), |tx| {
            Box::pin(async move { mails::prune(tx, NOW).await })
        });
        assert!(!pruned.await.unwrap());
        assert_eq!(waiting().await.0, 1);
    }

    async fn a_list_is_of_one_vendor_and_narrowed(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let other = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await;
        let later = MailId::new(NOW.plus(Seconds(1)), &entropy());
        let back = MailRow { id: later, state: MailState::Bounced, ..mail(&f, "b@example.com") };
        put(&f.store, vec![mail(&f, "a@example.com"), back, mail(&other, "a@example.com")]).await;
        let count = async |f: &Fixture, filter: MailFilter| {
            mails::list(&mut f.store.reader(), f.scope, &filter, &PageRequest::default()).await.unwrap().total.rows
        };
        assert_eq!(count(&f, MailFilter::default()).await, 2);
        assert_eq!(count(&other, MailFilter::default()).await, 1);
        let bounced = MailFilter { state: Some(MailState::Bounced), ..MailFilter::default() };
        assert_eq!(count(&f, bounced).await, 1);
        let to = MailFilter { recipient: Some("a@example.com".parse().unwrap()), ..MailFilter::default() };
        assert_eq!(count(&f, to).await, 1);
        let newest_to = async |addresses: &[&str], limit| {
            let addresses: Vec<Email> = addresses.iter().map(|address| address.parse().unwrap()).collect();
            let rows = mails::newest_to(&mut f.store.reader(), f.scope, &addresses, limit).await.unwrap();
            rows.iter().map(|row| row.recipient.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(newest_to(&["b@example.com", "a@example.com", "c@example.com"], 9).await, ["b@example.com", "a@example.com"]);
        assert_eq!(newest_to(&["a@example.com", "b@example.com"], 1).await, ["b@example.com"]);
        assert!(newest_to(&["c@example.com"], 9).await.is_empty() && newest_to(&[], 9).await.is_empty());
        // A newer version beside this one mails what this one does not know.
        holdfast_store::raw::run(&db.db, "UPDATE mails SET template = 'of_a_newer_version' WHERE state = 'queued'").await.unwrap();
        assert!(claim(&f.store, NOW, 10).await.is_empty());
        assert_eq!(count(&f, MailFilter::default()).await, 1);
    }

    async fn what_was_told_is_known_until_it_is_forgotten(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let scope = f.scope;
        let mut ends = Vec::new();
        for day in 0..3 {
            let license = f.license(terms(SeatModel::NodeLocked, 1)).await;
            ends.push((license, NOW.plus(Seconds::days(day))));
        }
        let note = async |ends: Vec<_>| {
            let noted: Result<Vec<_>, StoreError> = f.store
                .write(WriteOptions::default(), move |tx| {
                    let ends = ends.clone();
                    Box::pin(async move { notices::note_ends(tx, scope, &ends).await })
                })
                .await;
            noted.unwrap().len()
        };
        assert_eq!((note(ends[..2].to_vec()).await, note(ends.clone()).await, note(ends.clone()).await), (2, 1, 0));
        assert_eq!(note(vec![(ends[0].0, NOW.plus(Seconds(1)))]).await, 1, "another end");
        let forgot: Result<bool, StoreError> = f.store
            .write(WriteOptions::default(), move |tx| {
                Box::pin(async move { notices::prune(tx, NOW.plus(Seconds(1))).await })
            })
            .await;
        assert!(!forgot.unwrap(), "there is no more");
        assert_eq!(note(ends).await, 1, "the first is forgotten");
    }

    async fn a_look_is_set_and_set_again(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        assert!(mails::look(&mut f.store.reader(), f.scope).await.unwrap().is_none());
        for sender in [None, Some("Example")] {
            let row = LookRow {
                vendor: f.scope.vendor(),
                sender: sender.map(|name| name.parse().unwrap()),
                reply_to: Some("help@example.com".parse().unwrap()),
                colour: Some("#2b59c3".parse().unwrap()),
                texts: "{}".to_owned(),
                issued: "[]".to_owned(),
                notices: "{}".to_owned(),
                updated_at: NOW,
            };
            let (scope, row) = (f.scope, row);
            let set: Result<(), StoreError> = f.store
                .write(WriteOptions::default(), move |tx| {
                    let row = row.clone();
                    Box::pin(async move {
                        mails::lock_look(tx, scope).await?;
                        mails::set_look(tx, scope, &row).await
                    })
                })
                .await;
            set.unwrap();
            let look = mails::look(&mut f.store.reader(), f.scope).await.unwrap().unwrap();
            assert_eq!(look.sender.map(|name| name.to_string()).as_deref(), sender);
        }
    }

    async fn alerts_are_for_owners_and_admins_who_want_them(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let other = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await;
        let add = async |f: &Fixture, email: &str, role: &str, wants: Option<AlertMail>, gone: bool| {
            let member = MemberRow {
                id: holdfast_domain::MemberId::new(NOW, &entropy()),
                vendor: f.scope.vendor(),
                email: email.parse().unwrap(),
                name: "Somebody".parse().unwrap(),
                role: holdfast_domain::Role::from_name(role).unwrap(),
                password_hash: None,
                totp_sealed: None,
                created_at: NOW,
                last_login_at: None,
                disabled_at: gone.then_some(NOW),
                factor_due_at: None,
            };
            let scope = f.scope;
            let added: Result<(), StoreError> = f.store
                .write(WriteOptions::default(), move |tx| {
                    let member = member.clone();
                    Box::pin(async move {
                        members::insert(tx, scope, &member).await?;
                        if let Some(wants) = wants {
                            assert!(members::set_alert_mail(tx, scope, member.id, wants).await?);
                        }
                        assert_eq!(members::alert_mail(tx, scope, member.id).await?, wants.unwrap_or(AlertMail::Critical));
                        Ok(())
                    })
                })
                .await;
            added.unwrap();
        };
        add(&f, "usual@example.com", "owner", None, false).await;
        add(&f, "all@example.com", "admin", Some(AlertMail::All), false).await;
        add(&f, "none@example.com", "admin", Some(AlertMail::None), false).await;
        add(&f, "gone@example.com", "owner", Some(AlertMail::All), true).await;
        add(&f, "developer@example.com", "developer", Some(AlertMail::All), false).await;
        add(&other, "other@example.com", "owner", None, false).await;
        let alerted = async |vendor, critical| {
            let found = members::alerted(&mut f.store.reader(), vendor, critical).await.unwrap();
            let mut to: Vec<String> = found.into_iter().map(|(_, email)| email.to_string()).collect();
            to.sort();
            to.join(" ")
        };
        let own = Some(f.scope.vendor());
        assert_eq!(alerted(own, true).await, "all@example.com usual@example.com");
        assert_eq!(alerted(own, false).await, "all@example.com");
        assert_eq!(alerted(None, true).await, "all@example.com other@example.com usual@example.com");
    }
}
