//! Sound in files to features: what the described sequence gives is what its steps give one by one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use autrainer_core::Error;
use autrainer_core::audio::bank::{BankSettings, MelScale};
use autrainer_core::audio::mel::{self, Framing, Level, MelSettings, MelSpectrogram};
use autrainer_core::audio::pipeline::Step;
use autrainer_core::audio::resample::Resampler;
use autrainer_core::audio::window::Window;
use autrainer_core::audio::{AudioOptions, Span, cepstrum};
use autrainer_core::decode::{Format, Layout, Scratch};

fn spectrogram() -> Arc<MelSpectrogram> {
    let settings = MelSettings {
        bank: BankSettings {
            sample_rate_hz: 8000.0,
            fft_len: 256,
            fmin_hz: 50.0,
            fmax_hz: 4000.0,
            num_bands: 20,
            scale: MelScale::Slaney,
            equal_area: true,
        },
        window: Window::Hann,
        window_len: 256,
        hop_len: 80,
        framing: Framing::Centred,
        removes_mean: false,
        preemphasis: 0.0,
        level: Level::NaturalLog { floor: 1e-10 },
    };
    Arc::new(MelSpectrogram::new(settings).unwrap())
}

fn seed(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/audio");
    fs::read(folder.join(name)).unwrap()
}

fn read(bytes: &[u8], options: AudioOptions) -> Result<(Layout, Vec<f32>), Error> {
    let mut scratch = Scratch::default();
    let format = Format::Audio(options);
    let opened = format.open_input(Path::new("file"), Cursor::new(bytes), &mut scratch)?;
    let layout = opened.layout().clone();
    let made = opened.read()?;
    let floats = made
        .chunks_exact(4)
        .map(|bytes| f32::from_ne_bytes(bytes.try_into().unwrap()));
    Ok((layout, floats.collect()))
}

fn with_steps(steps: Vec<Step>) -> AudioOptions {
    AudioOptions {
        span: Span::Frames {
            first: 10,
            count: Some(2000),
        },
        sample_rate_hz: Some(8000),
        crop: None,
        steps,
    }
}

#[test]
fn a_sequence_gives_what_its_steps_give_one_by_one() {
    for name in ["stereo.flac", "cbr.mp3", "ffmpeg.ogg"] {
        let input = Cursor::new(seed(name));
        let info = Format::audio_info_of(Path::new("file"), input, &mut Scratch::default());
        let rate_hz = info.unwrap().sample_rate_hz;
        let (raw, samples) = read(
            &seed(name),
            AudioOptions {
                span: with_steps(Vec::new()).span,
                ..AudioOptions::default()
            },
        )
        .unwrap();
        assert_eq!(raw.shape, [2, 2000]);
        let resampler = Resampler::new(rate_hz, 8000).unwrap();
        let len = resampler.num_samples(2000);
        let mut slow = vec![0.0; 2 * len];
        for (row, place) in samples.chunks_exact(2000).zip(slow.chunks_exact_mut(len)) {
            resampler.apply(row, place).unwrap();
        }
        let (left, right) = slow.split_at(len);
        let mono: Vec<f32> = left.iter().zip(right).map(|(a, b)| (a + b) / 2.0).collect();
        let mel = spectrogram();
        let num_frames = mel.num_frames(len).unwrap();
        let mut levels = vec![0.0; num_frames * 20];
        mel.apply(&mono, 1, &mut mel::Scratch::default(), &mut levels)
            .unwrap();
        let mut expected = vec![0.0; num_frames * 7];
        cepstrum::cepstra(&levels, 20, 7, &mut expected).unwrap();

        let steps = vec![Step::MixDown, Step::Mel(mel), Step::Cepstra(7)];
        let (layout, found) = read(&seed(name), with_steps(steps)).unwrap();

        assert_eq!(layout.shape, [1, num_frames, 7]);
        assert!(
            found
                .iter()
                .zip(&expected)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
        assert_eq!(found.len(), expected.len());
    }
}

#[test]
fn slopes_stand_behind_the_features_or_are_channels() {
    let mel = spectrogram();
    let features = |as_channels| {
        let deltas = Step::Deltas {
            reach: 2,
            derivatives: 2,
            as_channels,
        };
        read(
            &seed("stereo.flac"),
            with_steps(vec![Step::Mel(mel.clone()), deltas]),
        )
        .unwrap()
    };
    let (levels_layout, levels) = read(
        &seed("stereo.flac"),
        with_steps(vec![Step::Mel(mel.clone())]),
    )
    .unwrap();
    let &[2, num_frames, 20] = levels_layout.shape.as_slice() else {
        panic!("{levels_layout}");
    };
    let mut expected = vec![levels];
    for number in 0..2 {
        let mut slopes = vec![0.0; 2 * num_frames * 20];
        let channels = expected[number].chunks_exact(num_frames * 20);
        for (channel, out) in channels.zip(slopes.chunks_exact_mut(num_frames * 20)) {
            cepstrum::deltas(channel, 20, 2, out).unwrap();
        }
        expected.push(slopes);
    }

    let (as_channels, channels) = features(true);
    let (as_features, behind) = features(false);

    assert_eq!(as_channels.shape, [6, num_frames, 20]);
    assert_eq!(channels, expected.concat());
    assert_eq!(as_features.shape, [2, num_frames, 60]);
    for (row, place) in behind.chunks_exact(60).enumerate() {
        for (part, values) in expected.iter().zip(place.chunks_exact(20)) {
            assert_eq!(&part[row * 20..][..20], values);
        }
    }
}

#[test]
fn what_a_step_does_not_take_is_left_to_others() {
    let short = AudioOptions {
        span: Span::Frames {
            first: 0,
            count: Some(50),
        },
        ..with_steps(vec![Step::MixDown, Step::Mel(spectrogram())])
    };
    let twice = with_steps(vec![Step::Mel(spectrogram()), Step::Mel(spectrogram())]);
    for options in [short, twice] {
        let error = read(&seed("stereo.flac"), options).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
}
