import { assert, must } from '../kernel/assert.ts';
import { BoundedHeap } from '../kernel/bounded-heap.ts';
import type { Metric } from '../contract/metric.ts';
import { compareScores, score } from './metric.ts';
import type { Quantised } from './quantise.ts';
import { CODE_MAX, quantise, queryCodeMax } from './quantise.ts';
import { BLOCK_SLOTS, blockBytes, VectorBlock } from './vector-block.ts';
import type { ReadVectors, Row, VectorEngine, VectorMatch, VectorQuery } from './vector-engine.ts';

/** A vector that may belong to the answer: its closeness is at most `closest`. */
interface Candidate {
  readonly row: Row;
  readonly closest: number;
}

interface QuantisedQuery extends Quantised {
  readonly codes: Int32Array;
}

// What a JavaScript Map costs for one number to number entry, growth slack included.
const MAP_ENTRY_BYTES = 40;
// Rows read at once for rescoring: one statement's fixed cost is spread thin, and 1 MiB of vectors is held at a time.
const RESCORE_BYTES = 1024 * 1024;
const RESCORE_ROWS_MIN = 32;
const RESCORE_ROWS_MAX = 256;

/** Bytes a flat engine keeps resident for `count` vectors; steps by whole blocks. */
export const flatEngineBytes = (count: number, dimensions: number): number =>
  Math.ceil(count / BLOCK_SLOTS) * blockBytes(dimensions) + count * MAP_ENTRY_BYTES;

/** The most vectors a flat engine holds in `bytesMax`. */
export function flatEngineCapacity(bytesMax: number, dimensions: number): number {
  return Math.floor(bytesMax / (blockBytes(dimensions) + BLOCK_SLOTS * MAP_ENTRY_BYTES)) * BLOCK_SLOTS;
}

/**
 * Searches by reading the int8 codes of every vector of the namespace, then scores exactly the rows that may belong to the answer.
 *
 * The answer is exact. Each vector's codes come with a bound on what quantising lost, so the scan yields an interval of closeness;
 * a vector is passed over only when its whole interval lies behind the `topK` best lower ends, or behind `topK` exact scores.
 */
export class FlatEngine implements VectorEngine {
  readonly #metric: Metric;
  readonly #dimensions: number;
  readonly #blocks: VectorBlock[] = [];
  readonly #slotByRow = new Map<Row, number>();

  constructor(metric: Metric, dimensions: number) {
    this.#metric = metric;
    this.#dimensions = dimensions;
  }

  get count(): number {
    return this.#slotByRow.size;
  }

  get bytes(): number {
    return flatEngineBytes(this.count, this.#dimensions);
  }

  put(row: Row, namespace: number, values: Float32Array): void {
    assert(values.length === this.#dimensions, `a vector of this engine has ${this.#dimensions} dimensions, not ${values.length}`);
    const slot = this.#slotByRow.get(row) ?? this.count;
    if (slot === this.#blocks.length * BLOCK_SLOTS) this.#blocks.push(new VectorBlock(this.#dimensions));
    const block = this.#blockOf(slot);
    const inBlock = slot % BLOCK_SLOTS;
    block.set(inBlock, row, namespace, quantise(this.#metric, values, CODE_MAX, block.codesAt(inBlock)));
    this.#slotByRow.set(row, slot);
  }

  remove(row: Row): void {
    const slot = must(this.#slotByRow.get(row), `row ${row} is in the engine`);
    const lastSlot = this.count - 1;
    const lastBlock = this.#blockOf(lastSlot);
    // The last vector fills the gap, so that slots in use stay contiguous.
    if (slot !== lastSlot) {
      this.#blockOf(slot).copyFrom(lastBlock, lastSlot % BLOCK_SLOTS, slot % BLOCK_SLOTS);
      this.#slotByRow.set(must(lastBlock.rows[lastSlot % BLOCK_SLOTS], 'a slot in use has a row'), slot);
    }
    this.#slotByRow.delete(row);
    if (lastSlot % BLOCK_SLOTS === 0) this.#blocks.pop();
  }

  search(query: VectorQuery, readVectors: ReadVectors): VectorMatch[] {
    assert(query.values.length === this.#dimensions, `a query of this engine has ${this.#dimensions} dimensions`);
    return this.#rescore(this.#scan(query), query, readVectors);
  }

  #blockOf(slot: number): VectorBlock {
    return must(this.#blocks[Math.floor(slot / BLOCK_SLOTS)], `slot ${slot} lies in a block`);
  }

  /** Every vector whose interval of closeness reaches into the `topK` best, the most promising first. */
  #scan({ values, namespace, topK, among }: VectorQuery): Candidate[] {
    const codes = new Int32Array(this.#dimensions);
    const query = { codes, ...quantise(this.#metric, values, queryCodeMax(this.#dimensions), codes) };
    const candidates: Candidate[] = [];
    const guaranteed = new BoundedHeap<number>(topK, (a, b) => b - a);
    // At least `topK` vectors are as close as this: it only rises.
    let threshold = -Infinity;
    for (const [index, block] of this.#blocks.entries()) {
      const slots = Math.min(BLOCK_SLOTS, this.count - index * BLOCK_SLOTS);
      for (let slot = 0; slot < slots; slot += 1) {
        if (block.namespaces[slot] !== namespace || among?.has(block.rows[slot]!) === false) continue;
        const centre = this.#closeness(block, slot, query);
        const margin = this.#margin(block, slot, query);
        if (centre + margin < threshold) continue;
        candidates.push({ row: block.rows[slot]!, closest: centre + margin });
        guaranteed.push(centre - margin);
        if (guaranteed.isFull) threshold = must(guaranteed.last, 'a full heap has a last item');
      }
    }
    return candidates.filter(({ closest }) => closest >= threshold).sort((a, b) => b.closest - a.closest);
  }

  /** How close the codes are, as a number that grows with closeness. */
  #closeness(block: VectorBlock, slot: number, query: QuantisedQuery): number {
    const dot = block.product(slot, query.codes) * block.scales[slot]! * query.scale;
    if (this.#metric !== 'l2') return dot;
    const length = block.lengths[slot]!;
    return -Math.sqrt(Math.max(0, query.length * query.length + length * length - 2 * dot));
  }

  /** How far the true closeness may lie from that of the codes. */
  #margin(block: VectorBlock, slot: number, query: QuantisedQuery): number {
    const error = block.errors[slot]!;
    // Moving either end of a distance by its error changes it by no more than the error: the triangle inequality.
    if (this.#metric === 'l2') return error + query.error;
    // q.v - q'.v' = q.(v - v') + (q - q').v', each term bounded by Cauchy and Schwarz; |q| <= |q'| + |q - q'|.
    return (query.length + query.error) * error + query.error * block.lengths[slot]!;
  }

  #rescore(candidates: readonly Candidate[], query: VectorQuery, readVectors: ReadVectors): VectorMatch[] {
    const sign = this.#metric === 'l2' ? -1 : 1;
    const best = new BoundedHeap<VectorMatch>(
      query.topK,
      (a, b) => compareScores(this.#metric, a.score, b.score) || compareIds(a.id, b.id),
    );
    const rowsMax = Math.max(RESCORE_ROWS_MIN, Math.min(RESCORE_ROWS_MAX, Math.floor(RESCORE_BYTES / (4 * this.#dimensions))));
    for (let start = 0; start < candidates.length; start += rowsMax) {
      const batch = candidates.slice(start, start + rowsMax);
      const { closest } = must(batch[0], 'a batch is not empty');
      // Candidates come most promising first. One that could only tie must still be read: its id may come first.
      if (best.isFull && closest < sign * must(best.last, 'a full heap has a last item').score) break;
      for (const stored of readVectors(batch.map(({ row }) => row))) {
        best.push({ row: stored.row, id: stored.id, score: score(this.#metric, query.values, stored.values) });
      }
    }
    return best.toSorted();
  }
}

const compareIds = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
