//! Search for numbers that are infinite or not a number, at the speed of memory.

use super::dtype::DType;

/// Bytes that are looked at in one go, small enough to stay in the first cache for a second look.
const BLOCK_BYTES: usize = 4096;

/// Index of the first element that is infinite or not a number; a complex one if either part is.
///
/// `None` too for integers, which are always finite. Bytes after the last whole element are not
/// looked at.
pub fn first_nonfinite(dtype: DType, bytes: &[u8]) -> Option<usize> {
    let number = match dtype {
        DType::F16 => search::<2>(bytes, any_nonfinite_16),
        DType::F32 | DType::C64 => search::<4>(bytes, any_nonfinite_32),
        DType::F64 | DType::C128 => search::<8>(bytes, any_nonfinite_64),
        _ => None,
    };
    number.map(|number| number * dtype.number_size() / dtype.size())
}

fn search<const SIZE: usize>(bytes: &[u8], any_nonfinite: fn(&[u8]) -> bool) -> Option<usize> {
    let mut start = 0;
    for block in bytes.chunks(BLOCK_BYTES) {
        if any_nonfinite(block) {
            return block
                .chunks_exact(SIZE)
                .position(any_nonfinite)
                .map(|position| start + position);
        }
        start += block.len() / SIZE;
    }
    None
}

/// The exponent of a number that is not finite is all ones: adding its lowest bit carries into the
/// sign, which was masked away. Additions and ors are what every machine does many at a time.
macro_rules! any_nonfinite {
    ($name:ident, $bits:ty, $exponent:expr) => {
        fn $name(bytes: &[u8]) -> bool {
            const EXPONENT: $bits = $exponent;
            const LOWEST: $bits = EXPONENT & EXPONENT.wrapping_neg();
            let mut carries: $bits = 0;
            for number in bytes.chunks_exact(size_of::<$bits>()) {
                let mut bits = [0; size_of::<$bits>()];
                bits.copy_from_slice(number);
                carries |= (<$bits>::from_ne_bytes(bits) & EXPONENT) + LOWEST;
            }
            carries > EXPONENT
        }
    };
}

any_nonfinite!(any_nonfinite_16, u16, 0x7c00);
any_nonfinite!(any_nonfinite_32, u32, 0x7f80_0000);
any_nonfinite!(any_nonfinite_64, u64, 0x7ff0_0000_0000_0000);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(values: &[f32]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_ne_bytes())
            .collect()
    }

    proptest! {
        // Miri takes a thousand times as long.
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

        #[test]
        fn any_bits_are_judged_as_the_standard_library_does(bits: Vec<u32>, wide: Vec<u64>) {
            let values: Vec<f32> = bits.iter().copied().map(f32::from_bits).collect();
            let expected = values.iter().position(|value| !value.is_finite());
            prop_assert_eq!(first_nonfinite(DType::F32, &bytes(&values)), expected);
            let expected = wide.iter().position(|bits| !f64::from_bits(*bits).is_finite());
            let wide: Vec<u8> = wide.iter().flat_map(|bits| bits.to_ne_bytes()).collect();
            prop_assert_eq!(first_nonfinite(DType::F64, &wide), expected);
        }
    }

    #[test]
    fn one_of_many_is_found_wherever_it_is() {
        for position in [0, 1, 1023, 1024, 4999] {
            for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut values = vec![f32::MAX; 5000];
                values[position] = wrong;
                let found = first_nonfinite(DType::F32, &bytes(&values));
                assert_eq!(found, Some(position));
                let found = first_nonfinite(DType::C64, &bytes(&values));
                assert_eq!(found, Some(position / 2));
            }
        }
    }

    #[test]
    fn every_half_is_judged_by_its_exponent() {
        for bits in (0..=u16::MAX).step_by(if cfg!(miri) { 1021 } else { 1 }) {
            let expected = (bits & 0x7c00 == 0x7c00).then_some(0);
            assert_eq!(first_nonfinite(DType::F16, &bits.to_ne_bytes()), expected);
        }
    }

    #[test]
    fn integers_are_finite() {
        for dtype in DType::ALL.into_iter().filter(|dtype| !dtype.is_float()) {
            assert_eq!(first_nonfinite(dtype, &[0xff; 64]), None);
        }
    }
}
