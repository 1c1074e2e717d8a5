import { describe, expect, it } from 'vitest';

import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../../src/contract/pools/pool-limits.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import type { ClusterEnd } from '../../../src/pools/clusters/cluster.ts';
import { CLUSTER_KINDS, DriveWorld } from '../../support/clusters/drive-world.ts';

/** How the attempts of a job ended. */
const endsOf = (world: DriveWorld) => world.pool.jobs.map(({ ended }) => ended);

describe.each(CLUSTER_KINDS)('a driver of %s', (kind) => {
  it('[P62] brings attempts to the cluster, where each runs once', async () => {
    const world = new DriveWorld(kind);
    for (let n = 0; n < 20; n += 1) world.pool.add(n);
    await world.play(() => world.settled());
    expect(endsOf(world)).toEqual(Array.from({ length: 20 }, () => ['succeeded']));
    expect(new Set(world.worked).size).toBe(20);
    expect(world.worked).toHaveLength(20);
    expect(world.cluster.jobs.size).toBe(20);
  });

  it('[P60] [P62] lets one process work where the cluster starts a job twice', async () => {
    const world = new DriveWorld(kind);
    const job = world.pool.add(1);
    await world.play(async () => {
      await world.until('it works', () => world.worked.length === 1);
      world.cluster.startProcess(world.cluster.live(world.pool.attemptOf(job)));
      await world.settled();
    });
    expect([endsOf(world), world.worked]).toEqual([[['succeeded']], [world.worked[0]]]);
  });

  it.each(['lost', 'unanswered'] as const)('[P63] submits once when a submission is %s', async (fault) => {
    const world = new DriveWorld(kind);
    world.pool.add(1);
    let faults = 0;
    world.fault = (method) => (method === 'POST' && ++faults <= 2 ? fault : undefined);
    await world.play(() => world.settled());
    expect(faults).toBeGreaterThan(fault === 'lost' ? 2 : 0);
    expect([endsOf(world), world.cluster.jobs.size]).toEqual([[['succeeded']], 1]);
  });

  it('[P63] gives up a job that the cluster never takes', async () => {
    const world = new DriveWorld(kind);
    world.pool.add(1);
    let tries = 0;
    world.fault = (method) => (method === 'POST' && ++tries <= POOL_LIMITS.clusterSubmitsMaxCount ? 'lost' : undefined);
    await world.play(() => world.settled());
    expect(endsOf(world)).toEqual([['agent_error', 'succeeded']]);
  });

  it.each(['waits', 'runs'])('[P65] cancels a job that %s', async (when) => {
    const world = new DriveWorld(kind);
    world.cluster.isPaused = when === 'waits';
    world.workMs = 600_000;
    const job = world.pool.add(1);
    await world.play(async () => {
      await world.until('it is there', () => world.cluster.jobs.size === 1 && (when === 'waits' || world.worked.length === 1));
      world.pool.cancel(job);
      await world.until('it is over', () => job.isDone);
      world.cluster.isPaused = false;
      world.cluster.schedule();
      await world.settled();
    });
    expect(endsOf(world)).toEqual([['cancelled']]);
    expect(world.worked).toHaveLength(when === 'waits' ? 0 : 1);
  });

  it('[P106] has few submissions under way, and makes none that wait while the cluster is away', async () => {
    const world = new DriveWorld(kind, { slots: 40, nodes: 10 });
    world.callMs = 400;
    for (let n = 0; n < 40; n += 1) world.pool.add(n);
    await world.play(async () => {
      await world.until('some are there', () => world.cluster.jobs.size >= POOL_LIMITS.clusterCallsMaxCount);
      world.fault = () => 'lost';
      world.kubernetes.endWatches();
      await world.time.sleep(20_000);
      expect(world.cluster.jobs.size).toBeLessThan(40);
      world.fault = () => undefined;
      await world.settled();
    });
    expect(world.submissions.most).toBe(POOL_LIMITS.clusterCallsMaxCount);
    expect(endsOf(world)).toEqual(Array.from({ length: 40 }, () => ['succeeded']));
    expect(world.cluster.jobs.size).toBe(40);
  });

  it('[P61] keeps attempts that wait in the queue of the cluster for longer than their leases', async () => {
    const world = new DriveWorld(kind);
    world.cluster.isPaused = true;
    world.pool.add(1);
    await world.play(async () => {
      await world.time.sleep(20 * JOB_LIMITS.agentLeaseMs);
      world.cluster.isPaused = false;
      world.cluster.schedule();
      await world.settled();
    });
    expect(endsOf(world)).toEqual([['succeeded']]);
  });

  it.each([
    ['time_limit', 'agent_error'],
    ['failed', 'agent_error'],
    ['preempted', 'released'],
    ['node_lost', 'released'],
  ] as const)('[P67] reports a job that the cluster ended (%s) as %s', async (how: ClusterEnd, reason) => {
    const world = new DriveWorld(kind);
    const job = world.pool.add(1);
    await world.play(async () => {
      await world.until('it works', () => world.worked.length === 1);
      world.cluster.end(world.cluster.live(world.pool.attemptOf(job)), how);
      await world.settled();
    });
    expect(endsOf(world)).toEqual([[reason, 'succeeded']]);
  });

  it('[P68] gives back what the cluster has put back into its queue: the fence rises', async () => {
    const world = new DriveWorld(kind);
    const job = world.pool.add(1);
    await world.play(async () => {
      await world.until('it works', () => world.worked.length === 1);
      world.cluster.isPaused = true;
      world.cluster.requeue(world.cluster.live(world.pool.attemptOf(job)));
      await world.until('it is given back', () => job.ended.length === 1);
      world.cluster.isPaused = false;
      world.cluster.schedule();
      await world.settled();
    });
    expect([endsOf(world), job.fence]).toEqual([[['released', 'succeeded']], 2]);
  });

  it('[P66] takes a job that vanished while it waited to be run again', async () => {
    const world = new DriveWorld(kind);
    world.cluster.isPaused = true;
    const job = world.pool.add(1);
    await world.play(async () => {
      await world.until('it waits', () => world.cluster.jobs.size === 1);
      await world.time.sleep(5_000);
      world.cluster.forget(world.cluster.live(world.pool.attemptOf(job)));
      world.cluster.isPaused = false;
      await world.settled();
    });
    expect(endsOf(world)).toEqual([['released', 'succeeded']]);
  });

  it('[P66] leaves an attempt to its process when the cluster has forgotten the job', async () => {
    const world = new DriveWorld(kind);
    world.workMs = 30_000;
    const job = world.pool.add(1);
    await world.play(async () => {
      await world.until('it works', () => world.worked.length === 1);
      world.cluster.forget(world.cluster.live(world.pool.attemptOf(job)));
      await world.settled();
    });
    expect(endsOf(world)).toEqual([['succeeded']]);
  });

  it('[P66] changes nothing for a process that was left behind and is late', async () => {
    const world = new DriveWorld(kind);
    world.workMs = 20_000;
    const job = world.pool.add(1);
    await world.play(async () => {
      await world.until('it works', () => world.worked.length === 1);
      world.cluster.end(world.cluster.live(world.pool.attemptOf(job)), 'node_lost', true);
      await world.settled();
    });
    expect([endsOf(world), world.worked.length]).toEqual([[['released', 'succeeded']], 2]);
  });

  it('[P70] goes on where a driver that was ended had been', async () => {
    const world = new DriveWorld(kind, { slots: 6 });
    world.workMs = 12_000;
    for (let n = 0; n < 12; n += 1) world.pool.add(n);
    await world.play(async () => {
      await world.until('some run', () => world.worked.length === 6);
      await world.stopDriver();
      world.startDriver();
      await world.settled();
    });
    expect(endsOf(world)).toEqual(Array.from({ length: 12 }, () => ['succeeded']));
    expect(world.worked).toHaveLength(12);
  });

  it('[P69] keeps what waits while the cluster is away, and asks for no work', async () => {
    const world = new DriveWorld(kind);
    world.cluster.isPaused = true;
    world.pool.add(1);
    await world.play(async () => {
      await world.until('it waits', () => world.cluster.jobs.size === 1);
      world.fault = () => 'lost';
      world.kubernetes.endWatches();
      await world.time.sleep(POOL_LIMITS.clusterAwayMsMax / 2);
      world.pool.add(2);
      await world.time.sleep(2 * JOB_LIMITS.longPollMsMax);
      expect(endsOf(world)).toEqual([[], []]);
      expect(world.pool.jobs[1]?.fence).toBe(0);
      world.fault = () => undefined;
      world.cluster.isPaused = false;
      world.cluster.schedule();
      await world.settled();
    });
    expect(endsOf(world)).toEqual([['succeeded'], ['succeeded']]);
  });

  it('[P69] lets go of what waits in a cluster that stays away', async () => {
    const world = new DriveWorld(kind);
    world.cluster.isPaused = true;
    const job = world.pool.add(1);
    await world.play(async () => {
      await world.until('it waits', () => world.cluster.jobs.size === 1);
      world.fault = () => 'lost';
      world.kubernetes.endWatches();
      await world.time.sleep(POOL_LIMITS.clusterAwayMsMax + 2 * JOB_LIMITS.agentLeaseMs);
      world.pool.sweep();
      expect(job.ended).toEqual(['never_started']);
      world.fault = () => undefined;
      world.cluster.isPaused = false;
      await world.settled();
    });
    expect(endsOf(world)).toEqual([['never_started', 'succeeded']]);
  });

  it('loses no job and commits none twice, whatever befalls calls, jobs and the driver', async () => {
    const seeds = process.env['SLUICE_TEST_FULL'] === '1' ? 200 : 12;
    for (let seed = 1; seed <= seeds; seed += 1) {
      const world = new DriveWorld(kind, { seed });
      const chance = new Seeded(seed);
      const random = (): number => chance.next();
      for (let n = 0; n < 15; n += 1) world.pool.add(n);
      world.fault = () => (random() < 0.1 ? (random() < 0.5 ? 'lost' : 'unanswered') : undefined);
      await world.play(async () => {
        for (let blow = 0; blow < 25; blow += 1) {
          await world.time.sleep(random() * 2_000);
          await strike(world, random);
        }
        world.fault = () => undefined;
        await world.settled();
      });
      for (const { ended } of world.pool.jobs) expect(ended.filter((how) => how === 'succeeded')).toEqual(['succeeded']);
    }
  });
});

async function strike(world: DriveWorld, random: () => number): Promise<void> {
  const live = [...world.cluster.jobs.values()].filter(({ state }) => state === 'running' || state === 'queued');
  const job = live[Math.floor(random() * live.length)];
  const blow = Math.floor(random() * 7);
  if (blow === 6) world.kubernetes.endWatches(random() < 0.5);
  if (blow === 5) {
    await world.stopDriver();
    world.startDriver();
  }
  if (job === undefined) return;
  if (blow === 0) world.cluster.end(job, 'preempted');
  if (blow === 1) world.cluster.forget(job);
  if (blow === 2 && job.state === 'running') world.cluster.end(job, 'node_lost', true);
  if (blow === 3 && job.state === 'running') world.cluster.requeue(job);
  if (blow === 4 && job.state === 'running') world.cluster.startProcess(job);
  world.cluster.schedule();
}
