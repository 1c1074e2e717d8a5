import { refusal } from '../contract/api/errors.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import type { IndexId } from '../kernel/ids.ts';
import { err, ok } from '../kernel/result.ts';
import type { Erasure } from './erasure.ts';
import type { IndexManifest } from './index-manifest.ts';

/** The request that created an index; identifies a repetition of it. */
export interface Creation {
  /** The `Idempotency-Key`, if there was one. */
  readonly idempotencyKey: string | null;
  /** SHA-256 of the request body, in hex. */
  readonly bodyDigest: string;
}

/**
 * An index as stored by its object. It is `creating` until the registry and the shard have it, and `deleting` until both have removed it;
 * either is persisted before the first step, so that interrupted work is resumed from the record.
 */
export interface IndexRecord {
  readonly state: 'creating' | 'live' | 'deleting';
  readonly manifest: IndexManifest;
  readonly creation: Creation;
  /** What a deletion erases, once it is counted. */
  readonly erasure?: Erasure;
}

/** Whether it is the live index of that id. */
export const isLive = (record: IndexRecord | undefined, indexId: IndexId): record is IndexRecord =>
  record?.state === 'live' && record.manifest.id === indexId;

/** The request under an idempotency key that created the index, and the id that it answered. */
export function madeBy({ manifest, creation: { idempotencyKey: key, bodyDigest: digest } }: IndexRecord) {
  return key === null ? undefined : { key, digest, made: manifest.firstId ?? manifest.id };
}

/** What to answer to a creation, or undefined when the name is free. Unfinished work has been finished before. */
export function answerCreation(known: IndexRecord | undefined, creation: Creation): Outcome<IndexManifest> | undefined {
  if (known === undefined) return undefined;
  if (creation.idempotencyKey === null || creation.idempotencyKey !== known.creation.idempotencyKey) {
    const { name } = known.manifest;
    return err({
      ...refusal('already_exists', `an index named "${name}" already exists`, 'name'),
      resource: { kind: 'index' as const, name },
    });
  }
  return creation.bodyDigest === known.creation.bodyDigest ? ok(known.manifest) : keyUsedOtherwise();
}

export const keyUsedOtherwise = () =>
  refuse('idempotency_mismatch', 'created an index for another caller or with another body', 'idempotency-key');

export const generationKeyUsedOtherwise = () =>
  refuse('idempotency_mismatch', 'created a generation for another caller or with another body', 'idempotency-key');

/** The registry lists an index that its own object, or one of its parts, does not have: its storage is lost, not deleted. [G41] */
export const indexLost = (name: string) =>
  refuse('unavailable', `the index "${name}" is there, but a part of it has lost its storage: restore its files and repeat the call`);

/** The routes of the index name the shard, which does not have the index. [G41] */
export const shardLost = (ordinal: number) =>
  refuse('unavailable', `shard ${ordinal} of the index has lost its storage: restore its file and repeat the call`);

export const indexNotFound = (name: string) =>
  err({ ...refusal('index_not_found', `there is no index named "${name}"`, 'index'), resource: { kind: 'index' as const, name } });

/** A finished deletion. */
export interface DeletedIndex {
  readonly id: IndexId;
  /** Vectors that were erased. */
  readonly vectors: number;
  /** How many objects held something of the index, itself included. */
  readonly objects: number;
  /** How many of them had lost what they stored. */
  readonly lost: number;
  /** The bytes of storage. */
  readonly bytes: number;
}
