import type { PageMemory } from '../page-memory.ts';
import type { BlockLayout } from './block-layout.ts';
import { BLOCK_ENTRIES } from './block-layout.ts';
import { checksum } from './checksum.ts';
import { intact } from './corrupt-list.ts';
import type { ProbeKernels } from './probe-kernels.ts';

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
