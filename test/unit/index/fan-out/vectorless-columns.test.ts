import { describe, expect, it } from 'vitest';

import type { ShardVectors, VectorColumns } from '../../../../src/ann/shard-protocol.ts';
import { bareMatches, fetchedMatches, firstColumns, gatherColumns, joinColumns } from '../../../../src/index/fan-out/answer-columns.ts';
import type { PartAnswer } from '../../../../src/index/fan-out/merge-answers.ts';
import { mergeAnswers } from '../../../../src/index/fan-out/merge-answers.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { locatorOf } from '../../../../src/index/locators/locator-of.ts';
import { LocatedReads } from '../../../../src/index/shards/located-reads.ts';
import { ok } from '../../../../src/kernel/result.ts';

const ALL = { values: true, metadata: false, text: false };
const rest = { metadata: null, texts: null };
const whole: ShardVectors = { ids: ['a', 'b'], values: Float32Array.of(1, 2, 3, 4), ...rest, lsn: 3 };
const bare: ShardVectors = { ids: ['c', 'd'], values: Float32Array.of(0, 0, 5, 6), vectorless: [true, false], ...rest, lsn: 4 };

describe('[TX205] columns of several answers', () => {
  it('say which rows have no vector, if any has none', () => {
    const chosen = [
      { from: 1, at: 1 },
      { from: 0, at: 0 },
      { from: 1, at: 0 },
    ];
    const gathered = gatherColumns([whole, bare], chosen, 2, ALL);
    expect(gathered).toMatchObject({ ids: ['d', 'a', 'c'], values: Float32Array.of(5, 6, 1, 2, 0, 0), vectorless: [false, false, true] });
    expect(gatherColumns([whole, bare], chosen.slice(0, 2), 2, ALL)).not.toHaveProperty('vectorless');
    expect(gatherColumns([whole, bare], chosen, 2, { ...ALL, values: false })).not.toHaveProperty('vectorless');
    const joined = joinColumns([whole, bare]);
    expect([joined.vectorless, joinColumns([whole, whole]).vectorless]).toEqual([[false, false, true, false], undefined]);
    expect(firstColumns(joined, 3, 2)).toMatchObject({ ids: ['a', 'b', 'c'], vectorless: [false, false, true] });
  });

  it('go with matches that are merged, cut and fetched', () => {
    const answer = (vectors: ShardVectors, scores: number[]): PartAnswer => ({ ...vectors, scores, shards: [0, 0], isOld: false });
    const merged = mergeAnswers('dot', 2, [answer(whole, [4, 1]), answer(bare, [3, 2])], { topK: 3, include: ALL });
    expect(merged).toMatchObject({ ids: ['a', 'c', 'd'], vectorless: [false, true, false] });
    const page = bareMatches(merged, 1, 3);
    expect(page).not.toHaveProperty('vectorless');
    expect(fetchedMatches(page, { ...bare, ids: ['c', 'd'] })).toMatchObject({ ids: ['c', 'd'], vectorless: [true, false] });
  });

  it('let no search begin around a row without a vector', async () => {
    const columns: VectorColumns = { ...bare, ids: ['c', 'd'] };
    const routes = { using: (_: unknown, work: (known: object) => unknown) => work({ summary: { version: 1, locators: 1 } }) };
    const locators = { find: async (_: unknown, { ids }: { ids: string[] }) => ok(ids.map(() => ({ shards: [0] }))) };
    const reads = new LocatedReads(routes as never, locators as never, { read: async () => ok({ ...columns, lsn: 4 }) } as never);
    expect(locatorOf('', 'c', 1)).toBe(0);
    const manifest = { id: 'ix_1', dimensions: 2, metric: 'dot' } as unknown as IndexManifest;
    const around = (...ids: string[]) =>
      reads.pointOf(manifest, { indexId: manifest.id, namespace: '', target: { kind: 'examples', positive: ids, negative: [] } });
    expect(await around('d')).toEqual(ok(Float32Array.of(5, 6)));
    expect(await around('d', 'c')).toMatchObject({ error: { code: 'vector_not_found', path: ['positive_ids', 1] } });
  });
});
