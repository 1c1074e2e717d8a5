import type { decideReplicas as decide } from '../../../src/index/replicas/replica-policy.ts';

export const NO_PRESSURE = { busySinceMs: null, coldSinceMs: null };

/** Replaces the replica policy in the objects' Worker: every shard that is watched gets one replica and keeps it, busy or not. */
export const decideReplicas: typeof decide = (_load, replicas) => ({ kind: replicas === 0 ? 'add' : 'keep', pressure: NO_PRESSURE });
