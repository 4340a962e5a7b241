//! What comes from outside, made harmless for each place where it can stand.

/// Whether a character would turn the direction of what follows it: with one of these a name can show an address as another.
const fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character ends a line, however it is written.
const fn breaks(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The text in one line, without anything that is not seen.
pub fn line(text: &str) -> String {
    let shown = text.chars().filter(|c| !turns(*c)).map(|c| if breaks(c) || c.is_control() { ' ' } else { c });
    shown.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same for a header, cut to `most` characters.
pub fn header(text: &str, most: usize) -> String {
    let whole = line(text);
    if whole.chars().count() <= most {
        return whole;
    }
    let cut: String = whole.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// The text with its lines, without anything that is not seen.
pub fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let shown = text.chars().filter(|c| !turns(*c)).map(|c| if breaks(c) { '\n' } else { c });
    shown.filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// The text as it stands in HTML, also inside of quotation marks.
pub fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut html, c| {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
        html
    })
}

/// The address, where it is one of the web without anything that could end it early.
pub fn address(url: &str) -> Option<&str> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let plain = url.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\'' | b'\\' | b'`'));
    (web && plain).then_some(url)
}
