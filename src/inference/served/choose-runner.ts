import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { EdgeComputing } from './model-size.ts';
import type { ModelRoom } from './model-room.ts';
import { runsOnPoolsAlone, weightBytesOf } from './model-size.ts';
import type { ModelRef } from '../served-manifest.ts';

export interface RunnerFacts extends Pick<ModelRef, 'manifest'> {
  /** What computes its texts in an isolate; absent: the runtime, as for all versions that earlier deployments checked. */
  readonly computedBy?: EdgeComputing | undefined;
  /** What a text of `tokensMax` tokens takes of an isolate at most; undefined: not known. */
  readonly runBoundMs?: number | undefined;
  /** The most tokens that the texts of the call have. */
  readonly tokens: number;
  /** The same of the longest of them. */
  readonly longestTokens: number;
  /** Whether a replica of the tenant serves the model on a pool. */
  readonly hasReplica: boolean;
  /** How long the caller waits; undefined: it does not say. */
  readonly leftMs: number | undefined;
  /** What an isolate has for models; absent: one of 128 MB. */
  readonly room?: ModelRoom;
}

/** What runs a call of a registered embedding model, and why. `none`: nothing that is there can. */
export type RunnerChoice =
  | { readonly runner: 'inference'; readonly reason: 'no_replica' | 'small' | 'replica_failed' }
  | { readonly runner: 'pool'; readonly reason: PoolsAlone | 'deadline' | 'price' }
  | { readonly runner: 'none'; readonly reason: PoolsAlone };

/** Its weights have no room in an isolate; or a text may keep one busy for longer than `runBoundMsMax`. */
type PoolsAlone = 'too_large' | 'too_slow';

/**
 * A replica where the model is too large for an isolate or may keep it busy for too long (M59), where an isolate would take longer than the caller waits, or where it would compute for
 * longer than a call of a replica takes: the replica is paid for by the hour, used or not, and the tokens cost the same. Else the inference
 * Worker, which needs no call of another machine. [M70]
 */
export function chooseRunner(facts: RunnerFacts): RunnerChoice {
  const { manifest, computedBy = 'runtime', runBoundMs = 0, tokens, longestTokens, hasReplica, leftMs = Infinity, room } = facts;
  const isTooSlow = (ofTokens: number) => (runBoundMs / manifest.tokensMax) * ofTokens > MODEL_LIMITS.runBoundMsMax;
  const isTooLarge = runsOnPoolsAlone({ manifest }, computedBy, room);
  const reason = isTooLarge ? 'too_large' : isTooSlow(MODEL_LIMITS.edgeTextTokensMin) ? 'too_slow' : undefined;
  if (reason !== undefined) return { runner: hasReplica ? 'pool' : 'none', reason };
  // Without a replica an isolate runs what it may, and refuses what would take too long by the tokens that texts then turn out to have.
  if (hasReplica && isTooSlow(longestTokens)) return { runner: 'pool', reason: 'too_slow' };
  if (!hasReplica) return { runner: 'inference', reason: 'no_replica' };
  const edgeMs = (tokens * weightBytesOf({ manifest }) * MODEL_LIMITS.edgePsPerTokenByte) / PS_PER_MS;
  if (edgeMs > leftMs && edgeMs > MODEL_LIMITS.replicaCallMs) return { runner: 'pool', reason: 'deadline' };
  return edgeMs > MODEL_LIMITS.replicaCallMs ? { runner: 'pool', reason: 'price' } : { runner: 'inference', reason: 'small' };
}

const PS_PER_MS = 1e9;

/** As `x-sluice-route` says it. */
export const shownChoice = ({ runner, reason }: RunnerChoice): string => `${runner}; reason=${reason}`;
