//! One loop, compiled for the vector instructions of this processor too.

/// Which instructions a loop may be written in; what they compute is the same.
pub(crate) trait Vectors: Copy {
    /// Whether the loop is compiled with AVX2 switched on, and the processor has it.
    const IS_AVX2: bool;
}

/// Those that the compiler finds.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Vectors for Portable {
    const IS_AVX2: bool = false;
}

/// Those of AVX2; named by [`with_vectors`] alone, which asks the processor.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Vectors for Avx2 {
    const IS_AVX2: bool = true;
}

/// Call a function that is `inline(always)` and generic in [`Vectors`], with AVX2 where there is.
macro_rules! with_vectors {
    ($function:ident, ($($name:ident: $type:ty),* $(,)?)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            unsafe fn with_avx2($($name: $type),*) {
                $function::<$crate::audio::vectors::Avx2>($($name),*);
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has the instructions that the function is compiled for.
                return unsafe { with_avx2($($name),*) };
            }
        }
        $function::<$crate::audio::vectors::Portable>($($name),*);
    }};
}

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

pub(crate) use {with_vectors, with_widest_vectors};
