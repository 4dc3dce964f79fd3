// A default for whatever is not told.
function main({ name = 'stranger', place = 'somewhere' }) {
  return { payload: `Hello, ${name} from ${place}!` };
}
