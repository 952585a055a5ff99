//! Loops compiled once for each kind of processor; the widest vectors that this one has are used.

use fearless_simd::{Level, Simd, dispatch};

/// Runs a loop. Sums keep the order in which they are written and nothing is fused, so that results are the same on
/// every processor. The closure must be `#[inline(always)]`, and short loops are not worth the call.
#[inline(always)]
pub(crate) fn in_lanes<R>(body: impl FnOnce() -> R) -> R {
    dispatch!(Level::new(), simd => run(simd, body))
}

#[inline(always)]
fn run<S: Simd, R>(_: S, body: impl FnOnce() -> R) -> R {
    body()
}
