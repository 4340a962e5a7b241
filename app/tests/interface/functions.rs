//! Every server function and every page with everybody: nobody, each role, and another vendor's owner. A function that is
//! not in the table, or a page that nobody has thought of, fails the test.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode, header};
use holdfast_domain::{
    AlertId, ApprovalId, BulkActId, CustomerId, DeliveryId, ImportId, InboxId, InvitationId, LicenseId, MemberId,
    NoteId, OrderId, PlanId, ProductId, ReplyId, Role, SeatId, ShopId, TokenId, WebhookId,
};

use crate::world::{Answer, Browser, PAGE_PATHS, Things, World, function};

/// What a function must answer: `ok` or the code of the refusal.
pub struct Row {
    pub name: &'static str,
    /// To owner, admin, developer, support, viewer.
    roles: [&'static str; 5],
    /// To another vendor's owner who names this vendor's things.
    stranger: &'static str,
    /// To nobody.
    nobody: &'static str,
    /// What is sent.
    pub arguments: fn(&Things) -> String,
}

/// `+` is `ok`, `_` is `forbidden`, `!` is `invalid_request`, `?` is `not_found`, `#` is `undo_conflict` and `~` is `status_conflict`, for what would otherwise have effects that
/// no test wants; anything else is the code that everybody gets.
fn roles(marks: &'static str) -> [&'static str; 5] {
    let one = |mark: &u8| match *mark {
        b'+' => "ok",
        b'!' => "invalid_request",
        b'?' => "not_found",
        b'#' => "undo_conflict",
        b'~' => "status_conflict",
        _ => "forbidden",
    };
    if marks.bytes().all(|mark| matches!(mark, b'+' | b'_' | b'!' | b'?' | b'#' | b'~')) {
        let each: Vec<_> = marks.as_bytes().iter().map(one).collect();
        return each.try_into().unwrap();
    }
    [marks; 5]
}

macro_rules! table {
    ($($name:ident $roles:literal $stranger:literal $nobody:literal |$t:pat_param| $arguments:expr;)*) => {
        vec![$(Row {
            name: stringify!($name),
            roles: roles($roles),
            stranger: $stranger,
            nobody: $nobody,
            arguments: |$t| $arguments.to_string(),
        }),*]
    };
}

const FRESHNESS: &str = "asked[region]=&asked[of]=&asked[lease]=&asked[grace]=";

/// The rows are called in this order, so what a row leaves behind is what the next finds.
#[rustfmt::skip]
pub fn table() -> Vec<Row> {
    table! {
        // Of everybody: how it looks, who one is, where one is signed in.
        whoami "+++++" "ok" "unauthenticated" |_| "";
        set_look "+++++" "ok" "unauthenticated" |_| "theme=dark&shortcuts=off&nav=folded";
        my_sessions "+++++" "ok" "unauthenticated" |_| "";
        end_session "not_found" "not_found" "unauthenticated" |_| "id=ses_01m803crnaftmanwmz5a0j4ry7";
        end_other_sessions "+++++" "ok" "unauthenticated" |_| "";
        my_ways "+++++" "ok" "unauthenticated" |_| "";
        my_passkey "+++++" "ok" "unauthenticated" |_| "";
        my_security "+++++" "ok" "unauthenticated" |_| "";
        offer_app "+++++" "ok" "unauthenticated" |_| "";
        add_app "factor_wrong" "factor_wrong" "unauthenticated" |_| "code=000000&name=";
        passkey_offer "+++++" "ok" "unauthenticated" |_| "";
        add_passkey "factor_wrong" "factor_wrong" "unauthenticated" |_| "name=Key&credential=x";
        remove_factor "not_found" "not_found" "unauthenticated" |_| "id=fac_01m803crnaftmanwmz5a0j4ry7";
        new_codes "factor_required" "factor_required" "unauthenticated" |_| "";
        change_password "sign_in_failed" "sign_in_failed" "unauthenticated" |_| "current_password=wrong&new_password=tidal+omelette+bracket+nine";
        confirm "sign_in_failed" "sign_in_failed" "unauthenticated" |_| "password=wrong&next=";
        // The box over everything, and what finds by it.
        find "+++++" "ok" "unauthenticated" |_| "q=Customer";
        seek "+++++" "ok" "unauthenticated" |t| format!("q={}", t.key);
        // Products and plans.
        overview_again "+++++" "ok" "unauthenticated" |_| "days=";
        load_overview "+++++" "ok" "unauthenticated" |_| "days=90";
        products "+++++" "ok" "unauthenticated" |_| "q=&after=&archived=false";
        product "+++++" "not_found" "unauthenticated" |t| format!("id={}", t.product);
        create_product "+++__" "ok" "unauthenticated" |t| format!("name=Another&code=another-{}", t.product.to_string().replace('_', "-"));
        rename_product "+++__" "not_found" "unauthenticated" |t| format!("id={}&name=Renamed", t.product);
        archive_product "+++__" "not_found" "unauthenticated" |t| format!("id={}&archived=false", t.product);
        archive_plan "+++__" "not_found" "unauthenticated" |t| format!("id={}&archived=false", t.plan);
        product_name "+++__" "not_found" "unauthenticated" |t| format!("id={}", t.product);
        plan "+++++" "not_found" "unauthenticated" |t| format!("id={}", t.plan);
        create_plan "+++__" "invalid_request" "unauthenticated" |t| format!("product={}&{PLAN}", t.product);
        save_plan "+++__" "not_found" "unauthenticated" |t| format!("id={}&{PLAN}", t.plan);
        check_plan "+++__" "not_found" "unauthenticated" |t| format!("id={}&{PLAN}&after=", t.plan);
        outdated "+++++" "not_found" "unauthenticated" |t| format!("id={}", t.plan);
        // Customers.
        customer "+++++" "not_found" "unauthenticated" |t| format!("asked[id]={}&asked[tab]=devices", t.customer);
        customer_again "+++++" "not_found" "unauthenticated" |t| format!("asked[id]={}&asked[tab]=timeline", t.customer);
        create_customer "++++_" "ok" "unauthenticated" |_| "name=Ann&email=";
        save_customer "++++_" "not_found" "unauthenticated" |t| format!("id={}&name=Ann&email=", t.customer);
        // Freshness.
        load_freshness "+++++" "not_found" "unauthenticated" |t| format!("{FRESHNESS}&asked[product]={}&asked[customer]={}&asked[plan]={}", t.product, t.customer, t.plan);
        // Licenses.
        read_list "+++++" "ok" "unauthenticated" |_| "of=licenses&query=state%3Dactive%26cols%3Dcustomer%2Cseen";
        list_again "+++++" "ok" "unauthenticated" |_| "of=seats&query=state%3Dactive";
        save_view "++++_" "ok" "unauthenticated" |_| "of=licenses&query=state%3Dactive&name=Active&shared=true";
        remove_view "not_found" "not_found" "unauthenticated" |_| "of=licenses&id=svw_01m803crnaftmanwmz5a0j4ry7";
        propose "++_+_" "not_found" "unauthenticated" |t| format!("query=of%3Dlicenses%26step%3Dsuspend%26id%3D{}", t.license);
        begin_act "++++_" "ok" "unauthenticated" |t| format!("act[of]=licenses&act[step]=extend&act[days]=1&act[ids]={}&reason=Asked", t.license);
        acts "+++++" "ok" "unauthenticated" |_| "after=";
        act_on_many "+++++" "not_found" "unauthenticated" |t| format!("id={}&fate=&after=", t.bulk);
        act_again "+++++" "not_found" "unauthenticated" |t| format!("id={}&fate=&after=", t.bulk);
        approvals "+++++" "ok" "unauthenticated" |_| "tab=all&after=";
        approval "+++++" "not_found" "unauthenticated" |t| format!("id={}", t.approval);
        // One's own is nobody else's to take back.
        withdraw "_____" "not_found" "unauthenticated" |t| format!("id={}", t.approval);
        decide "++___" "not_found" "unauthenticated" |t| format!("id={}&refuse=true", t.approval);
        stop_act "++_+_" "not_found" "unauthenticated" |t| format!("id={}", t.bulk);
        issue_choices "+++__" "not_found" "unauthenticated" |t| format!("customer={}", t.customer);
        issue "+++__" "invalid_request" "unauthenticated" |t| format!("license[plan]={}&license[customer]={}", t.plan, t.customer);
        license "+++++" "not_found" "unauthenticated" |t| format!("id={}", t.license);
        license_again "+++++" "not_found" "unauthenticated" |t| format!("id={}&told=&after=", t.license);
        reveal "++___" "not_found" "unauthenticated" |t| format!("id={}", t.license);
        look_at_extension "++++_" "not_found" "unauthenticated" |t| format!("id={}&chosen=true&until={}", t.license, t.later);
        extend "++++_" "not_found" "unauthenticated" |t| format!("id={}&until={}&reason=Asked", t.license, t.later);
        free_seat "++++_" "not_found" "unauthenticated" |t| format!("license={}&seat={}&reason=Asked", t.license, t.seat);
        look_at_change "+++__" "not_found" "unauthenticated" |t| format!("id={}", t.license);
        change_license "+++__" "not_found" "unauthenticated" |t| format!("id={}&change[plan]={}&change[seats]=4&change[ends_on]=&change[entitlements]=&reason=Asked", t.license, t.plan);
        look_at_undo "+++++" "not_found" "unauthenticated" |t| format!("license={}&event={EVENT}", t.license);
        undo "####_" "not_found" "unauthenticated" |t| format!("license={}&event={EVENT}&reason=Asked", t.license);
        transfer "+++__" "not_found" "unauthenticated" |t| format!("id={}&email=heir%40example.com&name=&reason=Asked", t.license);
        rekey "+++__" "not_found" "unauthenticated" |t| format!("id={}&reason=Asked", t.license);
        preview_step "++_+_" "not_found" "unauthenticated" |t| format!("id={}&step=suspend", t.license);
        take_step "++_+_" "not_found" "unauthenticated" |t| format!("id={}&step=suspend&reason=Asked", t.license);
        license_page "+++++" "not_found" "unauthenticated" |t| format!("id={}&told=&after=", t.license);
        seat "+++++" "not_found" "unauthenticated" |t| format!("id={}&after=", t.seat);
        seat_again "+++++" "not_found" "unauthenticated" |t| format!("id={}&after=", t.seat);
        note "+++++" "not_found" "unauthenticated" |t| format!("id={}", t.note);
        add_note "++++_" "not_found" "unauthenticated" |t| format!("subject={}&note=Calls", t.license);
        all_notes "+++++" "not_found" "unauthenticated" |t| format!("about={}&after=", t.license);
        // Somebody else's.
        edit_note "_____" "not_found" "unauthenticated" |t| format!("id={}&note=Calls", t.note);
        remove_note "_____" "not_found" "unauthenticated" |t| format!("id={}", t.note);
        restore_note "????_" "not_found" "unauthenticated" |t| format!("id={}", t.note);
        // Imports.
        imports "+++__" "ok" "unauthenticated" |_| "after=";
        import "+++__" "not_found" "unauthenticated" |t| format!("id={}&fate=&after=0", t.import);
        remap "+++__" "not_found" "unauthenticated" |t| format!("id={}&columns[0]=key&columns[1]=plan", t.import);
        confirm_import "+++__" "not_found" "unauthenticated" |t| format!("id={}&leave_out=true", t.import);
        cancel_import "+++__" "not_found" "unauthenticated" |t| format!("id={}", t.open_import);
        // The nodes, which all vendors of an installation share.
        fleet "+++++" "ok" "unauthenticated" |_| "";
        node "+++++" "ok" "unauthenticated" |t| format!("id={}", t.node);
        step_node "++___" "ok" "unauthenticated" |t| format!("id={}&step=drain&reason=Asked", t.node);
        alerts "+++++" "ok" "unauthenticated" |_| "asked[state]=all&asked[severity]=&asked[subject]=&asked[after]=";
        open_alerts "+++++" "ok" "unauthenticated" |_| "";
        alert "+++++" "not_found" "unauthenticated" |t| format!("id={}", t.alert);
        acknowledge "++___" "not_found" "unauthenticated" |t| format!("id={}&note=Mine", t.alert);
        let_denials_pass "++___" "not_found" "unauthenticated" |t| format!("alert={}&product={}&reason=Meant", t.alert, t.product);
        // Webhooks. This one was made by the system, so it is not a developer's own.
        webhooks "+++__" "ok" "unauthenticated" |_| "q=&after=";
        // Gateways.
        gateway "+++++" "not_found" "unauthenticated" |t| format!("product={}&kind=keygen", t.product);
        set_gateway "+++__" "not_found" "unauthenticated" |t| format!("id={}&kind=keygen&gateway[on]=true", t.product);
        set_gateway_key "+____" "not_found" "unauthenticated" |t| format!("id={}&kind=keygen&kid=k&replace=true", t.product);
        webhook "+++__" "not_found" "unauthenticated" |t| format!("asked[id]={}&asked[state]=&asked[after]=", t.webhook);
        webhook_again "+++__" "not_found" "unauthenticated" |t| format!("asked[id]={}&asked[state]=&asked[after]=", t.webhook);
        create_webhook "+++__" "ok" "unauthenticated" |_| "url=https%3A%2F%2Fexample.com%2Fhook&description=&events=seat.*";
        save_webhook "++___" "not_found" "unauthenticated" |t| format!("id={}&url=https%3A%2F%2Fexample.org%2F&description=&events=", t.webhook);
        delivery "+++__" "not_found" "unauthenticated" |t| format!("webhook={}&id={}", t.webhook, t.delivery);
        delivery_again "+++__" "not_found" "unauthenticated" |t| format!("webhook={}&id={}", t.webhook, t.delivery);
        redeliver "++___" "not_found" "unauthenticated" |t| format!("webhook={}&id={}", t.webhook, t.delivery);
        step_webhook "++___" "not_found" "unauthenticated" |t| format!("id={}&step=pause", t.webhook);
        // Shops and what waits for a person.
        shops "+++__" "ok" "unauthenticated" |_| "after=";
        shop "+++__" "not_found" "unauthenticated" |t| format!("id={}&after=", t.shop);
        connect_shop "++___" "ok" "unauthenticated" |_| "kind=generic&name=Another";
        save_shop "++___" "not_found" "unauthenticated" |t| format!("id={}&name=Renamed", t.shop);
        save_rules "++___" "not_found" "unauthenticated" |t| format!("id={}&on_refund=ask&on_dispute=after_days&dispute_days=14&grace_days=7", t.shop);
        set_shop_secret "++___" "not_found" "unauthenticated" |t| format!("id={}", t.shop);
        set_shop_price "++___" "not_found" "unauthenticated" |t| format!("id={}&price=price_a&plan={}", t.shop, t.plan);
        step_shop "++___" "not_found" "unauthenticated" |t| format!("id={}&step=test", t.shop);
        inbox "+++++" "ok" "unauthenticated" |_| "tab=all&after=";
        inbox_entry "+++++" "not_found" "unauthenticated" |t| format!("id={}", t.waiting);
        resolve_inbox "++++_" "not_found" "unauthenticated" |t| format!("id={}&how=dismiss&why=Asked", t.waiting);
        // Signing keys.
        key_step "++___" "not_found" "unauthenticated" |t| format!("product={}&key=rotate", t.product);
        // An admin asks an owner for it.
        rotate_keys "++___" "not_found" "unauthenticated" |t| format!("product={}&reason=Asked", t.product);
        revoke_key "??___" "not_found" "unauthenticated" |t| format!("product={}&key=AAAAAAAAAAAAAAAA&reason=Leaked", t.product);
        // API tokens. This one was made by the system, so it is not a developer's own.
        tokens "+++__" "ok" "unauthenticated" |_| "q=&after=";
        token "+++__" "not_found" "unauthenticated" |t| format!("id={}", t.token);
        token_scopes "+++__" "ok" "unauthenticated" |_| "";
        create_token "+++__" "ok" "unauthenticated" |_| "name=Shop&expires_at=&scopes[licenses_read]=true";
        revoke_token "++___" "not_found" "unauthenticated" |t| format!("id={}&reason=Asked", t.token);
        settings "+++++" "ok" "unauthenticated" |_| "";
        save_settings "++___" "ok" "unauthenticated" |_| "name=Example+Software";
        // Mail.
        mail "+++++" "ok" "unauthenticated" |_| "asked[tab]=log&asked[state]=&asked[after]=";
        mail_again "+++++" "ok" "unauthenticated" |_| "asked[tab]=log&asked[state]=&asked[after]=";
        save_mail "++___" "invalid_request" "unauthenticated" |t| format!("sender=Example&reply_to=&colour=&issued[{}]=true&notices[refunded]=true&renewal_days=", t.product);
        test_mail "++___" "ok" "unauthenticated" |_| "";
        send_mail_again "??___" "not_found" "unauthenticated" |_| "id=mai_01m803crnaftmanwmz5a0j4ry7";
        mail_template "+++++" "ok" "unauthenticated" |_| "code=license_issued";
        save_mail_template "++___" "ok" "unauthenticated" |_| "code=license_issued&introduction=Hello&signature=";
        set_alert_mail "++___" "ok" "unauthenticated" |_| "alerts=all";
        // The team.
        team "+++++" "ok" "unauthenticated" |_| "q=";
        member "+++++" "not_found" "unauthenticated" |t| format!("id={}", t.member);
        invite "++___" "ok" "unauthenticated" |t| format!("email=new-{}%40example.com&role=viewer", t.product.to_string().replace('_', "-"));
        resend_invitation "++___" "not_found" "unauthenticated" |t| format!("id={}", t.invitation);
        revoke_invitation "++___" "not_found" "unauthenticated" |t| format!("id={}", t.invitation);
        look_at_member_step "++___" "not_found" "unauthenticated" |t| format!("id={}&step=remove", t.member);
        step_member "++___" "not_found" "unauthenticated" |t| format!("id={}&step=password&reason=Asked", t.member);
        provider "+____" "ok" "unauthenticated" |_| "";
        set_provider "!____" "invalid_request" "unauthenticated" |_| "issuer=ftp%3A%2F%2Fx&client_id=c&secret=s&domains=example.com&new_role=";
        remove_provider "?____" "not_found" "unauthenticated" |_| "reason=Asked";
        // The support desk.
        desk "+++++" "ok" "unauthenticated" |_| "q=Customer";
        desk_again "+++++" "ok" "unauthenticated" |_| "q=";
        explain "+++++" "not_found" "unauthenticated" |t| format!("q={}&at=&key=", t.seat);
        story "+++++" "not_found" "unauthenticated" |t| format!("id={}&after=&reply={}&license={}", t.customer, t.reply, t.license);
        story_again "+++++" "not_found" "unauthenticated" |t| format!("id={}&after=&reply=&license=", t.customer);
        replies "+++++" "ok" "unauthenticated" |_| "";
        reply "++_+_" "not_found" "unauthenticated" |t| format!("id={}", t.reply);
        who_to_view_as "++++_" "not_found" "unauthenticated" |t| format!("id={}", t.customer);
        view_as "++++_" "not_found" "unauthenticated" |t| format!("id={}&reason=Asks", t.customer);
        stop_viewing "++++_" "ok" "unauthenticated" |_| "";
        save_reply "++_+_" "not_found" "unauthenticated" |t| format!("id={}&name=Changed+{}&text=Dear+%7Bcustomer%7D", t.reply, t.reply);
        remove_reply "++_+_" "not_found" "unauthenticated" |t| format!("id={}", t.reply);
        refunds "++_+_" "ok" "unauthenticated" |_| "";
        // Orders. A refund revokes the license that everything before is about.
        order "+++++" "not_found" "unauthenticated" |t| format!("id={}&after=", t.order);
        look_at_refund "++_+_" "not_found" "unauthenticated" |t| format!("id={}", t.order);
        refund "++_+_" "not_found" "unauthenticated" |t| format!("id={}&reason=Paid+back", t.order);
        // The log. The event is what another did.
        audit_event "++___" "not_found" "unauthenticated" |t| format!("number={}", t.event);
        check_chain "++___" "ok" "unauthenticated" |_| "after=0";
        // Trials, and what is set for the portal.
        trial_funnel "+++++" "not_found" "unauthenticated" |t| format!("id={}&days=90", t.product);
        look_at_trial "+++__" "not_found" "unauthenticated" |t| format!("id={}", t.license);
        // This one is no trial, which is said to whoever may convert one.
        convert_trial "~~~__" "not_found" "unauthenticated" |t| format!("id={}&plan={}&email=&name=&reason=Asked", t.license, t.plan);
        portal_settings "+++++" "ok" "unauthenticated" |_| "";
        save_portal "++___" "ok" "unauthenticated" |_| "name=&accent=%232b59c3&short_name=&domain=&welcome=&help=";
        plan_links "+++++" "not_found" "unauthenticated" |t| format!("id={}", t.plan);
        save_plan_links "+++__" "not_found" "unauthenticated" |t| format!("id={}&renew=https%3A%2F%2Fexample.com%2Frenew&upgrade=", t.plan);
        // The portal: no member is a customer (portal.rs has its own table). Its door is open.
        portal_frame "not_found" "not_found" "not_found" |_| "vendor=nowhere";
        portal_home "not_found" "not_found" "not_found" |_| "vendor=nowhere&after=";
        code_page "not_found" "not_found" "not_found" |_| "vendor=nowhere";
        ask_code "not_found" "not_found" "not_found" |_| "vendor=nowhere&email=a%40example.com";
        claim "not_found" "not_found" "not_found" |_| "vendor=nowhere&key=k&email=a%40example.com";
        use_code "not_found" "not_found" "not_found" |_| "vendor=nowhere&code=12345678";
        enter_with_key "not_found" "not_found" "not_found" |_| "vendor=nowhere&key=k&key_email=a%40example.com";
        leave_portal "not_found" "not_found" "not_found" |_| "vendor=nowhere";
        change_company "unauthenticated" "unauthenticated" "unauthenticated" |t| format!("to={}", t.customer);
        my_license "unauthenticated" "unauthenticated" "unauthenticated" |t| format!("id={}", t.license);
        reveal_my_key "unauthenticated" "unauthenticated" "unauthenticated" |t| format!("id={}", t.license);
        my_seat "unauthenticated" "unauthenticated" "unauthenticated" |t| format!("license={}&seat={}", t.license, t.seat);
        rename_my_seat "unauthenticated" "unauthenticated" "unauthenticated" |t| format!("license={}&seat={}&name=N", t.license, t.seat);
        free_my_seat "unauthenticated" "unauthenticated" "unauthenticated" |t| format!("license={}&seat={}", t.license, t.seat);
        my_holder "unauthenticated" "unauthenticated" "unauthenticated" |t| format!("license={}&user=a%40example.com", t.license);
        hand_out_seat "unauthenticated" "unauthenticated" "unauthenticated" |t| format!("license={}&to=a%40example.com", t.license);
        take_place "unauthenticated" "unauthenticated" "unauthenticated" |t| format!("license={}&user=a%40example.com&to=", t.license);
        offline_page "unauthenticated" "unauthenticated" "unauthenticated" |_| "";
        my_orders "unauthenticated" "unauthenticated" "unauthenticated" |_| "after=";
        my_people "unauthenticated" "unauthenticated" "unauthenticated" |_| "";
        invite_colleague "unauthenticated" "unauthenticated" "unauthenticated" |_| "email=a%40example.com&name=";
        step_colleague "unauthenticated" "unauthenticated" "unauthenticated" |_| "id=cpe_01m803crnaftmanwmz5a0j4ry7&step=remove";
        my_account "unauthenticated" "unauthenticated" "unauthenticated" |_| "";
        end_my_session "unauthenticated" "unauthenticated" "unauthenticated" |_| "id=ses_01m803crnaftmanwmz5a0j4ry7";
        // The door, which is open. Signing out comes last: it ends the session that asks.
        set_up "already_set_up" "already_set_up" "already_set_up" |_| "code=A&vendor=V&email=a%40example.com&password=p";
        company_door "ok" "ok" "ok" |_| "";
        half_ways "unauthenticated" "unauthenticated" "unauthenticated" |_| "";
        half_passkey "unauthenticated" "unauthenticated" "unauthenticated" |_| "";
        finish_sign_in "unauthenticated" "unauthenticated" "unauthenticated" |_| "code=000000&credential=&next=";
        invitation "invitation_invalid" "invitation_invalid" "invitation_invalid" |_| "token=guess";
        accept_invitation "invitation_invalid" "invitation_invalid" "invitation_invalid" |_| "token=guess&name=Ann&password=p";
        sign_in "sign_in_failed" "sign_in_failed" "sign_in_failed" |_| "email=nobody%40example.com&password=p";
        sign_out "+++++" "ok" "ok" |_| "";
    }
}

const PLAN: &str = "plan[name]=Studio&plan[code]=studio&plan[sold]=subscription&plan[months]=12&plan[used]=devices\
                    &plan[seats]=3&plan[offline]=standard";

/// An event that never was.
const EVENT: &str = "evt_01m803crnaftmanwmz5a0j4ry7";

/// Everything that tells of `things`.
pub fn marks(things: &Things, tag: &str) -> Vec<String> {
    let Things { product, plan, customer, license, seat, alert, import, key, webhook, delivery, .. } = things;
    let ids = [
        product.to_string(),
        plan.to_string(),
        customer.to_string(),
        license.to_string(),
        seat.to_string(),
        alert.to_string(),
        webhook.to_string(),
        delivery.to_string(),
        things.note.to_string(),
        things.token.to_string(),
        things.order.to_string(),
        things.approval.to_string(),
        things.shop.to_string(),
        things.waiting.to_string(),
        things.reply.to_string(),
        format!("order-{tag}"),
    ];
    let names = ["Product", "Customer", "Computer", "Note", "Shop", "Reply"].map(|what| format!("{what} {tag}"));
    let short = key[key.len() - 5..].to_owned();
    let people =
        [things.member.to_string(), things.invitation.to_string(), format!("Member {tag}"), things.link.clone()];
    ids.into_iter().chain(people).chain(names).chain([import.to_string(), key.clone(), short]).collect()
}

#[tokio::test]
async fn every_server_function_answers_everybody_as_the_table_says() {
    let world = World::new().await;
    let table = table();
    let named: BTreeSet<&str> = table.iter().map(|row| row.name).collect();
    assert_eq!(named.len(), table.len(), "a name stands for one function");
    let mut registered = BTreeSet::new();
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        assert_eq!(method, Method::POST, "{path} can be called by a link");
        let name = path.rsplit('/').next().unwrap();
        assert!(named.contains(name), "{path} is not in the table: say what it must answer to whom");
        assert!(registered.insert(name), "two functions are called {name}");
    }
    assert_eq!(registered, named, "the table names what is gone");

    let things = world.things("nobody").await;
    let mut nobody = world.browser();
    for row in &table {
        let answer = nobody.call(&function(row.name), &(row.arguments)(&things)).await;
        assert_eq!(answer.code(), row.nobody, "{} for nobody", row.name);
    }
    let mut wrong = Vec::new();
    for (at, role) in Role::ALL.into_iter().enumerate() {
        let things = world.things(role.as_str()).await;
        let mut browser = world.member(world.vendor, role).await;
        for row in &table {
            let answer = browser.call(&function(row.name), &(row.arguments)(&things)).await;
            if answer.code() != row.roles[at] {
                wrong.push(format!("{} for {role:?}: {} instead of {}", row.name, answer.code(), row.roles[at]));
            }
        }
    }
    let things = world.things("foreign").await;
    let marks = marks(&things, "foreign");
    let mut stranger = world.member(world.other, Role::Owner).await;
    for row in &table {
        let answer = stranger.call(&function(row.name), &(row.arguments)(&things)).await;
        if answer.code() != row.stranger {
            wrong.push(format!("{} for a stranger: {} instead of {}", row.name, answer.code(), row.stranger));
        }
        for mark in &marks {
            assert!(!answer.body.contains(mark), "{} tells a stranger of {mark}", row.name);
        }
        // What exists elsewhere is refused in the very words in which nothing is.
        if row.stranger != "ok" {
            let nothing = stranger.call(&function(row.name), &(row.arguments)(&unknown(&things))).await;
            assert_eq!((answer.status, answer.body), (nothing.status, nothing.body), "{} for a stranger", row.name);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The like of `things`, none of which exists.
fn unknown(things: &Things) -> Things {
    Things {
        product: ProductId::from_bytes([6; 16]),
        plan: PlanId::from_bytes([6; 16]),
        customer: CustomerId::from_bytes([6; 16]),
        license: LicenseId::from_bytes([6; 16]),
        order: OrderId::from_bytes([6; 16]),
        bulk: BulkActId::from_bytes([6; 16]),
        approval: ApprovalId::from_bytes([6; 16]),
        seat: SeatId::from_bytes([6; 16]),
        import: ImportId::from_bytes([6; 16]),
        open_import: ImportId::from_bytes([6; 16]),
        alert: AlertId::from_bytes([6; 16]),
        webhook: WebhookId::from_bytes([6; 16]),
        delivery: DeliveryId::from_bytes([6; 16]),
        shop: ShopId::from_bytes([6; 16]),
        waiting: InboxId::from_bytes([6; 16]),
        member: MemberId::from_bytes([6; 16]),
        invitation: InvitationId::from_bytes([6; 16]),
        note: NoteId::from_bytes([6; 16]),
        token: TokenId::from_bytes([6; 16]),
        reply: ReplyId::from_bytes([6; 16]),
        event: i64::MAX,
        ..things.clone()
    }
}

/// The page at `pattern` for these things.
fn fill(pattern: &str, things: &Things) -> String {
    let mut kind = "";
    let parts = pattern.split('/').map(|part| match part {
        "{id}" => match kind {
            "products" => things.product.to_string(),
            "plans" => things.plan.to_string(),
            "customers" | "support" => things.customer.to_string(),
            "licenses" | "about" => things.license.to_string(),
            "orders" => things.order.to_string(),
            "acts" => things.bulk.to_string(),
            "approvals" => things.approval.to_string(),
            "imports" => things.import.to_string(),
            "alerts" => things.alert.to_string(),
            "webhooks" => things.webhook.to_string(),
            "shops" => things.shop.to_string(),
            "inbox" => things.waiting.to_string(),
            "team" => things.member.to_string(),
            "seats" => things.seat.to_string(),
            "notes" => things.note.to_string(),
            "tokens" => things.token.to_string(),
            "replies" => things.reply.to_string(),
            _ => panic!("{pattern}: say what its id is of"),
        },
        "new" if kind == "acts" => format!("new?of=licenses&step=suspend&id={}", things.license),
        "{seat}" => things.seat.to_string(),
        "{step}" if kind == "fleet" => "drain".to_owned(),
        "{step}" if kind == "team" => "remove".to_owned(),
        "{step}" => "revoke".to_owned(),
        "{event}" => EVENT.to_owned(),
        "{number}" => things.event.to_string(),
        "{key}" => "rotate".to_owned(),
        "{kind}" => "keygen".to_owned(),
        "{delivery}" => things.delivery.to_string(),
        "{template}" => "license_issued".to_owned(),
        "{node}" => things.node.to_string(),
        "{*rest}" => "nowhere".to_owned(),
        other => {
            assert!(!other.contains('{'), "{pattern}: say what stands for {other}");
            kind = other;
            other.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The page without what differs between two answers in any case.
fn bare(answer: &Answer, path: &str) -> String {
    let policy = answer.header(header::CONTENT_SECURITY_POLICY);
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap_or("no nonce");
    let mut body = answer.body.replace(nonce, "NONCE");
    for part in path.split(['/', '=', '?']).filter(|part| part.contains('_')) {
        body = body.replace(part, "ID");
    }
    body
}

#[tokio::test]
async fn every_page_of_the_console_is_closed_to_nobody_and_empty_for_strangers() {
    let world = World::new().await;
    let things = world.things("page").await;
    let marks = marks(&things, "page");
    let unknown = unknown(&things);
    let mut nobody = world.browser();
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let mut stranger = world.member(world.other, Role::Owner).await;
    let patterns = &*PAGE_PATHS;
    let (mut closed, mut compared) = (0, 0);
    let inside = |pattern: &&String| pattern.starts_with("/console") || pattern.starts_with("/support");
    for pattern in patterns.iter().filter(inside) {
        let path = fill(pattern, &things);
        let answer = nobody.get(&path).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::FOUND, ""), "{path}");
        assert!(answer.header(header::LOCATION).starts_with("/sign-in"), "{path}");
        closed += 1;
        let expected = if pattern.ends_with("{*rest}") { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(owner.get(&path).await.status, expected, "{path} for its owner");
        let foreign = stranger.get(&path).await;
        if pattern.contains("{id}") {
            let other = fill(pattern, &unknown);
            let missing = stranger.get(&other).await;
            assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(missing.status, StatusCode::NOT_FOUND, "{other}");
            assert_eq!(bare(&foreign, &path), bare(&missing, &other), "{path}");
            compared += 1;
        }
        told_nothing(&foreign, &marks, &path);
    }
    assert!(closed >= 18 && compared >= 8, "{closed} pages, {compared} of them with an id");
    // What is asked of a list or of a form, with somebody else's things.
    let Things { product, plan, customer, license, key, .. } = &things;
    for path in [
        format!("/console/licenses?product={product}"),
        format!("/console/licenses?plan={plan}"),
        format!("/console/licenses?q={license}"),
        format!("/console/licenses?q={key}"),
        format!("/console/licenses/new?plan={plan}"),
        format!("/console/licenses/new?customer={customer}"),
        "/console/customers?q=Customer".to_owned(),
        "/console/find?q=Customer".to_owned(),
        "/console/find?q=Computer".to_owned(),
        format!("/console/find?q={license}"),
        format!("/console/find?q={key}"),
        format!("/console/audit?subject={license}"),
        format!("/console/licenses?customer={customer}&sort=customer_name"),
        format!("/console/seats?license={license}"),
        "/console/seats?q=Computer".to_owned(),
        "/console/orders?q=order".to_owned(),
        "/support?q=Customer".to_owned(),
        "/support?q=Computer".to_owned(),
        "/support/explain?q=Computer".to_owned(),
        format!("/support/explain?q={license}"),
        format!("/support/{customer}?reply=rpl_00000000000000000000000000&license={license}"),
        format!("/console/exports/licenses.json?product={product}"),
        "/console/exports/seats.csv?q=Computer".to_owned(),
        format!("/console/freshness?product={product}"),
        format!("/console/freshness?customer={customer}"),
        format!("/console/freshness?plan={plan}&of={plan}&lease=7&grace=3"),
    ] {
        let answer = stranger.get(&path).await;
        let asked: Vec<String> = marks.iter().filter(|mark| !path.contains(*mark)).cloned().collect();
        told_nothing(&answer, &asked, &path);
    }
}

fn told_nothing(answer: &Answer, marks: &[String], path: &str) {
    for mark in marks.iter().filter(|mark| !path.contains(*mark)) {
        assert!(!answer.body.contains(mark), "{path} tells a stranger of {mark}");
    }
}

#[tokio::test]
async fn what_a_role_may_not_read_no_page_of_theirs_holds() {
    let world = World::new().await;
    let things = world.things("roles").await;
    for role in [Role::Support, Role::Viewer] {
        let mut browser: Browser = world.member(world.vendor, role).await;
        for pattern in [
            "/console/imports",
            "/console/imports/{id}",
            "/console/licenses/new",
            "/console/webhooks",
            "/console/webhooks/{id}",
            "/console/shops",
            "/console/shops/{id}",
            "/console/tokens",
            "/console/tokens/{id}",
        ] {
            let answer = browser.get(&fill(pattern, &things)).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{pattern} for {role:?}");
            assert!(!answer.body.contains("IMPORTED"), "{pattern} for {role:?}");
        }
    }
}
