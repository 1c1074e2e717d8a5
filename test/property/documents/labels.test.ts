import fc from 'fast-check';
import { expect, it } from 'vitest';

import { labelsOf, mayChange, readableBy } from '../../../src/documents/replacement/label-lists.ts';
import { rowNameOf } from '../../../src/documents/store/row-id.ts';
import type { Fate } from '../../support/worlds/document-world.ts';
import { ASKER, DocumentWorld } from '../../support/worlds/document-world.ts';

const IDS = ['a', 'b', 'c'] as const;
const labels = fc.subarray(['x', 'y', 'z']);
const list = fc.option(labels, { nil: undefined });

const orders = fc.array(
  fc.record({
    id: fc.constantFrom(...IDS),
    text: fc.constantFrom(null, 'one\n\ntwo', 'two\n\nthree', 'three'),
    labels,
    isSettled: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);
const fates = fc.array(fc.constantFrom<Fate>('done', 'crash-after', 'refused'), { maxLength: 4 });

const key = (id: string) => ({ namespace: '', id });

async function worldOf(
  asked: readonly { readonly id: string; readonly text: string | null; readonly labels: readonly string[]; readonly isSettled: boolean }[],
  come: readonly Fate[],
) {
  const world = new DocumentWorld();
  world.fates.push(...come);
  for (const { id, text, labels: own, isSettled } of asked) {
    if (text === null) world.remove(id);
    else world.put(id, text, { labels: own });
    if (isSettled) await world.settle();
  }
  return world;
}

it('[DC94] lists have the documents that can be read, page by page', async () => {
  await fc.assert(
    fc.asyncProperty(orders, fates, list, list, async (asked, come, own, narrowing) => {
      const { store } = await worldOf(asked, come);
      const readable = labelsOf(own === undefined ? {} : { labels: own }, narrowing);
      const expected = IDS.filter((id) => {
        const record = store.find(key(id));
        return record !== undefined && readableBy(readable, record) !== undefined;
      });
      const listed: string[] = [];
      for (let after: string | undefined; ;) {
        const page = store.page({ namespace: '', limit: 1, after, order: 'id', isDescending: false, readable });
        listed.push(...page.items.map(({ id }) => id));
        after = listed.at(-1);
        if (!page.hasMore) break;
      }
      expect(listed).toEqual(expected);
    }),
  );
});

it('[DC90] [DC92] hidden rows are those that are not visible, and editions change with them alone', async () => {
  await fc.assert(
    fc.asyncProperty(orders, fates, async (asked, come) => {
      const world = new DocumentWorld();
      world.fates.push(...come);
      const seen = new Map<number, string>();
      const look = () => {
        const rows = [...world.index.keys(), `a#${'0'.repeat(32)}.1`, `gone#${'0'.repeat(32)}.1`];
        const visible = world.store.visible('', rows).map(({ rowId }) => rowId);
        const { ids, edition } = world.store.hidden('', rows);
        expect(new Set([...ids, ...visible])).toEqual(new Set(rows));
        expect(ids.filter((id) => visible.includes(id))).toEqual([]);
        expect(world.store.edition()).toBe(edition);
        const served = JSON.stringify(IDS.map((id) => world.store.find(key(id))?.served?.number ?? 0));
        expect(seen.get(edition) ?? served).toBe(served);
        seen.set(edition, served);
        const there = IDS.filter((id) => world.store.find(key(id)) !== undefined);
        expect(new Set(world.store.owners('', rows))).toEqual(
          new Set(there.filter((id) => rows.some((row) => rowNameOf(row)?.document === id))),
        );
      };
      world.look = look;
      for (const { id, text, labels: own, isSettled } of asked) {
        if (text === null) world.remove(id);
        else world.put(id, text, { labels: own });
        look();
        if (isSettled) await world.settle();
      }
    }),
  );
});

it('[DC97] a key with labels replaces and removes only documents whose every version has one of them', async () => {
  await fc.assert(
    fc.asyncProperty(orders, fates, labels, fc.constantFrom(...IDS), async (asked, come, own, id) => {
      const { store } = await worldOf(asked, come);
      const before = store.find(key(id));
      const isAllowed =
        before === undefined ||
        [before.served, before.next].every((one) => one === null || one.terms.labels.some((label) => own.includes(label)));
      const by = { ...ASKER, principal: { ...ASKER.principal, labels: own } };
      if (before !== undefined) expect(mayChange(by.principal, before)).toBe(isAllowed);
      const terms = {
        title: 't',
        metadata: null,
        labels: own,
        format: { kind: 'text' as const },
        chunking: { chunkTokensMax: 16, overlapTokens: 0, hasContext: true },
      };
      const source = { file: 'file_new' as never, bytes: 1, sha256: 'new', isOwn: true };
      const removed = store.remove(key(id), by, 1);
      expect(removed !== undefined).toBe(before !== undefined && !before.isRemoved && isAllowed);
      const put = store.ask(key(id), { by, terms, source }, 2);
      expect(put.ok).toBe(isAllowed);
    }),
  );
});
