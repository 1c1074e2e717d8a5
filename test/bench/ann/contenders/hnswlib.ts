import { statSync } from 'node:fs';
import { join } from 'node:path';

import type { Contender } from '../contender.ts';
import { requirePeer, widths } from '../peer.ts';
import { vectorAt } from '../vectors.ts';

interface Graph {
  initIndex(maxElements: number, m: number, efConstruction: number, seed: number): void;
  readIndexSync(path: string): void;
  writeIndexSync(path: string): void;
  addPoint(vector: number[], label: number): void;
  setEf(ef: number): void;
  searchKnn(vector: number[], topK: number): { neighbors: number[] };
}

const M = 16;
const EF_CONSTRUCTION = 200;
const SPACES = { cosine: 'ip', dot: 'ip', l2: 'l2' } as const;
const FILE = 'index.hnsw';

export function hnswlib(): Contender {
  const { HierarchicalNSW } = requirePeer('hnswlib-node') as { HierarchicalNSW: new (space: string, dimensions: number) => Graph };
  let graph: Graph;
  return {
    version: `hnswlib-node 3.0.0 M${M} ef${EF_CONSTRUCTION}`,
    settings: (topK) => widths(topK, [20, 60, 100, 150, 200, 300, 400, 600, 1000]).map((ef) => ({ ef })),
    build({ metric, base }, folder) {
      const built = new HierarchicalNSW(SPACES[metric], base.dimensions);
      built.initIndex(base.count, M, EF_CONSTRUCTION, 1);
      for (let row = 0; row < base.count; row += 1) built.addPoint(Array.from(vectorAt(base, row)), row);
      built.writeIndexSync(join(folder, FILE));
      return statSync(join(folder, FILE)).size;
    },
    open({ metric, base }, folder) {
      graph = new HierarchicalNSW(SPACES[metric], base.dimensions);
      graph.readIndexSync(join(folder, FILE));
    },
    use: ({ ef = 0 }) => graph.setEf(ef),
    // It takes plain arrays only: the conversion is part of the cost of a call.
    search: (query, topK) => graph.searchKnn(Array.from(query), topK),
    found: (answer) => (answer as { neighbors: number[] }).neighbors,
  };
}
