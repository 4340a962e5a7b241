//! Vendors' pictures, as they are served: what is uploaded is read and written anew, so that nothing in it that is no picture
//! comes through.

use crate::{Error, Result};
use holdfast_store::portals::Logo;
use image::{ImageFormat, ImageReader, Limits};
use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, io::Cursor};

/// The largest upload, in bytes.
pub const UPLOAD_LIMIT: usize = 1 << 20;
/// The longest side of a picture of pixels as it is served.
const SIDE: u32 = 256;
/// The longest side that is read, in pixels, and the memory that unpacking may take, in bytes.
const READ: (u32, u64) = (4_096, 100 << 20);
/// How many elements a drawing has at most, and how deep they lie in each other.
const ELEMENTS: (usize, usize) = (2_000, 24);

/// What a drawing is made of. No text, no scripts, no styles, nothing that refers to anything outside of it.
const SHAPES: [&str; 15] = [
    "svg",
    "g",
    "path",
    "circle",
    "ellipse",
    "line",
    "polygon",
    "polyline",
    "rect",
    "defs",
    "linearGradient",
    "radialGradient",
    "stop",
    "clipPath",
    "title",
];
/// What is said of a shape.
const SAID: [&str; 46] = [
    "viewBox",
    "width",
    "height",
    "x",
    "y",
    "x1",
    "y1",
    "x2",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "fx",
    "fy",
    "d",
    "points",
    "transform",
    "fill",
    "fill-rule",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-miterlimit",
    "stroke-dasharray",
    "stroke-dashoffset",
    "stroke-opacity",
    "opacity",
    "clip-path",
    "clip-rule",
    "id",
    "offset",
    "stop-color",
    "stop-opacity",
    "gradientUnits",
    "gradientTransform",
    "spreadMethod",
    "clipPathUnits",
    "preserveAspectRatio",
    "color",
    "display",
    "visibility",
    "paint-order",
];

fn refused(why: &str) -> Error {
    Error::invalid("/logo", why)
}

/// The picture in `bytes`, PNG, JPEG or SVG, written anew.
///
/// # Errors
/// [`crate::ErrorCode::InvalidRequest`] with a sentence for whoever uploaded it.
pub fn read(bytes: &[u8]) -> Result<Logo> {
    if bytes.len() > UPLOAD_LIMIT {
        return Err(refused("The picture has more than 1 MiB."));
    }
    let (bytes, kind) = if crate::qr::is_picture(bytes) {
        (pixels(bytes).ok_or_else(|| refused("The picture cannot be read."))?, "image/png")
    } else {
        let text = std::str::from_utf8(bytes).map_err(|_| refused("Upload a PNG, JPEG or SVG picture."))?;
        (drawing(text)?.into_bytes(), "image/svg+xml")
    };
    let hash = Sha256::digest(&bytes)[..8].iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    Ok(Logo { bytes, kind: kind.to_owned(), hash })
}

/// A picture of pixels, no larger than it is shown, as PNG without anything else in it.
fn pixels(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height, limits.max_alloc) = (Some(READ.0), Some(READ.0), Some(READ.1));
    reader.limits(limits);
    let mut picture = reader.decode().ok()?;
    if picture.width().max(picture.height()) > SIDE {
        picture = picture.thumbnail(SIDE, SIDE);
    }
    let mut written = Cursor::new(Vec::new());
    picture.into_rgba8().write_to(&mut written, ImageFormat::Png).ok()?;
    Some(written.into_inner())
}

/// A drawing of nothing but shapes.
fn drawing(text: &str) -> Result<String> {
    // Declarations of a document type, and with them entities, are refused.
    let document = roxmltree::Document::parse(text).map_err(|_| refused("The SVG cannot be read."))?;
    let root = document.root_element();
    if root.tag_name().name() != "svg" || root.attribute("viewBox").is_none() {
        return Err(refused("The SVG needs a `viewBox`."));
    }
    let mut written = String::new();
    let mut left = ELEMENTS.0;
    write(root, &mut written, &mut left, ELEMENTS.1)?;
    Ok(written)
}

fn write(element: roxmltree::Node<'_, '_>, out: &mut String, left: &mut usize, depth: usize) -> Result<()> {
    let name = element.tag_name().name();
    if !SHAPES.contains(&name) {
        // Whatever else there is, is left out with all that is in it.
        return Ok(());
    }
    if *left == 0 || depth == 0 {
        return Err(refused("The SVG has too many parts."));
    }
    *left -= 1;
    out.push('<');
    out.push_str(name);
    if depth == ELEMENTS.1 {
        out.push_str(" xmlns=\"http://www.w3.org/2000/svg\"");
    }
    for attribute in element.attributes() {
        if attribute.namespace().is_none() && SAID.contains(&attribute.name()) && is_plain(attribute.value()) {
            // Writing to a string cannot fail.
            let _ = write!(out, " {}=\"{}\"", attribute.name(), escaped(attribute.value()));
        }
    }
    out.push('>');
    for child in element.children().filter(roxmltree::Node::is_element) {
        write(child, out, left, depth - 1)?;
    }
    let _ = write!(out, "</{name}>");
    Ok(())
}

/// Whether a value says something of a shape and refers to nothing outside of the drawing.
fn is_plain(value: &str) -> bool {
    let value = value.trim();
    let refers = value.to_ascii_lowercase().matches("url(").count();
    let within = value.starts_with("url(#")
        && value.ends_with(')')
        && value[5..value.len() - 1].bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (refers == 0 || (refers == 1 && within)) && !value.contains(['\\', '&', '<', '>', '"', '\'', ';', ':', '@'])
}

fn escaped(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(side: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image::RgbaImage::from_pixel(side, side / 2, image::Rgba([1, 2, 3, 4]))
            .write_to(&mut bytes, ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    }

    #[test]
    fn pictures_are_written_anew_and_no_larger_than_they_are_shown() {
        let mut upload = png(600);
        upload.extend_from_slice(b"<script>alert(1)</script>");
        let logo = read(&upload).unwrap();
        assert_eq!((logo.kind.as_str(), logo.hash.len()), ("image/png", 16));
        let served = image::load_from_memory(&logo.bytes).unwrap();
        assert_eq!((served.width(), served.height()), (256, 128));
        assert!(!String::from_utf8_lossy(&logo.bytes).contains("script"), "what is no picture does not come through");
        assert_eq!(read(&png(600)).unwrap(), logo, "the same picture has the same address");
    }

    #[test]
    fn of_drawings_only_shapes_come_through() {
        let svg = r##"<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
            viewBox="0 0 10 10" onload="alert(1)" style="background:url(http://evil.example)"><script>alert(1)</script>
            <style>@import "http://evil.example";</style><foreignObject><div onclick="x()"/></foreignObject>
            <defs><linearGradient id="a-1"><stop offset="0" stop-color="#fff"/></linearGradient></defs>
            <a xlink:href="javascript:alert(1)"><rect width="5"/></a><image href="http://evil.example/x.png"/>
            <use href="#a"/><g fill="url(#a-1)" stroke="url(http://evil.example#x)"><path d="M0 0L5 5" fill="red"/></g>
            <circle r="2" fill="url( //evil.example )"/><text>Hello</text></svg>"##;
        let logo = read(svg.as_bytes()).unwrap();
        assert_eq!(logo.kind, "image/svg+xml");
        assert_eq!(
            String::from_utf8(logo.bytes).unwrap(),
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 10 10\"><defs><linearGradient id=\"a-1\"><stop offset=\"0\" \
             stop-color=\"#fff\"></stop></linearGradient></defs><g fill=\"url(#a-1)\"><path d=\"M0 0L5 5\" fill=\"red\"></path></g>\
             <circle r=\"2\"></circle></svg>"
        );
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let entities = r#"<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg viewBox="0 0 1 1">&a;</svg>"#;
        let deep = format!("<svg viewBox=\"0 0 1 1\">{}{}</svg>", "<g>".repeat(30), "</g>".repeat(30));
        let many = format!("<svg viewBox=\"0 0 1 1\">{}</svg>", "<g/>".repeat(3_000));
        let large = vec![b' '; UPLOAD_LIMIT + 1];
        for bytes in [
            &b""[..],
            b"GIF89a",
            &[0xff, 0xfe, 0],
            b"<html></html>",
            b"<svg></svg>",
            b"\x89PNG\r\n\x1a\n",
            entities.as_bytes(),
            deep.as_bytes(),
            many.as_bytes(),
            &large,
        ] {
            assert!(read(bytes).is_err(), "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
        }
    }
}
