/** Of the tokens of a text: those that its model saw, and those that were cut off. */
export interface TokenCounts {
  readonly tokens: number;
  /** Zero: the text is whole. */
  readonly cutTokens: number;
}

/** More than any text has tokens cut off. */
const FILLED_END = 2 ** 20;
/** More than any model takes tokens. */
const LACKING_END = 2 ** 14;
/** So that no packed number is beyond the whole numbers that a 32-bit float has. */
const CUT_COUNTED_MAX = (2 ** 24 - FILLED_END) / LACKING_END - 1;

/**
 * Both counts as one number, which a row has behind its vector: the tokens of a text that is whole, as rows from before texts were cut have it, too. Below
 * zero of one that was cut: the tokens cut off, where those that stay are all that the model takes, and else also how many it would have taken more. [M157]
 */
export function packCounts({ tokens, cutTokens }: TokenCounts, tokensMax: number): number {
  if (cutTokens <= 0) return tokens;
  const lacking = tokensMax - tokens;
  if (lacking === 0) return -Math.min(cutTokens, FILLED_END - 1);
  return -(FILLED_END + Math.min(cutTokens, CUT_COUNTED_MAX) * LACKING_END + lacking);
}

export function unpackCounts(packed: number, tokensMax: number): TokenCounts {
  if (packed >= 0) return { tokens: packed, cutTokens: 0 };
  if (packed > -FILLED_END) return { tokens: tokensMax, cutTokens: -packed };
  const rest = -packed - FILLED_END;
  return { tokens: tokensMax - (rest % LACKING_END), cutTokens: Math.floor(rest / LACKING_END) };
}

/** A vector and, behind it, the counts of its text. */
export function packRow(vector: Float32Array, counts: TokenCounts, tokensMax: number): Float32Array<ArrayBuffer> {
  const row = new Float32Array(vector.length + 1);
  row.set(vector);
  row[vector.length] = packCounts(counts, tokensMax);
  return row;
}

/** Rows of `dimensions` numbers each and their counts, as vectors one behind the other and the packed counts. */
export function unpackRows(rows: Float32Array<ArrayBuffer>, dimensions: number) {
  const width = dimensions + 1;
  const count = rows.length / width;
  const vectors = new Float32Array(count * dimensions);
  const packed: number[] = [];
  for (let row = 0; row < count; row += 1) {
    vectors.set(rows.subarray(row * width, row * width + dimensions), row * dimensions);
    packed.push(rows[row * width + dimensions] ?? 0);
  }
  return { vectors, packed };
}
