import { describe, expect, it } from 'vitest';

import { accepts } from '../../../../../src/ann/filter/accepts.ts';
import type { MetadataEdit } from '../../../../../src/ann/metadata-edit.ts';
import type { ShardDelete } from '../../../../../src/ann/shard-protocol.ts';
import type { Outcome } from '../../../../../src/contract/api/outcome.ts';
import type { DeleteBody } from '../../../../../src/contract/vectors/vectors.ts';
import type { FieldSpace } from '../../../../../src/gateway/vectors/field-space.ts';
import { ManifestCache } from '../../../../../src/gateway/indexes/manifest-cache.ts';
import { checkOwnEdit, checkOwnIds, checkOwnRows, ofOwnRows } from '../../../../../src/gateway/vectors/visible/own-rows.ts';
import type { VectorSpace } from '../../../../../src/gateway/vectors/vector-space.ts';
import { batchPaths } from '../../../../../src/gateway/vectors/vector-space.ts';
import { Vectors } from '../../../../../src/gateway/vectors/vectors.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { indexShards } from '../../../../support/fakes/index-shards.ts';
import { servedRows } from '../../../../support/fakes/served-rows.ts';
import { principal } from '../../../../support/worlds/memory-cache-world.ts';
import { chunkRow } from '../../../../support/worlds/served-search-world.ts';

const CHUNK = chunkRow('guides/locks.md', 7, 1);

const refused = (outcome: Outcome<unknown>) => (outcome.ok ? 'ok' : [outcome.error.code, outcome.error.path]);

describe("[DC98] callers' own rows", () => {
  const checked = (row: object) => refused(checkOwnRows([{ id: 'a' }, { id: 'b', ...row }], batchPaths));

  it('have no ids of chunks, and none of their metadata', () => {
    expect(checked({ id: CHUNK.id })).toEqual(['invalid_value', ['vectors', 1, 'id']]);
    expect(checked({ metadata: '{"a":1,"$labels":["x"]}' })).toEqual(['invalid_value', ['vectors', 1, 'metadata', '$labels']]);
    expect(checked({ metadata: '{"$document":null}' })).toEqual(['invalid_value', ['vectors', 1, 'metadata', '$document']]);
    for (const id of ['guides#1', `#${'0'.repeat(32)}.1`, `d#${'0'.repeat(31)}.1`, `d#${'0'.repeat(32)}`])
      expect(checked({ id })).toBe('ok');
    expect(checked({ metadata: '{"a":{"$labels":1},"of":"$document"}' })).toBe('ok');
  });

  it('are not made rows of documents by changes, nor these changed', () => {
    const edits: [MetadataEdit, unknown][] = [
      [{ kind: 'set', at: [], fields: '{"$labels":[]}' }, ['invalid_value', ['set', '$labels']]],
      [{ kind: 'set', at: ['$labels', 0], fields: '{"a":1}' }, ['invalid_value', ['at']]],
      [{ kind: 'set', at: ['a'], fields: '{"$labels":[]}' }, 'ok'],
      [{ kind: 'unset', paths: [['a'], ['$labels', null]] }, ['invalid_value', ['unset', 1]]],
      [{ kind: 'unset', paths: [['a', '$labels']] }, 'ok'],
      [{ kind: 'replace', metadata: '{"$document":{}}' }, ['invalid_value', ['replace', '$document']]],
      [{ kind: 'replace', metadata: null }, 'ok'],
    ];
    for (const [edit, expected] of edits) expect(refused(checkOwnEdit(edit))).toEqual(expected);
    expect(refused(checkOwnIds(['a', CHUNK.id], (at) => ['ids', at]))).toEqual(['invalid_value', ['ids', 1]]);
    const all = ofOwnRows({ kind: 'and', of: [] });
    expect(
      [CHUNK, { id: 'a', metadata: null }, { id: 'b', metadata: { a: 1 } }].map(({ id, metadata }) => accepts(all, metadata, id)),
    ).toEqual([false, true, true]);
  });
});

describe('[DC98] deleting vectors', () => {
  /** An index with one document, or none. */
  function world(documents: readonly string[]) {
    const deleted: ShardDelete['selection'][] = [];
    const shards = indexShards({
      delete: async (_: unknown, { selection }: ShardDelete) => {
        deleted.push(selection);
        return ok({ count: 1, lsn: 1, next: null });
      },
    });
    const vectors = new Vectors({
      manifests: new ManifestCache({ describe: async () => ok({ id: 'ix_1', name: 'notes' } as IndexManifest) } as never, {
        nowMs: () => 0,
      }),
      shards,
      space: {} as VectorSpace,
      fields: {} as FieldSpace,
      served: servedRows({ owners: async () => ok(documents), count: async () => ok(documents.length) }),
    });
    const caller = { principal: principal('tn_one'), authority: IN_FORCE };
    const remove = async (body: Partial<DeleteBody>) => refused(await vectors.delete(caller, 'notes', { namespace: '', ...body }));
    return { remove, deleted, vectors, caller };
  }

  it('leaves those of documents, and is refused where they are named', async () => {
    const { remove, deleted } = world(['guides/locks.md']);
    expect(await remove({ ids: ['a', CHUNK.id] })).toEqual(['state_conflict', ['ids', 1]]);
    expect(await remove({ all: true })).toEqual(['state_conflict', ['all']]);
    expect(deleted).toEqual([]);
    expect(await remove({ ids: ['a'] })).toBe('ok');
    const filter = { kind: 'ids', ids: ['a'] } as const;
    expect(await remove({ filter })).toBe('ok');
    expect(deleted).toMatchObject([{ ids: ['a'] }, { filter: ofOwnRows(filter) }]);
  });

  it('takes rows with such ids that are of no document, and what the documents themselves give up', async () => {
    const without = world([]);
    expect(await without.remove({ ids: [CHUNK.id] })).toBe('ok');
    expect(await without.remove({ all: true })).toBe('ok');
    const { vectors, caller, deleted } = world(['guides/locks.md']);
    await vectors.deleteChunks(caller, 'notes', '', [CHUNK.id]);
    expect(deleted).toMatchObject([{ kind: 'ids', ids: [CHUNK.id] }]);
  });
});
