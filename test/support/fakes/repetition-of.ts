import type { Repetition } from '../../../src/ann/shard-protocol.ts';
import type { UpsertBody } from '../../../src/contract/vectors/vectors.ts';
import { upsertDigest } from '../../../src/gateway/vectors/upserts.ts';

/** What identifies a write under an Idempotency-Key, here an upsert of one slice. */
export const repetitionOf = async (body: UpsertBody, key: string | undefined): Promise<Repetition | null> =>
  key === undefined ? null : { idempotencyKey: key, digest: await upsertDigest(body) };
