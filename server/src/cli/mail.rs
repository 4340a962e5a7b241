//! `holdfast mail`: tries out how mail leaves.

use super::{Failure, output::Output};
use crate::{config::Config, mail::Lines};
use holdfast_domain::{Clock as _, Email};
use holdfast_service::{
    runtime::mails::{Outcome, Outgoing},
    system::{OsEntropy, SystemClock},
};
use serde::Serialize;

/// What to do with mail.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Mail {
    /// Send a test at once, without the database, and say what came of it.
    Test {
        /// To whom.
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
}

#[derive(Serialize)]
struct Sent {
    mail: String,
    to: Email,
    how: String,
}

/// Does it. Failed where the test was not taken.
pub async fn run(command: Mail, config: &Config, output: Output) -> Result<(), Failure> {
    let Mail::Test { to } = command;
    let to: Email = to.parse().map_err(|error| Failure::Usage(format!("--to: {error}")))?;
    let Some(mail) = &config.mail else {
        return Err(Failure::Usage("no way for mail is set: name one with --mail-url".to_owned()));
    };
    let test = Outgoing::test(&to, SystemClock.now(), &OsEntropy);
    let lines = Lines::default();
    let outcome = mail.way.send(&lines, &mail.from, &test).await;
    mail.way.hang_up(&lines).await;
    match outcome {
        Outcome::Sent => {
            let sent = Sent { mail: test.id().to_string(), to, how: mail.way.in_words() };
            output.result(&sent, || format!("Sent {} to {}, {}\n", sent.mail, sent.to, sent.how))
        }
        Outcome::Bounced(why) | Outcome::Again(why) => Err(Failure::Failed(why)),
    }
}
