import type { Unit } from './units.ts';
import { RANK } from './units.ts';

/** In limits of chunks: a text is divided at anchors in any case, and some four chunks are between two of them. */
const REACH_CHUNKS = 2;

/**
 * Where a text is divided whatever the chunks around are: at its tops, and at anchors. An anchor is the beginning of a unit that has, for `REACH_CHUNKS` chunks in
 * both directions, neither a top nor a unit of the same or a higher rank, and of the same rank none of the same or a greater hash. What is an anchor depends
 * on nothing beyond that reach, so an edit moves only the chunks between the anchors around it. Local maxima as boundaries: Bjorner, Blass and Gurevich 2010,
 * "Content-dependent chunking for differential compression, the local maximum approach". [DC13]
 */
export function* fixedCuts(units: readonly Unit[], chunkTokensMax: number): Generator<undefined, number[]> {
  const places = new Float64Array(units.length + 1);
  for (const [at, { tokens, gapTokens }] of units.entries()) places[at + 1] = places[at]! + tokens + gapTokens;
  // The end is a top: nothing near it is an anchor.
  const priorities = Float64Array.from([...units.map(priorityOf), Infinity]);
  const reach = chunkTokensMax * REACH_CHUNKS;
  const forward = priorities.map((_, at) => at);
  const isDominated = new Uint8Array(priorities.length);
  markDominated(forward, places, priorities, { reach, isDominated });
  yield;
  markDominated(forward.toReversed(), places, priorities, { reach, isDominated });
  return units.flatMap(({ rank }, at) => (rank === RANK.top || (isDominated[at] === 0 && rank >= RANK.sentence) ? [at] : []));
}

const priorityOf = ({ rank, hash }: Unit): number => (rank === RANK.top ? Infinity : rank * 2 ** 32 + (hash >>> 0));

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
