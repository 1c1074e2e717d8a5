import { describe, expect, it } from 'vitest';

import { QuotaService } from '../../../../durable-objects/quota-service.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { migrate } from '../../../../src/kernel/sql/migrate.ts';
import type { SqlStorage } from '../../../../src/kernel/sql/sql-storage.ts';
import { queueOf } from '../../../../src/scheduler/served/quotas/cohort-tree.ts';
import { JOB_MIGRATIONS } from '../../../../src/scheduler/served/migrations.ts';
import { SqliteCellStore } from '../../../../src/scheduler/served/sqlite-cell-store.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

/** Storage that counts statements. */
class CountingSql implements SqlStorage {
  readonly #inner = new NodeSql();
  count = 0;
  /** Of those, what saves jobs and what saves levels of quotas. */
  savedJobs = 0;
  savedLevels = 0;

  readonly sql: SqlStorage['sql'] = {
    databaseSize: 0,
    exec: (query, ...bindings) => {
      this.count += 1;
      if (query.startsWith('INSERT INTO jobs')) this.savedJobs += 1;
      if (query.startsWith('INSERT OR REPLACE INTO levels')) this.savedLevels += 1;
      return this.#inner.sql.exec(query, ...bindings);
    },
  };

  transactionSync<T>(body: () => T): T {
    return this.#inner.transactionSync(body);
  }
}

const PROGRESS = { completed: 1, failed: 0, total: 1 };

describe('what a step writes', () => {
  it('[J165] takes few statements for a job from its submission to its end, however many jobs there are', () => {
    const storage = new CountingSql();
    const world = new ServedCell([POOL], storage);
    const nodes = 50;
    world.join(nodes);
    const rounds = 4;
    let before = storage.count;
    for (let round = 0; round < rounds; round++) {
      for (let n = 1; n <= nodes; n++) world.submit(round * nodes + n);
      const grants = world.exchange(POOL).effects.flatMap(({ effect }) => (effect.kind === 'start' ? [effect.grant] : []));
      const reports = grants.map(({ jobId, fence }) => ({ jobId, fence }));
      world.exchange(POOL, { reports: reports.map((report) => ({ ...report, kind: 'progress', progress: PROGRESS })) });
      world.exchange(POOL, { reports: reports.map((report) => ({ ...report, kind: 'completed', progress: PROGRESS, tokens: 1 })) });
    }
    const jobs = rounds * nodes;
    expect(world.charges.length).toBe(jobs);
    // Seven of them are for its grants, which are asked for, granted and returned job by job here; some two for its history and the list.
    expect((storage.count - before) / jobs).toBeLessThan(23.5);
    // When something is next due is asked after each call, and read only if it may have changed.
    const due = () => [world.cell.nextDueMs(), world.cell.outbox.nextDueMs(), world.cell.grants.nextDueMs()];
    const first = due();
    before = storage.count;
    expect(due()).toEqual(first);
    expect(storage.count).toBe(before);
  });

  it('[J376] takes no more statements for thirty jobs together than for one, and answers each as alone', () => {
    const statements = (count: number): number => {
      const storage = new CountingSql();
      const world = new ServedCell([POOL], storage);
      world.submit(1_000);
      const before = storage.count;
      const answers = world.cell.submissions.submitAll(Array.from({ length: count }, (_, n) => jobRequest(n + 1)));
      expect(answers.every(({ ok }) => ok)).toBe(true);
      // What the tenant has already is asked for with each.
      return storage.count - before - count;
    };
    // And whether its id is known.
    expect(statements(30) - 29).toBe(statements(1));
    const world = new ServedCell([POOL], new NodeSql());
    const [a, b] = [1, 2].map((n) => jobRequest(n));
    const mismatch = { ok: false, error: { code: 'idempotency_mismatch' } };
    const dependent = jobRequest(3, { dependsOn: [a!.id] });
    const answers = world.cell.submissions.submitAll([
      a!,
      jobRequest(9, { queue: 'none' }),
      a!,
      { ...a!, digest: 'other' },
      dependent,
      b!,
      jobRequest(5, { dependsOn: [b!.id] }),
      jobRequest(4, { dependsOn: [jobRequest(77).id] }),
    ]);
    expect(answers).toMatchObject([
      { ok: true, value: { id: a!.id } },
      { error: { code: 'queue_not_found' } },
      { ok: true, value: { id: a!.id } },
      mismatch,
      { ok: true, value: { id: dependent.id, dependsOn: [a!.id] } },
      { ok: true, value: { id: b!.id } },
      { ok: true, value: { dependsOn: [b!.id] } },
      { error: { code: 'job_not_found' } },
    ]);
    expect([a!, dependent, b!].map(({ id }) => world.job(id).sequence)).toEqual([1, 2, 3]);
  });

  it('[J376] counts the unfinished jobs of a tenant that come together', () => {
    const world = new ServedCell([POOL], new NodeSql());
    world.cell.jobs.submitter = () => ({ isBarred: false, openCount: JOB_LIMITS.jobsOpenMaxCount - 2 });
    const last = world.cell.submissions.submitAll([1, 2, 3, 4].map((n) => jobRequest(1_000_000 + n)));
    expect(last.map(({ ok }) => ok)).toEqual([true, true, false, false]);
    expect(last[2]).toMatchObject({ error: { code: 'limit_exceeded' } });
  });

  it('[J201] [J378] reads and writes each level of a quota once, however many attempts ask in a message', () => {
    const storage = new CountingSql();
    const transact = <T>(work: (service: QuotaService) => T): T => QuotaService.transact(storage, 1_000_000, work);
    const world = new ServedCell([POOL], new NodeSql());
    const statements: number[] = [];
    let grantedMs = 0;
    world.quotas = (message) => {
      const [before, beforeLevels] = [storage.count, storage.savedLevels];
      const answers = transact((service) => service.fund(message));
      statements.push(storage.count - before);
      expect(storage.savedLevels).toBe(beforeLevels + 1);
      for (const answer of answers) if (answer.kind === 'granted' && !answer.id.endsWith('tokens')) grantedMs += answer.units;
      return answers;
    };
    for (let n = 1; n <= 40; n++) world.submit(n, { tokensMax: 100 });
    world.join(40);
    const { organisationId } = world.job(world.submit(41));
    const taken = transact((service) => service.describe(organisationId)).level.granted.accelerator_ms?.at(-1);
    expect(taken).toBe(grantedMs);
    expect(grantedMs).toBe(40 * JOB_LIMITS.jobSegmentMaxMs);
    // 40 attempts ask for time and tokens: each of the two is written, and what is read is read for all together.
    expect(Math.max(...statements)).toBeLessThan(40 * 2 + 16);
  });

  it('[J200] writes no job whose progress is on record already', () => {
    const storage = new CountingSql();
    const world = new ServedCell([POOL], storage);
    const job = world.submit(1);
    world.join();
    world.report(job, 1, { kind: 'progress', progress: PROGRESS });
    const before = storage.savedJobs;
    expect(world.report(job, 1, { kind: 'progress', progress: PROGRESS })).toBe('continue');
    expect(storage.savedJobs).toBe(before);
    expect(world.report(job, 1, { kind: 'progress', progress: { ...PROGRESS, failed: 1 } })).toBe('continue');
    expect(storage.savedJobs).toBe(before + 1);
    expect(world.job(job).progress.failed).toBe(1);
  });

  it('[J165] saves the newest record of each thing once; one that comes again is last in order', () => {
    const storage = new NodeSql();
    migrate(storage, JOB_MIGRATIONS);
    const store = new SqliteCellStore(storage);
    const [a, b] = ['tn_a', 'tn_b'].map((id) => queueOf(id as TenantId));
    const heavier = { ...a!, weightMilli: 2 };
    store.saveAll(
      [a!, b!].map((spec) => ({ kind: 'save_cohort', spec })),
      [],
    );
    store.saveAll([{ kind: 'save_cohort', spec: heavier }], []);
    expect(store.load().records.cohorts).toEqual([heavier, b]);
    store.saveAll(
      [
        { kind: 'forget_cohort', name: 'tn_a' },
        { kind: 'save_cohort', spec: heavier },
        { kind: 'save_cohort', spec: a! },
      ],
      [],
    );
    expect(store.load().records.cohorts).toEqual([b, a]);
    store.saveAll(
      [
        { kind: 'save_cohort', spec: heavier },
        { kind: 'forget_cohort', name: 'tn_a' },
      ],
      [],
    );
    expect(store.load().records.cohorts).toEqual([b]);
  });

  it('[J165] writes more than one statement can bind', () => {
    const storage = new NodeSql();
    migrate(storage, JOB_MIGRATIONS);
    const store = new SqliteCellStore(storage);
    // Three bytes a character: all together some 6 MB.
    const specs = Array.from({ length: 2_000 }, (_, n) => queueOf(`tn_${'水'.repeat(1_000)}${n}` as TenantId));
    store.saveAll(
      specs.map((spec) => ({ kind: 'save_cohort', spec })),
      [],
    );
    expect(store.load().records.cohorts).toEqual(specs);
    store.saveAll(
      specs.slice(1).map(({ name }) => ({ kind: 'forget_cohort', name })),
      [],
    );
    expect(store.load().records.cohorts).toEqual(specs.slice(0, 1));
  });
});
