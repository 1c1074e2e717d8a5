import { expect, it } from 'vitest';

import type { DebtFact } from '../../../../src/contract/debt/debt-facts.ts';
import { GatewayMeasures } from '../../../../src/gateway/debt/gateway-measures.ts';
import { INPUTS_MIN } from '../../../../src/gateway/debt/input-shifts.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { errorBudget } from '../../../../src/slo/error-budget.ts';
import type { ObjectiveView } from '../../../../src/slo/slo-register.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';

const { tenantId, organisationId } = idsOf(1);
const DAY_MS = 86_400_000;
const NOW_MS = 20 * DAY_MS;

/** An objective on the calls of a model: the lengths of its inputs are watched. */
function viewOf(): ObjectiveView {
  const indicator = { kind: 'availability', by: 'model', name: 'live/small' } as const;
  const objective = { name: 'answers', indicator, target: 0.9, windowDays: 30, owner: 'team', createdAtMs: 0 };
  const counts = { good: 1_000, total: 1_000 };
  return { objective, budget: errorBudget(objective, counts), burns: [], week: counts, observedMs: 0 };
}

it('[D80] the hourly report has the shifts of what isolates counted beside those of the request log', async () => {
  const reported: DebtFact[] = [];
  const full = (at: number): number[] => [0, 1, 2].map((bucket) => (bucket === at ? INPUTS_MIN : 0));
  const measures = new GatewayMeasures({
    debt: (organisation) => ({
      repositories: async (tenant) => [{ repository: { publicKey: tenant === tenantId ? 'key' : null } }] as never,
      measure: async (tenant, facts) => {
        expect([organisation, tenant]).toEqual([organisationId, tenantId]);
        reported.push(...facts);
        return ok(null) as never;
      },
    }),
    logOf: () => ({
      page: async ({ toMs = 0 }) => {
        const tokens = toMs === NOW_MS ? 1_000 : 10;
        const refused = { status: 500, inputTokens: 1, cachedTokens: 0 };
        const answered = Array.from({ length: INPUTS_MIN }, () => ({ status: 200, inputTokens: tokens - 3, cachedTokens: 3 }));
        return { entries: [refused, ...answered] } as never;
      },
    }),
    histogramsOf: async (tenant) => [
      { input: 'unknown-words', subject: `of ${tenant}`, before: full(0), lately: full(1) },
      { input: 'best-score', subject: 'index:calm@1', before: full(2), lately: full(2) },
    ],
    pools: {} as never,
    clock: { nowMs: () => NOW_MS },
  });
  expect([await measures.hasRepositories(tenantId), await measures.hasRepositories(idsOf(2).tenantId)]).toEqual([true, false]);
  expect(await measures.report(tenantId, [viewOf()], {})).toMatchObject({ ok: true });
  const shifts = reported
    .filter(({ kind }) => kind === 'input-shift')
    .map(({ subject, symbol, value }) => [subject, symbol, Number(value) > 1]);
  expect(shifts).toEqual([
    [`of ${tenantId}`, 'unknown-words', true],
    ['index:calm@1', 'best-score', false],
    ['live/small', 'length', true],
  ]);
  const lengths = reported.find(({ symbol }) => symbol === 'length');
  expect(String(lengths?.detail?.['lately']).split(' ').map(Number)).toEqual(
    Array.from({ length: 24 }, (_, at) => (at === 9 ? INPUTS_MIN : 0)),
  );
});
