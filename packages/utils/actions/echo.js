// Everything that came in goes out.
function main(params) {
  return params;
}
