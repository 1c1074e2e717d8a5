import type { SearchCost } from '../search-cost.ts';

// Measured on a core of 2 to 3 GHz, flat searches of 5,000 to 40,000 vectors of 100 to 384 dimensions: right to within a third.
const CALL_MS = 0.3;
const ROW_MS = 0.008;
const BYTES_PER_MS = 4_000_000;

/** About how much computing a search took. Estimated, because the clock of a Worker stands still while it computes. */
export const searchTimeMs = ({ rowsRead, bytesTouched }: SearchCost): number => CALL_MS + rowsRead * ROW_MS + bytesTouched / BYTES_PER_MS;
