import { expect } from 'vitest';

import type { ApiClient } from './api-client.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Body = any;

/** What the calls about planning must have done in the tour of the examples. */
export const planningEffects = (tenant: () => ApiClient) => ({
  getCapacityForecast: ({ series, ceilings }: Body) => {
    const requests = series.find(({ resource }: Body) => resource === 'requests');
    expect(requests).toMatchObject({ status: 'not_enough_data', step: 'hour', steps_needed: 72, points: [] });
    expect(ceilings.map(({ kind, resource }: Body) => `${kind} ${resource}`)).toContain('quota requests');
  },
  forecastCapacityHistory: ({ series, ceilings }: Body) => {
    expect(series).toMatchObject([{ name: 'value', steps: 2, status: 'not_enough_data', imported: { rows: 2, gaps_are: 'unknown' } }]);
    expect(ceilings).toEqual([]);
  },
  setDebtRepository: ({ repository, facts, uploaded_at: at }: Body) =>
    expect([repository, facts, at]).toEqual(['github.com/example/search', 0, null]),
  listDebtRepositories: ({ data }: Body) => expect(data.map(({ repository }: Body) => repository)).toContain('github.com/example/search'),
  uploadDebtFacts: ({ error }: Body) => expect(error.param).toContain('signed_at'),
  listDebtFacts: ({ data, next }: Body) => expect([data, next]).toEqual([[], null]),
  listDebtItems: ({ data }: Body) => expect(new Set(data.map(({ rule }: Body) => rule))).toEqual(new Set(['measurement-gap'])),
  getDebtItem: ({ state, events }: Body) => expect([state, events.map(({ kind }: Body) => kind)]).toEqual(['open', ['opened']]),
  changeDebtItem: ({ override_minutes: minutes, events }: Body) =>
    expect([minutes, events[1].kind, events[1].reason]).toEqual([45, 'overridden', 'two files have to be measured']),
  getDebtPlan: ({ weeks, owners, unplanned }: Body) => expect([weeks, owners, unplanned.length > 0]).toEqual([13, [], true]),
  getCapacityTeams: ({ error }: Body) => expect(error.param).toBe('repository'),
  getDebtOnboarding: ({ error }: Body) => expect(error.message).toContain('sluice debt collect'),
  getDebtSummary: ({ repositories }: Body) =>
    expect(repositories.find(({ repository }: Body) => repository === 'github.com/example/search').total.items).toBeGreaterThan(0),
  deleteDebtRepository: async ({ deleted }: Body) => {
    expect(deleted).toBe(true);
    const { body } = await tenant().get('/v1/debt/repositories');
    expect(body.data.map(({ repository }: Body) => repository)).not.toContain('github.com/example/search');
  },
  setCapacityAlerts: (alerts: Body) => expect(alerts).toEqual({ enabled: true, horizon_days: 30 }),
  getCapacityAlerts: (alerts: Body) => expect(alerts).toEqual({ enabled: true, horizon_days: 30 }),
  setSlo: (slo: Body) => expect(slo).toMatchObject({ name: 'support-answers', objective: 0.999, status: 'no_data', attained: null }),
  listSlos: ({ data }: Body) => expect(data.map(({ name }: Body) => name)).toEqual(['support-answers']),
  getSlo: ({ burn }: Body) => expect(burn.map(({ threshold }: Body) => Math.round(threshold * 10) / 10)).toEqual([14.4, 6, 1]),
  deleteSlo: async ({ deleted }: Body) => {
    expect(deleted).toBe(true);
    expect((await tenant().get('/v1/slos/support-answers')).status).toBe(404);
  },
});
