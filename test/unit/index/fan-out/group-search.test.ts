import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { searchGroup, TreeSearch } from '../../../../src/index/fan-out/group-search.ts';
import type { ShardReads } from '../../../../src/index/fan-out/shard-reads.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { compareScores } from '../../../../src/ann/metric.ts';
import { STRONG } from '../../../../src/ann/replication/read-consistency.ts';
import type { ShardQuery } from '../../../../src/ann/shard-protocol.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { Metric } from '../../../../src/contract/indexes/index-settings.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { effort } from '../../../support/fixtures/effort.ts';
import { value } from '../../../support/worlds/shard-world.ts';
import { FanOut } from '../../../../src/index/fan-out/fan-out.ts';
import type { GroupQuery } from '../../../../src/index/fan-out/group-search.ts';
import { MANIFEST, MemberWorld } from '../../../support/worlds/member-world.ts';

interface Match {
  readonly id: string;
  readonly score: number;
}

/** Shards with these matches, and a search over all of them; from round `lateFrom` on, shard 0 does not answer. */
function group(metric: Metric, shards: readonly (readonly Match[])[], metadataChars = 0, lateFrom = Infinity) {
  const sorted = shards.map((own) => own.toSorted((a, b) => compareScores(metric, a.score, b.score) || (a.id < b.id ? -1 : 1)));
  const rounds: { readonly shards: readonly number[]; readonly topK: number; readonly held: number }[] = [];
  const gather: ShardReads['gather'] = async (_, asked, { topK, include, columnsBytesMax = Infinity }) => {
    const heard = asked.filter((shard) => shard !== 0 || rounds.length + 1 < lateFrom);
    const answers = heard.map((shard) => {
      const found = sorted[shard]?.slice(0, topK) ?? [];
      const isBare = include.metadata && 2 * metadataChars * found.length > columnsBytesMax;
      const metadata = include.metadata && !isBare ? found.map(() => 'x'.repeat(metadataChars)) : null;
      const [ids, scores] = [found.map(({ id }) => id), found.map(({ score }) => score)];
      const answer = { ids, scores, values: null, metadata, texts: null, lsn: 1, ...(isBare ? { isBare } : {}) } as const;
      return { shard, fromSpare: false, value: { member: { shard, replica: null }, answer } };
    });
    const held = answers.reduce((sum, { value: { answer } }) => sum + answer.ids.length, 0);
    rounds.push({ shards: asked, topK, held });
    if (answers.length === 0) return refuse('unavailable', 'nobody is there');
    return ok({ answers, missing: asked.filter((shard) => !heard.includes(shard)) });
  };
  const reads = { nowMs: 0, gather } as unknown as ShardReads;
  const manifest = { metric, dimensions: 2 } as IndexManifest;
  const ordinals = shards.map((_, shard) => shard);
  const search = async (topK: number, more: Partial<ShardQuery> = {}) => {
    const include = { values: false, metadata: metadataChars > 0, text: false };
    const query = { topK, include, ...more } as ShardQuery;
    return value(await searchGroup(reads, { manifest, shards: ordinals, query, consistency: STRONG, budgetMs: 100 }));
  };
  const closest = (topK: number) =>
    sorted
      .flat()
      .toSorted((a, b) => compareScores(metric, a.score, b.score) || (a.id < b.id ? -1 : 1))
      .slice(0, topK);
  return { rounds, search, closest };
}

const matches = (shard: number, scores: readonly number[]): Match[] => scores.map((score, i) => ({ id: `${shard}-${i}`, score }));

describe('many matches of a group of shards', () => {
  it('[F50] are the closest of all, whatever their distribution over shards', async () => {
    const seen = { again: 0, equal: 0 };
    const spread = fc.array(
      fc.record({ count: fc.integer({ min: 0, max: 3_000 }), best: fc.integer({ min: 0, max: 4_000 }), step: fc.constantFrom(0, 1, 2) }),
      {
        minLength: 2,
        maxLength: 6,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        spread,
        fc.integer({ min: 1_001, max: 4_000 }),
        fc.constantFrom<Metric>('dot', 'l2'),
        async (specs, topK, metric) => {
          const shards = specs.map(({ count, best, step }, shard) =>
            matches(
              shard,
              Array.from({ length: count }, (_, i) => best + step * i),
            ),
          );
          const { rounds, search, closest } = group(metric, shards);
          const found = await search(topK);
          expect(found.ids.map((id, i) => ({ id, score: found.scores[i] }))).toEqual(closest(topK));
          if (rounds.length > 1) seen.again += 1;
          if (specs.some(({ step, count }) => step === 0 && count > 1_000)) seen.equal += 1;
        },
      ),
      { seed: 40, numRuns: effort(60) },
    );
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(5);
  });

  it('[F50] of equal scores are those with the smallest ids, in whichever shards', async () => {
    const equal = (shard: number, count: number) =>
      matches(
        shard,
        Array.from({ length: count }, () => 1),
      );
    const { rounds, search, closest } = group('dot', [equal(0, 3_000), equal(1, 1_000), equal(2, 1_000), equal(3, 1_000)]);
    expect((await search(2_000)).ids).toEqual(closest(2_000).map(({ id }) => id));
    expect(rounds.length).toBeGreaterThan(1);
  });

  it('[F50] of a hundred shards are held a few times over, not a hundred times', async () => {
    const shards = Array.from({ length: 100 }, (_, shard) =>
      matches(
        shard,
        Array.from({ length: 3_000 }, (__, i) => shard + 100 * i),
      ),
    );
    const { rounds, search } = group('l2', shards);
    expect((await search(20_000)).scores).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    expect(Math.max(...rounds.map(({ held }) => held))).toBeLessThanOrEqual(100 * VECTOR_LIMITS.fanOutMatchesMaxCount);
    // All matches are in one shard: only that one is asked again.
    const skewed = shards.map((own, shard) =>
      shard === 7
        ? matches(
            7,
            Array.from({ length: 20_000 }, (_, i) => i / 20_000),
          )
        : own,
    );
    const again = group('l2', skewed);
    await again.search(15_000);
    expect(again.rounds.length).toBeGreaterThan(1);
    for (const round of again.rounds.slice(1)) expect(round.shards).toEqual([7]);
  });

  it('[F50] are those found before a shard stopped answering, which is named', async () => {
    const { rounds, search } = group(
      'l2',
      [
        matches(
          0,
          Array.from({ length: 5_000 }, (_, i) => i),
        ),
        ...[1, 2, 3].map((shard) => matches(shard, [9_000])),
      ],
      0,
      2,
    );
    const found = await search(3_000);
    expect(rounds.length).toBe(2);
    expect(found.missing).toEqual([0]);
    expect(found.ids.length).toBeGreaterThanOrEqual(1_000);
  });

  it('[F51] include columns only as far as the budget of all allows', async () => {
    const shards = [0, 1, 2, 3].map((shard) =>
      matches(
        shard,
        Array.from({ length: 100 }, (_, i) => i),
      ),
    );
    const small = await group('dot', shards, 100).search(100);
    expect([small.isBare, small.metadata?.length]).toEqual([undefined, 100]);
    const large = await group('dot', shards, 20_000).search(100);
    expect([large.isBare, large.metadata, large.ids.length]).toEqual([true, null, 100]);
    // As a part of a larger fan-out, the group has its share of the budget.
    const shared = await group('dot', shards, 100).search(100, { columnsBytesMax: 10_000 });
    expect([shared.isBare, shared.metadata, shared.ids.length]).toEqual([true, null, 100]);
  });
});

/** `shards` shards with two vectors each, and aggregators over them. */
function forest(shards: number) {
  const world = new MemberWorld();
  for (let shard = 0; shard < shards; shard += 1) {
    const [near, far] = [(shard * 37) % shards, -shard];
    world.vectors.set(shard, [
      { id: `near ${near}`, values: [near, 0] },
      { id: `far ${shard}`, values: [far, 0] },
    ]);
    world.behave(shard, { lsn: shard });
  }
  const groups: GroupQuery[] = [];
  const dead = new Set<number>();
  const aggregators = {
    search: async (query: GroupQuery) => {
      const nth = groups.push(query);
      await world.time.sleep(1);
      return dead.has(nth) ? refuse('unavailable', 'no aggregator') : searchGroup(world.reads, query);
    },
  };
  const tree = new TreeSearch(world.reads, aggregators, new FanOut(world.time, world.time));
  const search = (budgetMs: number, topK = 5) => {
    const target = { kind: 'values', values: Float32Array.of(1, 0) } as const;
    const include = { values: true, metadata: false, text: false };
    const query = { indexId: MANIFEST.id, target, namespace: '', topK, filter: null, excludeIds: [], include };
    const ordinals = Array.from({ length: shards }, (_, shard) => shard);
    return world.time.run(tree.search({ manifest: MANIFEST, shards: ordinals, query, consistency: STRONG, budgetMs }));
  };
  return { world, groups, dead, search };
}

describe('TreeSearch', () => {
  it('[F30] asks up to a hundred shards itself', async () => {
    const { world, groups, search } = forest(100);
    expect(value(await search(100)).ids).toEqual([99, 98, 97, 96, 95].map((n) => `near ${n}`));
    expect([groups.length, world.asked.length]).toEqual([0, 100]);
  });

  it('[F30] asks more through a few aggregators, and finds the same', async () => {
    for (const shards of [101, 450, 4_096]) {
      const { world, groups, search } = forest(shards);
      const found = value(await search(1_000));
      expect(found.ids).toEqual(Array.from({ length: 5 }, (_, i) => `near ${shards - 1 - i}`));
      expect([...found.values!]).toEqual(Array.from({ length: 5 }, (_, i) => [shards - 1 - i, 0]).flat());
      expect(found.shards.map((shard) => (shard * 37) % shards)).toEqual(Array.from({ length: 5 }, (_, i) => shards - 1 - i));
      expect([found.lsn, found.missing]).toEqual([shards - 1, undefined]);
      expect(groups.length).toBeLessThanOrEqual(VECTOR_LIMITS.fanOutGroupsMaxCount);
      for (const { shards: members } of groups) expect(members.length).toBeLessThan(200);
      expect(new Set(world.asked.map(({ shard }) => shard)).size).toBe(shards);
      expect(world.asked.length).toBe(shards);
    }
  });

  it('[F31] names the shards of an unreachable aggregator, and those an aggregator missed in time', async () => {
    const { world, groups, dead, search } = forest(300);
    dead.add(2);
    world.behave(250, { takesMs: 500 });
    world.behave(17, { fails: 'unavailable' });
    const { missing } = value(await search(50));
    expect(missing).toEqual([...Array.from({ length: 100 }, (_, i) => 100 + i), 17, 250]);
    expect(groups.every(({ budgetMs }) => budgetMs < 50)).toBe(true);
  });

  it('[F31] returns the refusal of a shard, also through an aggregator', async () => {
    const { world, search } = forest(300);
    world.behave(222, { fails: 'stale_route' });
    expect(await search(50)).toMatchObject({ ok: false, error: { code: 'stale_route' } });
  });

  it('[F31] refuses with `deadline_exceeded` when no aggregator got an answer in time', async () => {
    const { world, search } = forest(300);
    for (let shard = 0; shard < 300; shard += 1) world.behave(shard, { takesMs: 500 });
    expect(await search(50)).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
  });
});
