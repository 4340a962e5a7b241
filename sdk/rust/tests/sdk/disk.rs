//! Disks that are really full or read-only (see [`holdfast_testkit::disk`]): what a process knows, it uses.

use crate::server::{KEY, Server};
use crate::support::{Hands, Machine, assert_licensed, files};
use holdfast_sdk::{Builder, CallError, Device, Report};
use holdfast_testkit::disk::{TinyDisk, may_mount};
use std::fs;

const NOWHERE: &str = "http://127.0.0.1:1";

/// A device whose state folder is a disk of 32 KiB: room for the state twice, not for much more.
struct Small {
    server: Server,
    machine: Machine,
    disk: TinyDisk,
    hands: Hands,
}

impl Small {
    fn new() -> Self {
        let server = Server::start();
        let machine = Machine::new(&server);
        fs::create_dir(machine.state_folder()).unwrap();
        let disk = TinyDisk::mount(&machine.state_folder(), 32).unwrap();
        Self { server, machine, disk, hands: Hands::now() }
    }

    fn builder(&self, endpoint: &str) -> Builder {
        self.machine.builder(endpoint).clock(self.hands.clone())
    }

    /// Lets time pass for the device and its server.
    fn pass(&self, seconds: i64) {
        self.hands.pass(seconds);
        self.server.with(|world| world.now += seconds);
    }

    fn failures(&self) -> usize {
        let reports = self.machine.reports.lock().unwrap();
        reports.iter().filter(|report| matches!(report, Report::NotSaved(_))).count()
    }

    /// The state's own files, without locks and what fills the disk.
    fn state(&self) -> Vec<(String, Vec<u8>)> {
        let named = |path: &std::path::Path| path.file_name().unwrap().to_string_lossy().into_owned();
        files(&self.machine.state_folder())
            .into_iter()
            .map(|(path, bytes)| (named(&path), bytes))
            .filter(|(name, _)| ["state-a", "state-b", "mark", "device-key"].contains(&name.as_str()))
            .collect()
    }

    /// What a launch finds on the disk, without writing anything.
    fn stored_seq(&self) -> i64 {
        let standing = self.builder(NOWHERE).build().unwrap().check_on_launch();
        standing.lease.map_or(0, |lease| lease.seq)
    }

    /// Renews, saves the mark and ends while nothing can be written; then again when it can.
    fn goes_on_from_memory(&self, spoil: impl Fn(), mend: impl Fn()) {
        let app = self.builder(&self.server.url()).build().unwrap();
        let first = app.activate(KEY).unwrap().lease.unwrap().seq;
        drop(app);
        spoil();
        let before = self.state();
        assert!(before.iter().any(|(name, _)| name.starts_with("state-")), "{before:?}");

        let app = self.builder(&self.server.url()).build().unwrap();
        assert_licensed(&app.check_on_launch(), "a launch writes nothing");
        assert_licensed(&app.refresh().unwrap(), "renewed");
        let renewed = app.state().lease.unwrap().seq;
        assert!(renewed > first, "used from memory");
        let failed = self.failures();
        assert!(failed > 0, "and said so");
        assert!(self.state() == before, "the old files are whole");

        // Not again at every occasion, but each hour: here by a person who keeps pressing the button.
        for _ in 0..5 {
            self.pass(700);
            assert_licensed(&app.refresh().unwrap(), "within the hour");
        }
        assert_eq!(self.failures(), failed, "within the hour");
        self.pass(200);
        assert_licensed(&app.refresh().unwrap(), "after the hour");
        assert_eq!(self.failures(), failed + 1, "tried again");
        let newest = app.state().lease.unwrap().seq;
        drop(app);
        assert!(self.failures() > failed + 1, "tried at the end");
        assert!(self.state() == before, "the old files are whole after all of it");
        assert_eq!(self.stored_seq(), first, "the next run has the old lease");

        // Room again: a process that lives saves within the hour, without being started anew.
        let app = self.builder(&self.server.url()).build().unwrap();
        assert_licensed(&app.refresh().unwrap(), "with the old lease");
        mend();
        self.pass(3_500);
        assert_licensed(&app.refresh().unwrap(), "the hour is not over");
        assert!(self.state() == before, "not before its time");
        self.pass(200);
        let last = app.refresh().unwrap().lease.unwrap().seq;
        assert!(last > newest);
        assert_eq!(self.stored_seq(), last, "saved while the process lives");
        drop(app);
        assert_eq!(self.stored_seq(), last);
    }

    /// Activates while nothing was ever written and nothing can be; then again when it can.
    fn begins_in_memory(&self, spoil: impl Fn(), mend: impl Fn()) {
        spoil();
        let device = || Device::fingerprint("machine-1").own_key();
        let build = || self.builder(&self.server.url()).device(device()).build().unwrap();
        let app = build();
        assert!(!app.check_on_launch().entitled());
        assert_licensed(&app.activate(KEY).unwrap(), "activated in memory, the device's own key included");
        assert_licensed(&app.refresh().unwrap(), "and renewed: the key in memory proves it");
        assert!(self.failures() > 0);
        assert!(self.state().iter().all(|(_, bytes)| bytes.is_empty()), "{:?}", self.state());
        mend();
        self.pass(3_700);
        let seq = app.refresh().unwrap().lease.unwrap().seq;
        drop(app);
        let app = build();
        assert_eq!(app.check_on_launch().lease.unwrap().seq, seq, "saved");
        assert_licensed(&app.refresh().unwrap(), "the key was saved with it");
    }
}

#[test]
fn a_full_disk_leaves_the_old_state_and_the_new_lease() {
    if !may_mount("disk::a_full_disk_leaves_the_old_state_and_the_new_lease") {
        return;
    }
    let small = Small::new();
    small.goes_on_from_memory(|| small.disk.fill().unwrap(), || small.disk.empty().unwrap());
}

#[test]
fn a_disk_that_turned_read_only_leaves_the_old_state_and_the_new_lease() {
    if !may_mount("disk::a_disk_that_turned_read_only_leaves_the_old_state_and_the_new_lease") {
        return;
    }
    let small = Small::new();
    let set = |read_only: bool| small.disk.set_read_only(read_only).unwrap();
    small.goes_on_from_memory(|| set(true), || set(false));
}

#[test]
fn a_first_activation_on_a_full_disk_lives_in_memory() {
    if !may_mount("disk::a_first_activation_on_a_full_disk_lives_in_memory") {
        return;
    }
    let small = Small::new();
    small.begins_in_memory(|| small.disk.fill().unwrap(), || small.disk.empty().unwrap());
}

#[test]
fn a_first_activation_on_a_read_only_disk_lives_in_memory() {
    if !may_mount("disk::a_first_activation_on_a_read_only_disk_lives_in_memory") {
        return;
    }
    let small = Small::new();
    let set = |read_only: bool| small.disk.set_read_only(read_only).unwrap();
    small.begins_in_memory(|| set(true), || set(false));
}

#[test]
fn a_denial_that_cannot_be_saved_still_counts_in_this_process() {
    if !may_mount("disk::a_denial_that_cannot_be_saved_still_counts_in_this_process") {
        return;
    }
    let small = Small::new();
    let app = small.builder(&small.server.url()).build().unwrap();
    app.activate(KEY).unwrap();
    small.disk.fill().unwrap();
    small.server.with(|world| world.denied = Some((holdfast_sdk::DenialCode::Suspended, world.now)));
    assert!(!app.refresh().unwrap().entitled());
    assert!(!app.state().entitled(), "from memory");
    small.disk.empty().unwrap();
    small.pass(3_700);
    assert!(!app.refresh().unwrap().entitled());
    drop(app);
    let app = small.builder(NOWHERE).build().unwrap();
    assert!(!app.check_on_launch().entitled(), "saved in the end");
    assert!(matches!(app.refresh(), Err(CallError::NoAnswer(_))));
}
