import type { ClusterState } from '../model/cluster-state.ts';
import { WHOLE_MILLI } from '../model/accelerator-type.ts';
import type { WeightedShape } from './shape.ts';
import { acceleratorMilli } from './shape.ts';

/** What breaking up room for a job of several accelerators costs, as a part of that room, where all that is left is spoken for. */
const WEIGHT = 0.1;

/**
 * The price of breaking up whole accelerators of one node that a job of several could take together. Room for `size` of them costs more
 * the larger the share of the usual demand that needs as many, and the smaller the share of what is free that comes in such blocks.
 */
export class GangScarcity {
  /** Numbers of accelerators that jobs take together, from 2 on. */
  readonly sizes: readonly number[];
  /** The share of the usual demand that is for as many or more. */
  readonly #demandShares: readonly number[];
  readonly #cluster: ClusterState;
  readonly #blocks: number[];
  readonly #wholeSeen: Uint8Array;
  readonly #idleSeen: Int32Array;
  readonly #revisionSeen: Float64Array;
  #idleMilli = 0;

  constructor(cluster: ClusterState, mix: readonly WeightedShape[]) {
    this.#cluster = cluster;
    const gangs = mix.filter(({ shape }) => shape.acceleratorCount > 1 && shape.milliEach === WHOLE_MILLI);
    this.sizes = [...new Set(gangs.map(({ shape }) => shape.acceleratorCount))].toSorted((a, b) => a - b);
    this.#demandShares = this.sizes.map(
      (size) => milliOf(gangs.filter(({ shape }) => shape.acceleratorCount >= size)) / Math.max(1, milliOf(mix)),
    );
    this.#blocks = this.sizes.map(() => 0);
    this.#wholeSeen = new Uint8Array(cluster.length);
    this.#idleSeen = new Int32Array(cluster.length);
    this.#revisionSeen = new Float64Array(cluster.length).fill(-1);
  }

  /** The price of each of `sizes` now, for a job of `acceleratorCount`: what needs as much itself pays nothing. In thousandths. */
  prices(acceleratorCount: number): readonly number[] {
    this.#refresh();
    return this.sizes.map((size, index) => {
      if (acceleratorCount >= size) return 0;
      const inBlocks = Math.max(1, (this.#blocks[index] ?? 0) * size * WHOLE_MILLI);
      const contention = Math.min(1, ((this.#demandShares[index] ?? 0) * this.#idleMilli) / inBlocks);
      return WEIGHT * size * WHOLE_MILLI * contention ** 2;
    });
  }

  /** Counts again the nodes that have changed. */
  #refresh(): void {
    const { revision, wholeFree } = this.#cluster.columns;
    for (let node = 0; node < this.#revisionSeen.length; node++) {
      if (this.#revisionSeen[node] === revision[node]) continue;
      this.#revisionSeen[node] = revision[node] ?? 0;
      const was = this.#wholeSeen[node] ?? 0;
      const now = wholeFree[node] ?? 0;
      for (const [index, size] of this.sizes.entries()) {
        this.#blocks[index] = (this.#blocks[index] ?? 0) + Math.floor(now / size) - Math.floor(was / size);
      }
      this.#wholeSeen[node] = now;
      const idle = idleMilli(this.#cluster, node);
      this.#idleMilli += idle - (this.#idleSeen[node] ?? 0);
      this.#idleSeen[node] = idle;
    }
  }
}

function milliOf(mix: readonly WeightedShape[]): number {
  return mix.reduce((total, { shape, weight }) => total + weight * acceleratorMilli(shape), 0);
}

function idleMilli(cluster: ClusterState, node: number): number {
  let idle = 0;
  for (let index = 0; index < cluster.spec(node).acceleratorCount; index++) idle += cluster.acceleratorFreeMilli(node, index);
  return idle;
}
