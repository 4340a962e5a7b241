//! Clients that go away in the middle of a page: what was begun for them is finished and freed (pitfall 2).

use super::process::{Home, Node, PASSWORD, read_answer};
use std::{
    fs,
    io::Write as _,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Requests at the same time.
const CLIENTS: u64 = 8;
const ROUND: u64 = 1_000;
/// Rounds until the allocator has what it needs, and rounds that are measured.
const ROUNDS: (usize, usize) = (2, 8);
/// What all measured rounds together may add. They add about one and a half mebibytes; pages rendered where a client that
/// goes away stops them add nine, and a hundred and sixty where one of them is stopped at a bad moment.
const ALLOWED: u64 = 4 << 20;

/// Resident memory of the process, in bytes.
fn resident(node: &Node) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{}/statm", node.child.id())).unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

fn connect(node: &Node) -> TcpStream {
    let stream = TcpStream::connect_timeout(&node.address, Duration::from_secs(5)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Signs the owner in and returns the cookie.
pub fn sign_in(node: &Node) -> String {
    let body = format!("email=owner%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let mut stream = connect(node);
    let request = format!(
        "POST /fn/holdfast_app/pages/door/api/sign_in HTTP/1.1\r\nhost: {}\r\nsec-fetch-site: same-origin\r\n\
         accept: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        node.address,
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let (status, head, body) = read_answer(&mut stream).unwrap();
    assert_eq!(status, 200, "{body}");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: holdfast_session=")).unwrap();
    format!("holdfast_session={}", cookie.split(';').next().unwrap())
}

fn page_request(node: &Node, cookie: &str) -> String {
    format!(
        "GET /console/products HTTP/1.1\r\nhost: {}\r\naccept: text/html\r\ncookie: {cookie}\r\n\
             connection: close\r\n\r\n",
        node.address
    )
}

/// So many clients ask for a page and go away, each after a little longer than the one before.
fn round(node: &Node, cookie: &str) {
    let next = Arc::new(AtomicU64::new(0));
    let request = page_request(node, cookie);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= ROUND {
                        return;
                    }
                    let mut stream = connect(node);
                    stream.write_all(request.as_bytes()).unwrap();
                    thread::sleep(Duration::from_micros(200 * (n % 40)));
                }
            });
        }
    });
    // Until everything that was begun is done: this one waits its turn behind them.
    let mut stream = connect(node);
    stream.write_all(request.as_bytes()).unwrap();
    let (status, _, _) = read_answer(&mut stream).unwrap();
    assert_eq!(status, 200);
    thread::sleep(Duration::from_millis(500));
}

#[test]
fn clients_that_go_away_leave_nothing_behind() {
    let home = Home::new();
    let node = home.start(&["--log", "warn"]);
    let cookie = sign_in(&node);
    let after: Vec<u64> = (0..ROUNDS.0 + ROUNDS.1)
        .map(|_| {
            round(&node, &cookie);
            resident(&node)
        })
        .collect();
    let grown = after[ROUNDS.0 + ROUNDS.1 - 1].saturating_sub(after[ROUNDS.0 - 1]);
    println!("resident after each thousand: {after:?}");
    assert!(grown < ALLOWED, "pages that nobody waited for cost {grown} bytes: {after:?}");
}
