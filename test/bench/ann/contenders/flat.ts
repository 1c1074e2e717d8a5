import { FlatEngine } from '../../../../src/ann/flat-engine.ts';
import { PageMemory } from '../../../../src/ann/page-memory.ts';
import { Scanner } from '../../../../src/ann/scanner.ts';
import { scanModule } from '../../../support/scan-module.ts';
import type { Contender } from '../contender.ts';
import type { VectorSet } from '../vector-set.ts';
import { vectorAt } from '../vector-set.ts';

// Room for the whole set: a shard has less, and would have split.
const MEMORY_BYTES = 512 * 1024 * 1024;

/** The engine of a small shard: exact. The vectors in memory stand for its store. */
export function flat(): Contender {
  let engine: FlatEngine;
  let vectors: VectorSet['base'];
  const fill = ({ metric, base }: VectorSet): FlatEngine => {
    const filled = new FlatEngine(new Scanner(scanModule, new PageMemory(MEMORY_BYTES)), metric, base.dimensions);
    for (let row = 0; row < base.count; row += 1) filled.put(row, 0, vectorAt(base, row));
    return filled;
  };
  return {
    version: 'sluice flat',
    settings: () => [{}],
    build: (set) => fill(set).bytes,
    open(set) {
      vectors = set.base;
      engine = fill(set);
    },
    use: () => undefined,
    search: (values, topK) =>
      engine.search({ values, namespace: 0, topK }, (rows) =>
        rows.map((row) => ({ row, id: String(row), values: vectorAt(vectors, row) })),
      ),
    found: (answer) => (answer as { row: number }[]).map(({ row }) => row),
  };
}
