import { afterAll, describe, expect, it } from 'vitest';
import type { DebtFact } from '../../../../src/contract/debt/debt-facts.ts';
import { DEBT_SIGNALS } from '../../../../src/contract/debt/debt-facts.ts';
import type { DebtPolicy } from '../../../../src/contract/debt/debt-policy.ts';
import { assess } from '../../../../src/debt/rules/assess.ts';
import { FactSet, signalOf } from '../../../../src/debt/fact.ts';
import { measure } from '../../../../workers/cli/debt/measure.ts';
import { NOW_S } from '../../../support/fixtures/debt-facts.ts';
import {
  changedRepository,
  flakyReports,
  functionOf,
  json,
  lock,
  models,
  POLICY,
  soundFiles,
  soundReports,
  soundRepository,
} from '../../../support/fixtures/debt-repository.ts';
import type { Files } from '../../../support/fixtures/git-repository.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';

const made: GitRepository[] = [];
afterAll(() => made.forEach((repository) => repository.remove()));

const kept = (repository: GitRepository): GitRepository => {
  made.push(repository);
  return repository;
};

const sound = kept(soundRepository(NOW_S));
const changed = (change: Files = {}, reports: Files = soundReports): GitRepository => changedRepository(sound, NOW_S, change, reports);

const found = async ({ root }: GitRepository) => {
  const { file, facts, policy } = await measure(root, {}, NOW_S);
  return { facts: file.facts, policy, ...assess(facts, policy) };
};

const rulesOf = async (repository: GitRepository): Promise<string[]> =>
  (await found(kept(repository))).findings.map(({ rule, subject }) => `${rule} ${subject}`);

const known = models(NOW_S);
const [ranker] = known.models;
const withRanker = (over: object): Files => ({ 'models.json': json({ ...known, models: [{ ...ranker, ...over }] }) });
const nested = `export function decide(a: number, b: number): number {
${'  if (a > b) { for (const c of [a, b]) { if (c > 1) { while (b > c) { return c; } } } }\n'.repeat(3)}  return a;
}
`;

/** What is done to a sound repository, and the one finding that this has to make. */
const FAULTS: readonly (readonly [string, Files, string])[] = [
  ['dropped owner', { CODEOWNERS: '/web/ @web-team\n' }, 'no-owner core'],
  ['doubled function', { 'web/copy.ts': functionOf('copied') }, 'duplicate-code core/sum.ts'],
  ['unpinned input', { 'recipes/ranker.json': json({ inputs: [{ uri: 'npm:words@latest' }] }) }, 'unpinned-input recipes/ranker.json'],
  ['drifted model', withRanker({ histograms: { score: { reference: [100, 300, 100], current: [400, 90, 10] } } }), 'drifted-model ranker'],
  ['skewed tokenizer', withRanker({ serving: { tokenizer: 'b'.repeat(64) } }), 'serving-skew ranker'],
  ['lost recall', withRanker({ canary: { recall: 0.9, reference: 0.95 } }), 'recall-loss ranker'],
  ['stale model', withRanker({ trained_at: NOW_S - 400 * 86_400 }), 'stale-model ranker'],
  [
    'cycle',
    { 'core/sum.ts': `import { listed } from './list.ts';\n${functionOf('sumOf')}export const again = listed;\n` },
    'import-cycle core/list.ts',
  ],
  ['broken layer', { 'core/up.ts': "import { page } from '../web/page.ts';\nexport const up = page;\n" }, 'layer-break core/up.ts'],
  ['complex function', { 'web/decide.ts': nested }, 'complex-function web/decide.ts'],
  [
    'type holes',
    { 'web/any.ts': 'export const a: any = 1;\nexport const b: any = 2;\nexport const c = (1 as any) + 2;\n' },
    'type-hole web/any.ts',
  ],
  ['licence', { 'package-lock.json': lock('GPL-3.0-only') }, 'licence-not-allowed npm:left'],
  ['unused setting', { 'settings.json': json({ cache: { ttl_s: 5, sweep_s: 9 } }) }, 'unused-setting settings.json'],
  [
    'contract mismatch',
    { 'models.json': json({ ...known, indexes: [{ name: 'articles', contract: 'c'.repeat(64), served: 'e'.repeat(64) }] }) },
    'contract-mismatch articles',
  ],
  [
    'undeclared consumer',
    { 'models.json': json({ ...known, data: [{ name: 'clicks', consumers: ['ranker'], observed: ['ranker', 'ads'] }] }) },
    'undeclared-consumer clicks',
  ],
  [
    'burnt budget',
    {
      'levels.json': json({
        collected_at: NOW_S,
        objectives: [{ component: 'web', name: 'availability', objective: 0.99, events: 1_000, bad_events: 30 }],
      }),
    },
    'budget-burn web',
  ],
];

describe('[D18] seeded faults', () => {
  it('a sound repository has no findings, and knows every signal that it expects', async () => {
    const { findings, signals, total } = await found(kept(changed()));
    expect(findings).toEqual([]);
    expect(signals.filter(({ isKnown }) => !isKnown)).toEqual([]);
    expect(total.rating).toBe('A');
  });

  it.each(FAULTS)('%s', async (_, change, rule) => {
    expect(await rulesOf(changed(change))).toEqual([rule]);
  });

  it('complex function that changes', async () => {
    const repository = changed({ 'web/decide.ts': nested });
    for (const limit of [2, 3]) repository.commit({ 'web/decide.ts': nested.replace('c > 1', `c > ${limit}`) }, 1 / limit);
    expect(await rulesOf(repository)).toEqual(['complex-function web/decide.ts']);
    const once = nested.replace('c > 1', 'c > 3').replace('return a;', 'return b;');
    repository.commit({ 'web/decide.ts': once }, 0.1);
    expect(await rulesOf(repository)).toEqual(['hotspot web/decide.ts']);
  });

  it('flaky test', async () => {
    expect(await rulesOf(changed({}, flakyReports))).toEqual(['flaky-test web/page.test.ts']);
  });

  it('missed branches', async () => {
    const missed = { ...soundReports, 'coverage/lcov.info': 'SF:core/sum.ts\nBRDA:5,0,0,4\nBRDA:5,0,1,0\nend_of_record\n' };
    expect(await rulesOf(changed({}, missed))).toEqual(['missed-branches core/sum.ts']);
  });

  /** Commits of what is old, and of what is new, on top of the sound repository of 130 days ago. */
  const aged = (old: Files, young: Files): GitRepository => {
    const repository = new GitRepository(NOW_S);
    repository.commit(soundFiles(NOW_S), 130);
    repository.commit(old, 120);
    repository.commit(young, 1);
    repository.write(soundReports);
    return repository;
  };
  const flagFile: Files = { 'flags.json': json({ new_ranker: true }) };
  const later: Files = { 'web/late.ts': '// TODO: page by page\nexport const late = 1;\n' };

  it('stale flag', async () => {
    expect(await rulesOf(aged(flagFile, later))).toEqual(['stale-flag flags.json']);
  });

  it('old TODO', async () => {
    expect(await rulesOf(aged(later, flagFile))).toEqual(['old-todo web/late.ts']);
  });
});

it('[D22] examples, documentation and benchmarks carry no debt of the product', async () => {
  const copies = ['one', 'two'].map(functionOf);
  const beside = (folder: string): Files => ({
    [`${folder}/a.ts`]: `import { b } from './b.ts';\n${copies[0]}export const a = b as any;\n`,
    [`${folder}/b.ts`]: `import { a } from './a.ts';\n${copies[1]}export const b = a as any;\nlet c: any;\nlet d: any;\n`,
    [`${folder}/c.ts`]: nested,
  });
  expect(await rulesOf(changed({ ...beside('examples/one'), ...beside('docs/two'), ...beside('benchmarks/three') }))).toEqual([
    // What examples repeat is a kind of its own, and never sure.
    'example-copies .',
    'example-copies .',
  ]);
});

describe('[D8] leaving off a collector', () => {
  const faulty = async () => {
    const change = Object.assign({}, ...FAULTS.slice(0, 6).map(([, files]) => files)) as Files;
    return found(kept(changed({ ...change, 'package-lock.json': lock('GPL-3.0-only') }, flakyReports)));
  };
  const scoreOf = (facts: DebtFact[], policy: DebtPolicy) => {
    const { total, components, findings } = assess(new FactSet(facts, NOW_S), policy);
    return { total, components, isBlocked: findings.some(({ is_blocking }) => is_blocking), findings };
  };

  it('never improves a rating or unblocks, whichever signal it is', async () => {
    const { facts, policy } = await faulty();
    const whole = scoreOf(facts, policy);
    expect(whole.isBlocked).toBe(true);
    for (const signal of DEBT_SIGNALS.filter((one) => policy.expects.includes(one))) {
      const without = scoreOf(
        facts.filter((fact) => signalOf(fact) !== signal),
        policy,
      );
      expect(without.isBlocked, signal).toBe(true);
      expect(
        without.findings.some(({ rule, symbol }) => rule === 'measurement-gap' && symbol === signal),
        signal,
      ).toBe(true);
      expect(without.total.assessedRatio, signal).toBeGreaterThanOrEqual(whole.total.assessedRatio);
      for (const component of whole.components) {
        const left = without.components.find(({ name }) => name === component.name);
        if (left !== undefined) expect(left.rating >= component.rating, `${signal} ${component.name}`).toBe(true);
      }
    }
  });

  it('of a signal that blocks, blocks by itself', async () => {
    const { facts, policy } = await found(kept(changed()));
    expect(scoreOf(facts, policy).isBlocked).toBe(false);
    for (const signal of ['licences', 'embedding-contracts', 'ownership'] as const) {
      const without = facts.filter((fact) => signalOf(fact) !== signal);
      expect(scoreOf(without, policy).isBlocked, `[D11] ${signal}`).toBe(true);
    }
    const expired = facts.map((fact) => (signalOf(fact) === 'licences' ? { ...fact, ttl_s: 1, collected_at: NOW_S - 5 } : fact));
    expect(scoreOf(expired, { ...policy, expects: [] }).isBlocked, 'what was once known is expected').toBe(true);
  });
});

it('has a policy that expects what the fixture measures', () => {
  expect(POLICY.expects.length).toBeGreaterThan(15);
});
