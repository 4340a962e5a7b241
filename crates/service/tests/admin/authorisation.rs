//! Every use case with every role, and with another vendor's hands: the table of the security design, executed.

use crate::world::*;
use holdfast_domain::{
    AlertId, ApprovalId, BulkActId, CustomerId, DeliveryId, EventId, GatewayKind, ImportId, InboxId, InvitationId,
    LicenseId, MailId, MemberId, NodeId, NoteId, OrderId, Permission, PlanId, ProductId, ReplyId, Role, SeatId,
    SessionId, ShopId, ShopKind, ShopRules, TokenId, WebhookId, license::StatusChange, webhook::EventFilter as Topics,
};
use holdfast_service::{
    Call, Error, ErrorCode, Service,
    admin::{
        alerts::AlertFilter,
        approvals::Asked,
        bulk::{BulkStep, Target},
        events::Told,
        exports::{Export, Format, Rows},
        fleet::NodeAct,
        freshness::{FreshnessBy, FreshnessFilter},
        gateways::{SetGateway, SetGatewayKey},
        import::{RemapImport, StageImport},
        inputs::{
            ApplyTerms, ChangeStatus, CreateCustomer, CreateOrder, CreatePlan, CreateProduct, CreateToken,
            CustomerChoice, EventFilter, ExtendLicense, InviteMember, IssueLicense, LicenseFilter, PlanFilter,
            PlanLinks, Rekey, SeatFilter, SetPortal, SetProvider, Transfer, Undo, UpdateCustomer, UpdateLicense,
            UpdatePlan, UpdateProduct,
        },
        mails::{AlertMail, MailFilter, SetMailLook},
        notes::NoteSubject,
        orders::OrderFilter,
        saved_views::SaveView,
        shops::{ConnectShop, InboxFilter, Resolve, ResolveInput, SetPrice, UpdateShop},
        terms::PlanTerms,
        webhooks::{CreateWebhook, DeliveryFilter, UpdateWebhook},
    },
    mail::{Template, Words},
    runtime::gateway::GatewaySettings,
};
use holdfast_store::BoxFuture;
use holdfast_testkit::both;
use std::collections::BTreeMap;

/// One thing of every kind.
#[derive(Clone, Copy)]
struct Ids {
    product: ProductId,
    plan: PlanId,
    customer: CustomerId,
    order: OrderId,
    license: LicenseId,
    seat: SeatId,
    member: MemberId,
    token: TokenId,
    import: ImportId,
    alert: AlertId,
    invitation: InvitationId,
    webhook: WebhookId,
    delivery: DeliveryId,
    bulk: BulkActId,
    note: NoteId,
    approval: ApprovalId,
    shop: ShopId,
    waiting: InboxId,
    reply: ReplyId,
}

const UNKNOWN: Ids = Ids {
    product: ProductId::from_bytes([7; 16]),
    plan: PlanId::from_bytes([7; 16]),
    customer: CustomerId::from_bytes([7; 16]),
    order: OrderId::from_bytes([7; 16]),
    license: LicenseId::from_bytes([7; 16]),
    seat: SeatId::from_bytes([7; 16]),
    member: MemberId::from_bytes([7; 16]),
    token: TokenId::from_bytes([7; 16]),
    import: ImportId::from_bytes([7; 16]),
    alert: AlertId::from_bytes([7; 16]),
    invitation: InvitationId::from_bytes([7; 16]),
    webhook: WebhookId::from_bytes([7; 16]),
    delivery: DeliveryId::from_bytes([7; 16]),
    bulk: BulkActId::from_bytes([7; 16]),
    note: NoteId::from_bytes([7; 16]),
    approval: ApprovalId::from_bytes([7; 16]),
    shop: ShopId::from_bytes([7; 16]),
    waiting: InboxId::from_bytes([7; 16]),
    reply: ReplyId::from_bytes([7; 16]),
};

type Run = fn(Service, Call, Ids) -> BoxFuture<'static, Result<(), Error>>;

struct Case {
    name: &'static str,
    /// Owner, admin, developer, support, viewer.
    allowed: [bool; 5],
    /// Whether it names something, so that another vendor's is as good as none.
    names: bool,
    run: Run,
}

macro_rules! cases {
    ($($name:ident [$($mark:tt)*] $names:literal |$s:ident, $c:ident, $i:ident| $call:expr;)*) => {
        vec![$(Case {
            name: stringify!($name),
            allowed: marks(stringify!($($mark)*)),
            names: $names,
            run: |$s, $c, $i| Box::pin(async move { let _ = (&$c, $i); $call.await.map(|_| ()) }),
        }),*]
    };
}

/// `+` for may, `_` for may not, in the order of the roles.
fn marks(text: &str) -> [bool; 5] {
    let marks: Vec<bool> = text.chars().filter(|c| matches!(c, '+' | '_')).map(|c| c == '+').collect();
    marks.try_into().unwrap()
}

fn status(change: StatusChange) -> ChangeStatus {
    ChangeStatus { change, reason: text("A reason"), effective_at: None, dry_run: false }
}

fn undo() -> Undo {
    Undo { event: EventId::from_bytes([7; 16]), reason: text("A reason"), dry_run: false }
}

fn hook() -> CreateWebhook {
    CreateWebhook { url: "https://example.com/hook".to_owned(), description: String::new(), events: Topics::default() }
}

fn web_shop() -> ConnectShop {
    let (kind, name) = (ShopKind::Generic, text("Web shop"));
    ConnectShop { kind, name, api_url: None, api_key: None, rules: ShopRules::default() }
}

fn price(plan: PlanId) -> SetPrice {
    SetPrice { price: text("price_a"), plan: Some(plan), quantity_is_seats: true }
}

fn dismissed() -> ResolveInput {
    ResolveInput { how: Resolve::Dismiss, reason: Some(text("A reason")), dry_run: false }
}

fn staging(ids: &Ids) -> StageImport {
    StageImport {
        file_name: "x.csv".to_owned(),
        product: ids.product,
        plan: None,
        source: None,
        delimiter: None,
        dates: None,
        mapping: BTreeMap::new(),
    }
}

fn exporting(rows: Rows, with_keys: bool) -> Export {
    Export { rows, format: Format::Csv, with_keys }
}

/// Takes a note of one's own away, looks at it, and puts it `back`.
async fn own_note_back(s: &Service, c: &Call, i: &Ids, back: bool) -> Result<(), Error> {
    // A note that is there is none to put back; but whoever may not is told that first.
    let refused =
        if back { s.restore_note(c, i.note).await.err() } else { s.removed_note(&c.actor, i.note).await.err() };
    if let Some(error) = refused.filter(|error| error.code == ErrorCode::Forbidden) {
        return Err(error);
    }
    let note = s.add_note(c, NoteSubject::Customer(i.customer), text("A note")).await?.id;
    s.remove_note(c, note).await?;
    s.removed_note(&c.actor, note).await?;
    if back { s.restore_note(c, note).await.map(|_| ()) } else { Ok(()) }
}

async fn no_trial(
    outcome: impl Future<Output = Result<holdfast_service::admin::views::Issued, Error>>,
) -> Result<(), Error> {
    match outcome.await {
        Err(error) if error.code == ErrorCode::StatusConflict => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

const SUSPEND: BulkStep = BulkStep::Status(StatusChange::Suspend);

#[rustfmt::skip]
#[allow(clippy::too_many_lines)] // a table
fn cases() -> Vec<Case> {
    cases! {
        create_product [+ + + _ _] false |s, c, i| s.create_product(&c, CreateProduct { name: text("P"), code: text(&format!("p{}", unique())) });
        product [+ + + + +] true |s, c, i| s.product(&c.actor, i.product);
        products [+ + + + +] false |s, c, i| s.products(&c.actor, None, None, page());
        find [+ + + + +] false |s, c, i| s.find(&c.actor, "a");
        update_product [+ + + _ _] true |s, c, i| s.update_product(&c, i.product, UpdateProduct::default());
        create_plan [+ + + _ _] true |s, c, i| s.create_plan(&c, CreatePlan { product: i.product, name: text("P"), code: text(&format!("p{}", unique())), terms: yearly() });
        plan [+ + + + +] true |s, c, i| s.plan(&c.actor, i.plan);
        plans [+ + + + +] false |s, c, i| s.plans(&c.actor, PlanFilter::default(), page());
        update_plan [+ + + _ _] true |s, c, i| s.update_plan(&c, i.plan, UpdatePlan::default());
        apply_terms [+ + + _ _] true |s, c, i| s.apply_terms(&c, i.plan, ApplyTerms::default());
        apply_terms_from [+ + + _ _] true |s, c, i| s.apply_terms_from(&c, i.plan, ApplyTerms::default(), None);
        replay_terms [+ + + _ _] true |s, c, i| s.replay_terms(&c.actor, PlanTerms { plan: i.plan, terms: yearly(), seats_from: None }, None);
        create_customer [+ + + + _] false |s, c, i| s.create_customer(&c, CreateCustomer { name: Some(text("N")), ..CreateCustomer::default() });
        customer [+ + + + +] true |s, c, i| s.customer(&c.actor, i.customer);
        customers [+ + + + +] false |s, c, i| s.customers(&c.actor, None, page());
        update_customer [+ + + + _] true |s, c, i| s.update_customer(&c, i.customer, UpdateCustomer::default());
        activity [+ + + + +] false |s, c, i| s.activity(&c.actor, 30);
        create_order [+ + + + _] true |s, c, i| s.create_order(&c, CreateOrder { reference: text(&format!("o{}", unique())), customer: Some(i.customer) });
        order [+ + + + +] true |s, c, i| s.order(&c.actor, i.order);
        orders [+ + + + +] false |s, c, i| s.orders(&c.actor, OrderFilter::default(), page());
        // Support's begin later.
        refund_order [+ + _ _ _] true |s, c, i| s.refund_order(&c, i.order, text("A reason"), false);
        look_at_refunds [+ + _ + _] false |s, c, i| s.look_at_refunds(&c, "INV-1");
        explain [+ + + + +] true |s, c, i| s.explain(&c.actor, &i.seat.to_string(), None);
        recent_customers [+ + + + +] false |s, c, i| s.recent_customers(&c.actor);
        people_of_customer [+ + + + +] true |s, c, i| s.people_of_customer(&c.actor, i.customer);
        seats_without_device [+ + + + +] true |s, c, i| s.seats_without_device(&c.actor, i.customer, 9);
        mails_of_customer [+ + + + +] true |s, c, i| s.mails_of_customer(&c.actor, i.customer);
        view_as [+ + + + _] true |s, c, i| s.view_as(&c, i.customer, text("A reason"));
        stop_viewing [+ + + + _] false |s, c, i| s.stop_viewing(&c);
        replies [+ + + + +] false |s, c, i| s.replies(&c.actor);
        reply [+ + + + +] true |s, c, i| s.reply(&c.actor, i.reply);
        save_reply [+ + _ + _] true |s, c, i| s.save_reply(&c, Some(i.reply), text("Hello"), text("Dear {customer}"));
        fill_reply [+ + + + +] true |s, c, i| s.fill_reply(&c.actor, i.reply, i.customer, Some(i.license));
        remove_reply [+ + _ + _] true |s, c, i| s.remove_reply(&c, i.reply);
        issue_license [+ + + _ _] true |s, c, i| s.issue_license(&c, IssueLicense::of(i.plan));
        license [+ + + + +] true |s, c, i| s.license(&c.actor, i.license);
        licenses [+ + + + +] false |s, c, i| s.licenses(&c.actor, LicenseFilter::default(), page());
        licenses_in_list [+ + + + +] false |s, c, i| s.licenses_in_list(&c.actor, LicenseFilter::default(), page());
        seats_in_list [+ + + + +] false |s, c, i| s.seats_in_list(&c.actor, SeatFilter::default(), page());
        orders_in_list [+ + + + +] false |s, c, i| s.orders_in_list(&c.actor, OrderFilter::default(), page());
        preview_bulk [+ + _ + _] true |s, c, i| s.preview_bulk(&c, SUSPEND, Target::Licenses(vec![i.license]));
        begin_bulk [+ + + _ _] true |s, c, i| s.begin_bulk(&c, None, BulkStep::Terms(Box::new(PlanTerms { plan: i.plan, terms: yearly(), seats_from: None })), Target::Licenses(vec![i.license]), text("A reason"));
        begin_bulk [+ + + + _] false |s, c, i| s.begin_bulk(&c, None, BulkStep::Extend(1), Target::Licenses(vec![i.license]), text("A reason"));
        undo_bulk [+ + _ + _] true |s, c, i| s.undo_bulk(&c, None, i.bulk, text("A reason"));
        preview_undo_bulk [+ + _ + _] true |s, c, i| s.preview_undo_bulk(&c, i.bulk);
        stop_bulk [+ + _ + _] true |s, c, i| s.stop_bulk(&c, i.bulk);
        bulk_act [+ + + + +] true |s, c, i| s.bulk_act(&c.actor, i.bulk);
        bulk_items [+ + + + +] true |s, c, i| s.bulk_items(&c.actor, i.bulk, None, 0, 10);
        bulk_acts [+ + + + +] false |s, c, i| s.bulk_acts(&c.actor, page());
        preview_bulk [+ + _ + _] true |s, c, i| s.preview_bulk(&c, BulkStep::Refund, Target::Orders(vec![i.order]));
        waiting_acts [+ + + + +] false |s, c, i| s.waiting_acts(&c.actor);
        acts_that_wait [+ + + + +] false |s, c, i| s.acts_that_wait(&c.actor, &[i.license.to_bytes()]);
        ask [_ + _ + _] false |s, c, i| s.ask(&c, None, Asked::Many { step: SUSPEND, target: Box::new(Target::Licenses(vec![i.license])) }, text("A reason"));
        approval [+ + + + +] true |s, c, i| s.approval(&c.actor, i.approval);
        approvals [+ + + + +] false |s, c, i| s.approvals(&c.actor, true, page());
        approvals_for [+ + + + +] false |s, c, i| s.approvals_for(&c.actor);
        preview_approval [+ + _ + _] true |s, c, i| s.preview_approval(&c, i.approval);
        approve [+ + _ _ _] true |s, c, i| s.approve(&c, i.approval, None);
        refuse [+ + _ _ _] true |s, c, i| s.refuse(&c, i.approval, None);
        // Somebody else's; one's own are taken back in approvals.rs.
        withdraw [_ _ _ _ _] true |s, c, i| s.withdraw(&c, i.approval);
        saved_views [+ + + + +] false |s, c, i| s.saved_views(&c.actor, "licenses");
        save_view [+ + + + _] false |s, c, i| s.save_view(&c, SaveView { list: "licenses".to_owned(), name: text("N"), query: "q=x".to_owned(), q: None, shared: true });
        update_license [+ + + _ _] true |s, c, i| s.update_license(&c, i.license, UpdateLicense::default());
        undo_license [+ + + + _] true |s, c, i| s.undo_license(&c, i.license, undo());
        undo_seat [+ + + + _] true |s, c, i| s.undo_seat(&c, i.seat, undo());
        // Support ends access later.
        change_status [+ + _ _ _] true |s, c, i| s.change_status(&c, i.license, status(StatusChange::Suspend));
        change_status_of_many [+ + _ + _] true |s, c, i| s.change_status_of_many(&c, vec![i.license], status(StatusChange::Resume));
        extension_left [+ + + + _] true |s, c, i| s.extension_left(&c.actor, i.license);
        extend_license [+ + + + _] true |s, c, i| s.extend_license(&c, i.license, ExtendLicense { expires_at: Some(s.now().plus(holdfast_domain::Seconds::days(380))), reason: text("A reason"), dry_run: true });
        rekey_license [+ + + _ _] true |s, c, i| s.rekey_license(&c, i.license, Rekey { reason: text("A reason") });
        transfer_license [+ + + _ _] true |s, c, i| s.transfer_license(&c, i.license, Transfer { customer: CustomerChoice::New(CreateCustomer { name: Some(text("N")), ..CreateCustomer::default() }), reason: text("A reason") });
        reveal_key [+ + _ _ _] true |s, c, i| s.reveal_key(&c, i.license);
        license_timeline [+ + + + +] true |s, c, i| s.license_timeline(&c.actor, i.license, Told::All, page());
        devices_of_users [+ + + + +] true |s, c, i| s.devices_of_users(&c.actor, i.license, vec![text("grace@example.com")]);
        customer_timeline [+ + + + +] true |s, c, i| s.customer_timeline(&c.actor, i.customer, Told::All, page());
        seat_timeline [+ + + + +] true |s, c, i| s.seat_timeline(&c.actor, i.seat, page());
        notes [+ + + + +] true |s, c, i| s.notes(&c.actor, NoteSubject::License(i.license), page());
        note [+ + + + +] true |s, c, i| s.note(&c.actor, i.note);
        add_note [+ + + + _] true |s, c, i| s.add_note(&c, NoteSubject::Customer(i.customer), text("A note"));
        // Somebody else's; one's own are changed in notes.rs.
        edit_note [_ _ _ _ _] true |s, c, i| s.edit_note(&c, i.note, text("Another"));
        remove_note [_ _ _ _ _] true |s, c, i| s.remove_note(&c, i.note);
        removed_note [+ + + + _] true |s, c, i| own_note_back(&s, &c, &i, false);
        restore_note [+ + + + _] true |s, c, i| own_note_back(&s, &c, &i, true);
        seats [+ + + + +] false |s, c, i| s.seats(&c.actor, SeatFilter::default(), page());
        seat [+ + + + +] true |s, c, i| s.seat(&c.actor, i.seat);
        free_seat [+ + + + _] true |s, c, i| s.free_seat(&c, i.seat, text("A reason"));
        members [+ + + + +] false |s, c, i| s.members(&c.actor, None, page());
        member [+ + + + +] true |s, c, i| s.member(&c.actor, i.member);
        member_factors [+ + _ _ _] false |s, c, i| s.member_factors(&c.actor);
        set_role [+ + _ _ _] true |s, c, i| s.set_role(&c, i.member, Role::Viewer);
        end_other_sessions [+ + + + +] false |s, c, i| s.end_other_sessions(&c);
        set_member_password [+ + _ _ _] true |s, c, i| s.set_member_password(&c, i.member, "another good phrase".into());
        make_password_link [+ + _ _ _] true |s, c, i| s.make_password_link(&c, i.member);
        remove_member [+ + _ _ _] true |s, c, i| s.remove_member(&c, i.member);
        restore_member [+ + _ _ _] true |s, c, i| s.restore_member(&c, i.member);
        create_token [+ + + _ _] false |s, c, i| s.create_token(&c, CreateToken { name: text("N"), scopes: vec![holdfast_domain::Permission::CatalogRead], expires_at: None });
        tokens [+ + + _ _] false |s, c, i| s.tokens(&c.actor, None, page());
        token [+ + + _ _] true |s, c, i| s.token(&c.actor, i.token);
        create_webhook [+ + + _ _] false |s, c, i| s.create_webhook(&c, hook());
        webhooks [+ + + _ _] false |s, c, i| s.webhooks(&c.actor, None, page());
        // A developer changes their own webhooks, not those of others.
        webhook [+ + + _ _] true |s, c, i| s.webhook(&c.actor, i.webhook);
        update_webhook [+ + _ _ _] true |s, c, i| s.update_webhook(&c, i.webhook, UpdateWebhook::default());
        pause_webhook [+ + _ _ _] true |s, c, i| s.pause_webhook(&c, i.webhook);
        resume_webhook [+ + _ _ _] true |s, c, i| s.resume_webhook(&c, i.webhook);
        rotate_webhook_secret [+ + _ _ _] true |s, c, i| s.rotate_webhook_secret(&c, i.webhook);
        test_webhook [+ + _ _ _] true |s, c, i| s.test_webhook(&c, i.webhook);
        webhook_deliveries [+ + + _ _] true |s, c, i| s.webhook_deliveries(&c.actor, i.webhook, DeliveryFilter::default(), page());
        webhook_delivery [+ + + _ _] true |s, c, i| s.webhook_delivery(&c.actor, i.webhook, i.delivery);
        redeliver [+ + _ _ _] true |s, c, i| s.redeliver(&c, i.webhook, i.delivery);
        remove_webhook [+ + _ _ _] true |s, c, i| s.remove_webhook(&c, i.webhook);
        connect_shop [+ + _ _ _] false |s, c, i| s.connect_shop(&c, web_shop());
        shops [+ + + _ _] false |s, c, i| s.shops(&c.actor, page());
        shop [+ + + _ _] true |s, c, i| s.shop(&c.actor, i.shop);
        update_shop [+ + _ _ _] true |s, c, i| s.update_shop(&c, i.shop, UpdateShop { name: Some(text("Other shop")), ..UpdateShop::default() });
        set_shop_secret [+ + _ _ _] true |s, c, i| s.set_shop_secret(&c, i.shop, None);
        test_shop [+ + _ _ _] true |s, c, i| s.test_shop(&c, i.shop);
        set_shop_price [+ + _ _ _] true |s, c, i| s.set_shop_price(&c, i.shop, price(i.plan));
        shop_prices [+ + + _ _] true |s, c, i| s.shop_prices(&c.actor, i.shop);
        remove_shop_price [+ + _ _ _] true |s, c, i| s.remove_shop_price(&c, i.shop, "price_a".to_owned());
        shop_events [+ + + _ _] true |s, c, i| s.shop_events(&c.actor, i.shop, page());
        close_shop [+ + _ _ _] true |s, c, i| s.close_shop(&c, i.shop, true);
        shop_names [+ + + + +] false |s, c, i| s.shop_names(&c.actor);
        sale_of_order [+ + + + +] false |s, c, i| s.sale_of_order(&c.actor, i.order);
        inbox [+ + + + +] false |s, c, i| s.inbox(&c.actor, InboxFilter::default(), page());
        inbox_waiting [+ + + + +] false |s, c, i| s.inbox_waiting(&c.actor);
        inbox_entry [+ + + + +] true |s, c, i| s.inbox_entry(&c.actor, i.waiting);
        // Revoking, mapping and issuing take what the act itself takes (shops.rs).
        resolve_inbox [+ + + + _] true |s, c, i| s.resolve_inbox(&c, i.waiting, dismissed());
        // A developer revokes their own tokens; those of others are refused (sign_in.rs).
        revoke_token [+ + _ _ _] true |s, c, i| s.revoke_token(&c, i.token);
        // What concerns owners is refused to admins further in (members.rs, invitations.rs, factors.rs).
        invite [+ + _ _ _] false |s, c, i| s.invite(&c, InviteMember { email: text(&format!("i{}@example.com", unique())), role: Role::Viewer });
        invitations [+ + _ _ _] false |s, c, i| s.invitations(&c.actor, None, page());
        resend_invitation [+ + _ _ _] true |s, c, i| s.resend_invitation(&c, i.invitation);
        revoke_invitation [+ + _ _ _] true |s, c, i| s.revoke_invitation(&c, i.invitation);
        reset_factors [+ + _ _ _] true |s, c, i| s.reset_factors(&c, i.member);
        provider [+ _ _ _ _] false |s, c, i| s.provider(&c.actor);
        set_provider [+ _ _ _ _] false |s, c, i| s.set_provider(&c, SetProvider { issuer: "ftp://x".to_owned(), client_id: "c".to_owned(), secret: "s".into(), domains: Vec::new(), new_role: None });
        remove_provider [+ _ _ _ _] false |s, c, i| s.remove_provider(&c);
        signing_keys [+ + + + +] false |s, c, i| s.signing_keys(&c);
        rotate_issuing_keys [+ _ _ _ _] true |s, c, i| s.rotate_issuing_keys(&c, i.product);
        revoke_issuing_key [+ _ _ _ _] true |s, c, i| s.revoke_issuing_key(&c, i.product, "AAAAAAAAAAAAAAAA", &text("A reason"));
        check_chain [+ + _ _ _] false |s, c, i| s.check_chain(&c.actor, 0);
        factors [+ + + + +] false |s, c, i| s.factors(&c.actor);
        events [+ + + + +] false |s, c, i| s.events(&c.actor, EventFilter::default(), page());
        // Event 1 is the system's; one's own is shown to everybody (audit.rs).
        event [+ + _ _ _] false |s, c, i| s.event(&c.actor, 1);
        stage_import [+ + + _ _] true |s, c, i| s.stage_import(&c, staging(&i), b"key,plan\nAAAA-0001,pro\n".to_vec());
        remap_import [+ + + _ _] true |s, c, i| s.remap_import(&c, i.import, RemapImport { mapping: vec![holdfast_service::admin::import::columns::Field::Key], plan: None, dates: None });
        import [+ + + _ _] true |s, c, i| s.import(&c.actor, i.import);
        imports [+ + + _ _] false |s, c, i| s.imports(&c.actor, page());
        import_rows [+ + + _ _] true |s, c, i| s.import_rows(&c.actor, i.import, None, 0, 10);
        confirm_import [+ + + _ _] true |s, c, i| s.confirm_import(&c, i.import, true);
        cancel_import [+ + + _ _] true |s, c, i| s.cancel_import(&c, i.import);
        export [+ + + + +] false |s, c, i| s.export(&c, exporting(Rows::Customers(None), false));
        rename_vendor [+ + _ _ _] false |s, c, i| s.rename_vendor(&c, text("Example Software"));
        portal_settings [+ + + + +] false |s, c, i| s.portal_settings(&c.actor);
        set_portal [+ + _ _ _] false |s, c, i| s.set_portal(&c, SetPortal::default());
        set_portal_logo [+ + _ _ _] false |s, c, i| s.set_portal_logo(&c, None);
        plan_links [+ + + + +] true |s, c, i| s.plan_links(&c.actor, i.plan);
        set_plan_links [+ + + _ _] true |s, c, i| s.set_plan_links(&c, i.plan, PlanLinks::default());
        trial_funnel [+ + + + +] true |s, c, i| s.trial_funnel(&c.actor, i.product, 30);
        // This license is no trial, which is said to whoever may convert one; trials.rs converts.
        convert_trial [+ + + _ _] true |s, c, i| no_trial(s.convert_trial(&c, i.license, IssueLicense::of(i.plan).into()));
        vendor [+ + + + +] false |s, c, i| s.vendor(&c.actor);
        freshness [+ + + + +] true |s, c, i| s.freshness(&c.actor, &FreshnessFilter { product: Some(i.product), customer: Some(i.customer), region: None });
        freshness_by [+ + + + +] true |s, c, i| s.freshness_by(&c.actor, &FreshnessFilter { product: Some(i.product), ..FreshnessFilter::default() }, FreshnessBy::Customer);
        freshness_if [+ + + + +] true |s, c, i| s.freshness_if(&c.actor, i.plan, None, None);
        mail_settings [+ + + + +] false |s, c, i| s.mail_settings(&c.actor);
        set_mail_look [+ + _ _ _] true |s, c, i| s.set_mail_look(&c, SetMailLook { issued: vec![i.product], ..SetMailLook::default() });
        set_mail_words [+ + _ _ _] false |s, c, i| s.set_mail_words(&c, Template::Test, Words::default());
        preview_mail [+ + + + +] false |s, c, i| s.preview_mail(&c.actor, Template::Test);
        // To whom they went, owners and admins see (mails.rs).
        mails [+ + + + +] false |s, c, i| s.mails(&c.actor, MailFilter::default(), page());
        mail_bounce [+ + + + +] false |s, c, i| s.mail_bounce(&c.actor, &text("ada@example.com"));
        mail_test [+ + _ _ _] false |s, c, i| s.mail_test(&c);
        mail_again [+ + _ _ _] false |s, c, i| s.mail_again(&c, MailId::from_bytes([7; 16]));
        alert_mail [+ + + + +] false |s, c, i| s.alert_mail(&c.actor);
        set_alert_mail [+ + _ _ _] false |s, c, i| s.set_alert_mail(&c, AlertMail::All);
        nodes [+ + + + +] false |s, c, i| s.nodes(&c.actor);
        fleet_view [+ + + + +] false |s, c, i| s.fleet_view(&c.actor);
        node_view [+ + + + +] false |s, c, i| s.node_view(&c.actor, NODE);
        act_on_node [+ + _ _ _] false |s, c, i| s.act_on_node(&c, NODE, NodeAct::Drain, text("A reason"));
        alerts [+ + + + +] false |s, c, i| s.alerts(&c.actor, AlertFilter::default(), page());
        alert [+ + + + +] true |s, c, i| s.alert(&c.actor, i.alert);
        acknowledge_alert [+ + _ _ _] true |s, c, i| s.acknowledge_alert(&c, i.alert, text("A reason"));
        breaker [+ + + + +] true |s, c, i| s.breaker(&c.actor, i.product);
        let_denials_pass [+ + _ _ _] true |s, c, i| s.let_denials_pass(&c, i.product, text("A reason"));
        gateways [+ + + + +] true |s, c, i| s.gateways(&c.actor, i.product);
        set_gateway [+ + + _ _] true |s, c, i| s.set_gateway(&c, i.product, GatewayKind::Keygen, SetGateway { on: true, settings: GatewaySettings::default() });
        set_gateway_key [+ _ _ _ _] true |s, c, i| s.set_gateway_key(&c, i.product, GatewayKind::Keygen, SetGatewayKey::default());
        me [+ + + + +] false |s, c, i| s.me(&c.actor);
        sessions [+ + + + +] false |s, c, i| s.sessions(&c.actor);
    }
}

const NODE: NodeId = NodeId::from_bytes([7; 16]);

/// What is not for members: it makes an actor, is one's own affair, or belongs to whoever has a shell on the machine.
const OTHERS: [&str; 49] = [
    "accept_invitation",
    "actor_for_session",
    "actor_watching",
    "add_passkey",
    "add_totp",
    "announced_endpoints",
    "ask_actor_for_passkey",
    "ask_for_new_passkey",
    "ask_half_for_passkey",
    "authenticate_token",
    "back_from_provider",
    "bootstrap",
    "change_password",
    "choose_password",
    "confirm",
    "confirm_password",
    "end_session",
    "ended_sessions",
    "fill",
    "finish_sign_in",
    "go_on_with_bulk",
    "hash",
    "keep_session_data",
    "last_proof",
    "look_at_invitation",
    "look_at_password_link",
    "look_through",
    "marks",
    "new_recovery_codes",
    "new_setup_code",
    "newest_acts",
    "offer_totp",
    "provider_at_door",
    "record_proof",
    "remove_factor",
    "remove_view",
    "rescue",
    "send_to_provider",
    "session_data",
    "set_setup_code",
    "setup",
    "setup_needed",
    "sign_in",
    "sign_out",
    "vendors",
    "verify_chain",
    // As whom a session that is let in looks at the portal.
    "viewer",
    "ways_of",
    "ways_of_half",
];

/// One thing of every kind, of that vendor.
async fn things(world: &World) -> Ids {
    let (service, call) = (&world.service, world.call());
    let customer = world.customer(&format!("c{}@example.com", unique())).await;
    let order = CreateOrder { reference: text(&format!("o{}", unique())), customer: Some(customer) };
    let order = service.create_order(&call, order).await.unwrap().id;
    let issue = IssueLicense { order: Some(order), ..IssueLicense::of(world.plan) };
    let issued = service.issue_license(&call, issue).await.unwrap();
    let seat = world.activate(&issued.key, "laptop").await.unwrap().seat.id;
    let member = join(service, &call, &format!("m{}@example.com", unique()), Role::Viewer).await;
    let input =
        CreateToken { name: text("N"), scopes: vec![holdfast_domain::Permission::CatalogRead], expires_at: None };
    let token = service.create_token(&call, input).await.unwrap().token.id;
    let invited = InviteMember { email: text(&format!("i{}@example.com", unique())), role: Role::Viewer };
    let invitation = service.invite(&call, invited).await.unwrap().invitation.id;
    let webhook = service.create_webhook(&call, hook()).await.unwrap().webhook.id;
    let delivery = service.test_webhook(&call, webhook).await.unwrap().id;
    let chosen = Target::Licenses(vec![issued.license.id]);
    let bulk = service.begin_bulk(&call, None, SUSPEND, chosen, text("A reason")).await.unwrap();
    let suspend = Asked::Many { step: SUSPEND, target: Box::new(Target::Licenses(vec![issued.license.id])) };
    let approval = service.ask(&world.member(Role::Admin).await, None, suspend, text("A reason")).await.unwrap();
    let (shop, waiting) = (world.shop().await, world.waiting(None).await);
    let about = NoteSubject::License(issued.license.id);
    let note = service.add_note(&call, about, text("Calls on Mondays")).await.unwrap().id;
    let reply = service.save_reply(&call, None, text(&format!("R{}", unique())), text("{plan}")).await.unwrap();
    let ids = Ids {
        reply,
        note,
        approval,
        shop,
        waiting,
        bulk,
        invitation,
        webhook,
        delivery,
        product: world.product,
        plan: world.plan,
        customer,
        order,
        license: issued.license.id,
        seat,
        member,
        token,
        ..UNKNOWN
    };
    let import = service.stage_import(&call, staging(&ids), b"key,plan\nAAAA-0001,pro\n".to_vec()).await.unwrap().id;
    world.node(NODE).await;
    Ids { import, alert: world.alert().await, ..ids }
}

/// The sources under `folder`, as paths and texts.
fn sources(folder: &std::path::Path) -> Vec<(std::path::PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// Every public function that waits and what it takes: all of `admin`, and of the rest whatever is given
/// somebody who asks.
pub fn use_cases() -> Vec<(String, String)> {
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for (path, text) in sources(&src) {
        let admin = path.starts_with(src.join("admin"));
        for rest in text.split("pub async fn ").skip(1) {
            let (name, takes) = rest.split_at(rest.find(['(', '<']).unwrap());
            let takes = takes.split(" {\n").next().unwrap();
            if admin || takes.contains("&Call") || takes.contains("&Actor") {
                found.push((name.to_owned(), takes.to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_use_case_is_in_the_table() {
    let found = use_cases();
    let table: Vec<&str> = cases().iter().map(|case| case.name).collect();
    // The walk comes to every corner.
    for corner in ["go_on_with_bulk", "confirm_import", "revoke_issuing_key"] {
        assert!(found.iter().any(|(name, _)| name == corner), "{corner} was not found");
    }
    for (name, _) in &found {
        let known = table.contains(&name.as_str()) || OTHERS.contains(&name.as_str()) || name == "verify";
        assert!(known, "`{name}` is in neither list: say who may do it");
    }
    for name in table.into_iter().chain(OTHERS) {
        assert!(found.iter().any(|(other, _)| other == name), "`{name}` is gone");
    }
}

/// What asks for a sign-in of the last ten minutes, and of whom (owner, admin, developer, support, viewer): the step-up
/// column of the security design. Whatever is not here asks nobody.
#[rustfmt::skip]
const STEP_UP: [(&str, [u8; 5]); 15] = [
    ("refund_order",          *b"...+."),
    ("change_status",         *b"...+."),
    ("change_status_of_many", *b"...+."),
    ("undo_bulk",             *b"...+."),
    ("ask",                   *b".+.+."),
    ("approve",               *b"++..."),
    ("set_member_password",   *b"++..."),
    ("make_password_link",    *b"++..."),
    ("reset_factors",         *b"++..."),
    ("create_token",          *b"+++.."),
    ("set_provider",          *b"+...."),
    ("remove_provider",       *b"+...."),
    ("rotate_issuing_keys",   *b"+...."),
    ("revoke_issuing_key",    *b"+...."),
    ("set_gateway_key",       *b"+...."),
];

both! {
    async fn each_role_may_do_what_the_table_says(db: TestDb) {
        let world = World::new(&db).await;
        for (at, role) in Role::ALL.into_iter().enumerate() {
            let call = world.member(role).await;
            let ids = things(&world).await;
            for case in cases() {
                let outcome = (case.run)(world.service.clone(), call.clone(), ids).await;
                let refused = outcome.as_ref().err().is_some_and(|error| error.code == ErrorCode::Forbidden);
                assert_eq!(!refused, case.allowed[at], "{} by {role:?}: {outcome:?}", case.name);
                if case.allowed[at] {
                    // What is allowed also works, or fails for what an earlier case did to the same thing.
                    let fine = outcome.as_ref().err().is_none_or(|error| {
                        // There is no provider, no key of that name, no such mail, and no way for one.
                        let nothing = matches!(case.name, "remove_provider" | "revoke_issuing_key" | "mail_again");
                        nothing && error.code == ErrorCode::NotFound || matches!(error.code, ErrorCode::MailOff | ErrorCode::StatusConflict | ErrorCode::UndoConflict | ErrorCode::ImportState | ErrorCode::InvalidRequest)
                    });
                    assert!(fine, "{} by {role:?}: {outcome:?}", case.name);
                }
            }
        }
    }

    async fn what_reaches_far_asks_for_a_fresh_sign_in(db: TestDb) {
        let world = World::new(&db).await;
        for (name, _) in STEP_UP {
            assert!(cases().iter().any(|case| case.name == name), "`{name}` is gone");
        }
        for (at, role) in Role::ALL.into_iter().enumerate() {
            let call = world.member(role).await;
            world.clock.advance(holdfast_domain::Seconds::minutes(10));
            for (minute, stale) in [("at ten minutes", false), ("a second later", true)] {
                let ids = things(&world).await;
                for case in cases() {
                    let outcome = (case.run)(world.service.clone(), call.clone(), ids).await;
                    let asked = outcome.as_ref().err().is_some_and(|error| error.code == ErrorCode::StepUpRequired);
                    let listed = STEP_UP.iter().any(|(name, roles)| *name == case.name && roles[at] == b'+');
                    assert_eq!(asked, stale && listed, "{} by {role:?} {minute}: {outcome:?}", case.name);
                }
                world.clock.advance(holdfast_domain::Seconds(1));
            }
        }
        // What names an owner asks everybody.
        let owner = world.member(Role::Owner).await;
        let ids = things(&world).await;
        world.clock.advance(holdfast_domain::Seconds::minutes(11));
        let invited = InviteMember { email: text("boss@example.com"), role: Role::Owner };
        for outcome in [
            world.service.set_role(&owner, ids.member, Role::Owner).await.map(|_| ()),
            world.service.invite(&owner, invited).await.map(|_| ()),
        ] {
            assert_eq!(outcome.unwrap_err().code, ErrorCode::StepUpRequired);
        }
        // And support is asked before any act on many that is one of status, or pays back.
        let support = world.member(Role::Support).await;
        let acts = [(SUSPEND, Target::Licenses(vec![ids.license])), (BulkStep::Refund, Target::Orders(vec![ids.order]))];
        let begin = |(step, target)| world.service.begin_bulk(&support, None, step, target, text("A reason"));
        for act in acts.clone() {
            begin(act).await.unwrap();
        }
        world.clock.advance(holdfast_domain::Seconds::minutes(11));
        for act in acts {
            assert_eq!(begin(act).await.unwrap_err().code, ErrorCode::StepUpRequired);
        }
    }

    async fn a_developers_program_keeps_to_what_is_the_developers(db: TestDb) {
        let world = World::new(&db).await;
        let (service, developer) = (&world.service, world.member(Role::Developer).await);
        let ids = things(&world).await;
        let scopes = Permission::ALL.into_iter().filter(|scope| Role::Developer.may(*scope)).collect();
        let mut call = developer.clone();
        // A token, and one that was made with it.
        for name in ["first", "second"] {
            let input = CreateToken { name: text(name), scopes: Vec::clone(&scopes), expires_at: None };
            let made = service.create_token(&call, input).await.unwrap();
            assert_eq!(made.token.created_by, developer.actor.member_id(), "{name}");
            call = Call::new(service.authenticate_token(&made.secret).await.unwrap(), from("192.0.2.1"));
            let about = |name: &str| name.contains("token") || name.contains("webhook") || name == "redeliver";
            for case in cases().into_iter().filter(|case| about(case.name)) {
                let outcome = (case.run)(service.clone(), call.clone(), ids).await;
                let refused = outcome.as_ref().err().is_some_and(|error| error.code == ErrorCode::Forbidden);
                assert_eq!(!refused, case.allowed[2], "{} by the {name} token: {outcome:?}", case.name);
            }
        }
        // What it makes is the developer's, by hand or by whichever token.
        let own = service.create_webhook(&call, hook()).await.unwrap().webhook;
        assert_eq!(own.created_by, developer.actor.member_id());
        service.pause_webhook(&call, own.id).await.unwrap();
        service.resume_webhook(&developer, own.id).await.unwrap();
        let first = service.tokens(&call.actor, None, page()).await.unwrap().items;
        let first = first.iter().find(|token| token.name.as_str() == "first").unwrap();
        assert!(service.revoke_token(&call, first.id).await.unwrap().revoked_at.is_some());
    }

    async fn whole_keys_are_for_owners_and_admins(db: TestDb) {
        let world = World::new(&db).await;
        for role in Role::ALL {
            let call = world.member(role).await;
            let outcome = world.service.export(&call, exporting(Rows::Licenses(LicenseFilter::default()), true)).await.map(|_| ());
            assert_eq!(outcome.is_ok(), matches!(role, Role::Owner | Role::Admin), "{role:?}");
        }
    }

    async fn another_vendors_things_are_as_good_as_none(db: TestDb) {
        let world = World::new(&db).await;
        let ids = things(&world).await;
        let other = vendor(&world.service, "Other vendor").await;
        let stranger = Call::system(other);
        let counted = || async {
            let report = world.service.verify_chain(world.vendor).await.unwrap();
            (report.broken_at, report.events)
        };
        let before = counted().await;
        for case in cases().into_iter().filter(|case| case.names) {
            let told = |outcome: Result<(), Error>| {
                let error = outcome.expect_err(case.name);
                (error.code, error.detail, error.pointer, error.denial, error.retry_after)
            };
            let foreign = told((case.run)(world.service.clone(), stranger.clone(), ids).await);
            let unknown = told((case.run)(world.service.clone(), stranger.clone(), UNKNOWN).await);
            assert_eq!(foreign, unknown, "{}", case.name);
            assert!(matches!(foreign.0, ErrorCode::NotFound | ErrorCode::InvalidRequest), "{}: {foreign:?}", case.name);
        }
        assert_eq!(counted().await, before, "nothing was written into the vendor's log");
        // Lists show a stranger nothing.
        let service = &world.service;
        assert_eq!(service.licenses(&stranger.actor, LicenseFilter::default(), page()).await.unwrap().items.len(), 0);
        let by_id = LicenseFilter { q: Some(ids.license.to_string()), ..LicenseFilter::default() };
        assert_eq!(service.licenses(&stranger.actor, by_id, page()).await.unwrap().items.len(), 0);
        let key = service.reveal_key(&world.call(), ids.license).await.unwrap();
        let by_key = LicenseFilter { q: Some(key), ..LicenseFilter::default() };
        assert_eq!(service.licenses(&stranger.actor, by_key, page()).await.unwrap().items.len(), 0);
        let of = SeatFilter { license: Some(ids.license), ..SeatFilter::default() };
        assert_eq!(service.seats(&stranger.actor, of, page()).await.unwrap().items.len(), 0);
        let of = EventFilter { subject: Some(ids.license.to_string()), ..EventFilter::default() };
        assert_eq!(service.events(&stranger.actor, of, page()).await.unwrap().items.len(), 0);
        assert_eq!(service.shops(&stranger.actor, page()).await.unwrap().items.len(), 0);
        assert_eq!(service.inbox(&stranger.actor, InboxFilter::default(), page()).await.unwrap().items.len(), 0);
        assert_eq!(service.inbox_waiting(&stranger.actor).await.unwrap(), 0);
        assert!(service.shop_names(&stranger.actor).await.unwrap().is_empty());
        // Another's session cannot be ended by its id.
        let (a, b) = (world.member(Role::Viewer).await, world.member(Role::Owner).await);
        let session: SessionId = a.actor.session().unwrap();
        let refused = service.end_session(&b, session).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
        service.end_session(&a, session).await.unwrap();
    }
}
