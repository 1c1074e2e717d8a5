import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import { runsOnPoolsAlone, weightBytesOf } from './model-size.ts';
import type { ModelRef } from '../served-manifest.ts';

export interface RunnerFacts extends Pick<ModelRef, 'manifest'> {
  /** What its longest text takes of an isolate at most; undefined: not known. */
  readonly runBoundMs?: number | undefined;
  /** The most tokens that the texts of the call have. */
  readonly tokens: number;
  /** Whether a replica of the tenant serves the model on a pool. */
  readonly hasReplica: boolean;
  /** How long the caller waits; undefined: it does not say. */
  readonly leftMs: number | undefined;
}

/** What runs a call of a registered embedding model, and why. `none`: nothing that is there can. */
export type RunnerChoice =
  | { readonly runner: 'inference'; readonly reason: 'no_replica' | 'small' | 'replica_failed' }
  | { readonly runner: 'pool'; readonly reason: PoolsAlone | 'deadline' | 'price' }
  | { readonly runner: 'none'; readonly reason: PoolsAlone };

/** Its weights have no room in an isolate; or its longest text may keep one busy for longer than `runBoundMsMax`. */
type PoolsAlone = 'too_large' | 'too_slow';

/**
 * A replica where the model is too large for an isolate or may keep it busy for too long (M59), where an isolate would take longer than the caller waits, or where it would compute for
 * longer than a call of a replica takes: the replica is paid for by the hour, used or not, and the tokens cost the same. Else the inference
 * Worker, which needs no call of another machine. [M70]
 */
export function chooseRunner({ manifest, runBoundMs = 0, tokens, hasReplica, leftMs = Infinity }: RunnerFacts): RunnerChoice {
  const reason = runsOnPoolsAlone({ manifest }) ? 'too_large' : runBoundMs > MODEL_LIMITS.runBoundMsMax ? 'too_slow' : undefined;
  if (reason !== undefined) return { runner: hasReplica ? 'pool' : 'none', reason };
  if (!hasReplica) return { runner: 'inference', reason: 'no_replica' };
  const edgeMs = (tokens * weightBytesOf({ manifest }) * MODEL_LIMITS.edgePsPerTokenByte) / PS_PER_MS;
  if (edgeMs > leftMs && edgeMs > MODEL_LIMITS.replicaCallMs) return { runner: 'pool', reason: 'deadline' };
  return edgeMs > MODEL_LIMITS.replicaCallMs ? { runner: 'pool', reason: 'price' } : { runner: 'inference', reason: 'small' };
}

const PS_PER_MS = 1e9;

/** As `x-sluice-route` says it. */
export const shownChoice = ({ runner, reason }: RunnerChoice): string => `${runner}; reason=${reason}`;
