import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { StoredRow } from '../../support/worlds/served-search-world.ts';
import { chunkRow, ServedSearchWorld } from '../../support/worlds/served-search-world.ts';

const DOCUMENTS = ['a', 'b', 'c', 'd'] as const;
const LABELS = ['x', 'y', 'z'] as const;

const some = fc.uniqueArray(fc.constantFrom(...LABELS));

const ownRow = fc.record({ id: fc.string({ unit: fc.constantFrom('p', 'q'), minLength: 1, maxLength: 5 }), labels: some });

/** Rows of several versions of documents and of callers' own, in any order; what is served first. */
const indexes = fc
  .record({
    chunks: fc.uniqueArray(
      fc.record({
        document: fc.constantFrom(...DOCUMENTS),
        version: fc.integer({ min: 1, max: 3 }),
        at: fc.nat(9),
        labels: some,
      }),
      { maxLength: 60, selector: ({ document, version, at }) => `${document}${version}.${at}` },
    ),
    own: fc.uniqueArray(ownRow, { maxLength: 8, selector: ({ id }) => id }),
    served: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 }),
  })
  .chain(({ chunks, own, served }) => {
    // A version has the same labels in all of its chunks.
    const labelsOf = new Map(chunks.map(({ document, version, labels }) => [`${document}${version}`, labels]));
    const rows: StoredRow[] = [
      ...chunks.map(({ document, version, at }) => chunkRow(document, version, at, labelsOf.get(`${document}${version}`))),
      ...own.map(({ id, labels }) => ({ id, metadata: labels.length === 0 ? null : { $labels: labels } })),
    ];
    const first = new Map(DOCUMENTS.map((document, i) => [document, served[i] ?? 0]));
    return fc.record({ rows: fc.shuffledSubarray(rows, { minLength: rows.length }), first: fc.constant(first) });
  });

const PLANS = [
  { legs: [{ kind: 'text', text: 'w' }] },
  {
    legs: [
      { kind: 'vector', vector: [1, 0] },
      { kind: 'text', text: 'w' },
    ],
    fusion: { kind: 'rrf' },
  },
  { legs: [{ kind: 'vector', vector: [1, 0], limit: 4, prefetch: { legs: [{ kind: 'text', text: 'w' }], limit: 6 } }] },
  {
    legs: [
      {
        kind: 'plan',
        limit: 5,
        legs: [
          { kind: 'vector', field: 'place', vector: [1, 0] },
          { kind: 'sparse', field: 'terms', indices: [1], values: [1] },
        ],
      },
    ],
  },
] as const;

const flips = fc.array(fc.record({ document: fc.constantFrom(...DOCUMENTS), version: fc.integer({ min: 0, max: 3 }), wait: fc.nat(3) }), {
  maxLength: 12,
});

it('[DC91] no reply has rows of two versions of a document, or of one that is not served', async () => {
  await fc.assert(
    fc.asyncProperty(
      indexes,
      flips,
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(undefined, ...PLANS),
      async ({ rows, first }, changes, topK, plan) => {
        const world = new ServedSearchWorld(rows, first);
        let [calls, next] = [0, 0];
        world.between = () => {
          calls += 1;
          const change = changes[next];
          if (change === undefined || calls % 4 !== change.wait) return;
          world.flip(change.document, change.version);
          next += 1;
        };
        const found =
          plan === undefined
            ? await world.query({ vector: [1, 0], top_k: topK })
            : await world.plan({ ...plan, top_k: topK, facets: [{ property: '$document.id' }] });
        if (!found.ok) throw new Error(found.error.message);
        const { ids, edition } = found.value;
        const served = edition === null ? undefined : world.editions[edition];
        for (const id of ids) {
          const { document, version } = world.rowOf(id);
          if (document !== undefined) expect(served?.get(document)).toBe(version);
        }
        expect(new Set(ids).size).toBe(ids.length);
      },
    ),
  );
});

it('[DC91] a page is full of what is served as far as there is so much, whatever is nearer', async () => {
  await fc.assert(
    fc.asyncProperty(indexes, fc.integer({ min: 1, max: 12 }), fc.nat(3), async ({ rows, first }, topK, offset) => {
      const world = new ServedSearchWorld(rows, first);
      const expected = world.seen;
      const queried = await world.query({ vector: [1, 0], top_k: topK, offset });
      expect(queried.ok && queried.value.ids).toEqual(expected.slice(offset, offset + topK));
      const planned = await world.plan({ legs: [{ kind: 'vector', vector: [1, 0], limit: 20 }], top_k: topK, offset });
      expect(planned.ok && planned.value.ids).toEqual(expected.slice(offset, Math.min(20, offset + topK)));
      const byWords = await world.plan({ legs: [{ kind: 'text', text: 'w', limit: 20 }], top_k: topK, offset });
      expect(byWords.ok && byWords.value.ids).toEqual(expected.toReversed().slice(offset, Math.min(20, offset + topK)));
    }),
  );
});

it('[DC94] a key finds rows that have one of its labels or none, and a query narrows that', async () => {
  const lists = fc.option(some, { nil: undefined });
  await fc.assert(
    fc.asyncProperty(indexes, lists, lists, fc.constantFrom(...PLANS), async ({ rows, first }, own, narrowing, plan) => {
      const world = new ServedSearchWorld(rows, first);
      const mayRead = (id: string): boolean => {
        const { metadata } = world.rowOf(id);
        const labels = (metadata as { readonly $labels?: readonly string[] } | null)?.$labels ?? [];
        return [own, narrowing].every(
          (list) => list === undefined || labels.length === 0 || labels.some((label) => (list as readonly string[]).includes(label)),
        );
      };
      const reader = own === undefined ? {} : { labels: own };
      const narrow = narrowing === undefined ? {} : { labels: narrowing };
      const found = await world.query({ vector: [1, 0], top_k: 100, ...narrow }, reader);
      expect(found.ok && found.value.ids).toEqual(world.seen.filter(mayRead));
      const planned = await world.plan({ ...plan, top_k: 100, ...narrow, facets: [{ property: '$labels' }] }, reader);
      if (!planned.ok) throw new Error(planned.error.message);
      expect(planned.value.ids.filter((id) => !mayRead(id))).toEqual([]);
      const isLabelled = own !== undefined || narrowing !== undefined;
      for (const { filter, ...search } of world.searched.slice(1)) {
        // A leg that ranks what another has found has a filter anyhow.
        if (isLabelled) expect(JSON.stringify(filter)).toContain('$labels');
        if ('statisticsOf' in search) expect(search.statisticsOf).toBe(isLabelled ? 'filter' : 'index');
      }
    }),
  );
});
