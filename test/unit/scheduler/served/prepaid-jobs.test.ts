import { describe, expect, it } from 'vitest';

import type { AttemptEnding, AttemptNews } from '../../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { QuotaRule } from '../../../../src/contract/tenancy/quota-rule.ts';
import type { FileId, JobId } from '../../../../src/kernel/ids.ts';
import { migrate } from '../../../../src/kernel/sql/migrate.ts';
import { ANY_NODE } from '../../../../src/scheduler/served/jobs/job.ts';
import type { JobRequest } from '../../../../src/scheduler/served/jobs/job.ts';
import { JOB_MIGRATIONS } from '../../../../src/scheduler/served/migrations.ts';
import { amountNano, PRICE_BOOK } from '../../../../src/tenancy/usage/price-book.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { hardRule, Quotas } from '../../../support/worlds/quotas.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const PROGRESS: AttemptNews = { kind: 'progress', progress: { completed: 1, failed: 0, total: 5 } };
const completed = (tokens: number, items = 5): AttemptEnding => ({
  kind: 'completed',
  progress: { completed: items, failed: 0, total: items },
  tokens,
});
const RELEASED: AttemptEnding = { kind: 'failed', reason: 'released', message: '' };
const { tenantId, projectId, organisationId } = jobRequest(0);
const { prices } = PRICE_BOOK[0]!;
const nanoOf = (ms: number): number => Number(amountNano(ms, prices.accelerator_ms));

/** A cell with real quotas, and an agent that stops when it is asked to, after `stopsAfterMs`. */
class PaidWorld extends ServedCell {
  readonly ledger = new Quotas(() => this.nowMs);
  /** What agents were asked, in order. */
  readonly asked: { readonly atMs: number; readonly kind: string }[] = [];

  constructor(rules: readonly QuotaRule[] = []) {
    super();
    this.nowMs = Date.UTC(2026, 4, 10);
    this.quotas = this.ledger.fund;
    this.ledger.setRules(tenantId, rules);
  }

  /** Lets time pass, with the alarm ringing when it is due; what the pool is told is noted. */
  pass(ms: number): void {
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs;) {
      const nextMs = Math.max(this.cell.nextDueMs(), this.nowMs + 1);
      this.nowMs = Math.min(untilMs, nextMs, this.nowMs + JOB_LIMITS.poolSyncMs);
      this.wake();
      for (const { effect } of this.exchange(POOL).effects) {
        if (effect.kind !== 'start') this.asked.push({ atMs: this.nowMs, kind: effect.kind });
      }
    }
  }

  /** A job that an agent runs. */
  run(overrides: Partial<JobRequest> = {}, n = 1): JobId {
    const id = this.submit(n, overrides);
    this.join();
    this.report(id, this.job(id).fence, PROGRESS);
    return id;
  }

  charged(meter: string): number {
    return this.charges.filter((usage) => usage.meter === meter).reduce((sum, { quantity }) => sum + quantity, 0);
  }
}

describe('money in advance', () => {
  it('[J115] an attempt is not handed over before its grant is in, and nothing waits for another job’s', () => {
    const world = new PaidWorld();
    world.quotas = undefined;
    world.submit(1);
    expect(world.join()).toEqual([]);
    expect(world.job(jobRequest(1).id).state).toBe('pending');
    world.quotas = world.ledger.fund;
    world.fund();
    expect(world.job(jobRequest(1).id).state).toBe('starting');
    // A minute of all that is left is reserved, and the tokens of its input.
    expect(world.ledger.taken(tenantId, 'accelerator_ms')).toBe(JOB_LIMITS.jobSegmentMaxMs);
  });

  it('[J115] quotas that do not answer cost an agent ten seconds, and no grant is lost', () => {
    const world = new PaidWorld();
    world.quotas = undefined;
    const id = world.submit(1);
    world.join();
    world.pass(JOB_LIMITS.jobFundsWaitMs);
    expect(world.cell.explain(tenantId, id)).toMatchObject({ value: { explanation: { reason: 'budget_exhausted' } } });
    world.quotas = world.ledger.fund;
    world.fund();
    // What was asked for and came too late is returned.
    expect(world.ledger.taken(tenantId, 'accelerator_ms')).toBe(0);
    world.pass(JOB_LIMITS.jobFundsRetryMs + 1);
    expect(world.job(id).state).toBe('starting');
  });

  it('[J116] a budget of $0.0001 is billed no nano-dollar more: the job never starts', () => {
    const world = new PaidWorld([hardRule('spend_nano', 100_000)]);
    const id = world.submit(1);
    expect(world.join()).toEqual([]);
    world.pass(60_000);
    expect(world.charges).toEqual([]);
    expect(world.cell.explain(tenantId, id)).toMatchObject({ value: { explanation: { reason: 'budget_exhausted' } } });
    expect(world.ledger.taken(tenantId, 'spend_nano')).toBe(0);
  });

  it.each([
    ['accelerator_ms', 25_000],
    ['accelerator_ms', 90_001],
    ['accelerator_ms', 1_234_567],
    ['spend_nano', nanoOf(47_000)],
    ['spend_nano', nanoOf(700_000)],
  ] as const)('[J116] a quota of %s of %i stops a running job exactly there, with notice', (resource, limit) => {
    const world = new PaidWorld([hardRule(resource, limit)]);
    const id = world.run({ tokensMax: 0 });
    const began = world.nowMs;
    // The agent ignores what it is asked, as long as it can.
    world.pass(1_500_000);
    const exactMs = resource === 'accelerator_ms' ? limit : Math.floor((limit * 3_600_000) / prices.accelerator_ms.nano);
    expect(world.charged('accelerator_ms')).toBe(exactMs);
    expect(world.asked.map(({ kind, atMs }) => [kind, atMs - began])).toEqual([
      ['stop', exactMs - JOB_LIMITS.jobGraceMs],
      ['kill', exactMs],
    ]);
    expect(world.ledger.taken(tenantId, resource)).toBeLessThanOrEqual(limit);
    expect(world.ledger.taken(organisationId, 'accelerator_ms')).toBe(exactMs);
    world.report(id, 1, RELEASED);
    expect(world.job(id)).toMatchObject({ state: 'pending', acceleratorMs: exactMs });
    world.exchange(POOL);
    expect(world.job(id).state).toBe('pending');
  });

  it('[J116] an attempt paid for less than its grace is asked to stop at once, and charged for it', () => {
    const world = new PaidWorld([hardRule('accelerator_ms', 2_500)]);
    const id = world.run({ tokensMax: 0 });
    world.pass(10_000);
    expect(world.charged('accelerator_ms')).toBe(2_500);
    world.report(id, 1, RELEASED);
    expect(world.job(id)).toMatchObject({ state: 'pending', acceleratorMs: 2_500 });
  });

  it('[J116] what an attempt was granted and did not use is there for the next', () => {
    const world = new PaidWorld([hardRule('accelerator_ms', 100_000)]);
    const id = world.run({ tokensMax: 1_000 });
    world.pass(7_000);
    expect(world.end(id, 1, completed(100))).toBe('accepted');
    expect(world.charged('accelerator_ms')).toBe(7_000);
    expect(world.ledger.taken(tenantId, 'accelerator_ms')).toBe(7_000);
    expect(world.ledger.taken(tenantId, 'tokens')).toBe(100);
    expect(world.ledger.taken(projectId, 'spend_nano')).toBe(Math.ceil((7_000 * prices.accelerator_ms.nano) / 3_600_000) + 1_000);
  });

  it('[J116] a grant that pays for several segments returns what all of them left', () => {
    const world = new PaidWorld();
    const id = world.submit(1, { options: [{ ...ANY_NODE, nodes: { min: 1, max: 3, step: 1 } }], tokensMax: 1_000 });
    world.join(3);
    world.exchange(POOL, { reports: [0, 1, 2].map((rank) => ({ jobId: id, fence: 1, rank, ...PROGRESS })) });
    world.pass(7_000);
    expect(world.cell.act(tenantId, id, { kind: 'resize', nodes: 2 })).toMatchObject({ ok: true });
    world.pass(5_000);
    const charged = 3 * 7_000 + 2 * 5_000;
    expect(world.end(id, 1, completed(100))).toBe('accepted');
    const times = world.charges.filter(({ meter }) => meter === 'accelerator_ms').map(({ quantity }) => quantity);
    expect(times).toEqual([3 * 7_000, 2 * 5_000]);
    expect(world.ledger.taken(tenantId, 'accelerator_ms')).toBe(charged);
    expect(world.job(id).acceleratorMs).toBe(charged);
  });

  it('[J118] a refused payer’s jobs are tried ever more rarely, and all start once limits are raised', () => {
    const world = new PaidWorld([hardRule('accelerator_ms', 999)]);
    const ids = Array.from({ length: 20 }, (_, n) => world.submit(n + 1));
    world.join(5);
    const asks: number[] = [];
    world.quotas = (message) => {
      asks.push(...message.asked.filter(({ meter }) => meter === 'accelerator_ms').map(() => world.nowMs));
      return world.ledger.fund(message);
    };
    world.pass(600_000);
    expect(asks.length).toBeGreaterThan(3);
    expect(asks.length).toBeLessThan(10);
    world.ledger.setRules(tenantId, []);
    expect(world.job(ids[0]!).state).toBe('pending');
    world.cell.releasePayers(organisationId);
    world.fund();
    expect(ids.map((id) => world.job(id).state).filter((state) => state === 'starting')).toHaveLength(5);
  });

  it('[J118] a payer without money keeps no other from the agents', () => {
    const world = new PaidWorld([hardRule('accelerator_ms', 0)]);
    const other = { tenantId: 'tn_0000000001_00000002' as never, projectId: 'prj_0000000001_00000002' as never };
    world.submit(1, { priority: 'high' });
    const paying = world.submit(2, { priority: 'low', ...other });
    expect(world.join(1).map(({ jobId }) => jobId)).toEqual([paying]);
  });

  it('[J119] a job stops for good when it has cost what it may, and is billed no more', () => {
    const world = new PaidWorld();
    const costMaxNanoDollars = nanoOf(30_000) + 1_000 * 10;
    const id = world.run({ costMaxNanoDollars, tokensMax: 1_000 });
    world.pass(60_000);
    expect(world.asked.map(({ kind }) => kind)).toEqual(['stop', 'kill']);
    world.report(id, 1, RELEASED);
    expect(world.job(id)).toMatchObject({ state: 'failed', error: { reason: 'cost_exceeded' } });
    expect(nanoOf(world.job(id).acceleratorMs)).toBeLessThanOrEqual(costMaxNanoDollars);
    expect(nanoOf(world.job(id).acceleratorMs)).toBeGreaterThan(nanoOf(29_000));
    expect(world.submit(2, { costMaxNanoDollars: 5 })).toBeDefined();
    world.join();
    expect(world.job(jobRequest(2).id)).toMatchObject({ state: 'failed', error: { reason: 'cost_exceeded' }, ended: [] });
  });

  it('[J116] a completion with more tokens than are paid is not accepted, and waits until they are', () => {
    // Enough for most texts of a thousand bytes, and not for these.
    const world = new PaidWorld([hardRule('tokens', 300)]);
    const id = world.run({ tokensMax: 1_000 });
    world.pass(1_000);
    expect(world.end(id, 1, completed(400))).toBe('stale');
    expect(world.end(id, 1, completed(400))).toBe('stale');
    expect(world.job(id)).toMatchObject({ state: 'pending', outputFile: null, tokens: 0, ended: [{ outcome: 'budget_exhausted' }] });
    expect(world.charged('job_tokens')).toBe(0);
    world.join();
    world.pass(100_000);
    expect(world.job(id).state).toBe('pending');
    world.ledger.setRules(tenantId, [hardRule('tokens', 400)]);
    world.cell.releasePayers(organisationId);
    world.fund();
    expect(world.job(id).state).toBe('starting');
    world.exchange(POOL);
    expect(world.end(id, world.job(id).fence, completed(400))).toBe('accepted');
    expect(world.ledger.taken(tenantId, 'tokens')).toBe(400);
  });

  it('[J267] asks for all that it needs to its end, and for less by what it has saved', () => {
    const world = new PaidWorld();
    const toEnd: (number | undefined)[] = [];
    world.quotas = (message) => {
      toEnd.push(...message.asked.map((asked) => asked.toEnd));
      return world.ledger.fund(message);
    };
    const id = world.run({ tokensMax: 0, runtimeMaxMs: 150_000 });
    world.pass(60_000);
    world.report(id, 1, { kind: 'saved', checkpoint: { file: 'file_saved' as FileId, bytes: 1, sha256: 'x' } });
    world.cell.act(tenantId, id, { kind: 'preempt', fence: null });
    world.end(id, 1, RELEASED);
    world.join();
    expect(toEnd).toEqual([150_000, 90_000].map((ms) => ms + JOB_LIMITS.jobGraceMs));
  });

  it('[J117] a claim of more than the input comes to is refused, recorded, and counts as a failure', () => {
    for (const claim of [completed(1_001), completed(5, 1_001), { ...completed(5, 5), progress: { completed: 0, failed: 5, total: 5 } }]) {
      const world = new PaidWorld();
      const id = world.run({ tokensMax: 1_000, attemptsMax: 1 });
      expect(world.end(id, 1, claim)).toBe('stale');
      expect(world.job(id)).toMatchObject({ state: 'failed', outputFile: null, tokens: 0, error: { reason: 'claim_refused' } });
      expect(world.charged('job_tokens')).toBe(0);
    }
    const honest = new PaidWorld();
    const id = honest.run({ tokensMax: 1_000 });
    expect(honest.end(id, 1, completed(1_000))).toBe('accepted');
  });

  it('[J115] a cancelled attempt returns what it asked for, whenever the answer comes', () => {
    const world = new PaidWorld();
    world.quotas = undefined;
    const id = world.submit(1);
    world.join();
    world.cell.act(tenantId, id, { kind: 'cancel' });
    world.loseMemory();
    world.quotas = world.ledger.fund;
    world.fund();
    expect(world.ledger.taken(organisationId, 'accelerator_ms')).toBe(0);
    expect(world.cell.grants.count(tenantId)).toBe(0);
  });

  it('[J115] [J81] attempts from before they were paid in advance are charged to their end', () => {
    const storage = new NodeSql();
    const former = new ServedCell(undefined, storage);
    const id = former.submit(1, { tokensMax: 0 });
    former.join();
    former.report(id, 1, PROGRESS);
    // As the code of that time stored it.
    storage.sql.exec("UPDATE cell_records SET body = json_remove(body, '$.attempt.funds') WHERE kind = 'jobs'");
    storage.sql.exec('DROP TABLE grants; DROP TABLE named_settings; DROP TABLE spent_keys; ALTER TABLE pools DROP COLUMN asked');
    storage.sql.exec('ALTER TABLE pool_nodes DROP COLUMN has_fallen; ALTER TABLE pool_nodes DROP COLUMN terminates_at_ms');
    const version = JOB_MIGRATIONS.findIndex((step) => typeof step === 'string' && step.includes('CREATE TABLE grants'));
    storage.sql.exec('UPDATE schema_version SET version = ?', version);
    migrate(storage, JOB_MIGRATIONS.slice(0, version + 1));
    const world = new ServedCell([], storage);
    world.nowMs = former.nowMs + 1_500_000;
    world.wake();
    expect(world.charges.filter(({ meter }) => meter === 'accelerator_ms').map(({ quantity }) => quantity)).toContain(1_500_000);
  });
});
