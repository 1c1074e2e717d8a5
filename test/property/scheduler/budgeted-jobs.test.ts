import assert from 'node:assert/strict';

import { expect, it } from 'vitest';

import type { AttemptNews } from '../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { FileId, JobId } from '../../../src/kernel/ids.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { costNanoMax, editionAt } from '../../../src/tenancy/usage/price-book.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';
import { hardRule, Quotas } from '../../support/worlds/quotas.ts';
import { POOL, ServedCell } from '../../support/worlds/served-cell.ts';

const { tenantId } = jobRequest(0);
const RELEASED = { kind: 'failed', reason: 'released', message: 'asked to stop' } as const;
const RUNNING: AttemptNews = { kind: 'progress', progress: { completed: 0, failed: 0, total: 1 } };
const DONE = { kind: 'completed', progress: { completed: 0, failed: 0, total: 0 }, tokens: 0 } as const;
const SAVES_EVERY_MS = 10_000;

/** What the owner says of a job, and what is true. */
interface Truth {
  readonly id: JobId;
  /** What its work takes. */
  readonly workMs: number;
  readonly isStated: boolean;
  readonly saves: boolean;
  savedMs: number;
}

/** An attempt that an agent works on. */
interface Run {
  readonly truth: Truth;
  readonly fence: number;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  savedAtMs: number;
  /** When it has left: it was asked to. */
  stopsAtMs: number;
}

const seen = { jobs: 0, ended: 0, waiting: 0, raised: 0, 'stopped and kept': 0, 'used in vain': 0 };

/** Jobs of one tenant under a hard budget that covers a part of them, and agents that do their work. */
class BudgetedJobs {
  readonly world = new ServedCell([POOL]);
  readonly ledger = new Quotas(() => this.world.nowMs);
  readonly random: Seeded;
  readonly jobs: readonly Truth[];
  readonly budgetNano: number;
  /** Attempts that were stopped unpaid, and left nothing behind. */
  inVain = 0;
  #runs: Run[] = [];
  #looked = 0;

  constructor(seed: number) {
    this.random = new Seeded(seed);
    this.world.nowMs = Date.UTC(2026, 4, 10);
    this.world.quotas = this.ledger.fund;
    // As an owner does: either all of them say how long they take, or none.
    const [isStated, saves] = [this.#below(2) === 0, this.#below(3) === 0];
    const each = 20_000 + this.#below(300_000);
    this.jobs = Array.from({ length: 16 }, (_, n) => {
      const workMs = Math.ceil(each * (0.8 + this.random.next() * 0.2));
      return { id: jobRequest(n + 1).id, workMs, isStated, saves, savedMs: 0 };
    });
    const covered = this.#below(15);
    this.budgetNano = nanoOf(Math.ceil(each * (covered + this.random.next())));
    this.ledger.setRules(tenantId, [hardRule('spend_nano', this.budgetNano)]);
    for (const [n, { workMs }] of this.jobs.entries())
      this.world.submit(n + 1, { tokensMax: 0, graceMs: 2_000, runtimeMaxMs: isStated ? workMs + 1_000 : null });
    this.world.join(1 + this.#below(16));
    this.#look();
  }

  /** Until nothing runs and none starts for as long as it may take until one is tried again. */
  rest(): void {
    for (let idleSinceMs = this.world.nowMs; this.world.nowMs - idleSinceMs < 3 * JOB_LIMITS.jobFundsRetryMaxMs;) {
      const dueMs = Math.min(
        this.world.cell.nextDueMs(),
        this.world.nowMs + JOB_LIMITS.poolLeaseMs / 2,
        ...this.#runs.map((run) => this.#nextOf(run)),
      );
      this.world.nowMs = Math.max(this.world.nowMs + 1, dueMs);
      this.world.wake();
      for (const run of this.#runs) if (this.#nextOf(run) <= this.world.nowMs) this.#act(run);
      this.#look();
      if (this.#runs.length > 0) idleSinceMs = this.world.nowMs;
    }
  }

  raise(nano: number): void {
    this.ledger.setRules(tenantId, [hardRule('spend_nano', nano)]);
    this.world.cell.releasePayers(jobRequest(0).organisationId);
    this.world.fund();
    this.#look();
  }

  state(id: JobId): string {
    return this.world.job(id).state;
  }

  leftNano(): number {
    return this.budgetNano - this.ledger.taken(tenantId, 'spend_nano');
  }

  #nextOf({ endsAtMs, stopsAtMs, savedAtMs, truth }: Run): number {
    return Math.min(endsAtMs, stopsAtMs, truth.saves ? savedAtMs + SAVES_EVERY_MS : Infinity);
  }

  #act(run: Run): void {
    const { truth, fence, endsAtMs, stopsAtMs } = run;
    const { nowMs } = this.world;
    if (nowMs >= endsAtMs) return this.#end(run, () => this.world.end(truth.id, fence, DONE));
    if (truth.saves) {
      truth.savedMs += nowMs - run.savedAtMs;
      run.savedAtMs = nowMs;
      this.world.report(truth.id, fence, { kind: 'saved', checkpoint: { file: 'file_s' as FileId, bytes: 1, sha256: String(nowMs) } });
    }
    if (nowMs < stopsAtMs) return;
    if (truth.saves) seen['stopped and kept'] += 1;
    else this.inVain += 1;
    this.#end(run, () => this.world.end(truth.id, fence, RELEASED));
  }

  #end(run: Run, report: () => unknown): void {
    this.#runs = this.#runs.filter((other) => other !== run);
    report();
    this.world.join();
  }

  /** Attempts that were handed over, and those that are asked to stop, since it last looked. */
  #look(): void {
    for (const { effect } of this.world.exchange(POOL).effects) {
      if (effect.kind !== 'stop') continue;
      const run = this.#runs.find(({ truth, fence }) => effect.attemptId === `att_${truth.id.slice(4)}_${fence}`);
      if (run !== undefined && run.stopsAtMs === Infinity) run.stopsAtMs = this.world.nowMs + 500;
    }
    for (; this.#looked < this.world.grants.length; this.#looked += 1) {
      const { jobId, fence } = this.world.grants[this.#looked]!.grant;
      const truth = this.jobs.find(({ id }) => id === jobId)!;
      const { nowMs } = this.world;
      this.#runs.push({
        truth,
        fence,
        startedAtMs: nowMs,
        endsAtMs: nowMs + truth.workMs - truth.savedMs,
        savedAtMs: nowMs,
        stopsAtMs: Infinity,
      });
      this.world.report(jobId, fence, RUNNING);
    }
  }

  #below(count: number): number {
    return Math.floor(this.random.next() * count);
  }
}

const nanoOf = (ms: number): number => costNanoMax({ accelerator_ms: ms }, editionAt(Date.UTC(2026, 4, 10)));

it('[J267] a budget that covers a part of the jobs goes to jobs that end, and the others wait', () => {
  // With the 25th the budget does not suffice for any: of no job it is known how long it takes.
  for (const seed of firstSeeds(effort(7, 600), 25)) {
    const run = new BudgetedJobs(seed);
    const { jobs, world } = run;
    const [{ isStated, saves }] = jobs as [Truth];
    run.rest();
    const what = `seed ${seed}, ${isStated ? 'stated' : 'unknown'}, ${saves ? 'saves' : 'does not save'}`;
    const waiting = jobs.filter(({ id }) => run.state(id) === 'pending');
    assert.equal(waiting.length + jobs.filter(({ id }) => run.state(id) === 'succeeded').length, jobs.length, what);
    // What is said to last as long is never begun in vain; of others, the last one may be.
    assert(run.inVain <= (isStated ? 0 : 1), `${what}: ${run.inVain} starts in vain`);
    const spentNano = run.ledger.taken(tenantId, 'spend_nano');
    const ended = jobs.length - waiting.length;
    // As many have ended as the budget pays for, but for the one that comes after them.
    const longestNano = nanoOf(Math.max(...jobs.map(({ workMs }) => workMs)) + 2_000);
    assert(waiting.length === 0 || ended >= Math.floor(run.budgetNano / longestNano) - 1, `${what}: ${ended} ended`);
    for (const { id } of waiting) {
      const explained = world.cell.explain(tenantId, id);
      assert(explained.ok);
      const { reason, budget } = explained.value.explanation;
      assert.equal(reason, 'budget_exhausted', what);
      assert(budget !== null && nanoOf(budget.acceleratorMs) > Math.min(budget.leftNano ?? 0, run.leftNano()), `${what}: it would suffice`);
    }
    seen.jobs += jobs.length;
    seen.ended += ended;
    seen.waiting += waiting.length;
    seen['used in vain'] += run.inVain;
    if (waiting.length === 0) continue;
    // No work that was saved is done, or paid, again.
    seen.raised += 1;
    const startsBefore = world.grants.length;
    run.raise(spentNano + 100 * run.budgetNano);
    run.rest();
    for (const { id } of jobs) assert.equal(run.state(id), 'succeeded', what);
    assert.equal(world.grants.length - startsBefore, waiting.length, `${what}: each goes on once`);
    if (saves) for (const { id, workMs } of jobs) assert(world.job(id).acceleratorMs <= workMs + 1_000 * world.job(id).ended.length, what);
  }
  for (const [what, count] of Object.entries(seen)) expect(count, `${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(0);
});
