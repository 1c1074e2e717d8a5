import { describe, expect, it } from 'vitest';
import { FILE_LIMITS } from '../../../../src/contract/files/file-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { keySpent } from '../../../../src/contract/api/spent-key.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { FileCatalogue } from '../../../../src/gateway/files/file-catalogue.ts';
import type { StoredFile } from '../../../../src/gateway/files/file-store.ts';
import { FileEraser } from '../../../../src/gateway/files/file-eraser.ts';
import { FileWriter } from '../../../../src/gateway/files/file-writer.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { FileId, TenantId } from '../../../../src/kernel/ids.ts';
import { idsOf, ManualClock } from '../../../support/fakes/tenancy.ts';
import { actingFor, IN_FORCE } from '../../../support/fakes/in-force.ts';
import { MemoryFileStore } from '../../../support/fakes/memory-file-store.ts';

const MINE = 'tn_0000000001_00000001' as TenantId;
const OTHERS = 'tn_0000000001_00000002' as TenantId;
const output = (fence: number) => `file_${'z'.repeat(26)}_${fence}` as FileId;

const principal = (tenantId: TenantId, number = 1): TenantPrincipal => {
  const { id: keyId, organisationId, projectId } = idsOf(number);
  return { kind: 'tenant', organisationId, tenantId, projectId, keyId, owner: 'team', scopes: ['files'] };
};

function world() {
  const clock = new ManualClock(5_000);
  const store = new MemoryFileStore(() => clock.nowMs());
  const accepted = new Set<FileId>();
  const gone = new Map<FileId, string>();
  let random = 1;
  const files = new FileCatalogue({
    store,
    writer: new FileWriter({ store, clock }),
    eraser: new FileEraser({ store, clock }),
    spent: {
      spend: async (_, id, digest) => (gone.set(id, digest), ok(null)),
      admit: async (_, id) => (gone.has(id) ? keySpent({ id, endedAtMs: 1 }, 'was deleted') : ok(null)),
    },
    queue: { acceptedOutputs: async (tenantId, ids) => (tenantId === MINE ? ids.filter((id) => accepted.has(id)) : []) },
    clock,
    rng: { bytes: (count) => Uint8Array.from({ length: count }, () => (random = (random * 48_271) % 2_147_483_647) >> 8) },
    hmac: new Hmac('pepper'),
  });
  const upload = (
    content: string,
    key?: string,
    filename = 'in.jsonl',
    by = principal(MINE),
    authority = IN_FORCE,
    lifeMs: number | null = null,
  ) =>
    files.upload(
      { principal: by, authority },
      async (sink) => {
        const written = await sink.write(new TextEncoder().encode(content));
        return written.ok ? ok({ filename, purpose: 'batch', owner: 'team', lifeMs }) : written;
      },
      key,
    );
  const store_ = (id: FileId) =>
    store.create(
      MINE,
      { id, filename: 'out', purpose: 'batch_output', owner: 'team', digest: '', createdAtMs: 1, expiresAtMs: null },
      `of ${id}`,
    );
  return { files, accepted, gone, clock, store, upload, storeOutput: store_ };
}

const idOf = (outcome: Awaited<ReturnType<ReturnType<typeof world>['upload']>>): FileId => {
  expect(outcome).toMatchObject({ ok: true });
  return (outcome as { value: StoredFile }).value.id;
};

describe('files', () => {
  it('[J16] are visible to their tenant only', async () => {
    const { files, upload } = world();
    const id = idOf(await upload('abc'));
    expect(await files.read(MINE, id)).toEqual({ ok: true, value: 'abc' });
    for (const outcome of [await files.find(OTHERS, id), await files.read(OTHERS, id), await files.delete(actingFor(OTHERS), id)]) {
      expect(outcome).toMatchObject({ ok: false, error: { code: 'file_not_found' } });
    }
    expect(await files.list(OTHERS, { limit: 10 })).toEqual({ items: [], hasMore: false });
    expect(await files.delete(actingFor(MINE), id)).toEqual({ ok: true, value: null });
    expect(await files.find(MINE, id)).toMatchObject({ ok: false, error: { code: 'file_not_found' } });
  });

  it('[J17] [T60] are created once for an idempotency key and caller, separately for each tenant', async () => {
    const { files, upload } = world();
    const id = idOf(await upload('abc', 'k'));
    expect(idOf(await upload('abc', 'k'))).toBe(id);
    expect(await upload('abd', 'k')).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch' } });
    expect(await upload('abc', 'k', 'other.jsonl')).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch' } });
    expect(await upload('abc', 'k', 'in.jsonl', principal(MINE, 2))).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    expect(await files.read(MINE, id)).toEqual({ ok: true, value: 'abc' });
    expect(idOf(await upload('abc', 'k', 'in.jsonl', principal(OTHERS)))).not.toBe(id);
    expect(idOf(await upload('abc'))).not.toBe(idOf(await upload('abc')));
  });

  it('[T78] are not uploaded again under a key whose file was deleted, even by a concurrent try', async () => {
    const { files, gone, store, upload } = world();
    const id = idOf(await upload('abc', 'k'));
    expect(await files.delete(actingFor(MINE), id)).toEqual({ ok: true, value: null });
    expect(await upload('abc', 'k')).toMatchObject({ error: { code: 'idempotency_key_spent', spent: { id } } });
    expect((await files.list(MINE, { limit: 10 })).items).toEqual([]);
    // Without a key, deletions are not recorded.
    const other = idOf(await upload('abc'));
    await files.delete(actingFor(MINE), other);
    expect([...gone.keys()]).toEqual([id]);
    // Another attempt stores the file and it is deleted, just before this one writes.
    const late = { lease: async () => (gone.set(lateId, ''), IN_FORCE.lease()) };
    const lateId = idOf(await upload('abc', 'late'));
    await store.delete(MINE, lateId);
    expect(await upload('abc', 'late', 'in.jsonl', principal(MINE), late)).toMatchObject({ error: { code: 'idempotency_key_spent' } });
    expect((await files.list(MINE, { limit: 10 })).items).toEqual([]);
  });

  it('[T78] that still exist are returned to a repetition, although their deletion has begun', async () => {
    const { files, gone, clock, upload } = world();
    const id = idOf(await upload('abc', 'k'));
    gone.set(id, '');
    clock.ms += 1;
    expect(idOf(await upload('abc', 'k'))).toBe(id);
    expect((await files.list(MINE, { limit: 10 })).items).toHaveLength(1);
  });

  it('[J18] of an attempt appear when its completion is accepted; those of other attempts never do', async () => {
    const { files, accepted, upload, storeOutput } = world();
    const uploaded = idOf(await upload('abc'));
    await storeOutput(output(1));
    await storeOutput(output(2));
    const visible = async () => (await files.list(MINE, { limit: 10 })).items.map(({ id }) => id);
    expect(await visible()).toEqual([uploaded]);
    expect(await files.read(MINE, output(2))).toMatchObject({ ok: false, error: { code: 'file_not_found' } });
    accepted.add(output(2));
    expect(await visible()).toEqual([uploaded, output(2)].sort());
    expect(await files.read(MINE, output(2))).toEqual({ ok: true, value: `of ${output(2)}` });
    expect(await files.find(MINE, output(1))).toMatchObject({ ok: false, error: { code: 'file_not_found' } });
    expect(await files.delete(actingFor(MINE), output(1))).toMatchObject({ ok: false });
  });

  it('[J19] are listed in pages, each file once, hidden ones skipped', async () => {
    const { files, upload, storeOutput } = world();
    const ids: FileId[] = [];
    for (let n = 0; n < 7; n++) ids.push(idOf(await upload(`${n}`)));
    for (let fence = 1; fence < 6; fence++) await storeOutput(output(fence));
    const seen: FileId[] = [];
    for (let after: string | undefined, more = true; more; after = seen.at(-1)) {
      const page = await files.list(MINE, { limit: 3, after });
      expect(page.items.length).toBeGreaterThan(0);
      seen.push(...page.items.map(({ id }) => id));
      more = page.hasMore;
    }
    expect(seen).toEqual(ids.sort());
  });

  it('[T54] are removed when stored after their key had ended, and not when stored by an earlier request', async () => {
    const { files, upload } = world();
    const lease = () => {
      let asked = 0;
      const ended = { endsAtMs: 4_999 };
      return { lease: async () => ((asked += 1) === 1 ? ok(ended) : refuse('invalid_api_key', 'the API key is not valid')) };
    };
    const late = (key?: string) => upload('abc', key, 'in.jsonl', principal(MINE), lease());
    expect(await late()).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect(await late('k')).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect((await files.list(MINE, { limit: 10 })).items).toEqual([]);
    const kept = idOf(await upload('abc', 'k'));
    expect((await files.list(MINE, { limit: 10 })).items.map(({ id }) => id)).toEqual([kept]);
  });

  it('[T53] are not deleted by a key that has ended since the call was admitted', async () => {
    const { files, upload } = world();
    const id = idOf(await upload('abc'));
    const ended = { lease: async () => refuse('invalid_api_key', 'the API key is not valid') };
    expect(await files.delete({ ...actingFor(MINE), authority: ended }, id)).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect(await files.read(MINE, id)).toEqual({ ok: true, value: 'abc' });
  });

  it('[J150] that have expired are absent at once, and are swept with what remembers their keys', async () => {
    const { files, clock, store, gone, upload } = world();
    const kept = idOf(await upload('kept'));
    const brief = idOf(await upload('abc', undefined, 'in.jsonl', principal(MINE), IN_FORCE, 60_000));
    const keyed = idOf(await upload('abd', 'k', 'in.jsonl', principal(MINE), IN_FORCE, 60_000));
    expect(await files.find(MINE, brief)).toMatchObject({ value: { expiresAtMs: 65_000 } });
    clock.ms += 59_999;
    await files.sweep(MINE);
    expect(await files.read(MINE, brief)).toEqual({ ok: true, value: 'abc' });
    clock.ms += 1;
    for (const outcome of [await files.find(MINE, brief), await files.read(MINE, brief), await files.delete(actingFor(MINE), brief)]) {
      expect(outcome).toMatchObject({ ok: false, error: { code: 'file_not_found' } });
    }
    expect((await files.list(MINE, { limit: 10 })).items.map(({ id }) => id)).toEqual([kept]);
    expect(store.countOf(MINE)).toBe(3);
    await files.sweep(MINE);
    expect(store.countOf(MINE)).toBe(1);
    expect([...gone.keys()]).toEqual([keyed]);
  });

  it('[J150] [T78] that have expired are not made again under their key, swept or not', async () => {
    const { files, clock, store, upload } = world();
    const again = () => upload('abc', 'k', 'in.jsonl', principal(MINE), IN_FORCE, 60_000);
    const id = idOf(await again());
    expect(await upload('abc', 'k', 'in.jsonl', principal(MINE), IN_FORCE, 61_000)).toMatchObject({
      error: { code: 'idempotency_mismatch' },
    });
    clock.ms += 60_000;
    expect(await again()).toMatchObject({ error: { code: 'idempotency_key_spent', spent: { id } } });
    expect(store.countOf(MINE)).toBe(0);
    await files.sweep(MINE);
    expect(await again()).toMatchObject({ error: { code: 'idempotency_key_spent', spent: { id } } });
  });

  it('[J150] are swept wherever they lie among the others, a bounded number at a time', async () => {
    const { files, clock, store, upload } = world();
    for (let n = 0; n < FILE_LIMITS.filesSweptMaxCount; n += 1) await upload(`${n}`);
    for (let n = 0; n < 20; n += 1) await upload(`brief ${n}`, undefined, 'in.jsonl', principal(MINE), IN_FORCE, 1_000);
    clock.ms += 1_000;
    const left = [store.countOf(MINE)];
    while (left.at(-1)! > FILE_LIMITS.filesSweptMaxCount && left.length < 200) {
      await files.sweep(MINE);
      left.push(store.countOf(MINE));
    }
    expect(left.at(-1)).toBe(FILE_LIMITS.filesSweptMaxCount);
  });

  it('[J278] are sorted by when they were made, in both orders, page by page', async () => {
    const { files, clock, upload } = world();
    const ids: FileId[] = [];
    for (let n = 0; n < 5; n += 1) {
      clock.ms += 1;
      ids.push(idOf(await upload(`${n}`)));
    }
    const sorted = async (order: 'asc' | 'desc', after?: string) => {
      const page = await files.sorted(MINE, { order, limit: 2, after });
      return page.ok ? [page.value.items.map(({ id }) => id), page.value.hasMore] : page.error.code;
    };
    expect(await sorted('asc')).toEqual([ids.slice(0, 2), true]);
    expect(await sorted('desc')).toEqual([[ids[4], ids[3]], true]);
    expect(await sorted('desc', ids[1])).toEqual([[ids[0]], false]);
    expect(await sorted('asc', 'file_none')).toBe('file_not_found');
  });

  it('[J19] are listed by purpose, however many others lie between', async () => {
    const { files, accepted, upload, storeOutput } = world();
    for (let n = 0; n < 5; n += 1) await upload(`${n}`);
    for (const fence of [1, 2, 3]) {
      await storeOutput(output(fence));
      accepted.add(output(fence));
    }
    const first = await files.list(MINE, { limit: 2, purpose: 'batch_output' });
    expect([first.items.map(({ id }) => id), first.hasMore]).toEqual([[output(1), output(2)], true]);
    const rest = await files.list(MINE, { limit: 2, purpose: 'batch_output', after: output(2) });
    expect([rest.items.map(({ id }) => id), rest.hasMore]).toEqual([[output(3)], false]);
    expect(await files.list(MINE, { limit: 2, purpose: 'vision' })).toEqual({ items: [], hasMore: false });
  });

  it('[J20] have bounded sizes and names', async () => {
    const { files, store, upload } = world();
    // Content that is only counted: the limit is half a gigabyte.
    const open = store.open.bind(store);
    Object.assign(store, { open: async (...to: Parameters<typeof open>) => ({ ...(await open(...to)), write: async () => ok(null) }) });
    const piece = new Uint8Array(1024 * 1024);
    const upTo = (bytes: number) =>
      files.upload(
        { principal: principal(MINE), authority: IN_FORCE },
        async (sink) => {
          for (let left = bytes; left > 0; left -= piece.length) {
            const written = await sink.write(piece.subarray(0, left));
            if (!written.ok) return written;
          }
          return ok({ filename: 'a', purpose: 'batch', owner: 'team', lifeMs: null });
        },
        undefined,
      );
    expect(await upTo(FILE_LIMITS.fileBytesMax)).toMatchObject({ ok: true });
    const refused = await upTo(FILE_LIMITS.fileBytesMax + 1);
    expect(refused).toMatchObject({ ok: false, error: { code: 'limit_exceeded', path: ['file'], limit: { name: 'fileBytesMax' } } });
    expect(await upload('', undefined, 'n'.repeat(FILE_LIMITS.fileNameCharsMax + 1))).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded' },
    });
    expect(store.contentCount).toBe(0);
  });

  it('[J220] that are cut off, refused or beaten by another leave nothing of their content', async () => {
    const { files, store, upload } = world();
    const received = (receive: () => Promise<never>, key?: string) =>
      files.upload(
        { principal: principal(MINE), authority: IN_FORCE },
        async (sink) => {
          await sink.write(Uint8Array.of(1, 2, 3));
          expect(store.contentCount).toBe(1);
          return receive();
        },
        key,
      );
    await expect(received(() => Promise.reject(new Error('cut off')))).rejects.toThrow('cut off');
    expect(await received(async () => refuse('invalid_value', 'no form') as never)).toMatchObject({ error: { code: 'invalid_value' } });
    await upload('abc', 'k');
    expect(await upload('abd', 'k')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    expect([store.contentCount, store.countOf(MINE)]).toEqual([0, 1]);
    expect(await store.announced(MINE, 10)).toEqual({ announced: [] });
  });

  it('[J220] of dead writers are swept, and never what became a file', async () => {
    const { files, clock, store, upload } = world();
    const id = idOf(await upload('abc'));
    await store.announce(MINE, id);
    const content = await store.open(MINE, id, () => IN_FORCE.lease());
    await content.write(Uint8Array.of(1));
    await files.sweep(MINE);
    expect(store.contentCount).toBe(1);
    clock.ms += FILE_LIMITS.fileWriteMaxMs + 1;
    await files.sweep(MINE);
    expect([store.contentCount, store.countOf(MINE)]).toEqual([0, 1]);
    expect(await store.announced(MINE, 10)).toEqual({ announced: [] });
  });
});
