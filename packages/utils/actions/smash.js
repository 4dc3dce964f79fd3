// All arguments under one name, for an action that wants a single object.
function main(params) {
  const { $fieldName: name, ...others } = params;
  if (typeof name !== 'string' || name === '') {
    throw new Error("Expected an argument '$fieldName' of type 'string'.");
  }
  return { [name]: others };
}
