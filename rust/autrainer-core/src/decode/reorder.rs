//! Order of bytes within a number, and of elements within an array.

/// Side of the squares in which a matrix is turned: the lines of two of them fit into the cache.
const TILE: usize = 16;

/// Turn the bytes of every number of `size` bytes around.
pub(crate) fn swap_bytes(size: usize, bytes: &mut [u8]) {
    match size {
        2 => swap::<2>(bytes),
        4 => swap::<4>(bytes),
        8 => swap::<8>(bytes),
        _ => {}
    }
}

fn swap<const SIZE: usize>(bytes: &mut [u8]) {
    for number in bytes.chunks_exact_mut(SIZE) {
        let mut turned = [0; SIZE];
        turned.copy_from_slice(number);
        turned.reverse();
        number.copy_from_slice(&turned);
    }
}

/// Copy an array whose first axis varies fastest into one whose last axis does.
///
/// `source` and `out` hold all elements of `shape`, of `size` bytes each.
pub(crate) fn from_fortran(size: usize, shape: &[usize], source: &[u8], out: &mut [u8]) {
    debug_assert_eq!(source.len(), out.len());
    // Axes of one element have no order.
    let axes: Vec<usize> = shape.iter().copied().filter(|size| *size != 1).collect();
    match (axes.as_slice(), size) {
        ([] | [_], _) => out.copy_from_slice(source),
        (_, 1) => transpose::<1>(&axes, source, out),
        (_, 2) => transpose::<2>(&axes, source, out),
        (_, 4) => transpose::<4>(&axes, source, out),
        (_, 8) => transpose::<8>(&axes, source, out),
        _ => transpose::<16>(&axes, source, out),
    }
}

/// Whether the order of the axes makes no difference.
pub(crate) fn is_one_line(shape: &[usize]) -> bool {
    shape.contains(&0) || shape.iter().filter(|size| **size != 1).count() <= 1
}

/// For every place on the axes in between, the matrix of the first and the last axis is turned.
fn transpose<const SIZE: usize>(axes: &[usize], source: &[u8], out: &mut [u8]) {
    let [rows, between @ .., columns] = axes else {
        return;
    };
    let per_row: usize = between.iter().product::<usize>() * columns;
    let per_column: usize = between.iter().product::<usize>() * rows;
    for place in 0..between.iter().product() {
        let (from, to) = offsets(place, *rows, between, *columns);
        for top in (0..*rows).step_by(TILE) {
            for left in (0..*columns).step_by(TILE) {
                let width = TILE.min(columns - left);
                for row in top..(top + TILE).min(*rows) {
                    let start = (to + row * per_row + left) * SIZE;
                    let line = out[start..start + width * SIZE].chunks_exact_mut(SIZE);
                    for (column, element) in line.enumerate() {
                        let from = (from + row + (left + column) * per_column) * SIZE;
                        element.copy_from_slice(&source[from..from + SIZE]);
                    }
                }
            }
        }
    }
}

/// Elements before a place on the axes in between, in the order of Fortran and in that of C.
fn offsets(place: usize, rows: usize, between: &[usize], columns: usize) -> (usize, usize) {
    let (mut from, mut to, mut rest) = (0, 0, place);
    let mut stride = rows;
    // The first of these axes varies fastest in the source: the place is counted that way.
    for (axis, size) in between.iter().enumerate() {
        let index = rest % size;
        rest /= size;
        from += index * stride;
        stride *= size;
        to += index * between[axis + 1..].iter().product::<usize>() * columns;
    }
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LARGEST: usize = if cfg!(miri) { 5 } else { 20 };

    /// Position of an element in the order of Fortran, by definition.
    fn fortran(index: &[usize], shape: &[usize]) -> usize {
        (0..shape.len())
            .rev()
            .fold(0, |sum, k| sum * shape[k] + index[k])
    }

    proptest! {
        // Miri takes a thousand times as long.
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

        #[test]
        fn every_element_goes_where_its_index_says(
            shape in proptest::collection::vec(0_usize..LARGEST, 0..5), exponent in 0_u32..5
        ) {
            let size = 2_usize.pow(exponent);
            let count: usize = shape.iter().product();
            prop_assume!(count <= 20_000);
            let element = |number: usize| {
                let mut bytes = vec![0; size];
                for (byte, value) in bytes.iter_mut().zip(number.to_le_bytes()) {
                    *byte = value;
                }
                bytes
            };
            let source: Vec<u8> = (0..count).flat_map(element).collect();
            let mut out = vec![0; source.len()];
            from_fortran(size, &shape, &source, &mut out);
            for (position, found) in out.chunks_exact(size).enumerate() {
                let mut rest = position;
                let mut index = vec![0; shape.len()];
                for axis in (0..shape.len()).rev() {
                    index[axis] = rest % shape[axis];
                    rest /= shape[axis];
                }
                prop_assert_eq!(found, element(fortran(&index, &shape)));
            }
        }

        #[test]
        fn bytes_swapped_twice_are_as_before(bytes: Vec<u8>, exponent in 0_u32..4) {
            let mut swapped = bytes.clone();
            swap_bytes(2_usize.pow(exponent), &mut swapped);
            swap_bytes(2_usize.pow(exponent), &mut swapped);
            prop_assert_eq!(swapped, bytes);
        }
    }

    #[test]
    fn numbers_are_turned_one_by_one() {
        let mut bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        swap_bytes(4, &mut bytes);
        assert_eq!(bytes, [4, 3, 2, 1, 8, 7, 6, 5]);
    }
}
