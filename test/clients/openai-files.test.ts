import { createHash, randomBytes } from 'node:crypto';

import OpenAI, { toFile } from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { FILE_LIMITS } from '../../src/contract/files/file-limits.ts';
import { sendRaw } from '../support/deployment/send-raw.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';

import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let openai: OpenAI;
let apiKey: string;

beforeAll(async () => {
  const { client } = await createTenant(server);
  ({ apiKey } = client);
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

  it('[J220] uploads a file that is larger than what the gateway holds of it, and gets it back whole', async () => {
    const content = randomBytes(FILE_LIMITS.storedPartBytes * 2 + 54_321);
    const file = await openai.files.create({ file: await toFile(content, 'large.bin'), purpose: 'user_data' });
    expect(file.bytes).toBe(content.length);
    const read = Buffer.from(await (await openai.files.content(file.id)).arrayBuffer());
    expect(read.equals(content)).toBe(true);
  });

  it('[J220] leaves nothing of an upload that is cut off', async () => {
    const before = (await openai.files.list()).data.length;
    const head = `POST /v1/files HTTP/1.1\r\nhost: sluice\r\nauthorization: Bearer ${apiKey}\r\ncontent-length: 9000000\r\n`;
    const type = 'content-type: multipart/form-data; boundary=b\r\n\r\n';
    const part = '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n';
    await sendRaw(server, head + type + part + 'x'.repeat(8_000_000), { end: true });
    expect((await openai.files.list()).data.length).toBe(before);
    await upload('after');
  });

  it('[J20] gets the limit in the error when a file exceeds it, before any of it is sent', async () => {
    const head = `POST /v1/files HTTP/1.1\r\nhost: sluice\r\nauthorization: Bearer ${apiKey}\r\n`;
    const length = `content-length: ${FILE_LIMITS.fileBytesMax + FILE_LIMITS.formFieldsBytesMax + 1}\r\n`;
    const answer = await sendRaw(server, `${head}${length}content-type: multipart/form-data; boundary=b\r\n\r\n`, { end: false });
    expect(answer).toContain(' 413 ');
    expect(answer).toContain('payload_too_large');
  });

  it('[J221] uploads a file in parts, in any order, completes it once, and cancels another', async () => {
    const pieces = [randomBytes(6 * 1024 * 1024), randomBytes(1_000), randomBytes(70_000)];
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const begun = await openai.uploads.create({
      filename: 'parts.bin',
      purpose: 'user_data',
      bytes,
      mime_type: 'application/octet-stream',
    });
    expect(begun).toMatchObject({ object: 'upload', status: 'pending', bytes, file: null });
    const parts = new Map<number, string>();
    for (const at of [2, 0, 1]) {
      const part = await openai.uploads.parts.create(begun.id, { data: await toFile(pieces[at]!, 'part') });
      expect(part).toMatchObject({ object: 'upload.part', upload_id: begun.id });
      parts.set(at, part.id);
    }
    const ids = [0, 1, 2].map((at) => parts.get(at)!);
    const md5 = createHash('md5').update(Buffer.concat(pieces)).digest('hex');
    const done = await openai.uploads.complete(begun.id, { part_ids: ids, md5 });
    expect(done).toMatchObject({ status: 'completed', file: { object: 'file', bytes, filename: 'parts.bin' } });
    const read = Buffer.from(await (await openai.files.content(done.file!.id)).arrayBuffer());
    expect(read.equals(Buffer.concat(pieces))).toBe(true);
    expect(await openai.uploads.complete(begun.id, { part_ids: ids })).toEqual(done);
    await expect(openai.uploads.cancel(begun.id)).rejects.toMatchObject({ status: 409, code: 'state_conflict' });

    const other = await openai.uploads.create({ filename: 'x', purpose: 'batch', bytes: 3, mime_type: 'text/jsonl' });
    const part = await openai.uploads.parts.create(other.id, { data: await toFile(Buffer.from('{}\n'), 'part') });
    expect(await openai.uploads.cancel(other.id)).toMatchObject({ status: 'cancelled', file: null });
    await expect(openai.uploads.complete(other.id, { part_ids: [part.id] })).rejects.toMatchObject({ status: 409 });
  });
});
