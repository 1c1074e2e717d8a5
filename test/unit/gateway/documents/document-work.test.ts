import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { DOCUMENT_STORE_LIMITS } from '../../../../src/contract/documents/document-store-limits.ts';
import type { SourceSlice } from '../../../../src/gateway/documents/source-slices.ts';
import { sourceSlices } from '../../../../src/gateway/documents/source-slices.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import { ASKER, DocumentWorld } from '../../../support/worlds/document-world.ts';

const KEY = { namespace: '', id: 'guide.txt' };

/** So many paragraphs, each a chunk of its own. */
const paragraphs = (count: number, word = 'lock'): string[] =>
  Array.from({ length: count }, (_, at) => Array.from({ length: 12 }, (__, i) => `${word}${at}w${i}`).join(' '));

const textOf = (world: DocumentWorld): string[] =>
  world.store
    .visible('', [...world.index.keys()])
    .toSorted((a, b) => a.position - b.position)
    .map(({ rowId }) => world.index.get(rowId)?.text ?? '');

describe('work on documents', () => {
  it('[DC53] [DC70] a changed document embeds what has changed, and keeps the rows of the rest', async () => {
    const world = new DocumentWorld();
    const old = paragraphs(40);
    world.put(KEY.id, old.join('\n\n'));
    await world.settle();
    const rows = new Set(world.index.keys());
    expect(world.written.length).toBe(rows.size);
    world.put(KEY.id, [...old.slice(0, 20), 'a new one', ...old.slice(20)].join('\n\n'));
    await world.settle();
    const kept = [...world.index.keys()].filter((id) => rows.has(id));
    expect(kept.length).toBeGreaterThan(rows.size / 2);
    expect(world.written.length).toBe(rows.size + world.index.size - kept.length);
    expect(textOf(world).join(' ')).toContain('a new one');
    const { served } = world.store.find(KEY) ?? {};
    expect(served?.added).toBe(world.index.size - kept.length);
    expect(served?.chunks).toBe(world.index.size);
  });

  it('[DC53] [DC75] other metadata or labels make new rows with the vectors of the old', async () => {
    const world = new DocumentWorld();
    world.put(KEY.id, paragraphs(3).join('\n\n'), { labels: ['staff'] });
    await world.settle();
    const before = new Set(world.index.keys());
    world.put(KEY.id, paragraphs(3).join('\n\n'), { labels: ['board'], metadata: '{"lang":"en"}' });
    await world.settle();
    expect(world.written.slice(before.size).every(({ like }) => before.has(like ?? ''))).toBe(true);
    expect([...world.index.keys()].some((id) => before.has(id))).toBe(false);
    for (const row of world.index.values()) {
      const { $document, ...rest } = JSON.parse(row.metadata) as Record<string, unknown>;
      expect($document).toMatchObject({ id: KEY.id });
      expect(rest).toEqual({ lang: 'en', $labels: ['board'] });
    }
  });

  it('[DC52] [DC70] [DC72] a try that is interrupted is gone on with: nothing is embedded twice', async () => {
    const world = new DocumentWorld();
    const all = paragraphs(3 * DOCUMENT_STORE_LIMITS.documentSliceChunksMaxCount);
    // The counter, the file, two slices of rows; the second is in the index when the object ends.
    world.fates.push('done', 'done', 'done', 'crash-after');
    world.put(KEY.id, all.join('\n\n'));
    await world.settle();
    expect(textOf(world).join('\n\n')).toBe(all.join('\n\n'));
    // The slice of which the object did not know whether it was written, and no other.
    const again = world.written.length - new Set(world.written.map(({ id }) => id)).size;
    expect(again).toBe(DOCUMENT_STORE_LIMITS.documentSliceChunksMaxCount);
    expect(world.store.find(KEY)?.served?.number).toBeGreaterThan(2);
  });

  it('[DC71] chunks are written while the source is still coming, with turns for others between', async () => {
    const world = new DocumentWorld();
    const turns = new Set<number>();
    world.look = () => turns.add(world.store.find(KEY)?.next?.chunks ?? 0);
    world.put(KEY.id, paragraphs(8 * DOCUMENT_STORE_LIMITS.documentSliceChunksMaxCount).join('\n\n'));
    await world.settle();
    expect(turns.size).toBeGreaterThan(8);
  });

  it('[DC54] what is so already is not written again', async () => {
    const world = new DocumentWorld();
    world.put(KEY.id, 'a lock');
    expect(world.put(KEY.id, 'a lock').isNew).toBe(false);
    await world.settle();
    expect(world.put(KEY.id, 'a lock').isNew).toBe(false);
    expect(world.put(KEY.id, 'a lock', { title: 'Locks' }).isNew).toBe(true);
  });

  it('[DC51] [DC58] a version that is superseded leaves nothing, not even its file', async () => {
    const world = new DocumentWorld();
    world.fates.push('done', 'done', () => world.put(KEY.id, 'a weir'));
    world.put(KEY.id, 'a lock');
    await world.settle();
    expect(textOf(world)).toEqual(['a weir']);
    expect(world.index.size).toBe(1);
    expect(world.files.size).toBe(1);
  });

  it('[DC73] a source that cannot be read is a fault, and the version before is served', async () => {
    const world = new DocumentWorld();
    world.put(KEY.id, 'a lock');
    await world.settle();
    world.put(KEY.id, 'id,text\n1,"open', { format: { kind: 'csv' } });
    await world.settle();
    const { fault, served, next } = world.store.find(KEY) ?? {};
    expect(fault).toMatchObject({ code: 'invalid_value' });
    expect([next, served?.number]).toEqual([null, 2]);
    expect(textOf(world)).toEqual(['a lock']);
    expect(world.files.size).toBe(1);
  });

  it('[DC73] what is refused for now is tried again, and given up in the end', async () => {
    const world = new DocumentWorld();
    const { documentTriesMaxCount } = DOCUMENT_STORE_LIMITS;
    world.fates.push(...Array.from({ length: documentTriesMaxCount }, () => 'refused' as const));
    world.put(KEY.id, 'a lock');
    await world.settle();
    expect(world.store.find(KEY)?.fault).toMatchObject({ code: 'unavailable' });
    expect(world.clock.nowMs()).toBeGreaterThan(5 * 3_600_000);
    world.put(KEY.id, 'a lock');
    await world.settle();
    expect(textOf(world)).toEqual(['a lock']);
  });

  it('[DC55] [DC56] a removed document is seen by nobody, and goes once its rows and files are', async () => {
    const world = new DocumentWorld();
    world.put(KEY.id, 'a lock');
    await world.settle();
    const [row = ''] = world.index.keys();
    expect(world.store.visible('', [row, 'another', `${KEY.id}#0`]).length).toBe(1);
    expect(world.store.visible('other', [row]).length).toBe(0);
    world.remove(KEY.id);
    expect(world.store.visible('', [row]).length).toBe(0);
    await world.settle();
    expect([world.index.size, world.files.size, world.store.count()]).toEqual([0, 0, 0]);
  });

  it('[DC74] a document that is removed while its files are deleted leaves no rows', async () => {
    const world = new DocumentWorld();
    world.put(KEY.id, 'a lock');
    await world.settle();
    world.put(KEY.id, 'a weir');
    // The counter, the file, the rows; the deletion of the old rows, and of the old file.
    world.fates.push('done', 'done', 'done', 'done', () => world.remove(KEY.id));
    await world.settle();
    expect([world.index.size, world.files.size, world.store.count()]).toEqual([0, 0, 0]);
  });

  it('[DC59] lists by pages, in every order, by state, prefix and label', async () => {
    const world = new DocumentWorld();
    for (const id of ['b/2', 'a/1', 'b/1']) {
      world.clock.ms += 1;
      world.put(id, `text of ${id}`, { labels: id === 'a/1' ? [] : ['staff'] });
    }
    await world.settle();
    world.put('b/1', 'another');
    const list = (more: Partial<Parameters<typeof world.store.page>[0]> = {}) => {
      const { items, hasMore } = world.store.page({ namespace: '', limit: 2, order: 'id', isDescending: false, ...more });
      return [items.map(({ id }) => id), hasMore];
    };
    expect(list()).toEqual([['a/1', 'b/1'], true]);
    expect(list({ after: 'b/1' })).toEqual([['b/2'], false]);
    expect(list({ order: 'created' })).toEqual([['b/2', 'a/1'], true]);
    expect(list({ order: 'created', isDescending: true, after: 'b/1' })).toEqual([['a/1', 'b/2'], false]);
    expect(list({ state: 'writing' })).toEqual([['b/1'], false]);
    expect(list({ prefix: 'b/', label: 'staff' })).toEqual([['b/1', 'b/2'], false]);
    expect(list({ prefix: 'b%' })).toEqual([[], false]);
  });

  it('[DC60] once erased, there is nothing, and nothing comes', async () => {
    const world = new DocumentWorld();
    world.put(KEY.id, 'a lock');
    expect(world.store.erase()).toEqual([...world.files.keys()]);
    const source = { file: [...world.files.keys()][0]!, bytes: 1, sha256: '', isOwn: true };
    const terms = {
      title: null,
      metadata: null,
      labels: [],
      format: { kind: 'text' },
      chunking: { chunkTokensMax: 16, overlapTokens: 0, hasContext: true },
    } as const;
    expect(world.store.ask(KEY, { by: ASKER, terms, source }, 0).ok).toBe(false);
    expect([world.store.count(), world.store.nextDueMs()]).toEqual([0, undefined]);
  });
});

describe('slices of sources', () => {
  const read = async (...pieces: readonly (readonly number[] | Uint8Array)[]) => {
    const slices: Outcome<SourceSlice>[] = [];
    for await (const slice of sourceSlices(piecesOf(pieces))) slices.push(slice);
    return slices;
  };
  async function* piecesOf(pieces: readonly (readonly number[] | Uint8Array)[]) {
    for (const piece of pieces) yield Uint8Array.from(piece);
  }
  const joined = (slices: readonly Outcome<SourceSlice>[]) =>
    slices.map((slice) => (slice.ok ? slice.value.text : slice.error.code)).join('');

  it('[DC76] characters may be divided anywhere, and a byte order mark is none of them', async () => {
    const bytes = utf8('\uFEFFé€𝄞\uFEFFz');
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const slices = await read(bytes.subarray(0, cut), bytes.subarray(cut));
      expect(joined(slices)).toBe('é€𝄞\uFEFFz');
      expect(slices.at(-1)).toMatchObject({ value: { bytesRead: bytes.length } });
    }
    const single = await read(...[...bytes].map((byte) => [byte]));
    expect(joined(single)).toBe('é€𝄞\uFEFFz');
  });

  it('[DC76] what is no UTF-8 is refused, also at the end', async () => {
    expect(joined(await read([0x61], [0xff, 0x62], [0x63]))).toBe('ainvalid_value');
    expect(joined(await read([0x61, 0xe2, 0x82]))).toBe('ainvalid_value');
    expect(joined(await read([0x80, 0x80, 0x80, 0x80]))).toBe('invalid_value');
  });
});
