import { describe, expect, it } from 'vitest';

import type { JobOutput } from '../../../../src/contract/jobs/attempt.ts';
import { outputFileOf } from '../../../../src/contract/jobs/attempt.ts';
import type { CreateBatch } from '../../../../src/contract/jobs/batches.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { BatchId } from '../../../../src/gateway/jobs/batches.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { Batches, batchIdOf } from '../../../../src/gateway/jobs/batches.ts';
import { faultsOf, filesOf, momentsOf, statusOf } from '../../../../src/gateway/jobs/batch-status.ts';
import { JobDesk } from '../../../../src/gateway/jobs/job-desk.ts';
import type { JobModels } from '../../../../src/gateway/jobs/job-models.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import type { JobId, KeyId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import { listJobs } from '../../../../src/scheduler/served/job-queries.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { ServedCell } from '../../../support/worlds/served-cell.ts';

const { tenantId, organisationId, projectId } = jobRequest(1);
const MINE: TenantPrincipal = {
  kind: 'tenant',
  organisationId,
  tenantId,
  projectId,
  keyId: 'key_1' as KeyId,
  owner: 'team',
  scopes: ['jobs'],
};
const BODY: CreateBatch = { input_file_id: 'file_1', endpoint: '/v1/embeddings', completion_window: '24h' };
const DAY_MS = 86_400_000;

/** Batches over a cell of the scheduler; files are what the test says they are. */
function setUp(pools?: ConstructorParameters<typeof ServedCell>[0]) {
  const world = new ServedCell(pools);
  const files = new Map<string, { purpose: string; content: string }>([
    ['file_1', { purpose: 'batch', content: '{"body": {"model": "m"}}\n' }],
  ]);
  const find = async (_: TenantId, id: string) => {
    const file = files.get(id);
    return file === undefined ? refuse('file_not_found', 'no file', 'file') : ok(file as never);
  };
  const beginning = async (_: TenantId, id: string, count: number) => {
    const file = files.get(id);
    return file === undefined ? undefined : new TextEncoder().encode(file.content).subarray(0, count);
  };
  const queue = {
    submit: async (request) => world.cell.submit(request),
    job: async (of, id) => world.cell.find(of, id),
    act: async (of, id, verb) => world.cell.act(of, id, verb),
    jobs: async (of, filter, limit, after) => listJobs(world.cell, of, filter, limit, after),
  } as Pick<JobQueue, 'submit' | 'job' | 'act' | 'jobs'> as JobQueue;
  let serial = 0;
  const rng = { bytes: (count: number) => new Uint8Array(count).fill((serial += 1)) };
  const models: Pick<JobModels, 'find'> = {
    find: async (_, model) =>
      ['m', 'default'].includes(model)
        ? ok({ id: model, weights: { model, memoryMib: 7, loadMs: 70 }, tokensMax: (bytes) => bytes })
        : refuse('model_not_found', 'no pool runs it', 'model'),
  };
  const jobs = new JobDesk({
    findIndex: async (_tenant: TenantId, name: string) => ok({ name }),
    queue,
    files: { find },
    models,
    rng,
    hmac: new Hmac('pepper'),
    holdJob: async () => ok(undefined),
  });
  const batches = new Batches({ jobs, queue, files: { find, beginning }, clock: { nowMs: () => world.nowMs }, defaultModel: 'default' });
  const create = async (body: Partial<CreateBatch> = {}, key?: string) => {
    const made = await batches.create(MINE, { ...BODY, ...body }, key);
    expect(made).toMatchObject({ ok: true });
    return (made as { value: Job }).value;
  };
  return { world, files, jobs, queue, batches, create };
}

const progress = (completed: number, failed: number, total: number | null) =>
  ({ kind: 'progress', progress: { completed, failed, total } }) as const;

/** The outputs of an attempt, as its agent has uploaded them. */
const outputsOf = (id: JobId, fence: number, count: number): JobOutput[] =>
  ['output.jsonl', 'errors.jsonl']
    .slice(0, count)
    .map((path, index) => ({ path, file: outputFileOf(id, fence, index), bytes: 1, sha256: '' }));

describe('a batch', () => {
  it('[J151] is a job, found under the name of either', async () => {
    const { world, queue, batches, create } = setUp();
    const metadata = { purpose: 'nightly' };
    const job = await create({ metadata, output_expires_after: { anchor: 'created_at', seconds: 3600 } });
    expect(job).toMatchObject({
      work: { kind: 'batch_embedding', model: 'm', inputFile: 'file_1', format: 'openai_batch' },
      deadlineAtMs: world.nowMs + DAY_MS,
      batch: { endpoint: '/v1/embeddings', completionWindow: '24h', metadata, outputLifeMs: 3_600_000 },
    });
    expect(await queue.job(tenantId, job.id)).toEqual({ ok: true, value: job });
    expect(await batches.find(tenantId, batchIdOf(job.id))).toEqual({ ok: true, value: job });
    const [grant] = world.join();
    expect(grant).toMatchObject({ jobId: job.id, outputLifeMs: 3_600_000, work: { format: 'openai_batch' } });
  });

  it('[J151] no other job is a batch, nor one of another tenant', async () => {
    const { batches, create, jobs } = setUp();
    const plain = await jobs.submit(
      MINE,
      { kind: 'batch_embedding', model: 'm', input_file: 'file_1', priority: 'normal', max_attempts: 1 },
      'k',
    );
    const id = batchIdOf((plain as { value: Job }).value.id);
    const mine = await create();
    for (const [tenant, batch] of [
      [tenantId, id],
      [tenantId, `batch_${'z'.repeat(26)}` as BatchId],
      ['tn_two' as TenantId, batchIdOf(mine.id)],
    ] as const) {
      for (const outcome of [await batches.find(tenant, batch), await batches.cancel(tenant, batch)])
        expect(outcome).toMatchObject({ error: { code: 'batch_not_found' } });
    }
    expect(await batches.list(tenantId, { limit: 10, after: undefined })).toMatchObject({
      value: { items: [{ id: mine.id }], hasMore: false },
    });
  });

  it('[J151] lists pages, newest first, of batches alone', async () => {
    const { batches, create, jobs } = setUp();
    const made: Job[] = [];
    for (let n = 0; n < 5; n += 1) {
      made.unshift(await create());
      await jobs.submit(
        MINE,
        { kind: 'batch_embedding', model: 'm', input_file: 'file_1', priority: 'normal', max_attempts: 1 },
        undefined,
      );
    }
    const ids = made.map(({ id }) => id);
    const seen: JobId[] = [];
    for (let more = true; more;) {
      const after = seen.at(-1);
      const page = await batches.list(tenantId, { limit: 2, after: after && batchIdOf(after) });
      if (!page.ok) throw new Error(page.error.message);
      seen.push(...page.value.items.map(({ id }) => id));
      more = page.value.hasMore;
    }
    expect(seen).toEqual(ids);
    const lost = `batch_${'z'.repeat(26)}`;
    expect(await batches.list(tenantId, { limit: 2, after: lost })).toMatchObject({ error: { code: 'batch_not_found', path: ['after'] } });
  });

  it('[J151] [J6] is made once for an idempotency key, whatever has happened to its file since', async () => {
    const { world, files, batches, create } = setUp();
    const first = await create({}, 'k');
    world.nowMs += 1_000;
    files.delete('file_1');
    expect((await create({}, 'k')).id).toBe(first.id);
    expect(await batches.create(MINE, { ...BODY, completion_window: '25h' }, 'k')).toMatchObject({
      error: { code: 'idempotency_mismatch' },
    });
    expect(await batches.create(MINE, BODY, 'other')).toMatchObject({ error: { code: 'file_not_found', path: ['input_file_id'] } });
  });

  it('[J151] runs the model that its input begins with, if a pool runs it and the key may use it', async () => {
    const { files, batches, create } = setUp();
    const modelOf = async (content: string, purpose = 'batch') => {
      files.set('file_2', { purpose, content });
      const made = await batches.create(MINE, { ...BODY, input_file_id: 'file_2' }, undefined);
      return made.ok ? made.value.work.model : [made.error.code, made.error.path];
    };
    expect(await modelOf('\n{"body": {"model": "m"}}')).toBe('m');
    for (const content of ['', 'nonsense', '{"body": 1}', '{"body": {"model": 5}}', `{"a": "${'x'.repeat(JOB_LIMITS.batchPeekBytes)}"}`])
      expect(await modelOf(content)).toBe('default');
    expect(await modelOf('{"body": {"model": "huge"}}')).toEqual(['model_not_found', ['input_file_id']]);
    expect(await modelOf('{"body": {"model": "m"}}', 'vision')).toEqual(['invalid_value', ['input_file_id']]);
    const restricted = { ...MINE, resources: ['model/other'] };
    expect(await batches.create(restricted, BODY, undefined)).toMatchObject({ error: { code: 'scope_denied' } });
    await create();
  });
});

describe('the status of a batch', () => {
  it('[J153] goes from validating to completed, and back for no lost attempt', async () => {
    const { world, batches, create } = setUp();
    const { id } = await create();
    const now = () => [statusOf(world.job(id)), world.job(id).progress.completed];
    world.join();
    expect(now()).toEqual(['validating', 0]);
    world.report(id, 1, progress(0, 0, null));
    expect(now()).toEqual(['validating', 0]);
    world.nowMs += 1_000;
    const countedMs = world.nowMs;
    world.report(id, 1, progress(0, 0, 3));
    expect(now()).toEqual(['in_progress', 0]);
    world.end(id, 1, { kind: 'failed', reason: 'released', message: '' });
    expect(now()).toEqual(['in_progress', 0]);
    world.nowMs += 1_000;
    world.join();
    world.report(id, 2, progress(0, 0, null));
    world.report(id, 2, progress(1, 0, 3));
    expect(now()).toEqual(['in_progress', 1]);
    world.report(id, 2, progress(2, 1, 3));
    const doneMs = world.nowMs;
    expect(now()).toEqual(['finalizing', 2]);
    expect(momentsOf(world.job(id))).toMatchObject({ inProgress: countedMs, finalizing: doneMs, completed: null });
    world.nowMs += 1_000;
    world.end(id, 2, { kind: 'completed', progress: { completed: 2, failed: 1, total: 3 }, tokens: 9, outputs: outputsOf(id, 2, 2) });
    expect(now()).toEqual(['completed', 2]);
    const job = world.job(id);
    expect(momentsOf(job)).toEqual({
      inProgress: countedMs,
      finalizing: doneMs,
      completed: world.nowMs,
      failed: null,
      expired: null,
      cancelling: null,
      cancelled: null,
    });
    expect([filesOf(job), faultsOf(job)]).toEqual([{ output: outputFileOf(id, 2, 0), errors: outputFileOf(id, 2, 1) }, null]);
    expect(await batches.cancel(tenantId, batchIdOf(id))).toMatchObject({ error: { code: 'state_conflict' } });
  });

  it('[J153] [J152] has no errors file without failures, and no output file without successes', async () => {
    const { world, create } = setUp();
    const ended = async (completed: number, failed: number) => {
      const { id } = await create();
      world.join();
      const outputs = outputsOf(id, 1, failed === 0 ? 1 : 2);
      world.end(id, 1, { kind: 'completed', progress: { completed, failed, total: 2 }, tokens: completed, outputs });
      const { output, errors } = filesOf(world.job(id));
      return [output !== null, errors !== null];
    };
    expect(await ended(2, 0)).toEqual([true, false]);
    expect(await ended(1, 1)).toEqual([true, true]);
    expect(await ended(0, 2)).toEqual([false, true]);
  });

  it('[J153] is failed, with the faults of the input by line, and tried once', async () => {
    const { world, create } = setUp();
    const { id } = await create();
    world.join();
    const lines = [{ code: 'duplicate_custom_id', line: 4, message: 'line 1 has the same custom_id', param: 'custom_id' }];
    world.end(id, 1, { kind: 'failed', reason: 'input_invalid', message: 'the input has 1 fault', lines });
    const job = world.job(id);
    expect([statusOf(job), job.failures, faultsOf(job)]).toEqual(['failed', 1, lines]);
    expect(momentsOf(job)).toMatchObject({ failed: world.nowMs, inProgress: null });
    world.loseMemory();
    expect(faultsOf(world.job(id))).toEqual(lines);
  });

  it('[J153] is failed by what failed its job', async () => {
    const { world, create } = setUp();
    const { id } = await create();
    world.join();
    world.end(id, 1, { kind: 'failed', reason: 'input_missing', message: 'no file' });
    expect(faultsOf(world.job(id))).toEqual([{ code: 'input_missing', line: null, message: 'no file', param: null }]);
  });

  it('[J153] is cancelled at once while it waits, and after its agent has stopped while it runs', async () => {
    const { world, batches, create } = setUp();
    const waiting = await create();
    expect(statusOf(((await batches.cancel(tenantId, batchIdOf(waiting.id))) as { value: Job }).value)).toBe('cancelled');
    expect(momentsOf(world.job(waiting.id))).toMatchObject({ cancelling: world.nowMs, cancelled: world.nowMs });
    const { id } = await create();
    world.join();
    world.report(id, 1, progress(1, 0, 3));
    const askedMs = (world.nowMs += 1_000);
    const asked = await batches.cancel(tenantId, batchIdOf(id));
    expect(asked).toMatchObject({ ok: true, value: { state: 'cancelling', cancelAskedAtMs: askedMs } });
    world.nowMs += 1_000;
    expect(await batches.cancel(tenantId, batchIdOf(id))).toMatchObject({ value: { cancelAskedAtMs: askedMs } });
    world.end(id, 1, { kind: 'failed', reason: 'cancelled', message: '' });
    expect(statusOf(world.job(id))).toBe('cancelled');
    expect(momentsOf(world.job(id))).toMatchObject({ cancelling: askedMs, cancelled: world.nowMs, failed: null });
    expect(await batches.cancel(tenantId, batchIdOf(id))).toMatchObject({ ok: true });
  });

  it('[J153] is expired once its window has passed, whether it waits or runs', async () => {
    const { world, batches, create } = setUp();
    const { id } = await create({ completion_window: '1h' });
    world.nowMs += 3_600_000 - 1;
    world.cell.wake();
    expect(statusOf(world.job(id))).toBe('validating');
    world.nowMs += 1;
    world.cell.wake();
    expect([statusOf(world.job(id)), faultsOf(world.job(id))]).toEqual(['expired', null]);
    expect(momentsOf(world.job(id))).toMatchObject({ expired: world.nowMs, failed: null, cancelled: null });
    expect(await batches.cancel(tenantId, batchIdOf(id))).toMatchObject({ error: { code: 'state_conflict' } });
  });
});
