import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { LeasedWork } from '../../../src/contract/pools/pool-exchange.ts';
import { DEFAULT_TERMS } from '../../../src/scheduler/served/jobs/job.ts';
import {
  COMPLETED,
  deskOf,
  fill,
  inStore,
  jobState,
  named,
  newJob,
  newLargePool,
  partition,
  PROGRESS,
  scheduler,
  silence,
  startAlone,
  value,
} from './pool-world.ts';

beforeEach(startAlone);

describe('a pool of several partitions', () => {
  it('[P32] [P33] [P35] runs jobs in each as one pool', async () => {
    const { id, root, other } = await newLargePool(1);
    const first = value(await root.register(named('in-root')));
    const second = value(await root.register(named('in-other')));
    expect([first, second].map((agent) => agent.split('_').length)).toEqual([2, 3]);
    // An agent belongs to one partition alone.
    expect(await root.lease(second, 0)).toMatchObject({ error: { code: 'state_conflict' } });
    const requests = [await newJob(), await newJob()];
    const leasing = [root.lease(first, 20_000), other.lease(second, 20_000)];
    const grants = (await Promise.all(leasing)).map((outcome) => value(outcome).grant!);
    expect(new Set(grants.map(({ jobId }) => jobId))).toEqual(new Set(requests.map((request) => request.id)));

    const nodes = value(await scheduler().operate('nodes', id, 10));
    expect(nodes.map(({ node }) => node.id).toSorted()).toEqual([first, second].toSorted());
    const [mine, theirs] = grants as [Grant, Grant];
    // A caller that does not say which agent it is reaches the attempt through the root.
    value(await root.heartbeat(theirs.attemptId, 1, PROGRESS));
    value(await other.heartbeat(theirs.attemptId, 1, PROGRESS));
    value(await root.heartbeat(mine.attemptId, 1, PROGRESS));
    await expect
      .poll(async () => Promise.all(requests.map(async (request) => (await jobState(request)).state)))
      .toEqual(['running', 'running']);
    expect(await root.summary()).toEqual({ agents: JOB_LIMITS.agentsPerPartitionMaxCount + 1, running: 2 });
    expect(value(await root.held(theirs.attemptId, 1))).toEqual(theirs);
    for (const { attemptId } of grants) expect(await root.end(attemptId, 1, COMPLETED)).toEqual({ ok: true, value: null });
    for (const request of requests) expect(await jobState(request)).toMatchObject({ state: 'succeeded', fence: 1 });
  });

  it('[P94] [P35] an agent that registers again is in its partition, with what it runs', async () => {
    const { root, other, stub, otherStub } = await newLargePool(0);
    const agent = value(await root.register(named('in-other')));
    expect(agent).toMatch(/^agt_1_/);
    const request = await newJob();
    const grant = value(await other.lease(agent, 20_000)).grant!;
    value(await other.heartbeat(grant.attemptId, 1, PROGRESS));
    // There is room in the root again, and none where it was.
    await runInDurableObject(stub, (_object, { storage }) => void storage.sql.exec("DELETE FROM agents WHERE name = 'many'"));
    await fill(otherStub, JOB_LIMITS.agentsPerPartitionMaxCount - 1);
    const weights = [{ model: 'm', memoryMib: 1, loadMs: 1 }];
    expect(value(await root.register(named('in-other', { weights }), agent))).toBe(agent);
    expect(await other.lease(agent, 0)).toMatchObject({ ok: true, value: { grant: { attemptId: grant.attemptId } } });
    value(await other.heartbeat(grant.attemptId, 1, PROGRESS));
    await expect.poll(() => jobState(request)).toMatchObject({ state: 'running', fence: 1 });
    // Another machine, or one that says that it was somewhere else, is a new agent, where there is room.
    for (const [name, former] of [
      ['another', agent],
      ['in-other', 'agt_9_0123456789abcdef' as typeof agent],
      ['in-other', 'agt_0123456789abcdef' as typeof agent],
    ] as const)
      expect(value(await root.register(named(name), former))).toMatch(/^agt_[0-9a-z]{16}$/);
    expect(await other.end(grant.attemptId, 1, COMPLETED)).toEqual({ ok: true, value: null });
  });

  it('[P32] takes no more agents than agentsMaxCount', async () => {
    const { id, root } = await newLargePool(0);
    const partitions = JOB_LIMITS.agentsMaxCount / JOB_LIMITS.agentsPerPartitionMaxCount;
    for (let number = 1; number < partitions; number++) {
      expect(value(await root.register(named('first-of-it')))).toMatch(new RegExp(`^agt_${number}_`));
      await fill(partition(id, number), JOB_LIMITS.agentsPerPartitionMaxCount - 1);
    }
    const refused = await root.register(named('one-too-many'));
    expect(refused).toMatchObject({ error: { code: 'limit_exceeded', limit: { name: 'agentsMaxCount' } } });
    expect((await root.summary()).agents).toBe(JOB_LIMITS.agentsMaxCount);
  });

  it('[P33] loses the attempts of a silent partition alone', async () => {
    const { root, other, otherStub, stub } = await newLargePool(1);
    const agents = [value(await root.register(named('in-root'))), value(await root.register(named('in-other')))];
    const requests = [await newJob(), await newJob()];
    const grants = (await Promise.all([root.lease(agents[0]!, 20_000), other.lease(agents[1]!, 20_000)])).map(
      (outcome) => value(outcome).grant!,
    );
    value(await root.heartbeat(grants[0]!.attemptId, 1, PROGRESS));
    value(await other.heartbeat(grants[1]!.attemptId, 1, PROGRESS));
    await silence(otherStub);
    expect(await runDurableObjectAlarm(otherStub)).toBe(true);
    const lost = requests.find(({ id }) => id === grants[1]!.jobId)!;
    const kept = requests.find(({ id }) => id === grants[0]!.jobId)!;
    expect(await jobState(lost)).toMatchObject({ ended: [{ fence: 1, outcome: 'lease_expired' }] });
    await expect.poll(() => jobState(kept)).toMatchObject({ state: 'running', fence: 1 });
    await stub.nudge();
    await root.end(grants[0]!.attemptId, 1, COMPLETED);
  });

  it('[P5] [P33] asks the agent of a cancelled job to stop, in whichever partition it is', async () => {
    const { root, other, otherStub } = await newLargePool(0);
    const agent = value(await root.register(named('in-other')));
    const request = await newJob();
    const grant = value(await other.lease(agent, 20_000)).grant!;
    await other.heartbeat(grant.attemptId, 1, PROGRESS);
    await scheduler().act(request.tenantId, request.id, { kind: 'cancel' });
    await otherStub.nudge();
    expect(value(await other.heartbeat(grant.attemptId, 1, PROGRESS))).toMatchObject({ command: 'cancel' });
    expect(await other.end(grant.attemptId, 1, { kind: 'failed', reason: 'cancelled', message: '' })).toMatchObject({ ok: true });
    expect(await jobState(request)).toMatchObject({ state: 'cancelled' });
  });

  it('[P34] accepts in each partition the tokens of the root, and none where no pool is', async () => {
    const { id, root, other, otherStub } = await newLargePool(0);
    expect(await other.knows(`mac-of-${id}`)).toBe(false);
    value(await root.register(named('in-other')));
    expect(await other.knows(`mac-of-${id}`)).toBe(true);
    expect(await other.knows('')).toBe(false);
    value(await root.rotateToken('second', 0));
    await expect.poll(() => other.knows('second')).toBe(true);
    expect(await other.knows(`mac-of-${id}`)).toBe(false);
    // Partition 2 was never opened, and stores nothing.
    const absent = partition(id, 2);
    expect(await deskOf(absent).knows('second')).toBe(false);
    await runInDurableObject(absent, (_object, { storage }) => {
      expect(storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'pool'").toArray()).toEqual([]);
    });
    await root.erase();
    expect(await inStore(otherStub, (store) => store.identity())).toBeUndefined();
    expect(await other.knows('second')).toBe(false);
  });

  it('[P24] [P33] forgets all partitions once the pool is deleted', async () => {
    const { id, root, other, otherStub, stub } = await newLargePool(0);
    const agent = value(await root.register(named('in-other')));
    const waiting = other.lease(agent, 20_000);
    await expect.poll(() => inStore(otherStub, (store) => store.joinedCount())).toBe(1);
    value(await scheduler().operate('remove', id, true));
    await root.erase();
    expect(await waiting).toMatchObject({ ok: false, error: { code: 'state_conflict' } });
    for (const one of [stub, otherStub]) expect(await inStore(one, (store) => store.identity())).toBeUndefined();
  });

  it('[J140] [P35] lets members of a gang meet whose agents are in different partitions', async () => {
    const { id, root, other } = await newLargePool(1);
    const kinds = ['training'] as const;
    const agents = [value(await root.register(named('in-root', { kinds }))), value(await root.register(named('in-other', { kinds })))];
    const request = await newJob({
      work: { kind: 'training', argv: ['train'], environment: {}, inputs: [], outputs: [], limits: {} },
      options: DEFAULT_TERMS.options.map((option) => ({ ...option, nodes: { min: 2, max: 2, step: 1 } })),
    });
    const leasing: Promise<Outcome<LeasedWork>>[] = [root.lease(agents[0]!, 20_000), other.lease(agents[1]!, 20_000)];
    const [mine, theirs] = (await Promise.all(leasing)).map((outcome) => value(outcome).grant!) as [Grant, Grant];
    expect([mine.jobId, theirs.jobId]).toEqual([request.id, request.id]);
    expect(value(await root.meet(mine.attemptId, 1, 'root:1'))).toBeNull();
    const byRank = mine.rank === 0 ? ['root:1', 'other:1'] : ['other:1', 'root:1'];
    expect(value(await other.meet(theirs.attemptId, 1, 'other:1'))).toEqual(byRank);
    expect(value(await root.meet(mine.attemptId, 1, 'root:1'))).toEqual(byRank);
    value(await scheduler().operate('remove', id, true));
  });
});
