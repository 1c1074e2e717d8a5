import { assert } from '../../kernel/assert.ts';

/** A document as the vectors of its tokens, row-major: number d of token t is `codes[t * dimensions + d] * scales[t]`. */
export interface TokenVectors {
  readonly codes: Int8Array;
  readonly scales: ArrayLike<number>;
}

/** Bits of a lane of a float64 that holds two sums; both with their signs fill the 53 bits that a float64 keeps exactly. */
const LANE = 2 ** 26;
const LANE_MAX = 2 ** 25 - 1;
/** What an int8 is at most, sign aside. */
const CODE_MAX = 128;
/** Query tokens whose sums run at once: four float64 of two lanes. */
const BLOCK = 8;

/**
 * Late interaction (ColBERT, Khattab and Zaharia 2020): the similarity of a document is the sum over the query's tokens of the greatest dot
 * product with any of the document's tokens. Prepared once a query.
 *
 * JavaScript has no vector instructions, so one float64 carries the sums of two query tokens. For that the query's numbers become integers, of as
 * many levels as keep the sums of that many dimensions exact: with 96 numbers a token 2,730 on either side, which moves the similarity of 32 tokens
 * of unit vectors by .0004 at most (measured), less than the int8 of the documents does.
 */
export class MaxSim {
  readonly #dimensions: number;
  readonly #tokens: number;
  /** By block, dimension and lane pair. */
  readonly #packed: Float64Array;
  /** What one level of each query token is worth; 0 for padding. */
  readonly #levels: Float64Array;
  /** Greatest products with any token of the document in hand. */
  readonly #greatest: Float64Array;
  /** Two tokens of the document in hand: each number of the query is read once for both. */
  readonly #rows: readonly [Float64Array, Float64Array];

  /** `query` is row-major, of finite numbers, with at least one token. */
  constructor(query: Float32Array, dimensions: number) {
    const tokens = query.length / dimensions;
    assert(Number.isInteger(tokens) && tokens > 0, 'a query has whole tokens, at least one');
    const levelsMax = Math.floor(LANE_MAX / (CODE_MAX * dimensions));
    assert(levelsMax > 0, 'sums of products fit their lane');
    const padded = Math.ceil(tokens / BLOCK) * BLOCK;
    this.#dimensions = dimensions;
    this.#tokens = tokens;
    this.#packed = new Float64Array((padded * dimensions) / 2);
    this.#levels = new Float64Array(padded);
    this.#greatest = new Float64Array(padded);
    this.#rows = [new Float64Array(dimensions), new Float64Array(dimensions)];
    for (let token = 0; token < tokens; token++) this.#pack(query.subarray(token * dimensions, (token + 1) * dimensions), token, levelsMax);
  }

  #pack(vector: Float32Array, token: number, levelsMax: number): void {
    const largest = vector.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    assert(Number.isFinite(largest), 'vectors of tokens are finite');
    if (largest === 0) return;
    this.#levels[token] = largest / levelsMax;
    const lane = token % BLOCK;
    const block = (token - lane) / 2;
    vector.forEach((x, d) => {
      this.#packed[block * this.#dimensions + d * (BLOCK / 2) + (lane >> 1)]! +=
        Math.round((x / largest) * levelsMax) * (lane % 2 === 0 ? 1 : LANE);
    });
  }

  /** The similarity of a document; 0 of one without tokens. */
  score({ codes, scales }: TokenVectors): number {
    const dimensions = this.#dimensions;
    assert(codes.length === scales.length * dimensions, 'every token has a scale and all of its numbers');
    if (scales.length === 0) return 0;
    const greatest = this.#greatest.fill(-Infinity);
    const [first, second] = this.#rows;
    for (let token = 0; token < scales.length; token += 2) {
      // The last of an odd number is compared twice.
      const other = Math.min(token + 1, scales.length - 1);
      for (let d = 0; d < dimensions; d++) {
        first[d] = codes[token * dimensions + d]!;
        second[d] = codes[other * dimensions + d]!;
      }
      this.#raise(scales[token]!, scales[other]!);
    }
    let sum = 0;
    for (let token = 0; token < this.#tokens; token++) sum += greatest[token]! * this.#levels[token]!;
    return sum;
  }

  /** Raises what is greatest by the products of the query's tokens with two of the document's. */
  #raise(scaleA: number, scaleB: number): void {
    const packed = this.#packed;
    const [rowA, rowB] = this.#rows;
    const { length } = rowA;
    let at = 0;
    for (let token = 0; token < this.#levels.length; token += BLOCK) {
      let [a0, a1, a2, a3, b0, b1, b2, b3] = [0, 0, 0, 0, 0, 0, 0, 0];
      for (let d = 0; d < length; d++) {
        const a = rowA[d]!;
        const b = rowB[d]!;
        const q0 = packed[at]!;
        const q1 = packed[at + 1]!;
        const q2 = packed[at + 2]!;
        const q3 = packed[at + 3]!;
        a0 += a * q0;
        a1 += a * q1;
        a2 += a * q2;
        a3 += a * q3;
        b0 += b * q0;
        b1 += b * q1;
        b2 += b * q2;
        b3 += b * q3;
        at += 4;
      }
      this.#raisePair(token, a0, scaleA);
      this.#raisePair(token + 2, a1, scaleA);
      this.#raisePair(token + 4, a2, scaleA);
      this.#raisePair(token + 6, a3, scaleA);
      this.#raisePair(token, b0, scaleB);
      this.#raisePair(token + 2, b1, scaleB);
      this.#raisePair(token + 4, b2, scaleB);
      this.#raisePair(token + 6, b3, scaleB);
    }
  }

  #raisePair(token: number, sums: number, scale: number): void {
    const high = Math.round(sums / LANE);
    const low = (sums - high * LANE) * scale;
    const greatest = this.#greatest;
    if (low > greatest[token]!) greatest[token] = low;
    if (high * scale > greatest[token + 1]!) greatest[token + 1] = high * scale;
  }
}
