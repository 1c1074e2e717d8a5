import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { ShardLoad } from './load-meter.ts';

/** What is remembered of a shard between decisions. */
export interface ReplicaPressure {
  /** Since when it was busy enough for another replica, and since when cold enough for one fewer; null when it is not. */
  readonly busySinceMs: number | null;
  readonly coldSinceMs: number | null;
}

export const NO_PRESSURE: ReplicaPressure = { busySinceMs: null, coldSinceMs: null };

export interface ReplicaDecision {
  readonly kind: 'add' | 'retire' | 'keep';
  readonly pressure: ReplicaPressure;
}

/**
 * Whether a shard with this many replicas, all of them ready, should have one more or one fewer. `load` is that of the shard and its
 * replicas together. Between the two thresholds nothing happens, and a threshold counts only after it was crossed for a while.
 */
export function decideReplicas(load: ShardLoad, replicas: number, pressure: ReplicaPressure, nowMs: number): ReplicaDecision {
  const busiest = loadOfPrimary(load, replicas);
  const relief = busiest - loadOfPrimary(load, replicas + 1);
  const isBusy =
    replicas < INDEX_LIMITS.replicasMaxCount && busiest > INDEX_LIMITS.replicaAddLoad && relief >= INDEX_LIMITS.replicaReliefMin;
  const isCold = replicas > 0 && loadOfPrimary(load, replicas - 1) < INDEX_LIMITS.replicaRetireLoad;
  const busySinceMs = isBusy ? (pressure.busySinceMs ?? nowMs) : null;
  const coldSinceMs = isCold ? (pressure.coldSinceMs ?? nowMs) : null;
  // The next change has to wait again: only then does the effect of the last one show.
  if (busySinceMs !== null && nowMs - busySinceMs >= INDEX_LIMITS.replicaAddAfterMs) return { kind: 'add', pressure: NO_PRESSURE };
  if (coldSinceMs !== null && nowMs - coldSinceMs >= INDEX_LIMITS.replicaRetireAfterMs) return { kind: 'retire', pressure: NO_PRESSURE };
  return { kind: 'keep', pressure: { busySinceMs, coldSinceMs } };
}

/** Reads that a replica may answer are spread evenly. */
const loadOfPrimary = ({ exclusive, sharable }: ShardLoad, replicas: number): number => exclusive + sharable / (replicas + 1);
