import type { decideReplicas as decide } from '../../../src/index/replicas/replica-policy.ts';

export const NO_PRESSURE = { busySinceMs: null, coldSinceMs: null };

/** Stands in for the replica policy in the objects' Worker: a shard that is watched gets a replica, busy or not, and keeps it. */
export const decideReplicas: typeof decide = (_load, replicas) => ({ kind: replicas === 0 ? 'add' : 'keep', pressure: NO_PRESSURE });
