import { base32 } from '../kernel/ids.ts';
import type { PoolId } from '../kernel/ids.ts';

/** 40 characters of base 32 are 200 bits. */
export const AGENT_SECRET_BYTES = 40;

/** Characters of a pool id after `pool_`. */
export const POOL_ID_BYTES = 10;

const TOKEN = /^pt_([0-9a-z]{10})_[0-9a-z]{40}$/;

export const poolIdFrom = (bytes: Uint8Array): PoolId => `pool_${base32(bytes.subarray(0, POOL_ID_BYTES))}` as PoolId;

/** What the agents of a pool identify themselves with. It names its pool, so that it can be checked without a directory. */
export const agentToken = (poolId: PoolId, secret: Uint8Array): string =>
  `pt_${poolId.slice('pool_'.length)}_${base32(secret.subarray(0, AGENT_SECRET_BYTES))}`;

/** The pool a token claims to be of, or undefined when it is no agent token at all. Proves nothing. */
export function poolOfToken(token: string): PoolId | undefined {
  const stem = TOKEN.exec(token)?.[1];
  return stem === undefined ? undefined : (`pool_${stem}` as PoolId);
}
