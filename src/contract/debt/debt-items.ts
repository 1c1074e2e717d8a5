import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';
import { DEBT_SIGNALS, debtFact, sha256 } from './debt-facts.ts';
import { DEBT_LIMITS } from './debt-limits.ts';

// Items of debt, as registers keep them and reports show them.

/** Every rule that makes items. An item's id has its rule's name in it: a rule is never renamed. */
export const DEBT_RULES = [
  'measurement-gap',
  'hotspot',
  'hot-file',
  'untested-hotspot',
  'growing-function',
  'complex-function',
  'duplicate-code',
  'example-copies',
  'unused-code',
  'unused-dependency',
  'import-cycle',
  'change-coupling',
  'layer-break',
  'type-hole',
  'old-todo',
  'missed-branches',
  'flaky-test',
  'dependency-behind',
  'unpinned-dependency',
  'stale-pin',
  'licence-not-allowed',
  'unused-setting',
  'stale-flag',
  'no-owner',
  'idle-owner',
  'single-author',
  'unpinned-input',
  'not-reproducible',
  'contract-mismatch',
  'drifted-model',
  'recall-loss',
  'stale-model',
  'serving-skew',
  'undeclared-consumer',
  'unused-input',
  'feedback-loop',
  'ml-test-missing',
  'budget-burn',
  'incident',
  'idle-pool',
] as const;
export type DebtRule = (typeof DEBT_RULES)[number];

/** How much a finding shows: that something costs, or only a shape that often does. */
const GRADES = ['strong', 'weak'] as const;
export type Grade = (typeof GRADES)[number];

const minutes = z.number().meta(about('Minutes of work.'));
/** A figure with the range that its estimate leaves. */
const spread = z.object({ p10: minutes, p50: minutes, p90: minutes });
export type Spread = z.output<typeof spread>;

const RATINGS = ['A', 'B', 'C', 'D', 'E'] as const;
export const rating = z.enum(RATINGS).meta(about('By debt ratio: A up to 5 %, B 10 %, C 20 %, D 50 %, E above.'));
export type Rating = z.output<typeof rating>;

/** What a rule found in facts: a pure function of them. */
export const debtFinding = z.object({
  id: sha256.meta(about('Of the rule, the subject and the symbol; never of a line number, so that it survives edits.')),
  rule: z.enum(DEBT_RULES),
  signal: z.enum(DEBT_SIGNALS),
  subject: z.string(),
  symbol: z.string(),
  component: z.string(),
  owner: z.string().nullable(),
  title: z.string().meta(about('What is wrong, with the value and the target.')),
  remedy: z.string().meta(about('What to do.')),
  doubt: z.string().optional().meta(about('What speaks against it: of a candidate why it is no item.')),
  risk: z
    .union([z.literal(1), z.literal(2), z.literal(3)])
    .meta(about('3: a contract, a licence or security; 2: a service level; 1: other.')),
  confidence: z
    .number()
    .min(0)
    .max(1)
    .meta(about('How many of such findings readers of public repositories called debt, as a share; 1: the policy itself asks for it.')),
  is_blocking: z.boolean().meta(about('Never budgeted: `sluice debt check` fails on it.')),
  principal_minutes: spread.meta(about('What paying it takes.')),
  interest_minutes_per_week: spread.meta(about('What not paying it takes.')),
  priority: spread.meta(about('Risk x (interest in 13 weeks - principal) / principal. Below 0: leave it.')),
  evidence: z.array(debtFact).max(64),
});
export type DebtFinding = z.output<typeof debtFinding>;

export const DEBT_STATES = ['open', 'accepted', 'candidate', 'closed'] as const;

/** An item of a register: a finding, and what happened to it. */
export const debtItem = debtFinding
  .extend({
    state: z
      .enum(DEBT_STATES)
      .meta(
        about(
          '`candidate`: its rule still finds it, with less confidence than the policy asks for; it counts nowhere. `closed`: it does not.',
        ),
      ),
    opened_at: unixSeconds,
    closed_at: unixSeconds.nullable(),
    accepted_until: unixSeconds.nullable(),
    assignee: z.string().nullable(),
    override_minutes: minutes.nullable().meta(about('What a person said that paying it takes, with a reason.')),
  })
  .meta({ id: 'DebtItem' });
export type DebtItem = z.output<typeof debtItem>;

const reason = z.string().min(1).max(DEBT_LIMITS.debtReasonCharsMax).meta(about('Kept in the audit.'));

/** What people may do to an item: nothing creates, closes or rescores one but its rule (D6). */
export const debtAction = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('accept'),
    days: z.int().min(1).max(DEBT_LIMITS.debtAcceptedDaysMax),
    reason,
  }),
  z.strictObject({ action: z.literal('assign'), assignee: z.string().min(1).max(256).nullable() }),
  z.strictObject({
    action: z.literal('override'),
    minutes: z.number().min(0).max(DEBT_LIMITS.debtOverrideMinutesMax).nullable(),
    reason,
  }),
]);
export type DebtAction = z.output<typeof debtAction>;
