import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { AttemptNews, Grant, ReportVerdict } from '../../../src/contract/attempt.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import { commit } from '../../../src/scheduler/first-form-queue/decision.ts';
import type { Events, Replies } from '../../../src/scheduler/first-form-queue/event.ts';
import type { Job } from '../../../src/scheduler/first-form-queue/job.ts';
import { isFinished } from '../../../src/scheduler/first-form-queue/job.ts';
import { step } from '../../../src/scheduler/first-form-queue/step.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';
import { MemoryJobStore } from '../../support/fakes/memory-job-store.ts';
import { effort } from '../../support/fixtures/effort.ts';

const POOLS = ['pool_aaaaaaaaaa', 'pool_bbbbbbbbbb', 'pool_cccccccccc'] as PoolId[];
const RANK = { low: 0, normal: 1, high: 2 } as const;

/** What happens in a run. Agents misbehave in every way: any attempt ever granted may report anything, at any time, more than once. */
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('submit' as const), priority: fc.constantFrom('low', 'normal', 'high') }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim' as const), pool: fc.nat(2), count: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('report' as const),
      // Mostly about recent attempts, so that many are still alive.
      back: fc.oneof({ weight: 3, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(40) }),
      news: fc.constantFrom<'progress' | 'completed' | 'agent_error' | 'released' | 'input_missing' | 'cancelled'>(
        'progress',
        'completed',
        'completed',
        'agent_error',
        'released',
        'input_missing',
        'cancelled',
      ),
      times: fc.integer({ min: 1, max: 2 }),
      otherPool: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), back: fc.nat(3), job: fc.nat(30) }) },
  // The clock runs, jumps past leases, and is set back.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: -20_000, max: 90_000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('expire' as const), count: fc.integer({ min: 1, max: 4 }) }) },
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** What the runs really contained: a simulation in which nothing went wrong proves nothing. */
const seen = { retries: 0, stale: 0, duplicates: 0, expiries: 0, cancelledLive: 0, succeeded: 0, clockSetBack: 0, granted: 0, failed: 0 };

class Simulation {
  readonly store = new MemoryJobStore();
  readonly grants: { readonly grant: Grant; readonly poolId: PoolId }[] = [];
  readonly accepted = new Map<JobId, number>();
  submitted = 0;
  nowMs = 1_000_000;

  do<Kind extends keyof Events>(event: Events[Kind] & { kind: Kind }): Replies[Kind] {
    const before = new Map(this.store.jobs);
    const { decisions, reply } = step<Kind>(this.store, event, this.nowMs);
    expect(this.store.jobs, 'deciding changes nothing').toEqual(before);
    commit(this.store, decisions);
    for (const [id, job] of this.store.jobs) this.#check(job, before.get(id));
    return reply;
  }

  play(what: Happening): void {
    switch (what.kind) {
      case 'submit':
        this.do({ kind: 'submit', request: jobRequest(++this.submitted, { priority: what.priority as 'low', attemptsMax: 3 }) });
        return;
      case 'claim':
        return this.#claim(POOLS[what.pool]!, what.count);
      case 'report':
        return this.#report(what);
      case 'cancel': {
        const { tenantId } = jobRequest(0);
        const id = this.grants.at(-1 - what.back)?.grant.jobId ?? jobRequest(what.job).id;
        if (this.store.find(id)?.attempt) seen.cancelledLive += 1;
        this.do({ kind: 'cancel', tenantId, jobId: id });
        return;
      }
      case 'wait':
        this.nowMs += what.ms;
        if (what.ms < 0) seen.clockSetBack += 1;
        return;
      case 'expire':
        seen.expiries += this.do({ kind: 'expire', count: what.count });
    }
  }

  #claim(poolId: PoolId, count: number): void {
    const expected = [...this.store.jobs.values()]
      .filter(({ state }) => state === 'pending')
      .sort((a, b) => RANK[b.priority] - RANK[a.priority] || a.sequence - b.sequence)
      .slice(0, count)
      .map(({ id }) => id);
    const grants = this.do({ kind: 'claim', poolId, count });
    expect(
      grants.map(({ jobId }) => jobId),
      'priority, then order of submission',
    ).toEqual(expected);
    for (const grant of grants) {
      const earlier = this.grants.filter((other) => other.grant.jobId === grant.jobId).map((other) => other.grant.fence);
      expect(grant.fence, 'fences rise').toBeGreaterThan(Math.max(0, ...earlier));
      seen.granted += 1;
      if (earlier.length > 0) seen.retries += 1;
      this.grants.push({ grant, poolId });
    }
  }

  #report({ back, news, times, otherPool }: Extract<Happening, { kind: 'report' }>): void {
    const about = this.grants.at(-1 - back);
    if (about === undefined) return;
    const poolId = otherPool && back > 2 ? POOLS[(POOLS.indexOf(about.poolId) + 1) % 3]! : about.poolId;
    for (let time = 0; time < times; time++) this.#once(about.grant, poolId, newsOf(news));
  }

  #once(grant: Grant, poolId: PoolId, news: AttemptNews): void {
    const before = this.store.find(grant.jobId)!;
    const charges = this.store.charges.length;
    const verdict: ReportVerdict = this.do({ kind: 'report', poolId, report: { jobId: grant.jobId, fence: grant.fence, ...news } });
    const after = this.store.find(grant.jobId)!;
    const live = before.attempt?.fence === grant.fence && before.attempt.poolId === poolId;
    if (!live) {
      expect(after, 'news of an attempt that is not live changes nothing').toBe(before);
      expect(this.store.charges).toHaveLength(charges);
      if (verdict === 'stale') seen.stale += 1;
      else seen.duplicates += 1;
    }
    if (live && news.kind === 'completed' && verdict === 'accepted') {
      this.accepted.set(grant.jobId, (this.accepted.get(grant.jobId) ?? 0) + 1);
      expect(after.outputFile).toBe(grant.outputFile);
    }
  }

  #check(job: Job, before: Job | undefined): void {
    expect(job.attempt !== null).toBe(['starting', 'running', 'cancelling'].includes(job.state));
    if (job.attempt !== null) expect(job.attempt.fence).toBe(job.fence);
    expect(job.outputFile !== null).toBe(job.state === 'succeeded');
    expect(job.fence).toBeGreaterThanOrEqual(before?.fence ?? 0);
    if (before !== undefined && isFinished(before)) expect(job, 'a finished job is final').toBe(before);
  }

  /** From here on everything works: every job must come to its end. */
  settle(): void {
    for (let round = 0; [...this.store.jobs.values()].some((job) => !isFinished(job)); round++) {
      expect(round, 'no job is lost').toBeLessThan(this.submitted + 20);
      this.nowMs += LIMITS.poolLeaseMs + 50_000;
      while (this.do({ kind: 'expire', count: 100 }) > 0);
      const from = this.grants.length;
      this.#claim(POOLS[0]!, 100);
      for (const { grant, poolId } of this.grants.slice(from)) this.#once(grant, poolId, newsOf('completed'));
    }
  }
}

function newsOf(kind: Extract<Happening, { kind: 'report' }>['news']): AttemptNews {
  if (kind === 'progress') return { kind, progress: { completed: 1, failed: 0, total: 2 } };
  if (kind === 'completed') return { kind, progress: { completed: 2, failed: 0, total: 2 }, tokens: 5 };
  return { kind: 'failed', reason: kind, message: '' };
}

describe('the scheduler in a hostile world', () => {
  it('[J1] [J2] [J3] [J4] [J5] loses no job, accepts each output once, raises fences and keeps the order', () => {
    fc.assert(
      fc.property(fc.array(happening, { minLength: 10, maxLength: 120 }), (happenings) => {
        const simulation = new Simulation();
        for (const what of happenings) simulation.play(what);
        simulation.settle();

        expect(simulation.store.jobs.size).toBe(simulation.submitted);
        for (const job of simulation.store.jobs.values()) {
          expect(simulation.accepted.get(job.id) ?? 0).toBe(job.state === 'succeeded' ? 1 : 0);
          if (job.state === 'succeeded') seen.succeeded += 1;
          if (job.state === 'failed') seen.failed += 1;
        }
        const { charges, jobs } = simulation.store;
        expect(new Set(charges.map(({ id }) => id)).size, 'every charge has an id of its own').toBe(charges.length);
        const sum = (meter: string) =>
          charges.filter((usage) => usage.meter === meter).reduce((total, { quantity }) => total + quantity, 0);
        expect(sum('job_tokens')).toBe([...jobs.values()].reduce((total, { tokens }) => total + tokens, 0));
        expect(sum('accelerator_ms')).toBe([...jobs.values()].reduce((total, { acceleratorMs }) => total + acceleratorMs, 0));
      }),
      { seed: 7, numRuns: effort(2_000) },
    );
    for (const [what, count] of Object.entries(seen)) expect(count, `the runs contained ${what}`).toBeGreaterThan(100);
  });

  it('[J15] decides the same for the same events', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
        const [one, two] = [new Simulation(), new Simulation()];
        for (const what of happenings) {
          one.play(what);
          two.play(what);
        }
        expect([...one.store.jobs]).toEqual([...two.store.jobs]);
        expect(one.store.charges).toEqual(two.store.charges);
      }),
      { seed: 8, numRuns: 50 },
    );
  });
});
