//! Slow, broken and greedy clients against the real sockets.

use super::process::{Home, Node, ask, read_answer};
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
    assert!(answers[1].contains("\"code\":\"request_timeout\""));
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
    let (status, ..) = read_answer(&mut stream).unwrap();
    assert_eq!(status, 431);
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
