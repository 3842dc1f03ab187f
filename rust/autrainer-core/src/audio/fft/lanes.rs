//! Numbers of several frames side by side, and what is done with them.
//!
//! Real and imaginary parts have loops of their own, which become one vector instruction each.

use crate::audio::vectors::Vectors;

/// Frames that are transformed at once.
pub const LANES: usize = 4;

/// A number of each frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(align(32))]
pub struct Lane(pub [f64; LANES]);

/// A complex number of each frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Complex {
    /// Real parts.
    pub re: Lane,
    /// Imaginary parts.
    pub im: Lane,
}

/// One complex number for all frames.
pub(super) type Factor = (f64, f64);

/// One operation on both numbers of each frame. The compiler makes vectors of two of some of these by
/// itself, which takes a third longer.
macro_rules! operation {
    ($name:ident, $operator:tt, $intrinsic:ident) => {
        #[inline(always)]
        pub(crate) fn $name<V: Vectors>(mut a: Lane, b: Lane) -> Lane {
            #[cfg(target_arch = "x86_64")]
            if V::IS_AVX2 {
                use std::arch::x86_64::{__m256d, $intrinsic};
                use std::mem::transmute;
                // SAFETY: the processor has AVX2, as `Vectors` tells; both types are four float64.
                return unsafe {
                    let (a, b) = (transmute::<Lane, __m256d>(a), transmute::<Lane, __m256d>(b));
                    transmute::<__m256d, Lane>($intrinsic(a, b))
                };
            }
            for lane in 0..LANES {
                a.0[lane] $operator b.0[lane];
            }
            a
        }
    };
}

operation!(plus, +=, _mm256_add_pd);
operation!(minus, -=, _mm256_sub_pd);
operation!(product, *=, _mm256_mul_pd);

/// Each number times one for all.
#[inline(always)]
pub(crate) fn times<V: Vectors>(a: Lane, factor: f64) -> Lane {
    product::<V>(a, Lane([factor; LANES]))
}

#[inline(always)]
pub(super) fn norm<V: Vectors>(a: Complex) -> Lane {
    plus::<V>(product::<V>(a.re, a.re), product::<V>(a.im, a.im))
}

#[inline(always)]
pub(super) fn add<V: Vectors>(a: Complex, b: Complex) -> Complex {
    Complex {
        re: plus::<V>(a.re, b.re),
        im: plus::<V>(a.im, b.im),
    }
}

#[inline(always)]
pub(super) fn sub<V: Vectors>(a: Complex, b: Complex) -> Complex {
    Complex {
        re: minus::<V>(a.re, b.re),
        im: minus::<V>(a.im, b.im),
    }
}

#[inline(always)]
pub(super) fn mul<V: Vectors>(a: Complex, (re, im): Factor) -> Complex {
    Complex {
        re: minus::<V>(times::<V>(a.re, re), times::<V>(a.im, im)),
        im: plus::<V>(times::<V>(a.re, im), times::<V>(a.im, re)),
    }
}

/// Four samples of each frame from `at` on: the first ones, the second ones, and so on.
///
/// Without closures: those of arrays are not compiled for the vectors of whoever calls this.
#[inline(always)]
pub(crate) fn columns<V: Vectors>(frames: &[&[f32]; LANES], at: usize) -> [Lane; 4] {
    let mut rows = [[0.0_f32; 4]; LANES];
    for (row, frame) in rows.iter_mut().zip(frames) {
        row.copy_from_slice(&frame[at..at + 4]);
    }
    #[cfg(target_arch = "x86_64")]
    if V::IS_AVX2 {
        use std::arch::x86_64::{
            __m128, __m256d, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
            _mm256_cvtps_pd,
        };
        use std::mem::transmute;
        // SAFETY: the processor has AVX2, as `Vectors` tells; types are four numbers each.
        return unsafe {
            let [a, b, c, d] = transmute::<[[f32; 4]; 4], [__m128; 4]>(rows);
            let (low, high) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
            let (third, fourth) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
            transmute::<[__m256d; 4], [Lane; 4]>([
                _mm256_cvtps_pd(_mm_movelh_ps(low, high)),
                _mm256_cvtps_pd(_mm_movehl_ps(high, low)),
                _mm256_cvtps_pd(_mm_movelh_ps(third, fourth)),
                _mm256_cvtps_pd(_mm_movehl_ps(fourth, third)),
            ])
        };
    }
    let mut columns = [Lane::default(); 4];
    for (lane, row) in rows.iter().enumerate() {
        for (column, &sample) in columns.iter_mut().zip(row) {
            column.0[lane] = f64::from(sample);
        }
    }
    columns
}
