//! The filter between two rates as a function of time, and its taps.

use std::f64::consts::PI;

/// Zero crossings of the sinc on each side.
pub(super) const NUM_CROSSINGS: f64 = 6.0;

/// Share of the lower Nyquist frequency that is kept.
const ROLLOFF: f64 = 0.99;

/// The continuous filter, with times counted in periods.
pub(super) struct Kernel {
    pub(super) cutoff: f64,
    step: u32,
    num_phases: u32,
}

impl Kernel {
    pub(super) fn new(step: u32, num_phases: u32) -> Self {
        Self {
            cutoff: f64::from(step.min(num_phases)) * ROLLOFF,
            step,
            num_phases,
        }
    }

    /// Fill the row of a phase with its taps from the first that is not zero on; where that lies.
    pub(super) fn fill(&self, phase: u32, row: &mut [f32]) -> isize {
        let first = self.first(phase);
        let reach = width(self.step, self.num_phases) as isize;
        let columns = first..reach + self.step as isize;
        for (place, column) in row.iter_mut().zip(columns) {
            *place = self.tap(phase, column);
        }
        first
    }

    /// The first column within reach of a phase, not before the first one of torchaudio.
    fn first(&self, phase: u32) -> isize {
        let center = f64::from(phase) / f64::from(self.num_phases);
        let column = (center - NUM_CROSSINGS / self.cutoff) * f64::from(self.step);
        let reach = width(self.step, self.num_phases) as isize;
        (column.floor() as isize).max(-reach)
    }

    fn tap(&self, phase: u32, column: isize) -> f32 {
        // As torch divides integers: in float32.
        let center = f64::from(phase as f32 / self.num_phases as f32);
        let time = (column as f64 / f64::from(self.step) - center) * self.cutoff;
        let time = time.clamp(-NUM_CROSSINGS, NUM_CROSSINGS);
        let hann = (time * PI / NUM_CROSSINGS / 2.0).cos().powi(2);
        let angle = time * PI;
        let sinc = if angle == 0.0 {
            1.0
        } else {
            angle.sin() / angle
        };
        (sinc * hann * (self.cutoff / f64::from(self.step))) as f32
    }
}

pub(super) fn width(step: u32, num_phases: u32) -> usize {
    let cutoff = f64::from(step.min(num_phases)) * ROLLOFF;
    (NUM_CROSSINGS * f64::from(step) / cutoff).ceil() as usize
}

pub(super) fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}
