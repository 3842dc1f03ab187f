//! Plans that a thread keeps: files that are decoded one by one have them in common.

use std::sync::Arc;

/// Plans of one kind that are kept.
const NUM_KEPT: usize = 8;

/// The plans that were asked for last.
pub(crate) struct Kept<P>(Vec<Arc<P>>);

impl<P> Kept<P> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// A plan that fits, made if there is none.
    pub(crate) fn get<E>(
        &mut self,
        fits: impl Fn(&P) -> bool,
        make: impl FnOnce() -> Result<P, E>,
    ) -> Result<Arc<P>, E> {
        let plan = match self.0.iter().position(|plan| fits(plan)) {
            Some(at) => self.0.remove(at),
            None => Arc::new(make()?),
        };
        self.0.truncate(NUM_KEPT - 1);
        self.0.insert(0, Arc::clone(&plan));
        Ok(plan)
    }
}
