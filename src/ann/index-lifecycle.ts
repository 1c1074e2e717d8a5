import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import { ok } from '../kernel/result.ts';
import type { IndexManifest } from './index-manifest.ts';

/** The request that created an index, for telling its repetition from another one. */
export interface Creation {
  /** The `Idempotency-Key`, if there was one. */
  readonly idempotencyKey: string | null;
  /** SHA-256 of the request body, in hex. */
  readonly bodyDigest: string;
}

/**
 * An index as its object keeps it. It is `creating` until the registry and the shard have it, and `deleting` until both have lost
 * it; either is persisted before the first step, so that whatever is cut off is taken up again from the record.
 */
export interface IndexRecord {
  readonly state: 'creating' | 'live' | 'deleting';
  readonly manifest: IndexManifest;
  readonly creation: Creation;
}

/** What to answer to a creation, or undefined when the name is free. Unfinished work has been finished first. */
export function answerCreation(live: IndexRecord | undefined, creation: Creation): Outcome<IndexManifest> | undefined {
  if (live === undefined) return undefined;
  if (creation.idempotencyKey === null || creation.idempotencyKey !== live.creation.idempotencyKey) {
    return refuse('already_exists', `an index named "${live.manifest.name}" already exists`, 'name');
  }
  return answerRepetition(live, creation);
}

/** What to answer when the same `Idempotency-Key` created `known` before. */
export function answerRepetition(known: Pick<IndexRecord, 'manifest' | 'creation'>, creation: Creation): Outcome<IndexManifest> {
  return known.creation.bodyDigest === creation.bodyDigest
    ? ok(known.manifest)
    : refuse('idempotency_mismatch', 'this idempotency-key created another index with another body', 'idempotency-key');
}

export const indexNotFound = (name: string) => refuse('index_not_found', `there is no index named "${name}"`, 'index');
