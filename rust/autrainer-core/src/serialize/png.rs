//! Pictures as PNG files, for plots: few colours in large areas.

use ::png::{BitDepth, ColorType, Compression, Encoder, PixelDimensions, Unit};

use crate::error::{Error, Result};

/// Channels of a pixel as it is written: red, green, blue.
const CHANNELS: usize = 3;

/// Bytes of an RGB file, each row as its difference to the one above: zero nearly everywhere.
///
/// # Arguments
///
/// - `pixels`: 3 bytes or more for each pixel, row by row; those after the third are dropped.
/// - `dots_per_metre`: Noted in the file.
///
/// # Errors
///
/// [`Error::Picture`] if there are no pixels, or other ones than the size says.
pub fn encode_png(pixels: &[u8], width: u32, height: u32, dots_per_metre: u32) -> Result<Vec<u8>> {
    let refused = || Error::Picture { width, height };
    let num_pixels = width as usize * height as usize;
    let channels = pixels.len().checked_div(num_pixels).unwrap_or(0);
    if channels < CHANNELS || channels * num_pixels != pixels.len() {
        return Err(refused());
    }
    let mut rgb = Vec::with_capacity(num_pixels * CHANNELS);
    for pixel in pixels.chunks_exact(channels) {
        if let [red, green, blue, ..] = *pixel {
            rgb.extend_from_slice(&[red, green, blue]);
        }
    }
    let mut file = Vec::new();
    encoded(&rgb, width, height, dots_per_metre, &mut file).map_err(|_| refused())?;
    Ok(file)
}

fn encoded(
    rgb: &[u8],
    width: u32,
    height: u32,
    dots_per_metre: u32,
    file: &mut Vec<u8>,
) -> std::result::Result<(), ::png::EncodingError> {
    let mut encoder = Encoder::new(file, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fastest);
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: dots_per_metre,
        yppu: dots_per_metre,
        unit: Unit::Meter,
    }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn decoded(file: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = ::png::Decoder::new(Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, pixels)
    }

    proptest! {
        #[test]
        fn the_first_three_channels_read_back(
            (width, height, channels, pixels) in (1u32..30, 1u32..30, 3usize..6).prop_flat_map(
                |(width, height, channels)| {
                    let len = (width * height) as usize * channels;
                    (Just(width), Just(height), Just(channels), vec(any::<u8>(), len))
                }
            )
        ) {
            let file = encode_png(&pixels, width, height, 11811).unwrap();
            let kept: Vec<u8> = pixels.chunks(channels).flat_map(|pixel| pixel[..3].to_vec()).collect();
            prop_assert_eq!(decoded(&file), (width, height, kept));
        }
    }

    #[test]
    fn a_plain_area_takes_less_than_a_hundredth() {
        let pixels = vec![255; 1000 * 1000 * 4];
        assert!(encode_png(&pixels, 1000, 1000, 11811).unwrap().len() < pixels.len() / 100);
    }

    #[test]
    fn another_number_of_bytes_is_refused() {
        for (len, width, height) in [(15, 2, 2), (8, 2, 2), (0, 0, 0), (4, 0, 1)] {
            let error = encode_png(&vec![0; len], width, height, 1).unwrap_err();
            assert!(matches!(error, Error::Picture { .. }));
        }
    }
}
