import { describe, expect, it } from 'vitest';

import { PurgeLog } from '../../../src/cache/purge-log.ts';
import type { PurgePredicate } from '../../../src/cache/purge-predicate.ts';

const WIDE = { predicatesMax: 100, digestsMax: 1000 };
const keys = (contractHash: string | null, ...digests: string[]): PurgePredicate => ({ kind: 'keys', digests, contractHash });
const everything = (contractHash: string | null = null): PurgePredicate => ({ kind: 'everything', contractHash });
const log = (bounds = WIDE, ...predicates: PurgePredicate[]) =>
  predicates.reduce((purges, predicate) => purges.append(predicate), new PurgeLog([], bounds));
const entry = (contractHash: string, digest: string, position: number) => ({ contractHash, digest, position });

describe('PurgeLog', () => {
  it('[C4] takes by key, whatever the contract, unless one is given', () => {
    const purges = log(WIDE, keys(null, 'a'), keys('c1', 'b'));
    expect(purges.takes(entry('c1', 'a', 0))).toBe(true);
    expect(purges.takes(entry('c2', 'a', 0))).toBe(true);
    expect(purges.takes(entry('c1', 'b', 1))).toBe(true);
    expect(purges.takes(entry('c2', 'b', 1))).toBe(false);
    expect(purges.takes(entry('c1', 'z', 0))).toBe(false);
  });

  it('[C4] takes all of a contract, or all there is', () => {
    expect(log(WIDE, everything('c1')).takes(entry('c1', 'a', 0))).toBe(true);
    expect(log(WIDE, everything('c1')).takes(entry('c2', 'a', 0))).toBe(false);
    expect(log(WIDE, everything()).takes(entry('c2', 'a', 0))).toBe(true);
  });

  it('[C4] leaves what began to be filled at its position or later', () => {
    const purges = log(WIDE, keys(null, 'a'), keys(null, 'b'), keys(null, 'a'));
    expect([0, 1, 2, 3, 4].map((position) => purges.takes(entry('c', 'a', position)))).toEqual([true, true, true, false, false]);
    expect([0, 1, 2].map((position) => purges.takes(entry('c', 'b', position)))).toEqual([true, true, false]);
  });

  it('[C4] forgets what a purge of everything covers, and nothing else', () => {
    const purges = log(WIDE, keys(null, 'a'), everything(), everything('c1'));
    expect(purges.entries.map(({ position }) => position)).toEqual([2, 3]);
    expect(purges.takes(entry('c2', 'a', 1))).toBe(true);
    expect(purges.takes(entry('c2', 'a', 2))).toBe(false);
  });

  it('[C5] collapses its oldest half once it holds too many predicates', () => {
    const purges = log({ predicatesMax: 4, digestsMax: 100 }, ...['a', 'b', 'c', 'd', 'e'].map((digest) => keys(null, digest)));
    expect(purges.entries).toEqual([
      { position: 3, predicate: everything() },
      { position: 4, predicate: keys(null, 'd') },
      { position: 5, predicate: keys(null, 'e') },
    ]);
    expect(purges.takes(entry('c', 'never purged', 2))).toBe(true);
    expect(purges.takes(entry('c', 'never purged', 3))).toBe(false);
  });

  it('[C5] collapses once it holds too many digests, down to a purge of everything', () => {
    const purges = log({ predicatesMax: 10, digestsMax: 3 }, keys(null, 'a', 'b'), keys(null, 'c', 'd'), keys(null, 'e', 'f', 'g', 'h'));
    expect(purges.entries).toEqual([{ position: 3, predicate: everything() }]);
    expect(log({ predicatesMax: 10, digestsMax: 3 }, keys(null, 'e', 'f', 'g', 'h')).entries).toHaveLength(1);
  });

  it('[C6] continues a reader from any position, and bears repeats', () => {
    const owner = log(WIDE, keys(null, 'a'), keys(null, 'b'), keys(null, 'c'));
    const reader = log(WIDE, keys(null, 'a')).extend(owner.since(1));
    expect(reader.entries).toEqual(owner.entries);
    expect(reader.extend(owner.since(0)).entries).toEqual(owner.entries);
    expect(owner.since(3)).toEqual([]);
  });
});
