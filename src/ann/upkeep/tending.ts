/** Entries that lists are trained for: more cost scanning, fewer cost choosing among lists. */
export const LIST_ENTRIES = 192;
export const LIST_ENTRIES_MAX = 512;
export const LIST_ENTRIES_MIN = 24;
/** Dead entries among all, from which on a list is rewritten without them. */
export const DEAD_SHARE_MAX = 0.2;

/** What a list needs. */
export type Tending = 'nothing' | 'compaction' | 'split' | 'merge';

export function tendingOf(entryCount: number, liveCount: number): Tending {
  if (liveCount > LIST_ENTRIES_MAX) return 'split';
  if (liveCount < LIST_ENTRIES_MIN) return 'merge';
  return entryCount - liveCount > DEAD_SHARE_MAX * entryCount ? 'compaction' : 'nothing';
}
