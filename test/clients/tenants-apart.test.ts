import { beforeAll, describe, expect, it } from 'vitest';

import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { expectCounted, expectFound, ownWord, WORDED_FIELDS, wordedRow } from '../support/fixtures/worded-rows.ts';

const server = sharedDeployment();
const NAME = 'papers';
const SHARD_VECTORS_MAX = 16;

/** One tenant's rows of an index that has the same name and words as another's; ids and most words are the same in all of them. */
interface Corpus {
  readonly client: ApiClient;
  readonly index: string;
  readonly namespace: string;
  /** By id, which serial it was written with. */
  readonly rows: ReadonlyMap<string, number>;
}

const searchOf =
  ({ client, index, namespace }: Pick<Corpus, 'client' | 'index' | 'namespace'>) =>
  async (plan: object): Promise<ApiAnswer> => {
    const answer = await client.post(`/v1/indexes/${index}/search`, { ...plan, namespace });
    expect([answer.status, answer.body.partial ?? false], JSON.stringify(answer.body)).toEqual([200, false]);
    return answer;
  };

async function created(client: ApiClient, index: string): Promise<void> {
  const shape = { dimensions: 2, owner: 'search', shard_vectors_max: SHARD_VECTORS_MAX, fields: WORDED_FIELDS };
  expect((await client.post('/v1/indexes', { name: index, ...shape })).status).toBe(201);
}

/** Writes rows of serials from `first` on, in all directions, so that shards can be split. */
async function filled(client: ApiClient, index: string, namespace: string, first: number, count: number): Promise<Corpus> {
  const rows = new Map(Array.from({ length: count }, (_, i) => [`p${i}`, first + i]));
  const vectors = [...rows].map(([id, serial]) => ({ id, namespace, values: [Math.cos(serial), Math.sin(serial)], ...wordedRow(serial) }));
  await expect.poll(async () => (await client.post(`/v1/indexes/${index}/upsert`, { vectors })).status, { timeout: 60_000 }).toBe(200);
  return { client, index, namespace, rows };
}

/** Until an index has several shards: gateways keep counts only where they are sums. */
async function grown(client: ApiClient, index: string): Promise<void> {
  const shards = async () => (await client.get(`/v1/indexes/${index}/stats`)).body.shards as number;
  await expect.poll(shards, { timeout: 60_000, interval: 50 }).toBeGreaterThan(1);
}

/** Nothing is found, counted or shown but its own, by counts made now and by those that gateways keep. */
async function expectApart(corpus: Corpus, others: readonly Corpus[]): Promise<void> {
  const search = searchOf(corpus);
  // Rows may still be moving: then they may count twice.
  await expect.poll(() => expectCounted(search, corpus.rows).then(() => 'as counted', String), { timeout: 60_000 }).toBe('as counted');
  await expectFound(search, corpus.rows, 3);
  for (const { rows } of others) {
    const foreign = [...rows.values()].at(-1) ?? 0;
    for (const leg of [
      { kind: 'text', text: ownWord(foreign) },
      { kind: 'text', query: { prefix: ownWord(foreign) } },
      { kind: 'text', query: { fuzzy: { text: ownWord(foreign), distance: 0 } } },
      { kind: 'sparse', field: 'terms', indices: [1_000 + foreign], values: [1] },
    ]) {
      expect((await search({ legs: [leg] })).body.matches).toEqual([]);
    }
  }
  const plan = { legs: [{ kind: 'text', text: 'all' }], highlight: { fields: ['body'] }, top_k: 50 };
  for (const { id, highlights } of (await search(plan)).body.matches) {
    const serial = corpus.rows.get(id) ?? Number.NaN;
    expect(highlights).toEqual([{ field: 'body', text: wordedRow(serial).fields.body, start: 0, matches: [{ start: 0, end: 3 }] }]);
  }
}

describe('[TX218] texts of two owners with the same names, ids and words', () => {
  let ours: ApiClient;
  let theirs: ApiClient;

  beforeAll(async () => {
    ({ client: ours } = await createTenant(server));
    ({ client: theirs } = await createTenant(server));
  });

  it('never meet in a statistic, a match or a highlight', async () => {
    await created(ours, NAME);
    await created(theirs, NAME);
    await created(ours, `${NAME}-2`);
    const corpora = [
      await filled(ours, NAME, '', 0, 40),
      await filled(theirs, NAME, '', 1_000, 70),
      await filled(ours, NAME, 'en', 2_000, 25),
      await filled(ours, `${NAME}-2`, '', 3_000, 55),
    ];
    await Promise.all([grown(ours, NAME), grown(theirs, NAME), grown(ours, `${NAME}-2`)]);
    for (const corpus of corpora) {
      await expectApart(
        corpus,
        corpora.filter((other) => other !== corpus),
      );
    }
    // Each of them asked a moment ago: what gateways keep of one is not another's.
    for (const corpus of corpora) expect((await searchOf(corpus)({ legs: [{ kind: 'text', text: 'all' }] })).body.matches).toHaveLength(10);
    for (const corpus of corpora) await expectCounted(searchOf(corpus), corpus.rows, 'shared');
  });

  it('nor do those of an index with those of one that had its name before', async () => {
    const index = `${NAME}-3`;
    await created(ours, index);
    const before = await filled(ours, index, '', 4_000, 60);
    await grown(ours, index);
    await searchOf(before)({ legs: [{ kind: 'text', text: 'all' }] });
    expect((await ours.delete(`/v1/indexes/${index}`)).status).toBeLessThan(300);
    await created(ours, index);
    const after = await filled(ours, index, '', 5_000, 35);
    const answer = await searchOf(after)({ legs: [{ kind: 'text', text: 'all' }], top_k: 100 });
    expect(answer.body.matches).toHaveLength(after.rows.size);
    await grown(ours, index);
    await expectApart(after, [before]);
  });
});
