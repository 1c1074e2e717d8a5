import { describe, expect, it } from 'vitest';

import type { ShardFetch, ShardFieldSearch } from '../../../../../src/ann/shard-protocol.ts';
import { refuse } from '../../../../../src/contract/api/outcome.ts';
import { parse } from '../../../../../src/contract/api/parse.ts';
import { evaluationEndpoints } from '../../../../../src/contract/vectors/judged/evaluations.ts';
import { ManifestCache } from '../../../../../src/gateway/indexes/manifest-cache.ts';
import { Evaluations } from '../../../../../src/gateway/vectors/judged/evaluations.ts';
import { Plans } from '../../../../../src/gateway/vectors/plans/plans.ts';
import { VectorSpace } from '../../../../../src/gateway/vectors/vector-space.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import { must } from '../../../../../src/kernel/assert.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { indexShards } from '../../../../support/fakes/index-shards.ts';
import { principal } from '../../../../support/worlds/memory-cache-world.ts';
import { servedRows } from '../../../../support/fakes/served-rows.ts';

const bodyOf = (body: unknown) => parse(evaluationEndpoints.evaluateIndex.body.schema, body);

interface Twists {
  /** A text whose search misses the deadline. */
  readonly late?: string;
  /** A text whose search does not hear a shard. */
  readonly lacking?: string;
  /** From which search on another generation serves. */
  readonly movesAt?: number;
  /** How many searches the quota allows. */
  readonly quota?: number;
}

/** An index of one text field, of which a text finds the ids that it names, in order; only what is in `STORED` is there. */
const STORED = new Set(['a', 'b', 'c', 'd']);

function world({ late, lacking, movesAt = Infinity, quota = Infinity }: Twists = {}) {
  const asked: string[] = [];
  const manifestNow = () =>
    ({
      id: asked.length >= movesAt ? 'ix_2' : 'ix_1',
      firstId: 'ix_1',
      name: 'notes',
      dimensions: 2,
      metric: 'cosine',
      generation: 1,
      embedding: null,
      fields: { body: { kind: 'text', weight: 1, source: 'field' } },
    }) as unknown as IndexManifest;
  const shards = indexShards({
    searchFields: async (_: IndexManifest, { query, topK }: ShardFieldSearch) => {
      const text = query.kind === 'text' && typeof query.query === 'string' ? query.query : '';
      asked.push(text);
      if (text === late) return refuse('deadline_exceeded', 'too late');
      const ids = text.split(' ').slice(0, topK);
      return ok({
        ids,
        scores: ids.map((_id, i) => 1 - i / 10),
        values: null,
        metadata: null,
        texts: null,
        lsn: 5,
        missing: text === lacking ? [1] : [],
      });
    },
    fetch: async (_: IndexManifest, { ids }: ShardFetch) =>
      ok({ ids: ids.filter((id) => STORED.has(id)), values: null, metadata: null, texts: null, lsn: 6 }),
  });
  // Each ask finds the manifest expired.
  let nowMs = 0;
  const manifests = new ManifestCache({ describe: async () => ok(manifestNow()) } as never, { nowMs: () => (nowMs += 10_000) });
  const clock = { nowMs: () => 0 };
  const plans = new Plans({
    served: servedRows(),
    qualities: new Map(),
    manifests,
    shards,
    space: new VectorSpace({} as never),
    embedder: {} as never,
    reranker: {} as never,
    clock,
    timer: { after: () => () => undefined },
  });
  const evaluations = new Evaluations({ manifests, shards, plans, clock, giveWay: async () => undefined });
  let reserved = 0;
  const reserve = async () => ((reserved += 1) > quota ? refuse('insufficient_quota', 'spent') : ok(undefined));
  const caller = { principal: principal('tn_one'), authority: IN_FORCE, reserve };
  const evaluate = async (written: unknown) => {
    const body = bodyOf(written);
    if (!body.ok) return body;
    return evaluations.evaluate(caller, 'notes', body.value);
  };
  return { evaluate, asked };
}

const textLeg = (text: string) => ({ legs: [{ kind: 'text', text }] });
const TEMPLATE = textLeg('{{text}}');
const meansOf = (found: Awaited<ReturnType<ReturnType<typeof world>['evaluate']>>) =>
  found.ok ? found.value.measures.map(({ means }) => means.map(({ value }) => value)) : found.error;

describe('an evaluation', () => {
  it('[TX310] puts the text of each query into the plans, where it stands alone', async () => {
    const { evaluate, asked } = world();
    const within = textLeg('{{text}} b');
    const tree = { legs: [{ kind: 'text', query: { should: [{ phrase: '{{text}}' }, 'b'] } }] };
    await evaluate({ queries: [{ text: 'a', relevant: { a: 1 } }], plans: [TEMPLATE, within, tree, {}, textLeg('c')] });
    expect(asked.slice(0, 2)).toEqual(['a', '{{text}} b']);
    expect(asked.slice(3)).toEqual(['a', 'c']);
    const found = await world().evaluate({ queries: [{ text: 'a', relevant: { a: 1 } }], plans: [tree], include_rankings: true });
    expect(found).toMatchObject({ value: { judged: [{ plans: [{ body: { legs: [{ query: { should: [{ phrase: 'a' }, 'b'] } }] } }] }] } });
  });

  it('[TX317] measures what each plan ranks, and compares the others with the first', async () => {
    const { evaluate } = world();
    const queries = Array.from({ length: 8 }, () => ({ text: 'b a', relevant: { a: 1 } }));
    const found = await evaluate({ queries, plans: [TEMPLATE, textLeg('a b')], measures: ['mrr', 'success@1', 'mrr@1'] });
    expect(meansOf(found)).toEqual([
      [0.5, 1],
      [0, 1],
      [0, 1],
    ]);
    expect(found).toMatchObject({
      value: { measures: [{ comparisons: [{ difference: { value: 0.5 }, isSignificant: true, wins: 8, losses: 0 }] }, {}, {}] },
    });
    expect(await world().evaluate({ queries, plans: [TEMPLATE, textLeg('a b')], measures: ['mrr', 'success@1', 'mrr@1'] })).toEqual(found);
  });

  it('[TX317] looks as deep as the measures or the call say', async () => {
    const queries = [{ text: 'b c d a', relevant: { a: 1 } }];
    expect(meansOf(await world().evaluate({ queries, measures: ['recall@4'], depth: 3 }))).toEqual([[0]]);
    expect(meansOf(await world().evaluate({ queries, measures: ['recall@4'] }))).toEqual([[1]]);
  });

  it('[TX313] [TX316] names what the deadline cut, and counts it nowhere', async () => {
    const { evaluate } = world({ late: 'x' });
    const queries = [
      { id: 'cut', text: 'x', relevant: { a: 1 } },
      { id: 'whole', text: 'a', relevant: { a: 1 } },
    ];
    const found = await evaluate({ queries, measures: ['mrr'] });
    expect(meansOf(found)).toEqual([[1]]);
    expect(found).toMatchObject({ value: { unjudged: [{ id: 'cut', plan: 0, code: 'deadline_exceeded' }], judged: [{ id: 'whole' }] } });
    const both = {
      legs: [
        { kind: 'text', text: '{{text}}' },
        { kind: 'text', text: 'x' },
      ],
    };
    const partly = await evaluate({ queries: queries.slice(1), plans: [both], measures: ['mrr'] });
    // What was searched in vain is metered, too.
    expect(partly).toMatchObject({ value: { judged: [], measures: [], unjudged: [{ id: 'whole' }], searches: 2 } });
    const unheard = await world({ lacking: 'a' }).evaluate({ queries, measures: ['mrr'] });
    expect(unheard).toMatchObject({
      value: { judged: [{ id: 'cut' }], unjudged: [{ id: 'whole', code: 'deadline_exceeded' }], searches: 2 },
    });
  });

  it('[TX313] [TX316] judges what the quota allows, and is metered by all that was searched', async () => {
    const { evaluate } = world({ quota: 2 });
    const queries = ['a', 'b', 'c'].map((id) => ({ id, text: id, relevant: { [id]: 1 } }));
    const found = await evaluate({ queries, measures: ['mrr'] });
    expect(found).toMatchObject({ value: { searches: 2, judged: [{ id: 'a' }, { id: 'b' }], unjudged: [{ code: 'insufficient_quota' }] } });
    const late = await world({ late: 'b' }).evaluate({ queries, plans: [{ legs: [TEMPLATE.legs[0], TEMPLATE.legs[0]] }] });
    expect(late).toMatchObject({ value: { searches: 4 } });
  });

  it('[TX314] is refused where another generation comes to serve meanwhile', async () => {
    const queries = ['a', 'b', 'c', 'd', 'a', 'b'].map((text) => ({ text, relevant: { a: 1 } }));
    expect(await world({ movesAt: 2 }).evaluate({ queries })).toMatchObject({ error: { code: 'index_moving' } });
    expect((await world({ movesAt: 9 }).evaluate({ queries })).ok).toBe(true);
  });

  it('[TX315] names what is relevant and not there, which counts as missed', async () => {
    const found = await world().evaluate({ queries: [{ text: 'a', relevant: { a: 1, gone: 1, ignored: 0 } }], measures: ['recall@10'] });
    expect(found).toMatchObject({ value: { unknown: ['gone'] } });
    expect(meansOf(found)).toEqual([[0.5]]);
  });
});

describe('an evaluation is refused', () => {
  const refusal = async (written: unknown) => {
    const { evaluate, asked } = world();
    const found = await evaluate(written);
    expect(asked).toEqual([]);
    return found.ok ? found : found.error;
  };
  const one = { text: 'a', relevant: { a: 1 } };

  it('[TX312] by the path of what does not fit the index, before any search is made', async () => {
    const misfit = { legs: [{ kind: 'text', text: '{{text}}', fields: { boddy: 1 } }] };
    expect(await refusal({ queries: [one], plans: [{}, misfit] })).toMatchObject({ path: ['plans', 1, 'legs', 0, 'fields', 'boddy'] });
    const own = { queries: [one, { ...one, plans: [misfit] }] };
    expect(await refusal(own)).toMatchObject({ path: ['queries', 1, 'plans', 0, 'legs', 0, 'fields', 'boddy'] });
    const plans = Array.from({ length: 4 }, () => ({}));
    expect(await refusal({ queries: Array.from({ length: 101 }, () => one), plans })).toMatchObject({
      code: 'limit_exceeded',
      path: ['queries'],
    });
  });

  it('[TX311] of plans that take a text that is not given, or are not as many', async () => {
    const textless = { relevant: { a: 1 } };
    expect(await refusal({ queries: [one, textless] })).toMatchObject({ path: ['queries', 1, 'text'] });
    expect(await refusal({ queries: [one, { ...one, plans: [{}, {}] }] })).toMatchObject({ path: ['queries', 1, 'plans'] });
    const { evaluate } = world();
    expect((await evaluate({ queries: [{ ...textless, plans: [textLeg('a')] }] })).ok).toBe(true);
  });

  it.each([
    ['nothing relevant', { queries: [{ text: 'a', relevant: { a: 0 } }] }, ['queries', 0, 'relevant']],
    [
      'an id of two queries',
      {
        queries: [
          { ...one, id: 'x' },
          { ...one, id: 'x' },
        ],
      },
      ['queries', 1, 'id'],
    ],
    ['a measure that there is not', { queries: [one], measures: ['ndcg'] }, ['measures', 0]],
    ['a measure that is too deep', { queries: [one], measures: ['recall@1001'] }, ['measures', 0]],
    ['a page', { queries: [one], plans: [{ top_k: 3 }] }, ['plans', 0, 'top_k']],
    ['text and legs', { queries: [one], plans: [{ ...TEMPLATE, text: 'a' }] }, ['plans', 0]],
    ['too many rankings', { queries: Array.from({ length: 101 }, () => one), depth: 1000, include_rankings: true }, ['include_rankings']],
  ])('[TX311] of %s, by its path', async (_, body, path) => {
    expect(must(await refusal(body), 'a refusal')).toMatchObject({ path });
  });
});
