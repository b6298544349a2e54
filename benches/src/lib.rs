//! What the benchmarks share. They are the files beside this folder, run by `cargo bench -p weipay-benches`. `peers/` is a
//! separate workspace, run by `cargo run --release` there.

/// The median of what was measured; not a number if nothing was.
#[must_use]
pub fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured.get(measured.len() / 2).copied().unwrap_or(f64::NAN)
}
