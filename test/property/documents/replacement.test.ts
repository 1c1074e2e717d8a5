import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { DocumentTerms } from '../../../src/documents/replacement/document-record.ts';
import type { Chunk } from '../../../src/documents/chunks/chunk.ts';
import { must } from '../../../src/kernel/assert.ts';
import { shortSha256 } from '../../../src/kernel/short-sha256.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { chunked } from '../../support/documents/read.ts';
import type { Fate } from '../../support/worlds/document-world.ts';
import { DocumentWorld, TERMS } from '../../support/worlds/document-world.ts';

const IDS = ['a', 'b'] as const;

/** Texts that have paragraphs in common: versions share chunks, in other places. */
const PARAGRAPHS = ['lock', 'weir', 'sluice', 'canal', 'gate', 'lock'].map((word, at) =>
  Array.from({ length: 14 }, (_, i) => `${word}${at}x${i}`).join(' '),
);
const text = fc.subarray(PARAGRAPHS, { minLength: 0 }).chain((some) => fc.shuffledSubarray(some, { minLength: some.length }));
const terms: fc.Arbitrary<Partial<DocumentTerms>> = fc.record({
  metadata: fc.constantFrom(null, '{"lang":"en"}'),
  labels: fc.constantFrom([], ['staff']),
  chunking: fc.constantFrom(TERMS.chunking, { ...TERMS.chunking, chunkTokensMax: 24 }),
});

type Order =
  | { readonly id: string; readonly kind: 'put'; readonly text: string; readonly terms: Partial<DocumentTerms> }
  | { readonly id: string; readonly kind: 'remove' };

const order: fc.Arbitrary<Order> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      id: fc.constantFrom(...IDS),
      kind: fc.constant('put' as const),
      text: text.map((some) => some.join('\n\n')),
      terms,
    }),
  },
  { weight: 1, arbitrary: fc.record({ id: fc.constantFrom(...IDS), kind: fc.constant('remove' as const) }) },
);
const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant('done' as const) },
  { weight: 3, arbitrary: fc.constantFrom('crash-before' as const, 'crash-after' as const, 'refused' as const) },
  { weight: 2, arbitrary: order },
);

/** What was put, by the digest of the text: what readers see has to be one of these, whole. */
const texts = new Map<string, string>();

function give(world: DocumentWorld, one: Order): void {
  if (one.kind === 'remove') return world.remove(one.id);
  texts.set(shortSha256(utf8(one.text)), one.text);
  world.put(one.id, one.text, one.terms);
}

function expectedOf(
  world: DocumentWorld,
  id: string,
): { readonly chunks: readonly Chunk[]; readonly labels: readonly string[]; readonly lang: unknown } {
  const served = world.store.find({ namespace: '', id })?.served ?? null;
  if (served === null) return { chunks: [], labels: [], lang: undefined };
  const source = must(texts.get(served.source.sha256), 'only what was put is served');
  const { format, chunking, labels, metadata } = served.terms;
  return { chunks: chunked(source, { id, format, settings: chunking }), labels, lang: metadata === null ? undefined : 'en' };
}

/** Readers find every chunk of the served version, each with what that version carries, and nothing else. */
function checkReaders(world: DocumentWorld): void {
  const visible = world.store.visible('', [...world.index.keys()]);
  for (const id of IDS) {
    const { chunks, labels, lang } = expectedOf(world, id);
    const seen = visible.filter(({ document }) => document === id).sort((a, b) => a.position - b.position);
    expect(seen.map(({ chunk, begin, end }) => [chunk, begin, end])).toEqual(chunks.map((chunk) => [chunk.id, chunk.begin, chunk.end]));
    for (const [at, { rowId }] of seen.entries()) {
      const row = must(world.index.get(rowId), 'it was found');
      expect(row.text).toBe(chunks[at]?.text);
      expect(JSON.parse(row.metadata)).toEqual({
        ...(lang === undefined ? {} : { lang }),
        $document: { id, chunk: chunks[at]?.id },
        $labels: labels,
      });
    }
  }
}

describe('replacement', () => {
  it('[DC50] [DC55] [DC57] readers see whole versions, whatever is interrupted, and nothing else is left', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(order, { minLength: 1, maxLength: 4 }), fc.array(fate, { maxLength: 24 }), async (orders, fates) => {
        const world = new DocumentWorld();
        world.look = () => checkReaders(world);
        world.fates.push(...fates.map((one): Fate => (typeof one === 'string' ? one : () => give(world, one))));
        for (const one of orders) {
          give(world, one);
          await world.settle();
        }
        const last = [...IDS].flatMap((id) => world.store.find({ namespace: '', id }) ?? []);
        expect(
          last.every(({ next, served, isRemoved, spent }) => next === null && served !== null && !isRemoved && spent.length === 0),
        ).toBe(true);
        const rows = last.flatMap(({ id }) => world.store.chunks({ namespace: '', id }, 0, 1_000)?.chunks.map(({ rowId }) => rowId) ?? []);
        expect([...world.index.keys()].sort()).toEqual(rows.sort());
        expect([...world.files.keys()].sort()).toEqual(last.map(({ served }) => served?.source.file ?? '').sort());
        checkReaders(world);
      }),
      { numRuns: 300 },
    );
  });
});
