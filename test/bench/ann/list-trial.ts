import { proposalCount, proposalMax } from '../../../src/ann/engine/list-settings.ts';
import { Rescoring } from '../../../src/ann/rescoring.ts';
import type { ListCost, ListQuery } from '../../../src/ann/lists/list-search.ts';
import type { ProbeKernels } from '../../../src/ann/lists/probe-kernels.ts';
import { RowBitmap } from '../../../src/ann/lists/row-bitmap.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import type { OpenImage } from './list-image.ts';
import type { Vectors } from './vectors.ts';
import { vectorAt } from './vectors.ts';

/** How far lists are searched: see `ListQuery`. */
export interface Depth {
  readonly stop: number;
  /** 1: `stop` counts by how far the vectors of a list lie from its centroid. */
  readonly byReach: number;
  readonly rescore: number;
}

// The row number that a shard gives its first vector.
const FIRST_ROW = 1;

/** Searches lists and rescores the candidates as a shard does, with vectors in memory instead of its store. */
export class ListTrial {
  /** Of the last search. */
  cost: ListCost | undefined;
  readonly #metric: Metric;
  readonly #base: Vectors;
  readonly #image: OpenImage;
  readonly #allowed: RowBitmap;

  constructor(kernels: ProbeKernels, metric: Metric, base: Vectors, image: OpenImage) {
    this.#metric = metric;
    this.#base = base;
    this.#image = image;
    image.load();
    this.#allowed = new RowBitmap(kernels.memory);
    for (let number = 0; number < base.count; number += 1) this.#allowed.add(number + FIRST_ROW);
  }

  /** Bytes in memory for searching. */
  get bytes(): number {
    return this.#image.lists.bytes + this.#allowed.bytes;
  }

  /** The numbers of the closest vectors by their codes, closest first; reads nothing but the lists. */
  searchCodes(values: Float32Array, topK: number, depth: Depth): number[] {
    return this.#propose({ values, count: topK }, depth).map((row) => row - FIRST_ROW);
  }

  /** The numbers of the closest vectors, closest first: the lists' candidates, rescored exactly. */
  search(values: Float32Array, topK: number, depth: Depth): number[] {
    const undecided = { of: topK, countMax: proposalMax(topK) };
    const rows = this.#propose({ values, count: proposalCount(topK), undecided }, depth);
    const rescoring = new Rescoring(this.#metric, { values, topK }, (wanted) =>
      wanted.map((row) => ({ row, id: String(row), values: vectorAt(this.#base, row - FIRST_ROW) })),
    );
    rescoring.push(rows.map((row) => ({ row, closest: Infinity })));
    return rescoring.matches().map(({ row }) => row - FIRST_ROW);
  }

  #propose(wanted: Pick<ListQuery, 'values' | 'count' | 'undecided'>, { stop, byReach, rescore }: Depth): readonly number[] {
    const { lists, pageIn } = this.#image;
    const query = { ...wanted, stop, stopsByReach: byReach === 1, rescoreCount: Math.max(wanted.count, rescore), allowed: this.#allowed };
    const { rows, cost } = lists.search(query, pageIn);
    this.cost = cost;
    return rows;
  }
}
