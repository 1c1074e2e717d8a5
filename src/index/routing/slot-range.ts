import { assert } from '../../kernel/assert.ts';
import { idHash } from '../../ann/rows.ts';

/**
 * Ids by their hashes: the slots `from` to, but not including, `to`. Vectors that no centroids separate are divided by their ids. The bits
 * differ from those that choose locators, so each locator knows ids of all slots.
 */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
}

const SLOTS = 65_536;

export const ALL_SLOTS: SlotRange = { from: 0, to: SLOTS };

export const slotOf = (namespace: string, id: string): number => idHash(namespace, id) >>> 16;

export const holdsSlot = ({ from, to }: SlotRange, slot: number): boolean => from <= slot && slot < to;

export const holdsSlots = (range: SlotRange, other: SlotRange): boolean => range.from <= other.from && other.to <= range.to;

/** Whether they overlap or adjoin, so that together they are a range. */
export const meets = (range: SlotRange, other: SlotRange): boolean => range.from <= other.to && other.from <= range.to;

export const joined = (range: SlotRange, other: SlotRange): SlotRange => ({
  from: Math.min(range.from, other.from),
  to: Math.max(range.to, other.to),
});

export const isDivisible = ({ from, to }: SlotRange): boolean => to - from > 1;

export function halvesOf(range: SlotRange): readonly [SlotRange, SlotRange] {
  assert(isDivisible(range), 'one slot has no halves');
  const middle = Math.floor((range.from + range.to) / 2);
  return [
    { from: range.from, to: middle },
    { from: middle, to: range.to },
  ];
}

/** The slots in segments, between the bounds of some ranges: all ids of a segment are held by the same of them. */
export class SlotSegments {
  /** The first slot of each. */
  readonly #starts: readonly number[];
  readonly #all: readonly number[];
  /** Of ranges of some slots that were asked for. */
  readonly #known = new Map<SlotRange, readonly number[]>();

  constructor(ranges: Iterable<SlotRange>) {
    const bounds = new Set([ALL_SLOTS.from]);
    for (const { from, to } of ranges) bounds.add(from).add(to);
    bounds.delete(ALL_SLOTS.to);
    this.#starts = [...bounds].sort((a, b) => a - b);
    this.#all = [...this.#starts.keys()];
  }

  /** The segment of a slot. */
  at(slot: number): number {
    return this.#starts.findLastIndex((start) => start <= slot);
  }

  /** The segments of one of the ranges. */
  of(range: SlotRange): readonly number[] {
    if (holdsSlots(range, ALL_SLOTS)) return this.#all;
    const known = this.#known.get(range);
    if (known !== undefined) return known;
    const segments = this.#all.filter((at) => holdsSlot(range, this.#starts[at]!));
    this.#known.set(range, segments);
    return segments;
  }

  /** Of things in order, those that are among the first `count` of all that hold some segment. */
  firstOfEach<T>(ordered: readonly T[], count: number, segmentsOf: (thing: T) => Iterable<number>): T[] {
    const taken = new Uint32Array(this.#starts.length);
    let wanting = taken.length;
    const first: T[] = [];
    for (const thing of ordered) {
      if (wanting === 0) break;
      let isWanted = false;
      for (const segment of segmentsOf(thing)) {
        if (taken[segment] === count) continue;
        taken[segment]! += 1;
        if (taken[segment] === count) wanting -= 1;
        isWanted = true;
      }
      if (isWanted) first.push(thing);
    }
    return first;
  }
}
