import type { RowSet } from './filter/row-set.ts';
import type { Row } from './vector-engine.ts';

/** `count` of the rows, all if there are fewer: any as likely as another, the same for the same rows and seed. Ascending. */
export function sampleRows(rows: RowSet, count: number, seed: number): Row[] {
  const sample: Row[] = [];
  const random = mulberry32(seed);
  let left = rows.size;
  for (const row of rows) {
    // Each row with the probability of open slots in the sample over rows left.
    if (random() * left < count - sample.length) sample.push(row);
    left -= 1;
  }
  return sample;
}

/** Uniform numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
