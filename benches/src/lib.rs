//! Nothing here: the benchmarks are `signing.rs`, `loopback.rs`, `blocking.rs`, `decode.rs`, `bill.rs` and `sandbox.rs`, run by `cargo bench -p weipay-benches`.
//! `peers/` is a separate workspace, run by `cargo run --release` there.
