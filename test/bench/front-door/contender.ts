import type { Wire } from '../load.ts';

/** What asks a server for the ten nearest of a vector: one of its settings, as a client's connection carries it out. */
export interface Search extends Wire {
  /** Empty when a server has one setting only. */
  readonly setting: string;
  request(query: Float32Array): Buffer;
  /** The rows that an answer names; undefined for a floor, which searches nothing. */
  readonly rowsOf?: (answer: Buffer) => number[];
}

/** A server with all vectors of a set in it. Settings come in the order of their cost. */
export interface Contender {
  readonly name: string;
  readonly searches: readonly Search[];
  /** CPU seconds of all its processes so far. */
  readonly cpuS: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

export const TOP_K = 10;
