import type { PageMemory } from '../page-memory.ts';
import { BLOCK_ENTRIES, blockLayout } from './block-layout.ts';
import type { BlockLayout } from './block-layout.ts';
import { CellPool } from './cell-pool.ts';
import type { EncodedEntries, ListModel } from './list-model.ts';

/** The blocks of a list. No block: both ends are 0. */
interface Chain {
  first: number;
  last: number;
  count: number;
}

// Candidates name an entry by its block's address and five bits; a block begins where a cache line does.
const BLOCK_ALIGNMENT = 64;
const CELL_ALIGNMENT = 4;

/** Chains of blocks and the cells of their vectors: see `BlockLayout`. Each kind lies packed in pages of its own. */
export class BlockChains {
  readonly layout: BlockLayout;
  readonly #memory: PageMemory;
  readonly #blocks: CellPool;
  readonly #cells: CellPool;
  readonly #lows: CellPool;

  constructor(memory: PageMemory, model: ListModel) {
    this.#memory = memory;
    this.layout = blockLayout(model);
    const { blockBytes, recordBytes, cellShift, dimensions } = this.layout;
    this.#blocks = new CellPool(memory, blockBytes, BLOCK_ALIGNMENT);
    this.#cells = new CellPool(memory, recordBytes << cellShift, CELL_ALIGNMENT);
    this.#lows = new CellPool(memory, dimensions << cellShift, CELL_ALIGNMENT);
  }

  get bytes(): number {
    return this.#blocks.bytes + this.#cells.bytes + this.#lows.bytes;
  }

  /** Takes a block for up to 32 more entries behind a chain of full blocks, with cells for them. */
  extend(chain: Chain, entries: number): number {
    const { nibbles, nextAt, cellShift } = this.layout;
    const block = this.#blocks.take();
    this.#memory.views.uint8.fill(0, block, block + nibbles * 16);
    this.#memory.views.uint32[(block + nextAt) / 4] = 0;
    for (let entry = 0; entry < entries; entry += 1 << cellShift) this.#takeCells(block, entry);
    if (chain.last === 0) chain.first = block;
    else this.#memory.views.uint32[(chain.last + nextAt) / 4] = block;
    chain.last = block;
    chain.count += entries;
    return block;
  }

  append(chain: Chain, entries: EncodedEntries, from: number): void {
    const { nibbles, dimensions, rowsAt, hasLow } = this.layout;
    const [block, entry] = this.#next(chain);
    for (let nibble = 0; nibble < nibbles; nibble += 1) this.#setNibble(block, entry, nibble, entries.nibbles[from * nibbles + nibble]!);
    this.#memory.views.uint32[(block + rowsAt) / 4 + entry] = entries.rows[from]!;
    const codes = entries.codes.subarray(from * dimensions, (from + 1) * dimensions);
    this.#setVector(this.#vectorAt(block, entry), codes, entries.scales[from]!);
    if (hasLow && entries.low !== null) {
      this.#memory.views.int8.set(entries.low.subarray(from * dimensions, (from + 1) * dimensions), this.#lowAt(block, entry));
    }
  }

  /** A chain of the entries of another at these positions, which is given back. */
  rewrite(first: number, count: number, positions: Uint32Array): Chain {
    const { nibbles, rowsAt, recordBytes, dimensions, hasLow } = this.layout;
    const blocks = Array.from(this.blocks(first, count), ({ block }) => block);
    const chain = { first: 0, last: 0, count: 0 };
    for (const position of positions) {
      const from = blocks[Math.floor(position / BLOCK_ENTRIES)]!;
      const fromEntry = position % BLOCK_ENTRIES;
      const [to, toEntry] = this.#next(chain);
      const { uint8, uint32 } = this.#memory.views;
      for (let nibble = 0; nibble < nibbles; nibble += 1) {
        const byte = uint8[from + nibble * 16 + (fromEntry & 15)]!;
        this.#setNibble(to, toEntry, nibble, fromEntry < 16 ? byte & 15 : byte >> 4);
      }
      uint32[(to + rowsAt) / 4 + toEntry] = uint32[(from + rowsAt) / 4 + fromEntry]!;
      const vector = this.#vectorAt(from, fromEntry);
      uint8.copyWithin(this.#vectorAt(to, toEntry), vector, vector + recordBytes);
      if (!hasLow) continue;
      const low = this.#lowAt(from, fromEntry);
      uint8.copyWithin(this.#lowAt(to, toEntry), low, low + dimensions);
    }
    this.free(first, count);
    return chain;
  }

  /** What is left of a chain whose blocks behind the first `left` entries, whole blocks, are given back. */
  shorten(first: number, count: number, left: number): Chain {
    const blocks = Array.from(this.blocks(first, count), ({ block }) => block);
    const last = blocks[left / BLOCK_ENTRIES - 1]!;
    if (left < count) this.free(blocks[left / BLOCK_ENTRIES]!, count - left);
    this.#memory.views.uint32[(last + this.layout.nextAt) / 4] = 0;
    return { first, last, count: left };
  }

  *blocks(first: number, count: number): Generator<{ readonly block: number; readonly entries: number }> {
    let block = first;
    for (let rest = count; rest > 0; rest -= BLOCK_ENTRIES) {
      yield { block, entries: Math.min(BLOCK_ENTRIES, rest) };
      block = this.#memory.views.uint32[(block + this.layout.nextAt) / 4]!;
    }
  }

  rows(first: number, count: number): Float64Array {
    const rows = new Float64Array(count);
    let at = 0;
    for (const { block, entries } of this.blocks(first, count)) {
      const start = (block + this.layout.rowsAt) / 4;
      rows.set(this.#memory.views.uint32.subarray(start, start + entries), at);
      at += entries;
    }
    return rows;
  }

  values(first: number, count: number): Float32Array {
    const { dimensions, hasLow } = this.layout;
    const values = new Float32Array(count * dimensions);
    const { int8, buffer } = { int8: this.#memory.views.int8, buffer: new DataView(this.#memory.memory.buffer) };
    let at = 0;
    for (const { block, entries } of this.blocks(first, count)) {
      for (let entry = 0; entry < entries; entry += 1) {
        const vector = this.#vectorAt(block, entry);
        const low = hasLow ? this.#lowAt(block, entry) : 0;
        const scale = buffer.getFloat32(vector + dimensions, true);
        for (let i = 0; i < dimensions; i += 1) values[at + i] = scale * (int8[vector + i]! + (hasLow ? int8[low + i]! / 256 : 0));
        at += dimensions;
      }
    }
    return values;
  }

  free(first: number, count: number): void {
    const { cellsAt, lowsAt, cellShift, hasLow } = this.layout;
    // Giving a block back writes over its beginning, which is codes, not addresses.
    for (const { block, entries } of this.blocks(first, count)) {
      for (let cell = 0; cell << cellShift < entries; cell += 1) {
        const { uint32 } = this.#memory.views;
        this.#cells.give(uint32[(block + cellsAt) / 4 + cell]!);
        if (hasLow) this.#lows.give(uint32[(block + lowsAt) / 4 + cell]!);
      }
      this.#blocks.give(block);
    }
  }

  freeAll(): void {
    this.#blocks.free();
    this.#cells.free();
    this.#lows.free();
  }

  /** Where the next entry of a chain goes; it is counted. */
  #next(chain: Chain): [block: number, entry: number] {
    const entry = chain.count % BLOCK_ENTRIES;
    if (entry === 0) return [this.extend(chain, 1), 0];
    if (entry % (1 << this.layout.cellShift) === 0) this.#takeCells(chain.last, entry);
    chain.count += 1;
    return [chain.last, entry];
  }

  #takeCells(block: number, entry: number): void {
    const { cellsAt, lowsAt, cellShift, hasLow } = this.layout;
    const [cell, low] = [this.#cells.take(), hasLow ? this.#lows.take() : 0];
    const { uint32 } = this.#memory.views;
    uint32[(block + cellsAt) / 4 + (entry >> cellShift)] = cell;
    if (hasLow) uint32[(block + lowsAt) / 4 + (entry >> cellShift)] = low;
  }

  #setNibble(block: number, entry: number, nibble: number, code: number): void {
    this.#memory.views.uint8[block + nibble * 16 + (entry & 15)]! |= entry < 16 ? code : code << 4;
  }

  #setVector(address: number, codes: Int8Array, scale: number): void {
    const { dimensions, isDistance } = this.layout;
    this.#memory.views.int8.set(codes, address);
    // At any address: vectors are packed.
    const view = new DataView(this.#memory.memory.buffer);
    view.setFloat32(address + dimensions, scale, true);
    if (!isDistance) return;
    let squared = 0;
    for (let i = 0; i < dimensions; i += 1) squared += codes[i]! * codes[i]!;
    view.setUint32(address + dimensions + 4, squared, true);
  }

  #vectorAt(block: number, entry: number): number {
    const { cellsAt, cellShift, recordBytes } = this.layout;
    const cell = this.#memory.views.uint32[(block + cellsAt) / 4 + (entry >> cellShift)]!;
    return cell + (entry & ((1 << cellShift) - 1)) * recordBytes;
  }

  #lowAt(block: number, entry: number): number {
    const { lowsAt, cellShift, dimensions } = this.layout;
    const cell = this.#memory.views.uint32[(block + lowsAt) / 4 + (entry >> cellShift)]!;
    return cell + (entry & ((1 << cellShift) - 1)) * dimensions;
  }
}
