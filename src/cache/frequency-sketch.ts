import { must } from '../kernel/assert.ts';

/** Rows of counters; an estimate is the least of one counter in each. */
const SEEDS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f];
const COUNT_MAX = 15;
const COUNTERS_PER_ENTRY = 8;
/** Additions, in multiples of the entries counted for, after which every count is halved: what was popular long ago must prove itself again. */
const SAMPLE_FACTOR = 10;

/**
 * About how often each of many keys was seen lately, in four bytes an entry: count-min with conservative updates and ageing, as TinyLFU
 * has it. Never too low since the last halving, seldom too high.
 */
export class FrequencySketch {
  /** Two counters to a byte. */
  readonly #counts: Uint8Array;
  readonly #mask: number;
  readonly #sampleMax: number;
  #sampled = 0;

  constructor(entriesMax: number) {
    const counters = 2 ** Math.ceil(Math.log2(Math.max(16, entriesMax * COUNTERS_PER_ENTRY)));
    this.#counts = new Uint8Array(counters / 2);
    this.#mask = counters - 1;
    this.#sampleMax = SAMPLE_FACTOR * Math.max(16, entriesMax);
  }

  get bytes(): number {
    return this.#counts.length;
  }

  add(hash: number): void {
    const least = this.estimate(hash);
    if (least === COUNT_MAX) return;
    // Only the counters that make the estimate: raising the others would only make other keys look more frequent than they are.
    for (const seed of SEEDS) this.#raise(spread(hash, seed) & this.#mask, least);
    this.#sampled += 1;
    if (this.#sampled >= this.#sampleMax) this.#halve();
  }

  /** 0 to 15. */
  estimate(hash: number): number {
    let least = COUNT_MAX;
    for (const seed of SEEDS) least = Math.min(least, this.#at(spread(hash, seed) & this.#mask));
    return least;
  }

  #at(counter: number): number {
    const pair = must(this.#counts[counter >>> 1], 'the mask keeps counters within the table');
    return (counter & 1) === 0 ? pair & 15 : pair >>> 4;
  }

  #raise(counter: number, from: number): void {
    if (this.#at(counter) !== from) return;
    const byte = counter >>> 1;
    this.#counts[byte] = must(this.#counts[byte], 'the mask keeps counters within the table') + ((counter & 1) === 0 ? 1 : 16);
  }

  #halve(): void {
    this.#counts.forEach((pair, byte) => (this.#counts[byte] = (pair >>> 1) & 0x77));
    this.#sampled >>>= 1;
  }
}

function spread(hash: number, seed: number): number {
  const mixed = Math.imul(hash ^ seed, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 15), seed | 1) >>> 7;
}
