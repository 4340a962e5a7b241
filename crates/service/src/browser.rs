//! Browser and system in plain words, so that people recognise their own sessions. Nothing is decided by it: a browser calls
//! itself what it likes.

/// What tells a browser, with its name. The first that fits counts, because most call themselves by their ancestors' names,
/// too.
const BROWSERS: [(&str, &str); 14] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

/// The same of systems.
const SYSTEMS: [(&str, &str); 8] = [
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Macintosh", "macOS"),
    ("FreeBSD", "FreeBSD"),
    ("Linux", "Linux"),
];

fn first(of: &[(&str, &'static str)], agent: &str) -> Option<&'static str> {
    of.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
}

/// What the `User-Agent` of a request says, such as `Firefox on Linux`; empty where it says nothing that is known.
pub fn in_words(agent: &str) -> String {
    match (first(&BROWSERS, agent), first(&SYSTEMS, agent)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn browsers_are_told_by_what_they_alone_say() {
        let kit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (agent, words) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(), "Firefox on Linux"),
            (
                format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {kit} Chrome/139.0.0.0 Safari/537.36"),
                "Chrome on Windows",
            ),
            (format!("Mozilla/5.0 (Windows NT 10.0) {kit} Chrome/139.0 Safari/537.36 Edg/139.0"), "Edge on Windows"),
            (
                format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {kit} Chrome/1 Safari/1 OPR/1"),
                "Opera on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605 Version/18.5 Safari/604.1"
                    .to_owned(),
                "Safari on iPhone",
            ),
            (
                format!("Mozilla/5.0 (Linux; Android 15) {kit} SamsungBrowser/28 Chrome/130 Mobile Safari/537"),
                "Samsung Internet on Android",
            ),
            (
                format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {kit} Chrome/139.0 Safari/537.36"),
                "Chrome on ChromeOS",
            ),
            ("curl/8.5.0".to_owned(), "curl"),
            ("<script>alert(1)</script>".to_owned(), ""),
            (String::new(), ""),
        ] {
            assert_eq!(in_words(&agent), words, "{agent}");
        }
    }
}
