import type { Amounts } from './amounts.ts';
import type { WindowStarts } from './window.ts';

/** Units that have been granted, and are thereby spent, in the windows that start at `startsMs`. */
export interface Slice {
  readonly units: Amounts;
  readonly startsMs: WindowStarts;
}
