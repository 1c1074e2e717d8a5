import { expect } from 'vitest';
import type { ApiClient } from './api-client.ts';

/** A job of one line that embeds by the default model, and its input file. `terms`: what else the job states. */
export async function submitEmbedding(client: ApiClient, terms: object = {}): Promise<{ job: string; file: string }> {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob(['{"id":"a","text":"water"}\n']), 'é.jsonl');
  const file = await client.call('POST', '/v1/files', form);
  const job = await client.post('/v1/jobs', {
    kind: 'batch_embedding',
    model: 'glove-sif-100',
    input_file: file.body.id,
    owner: 'zoo',
    ...terms,
  });
  expect(job.status).toBe(201);
  return { job: job.body.id, file: file.body.id };
}
