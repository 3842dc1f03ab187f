//! Pictures as PNG files, for plots: few colours in large areas.

use ::png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter, PixelDimensions, Unit};

use crate::error::{Error, Result};

/// Channels of a pixel as it is written: red, green, blue.
const CHANNELS: usize = 3;

/// Level of deflate: 1 makes files of twice the size, 6 takes twice the time for 7 % less.
const LEVEL: u8 = 2;

/// Bytes of an RGB file. Rows are stored as they are: letters and lines repeat each other, and their
/// differences to the rows above do so less.
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
    let mut rgb = vec![0; num_pixels * CHANNELS];
    for (pixel, kept) in pixels
        .chunks_exact(channels)
        .zip(rgb.chunks_exact_mut(CHANNELS))
    {
        if let Some((colours, _)) = pixel.split_first_chunk::<CHANNELS>() {
            kept.copy_from_slice(colours);
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
    encoder.set_deflate_compression(DeflateCompression::Level(LEVEL));
    encoder.set_filter(Filter::NoFilter);
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
    fn what_repeats_across_rows_takes_little() {
        // Noise that moves on by a pixel in each row, as slanted lines do.
        let noise: Vec<u8> = (0..4096u32)
            .map(|i| {
                (i ^ (i << 7))
                    .wrapping_mul(i | 1)
                    .wrapping_mul(2_654_435_761)
            })
            .map(|mixed| (mixed >> 24) as u8)
            .collect();
        let rows = (0..300).flat_map(|row| noise[row * 3..row * 3 + 3000].to_vec());
        let pixels: Vec<u8> = rows.collect();
        assert!(encode_png(&pixels, 1000, 300, 11811).unwrap().len() < pixels.len() / 8);
    }

    #[test]
    fn another_number_of_bytes_is_refused() {
        for (len, width, height) in [(15, 2, 2), (8, 2, 2), (0, 0, 0), (4, 0, 1)] {
            let error = encode_png(&vec![0; len], width, height, 1).unwrap_err();
            assert!(matches!(error, Error::Picture { .. }));
        }
    }
}
