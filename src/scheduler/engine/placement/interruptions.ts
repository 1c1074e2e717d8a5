import type { Market } from '../model/pool-spec.ts';

/** How long nodes of a pool have been watched, and how many of them were taken away. Plain data. */
export interface Interruptions {
  readonly count: number;
  /** Time of all nodes together. */
  readonly nodeMs: number;
  /** Up to when it has been counted. */
  readonly untilMs: number;
}

/** What is supposed of a pool before anything has been seen of it: one node in 48 hours of spot, none elsewhere, as if a day had been watched. */
const SUPPOSED = { nodeHours: 24, count: { spot: 0.5, on_demand: 0, reserved: 0 } } as const satisfies {
  nodeHours: number;
  count: Record<Market, number>;
};

export const NONE_SEEN: Interruptions = { count: 0, nodeMs: 0, untilMs: 0 };

/** Takes time up to now into account, during which there were so many nodes. */
export function watched({ count, nodeMs, untilMs }: Interruptions, nodes: number, nowMs: number): Interruptions {
  return { count, nodeMs: nodeMs + nodes * Math.max(0, nowMs - untilMs), untilMs: Math.max(untilMs, nowMs) };
}

/** How often a node of the pool is taken away in an hour. */
export const interruptionsPerHour = (market: Market, { count, nodeMs }: Interruptions): number =>
  (count + SUPPOSED.count[market]) / (nodeMs / 3_600_000 + SUPPOSED.nodeHours);
