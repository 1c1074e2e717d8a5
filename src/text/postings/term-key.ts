// Seven bits a unit keep every unit within ASCII.
const UNIT_BITS = 7;
const UNITS = 5;

/** The term of a dimension of sparse vectors, a number of 32 bits: such terms are ordered as their dimensions are. */
export function dimensionTerm(dimension: number): string {
  let term = '';
  for (let unit = UNITS - 1; unit >= 0; unit -= 1) {
    // The highest unit has four bits.
    term += String.fromCharCode(Math.floor(dimension / 2 ** (unit * UNIT_BITS)) % 2 ** UNIT_BITS);
  }
  return term;
}
