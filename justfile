# Developer commands. You can also type each line.

# List the commands.
default:
    @just --list

# Run the tests.
test:
    cargo test --workspace

# Run the checks that must pass before a commit.
check:
    cargo fmt --all --check
    cargo run -q -p weipay-catalog --features lint --bin catalog-lint
    cargo run -q -p weipay-codegen -- --check
    .ci/generated-marks
    cargo clippy --workspace --all-targets -- -D warnings

# Generate the SDK's types, its features, and the page about features.
generate:
    cargo run -q -p weipay-codegen

# Check licences, sources and duplicates of dependencies. Needs cargo-deny.
deny:
    cargo deny --locked check bans licenses sources

# Check each feature alone. Needs cargo-hack.
features:
    cargo hack check -q -p weipay --each-feature --features blocking --exclude-all-features
    cargo hack check -q -p weipay-rules -p weipay-wire -p weipay-catalog -p weipay-sandbox -p weipay-cli --each-feature

# Package the crates, check their tests, and build the command from its package.
packages:
    .ci/packages

# Open the documentation as on docs.rs, but without the marks of features.
doc:
    cargo doc -p weipay --no-deps --features "$(.ci/documented-features)" --open

# Run other people's SDKs with the sandbox.
foreign:
    foreign/run

# Run everything that CI runs.
ci:
    .ci/run

# Measure speed, as ratios within one run.
bench:
    cargo bench -p weipay-benches

# Compare the CPU time of a call with the clients of others, in one run.
bench-peers:
    cd benches/peers && cargo run --release

# Fuzz what strangers send: every target for so many seconds. Needs a nightly compiler and cargo-fuzz.
fuzz seconds="60":
    fuzz/run {{seconds}}

# Measure the time to compile the typed operations.
compile-cost:
    benches/compile-cost

# Run a sandbox on 127.0.0.1:8880, with its state in .weipay.
sandbox:
    cargo run --release -- sandbox --data .weipay
