import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { FoundPlan } from '../../../src/gateway/vectors/plans/plans.ts';
import { ok } from '../../../src/kernel/result.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { PlannedIndexes } from '../../support/worlds/planned-indexes.ts';

const ROWS = 130;

/** Absent as often as not. */
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const seldom = <T>(of: fc.Arbitrary<T>) => fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: of });
const word = fc.oneof(
  fc.nat({ max: 8 }).map((n) => `w${n}`),
  fc.nat({ max: 2 }).map((n) => `t${n}`),
  fc.constantFrom('all', 'none'),
);
const words = fc.array(word, { minLength: 1, maxLength: 4 }).map((list) => list.join(' '));
const id = fc.nat({ max: ROWS }).map((n) => `r${n}`);
const floats = (length: number) => fc.array(fc.integer({ min: -4, max: 4 }), { minLength: length, maxLength: length });
const property = fc.constantFrom('page', 'of', 'mixed', 'absent');

const filter = fc.oneof(
  fc.record({ page: fc.record({ $gte: fc.nat({ max: 4 }) }) }),
  fc.record({ of: fc.nat({ max: 4 }).map((n) => `g${n}`) }),
  fc.record({ mixed: fc.record({ $exists: fc.boolean() }) }),
);

const every = {
  weight: maybe(fc.constantFrom(0, 0.5, 1, 3)),
  limit: maybe(fc.integer({ min: 1, max: 60 })),
  filter: seldom(filter),
};

const query = fc.oneof(
  word,
  fc.record({ prefix: fc.constantFrom('w', 't', 'w1') }),
  fc.record({ phrase: fc.tuple(word, word).map((two) => two.join(' ')) }),
  fc.record({ must: fc.array(word, { minLength: 1, maxLength: 2 }), should: fc.array(word, { minLength: 1, maxLength: 2 }) }),
  fc.record({ should: fc.array(word, { minLength: 1, maxLength: 3 }), must_not: fc.array(word, { minLength: 1, maxLength: 1 }) }),
);

const fields = maybe(fc.constantFrom({ title: 1 }, { body: 2 }, { title: 0.5, body: 1 }, { title: 0 }));
const text = fc.oneof(
  fc.record({ kind: fc.constant('text'), text: words, fields, ...every }),
  fc.record({ kind: fc.constant('text'), query, fields, ...every }),
);

/** Without approximation: what is near by lists is another matter. */
const near = { kind: fc.constant('vector'), exact: fc.constant(true), ...every };
const examples = fc.uniqueArray(id, { minLength: 1, maxLength: 2 });
const vector = fc.oneof(
  fc.record({ ...near, vector: floats(4) }),
  fc.record({ ...near, id }),
  fc.record({ ...near, field: fc.constant('place'), vector: floats(3) }),
  fc.record({ ...near, field: fc.constant('place'), id }),
  fc.record({ ...near, field: fc.constantFrom('', 'place'), positive_ids: examples, negative_ids: maybe(examples) }),
);

const sparse = fc.uniqueArray(fc.nat({ max: 7 }), { minLength: 1, maxLength: 4 }).chain((indices) =>
  fc.record({
    kind: fc.constant('sparse'),
    field: fc.constant('terms'),
    indices: fc.constant(indices),
    values: fc.array(fc.constantFrom(-1, -0.25, 0, 0.5, 2), { minLength: indices.length, maxLength: indices.length }),
    ...every,
  }),
);

const ids = fc.record({ kind: fc.constant('ids'), ids: fc.uniqueArray(id, { minLength: 1, maxLength: 30 }), ...every });
const simple = fc.oneof(text, vector, sparse, ids);

const fusion = maybe(
  fc.oneof(
    fc.constantFrom({ kind: 'auto' }, { kind: 'dbsf' }, { kind: 'sum', normaliser: 'none' }, { kind: 'sum' }),
    fc.record({ kind: fc.constant('rrf'), k: fc.constantFrom(0, 1, 60) }),
  ),
);

const group = fc.record({ legs: fc.array(simple, { minLength: 1, maxLength: 3 }), fusion });
const leg = fc.oneof(
  { weight: 3, arbitrary: simple },
  { weight: 1, arbitrary: fc.tuple(group, fc.record(every)).map(([of, more]) => ({ kind: 'plan', ...of, ...more })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.oneof(text, vector, sparse), group, maybe(fc.integer({ min: 1, max: 40 })))
      .map(([one, of, limit]) => ({ ...one, prefetch: { ...of, limit } })),
  },
);

const depth = maybe(fc.integer({ min: 1, max: 150 }));
const score = fc.oneof(
  fc.record({ kind: fc.constant('property'), property }),
  fc.constant({ kind: 'sum', of: [{ kind: 'score' }, { kind: 'score', leg: 0 }] }),
  fc.record({
    kind: fc.constantFrom('decay_exp', 'decay_gauss', 'decay_linear'),
    of: fc.record({ kind: fc.constant('property'), property }),
    origin: fc.nat({ max: 5 }),
    scale: fc.constantFrom(0.5, 2),
  }),
);
const stage = fc.oneof(
  fc.record({
    kind: fc.constant('max_sim'),
    field: fc.constant('tokens'),
    vectors: fc.array(floats(2), { minLength: 1, maxLength: 3 }),
    depth,
  }),
  fc.record({ kind: fc.constant('rerank'), model: fc.constant('lengths'), text: fc.constant('w1'), depth }),
  fc.record({ kind: fc.constant('formula'), score, depth }),
  fc.record({ kind: fc.constant('mmr'), field: fc.constantFrom('', 'place'), diversity: fc.constantFrom(0, 0.3, 1), depth }),
  fc.record({ kind: fc.constant('group'), by: property, size: fc.integer({ min: 1, max: 3 }), depth }),
  fc.record({ kind: fc.constant('order_by'), property, direction: fc.constantFrom('ascending', 'descending'), depth }),
);

const plan = fc
  .record({
    legs: fc.array(leg, { minLength: 1, maxLength: 2 }),
    fusion,
    stages: fc.array(stage, { maxLength: 3 }),
    facets: fc.array(fc.record({ property, limit: fc.integer({ min: 1, max: 4 }) }), { maxLength: 2 }),
    filter: seldom(filter),
    namespace: fc.constantFrom('', '', '', '', '', '', 'en', 'en', 'nowhere'),
    top_k: fc.integer({ min: 1, max: 40 }),
    offset: fc.constantFrom(0, 0, 0, 3, 50),
    include_text: fc.boolean(),
    include_fields: fc.boolean(),
    statistics_of: fc.constantFrom('index', 'index', 'filter'),
    k1: maybe(fc.constantFrom(0, 0.9)),
    b: maybe(fc.constantFrom(0, 1)),
    isMarked: fc.boolean(),
  })
  .map(({ isMarked, ...body }) => {
    const hasText = JSON.stringify(body.legs).includes('"kind":"text"');
    return written({ ...body, statistics: 'exact', ...(isMarked && hasText ? { highlight: { fragment_chars: 40, fragments: 2 } } : {}) });
  });

/** As it comes over the wire. */
const written = (body: object) => JSON.parse(JSON.stringify(body)) as object;

/** What is the same of a plan wherever its rows are; scores apart. */
function shown(found: Outcome<FoundPlan>) {
  if (!found.ok) return { refused: [found.error.code, found.error.path], scores: [] };
  const { page, candidates, facets, decision, missing, cutParts, searches } = found.value;
  const { ids: matches, scores, groups, metadata, texts, contents, highlights } = page;
  const { weights, ...chosen } = decision;
  return {
    page: { matches, groups, metadata, texts, contents, highlights },
    rest: { candidates, facets, chosen, missing, cutParts, searches },
    scores: [...scores, ...weights],
  };
}

/** The same page, with scores that differ by no more than 1e-6. */
function expectSame(found: Outcome<FoundPlan>, expected: Outcome<FoundPlan>): void {
  const [{ scores, ...one }, { scores: others, ...other }] = [shown(found), shown(expected)];
  expect(one).toEqual(other);
  expect(scores.length).toBe(others.length);
  for (const [at, given] of scores.entries())
    expect(Math.abs(given - (others[at] ?? Number.NaN))).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(given)));
}

const seeds = Array.from({ length: effort(1, 4) }, (_, i) => i + 1);

describe.each(seeds)('plans of an index of several shards with spilled copies (seed %i)', (seed) => {
  const indexes = new PlannedIndexes(seed);

  beforeAll(async () => {
    indexes.world.heat.of = () => 1.4;
    await indexes.grow(ROWS);
    expect(indexes.world.table!.shards.length).toBeGreaterThan(3);
    expect(indexes.rowsHeld, 'copies').toBeGreaterThan(ROWS + 10);
    expect(indexes.world.replicasMade).toBeGreaterThan(0);
  }, 120_000);

  it('[TX289] find what they find in one shard, and the same again', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (body) => {
        const found = await indexes.ofMany(body);
        expectSame(found, await indexes.ofOne(body));
        expect(shown(await indexes.ofMany(body))).toEqual(shown(found));
      }),
      { numRuns: effort(120, 600), seed },
    );
  }, 300_000);

  it('[TX282] [TX289] in one call find what each finds alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(plan, { minLength: 2, maxLength: 6 }), async (bodies) => {
        const alone = [];
        for (const body of bodies) alone.push(await indexes.ofOne(body));
        const refused = alone.findIndex(({ ok: isFound }) => !isFound);
        const together = await indexes.allOfMany(bodies);
        if (refused >= 0) {
          const [code, path] = shown(alone[refused]!).refused ?? [];
          expect(shown(together as never).refused).toEqual([code, ['searches', refused, ...(path as [])]]);
        } else for (const [i, one] of alone.entries()) expectSame(together.ok ? ok(together.value.found[i]!) : together, one);
      }),
      { numRuns: effort(30, 300), seed },
    );
  }, 300_000);

  it('[TX289] at the LSN of a write find what it wrote, from replicas, too', async () => {
    const gateway = indexes.world.gateway();
    const before = indexes.world.replicaReads;
    await fc.assert(
      fc.asyncProperty(plan, fc.uniqueArray(fc.nat({ max: ROWS - 1 }), { minLength: 1, maxLength: 5 }), async (body, numbers) => {
        await indexes.write(numbers);
        const expected = await indexes.ofOne(body);
        const found = await indexes.ofMany({ ...body, consistency: { min_lsn: indexes.lsn } }, gateway);
        if (!indexes.isMoving) expectSame(found, expected);
        // No time passes here unless rows are moving.
        await indexes.world.rest(0);
      }),
      { numRuns: effort(30, 300), seed },
    );
    await indexes.world.rest(120_000);
    await fc.assert(
      fc.asyncProperty(plan, async (body) => {
        expectSame(await indexes.ofMany({ ...body, consistency: 'eventual' }, gateway), await indexes.ofOne(body));
      }),
      { numRuns: effort(30, 300), seed },
    );
    expect(indexes.world.replicaReads).toBeGreaterThan(before);
  }, 300_000);
});
