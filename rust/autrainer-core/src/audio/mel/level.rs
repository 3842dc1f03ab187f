//! What is made of the power in a band: decibels and other logarithms.

use std::f32::consts::LOG10_E;

use super::settings::check;
use crate::audio::logarithm::{at_least, ln};
use crate::error::Result;

/// Smallest floor of a logarithm: a normal number of float32.
const MIN_FLOOR: f64 = 1e-37;

/// What is made of the power in a band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// The power itself.
    Power,
    /// `10 log10(max(power, amin)) - 10 log10(max(reference, amin))`, not lower than `top_db` below
    /// the highest level of the whole result.
    Decibel {
        /// Power of 0 dB.
        reference: f64,
        /// Smallest power.
        amin: f64,
        /// Range, if it is limited.
        top_db: Option<f64>,
    },
    /// `ln(max(power, floor))`.
    NaturalLog {
        /// Smallest power.
        floor: f64,
    },
    /// `(max(log10(max(power, 1e-10)), highest - 8) + 4) / 4`: Whisper.
    Whisper,
}

impl Level {
    pub(super) fn check(&self) -> Result<()> {
        let is_floor = |floor: f64| (MIN_FLOOR..=1e37).contains(&floor);
        match *self {
            Self::Power | Self::Whisper => Ok(()),
            Self::NaturalLog { floor } => {
                check(is_floor(floor), "floor", floor, "from 1e-37 to 1e37")
            }
            Self::Decibel {
                reference,
                amin,
                top_db,
            } => {
                check(is_floor(amin), "amin", amin, "from 1e-37 to 1e37")?;
                check(reference.is_finite(), "ref", reference, "a finite number")?;
                let range = top_db.unwrap_or(0.0);
                check(
                    range >= 0.0,
                    "top_db",
                    range,
                    "a number of decibels from 0 on",
                )
            }
        }
    }
}

#[inline(always)]
pub(super) fn level(level: Level, powers: &mut [f32]) {
    match level {
        Level::Power => {}
        Level::NaturalLog { floor } => {
            let floor = floor as f32;
            powers
                .iter_mut()
                .for_each(|power| *power = ln(at_least(*power, floor)));
        }
        Level::Decibel {
            reference, amin, ..
        } => {
            let (floor, zero) = (amin as f32, decibel(amin.max(reference) as f32));
            powers
                .iter_mut()
                .for_each(|power| *power = decibel(at_least(*power, floor)) - zero);
        }
        Level::Whisper => {
            powers
                .iter_mut()
                .for_each(|power| *power = ln(at_least(*power, 1e-10)) * LOG10_E);
        }
    }
}

#[inline(always)]
fn decibel(power: f32) -> f32 {
    ln(power) * (10.0 * LOG10_E)
}

/// What needs the highest level of the whole result.
pub(super) fn limit_range(level: Level, levels: &mut [f32]) {
    match level {
        Level::Decibel {
            top_db: Some(range),
            ..
        } => {
            let floor = highest(levels) - range as f32;
            levels
                .iter_mut()
                .for_each(|level| *level = at_least(*level, floor));
        }
        Level::Whisper => {
            let floor = highest(levels) - 8.0;
            levels
                .iter_mut()
                .for_each(|level| *level = (at_least(*level, floor) + 4.0) / 4.0);
        }
        _ => {}
    }
}

fn highest(levels: &[f32]) -> f32 {
    levels.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}
