import type { Repetition } from '../../../src/ann/shard-protocol.ts';
import type { UpsertBody } from '../../../src/contract/vectors.ts';
import { upsertDigest } from '../../../src/gateway/upserts.ts';

/** By what a write under an Idempotency-Key is known, as an upsert of one slice has it. */
export const repetitionOf = async (body: UpsertBody, key: string | undefined): Promise<Repetition | null> =>
  key === undefined ? null : { idempotencyKey: key, digest: await upsertDigest(body) };
