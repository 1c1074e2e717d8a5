import { expect, it } from 'vitest';
import type { CreateJob } from '../../../../src/contract/jobs.ts';
import { refuse } from '../../../../src/contract/outcome.ts';
import { JobDesk } from '../../../../src/gateway/jobs/job-desk.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import type { JobId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Job } from '../../../../src/scheduler/served/job.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const BODY = { kind: 'batch_embedding', model: 'm', input_file: 'file_1', priority: 'normal', max_attempts: 1 } as unknown as CreateJob;

it('[T60] a repeated submission gets its answer after its input file was deleted; a new one fails', async () => {
  const jobs = new Map<JobId, Job>();
  let isThere = true;
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
    files: { find: async () => (isThere ? ok({} as never) : refuse('file_not_found', 'no file', 'file')) },
    runs: () => true,
    rng: { bytes: (count) => new Uint8Array(count) },
    hmac: new Hmac('pepper'),
    holdJob: async () => ok(undefined),
  });
  const submit = (key?: string, body = BODY) => desk.submit(principal('tn_one'), body, key);
  const first = await submit('k');
  expect(first.ok).toBe(true);
  isThere = false;
  expect(await submit('k')).toEqual(first);
  expect(await submit('k', { ...BODY, max_attempts: 2 })).toMatchObject({ error: { code: 'idempotency_mismatch' } });
  for (const key of [undefined, 'other']) {
    expect(await submit(key)).toMatchObject({ error: { code: 'file_not_found', path: ['input_file'] } });
  }
  expect(jobs.size).toBe(1);
});
