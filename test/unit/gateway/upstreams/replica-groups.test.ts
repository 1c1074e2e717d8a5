import { beforeEach, describe, expect, it } from 'vitest';

import type { Serving } from '../../../../src/contract/jobs/attempt.ts';
import { UPSTREAM_LIMITS } from '../../../../src/contract/upstreams/upstream-limits.ts';
import type { CreateUpstreamBody } from '../../../../src/contract/upstreams/upstreams.ts';
import type { JobId } from '../../../../src/kernel/ids.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import { newJob } from '../../../../src/scheduler/served/jobs/job.ts';
import { BalancedDispatcher } from '../../../../src/upstreams/serving/balanced-dispatcher.ts';
import { chooseTarget } from '../../../../src/upstreams/serving/choose-target.ts';
import { breakerOf, TargetState } from '../../../../src/upstreams/serving/target-state.ts';
import type { Plan, Target } from '../../../../src/upstreams/target.ts';
import { withReplicas } from '../../../../src/upstreams/target.ts';
import type { Opened, TransportFault, UpstreamTransport } from '../../../../src/upstreams/transport.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { tenantOf, upstreamBody, UpstreamStoreWorld } from '../../../support/worlds/upstream-store-world.ts';

const [ONE, TWO] = [tenantOf(1), tenantOf(2)];
const JOB = `job_${'a'.repeat(26)}` as JobId;
const NOT_CANCELLED = { isCancelled: false, onCancel: () => () => undefined };

let world: UpstreamStoreWorld;

beforeEach(() => {
  world = new UpstreamStoreWorld();
});

const servingAt = (url: string, isHealthy = true): Serving => ({ url, key: `key-of-${url}`, isHealthy });

/** The job as the scheduler has it, of the first tenant. */
function setJob(serving: readonly (Serving | undefined)[], more: Partial<Job> = {}): void {
  const job = newJob(
    jobRequest(1, { id: JOB, tenantId: ONE.tenantId, work: { kind: 'online_inference', model: 'm', server: 'openai' } }),
    1,
    0,
  );
  const members = serving.map((one, number) => ({ number, nodeId: `n${number}`, ...(one === undefined ? {} : { serving: one }) }));
  const attempt = { group: { version: 0, members, leaving: [], next: members.length } } as unknown as Job['attempt'];
  world.jobs.set(`${ONE.tenantId}/${JOB}`, { ...job, state: 'running', attempt, ...more });
}

const urls = async (tenant = ONE) => (await world.groups.ready(tenant.tenantId, JOB)).map(({ url }) => url);
const [A, B] = ['http://10.0.0.7:4000', 'http://127.0.0.1:5000'];

describe('[U12] the replicas of a job', () => {
  it('are those that answer, at addresses that may be called, of the job of the tenant alone', async () => {
    setJob([
      servingAt(A),
      servingAt('http://10.0.0.8:1', false),
      undefined,
      servingAt('http://169.254.169.254'),
      servingAt(`${B}/path`),
      servingAt(B),
    ]);
    expect(await urls()).toEqual([A, B]);
    expect(await urls(TWO)).toEqual([]);
  });

  it.each(['cancelling', 'stopping', 'cancelled', 'pending'] as const)('are none of a job that is %s', async (state) => {
    setJob([servingAt(A)], { state });
    expect(await urls()).toEqual([]);
  });

  it('are believed for three seconds, and read again beside calls before those are over', async () => {
    setJob([servingAt(A)]);
    await urls();
    setJob([servingAt(B)]);
    world.nowMs += UPSTREAM_LIMITS.upstreamReplicasFreshMs / 2 - 1;
    expect(await urls()).toEqual([A]);
    expect(world.askedJobs).toHaveLength(1);
    world.nowMs += 1;
    expect(await urls(), 'no call waits for it').toEqual([A]);
    await Promise.all(world.beside);
    expect([await urls(), world.askedJobs.length]).toEqual([[B], 2]);
    setJob([]);
    world.nowMs += UPSTREAM_LIMITS.upstreamReplicasFreshMs;
    expect([await urls(), world.askedJobs.length]).toEqual([[], 3]);
  });

  it('are those that are known for a minute while the scheduler does not answer, and none afterwards', async () => {
    setJob([servingAt(A)]);
    await urls();
    world.isReachable = false;
    world.nowMs += UPSTREAM_LIMITS.upstreamReplicasStaleMs - 1;
    expect(await urls()).toEqual([A]);
    world.nowMs += 1;
    expect(await urls()).toEqual([]);
  });

  it('are called without waiting for a scheduler that has just not answered, and read again soon', async () => {
    setJob([servingAt(A)]);
    await urls();
    world.isReachable = false;
    world.nowMs += UPSTREAM_LIMITS.upstreamReplicasFreshMs;
    for (let call = 0; call < 5; call += 1) expect(await urls()).toEqual([A]);
    expect(world.askedJobs).toHaveLength(2);
    world.isReachable = true;
    setJob([servingAt(B)]);
    world.nowMs += UPSTREAM_LIMITS.upstreamReplicasFreshMs / 2 - 1;
    expect([await urls(), world.askedJobs.length]).toEqual([[A], 2]);
    world.nowMs += 1;
    expect([await urls(), world.askedJobs.length]).toEqual([[B], 3]);
    expect([await urls(), world.askedJobs.length]).toEqual([[B], 3]);
  });

  it.each([
    ['does not answer', { kind: 'fault', fault: 'refused' }, 2],
    ['leaves', { kind: 'opened', status: 503 }, 2],
    ['has no server behind it', { kind: 'opened', status: 502 }, 2],
    ['is called in vain', { kind: 'fault', fault: 'cancelled' }, 1],
    ['refuses the request', { kind: 'opened', status: 400 }, 1],
  ] as const)('are read again for the next call where one %s', async (_, opened, reads) => {
    setJob([servingAt(A)]);
    const [replica] = await world.groups.ready(ONE.tenantId, JOB);
    const transport: UpstreamTransport = { open: async () => opened as Opened | TransportFault };
    await world.groups.watching(transport).open({ ...targetOf(), replica: replica! }, {} as never, NOT_CANCELLED);
    await urls();
    expect(world.askedJobs).toHaveLength(reads);
  });
});

describe('[U12] an upstream whose servers are replicas', () => {
  const body = (more: Partial<CreateUpstreamBody> = {}) =>
    upstreamBody({ name: 'gpus', base_url: `replicas:${JOB}`, secret: undefined, ...more });
  const add = (more: Partial<CreateUpstreamBody> = {}, tenant = ONE) => world.admin().create(world.caller(tenant), body(more), undefined);

  it('names a job of its tenant that has replicas, and has no secret', async () => {
    expect(await add()).toMatchObject({ error: { code: 'job_not_found', path: ['base_url'] } });
    setJob([], { state: 'cancelled', finishedAtMs: 1 });
    expect(await add()).toMatchObject({ error: { code: 'state_conflict', path: ['base_url'] } });
    setJob([], { work: { kind: 'index_build', index: 'i', shard: 0 } });
    expect(await add()).toMatchObject({ error: { code: 'state_conflict', path: ['base_url'] } });
    setJob([]);
    expect(await add({}, TWO)).toMatchObject({ error: { code: 'job_not_found' } });
    expect(await add({ secret: 'a-secret-that-no-replica-knows' })).toMatchObject({ error: { code: 'invalid_value', path: ['secret'] } });
    expect(await add({ protocol: 'workers-ai' })).toMatchObject({ ok: false });
    world.isReachable = false;
    expect(await add()).toMatchObject({ error: { code: 'unavailable', path: ['base_url'] } });
    world.isReachable = true;
    expect(await add()).toMatchObject({ ok: true, value: { baseUrl: `replicas:${JOB}`, secret: null } });
    const change = (changed: object, name = 'gpus') => world.admin().change(world.caller(ONE), name, changed);
    expect(await change({ secret: 'a-secret-that-no-replica-knows' })).toMatchObject({ error: { path: ['secret'] } });
    expect(await change({ weight: 2 })).toMatchObject({ ok: true });
    await world.admin().create(world.caller(ONE), upstreamBody({ name: 'rented' }), undefined);
    expect(await change({ base_url: `replicas:${JOB}` }, 'rented')).toMatchObject({ error: { path: ['secret'] } });
    expect(await change({ base_url: `replicas:${JOB}`, secret: null }, 'rented')).toMatchObject({ ok: true, value: { secret: null } });
  });

  it('has their addresses and keys as targets, and the targets of others have none', async () => {
    setJob([servingAt(A), servingAt(B)]);
    await add();
    await world.admin().create(world.caller(ONE), upstreamBody({ name: 'rented' }), undefined);
    const { directory } = world.directory();
    const visible = await directory.visible(ONE);
    const targets = visible.ok ? visible.value.own : [];
    expect(targets.map(({ upstream, replicas }) => [upstream, replicas?.map(({ url }) => url)])).toEqual([
      ['gpus', [A, B]],
      ['rented', undefined],
    ]);
    const [[first, second]] = withReplicas({ groups: [targets], reason: 'model' }).groups as [readonly [Target, Target]];
    expect([first.baseUrl, second.baseUrl]).toEqual([`${A}/v1`, `${B}/v1`]);
    expect(await Promise.all([first, second].map((target) => directory.secretOf(target)))).toEqual([`key-of-${A}`, `key-of-${B}`]);
  });
});

describe('[U12] a plan', () => {
  const replicaAt = (url: string) => ({ url, key: 'k', group: 'g' });
  const gpus = targetOf({ upstream: 'gpus', upstreamId: 'up_gpus', baseUrl: `replicas:${JOB}`, replicas: [replicaAt(A), replicaAt(B)] });
  const rented = targetOf({ upstream: 'rented', upstreamId: 'up_rented' });
  const plan: Plan = { groups: [[gpus], [rented]], reason: 'model' };
  let nowMs = 0;
  const dispatcher = () =>
    new BalancedDispatcher({
      clock: { nowMs: () => nowMs },
      timer: { after: (_, run) => (queueMicrotask(run), () => undefined) },
      rng: { bytes: (count) => new Uint8Array(count) },
    });
  const opens = async (by: BalancedDispatcher, dead: ReadonlySet<string>, wanted = plan) => {
    const asked: string[] = [];
    const open: Parameters<BalancedDispatcher['dispatch']>[1] = async ({ baseUrl }) => {
      asked.push(baseUrl);
      if (dead.has(baseUrl)) return { kind: 'fault', fault: 'refused' };
      return { kind: 'opened', status: 200, contentType: '', body: { read: async () => undefined, cancel: () => undefined } };
    };
    const request = { tokensMax: 1, priority: 0, mayHedge: false, cancellation: NOT_CANCELLED };
    const dispatched = await by.dispatch(withReplicas(wanted), open, request);
    if (dispatched.ok) dispatched.value.finish('whole');
    return asked;
  };

  it('leaves a replica that is dead within the call, and each has its own breaker', async () => {
    const by = dispatcher();
    const dead = new Set([`${A}/v1`]);
    for (let call = 0; call < 20; call += 1) {
      const asked = await opens(by, dead);
      expect(asked.at(-1)).toBe(`${B}/v1`);
      nowMs += 1;
    }
    const health = by.health();
    expect(health.map(({ replicaUrl, breaker }) => [replicaUrl, breaker])).toEqual(expect.arrayContaining([[B, 'closed']]));
    expect(health.find(({ replicaUrl }) => replicaUrl === A)?.attempts.served ?? 0).toBe(0);
    expect(breakerOf(gpus, health)).toBe('closed');
  });

  it('goes on to the next group where all are dead, and where none is ready', async () => {
    const by = dispatcher();
    expect((await opens(by, new Set([`${A}/v1`, `${B}/v1`]))).at(-1)).toBe(rented.baseUrl);
    const none = { ...plan, groups: [[{ ...gpus, replicas: [] }], [rented]] };
    expect(await opens(by, new Set(), none)).toEqual([rented.baseUrl]);
  });

  it('sees a breaker that is open where no replica is ready or all of theirs are, and forgets replicas that are gone', async () => {
    const by = dispatcher();
    expect(breakerOf(gpus, by.health())).toBe('closed');
    expect(breakerOf({ ...gpus, replicas: [] }, by.health())).toBe('open');
    const alone = { ...plan, groups: [[{ ...gpus, replicas: [replicaAt(A)] }]] };
    for (let call = 0; call < 10; call += 1) await opens(by, new Set([`${A}/v1`]), alone);
    expect(breakerOf(alone.groups[0]![0]!, by.health())).toBe('open');
    expect(breakerOf(gpus, by.health()), 'the other was not called').toBe('closed');
    nowMs += 60_000;
    expect(by.health()).toEqual([]);
  });

  it('gives each replica a share of the prefixes, and only those of one that goes move', () => {
    const of = (target: Target) =>
      (withReplicas({ groups: [[target]], reason: 'model' }).groups[0] ?? []).map((one) => ({ target: one, state: new TargetState(0) }));
    const [both, left] = [of(gpus), of({ ...gpus, replicas: [replicaAt(B)] })];
    const keys = Array.from({ length: 50 }, (_, at) => `prefix-${at}`);
    const placed = (from: ReturnType<typeof of>) =>
      keys.map((prefixKey) => chooseTarget(from, { tokensMax: 1, prefixKey }, () => 0, 0).target.baseUrl);
    expect(new Set(placed(both))).toEqual(new Set([`${A}/v1`, `${B}/v1`]));
    expect(new Set(placed(left))).toEqual(new Set([`${B}/v1`]));
    const third = of({ ...gpus, replicas: [replicaAt(A), replicaAt(B), replicaAt('http://10.0.0.9:1')] });
    const [before, after] = [placed(both), placed(third)];
    expect(before.filter((url, at) => after[at] !== url && !after[at]?.startsWith('http://10.0.0.9'))).toEqual([]);
  });
});
