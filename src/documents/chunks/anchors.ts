import type { Unit } from './units.ts';
import { RANK } from './units.ts';

/**
 * The anchors of a stretch, ascending, but for its first unit, where it is divided already: beginnings of units that have, as far as `reach` tokens in both
 * directions, no unit of the same or a higher rank, and of the same rank none of the same or a greater hash. Whether a unit is an anchor depends on nothing
 * beyond that reach. Where the stretch `isClosed`, a unit of the highest rank follows; else what is nearer to its end than the reach is left open. Local maxima
 * as boundaries: Bjorner, Blass and Gurevich 2010, "Content-dependent chunking for differential compression, the local maximum approach". [DC13]
 */
export function anchorsOf(units: readonly Unit[], reach: number, isClosed: boolean): number[] {
  const places = new Float64Array(units.length + 1);
  for (const [at, { tokens, gapTokens }] of units.entries()) places[at + 1] = places[at]! + tokens + gapTokens;
  const priorities = Float64Array.from([Infinity, ...units.slice(1).map(priorityOf), isClosed ? Infinity : -1]);
  const isDominated = new Uint8Array(priorities.length);
  const forward = priorities.map((_, at) => at);
  markDominated(forward, places, priorities, { reach, isDominated });
  markDominated(forward.toReversed(), places, priorities, { reach, isDominated });
  const decidedMax = isClosed ? Infinity : places[units.length]! - reach;
  return units.flatMap(({ rank }, at) =>
    at > 0 && isDominated[at] === 0 && rank >= RANK.sentence && places[at]! < decidedMax ? [at] : [],
  );
}

const priorityOf = ({ rank, hash }: Unit): number => rank * 2 ** 32 + (hash >>> 0);

/** Marks what has, among those within reach that come before it in an order, one of at least its own priority: a sliding maximum, each pushed and popped once. */
function markDominated(
  order: Float64Array,
  places: Float64Array,
  priorities: Float64Array,
  { reach, isDominated }: { readonly reach: number; readonly isDominated: Uint8Array },
): void {
  const queue = new Int32Array(order.length);
  let [head, tail] = [0, 0];
  for (const at of order) {
    while (head < tail && Math.abs(places[at]! - places[queue[head]!]!) > reach) head += 1;
    if (head < tail && priorities[queue[head]!]! >= priorities[at]!) isDominated[at] = 1;
    while (head < tail && priorities[queue[tail - 1]!]! <= priorities[at]!) tail -= 1;
    queue[tail] = at;
    tail += 1;
  }
}
