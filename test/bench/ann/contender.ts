import { join } from 'node:path';

import type { VectorSet } from './vector-set.ts';
import { BENCH_CACHE } from './vector-set.ts';

/** One point of a curve, such as `{ ef: 200 }`. */
export type Setting = Readonly<Record<string, number>>;

/** Something that answers nearest-neighbour queries: one instance a process, one thread, one query a call. */
export interface Contender {
  /** What an index of it depends on beside the vectors: its version and how it is built. */
  readonly version: string;
  /** What to try when `topK` are asked for, from the fastest to the most thorough. */
  settings(topK: number): readonly Setting[];
  /** Builds an index of `set.base` and keeps it in `folder`, which is empty. Answers the bytes that it takes. */
  build(set: VectorSet, folder: string): Promise<number> | number;
  /** Makes what `build` kept in `folder` ready. */
  open(set: VectorSet, folder: string): Promise<void> | void;
  /** Prepares for searches under a setting; costs nothing per query. */
  use(setting: Setting): void;
  /** Searches as its users would call it. */
  search(query: Float32Array, topK: number): unknown;
  /** The numbers of the vectors found, closest first, from what `search` answered: not timed. */
  found(answer: unknown): ArrayLike<number>;
}

/** Where a contender's index of a set is kept between runs. */
export const indexFolder = ({ hash }: VectorSet, { version }: Contender): string =>
  join(BENCH_CACHE, 'indexes', hash, version.replaceAll(/[^\w.-]+/g, '_'));
