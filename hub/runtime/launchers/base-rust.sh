# Compiles the crates in this folder, once for each version of the compiler: $OUT takes them.
set -eu
export CARGO_HOME="$HOME/cargo" RUSTC="$PROGRAM" CARGO_TARGET_DIR="$HOME/target" CARGO_NET_OFFLINE=true
"$CARGO" build --release --quiet
mkdir "$OUT/deps"
cp "$HOME"/target/release/deps/*.rlib "$HOME"/target/release/deps/*.so "$OUT/deps/"
