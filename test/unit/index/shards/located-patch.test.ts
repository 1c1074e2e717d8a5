import { describe, expect, it } from 'vitest';

import { replyTooLarge } from '../../../../src/ann/shard/included-columns.ts';
import type { ShardFetch, UpsertBatch } from '../../../../src/ann/shard-protocol.ts';
import type { VectorEdit } from '../../../../src/ann/vector-edit.ts';
import type { Filter } from '../../../../src/contract/vectors/filter.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { LocatedListing } from '../../../../src/index/shards/located-listing.ts';
import { LocatedPatch } from '../../../../src/index/shards/located-patch.ts';
import type { LocatedReads } from '../../../../src/index/shards/located-reads.ts';
import type { LocatedWrites } from '../../../../src/index/shards/located-writes.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';

interface Row {
  values: number[];
  metadata: string | null;
  text: string | null;
  contents?: string | null;
  version: number;
}

const row = (values: number[], metadata: string | null = null, text: string | null = null): Row => ({ values, metadata, text, version: 7 });
const setTo = (fields: string): VectorEdit => ({ kind: 'set', at: [], fields });
const FILTER: Filter = { kind: 'ids', ids: ['b'] };

/** Vectors that others write before each of the first `overtakings` writes of a patch. */
function world(stored: Record<string, Row>, { dimensions = 2, overtakings = 0, refused = '', readsMax = Infinity } = {}) {
  const rows = new Map(Object.entries(stored));
  const asked: string[][] = [];
  const selections: Filter[] = [];
  let [lsn, left] = [10, overtakings];
  const reads = {
    fetch: async (_: unknown, { ids }: ShardFetch) => {
      asked.push([...ids]);
      if (refused === 'fetch') return refuse('unavailable', 'no answer');
      if (ids.length > readsMax) return replyTooLarge();
      const found = ids.filter((id) => rows.has(id));
      const all = found.map((id) => rows.get(id)!);
      const values = Float32Array.from(all.flatMap((each) => each.values));
      const [metadata, texts] = [all.map((each) => each.metadata), all.map(({ text }) => text)];
      const contents = all.map((each) => each.contents ?? null);
      return ok({ ids: found, values, metadata, texts, contents, versions: all.map(({ version }) => version), lsn });
    },
  };
  const listing = {
    selected: async (_: unknown, { filter }: { filter: Filter }) => {
      selections.push(filter);
      return refused === 'selected' ? refuse('unavailable', 'no answer') : ok({ ids: new Set(['b']), lsn });
    },
  };
  const writes = {
    replace: async (_: unknown, { ids, values, metadata, texts, contents = [] }: UpsertBatch, expected: readonly number[]) => {
      if (refused === 'replace') return refuse('unavailable', 'no answer');
      if (left > 0) {
        left -= 1;
        const first = rows.get(ids[0] ?? '')!;
        rows.set(ids[0] ?? '', { ...first, version: first.version + 1 });
      }
      lsn += 1;
      const overtaken = ids.filter((id, i) => rows.get(id)?.version !== expected[i]);
      for (const [i, id] of ids.entries()) {
        if (overtaken.includes(id)) continue;
        const written = [...values.subarray(i * dimensions, (i + 1) * dimensions)];
        const held = (contents[i] ?? null) === null ? {} : { contents: contents[i] ?? null };
        rows.set(id, { values: written, metadata: metadata[i] ?? null, text: texts[i] ?? null, version: lsn, ...held });
      }
      return ok({ count: ids.length - overtaken.length, lsn, overtaken });
    },
  };
  const patches = new LocatedPatch(
    reads as unknown as LocatedReads,
    listing as unknown as LocatedListing,
    writes as unknown as LocatedWrites,
  );
  const manifest = { id: 'ix_1' as IndexId, dimensions } as IndexManifest;
  const patch = (ids: readonly string[], edit: VectorEdit, filter: Filter | null = null) =>
    patches.patch(manifest, { indexId: manifest.id, namespace: 'n', ids, filter, edit }, null);
  return { rows, asked, selections, patch };
}

describe('[Q62] changing vectors of an index of several shards', () => {
  it('changes the metadata of those that there are, keeps their values and texts, and names the others', async () => {
    const { rows, patch } = world({ a: row([1, 2], '{"k":1}', 'one'), b: row([3, 4]) });
    expect(await patch(['b', 'gone', 'a'], setTo('{"n":2}'))).toEqual(ok({ count: 2, lsn: 11, taken: 3, missing: ['gone'] }));
    expect(rows.get('a')).toEqual({ values: [1, 2], metadata: '{"k":1,"n":2}', text: 'one', version: 11 });
    expect(rows.get('b')).toEqual({ values: [3, 4], metadata: '{"n":2}', text: null, version: 11 });
  });

  it('gives each id its own new values, keeps its metadata, and takes its text', async () => {
    const { rows, patch } = world({ a: row([1, 2], '{"k":1}', 'one'), b: row([3, 4]) });
    const values = Float32Array.of(30, 40, 0, 0, 10, 20);
    expect(await patch(['b', 'gone', 'a'], { kind: 'values', values })).toMatchObject({ ok: true, value: { count: 2, missing: ['gone'] } });
    expect([rows.get('a'), rows.get('b')]).toMatchObject([
      { values: [10, 20], metadata: '{"k":1}', text: null },
      { values: [30, 40], metadata: null },
    ]);
  });

  it('changes only what its filter accepts, and writes nothing where that is nothing', async () => {
    const { rows, selections, patch } = world({ a: row([1, 2]), b: row([3, 4]) });
    expect(await patch(['a', 'b'], setTo('{"n":2}'), FILTER)).toEqual(ok({ count: 1, lsn: 11, taken: 2, missing: [] }));
    expect(selections).toEqual([{ kind: 'and', of: [{ kind: 'ids', ids: ['a', 'b'] }, FILTER] }]);
    expect(rows.get('a')?.metadata).toBeNull();
    expect(await patch(['a'], setTo('{"n":3}'), FILTER)).toEqual(ok({ count: 0, lsn: 11, taken: 1, missing: [] }));
    expect(rows.get('a')?.version).toBe(7);
  });

  it('reads again what others wrote meanwhile, and only that, a bounded number of times', async () => {
    const once = world({ a: row([1, 2]), b: row([3, 4]) }, { overtakings: 1 });
    expect(await once.patch(['a', 'b'], setTo('{"n":2}'))).toEqual(ok({ count: 2, lsn: 12, taken: 2, missing: [] }));
    expect(once.asked).toEqual([['a', 'b'], ['a']]);
    const always = world({ a: row([1, 2]) }, { overtakings: 1_000 });
    expect(await always.patch(['a'], setTo('{"n":2}'))).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    expect(always.asked).toHaveLength(8);
  });

  it('takes no more ids at once than a slice may have, by their number and by their components', async () => {
    const ids = Array.from({ length: 1_500 }, (_, i) => `v${i}`);
    expect(await world({}).patch(ids, setTo('{}'))).toMatchObject({ value: { taken: VECTOR_LIMITS.patchSliceMaxCount } });
    expect(await world({}, { dimensions: 4_000 }).patch(ids, setTo('{}'))).toMatchObject({
      value: { taken: VECTOR_LIMITS.patchSliceFloatsMaxCount / 4_000 },
    });
    const widest = world({}, { dimensions: 2 * VECTOR_LIMITS.patchSliceFloatsMaxCount });
    expect(await widest.patch(ids, setTo('{}'))).toMatchObject({ value: { taken: 1 } });
  });

  it('[TX220] takes no more ids than what is read of them, or what they become, may be held at once', async () => {
    const ids = Array.from({ length: 100 }, (_, i) => `v${i}`);
    const stored = Object.fromEntries(ids.map((id) => [id, row([1, 2])]));
    expect(await world(stored, { readsMax: 30 }).patch(ids, setTo('{"n":1}'))).toMatchObject({ value: { taken: 25, count: 25 } });
    const large = `{"title":"${'x'.repeat(VECTOR_LIMITS.upsertSliceBytesMax / 20)}"}`;
    const change = { set: large, unset: [] };
    expect(await world(stored).patch(ids, { kind: 'fields', ...change })).toMatchObject({ value: { taken: 9, count: 9 } });
    const edits = ids.map((_, i) => (i < 50 ? { set: '{}', unset: ['title'] } : change));
    expect(await world(stored).patch(ids, { kind: 'each_fields', edits })).toMatchObject({ value: { taken: 59, count: 59 } });
  });

  it('[TX219] gives each id its own change of fields, whichever are there', async () => {
    const { rows, patch } = world({ a: row([1, 2]), c: { ...row([3, 4]), contents: '{"title":"old"}' } });
    const edits = [
      { set: '{"title":"c"}', unset: [] },
      { set: '{"title":"b"}', unset: [] },
      { set: '{"title":"a"}', unset: [] },
    ];
    expect(await patch(['c', 'b', 'a'], { kind: 'each_fields', edits })).toMatchObject({ value: { count: 2, missing: ['b'] } });
    expect([rows.get('a')?.contents, rows.get('c')?.contents]).toEqual(['{"title":"a"}', '{"title":"c"}']);
  });

  it.each(['fetch', 'selected', 'replace'])('passes on what %s refuses, and what an edit does', async (refused) => {
    const { rows, patch } = world({ b: row([3, 4]) }, { refused });
    expect(await patch(['b'], setTo('{"n":2}'), FILTER)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    expect(rows.get('b')?.metadata).toBeNull();
    const large = `{"n":"${'x'.repeat(VECTOR_LIMITS.vectorMetadataBytesMax)}"}`;
    expect((await world({ b: row([3, 4]) }).patch(['b'], setTo(large))).ok).toBe(false);
  });

  it('[TX214] changes fields alone, on top of what others wrote, and writes nothing that is so already', async () => {
    const stored = { a: row([1, 2], '{"n":1}', 'words'), b: { ...row([3, 4]), contents: '{"terms":{"indices":[1],"values":[2]}}' } };
    const { rows, patch, asked } = world(stored, { overtakings: 1 });
    const edit = { kind: 'fields', set: '{"title":"red"}', unset: ['terms'] } as const;
    expect(await patch(['a', 'b', 'c'], edit)).toMatchObject({ ok: true, value: { count: 2, missing: ['c'] } });
    expect(rows.get('a')).toMatchObject({ values: [1, 2], metadata: '{"n":1}', text: 'words', contents: '{"title":"red"}' });
    expect(rows.get('b')).toMatchObject({ values: [3, 4], contents: '{"title":"red"}' });
    expect(asked).toEqual([['a', 'b', 'c'], ['a']]);
    const versions = () => [...rows.values()].map(({ version }) => version);
    const before = versions();
    expect(await patch(['a', 'b'], edit)).toMatchObject({ ok: true, value: { count: 2 } });
    expect(versions()).toEqual(before);
  });
});
