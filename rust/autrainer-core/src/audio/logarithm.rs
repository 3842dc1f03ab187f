//! Logarithms of many numbers at once, the same on every processor and under every libm.

/// Natural logarithm of a positive number, within 2e-7 of it (and of one, near one).
///
/// Infinity and NaN stay as they are. The polynomial is that of Cephes `logf` (Stephen Moshier).
#[inline(always)]
#[must_use]
pub fn ln(x: f32) -> f32 {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    const ONE: u32 = 0x3f80_0000;
    // ln 2 in two parts: multiples of the first one are exact.
    const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    let shifted = x.to_bits().wrapping_add(ONE - SQRT_HALF);
    let exponent = (shifted >> 23) as i32 - 127;
    let mantissa = f32::from_bits((shifted & 0x007f_ffff) + SQRT_HALF);
    let f = mantissa - 1.0;
    let square = f * f;
    let mut sum = 7.037_683_6e-2_f32;
    for coefficient in [
        -0.115_146_1,
        0.116_769_984,
        -0.124_201_41,
        0.142_493_23,
        -0.166_680_58,
        0.200_007_15,
        -0.249_999_94,
        0.333_333_3,
    ] {
        sum = sum * f + coefficient;
    }
    let exponent = exponent as f32;
    let rest = sum * f * square - 0.5 * square + exponent * LN_2.1;
    let logarithm = f + rest + exponent * LN_2.0;
    if x < f32::INFINITY { logarithm } else { x }
}

/// The larger of a number and a floor; NaN stays NaN.
#[inline(always)]
#[must_use]
pub fn at_least(x: f32, floor: f32) -> f32 {
    if x < floor { floor } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_agree_with_those_of_the_system() {
        let mut x = 1e-37_f32;
        while x < 1e37 {
            let (found, exact) = (f64::from(ln(x)), f64::from(x).ln());
            assert!(
                (found - exact).abs() <= 2e-7 * exact.abs().max(1.0),
                "ln({x}) is {found}"
            );
            x *= 1.001_3;
        }
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn what_is_no_number_stays_none() {
        assert!(ln(f32::NAN).is_nan());
        assert_eq!(ln(f32::INFINITY), f32::INFINITY);
        assert!(at_least(f32::NAN, 1e-10).is_nan());
    }
}
