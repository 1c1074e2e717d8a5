import { SIGNATURE_CHARS } from '../kernel/id-signer.ts';
import type { PoolId } from '../kernel/ids.ts';
import { base32 } from '../kernel/ids.ts';

/** 40 characters of base 32 are 200 bits. */
export const AGENT_SECRET_BYTES = 40;

/** Characters of a pool's own in its id, after `pool_` and before their signature. */
export const POOL_ID_CHARS = 10;

const TOKEN = /^pt_([0-9a-z]{10}(?:[0-9a-z]{8})?)_[0-9a-z]{40}$/;

/** `stem` is the pool's own characters and their signature; without one in pools made before ids were signed. */
export const poolId = (stem: string): PoolId => `pool_${stem}` as PoolId;

export const stemOfPool = (id: PoolId): string => id.slice('pool_'.length);

/** Whether the id has a signature, which may be anybody's. */
export const isSignedPool = (id: PoolId): boolean => stemOfPool(id).length === POOL_ID_CHARS + SIGNATURE_CHARS;

/** What the agents of a pool identify themselves with. It names its pool, so that it can be checked without a directory. */
export const agentToken = (id: PoolId, secret: Uint8Array): string =>
  `pt_${stemOfPool(id)}_${base32(secret.subarray(0, AGENT_SECRET_BYTES))}`;

/** The pool a token claims to be of, or undefined when it is no agent token at all. Proves nothing. */
export function poolOfToken(token: string): PoolId | undefined {
  const stem = TOKEN.exec(token)?.[1];
  return stem === undefined ? undefined : poolId(stem);
}
