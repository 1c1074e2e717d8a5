import { expect, it } from 'vitest';
import type { CreateJob } from '../../../../src/contract/jobs/jobs.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { JobDesk } from '../../../../src/gateway/jobs/job-desk.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import type { JobId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const BODY = { kind: 'batch_embedding', model: 'm', input_file: 'file_1', priority: 'normal', max_attempts: 1 } as unknown as CreateJob;
const BUILD = { kind: 'index_build', shard: 0, priority: 'normal', max_attempts: 1 };

/** Jobs of tenants that have an index `notes`, and a file as long as a test says so. */
function world() {
  const jobs = new Map<JobId, Job>();
  const has = { file: true };
  const queue = {
    job: async (_, id) => {
      const job = jobs.get(id);
      return job === undefined ? refuse('job_not_found', 'there is none', 'job') : ok(job);
    },
    submit: async (request) => {
      const known = jobs.get(request.id) ?? ({ ...request } as unknown as Job);
      jobs.set(request.id, known);
      return known.digest === request.digest ? ok(known) : refuse('idempotency_mismatch', 'another job', 'idempotency-key');
    },
  } as Pick<JobQueue, 'job' | 'submit'> as JobQueue;
  const desk = new JobDesk({
    queue,
    files: { find: async () => (has.file ? ok({} as never) : refuse('file_not_found', 'no file', 'file')) },
    models: { find: async (_, model) => ok({ id: model, weights: { model, memoryMib: 7, loadMs: 70 }, tokensMax: (bytes) => bytes }) },
    findIndex: async (_, name) => (name === 'notes' ? ok({ name }) : refuse('index_not_found', 'no such index', 'index')),
    rng: { bytes: (count) => new Uint8Array(count) },
    hmac: new Hmac('pepper'),
    holdJob: async () => ok(undefined),
  });
  return { desk, jobs, has };
}

it('[T60] a repeated submission gets its answer after its input file was deleted; a new one fails', async () => {
  const { desk, jobs, has } = world();
  const submit = (key?: string, body = BODY) => desk.submit(principal('tn_one'), body, key);
  const first = await submit('k');
  expect(first.ok).toBe(true);
  has.file = false;
  expect(await submit('k')).toEqual(first);
  expect(await submit('k', { ...BODY, max_attempts: 2 })).toMatchObject({ error: { code: 'idempotency_mismatch' } });
  for (const key of [undefined, 'other']) {
    expect(await submit(key)).toMatchObject({ error: { code: 'file_not_found', path: ['input_file'] } });
  }
  expect(jobs.size).toBe(1);
});

it('[J215] an index build is refused for what is no index, and to keys that are restricted to others', async () => {
  const { desk } = world();
  const build = (index: string, resources?: readonly string[]) =>
    desk.submit({ ...principal('tn_one'), ...(resources === undefined ? {} : { resources }) }, { ...BUILD, index } as CreateJob, undefined);
  expect(await build('notes')).toMatchObject({ ok: true });
  expect(await build('none')).toMatchObject({ error: { code: 'index_not_found', path: ['index'] } });
  expect(await build('notes', ['index/other'])).toMatchObject({ error: { code: 'scope_denied' } });
});

it('[J255] a job may register a model by a key that may, and only what it makes', async () => {
  const { desk } = world();
  const train = (register: object, more: object = {}) => {
    const body = {
      kind: 'training',
      argv: ['train'],
      environment: {},
      inputs: [],
      outputs: ['model/model.onnx', 'metrics.csv'],
      limits: {},
    };
    const caller = { ...principal('tn_one'), scopes: ['jobs', 'models:write'] as const, ...more };
    return desk.submit(caller, { ...body, priority: 'normal', max_attempts: 1, register } as unknown as CreateJob, undefined);
  };
  const mine = { name: 'mine', stage: 'verified', parents: [] };
  expect(await train({ ...mine, folder: 'model' })).toMatchObject({ ok: true });
  for (const folder of ['other', 'model/', 'mod', ''])
    expect(await train({ ...mine, folder })).toMatchObject({ error: { code: 'invalid_value', path: ['register', 'folder'] } });
  expect(await train(mine, { scopes: ['jobs'] })).toMatchObject({ error: { code: 'scope_denied', path: ['register'] } });
  expect(await train(mine, { resources: ['model/other'] })).toMatchObject({ error: { code: 'scope_denied' } });
});

it.each([
  ['model', { kind: 'distill', texts_file: 'file_1' }],
  ['model', { kind: 'distill', texts_file: 'file_1', model: 'm', vectors_file: 'file_2' }],
  ['calibration_file', { kind: 'quantize', model: 'm', drift_max: 0.1 }],
  ['calibration_file', { kind: 'prune', model: 'm', layers: 1 }],
  ['words', { kind: 'prune', model: 'm' }],
])('[J256] a build that lacks what it needs is refused by %s when it is submitted: %o', async (field, work) => {
  const { desk, jobs } = world();
  const body = { gate: {}, ...work, register: { name: 'mine', stage: 'verified' }, priority: 'normal', max_attempts: 1 };
  const caller = { ...principal('tn_one'), scopes: ['jobs', 'models:write'] as const };
  const made = await desk.submit(caller, body as unknown as CreateJob, undefined);
  expect(made).toMatchObject({ error: { code: 'invalid_value', path: [field] } });
  expect(jobs.size).toBe(0);
});
