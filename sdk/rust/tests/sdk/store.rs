//! Damaged, unwritable and full stores: never worse than "activate again", never a crash.

use crate::server::{KEY, Server};
use crate::support::{Machine, assert_licensed, files};
use holdfast_sdk::{InvalidReason, Report, Standing, Verdict};
use std::fs;

/// What becomes of a file.
type Damage = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// The verdict is the stored one, or "activate again" with the note that something was damaged.
fn assert_never_worse(standing: &Standing, what: &str) {
    match standing.verdict {
        Verdict::Licensed => {}
        Verdict::Invalid { reason: InvalidReason::NotActivated } => assert!(standing.store_damaged, "{what}"),
        other => panic!("{what}: {other:?}"),
    }
}

/// A device whose two slots both hold something.
fn with_both_slots(server: &Server) -> Machine {
    let machine = Machine::activated(server);
    machine.app(&server.url()).refresh().unwrap();
    let names: Vec<_> = files(&machine.state_folder()).into_iter().map(|(path, _)| path).collect();
    assert!(names.iter().any(|path| path.ends_with("state-a")) && names.iter().any(|path| path.ends_with("state-b")));
    machine
}

#[test]
fn one_file_cut_at_every_offset() {
    let server = Server::start();
    let machine = with_both_slots(&server);
    for (path, whole) in files(&machine.state_folder()) {
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let what = format!("{} cut at {length}", path.display());
            let standing = machine.app("http://127.0.0.1:1").check_on_launch();
            assert_licensed(&standing, &what);
            // Whatever the end of the program wrote, the next case begins with the same files.
            fs::write(&path, &whole).unwrap();
        }
    }
}

#[test]
fn everything_cut_zeroed_or_replaced() {
    let server = Server::start();
    let machine = with_both_slots(&server);
    let whole = files(&machine.state_folder());
    let longest = whole.iter().map(|(_, bytes)| bytes.len()).max().unwrap();
    let damages: Vec<(String, Damage)> = vec![
        ("zeroed".into(), Box::new(|bytes| vec![0; bytes.len()])),
        ("emptied".into(), Box::new(|_| Vec::new())),
        ("garbage".into(), Box::new(|bytes| bytes.iter().map(|byte| byte.wrapping_mul(31)).collect())),
        ("json".into(), Box::new(|_| b"{}".to_vec())),
        ("doubled".into(), Box::new(|bytes| [bytes, bytes].concat())),
        ("huge".into(), Box::new(|_| vec![b'9'; 3_000_000])),
    ];
    let cuts = (0..longest).step_by(97).map(|length| {
        let cut: Damage = Box::new(move |bytes| bytes[..length.min(bytes.len())].to_vec());
        (format!("cut at {length}"), cut)
    });
    for (what, damage) in damages.into_iter().chain(cuts) {
        for (path, bytes) in &whole {
            fs::write(path, damage(bytes)).unwrap();
        }
        let app = machine.app(&server.url());
        assert_never_worse(&app.check_on_launch(), &what);
        assert_licensed(&app.activate(KEY).unwrap(), &what);
        assert!(!app.state().store_damaged, "{what}: healed");
        drop(app);
        assert_licensed(&machine.app("http://127.0.0.1:1").check_on_launch(), &what);
    }
    assert!(machine.reports.lock().unwrap().contains(&Report::StoreDamaged));
}

#[test]
fn folders_in_the_place_of_files() {
    let server = Server::start();
    let machine = with_both_slots(&server);
    for (path, _) in files(&machine.state_folder()) {
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), "x").unwrap();
    }
    let app = machine.app(&server.url());
    assert_never_worse(&app.check_on_launch(), "folders");
    assert_licensed(&app.activate(KEY).unwrap(), "from memory");
    assert!(machine.reports.lock().unwrap().iter().any(|report| matches!(report, Report::NotSaved(_))));
}

#[test]
fn damage_under_a_living_process_leaves_its_verdict() {
    let server = Server::start();
    let machine = with_both_slots(&server);
    let app = machine.app(&server.url());
    assert_licensed(&app.check_on_launch(), "before");
    for (path, bytes) in files(&machine.state_folder()) {
        fs::write(path, vec![0; bytes.len()]).unwrap();
    }
    assert_licensed(&app.state(), "the process lives");
    assert_licensed(&app.refresh().unwrap(), "and renews");
    drop(app);
    assert_licensed(&machine.app("http://127.0.0.1:1").check_on_launch(), "which healed the store");
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_worked_around_in_memory() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let before = machine.stored_seq();
    // Every write of a temporary file ends in "no space left on device".
    for name in ["state-a.tmp", "state-b.tmp", "mark.tmp"] {
        let path = machine.state_folder().join(name);
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink("/dev/full", path).unwrap();
    }
    let app = machine.app(&server.url());
    let standing = app.refresh().unwrap();
    assert_licensed(&standing, "from memory");
    let renewed = standing.lease.unwrap().seq;
    assert!(renewed > before);
    assert_eq!(app.state().lease.unwrap().seq, renewed, "used from memory");
    assert_eq!(machine.stored_seq(), before, "the old file is whole");
    drop(app);
    assert_eq!(machine.stored_seq(), before);
    let failed = machine.reports.lock().unwrap().iter().filter(|it| matches!(it, Report::NotSaved(_))).count();
    assert!(failed >= 1);
}

#[test]
fn a_store_that_was_never_writable_is_worked_around_in_memory() {
    let server = Server::start();
    let machine = Machine::new(&server);
    // A file where the folder should be: nothing can be created, whoever asks.
    fs::write(machine.state_folder(), "in the way").unwrap();
    let app = machine.app(&server.url());
    assert!(!app.check_on_launch().entitled());
    assert_licensed(&app.activate(KEY).unwrap(), "from memory");
    assert_licensed(&app.state(), "from memory");
}

#[test]
fn an_unsaved_lease_is_saved_within_the_hour() {
    let server = Server::start();
    let machine = Machine::new(&server);
    fs::write(machine.state_folder(), "in the way").unwrap();
    let hands = crate::support::Hands::now();
    let app = machine.builder(&server.url()).clock(hands.clone()).build().unwrap();
    app.activate(KEY).unwrap();
    fs::remove_file(machine.state_folder()).unwrap();
    hands.pass(3_700);
    // Any later look at the state asks for the save that the end of the program, or its background task, makes.
    assert_licensed(&app.state(), "an hour later");
    drop(app);
    assert!(machine.stored_seq() > 0);
}
