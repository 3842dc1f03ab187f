//! Numbers of several frames side by side, and what is done with them.
//!
//! Real and imaginary parts have loops of their own, which become one vector instruction each.

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

#[inline(always)]
pub(super) fn norm(a: Complex) -> Lane {
    let mut out = Lane::default();
    for lane in 0..LANES {
        out.0[lane] = a.re.0[lane] * a.re.0[lane] + a.im.0[lane] * a.im.0[lane];
    }
    out
}

#[inline(always)]
pub(super) fn add(mut a: Complex, b: Complex) -> Complex {
    for lane in 0..LANES {
        a.re.0[lane] += b.re.0[lane];
    }
    for lane in 0..LANES {
        a.im.0[lane] += b.im.0[lane];
    }
    a
}

#[inline(always)]
pub(super) fn sub(mut a: Complex, b: Complex) -> Complex {
    for lane in 0..LANES {
        a.re.0[lane] -= b.re.0[lane];
    }
    for lane in 0..LANES {
        a.im.0[lane] -= b.im.0[lane];
    }
    a
}

#[inline(always)]
pub(super) fn mul(a: Complex, (re, im): Factor) -> Complex {
    let mut out = a;
    for lane in 0..LANES {
        out.re.0[lane] = a.re.0[lane] * re - a.im.0[lane] * im;
    }
    for lane in 0..LANES {
        out.im.0[lane] = a.re.0[lane] * im + a.im.0[lane] * re;
    }
    out
}

#[inline(always)]
pub(crate) fn plus(mut a: Lane, b: Lane) -> Lane {
    for lane in 0..LANES {
        a.0[lane] += b.0[lane];
    }
    a
}

#[inline(always)]
pub(crate) fn minus(mut a: Lane, b: Lane) -> Lane {
    for lane in 0..LANES {
        a.0[lane] -= b.0[lane];
    }
    a
}

#[inline(always)]
pub(crate) fn times(mut a: Lane, factor: f64) -> Lane {
    for lane in 0..LANES {
        a.0[lane] *= factor;
    }
    a
}
