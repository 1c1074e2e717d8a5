import { describe, expect, it } from 'vitest';

import type { CreateTuning } from '../../../../src/contract/jobs/fine-tuning.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import type { Tuning, TuningId } from '../../../../src/gateway/jobs/fine-tunings.ts';
import { FineTunings, tuningIdOf } from '../../../../src/gateway/jobs/fine-tunings.ts';
import { JobDesk } from '../../../../src/gateway/jobs/job-desk.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import { metricsIn, tuningEventsOf, tuningFaultOf, tuningStatusOf } from '../../../../src/gateway/jobs/tuning-progress.ts';
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
const BODY: CreateTuning = { model: 'base', training_file: 'file_1' };
const PAIR = '{"anchor": "a", "positive": "b"}\n';

/** Fine-tuning jobs over a cell of the scheduler; files are what the test says they are. */
function setUp() {
  const world = new ServedCell();
  const files = new Map<string, { purpose: string; bytes: number; content: string }>([
    ['file_1', { purpose: 'fine-tune', bytes: 10, content: PAIR }],
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
  const jobs = new JobDesk({
    findIndex: async (_tenant: TenantId, name: string) => ok({ name }),
    queue,
    files: { find },
    models: { find: async () => refuse('model_not_found', 'no pool runs it', 'model') },
    rng,
    hmac: new Hmac('pepper'),
    holdJob: async () => ok(undefined),
  });
  const baseOf = (model: string) => (model === 'base' ? 'base@2' : undefined);
  const tunings = new FineTunings({ jobs, queue, files: { find, beginning }, clock: { nowMs: () => world.nowMs }, rng, baseOf });
  const create = async (body: Partial<CreateTuning> = {}, key?: string): Promise<Tuning> => {
    const made = await tunings.create(MINE, { ...BODY, ...body }, key);
    if (!made.ok) throw new Error(made.error.message);
    return made.value;
  };
  return { world, files, jobs, queue, tunings, create };
}

describe('a fine-tuning job', () => {
  it('[J252] is a training job of the program, found under the name of either', async () => {
    const { queue, files, tunings, create } = setUp();
    files.set('file_2', { purpose: 'fine-tune', bytes: 10, content: PAIR });
    const metadata = { purpose: 'nightly' };
    const hyperparameters = { n_epochs: 5, batch_size: 'auto', learning_rate_multiplier: 0.5 } as const;
    const { job, settings } = await create({ validation_file: 'file_2', suffix: 'shop', seed: 9, metadata, hyperparameters });
    expect(settings).toMatchObject({ model: 'base@2', epochs: 5, batch_size: JOB_LIMITS.tuningBatchDefaultCount, seed: 9, metadata });
    expect(settings).toMatchObject({ learning_rate_multiplier: 0.5, owner: 'team' });
    expect(settings.tuned_model).toMatch(/^ft:base:shop:/);
    expect(job.work).toMatchObject({
      kind: 'training',
      argv: ['sluice-fine-tune', JSON.stringify(settings)],
      inputs: [
        { file: 'file_1', path: 'training.jsonl' },
        { file: 'file_2', path: 'validation.jsonl' },
      ],
      outputs: ['manifest.json', 'model.onnx', 'metrics.csv'],
    });
    expect(await queue.job(tenantId, job.id)).toEqual({ ok: true, value: job });
    expect(await tunings.find(tenantId, tuningIdOf(job.id))).toEqual({ ok: true, value: { job, settings } });
  });

  it('[J252] no other job is one, nor one of another tenant', async () => {
    const { queue, tunings, create, jobs } = setUp();
    const mine = await create();
    const { kind, argv, environment, inputs, outputs, limits } = mine.job.work as Extract<Job['work'], { kind: 'training' }>;
    const body = { kind, argv, environment, inputs, outputs, limits, priority: 'normal' as const, max_attempts: 1 };
    const plain = await jobs.submit(MINE, body, 'k');
    if (!plain.ok) throw new Error(plain.error.message);
    for (const [tenant, id] of [
      [tenantId, tuningIdOf(plain.value.id)],
      ['tn_other' as TenantId, tuningIdOf(mine.job.id)],
      [tenantId, `ftjob_${'z'.repeat(26)}` as TuningId],
    ] as const) {
      for (const outcome of [await tunings.find(tenant, id), await tunings.cancel(tenant, id)])
        expect(outcome).toMatchObject({ error: { code: 'fine_tuning_job_not_found' } });
    }
    expect(await queue.job(tenantId, plain.value.id)).toMatchObject({ ok: true, value: { state: 'pending' } });
    const page = await tunings.list(tenantId, { limit: 10, after: undefined });
    expect(page.ok && page.value.items.map(({ job }) => job.id)).toEqual([mine.job.id]);
  });

  it('[J252] is listed from newest to oldest, in pages', async () => {
    const { tunings, create } = setUp();
    const ids: JobId[] = [];
    for (let n = 0; n < 3; n += 1) ids.unshift((await create()).job.id);
    const first = await tunings.list(tenantId, { limit: 2, after: undefined });
    expect(first.ok && [first.value.items.map(({ job }) => job.id), first.value.hasMore]).toEqual([ids.slice(0, 2), true]);
    const rest = await tunings.list(tenantId, { limit: 2, after: tuningIdOf(ids[1]!) });
    expect(rest.ok && [rest.value.items.map(({ job }) => job.id), rest.value.hasMore]).toEqual([ids.slice(2), false]);
    const lost = await tunings.list(tenantId, { limit: 2, after: `ftjob_${'z'.repeat(26)}` });
    expect(lost).toMatchObject({ error: { code: 'fine_tuning_job_not_found', path: ['after'] } });
  });

  it('[J252] repeats nothing under an idempotency key', async () => {
    const { create } = setUp();
    const [one, again] = [await create({}, 'key'), await create({}, 'key')];
    expect(again).toEqual(one);
  });

  it.each([
    [{ model: 'other' }, undefined, { code: 'model_not_found', path: ['model'] }],
    [{ training_file: 'file_9' }, undefined, { code: 'file_not_found', path: ['training_file'] }],
    [{ validation_file: 'file_9' }, undefined, { code: 'file_not_found', path: ['validation_file'] }],
    [{}, { purpose: 'batch', bytes: 10, content: PAIR }, { code: 'invalid_value', path: ['training_file'] }],
    [{}, { purpose: 'fine-tune', bytes: 10, content: '{"messages": []}\n' }, { code: 'invalid_value', path: ['training_file'] }],
    [{}, { purpose: 'fine-tune', bytes: 10, content: '' }, { code: 'invalid_value', path: ['training_file'] }],
    [
      {},
      { purpose: 'fine-tune', bytes: JOB_LIMITS.tuningFileBytesMax + 1, content: PAIR },
      { code: 'limit_exceeded', path: ['training_file'], limit: { name: 'tuningFileBytesMax' } },
    ],
  ])('[J253] refuses %j with the file %j', async (body, file, error) => {
    const { files, tunings } = setUp();
    if (file !== undefined) files.set('file_1', file);
    expect(await tunings.create(MINE, { ...BODY, ...body }, undefined)).toMatchObject({ ok: false, error });
  });

  it('[J253] takes a first line that is longer than what is read of a file', async () => {
    const { files, create } = setUp();
    const content = `{"anchor": "${'a'.repeat(JOB_LIMITS.batchPeekBytes)}", "positive": "b"}\n`;
    files.set('file_1', { purpose: 'fine-tune', bytes: content.length, content });
    expect((await create()).job.state).toBe('pending');
  });

  it('[J253] a key that may not use the base may not tune it', async () => {
    const { tunings } = setUp();
    const restricted = { ...MINE, resources: ['model/another'] } as TenantPrincipal;
    expect(await tunings.create(restricted, BODY, undefined)).toMatchObject({ error: { code: 'scope_denied' } });
  });

  it('[J277] is paused and resumed, until it has ended', async () => {
    const { tunings, create } = setUp();
    const id = tuningIdOf((await create()).job.id);
    const stateAfter = async (kind: 'suspend' | 'resume') => {
      const acted = await tunings.act(tenantId, id, kind);
      return acted.ok ? tuningStatusOf(acted.value.job) : acted.error.code;
    };
    expect([await stateAfter('suspend'), await stateAfter('suspend'), await stateAfter('resume')]).toEqual(['paused', 'paused', 'queued']);
    await tunings.cancel(tenantId, id);
    expect(await stateAfter('suspend')).toBe('state_conflict');
    expect(await tunings.act('tn_other' as TenantId, id, 'suspend')).toMatchObject({ error: { code: 'fine_tuning_job_not_found' } });
  });

  it('[J252] is queued, running, and cancelled once its agent has stopped', async () => {
    const { tunings, create } = setUp();
    const { job } = await create();
    expect(tuningStatusOf(job)).toBe('queued');
    expect(tuningStatusOf({ ...job, state: 'cancelling' })).toBe('running');
    const cancelled = await tunings.cancel(tenantId, tuningIdOf(job.id));
    expect(cancelled.ok && tuningStatusOf(cancelled.value.job)).toBe('cancelled');
  });

  it('[J253] shows what was measured among its events, and says which file was at fault', async () => {
    const { job } = await setUp().create();
    const metrics = metricsIn('epoch,train_loss,valid_loss\n0,4,\n1,0.5,0.25\n');
    expect(metrics).toEqual([
      { epoch: 0, train_loss: 4 },
      { epoch: 1, train_loss: 0.5, valid_loss: 0.25 },
    ]);
    const messages = tuningEventsOf({ ...job, state: 'succeeded', finishedAtMs: 9_000 }, metrics).map(({ message }) => message);
    expect(messages).toEqual([
      'Fine-tuning job created',
      'The base model: training loss 4',
      'Epoch 1: training loss 0.5',
      'The model was made',
    ]);
    const error = { reason: 'command_failed', message: 'the program exited with 65', exitCode: 65 } as const;
    expect(tuningFaultOf({ ...job, state: 'failed', error })).toMatchObject({ code: 'invalid_training_file', param: 'training_file' });
    expect(tuningFaultOf({ ...job, state: 'failed', error: { ...error, exitCode: 1 } })).toMatchObject({ code: 'command_failed' });
    expect(tuningFaultOf(job)).toBeNull();
  });
});
