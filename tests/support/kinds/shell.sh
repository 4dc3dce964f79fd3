args=$(cat)
field() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" <<< "$args"; }
case "$args" in
  *'"do":"hello"'*) echo "{\"greeting\": \"Hello $(field name)\"}" ;;
  *'"do":"error"'*) echo '{"error": "no", "more": 1}' ;;
  *'"do":"fail"'*) echo '{"error": "boom"}' ;;
  *'"do":"array"'*) echo '[1, 2]' ;;
  *'"do":"text"'*) echo text ;;
  *'"do":"exit"'*) exit 3 ;;
  *'"do":"sleep"'*) sleep 30 ;;
  *'"do":"logs"'*) printf 'one\ntwo\n'; echo three >&2; echo four; echo '{}' ;;
  *'"do":"env"'*) printf '{"%s": "%s", "%s": "%s", "%s": "%s"}\n' __OW_NAMESPACE "$__OW_NAMESPACE" __OW_ACTION_NAME "$__OW_ACTION_NAME" TOKEN "$TOKEN" ;;
  *'"do":"say"'*) field text; printf '%s\n' "$args" ;;
  *) printf '%s\n' "$args" ;;
esac
