//! Reading a file: its text, and the table of a CSV file as people really have them: several delimiters, a byte order mark, quotes; UTF-8 only.

use crate::error::{Error, ErrorCode, Result};

/// The greatest number of rows in one file.
pub const MAX_ROWS: usize = 200_000;
/// The greatest number of columns.
pub const MAX_COLUMNS: usize = 100;
/// The greatest size of a file in bytes.
pub const MAX_BYTES: usize = 96 * 1024 * 1024;

/// A file with a header row, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The cells of the header row.
    pub headers: Vec<String>,
    /// The other rows that are not wholly empty.
    pub rows: Vec<Row>,
    /// How many rows of the file are no licenses and are not among them.
    pub left_out: u64,
}

/// A row as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line it begins on; the header is line 1.
    pub line: u64,
    /// Its cells: perhaps fewer or more than the header has.
    pub cells: Vec<String>,
}

fn unreadable(detail: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::ImportUnreadable).with_detail(detail)
}

/// The text of a file.
///
/// # Errors
/// [`ErrorCode::ImportUnreadable`] where it is too large or not UTF-8, with the line.
pub fn text(bytes: &[u8]) -> Result<&str> {
    if bytes.len() > MAX_BYTES {
        return Err(unreadable(format_args!("The file is larger than {} MiB.", MAX_BYTES / 1024 / 1024)));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(unreadable("The file is UTF-16. Save it as UTF-8, a table as \"CSV UTF-8\"."));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = valid.matches('\n').count() + 1;
        unreadable(format_args!("Line {line} is not UTF-8. Save the file as UTF-8, a table as \"CSV UTF-8\"."))
    })?;
    if let Some(at) = text.find('\0') {
        let line = text[..at].matches('\n').count() + 1;
        return Err(unreadable(format_args!("Line {line} contains a NUL character.")));
    }
    Ok(text)
}

/// Takes a table apart. The delimiter is the one of `,` `;` tab and `|` that the header row has most of, unless `delimiter`
/// says.
///
/// # Errors
/// [`ErrorCode::ImportUnreadable`] with what is wrong and on which line.
pub fn read(text: &str, delimiter: Option<u8>) -> Result<Table> {
    let header_line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = delimiter.unwrap_or_else(|| guess_delimiter(header_line));
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(true).flexible(true).from_reader(text.as_bytes());
    let headers: Vec<String> = reader
        .headers()
        .map_err(|error| unreadable(format_args!("The header row cannot be read: {error}.")))?
        .iter()
        .map(|cell| cell.trim().to_owned())
        .collect();
    if headers.iter().all(String::is_empty) {
        return Err(unreadable("The file is empty; it needs a header row that names the columns."));
    }
    if headers.len() > MAX_COLUMNS {
        return Err(unreadable(format_args!("The file has {} columns; at most {MAX_COLUMNS}.", headers.len())));
    }
    let mut rows = Vec::new();
    let mut place = Place { text, byte: 0, line: 1 };
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(format_args!("The file is not CSV: {error}.")))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if rows.len() == MAX_ROWS {
            return Err(unreadable(format_args!("The file has more than {MAX_ROWS} rows; split it.")));
        }
        let line = place.line_of(record.position().map_or(0, csv::Position::byte));
        rows.push(Row { line, cells: record.iter().map(ToOwned::to_owned).collect() });
    }
    if rows.is_empty() {
        return Err(unreadable("The file has a header row and nothing else."));
    }
    Ok(Table { headers, rows, left_out: 0 })
}

/// How far lines are counted. The reader of CSV counts a line only when it comes upon its last character, which for the first
/// record after an empty line, or after a line that ends as on Windows, is too late.
struct Place<'a> {
    text: &'a str,
    byte: usize,
    line: u64,
}

impl Place<'_> {
    /// The line of the first character at or after `start` that ends no line.
    fn line_of(&mut self, start: u64) -> u64 {
        let all = self.text.as_bytes();
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(all.len());
        let ends = all[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let until = start + ends;
        let passed = all.get(self.byte..until).unwrap_or_default().split(|byte| *byte == b'\n');
        self.line += passed.skip(1).count() as u64;
        self.byte = self.byte.max(until);
        self.line
    }
}

/// Counts outside quotes.
fn guess_delimiter(header: &str) -> u8 {
    let count = |delimiter: u8| {
        let mut quoted = false;
        header
            .bytes()
            .filter(|byte| {
                quoted ^= *byte == b'"';
                !quoted && *byte == delimiter
            })
            .count()
    };
    // The comma is last, because the greatest of equals is the last one.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_guessed_from_the_header_outside_quotes() {
        for (text, headers) in [
            ("key,email\na,b", vec!["key", "email"]),
            ("key;email\na;b", vec!["key", "email"]),
            ("key\temail\na\tb", vec!["key", "email"]),
            ("key|email\na|b", vec!["key", "email"]),
            ("\"key, of, them;\";email\na;b", vec!["key, of, them;", "email"]),
            ("\u{feff}key,email\r\na,b\r\n", vec!["key", "email"]),
            ("key\na", vec!["key"]),
        ] {
            assert_eq!(
                super::text(text.as_bytes()).and_then(|text| read(text, None)).unwrap().headers,
                headers,
                "{text}"
            );
        }
        assert_eq!(read("a;b,c;d,e\n1,2,3", Some(b',')).unwrap().headers, ["a;b", "c;d", "e"]);
    }

    #[test]
    fn cells_keep_their_bytes_and_rows_their_line() {
        let table = read("key,note\n A1 ,\"two\nlines, \"\"q\"\"\"\n\n,,\n=1+1,\u{202e}x😀\nshort\n", None).unwrap();
        let rows: Vec<_> = table.rows.iter().map(|row| (row.line, row.cells.clone())).collect();
        assert_eq!(
            rows,
            [
                (2, vec![" A1 ".to_owned(), "two\nlines, \"q\"".to_owned()]),
                (6, vec!["=1+1".to_owned(), "\u{202e}x😀".to_owned()]),
                (7, vec!["short".to_owned()]),
            ]
        );
        let lines = |text: &str| read(text, None).unwrap().rows.iter().map(|row| row.line).collect::<Vec<_>>();
        assert_eq!(lines("\r\nkey,note\r\nA1,\"two\r\nlines\"\r\n\r\nA2,\r\nA3,"), [3, 6, 7]);
    }

    #[test]
    fn what_is_not_a_csv_file_in_utf_8_is_refused_with_the_line() {
        for (bytes, word) in [
            (&b"\xff\xfek\0e\0y\0"[..], "UTF-16"),
            (b"key\nM\xfcller", "Line 2 is not UTF-8"),
            (b"key\na\0b", "Line 2 contains a NUL"),
            (b"", "empty"),
            (b"  \n\n", "empty"),
            (b"key,email\n", "nothing else"),
        ] {
            let error = text(bytes).and_then(|text| read(text, None)).unwrap_err();
            assert_eq!(error.code, ErrorCode::ImportUnreadable);
            assert!(error.detail.unwrap().contains(word), "{word}");
        }
        let wide = vec!["c"; MAX_COLUMNS + 1].join(",") + "\n1";
        assert!(read(&wide, None).is_err());
        let long = "k\n".to_owned() + &"x\n".repeat(MAX_ROWS + 1);
        assert!(read(&long, None).unwrap_err().detail.unwrap().contains("200000"));
    }
}
