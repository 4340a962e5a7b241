//! A browser on the fleet's screen while nodes freeze and the database goes away: what whoever runs the installation sees,
//! and that it comes by itself.

use crate::cluster::Service;
use crate::machines::OUTSIDE;
use crate::options::Failure;
use crate::rehearsal::Stage;
use crate::report::seconds;
use rustix::process::Signal;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The script that drives the browser.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/screen.mjs");
/// The name under which browsers reach the installation, as in the example of its settings.
const NAME: &str = "licenses.example.com";

/// The browser.
struct Screen {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Screen {
    /// Signs in and opens the screen.
    fn open(stage: &Stage) -> Result<Self, Failure> {
        let edge = &stage.cluster.machines[0].address;
        let mut child = Command::new("node")
            .arg(SCRIPT)
            .env("SCREEN_NAME", NAME)
            .env("SCREEN_ADDRESS", edge)
            .env("SCREEN_EMAIL", "owner@example.com")
            .env("SCREEN_PASSWORD", stage.cluster.secret("HOLDFAST_DATABASE_PASSWORD")?)
            .env("NO_PROXY", format!("{NAME},{edge},{OUTSIDE}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| format!("node: {error}"))?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a process without pipes".into());
        };
        let mut screen = Self { child, orders, answers: BufReader::new(answers) };
        screen.ask("open")?;
        Ok(screen)
    }

    /// Has it wait for something or do something; returns how long that took, in milliseconds.
    fn ask(&mut self, order: &str) -> Result<u64, Failure> {
        writeln!(self.orders, "{order}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let answer = answer.trim();
        answer.parse().map_err(|_| format!("the screen was to \"{order}\": {answer}").into())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Its browser ends with the pipe between them.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Freezes a node, drains one, takes the database away, and looks at the screen meanwhile.
pub fn watched(stage: &mut Stage) -> Result<(), Failure> {
    let mut seen = Vec::new();
    stage.stretch("watched in a browser", |stage| {
        let names: Vec<String> = stage.cluster.machines.iter().map(|machine| machine.name.clone()).collect();
        let mut screen = Screen::open(stage)?;
        for name in &names {
            screen.ask(&format!("see {name} Serving"))?;
        }
        screen.ask(&format!("drain {}", names[2]))?;
        seen.push(("a drained node is seen to drain after", screen.ask(&format!("see {} Draining", names[2]))?));
        screen.ask(&format!("resume {}", names[2]))?;
        screen.ask(&format!("see {} Serving", names[2]))?;

        let begun = stage.world.now();
        stage.cluster.process(1, Service::Node)?.signal(Signal::STOP)?;
        let looked = ["Silent", "Gone"].map(|word| screen.ask(&format!("see {} {word}", names[1])));
        stage.cluster.process(1, Service::Node)?.signal(Signal::CONT)?;
        stage.frozen.push((begun, stage.world.now()));
        let [silent, gone] = looked;
        let silent = silent?;
        seen.push(("a frozen node is seen to be silent after", silent));
        seen.push(("and to be gone after", silent + gone?));
        seen.push(("and to be alive, once it thaws, after", screen.ask(&format!("see {} Alive", names[1]))?));

        for machine in &stage.cluster.machines {
            machine.signal(Signal::KILL, |line| line.contains("patroni") || line.contains("postgres"))?;
        }
        let away = screen.ask("read Without its database since");
        let until = screen.ask("read goes on so until");
        // What a supervisor does; `stretch` does it in the end, but then nobody looks.
        stage.heal()?;
        seen.push(("a database that is gone is seen, with until when leases are renewed, after", away?));
        until?;
        seen.push(("all nodes are seen to serve again, once it is back, after", screen.ask("read 3 of 3 serve")?));
        Ok(Vec::new())
    })?;
    for (what, took) in seen {
        stage.report.line(&format!("on the fleet's screen, {what}"), seconds(took), "", true);
    }
    Ok(())
}
