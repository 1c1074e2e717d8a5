/**
 * What a step of each kind takes at most on WebAssembly, in picoseconds of one thread. Measured by `npm run bench -- models --only rates`, which
 * runs each kind alone in several shapes, on the machine class of docs/benchmarks.md, and shows bound and measure side by side; rounded up, so that the
 * bound is the larger of the two in each. [M59]
 */
export const PICOSECONDS = {
  /** A multiplication and addition of two floats of 32 bits, within a product of matrices or a convolution. */
  mac: 130,
  /** The same of integers of 8 bits, and of blocks of 4 or 8 bits that are unpacked first. */
  macInt8: 80,
  macBlocks: 400,
  /** The same of doubles and of integers of 32 or 64 bits, and where each group of a convolution has few channels. */
  macPlain: 900,
  /** A product of two matrices, or a group of a convolution: what it takes to begin. */
  call: 400_000,
  /** Four bytes that are read or written in order. */
  word: 400,
  /** An element of a plain function: sums, comparisons, what selects. */
  element: 2_000,
  /** An element of a function that computes a series: powers, roots, logarithms, sines. */
  function: 16_000,
  /** An element that is put elsewhere, one by one. */
  move: 6_000,
  /** An element of an image that is made of those around it, and of a text or a table that is searched. */
  search: 60_000,
  /** A node: what it takes to begin. */
  node: 10_000_000,
} as const;

export type Rate = keyof typeof PICOSECONDS;

/** Steps of each kind. */
export type Work = Readonly<Partial<Record<Rate, number>>>;

/** A run: its tensors in and out of the runtime's memory. */
export const RUN_MS = 0.3;

/** Attributes and constants may make a count that is below zero: no step takes less than no time. */
export const workMs = (work: Work): number =>
  Object.entries(work).reduce((sum, [rate, count]) => sum + Math.max(0, count) * PICOSECONDS[rate as Rate], 0) / PICOSECONDS_PER_MS;

const PICOSECONDS_PER_MS = 1e9;
