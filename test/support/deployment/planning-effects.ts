import { expect } from 'vitest';

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Body = any;

/** What the calls of the planning Worker must have done in the tour of the examples. */
export const planningEffects = () => ({
  getCapacityForecast: ({ series, ceilings }: Body) => {
    const requests = series.find(({ resource }: Body) => resource === 'requests');
    expect(requests).toMatchObject({ status: 'not_enough_data', steps_needed: 21, points: [] });
    expect(ceilings.map(({ kind, resource }: Body) => `${kind} ${resource}`)).toContain('quota requests');
  },
});
