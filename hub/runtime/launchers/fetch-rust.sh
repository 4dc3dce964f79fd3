# Fetches the crates that Rust actions use into this folder.
set -eu
mkdir src
echo 'fn main() {}' > src/main.rs
cat > Cargo.toml <<END
[package]
name = "base"
version = "0.1.0"
edition = "2021"

[dependencies]
serde = { version = "1", features = ["derive"] }
serde_json = "1"

[profile.release]
opt-level = 2
END
mkdir .cargo
RUSTC="$PROGRAM" "$CARGO" vendor > .cargo/config.toml
