import OpenAI, { toFile } from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';

import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let openai: OpenAI;

beforeAll(async () => {
  const { client } = await createTenant(server);
  openai = new OpenAI({ baseURL: `${client.url}/v1`, apiKey: client.apiKey, maxRetries: 0 });
});

const upload = async (content: string, name = 'input.jsonl') =>
  openai.files.create({ file: await toFile(Buffer.from(content), name), purpose: 'batch' });

describe('the openai package, unmodified', () => {
  it('[J16] uploads, describes, downloads and deletes files', async () => {
    const file = await upload('{"id":"a","text":"wäter"}\n', 'größe 水.jsonl');
    expect(file).toMatchObject({ object: 'file', bytes: 27, filename: 'größe 水.jsonl', purpose: 'batch', status: 'processed' });
    expect(await openai.files.retrieve(file.id)).toEqual(file);
    expect(await (await openai.files.content(file.id)).text()).toBe('{"id":"a","text":"wäter"}\n');
    expect(await openai.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
    await expect(openai.files.retrieve(file.id)).rejects.toMatchObject({ status: 404, code: 'file_not_found' });
  });

  it('[J150] stores files of every purpose, and says when they expire', async () => {
    const file = await openai.files.create({
      file: await toFile(Buffer.from('{}\n'), 'tune.jsonl'),
      purpose: 'fine-tune',
      expires_after: { anchor: 'created_at', seconds: 3600 },
    });
    expect(file.expires_at).toBe(file.created_at + 3600);
    expect((await openai.files.list({ purpose: 'fine-tune' })).data).toEqual([file]);
    expect((await openai.files.list({ purpose: 'vision' })).data).toEqual([]);
    await openai.files.delete(file.id);
    const brief = openai.files.create({
      file: await toFile(Buffer.from('{}\n'), 'tune.jsonl'),
      purpose: 'batch',
      expires_after: { anchor: 'created_at', seconds: 3599 },
    });
    await expect(brief).rejects.toMatchObject({ status: 400, param: 'expires_after[seconds]' });
  });

  it('[J19] walks through all pages', async () => {
    const ids = [];
    for (let n = 0; n < 5; n++) ids.push((await upload(`${n}`)).id);
    const seen = [];
    for await (const file of openai.files.list({ limit: 2 })) seen.push(file.id);
    expect(seen).toEqual(ids.sort());
  });

  it('[J20] gets the limit in the error when a file exceeds it', async () => {
    await expect(upload('x'.repeat(16 * 1024 * 1024 + 1))).rejects.toMatchObject({ status: 400, code: 'limit_exceeded', param: 'file' });
    await expect(upload('x'.repeat(17 * 1024 * 1024))).rejects.toMatchObject({ status: 413, code: 'payload_too_large' });
  });
});
