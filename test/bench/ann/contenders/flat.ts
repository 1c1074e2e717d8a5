import { PageMemory } from '../../../../src/ann/page-memory.ts';
import type { Contender } from '../contender.ts';
import { FlatTrial } from '../flat-trial.ts';
import { kernelModule } from '../kernel-module.ts';
import type { VectorSet } from '../vector-set.ts';

// Room for the whole set: a shard has less, and would have gone over to lists.
const MEMORY_BYTES = 512 * 1024 * 1024;

/** The engine of a small shard: exact. */
export function flat(): Contender {
  let trial: FlatTrial;
  const fill = ({ metric, base }: VectorSet) => new FlatTrial(kernelModule('scan'), new PageMemory(MEMORY_BYTES), metric, base);
  return {
    version: 'sluice flat',
    settings: () => [{}],
    build: (set) => fill(set).bytes,
    open(set) {
      trial = fill(set);
    },
    use: () => undefined,
    search: (values, topK) => trial.search(values, topK),
    found: (answer) => answer as number[],
  };
}
