import { describe, expect, it } from 'vitest';

import type { AttemptNews } from '../../../../src/contract/attempt.ts';
import { LIMITS } from '../../../../src/contract/limits.ts';
import type { JobId, PoolId, TenantId } from '../../../../src/kernel/ids.ts';
import { commit } from '../../../../src/scheduler/first-form-queue/decision.ts';
import type { WakeUpHint } from '../../../../src/scheduler/first-form-queue/decision.ts';
import type { Events, Replies } from '../../../../src/scheduler/first-form-queue/event.ts';
import type { Job, JobRequest } from '../../../../src/scheduler/first-form-queue/job.ts';
import { step } from '../../../../src/scheduler/first-form-queue/step.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { MemoryJobStore } from '../../../support/fakes/memory-job-store.ts';

const POOL = 'pool_aaaaaaaaaa' as PoolId;
const OTHER_POOL = 'pool_bbbbbbbbbb' as PoolId;
const DONE = { completed: 5, failed: 1, total: 5 };
const COMPLETED: AttemptNews = { kind: 'completed', progress: DONE, tokens: 70 };

class World {
  readonly store = new MemoryJobStore();
  nudges: readonly WakeUpHint[] = [];
  nowMs = 1_000_000;

  do<Kind extends keyof Events>(event: Events[Kind] & { kind: Kind }): Replies[Kind] {
    const { decisions, reply } = step<Kind>(this.store, event, this.nowMs);
    this.nudges = commit(this.store, decisions);
    return reply;
  }

  submit(n: number, overrides: Partial<JobRequest> = {}): JobId {
    const request = jobRequest(n, overrides);
    this.do({ kind: 'submit', request });
    return request.id;
  }

  claim = (count = 1, poolId = POOL) => this.do({ kind: 'claim', poolId, count });
  report = (jobId: JobId, fence: number, news: AttemptNews, poolId = POOL) =>
    this.do({ kind: 'report', poolId, report: { jobId, fence, ...news } });
  job = (id: JobId): Job => this.store.find(id)!;
}

const failure = (reason: Extract<AttemptNews, { kind: 'failed' }>['reason']): AttemptNews => ({ kind: 'failed', reason, message: 'why' });
const PROGRESS: AttemptNews = { kind: 'progress', progress: { completed: 2, failed: 0, total: 5 } };

describe('the life of a job', () => {
  it('[J1] runs from pending over starting and running to succeeded, and charges it once', () => {
    const world = new World();
    const id = world.submit(1);
    expect(world.job(id).state).toBe('pending');
    expect(world.nudges).toEqual([{ kind: 'nudge', poolId: 'waiting' }]);

    const [grant] = world.claim();
    expect(grant).toMatchObject({ jobId: id, fence: 1, attemptId: `att_${id.slice(4)}_1`, outputFile: `file_${id.slice(4)}_1` });
    expect(world.job(id).state).toBe('starting');
    world.nowMs += 100;
    expect(world.report(id, 1, PROGRESS)).toBe('continue');
    expect(world.job(id)).toMatchObject({ state: 'running', progress: { completed: 2, total: 5 } });
    world.nowMs += 400;
    expect(world.report(id, 1, COMPLETED)).toBe('accepted');
    expect(world.job(id)).toMatchObject({
      state: 'succeeded',
      outputFile: grant!.outputFile,
      progress: DONE,
      tokens: 70,
      acceleratorMs: 500,
    });
    expect(world.store.charges.map(({ id: usage, quantity }) => [usage, quantity])).toEqual([
      [`${grant!.attemptId}:1:job_tokens`, 70],
      [`${grant!.attemptId}:1:accelerator_ms`, 500],
    ]);
  });

  it('[J2] grants by priority, then by order of submission, each job once', () => {
    const world = new World();
    const low = world.submit(1, { priority: 'low' });
    const first = world.submit(2);
    const second = world.submit(3);
    const high = world.submit(4, { priority: 'high' });
    expect(world.claim(3).map(({ jobId }) => jobId)).toEqual([high, first, second]);
    expect(world.claim(3, OTHER_POOL).map(({ jobId }) => jobId)).toEqual([low]);
    expect(world.claim(3)).toEqual([]);
  });

  it('[J3] keeps a retried job’s position in the queue, under a higher fence', () => {
    const world = new World();
    const first = world.submit(1);
    const second = world.submit(2);
    world.claim();
    world.report(first, 1, PROGRESS);
    world.report(first, 1, failure('agent_error'));
    expect(world.nudges).toEqual([{ kind: 'nudge', poolId: 'waiting' }]);
    expect(world.claim(2).map(({ jobId, fence }) => [jobId, fence])).toEqual([
      [first, 2],
      [second, 1],
    ]);
  });
});

describe('fences', () => {
  it('[J4] changes nothing for a late completion, or one from another pool', () => {
    const world = new World();
    const id = world.submit(1);
    world.claim();
    world.report(id, 1, failure('released'));
    world.claim(1, OTHER_POOL);
    const before = world.job(id);
    expect(world.report(id, 1, COMPLETED)).toBe('stale');
    expect(world.report(id, 2, COMPLETED, POOL)).toBe('stale');
    expect(world.job(id)).toBe(before);
    expect(world.report(id, 2, COMPLETED, OTHER_POOL)).toBe('accepted');
    const accepted = world.job(id);
    expect(world.report(id, 1, COMPLETED)).toBe('stale');
    expect(world.job(id)).toBe(accepted);
  });

  it('[J5] answers a repeated end of an attempt as the first time, and charges nothing again', () => {
    const world = new World();
    const id = world.submit(1);
    world.claim();
    world.report(id, 1, COMPLETED);
    const { job, charges } = { job: world.job(id), charges: world.store.charges.length };
    world.nowMs += 10;
    expect(world.report(id, 1, COMPLETED)).toBe('accepted');
    expect(world.report(id, 1, failure('agent_error'))).toBe('stale');
    expect(world.job(id)).toBe(job);
    expect(world.store.charges).toHaveLength(charges);
  });

  it('[J6] queues one job per id: the same request finds it, another is refused', () => {
    const world = new World();
    const id = world.submit(1);
    world.claim();
    expect(world.do({ kind: 'submit', request: jobRequest(1) })).toMatchObject({ ok: true, value: { id, state: 'starting' } });
    expect(world.do({ kind: 'submit', request: jobRequest(1, { digest: 'other' }) })).toMatchObject({
      ok: false,
      error: { code: 'idempotency_mismatch' },
    });
  });
});

describe('failure', () => {
  it.each(['input_missing', 'input_too_large', 'output_too_large'] as const)('[J7] does not try again after %s', (reason) => {
    const world = new World();
    const id = world.submit(1);
    world.claim();
    expect(world.report(id, 1, failure(reason))).toBe('accepted');
    expect(world.job(id)).toMatchObject({ state: 'failed', error: { reason, message: 'why' }, tokens: 0, acceleratorMs: 0 });
    expect(world.store.charges).toEqual([]);
  });

  it.each(['agent_error', 'model_unavailable', 'lease_expired'] as const)('[J7] tries again after %s until the limit', (reason) => {
    const world = new World();
    const id = world.submit(1, { attemptsMax: 2 });
    world.claim();
    world.report(id, 1, failure(reason));
    expect(world.job(id).state).toBe('pending');
    world.claim();
    world.report(id, 2, failure(reason));
    expect(world.job(id)).toMatchObject({ state: 'failed', failures: 2, error: { reason } });
  });

  it.each(['released', 'never_started'] as const)('[J7] does not count %s', (reason) => {
    const world = new World();
    const id = world.submit(1, { attemptsMax: 1 });
    for (let fence = 1; fence <= 20; fence++) {
      world.claim();
      world.report(id, fence, failure(reason));
    }
    expect(world.job(id)).toMatchObject({ state: 'pending', failures: 0, fence: 20 });
    expect(world.job(id).ended).toHaveLength(LIMITS.jobAttemptsKeptCount);
  });

  it('[J8] takes an attempt from a silent pool, and never earlier', () => {
    const world = new World();
    const id = world.submit(1);
    world.claim();
    world.nowMs += 10;
    world.report(id, 1, PROGRESS);
    world.nowMs += LIMITS.poolLeaseMs - 1;
    expect(world.do({ kind: 'expire', count: 10 })).toBe(0);
    world.nowMs += 1;
    expect(world.do({ kind: 'expire', count: 10 })).toBe(1);
    expect(world.job(id)).toMatchObject({ state: 'pending', failures: 1, ended: [{ fence: 1, outcome: 'lease_expired' }] });
    expect(world.report(id, 1, COMPLETED)).toBe('stale');
  });

  it('[J8] does not shorten a lease when the clock is set back', () => {
    const world = new World();
    const id = world.submit(1);
    world.claim();
    const { leaseUntilMs } = world.job(id).attempt!;
    world.nowMs -= 50_000;
    world.report(id, 1, PROGRESS);
    expect(world.job(id).attempt!.leaseUntilMs).toBe(leaseUntilMs);
    expect(world.report(id, 1, COMPLETED)).toBe('accepted');
    expect(world.job(id).acceleratorMs).toBe(0);
  });
});

const cancel = (world: World, jobId: JobId, tenantId = jobRequest(0).tenantId) => world.do({ kind: 'cancel', tenantId, jobId });

describe('cancelling', () => {
  it('[J9] ends a pending job at once, and a finished one stays as it is', () => {
    const world = new World();
    const id = world.submit(1);
    expect(cancel(world, id)).toMatchObject({ ok: true, value: { state: 'cancelled' } });
    expect(world.claim()).toEqual([]);
    const before = world.job(id);
    expect(cancel(world, id)).toMatchObject({ ok: true, value: { state: 'cancelled' } });
    expect(world.job(id)).toBe(before);
  });

  it('[J9] asks the agent to stop, and charges the time but not an output that came too late', () => {
    const world = new World();
    const id = world.submit(1);
    world.claim();
    expect(cancel(world, id)).toMatchObject({ ok: true, value: { state: 'cancelling' } });
    expect(world.nudges).toEqual([{ kind: 'nudge', poolId: POOL }]);
    expect(world.report(id, 1, PROGRESS)).toBe('cancel');
    world.nowMs += 30;
    expect(world.report(id, 1, COMPLETED)).toBe('cancel');
    expect(world.job(id)).toMatchObject({ state: 'cancelled', outputFile: null, tokens: 0, acceleratorMs: 30 });
  });

  it('[J9] does not try a cancelled job again when its agent is lost', () => {
    const world = new World();
    const id = world.submit(1);
    world.claim();
    cancel(world, id);
    world.nowMs += LIMITS.poolLeaseMs;
    world.do({ kind: 'expire', count: 1 });
    expect(world.job(id).state).toBe('cancelled');
    expect(world.claim()).toEqual([]);
  });

  it('[J10] hides the jobs of other tenants', () => {
    const world = new World();
    const id = world.submit(1);
    expect(cancel(world, id, 'tn_0000000002_00000001' as TenantId)).toMatchObject({ ok: false, error: { code: 'job_not_found' } });
    expect(world.job(id).state).toBe('pending');
  });
});

describe('limits', () => {
  it('[J11] refuses more open jobs than a tenant may have, and takes them again once some have finished', () => {
    const world = new World();
    world.store.openCount = () => LIMITS.jobsOpenMaxCount;
    expect(world.do({ kind: 'submit', request: jobRequest(1) })).toMatchObject({ ok: false, error: { code: 'limit_exceeded' } });
    world.store.openCount = () => LIMITS.jobsOpenMaxCount - 1;
    expect(world.do({ kind: 'submit', request: jobRequest(1) })).toMatchObject({ ok: true });
  });

  it('[J12] takes a bounded number of attempts a step', () => {
    const world = new World();
    for (let n = 0; n < 150; n++) world.submit(n);
    expect(world.claim(1_000)).toHaveLength(LIMITS.schedulerBatchMaxCount);
    world.nowMs += LIMITS.poolLeaseMs;
    expect(world.do({ kind: 'expire', count: 30 })).toBe(30);
  });
});
