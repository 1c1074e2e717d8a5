import type { JobSpec } from '../model/job-spec.ts';
import type { Market } from '../model/pool-spec.ts';
import { HOUR_MS } from '../../../kernel/time-units.ts';

/** What determines the price of an option for a job. */
interface WorkTerms {
  /** Of one node's worth. */
  readonly nanoDollarsPerHour: number;
  /** Thousandths of the job's own unit of work that a node does in an hour. */
  readonly throughputMilli: number;
  /** Nodes that work together: when one is taken away, all of them lose what was not saved. */
  readonly nodes: number;
  /** How often a node of the pool is taken away. */
  readonly interruptionsPerHour: number;
  /** What the job loses each time. */
  readonly lostHours: number;
}

/**
 * Nano-dollars that the tenant is billed for a thousandth of the job's own unit of work, done twice where it is lost. What others would need the
 * type for does not count: who pays for a dearer one gains nothing by that. It decides between plans that cost as much (PL17).
 */
export function costPerWork(terms: WorkTerms): number {
  const redone = 1 + terms.nodes * terms.interruptionsPerHour * terms.lostHours;
  return (terms.nanoDollarsPerHour * redone) / Math.max(1, terms.throughputMilli);
}

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

/** Half of this is what a job loses that never saves and does not say how long it takes. */
const UNSAVED_MS = 2 * HOUR_MS;

/** What a job has to do again, on average, when it is interrupted: half of what lies between two saves, and beginning again. */
export function lostHours({ checkpoint, limits }: Pick<JobSpec, 'checkpoint' | 'limits'>): number {
  const betweenMs = checkpoint.intervalMs ?? limits.durationMaxMs ?? UNSAVED_MS;
  return (betweenMs / 2 + checkpoint.restartMs) / HOUR_MS;
}
