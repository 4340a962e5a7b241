//! Slow, broken and greedy clients against the real sockets.

use super::process::{Home, Node, ask, read_answer};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

fn connect(node: &Node) -> TcpStream {
    let stream = TcpStream::connect(node.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The whole text of an answer is a problem document like any other, with the id of the request in head and body.
fn is_problem(answer: &str, status: u16, code: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(head.contains("content-type: application/problem+json"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)), "{body}");
    for member in ["type", "title", "detail", "request_id"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {body}");
    }
    assert!(body["retryable"].is_boolean());
    assert!(head.contains(&format!("x-request-id: {}", body["request_id"].as_str().unwrap())), "{head}");
}

#[test]
fn what_is_no_request_is_refused_in_the_same_form_as_one() {
    let home = Home::new();
    let node = home.start(&[]);
    let long = "x".repeat(64 * 1024);
    for (sent, status, code) in [
        (format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n"), 431, "head_too_large"),
        (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), 431, "head_too_large"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400, "invalid_request"),
        ("GET /livez HTTP/1.1\r\nhost: x\r\nno header\r\n\r\n".to_owned(), 400, "invalid_request"),
        ("GET /li vez HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 400, "invalid_request"),
        (
            "GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n".to_owned(),
            400,
            "invalid_request",
        ),
    ] {
        let mut stream = connect(&node);
        let _ = stream.write_all(sent.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        is_problem(&String::from_utf8_lossy(&answer), status, code);
    }
    // After an answered request on the same connection as well.
    let mut stream = connect(&node);
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut first = [0; 512];
    let read = stream.read(&mut first).unwrap();
    assert!(first[..read].starts_with(b"HTTP/1.1 200"));
    stream.write_all(b"nonsense\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    is_problem(&String::from_utf8_lossy(&answer), 400, "invalid_request");
}

#[test]
fn whoever_asks_before_sending_too_much_is_spared_the_sending() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, ..) = node.licensed(1);
    let asked = |length: usize| {
        let mut stream = connect(&node);
        let head = format!(
            "POST /v1/products/{product}/activate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             expect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 64];
        let read = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    assert!(asked(100).starts_with("HTTP/1.1 100 "), "a body that fits is welcome");
    assert!(asked(9_000_000).starts_with("HTTP/1.1 413 "));
}

#[test]
fn whoever_was_accepted_before_the_node_stops_is_answered() {
    let home = Home::new();
    let mut node = home.start(&["--drain-seconds", "0"]);
    let mut silent = connect(&node);
    std::thread::sleep(Duration::from_millis(200));
    node.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    silent.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let (status, head, _) = read_answer(&mut silent).unwrap();
    assert_eq!(status, 200);
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(node.ended(Duration::from_secs(10)), Some(0));
}

/// Sends a byte of `text` now and then, until all is sent or the other side has had enough.
fn trickle(stream: &mut TcpStream, text: &str, every: Duration) {
    for byte in text.bytes() {
        if stream.write_all(&[byte]).is_err() {
            return;
        }
        std::thread::sleep(every);
    }
}

#[test]
fn a_head_has_ten_seconds() {
    let home = Home::new();
    let node = home.start(&[]);
    let begun = Instant::now();
    let slow: Vec<_> = (0..3)
        .map(|kind| {
            let mut stream = connect(&node);
            std::thread::spawn(move || {
                match kind {
                    // Never a byte, a head without an end, and one byte a second.
                    0 => {}
                    1 => stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n").unwrap(),
                    _ => {
                        let mut writer = stream.try_clone().unwrap();
                        std::thread::spawn(move || {
                            trickle(
                                &mut writer,
                                &format!("GET /{} HTTP/1.1", "x".repeat(60)),
                                Duration::from_millis(500),
                            );
                        });
                    }
                }
                let mut bytes = Vec::new();
                let _ = stream.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        })
        .collect();
    // Meanwhile everybody else is served.
    assert_eq!(ask(node.address, "GET", "/livez", None, "").unwrap().0, 200);
    let answers: Vec<String> = slow.into_iter().map(|thread| thread.join().unwrap()).collect();
    let took = begun.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(14)).contains(&took), "{took:?}");
    assert_eq!(answers[0], "");
    assert!(answers[1].starts_with("HTTP/1.1 408 "), "{answers:?}");
    is_problem(&answers[1], 408, "request_timeout");
    assert!(answers[2].starts_with("HTTP/1.1 408 "), "{answers:?}");
}

#[test]
fn a_request_has_fifteen_seconds() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, ..) = node.licensed(1);
    let mut stream = connect(&node);
    let head = format!(
        "POST /v1/products/{product}/activate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let begun = Instant::now();
    let mut writer = stream.try_clone().unwrap();
    std::thread::spawn(move || trickle(&mut writer, &"x".repeat(60), Duration::from_millis(500)));
    let (status, _, body) = read_answer(&mut stream).unwrap();
    let took = begun.elapsed();
    assert_eq!(status, 408, "{body}");
    assert!(body.contains("request_timeout"));
    assert!((Duration::from_secs(14)..Duration::from_secs(19)).contains(&took), "{took:?}");
}

#[test]
fn a_body_that_is_too_large_is_refused_and_the_refusal_arrives() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, ..) = node.licensed(1);
    let path = format!("/v1/products/{product}/activate");
    for size in [20_000, 400_000] {
        let (status, _, body) = ask(node.address, "POST", &path, None, &" ".repeat(size)).unwrap();
        assert_eq!(status, 413, "{body}");
        assert!(body.contains("body_too_large"));
    }
}

#[test]
fn nonsense_is_answered_or_dropped_and_the_node_lives() {
    let home = Home::new();
    let node = home.start(&[]);
    for bytes in [
        &b"\0\0\0\0\0\0\0\0\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense nonsense nonsense",
        b"PR",
        b"POST /livez HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n",
        b"GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
    ] {
        let mut stream = connect(&node);
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 200"), "{bytes:?}");
    }
    let mut stream = connect(&node);
    let long = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "x".repeat(64 * 1024));
    let _ = stream.write_all(long.as_bytes());
    assert_eq!(read_answer(&mut stream).unwrap().0, 431);
    assert_eq!(ask(node.address, "GET", "/readyz", None, "").unwrap().0, 200);
}

#[test]
fn connections_are_capped_and_come_free_again() {
    let home = Home::new();
    let node = home.start(&["--max-connections", "8"]);
    let held: Vec<TcpStream> = (0..8).map(|_| connect(&node)).collect();
    std::thread::sleep(Duration::from_millis(200));
    let mut ninth = connect(&node);
    ninth.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    ninth.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(ninth.read(&mut [0; 1]).is_err(), "no place yet");
    drop(held);
    ninth.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(read_answer(&mut ninth).unwrap().0, 200);
}
