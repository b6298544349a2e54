# Developer commands. Each line can be typed as well.

# What there is.
default:
    @just --list

# The tests.
test:
    cargo test --workspace

# What to run before a commit.
check:
    cargo fmt --all --check
    cargo run -q -p weipay-catalog --features lint --bin catalog-lint
    cargo run -q -p weipay-codegen -- --check
    .ci/generated-marks
    cargo clippy --workspace --all-targets -- -D warnings

# Write what is generated anew: the SDK's types, its features and their page.
generate:
    cargo run -q -p weipay-codegen

# Licences, sources and duplicates of dependencies. Needs cargo-deny.
deny:
    cargo deny --locked check bans licenses sources

# Each feature alone. Needs cargo-hack.
features:
    cargo hack check -q -p weipay --each-feature --features blocking --exclude-all-features
    cargo hack check -q -p weipay-rules -p weipay-wire -p weipay-catalog -p weipay-sandbox -p weipay-cli --each-feature

# Package the crates, and build the command from its package.
packages:
    .ci/packages

# The documentation as docs.rs shows it, without the marks of features. Opens a browser.
doc:
    cargo doc -p weipay --no-deps --features full,deserialize --open

# Other people's SDKs against the sandbox.
foreign:
    foreign/run

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
