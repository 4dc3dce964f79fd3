# Compiles a Java action whose files, sources or the classes of a jar, are in this folder: $OUT takes the classes.
set -eu
class=${MAIN%%#*}
if [ "$ENTRY" = exec.java ] && [ -f exec.java ]; then mv exec.java "${class##*.}.java"; fi
cp -r . "$OUT"
find . -name '*.java' > "$HOME/sources"
exec "$JAVAC" -J-Xmx192m -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 -encoding UTF-8 -nowarn -proc:none -cp "$GSON:$OUT" -d "$OUT" "$LAUNCHERS/Loop.java" "@$HOME/sources"
