import { describe, expect, it } from 'vitest';

import type { ShardList, ShardPatch } from '../../../../src/ann/shard-protocol.ts';
import type { Filter } from '../../../../src/contract/vectors/filter.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import type { TextEmbedder } from '../../../../src/gateway/embeddings/text-embedder.ts';
import { VectorChanges } from '../../../../src/gateway/vectors/vector-changes.ts';
import { ofOwnRows } from '../../../../src/gateway/vectors/visible/own-rows.ts';
import { VectorListing } from '../../../../src/gateway/vectors/vector-listing.ts';
import { FieldSpace } from '../../../../src/gateway/vectors/field-space.ts';
import { VectorSpace } from '../../../../src/gateway/vectors/vector-space.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { indexShards } from '../../../support/fakes/index-shards.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const CALLER = { principal: principal('tn_one'), authority: IN_FORCE };
const EDIT = { kind: 'set', at: [], fields: '{"n":1}' } as const;
const FILTER: Filter = { kind: 'and', of: [] };
const ANY = { namespace: 'n', filter: null, start: null } as const;
const BARE = { values: false, metadata: false, text: false };

interface Options {
  readonly dimensions?: number;
  /** Of ids that a shard lists at once. */
  readonly listed?: number;
  /** The patch, or the listing, that is refused. */
  readonly failAt?: number;
  readonly metadata?: string;
}

/** An index with the ids `v000`, `v001` and so on, whose shard lists and patches in slices. */
function world(count: number, { dimensions = 2, listed = 1_000, failAt = Infinity, metadata }: Options = {}) {
  const ids = Array.from({ length: count }, (_, i) => `v${String(i).padStart(3, '0')}`);
  const patches: ShardPatch[] = [];
  const lists: ShardList[] = [];
  const reserved: number[] = [];
  const manifest = { id: 'ix_1' as IndexId, name: 'i', dimensions, metric: 'dot', embedding: null } as unknown as IndexManifest;
  const shards = indexShards({
    patch: async (_: unknown, patch: ShardPatch) => {
      if (patches.length === failAt) return refuse('unavailable', 'the shard is away');
      patches.push(patch);
      // A shard may take fewer than it is given.
      const taken = Math.min(patch.ids.length, 600);
      const missing = patch.ids.slice(0, taken).filter((id) => !ids.includes(id));
      return ok({ count: taken - missing.length, lsn: patches.length, taken, missing });
    },
    list: async (_: unknown, list: ShardList) => {
      if (lists.length === failAt) return refuse('unavailable', 'the shard is away');
      lists.push(list);
      const after = list.start === null ? ids : ids.filter((id) => id > list.start!.id);
      const page = after.slice(0, Math.min(listed, list.limit));
      const columns = { values: null, metadata: metadata === undefined ? null : page.map(() => metadata), texts: null };
      return ok({ ids: page, ...columns, lsn: 50, next: page.length < after.length ? page.at(-1)! : null });
    },
    count: async () => ok({ count, lsn: 50 }),
  });
  const manifests = new ManifestCache({ describe: async () => ok(manifest) } as never, { nowMs: () => 0 });
  const space = new VectorSpace({} as TextEmbedder);
  const reserve = async (more: number) => {
    reserved.push(more);
    return reserved.length > 2 && failAt === Infinity ? refuse('insufficient_quota', 'no more') : ok(undefined);
  };
  const changes = new VectorChanges({ manifests, shards, space, fields: new FieldSpace({} as TextEmbedder) });
  const newValues = (of: readonly string[], size = dimensions) =>
    of.map((id, i) => ({
      id,
      values: new Float32Array(size).fill(i),
      paths: { id: `vectors[${i}].id`, values: `vectors[${i}].values` } as never,
    }));
  return {
    ids,
    patches,
    lists,
    reserved,
    byIds: (some: readonly string[]) => changes.editMetadata(CALLER, 'i', { kind: 'ids', namespace: 'n', ids: some }, EDIT, reserve),
    byFilter: () => changes.editMetadata(CALLER, 'i', { kind: 'filter', namespace: 'n', filter: FILTER }, EDIT, reserve),
    setValues: (some: readonly string[], size?: number) => changes.setValues(CALLER, 'i', 'n', newValues(some, size)),
    listing: new VectorListing({ manifests, shards }),
  };
}

describe('[Q62] changes of stored vectors', () => {
  it('by their ids are reserved once for each, done in slices, and name what is missing', async () => {
    const { ids, patches, reserved, byIds } = world(700);
    expect(await byIds([...ids, 'gone', 'v001'])).toMatchObject({ ok: true, value: { count: 700, lsn: 2, missing: ['gone'] } });
    expect(reserved).toEqual([701]);
    expect(patches.map((patch) => [patch.ids.length, patch.filter, patch.namespace])).toEqual([
      [701, null, 'n'],
      [101, null, 'n'],
    ]);
  });

  it('by a filter are found page by page, reserved by page, and made only while accepted', async () => {
    const { patches, lists, reserved, byFilter } = world(5, { listed: 3 });
    expect(await byFilter()).toMatchObject({ ok: true, value: { count: 5, lsn: 2, missing: [] } });
    expect(lists.map(({ start }) => start)).toEqual([null, { id: 'v002', isIncluded: false }]);
    expect([reserved, patches.map(({ filter }) => filter)]).toEqual([
      [3, 2],
      [ofOwnRows(FILTER), ofOwnRows(FILTER)],
    ]);
    expect(await world(0).byFilter()).toMatchObject({ ok: true, value: { count: 0, lsn: 50 } });
  });

  it('say how many were made before one was refused: by a shard, in a listing or for a quota', async () => {
    expect(await world(5, { listed: 3 }).byFilter()).toMatchObject({ ok: true });
    const spent = await world(9, { listed: 3 }).byFilter();
    expect(spent).toMatchObject({ ok: false, error: { code: 'insufficient_quota', applied: 6 } });
    const cut = world(700, { failAt: 1 });
    expect(await cut.byIds(cut.ids)).toMatchObject({ ok: false, error: { code: 'unavailable', applied: 600 } });
    expect(await world(9, { listed: 3, failAt: 1 }).byFilter()).toMatchObject({ ok: false, error: { applied: 3 } });
    expect(await world(9, { failAt: 0 }).byFilter()).not.toHaveProperty('error.applied');
  });

  it('of values are checked first, and go in slices of so many components, each with its own', async () => {
    const dimensions = VECTOR_LIMITS.patchSliceFloatsMaxCount / 2;
    const { ids, patches, setValues } = world(3, { dimensions });
    expect(await setValues([...ids, 'gone'])).toMatchObject({ ok: true, value: { count: 3, missing: ['gone'] } });
    expect(patches.map((patch) => patch.ids)).toEqual([
      ['v000', 'v001'],
      ['v002', 'gone'],
    ]);
    const second = patches[1]?.edit;
    expect(second?.kind === 'values' && [second.values[0], second.values[dimensions]]).toEqual([2, 3]);
    const narrow = world(2);
    expect(await narrow.setValues(narrow.ids, 3)).toMatchObject({ ok: false, error: { code: 'dimension_mismatch' } });
    expect(narrow.patches).toEqual([]);
    const cut = world(700, { failAt: 1 });
    expect(await cut.setValues(cut.ids)).toMatchObject({ ok: false, error: { applied: 600 } });
    const many = world(700);
    expect(await many.setValues(many.ids)).toMatchObject({ ok: true, value: { count: 700 } });
    // A shard took 600 of them: the others go with values of their own.
    expect(many.patches.map(({ edit }) => edit.kind === 'values' && [edit.values[0], edit.values.length])).toEqual([
      [0, 1_400],
      [600, 200],
    ]);
  });
});

describe('a page of vectors', () => {
  it('is as long as asked for, from as many slices as it takes, and says what follows', async () => {
    const { lists, listing } = world(9, { listed: 2 });
    const page = await listing.list(CALLER.principal, 'i', { ...ANY, limit: 4, include: BARE });
    expect(page).toMatchObject({ ok: true, value: { ids: ['v000', 'v001', 'v002', 'v003'], following: 'v004', lsn: 50 } });
    expect(lists.map(({ limit }) => limit)).toEqual([5, 3, 1]);
    const last = await listing.list(CALLER.principal, 'i', { ...ANY, start: { id: 'v006', isIncluded: false }, limit: 4, include: BARE });
    expect(last).toMatchObject({ ok: true, value: { ids: ['v007', 'v008'], following: null } });
    expect(await listing.count(CALLER.principal, 'i', 'n', null)).toMatchObject({ ok: true, value: { count: 9, lsn: 50 } });
  });

  it('[V16] is refused if it has too many numbers, or bytes in all of its slices, and as its shards refuse', async () => {
    const wide = world(2, { dimensions: VECTOR_LIMITS.retrievalReplyFloatsMaxCount });
    const withValues = { ...ANY, limit: 2, include: { ...BARE, values: true } };
    expect(await wide.listing.list(CALLER.principal, 'i', withValues)).toMatchObject({ error: { code: 'limit_exceeded' } });
    const long = world(4, { listed: 1, metadata: 'x'.repeat(VECTOR_LIMITS.retrievalReplyBytesMax / 4) });
    const refused = await long.listing.list(CALLER.principal, 'i', { ...ANY, limit: 4, include: { ...BARE, metadata: true } });
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', message: expect.stringContaining('ask for fewer vectors') },
    });
    expect(long.lists).toHaveLength(2);
    const away = world(4, { failAt: 0 }).listing.list(CALLER.principal, 'i', { ...ANY, limit: 4, include: BARE });
    expect(await away).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  });
});
