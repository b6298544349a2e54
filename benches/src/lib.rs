//! Nothing here: the benchmarks are `signing.rs` and `loopback.rs`, run by `cargo bench -p weipay-benches`.
