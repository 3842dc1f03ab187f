//! Copies of a batch that is too large to be found in a cache afterwards.

/// Batches of fewer bytes are written through the cache, where a model finds them.
const PAST_CACHE_BYTES: usize = 16 << 20;

/// Shorter pieces are over before the memory has been told not to fetch what is overwritten.
const PIECE_BYTES: usize = 4 << 10;

/// Copy equally long slices that belong to an output of `total_bytes`.
pub(crate) fn copy(source: &[u8], out: &mut [u8], total_bytes: usize) {
    if total_bytes >= PAST_CACHE_BYTES && source.len() >= PIECE_BYTES {
        past_cache(source, out);
    } else {
        out.copy_from_slice(source);
    }
}

/// Copy without reading the lines of `out` into the cache first, which saves a third of the traffic.
#[cfg(target_arch = "x86_64")]
fn past_cache(source: &[u8], out: &mut [u8]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};

    const LANE: usize = size_of::<__m128i>();
    const LINE: usize = 4 * LANE;

    let start = out.as_ptr().align_offset(LINE).min(out.len());
    let (source_head, source) = source.split_at(start);
    let (head, out) = out.split_at_mut(start);
    head.copy_from_slice(source_head);
    let mut lines = out.chunks_exact_mut(LINE);
    let source_lines = source.chunks_exact(LINE);
    let source_tail = source_lines.remainder();
    for (line, source) in lines.by_ref().zip(source_lines) {
        let source = source.as_ptr().cast::<__m128i>();
        let line = line.as_mut_ptr().cast::<__m128i>();
        // SAFETY: SSE2 is a part of x86_64. Source and line are `LINE` bytes long, which is four
        // lanes; loads need no alignment, and `start` was chosen so that lines are aligned.
        unsafe {
            let a = _mm_loadu_si128(source);
            let b = _mm_loadu_si128(source.add(1));
            let c = _mm_loadu_si128(source.add(2));
            let d = _mm_loadu_si128(source.add(3));
            _mm_stream_si128(line, a);
            _mm_stream_si128(line.add(1), b);
            _mm_stream_si128(line.add(2), c);
            _mm_stream_si128(line.add(3), d);
        }
    }
    // SAFETY: SSE2 is a part of x86_64. Other threads see the streamed lines after this fence, as
    // they would see plain stores.
    unsafe { _mm_sfence() };
    lines.into_remainder().copy_from_slice(source_tail);
}

#[cfg(not(target_arch = "x86_64"))]
fn past_cache(source: &[u8], out: &mut [u8]) {
    out.copy_from_slice(source);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_past_the_cache_are_complete_wherever_they_begin_and_end() {
        let source: Vec<u8> = (0..1024_u32).map(|byte| (byte * 31) as u8).collect();
        for (start, source_start) in (0..70).zip((0..70).rev()) {
            for len in [0, 1, 63, 64, 65, 200, 511, 900] {
                let mut out = vec![0; 1024];
                let source = &source[source_start..source_start + len];
                past_cache(source, &mut out[start..start + len]);
                assert_eq!(&out[start..start + len], source);
                let outside = out[..start].iter().chain(&out[start + len..]);
                assert!(outside.copied().all(|byte| byte == 0));
            }
        }
    }
}
