import { describe, expect, it } from 'vitest';

import { partitionName } from '../../../../src/contract/pools/pool-partition.ts';
import type { PoolOrders } from '../../../../src/contract/pools/pool-exchange.ts';
import type { JobId } from '../../../../src/kernel/ids.ts';
import { poolNode } from '../../../support/fixtures/pool-node.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const TEMPLATE = { accelerator: null, acceleratorCount: 0, cpuMilli: 1_000, memoryMib: 1_024 };
const IDLE_MS = 5_000;
const DONE = { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 1 } as const;

/** A pool that grows from none to three, and its messages. */
class ElasticPool {
  readonly world = new ServedCell([POOL]);
  carriedOut = 0;
  nodes = new Set<string>();

  constructor() {
    const elasticity = { nodesMin: 0, nodesMax: 3, template: TEMPLATE, provisioningMs: 60_000, idleMs: IDLE_MS };
    this.world.cell.operations.change(POOL, { elasticity });
  }

  say(news: Partial<Parameters<ServedCell['cell']['exchange']>[0]> = {}): PoolOrders {
    for (const { id } of news.joined ?? []) this.nodes.add(id);
    for (const { nodeId } of news.left ?? []) this.nodes.delete(nodeId);
    const message = { poolId: POOL, reports: [], left: [], joined: [], nodeCount: this.nodes.size, carriedOut: this.carriedOut };
    const orders = this.world.cell.exchange({ ...message, ...news });
    this.world.fund();
    // What quotas have granted is there to do now.
    return { ...orders, effects: this.world.cell.effects(partitionName(POOL, 0)) };
  }

  carryOut({ effects }: PoolOrders): void {
    for (const { sequence, effect } of effects) {
      if (effect.kind === 'retire') this.nodes.delete(effect.nodeId);
      this.carriedOut = sequence;
    }
  }

  finish(ids: readonly JobId[]): void {
    this.say({ reports: ids.map((jobId) => ({ jobId, fence: this.world.job(jobId).fence, ...DONE })) });
  }
}

const retired = ({ effects }: PoolOrders) => effects.flatMap(({ effect }) => (effect.kind === 'retire' ? [effect.nodeId] : []));

describe('[P29] an elastic pool', () => {
  it('receives how many nodes are to come, until they have come', () => {
    const pool = new ElasticPool();
    pool.say();
    pool.world.cell.takeNews();
    const ids = [1, 2, 3, 4, 5].map((n) => pool.world.submit(n));
    expect(pool.world.cell.takeNews()).toEqual([POOL]);
    expect(pool.say().coming).toBe(3);
    pool.world.loseMemory();
    expect(pool.say().coming).toBe(3);
    const orders = pool.say({ joined: [poolNode('a'), poolNode('b')] });
    expect(orders).toMatchObject({ coming: 1 });
    expect(orders.effects.map(({ effect }) => effect.kind)).toEqual(['start', 'start']);
    expect(ids.map((id) => pool.world.job(id).state)).toEqual(['starting', 'starting', 'pending', 'pending', 'pending']);
  });

  it('receives the order to let idle nodes go until it has, and stays in step meanwhile', () => {
    const pool = new ElasticPool();
    const ids = [1, 2].map((n) => pool.world.submit(n));
    pool.carryOut(pool.say({ joined: [poolNode('a'), poolNode('b')] }));
    pool.finish(ids);
    pool.world.nowMs += IDLE_MS;
    pool.world.cell.wake();
    expect(pool.world.cell.takeNews()).toEqual([POOL]);
    const orders = pool.say();
    expect(retired(orders).toSorted()).toEqual(['a', 'b']);
    // The answer was lost, and the object its memory.
    pool.world.loseMemory();
    const again = pool.say();
    expect(again.counted).toBeUndefined();
    expect(retired(again).toSorted()).toEqual(['a', 'b']);
    pool.carryOut(again);
    expect(pool.say()).toEqual({ verdicts: [], effects: [], coming: 0 });
  });

  it('that has lost a node which it should let go is in step, and receives no order for it', () => {
    const pool = new ElasticPool();
    const [id] = [pool.world.submit(1)];
    pool.carryOut(pool.say({ joined: [poolNode('a')] }));
    pool.finish([id]);
    pool.world.nowMs += IDLE_MS;
    pool.world.cell.wake();
    expect(pool.say({ left: [{ nodeId: 'a', isLost: false }] })).toMatchObject({ effects: [] });
    // It asks for work again all the same.
    const next = pool.world.submit(2);
    expect(pool.say({ joined: [poolNode('a')] }).counted).toBeUndefined();
    expect(pool.world.job(next).state).toBe('starting');
  });

  it('does not thrash: a burst asks for each node once, and lets each go once', () => {
    const pool = new ElasticPool();
    pool.say();
    const ids = Array.from({ length: 9 }, (_, n) => pool.world.submit(n + 1));
    expect(pool.say().coming).toBe(3);
    pool.carryOut(pool.say({ joined: ['a', 'b', 'c'].map((id) => poolNode(id)) }));
    const comings: number[] = [];
    for (let round = 0; ids.some((id) => pool.world.job(id).state !== 'succeeded'); round++) {
      expect(round, 'three at a time').toBeLessThan(5);
      pool.world.nowMs += 1_000;
      pool.finish(ids.filter((id) => pool.world.job(id).state === 'starting'));
      const orders = pool.say();
      comings.push(orders.coming);
      expect(retired(orders)).toEqual([]);
      pool.carryOut(orders);
    }
    expect(Math.max(...comings)).toBe(0);
    pool.world.nowMs += IDLE_MS;
    pool.world.cell.wake();
    expect(retired(pool.say()).toSorted()).toEqual(['a', 'b', 'c']);
  });
});
