// The caller's namespace, not the one in which this action lives.
function main() {
  return { namespace: process.env.__OW_NAMESPACE };
}
