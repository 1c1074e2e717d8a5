import { describe, expect, it } from 'vitest';

import { PurgeLog } from '../../../src/cache/purge-log.ts';
import type { Purgeable, PurgeMode, PurgePredicate } from '../../../src/cache/purge-predicate.ts';

const WIDE = { predicatesMax: 100, termsMax: 1000 };
const EVERYTHING: PurgePredicate = {};
const keys = (...digests: string[]): PurgePredicate => ({ digests });
const log = (bounds = WIDE, ...predicates: PurgePredicate[]) =>
  predicates.reduce((purges, predicate, i) => purges.append(predicate, 'hard', 1000 + i), new PurgeLog([], bounds));
const entry = (digest: string, position = 0, more: Partial<Purgeable> = {}): Purgeable => {
  return { digest, position, knownMs: 0, model: 'm', modelVersion: '1', tags: [], ...more };
};
const isTaken = (purges: PurgeLog, of: Purgeable) => purges.verdictOf(of).kind === 'purged';

describe('PurgeLog', () => {
  it.each<[string, PurgePredicate, Partial<Purgeable>, Partial<Purgeable>]>([
    ['digest', { digests: ['a', 'b'] }, { digest: 'b' }, { digest: 'c' }],
    ['digest, with none given', { digests: [] }, {}, { digest: 'a' }],
    ['tag', { tags: ['x', 'y'] }, { tags: ['z', 'y'] }, { tags: ['z', 'xy'] }],
    ['prefix of a tag', { tagPrefix: 'docs/' }, { tags: ['z', 'docs/1'] }, { tags: ['z', 'a-docs/1', 'docs'] }],
    ['model', { model: 'm' }, { model: 'm' }, { model: 'mm' }],
    ['version of a model', { model: 'm', modelVersion: '2' }, { modelVersion: '2' }, { modelVersion: '1' }],
    ['name', { models: ['n', 'm'] }, { model: 'm' }, { model: 'mm' }],
    ['name with a version', { models: ['m@2'] }, { modelVersion: '2' }, { modelVersion: '12' }],
    ['name of what made it', { models: ['up/m'] }, { model: 'route', otherModels: ['m', 'up/m'] }, { otherModels: ['other/m'] }],
    ['name, with none given', { models: [] }, {}, { otherModels: [''] }],
    ['age', { filledBeforeMs: 500 }, { knownMs: 499 }, { knownMs: 500 }],
  ])('[C60] purges by %s', (name, predicate, matching, other) => {
    const purges = log(WIDE, predicate);
    if (!name.includes('none')) expect(isTaken(purges, entry('a', 0, { knownMs: 499, ...matching }))).toBe(true);
    expect(isTaken(purges, entry('a', 0, { knownMs: 499, ...other }))).toBe(false);
  });

  it('[C60] purges only entries that match all selectors', () => {
    const all = { digests: ['a'], tags: ['t/1'], tagPrefix: 't/', model: 'm', modelVersion: '1', filledBeforeMs: 500 };
    const purges = log(WIDE, all);
    expect(isTaken(purges, entry('a', 0, { tags: ['t/1'] }))).toBe(true);
    for (const more of [{ digest: 'b' }, { tags: ['t/2'] }, { tags: [] }, { model: 'n' }, { modelVersion: '2' }, { knownMs: 500 }]) {
      expect(isTaken(purges, entry('a', 0, { tags: ['t/1'], ...more })), JSON.stringify(more)).toBe(false);
    }
    expect(isTaken(log(WIDE, { ...all, tagPrefix: 'u/' }), entry('a', 0, { tags: ['t/1'] }))).toBe(false);
  });

  it('[C4] keeps entries whose fill began at its position or later', () => {
    const purges = log(WIDE, keys('a'), keys('b'), keys('a'));
    expect([0, 1, 2, 3, 4].map((position) => isTaken(purges, entry('a', position)))).toEqual([true, true, true, false, false]);
    expect([0, 1, 2].map((position) => isTaken(purges, entry('b', position)))).toEqual([true, true, false]);
  });

  it('[C4] drops the purges that a purge of everything covers, and no others', () => {
    const purges = log(WIDE, keys('a'), EVERYTHING, { model: 'm' });
    expect(purges.entries.map(({ position }) => position)).toEqual([2, 3]);
    expect(isTaken(purges, entry('z', 1, { model: 'n' }))).toBe(true);
    expect(isTaken(purges, entry('z', 2, { model: 'n' }))).toBe(false);
  });

  it('[C61] soft-purges from the first match on; a hard purge still removes', () => {
    const soft = (purges: PurgeLog, predicate: PurgePredicate, atMs: number, mode: PurgeMode = 'soft') =>
      purges.append(predicate, mode, atMs);
    const purges = soft(soft(soft(new PurgeLog([], WIDE), keys('a'), 10), EVERYTHING, 20), keys('b'), 30, 'hard');
    expect(purges.entries).toHaveLength(3);
    expect(purges.verdictOf(entry('a'))).toEqual({ kind: 'soft-purged', sinceMs: 10 });
    expect(purges.verdictOf(entry('a', 1))).toEqual({ kind: 'soft-purged', sinceMs: 20 });
    expect(purges.verdictOf(entry('a', 2))).toEqual({ kind: 'valid' });
    expect(purges.verdictOf(entry('b', 1))).toEqual({ kind: 'purged' });
    const turned = soft(soft(new PurgeLog([], WIDE), EVERYTHING, 10), keys('a'), 20);
    expect(turned.verdictOf(entry('a'))).toEqual({ kind: 'soft-purged', sinceMs: 10 });
  });

  it('[C5] compacts its oldest half when it has too many predicates', () => {
    const purges = log({ predicatesMax: 4, termsMax: 100 }, ...['a', 'b', 'c', 'd', 'e'].map((digest) => keys(digest)));
    expect(purges.entries).toEqual([
      { position: 3, predicate: EVERYTHING, mode: 'hard', atMs: 1002 },
      { position: 4, predicate: keys('d'), mode: 'hard', atMs: 1003 },
      { position: 5, predicate: keys('e'), mode: 'hard', atMs: 1004 },
    ]);
    expect(isTaken(purges, entry('never purged', 2))).toBe(true);
    expect(isTaken(purges, entry('never purged', 3))).toBe(false);
  });

  it('[C5] compacts when it has too many terms, down to a purge of everything', () => {
    const purges = log({ predicatesMax: 10, termsMax: 3 }, keys('a', 'b'), { tags: ['c', 'd'] }, keys('e', 'f', 'g', 'h'));
    expect(purges.entries).toEqual([{ position: 3, predicate: EVERYTHING, mode: 'hard', atMs: 1002 }]);
    expect(log({ predicatesMax: 10, termsMax: 3 }, keys('e', 'f', 'g', 'h')).entries).toHaveLength(1);
  });

  it('[C6] adopts the tail of another log exactly once, however often it arrives', () => {
    const purges = log(WIDE, keys('a'), keys('b'), keys('c'));
    const known = new PurgeLog(purges.entries.slice(0, 1), WIDE);
    const tail = purges.since(1);
    const extended = known.extend(tail);
    expect(extended.entries).toEqual(purges.entries);
    expect(extended.extend(tail)).toBe(extended);
    expect(extended.extend(purges.since(0))).toBe(extended);
  });
});
