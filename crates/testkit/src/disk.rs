//! Disks that are really full or read-only: small ones in memory, mounted where nobody but the test sees them.
#![allow(clippy::panic)]

use std::{
    fs::File,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

/// Set in the process that may mount.
const INSIDE: &str = "HOLDFAST_TEST_OWN_MOUNTS";

/// Whether this process may mount disks of its own. Where not, runs `test` (its full path, as the harness names it) once
/// more in a process that may, fails where that fails, and returns false: the caller then has nothing left to do.
///
/// # Panics
/// Where the test fails, and where this machine allows no mount namespace at all: a test that cannot look is no pass.
pub fn may_mount(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let own = std::env::current_exe().unwrap_or_default();
    let mut refused = String::new();
    // As root; where this is not root, as the root of a user namespace.
    for flags in [&["--mount"][..], &["--user", "--map-root-user", "--mount"]] {
        let mut command = Command::new("unshare");
        command.args(flags).arg("--").arg(&own).args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
        match command.output() {
            Ok(output) => {
                let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
                if out.contains("running 1 test") {
                    assert!(output.status.success() && out.contains("1 passed"), "{test}: {out}\n{err}");
                    return false;
                }
                assert!(!out.contains("running 0 tests"), "there is no test {test}");
                refused += &err;
            }
            Err(error) => refused += &error.to_string(),
        }
    }
    panic!("{test} needs a mount namespace: run it as root, or allow user namespaces ({})", refused.trim());
}

/// A disk in memory. Gone with the process's mount namespace.
pub struct TinyDisk {
    at: PathBuf,
}

impl TinyDisk {
    /// Mounts an empty disk of `kib` KiB at the folder `at`. Only after [`may_mount`].
    pub fn mount(at: &Path, kib: u32) -> io::Result<Self> {
        let options = format!("size={kib}k,mode=700");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at))?;
        Ok(Self { at: at.to_owned() })
    }

    /// Takes every byte that is left.
    pub fn fill(&self) -> io::Result<()> {
        let mut file = File::options().create(true).append(true).open(self.filler())?;
        for size in [64 * 1024, 4 * 1024, 1] {
            let block = vec![b'x'; size];
            loop {
                match file.write_all(&block) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Gives back what [`TinyDisk::fill`] took.
    pub fn empty(&self) -> io::Result<()> {
        std::fs::remove_file(self.filler())
    }

    /// Lets nothing be written any more, or again.
    pub fn set_read_only(&self, read_only: bool) -> io::Result<()> {
        let mode = if read_only { "remount,ro" } else { "remount,rw" };
        run(Command::new("mount").args(["-o", mode]).arg(&self.at))
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))))
}
