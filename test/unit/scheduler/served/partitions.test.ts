import { describe, expect, it } from 'vitest';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { PoolMessage } from '../../../../src/contract/pools/pool-exchange.ts';
import { agentIdIn, partitionName, partitionOfAgent } from '../../../../src/contract/pools/pool-partition.ts';
import type { JobId } from '../../../../src/kernel/ids.ts';
import { poolNode } from '../../../support/fixtures/pool-node.ts';
import { PartitionedPool } from '../../../support/worlds/partitioned-pool.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const PROGRESS = { completed: 0, failed: 0, total: 1 };
const idIn = (partition: number, letter: string): string => agentIdIn(partition, letter.repeat(16));

/** A pool of two partitions with two nodes each, as the scheduler sees it. */
class TwoPartitions extends ServedCell {
  constructor() {
    super([POOL]);
    for (const partition of [0, 1])
      this.say(partition, { joined: ['a', 'b'].map((letter) => poolNode(idIn(partition, letter))), nodeCount: 2 });
  }

  say(partition: number, news: Partial<PoolMessage> = {}) {
    const orders = this.cell.exchange({ poolId: POOL, partition, reports: [], left: [], joined: [], nodeCount: 2, carriedOut: 0, ...news });
    this.fund();
    return { ...orders, effects: this.cell.effects(partitionName(POOL, partition)).map(({ effect }) => effect) };
  }
}

describe('a pool of several partitions, to the scheduler', () => {
  it('[P33] gets each start in the partition of its node, and counts the nodes of each apart', () => {
    const world = new TwoPartitions();
    for (let n = 1; n <= 4; n++) world.submit(n);
    const starts = [0, 1].map((partition) => world.say(partition));
    expect(starts.map(({ counted }) => counted)).toEqual([undefined, undefined]);
    starts.forEach(({ effects }, partition) => {
      expect(effects).toHaveLength(2);
      for (const effect of effects) expect(effect.kind === 'start' && partitionOfAgent(effect.nodeId)).toBe(partition);
    });
    // One that counts other nodes is answered its own, and loses nothing.
    const nodes = starts[1]!.effects.flatMap((effect) => (effect.kind === 'start' ? effect.nodeId : []));
    expect(world.say(1, { nodeCount: 3 }).counted?.toSorted()).toEqual(nodes.toSorted());
    expect(world.say(0).counted).toBeUndefined();
    expect([1, 2, 3, 4].filter((n) => world.job(`job_${String(n).padStart(26, '0')}` as never).attempt !== null)).toHaveLength(4);
  });

  it('[P122] gets no more starts than it has room for, and what follows them once it has', () => {
    const world = new TwoPartitions();
    for (let n = 1; n <= 4; n++) world.submit(n);
    world.say(0);
    const orders = (startsMax?: number) =>
      world.cell.exchange({
        poolId: POOL,
        reports: [],
        left: [],
        joined: [],
        nodeCount: 2,
        carriedOut: 0,
        ...(startsMax === undefined ? {} : { startsMax }),
      });
    const [first, second] = orders().effects;
    expect([first!.effect.kind, second!.effect.kind]).toEqual(['start', 'start']);
    expect(orders(0).effects).toEqual([]);
    expect(orders(1).effects).toEqual([first]);
    expect(orders(2).effects).toEqual([first, second]);
    const { tenantId } = world.job((second!.effect as { grant: { jobId: JobId } }).grant.jobId);
    world.cell.act(tenantId, (second!.effect as { grant: { jobId: JobId } }).grant.jobId, { kind: 'cancel' });
    // Its agent is told to stop only once it has it.
    expect(orders(1).effects.map(({ effect }) => effect.kind)).toEqual(['start']);
    expect(orders(2).effects.map(({ effect }) => effect.kind)).toEqual(['start', 'start', 'stop']);
  });

  it('[J290] is given up once its silence can be judged, and looked at again until then', () => {
    const world = new TwoPartitions();
    world.submit(1);
    world.nowMs += 2 * JOB_LIMITS.poolLeaseMs;
    world.cell.wake(-Infinity);
    expect(world.cell.nextDueMs()).toBeGreaterThan(world.nowMs);
    expect(world.say(1).counted).toBeUndefined();
    world.cell.wake(world.nowMs - 2 * JOB_LIMITS.poolLeaseMs);
    expect(world.say(1).counted).toBeUndefined();
    world.nowMs = world.cell.nextDueMs();
    world.cell.wake(world.nowMs);
    expect(world.say(0).counted).toEqual([]);
  });

  it('[P33] hears in each partition that an attempt is to stop, and of its own nodes that they are silent', () => {
    const world = new TwoPartitions();
    const job = world.submit(1);
    const [grant] = [0, 1].flatMap((partition) => world.say(partition).effects.flatMap((one) => (one.kind === 'start' ? [one] : [])));
    const home = partitionOfAgent(grant!.nodeId);
    world.say(home, { reports: [{ jobId: job, fence: 1, kind: 'progress', progress: PROGRESS }] });
    const { tenantId } = world.job(job);
    world.cell.act(tenantId, job, { kind: 'cancel' });
    expect(new Set(world.cell.takeNews())).toEqual(new Set([partitionName(POOL, 0), partitionName(POOL, 1)]));
    expect(world.say(home).effects.map(({ kind }) => kind)).toContain('stop');
    // The other speaks, the one with the attempt does not.
    for (let n = 0; n < 20; n++) {
      world.nowMs += JOB_LIMITS.poolSyncMs;
      world.say(1 - home);
      world.wake();
    }
    expect(world.job(job)).toMatchObject({ state: 'cancelled' });
    expect(world.say(1 - home).counted).toBeUndefined();
    expect(world.say(home).counted).toEqual([]);
  });

  it('[P33] carries out effects apart: what one partition has carried out, the others may have yet to do', () => {
    const world = new TwoPartitions();
    for (let n = 1; n <= 4; n++) world.submit(n);
    const [first, second] = [0, 1].map((number) => world.cell.effects(partitionName(POOL, number)));
    const last = Math.max(...[...first!, ...second!].map(({ sequence }) => sequence));
    expect(world.say(1, { carriedOut: last }).effects).toEqual([]);
    expect(world.cell.effects(partitionName(POOL, 0))).toEqual(first);
  });

  it('[P24] [P33] is gone as a whole: nothing is left for any partition to do', () => {
    const world = new TwoPartitions();
    for (let n = 1; n <= 4; n++) world.submit(n);
    world.cell.operations.remove(POOL, true);
    for (const partition of [0, 1]) {
      expect(world.cell.effects(partitionName(POOL, partition))).toEqual([]);
      expect(world.say(partition)).toMatchObject({ isGone: true });
    }
    expect(world.cell.nextDueMs()).toBeGreaterThan(world.nowMs + JOB_LIMITS.poolLeaseMs);
  });

  // The numbers of a large pool: `npm run bench -- pools`.
  it('[P36] sends what its agents say in few messages: one of each partition every poolSyncMs', async () => {
    const pool = new PartitionedPool({ partitions: 4, agentsEach: 25, heartbeatMs: 4_000 });
    await pool.fill();
    expect(pool.running).toBe(100);
    await pool.pass(60_000);
    expect(pool.running).toBe(100);
    expect(pool.heartbeats).toBe(100 * 15);
    expect(pool.exchanges).toBe((4 * 60_000) / JOB_LIMITS.poolSyncMs);
    // Nothing was news: each attempt was reported as it is, twice.
    expect(pool.reports).toBe(100 * (60_000 / JOB_LIMITS.attemptReportMs));
  });
});
