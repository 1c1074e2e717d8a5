import { groupBy } from '../../kernel/grouped.ts';
import type { Clone } from './clones.ts';

/** Clones of the same code: the longest of them, and how many places have nine tenths of its lines in a row. */
export interface CloneFamily {
  readonly longest: Clone;
  readonly copies: number;
}

/** Lines of code of a file, from the first to before the last, which are one side of a clone. */
interface Place {
  readonly path: string;
  readonly from: number;
  readonly to: number;
  readonly clone: number;
}

/** A place that has less is another piece of code with some of the same lines. */
const SHARE_OF_A_COPY = 0.9;

/** Clones that share a place are of one family: paying one of them pays all, so they are one item. [D34] */
export function familiesOf(clones: readonly Clone[]): readonly CloneFamily[] {
  const parents = clones.map((_, i) => i);
  const rootOf = (i: number): number => {
    let root = i;
    for (let next = parents[root]; next !== undefined && next !== root; next = parents[root]) root = next;
    return root;
  };
  let last: Place | undefined;
  for (const place of clones.flatMap(sidesOf).toSorted(inOrder)) {
    if (last !== undefined && overlaps(last, place)) parents[rootOf(place.clone)] = rootOf(last.clone);
    if (last === undefined || last.path !== place.path || place.to > last.to) last = place;
  }
  const families = new Map<number, Clone[]>();
  for (const [i, clone] of clones.entries()) {
    const known = families.get(rootOf(i));
    if (known === undefined) families.set(rootOf(i), [clone]);
    else known.push(clone);
  }
  return [...families.values()].map((family) => {
    const longest = family.reduce((one, other) => (other.lines > one.lines ? other : one));
    return { longest, copies: copiesOf(longest, family) };
  });
}

/** One side of a clone, and the other, which has the same lines. */
interface Lead {
  readonly here: Place;
  readonly there: Place;
}

/** The two places of the longest clone, and what clones lead to from there that has enough of it. */
function copiesOf(longest: Clone, family: readonly Clone[]): number {
  const leads = groupBy(family.flatMap(leadsOf), ({ here }) => here.path);
  const copies = new Map<string, Place[]>();
  const found: Place[] = sidesOf(longest, 0);
  let count = 0;
  for (let place = found.pop(); place !== undefined; place = found.pop()) {
    const { path } = place;
    const known = copies.get(path) ?? [];
    if (known.some((copy) => overlaps(copy, place))) continue;
    known.push(place);
    copies.set(path, known);
    count += 1;
    // [D101] Only clones of this file: each of all clones for each copy would take the square of their number.
    for (const lead of leads.get(path) ?? []) found.push(...ledTo(place, lead, longest.lines));
  }
  return count;
}

function leadsOf(clone: Clone): Lead[] {
  const [one, other] = sidesOf(clone, 0);
  return [
    { here: one, there: other },
    { here: other, there: one },
  ];
}

/** What of a place the other side of a clone has, if it is enough of a copy. */
function ledTo(place: Place, { here, there }: Lead, lines: number): Place[] {
  const [from, to] = [Math.max(place.from, here.from), Math.min(place.to, here.to)];
  const shift = there.from - here.from;
  return to - from >= SHARE_OF_A_COPY * lines ? [{ ...there, from: from + shift, to: to + shift }] : [];
}

const sidesOf = ({ path, at, other, otherAt, lines }: Clone, clone: number): [Place, Place] => [
  { path, from: at, to: at + lines, clone },
  { path: other, from: otherAt, to: otherAt + lines, clone },
];

const inOrder = (a: Place, b: Place): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.from - b.from || a.to - b.to);

/** They share at least half of the shorter one. */
const overlaps = (a: Place, b: Place): boolean =>
  a.path === b.path && Math.min(a.to, b.to) - Math.max(a.from, b.from) >= Math.min(a.to - a.from, b.to - b.from) / 2;
