//! One loop, compiled for the vector instructions of this processor too.

/// Call a function that is `inline(always)` with AVX2 switched on where the processor has it.
///
/// Rust never fuses a product and a sum by itself, and our loops add in an order of their own, so
/// both versions give the same bits.
macro_rules! with_widest_vectors {
    ($function:ident, ($($name:ident: $type:ty),* $(,)?)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            unsafe fn with_avx2($($name: $type),*) {
                $function($($name),*);
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has the instructions that the function is compiled for.
                return unsafe { with_avx2($($name),*) };
            }
        }
        $function($($name),*);
    }};
}

pub(crate) use with_widest_vectors;
