//! A way to a TCP server that can be closed and opened, such as the one to a database.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// How soon an open connection notices that the way was closed.
const TICK: Duration = Duration::from_millis(5);

/// The way; ends with this value.
pub struct Gate {
    address: SocketAddr,
    open: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

impl Gate {
    /// An open way to `target`.
    pub fn to(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (open, ended) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        let (is_open, is_ended) = (Arc::clone(&open), Arc::clone(&ended));
        thread::spawn(move || {
            for client in listener.incoming() {
                if is_ended.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(client), true) = (client, is_open.load(Ordering::SeqCst)) else { continue };
                let is_open = Arc::clone(&is_open);
                thread::spawn(move || {
                    let Ok(server) = TcpStream::connect(target) else { return };
                    let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else { return };
                    let other = Arc::clone(&is_open);
                    let back = thread::spawn(move || pass(from_server, client, &other));
                    pass(from_client, server, &is_open);
                    let _ = back.join();
                });
            }
        });
        Ok(Self { address, open, ended })
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the way: every connection ends, and new ones end at once.
    pub fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    /// Opens it again.
    pub fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.close();
        self.ended.store(true, Ordering::SeqCst);
        // So that the thread that waits for connections looks.
        let _ = TcpStream::connect(self.address);
    }
}

/// Copies one direction until it ends or the way is closed.
fn pass(mut from: TcpStream, mut to: TcpStream, open: &AtomicBool) {
    let _ = from.set_read_timeout(Some(TICK));
    let mut buffer = vec![0; 65_536];
    while open.load(Ordering::SeqCst) {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                if to.write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
