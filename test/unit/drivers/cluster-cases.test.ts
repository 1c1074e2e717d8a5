import { describe, expect, it } from 'vitest';

import { POOL_LIMITS } from '../../../src/contract/pools/pool-limits.ts';
import type { AttemptId } from '../../../src/kernel/ids.ts';
import { DriveWorld } from '../../support/clusters/drive-world.ts';

describe('a driver of slurm', () => {
  it('[P71] asks for no more attempts than nodes that are not drained have slots', async () => {
    const world = new DriveWorld('slurm');
    world.workMs = 30_000;
    world.cluster.nodes[1]!.isDrained = true;
    for (let n = 0; n < 12; n += 1) world.pool.add(n);
    await world.play(async () => {
      await world.until('one node is full', () => world.worked.length === 4);
      await world.time.sleep(10_000);
      expect(world.cluster.jobs.size).toBe(4);
      world.cluster.nodes[1]!.isDrained = false;
      await world.until('both are', () => world.worked.length === 8);
      await world.settled();
    });
    expect(world.pool.jobs.map(({ ended }) => ended)).toEqual(Array.from({ length: 12 }, () => ['succeeded']));
  });

  it('[P62] [P74] never takes another job for its own, though it has its id', async () => {
    const world = new DriveWorld('slurm');
    world.cluster.isPaused = true;
    const job = world.pool.add(1);
    await world.play(async () => {
      await world.until('it waits', () => world.cluster.jobs.size === 1);
      await world.time.sleep(3_000);
      // The controller lost it, and its id went to a job of another user, in the same state.
      const lost = world.cluster.live(world.pool.attemptOf(job));
      world.cluster.forget(lost);
      world.cluster.reuseIds(Number(lost.id));
      const theirs = world.cluster.submit('theirs', { name: 'theirs', comment: '' });
      expect(theirs.id).toBe(lost.id);
      await world.until('it is given back', () => job.ended.length === 1);
      expect(theirs.state).toBe('queued');
      world.pool.cancel(job);
      await world.until('it is over', () => job.isDone);
      expect(theirs.state).toBe('queued');
      world.cluster.end(theirs, 'cancelled');
    });
    expect(job.ended[0]).toBe('released');
  });

  it('[P62] leaves jobs alone that are named like attempts and are not of the pool', async () => {
    const world = new DriveWorld('slurm');
    world.cluster.isPaused = true;
    const name = `att_${'0'.repeat(26)}_1`;
    await world.play(async () => {
      const theirs = world.cluster.submit(name, { name, comment: 'sluice pool_9999999999' });
      await world.time.sleep(2 * POOL_LIMITS.clusterFullListingMs);
      expect(theirs.state).toBe('queued');
      world.cluster.end(theirs, 'cancelled');
    });
  });

  it('[P62] cancels no job that has got the id of the one that is meant', async () => {
    const world = new DriveWorld('slurm');
    world.cluster.isPaused = true;
    const cluster = world.connect();
    await world.time.run(
      (async () => {
        const attemptId = `att_${'0'.repeat(26)}_1` as AttemptId;
        await cluster.submit({ attemptId, environment: {} });
        const [listed] = await cluster.list();
        world.cluster.forget(world.cluster.live(attemptId));
        world.cluster.reuseIds(Number(listed!.id));
        const theirs = world.cluster.submit('theirs', { name: 'theirs', comment: '' });
        await cluster.cancel(listed!);
        expect([theirs.id, theirs.state]).toEqual([listed!.id, 'queued']);
        await cluster.submit({ attemptId, environment: {} });
        await cluster.cancel((await cluster.list())[0]!);
        expect([...world.cluster.jobs.values()].map(({ state }) => state)).toEqual(['queued', 'cancelled']);
      })(),
    );
  });

  it('[P64] cancels a second job of an attempt that waits behind the first', async () => {
    const world = new DriveWorld('slurm');
    const job = world.pool.add(1);
    world.workMs = 20_000;
    await world.play(async () => {
      await world.until('it works', () => world.worked.length === 1);
      const first = world.cluster.live(world.pool.attemptOf(job));
      world.cluster.isPaused = true;
      const second = world.cluster.submit(first.name, first.spec);
      await world.until('the second is cancelled', () => second.state === 'cancelled');
      await world.settled();
    });
    expect(job.ended).toEqual(['succeeded']);
  });

  it('[P76] refuses an attempt that does not fit into an environment, and submits nothing', async () => {
    const world = new DriveWorld('slurm', { slots: 1 });
    world.taskBytes = POOL_LIMITS.clusterTaskBytesMax + 1;
    const job = world.pool.add(1);
    await world.play(async () => {
      await world.until('it failed', () => job.ended.length === 1);
      world.taskBytes = POOL_LIMITS.clusterTaskBytesMax;
      await world.settled();
    });
    expect([job.ended, world.cluster.jobs.size]).toEqual([['agent_error', 'succeeded'], 1]);
  });

  it('[P72] ends a job that runs and never reports', async () => {
    const world = new DriveWorld('slurm');
    const job = world.pool.add(1);
    await world.play(async () => {
      world.cluster.isPaused = true;
      await world.until('it waits', () => world.cluster.jobs.size === 1);
      const silent = world.cluster.live(world.pool.attemptOf(job));
      Object.assign(silent, { state: 'running', node: 'node0' });
      await world.until('it is given up', () => job.ended.length === 1);
      world.cluster.isPaused = false;
      await world.settled();
      expect(silent.state).toBe('cancelled');
    });
    expect(job.ended).toEqual(['agent_error', 'succeeded']);
  });

  it('[P74] reads all jobs only now and then, and after a failure', async () => {
    const world = new DriveWorld('slurm');
    world.workMs = 1_000;
    for (let n = 0; n < 8; n += 1) world.pool.add(n);
    await world.play(async () => {
      await world.settled();
      await world.time.sleep(POOL_LIMITS.clusterFullListingMs / 2);
      expect(world.slurm.listings).toHaveLength(1);
      let faults = 0;
      world.fault = () => (++faults === 1 ? 'lost' : undefined);
      await world.until('it reads all again', () => world.slurm.listings.length === 2);
    });
  });
});

describe('a driver of slurm that has many jobs', () => {
  it('[P74] reads those that changed one by one while they are few of all, however many they are', async () => {
    const world = new DriveWorld('slurm', { slots: 40, nodes: 10 });
    world.workMs = 1_000;
    for (let n = 0; n < 120; n += 1) world.pool.add(n);
    await world.play(async () => {
      await world.settled();
      const { length } = world.slurm.listings;
      for (let n = 120; n < 145; n += 1) world.pool.add(n);
      await world.settled();
      expect(world.slurm.listings).toHaveLength(length);
    });
    expect(world.pool.jobs.map(({ ended }) => ended)).toEqual(Array.from({ length: 145 }, () => ['succeeded']));
  });
});

describe('a driver of kubernetes', () => {
  it('[P75] watches from the version of its listing on, and lists anew when that is over or forgotten', async () => {
    const world = new DriveWorld('kubernetes');
    world.workMs = 5_000;
    for (let n = 0; n < 6; n += 1) world.pool.add(n);
    await world.play(async () => {
      await world.until('all work', () => world.worked.length === 6);
      expect(world.kubernetes.watched).toEqual(['1']);
      const version = world.cluster.version;
      world.kubernetes.endWatches(true);
      await world.until('it watches again', () => world.kubernetes.watched.length === 2);
      expect(Number(world.kubernetes.watched[1])).toBeGreaterThanOrEqual(version);
      await world.settled();
    });
    expect(world.pool.jobs.map(({ ended }) => ended)).toEqual(Array.from({ length: 6 }, () => ['succeeded']));
  });
});

describe('a driver of ray', () => {
  const attemptId = `att_${'0'.repeat(26)}_1` as AttemptId;
  const task = { attemptId, environment: {} };
  const inTime = (scenario: (world: DriveWorld, cluster: ReturnType<DriveWorld['connect']>) => Promise<void>) => {
    const world = new DriveWorld('ray');
    return world.time.run(scenario(world, world.connect()));
  };

  it('[P101] takes an id that is taken for its own job if it is, and never for somebody else’s', () =>
    inTime(async (world, cluster) => {
      expect(await cluster.submit(task)).toEqual({ kind: 'accepted', id: attemptId });
      expect(await cluster.submit(task)).toEqual({ kind: 'accepted', id: attemptId });
      expect(world.cluster.jobs.size).toBe(1);
      world.cluster.forget(world.cluster.live(attemptId));
      world.cluster.submit(attemptId, { metadata: {}, entrypoint: 'theirs', runtime_env: {} });
      expect(await cluster.submit(task)).toMatchObject({ kind: 'refused' });
      expect(await cluster.list()).toEqual([]);
    }));

  it('[P101] refuses what Ray would never take, with Ray’s reason, and leaves open what it did not answer', () =>
    inTime(async (world, cluster) => {
      const wrong = { attemptId, environment: { A: 1 as unknown as string } };
      expect(await cluster.submit(wrong)).toEqual({ kind: 'refused', message: 'ray: TypeError: must be a string' });
      world.ray.isBroken = true;
      await expect(cluster.submit(task)).rejects.toThrow('answered 500: No available agent');
      expect(world.cluster.jobs.size).toBe(0);
    }));

  it('[P102] counts a job that waits as over once it was asked to stop, and as running if it starts', () =>
    inTime(async (world, cluster) => {
      world.cluster.isPaused = true;
      await cluster.submit(task);
      const [waiting] = await cluster.list();
      expect(waiting?.phase.kind).toBe('queued');
      await cluster.cancel(waiting!);
      expect((await cluster.list()).map(({ phase }) => phase)).toMatchObject([{ kind: 'ended', how: 'cancelled' }]);
      // Ray still has it.
      expect(world.cluster.live(attemptId).state).toBe('queued');
      Object.assign(world.cluster.live(attemptId), { state: 'running' });
      expect((await cluster.list()).map(({ phase }) => phase)).toEqual([{ kind: 'running' }]);
    }));

  it('[P62] stops no job that has the id and is not of the pool', () =>
    inTime(async (world, cluster) => {
      const theirs = world.cluster.submit(attemptId, { metadata: {}, entrypoint: 'theirs', runtime_env: {} });
      await cluster.cancel({ id: attemptId, attemptId, phase: { kind: 'queued' } });
      expect(theirs.state).toBe('running');
      world.cluster.end(theirs, 'succeeded');
    }));

  it('[P103] deletes its jobs once they have been over for a while, and no others', async () => {
    const world = new DriveWorld('ray');
    for (let n = 0; n < 6; n += 1) world.pool.add(n);
    await world.play(async () => {
      const theirs = world.cluster.submit('theirs', { metadata: {}, entrypoint: 'x', runtime_env: {} });
      world.cluster.end(theirs, 'succeeded');
      await world.settled();
      await world.time.sleep(POOL_LIMITS.clusterEndedKeptMs / 2);
      expect(world.cluster.jobs.size).toBe(7);
      await world.until('only that of others is left', () => world.cluster.jobs.size === 1);
      expect([...world.cluster.jobs.keys()]).toEqual([theirs.id]);
      expect(world.ray.deleted).toBe(6);
    });
  });
});
