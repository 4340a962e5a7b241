use super::*;
use crate::{Parts, Settings, admin::inputs::InviteMember};
use holdfast_domain::FactorId;
use holdfast_store::{
    factors::{self, FactorKind, FactorRow},
    vendors,
};
use holdfast_testkit::{FakeClock, SeededEntropy, TestDb, both};
use std::sync::Arc;

async fn world(db: &TestDb) -> (Service, ProviderRow) {
    let (clock, entropy) = (Arc::new(FakeClock::default()), Arc::new(SeededEntropy::new(1)));
    let service = Service::new(Parts { store: db.store(), clock, entropy, vault: None, settings: Settings::default() });
    let (vendor, now) = (VendorId::from_bytes([7; 16]), service.now());
    let insert = service.store().write(WriteOptions::alone(), move |tx| {
        Box::pin(async move {
            let name = "Example Software".parse().map_err(Error::internal)?;
            Ok::<_, Error>(vendors::insert(tx, vendor, &name, now).await?)
        })
    });
    insert.await.unwrap();
    let provider = ProviderRow {
        vendor,
        issuer: "https://id.example.com".to_owned(),
        client_id: "holdfast".to_owned(),
        secret_sealed: Vec::new(),
        domains: r#"["example.com"]"#.to_owned(),
        new_role: Some(Role::Viewer),
        updated_at: now,
    };
    (service, provider)
}

async fn comes(service: &Service, provider: &ProviderRow, subject: &str, email: &str) -> Result<MemberRow> {
    let person = Person { email: Some(email.to_owned()), email_verified: true, name: Some("Ada".to_owned()) };
    service.member_at_provider(provider, subject, &person, &RequestInfo::default()).await
}

async fn invite(service: &Service, provider: &ProviderRow, email: &str, role: Role) {
    let input = InviteMember { email: email.parse().unwrap(), role };
    service.invite(&Call::system(provider.vendor), input).await.unwrap();
}

/// That it was refused, and why.
fn refusal(outcome: Result<MemberRow>) -> String {
    let error = outcome.unwrap_err();
    assert_eq!(error.code, ErrorCode::ProviderRefused, "{error:?}");
    format!("{error:?}")
}

both! {
    async fn whoever_was_removed_comes_back_by_an_invitation_alone(db: TestDb) {
        let (service, provider) = world(&db).await;
        let call = Call::system(provider.vendor);
        let ada = comes(&service, &provider, "ada", "ada@example.com").await.unwrap();
        assert_eq!((ada.role, comes(&service, &provider, "ada", "ada@example.com").await.unwrap().id), (Role::Viewer, ada.id));
        // Somebody who never came that way: known by the address alone.
        let row = MemberRow {
            id: MemberId::from_bytes([9; 16]),
            name: "Bob".parse().unwrap(),
            email: "bob@example.com".parse().unwrap(),
            role: Role::Admin,
            password_hash: Some("a hash".to_owned()),
            ..ada.clone()
        };
        let bob = service.become_member(row, None, None, &RequestInfo::default()).await.unwrap().id;
        for id in [ada.id, bob] {
            service.remove_member(&call, id).await.unwrap();
        }
        for name in ["ada", "bob"] {
            let why = refusal(comes(&service, &provider, name, &format!("{name}@example.com")).await);
            assert!(why.contains("the member was removed"), "{name}: {why}");
        }
        invite(&service, &provider, "ada@example.com", Role::Support).await;
        invite(&service, &provider, "bob@example.com", Role::Developer).await;
        for (name, id, role) in [("ada", ada.id, Role::Support), ("bob", bob, Role::Developer)] {
            for _ in 0..2 {
                let back = comes(&service, &provider, name, &format!("{name}@example.com")).await.unwrap();
                assert_eq!((back.id, back.role, back.disabled_at, back.password_hash), (id, role, None, None), "{name}");
            }
        }
        // An invitation of another address is nothing to them, and one is used up.
        service.remove_member(&call, ada.id).await.unwrap();
        invite(&service, &provider, "eve@example.com", Role::Viewer).await;
        refusal(comes(&service, &provider, "ada", "ada@example.com").await);
    }

    async fn a_factor_that_was_added_at_this_moment_is_asked_for(db: TestDb) {
        let (service, provider) = world(&db).await;
        let ada = comes(&service, &provider, "ada", "ada@example.com").await.unwrap();
        let (scope, now, from) = (provider.scope(), service.now(), RequestInfo::default());
        let row = FactorRow {
            id: FactorId::from_bytes([1; 16]),
            vendor: provider.vendor,
            member: ada.id,
            kind: FactorKind::Totp,
            name: "Phone".parse().unwrap(),
            secret_sealed: None,
            credential: None,
            public_key: None,
            counter: 0,
            created_at: now,
            confirmed_at: Some(now),
            last_used_at: None,
        };
        let added = service.store().write(WriteOptions::default(), job!(row => |tx| factors::insert(tx, scope, &row).await));
        added.await.unwrap();
        // As after having looked before that, and found none.
        let refused = service.let_in(&ada, None, None, None, &from).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::FactorRequired);
        let step = service.first_half(&ada, &from, None).await.unwrap();
        assert!(matches!(step, SignInStep::Factor(_)));
    }

    async fn who_comes_first_needs_an_invitation_where_nobody_new_is_let_in(db: TestDb) {
        let (service, provider) = world(&db).await;
        let closed = ProviderRow { new_role: None, ..provider };
        let why = refusal(comes(&service, &closed, "ada", "ada@example.com").await);
        assert!(why.contains("nobody has invited"), "{why}");
        invite(&service, &closed, "ada@example.com", Role::Admin).await;
        let ada = comes(&service, &closed, "ada", "ada@example.com").await.unwrap();
        assert!(ada.role.may(Permission::MembersWrite));
        // The address of a member, and somebody else at the provider.
        refusal(comes(&service, &closed, "another", "ada@example.com").await);
    }
}
