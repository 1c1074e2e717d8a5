import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import type { TenantPrincipal } from '../api/principal.ts';

/**
 * What of the inputs of models and indexes is watched, each with the upper ends of its buckets; what is above the last has one more.
 * Counts are kept by the number of a bucket: an input with other ends needs another name.
 */
const BUCKET_ENDS = {
  /** Of a text: the share of its words that the model's vocabulary lacks. */
  'unknown-words': [0, 0.05, 0.1, 0.2, 0.35, 0.6],
  /** Of a query: the cosine of the vector that it found first. */
  'best-score': [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
} as const;

export type WatchedInput = keyof typeof BUCKET_ENDS;

/** How many values were in each bucket, by its number. */
export type BucketCounts = Readonly<Record<string, number>>;

/** What an isolate saw of one input of one model or index since its last report. */
export interface InputTally {
  /** Deterministic: a tally that is delivered twice counts once. */
  readonly id: string;
  readonly isolateId: string;
  readonly organisationId: OrganisationId;
  readonly tenantId: TenantId;
  readonly input: WatchedInput;
  /** A version of a model, such as `glove-sif-100@2`, or a generation of an index, such as `index:notes@1`: those of others are not compared. */
  readonly subject: string;
  readonly atMs: number;
  readonly counts: BucketCounts;
}

/** Receives values of an input as they are met. */
export type CountInputs = (principal: TenantPrincipal, input: WatchedInput, subject: string, values: readonly number[]) => void;

export function bucketCounts(input: WatchedInput, values: readonly number[]): BucketCounts {
  const counts: Record<string, number> = {};
  for (const value of values) {
    const bucket = BUCKET_ENDS[input].filter((end) => value > end).length;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}

/** No value in any bucket. */
export const emptyHistogram = (input: WatchedInput): number[] => [...BUCKET_ENDS[input], 1].fill(0);
