// The same, answered a moment later.
function main({ payload = '' }) {
  return new Promise((resolve) => {
    setTimeout(() => {
      const words = String(payload).trim();
      resolve({ count: words === '' ? 0 : words.split(/\s+/).length });
    }, 10);
  });
}
