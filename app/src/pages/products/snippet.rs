//! What a vendor pastes to integrate a product: made of a program of the client library that is compiled with it, so that
//! what is shown cannot differ from what compiles.

/// The program, with stand-ins for what is the product's own.
const PROGRAM: &str = include_str!("../../../../sdk/rust/examples/first_launch.rs");
/// The stand-ins.
const PRODUCT: &str = "\"prd_…\"";
const ROOT_KEY: &str = "\"your root public key\"";
const ENDPOINT: &str = "\"https://licenses.example.com\"";
/// The line that only an endpoint without encryption needs.
const PLAIN: &str = ".allow_plain_http()";

/// What the lines below are about.
pub struct Integration<'a> {
    /// The vendor's id.
    pub vendor: String,
    /// The product's id.
    pub product: String,
    /// The root key that applications pin.
    pub root_key: &'a str,
    /// Where applications reach this server.
    pub endpoint: &'a str,
}

impl Integration<'_> {
    /// The program, ready to paste.
    pub fn program(&self) -> String {
        let lines = PROGRAM.lines().skip_while(|line| line.is_empty() || line.starts_with("//!"));
        let lines: Vec<&str> = lines.filter(|line| self.is_plain() || !line.contains(PLAIN)).collect();
        lines
            .join("\n")
            .replace(PRODUCT, &format!("{:?}", self.product))
            .replace(ROOT_KEY, &format!("{:?}", self.root_key))
            .replace(ENDPOINT, &format!("{:?}", self.endpoint))
    }

    /// Whether the client library refuses the endpoint unless told otherwise: without encryption, and not on the machine
    /// itself.
    fn is_plain(&self) -> bool {
        let Some(rest) = self.endpoint.strip_prefix("http://") else { return false };
        let here = ["127.0.0.1", "localhost", "[::1]"];
        !here
            .iter()
            .any(|host| rest.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])))
    }

    /// How the client library is added, out of the source that this server was built from.
    pub fn add() -> String {
        "cargo add holdfast-sdk --path ../holdfast/sdk/rust".to_owned()
    }

    /// How the lease that the program above has stored is checked without it, by the root key alone.
    pub fn check(&self) -> String {
        let Self { vendor, product, root_key, endpoint } = self;
        let endpoint = endpoint.trim_end_matches('/');
        format!(
            "curl -s '{endpoint}/v1/vendors/{vendor}/keys' > keys.json\n\
             sed -n 's/.*\"lease\":\"\\([^\"]*\\)\".*/\\1/p' license/state-* | tail -n 1 |\n  \
             holdfast verify-lease --manifest keys.json --root-public-key {root_key} --product {product}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(endpoint: &'a str, root_key: &'a str) -> Integration<'a> {
        Integration { vendor: "vnd_1".to_owned(), product: "prd_1".to_owned(), root_key, endpoint }
    }

    #[test]
    fn what_is_pasted_is_what_is_compiled() {
        let own = [(PRODUCT, "\"prd_1\""), (ROOT_KEY, "\"-KEY_\""), (ENDPOINT, "\"http://licenses.example.com\"")];
        let mut compiled = PROGRAM.to_owned();
        for (stand_in, value) in own {
            assert_eq!(compiled.matches(stand_in).count(), 1, "{stand_in}");
            compiled = compiled.replace(stand_in, value);
        }
        let (explained, program) = compiled.split_once("\n\n").unwrap();
        assert!(explained.lines().all(|line| line.starts_with("//!")), "{explained}");
        assert_eq!(of("http://licenses.example.com", "-KEY_").program(), program.trim_end());
    }

    #[test]
    fn plain_http_is_allowed_where_it_would_be_refused() {
        for (endpoint, plain) in [
            ("https://licenses.example.com", false),
            ("http://127.0.0.1:8080", false),
            ("http://localhost", false),
            ("http://[::1]:8080", false),
            ("http://localhost.example.com", true),
            ("http://10.0.0.7:8080", true),
        ] {
            let program = of(endpoint, "KEY").program();
            assert_eq!(program.contains(PLAIN), plain, "{endpoint}");
            assert!(program.contains(&format!(".endpoints([\"{endpoint}\"])\n")), "{program}");
            // One line less, and nothing else.
            let lines = PROGRAM.lines().filter(|line| !line.starts_with("//!")).count();
            assert_eq!(program.lines().count(), lines - 1 - usize::from(!plain));
        }
    }

    #[test]
    fn whatever_an_endpoint_is_stays_a_text() {
        let program = of("https://x\"]).evil([\"", "KEY").program();
        assert!(program.contains(r#".endpoints(["https://x\"]).evil([\""])"#), "{program}");
    }
}
