import type { ScalingPolicy } from '../model/scaling-policy.ts';

/** What online inference is asked to do. */
export interface Load {
  readonly requestsPerSecondMilli: number;
  /** Requests that wait already. */
  readonly queuedCount: number;
}

/** Nodes as they are wanted, and since when fewer would do; plain data. */
export interface Scale {
  readonly nodes: number;
  readonly fewerSinceMs: number | null;
}

/** Follows the load: up at once, down to what it asks for once it has asked for less for long enough, and to none when it asks for nothing. */
export function scaleTo({ nodes, fewerSinceMs }: Scale, load: Load, policy: ScalingPolicy, nowMs: number): Scale {
  const queuedMilli = Math.ceil((load.queuedCount * 1_000_000) / policy.drainMs);
  const needed = Math.ceil((load.requestsPerSecondMilli + queuedMilli) / policy.requestsPerSecondPerNodeMilli);
  if (needed >= nodes) return { nodes: needed, fewerSinceMs: null };
  const sinceMs = fewerSinceMs ?? nowMs;
  return nowMs - sinceMs >= policy.cooldownMs ? { nodes: needed, fewerSinceMs: null } : { nodes, fewerSinceMs: sinceMs };
}
