import { sha256Hex } from '../kernel/bytes.ts';

/**
 * Everything that decides where a text lands in the vector space. Two models with equal contracts may share an index and a cache;
 * an index pinned to one contract refuses queries under another.
 */
export interface EmbeddingContract {
  readonly modelSha256: string;
  readonly tokeniserVersion: string;
  readonly vocabularySha256: string;
  readonly vocabularySize: number;
  readonly dimensions: number;
  /** The `a` of the word weights a / (a + p). */
  readonly sifA: number;
  /** Hash of the map from word vectors to the model's axes, common component included. */
  readonly axesSha256: string;
  readonly normalisation: 'l2';
  /** Quantiser of what the model answers, not of its weights. */
  readonly outputQuantiser: 'float32';
  readonly opset: number;
}

/** SHA-256, in hex, of the contract as JSON with its keys in alphabetical order. */
export async function contractHash(contract: EmbeddingContract): Promise<string> {
  const entries = Object.entries(contract).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sha256Hex(JSON.stringify(Object.fromEntries(entries)));
}
