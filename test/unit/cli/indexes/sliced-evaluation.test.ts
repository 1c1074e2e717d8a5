import { describe, expect, it } from 'vitest';

import type { LegOfIndex } from '../../../../src/contract/vectors/plans/legs-of-index.ts';
import { Refused } from '../../../../workers/cli/gateway/gateway-client.ts';
import type { JudgedText } from '../../../../workers/cli/indexes/judged-queries.ts';
import { recordSearches } from '../../../../workers/cli/indexes/recorded-searches.ts';
import { evaluatedInSlices, remarksOn } from '../../../../workers/cli/indexes/sliced-evaluation.ts';

interface Body {
  readonly queries: readonly JudgedText[];
  readonly plans: readonly { readonly legs?: readonly { readonly kind: string }[]; readonly k1?: number; readonly b?: number }[];
}

interface Twists {
  /** The most queries of a call. */
  readonly most?: number;
  /** The most queries that a call has time for. */
  readonly inTime?: number;
  /** Queries that are never judged, with the reason. */
  readonly never?: Readonly<Record<string, string>>;
  readonly generationOf?: (call: number) => number;
}

/** A gateway whose every search finds the id of the query, and what it searched by. */
function world({ most = Infinity, inTime = Infinity, never = {}, generationOf = () => 1 }: Twists = {}) {
  const sizes: number[] = [];
  const call = async (_method: string, _path: string, { queries, plans }: Body) => {
    sizes.push(queries.length);
    if (queries.length > most) throw new Refused(400, 'too many', 'limit_exceeded');
    const unjudged = queries.flatMap(({ id }, at) => {
      const code = never[id] ?? (at < inTime ? undefined : 'deadline_exceeded');
      return code === undefined ? [] : [{ id, plan: 0, code }];
    });
    const left = new Set(unjudged.map(({ id }) => id));
    const rankingOf = (id: string, { legs, k1, b }: Body['plans'][number]) => [
      { id, score: 2 },
      { id: [legs?.[0]?.kind ?? 'in use', k1, b].join(' ').trim(), score: 1 },
    ];
    return {
      queries: queries
        .filter(({ id }) => !left.has(id))
        .map(({ id }) => ({ id, plans: plans.map((plan) => ({ ranking: rankingOf(id, plan) })) })),
      unjudged,
      unknown_relevant: { count: 1, ids: ['gone'] },
      generation: generationOf(sizes.length),
    };
  };
  return { client: { call } as never, sizes };
}

const queriesOf = (count: number): JudgedText[] =>
  Array.from({ length: count }, (_, at) => ({ id: `q${at}`, text: 'a', relevant: { a: 1 } }));
const idsOf = ({ queries }: { readonly queries: readonly { readonly id: string }[] }) => queries.map(({ id }) => id).toSorted();
const ASKED = { plans: [{}], measures: ['mrr'] };

describe('an evaluation of many queries', () => {
  it('[TX327] is of slices, smaller ones where a call is refused as too large', async () => {
    const { client, sizes } = world({ most: 15 });
    const found = await evaluatedInSlices(client, 'notes', queriesOf(45), ASKED);
    expect(idsOf(found)).toEqual(idsOf({ queries: queriesOf(45) }));
    expect(sizes).toEqual([40, 20, 10, 10, 10, 10, 5]);
  });

  it('[TX327] sends again what the deadline cut, in smaller slices where that is most', async () => {
    const { client, sizes } = world({ inTime: 8 });
    const found = await evaluatedInSlices(client, 'notes', queriesOf(50), ASKED);
    expect(idsOf(found)).toEqual(idsOf({ queries: queriesOf(50) }));
    expect(found.unjudged).toEqual([]);
    expect(sizes.slice(0, 2)).toEqual([40, 20]);
    expect(sizes.slice(2).every((size) => size <= 10)).toBe(true);
  });

  it('[TX327] names what is never judged: after three calls in vain, or if the quota is spent', async () => {
    const { client, sizes } = world({ never: { q1: 'deadline_exceeded', q2: 'insufficient_quota' } });
    const found = await evaluatedInSlices(client, 'notes', queriesOf(4), ASKED);
    expect(idsOf(found)).toEqual(['q0', 'q3']);
    expect(found.unjudged.map(({ id }) => id)).toEqual(['q2', 'q1']);
    expect(sizes).toEqual([4, 1, 1, 1]);
    expect(remarksOn(found)).toEqual([
      '2 queries are not judged (insufficient_quota, deadline_exceeded), such as q2: repeat it',
      'up to 4 relevant documents are not in the index, such as gone: they count as missed',
    ]);
  });

  it('[TX327] ends where another generation comes to serve, and where a single query is too large', async () => {
    const { client } = world({ generationOf: (call) => call });
    await expect(evaluatedInSlices(client, 'notes', queriesOf(41), ASKED)).rejects.toThrow('generation 2 of notes came to serve');
    await expect(evaluatedInSlices(world({ most: 0 }).client, 'notes', queriesOf(3), ASKED)).rejects.toThrow('too many');
  });
});

describe('searches that are recorded', () => {
  const legs: LegOfIndex[] = [
    { kind: 'vector', field: '', text: '{{text}}', exact: false },
    { kind: 'text', text: '{{text}}' },
    { kind: 'sparse', field: 'terms', text: '{{text}}' },
  ];
  const variants = Array.from({ length: 7 }, (_, at) => ({ k1: at, b: 0 }));

  it('[TX329] are the one in use and every leg alone, texts under every variant', async () => {
    const { client, sizes } = world({ never: { q1: 'unavailable' } });
    const found = await recordSearches(client, 'notes', queriesOf(3), { legs, variants });
    expect(found.queries.map(({ inUse }) => inUse)).toEqual([
      ['q0', 'in use'],
      ['q2', 'in use'],
    ]);
    const searched = found.queries[1]?.variants.map((variant) => variant.map(({ ids }) => ids[1]));
    expect(searched).toEqual(variants.map(({ k1, b }) => ['vector', `text ${k1} ${b}`, 'sparse']));
    expect(found.queries[0]?.gains).toEqual(new Map([['a', 1]]));
    // Ten plans are of two calls, after each of which one query is asked for three times more.
    expect(sizes).toEqual([3, 1, 1, 1, 3, 1, 1, 1]);
  });

  it('[TX329] are of one variant where no text is searched', async () => {
    const found = await recordSearches(world().client, 'notes', queriesOf(1), { legs: legs.slice(0, 1), variants });
    expect(found.queries[0]?.variants).toHaveLength(1);
  });
});
