//! A stretch of a recording has the bits of the same stretch of the whole, whatever is read for it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::io::Cursor;
use std::path::Path;

use autrainer_core::Error;
use autrainer_core::audio::pipeline::Step;
use autrainer_core::audio::{AudioOptions, Crop, Fill, Span};
use autrainer_core::decode::{Format, Layout, Scratch};
use proptest::prelude::*;

const FILES: [&str; 8] = [
    "wav_pcm_16.wav",
    "wavex_pcm_24.wav",
    "stereo.flac",
    "small_blocks.flac",
    "cbr.mp3",
    "vbr_no_xing.mp3",
    "ffmpeg.ogg",
    "short.ogg",
];

fn read(name: &str, options: AudioOptions) -> Result<(Layout, Vec<u32>), Error> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/audio");
    let bytes = Cursor::new(fs::read(folder.join(name)).unwrap());
    let mut scratch = Scratch::default();
    let format = Format::Audio(options);
    let opened = format.open_input(Path::new(name), bytes, &mut scratch)?;
    let layout = opened.layout().clone();
    let bits = opened.read()?;
    let bits = bits.chunks_exact(4);
    let bits = bits.map(|bytes| u32::from_ne_bytes(bytes.try_into().unwrap()));
    Ok((layout, bits.collect()))
}

fn fill() -> impl Strategy<Value = Fill> {
    prop_oneof![
        any::<f32>()
            .prop_filter("a number", |value| !value.is_nan())
            .prop_map(Fill::Value),
        Just(Fill::Repeat),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_stretch_is_that_of_the_whole(
        name in prop::sample::select(&FILES[..]),
        rate_hz in prop::sample::select(vec![None, Some(8000), Some(11_025), Some(48_000), Some(44_099)]),
        first in 0u64..300,
        count in prop_oneof![Just(None), (1u64..4000).prop_map(Some)],
        len in 1usize..3000,
        draw in any::<u64>(),
        by_share in any::<bool>(),
        fill in fill(),
        mixes in any::<bool>(),
    ) {
        let options = AudioOptions {
            span: Span::Frames { first, count },
            sample_rate_hz: rate_hz,
            crop: None,
            steps: if mixes { vec![Step::MixDown] } else { Vec::new() },
        };
        let Ok((layout, whole)) = read(name, options.clone()) else {
            return Ok(());
        };
        prop_assume!(!(mixes && matches!(fill, Fill::Value(value) if value.abs() > 1e38)));
        let (num_channels, num_samples) = (layout.shape[0], layout.shape[1]);
        let crop = Some(Crop { len, draw, by_share, fill });
        let found = read(name, AudioOptions { crop, ..options });
        if num_samples == 0 {
            prop_assert!(found.is_err() || fill != Fill::Repeat);
            return Ok(());
        }
        let (layout, found) = found.unwrap();
        prop_assert_eq!(layout.shape, [num_channels, len]);
        let num_starts = num_samples.saturating_sub(len) as u64 + 1;
        let start = if by_share {
            ((draw >> 11) as f64 * 2f64.powi(-53) * num_starts as f64) as usize
        } else {
            ((u128::from(draw) * u128::from(num_starts)) >> 64) as usize
        };
        for (row, found) in whole.chunks_exact(num_samples).zip(found.chunks_exact(len)) {
            for (at, &found) in found.iter().enumerate() {
                let expected = match fill {
                    _ if start + at < num_samples => row[start + at],
                    Fill::Value(value) => value.to_bits(),
                    Fill::Repeat => row[at % num_samples],
                };
                prop_assert_eq!(found, expected, "sample {} of {}", at, num_samples);
            }
        }
    }
}

#[test]
fn nothing_is_repeated_of_no_samples() {
    let crop = Some(Crop {
        len: 5,
        draw: 0,
        by_share: false,
        fill: Fill::Repeat,
    });
    let span = Span::Frames {
        first: 0,
        count: Some(0),
    };
    let options = AudioOptions {
        span,
        crop,
        ..AudioOptions::default()
    };
    let error = read("stereo.flac", options).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }));
}
