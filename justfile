# Developer commands. You can also type each line.

# List the commands.
default:
    @just --list

# Run the tests.
test:
    cargo test --workspace

# Run every example of the SDK. Most start a sandbox; none needs an account.
examples:
    .ci/examples --workspace

# Write the snapshots of what is printed and exported again. Read the diff afterwards.
snapshots:
    INSTA_UPDATE=always cargo test --workspace

# Run the models of the sandbox's products with so many random steps.
models steps="1000":
    WEIPAY_MODEL_STEPS={{steps}} cargo test -p weipay-sandbox --lib model

# Run the tests that need PostgreSQL, with a server of their own. Needs its Debian package.
postgres:
    .ci/with-postgres cargo test -q --workspace --test receivers
    .ci/with-postgres cargo test -q --workspace --lib store::

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

# Compare the catalogue with the models of the official SDKs, and record the differences.
official-models:
    foreign/models/run --write

# Run everything that CI runs.
ci:
    .ci/run

# Measure speed, as ratios within one run.
bench:
    cargo bench -p weipay-benches

# Measure how long the catalogue takes to load, and its memory.
loading:
    cargo run --release -p weipay-catalog --example loading

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
