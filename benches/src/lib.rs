//! Nothing here: the benchmarks are `signing.rs`, `loopback.rs`, `blocking.rs` and `decode.rs`, run by `cargo bench -p weipay-benches`.
