import * as z from 'zod';

import { DEBT_SIGNALS } from './debt-facts.ts';
import { debtShares, debtTeam } from './debt-plan.ts';
import { DEBT_LIMITS } from './debt-limits.ts';

// `debt.json` of a repository: its parts, what they may import, which signals it promises to measure, and where evidence lies.

const text = z.string().min(1).max(DEBT_LIMITS.debtSubjectCharsMax);
const texts = z.array(text).max(DEBT_LIMITS.debtComponentsMaxCount);

const component = z.strictObject({
  name: text,
  kind: z.enum(['code', 'model', 'index', 'pool', 'route', 'data']).default('code'),
  /** Folders or files; the longest that a path begins with decides. */
  paths: texts.default([]),
  /** 1: it may not fail; 3: it may. */
  tier: z.union([z.literal(1), z.literal(2), z.literal(3)]).default(3),
  /** Where CODEOWNERS does not say: of what is not in files. */
  owners: texts.default([]),
});

const layer = z.strictObject({
  name: text,
  paths: texts,
  /** Layers that it may import besides itself. */
  may_import: texts,
  /** Its paths are siblings that may not import each other. */
  siblings: z.boolean().default(false),
});

/** Where collectors find what they do not measure themselves; paths from the root of the repository, with `*` and `**`. */
const inputs = z.strictObject({
  /** Istanbul's `coverage-final.json`, lcov, or the summary of `debtCoverage`. */
  coverage: texts.default([]),
  /** JUnit XML or vitest's JSON, one file a run. */
  test_runs: texts.default([]),
  /** A snapshot of a package registry, or what `npm outdated --json` printed. */
  registry: text.optional(),
  /** What `knip --reporter json` printed; without it knip is run where the repository has it. */
  dead_code: text.optional(),
  /** JSON files whose keys the code should read. */
  settings: texts.default([]),
  /** JSON files whose keys are flags or experiments. */
  flags: texts.default([]),
  /** Recipes of models and data sets. */
  recipes: texts.default([]),
  /** What is known of models, indexes and data sets; see docs/debt.md. */
  models: texts.default([]),
  /** Checks of the ML Test Score with their evidence. */
  ml_tests: texts.default([]),
  /** Objectives, bad events and incidents by component. */
  service_levels: texts.default([]),
});

const plan = debtShares.extend({
  /** From deciding to hire until the first day: an assumption. */
  hiring_weeks: z.number().min(0).max(104).default(12),
});

export const debtPolicy = z.strictObject({
  components: z.array(component).max(DEBT_LIMITS.debtComponentsMaxCount).default([]),
  layers: z.array(layer).max(DEBT_LIMITS.debtComponentsMaxCount).default([]),
  /** Files that are not the repository's own work, besides those that are found to be generated or vendored. */
  ignore: texts.default([]),
  /** A signal in it that is not known is debt. */
  expects: z.array(z.enum(DEBT_SIGNALS)).default(['hotspots', 'duplication', 'structure', 'todos']),
  licences: z
    .strictObject({
      /** SPDX ids; without it every licence is allowed. */
      allow: texts.optional(),
      /** Packages that are allowed another licence, with the reason; a name may end with `*`. */
      except: z.record(text, text).default({}),
    })
    .default({ except: {} }),
  /** Days after which a comment that announces work, or a flag, is old. */
  todo_days: z.int().min(1).max(3_660).default(90),
  flag_days: z.int().min(1).max(3_660).default(60),
  /** What has less confidence than this is a candidate, and no item; 0 lists all. */
  confidence_min: z.number().min(0).max(1).default(0.85),
  /** Minutes that those who work on the repository have in a week, for what service levels cost. */
  capacity_minutes_per_week: z.number().min(1).default(2_400),
  /** Without teams, each owner of components is one, with that capacity. */
  teams: z.array(debtTeam).max(DEBT_LIMITS.debtComponentsMaxCount).default([]),
  plan: plan.default(plan.parse({})),
  inputs: inputs.default(inputs.parse({})),
});
export type DebtPolicy = z.output<typeof debtPolicy>;
export type DebtComponent = DebtPolicy['components'][number];
