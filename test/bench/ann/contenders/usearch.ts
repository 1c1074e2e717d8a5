import { statSync } from 'node:fs';
import { join } from 'node:path';

import type { Contender } from '../contender.ts';
import { requirePeer, widths } from '../peer.ts';
import { vectorAt } from '../vectors.ts';
import type { VectorSet } from '../vector-set.ts';

interface Matches {
  readonly keys: BigUint64Array;
}

interface Graph {
  add(key: bigint, vector: Float32Array): void;
  search(vector: Float32Array, topK: number, threads: number): Matches;
  save(path: string): void;
  load(path: string): void;
}

const M = 16;
const EXPANSION_ADD = 128;
const METRICS = { cosine: 'ip', dot: 'ip', l2: 'l2sq' } as const;
const FILE = 'index.usearch';

/** usearch's graph, with vectors stored as `quantization`. */
export function usearch(quantization: 'f32' | 'f16' | 'i8'): Contender {
  const { Index } = requirePeer('usearch') as { Index: new (config: object) => Graph };
  let graph: Graph;
  let opened: { readonly set: VectorSet; readonly folder: string };
  const create = ({ metric, base }: VectorSet, expansionSearch: number): Graph =>
    new Index({
      dimensions: base.dimensions,
      metric: METRICS[metric],
      quantization,
      connectivity: M,
      expansion_add: EXPANSION_ADD,
      expansion_search: expansionSearch,
      multi: false,
    });
  return {
    version: `usearch 2.26.2 ${quantization} M${M} ef${EXPANSION_ADD}`,
    settings: (topK) => widths(topK, [20, 64, 128, 200, 300, 500, 800]).map((ef) => ({ ef })),
    build(set, folder) {
      const built = create(set, EXPANSION_ADD);
      for (let row = 0; row < set.base.count; row += 1) built.add(BigInt(row), vectorAt(set.base, row));
      built.save(join(folder, FILE));
      return statSync(join(folder, FILE)).size;
    },
    open(set, folder) {
      opened = { set, folder };
    },
    use({ ef = 0 }) {
      // Its search width is fixed when an index is created.
      graph = create(opened.set, ef);
      graph.load(join(opened.folder, FILE));
    },
    search: (query, topK) => graph.search(query, topK, 1),
    found: (answer) => Array.from((answer as Matches).keys, Number),
  };
}
