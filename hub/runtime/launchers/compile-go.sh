# Compiles a Go action whose files are in this folder: $OUT takes the program, $BASE has what is compiled already.
set -eu
case $MAIN in *[!A-Za-z0-9_]* | [0-9]* | '') echo "'$MAIN' is not the name of a function." >&2 && exit 1 ;; esac
name=$(printf '%s' "$MAIN" | sed 's/^./\U&/')
sed "s/\\bMain\\b/$name/" "$LAUNCHERS/loop.go" > whisk_loop.go
[ -f go.mod ] || printf 'module exec\n\ngo %s\n' "$VERSION" > go.mod
export GOCACHE="$BASE/cache" GOPATH="$HOME/go" GOPROXY=off GOTOOLCHAIN=local GOFLAGS=-buildvcs=false CGO_ENABLED=0
exec "$PROGRAM" build -trimpath -ldflags '-s -w' -o "$OUT/exec" .
