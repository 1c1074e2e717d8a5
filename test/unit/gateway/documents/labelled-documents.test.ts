import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { documentEndpoints } from '../../../../src/contract/documents/documents.ts';
import { Documents } from '../../../../src/gateway/documents/documents.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { ASKER, DocumentWorld } from '../../../support/worlds/document-world.ts';

const MANIFEST = { id: 'ix_1', tenantId: 'tn_1', name: 'notes', dimensions: 0, embedding: null, generation: 1 } as unknown as IndexManifest;

const refused = (outcome: Outcome<unknown>) => (outcome.ok ? 'ok' : [outcome.error.code, outcome.error.path?.join('.')]);

/** Documents of an index: `staff` has that label, `both` two, `open` none. */
async function world() {
  const made = new DocumentWorld();
  made.put('staff', 'for the staff', { labels: ['staff'] });
  made.put('both', 'for two', { labels: ['board', 'staff'] });
  made.put('open', 'for all');
  await made.settle();
  const { store, clock } = made;
  const documents = new Documents({
    manifests: new ManifestCache({ describe: async () => ok(MANIFEST) } as never, clock),
    documentsOf: () => ({
      ask: async (...args) => store.ask(...args),
      remove: async (...args) => store.remove(...args),
      find: async (key) => store.find(key),
      page: async (listing) => store.page(listing),
      chunks: async (...args) => store.chunks(...args),
      visible: async (...args) => store.visible(...args),
    }),
    files: async () => ({
      upload: async () => ok({ id: 'file_new', bytes: 1, sha256: 'new' } as never),
      find: async () => ok({ id: FILE, bytes: 1, sha256: 'x' } as never),
      delete: async () => ok(null as never),
    }),
    clock,
  });
  const acting = (labels?: readonly string[]) => ({
    principal: { ...ASKER.principal, scopes: ['index:read', 'index:write', 'files'] as const, ...(labels === undefined ? {} : { labels }) },
    authority: IN_FORCE,
  });
  const key = (id: string) => ({ namespace: '', id });
  const as = (labels?: readonly string[]) => ({
    put: async (id: string, body: object) => {
      const read = parse(documentEndpoints.putDocument.body.schema, body);
      if (!read.ok) throw new Error(read.error.message);
      return refused(await documents.put(acting(labels), 'notes', key(id), read.value));
    },
    find: async (id: string) => refused(await documents.find(acting(labels).principal, 'notes', key(id), 0)),
    chunks: async (id: string, version?: number) =>
      refused(await documents.chunks(acting(labels).principal, 'notes', key(id), { from: 0, limit: 9, version })),
    remove: async (id: string) => refused(await documents.remove(acting(labels), 'notes', key(id))),
    rechunk: async (id: string) => refused(await documents.rechunk(acting(labels), 'notes', key(id), { max_tokens: 32 })),
    list: async (narrowing?: readonly string[]) => {
      const listing = { namespace: '', limit: 9, order: 'id', isDescending: false } as const;
      const page = await documents.list(acting(labels).principal, 'notes', listing, narrowing);
      return page.ok && page.value.items.map(({ id }) => id);
    },
    follow: async (id: string) => {
      const followed = await documents.follow(acting(labels), 'notes', key(id));
      return followed.ok ? followed.value : refused(followed);
    },
    shown: async (id: string) => documents.find(acting(labels).principal, 'notes', key(id), 0),
  });
  return { made, as };
}

const FILE = 'file_0123456789abcdefghjkmnpqrs';

const ABSENT = ['document_not_found', 'document'];

describe('[DC94] a key with labels', () => {
  it('sees documents that have one of them or none; others are not there', async () => {
    const { as } = await world();
    const board = as(['board']);
    expect(await board.list()).toEqual(['both', 'open']);
    expect(await as([]).list()).toEqual(['open']);
    expect(await as().list()).toEqual(['both', 'open', 'staff']);
    expect(await as(['board']).list(['staff'])).toEqual(['both', 'open']);
    expect(await as(['staff']).list(['crew'])).toEqual(['open']);
    for (const id of ['staff', 'nowhere']) {
      for (const call of ['find', 'chunks', 'remove', 'rechunk', 'follow'] as const)
        expect([id, call, await board[call](id)]).toEqual([id, call, ABSENT]);
    }
    for (const id of ['both', 'open']) expect([await board.find(id), await board.chunks(id)]).toEqual(['ok', 'ok']);
  });

  it('is shown neither a version on its way that it may not read, nor chunks of one before', async () => {
    const { made, as } = await world();
    made.put('open', 'for the board alone', { labels: ['board'] });
    const crew = await as(['crew']).shown('open');
    const first = crew.ok ? crew.value.served?.number : undefined;
    expect(crew.ok && crew.value.next).toBe(null);
    expect(await as(['crew']).chunks('open', first)).toBe('ok');
    const board = await as(['board']).shown('open');
    expect(board.ok && board.value.next?.terms.labels).toEqual(['board']);
    await made.settle();
    expect(await as(['crew']).find('open')).toEqual(ABSENT);
    expect(await as(['crew']).chunks('open', first)).toEqual(ABSENT);
    expect(await as(['board']).chunks('open', first)).toEqual(['state_conflict', 'version']);
  });

  it('follows a document until that gets labels that it lacks', async () => {
    const { made, as } = await world();
    made.put('both', 'again', { labels: ['staff'] });
    made.put('open', 'again', { labels: [] });
    const followed = await as(['board']).follow('open');
    if (Array.isArray(followed) || typeof followed === 'string') throw new Error('it is there');
    expect((await followed.next()).value).toMatchObject({ ok: true });
    made.put('open', 'for the staff', { labels: ['staff'] });
    await made.settle();
    expect((await followed.next()).value).toMatchObject({ ok: false, error: { code: 'document_not_found' } });
    expect((await followed.next()).done).toBe(true);
  });
});

describe('[DC97] a key with labels', () => {
  it('puts documents with labels of its own alone, and from text', async () => {
    const { as } = await world();
    const board = as(['board', 'crew']);
    expect(await board.put('new', { text: 'x', labels: ['board'] })).toBe('ok');
    expect(await board.put('other', { text: 'x' })).toEqual(['scope_denied', 'labels']);
    expect(await board.put('other', { text: 'x', labels: ['board', 'staff'] })).toEqual(['scope_denied', 'labels']);
    expect(await board.put('other', { file: FILE, labels: ['board'] })).toEqual(['scope_denied', 'file']);
    expect(await as([]).put('other', { text: 'x', labels: ['board'] })).toEqual(['scope_denied', 'labels']);
    expect(await as().put('other', { file: FILE })).toBe('ok');
  });

  it('changes documents that have one of its labels alone, and none that it reads only', async () => {
    const { as } = await world();
    const board = as(['board']);
    const denied = ['scope_denied', 'document'];
    expect(await board.put('staff', { text: 'x', labels: ['board'] })).toEqual(denied);
    expect(await board.put('open', { text: 'x', labels: ['board'] })).toEqual(denied);
    expect([await board.remove('open'), await board.rechunk('open')]).toEqual([denied, denied]);
    expect([await board.rechunk('both'), await board.remove('both')]).toEqual(['ok', 'ok']);
    expect(await board.put('both', { text: 'mine', labels: ['board'] })).toBe('ok');
    expect(await as().list()).toEqual(['both', 'open', 'staff']);
  });
});
