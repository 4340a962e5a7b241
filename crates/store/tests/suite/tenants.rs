//! Nothing of one vendor is ever visible to another: with the ids of one in the scope of another, every function answers
//! as for ids that do not exist.

use crate::support::{Fixture, NOW, device, entropy, event, request, terms, vendor};
use holdfast_domain::{
    CustomerId, CustomerPersonId, CustomerRole, GatewayKind, ImportId, LicenseId, LicenseState, MemberId, NoteId,
    OrderId, PlanId, ProductId, ReplyId, Role, SeatId, SeatModel, Seconds, SigningKeyId, Timestamp, TokenId, TrialId,
};
use holdfast_store::{
    Constraint, Counted, PageRequest, Scope, StoreError, Tx, WriteOptions, customer_people, customers, events,
    gateways, idempotency, imports, licenses, members, migrated, notes, orders, plans, portal_sessions, portals,
    products, replies, seats, sessions, signing_keys, tokens, trials, vendors,
};
use holdfast_testkit::both;

/// One of everything of a vendor.
#[derive(Clone)]
struct Everything {
    f: Fixture,
    member: MemberId,
    customer: CustomerId,
    order: OrderId,
    license: LicenseId,
    seat: SeatId,
    token: TokenId,
    key: SigningKeyId,
    import: ImportId,
    note: NoteId,
    person: CustomerPersonId,
    reply: ReplyId,
    tag: u8,
}

impl Everything {
    async fn of(f: Fixture, tag: u8) -> Self {
        let license = f.license(terms(SeatModel::NodeLocked, 5)).await;
        let customer = f.customer("Somebody", &format!("somebody{tag}@example.com")).await;
        let claim = f.claim(license, u32::from(tag)).await.unwrap();
        let seats::Claim::Claimed(claimed) = claim else { panic!("{claim:?}") };
        let e = entropy();
        let all = Self {
            member: MemberId::new(NOW, &e),
            order: OrderId::new(NOW, &e),
            token: TokenId::new(NOW, &e),
            key: SigningKeyId::new(NOW, &e),
            import: ImportId::new(NOW, &e),
            note: NoteId::new(NOW, &e),
            person: CustomerPersonId::new(NOW, &e),
            reply: ReplyId::new(NOW, &e),
            seat: claimed.seat.seat.id,
            license,
            customer,
            tag,
            f,
        };
        let own = all.clone();
        all.f
            .store
            .write::<_, StoreError, _>(WriteOptions::default(), move |tx| {
                let own = own.clone();
                Box::pin(async move { own.fill(tx).await })
            })
            .await
            .unwrap();
        all
    }

    fn reply_row(&self) -> replies::ReplyRow {
        replies::ReplyRow {
            id: self.reply,
            vendor: self.f.scope.vendor(),
            name: format!("Reply {}", self.tag).parse().unwrap(),
            text: "Dear {customer}".parse().unwrap(),
            created_at: NOW,
            updated_at: NOW,
        }
    }

    #[allow(clippy::too_many_lines)] // a row of each table
    async fn fill(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let (scope, vendor, tag) = (self.f.scope, self.f.scope.vendor(), self.tag);
        members::insert(tx, scope, &self.member_row()).await?;
        let order = orders::OrderRow {
            id: self.order,
            vendor,
            customer: Some(self.customer),
            external_id: format!("order-{tag}"),
            status: orders::OrderStatus::Paid,
            created_at: NOW,
            updated_at: NOW,
            refunded_at: None,
        };
        orders::insert(tx, scope, &order).await?;
        tokens::insert(tx, scope, &self.token_row()).await?;
        let key = signing_keys::SigningKeyRow {
            id: self.key,
            vendor,
            product: Some(self.f.product),
            kind: signing_keys::KeyKind::Issuing,
            kid: format!("kid{tag}"),
            public_key: [tag; 32],
            seed_sealed: Some(vec![tag]),
            uses: "[\"lease\"]".to_owned(),
            status: signing_keys::KeyStatus::Active,
            nbf: NOW,
            exp: NOW.plus(Seconds::DAY),
            created_at: NOW,
            revoked_at: None,
        };
        signing_keys::insert(tx, scope, &key).await?;
        imports::insert(tx, scope, &self.import_row()).await?;
        let note = notes::NoteRow {
            id: self.note,
            vendor,
            license: Some(self.license),
            customer: None,
            author: "{\"type\":\"system\"}".to_owned(),
            text: "A note".parse().unwrap(),
            created_at: NOW,
            edited_at: None,
        };
        notes::insert(tx, scope, &note).await?;
        replies::insert(tx, scope, &self.reply_row()).await?;
        let line = imports::ImportLine {
            import: self.import,
            line: 1,
            data: vec![1],
            fate: imports::Fate::Create,
            reason: String::new(),
            license: None,
        };
        imports::insert_lines(tx, scope, self.import, &[line]).await?;
        let session = sessions::SessionRow {
            id_hash: [tag; 32],
            vendor: Some(vendor),
            member: Some(self.member),
            created_at: NOW,
            last_seen_at: NOW,
            idle_expires_at: NOW.plus(Seconds::HOUR),
            expires_at: NOW.plus(Seconds::DAY),
            data: "{}".to_owned(),
        };
        assert!(sessions::insert(tx, &session).await?);
        let person = customer_people::CustomerPersonRow {
            id: self.person,
            vendor,
            customer: self.customer,
            email: format!("person{tag}@example.com").parse().unwrap(),
            name: None,
            role: CustomerRole::User,
            created_at: NOW,
            last_login_at: None,
        };
        assert!(customer_people::insert(tx, scope, &person).await?);
        assert!(!customer_people::insert(tx, scope, &person).await?, "of one address a customer has one person");
        let session = portal_sessions::PortalSessionRow {
            id_hash: [tag; 32],
            vendor,
            customer: self.customer,
            person: Some(self.person),
            license: None,
            created_at: NOW,
            last_seen_at: NOW,
            idle_expires_at: NOW.plus(Seconds::HOUR),
            expires_at: NOW.plus(Seconds::DAY),
            origin: String::new(),
            browser: String::new(),
        };
        portal_sessions::insert(tx, scope, &session).await?;
        let renew = Some("https://example.com".to_owned());
        portals::put_links(tx, scope, &portals::PlanLinksRow { vendor, plan: self.f.plan, renew, upgrade: None })
            .await?;
        let trial = trials::TrialRow {
            id: TrialId::new(NOW, &entropy()),
            vendor,
            product: self.f.product,
            device: device(u32::from(tag)),
            license: self.license,
            created_at: NOW,
            converted_at: None,
            ends_at: None,
        };
        assert!(trials::insert(tx, scope, &trial).await?);
        seats::note_release_by_key(tx, scope, self.license, self.seat, NOW.plus(Seconds(1))).await?;
        let answer = idempotency::Answer {
            actor: "tok_shared",
            key: &format!("k{tag}"),
            body_hash: [tag; 32],
            status: 201,
            body: "{}",
        };
        idempotency::remember(tx, scope, &answer, NOW, NOW).await?;
        gateways::put(tx, scope, &self.gateway_row()).await?;
        let known = migrated::KnownDevice { license: self.license, instance: "theirs".to_owned(), device: device(1) };
        migrated::note_devices(tx, scope, &[known]).await?;
        tx.event(event(scope, "x", &self.license.to_string()));
        Ok(())
    }

    fn gateway_row(&self) -> gateways::GatewayRow {
        gateways::GatewayRow {
            product: self.f.product,
            kind: GatewayKind::Keygen,
            vendor: self.f.scope.vendor(),
            switched_off_at: None,
            settings: "{}".to_owned(),
            kid: Some(format!("kid{}", self.tag)),
            public_key: Some([self.tag; 32]),
            seed_sealed: Some(vec![self.tag]),
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn member_row(&self) -> members::MemberRow {
        members::MemberRow {
            id: self.member,
            vendor: self.f.scope.vendor(),
            email: format!("member{}@example.com", self.tag).parse().unwrap(),
            name: "Member".parse().unwrap(),
            role: Role::Owner,
            password_hash: None,
            totp_sealed: None,
            created_at: NOW,
            last_login_at: None,
            disabled_at: None,
            factor_due_at: None,
        }
    }

    fn token_row(&self) -> tokens::TokenRow {
        tokens::TokenRow {
            id: self.token,
            vendor: self.f.scope.vendor(),
            name: "Token".parse().unwrap(),
            hash: [self.tag; 32],
            hint: "hf_sk_abcd".to_owned(),
            permissions: tokens::Permissions(vec![holdfast_domain::Permission::LicensesRead]),
            created_by: Some(self.member),
            created_at: NOW,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        }
    }

    fn import_row(&self) -> imports::ImportRow {
        imports::ImportRow {
            id: self.import,
            vendor: self.f.scope.vendor(),
            product: self.f.product,
            plan: Some(self.f.plan),
            name: "customers.csv".to_owned(),
            mapping: "{}".to_owned(),
            status: imports::ImportStatus::Staged,
            total: 1,
            accepted: 1,
            existing: 0,
            refused: 0,
            done: 0,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    /// How much of `self` is visible in `scope`: a list of what was found.
    async fn visible(&self, scope: Scope) -> Vec<&'static str> {
        let q = &mut self.f.store.reader();
        let mut found = Vec::new();
        let mut see = |what, seen: bool| {
            if seen {
                found.push(what);
            }
        };
        see("member", members::get(q, scope, self.member).await.unwrap().is_some());
        see("sessions", !sessions::of_member(q, scope, self.member, NOW).await.unwrap().is_empty());
        see("product", products::get(q, scope, self.f.product).await.unwrap().is_some());
        see("plan", plans::get(q, scope, self.f.plan).await.unwrap().is_some());
        see("plan by code", plans::by_code(q, scope, self.f.product, &"pro".parse().unwrap()).await.unwrap().is_some());
        see("customer", customers::get(q, scope, self.customer).await.unwrap().is_some());
        see("customers", !customers::get_many(q, scope, &[self.customer]).await.unwrap().is_empty());
        let email = format!("somebody{}@example.com", self.tag).parse().unwrap();
        see("customer by e-mail", customers::by_email(q, scope, &email).await.unwrap().is_some());
        see("customers by e-mail", !customers::by_emails(q, scope, &[email]).await.unwrap().is_empty());
        let number = format!("order-{}", self.tag);
        see("order", orders::get(q, scope, self.order).await.unwrap().is_some());
        see("order by number", orders::by_external_id(q, scope, &number).await.unwrap().is_some());
        see("orders by number", !orders::by_external_ids(q, scope, &[number]).await.unwrap().is_empty());
        see("license", licenses::get(q, scope, self.license).await.unwrap().is_some());
        let mut hash = [0; 32];
        hash[..16].copy_from_slice(&self.license.to_bytes());
        see("hashes", !licenses::existing_hashes(q, scope, self.f.product, &[hash]).await.unwrap().is_empty());
        see("key", !licenses::by_key_hash_anywhere(q, scope, hash).await.unwrap().is_empty());
        see("seat", seats::get(q, scope, self.seat).await.unwrap().is_some());
        see("seats", !seats::active_of_license(q, scope, self.license).await.unwrap().is_empty());
        see("count", seats::count_taken(q, scope, self.license).await.unwrap() != 0);
        see("releases", seats::releases_by_key(q, scope, self.license, NOW).await.unwrap() != 0);
        let trial = trials::of_device(q, scope, self.f.product, &device(u32::from(self.tag))).await.unwrap();
        see("trial", trial.is_some());
        see("token", tokens::get(q, scope, self.token).await.unwrap().is_some());
        see("signing key", signing_keys::get(q, scope, self.key).await.unwrap().is_some());
        see("product keys", !signing_keys::of_product(q, scope, self.f.product).await.unwrap().is_empty());
        see("import", imports::get(q, scope, self.import).await.unwrap().is_some());
        see("lines", !imports::lines(q, scope, self.import, None, 0, 10).await.unwrap().is_empty());
        see("note", notes::get(q, scope, self.note).await.unwrap().is_some());
        let about = notes::NoteSubject::License(self.license);
        see("notes", !notes::list(q, scope, about, &PageRequest::default()).await.unwrap().items.is_empty());
        see("reply", replies::get(q, scope, self.reply).await.unwrap().is_some());
        see("replies", replies::list(q, scope).await.unwrap().iter().any(|row| row.id == self.reply));
        let dev = device(u32::from(self.tag));
        see("device", !seats::of_device(q, scope, &dev, 9).await.unwrap().is_empty());
        see("orders", !orders::get_many(q, scope, &[self.order]).await.unwrap().is_empty());
        see("seats taken", !seats::taken_since(q, scope, &[self.license], NOW, 9).await.unwrap().unwrap().is_empty());
        let subjects = [self.license.to_string()];
        let told = events::about(q, scope, &subjects, events::Told::All, &PageRequest::default()).await.unwrap();
        see("time line", !told.items.is_empty());
        see("events since", !events::since(q, scope, &subjects, Timestamp::default(), 9).await.unwrap().is_empty());
        see("person", customer_people::get(q, scope, self.person).await.unwrap().is_some());
        see("people", !customer_people::of_customer(q, scope, self.customer).await.unwrap().is_empty());
        let email = format!("person{}@example.com", self.tag).parse().unwrap();
        see("people by e-mail", !customer_people::by_email(q, scope, &email).await.unwrap().is_empty());
        see("portal sessions", !portal_sessions::of_person(q, scope, self.person, NOW).await.unwrap().is_empty());
        see("links", !portals::links(q, scope, &[self.f.plan]).await.unwrap().is_empty());
        see("license's trial", trials::of_license(q, scope, self.license).await.unwrap().is_some());
        let funnel = trials::funnel(q, scope, self.f.product, Timestamp::default(), NOW).await.unwrap();
        see("funnel", funnel.started > 0);
        let known =
            idempotency::look_up(q, scope, "tok_shared", &format!("k{}", self.tag), [self.tag; 32], NOW).await.unwrap();
        see("answer", known != idempotency::Known::New);
        see("gateway", !gateways::of_product(q, scope, self.f.product).await.unwrap().is_empty());
        see("known device", migrated::device(q, scope, self.license, "theirs").await.unwrap().is_some());
        see("device is known", migrated::is_known(q, scope, self.license, &device(1)).await.unwrap());
        let by_license = seats::SeatFilter { license: Some(self.license), ..Default::default() };
        see("seat list", !seats::list(q, scope, &by_license, &PageRequest::default()).await.unwrap().items.is_empty());
        let by_customer = licenses::LicenseFilter { product: Some(self.f.product), ..Default::default() };
        let list = licenses::list(q, scope, &by_customer, &PageRequest::default(), NOW).await.unwrap();
        see("license list", !list.items.is_empty() || list.total.rows != 0);
        let by_subject = events::EventFilter { subject: Some(self.license.to_string()), ..Default::default() };
        see("events", !events::list(q, scope, &by_subject, &PageRequest::default()).await.unwrap().items.is_empty());
        found
    }

    /// Tries to change everything of `self` in `scope`; returns what could be.
    async fn changeable(&self, scope: Scope) -> Vec<&'static str> {
        let own = self.clone();
        self.f
            .store
            .write::<_, StoreError, _>(WriteOptions::alone(), move |tx| {
                let own = own.clone();
                Box::pin(async move { own.change(tx, scope).await })
            })
            .await
            .unwrap()
    }

    async fn change(&self, tx: &mut Tx, scope: Scope) -> Result<Vec<&'static str>, StoreError> {
        let mut done = Vec::new();
        let mut note = |what, changed: bool| {
            if changed {
                done.push(what);
            }
        };
        note("password", members::set_password(tx, scope, self.member, "x").await?);
        let role = members::set_role(tx, scope, self.member, Role::Owner).await?;
        note("role", role != members::OwnerGuard::Absent);
        let disabled = members::set_disabled(tx, scope, self.member, None).await?;
        note("disabled", disabled != members::OwnerGuard::Absent);
        members::signed_in(tx, scope, self.member, NOW).await?;
        let mut product = products::get(tx, self.f.scope, self.f.product).await?.unwrap();
        product.updated_at = NOW;
        note("product", products::update(tx, scope, &product).await?);
        note("revocations", products::next_revocation_seq(tx, scope, self.f.product).await?.is_some());
        let plan = plans::get(tx, self.f.scope, self.f.plan).await?.unwrap();
        note("plan lock", plans::lock(tx, scope, self.f.plan).await?.is_some());
        note("plan", plans::update(tx, scope, &plan).await?);
        let customer = customers::get(tx, self.f.scope, self.customer).await?.unwrap();
        note("customer", customers::update(tx, scope, &customer).await?);
        note("order", orders::set_status(tx, scope, self.order, orders::OrderStatus::Paid, NOW).await?.is_some());
        let license = licenses::get(tx, self.f.scope, self.license).await?.unwrap();
        note("license", licenses::update(tx, scope, &license.license, NOW).await?);
        note("lock", licenses::lock(tx, scope, self.license).await?.is_some());
        let key = (&license.key_hash, &license.key_sealed, "ABCD");
        note("rekey", licenses::rekey(tx, scope, self.license, key, NOW).await?);
        note("claim", seats::lock(tx, scope, self.license, &device(9)).await?.is_some());
        note("rename", seats::rename(tx, scope, self.seat, &"Mine".parse().unwrap()).await?);
        note("borrow", seats::set_borrowed(tx, scope, self.seat, None).await?);
        tokens::touch(tx, scope, self.token, NOW).await?;
        let status = signing_keys::KeyStatus::Active;
        note("signing key", signing_keys::set_status(tx, scope, self.key, status, NOW, NOW).await?);
        note("seed", signing_keys::set_sealed_seed(tx, scope, self.key, Some(&vec![1])).await?);
        note("import", imports::update(tx, scope, imports::ImportStatus::Staged, &self.import_row()).await?);
        note("lines", imports::forget_lines(tx, scope, self.import).await? > 0);
        note("token", tokens::revoke(tx, scope, self.token, NOW).await?);
        note("edited", notes::edit(tx, scope, self.note, &"Other".parse().unwrap(), NOW).await?);
        note("note", notes::remove(tx, scope, self.note).await?);
        note("order put back", orders::put_back(tx, scope, self.order, (orders::OrderStatus::Paid, None), NOW).await?);
        note("reply changed", replies::update(tx, scope, &self.reply_row()).await?);
        note("reply", replies::delete(tx, scope, self.reply).await?);
        note("release", seats::release(tx, scope, self.seat, NOW).await?.is_some());
        note("restore", seats::restore(tx, scope, self.seat, NOW, None).await?.is_some());
        note("sessions", sessions::end_of_member(tx, scope, self.member, None).await? > 0);
        note("people", !customer_people::lock_of_customer(tx, scope, self.customer).await?.is_empty());
        note("person's role", customer_people::set_role(tx, scope, self.person, CustomerRole::Administrator).await?);
        customer_people::signed_in(tx, scope, self.person, NOW).await?;
        let email = format!("person{}@example.com", self.tag).parse().unwrap();
        if scope != self.f.scope {
            // What tells nothing of what it did is looked for afterwards.
            customer_people::remove_address(tx, scope, self.customer, &email).await?;
            portal_sessions::end_of_license(tx, scope, self.license).await?;
            let links = portals::PlanLinksRow { vendor: scope.vendor(), plan: self.f.plan, renew: None, upgrade: None };
            portals::put_links(tx, scope, &links).await?;
        }
        note("person", customer_people::remove(tx, scope, self.person).await?);
        note("trial", trials::convert(tx, scope, self.license, NOW).await?);
        let kept = async |tx: &mut Tx| {
            gateways::of_product(tx, self.f.scope, self.f.product).await.map(|rows| format!("{rows:?}"))
        };
        let before = kept(tx).await?;
        let row = gateways::GatewayRow { settings: "{\"x\":1}".to_owned(), ..self.gateway_row() };
        // Of another vendor's product there is none to refer to.
        if scope == self.f.scope {
            gateways::put(tx, scope, &row).await?;
        }
        note("gateway", kept(tx).await? != before);
        Ok(done)
    }
}

async fn refused_reference<F>(f: &Fixture, job: F) -> bool
where
    F: for<'a> Fn(&'a mut Tx) -> holdfast_store::BoxFuture<'a, Result<(), StoreError>> + Send + 'static,
{
    f.store.write(WriteOptions::default(), job).await.is_err_and(|e: StoreError| e.is_conflict(Constraint::Reference))
}

both! {
    async fn foreign_ids_are_answered_like_absent_ones(db: TestDb) {
        let store = db.store();
        let mine = Everything::of(vendor(&store, terms(SeatModel::NodeLocked, 5)).await, 1).await;
        let theirs = Everything::of(vendor(&store, terms(SeatModel::NodeLocked, 5)).await, 2).await;
        assert_eq!(mine.visible(mine.f.scope).await.len(), 48);
        assert_eq!(mine.visible(theirs.f.scope).await, Vec::<&str>::new());
        assert_eq!(theirs.changeable(mine.f.scope).await, Vec::<&str>::new());
        assert_eq!(theirs.visible(theirs.f.scope).await.len(), 48, "nothing was changed");
        assert_eq!(theirs.changeable(theirs.f.scope).await.len(), 33);
        for what in [Counted::Customers, Counted::Licenses, Counted::Orders, Counted::Seats] {
            assert_eq!(vendors::counted(&mut store.reader(), mine.f.scope, what).await.unwrap(), 1);
        }
        let counted = async |scope| {
            seats::counted_as(&mut store.reader(), scope, &[theirs.license], SeatModel::Floating).await.unwrap()
        };
        assert_eq!(counted(theirs.f.scope).await.len(), 1);
        assert!(counted(mine.f.scope).await.is_empty());
        assert_eq!(licenses::denied(&mut store.reader(), mine.f.scope, theirs.f.product, LicenseState::Revoked).await.unwrap(), []);
    }

    async fn no_row_can_refer_to_one_of_another_vendor(db: TestDb) {
        let store = db.store();
        let mine = Everything::of(vendor(&store, terms(SeatModel::NodeLocked, 5)).await, 1).await;
        let theirs = Everything::of(vendor(&store, terms(SeatModel::NodeLocked, 5)).await, 2).await;
        let scope = mine.f.scope;
        for foreign in ["product", "plan", "customer", "order"] {
            let mut new = mine.f.new_license(terms(SeatModel::NodeLocked, 1));
            match foreign {
                "product" => new.license.product = theirs.f.product,
                "plan" => new.license.plan = theirs.f.plan,
                "customer" => new.license.customer = Some(theirs.customer),
                _ => new.license.order = Some(theirs.order),
            }
            let refused = refused_reference(&mine.f, move |tx| {
                let new = new.clone();
                Box::pin(async move { licenses::insert(tx, scope, &new).await })
            }).await;
            assert!(refused, "{foreign}");
        }
        let plan = plans::get(&mut store.reader(), scope, mine.f.plan).await.unwrap().unwrap();
        let plan = plans::PlanRow { id: PlanId::new(NOW, &entropy()), product: theirs.f.product, ..plan };
        assert!(refused_reference(&mine.f, move |tx| {
            let plan = plan.clone();
            Box::pin(async move { plans::insert(tx, scope, &plan).await })
        }).await);
        let import = imports::ImportRow { id: ImportId::new(NOW, &entropy()), product: ProductId::new(NOW, &entropy()), ..mine.import_row() };
        assert!(refused_reference(&mine.f, move |tx| {
            let import = import.clone();
            Box::pin(async move { imports::insert(tx, scope, &import).await })
        }).await);
        let gateway = theirs.gateway_row();
        assert!(refused_reference(&mine.f, move |tx| {
            let gateway = gateways::GatewayRow { kind: GatewayKind::Keylight, ..gateway.clone() };
            Box::pin(async move { gateways::put(tx, scope, &gateway).await })
        }).await);
        let known = migrated::KnownDevice { license: theirs.license, instance: "mine".to_owned(), device: device(1) };
        assert!(refused_reference(&mine.f, move |tx| {
            let known = known.clone();
            Box::pin(async move { migrated::note_devices(tx, scope, &[known]).await })
        }).await);
        let import = theirs.import;
        assert!(refused_reference(&mine.f, move |tx| Box::pin(async move {
            imports::insert_lines(tx, scope, import, &[]).await
        })).await);
    }

    async fn a_claim_in_the_wrong_scope_finds_no_license(db: TestDb) {
        let store = db.store();
        let mine = vendor(&store, terms(SeatModel::NodeLocked, 5)).await;
        let theirs = vendor(&store, terms(SeatModel::NodeLocked, 5)).await;
        let (scope, license) = (mine.scope, theirs.license(terms(SeatModel::NodeLocked, 5)).await);
        let request = request(1, None, NOW);
        let found = store.write::<_, StoreError, _>(WriteOptions::license(license), move |tx| {
            let device = request.device;
            Box::pin(async move { Ok(seats::lock(tx, scope, license, &device).await?.is_some()) })
        }).await.unwrap();
        assert!(!found);
        assert!(store.seat_with_license(mine.product, SeatId::from_bytes([1; 16])).await.unwrap().is_none());
    }
}
