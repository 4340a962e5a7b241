//! The parts that a mail is made of, as plain text and as HTML.

use super::safe;
use holdfast_domain::Colour;

/// The width of plain text.
const WIDTH: usize = 72;
/// The colour of what stands out, unless a vendor has another.
const COLOUR: &str = "#2b59c3";

/// A mail before it is written down.
pub struct Letter {
    pub subject: String,
    /// What stands above everything in HTML, as a portal's name does on its pages.
    pub head: Option<String>,
    pub parts: Vec<Part>,
    pub signature: String,
    /// The colour of what stands out; the usual where absent.
    pub colour: Option<Colour>,
}

/// A part of a mail.
pub enum Part {
    /// A paragraph, or several with empty lines between them. Line breaks are kept.
    Says(String),
    /// Names and values, one a line.
    Facts(Vec<(&'static str, String)>),
    /// Something to be copied: a key, a code.
    Copy(&'static str, String),
    /// Where to go: what is done there, and the address.
    Go(&'static str, String),
    /// What matters less.
    Note(String),
}

impl Letter {
    /// Plain text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            text.push_str(&part.text());
            text.push_str("\n\n");
        }
        // What mail programs know as the beginning of a signature.
        text.push_str("-- \n");
        text.push_str(&wrapped(&safe::lines(&self.signature)));
        text.push('\n');
        text
    }

    /// An HTML document. Without colours of its own but for one that stands out, so that it can be read on light and on dark.
    pub fn html(&self) -> String {
        let colour = self.colour.as_ref().map_or(COLOUR, |colour| colour.as_str());
        let head = self.head.as_ref().map_or_else(String::new, |name| {
            let name = safe::escaped(&safe::line(name));
            format!("<p dir=\"auto\" style=\"margin:0 0 16px;font-size:20px;font-weight:600\">{name}</p>\n")
        });
        let parts: String = self.parts.iter().map(|part| part.html(colour)).collect();
        let (subject, signature) = (safe::escaped(&safe::line(&self.subject)), broken(&self.signature));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"supported-color-schemes\" content=\"light dark\">\n<title>{subject}</title>\n</head>\n\
             <body style=\"margin:0;padding:16px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,\
             sans-serif;overflow-wrap:anywhere;word-break:break-word\">\n\
             <div style=\"max-width:560px;margin:0 auto;border-top:4px solid {colour};padding-top:16px\">\n{head}{parts}\
             <p dir=\"auto\" style=\"margin:24px 0 0;padding-top:12px;border-top:1px solid {colour}\">{signature}</p>\n\
             </div>\n</body>\n</html>\n"
        )
    }
}

impl Part {
    fn text(&self) -> String {
        match self {
            Self::Says(words) | Self::Note(words) => wrapped(&safe::lines(words)),
            Self::Facts(facts) => {
                let lines = facts.iter().map(|(name, value)| wrapped(&format!("{name}: {}", safe::line(value))));
                lines.collect::<Vec<_>>().join("\n")
            }
            Self::Copy(name, value) => format!("{name}:\n\n    {}", safe::line(value)),
            Self::Go(what, url) => format!("{what}:\n{}", safe::line(url)),
        }
    }

    fn html(&self, colour: &str) -> String {
        match self {
            Self::Says(words) => paragraphs(words, "margin:0 0 16px"),
            Self::Note(words) => paragraphs(words, "margin:0 0 16px;font-size:14px"),
            Self::Facts(facts) => {
                let lines = facts.iter().map(|(name, value)| {
                    let (name, value) = (safe::escaped(name), safe::escaped(&safe::line(value)));
                    format!("<b>{name}:</b> <bdi>{value}</bdi>")
                });
                format!("<p style=\"margin:0 0 16px\">{}</p>\n", lines.collect::<Vec<_>>().join("<br>"))
            }
            Self::Copy(name, value) => {
                let (name, value) = (safe::escaped(name), safe::escaped(&safe::line(value)));
                format!(
                    "<p style=\"margin:0 0 4px\">{name}:</p>\n<p dir=\"ltr\" style=\"margin:0 0 16px;padding:12px;\
                     border:1px solid {colour};border-radius:6px;font:18px/1.4 ui-monospace,Menlo,Consolas,monospace\">\
                     {value}</p>\n"
                )
            }
            Self::Go(what, url) => {
                let (what, url, ink) = (safe::escaped(what), safe::escaped(&safe::line(url)), ink_on(colour));
                format!(
                    "<p style=\"margin:0 0 8px\"><a href=\"{url}\" style=\"display:inline-block;padding:10px 16px;\
                     border-radius:6px;background:{colour};color:{ink};text-decoration:none\">{what}</a></p>\n\
                     <p dir=\"ltr\" style=\"margin:0 0 16px;font-size:14px\">{url}</p>\n"
                )
            }
        }
    }
}

/// Paragraphs of text from outside.
fn paragraphs(words: &str, style: &str) -> String {
    let words = safe::lines(words);
    let each = words.split("\n\n").map(str::trim).filter(|words| !words.is_empty());
    each.fold(String::new(), |all, words| all + &format!("<p dir=\"auto\" style=\"{style}\">{}</p>\n", broken(words)))
}

/// Text from outside with its line breaks.
fn broken(words: &str) -> String {
    safe::escaped(safe::lines(words).trim()).replace('\n', "<br>")
}

/// The text in lines of [`WIDTH`] characters. A word that is longer, such as an address, stays whole.
fn wrapped(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.trim().lines() {
        let (mut current, mut length) = (String::new(), 0);
        for word in line.split_whitespace() {
            let width = word.chars().count();
            if length > 0 && length + 1 + width > WIDTH {
                lines.push(std::mem::take(&mut current));
                length = 0;
            }
            if length > 0 {
                current.push(' ');
                length += 1;
            }
            current.push_str(word);
            length += width;
        }
        lines.push(current);
    }
    lines.join("\n")
}

/// Black or white, whichever is read more easily on `colour`.
fn ink_on(colour: &str) -> &'static str {
    let part = |at: usize| colour.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
    // WCAG 2: the relative luminance at which black and white have the same contrast.
    let linear = |part: u8| {
        let share = f64::from(part) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    let light = 0.2126 * linear(part(1)) + 0.7152 * linear(part(3)) + 0.0722 * linear(part(5));
    if light > 0.179 { "#000000" } else { "#ffffff" }
}
