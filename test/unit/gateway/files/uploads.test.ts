import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { FILE_LIMITS } from '../../../../src/contract/files/file-limits.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { FileCatalogue } from '../../../../src/gateway/files/file-catalogue.ts';
import { FileEraser } from '../../../../src/gateway/files/file-eraser.ts';
import { FileWriter } from '../../../../src/gateway/files/file-writer.ts';
import { Uploads } from '../../../../src/gateway/files/uploads.ts';
import type { UploadId } from '../../../../src/gateway/files/uploads.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import type { FileId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { idsOf, ManualClock } from '../../../support/fakes/tenancy.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { MemoryFileStore } from '../../../support/fakes/memory-file-store.ts';

function world() {
  const { id: keyId, organisationId, projectId, tenantId } = idsOf(1);
  const principal: TenantPrincipal = { kind: 'tenant', organisationId, tenantId, projectId, keyId, owner: 'team', scopes: ['files'] };
  const acting = { principal, authority: IN_FORCE };
  const clock = new ManualClock(5_000);
  const store = new MemoryFileStore(() => clock.nowMs());
  let random = 1;
  const rng = { bytes: (count: number) => Uint8Array.from({ length: count }, () => (random = (random * 48_271) % 2_147_483_647) >> 8) };
  const writer = new FileWriter({ store, clock });
  const hmac = new Hmac('pepper');
  const md5 = async (pieces: AsyncIterable<Uint8Array>) => {
    const digest = createHash('md5');
    for await (const piece of pieces) digest.update(piece);
    return digest.digest('hex');
  };
  const uploads = new Uploads({ store, writer, md5, clock, rng, hmac });
  const spent = { spend: async () => ok(null), admit: async () => ok(null) };
  const eraser = new FileEraser({ store, clock });
  const files = new FileCatalogue({ store, writer, eraser, spent, queue: { acceptedOutputs: async () => [] }, clock, rng, hmac });
  const begin = async (bytes: number, key?: string) => {
    const begun = await uploads.create(acting, { filename: 'in.jsonl', purpose: 'batch', bytes, mime_type: 'text/jsonl' }, key);
    return begun.ok ? begun.value.id : expect.fail(begun.error.message);
  };
  const add = (id: UploadId, text: string, key?: string) => uploads.addPart(acting, id, (content) => content.write(utf8(text)), key);
  const partOf = async (id: UploadId, text: string): Promise<string> => {
    const part = await add(id, text);
    return part.ok ? part.value.id : expect.fail(part.error.message);
  };
  const complete = (id: UploadId, partIds: string[], md5Hex?: string) =>
    uploads.complete(acting, id, { part_ids: partIds, ...(md5Hex === undefined ? {} : { md5: md5Hex }) });
  const listed = async () => (await files.list(tenantId, { limit: 10 })).items.map(({ id }) => id);
  return { acting, tenantId, clock, store, uploads, files, begin, add, partOf, complete, listed };
}

describe('[J221] a file in parts', () => {
  it('has its parts in the order that completes it, exists from then on, and leaves no part behind', async () => {
    const { tenantId, store, files, begin, partOf, complete, listed } = world();
    const id = await begin(9);
    const [c, a, b] = [await partOf(id, 'ccc'), await partOf(id, 'aaa'), await partOf(id, 'bbb')];
    expect(await listed()).toEqual([]);
    const done = await complete(id, [a, b, c], '0A4a7d');
    expect(done).toMatchObject({ error: { code: 'invalid_value', path: ['md5'] } });
    const md5 = createHash('md5').update('aaabbbccc').digest('hex').toUpperCase();
    const completed = await complete(id, [a, b, c], md5);
    expect(completed).toMatchObject({
      ok: true,
      value: { status: 'completed', file: { bytes: 9, filename: 'in.jsonl', purpose: 'batch' } },
    });
    const [file] = await listed();
    expect(await files.read(tenantId, file!)).toEqual(ok('aaabbbccc'));
    // The file, the record of the upload, and its end.
    expect([store.countOf(tenantId), store.contentCount]).toEqual([3, 0]);
  });

  it('is completed once: a repetition answers the same, and other parts are refused', async () => {
    const { begin, partOf, complete, uploads, acting, listed, add } = world();
    const id = await begin(2);
    const [a, b] = [await partOf(id, 'a'), await partOf(id, 'b')];
    const [one, two] = await Promise.all([complete(id, [a, b]), complete(id, [b, a])]);
    const [won, lost] = one.ok ? [one, two] : [two, one];
    expect(won).toMatchObject({ ok: true, value: { status: 'completed' } });
    expect(lost).toMatchObject({ error: { code: 'state_conflict' } });
    expect(await complete(id, one.ok ? [a, b] : [b, a])).toEqual(won);
    expect(await uploads.cancel(acting, id)).toMatchObject({ error: { code: 'state_conflict' } });
    expect(await add(id, 'c')).toMatchObject({ error: { code: 'state_conflict' } });
    expect(await listed()).toHaveLength(1);
  });

  it('is completed or cancelled, never both', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { begin, partOf, complete, uploads, acting, listed } = world();
      const id = await begin(1);
      const part = await partOf(id, 'a');
      const calls = [() => complete(id, [part]), () => uploads.cancel(acting, id)];
      const [one, two] = await Promise.all((round % 2 === 0 ? calls : calls.toReversed()).map((call) => call()));
      expect([one, two].filter((outcome) => outcome?.ok === true)).toHaveLength(1);
      const found = await uploads.find(acting.principal.tenantId, id);
      expect(await listed()).toHaveLength(found.ok && found.value.status === 'completed' ? 1 : 0);
    }
  });

  it('that is cancelled while it is put together is no file', async () => {
    const { begin, partOf, complete, uploads, acting, store, listed } = world();
    const id = await begin(1);
    const part = await partOf(id, 'a');
    const pieces = store.pieces.bind(store);
    Object.assign(store, {
      pieces: async function* cancelled(...of: Parameters<typeof pieces>) {
        expect(await uploads.cancel(acting, id)).toMatchObject({ ok: true });
        yield* pieces(...of);
      },
    });
    expect(await complete(id, [part])).toMatchObject({ error: { code: 'state_conflict' } });
    expect([await listed(), store.contentCount]).toEqual([[], 0]);
  });

  it('that is completed while it is cancelled stays a file', async () => {
    const { begin, partOf, complete, uploads, acting, listed } = world();
    const id = await begin(1);
    const part = await partOf(id, 'a');
    let isFirst = true;
    const lease = async () => {
      // Right before the end is written.
      if (isFirst) {
        isFirst = false;
        expect(await complete(id, [part])).toMatchObject({ ok: true });
      }
      return IN_FORCE.lease();
    };
    expect(await uploads.cancel({ ...acting, authority: { lease } }, id)).toMatchObject({ error: { code: 'state_conflict' } });
    expect(await listed()).toHaveLength(1);
  });

  it('goes on where a completion was cut off after its end was written', async () => {
    const { tenantId, store, begin, partOf, complete, listed } = world();
    const id = await begin(1);
    const part = await partOf(id, 'a');
    const create = store.create.bind(store);
    let isCut = true;
    Object.assign(store, {
      create: async (...[tenant, file, content]: Parameters<typeof create>) => {
        if (isCut && file.id.startsWith('file_')) throw new Error('cut off');
        return create(tenant, file, content);
      },
    });
    await expect(complete(id, [part])).rejects.toThrow('cut off');
    isCut = false;
    expect(await complete(id, [part])).toMatchObject({ ok: true, value: { file: { bytes: 1 } } });
    expect(await listed()).toHaveLength(1);
    await store.delete(tenantId, (await listed())[0]!);
    expect(await complete(id, [part]), 'a file that was deleted is not made again').toMatchObject({ ok: false });
  });

  it('is refused for parts that are missing, foreign, repeated, or come to another length', async () => {
    const { begin, partOf, complete } = world();
    const [id, other] = [await begin(3), await begin(1)];
    const [a, foreign] = [await partOf(id, 'ab'), await partOf(other, 'x')];
    const at = (path: readonly (string | number)[]) => ({ error: { code: 'invalid_value', path } });
    expect(await complete(id, [a])).toMatchObject(at(['part_ids']));
    expect(await complete(id, [a, foreign])).toMatchObject(at(['part_ids', 1]));
    expect(await complete(id, [a, a])).toMatchObject(at(['part_ids', 1]));
    const b = await partOf(id, 'c');
    expect(await complete(id, [a, b])).toMatchObject({ ok: true });
  });

  it('is gone with its parts when it has expired, and its file is not', async () => {
    const { tenantId, clock, store, files, begin, partOf, complete, add, listed } = world();
    const [pending, done] = [await begin(2), await begin(1)];
    const part = await partOf(pending, 'a');
    await complete(done, [await partOf(done, 'x')]);
    clock.ms += FILE_LIMITS.uploadLifeMs;
    expect(await add(pending, 'b')).toMatchObject({ error: { code: 'file_not_found' } });
    expect(await complete(pending, [part])).toMatchObject({ error: { code: 'file_not_found' } });
    await files.sweep(tenantId);
    expect([store.countOf(tenantId), await listed()]).toEqual([1, [done.replace('upload', 'file')]]);
  });

  it('takes bounded parts, and so many', async () => {
    const { begin, add, uploads, acting } = world();
    const id = await begin(100);
    for (let n = 0; n < FILE_LIMITS.uploadPartsMaxCount; n += 1) await add(id, 'x');
    expect(await add(id, 'x')).toMatchObject({ error: { code: 'limit_exceeded', limit: { name: 'uploadPartsMaxCount' } } });
    const large = await begin(100);
    const piece = new Uint8Array(FILE_LIMITS.uploadPartBytesMax);
    const refused = await uploads.addPart(
      acting,
      large,
      async (content) => {
        const first = await content.write(Uint8Array.of(1));
        return first.ok ? content.write(piece) : first;
      },
      undefined,
    );
    expect(refused).toMatchObject({ error: { code: 'limit_exceeded', path: ['data'], limit: { name: 'uploadPartBytesMax' } } });
  });

  it('[T60] is begun, and gets a part, once for an idempotency key', async () => {
    const { begin, add, uploads, acting } = world();
    const id = await begin(1, 'k');
    expect(await begin(1, 'k')).toBe(id);
    const changed = { filename: 'in.jsonl', purpose: 'batch', bytes: 2, mime_type: 'text/jsonl' } as const;
    expect(await uploads.create(acting, changed, 'k')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    const part = await add(id, 'a', 'p');
    expect(await add(id, 'a', 'p')).toEqual(part);
    expect(await add(id, 'b', 'p')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
  });

  it('is not read as a file, nor is what is stored of it', async () => {
    const { tenantId, files, begin, partOf } = world();
    const id = await begin(1);
    await partOf(id, 'a');
    expect((await files.list(tenantId, { limit: 10, purpose: 'upload_part' })).items).toEqual([]);
    expect(await files.find(tenantId, id.replace('upload', 'file') as FileId)).toMatchObject({ error: { code: 'file_not_found' } });
  });
});
