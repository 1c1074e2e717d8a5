import { join } from 'node:path';

import type { VectorSet } from './vector-set.ts';
import { BENCH_CACHE } from './vector-set.ts';

/** The settings of one point of a curve, such as `{ ef: 200 }`. */
export type Setting = Readonly<Record<string, number>>;

/** Answers nearest-neighbour queries: one instance in a process, on one thread, one query a call. */
export interface Contender {
  /** What an index depends on apart from the vectors: the contender's version and how it builds. */
  readonly version: string;
  /** The settings to try for `topK`, from the fastest to the most thorough. */
  settings(topK: number): readonly Setting[];
  /** Builds an index of `set.base` in `folder`, which is empty. Returns the bytes that the index takes. */
  build(set: VectorSet, folder: string): Promise<number> | number;
  /** Loads what `build` stored in `folder`. */
  open(set: VectorSet, folder: string): Promise<void> | void;
  /** Applies a setting to the searches that follow; not timed. */
  use(setting: Setting): void;
  /** Searches as users of the library call it. */
  search(query: Float32Array, topK: number): unknown;
  /** The numbers of the vectors found, closest first, from the result of `search`; not timed. */
  found(answer: unknown): ArrayLike<number>;
}

/** The folder of a contender's index of a set, kept between runs. */
export const indexFolder = ({ hash }: VectorSet, { version }: Contender): string =>
  join(BENCH_CACHE, 'indexes', hash, version.replaceAll(/[^\w.-]+/g, '_'));
