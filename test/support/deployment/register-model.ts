import { expect } from 'vitest';

import type { Folder } from '../models/model-folder.ts';
import type { ApiClient } from './api-client.ts';

/** Registers the files as the next version of a model; it has passed its checks. */
export async function registerModel(client: ApiClient, name: string, folder: Folder, stated: object = {}): Promise<number> {
  const files: { path: string; file: string }[] = [];
  for (const [path, bytes] of folder) {
    const form = new FormData();
    form.set('purpose', 'model');
    form.set('file', new Blob([bytes]), path.replaceAll('/', '_'));
    files.push({ path, file: (await client.call('POST', '/v1/files', form)).body.id });
  }
  const made = await client.post('/v1/models', { name, files, ...stated });
  expect([made.status, made.body.checks?.passed], JSON.stringify(made.body)).toEqual([201, true]);
  return made.body.version;
}

/** Has a version serve, or a share of the requests. */
export async function promoteModel(client: ApiClient, name: string, version: number, share = 1): Promise<void> {
  const promoted = await client.post(`/v1/models/${name}/promote`, { version, share });
  expect(promoted.status, JSON.stringify(promoted.body)).toBe(200);
}
