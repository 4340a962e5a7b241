use super::*;

const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

fn webhook() -> WebhookRow {
    WebhookRow {
        id: WebhookId::from_bytes([1; 16]),
        vendor: VendorId::from_bytes([2; 16]),
        url: "https://example.com/hook".to_owned(),
        description: String::new(),
        events: EventFilter::default(),
        secrets: Vec::new(),
        previous_secrets: None,
        previous_until: None,
        created_by: None,
        created_at: START,
        updated_at: START,
        paused_at: None,
        paused_reason: None,
        failing_since: None,
        failures: 0,
        quiet_until: None,
        delivered_at: None,
    }
}

fn delivery() -> DeliveryRow {
    DeliveryRow {
        number: 1,
        id: DeliveryId::from_bytes([3; 16]),
        vendor: VendorId::from_bytes([2; 16]),
        webhook: WebhookId::from_bytes([1; 16]),
        message: MessageId::from_bytes([4; 16]),
        topic: "license.issued".to_owned(),
        subject: "lic_1".to_owned(),
        state: DeliveryState::Pending,
        attempts: 0,
        outcome: None,
        tried_since: None,
        next_at: START,
        created_at: START,
        ended_at: None,
    }
}

fn answered(at: Timestamp, status: u16, retry_after: Option<i64>) -> Attempt {
    let answer = Answer { status, retry_after: retry_after.map(Seconds), text: String::new() };
    Attempt { at, took: Duration::from_millis(5), result: Ok(answer) }
}

fn refused(at: Timestamp) -> Attempt {
    Attempt { at, took: Duration::ZERO, result: Err("connection refused".to_owned()) }
}

/// When a delivery that is never taken is tried, in seconds from the first attempt, until nothing more is to be done.
fn tries(jitter: u16, mut others: impl FnMut(&mut WebhookRow)) -> (Vec<i64>, WebhookRow, DeliveryRow) {
    let (mut webhook, mut delivery, mut tries) = (webhook(), delivery(), Vec::new());
    while delivery.state == DeliveryState::Pending && webhook.paused_at.is_none() {
        let now = delivery.next_at;
        tries.push(now.since(START).0);
        (webhook, delivery) = follow(&webhook, &delivery, &refused(now), now, jitter);
        others(&mut webhook);
    }
    (tries, webhook, delivery)
}

#[test]
fn waits_grow_for_three_days_and_then_the_webhook_is_paused_with_nothing_lost() {
    let (at, webhook, delivery) = tries(0, |_| {});
    assert_eq!(&at[..9], [0, 5, 15, 45, 135, 405, 1_215, 3_645, 10_935]);
    assert!(at.windows(2).all(|two| two[1] - two[0] <= 12 * 3_600), "{at:?}");
    assert!((PATIENCE.0..PATIENCE.0 + 12 * 3_600).contains(at.last().unwrap()), "{at:?}");
    assert_eq!((webhook.paused_reason, delivery.state), (Some(PauseReason::Failing), DeliveryState::Pending));
    let (late, ..) = tries(u16::MAX, |_| {});
    assert!(late.iter().zip(&at).skip(1).all(|(late, at)| late >= at) && late != at, "{late:?}");
}

#[test]
fn what_one_receiver_cannot_take_while_it_takes_others_is_given_up() {
    let (at, webhook, delivery) = tries(0, |webhook| (webhook.failing_since, webhook.failures) = (None, 0));
    assert_eq!((webhook.paused_at, delivery.state), (None, DeliveryState::Failed));
    assert_eq!(delivery.attempts, i64::try_from(at.len()).unwrap());
    assert!(delivery.ended_at.unwrap().since(START) >= PATIENCE);
}

#[test]
fn an_answer_of_the_two_hundreds_is_success_and_nothing_else_is() {
    for (status, delivered) in
        [(200, true), (204, true), (299, true), (199, false), (301, false), (404, false), (500, false)]
    {
        let (webhook, delivery) = follow(&webhook(), &delivery(), &answered(START, status, None), START, 0);
        assert_eq!(delivery.state == DeliveryState::Delivered, delivered, "{status}");
        assert_eq!(webhook.failing_since.is_none(), delivered, "{status}");
        assert_eq!(delivery.outcome, Some(status.to_string()));
    }
}

#[test]
fn a_receiver_that_is_gone_is_left_alone() {
    let (webhook, delivery) = follow(&webhook(), &delivery(), &answered(START, 410, None), START, 0);
    assert_eq!((webhook.paused_reason, delivery.state), (Some(PauseReason::Gone), DeliveryState::Pending));
}

#[test]
fn a_receiver_may_ask_for_time_within_bounds() {
    let waits = |asked: i64| {
        let (webhook, delivery) = follow(&webhook(), &delivery(), &answered(START, 503, Some(asked)), START, 0);
        (delivery.next_at.since(START).0, webhook.quiet_until.map(|until| until.since(START).0))
    };
    assert_eq!(waits(120), (120, Some(120)));
    assert_eq!(waits(0), (5, None));
    assert_eq!(waits(-7), (5, None));
    assert_eq!(waits(i64::MAX), (12 * 3_600, Some(3_600)));
}

#[test]
fn a_receiver_that_fails_again_and_again_is_asked_less_and_less_often_until_it_takes_something() {
    let (mut webhook, mut quiet) = (webhook(), Vec::new());
    for _ in 0..80 {
        webhook = follow(&webhook, &delivery(), &refused(START), START, 0).0;
        quiet.push(webhook.quiet_until.map_or(0, |until| until.since(START).0));
    }
    assert_eq!(&quiet[..6], [0, 0, 1, 2, 4, 8]);
    assert_eq!(quiet.last(), Some(&300));
    webhook = follow(&webhook, &delivery(), &answered(START, 200, None), START, 0).0;
    assert_eq!((webhook.failures, webhook.quiet_until, webhook.failing_since), (0, None, None));
}

#[test]
fn a_body_is_json_with_the_data_as_it_was_written() {
    let body = body("seat.claimed", START, r#"{"a":1.0,"b":"\u00e9"}"#);
    assert_eq!(body, r#"{"type":"seat.claimed","timestamp":"2026-01-01T00:00:00Z","data":{"a":1.0,"b":"\u00e9"}}"#);
    assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
}
