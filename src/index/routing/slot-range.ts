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
