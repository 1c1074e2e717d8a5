import { expect, it } from 'vitest';

import type { JobState } from '../../../../src/contract/jobs/jobs.ts';
import { migrate } from '../../../../src/kernel/sql/migrate.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import { NO_PROGRESS } from '../../../../src/scheduler/served/jobs/job.ts';
import { JOB_MIGRATIONS } from '../../../../src/scheduler/served/migrations.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

/** A job as the former queue stored it. */
const earlier = (n: number, state: JobState, fence: number, isLive = false) => ({
  ...jobRequest(n),
  sequence: n,
  state,
  fence,
  attempt: isLive ? { id: `att_${fence}`, fence, poolId: POOL, startedAtMs: 2_000, leaseUntilMs: 3_000 } : null,
  ended: fence > 1 ? [{ fence: 1, poolId: POOL, startedAtMs: 1_100, endedAtMs: 1_200, outcome: 'agent_error' }] : [],
  failures: fence > 1 ? 1 : 0,
  progress: isLive ? { completed: 1, failed: 0, total: 2 } : NO_PROGRESS,
  outputFile: state === 'succeeded' ? `file_${fence}` : null,
  error: null,
  tokens: 7,
  acceleratorMs: 9,
  createdAtMs: 1_000,
  startedAtMs: fence > 0 ? 1_100 : null,
  finishedAtMs: state === 'succeeded' ? 5_000 : null,
});

/** The storage of a cell whose jobs the former queue granted. */
function formerStorage(jobs: readonly ReturnType<typeof earlier>[]): NodeSql {
  const storage = new NodeSql();
  migrate(storage, JOB_MIGRATIONS.slice(0, 2));
  const pool = JSON.stringify({ id: POOL, name: 'pool', owner: 'team', createdAtMs: 1 });
  storage.sql.exec('INSERT INTO pools VALUES (?, ?, ?)', POOL, 'pool', pool);
  for (const job of jobs) {
    const { id, organisationId, tenantId, projectId, owner, state, sequence, attempt } = job;
    const row = [id, organisationId, tenantId, projectId, owner, state, 1, sequence, attempt?.leaseUntilMs ?? null, JSON.stringify(job)];
    storage.sql.exec('INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', ...row);
  }
  const open = jobs.filter(({ state }) => state !== 'succeeded').length;
  storage.sql.exec('INSERT INTO open_jobs VALUES (?, ?)', jobRequest(1).tenantId, open);
  return storage;
}

const DONE = { kind: 'completed', progress: { completed: 2, failed: 0, total: 2 }, tokens: 1 } as const;

it('[J82] carries the jobs of the former queue over: open ones run, finished ones can be read', () => {
  const jobs = [earlier(1, 'pending', 0), earlier(2, 'running', 3, true), earlier(3, 'succeeded', 1), earlier(4, 'cancelling', 1, true)];
  const world = new ServedCell([], formerStorage(jobs));
  const job = (n: number): Job => world.job(jobRequest(n).id);
  expect(job(1)).toMatchObject({ state: 'pending', attempt: null, ended: [], createdAtMs: 1_000 });
  expect(job(2)).toMatchObject({
    state: 'pending',
    fence: 3,
    attempt: null,
    failures: 1,
    progress: NO_PROGRESS,
    ended: [{ fence: 1 }, { fence: 3, outcome: 'released' }],
  });
  expect(job(3)).toEqual({
    ...jobs[2],
    nodesWanted: null,
    lastSegment: null,
    eventCount: 0,
    batch: null,
    countedAtMs: null,
    doneAtMs: null,
    cancelAskedAtMs: null,
    charged: [{ accelerator: null, day: 0, acceleratorMs: 9 }],
  });
  expect(job(4)).toMatchObject({ state: 'cancelled', attempt: null, ended: [{ fence: 1, outcome: 'cancelled' }] });
  expect(world.cell.jobs.openCount(jobRequest(1).tenantId)).toBe(2);

  // In their order, and under fences that no earlier attempt had.
  expect(world.join(3).map(({ jobId, fence }) => [jobId, fence])).toEqual([
    [jobRequest(1).id, 1],
    [jobRequest(2).id, 4],
  ]);
  expect(world.report(jobRequest(2).id, 3, DONE)).toBe('stale');
  expect(world.report(jobRequest(2).id, 4, DONE)).toBe('accepted');
  world.submit(5);
  expect(job(5)).toMatchObject({ sequence: 5, state: 'starting' });
});

it('[J82] carries more jobs over than it reads at once, each once', () => {
  const count = 1_203;
  const jobs = Array.from({ length: count }, (_, n) => earlier(n + 1, 'pending', 0));
  const world = new ServedCell([], formerStorage(jobs));
  for (let n = 0; n < count; n++) expect(world.job(jobRequest(n + 1).id).state).toBe('pending');
  expect(world.cell.jobs.openCount(jobRequest(1).tenantId)).toBe(count);
  expect(world.join(1)).toMatchObject([{ jobId: jobRequest(1).id }]);
});
