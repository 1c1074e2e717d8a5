import { expect, it } from 'vitest';

import { mmrProducts } from '../../../src/ann/mmr.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import { diversificationOf } from '../../../src/gateway/diversification.ts';

const { mmrCandidatesMaxCount: candidatesMax, mmrProductsMaxCount: productsMax } = LIMITS;

it('[V153] chooses among five times top_k by default, or among as many as the shard can take', () => {
  const candidatesAt = (topK: number, dimensions: number) => {
    const asked = diversificationOf({ dimensions }, { mmr: { diversity: 0.5 }, top_k: topK, offset: 0 });
    return asked.ok ? asked.value?.candidates : asked.error.code;
  };
  expect(diversificationOf({ dimensions: 100 }, { mmr: undefined, top_k: 10, offset: 0 })).toEqual({ ok: true, value: undefined });
  expect(candidatesAt(1, 4096)).toBe(5);
  expect(candidatesAt(10, 100)).toBe(50);
  expect(candidatesAt(500, 50)).toBe(candidatesMax);
  expect(candidatesAt(1_000, 50)).toBe(candidatesMax);
  for (const [topK, dimensions] of [
    [100, 1_536],
    [200, 768],
    [120, 4_096],
  ] as const) {
    const candidates = Number(candidatesAt(topK, dimensions));
    expect(candidates).toBeLessThan(5 * topK);
    expect(candidates).toBeGreaterThanOrEqual(topK);
    expect(mmrProducts(candidates, topK, dimensions)).toBeLessThanOrEqual(productsMax);
    expect(mmrProducts(candidates + 1, topK, dimensions)).toBeGreaterThan(productsMax);
  }
  expect(candidatesAt(1_000, 4_096)).toBe('limit_exceeded');
});

it('[V153] refuses what would hold the shard too long, naming the field, the limit and the value', () => {
  const asked = diversificationOf({ dimensions: 1_536 }, { mmr: { diversity: 0.5, candidates_limit: 1_000 }, top_k: 100, offset: 0 });
  expect(asked).toMatchObject({ ok: false, error: { code: 'limit_exceeded', path: ['mmr', 'candidates_limit'] } });
  const message = asked.ok ? '' : asked.error.message;
  for (const part of ['mmrProductsMaxCount', String(productsMax), String(mmrProducts(1_000, 100, 1_536))]) expect(message).toContain(part);
});
