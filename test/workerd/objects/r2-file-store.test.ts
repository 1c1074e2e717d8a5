import { env } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';

import { FILE_LIMITS } from '../../../src/contract/files/file-limits.ts';
import { FileEraser } from '../../../src/gateway/files/file-eraser.ts';
import { FileWriter } from '../../../src/gateway/files/file-writer.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { NewFile } from '../../../src/gateway/files/file-store.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import type { FileId, TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { R2FileStore } from '../../../workers/gateway/adapters/files/r2-file-store.ts';
import { IN_FORCE } from '../../support/fakes/in-force.ts';

const bucket = (env as unknown as { FILES: R2Bucket }).FILES;
const PART = FILE_LIMITS.storedPartBytes;

let tenantId: TenantId;
let store: R2FileStore;
let serial = 0;
beforeEach(() => {
  serial += 1;
  tenantId = `tn_0000000001_${String(serial).padStart(8, '0')}` as TenantId;
  store = new R2FileStore(bucket);
});

const fileOf = (id: string, createdAtMs = 1): NewFile => ({
  id: `file_${id}` as FileId,
  filename: 'größe 水.bin',
  purpose: 'batch',
  owner: 'team',
  digest: 'd',
  createdAtMs,
  expiresAtMs: 9_000,
});

/** Bytes of which no two stretches are alike. */
const bytesOf = (count: number, seed = 1): Uint8Array => {
  const words = new Uint32Array(Math.ceil(count / 4));
  for (let i = 0, state = seed; i < words.length; i += 1) words[i] = state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return new Uint8Array(words.buffer, 0, count);
};

const keys = async (): Promise<string[]> => (await bucket.list({ prefix: `tenants/${tenantId}/` })).objects.map(({ key }) => key);
const stored = async (): Promise<string[]> => (await keys()).filter((key) => !key.includes('/begun/'));

async function written(bytes: Uint8Array, pieceBytes: number, id = fileOf('a').id) {
  const content = await store.open(tenantId, id, () => IN_FORCE.lease());
  for (let at = 0; at < bytes.length; at += pieceBytes) await content.write(bytes.subarray(at, at + pieceBytes));
  return content;
}

describe('[J220] content that comes as a stream', () => {
  it.each([0, 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 12_345])(
    'of %i bytes becomes a file that is read back whole',
    async (count) => {
      const bytes = bytesOf(count);
      const content = await written(bytes, 999_983);
      const sha256 = await sha256Hex(bytes);
      expect(await content.finish()).toMatchObject({ bytes: count, sha256 });
      expect(await store.find(tenantId, fileOf('a').id), 'before it is committed').toBeUndefined();
      const file = await content.commit(fileOf('a'));
      expect(file).toEqual({ ...fileOf('a'), bytes: count, sha256 });
      await content.discard();
      const { id } = file;
      expect(await store.find(tenantId, id)).toEqual(file);
      expect((await store.list(tenantId, '', 10)).files).toMatchObject([{ id, bytes: count, filename: 'größe 水.bin' }]);
      const read = await new Response(await store.read(tenantId, id)).arrayBuffer();
      expect(await sha256Hex(new Uint8Array(read))).toBe(sha256);
      expect(await store.beginning(tenantId, id, 100)).toEqual(bytes.slice(0, 100));
      await store.delete(tenantId, id);
      expect(await stored()).toEqual([]);
    },
  );

  it('leaves nothing when it is discarded, at whatever point', async () => {
    for (const count of [10, PART + 1, 2 * PART + 1]) {
      const content = await written(bytesOf(count), PART);
      if (count > 2 * PART) await content.finish();
      await content.discard();
      expect(await keys()).toEqual([]);
    }
  });

  it('is written once: of two writers the first has the file, and nothing is left of the other', async () => {
    const [first, second] = await Promise.all([1, 2].map((seed) => written(bytesOf(PART + 1, seed), PART)));
    await first!.commit(fileOf('a', 1));
    expect(await second!.commit(fileOf('a', 2))).toMatchObject({ createdAtMs: 1 });
    await Promise.all([first!.discard(), second!.discard()]);
    expect((await keys()).map((key) => key.split('/')[2])).toEqual(['contents', 'files']);
    const read = await new Response(await store.read(tenantId, fileOf('a').id)).arrayBuffer();
    expect(await sha256Hex(new Uint8Array(read))).toBe(await sha256Hex(bytesOf(PART + 1, 1)));
  });

  it('of a writer that died is swept, and that of a file is kept', async () => {
    let nowMs = Date.now();
    const eraser = new FileEraser({ store, clock: { nowMs: () => nowMs } });
    await written(bytesOf(PART + 1), PART, fileOf('dead').id);
    const kept = await written(bytesOf(PART + 1), PART, fileOf('kept').id);
    await kept.commit(fileOf('kept'));
    await eraser.sweep(tenantId);
    expect(await store.begun(tenantId, 10)).toMatchObject({ begun: [{}, {}] });
    nowMs += FILE_LIMITS.fileWriteMaxMs + 60_000;
    await eraser.sweep(tenantId);
    expect(await store.begun(tenantId, 10)).toEqual({ begun: [] });
    expect((await keys()).map((key) => key.split('/')[2])).toEqual(['contents', 'files']);
    expect((await new Response(await store.read(tenantId, fileOf('kept').id)).arrayBuffer()).byteLength).toBe(PART + 1);
    await eraser.eraseAll(tenantId);
    expect(await keys()).toEqual([]);
  });

  it('[T73] goes with its tenant at once, its upload in parts too, and its writer stores no more', async () => {
    const clock = { nowMs: () => Date.now() };
    const writer = new FileWriter({ store, clock });
    const eraser = new FileEraser({ store, clock });
    const ended = refuse('invalid_api_key', 'the API key is not valid');
    let isErased = false;
    const authority = { lease: async () => (isErased ? ended : IN_FORCE.lease()) };
    const received = await writer.receive(tenantId, authority, fileOf('a').id, async (content) => {
      await content.write(bytesOf(PART + 1));
      expect(await eraser.count(tenantId)).toBe(1);
      isErased = true;
      await eraser.eraseAll(tenantId);
      expect(await eraser.count(tenantId)).toBe(0);
      await content.write(bytesOf(2 * PART));
      return ok(fileOf('a'));
    });
    expect(received).toEqual(ended);
    // Neither does one that begins later.
    const late = await writer.receive(tenantId, authority, fileOf('b').id, async (content) => {
      const refused = await content.write(bytesOf(PART + 1));
      return refused.ok ? ok(fileOf('b')) : refused;
    });
    expect(late).toEqual(ended);
    expect(await keys()).toEqual([]);
  });

  it('is received under the right to write, and committed as described', async () => {
    const writer = new FileWriter({ store, clock: { nowMs: () => Date.now() } });
    const received = await writer.receive(tenantId, IN_FORCE, fileOf('a').id, async (content) => {
      await content.write(bytesOf(PART + 7));
      return ok(fileOf('a'));
    });
    expect(received).toMatchObject({ ok: true, value: { bytes: PART + 7 } });
    expect((await keys()).map((key) => key.split('/')[2])).toEqual(['contents', 'files']);
  });
});
