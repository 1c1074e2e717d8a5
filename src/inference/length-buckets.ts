import { assert } from '../kernel/assert.ts';

/** Texts that run together, each padded to `tokens`. */
export interface LengthBucket {
  readonly rows: readonly number[];
  readonly tokens: number;
}

/** Below this length padding is cheaper than another run. */
const PADDING_FREE_TOKENS = 8;

/**
 * Groups the texts of `offsets` (as in `TokenBatch`) so that no run exceeds `paddedTokensMax` tokens, padding included, and no text is
 * padded to more than twice its length (or to 8). Empty texts are in no bucket: their vector is zero.
 */
export function lengthBuckets(offsets: Int32Array, paddedTokensMax: number): LengthBucket[] {
  const lengthOf = (row: number) => offsets[row + 1]! - offsets[row]!;
  const rows = Array.from({ length: offsets.length - 1 }, (_, row) => row)
    .filter((row) => lengthOf(row) > 0)
    .toSorted((a, b) => lengthOf(a) - lengthOf(b));
  const buckets: { rows: number[]; tokens: number }[] = [];
  for (const row of rows) {
    const tokens = lengthOf(row);
    assert(tokens <= paddedTokensMax, 'a text that fits a run by itself');
    const last = buckets.at(-1);
    const shortest = last === undefined ? 0 : lengthOf(last.rows[0]!);
    const fits = last !== undefined && (last.rows.length + 1) * tokens <= paddedTokensMax;
    if (fits && tokens <= Math.max(PADDING_FREE_TOKENS, 2 * shortest)) {
      last.rows.push(row);
      last.tokens = tokens;
    } else buckets.push({ rows: [row], tokens });
  }
  return buckets;
}
