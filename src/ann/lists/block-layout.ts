import type { PageMemory } from '../page-memory.ts';
import { checksum, intact } from './integrity.ts';
import type { ListModel } from './list-model.ts';
import { nibbleCount } from './list-model.ts';
import type { ProbeKernels } from './probe-kernels.ts';

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

/**
 * Layout 1 of a serialised block, little-endian: u32 magic and layout; u16 nibbles; u16 dimensions; u8 entries, 1 to 32; u8 flags (1: low
 * plane, 2: distances); u16 zero. Then what memory holds of it (see `BlockLayout`): 16 bytes for each nibble, and of each entry its row,
 * then its vector, then its low plane. Last a u32, the checksum of all before.
 */
const MAGIC = 0x4c42_0001;
const HEADER_BYTES = 12;
const CHECKSUM_BYTES = 4;

const flagsOf = ({ hasLow, isDistance }: BlockLayout): number => Number(hasLow) + 2 * Number(isDistance);

function bytesOf({ nibbles, recordBytes, hasLow, dimensions }: BlockLayout, entries: number): number {
  return HEADER_BYTES + nibbles * 16 + entries * (4 + recordBytes + (hasLow ? dimensions : 0)) + CHECKSUM_BYTES;
}

/** The bytes of the block at an address. */
export function encodeBlock(memory: PageMemory, layout: BlockLayout, block: number, entries: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(bytesOf(layout, entries));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, layout.nibbles, true);
  view.setUint16(6, layout.dimensions, true);
  view.setUint8(8, entries);
  view.setUint8(9, flagsOf(layout));
  const { uint8 } = memory.views;
  for (const { address, at, length } of parts(memory, layout, block, entries)) bytes.set(uint8.subarray(address, address + length), at);
  const end = bytes.length - CHECKSUM_BYTES;
  view.setUint32(end, checksum(bytes.subarray(0, end)), true);
  return bytes;
}

/** How many entries a serialised block of this layout has. Throws `CorruptList` unless the bytes are what was written. */
export function checkBlock(kernels: ProbeKernels, layout: BlockLayout, bytes: Uint8Array): number {
  const end = bytes.length - CHECKSUM_BYTES;
  intact(end >= HEADER_BYTES, 'a block has a header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  intact(view.getUint32(0, true) === MAGIC, 'this is a block of layout 1');
  intact(view.getUint32(end, true) === kernels.checksum(bytes.subarray(0, end)), 'the checksum of a block fits its bytes');
  intact(view.getUint16(4, true) === layout.nibbles, `a block of this index has ${layout.nibbles} nibbles`);
  intact(view.getUint16(6, true) === layout.dimensions, `a block of this index has ${layout.dimensions} dimensions`);
  intact(view.getUint8(9) === flagsOf(layout), 'a block has the planes of its index');
  const entries = view.getUint8(8);
  intact(entries > 0 && entries <= BLOCK_ENTRIES, 'a block has 1 to 32 entries');
  intact(bytes.length === bytesOf(layout, entries), 'a block is as long as its entries need');
  return entries;
}

/** Fills the block at an address, whose cells are there, with checked bytes. */
export function decodeBlock(memory: PageMemory, layout: BlockLayout, block: number, entries: number, bytes: Uint8Array): void {
  const { uint8 } = memory.views;
  for (const { address, at, length } of parts(memory, layout, block, entries)) uint8.set(bytes.subarray(at, at + length), address);
}

/** Which parts of the memory a serialised block consists of, and where in it they are. */
function* parts(memory: PageMemory, layout: BlockLayout, block: number, entries: number) {
  const { nibbles, rowsAt, cellsAt, lowsAt, cellShift, recordBytes, dimensions, hasLow } = layout;
  const { uint32 } = memory.views;
  let at = HEADER_BYTES;
  const part = (address: number, length: number) => {
    const start = at;
    at += length;
    return { address, at: start, length };
  };
  yield part(block, nibbles * 16);
  yield part(block + rowsAt, entries * 4);
  const inCell = 1 << cellShift;
  for (let entry = 0; entry < entries; entry += inCell) {
    yield part(uint32[(block + cellsAt) / 4 + (entry >> cellShift)]!, Math.min(inCell, entries - entry) * recordBytes);
  }
  if (!hasLow) return;
  for (let entry = 0; entry < entries; entry += inCell) {
    yield part(uint32[(block + lowsAt) / 4 + (entry >> cellShift)]!, Math.min(inCell, entries - entry) * dimensions);
  }
}
