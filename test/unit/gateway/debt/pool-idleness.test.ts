import { describe, expect, it } from 'vitest';

import { debtFact } from '../../../../src/contract/debt/debt-facts.ts';
import { debtPolicy } from '../../../../src/contract/debt/debt-policy.ts';
import { assess } from '../../../../src/debt/rules/assess.ts';
import { FactSet } from '../../../../src/debt/fact.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import type { PoolHours } from '../../../../src/gateway/debt/pool-idleness.ts';
import { ownPools, poolFacts, withHour } from '../../../../src/gateway/debt/pool-idleness.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { ok } from '../../../../src/kernel/result.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 10, 12, 30);
const TENANT = 'tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j' as TenantId;

type Node = { readonly state: 'open' | 'away'; readonly idleSinceMs: number | null };

/** Hours of pools whose nodes are `nodesAt(hour)`. */
function hoursOf(count: number, nodesAt: (nowMs: number, hour: number) => readonly Node[]): [PoolHours, number] {
  let hours: PoolHours = {};
  for (let hour = 0; hour < count; hour++) {
    const nowMs = START_MS + hour * HOUR_MS;
    hours = withHour(hours, [{ name: 'gpus', nodes: nodesAt(nowMs, hour) }], nowMs);
  }
  return [hours, Math.floor((START_MS + count * HOUR_MS) / 1000)];
}

const shareOf = (hours: PoolHours, nowS: number) => poolFacts(hours, nowS).find(({ kind }) => kind === 'pool-idle')?.value;

describe("how idle a tenant's own pools are", () => {
  it('[D79] is the share of a week, and more than half of it is an item', () => {
    const [hours, nowS] = hoursOf(200, (nowMs) => [
      { state: 'open', idleSinceMs: 0 },
      { state: 'open', idleSinceMs: nowMs - HOUR_MS / 4 },
      { state: 'open', idleSinceMs: 0 },
      { state: 'open', idleSinceMs: null },
      { state: 'away', idleSinceMs: 0 },
    ]);
    expect(hours['gpus']).toHaveLength(7 * 24);
    const facts = poolFacts(hours, nowS);
    for (const fact of facts) expect(debtFact.safeParse(fact).error).toBeUndefined();
    expect(shareOf(hours, nowS)).toBeCloseTo(2.25 / 4, 9);
    const { findings } = assess(new FactSet(facts, nowS), debtPolicy.parse({ expects: [], confidence_min: 0 }));
    expect(findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual(['idle-pool pool:gpus']);
  });

  it('[D79] has no fact of fewer than 24 paid hours, and counts an hour once', () => {
    const idle = (): Node[] => [{ state: 'open', idleSinceMs: 0 }];
    const [few, fewS] = hoursOf(23, idle);
    expect(poolFacts(few, fewS)).toEqual([]);
    const [away, awayS] = hoursOf(48, (_, hour) => (hour < 25 ? [{ state: 'away', idleSinceMs: 0 }] : idle()));
    expect(poolFacts(away, awayS)).toEqual([]);
    const [enough] = hoursOf(24, idle);
    const again = withHour(enough, [{ name: 'gpus', nodes: [{ state: 'open', idleSinceMs: null }] }], START_MS + 23 * HOUR_MS + 1);
    expect(again['gpus']).toHaveLength(24);
    expect(shareOf(again, fewS)).toBeCloseTo(23 / 24, 9);
    expect(withHour(enough, [], START_MS)).toEqual({});
  });

  it('[D79] is counted under any name that a pool may have', () => {
    const pools = [{ name: 'constructor', nodes: [{ state: 'open', idleSinceMs: 0 }] }] as const;
    expect(withHour(withHour({}, pools, START_MS), pools, START_MS + HOUR_MS)['constructor']).toHaveLength(2);
  });

  it('[D79] is of pools that name the tenant as their owner', async () => {
    const pools = ['mine', 'gone', 'other'].map((name) => ({ id: name, name, owner: name === 'other' ? 'platform' : TENANT }));
    const nodes = [{ state: 'open', idleSinceMs: null }];
    const queue = {
      pools: async () => pools,
      operate: async (_: string, id: string) => (id === 'gone' ? refuse('pool_not_found', 'no pool') : ok(nodes)),
    } as unknown as Pick<JobQueue, 'pools' | 'operate'>;
    expect(await ownPools(queue, TENANT)).toEqual([{ name: 'mine', nodes }]);
  });
});
