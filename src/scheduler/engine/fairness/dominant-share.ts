import type { Bundle, CohortNode } from './quota-tree.ts';
import { amountOf, rootOf } from './quota-tree.ts';

const PARTS = 1_000_000;

/**
 * The largest part of any resource of the tree that a member holds, in millionths, divided by its weight: dominant resource fairness.
 * With `more`, what it would be after taking that.
 */
export function dominantSharePpm(node: CohortNode, more: Bundle = []): number {
  const root = rootOf(node);
  let share = 0;
  for (const [resource, { held }] of node.accounts) share = Math.max(share, part(root, resource, held + amountOf(more, resource)));
  for (const { resource, quantity } of more) if (!node.accounts.has(resource)) share = Math.max(share, part(root, resource, quantity));
  return Math.floor((share * 1000) / node.spec.weightMilli);
}

/** The dominant share that a member would have if it held just these quantities. */
export function shareOfPpm(node: CohortNode, held: ReadonlyMap<string, number>): number {
  const root = rootOf(node);
  let share = 0;
  for (const [resource, quantity] of held) share = Math.max(share, part(root, resource, quantity));
  return Math.floor((share * 1000) / node.spec.weightMilli);
}

function part(root: CohortNode, resource: string, quantity: number): number {
  const total = root.accounts.get(resource)?.subtree ?? 0;
  return total === 0 ? 0 : Math.floor((quantity * PARTS) / total);
}

/** Two to the power of -1/32, in 2^20ths: what is left of a part of the past after a 32nd of its half-life. */
const LEFT_AFTER_STEP = 1_026_108;
const UNIT = 1_048_576;
const STEPS_A_HALF_LIFE = 32;
/** After so many steps less than a millionth of the past is left. */
const STEPS_MAX = 20 * STEPS_A_HALF_LIFE;

/** How much a queue has had of late: its share, averaged over the past with weights that halve with every half-life. Plain data. */
export interface UsageHistory {
  readonly averagePpm: number;
  /** Up to when the average goes. */
  readonly untilMs: number;
}

export const NO_HISTORY: UsageHistory = { averagePpm: 0, untilMs: 0 };

/** The history a queue has at `nowMs` that had `sharePpm` since. In integers: the same on every machine. */
export function aged({ averagePpm, untilMs }: UsageHistory, sharePpm: number, nowMs: number, halfLifeMs: number): UsageHistory {
  const stepMs = Math.max(1, Math.floor(halfLifeMs / STEPS_A_HALF_LIFE));
  const steps = Math.floor(Math.max(0, nowMs - untilMs) / stepMs);
  let average = averagePpm;
  for (let step = Math.min(steps, STEPS_MAX); step > 0; step--) {
    average = Math.floor((average * LEFT_AFTER_STEP + sharePpm * (UNIT - LEFT_AFTER_STEP)) / UNIT);
  }
  return { averagePpm: average, untilMs: untilMs + steps * stepMs };
}

/** The history of a member whose weight has changed: what it has had counts by its weight of now. */
export const reweighed = (history: UsageHistory, beforeMilli: number, afterMilli: number): UsageHistory => ({
  ...history,
  averagePpm: Math.floor((history.averagePpm * beforeMilli) / afterMilli),
});

/** What the members of a cohort have had together up to `nowMs`, by the cohort's own weight. */
export function gathered(
  members: readonly { readonly history: UsageHistory; readonly weightMilli: number }[],
  weightMilli: number,
  nowMs: number,
): UsageHistory {
  const had = members.reduce((sum, { history, weightMilli: its }) => sum + history.averagePpm * its, 0);
  return { averagePpm: Math.floor(had / weightMilli), untilMs: nowMs };
}
