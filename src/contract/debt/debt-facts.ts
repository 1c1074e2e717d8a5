import * as z from 'zod';

import { membersFrom } from '../api/presence.ts';
import { about } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';
import { DEBT_LIMITS } from './debt-limits.ts';

// What is measured about debt, as collectors write it and registers take it.

/**
 * The signals: what is measured together, by one collector, and is unknown together. The order is that of reports.
 *
 * A signal is known of a repository or deployment while a `census` of it is fresh.
 */
export const DEBT_SIGNALS = [
  'hotspots',
  'duplication',
  'dead-code',
  'structure',
  'coupling',
  'types',
  'todos',
  'coverage',
  'tests',
  'dependencies',
  'pins',
  'licences',
  'settings',
  'flags',
  'ownership',
  'reproducibility',
  'embedding-contracts',
  'model-inputs',
  'model-quality',
  'serving-skew',
  'data-dependencies',
  'ml-tests',
  'service-levels',
  'pools',
  'teams',
] as const;
export type DebtSignal = (typeof DEBT_SIGNALS)[number];

/** Every kind of fact: the signal it belongs to, the unit of its value, and what it is about. */
export const FACT_KINDS = {
  census: { signal: null, unit: 'subjects', of: 'a signal, in `symbol`: how many subjects were examined' },
  'code-lines': { signal: 'hotspots', unit: 'lines', of: 'a file: lines that are neither blank nor comments' },
  'code-churn': { signal: 'hotspots', unit: 'changes', of: 'a file: its commits, each halved every 90 days' },
  'code-complexity': { signal: 'hotspots', unit: 'points', of: 'a file, or its function in `symbol`: cognitive complexity' },
  'function-changes': {
    signal: 'hotspots',
    unit: 'commits',
    of: 'a function in `symbol`: commits of a year that changed its lines',
  },
  'function-fixes': {
    signal: 'hotspots',
    unit: 'commits',
    of: 'a function in `symbol`: how often two years repaired it; `commits`: those that changed its code',
  },
  'change-time': {
    signal: 'hotspots',
    unit: 'minutes',
    of: 'a repository: what a change takes its author, between `p10` and `p90`; `days`: of authors, that this was read from',
  },
  'file-work': {
    signal: 'hotspots',
    unit: 'commits',
    of: 'a file: commits of `years`; `repairs`: those that say that they fix something, `authors`, and `with_tests`: those that changed a test',
  },
  'function-growth': {
    signal: 'hotspots',
    unit: 'lines',
    of: 'a function in `symbol`: lines that it has more than two years ago; `complexity` and `complexity_before`',
  },
  beside: {
    signal: 'hotspots',
    unit: 'files',
    of: 'what is beside the product, by kind in `symbol`: tests, examples, docs or tooling; `copied_lines`: of them in other files, too',
  },
  'changed-with': {
    signal: 'coupling',
    unit: 'commits',
    of: 'a file: commits that changed the one in `symbol`, too, more often than chance explains, though neither imports the other',
  },
  clone: { signal: 'duplication', unit: 'lines', of: 'a file that holds the same code as another, which `symbol` names' },
  'unused-code': { signal: 'dead-code', unit: 'count', of: 'a file or an export of it that nothing uses' },
  'unused-dependency': { signal: 'dead-code', unit: 'count', of: 'a package that is declared and not imported' },
  'import-cycle': { signal: 'structure', unit: 'files', of: 'the first file of a cycle of imports' },
  'layer-break': { signal: 'structure', unit: 'imports', of: 'a file that imports, in `symbol`, what its layer may not' },
  'type-hole': { signal: 'types', unit: 'count', of: 'a file: places at which the type checker is switched off; `symbol`: how' },
  todo: { signal: 'todos', unit: 'days', of: 'a comment that announces work: its age' },
  'missed-branches': { signal: 'coverage', unit: 'branches', of: 'a file: branches that no test takes' },
  'flaky-test': { signal: 'tests', unit: 'runs', of: 'a test that both failed and passed at one commit: how often' },
  'dependency-lag': { signal: 'dependencies', unit: 'versions', of: 'a package: major versions that the installed one is behind' },
  'declared-range': {
    signal: 'pins',
    unit: 'range',
    of: 'a manifest: the versions that it allows of the package in `symbol`; `age_days`: since the line was changed',
  },
  licence: { signal: 'licences', unit: 'spdx', of: 'a package: its licence' },
  'unused-setting': { signal: 'settings', unit: 'count', of: 'a key of the configuration that no code reads' },
  'flag-age': { signal: 'flags', unit: 'days', of: 'a flag or experiment: days since it was last changed' },
  owner: { signal: 'ownership', unit: 'owner', of: 'a component: its owners by CODEOWNERS, the first first; empty: none' },
  'owner-idle': { signal: 'ownership', unit: 'days', of: 'a component: days since one of its owners changed it' },
  'author-share': { signal: 'ownership', unit: 'share', of: 'a component: the share of changed lines by its busiest author' },
  'recipe-input': { signal: 'reproducibility', unit: 'sha256', of: 'an input of a recipe: the hash it is pinned to; empty: none' },
  reproducibility: {
    signal: 'reproducibility',
    unit: 'index',
    of: 'a recipe: its reproducibility index, 0 to 1, by running it again',
  },
  'embedding-contract': {
    signal: 'embedding-contracts',
    unit: 'sha256',
    of: 'an index: its embedding contract; `served`: the model now served',
  },
  'input-shift': {
    signal: 'model-inputs',
    unit: 'psi',
    of: 'a model or index: how far a distribution, in `symbol`, of its inputs or scores has moved',
  },
  'canary-recall': {
    signal: 'model-quality',
    unit: 'share',
    of: 'an index or a model: recall on fixed queries; `reference`: when released',
  },
  'model-age': { signal: 'model-quality', unit: 'days', of: 'a model: days since it was trained' },
  'training-contract': {
    signal: 'serving-skew',
    unit: 'sha256',
    of: 'a step of a model, in `symbol`, in training; `serving`: its hash there',
  },
  consumer: {
    signal: 'data-dependencies',
    unit: 'count',
    of: 'a data set, model or index: a consumer, in `symbol`, that is not declared',
  },
  'unused-input': {
    signal: 'data-dependencies',
    unit: 'count',
    of: 'a data set or feature that is produced, and read by nothing',
  },
  'feedback-loop': {
    signal: 'data-dependencies',
    unit: 'steps',
    of: 'a data set that is made from what a model trained on it answered',
  },
  'ml-test': { signal: 'ml-tests', unit: 'points', of: 'a component: a check of the ML Test Score: 0, 0.5 by hand, 1 automated' },
  'budget-burn': {
    signal: 'service-levels',
    unit: 'ratio',
    of: 'a component: bad events over those its objective allows, in a week',
  },
  incident: { signal: 'service-levels', unit: 'minutes', of: 'a component: an incident, in `symbol`, and the work it took' },
  'known-lines': {
    signal: 'teams',
    unit: 'lines',
    of: 'a component: lines that an author, in `symbol`, changed, each halved every year',
  },
  'changed-together': { signal: 'teams', unit: 'commits', of: 'a component: commits that changed the one in `symbol`, too' },
  'author-commits': { signal: 'teams', unit: 'commits', of: 'an author: commits of three years, by week in `weeks`' },
  'entry-point': { signal: 'teams', unit: 'files', of: 'a file of the component in `symbol`: files elsewhere that import it' },
  guide: { signal: 'teams', unit: 'position', of: 'a page about the component in `symbol`: its place in the order of reading' },
  'pool-idle': { signal: 'pools', unit: 'share', of: 'a pool: the share of its paid time in which nothing ran' },
} as const satisfies Record<string, { signal: DebtSignal | null; unit: string; of: string }>;
export type FactKind = keyof typeof FACT_KINDS;

const subject = z
  .string()
  .min(1)
  .max(DEBT_LIMITS.debtSubjectCharsMax)
  .meta(about('A path, package, component, model, index, route or pool.', 'src/index/fan-out/fan-out.ts'));
const symbol = z.string().max(DEBT_LIMITS.debtSubjectCharsMax).meta(about('What of the subject: a function, a test, a key.', 'ask'));
export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 as 64 lower-case hex digits')
  .meta(about('A SHA-256.', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'));
const measure = z.number().min(-DEBT_LIMITS.debtNumberMax).max(DEBT_LIMITS.debtNumberMax);
const label = z.string().min(1).max(DEBT_LIMITS.debtValueCharsMax);

const evidence = z
  .strictObject({
    file: label.meta(about('What was read: a path, or a call of the API.', 'coverage/coverage-final.json')),
    sha256,
    tool: label.meta(about('What measured it.', 'istanbul')),
    tool_version: label,
    git_commit: z
      .string()
      .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'must be a commit id')
      .nullable()
      .meta(about('The commit that was measured; null outside of a repository.')),
  })
  .meta({ id: 'DebtEvidence' });

const FACT_SHAPE = {
  kind: z.enum(Object.keys(FACT_KINDS) as [FactKind, ...FactKind[]]),
  subject,
  symbol: symbol.optional(),
  value: z.union([measure, z.string().max(DEBT_LIMITS.debtValueCharsMax)]).meta(about('The measured value, in `unit`.')),
  unit: label,
  detail: membersFrom(
    z.record(z.string().max(64), z.union([measure, z.string().max(DEBT_LIMITS.debtValueCharsMax), z.boolean()])),
    0,
    DEBT_LIMITS.debtDetailsMaxCount,
    `has too many details; the limit is ${DEBT_LIMITS.debtDetailsMaxCount}`,
  ).optional(),
  evidence,
  collected_at: unixSeconds,
  ttl_s: z.int().min(1).max(DEBT_LIMITS.debtTtlMaxS).meta(about('So long the fact holds; then it is unknown.')),
} as const;

/** A measurement with its evidence (D1). */
export const debtFact = z
  .strictObject(FACT_SHAPE)
  .refine(({ kind, unit }) => FACT_KINDS[kind].unit === unit, { path: ['unit'], message: 'is not the unit of this kind of fact' })
  .meta({ id: 'DebtFact' });
export type DebtFact = z.output<typeof debtFact>;

/** What one run of collectors wrote. */
export const debtFactFile = z
  .strictObject({
    format: z.literal('sluice-debt-facts-1'),
    repository: label.meta(about('Whose facts these are.', 'github.com/example/search')),
    git_commit: evidence.shape.git_commit,
    collected_at: unixSeconds,
    facts: z.array(debtFact).max(DEBT_LIMITS.debtFactsMaxCount),
  })
  .meta({ id: 'DebtFactFile' });
export type DebtFactFile = z.output<typeof debtFactFile>;
