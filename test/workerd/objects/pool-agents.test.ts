import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeEach, expect, it, vi } from 'vitest';
import { GroupCommit } from '../../../durable-objects/group-commit.ts';
import type { LeasedWork, NodeWeights, PoolMessage, PoolOrders } from '../../../src/contract/pools/pool-exchange.ts';
import { rankOfAttempt } from '../../../src/contract/jobs/attempt.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { AttemptId, FileId } from '../../../src/kernel/ids.ts';
import type { AgentId } from '../../../src/pools/agent-lease.ts';
import { PoolSync } from '../../../src/pools/pool-sync.ts';
import { SqlitePoolStore } from '../../../src/pools/sqlite-pool-store.ts';
import { isAccepted, SqlitePoolTokens } from '../../../src/pools/sqlite-pool-tokens.ts';
import { DEFAULT_TERMS } from '../../../src/scheduler/served/jobs/job.ts';
import type { NodeView } from '../../../src/scheduler/served/pool-operations.ts';
import type { JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import { COMPLETED, inStore, jobState, named, newJob, newPool, PROGRESS, scheduler, silence, startAlone, value } from './pool-world.ts';

beforeEach(startAlone);

const LARGE = { capacity: { accelerator: null, acceleratorCount: 0, cpuMilli: 64_000, memoryMib: 65_536 }, attemptsMax: 2 };

it('[J222] [P107] lets what clients submit and agents report at the same time be stored together', async () => {
  const { call } = await newPool();
  const agent = value(await call((object) => object.register(named('one'))));
  const turns = vi.spyOn(GroupCommit.prototype, 'turn');
  try {
    /** In how many objects a call had a turn. */
    const called = async (work: () => Promise<unknown>): Promise<number> => {
      const before = turns.mock.contexts.length;
      await work();
      return new Set(turns.mock.contexts.slice(before)).size;
    };
    expect(await called(() => newJob())).toBe(1);
    const { attemptId, fence } = value(await call((object) => object.lease(agent, 10_000))).grant!;
    // Of the pool alone: the scheduler is asked later.
    expect(await called(() => call((object) => object.heartbeat(attemptId, fence, null)))).toBe(1);
    // Of the pool, and of the scheduler that it reports the end to.
    expect(await called(() => call((object) => object.end(attemptId, fence, COMPLETED)))).toBe(2);
  } finally {
    turns.mockRestore();
  }
});

it('[P20] [P21] gives one agent as many attempts as it takes, each again until it names it', async () => {
  const { stub, call } = await newPool();
  const agent = value(await call((object) => object.register(named('large', LARGE))));
  const requests = [await newJob(), await newJob(), await newJob()];
  const first = value(await call((object) => object.lease(agent, 10_000, []))).grant!;
  // The answer was lost.
  expect(value(await call((object) => object.lease(agent, 10_000, []))).grant).toEqual(first);
  const second = value(await call((object) => object.lease(agent, 10_000, [first.attemptId]))).grant!;
  expect([first.jobId, second.jobId].toSorted()).toEqual([requests[0]!.id, requests[1]!.id]);
  const held = [first.attemptId, second.attemptId];
  expect(value(await call((object) => object.lease(agent, 1, held))).grant).toBeNull();

  for (const attemptId of held) await call((object) => object.heartbeat(attemptId, 1, PROGRESS));
  const waiting = call((object) => object.lease(agent, 20_000, held));
  await expect.poll(() => inStore(stub, (store) => store.joinedCount())).toBe(1);
  // The end of one leaves the other as it is, and makes room.
  await call((object) => object.end(first.attemptId, 1, COMPLETED));
  const third = value(await waiting).grant!;
  expect(third.jobId).toBe(requests[2]!.id);
  expect(value(await call((object) => object.heartbeat(second.attemptId, 1, PROGRESS)))).toMatchObject({ command: 'continue' });
  for (const { attemptId, fence } of [second, third]) {
    expect(await call((object) => object.end(attemptId, fence, COMPLETED))).toEqual({ ok: true, value: null });
  }
  for (const request of requests) expect(await jobState(request)).toMatchObject({ state: 'succeeded', failures: 0, fence: 1 });
  // It asks no more.
  await inStore(stub, (store) => store.stopsAsking(agent));
  await stub.nudge();
});

it('[P21] loses all attempts of an agent that falls silent, and nothing of others', async () => {
  const { stub, call } = await newPool();
  const [agent, other] = [
    value(await call((object) => object.register(named('large', LARGE)))),
    value(await call((object) => object.register(named('small')))),
  ];
  const requests = [await newJob(), await newJob()];
  const first = value(await call((object) => object.lease(agent, 10_000, []))).grant!;
  const second = value(await call((object) => object.lease(agent, 10_000, [first.attemptId]))).grant!;
  for (const { attemptId } of [first, second]) await call((object) => object.heartbeat(attemptId, 1, PROGRESS));
  await silence(stub);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  for (const request of requests)
    expect(await jobState(request)).toMatchObject({ state: 'pending', ended: [{ outcome: 'lease_expired' }] });
  for (const request of requests) {
    const grant = value(await call((object) => object.lease(other, 10_000))).grant!;
    expect(grant).toMatchObject({ jobId: request.id, fence: 2 });
    await call((object) => object.end(grant.attemptId, 2, COMPLETED));
  }
});

it('[P22] tells the scheduler how fast attempts are, each measurement once', async () => {
  const { stub, call } = await newPool();
  const agent = value(await call((object) => object.register(named('one'))));
  await newJob();
  const grant = value(await call((object) => object.lease(agent, 0))).grant!;
  const reported: unknown[] = [];
  const beat = (workMilli: number) =>
    call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS, undefined, { workMilli, overMs: 1_000 }));
  await beat(5);
  await beat(7);
  await inStore(stub, async (store) => {
    const exchange = async ({ reports }: PoolMessage): Promise<PoolOrders> => {
      reported.push(...reports.flatMap((report) => (report.kind === 'progress' ? [report.throughput] : [])));
      return { verdicts: reports.map(() => 'continue'), effects: [], coming: 0 };
    };
    const { known: _, ...unreported } = store.find(grant.attemptId)!;
    store.save(unreported);
    await new PoolSync({
      store,
      exchange,
      clock: { nowMs: () => Date.now() },
      pause: () => Promise.resolve(),
      judgedMs: () => Date.now(),
      onAssigned: () => {},
      onGone: async () => {},
      onRetired: () => {},
      onScaled: () => {},
    }).run();
    expect(store.find(grant.attemptId)!.throughput).toBeUndefined();
  });
  const sum = reported.reduce((total: number, one) => total + ((one as { workMilli: number } | undefined)?.workMilli ?? 0), 0);
  expect(sum).toBeLessThanOrEqual(12);
  await call((object) => object.end(grant.attemptId, 1, COMPLETED));
});

it('[P27] accepts a former token until its grace is over, and no older one', async () => {
  const { id, stub, call } = await newPool();
  const first = `mac-of-${id}`;
  expect(await call((object) => object.create(id, first))).toBe(true);
  const untilMs = value(await call((object) => object.rotateToken('second', 60_000)));
  // Though it is accepted still, a repeated creation answers no token that will soon be worth nothing.
  expect([await call((object) => object.create(id, first)), await call((object) => object.create(id, 'second'))]).toEqual([false, true]);
  expect(untilMs).toBeGreaterThan(Date.now());
  expect(await Promise.all([first, 'second', 'none'].map((mac) => call((object) => object.knows(mac))))).toEqual([true, true, false]);
  // Repeated, it changes nothing.
  expect(await call((object) => object.rotateToken('second', 60_000))).toEqual({ ok: true, value: untilMs });
  const other = await call((object) => object.rotateToken('second', 90_000));
  expect(other).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch' } });
  await runInDurableObject(stub, (_object, { storage }) => {
    const tokens = new SqlitePoolTokens(storage, new SqlitePoolStore(storage)).accepted()!;
    expect([untilMs - 1, untilMs].map((nowMs) => isAccepted(tokens, first, nowMs))).toEqual([true, false]);
  });
  await call((object) => object.rotateToken('third', 60_000));
  expect(await Promise.all([first, 'second', 'third'].map((mac) => call((object) => object.knows(mac))))).toEqual([false, true, true]);
  const late = await call((object) => object.rotateToken('second', 60_000));
  expect(late).toMatchObject({ ok: false, error: { code: 'idempotency_key_spent' } });
  await call((object) => object.rotateToken('fourth', 0));
  expect(await Promise.all(['third', 'fourth'].map((mac) => call((object) => object.knows(mac))))).toEqual([false, true]);
});

it('[P24] forgets all of itself when the scheduler says that it was deleted, and turns its agents away', async () => {
  const { id, stub, call } = await newPool();
  const agent = value(await call((object) => object.register(named('one'))));
  const waiting = call((object) => object.lease(agent, 20_000));
  await expect.poll(() => inStore(stub, (store) => store.joinedCount())).toBe(1);
  value(await scheduler().operate('remove', id, true));
  await stub.nudge();
  expect(await waiting).toMatchObject({ ok: false, error: { code: 'state_conflict' } });
  expect(await call((object) => object.knows(`mac-of-${id}`))).toBe(false);
  expect(await inStore(stub, (store) => store.identity())).toBeUndefined();
});

const TRAINING: Partial<JobRequest> = {
  work: { kind: 'training', argv: ['train'], environment: {}, inputs: [], outputs: [], limits: {} },
  options: DEFAULT_TERMS.options.map((option) => ({ ...option, nodes: { min: 2, max: 2, step: 1 } })),
};

it('[J140] lets the members of a gang meet once all have started, and none of another attempt', async () => {
  const { id, stub, call } = await newPool(true);
  const agents = [];
  for (const name of ['one', 'two']) agents.push(value(await call((object) => object.register(named(name, { kinds: ['training'] })))));
  const request = await newJob(TRAINING);
  const leasing = agents.map((agent) => stub.lease(agent, 20_000) as unknown as Promise<Outcome<LeasedWork>>);
  const grants = (await Promise.all(leasing)).map((outcome) => value(outcome).grant!).toSorted((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
  expect(grants.map(({ jobId, rank, worldSize }) => [jobId, rank, worldSize])).toEqual([
    [request.id, 0, 2],
    [request.id, 1, 2],
  ]);
  const [first, second] = grants.map(({ attemptId }) => attemptId);
  expect(value(await call((object) => object.meet(second!, 1, 'b:0')))).toBeNull();
  expect(value(await call((object) => object.meet(first!, 1, 'a:29500')))).toEqual(['a:29500', 'b:0']);
  expect(value(await call((object) => object.meet(second!, 1, 'b:0')))).toEqual(['a:29500', 'b:0']);
  expect(await call((object) => object.meet(second!, 2, 'b:0'))).toMatchObject({ error: { code: 'stale_fence' } });

  for (const attemptId of [first!, second!]) await call((object) => object.heartbeat(attemptId, 1, PROGRESS));
  await expect.poll(async () => (await jobState(request)).state).toBe('running');
  const saved = { file: 'file_saved' as FileId, bytes: 1, sha256: 'x' };
  expect(await call((object) => object.saved(first!, 1, saved))).toEqual({ ok: true, value: null });
  // An agent that asks again begins with what it has saved.
  expect(value(await call((object) => object.held(first!, 1)))).toMatchObject({ checkpoint: saved });
  expect(await call((object) => object.end(first!, 1, COMPLETED))).toEqual({ ok: true, value: null });
  expect((await jobState(request)).state).toBe('succeeded');
  // The other learns of it with the next sync.
  await stub.nudge();
  await expect.poll(async () => (await call((object) => object.heartbeat(second!, 1, PROGRESS))).ok).toBe(false);
  // Its agents shall get nothing that other tests submit.
  value(await scheduler().operate('remove', id, true));
});

it('[J211] [P80] tells members what they are once others have gone, and lets them meet as they are then', async () => {
  const { id, stub, call } = await newPool(true);
  const agents = [];
  for (const name of ['one', 'two']) agents.push(value(await call((object) => object.register(named(name, { kinds: ['training'] })))));
  const request = await newJob({
    ...TRAINING,
    options: DEFAULT_TERMS.options.map((option) => ({ ...option, nodes: { min: 1, max: 2, step: 1 } })),
  });
  const leasing = agents.map((agent) => stub.lease(agent, 20_000) as unknown as Promise<Outcome<LeasedWork>>);
  const [first, second] = (await Promise.all(leasing))
    .map((leased) => value(leased).grant!.attemptId)
    .toSorted((a, b) => rankOfAttempt(a) - rankOfAttempt(b)) as [AttemptId, AttemptId];
  const beat = async (attempt: AttemptId) => value(await call((object) => object.heartbeat(attempt, 1, PROGRESS)));
  for (const attempt of [first, second]) await beat(attempt);
  await expect.poll(async () => (await jobState(request)).attempt?.nodes).toBe(2);
  await expect.poll(async () => (await beat(first)).place.worldSize).toBe(2);
  const { version } = (await beat(first)).place;
  expect(value(await call((object) => object.meet(first, 1, 'a:29500', version)))).toBeNull();
  expect(value(await call((object) => object.meet(second, 1, 'b:0', version)))).toEqual(['a:29500', 'b:0']);

  value(await scheduler().act(request.tenantId, request.id, { kind: 'resize', nodes: 1 }));
  await expect.poll(async () => (await beat(second)).command).toBe('leave');
  await expect.poll(async () => (await beat(first)).place).toEqual({ version: version + 1, rank: 0, worldSize: 1 });
  expect(value(await call((object) => object.meet(first, 1, 'a:29500', version)))).toBeNull();
  expect(value(await call((object) => object.meet(first, 1, 'a:29501', version + 1)))).toEqual(['a:29501']);
  const released = { kind: 'failed', reason: 'released', message: 'left' } as const;
  expect(await call((object) => object.end(second, 1, released))).toEqual({ ok: true, value: null });
  expect(await jobState(request)).toMatchObject({ state: 'running', attempt: { nodes: 1, group: { leaving: [] } } });
  expect(await call((object) => object.end(first, 1, COMPLETED))).toEqual({ ok: true, value: null });
  expect((await jobState(request)).state).toBe('succeeded');
  value(await scheduler().operate('remove', id, true));
});

it('[J219] gives a job of replicas another one as soon as those that it has say how much they have to do', async () => {
  const { id, call } = await newPool();
  const agents = [];
  for (const name of ['one', 'two'])
    agents.push(value(await call((object) => object.register(named(name, { kinds: ['online_inference'] })))));
  const request = await newJob({
    work: { kind: 'online_inference', model: 'm', scaling: { outstanding_per_replica: 2, scale_down_delay_s: 0 } },
    options: DEFAULT_TERMS.options.map((option) => ({ ...option, nodes: { min: 1, max: 2, step: 1 } })),
  });
  /** As an agent does: it asks again until there is something to do. */
  const leased = async (agent: AgentId): Promise<AttemptId> =>
    value(await call((object) => object.lease(agent, 20_000))).grant?.attemptId ?? leased(agent);
  const leasing = agents.map(leased);
  const first = await Promise.race(leasing);
  const serving = { url: 'http://one:1', key: 'k'.repeat(43), isHealthy: true };
  const beat = async (attempt: AttemptId, outstandingMilli: number) =>
    value(await call((object) => object.heartbeat(attempt, 1, PROGRESS, undefined, undefined, { ...serving, outstandingMilli })));
  const nodes = async () => (await jobState(request)).attempt?.nodes;
  await beat(first, 1_900);
  await expect.poll(async () => (await jobState(request)).attempt?.group?.outstandingMilli, { timeout: 60_000 }).toBe(1_900);
  expect(await nodes()).toBe(1);
  await expect
    .poll(
      async () => {
        await beat(first, 2_100);
        return nodes();
      },
      { timeout: 60_000 },
    )
    .toBe(2);
  const second = (await Promise.all(leasing)).find((attempt) => attempt !== first)!;
  await beat(second, 0);
  // The newest leaves.
  await expect
    .poll(
      async () => {
        await beat(first, 0);
        return (await beat(second, 0)).command;
      },
      { timeout: 60_000 },
    )
    .toBe('leave');
  value(await scheduler().act(request.tenantId, request.id, { kind: 'cancel' }));
  value(await scheduler().operate('remove', id, true));
});

it('[P29] answers its provider as the number changes, and tells an agent once that it is retired', async () => {
  const { id, stub, call } = await newPool();
  const template = { accelerator: null, acceleratorCount: 0, cpuMilli: 1_000, memoryMib: 1_024 };
  const elasticity = { nodesMin: 0, nodesMax: 20, template, provisioningMs: 60_000, idleMs: 0 };
  value(await scheduler().operate('change', id, { elasticity, region: 'far' }));
  // Jobs that other tests have left behind may want nodes, too.
  const before = await call((object) => object.demand('machines', undefined, 0));
  const waiting = call((object) => object.demand('machines', before, 20_000));
  const request = await newJob({ options: DEFAULT_TERMS.options.map((option) => ({ ...option, regions: ['far'] })) });
  expect(await waiting).toBeGreaterThan(before);

  const agent = value(await call((object) => object.register(named('machines-1'))));
  let grant = value(await call((object) => object.lease(agent, 20_000, []))).grant!;
  while (grant.jobId !== request.id) {
    await call((object) => object.end(grant.attemptId, grant.fence, COMPLETED));
    grant = value(await call((object) => object.lease(agent, 20_000, []))).grant!;
  }
  expect(await call((object) => object.demand('machines', undefined, 0))).toBeGreaterThanOrEqual(1);
  await call((object) => object.end(grant.attemptId, 1, COMPLETED));
  await expect.poll(() => call((object) => object.demand('machines', undefined, 0)), { timeout: 60_000 }).toBe(0);
  expect(await call((object) => object.lease(agent, 20_000, []))).toMatchObject({ ok: false, error: { code: 'agent_retired' } });
  // It does not go, and is a node again until the scheduler has enough of it.
  expect(await call((object) => object.lease(agent, 20_000, []))).toMatchObject({ ok: false, error: { code: 'agent_retired' } });
  expect(await jobState(request)).toMatchObject({ state: 'succeeded', fence: 1 });
  await inStore(stub, (store) => expect(store.joinedCount()).toBe(0));
  value(await scheduler().operate('remove', id, true));
});

it('[P111] what an agent holds travels with the sync, what it has to forget with the answer to its poll', async () => {
  const { id, call } = await newPool();
  const agent = value(await call((object) => object.register(named('keeper', { ...LARGE, weightsMaxMib: 100 }))));
  const held = (model: string, inUse = false) => ({ model, memoryMib: 60, loadMs: 10, inUse });
  const seen = async () => {
    const nodes: Outcome<readonly NodeView[]> = await scheduler().operate('nodes', id, 10);
    return value(nodes)[0]?.weights.map(({ model, users }) => `${model} ${users}`);
  };
  const poll = (attempts: readonly AttemptId[], weights: readonly NodeWeights[], waitMs = 20_000) =>
    call((object) => object.lease(agent, waitMs, attempts, weights));

  const waiting = poll([], [held('cold')]);
  await expect.poll(seen).toEqual(['cold 0']);
  // Both models are more than the agent has room for.
  const job = await newJob({ weights: { model: 'hot', memoryMib: 60, loadMs: 10 } });
  const { grant, unload } = value(await waiting);
  expect(grant!.jobId).toBe(job.id);
  expect(unload).toEqual(['cold']);
  expect(await seen()).toEqual(['hot 1']);
  const { attemptId } = grant!;
  await call((object) => object.heartbeat(attemptId, 1, PROGRESS));
  // The answer was lost: it is given again, though not at once, until the agent says that it holds the weights no more.
  expect(value(await poll([attemptId], [held('cold'), held('hot', true)], 1))).toEqual({ grant: null, unload: ['cold'] });
  expect(value(await poll([attemptId], [held('hot', true)], 1))).toEqual({ grant: null, unload: [] });
  await call((object) => object.end(attemptId, 1, COMPLETED));
  // It says the same as before the end: that counts, as the scheduler knows only what it had planned.
  const last = poll([], [], 20_000);
  await expect.poll(seen).toEqual([]);
  await call((object) => object.erase());
  await last;
});

it('[P24] refuses by name the calls that a deletion reaches, at whatever point they wait', async () => {
  for (const moment of [0, 1, 2, 3, 5, 8]) {
    const { id, call } = await newPool();
    const agent = value(await call((object) => object.register(named('one'))));
    await newJob();
    const { attemptId } = value(await call((object) => object.lease(agent, 20_000, []))).grant!;
    const calls = () => [
      call((object) => object.lease(agent, 20_000, [attemptId])),
      call((object) => object.lease(agent, 0, [])),
      call((object) => object.heartbeat(attemptId, 1, PROGRESS)),
      call((object) => object.held(attemptId, 1)),
      call((object) => object.meet(attemptId, 1, '127.0.0.1:1')),
      call((object) => object.end(attemptId, 1, COMPLETED)),
      call((object) => object.register(named('two'))),
    ];
    const before = calls();
    // So many turns of the object later.
    for (let turn = 0; turn < moment; turn++) await call((object) => object.summary());
    const [answers] = await Promise.all([Promise.all([...before, ...calls()]), call((object) => object.erase())]);
    for (const answer of answers.filter(({ ok }) => !ok))
      expect(answer).toMatchObject({ error: { code: expect.stringMatching(/^(state_conflict|stale_fence|pool_not_found)$/) as string } });
    for (const answer of await Promise.all(calls())) expect(answer.ok).toBe(false);
    value(await scheduler().operate('remove', id, true));
  }
});

it('[P111] weights that an attempt comes for are kept, though an order to forget them is under way', async () => {
  const { stub } = await newPool();
  const kept = await runInDurableObject(stub, (_object, { storage }) => {
    const store = new SqlitePoolStore(storage);
    const agent = 'agt_0000000000000001' as AgentId;
    store.addAgent(agent, named('keeper'), 1);
    const hot = [{ model: 'hot', memoryMib: 1, loadMs: 1 }];
    store.weights.said(agent, hot);
    store.weights.unload(agent, 'hot');
    store.weights.unload(agent, 'constructor');
    store.weights.keep(agent, 'hot');
    const orders = store.weights.takeUnloads(agent, true);
    const isNew = store.weights.hasNewUnload(agent);
    // An agent that says nothing of what it holds is answered once.
    store.weights.takeUnloads(agent, false);
    return { orders, isNew, left: store.weights.takeUnloads(agent, false), due: store.weights.due(10) };
  });
  expect(kept).toEqual({
    orders: ['constructor'],
    isNew: false,
    left: [],
    due: [{ nodeId: 'agt_0000000000000001', weights: [{ model: 'hot', memoryMib: 1, loadMs: 1 }] }],
  });
});
