//! QR codes: drawn as pictures, and read from photographs.

use crate::{Error, Result};
use image::{ImageReader, Limits};
use qrcode::{Color, EcLevel, QrCode};
use std::{fmt::Write as _, io::Cursor};

/// The widest and the highest photograph that is looked at, in pixels.
const WIDEST: u32 = 8_000;
/// How much memory unpacking one may take, in bytes.
const MEMORY: u64 = 64 << 20;
/// The longest side in which a code is looked for; larger ones are made smaller first.
const SIDE: u32 = 1_600;

/// A QR code of `text` as the path of an SVG, and how many units it is wide, the quiet zone included. Of long texts the code
/// is as dense as it must be.
///
/// # Errors
/// Where the text fits no code: more than 2 953 bytes.
pub fn picture(text: &str) -> Result<(String, usize)> {
    const QUIET: usize = 4;
    let code = QrCode::new(text).or_else(|_| QrCode::with_error_correction_level(text, EcLevel::L));
    let code = code.map_err(|error| Error::internal(error.to_string()))?;
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            // Writing to a string cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Ok((path, width + 2 * QUIET))
}

/// Whether a file is a picture of a kind that [`read`] looks at.
pub fn is_picture(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n") || bytes.starts_with(&[0xff, 0xd8, 0xff])
}

/// The text of the QR code in a photograph or screenshot, PNG or JPEG; `None` where none can be read. Takes its time: not for
/// a task that others wait for.
pub fn read(bytes: &[u8]) -> Option<String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height, limits.max_alloc) = (Some(WIDEST), Some(WIDEST), Some(MEMORY));
    reader.limits(limits);
    let mut picture = reader.decode().ok()?;
    if picture.width().max(picture.height()) > SIDE {
        picture = picture.thumbnail(SIDE, SIDE);
    }
    let grey = picture.into_luma8();
    let (width, height) = (usize::try_from(grey.width()).ok()?, usize::try_from(grey.height()).ok()?);
    let raw = grey.into_raw();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        raw.get(y * width + x).copied().unwrap_or(255)
    });
    prepared.detect_grids().into_iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A screenshot of a code: each unit so many pixels wide.
    fn screenshot(text: &str, unit: usize) -> Vec<u8> {
        let (path, width) = picture(text).unwrap();
        let side = u32::try_from(width * unit).unwrap();
        let mut shot = image::GrayImage::from_pixel(side, side, image::Luma([255]));
        for square in path.split('M').skip(1) {
            let mut numbers = square.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<usize>().unwrap());
            let (x, y) = (numbers.next().unwrap() * unit, numbers.next().unwrap() * unit);
            for (dx, dy) in (0..unit).flat_map(|dx| (0..unit).map(move |dy| (dx, dy))) {
                shot.put_pixel(u32::try_from(x + dx).unwrap(), u32::try_from(y + dy).unwrap(), image::Luma([0]));
            }
        }
        let mut bytes = Cursor::new(Vec::new());
        shot.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn what_is_drawn_can_be_read() {
        let (path, width) = picture("HF1.abc").unwrap();
        assert!(path.starts_with("M4 4h1v1h-1z") && width >= 29, "{width}");
        for (length, unit) in [(7, 4), (1_200, 4), (2_900, 3)] {
            let text = format!("HF1.{}", "a1_-".repeat(length / 4));
            let shot = screenshot(&text, unit);
            assert!(is_picture(&shot));
            assert_eq!(read(&shot).as_deref(), Some(text.as_str()), "{length}");
        }
        assert!(picture(&"x".repeat(3_000)).is_err());
    }

    #[test]
    fn what_is_no_picture_of_a_code_is_read_as_nothing() {
        let mut blank = Cursor::new(Vec::new());
        image::GrayImage::new(50, 50).write_to(&mut blank, image::ImageFormat::Png).unwrap();
        for bytes in [&b""[..], b"HF1.abc", b"\x89PNG\r\n\x1a\n", &[0xff, 0xd8, 0xff, 0xe0], blank.get_ref()] {
            assert_eq!(read(bytes), None);
        }
    }
}
