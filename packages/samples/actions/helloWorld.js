// What is printed is in the activation's logs.
function main({ payload }) {
  console.log('hello', payload === undefined ? 'stranger' : payload);
  return {};
}
