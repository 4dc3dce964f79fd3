# Compiles a Rust action whose files are in this folder: $OUT takes the program, $BASE has the crates.
set -eu
case $MAIN in *[!A-Za-z0-9_]* | [0-9]* | '') echo "'$MAIN' is not the name of a function." >&2 && exit 1 ;; esac
entry=$ENTRY
[ ! -f src/lib.rs ] || entry=src/lib.rs
crates="-L dependency=$BASE/deps"
for name in serde serde_json; do crates="$crates --extern $name=$(echo "$BASE"/deps/lib"$name"-*.rlib)"; done
crates="$crates --extern serde_derive=$(echo "$BASE"/deps/libserde_derive-*.so)"
rust() { "$PROGRAM" --edition 2021 --cap-lints allow -C opt-level=2 $crates "$@"; }
rust --crate-type rlib --crate-name actions -o "$HOME/libactions.rlib" "$entry"
sed "s/actions::main(/actions::$MAIN(/" "$LAUNCHERS/loop.rs" > "$HOME/loop.rs"
rust --crate-name exec --extern "actions=$HOME/libactions.rlib" -C "linker=$CC" -C strip=symbols -o "$OUT/exec" "$HOME/loop.rs"
