// One text from many lines; the lines go along, so that a sequence can use both.
function main({ lines = [] }) {
  return { lines, payload: lines.join('\n') };
}
