//! A conversation with a mail server, step by step: which step went wrong decides what follows. Only what the server says of the
//! recipient is about the recipient; everything else is about the way there, and can be mended.

use holdfast_service::runtime::mails::{ATTEMPT, Outcome};
use lettre::{
    Address, Message,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailParameter},
    },
};
use std::{error::Error as _, fmt, io, time::Duration};
use tokio::time::timeout;

/// How long it may take to be connected to one address of the server.
const CONNECT: Duration = Duration::from_secs(15);
/// How long the good-bye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// A connection that can take a mail.
pub(super) type Connection = AsyncSmtpConnection;

/// What is between us and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Nothing: whoever is in between reads along.
    None,
    /// TLS, after a greeting in the clear.
    StartTls,
    /// TLS from the first byte on.
    Tls,
}

/// A mail server.
#[derive(Clone)]
pub struct Smtp {
    host: String,
    port: u16,
    encryption: Encryption,
    user: Option<String>,
    credentials: Option<Credentials>,
    tls: Option<TlsParameters>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Smtp({})", self.in_words())
    }
}

/// The mail server of a URL.
pub(super) fn parse(url: &str, authority: Option<Vec<u8>>) -> Result<Smtp, String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (encryption, usual) = match scheme {
        "smtp" => (Encryption::None, 25),
        "smtp+starttls" => (Encryption::StartTls, 587),
        "smtps" => (Encryption::Tls, 465),
        _ => return Err("begins with none of `smtp://`, `smtp+starttls://`, `smtps://` and `file:`".to_owned()),
    };
    let wrong = || "not of the form smtps://USER:PASSWORD@HOST:PORT, with %XX for special characters".to_owned();
    let rest = rest.trim_end_matches('/');
    let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
        _ => (place, usual),
    };
    let host = host.trim_matches(['[', ']']);
    if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':')) {
        return Err(wrong());
    }
    let login = login.map(|login| {
        let (user, password) = login.split_once(':')?;
        Some((super::decoded(user)?, super::decoded(password)?))
    });
    let login = login.map(|login| login.ok_or_else(wrong)).transpose()?;
    let tls = (encryption != Encryption::None).then(|| {
        let mut tls = TlsParameters::builder(host.to_owned());
        if let Some(pem) = authority {
            let authority =
                Certificate::from_pem(&pem).map_err(|_| "--mail-ca-file: no certificate in it".to_owned())?;
            tls = tls.add_root_certificate(authority);
        }
        tls.build_rustls().map_err(|error| error.to_string())
    });
    Ok(Smtp {
        host: host.to_owned(),
        port,
        encryption,
        user: login.as_ref().map(|(user, _)| user.to_string()),
        credentials: login.map(|(user, password)| Credentials::new(user.to_string(), password.to_string())),
        tls: tls.transpose()?,
    })
}

/// A step of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Reach,
    Encrypt,
    SignIn,
    Sender,
    Recipient,
    Content,
}

/// What went wrong, and where.
struct Trouble {
    step: Step,
    error: Error,
}

impl Trouble {
    fn at(step: Step) -> impl FnOnce(Error) -> Self {
        move |error| Self { step, error }
    }

    fn outcome(&self) -> Outcome {
        let words = self.words();
        let said = self.error.source().map(ToString::to_string).unwrap_or_default();
        let code = self.error.status().map(u16::from).unwrap_or_default();
        if is_about_the_recipient(self.step, code, &said) { Outcome::Bounced(words) } else { Outcome::Again(words) }
    }

    fn words(&self) -> String {
        let said = in_words(&self.error);
        match self.step {
            Step::Reach => format!("the mail server cannot be reached: {said}"),
            Step::Encrypt => format!("no encrypted connection to the mail server: {said}"),
            Step::SignIn => format!("the mail server does not let us in: {said}"),
            Step::Sender => format!("the mail server does not take the sender: {said}"),
            Step::Recipient | Step::Content => said,
        }
    }

    const fn cure(&self) -> &'static str {
        match self.step {
            Step::Reach => "Look at host and port of --mail-url, and whether a firewall is in between.",
            Step::Encrypt => {
                "Look whether --mail-url begins with the right one of `smtps://` (TLS from the start, port 465) and \
                 `smtp+starttls://` (port 587), whether the host's name is that of its certificate, and whether a private \
                 authority has to be named with --mail-ca-file."
            }
            Step::SignIn => "Look at user and password in --mail-url, with %XX for special characters.",
            Step::Sender => "Look whether the mail server lets this user send from the address of --mail-from.",
            Step::Recipient | Step::Content => "Read what the mail server says.",
        }
    }
}

/// Whether a refusal is for good and about the recipient, so that the same mail sent again would come back again (RFC 3463: 5.1
/// is about the address, 5.2 about the mailbox). What is about rights or the relay itself is not: those who run it mend it.
fn is_about_the_recipient(step: Step, code: u16, said: &str) -> bool {
    if !(500..600).contains(&code) || !matches!(step, Step::Recipient | Step::Content) {
        return false;
    }
    let mut enhanced = said.split_whitespace().next().unwrap_or_default().split('.');
    match (enhanced.next(), enhanced.next().map(str::parse::<u16>), enhanced.next()) {
        (Some("5"), Some(Ok(kind)), Some(_)) => matches!(kind, 1 | 2),
        _ => {
            step == Step::Recipient
                && matches!(code, 550 | 551 | 553 | 556)
                && !said.to_ascii_lowercase().contains("relay")
        }
    }
}

/// Whether it is the encryption that did not come about.
fn is_tls(error: &Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) {
            return true;
        }
        source = cause.source();
    }
    false
}

/// What the server has said, or what was in the way of hearing it.
fn in_words(error: &Error) -> String {
    let mut source = error.source();
    if let Some(code) = error.status() {
        return source.map_or_else(|| code.to_string(), |said| format!("{code} {said}"));
    }
    let mut last = None;
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return "connection refused".to_owned(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                    return "the connection was dropped".to_owned();
                }
                io::ErrorKind::TimedOut => return "no answer in time".to_owned(),
                _ => {}
            }
        }
        last = Some(cause.to_string());
        source = cause.source();
    }
    match last {
        Some(words) if words == "incomplete response" => "the connection was dropped".to_owned(),
        Some(words) => words,
        None => error.to_string(),
    }
}

impl Smtp {
    pub(super) fn in_words(&self) -> String {
        let how = match self.encryption {
            Encryption::None => "not encrypted",
            Encryption::StartTls => "STARTTLS",
            Encryption::Tls => "TLS",
        };
        let who = self.user.as_ref().map_or_else(|| "without a sign-in".to_owned(), |user| format!("as {user}"));
        format!("through {}:{}, {how}, {who}", self.host, self.port)
    }

    /// Whether passwords and mails cross the network for anybody to read.
    pub fn is_in_the_clear(&self) -> bool {
        let here = self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        self.encryption == Encryption::None && !here
    }

    async fn connect(&self, hello: &ClientId) -> Result<Connection, Trouble> {
        let wrapper = self.tls.clone().filter(|_| self.encryption == Encryption::Tls);
        let place = (self.host.as_str(), self.port);
        let connected = AsyncSmtpConnection::connect_tokio1(place, Some(CONNECT), hello, wrapper, None).await;
        let mut line = connected
            .map_err(|error| Trouble { step: if is_tls(&error) { Step::Encrypt } else { Step::Reach }, error })?;
        if let Some(tls) = self.tls.clone().filter(|_| self.encryption == Encryption::StartTls) {
            line.starttls(tls, hello).await.map_err(Trouble::at(Step::Encrypt))?;
        }
        if let Some(credentials) = &self.credentials {
            let ways = [Mechanism::Plain, Mechanism::Login];
            line.auth(&ways, credentials).await.map_err(Trouble::at(Step::SignIn))?;
        }
        Ok(line)
    }

    /// Sends a message over `open`, or over a new connection. Returns the connection where it can take another.
    pub(super) async fn send(&self, open: Option<Connection>, message: &Message) -> (Outcome, Option<Connection>) {
        let sending = async {
            // A server hangs up on whoever says nothing for a while.
            let open = match open {
                Some(mut line) => line.test_connected().await.then_some(line),
                None => None,
            };
            let mut line = match open {
                Some(line) => line,
                None => self.connect(&hello(message)).await.map_err(|trouble| trouble.outcome())?,
            };
            let done = converse(&mut line, message).await;
            match done {
                Ok(()) => Ok(line),
                Err(outcome) => {
                    hang_up(line).await;
                    Err(outcome)
                }
            }
        };
        match timeout(ATTEMPT, sending).await {
            Ok(Ok(line)) => (Outcome::Sent, Some(line)),
            Ok(Err(outcome)) => (outcome, None),
            Err(_) => (Outcome::Again("the mail server did not answer in time".to_owned()), None),
        }
    }

    /// Connects and signs in.
    pub(super) async fn check(&self) -> Result<(), (String, &'static str)> {
        match timeout(ATTEMPT, self.connect(&ClientId::default())).await {
            Ok(Ok(line)) => {
                hang_up(line).await;
                Ok(())
            }
            Ok(Err(trouble)) => Err((trouble.words(), trouble.cure())),
            Err(_) => Err(("the mail server did not answer in time".to_owned(), "Look at what it is busy with.")),
        }
    }
}

/// What we call ourselves: the sender's domain, which mail servers find more believable than the name of a machine.
fn hello(message: &Message) -> ClientId {
    let domain = message.envelope().from().map(Address::domain).filter(|domain| domain.is_ascii());
    domain.map_or_else(ClientId::default, |domain| ClientId::Domain(domain.to_owned()))
}

/// Hands a message over.
async fn converse(line: &mut Connection, message: &Message) -> Result<(), Outcome> {
    let envelope = message.envelope();
    let mut parameters = Vec::new();
    let mut addresses = envelope.to().iter().chain(envelope.from());
    if !addresses.all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
        if !line.server_info().supports_feature(Extension::SmtpUtfEight) {
            let why = "the mail server takes addresses of plain letters only (no SMTPUTF8)";
            return Err(Outcome::Bounced(why.to_owned()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let outcome = |trouble: Trouble| trouble.outcome();
    let sender = Mail::new(envelope.from().cloned(), parameters);
    line.command(sender).await.map_err(Trouble::at(Step::Sender)).map_err(outcome)?;
    for to in envelope.to() {
        line.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(Trouble::at(Step::Recipient)).map_err(outcome)?;
    }
    line.command(Data).await.map_err(Trouble::at(Step::Content)).map_err(outcome)?;
    line.message(&message.formatted()).await.map_err(Trouble::at(Step::Content)).map_err(outcome)?;
    Ok(())
}

/// Says good-bye, without waiting for long.
pub(super) async fn hang_up(mut line: Connection) {
    let _ = timeout(GOODBYE, line.abort()).await;
}

#[cfg(test)]
mod tests {
    use super::{super::Way, *};

    fn smtp(url: &str) -> Smtp {
        parse(url, None).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn a_url_says_where_how_and_as_whom() {
        for (url, words) in [
            ("smtp://127.0.0.1:2525", "through 127.0.0.1:2525, not encrypted, without a sign-in"),
            ("smtp://mail.example.com", "through mail.example.com:25, not encrypted, without a sign-in"),
            ("smtps://us%40er:p%3Ass%2F@mail.example.com/", "through mail.example.com:465, TLS, as us@er"),
            ("smtp+starttls://user:p@ss@mail.example.com:2587", "through mail.example.com:2587, STARTTLS, as user"),
            ("smtp://[::1]:25", "through ::1:25, not encrypted, without a sign-in"),
        ] {
            assert_eq!(smtp(url).in_words(), words);
        }
        assert!(!format!("{:?}", smtp("smtps://user:hunter2@mail.example.com")).contains("hunter2"));
        for url in [
            "",
            "mail.example.com",
            "http://x",
            "smtp://",
            "smtp://:25",
            "smtp://h:x",
            "smtps://user@h",
            "smtp://a b",
            "smtps://u:%zz@h",
            "file:",
        ] {
            assert!(Way::parse(url, None).is_err(), "{url}");
        }
        assert!(matches!(Way::parse("file:mails", None), Ok(Way::Folder(folder)) if folder.as_os_str() == "mails"));
        assert!(smtp("smtp://10.0.0.1").is_in_the_clear());
        assert!(!smtp("smtp://localhost").is_in_the_clear() && !smtp("smtps://10.0.0.1").is_in_the_clear());
    }

    #[test]
    fn only_what_is_said_of_the_recipient_makes_a_mail_come_back() {
        let cases = [
            (Step::Recipient, 550, "5.1.1 No such user", true),
            (Step::Recipient, 552, "5.2.2 Mailbox full", true),
            (Step::Recipient, 550, "No such user", true),
            (Step::Recipient, 553, "sorry, that mailbox is not here", true),
            (Step::Content, 550, "5.1.1 No such user", true),
            (Step::Recipient, 450, "4.2.0 Greylisted", false),
            (Step::Recipient, 554, "5.7.1 Relay access denied", false),
            (Step::Recipient, 550, "relaying denied", false),
            (Step::Recipient, 530, "Authentication required", false),
            (Step::Content, 554, "5.7.1 Looks like spam", false),
            (Step::Content, 554, "Message rejected: address is not verified", false),
            (Step::Sender, 550, "5.1.8 Sender unknown", false),
            (Step::SignIn, 535, "5.7.8 Wrong password", false),
            (Step::Reach, 0, "", false),
        ];
        for (step, code, said, expected) in cases {
            assert_eq!(is_about_the_recipient(step, code, said), expected, "{step:?} {code} {said}");
        }
    }
}
