import { describe, expect, it } from 'vitest';

import { assessed, CostReporter } from '../../../../src/gateway/planning/cost-report.ts';
import { STRATEGIES } from '../../../../src/inference/cost/strategies.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { UsageLine } from '../../../../src/tenancy/usage/usage-query.ts';
import type { LogCosts, LogLine } from '../../../../src/upstreams/log/log-sums.ts';
import { DEFAULT_POLICY } from '../../../../src/upstreams/log/log-policy.ts';
import { savingsOf } from '../../../../src/upstreams/money/savings.ts';
import type { Settlement } from '../../../../src/upstreams/money/settlement.ts';
import type { Plan, Target } from '../../../../src/upstreams/target.ts';

const model = (inputNano: number, outputNano: number, cachedInputNano?: number): Target['model'] => ({
  name: 'm',
  upstreamName: 'm',
  serves: ['chat'],
  contextTokens: 100_000,
  outputTokensMax: 1_000,
  bytesPerToken: 4,
  prices: { inputNano, outputNano, requestNano: 0, ...(cachedInputNano === undefined ? {} : { cachedInputNano }) },
});

const targetOf = (of: Target['model']): Target => ({ model: of }) as Target;
const settled = (nano: number, cachedTokens = 0): Settlement => ({
  inputTokens: 1_000,
  cachedTokens,
  outputTokens: 100,
  nano,
  usage: 'reported',
  isCapped: false,
});
const planOf = (models: readonly Target['model'][], isRouted = true): Plan => ({
  groups: models.map((one) => [targetOf(one)]),
  reason: 'default',
  ...(isRouted ? { route: { name: 'r', version: 1 } } : {}),
});

describe('what a call saved', () => {
  const cheap = model(1_000_000, 2_000_000, 100_000);
  const dear = model(10_000_000, 20_000_000, 5_000_000);

  it('[U151] is what the dearest target would have charged for the same tokens, less what was', () => {
    expect(savingsOf(planOf([cheap, dear]), cheap, settled(1_200))).toEqual({
      cacheNano: 0,
      reuseNano: 0,
      routeNano: 12_000 - 1_200,
      promptNano: 0,
    });
    expect(savingsOf(planOf([cheap, dear]), dear, settled(12_000)).routeNano).toBe(0);
  });

  it('[U151] is nothing by choice where the call named its model', () => {
    expect(savingsOf(planOf([cheap, dear], false), cheap, settled(1_200)).routeNano).toBe(0);
  });

  it('[U151] counts tokens that the upstream had cached once, as saved by that alone', () => {
    const some = settled(1_000 + 200 + 100, 1_000);
    expect(savingsOf(planOf([cheap]), cheap, some)).toEqual({ cacheNano: 0, reuseNano: 0, routeNano: 0, promptNano: 900 });
    expect(savingsOf(planOf([cheap, dear]), cheap, some)).toMatchObject({ promptNano: 900, routeNano: 10_000 + 2_000 + 5_000 - 1_300 });
  });
});

const NONE = { cacheNano: 0, reuseNano: 0, routeNano: 0, promptNano: 0 };
const line = (more: Partial<LogCosts>): LogCosts => ({
  isRouted: false,
  cache: 'bypass',
  requests: 1_000,
  reused: 0,
  costNano: 1_000_000,
  savings: NONE,
  ...more,
});

describe('a report of costs', () => {
  const adviceOf = (costs: readonly LogCosts[], name: string) => assessed(costs, []).next.find((advice) => advice.name === name);

  it('[U151] adds up what was saved by kind, and prices what caches answered as if they had not', () => {
    const used = [
      { meter: 'embedding_cached_tokens', quantity: 1_000_000, priceId: '2026-01-01', amountNano: 2_000_000n, group: {}, accelerator: '' },
      { meter: 'embedding_tokens', quantity: 500, priceId: '2026-01-01', amountNano: 10_000n, group: {}, accelerator: '' },
    ] satisfies UsageLine[];
    const costs = [
      line({ cache: 'hit', requests: 3, costNano: 3, savings: { ...NONE, cacheNano: 70 } }),
      line({ cache: 'hit', isRouted: true, requests: 2, costNano: 2, savings: { ...NONE, cacheNano: 30 } }),
      line({ isRouted: true, requests: 5, costNano: 500, savings: { cacheNano: 0, reuseNano: 0, routeNano: 40, promptNano: 7 } }),
    ];
    const { savings, costNano, requests } = assessed(costs, used);
    expect({ costNano, requests }).toEqual({ costNano: 505, requests: 10 });
    expect(Object.fromEntries(savings.map(({ name, quantity, nano }) => [name, [quantity, nano]]))).toEqual({
      answer_cache: [5, 100],
      answer_reuse: [0, 0],
      routes: [5, 40],
      prompt_cache: [5, 7],
      embedding_cache: [1_000_000, 18_000_000],
      query_cache: [0, 0],
    });
  });

  it('[U152] says what the cache would save of other calls, as a range about the rate that was seen', () => {
    const advice = adviceOf([line({}), line({ cache: 'hit', requests: 30 }), line({ cache: 'miss', requests: 70 })], 'answer_cache');
    const { low, high } = advice!.savesNano!;
    expect(low).toBeGreaterThan(0);
    expect(low).toBeLessThan(300_000);
    expect(high).toBeGreaterThan(300_000);
    expect(high).toBeLessThan(600_000);
    expect(advice).toMatchObject({ appliesToNano: 1_000_000, evidence: 100 });
  });

  it('[U152] says that it does not know where fewer than a hundred calls did so', () => {
    expect(adviceOf([line({}), line({ cache: 'hit', requests: 99 })], 'answer_cache')).toEqual({
      name: 'answer_cache',
      appliesToNano: 1_000_000,
      evidence: 99,
    });
    expect(adviceOf([line({})], 'routes')).not.toHaveProperty('savesNano');
  });

  it('[U152] a route would save at most the share that routes have saved, and possibly nothing', () => {
    const routed = line({ isRouted: true, requests: 100, costNano: 100, savings: { ...NONE, routeNano: 300 } });
    expect(adviceOf([line({}), routed], 'routes')).toMatchObject({ savesNano: { low: 0, high: 750_000 } });
  });

  it('[U152] advises nothing where all calls do so already', () => {
    expect(assessed([line({ isRouted: true, cache: 'miss' })], []).next).toEqual([]);
  });
});

describe('the month of a report', () => {
  const principal = { kind: 'tenant', tenantId: 'ten_0000000000_a' } as unknown as TenantPrincipal;
  const at = (text: string) => Date.parse(text);
  const asked: [number, number][] = [];
  const billed: [number, number][] = [];
  let delivered = 0;
  let targets: LogLine[] = [];
  const reporter = new CostReporter({
    reusesOf: () => Promise.resolve([]),
    logOf: () => ({
      policy: () => Promise.resolve({ ...DEFAULT_POLICY, retentionDays: 10 }),
      lines: () => Promise.resolve(targets),
      costs: (fromMs, toMs) => {
        asked.push([fromMs, toMs]);
        return Promise.resolve([]);
      },
    }),
    lines: (_, { fromMs, toMs }) => {
      billed.push([fromMs, toMs]);
      expect(delivered, 'delivered first').toBe(billed.length);
      return Promise.resolve(ok([]));
    },
    flush: async () => void (delivered += 1),
    clock: { nowMs: () => at('2026-11-28T06:00:00Z') },
  });

  it('[G64] has what the isolate that answers has counted before', async () => {
    const before = delivered;
    await reporter.read(principal);
    expect([delivered, billed.length]).toEqual([before + 1, before + 1]);
  });

  it('[U153] is the current one up to now, and says since when the log has its calls', async () => {
    expect(await reporter.read(principal)).toMatchObject({
      value: { startMs: at('2026-11-01T00:00:00Z'), fromMs: at('2026-11-18T06:00:00Z'), toMs: at('2026-11-28T06:00:00Z') },
    });
    expect(asked.at(-1)).toEqual([at('2026-11-01T00:00:00Z'), at('2026-11-28T06:00:00Z')]);
  });

  it('[U153] is a whole past month, and none to come', async () => {
    await reporter.read(principal, '2026-02');
    for (const span of [asked, billed]) expect(span.at(-1)).toEqual([at('2026-02-01T00:00:00Z'), at('2026-03-01T00:00:00Z')]);
    expect(await reporter.read(principal, '2026-12')).toMatchObject({ ok: false, error: { code: 'invalid_value', path: ['month'] } });
  });

  it('[U153] is no answer to a key that is restricted to some resources', async () => {
    expect(await reporter.read({ ...principal, resources: ['model/a'] })).toMatchObject({ ok: false, error: { code: 'scope_denied' } });
  });

  it('[U272] [U273] names the dearest target first, shadows included, and counts them apart', async () => {
    const spent = (group: string, costNano: number, shadowNano: number) =>
      ({ group, costNano, shadowNano, shadows: Number(shadowNano > 0), errors: Number(costNano > 1) }) as LogLine;
    targets = [spent('often', 5, 0), spent('shadowed', 1, 40), spent('dear', 30, 0)];
    const report = await reporter.read(principal);
    targets = [];
    if (!report.ok) throw new Error(report.error.message);
    expect(report.value.targets.map(({ group }) => group)).toEqual(['shadowed', 'dear', 'often']);
    expect(report.value.shadows).toEqual({ requests: 1, nano: 40 });
    // No call was answered: what was charged was for calls that were not.
    expect(report.value.unanswered).toEqual({ requests: 2, nano: 36 });
  });
});

describe('the strategies', () => {
  it('[U150] each have published figures with a source, and measured ones with command, date and load', () => {
    expect(STRATEGIES.map(({ name }) => name)).toEqual(['quantisation', 'distillation', 'pruning', 'batching', 'caching', 'routing']);
    for (const { name, published, measured, needs, notWhen } of STRATEGIES) {
      expect(published.length, name).toBeGreaterThan(0);
      expect(measured.length, name).toBeGreaterThan(0);
      for (const figure of [...published, ...measured])
        for (const [field, text] of Object.entries(figure)) expect(text, `${name} ${field}`).not.toBe('');
      for (const { date } of measured) expect(date, name).toMatch(/^2026-\d\d-\d\d$/);
      for (const text of [needs.retraining, needs.validation, needs.hardware, notWhen]) expect(text, name).not.toBe('');
    }
  });
});
