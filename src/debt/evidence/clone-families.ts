import type { Clone } from './clones.ts';

/** Clones of the same code: the longest of them, and how many places the code stands in. */
export interface CloneFamily {
  readonly longest: Clone;
  readonly copies: number;
}

interface Place {
  readonly path: string;
  readonly from: number;
  readonly to: number;
  readonly clone: number;
}

/** Clones that share a place are of one family: paying one of them pays all, so they are one item. [D34] */
export function familiesOf(clones: readonly Clone[]): readonly CloneFamily[] {
  const places = clones.flatMap(({ path, line, lastLine, other, otherLine, otherLastLine }, clone): Place[] => [
    { path, from: line, to: lastLine, clone },
    { path: other, from: otherLine, to: otherLastLine, clone },
  ]);
  const sorted = places.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.from - b.from || a.to - b.to));
  const parents = clones.map((_, i) => i);
  const rootOf = (i: number): number => {
    let root = i;
    for (let next = parents[root]; next !== undefined && next !== root; next = parents[root]) root = next;
    return root;
  };
  /** Of each family how many of its places are the same as one before. */
  const shared = new Map<number, number>();
  let last: Place | undefined;
  for (const place of sorted) {
    if (last !== undefined && place.path === last.path && overlaps(last, place)) {
      const [a, b] = [rootOf(last.clone), rootOf(place.clone)];
      parents[b] = a;
      shared.set(place.clone, (shared.get(place.clone) ?? 0) + 1);
    }
    if (last === undefined || last.path !== place.path || place.to > last.to) last = place;
  }
  const families = new Map<number, { longest: Clone; copies: number }>();
  for (const [i, clone] of clones.entries()) {
    const [root, own] = [rootOf(i), 2 - (shared.get(i) ?? 0)];
    const family = families.get(root);
    if (family === undefined) families.set(root, { longest: clone, copies: own });
    else {
      family.copies += own;
      if (clone.lines > family.longest.lines) family.longest = clone;
    }
  }
  return [...families.values()];
}

/** At least half of the shorter one. `a` begins first. */
const overlaps = (a: Place, b: Place): boolean => Math.min(a.to, b.to) - b.from + 1 >= Math.min(a.to - a.from + 1, b.to - b.from + 1) / 2;
