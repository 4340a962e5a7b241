//! Backups of the cluster, by the scripts of `deploy/backup`.

use crate::cluster::Cluster;
use crate::ground::{DEPLOY, database_owner, postgres_programs};
use crate::machines::{Process, run};
use crate::options::Failure;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

impl Cluster {
    /// A command as the database's user of a machine, in that user's world.
    fn as_database_user(&self, machine: usize) -> Result<Command, Failure> {
        let on = &self.machines[machine];
        let mut command = on.command("env");
        command.args(database_owner()?.prefix()).env("HOME", on.folder.join("state/postgres"));
        command
            .env("PG_BIN", postgres_programs()?)
            .env("PGHOST", "127.0.0.1")
            .env("PGUSER", "replicator")
            .env("PGPASSWORD", self.secret("PATRONI_REPLICATION_PASSWORD")?)
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", on.folder.join("etc/tls/ca.crt"));
        Ok(command)
    }

    /// Where the backups of a machine are.
    fn backups(&self, machine: usize) -> PathBuf {
        self.machines[machine].folder.join("state/postgres/backups")
    }

    /// Starts to receive what the primary writes, as `holdfast-wal.service` does.
    pub fn receive_wal(&self, machine: usize) -> Result<Process, Failure> {
        let folder = self.backups(machine).join("wal");
        run(self.as_database_user(machine)?.args(["mkdir", "-p"]).arg(&folder))?;
        let mut command = self.as_database_user(machine)?;
        command.env("PGPORT", "5000").arg(postgres_programs()?.join("pg_receivewal"));
        command.args(["--slot=backup", "--no-password", "--synchronous", "--directory"]).arg(&folder);
        // `--no-loop` is absent: the slot appears with Patroni's next look.
        self.machines[machine].start("holdfast-wal", command)
    }

    /// Takes a base backup; returns where it is.
    pub fn backup(&self, machine: usize) -> Result<PathBuf, Failure> {
        let mut command = self.as_database_user(machine)?;
        command.env("PGPORT", "5001").arg("sh").arg(self.backup_script("backup.sh")?).arg(self.backups(machine));
        Ok(PathBuf::from(run(&mut command)?.trim()))
    }

    /// Restores a backup into a scratch folder and looks at it; returns what the script says.
    pub fn prove(&self, machine: usize, backup: &Path) -> Result<String, Failure> {
        // Where the database's user can reach them.
        let programs = self.folder.join("programs");
        if !programs.exists() {
            fs::create_dir(&programs)?;
            let from = self.binary.parent().ok_or("a program without a folder")?;
            run(Command::new("mount").arg("--bind").arg(from).arg(&programs))?;
        }
        let on = &self.machines[machine].folder;
        // What the unit is lent as credentials.
        let lend = |from: PathBuf, name: &str| -> Result<PathBuf, Failure> {
            let to = on.join("state/postgres").join(name);
            fs::copy(from, &to)?;
            database_owner()?.give(&to)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600))?;
            Ok(to)
        };
        let key = lend(self.folder.join("secrets/master.key"), "master.key")?;
        let url = lend(on.join("etc/database-url"), "database-url")?;
        let mut command = self.as_database_user(machine)?;
        command
            .env("HOLDFAST", programs.join(self.binary.file_name().unwrap_or_default()))
            .env("MASTER_KEY_FILE", key)
            .env("DATABASE_URL_FILE", url)
            .env("TMPDIR", self.machines[machine].folder.join("state/postgres"))
            .arg("sh")
            .arg(self.backup_script("restore.sh")?)
            .arg("prove")
            .arg(backup)
            .arg("--wal")
            .arg(self.backups(machine).join("wal"));
        run(&mut command)
    }

    /// A script of `deploy/backup`, where the database's user can reach it.
    fn backup_script(&self, name: &str) -> Result<PathBuf, Failure> {
        let to = self.folder.join(name);
        fs::copy(Path::new(DEPLOY).join("backup").join(name), &to)?;
        Ok(to)
    }
}
