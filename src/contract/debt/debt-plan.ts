import * as z from 'zod';

import { DEBT_LIMITS } from './debt-limits.ts';

// What a plan for paying debt is made from, besides the items: who has how much time, how service levels stand, what is to be built.

const name = z.string().min(1).max(DEBT_LIMITS.debtSubjectCharsMax);
const share = z.number().min(0).max(1);
const minutes = z.number().min(0).max(1e9);

/** The time of a team, or of another owner of components. */
export const debtTeam = z.strictObject({
  /** As CODEOWNERS and components name it. */
  name,
  capacity_minutes_per_week: z.number().min(1).max(1e7),
  /** Names of authors, as the history has them. */
  members: z.array(name).max(DEBT_LIMITS.debtComponentsMaxCount).default([]),
  /** Members that answer pages. */
  on_call: z.array(name).max(DEBT_LIMITS.debtComponentsMaxCount).default([]),
  review_minutes_per_week: minutes.optional(),
  pages_per_week: z.number().min(0).max(1e6).optional(),
});
export type DebtTeam = z.output<typeof debtTeam>;

/**
 * How much of an owner's time goes to debt. Every number is a starting point that was chosen, not measured: a repository sets its own in
 * `debt.json`, and reports name the hash of what they used.
 */
export const debtShares = z.strictObject({
  /** With the error budget whole and little interest. */
  base: share.default(0.15),
  /** Added in proportion, from an error budget half spent to one that is spent. */
  spent_budget: share.default(0.35),
  /** Interest below this share of the time adds nothing; what is above is added, up to `interest_max`. */
  interest_free: share.default(0.05),
  interest_max: share.default(0.15),
  /** Added while the debt ratio has risen twice in a row. */
  rising: share.default(0.05),
  min: share.default(0.1),
  max: share.default(0.6),
});
export type DebtShares = z.output<typeof debtShares>;

/** How the error budget of a component stands after the last 28 days. */
export const budgetReading = z.strictObject({
  component: name,
  /** 1: nothing is spent; 0: all; below 0: overspent. */
  budget_left: z.number().max(1),
  /** What spent it: Google's policy stops releases only for what the owners caused themselves. */
  cause: z.enum(['own', 'network', 'other_team', 'out_of_scope']).default('own'),
});
export type BudgetReading = z.output<typeof budgetReading>;

/** What is to be built, in the order of its importance. */
export const roadmap = z.strictObject({
  features: z
    .array(
      z.strictObject({
        name,
        owner: name,
        estimate_minutes: z.number().min(1).max(1e9),
      }),
    )
    .max(DEBT_LIMITS.debtRoadmapFeaturesMaxCount),
});
export type Roadmap = z.output<typeof roadmap>;
export type RoadmapFeature = Roadmap['features'][number];
