import { PageMemory } from '../../../../src/ann/page-memory.ts';
import type { Contender } from '../contender.ts';
import { FlatTrial } from '../flat-trial.ts';
import { kernelModule } from '../kernel-module.ts';
import type { VectorSet } from '../vector-set.ts';

// Enough for the whole set: a shard has less memory and would have changed to posting lists.
const MEMORY_BYTES = 512 * 1024 * 1024;

/** The exact engine of a small shard. */
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
