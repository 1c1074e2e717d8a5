import * as z from 'zod';

import { debtFactFile, sha256 } from './debt-facts.ts';
import { DEBT_LIMITS } from './debt-limits.ts';

// Files of evidence that `debt.json` names and that no other tool has a format for.

const text = z.string().min(1).max(DEBT_LIMITS.debtSubjectCharsMax);
const seconds = z.int().min(0);
const counts = z.array(z.number().min(0)).min(2).max(1_000);
const hashes = z.record(text, sha256);

/** What is known of models, indexes and data sets, as training and serving report it. */
export const debtModels = z.strictObject({
  collected_at: seconds,
  models: z
    .array(
      z.strictObject({
        name: text,
        trained_at: seconds.optional(),
        days_max: z.number().min(1).optional(),
        retrain_minutes: z.number().min(0).optional(),
        /** Hashes of its steps, such as the tokeniser, in training and in serving. */
        training: hashes.default({}),
        serving: hashes.default({}),
        /** By name, such as score, length or out-of-vocabulary: counts in the same bins when it was released, and now. */
        histograms: z.record(text, z.strictObject({ reference: counts, current: counts })).default({}),
        canary: z.strictObject({ recall: z.number().min(0).max(1), reference: z.number().min(0).max(1) }).optional(),
      }),
    )
    .default([]),
  indexes: z
    .array(
      z.strictObject({
        name: text,
        contract: sha256,
        /** That of the model that now embeds its queries. */
        served: sha256,
        reindex_minutes: z.number().min(0).optional(),
        /** Of a measured proof that the two are compatible. */
        proof: sha256.optional(),
      }),
    )
    .default([]),
  data: z
    .array(
      z.strictObject({
        name: text,
        consumers: z.array(text).default([]),
        /** What was seen to read it. */
        observed: z.array(text).default([]),
        /** The data sets and models that it is made from. */
        made_from: z.array(text).default([]),
      }),
    )
    .default([]),
});

/** Checks of the ML Test Score: how each is run, and the file that shows it. */
export const debtMlTests = z.strictObject({
  component: text,
  checks: z.record(text, z.strictObject({ run: z.enum(['by hand', 'automated']), evidence: text })),
});

/** Objectives and incidents of a week by component. */
export const debtServiceLevels = z.strictObject({
  collected_at: seconds,
  objectives: z
    .array(
      z.strictObject({
        component: text,
        name: text,
        objective: z.number().min(0).max(0.999_999_999),
        events: z.number().min(1),
        bad_events: z.number().min(0),
      }),
    )
    .default([]),
  incidents: z.array(z.strictObject({ component: text, id: text, text, minutes: z.number().min(0), is_fixed: z.boolean() })).default([]),
});

/** How many there are, and how many of them tests take. */
const taken = z
  .strictObject({ covered: z.int().min(0), total: z.int().min(0) })
  .refine(({ covered, total }) => covered <= total, 'must not cover more than there are');

/** What tests take of each file, as a repository keeps it. */
export const debtCoverage = z.strictObject({
  format: z.literal('sluice-debt-coverage-1'),
  git_commit: debtFactFile.shape.git_commit,
  collected_at: seconds,
  command: text,
  /** Those that were counted, as in "unit tests take 40 % of its branches". */
  tests: text.optional(),
  /** Why files of folders have no figures. */
  left_out: z.record(text, text).default({}),
  files: z.record(text, z.strictObject({ lines: taken, branches: taken })),
});

/** What `npm outdated --json` prints: what it does not name is up to date. */
export const debtOutdated = z.record(text, z.object({ current: text, latest: text }));

/** A snapshot of a package registry. Its dates are used only if they rise with the versions. */
export const debtRegistry = z.object({
  collected_at: seconds,
  packages: z.record(
    text,
    z.object({
      versions: z.record(text, z.object({ released_at: seconds.optional(), deprecated: z.string().optional() })),
    }),
  ),
});
