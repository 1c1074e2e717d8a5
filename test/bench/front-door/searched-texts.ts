import type { Collection } from '../encoders/collections.ts';
import type { Wire } from '../load.ts';

/** Texts and their vectors, row-major. */
export interface AskedTexts {
  readonly texts: readonly string[];
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly dimensions: number;
}

/** A collection with the vectors that all contenders are given. */
export interface SearchedTexts {
  readonly collection: Collection;
  readonly documents: AskedTexts;
  readonly queries: AskedTexts;
}

/** How a connection asks for the ten best texts. */
export interface HybridSearch {
  readonly setting: string;
  readonly wire: Wire;
  request(text: string, vector: Float32Array): Buffer;
  /** Positions of texts, best first. */
  rowsOf(answer: Buffer): number[];
}

/** A server that holds all texts with their vectors. */
export interface HybridContender {
  readonly name: string;
  readonly searches: readonly HybridSearch[];
  /** CPU seconds of all its processes so far. */
  readonly cpuS: () => Promise<number>;
  readonly stop: () => Promise<void>;
}
