import { expect } from 'vitest';

import type { ApiAnswer } from '../deployment/api-client.ts';

/** Words that rows share, apart from one that all have. */
const SHARED = ['lock', 'weir', 'barge', 'gate', 'canal'];
const K1 = 1.2;
const B = 0.75;
const PLAIN = { kind: 'text', language: 'none', stemming: false, stop_words: 'none' } as const;

/** A text field and a sparse one: of each row a word and a dimension that all have, some that it shares with others, and some of its own. */
export const WORDED_FIELDS = { body: PLAIN, terms: { kind: 'sparse', idf: true } } as const;
/** The same with a field that rows have a text for already. */
export const MORE_FIELDS = { ...WORDED_FIELDS, title: { ...PLAIN, source: 'text' } } as const;

type Ask = (call: object) => Promise<ApiAnswer>;

/** The word that no write but this has. */
export const ownWord = (serial: number): string => `own${String(serial).replaceAll(/\d/g, (digit) => 'abcdefghij'[Number(digit)] ?? '')}`;

const wordsOf = (serial: number): string[] => {
  const shared = SHARED[serial % SHARED.length] ?? '';
  return ['all', ownWord(serial), ...Array.from({ length: 1 + (serial % 3) }, () => shared)];
};

/** What a write puts beside the vector of a row. */
export const wordedRow = (serial: number) => ({
  text: `title of ${ownWord(serial)}`,
  fields: { body: wordsOf(serial).join(' '), terms: { indices: [0, 1_000 + serial], values: [1, 2] } },
});

const textLeg = (text: string, field = 'body') => ({ legs: [{ kind: 'text', text, fields: { [field]: 1 }, limit: 1000 }] });
const sparseLeg = (index: number) => ({ legs: [{ kind: 'sparse', field: 'terms', indices: [index], values: [1], limit: 1000 }] });

/** Plans that find nothing but the row of a write. */
const plansToOwn = (serial: number, isMore: boolean) => [
  textLeg(ownWord(serial)),
  sparseLeg(1_000 + serial),
  ...(isMore ? [textLeg(ownWord(serial), 'title')] : []),
];

const idsIn = ({ body }: ApiAnswer): string[] => body.matches.map(({ id }: { id: string }) => id);
const page = { top_k: 1000, include_metadata: false };

/** Every row is found by each of its own words and dimensions, and once by what all have. `isMore`: the index has `MORE_FIELDS`. */
export async function expectFound(search: Ask, truth: ReadonlyMap<string, number>, sampled: number, isMore = false): Promise<void> {
  const step = Math.max(1, Math.floor(truth.size / sampled));
  for (const [id, serial] of [...truth].filter((_, i) => i % step === 0)) {
    for (const plan of plansToOwn(serial, isMore)) expect(idsIn(await search({ ...plan, ...page })), `${id}: ${serial}`).toEqual([id]);
  }
  const titles = isMore ? [textLeg('title', 'title')] : [];
  for (const plan of [textLeg('all'), sparseLeg(0), ...titles]) {
    const ids = idsIn(await search({ ...plan, ...page }));
    expect(ids.length, 'no id is found twice').toBe(new Set(ids).size);
    expect(new Set(ids)).toEqual(new Set(truth.keys()));
  }
}

const idfOf = (documents: number, having: number): number => Math.log(1 + (documents - having + 0.5) / (having + 0.5));

/** Scores by exact statistics are those of a plain count of the rows. Holds while no row moves. */
export async function expectCounted(search: Ask, truth: ReadonlyMap<string, number>): Promise<void> {
  const texts = new Map([...truth].map(([id, serial]) => [id, wordsOf(serial)]));
  const average = [...texts.values()].reduce((sum, { length }) => sum + length, 0) / texts.size;
  for (const word of ['all', ...SHARED]) {
    const having = [...texts].filter(([, words]) => words.includes(word));
    const expected = having.map(([id, words]) => {
      const frequency = words.filter((other) => other === word).length;
      const norm = K1 * (1 - B + (B * words.length) / average);
      return [id, (idfOf(texts.size, having.length) * frequency * (K1 + 1)) / (frequency + norm)] as const;
    });
    await expectScores(await search({ ...textLeg(word), ...page, statistics: 'exact' }), new Map(expected));
  }
  const each = idfOf(texts.size, texts.size);
  await expectScores(await search({ ...sparseLeg(0), ...page, statistics: 'exact' }), new Map([...truth.keys()].map((id) => [id, each])));
}

async function expectScores({ body }: ApiAnswer, expected: ReadonlyMap<string, number>): Promise<void> {
  expect(body.matches).toHaveLength(expected.size);
  for (const { id, score } of body.matches) expect(score / (expected.get(id) ?? Number.NaN), id).toBeCloseTo(1, 6);
}
