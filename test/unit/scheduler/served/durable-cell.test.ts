import { describe, expect, it } from 'vitest';

import type { AttemptEnding, AttemptNews } from '../../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { partitionName } from '../../../../src/contract/pools/pool-partition.ts';
import { must } from '../../../../src/kernel/assert.ts';
import type { JobId, TenantId } from '../../../../src/kernel/ids.ts';
import { SERVED_SETTINGS } from '../../../../src/scheduler/served/served-settings.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { poolNode } from '../../../support/fixtures/pool-node.ts';
import { OTHER_POOL, POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const DONE = { completed: 5, failed: 1, total: 6 };
const COMPLETED: AttemptEnding = { kind: 'completed', progress: DONE, tokens: 70 };
const PROGRESS: AttemptNews = { kind: 'progress', progress: { completed: 2, failed: 0, total: 5 } };
const failure = (reason: Extract<AttemptNews, { kind: 'failed' }>['reason']): AttemptEnding => ({ kind: 'failed', reason, message: 'why' });

describe('the life of a job', () => {
  it('[J1] runs from pending over starting and running to succeeded, and charges it once', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    expect(world.job(id).state).toBe('pending');
    const [grant] = world.join();
    expect(grant).toMatchObject({ jobId: id, fence: 1, attemptId: `att_${id.slice(4)}_1`, outputFile: `file_${id.slice(4)}_1` });
    expect(world.job(id).state).toBe('starting');
    world.nowMs += 100;
    expect(world.report(id, 1, PROGRESS)).toBe('continue');
    expect(world.job(id)).toMatchObject({ state: 'running', progress: { completed: 2, total: 5 } });
    world.nowMs += 400;
    expect(world.end(id, 1, COMPLETED)).toBe('accepted');
    expect(world.job(id)).toMatchObject({
      state: 'succeeded',
      outputFile: grant!.outputFile,
      progress: DONE,
      tokens: 70,
      acceleratorMs: 500,
      finishedAtMs: world.nowMs,
    });
    expect(world.charges.map(({ id: usage, quantity }) => [usage, quantity])).toEqual([
      [`${grant!.attemptId}:1:0:accelerator_ms`, 500],
      [`${grant!.attemptId}:1:job_tokens`, 70],
    ]);
  });

  it('[J14] charges a long attempt as it runs, each segment once', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join();
    world.report(id, 1, PROGRESS);
    for (let turn = 0; turn < 75; turn++) {
      world.nowMs += 20_000;
      world.wake();
      world.exchange(POOL);
      if (turn % 10 === 3) world.loseMemory();
    }
    expect(world.charges.map(({ quantity }) => quantity)).toEqual([600_000, 600_000]);
    world.end(id, 1, COMPLETED);
    expect(world.job(id).acceleratorMs).toBe(1_500_000);
    expect(world.charges.filter(({ meter }) => meter === 'accelerator_ms').map(({ quantity }) => quantity)).toEqual([
      600_000, 600_000, 300_000,
    ]);
  });

  it('[J2] grants the jobs of a tenant by priority, then in order, one to each agent', () => {
    const world = new ServedCell();
    const low = world.submit(1, { priority: 'low' });
    const first = world.submit(2);
    const second = world.submit(3);
    const high = world.submit(4, { priority: 'high' });
    expect(world.join(3).map(({ jobId }) => jobId)).toEqual([high, first, second]);
    expect(world.join(3, OTHER_POOL).map(({ jobId }) => jobId)).toEqual([low]);
  });

  it('[J3] keeps a retried job’s position in the queue, under a higher fence', () => {
    const world = new ServedCell();
    const first = world.submit(1);
    const second = world.submit(2);
    world.join();
    world.report(first, 1, PROGRESS);
    world.end(first, 1, failure('agent_error'));
    expect(world.job(first)).toMatchObject({ state: 'pending', progress: { completed: 0 } });
    expect(world.join(2).map(({ jobId, fence }) => [jobId, fence])).toEqual([
      [first, 2],
      [second, 1],
    ]);
  });

  it('[J77] hands a job to an agent that waits as soon as it is submitted, and its pool has news', () => {
    const world = new ServedCell();
    world.join();
    world.cell.takeNews();
    const id = world.submit(1);
    expect(world.job(id).state).toBe('starting');
    expect(world.cell.takeNews()).toEqual([POOL]);
    expect(world.cell.takeNews()).toEqual([]);
    world.exchange(POOL);
    expect(world.grants.map(({ grant }) => grant.jobId)).toEqual([id]);
  });
});

describe('fences', () => {
  it('[J4] changes nothing for a late completion, or one from another pool', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join();
    world.end(id, 1, failure('released'));
    world.join(1, OTHER_POOL);
    const before = world.job(id);
    expect(world.report(id, 1, COMPLETED)).toBe('stale');
    expect(world.report(id, 2, COMPLETED, POOL)).toBe('stale');
    expect(world.job(id)).toEqual(before);
    expect(world.report(id, 2, COMPLETED, OTHER_POOL)).toBe('accepted');
    const accepted = world.job(id);
    expect(world.report(id, 1, COMPLETED)).toBe('stale');
    expect(world.job(id)).toEqual(accepted);
  });

  it('[J5] answers a repeated end of an attempt as the first time, and charges nothing again', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join();
    const twice = { jobId: id, fence: 1, ...COMPLETED };
    expect(world.exchange(POOL, { reports: [twice, twice, { ...twice, ...failure('agent_error') }] }).verdicts).toEqual([
      'accepted',
      'accepted',
      'stale',
    ]);
    const { job, charges } = { job: world.job(id), charges: world.charges.length };
    world.nowMs += 10;
    expect(world.report(id, 1, COMPLETED)).toBe('accepted');
    expect(world.report(id, 1, failure('agent_error'))).toBe('stale');
    expect(world.job(id)).toEqual(job);
    expect(world.charges).toHaveLength(charges);
  });

  it('[J6] queues one job per id: the same request finds it, another is refused', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join();
    expect(world.cell.submit(jobRequest(1))).toMatchObject({ ok: true, value: { id, state: 'starting' } });
    expect(world.cell.submit(jobRequest(1, { digest: 'other' }))).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch' } });
    world.end(id, 1, COMPLETED);
    expect(world.cell.submit(jobRequest(1))).toMatchObject({ ok: true, value: { id, state: 'succeeded' } });
  });

  it('[J78] tells a pool what to do until it has done it, and nothing of attempts that are over', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    const message = { poolId: POOL, reports: [], left: [], joined: [poolNode('a')], nodeCount: 1, carriedOut: 0 };
    world.cell.exchange(message);
    world.fund();
    const effects = world.cell.effects(partitionName(POOL, 0));
    expect(effects).toMatchObject([{ effect: { kind: 'start', nodeId: 'a', grant: { jobId: id } } }]);
    // The answer was lost, and the pool repeats its news.
    expect(world.cell.exchange(message)).toEqual({ verdicts: [], effects, coming: 0 });
    world.cell.act(jobRequest(1).tenantId, id, { kind: 'cancel' });
    const orders = world.cell.exchange({ ...message, joined: [], carriedOut: effects[0]!.sequence });
    expect(orders.effects.map(({ effect }) => effect.kind)).toEqual(['stop']);
    const left = { ...message, joined: [], left: [{ nodeId: 'a', isLost: false }], nodeCount: 0 };
    expect(world.cell.exchange(left)).toEqual({ verdicts: [], effects: [], coming: 0 });
    expect(world.job(id)).toMatchObject({ state: 'cancelled', ended: [{ outcome: 'never_started' }] });
  });
});

it('[J78] [P17] takes an attempt back that its agent leaves without a word, and tells its pool nothing', () => {
  const world = new ServedCell();
  const id = world.submit(1);
  world.join();
  const [nodeId] = world.nodes.get(POOL)!;
  expect(world.exchange(POOL, { left: [{ nodeId: nodeId!, isLost: false }] })).toMatchObject({
    effects: [],

    coming: 0,
  });
  expect(world.job(id)).toMatchObject({ state: 'pending', failures: 0, ended: [{ outcome: 'never_started' }] });
});

describe('failure', () => {
  it.each(['input_missing', 'input_too_large', 'output_too_large'] as const)('[J7] does not try again after %s', (reason) => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join();
    expect(world.end(id, 1, failure(reason))).toBe('accepted');
    expect(world.job(id)).toMatchObject({ state: 'failed', error: { reason, message: 'why' }, tokens: 0, acceleratorMs: 0 });
    expect(world.charges).toEqual([]);
  });

  it.each(['agent_error', 'model_unavailable', 'lease_expired'] as const)('[J7] tries again after %s until the limit', (reason) => {
    const world = new ServedCell();
    const id = world.submit(1, { attemptsMax: 2 });
    world.join();
    world.end(id, 1, failure(reason));
    expect(world.job(id).state).toBe('pending');
    world.nowMs += 1;
    world.join();
    world.end(id, 2, failure(reason));
    expect(world.job(id)).toMatchObject({ state: 'failed', failures: 2, error: { reason } });
  });

  it.each(['released', 'never_started'] as const)('[J7] does not count %s', (reason) => {
    const world = new ServedCell();
    const id = world.submit(1, { attemptsMax: 1 });
    for (let fence = 1; fence <= 20; fence++) {
      world.nowMs += 1;
      world.join();
      world.end(id, fence, failure(reason));
    }
    expect(world.job(id)).toMatchObject({ state: 'pending', failures: 0, fence: 20 });
    expect(world.job(id).ended).toHaveLength(JOB_LIMITS.jobAttemptsKeptCount);
  });

  it('[J8] loses the agents of a silent pool, and never earlier', () => {
    const world = new ServedCell();
    const [running, starting] = [world.submit(1), world.submit(2)];
    world.join(2);
    world.nowMs += 10;
    world.report(running, 1, PROGRESS);
    expect(world.cell.nextDueMs()).toBe(world.nowMs + JOB_LIMITS.poolLeaseMs);
    world.nowMs += JOB_LIMITS.poolLeaseMs - 1;
    world.wake();
    expect(world.job(running).state).toBe('running');
    world.nowMs += 1;
    world.wake();
    expect(world.job(running)).toMatchObject({ state: 'pending', failures: 1, ended: [{ fence: 1, outcome: 'lease_expired' }] });
    expect(world.job(starting)).toMatchObject({ state: 'pending', failures: 0, ended: [{ fence: 1, outcome: 'never_started' }] });
    // Only nodes may have to be reserved for what waits.
    expect(world.cell.nextDueMs()).toBe(1_000_000 + SERVED_SETTINGS.headPatienceMs);
    // What no agent confirmed costs nothing.
    expect([world.job(running).acceleratorMs, world.job(starting).acceleratorMs]).toEqual([JOB_LIMITS.poolLeaseMs + 10, 0]);
    expect(world.charges).toHaveLength(1);
    // It was only slow: it hears that its attempts are others' now, and its agents have to join again.
    expect(world.exchange(POOL, { reports: [{ jobId: running, fence: 1, ...COMPLETED }] })).toEqual({
      verdicts: ['stale'],
      effects: [],
      coming: 0,
      counted: [],
    });
    expect(world.join(2).map(({ fence }) => fence)).toEqual([2, 2]);
  });

  it('[J8] does not shorten a lease when the clock is set back, nor count time twice', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join();
    const dueMs = world.cell.nextDueMs();
    world.nowMs -= 50_000;
    world.report(id, 1, PROGRESS);
    expect(world.cell.nextDueMs()).toBe(dueMs);
    expect(world.report(id, 1, COMPLETED)).toBe('accepted');
    expect(world.job(id).acceleratorMs).toBe(0);
  });

  it('[J79] answers a pool that counts other agents with those that it counts, and loses nothing that runs', () => {
    const world = new ServedCell();
    const ids = [1, 2, 3].map((n) => world.submit(n));
    world.join(3);
    const nodes = [...world.nodes.get(POOL)!];
    world.nodes.get(POOL)!.delete(nodes[2]!);
    expect(world.exchange(POOL).counted?.toSorted()).toEqual(nodes.toSorted());
    expect(ids.map((id) => world.job(id).state)).toEqual(['starting', 'starting', 'starting']);
    // The pool does not know one of them: what runs there is lost, and nothing else.
    expect(world.exchange(POOL, { left: [{ nodeId: nodes[2]!, isLost: true }] }).counted).toBeUndefined();
    const lost = must(
      world.grants.find(({ nodeId }) => nodeId === nodes[2]),
      'its attempt',
    ).grant.jobId;
    expect(ids.filter((id) => world.job(id).state !== 'starting')).toEqual([lost]);
    world.nowMs += 1;
    expect(world.join(1)).toMatchObject([{ jobId: lost, fence: 2 }]);
  });
});

const cancel = (world: ServedCell, jobId: JobId, tenantId = jobRequest(0).tenantId) => world.cell.act(tenantId, jobId, { kind: 'cancel' });

describe('cancelling', () => {
  it('[J9] ends a pending job at once, and a finished one stays as it is', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    expect(cancel(world, id)).toMatchObject({ ok: true, value: { state: 'cancelled' } });
    expect(world.join()).toEqual([]);
    const before = world.job(id);
    world.nowMs += 5;
    expect(cancel(world, id)).toMatchObject({ ok: true, value: { state: 'cancelled' } });
    expect(world.job(id)).toEqual(before);
  });

  it('[J9] asks the agent to stop, and charges the time but not an output that came too late', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join();
    expect(cancel(world, id)).toMatchObject({ ok: true, value: { state: 'cancelling' } });
    expect(world.cell.takeNews()).toEqual([POOL]);
    const { effects, verdicts } = world.exchange(POOL, { reports: [{ jobId: id, fence: 1, ...PROGRESS }] });
    expect(verdicts).toEqual(['cancel']);
    expect(effects.map(({ effect }) => effect)).toEqual([{ kind: 'stop', attemptId: `att_${id.slice(4)}_1`, command: 'cancel' }]);
    world.nowMs += 30;
    expect(world.end(id, 1, COMPLETED)).toBe('cancel');
    expect(world.job(id)).toMatchObject({
      state: 'cancelled',
      outputFile: null,
      tokens: 0,
      acceleratorMs: 30,
      ended: [{ outcome: 'cancelled' }],
    });
  });

  it('[J9] [J32] takes the attempt from an agent that does not stop within its grace', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join();
    world.report(id, 1, PROGRESS);
    cancel(world, id);
    world.exchange(POOL);
    expect(world.cell.nextDueMs()).toBe(world.nowMs + JOB_LIMITS.jobGraceMs);
    world.nowMs += JOB_LIMITS.jobGraceMs;
    world.wake();
    expect(world.exchange(POOL).effects.map(({ effect }) => effect)).toEqual([{ kind: 'kill', attemptId: `att_${id.slice(4)}_1` }]);
  });

  it('[J9] does not try a cancelled job again when its agent is lost', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join();
    cancel(world, id);
    world.nowMs += JOB_LIMITS.poolLeaseMs;
    world.wake();
    expect(world.job(id).state).toBe('cancelled');
    expect(world.join()).toEqual([]);
  });

  it('[J10] hides the jobs of other tenants', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    expect(cancel(world, id, 'tn_0000000002_00000001' as TenantId)).toMatchObject({ ok: false, error: { code: 'job_not_found' } });
    expect(world.job(id).state).toBe('pending');
  });
});

describe('limits', () => {
  it('[J11] refuses more open jobs than a tenant may have, and takes them again once some have finished', () => {
    const world = new ServedCell();
    world.cell.jobs.submitter = () => ({ isBarred: false, openCount: JOB_LIMITS.jobsOpenMaxCount });
    expect(world.cell.submit(jobRequest(1))).toMatchObject({ ok: false, error: { code: 'limit_exceeded' } });
    world.cell.jobs.submitter = () => ({ isBarred: false, openCount: JOB_LIMITS.jobsOpenMaxCount - 1 });
    expect(world.cell.submit(jobRequest(1))).toMatchObject({ ok: true });
  });

  it('[J12] moves a bounded number of attempts a step, and the rest with the next', () => {
    const world = new ServedCell();
    const count = JOB_LIMITS.schedulerBatchMaxCount + 50;
    for (let n = 0; n < count; n++) world.submit(n);
    const { quotas } = world;
    world.quotas = undefined;
    const asking = () => [...world.cell.grants.due(world.nowMs, 1_000).values()].flatMap(({ asked }) => asked);
    const jobsAsking = () => asking().filter(({ meter }) => meter === 'accelerator_ms');
    world.join(count);
    expect(jobsAsking()).toHaveLength(JOB_LIMITS.schedulerBatchMaxCount);
    expect(world.cell.nextDueMs()).toBeLessThanOrEqual(world.nowMs);
    world.wake();
    expect(jobsAsking()).toHaveLength(count);
    world.quotas = quotas;
    world.fund();
    expect(world.exchange(POOL).effects).toHaveLength(JOB_LIMITS.schedulerBatchMaxCount);
    expect(world.exchange(POOL).effects).toHaveLength(50);
    world.nowMs += JOB_LIMITS.poolLeaseMs;
    world.wake();
    const states = () => Array.from({ length: count }, (_, n) => world.job(jobRequest(n).id).state).filter((state) => state === 'pending');
    expect(states()).toHaveLength(JOB_LIMITS.schedulerBatchMaxCount);
    world.wake();
    expect(states()).toHaveLength(count);
  });
});
