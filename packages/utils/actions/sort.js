// Sorted as text, as JavaScript does it: 10 comes before 9.
function main({ lines = [] }) {
  const sorted = [...lines].sort();
  return { lines: sorted, length: sorted.length };
}
