//! Short texts handed from an act to the page that shows them: in a cookie that no script reads and that ends in two
//! minutes, because an address ends up in logs and in the history.

use std::fmt::Write as _;

/// How long a note lives.
pub const SECONDS: i64 = 120;

/// The cookie of the note `kind`. With https no other site of the same domain can set it.
pub fn name(kind: &str, secure: bool) -> String {
    format!("{}holdfast_note_{kind}", if secure { "__Host-" } else { "" })
}

/// A text as a cookie's value.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The text of a cookie's value; `None` where it is not one of ours.
pub fn decode(value: &str) -> Option<String> {
    let digits: Option<Vec<u8>> =
        value.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    String::from_utf8(digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_as_they_were() {
        for text in ["", "AB12-CD34", "ü; =\r\n"] {
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
        }
        for value in ["0", "zz", "ff", "é"] {
            assert_eq!(decode(value), None, "{value}");
        }
    }
}
