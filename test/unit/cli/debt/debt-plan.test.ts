import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import type { PlanWithRoadmap } from '../../../../workers/cli/debt/plan.ts';
import type { OnboardingReply, TeamsReply } from '../../../../src/contract/debt/teams.ts';
import { debtPolicy } from '../../../../src/contract/debt/debt-policy.ts';
import type { DebtFactFile } from '../../../../src/contract/debt/debt-facts.ts';
import { DebtRegistry } from '../../../../src/debt/store/debt-registry.ts';
import { onboardingReply, teamsReply } from '../../../../src/debt/teams/team-reply.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { splitText } from '../../../../workers/cli/debt/teams.ts';
import type { TrendAssessment } from '../../../../workers/cli/debt/trend.ts';
import { risingIn } from '../../../../workers/cli/debt/trend.ts';
import { programFor } from '../../../../workers/cli/program.ts';
import { functionOf, json } from '../../../support/fixtures/debt-repository.ts';
import { GitRepository } from '../../../support/fixtures/git-repository.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';

const NOW_S = Math.floor(Date.now() / 1000);
const [ANN, BEA, CEM] = ['Ann <ann@example.org>', 'Bea <bea@example.org>', 'Cem <cem@example.org>'];

/** A function of so many nested branches: more is harder. */
const hard = (name: string, depth: number): string =>
  `export function ${name}(n: number): number {\n${'if (n > 1) {\n'.repeat(depth)}n += 1;\n${'}\n'.repeat(depth)}return n;\n}\n`;

const POLICY = {
  confidence_min: 0,
  components: [
    { name: 'search', paths: ['src/search'], tier: 1, owners: ['search-team'] },
    { name: 'text', paths: ['src/text'], tier: 2, owners: ['search-team'] },
    { name: 'pages', paths: ['src/<pages>'], owners: ['web-team'] },
  ],
  teams: [
    { name: 'search-team', capacity_minutes_per_week: 600, members: ['@ann', 'bea@example.org'], on_call: ['Ann'] },
    { name: 'web-team', capacity_minutes_per_week: 600, members: ['Cem <cem@example.org>'] },
  ],
  inputs: { service_levels: ['levels.json'] },
};

const levels = (badEvents: number) =>
  json({
    collected_at: NOW_S,
    objectives: [
      { component: 'search', name: 'latency', objective: 0.75, events: 1_000, bad_events: 1 },
      { component: 'search', name: 'availability', objective: 0.75, events: 1_000, bad_events: badEvents },
      { component: 'search', name: 'recall', objective: 0.75, events: 1_000, bad_events: 1 },
    ],
  });

describe('the debt of teams', () => {
  let repository: GitRepository;
  const sluiceDebt = async (...args: string[]) => carriedOut(await programFor(['debt', ...args]), 'debt', ...args);
  const jsonOf = async <T>(name: string, ...args: string[]): Promise<T> => {
    const { stdout } = await sluiceDebt(name, repository.root, ...args, '--json');
    return JSON.parse(stdout) as T;
  };

  beforeAll(async () => {
    repository = new GitRepository(NOW_S);
    repository.commit({ 'debt.json': json(POLICY), 'levels.json': levels(500), 'src/search/a.ts': hard('a', 3) }, 80, ANN);
    repository.commit({ 'src/search/inner.ts': hard('inner', 1), 'src/search/SPEC.md': 'Search.\n' }, 60, ANN);
    repository.commit(
      { 'src/text/b.ts': `import { a } from '../search/a.ts';\na(1);\n${hard('b', 2)}`, 'src/search/a.ts': hard('a', 5) },
      50,
      BEA,
    );
    for (let day = 40; day > 25; day -= 1) repository.commit({ 'src/search/a.ts': hard('a', 5) + '\n'.repeat(day) }, day, CEM);
    repository.commit(
      { 'src/<pages>/c.ts': functionOf('c'), 'src/search/a.ts': `import { inner } from './inner.ts';\ninner(1);\n${hard('a', 9)}` },
      2,
      ANN,
    );
    await sluiceDebt('collect', repository.root);
  });
  afterAll(() => repository.remove());

  it('[D69] names members as owners are named, and finds what another team works on', async () => {
    const { teams, components, mentoring } = await jsonOf<TeamsReply>('teams');
    expect(teams.map(({ team, members }) => [team, members])).toEqual([
      ['search-team', [ANN, BEA]],
      ['web-team', [CEM]],
    ]);
    const search = components.find(({ component }) => component === 'search');
    expect(search).toMatchObject({
      owner: 'search-team',
      effective_owner: 'search-team',
      on_call_covered: true,
      move_to: { team: 'web-team' },
    });
    expect(mentoring.map(({ component, mentee }) => [component, mentee])).toContainEqual(['text', ANN]);
    const text = (await sluiceDebt('teams', repository.root)).stdout;
    expect(text).toContain('web-team (79 % of 19 commits)');
    expect(text).toMatch(/^team +figure +value +improves at the cost of +value$/m);
  });

  it('[D63] names the first components of each part of a team, and calls no division clean that is not', () => {
    const names = (count: number) => Array.from({ length: count }, (_, at) => `c${at}`);
    const split = { parts: [names(7), names(5)], cutShare: 0.21, balance: 0.5, isClean: true } as const;
    expect(splitText('web', split)).toBe(
      'web divides into two: c0, c1, c2, c3 and 3 more; and c0, c1, c2, c3, c4: 21 % of shared changes would cross',
    );
    expect(splitText('web', { ...split, cutShare: 0.4, isClean: false })).toMatch(/^web has no clean division\. .* 40 % of shared/);
  });

  it('[D69] takes each owner as a team without teams in the policy', async () => {
    const policy = join(repository.root, 'other.json');
    await writeFile(policy, json({ components: [{ name: 'search', paths: ['src/search'], owners: ['@ann'] }] }));
    const cache = join(repository.root, 'other-cache');
    await sluiceDebt('collect', repository.root, '--policy', policy, '--cache', cache);
    const { teams } = await jsonOf<TeamsReply>('teams', '--policy', policy, '--cache', cache);
    expect(teams).toMatchObject([{ team: '@ann', members: [ANN], capacity_minutes_per_week: 2_400 }]);
  });

  it('[D77] [D78] are the same in the register, of the facts that were uploaded', async () => {
    // Interest is of the second at which it is asked for.
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const file = JSON.parse(await readFile(join(repository.root, '.sluice/debt/facts.json'), 'utf8')) as DebtFactFile;
    const registry = new DebtRegistry(new NodeSql(), { nowMs: () => Date.now() });
    const tenant = 'tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j' as TenantId;
    const set = registry.setRepository(
      tenant,
      { repository: file.repository, publicKey: 'key', policy: debtPolicy.parse(POLICY) },
      undefined,
    );
    const { id } = set.ok ? set.value.repository : expect.fail('the repository is registered');
    expect(registry.teams(tenant, id)).toMatchObject({ ok: false, error: { code: 'state_conflict', path: ['repository'] } });
    expect(registry.onboarding(tenant, id, 'search')).toMatchObject({ error: { code: 'state_conflict', path: ['debt_repository'] } });
    const upload = { digest: 'digest', signedAtS: Math.floor(Date.now() / 1000), publicKey: 'key', file };
    expect(registry.upload(tenant, upload, undefined)).toMatchObject({ ok: true });
    const teams = registry.teams(tenant, id);
    expect(teams.ok && teamsReply(teams.value)).toEqual(await jsonOf<TeamsReply>('teams'));
    const path = registry.onboarding(tenant, id, 'search');
    const { stdout } = await sluiceDebt('onboard', 'search', repository.root, '--json');
    expect(path.ok && onboardingReply(path.value)).toEqual(JSON.parse(stdout) as OnboardingReply);
    expect(registry.onboarding(tenant, id, 'serach')).toMatchObject({ error: { code: 'record_not_found', path: ['component'] } });
    const other = 'tn_4v9k2m7q1xb6d8w0f3_5t1w9z3c' as TenantId;
    expect(registry.teams(other, id)).toMatchObject({ error: { code: 'record_not_found', path: ['repository'] } });
    expect(registry.onboarding(other, id, 'search')).toMatchObject({ error: { code: 'record_not_found', path: ['debt_repository'] } });
  });

  it('[D72] show a newcomer where to begin', async () => {
    const { stdout } = await sluiceDebt('onboard', 'search', repository.root);
    expect(stdout).toContain('search, owned by search-team');
    expect(stdout).toMatch(/Read first\n {2}src\/search\/SPEC\.md/);
    expect(stdout).toContain('src/search/a.ts, imported by 1 files elsewhere');
    expect(stdout).not.toContain('src/search/inner.ts');
    const { status, stderr } = await sluiceDebt('onboard', 'serach', repository.root);
    expect([status, stderr]).toEqual([1, expect.stringContaining('there are pages, search, text')]);
  });

  it('[D56] freezes by the worst error budget that facts have, and forecasts a roadmap', async () => {
    const features = join(repository.root, 'roadmap.json');
    await writeFile(features, json({ features: [{ name: 'facets', owner: 'search-team', estimate_minutes: 600 }] }));
    const plan = await jsonOf<PlanWithRoadmap>('plan', '--roadmap', features, '--weeks', '4');
    const [search, web] = plan.owners;
    expect(search).toMatchObject({ owner: 'search-team', budgetLeft: -1, frozen: ['search'] });
    expect(search!.chosen.map(({ component }) => component)).toContain('search');
    expect(web).toMatchObject({ owner: 'web-team', budgetLeft: null, frozen: [] });
    const [facets] = plan.roadmap!.features;
    expect(facets!.paidWeek).toBeGreaterThan(facets!.unpaidWeek!);
    expect(plan.policySha256).toMatch(/^[0-9a-f]{64}$/);
    const { stdout } = await sluiceDebt('plan', repository.root, '--roadmap', features);
    expect(stdout).toContain('frozen until back within the objective: search');
    expect(stdout).toContain('facets');
  });

  it('[D70] [D71] are one page that escapes what it shows and draws the trend', async () => {
    const html = join(repository.root, 'report.html');
    const { stdout } = await sluiceDebt('report', repository.root, '--html', html, '--trend', '4', '--json');
    const { trend } = JSON.parse(stdout) as { trend: { interestMinutes: number }[] };
    // The commits of 84 days ago do not exist; what was measured of the others differs by their code alone.
    expect(trend).toHaveLength(3);
    expect(trend.at(-1)!.interestMinutes).toBeGreaterThan(trend[0]!.interestMinutes);
    const page = await readFile(html, 'utf8');
    for (const path of ['src/search/a.ts', 'src/text/b.ts', 'src/&lt;pages&gt;/c.ts']) expect(page).toContain(`${path}: `);
    expect(page).not.toMatch(/<pages>|<script|(?:src|href)=/);
    expect(page).toContain('Over time');
    expect(page).toContain('@media print');
    expect(page.match(/<svg/g)).toHaveLength(3);
    const known = page.slice(page.indexOf('Knowledge of components'));
    expect(known).toMatch(/<i style="width: \d+\.\d%; background: #2471a3" title="[^"]+: \d/);
  });

  it('[D71] say of a component that it rises when its ratio grew twice in a row', () => {
    const pointOf = (ratios: Readonly<Record<string, number>>): TrendAssessment => {
      const components = Object.entries(ratios).map(([name, ratio]) => ({ name, ratio }));
      return { atS: 0, commit: '', assessment: { components } as unknown as TrendAssessment['assessment'] };
    };
    const points = [
      { up: 9, once: 1, flat: 1 },
      { up: 1, once: 1, flat: 1 },
      { up: 2, once: 2, flat: 1, fresh: 1 },
      { up: 3, once: 2, flat: 1, fresh: 2 },
    ];
    expect(risingIn(points.map(pointOf))).toEqual(new Set(['up']));
    expect(risingIn(points.slice(0, 2).map(pointOf))).toEqual(new Set());
  });

  it.each([
    ['a file that is missing', 'missing.json', 'cannot be read'],
    ['a feature without an owner', 'bad.json', 'bad.json: features[0].owner: '],
  ])('[D54] refuse %s', async (_, name, message) => {
    await writeFile(join(repository.root, 'bad.json'), json({ features: [{ name: 'x', estimate_minutes: 1 }] }));
    const { stderr, status } = await sluiceDebt('plan', repository.root, '--roadmap', join(repository.root, name));
    expect(stderr).toContain(message);
    expect(status).toBeGreaterThan(0);
  });
});
