# Compiles what Go actions use of the standard library, once for each version of the compiler: $OUT takes the cache.
set -eu
mkdir "$HOME/base"
cd "$HOME/base"
{
  echo 'package main'
  for name in bytes context crypto/hmac crypto/sha256 encoding/base64 encoding/csv encoding/hex encoding/xml errors html/template io \
    math math/rand net/http net/url os path regexp sort strconv sync text/template time unicode/utf8; do
    echo "import _ \"$name\""
  done
  echo 'func Main(args map[string]interface{}) map[string]interface{} { return args }'
} > exec.go
cp "$LAUNCHERS/loop.go" loop.go
printf 'module exec\n\ngo %s\n' "$VERSION" > go.mod
export GOCACHE="$OUT/cache" GOPATH="$HOME/go" GOPROXY=off GOTOOLCHAIN=local GOFLAGS=-buildvcs=false CGO_ENABLED=0
exec "$PROGRAM" build -trimpath -ldflags '-s -w' -o "$HOME/exec" .
