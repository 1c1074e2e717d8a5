import type { ModelReading, ServedManifest } from '../served-manifest.ts';

/** What a version is: what serving needs of it, and what people want to know. Nothing in it ever changes. */
export interface VersionManifest extends ServedManifest {
  /** An SPDX expression, or what the source calls it; null: not stated. */
  readonly licence: string | null;
  /** The team that answers for it. */
  readonly team: string;
  /** How it was made, and what was measured of it: shown, never interpreted. Null: not stated. */
  readonly recipe: Json | null;
  readonly evaluation: Json | null;
  /** nDCG@10 in retrieval as a share of what BM25 reaches on the same judgements, as its owner measured it. Absent: it was not measured. [M213] */
  readonly retrievalQuality?: number;
  /** What it was made of, such as `minilm@1`: versions, or sources elsewhere. */
  readonly parents: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** The owner of models: a tenant, by its id, or the platform, whose models all tenants may use. */
export type ModelOwner = string;

export const PLATFORM: ModelOwner = 'platform';

/** Of what is stated of a version, the part that decides its answers: no other field may change its contract hash. */
export function readingOf(stated: ModelReading): ModelReading {
  const { task, graph, externalData, tokensMax, dimensions, pooling, isNormalised, labels, activation, prompts } = stated;
  return { task, graph, externalData, tokensMax, dimensions, pooling, isNormalised, labels, activation, prompts };
}
