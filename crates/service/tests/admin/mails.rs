//! Mail: put in line by what it follows from, claimed and written down, sent again, and seen by those who may.

use crate::world::*;
use holdfast_domain::{Email, MailId, NodeId, Permission, Role, Seconds};
use holdfast_fleet::{Code, Finding, Severity, Subject};
use holdfast_service::{
    Call, ErrorCode, Parts, Service, Settings,
    admin::{
        inputs::{CreateCustomer, CustomerChoice, InviteMember, IssueLicense, Transfer, UpdateCustomer},
        mails::{AlertMail, MailFilter, MailState, SetMailLook},
    },
    mail::{Notices, Template, Words},
    runtime::{
        Membership,
        mails::{MailWay, Outcome, Outgoing},
    },
};
use holdfast_testkit::{FakeClock, SeededEntropy, TestDb, both};
use std::sync::Arc;

/// The same node with a way for mail.
pub fn mailing(world: &World) -> Service {
    mailing_on(world.service.store().clone(), &world.clock)
}

pub fn mailing_on(store: holdfast_store::Store, clock: &Arc<FakeClock>) -> Service {
    let way = MailWay {
        from: text("licenses@example.com"),
        how: "through mail.example.com:465, TLS".to_owned(),
        site: "https://licenses.example.com".to_owned(),
    };
    let public_url = Some("https://licenses.example.com".to_owned());
    let settings = Settings { public_url, mail: Some(way), ..Settings::default() };
    let entropy = Arc::new(SeededEntropy::new(unique()));
    Service::new(Parts { store, clock: clock.clone(), entropy, vault: Some(vault()), settings })
}

/// What is to be sent now to one address, each as text.
pub async fn sent_to(service: &Service, to: &str) -> Vec<String> {
    let mut texts = Vec::new();
    while service.mails_are_due().await.unwrap() {
        for mail in service.claim_mails(50).await.unwrap() {
            if mail.to().as_str() == to {
                let says = mail.says.clone().unwrap();
                texts.push(format!("{}\n\n{}", says.subject, says.text));
            }
            assert_eq!(service.mail_tried(&mail, Outcome::Sent).await.unwrap(), Some(MailState::Sent));
        }
    }
    texts
}

async fn claim_one(service: &Service) -> Outgoing {
    let mut claimed = service.claim_mails(50).await.unwrap();
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

/// Every text that the database holds in some columns.
async fn stored(db: &TestDb, sql: &str) -> String {
    let rows = holdfast_store::raw::run(&db.db, sql).await.unwrap();
    rows.into_iter().flatten().flatten().collect::<Vec<_>>().join("\n")
}

fn invited(email: &str) -> InviteMember {
    InviteMember { email: text(email), role: Role::Viewer }
}

both! {
    async fn an_invitation_is_mailed_with_its_link_which_nothing_keeps(db: TestDb) {
        let world = World::new(&db).await;
        let service = mailing(&world);
        let owner = world.member(Role::Owner).await;
        let made = service.invite(&owner, invited("ada@example.com")).await.unwrap();
        assert!(made.mailed);
        let kept = "SELECT COALESCE(value, '') || template || about FROM mails";
        assert!(!stored(&db, kept).await.contains(&made.secret));
        let texts = sent_to(&service, "ada@example.com").await;
        assert_eq!(texts.len(), 1);
        assert!(texts[0].starts_with("Join Example Software on Holdfast\n\nSomebody invites you to join"), "{}", texts[0]);
        assert!(texts[0].contains(&format!("\nhttps://licenses.example.com/invite/{}\n", made.secret)), "{}", texts[0]);
        assert_eq!(stored(&db, "SELECT 'kept' FROM mails WHERE sealed IS NOT NULL").await, "");
        // A link that is replaced or taken back before it was sent is not sent any more.
        let second = service.resend_invitation(&owner, made.invitation.id).await.unwrap();
        let third = service.resend_invitation(&owner, made.invitation.id).await.unwrap();
        let texts = sent_to(&service, "ada@example.com").await;
        assert!(texts.len() == 1 && texts[0].contains(&third.secret) && !texts[0].contains(&second.secret));
        let fourth = service.resend_invitation(&owner, made.invitation.id).await.unwrap();
        service.revoke_invitation(&owner, fourth.invitation.id).await.unwrap();
        assert_eq!(sent_to(&service, "ada@example.com").await, Vec::<String>::new());
        let again = service.invite(&owner, invited("ada@example.com")).await.unwrap();
        let last = service.invite(&owner, invited("ada@example.com")).await.unwrap();
        let texts = sent_to(&service, "ada@example.com").await;
        assert!(texts.len() == 1 && texts[0].contains(&last.secret) && !texts[0].contains(&again.secret));
    }

    async fn nothing_is_put_in_line_where_no_mail_leaves(db: TestDb) {
        let world = World::new(&db).await;
        let owner = world.member(Role::Owner).await;
        let made = world.service.invite(&owner, invited("ada@example.com")).await.unwrap();
        assert!(!made.mailed && !world.service.mails_are_due().await.unwrap());
        assert_eq!(stored(&db, "SELECT recipient FROM mails").await, "");
        assert_eq!(world.service.mail_test(&owner).await.unwrap_err().code, ErrorCode::MailOff);
        assert!(world.service.mail_settings(&owner.actor).await.unwrap().way.is_none());
        // A node without the master key hands links over by hand, as before.
        let sealed = Service::new(Parts {
            store: db.store(),
            clock: world.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(unique())),
            vault: None,
            settings: mailing(&world).settings().clone(),
        });
        assert!(!sealed.invite(&owner, invited("bob@example.com")).await.unwrap().mailed);
        assert!(!sealed.mails_are_due().await.unwrap());
    }

    async fn a_link_to_a_new_password_goes_to_whom_it_is_for(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (mailing(&world), world.member(Role::Owner).await);
        let member = join(&world.service, &world.call(), "ada@example.com", Role::Support).await;
        let made = service.make_password_link(&owner, member).await.unwrap();
        assert!(made.mailed);
        let texts = sent_to(&service, "ada@example.com").await;
        assert!(texts.len() == 1 && texts[0].contains(&format!("/password/{}\n", made.secret)), "{texts:?}");
        // A link that was used before its mail could be sent is not sent any more.
        let used = service.make_password_link(&owner, member).await.unwrap();
        service.choose_password(&used.secret, "another good phrase".into(), &from("192.0.2.9")).await.unwrap();
        assert_eq!(sent_to(&service, "ada@example.com").await, Vec::<String>::new());
        // One that was not sent in a day is worth nothing.
        let late = service.make_password_link(&owner, member).await.unwrap();
        world.clock.advance(Seconds::days(1));
        assert_eq!(sent_to(&service, "ada@example.com").await, Vec::<String>::new());
        assert!(service.look_at_password_link(&late.secret).await.is_err());
    }

    async fn a_key_is_mailed_for_the_products_that_are_chosen_and_to_its_customer_alone(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (mailing(&world), world.call());
        let customer = |email: &str| {
            Some(CustomerChoice::New(CreateCustomer { email: Some(text(email)), ..CreateCustomer::default() }))
        };
        let issue = async |email: &str| {
            let input = IssueLicense { customer: customer(email), ..IssueLicense::of(world.plan) };
            service.issue_license(&call, input).await.unwrap()
        };
        issue("early@example.com").await;
        assert_eq!(sent_to(&service, "early@example.com").await, Vec::<String>::new());
        let chosen = SetMailLook { issued: vec![world.product], ..SetMailLook::default() };
        service.set_mail_look(&call, chosen).await.unwrap();
        let issued = issue("ada@example.com").await;
        assert!(!stored(&db, "SELECT COALESCE(value, '') FROM mails").await.contains(&issued.key));
        let texts = sent_to(&service, "ada@example.com").await;
        assert!(texts.len() == 1 && texts[0].contains(&issued.key), "{texts:?}");
        assert!(texts[0].starts_with("Your license for A product\n"), "{texts:?}");
        // Without an address there is nobody to mail it to.
        service.issue_license(&call, IssueLicense::of(world.plan)).await.unwrap();
        assert!(!service.mails_are_due().await.unwrap());
        // Sent again, it is the key of now; and it goes to nobody who has the license no more.
        let owner = world.member(Role::Owner).await;
        let log = async || service.mails(&owner.actor, MailFilter::default(), page()).await.unwrap().items;
        let first = log().await.into_iter().find(|mail| mail.template == Template::LicenseIssued).unwrap();
        assert!(first.can_be_sent_again && first.about == issued.license.id.to_string());
        let rekeyed = service
            .rekey_license(&call, issued.license.id, holdfast_service::admin::inputs::Rekey { reason: text("Asked") })
            .await
            .unwrap();
        let again = service.mail_again(&owner, first.id).await.unwrap();
        assert!(again.id != first.id && again.state == MailState::Queued);
        let texts = sent_to(&service, "ada@example.com").await;
        assert!(texts.len() == 1 && texts[0].contains(&rekeyed.key), "{texts:?}");
        let heir = Transfer { customer: customer("heir@example.com").unwrap(), reason: text("Sold") };
        service.transfer_license(&call, issued.license.id, heir).await.unwrap();
        assert_eq!(service.mail_again(&owner, first.id).await.unwrap_err().code, ErrorCode::MailGone);
        assert!(!service.mails_are_due().await.unwrap());
    }

    async fn an_alert_is_mailed_to_those_who_want_it(db: TestDb) {
        let world = World::new(&db).await;
        let service = mailing(&world);
        let (owner, admin) = (world.member(Role::Owner).await, world.member(Role::Admin).await);
        let developer = world.member(Role::Developer).await;
        let address = async |call: &Call| {
            let id = call.actor.member_id().unwrap();
            service.member(&world.system(), id).await.unwrap().email.to_string()
        };
        assert_eq!(service.alert_mail(&owner.actor).await.unwrap(), Some(AlertMail::Critical));
        assert_eq!(service.alert_mail(&developer.actor).await.unwrap(), None);
        assert_eq!(service.set_alert_mail(&developer, AlertMail::All).await.unwrap_err().code, ErrorCode::Forbidden);
        service.set_alert_mail(&admin, AlertMail::All).await.unwrap();
        service.join(Membership {
            id: NodeId::from_bytes([1; 16]),
            name: "node-1".to_owned(),
            region: "eu".to_owned(),
            version: "1.0".to_owned(),
            report: Box::new(|| "{}".to_owned()),
            wanted: Box::new(|_| {}),
        });
        let duty = service.announcer(None).await.unwrap().unwrap();
        let finding = |severity| Finding {
            code: Code::DiskFull,
            subject: Subject::Node("eu-1".to_owned()),
            severity,
            since: service.now(),
            left: Some(Seconds::hours(19)),
            drain_in: None,
            detail: "the disk is full in 19 h".to_owned(),
        };
        assert!(service.announce(duty, &[finding(Severity::Warning)]).await.unwrap());
        let (to_owner, to_admin) = (address(&owner).await, address(&admin).await);
        let claimed = service.claim_mails(50).await.unwrap();
        assert_eq!(claimed.iter().map(|mail| mail.to().to_string()).collect::<Vec<_>>(), std::slice::from_ref(&to_admin));
        for mail in &claimed {
            service.mail_tried(mail, Outcome::Sent).await.unwrap();
        }
        assert!(service.announce(duty, &[finding(Severity::Critical)]).await.unwrap());
        let texts = sent_to(&service, &to_owner).await;
        assert_eq!(texts.len(), 1);
        assert!(texts[0].starts_with("Critical: the disk is full in 19 h\n"), "{}", texts[0]);
        assert!(texts[0].contains("About: node:eu-1\n") && texts[0].contains("\nhttps://licenses.example.com/console/alerts/alr_"));
        assert!(service.announce(duty, &[]).await.unwrap());
        assert!(!service.mails_are_due().await.unwrap(), "what is over is not mailed");
    }

    async fn what_came_back_is_noted_at_its_address(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (mailing(&world), world.member(Role::Owner).await);
        service.invite(&owner, invited("nobody@example.com")).await.unwrap();
        let mail = claim_one(&service).await;
        let said = "550 5.1.1 <nobody@example.com>: no such user".to_owned();
        let state = service.mail_tried(&mail, Outcome::Bounced(said.clone())).await.unwrap();
        assert_eq!(state, Some(MailState::Bounced));
        let to: Email = text("nobody@example.com");
        let bounce = service.mail_bounce(&owner.actor, &to).await.unwrap();
        assert_eq!(bounce.map(|(_, said)| said), Some(said));
        // It can be sent again as it was, since its link still opens something.
        world.clock.advance(Seconds(1));
        let again = service.mail_again(&owner, mail.id()).await.unwrap();
        assert_eq!(again.to, Some(to.clone()));
        assert_eq!(sent_to(&service, to.as_str()).await.len(), 1);
        assert_eq!(service.mail_bounce(&owner.actor, &to).await.unwrap(), None);
        // A link that has run out is not sent again.
        let late = service.invite(&owner, invited("late@example.com")).await.unwrap();
        let mail = claim_one(&service).await;
        service.mail_tried(&mail, Outcome::Bounced("550 no".to_owned())).await.unwrap();
        world.clock.advance(Seconds::days(8));
        assert!(service.look_at_invitation(&late.secret).await.is_err());
        assert_eq!(service.mail_again(&owner, mail.id()).await.unwrap_err().code, ErrorCode::MailGone);
        // Once sent, its link is forgotten.
        assert_eq!(service.mail_again(&owner, again.id).await.unwrap_err().code, ErrorCode::MailGone);
        assert_eq!(service.mail_again(&owner, MailId::from_bytes([7; 16])).await.unwrap_err().code, ErrorCode::NotFound);
    }

    async fn a_mail_that_is_not_taken_is_tried_again_and_given_up_after_two_days(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (mailing(&world), world.member(Role::Owner).await);
        let test = service.mail_test(&owner).await.unwrap();
        let mut attempts = 0;
        loop {
            let mail = claim_one(&service).await;
            assert_eq!(mail.id(), test.id, "the same with every attempt");
            attempts += 1;
            let state = service.mail_tried(&mail, Outcome::Again("450 later".to_owned())).await.unwrap().unwrap();
            if state != MailState::Queued {
                assert_eq!(state, MailState::Failed);
                break;
            }
            assert!(!service.mails_are_due().await.unwrap(), "not at once");
            world.clock.advance(Seconds::hours(5));
        }
        assert!(attempts >= 9, "{attempts}");
        let log = service.mails(&owner.actor, MailFilter::default(), page()).await.unwrap().items;
        assert_eq!((log[0].state, log[0].error.as_deref(), log[0].attempts), (MailState::Failed, Some("450 later"), attempts));
    }

    async fn a_node_that_was_killed_leaves_its_mails_to_another(db: TestDb) {
        let world = World::new(&db).await;
        let (one, two) = (mailing(&world), mailing_on(db.another_node().await, &world.clock));
        let owner = world.member(Role::Owner).await;
        one.invite(&owner, invited("ada@example.com")).await.unwrap();
        let lost = claim_one(&one).await;
        assert!(two.claim_mails(50).await.unwrap().is_empty());
        world.clock.advance(Seconds::minutes(3));
        let found = claim_one(&two).await;
        assert_eq!((found.id(), &found.says), (lost.id(), &lost.says), "the same message under the same id");
        assert_eq!(two.mail_tried(&found, Outcome::Sent).await.unwrap(), Some(MailState::Sent));
        assert_eq!(one.mail_tried(&lost, Outcome::Again("late".to_owned())).await.unwrap(), None);
    }

    async fn others_see_no_addresses(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (mailing(&world), world.member(Role::Owner).await);
        service.invite(&owner, invited("ada@example.com")).await.unwrap();
        let mail = claim_one(&service).await;
        service.mail_tried(&mail, Outcome::Bounced("550 <ada@example.com> unknown".to_owned())).await.unwrap();
        for role in Role::ALL {
            let call = world.member(role).await;
            let log = service.mails(&call.actor, MailFilter::default(), page()).await.unwrap();
            let whole = matches!(role, Role::Owner | Role::Admin);
            assert_eq!(format!("{:?}", log.items).contains("ada@"), whole, "{role:?}");
            assert_eq!(log.items[0].can_be_sent_again, whole);
            let narrowed = MailFilter { recipient: Some(text("ada@example.com")), ..MailFilter::default() };
            assert_eq!(service.mails(&call.actor, narrowed, page()).await.is_ok(), whole, "{role:?}");
        }
        // Another vendor knows nothing of it.
        let other = Call::system(vendor(&service, "Stranger").await);
        assert_eq!(service.mails(&other.actor, MailFilter::default(), page()).await.unwrap().total.rows, 0);
        assert_eq!(service.mail_again(&other, mail.id()).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(service.mail_bounce(&other.actor, mail.to()).await.unwrap(), None);
        let program = world.token(&Permission::ALL).await;
        assert_eq!(service.mail_test(&program).await.unwrap_err().code, ErrorCode::Forbidden);
    }

    async fn the_vendors_look_is_in_every_mail_and_its_changes_in_the_log(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (mailing(&world), world.call());
        let look = SetMailLook {
            sender: Some(text("Example Store")),
            reply_to: Some(text("help@example.com")),
            colour: Some(text("#FF8800")),
            issued: vec![world.product],
            notices: Notices { renewal: Some(7), ..Notices::default() },
        };
        service.set_mail_look(&call, look.clone()).await.unwrap();
        let words = Words { introduction: Some(text("Welcome aboard.")), signature: Some(text("Ada of Example")) };
        service.set_mail_words(&call, Template::Invitation, words.clone()).await.unwrap();
        service.set_mail_look(&call, look).await.unwrap();
        let settings = service.mail_settings(&world.system()).await.unwrap();
        assert_eq!((settings.issued.as_slice(), settings.notices.renewal), (&[world.product][..], Some(7)));
        assert_eq!(settings.look.texts.get(&Template::Invitation), Some(&words));
        service.invite(&call, invited("ada@example.com")).await.unwrap();
        let mail = claim_one(&service).await;
        assert_eq!((mail.sender.as_str(), mail.reply_to.as_ref().map(Email::as_str)), ("Example Store", Some("help@example.com")));
        let says = mail.says.unwrap();
        assert!(says.text.starts_with("Welcome aboard.\n\nAccept invitation:\n") && says.text.ends_with("-- \nAda of Example\n"));
        assert!(says.html.contains("#ff8800"));
        let preview = service.preview_mail(&world.system(), Template::Invitation).await.unwrap();
        assert!(preview.text.starts_with("Welcome aboard.\n"));
        service.set_mail_words(&call, Template::Invitation, Words::default()).await.unwrap();
        assert!(service.mail_settings(&world.system()).await.unwrap().look.texts.is_empty());
        let told = stored(&db, "SELECT data FROM events WHERE action = 'mail.look_changed'").await;
        // What changes nothing is no event.
        assert_eq!(told.lines().count(), 3, "{told}");
        let foreign = World::new(&db).await;
        let wrong = SetMailLook { issued: vec![foreign.product], ..SetMailLook::default() };
        assert_eq!(service.set_mail_look(&call, wrong).await.unwrap_err().pointer.as_deref(), Some("/issued"));
    }

    async fn a_bounce_of_an_address_is_of_that_address(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (mailing(&world), world.call());
        service.set_mail_look(&call, SetMailLook { issued: vec![world.product], ..SetMailLook::default() }).await.unwrap();
        let customer = world.customer("typo@example.com").await;
        let input = IssueLicense { customer: Some(CustomerChoice::Existing(customer)), ..IssueLicense::of(world.plan) };
        service.issue_license(&call, input).await.unwrap();
        let mail = claim_one(&service).await;
        service.mail_tried(&mail, Outcome::Bounced("550 no".to_owned())).await.unwrap();
        let email = Some(text("right@example.com"));
        service.update_customer(&call, customer, UpdateCustomer { email, ..UpdateCustomer::default() }).await.unwrap();
        assert!(service.mail_bounce(&call.actor, &text("right@example.com")).await.unwrap().is_none());
        assert_eq!(service.mail_again(&world.member(Role::Owner).await, mail.id()).await.unwrap_err().code, ErrorCode::MailGone);
    }
}
