// Words are what blanks separate.
function main({ payload = '' }) {
  const words = String(payload).trim();
  return { count: words === '' ? 0 : words.split(/\s+/).length };
}
