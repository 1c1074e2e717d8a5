import { Rescoring } from '../../../src/ann/engine/rescoring.ts';
import type { ListCost } from '../../../src/ann/lists/posting-lists.ts';
import type { ProbeKernels } from '../../../src/ann/lists/probe-kernels.ts';
import { RowBitmap } from '../../../src/ann/lists/row-bitmap.ts';
import type { OpenImage } from './list-image.ts';
import type { VectorSet } from './vector-set.ts';
import { vectorAt } from './vector-set.ts';

/** Searches lists and scores what they propose, as a shard does, with the vectors in memory in place of its store. */
export class ListTrial {
  /** Of the last search. */
  cost: ListCost | undefined;
  readonly #set: VectorSet;
  readonly #image: OpenImage;
  readonly #allowed: RowBitmap;
  #stop = 0;
  #rescoreCount = 0;

  constructor(kernels: ProbeKernels, set: VectorSet, image: OpenImage) {
    this.#set = set;
    this.#image = image;
    image.load();
    this.#allowed = new RowBitmap(kernels.memory);
    for (let row = 0; row < set.base.count; row += 1) this.#allowed.add(row);
  }

  use(stop: number, rescoreCount: number): void {
    this.#stop = stop;
    this.#rescoreCount = rescoreCount;
  }

  search(values: Float32Array, topK: number, count: number): number[] {
    const rescoreCount = Math.max(count, this.#rescoreCount);
    const { lists, pageIn } = this.#image;
    const { rows, cost } = lists.search({ values, count, stop: this.#stop, rescoreCount, allowed: this.#allowed }, pageIn);
    this.cost = cost;
    const rescoring = new Rescoring(this.#set.metric, { values, topK }, (wanted) =>
      wanted.map((row) => ({ row, id: String(row), values: vectorAt(this.#set.base, row) })),
    );
    rescoring.push(Array.from(rows, (row) => ({ row, closest: Infinity })));
    return rescoring.matches().map(({ row }) => row);
  }
}
