import { assert, must } from '../../kernel/assert.ts';

export interface SharedBounds {
  readonly entriesMax: number;
  /** Numbers of the longest vector: every entry has room for that many. */
  readonly dimensionsMax: number;
  /** Characters of the longest key. */
  readonly keyCharsMax: number;
  /** Parts with a lock each, a power of two: threads meet only within one. */
  readonly stripes: number;
}

/** Words of a stripe. A new buffer is all zeros, and that is an empty cache: links are slot numbers plus one. */
export const WORD = {
  /** The owner that is inside; 0 when none is. */
  lock: 0,
  /** The owner inside that others have given up waiting for. */
  doubted: 1,
  /** Rises when something of the stripe is forgotten. */
  fence: 2,
  /** Entries of a lower fence do not count. */
  cleared: 3,
  oldest: 4,
  newest: 5,
  /** The first of the slots given back, linked by `next`. */
  free: 6,
  /** Slots ever handed out; the rest are untouched. */
  handedOut: 7,
  entries: 8,
  hits: 9,
  misses: 10,
  evicted: 11,
} as const;

/** The number of words before the stripes: bounds, then the newest owner. */
const HEADER_WORDS = 16;
const NEWEST_OWNER = 4;
/** 64 bytes, a cache line: threads in different stripes do not touch each other's. */
const STRIPE_WORDS = 16;
const WORDS_PER_SLOT = 7;

/** One buffer as columns: what is where in a cache that threads share. */
export class SharedLayout {
  readonly buffer: SharedArrayBuffer;
  readonly bounds: SharedBounds;
  readonly slotsPerStripe: number;
  readonly bucketsPerStripe: number;
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly buckets: Int32Array<SharedArrayBuffer>;
  /** Links of a slot: in the same bucket, and to the next free one. */
  readonly next: Int32Array<SharedArrayBuffer>;
  readonly newer: Int32Array<SharedArrayBuffer>;
  readonly older: Int32Array<SharedArrayBuffer>;
  readonly hashes: Int32Array<SharedArrayBuffer>;
  readonly keyChars: Int32Array<SharedArrayBuffer>;
  readonly dimensions: Int32Array<SharedArrayBuffer>;
  readonly fences: Int32Array<SharedArrayBuffer>;
  readonly expiresAtMs: Float64Array<SharedArrayBuffer>;
  readonly keys: Uint8Array<SharedArrayBuffer>;
  readonly numbers: Float32Array<SharedArrayBuffer>;

  /** Lays a cache out, or opens one that has been laid out. */
  constructor(from: SharedBounds | SharedArrayBuffer) {
    this.bounds = from instanceof SharedArrayBuffer ? boundsIn(from) : from;
    const { entriesMax, dimensionsMax, keyCharsMax, stripes } = this.bounds;
    assert(stripes > 0 && Number.isInteger(Math.log2(stripes)), 'stripes are a power of two');
    this.slotsPerStripe = Math.ceil(entriesMax / stripes);
    this.bucketsPerStripe = 2 ** Math.ceil(Math.log2(this.slotsPerStripe));
    const slots = this.slotsPerStripe * stripes;
    const wordCount = HEADER_WORDS + stripes * (STRIPE_WORDS + this.bucketsPerStripe) + slots * WORDS_PER_SLOT;
    const endsAt = Math.ceil(wordCount / 2) * 8;
    const numbersAt = endsAt + slots * 8;
    const keysAt = numbersAt + slots * dimensionsMax * 4;
    this.buffer = from instanceof SharedArrayBuffer ? from : new SharedArrayBuffer(keysAt + slots * keyCharsMax);
    const { buffer } = this;
    let at = 0;
    const column = (length: number): Int32Array<SharedArrayBuffer> => {
      const words = new Int32Array(buffer, at, length);
      at += length * 4;
      return words;
    };
    this.words = column(HEADER_WORDS + stripes * STRIPE_WORDS);
    this.buckets = column(stripes * this.bucketsPerStripe);
    [this.next, this.newer, this.older] = [column(slots), column(slots), column(slots)];
    [this.hashes, this.keyChars, this.dimensions, this.fences] = [column(slots), column(slots), column(slots), column(slots)];
    this.expiresAtMs = new Float64Array(buffer, endsAt, slots);
    this.numbers = new Float32Array(buffer, numbersAt, slots * dimensionsMax);
    this.keys = new Uint8Array(buffer, keysAt, slots * keyCharsMax);
    this.words.set([entriesMax, dimensionsMax, keyCharsMax, stripes]);
  }

  /** Where the words of a stripe begin. */
  wordsOf(stripe: number): number {
    return HEADER_WORDS + stripe * STRIPE_WORDS;
  }

  /** A number that no thread had before. */
  newOwner(): number {
    return Atomics.add(this.words, NEWEST_OWNER, 1) + 1;
  }
}

function boundsIn(buffer: SharedArrayBuffer): SharedBounds {
  const [entriesMax, dimensionsMax, keyCharsMax, stripes] = new Int32Array(buffer, 0, 4);
  return {
    entriesMax: must(entriesMax, 'a header'),
    dimensionsMax: must(dimensionsMax, 'a header'),
    keyCharsMax: must(keyCharsMax, 'a header'),
    stripes: must(stripes, 'a header'),
  };
}
