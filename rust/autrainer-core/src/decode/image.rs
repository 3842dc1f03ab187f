//! PNG and JPEG images as uint8 of shape (channels, height, width).
//!
//! What the decoders do not take as it is (16 bit, CMYK, damaged files, other formats) is reported
//! as not supported: Pillow then decides what the pixels are, or what the error is.

use std::io::{Cursor, SeekFrom};

use png::{BitDepth, ColorType, Limits, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::dtype::{DType, Layout};
use super::input::{Fault, Input, Window, bytes_found, grow, length, read_full};

/// A file of fewer bytes than pixels divided by this is damaged: a block of 64 pixels takes a bit.
const JPEG_SHRINKS: usize = 64 * 8;

/// Likewise for bytes of pixels in PNG: 258 bytes take two bits.
const PNG_SHRINKS: usize = 1032;

/// The largest file that is read, in bytes.
const FILE_LIMIT: u64 = 1 << 30;

/// The number of pixels from which on Pillow warns of a decompression bomb.
const PIXELS_LIMIT: usize = 89_478_485;

/// What a decoder may take beside the pixels, in bytes.
const DECODER_LIMIT: usize = 512 << 20;

/// Not worth a scan more: progressive files of cameras have ten.
const SCANS_LIMIT: usize = 64;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";
const JPEG_END: &[u8] = b"\xff\xd9";

/// The chunk that ends an image, with its checksum, but for its length.
const PNG_END: &[u8] = b"IEND\xae\x42\x60\x82";

/// What is looked at for the end of an image; blanks may follow it.
const TAIL_BYTES: usize = 64;

/// An image whose header is read.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) layout: Layout,
    decoder: Decoder,
}

#[derive(Debug, Clone, Copy)]
enum Decoder {
    Png,
    Jpeg,
}

/// Read the header of an image; the whole file is then in `window`.
pub(crate) fn open(input: &mut impl Input, window: &mut Window) -> Result<Image, Fault> {
    let start = window.bytes(input, 0, PNG.len(), 0)?;
    let decoder = match start {
        [] => return Err(Fault::corrupt("an image", bytes_found(0))),
        _ if start.starts_with(PNG) => Decoder::Png,
        _ if start.starts_with(JPEG) => Decoder::Jpeg,
        _ => {
            let start = start.escape_ascii();
            return Err(Fault::Unsupported(format!(
                "a file that begins with '{start}'"
            )));
        }
    };
    let Some(bytes) = window.whole(input, FILE_LIMIT)? else {
        return Err(Fault::Unsupported(format!("more than {FILE_LIMIT} bytes")));
    };
    let shape = match decoder {
        Decoder::Png => png_shape(bytes)?,
        Decoder::Jpeg => jpeg_shape(bytes)?,
    };
    let layout = Layout {
        dtype: DType::U8,
        shape: shape.to_vec(),
    };
    Ok(Image { layout, decoder })
}

/// Look at the beginning and the end of an image; what is no PNG or JPEG is taken for sound.
pub(crate) fn inspect(input: &mut impl Input) -> Result<(), Fault> {
    let mut start = [0; PNG.len()];
    let filled = read_full(input, &mut start)?;
    let start = start.get(..filled).unwrap_or_default();
    let end = match start {
        [] => return Err(Fault::corrupt("an image", bytes_found(0))),
        _ if start.starts_with(PNG) => PNG_END,
        _ if start.starts_with(JPEG) => JPEG_END,
        _ => return Ok(()),
    };
    let tail_start = length(input)?.saturating_sub(TAIL_BYTES as u64);
    input.seek(SeekFrom::Start(tail_start))?;
    let mut tail = [0; TAIL_BYTES];
    let filled = read_full(input, &mut tail)?;
    let tail = tail.get(..filled).unwrap_or_default();
    if tail.trim_ascii_end().ends_with(end) {
        Ok(())
    } else {
        Err(refused("the end is missing"))
    }
}

impl Image {
    /// Decode the pixels into `out`, channel by channel.
    pub(crate) fn fill(
        &self,
        window: &Window,
        spare: &mut Vec<u8>,
        out: &mut [u8],
    ) -> Result<(), Fault> {
        let bytes = window.held();
        let &[channels, height, width] = self.layout.shape.as_slice() else {
            return Ok(());
        };
        if channels == 1 {
            return self.decode(bytes, out);
        }
        let pixels = grow(spare, out.len())?;
        self.decode(bytes, pixels)?;
        for (channel, plane) in out.chunks_exact_mut(height * width).enumerate() {
            let values = pixels.iter().skip(channel).step_by(channels);
            for (place, value) in plane.iter_mut().zip(values) {
                *place = *value;
            }
        }
        Ok(())
    }

    /// Decode pixel by pixel, row by row.
    fn decode(&self, bytes: &[u8], pixels: &mut [u8]) -> Result<(), Fault> {
        let row_bytes =
            self.layout.shape.first().unwrap_or(&0) * self.layout.shape.last().unwrap_or(&0);
        match self.decoder {
            Decoder::Png => {
                let mut reader = png_reader(bytes)?;
                reader.next_frame(pixels).map_err(refused)?;
                // Checks what comes after the pixels: a file that is cut there is damaged too.
                reader.finish().map_err(refused)
            }
            Decoder::Jpeg => decode_jpeg(bytes, pixels, row_bytes),
        }
    }
}

fn refused(error: impl std::fmt::Display) -> Fault {
    Fault::Unsupported(format!("an image that is damaged or unusual: {error}"))
}

fn png_reader(bytes: &[u8]) -> Result<png::Reader<Cursor<&[u8]>>, Fault> {
    let limits = Limits {
        bytes: DECODER_LIMIT,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    decoder.read_info().map_err(refused)
}

fn png_shape(bytes: &[u8]) -> Result<[usize; 3], Fault> {
    let reader = png_reader(bytes)?;
    let info = reader.info();
    if info.animation_control.is_some() {
        return Err(Fault::Unsupported("an animation".to_owned()));
    }
    let channels = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Eight) => 1,
        (ColorType::Rgb, BitDepth::Eight) => 3,
        (ColorType::Rgba, BitDepth::Eight) => 4,
        (color, depth) => {
            return Err(Fault::Unsupported(format!("{color:?} of {depth:?} bit")));
        }
    };
    // Bits of a pixel in the file, where a palette or a mask may take less than a byte.
    let bits = info.bits_per_pixel();
    let most = bytes.len().saturating_mul(PNG_SHRINKS) * 8 / bits.max(1);
    shape(channels, info.height as usize, info.width as usize, most)
}

fn jpeg_decoder(bytes: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(PIXELS_LIMIT)
        .set_max_height(PIXELS_LIMIT)
        .jpeg_set_max_scans(SCANS_LIMIT);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    if decoder.decode_headers().is_ok() && decoder.input_colorspace() == Some(ColorSpace::Luma) {
        let options = decoder.options().jpeg_set_out_colorspace(ColorSpace::Luma);
        decoder.set_options(options);
    }
    decoder
}

fn jpeg_shape(bytes: &[u8]) -> Result<[usize; 3], Fault> {
    if !bytes.trim_ascii_end().ends_with(JPEG_END) {
        return Err(refused("the end marker is missing"));
    }
    let mut decoder = jpeg_decoder(bytes);
    decoder.decode_headers().map_err(refused)?;
    let channels = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => 1,
        Some(ColorSpace::YCbCr) => 3,
        other => return Err(Fault::Unsupported(format!("a JPEG file in {other:?}"))),
    };
    let (width, height) = decoder.dimensions().unwrap_or_default();
    shape(
        channels,
        height,
        width,
        bytes.len().saturating_mul(JPEG_SHRINKS),
    )
}

fn decode_jpeg(bytes: &[u8], pixels: &mut [u8], row_bytes: usize) -> Result<(), Fault> {
    let start = pixels.len().saturating_sub(row_bytes);
    let mark: Vec<u8> = (0..row_bytes).map(|place| (place % 251) as u8).collect();
    if let Some(last) = pixels.get_mut(start..) {
        last.copy_from_slice(&mark);
    }
    jpeg_decoder(bytes).decode_into(pixels).map_err(refused)?;
    // The decoder leaves the rows that a damaged file lacks as they were, without an error.
    if pixels.get(start..) == Some(&mark) {
        return Err(refused("rows are missing"));
    }
    Ok(())
}

/// The shape of an image of at most `most` pixels.
fn shape(channels: usize, height: usize, width: usize, most: usize) -> Result<[usize; 3], Fault> {
    match height.checked_mul(width) {
        Some(pixels) if (1..=most.min(PIXELS_LIMIT)).contains(&pixels) => {
            Ok([channels, height, width])
        }
        _ => Err(Fault::Unsupported(format!("{height} x {width} pixels"))),
    }
}
