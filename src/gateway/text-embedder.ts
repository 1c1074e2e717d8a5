import type { Outcome } from '../contract/outcome.ts';
import type { Acting } from './authority.ts';

/** Texts as unit vectors: what retrieval needs of inference. */
export interface TextEmbedder {
  /** Refuses with `model_not_found` or `limit_exceeded`. Reserves the tokens through `reserve` before it computes. */
  embed(request: EmbedTexts): Promise<Outcome<EmbeddedTexts>>;
  /** The contract of a model, without computing anything. */
  contractOf(model: string): Outcome<{ readonly contractHash: string; readonly dimensions: number; readonly version: string }>;
}

export interface EmbedTexts extends Acting {
  readonly model: string;
  readonly texts: readonly string[];
  /** A property, not a method: callers whose meters lack tokens do not compile. */
  readonly reserve: (quantities: { readonly embedding_tokens: number }) => Promise<Outcome<void>>;
}

export interface EmbeddedTexts {
  /** Row-major [texts.length x dimensions]. */
  readonly vectors: Float32Array;
  readonly dimensions: number;
  readonly contractHash: string;
  readonly tokens: number;
  /** The share of `tokens` that a cache answered. */
  readonly cachedTokens: number;
}
