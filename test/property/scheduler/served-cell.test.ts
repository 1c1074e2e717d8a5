import assert from 'node:assert/strict';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { AttemptNews, AttemptReport, Grant, ReportVerdict } from '../../../src/contract/jobs/attempt.ts';
import { outputFileOf } from '../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { TENANCY_LIMITS } from '../../../src/contract/tenancy/tenancy-limits.ts';
import type { FundAnswer, FundMessage } from '../../../src/contract/jobs/job-funds.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { JobId, PoolId, TenantId } from '../../../src/kernel/ids.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { CellDecision } from '../../../src/scheduler/engine/cell/records.ts';
import { stepAll } from '../../../src/scheduler/engine/machine/step.ts';
import type { Job } from '../../../src/scheduler/served/jobs/job.ts';
import { isFinished } from '../../../src/scheduler/served/jobs/job.ts';
import { SERVED_SETTINGS } from '../../../src/scheduler/served/served-settings.ts';
import { SqliteCellStore } from '../../../src/scheduler/served/sqlite-cell-store.ts';
import { FailingSql } from '../../support/fakes/failing-sql.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { foldRecords } from '../../support/oracles/fold-records.ts';
import { hardRule, Quotas } from '../../support/worlds/quotas.ts';
import { OTHER_POOL, POOL, ServedCell } from '../../support/worlds/served-cell.ts';

const POOLS = [POOL, OTHER_POOL] as const;

/** What happens in a run. Agents misbehave in every way: any attempt ever granted may report anything, at any time, more than once. */
const happening = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('submit' as const), tenant: fc.nat(2), priority: fc.constantFrom('low', 'normal', 'high') }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('join' as const), pool: fc.nat(1), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), pool: fc.nat(1), isLost: fc.boolean() }) },
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
      leaves: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), back: fc.nat(3), job: fc.nat(30) }) },
  // The clock runs, jumps past leases, and is set back.
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: -20_000, max: 90_000 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('wake' as const) }) },
  // The memory of the object is lost; or storage fails in the middle of what comes next.
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail' as const), writes: fc.nat(12) }) },
  // The quotas are out of reach, answer what is then lost, answer twice, or change.
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('quotas' as const), are: fc.constantFrom('well', 'well', 'away', 'lost', 'twice') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('limit' as const), tenant: fc.nat(2), ms: fc.nat(200_000) }) },
  // Tenants and operators share otherwise from then on.
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('share' as const), tenant: fc.nat(2), what: fc.nat(5), cores: fc.nat(2) }) },
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** What the runs really contained: a simulation in which nothing went wrong proves nothing. */
const seen = {
  retries: 0,
  stale: 0,
  duplicates: 0,
  silentPools: 0,
  cancelledLive: 0,
  succeeded: 0,
  clockSetBack: 0,
  granted: 0,
  failed: 0,
  left: 0,
  forgotten: 0,
  storageFailed: 0,
  refused: 0,
  answersLost: 0,
  answersTwice: 0,
  queuesMade: 0,
  shared: 0,
};

function newsOf(kind: Extract<Happening, { kind: 'report' }>['news']): AttemptNews {
  if (kind === 'progress') return { kind, progress: { completed: 1, failed: 0, total: 2 } };
  if (kind === 'completed') return { kind, progress: { completed: 2, failed: 0, total: 2 }, tokens: 5 };
  return { kind: 'failed', reason: kind, message: '' };
}

class Simulation {
  readonly storage = new FailingSql();
  readonly world = new ServedCell(POOLS, this.storage);
  readonly quotas = new Quotas(() => this.world.nowMs);
  readonly limits = new Map<TenantId, number>();
  readonly accepted = new Map<JobId, number>();
  submitted = 0;
  #answers: 'well' | 'lost' | 'twice' = 'well';
  #jobs = new Map<JobId, Job>();
  #grantsSeen = 0;
  readonly #given = new Map<string, Grant>();

  constructor() {
    this.world.quotas = this.#fund;
  }

  readonly #fund = (message: FundMessage): readonly FundAnswer[] => {
    const answers = this.quotas.fund(message);
    seen.refused += answers.filter(({ kind }) => kind === 'refused').length;
    if (this.#answers === 'lost') {
      // The quotas have done it, and the cell does not learn of it.
      this.#answers = 'well';
      seen.answersLost += 1;
      throw new Error('the answer was lost');
    }
    if (this.#answers === 'twice') {
      seen.answersTwice += 1;
      this.world.cell.takeFunds(answers, []);
    }
    return answers;
  };

  play(what: Happening): void {
    try {
      this.#do(what);
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'disk full') throw error;
      seen.storageFailed += 1;
      // Nothing of it is there, and the caller repeats it.
      assert.deepEqual(this.#stored(), this.#jobs);
      this.#do(what);
    }
    this.#check();
  }

  #do(what: Happening): void {
    (this.#actions[what.kind] as (what: Happening) => void)(what);
  }

  readonly #actions: { readonly [Kind in Happening['kind']]: (what: Extract<Happening, { kind: Kind }>) => void } = {
    submit: ({ tenant, priority }) => {
      const tenantId = `tn_000000000${tenant}_1` as TenantId;
      const isQueued = this.world.cell.queues.queue(tenantId, 'nightly').ok && this.submitted % 2 === 0;
      const queue = isQueued ? 'nightly' : 'default';
      this.world.submit(this.submitted + 1, { tenantId, queue, priority: priority as 'low' });
      this.submitted += 1;
    },
    join: ({ pool, count }) => {
      this.world.nowMs += 1;
      this.world.join(count, POOLS[pool]);
    },
    leave: ({ pool, isLost }) => {
      const poolId = POOLS[pool]!;
      const [nodeId] = this.world.nodes.get(poolId) ?? [];
      if (nodeId === undefined) return;
      this.world.exchange(poolId, { left: [{ nodeId, isLost }] });
      seen.left += 1;
    },
    report: (what) => this.#report(what),
    cancel: ({ back, job: n }) => {
      const id = this.world.grants.at(-1 - back)?.grant.jobId ?? jobRequest(n).id;
      const job = this.world.cell.jobs.find(id);
      if (job?.attempt) seen.cancelledLive += 1;
      this.world.cell.act(job?.tenantId ?? jobRequest(0).tenantId, id, { kind: 'cancel' });
    },
    wait: ({ ms }) => {
      this.world.nowMs += ms;
      if (ms < 0) seen.clockSetBack += 1;
    },
    wake: () => {
      const hasNodes = POOLS.some((pool) => (this.world.nodes.get(pool)?.size ?? 0) > 0);
      this.world.wake();
      if (hasNodes && this.world.cell.nextDueMs() === Infinity) seen.silentPools += 1;
    },
    forget: () => {
      seen.forgotten += 1;
      this.world.loseMemory();
    },
    fail: ({ writes }) => {
      this.storage.writesLeft = writes;
    },
    quotas: ({ are }) => {
      this.world.quotas = are === 'away' ? undefined : this.#fund;
      this.#answers = are === 'away' ? 'well' : (are as 'well');
    },
    share: ({ tenant, what, cores }) => this.#share(`tn_000000000${tenant}_1` as TenantId, what, cores),
    limit: ({ tenant, ms }) => this.#limit(`tn_000000000${tenant}_1` as TenantId, ms),
  };

  #share(tenantId: TenantId, what: number, cores: number): void {
    const { queues, cohorts } = this.world.cell;
    const quotas = { cpu: { nominalMilli: cores * 1_000, borrowingMaxMilli: cores === 2 ? 1_000 : null, lendingMaxMilli: null } };
    const eager = { withinQueue: 'lower_priority', reclaim: 'any' } as const;
    const own = {
      name: tenantId.replaceAll('_', '-'),
      settings: { parent: 'root', weight: 1 + cores, quotas },
      tenantId,
      organisationId: null,
    };
    const acts = [
      () => queues.createQueue(tenantId, 'nightly', { weight: 2, ...eager }, null),
      () => queues.changeQueue(tenantId, 'nightly', { quotas, stop: (['none', 'hold', 'hold_and_drain'] as const)[cores]! }),
      () => queues.removeQueue(tenantId, 'nightly'),
      () => queues.changeQueue(tenantId, 'default', { ...eager, weight: 1 + cores }),
      () => cohorts.createCohort(own, null),
      () => (cores === 0 ? cohorts.removeCohort(own.name) : cohorts.changeCohort(own.name, own.settings)),
    ];
    const done = acts[what]!();
    if (done.ok) seen[what === 0 ? 'queuesMade' : 'shared'] += 1;
  }

  #limit(tenantId: TenantId, ms: number): void {
    // What is taken stays taken.
    const limit = Math.max(ms, this.quotas.taken(tenantId, 'accelerator_ms'));
    this.limits.set(tenantId, limit);
    this.quotas.setRules(tenantId, [hardRule('accelerator_ms', limit)]);
    this.world.cell.releasePayers(jobRequest(0).organisationId);
    this.world.fund();
  }

  #report({ back, news, times, otherPool, leaves }: Extract<Happening, { kind: 'report' }>): void {
    const { world } = this;
    const about = world.grants.at(-1 - back);
    if (about === undefined) return;
    const poolId: PoolId = otherPool && back > 2 ? (about.poolId === POOL ? OTHER_POOL : POOL) : about.poolId;
    const report: AttemptReport = { jobId: about.grant.jobId, fence: about.grant.fence, ...newsOf(news) };
    const before = world.job(report.jobId);
    const charges = world.charges.length;
    const isLeaving = leaves && news !== 'progress' && world.nodes.get(poolId)?.has(about.nodeId) === true;
    const left = isLeaving ? [{ nodeId: about.nodeId, isLost: false }] : [];
    const { verdicts } = world.exchange(poolId, { reports: Array.from({ length: times }, () => report), left });
    const isLive = before.attempt?.fence === report.fence && before.attempt.poolId === poolId;
    if (isLive) this.#heard(report, verdicts);
    else {
      seen[verdicts[0] === 'stale' ? 'stale' : 'duplicates'] += 1;
      if (!isLeaving) assert.equal(world.charges.length, charges, 'news of an attempt that is not live costs nothing');
    }
  }

  #heard({ jobId, fence, kind }: AttemptReport, [first, second]: readonly ReportVerdict[]): void {
    if (kind !== 'progress' && second === 'accepted') seen.duplicates += 1;
    if (kind !== 'completed' || first !== 'accepted') return;
    this.accepted.set(jobId, (this.accepted.get(jobId) ?? 0) + 1);
    assert.equal(this.world.job(jobId).outputFile, outputFileOf(jobId, fence));
  }

  #stored(): Map<JobId, Job> {
    const ids = Array.from({ length: this.submitted }, (_, n) => jobRequest(n + 1).id);
    return new Map(ids.map((id) => [id, this.world.job(id)]));
  }

  /** What the cell remembers of when something is due is what is stored, also after a transaction failed. */
  #checkDue(): void {
    const due = (query: string) => this.storage.sql.exec<{ due: number | null }>(`SELECT min(${query}`).one().due ?? undefined;
    const { grants, outbox } = this.world.cell;
    expect(grants.nextDueMs()).toBe(due("due_ms) AS due FROM grants WHERE state <> 'granted'"));
    expect(outbox.nextDueMs()).toBe(due('due_ms) AS due FROM outbox'));
    expect(this.world.cell.nextDueMs()).toBeLessThanOrEqual(due('lease_until_ms) AS due FROM pool_leases') ?? Infinity);
  }

  #check(): void {
    this.#checkDue();
    const after = this.#stored();
    for (const job of after.values()) {
      const before = this.#jobs.get(job.id);
      assert.equal(job.attempt !== null, ['starting', 'running', 'stopping', 'cancelling'].includes(job.state));
      if (job.attempt !== null) assert.equal(job.attempt.fence, job.fence);
      assert.equal(job.outputFile !== null, job.state === 'succeeded');
      assert.ok(job.fence >= (before?.fence ?? 0) && job.acceleratorMs >= (before?.acceleratorMs ?? 0));
      if (before !== undefined && isFinished(before)) assert.deepEqual(job, before, 'a finished job is final');
    }
    this.#jobs = after;
    for (const [tenantId, limit] of this.limits) {
      const jobs = [...after.values()].filter((job) => job.tenantId === tenantId);
      const used = jobs.reduce((sum, { acceleratorMs }) => sum + acceleratorMs, 0);
      assert.ok(used <= limit, 'no limit is exceeded, not by a millisecond');
    }
    for (const { grant } of this.world.grants.slice(this.#grantsSeen)) {
      seen.granted += 1;
      if (grant.fence > 1) seen.retries += 1;
      const known = this.#given.get(grant.attemptId);
      if (known !== undefined) assert.deepEqual(grant, known, 'an attempt is given twice only as the same');
      this.#given.set(grant.attemptId, grant);
    }
    this.#grantsSeen = this.world.grants.length;
  }

  /** From here on everything works: every job must come to its end. */
  settle(): void {
    this.storage.writesLeft = Infinity;
    this.world.quotas = this.#fund;
    this.#answers = 'well';
    for (const tenantId of this.limits.keys()) this.#limit(tenantId, TENANCY_LIMITS.quotaMax);
    for (const { cohort } of valueOf(this.world.cell.cohorts.cohorts(10)))
      if (cohort.name !== 'root') this.world.cell.cohorts.removeCohort(cohort.name);
    for (let tenant = 0; tenant < 3; tenant++)
      this.world.cell.queues.changeQueue(`tn_000000000${tenant}_1` as TenantId, 'nightly', { stop: 'none', quotas: {} });
    for (let round = 0; [...this.#stored().values()].some((job) => !isFinished(job)); round++) {
      expect(round, 'no job is lost').toBeLessThan(this.submitted + 40);
      // The pools of before are gone.
      this.world.nowMs += JOB_LIMITS.poolLeaseMs + 50_000;
      this.world.wake();
      this.world.wake();
      for (const pool of POOLS) this.world.nodes.set(pool, new Set());
      for (const pool of POOLS) this.world.exchange(pool);
      this.world.join(5);
      for (const { grant } of this.world.grants.filter((one) => this.world.job(one.grant.jobId).attempt?.fence === one.grant.fence)) {
        const verdict = this.world.report(grant.jobId, grant.fence, newsOf('completed'));
        if (verdict === 'accepted') this.accepted.set(grant.jobId, (this.accepted.get(grant.jobId) ?? 0) + 1);
      }
    }
    this.#check();
  }
}

describe('the served cell in a hostile world', () => {
  it('[J1] [J3] [J4] [J5] [J14] [J81] [J83] [J120] loses no job, and accepts and charges everything once', () => {
    fc.assert(
      fc.property(fc.array(happening, { minLength: 60, maxLength: 120, size: 'max' }), (happenings) => {
        const simulation = new Simulation();
        for (const what of happenings) simulation.play(what);
        simulation.settle();
        const { world, submitted } = simulation;
        const jobs = Array.from({ length: submitted }, (_, n) => world.job(jobRequest(n + 1).id));
        for (const job of jobs) {
          expect(simulation.accepted.get(job.id) ?? 0).toBe(job.state === 'succeeded' ? 1 : 0);
          if (job.state === 'succeeded') seen.succeeded += 1;
          if (job.state === 'failed') seen.failed += 1;
        }
        const { charges } = world;
        expect(new Set(charges.map(({ id }) => id)).size, 'every charge has an id of its own').toBe(charges.length);
        const sum = (meter: string) =>
          charges.filter((usage) => usage.meter === meter).reduce((total, { quantity }) => total + quantity, 0);
        expect(sum('job_tokens')).toBe(jobs.reduce((total, { tokens }) => total + tokens, 0));
        expect(sum('accelerator_ms')).toBe(jobs.reduce((total, { acceleratorMs }) => total + acceleratorMs, 0));
        // [J120] Quotas have taken what was charged, and nothing else, once all is settled.
        world.nowMs += JOB_LIMITS.jobFundsRetryMaxMs;
        world.fund();
        const { organisationId } = jobRequest(0);
        expect(simulation.quotas.taken(organisationId, 'accelerator_ms')).toBe(sum('accelerator_ms'));
        expect(simulation.quotas.taken(organisationId, 'tokens')).toBe(sum('job_tokens'));
        expect(simulation.storage.sql.exec('SELECT count(*) AS count FROM grants').one()).toEqual({ count: 0 });
        // [J83] What was recorded leads to what is stored, and each step to what it led to then.
        const { records } = new SqliteCellStore(simulation.storage).load();
        expect(replayed(simulation.storage)).toEqual({ ...records, nextSequence: Math.max(1, records.nextSequence) });
      }),
      { seed: 7, numRuns: effort(20, 800) },
    );
    for (const [what, count] of Object.entries(seen))
      expect(count, `the runs contained ${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(4);
  });
});

function valueOf<T>(outcome: Outcome<T>): T {
  assert.ok(outcome.ok);
  return outcome.value;
}

/** The records that the engine comes to from the recorded events alone, as the simulator runs it. */
function replayed(storage: FailingSql) {
  const cell = new Cell(SERVED_SETTINGS);
  const decisions: CellDecision[] = [];
  for (const { events, atMs } of new SqliteCellStore(storage).events()) decisions.push(...stepAll(cell, events, atMs).decisions);
  const records = foldRecords(decisions);
  return { ...records, jobs: records.jobs.filter(({ finishedAtMs }) => finishedAtMs === null), nextSequence: cell.jobs.nextSequence };
}
