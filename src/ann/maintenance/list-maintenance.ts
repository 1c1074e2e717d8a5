import type { MaintenanceSizes } from './maintenance-sizes.ts';

/** Dead entries among all, from which on a list is rewritten without them. */
export const DEAD_SHARE_MAX = 0.2;

/** What a list needs. */
export type ListMaintenance = 'nothing' | 'compaction' | 'split' | 'merge';

export function listMaintenanceOf({ entriesMax, entriesMin }: MaintenanceSizes, entryCount: number, liveCount: number): ListMaintenance {
  if (liveCount > entriesMax) return 'split';
  if (liveCount < entriesMin) return 'merge';
  return entryCount - liveCount > DEAD_SHARE_MAX * entryCount ? 'compaction' : 'nothing';
}
