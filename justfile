# Developer commands. Each is one line that can be typed as well.

# What there is.
default:
    @just --list

# The tests.
test:
    cargo test --workspace

# Format, lint and regenerate: what to run before a commit.
check:
    cargo fmt --all --check
    cargo run -q -p weipay-catalog --features lint --bin catalog-lint
    cargo run -q -p weipay-codegen -- --check
    cargo clippy --workspace --all-targets -- -D warnings

# Write the SDK's types anew from the catalogue.
generate:
    cargo run -q -p weipay-codegen

# Everything that CI runs.
ci:
    .ci/run

# Ratios of speed, each within one run.
bench:
    cargo bench -p weipay-benches

# What the typed operations cost to compile.
compile-cost:
    benches/compile-cost

# A sandbox on 127.0.0.1:8880, with its state in .weipay.
sandbox:
    cargo run --release -- sandbox --data .weipay
