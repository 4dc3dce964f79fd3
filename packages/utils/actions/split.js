// Lines from a text; the text goes along.
function main({ payload = '', separator = /\r?\n/ }) {
  const text = String(payload);
  return { lines: text.split(separator), payload: text };
}
