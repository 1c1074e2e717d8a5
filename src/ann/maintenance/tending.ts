import type { UpkeepSizes } from './maintenance-sizes.ts';

/** Dead entries among all, from which on a list is rewritten without them. */
export const DEAD_SHARE_MAX = 0.2;

/** What a list needs. */
export type Tending = 'nothing' | 'compaction' | 'split' | 'merge';

export function tendingOf({ entriesMax, entriesMin }: UpkeepSizes, entryCount: number, liveCount: number): Tending {
  if (liveCount > entriesMax) return 'split';
  if (liveCount < entriesMin) return 'merge';
  return entryCount - liveCount > DEAD_SHARE_MAX * entryCount ? 'compaction' : 'nothing';
}
