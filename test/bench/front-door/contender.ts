import type { Wire } from '../load.ts';

/** How a connection asks a server for the ten nearest of a vector, under one of its settings. */
export interface Search extends Wire {
  /** Empty if a server has only one setting. */
  readonly setting: string;
  request(query: Float32Array): Buffer;
  /** The rows in an answer; undefined for the floor, which searches nothing. */
  readonly rowsOf?: (answer: Buffer) => number[];
}

/** A server that holds all vectors of a set. Its settings are in ascending order of cost. */
export interface Contender {
  readonly name: string;
  readonly searches: readonly Search[];
  /** CPU seconds of all its processes so far. */
  readonly cpuS: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

export const TOP_K = 10;

/** Every row belongs to one of so many parts, `row % PARTS`; a filtered search looks for rows of part `PART`. */
export const PARTS = 100;
export const PART = 7;
