import { expect, it } from 'vitest';

import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ANY_NODE, DEFAULT_TERMS } from '../../../../src/scheduler/served/jobs/job.ts';
import { RICHER_JOBS, widenRequests } from '../../../../src/scheduler/served/migrations.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const DONE = { kind: 'completed', progress: { completed: 2, failed: 0, total: 2 }, tokens: 1 } as const;
/** Fields that jobs gained later. */
const RICHER = ['charged', 'nodesWanted', 'lastSegment', 'eventCount', 'attempt.option', 'attempt.nodes', 'attempt.stopping'];
const FAILED = { kind: 'failed', reason: 'input_missing', message: '' } as const;
it('[J90] jobs stored before they could ask for anything open with the defaults, and run', () => {
  const storage = new NodeSql();
  const former = new ServedCell(undefined, storage);
  const [id, done] = [former.submit(1), former.submit(2)];
  former.join();
  // As the code of that time stored it.
  const fields = [...Object.keys(DEFAULT_TERMS), ...RICHER].map((name) => `'$.${name}'`);
  storage.sql.exec(`UPDATE jobs SET body = json_remove(body, ${fields.join(', ')})`);
  storage.sql.exec("UPDATE cell_records SET body = json_remove(body, '$.isHeld') WHERE kind = 'jobs'");
  widenRequests(storage);
  storage.sql.exec(RICHER_JOBS);
  const world = new ServedCell([], storage);
  world.nowMs = former.nowMs;
  expect(world.job(done)).toMatchObject({ ...DEFAULT_TERMS, state: 'pending' });
  expect(world.job(id)).toEqual({ ...former.job(id), eventCount: 0 });
  expect(world.cell.index.page(jobRequest(1).tenantId, { queue: 'default' }, Infinity, 5).jobs).toHaveLength(2);
  expect(world.cell.act(jobRequest(1).tenantId, done, { kind: 'suspend' })).toMatchObject({ value: { state: 'suspended' } });
  const again = world.cell.submit(jobRequest(1));
  expect(again).toMatchObject({ ok: true, value: { id } });
});

it('[J91] what could never run is refused, naming the field', () => {
  const world = new ServedCell();
  const submit = (terms: object) => world.cell.submit(jobRequest(1, terms));
  expect(submit({ queue: 'research' })).toMatchObject({ error: { code: 'queue_not_found', path: ['queue'] } });
  expect(submit({ deadlineAtMs: world.nowMs })).toMatchObject({ error: { code: 'invalid_value', path: ['deadline_at'] } });
  const options = [
    ANY_NODE,
    { ...ANY_NODE, accelerator: 'abacus', perNode: { ...ANY_NODE.perNode, acceleratorCount: 1, milliEach: 1_000 } },
  ];
  expect(submit({ options })).toMatchObject({ error: { code: 'invalid_value', path: ['resources', 1, 'accelerator'] } });
  world.join(1, POOL, { capacity: { accelerator: 'abacus', acceleratorCount: 1, cpuMilli: 1_000, memoryMib: 1_024 } });
  expect(submit({ options })).toMatchObject({ ok: true });
});

it('[J91] a repetition finds its job though its deadline has passed', () => {
  const world = new ServedCell();
  const request = jobRequest(1, { deadlineAtMs: world.nowMs + 10 });
  world.cell.submit(request);
  world.nowMs += 100;
  world.cell.wake();
  expect(world.cell.submit(request)).toMatchObject({ ok: true, value: { state: 'failed', error: { reason: 'deadline_exceeded' } } });
});

it('[J92] a job waits for those it depends on, whatever memory is lost meanwhile', () => {
  const world = new ServedCell();
  const [a, b] = [world.submit(1), world.submit(2)];
  const c = world.submit(3, { dependsOn: [a, b, a] });
  world.join(2);
  world.end(a, 1, DONE);
  world.loseMemory();
  world.nowMs += 1;
  expect(world.join(1)).toEqual([]);
  world.end(b, 1, DONE);
  expect(world.job(c).state).toBe('starting');
  // It is still a job like any other: given back, it runs again, though those it waited for are forgotten.
  world.loseMemory();
  world.nowMs += 1;
  world.join(1);
  world.end(c, 1, { kind: 'failed', reason: 'released', message: '' });
  world.loseMemory();
  world.nowMs += 1;
  world.join(1);
  expect(world.job(c)).toMatchObject({ state: 'starting', fence: 2, dependsOn: [a, b, a] });
});

it('[J92] [J93] a job fails with one that it depends on; one that was cancelled meanwhile is left alone', () => {
  const world = new ServedCell();
  const a = world.submit(1);
  const [b, c] = [world.submit(2, { dependsOn: [a] }), world.submit(3, { dependsOn: [a] })];
  world.cell.act(jobRequest(3).tenantId, c, { kind: 'cancel' });
  world.join(1);
  world.end(a, 1, FAILED);
  expect(world.job(b)).toMatchObject({ state: 'failed', error: { reason: 'dependency_failed' } });
  expect(world.job(c)).toMatchObject({ state: 'cancelled', error: null });
  const refused = world.cell.submit(jobRequest(4, { dependsOn: [a] }));
  expect(refused).toMatchObject({ error: { code: 'state_conflict', path: ['depends_on', 0] } });
});

it('[J92] [J10] a job of another tenant cannot be depended on', () => {
  const world = new ServedCell();
  const a = world.submit(1);
  const theirs = jobRequest(2, { tenantId: 'tn_other' as TenantId, dependsOn: [a] });
  expect(world.cell.submit(theirs)).toMatchObject({ error: { code: 'job_not_found', path: ['depends_on', 0] } });
});

it('[J93] a job that runs for too long, or past its deadline, is stopped and says why', () => {
  const world = new ServedCell();
  const long = world.submit(1, { runtimeMaxMs: 5_000, graceMs: 1_000 });
  const late = world.submit(2, { deadlineAtMs: world.nowMs + 7_000, graceMs: 1_000 });
  const never = world.submit(3, {
    deadlineAtMs: world.nowMs + 7_000,
    options: [{ ...ANY_NODE, accelerator: 'h100', perNode: { cpuMilli: 1, memoryMib: 1, acceleratorCount: 1, milliEach: 1_000 } }],
  });
  world.join(2);
  world.nowMs += 8_000;
  world.cell.wake();
  for (const id of [long, late]) world.report(id, 1, { kind: 'failed', reason: 'released', message: '' });
  expect(world.job(long)).toMatchObject({ state: 'failed', error: { reason: 'runtime_exceeded' } });
  expect(world.job(late)).toMatchObject({ state: 'failed', error: { reason: 'deadline_exceeded' } });
  expect(world.job(never)).toMatchObject({ state: 'failed', attempt: null, error: { reason: 'deadline_exceeded' } });
});
