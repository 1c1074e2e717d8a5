import type { ListModel } from './list-model.ts';
import { nibbleCount } from './list-model.ts';

/** Entries of a block: what the scan takes at once. */
export const BLOCK_ENTRIES = 32;

// Vectors of a cell, by what a vector takes at most: few enough that a list's last cell wastes little, and as powers of two.
const CELL_SHIFTS: readonly (readonly [recordBytesMax: number, shift: number])[] = [
  [256, 3],
  [512, 2],
  [1024, 1],
];

/**
 * How a list lies in memory: a chain of blocks of 32 entries, whose vectors lie apart from them in cells of a few.
 *
 * A block: 16 bytes for each nibble (low halves: entries 0 to 15, high halves: 16 to 31); the address of the next block, where the scan
 * comes along; 32 rows as u32; addresses of the cells of its vectors; of those of their low planes. A vector, `recordBytes`: int8 codes, its scale as float32, and
 * for `l2` its summed squared codes as u32. Its low plane: as many int8.
 */
export interface BlockLayout {
  readonly dimensions: number;
  readonly nibbles: number;
  readonly isDistance: boolean;
  readonly hasLow: boolean;
  readonly recordBytes: number;
  /** Vectors of a cell: 2 ^ cellShift. */
  readonly cellShift: number;
  readonly nextAt: number;
  readonly rowsAt: number;
  readonly cellsAt: number;
  readonly lowsAt: number;
  readonly blockBytes: number;
}

export function blockLayout(model: ListModel): BlockLayout {
  const isDistance = model.metric === 'l2';
  const recordBytes = model.dimensions + (isDistance ? 8 : 4);
  const cellShift = CELL_SHIFTS.find(([bytesMax]) => recordBytes <= bytesMax)?.[1] ?? 0;
  const nibbles = nibbleCount(model);
  const addresses = 4 * (BLOCK_ENTRIES >> cellShift);
  const nextAt = nibbles * 16;
  const rowsAt = nextAt + 4;
  const cellsAt = rowsAt + BLOCK_ENTRIES * 4;
  const lowsAt = cellsAt + addresses;
  return {
    dimensions: model.dimensions,
    nibbles,
    isDistance,
    hasLow: model.hasLowPlane,
    recordBytes,
    cellShift,
    nextAt,
    rowsAt,
    cellsAt,
    lowsAt,
    blockBytes: model.hasLowPlane ? lowsAt + addresses : lowsAt,
  };
}
