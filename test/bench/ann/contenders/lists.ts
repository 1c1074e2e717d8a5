import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ProbeKernels } from '../../../../src/ann/lists/probe-kernels.ts';
import { PageMemory } from '../../../../src/ann/page-memory.ts';
import type { RecallTarget } from '../../../../src/contract/indexes/index-settings.ts';
import type { Contender } from '../contender.ts';
import { indexFolder } from '../contender.ts';
import { kernelModule } from '../kernel-module.ts';
import { openImage } from '../list-image.ts';
import type { Depth } from '../list-trial.ts';
import { ListTrial } from '../list-trial.ts';
import { ShardTrial } from '../shard-trial.ts';
import { sourceHash } from '../source-hash.ts';
import type { VectorSet } from '../vector-set.ts';

const MEMORY_BYTES = 512 * 1024 * 1024;
const DEPTHS: readonly Depth[] = [
  { stop: 48, byReach: 1, rescore: 80 },
  { stop: 54, byReach: 1, rescore: 120 },
  { stop: 58, byReach: 1, rescore: 160 },
  { stop: 60, byReach: 1, rescore: 200 },
  { stop: 64, byReach: 1, rescore: 256 },
  { stop: 64, byReach: 1, rescore: 320 },
  { stop: 68, byReach: 1, rescore: 400 },
  { stop: 68, byReach: 1, rescore: 512 },
  { stop: 68, byReach: 1, rescore: 700 },
  { stop: 70, byReach: 1, rescore: 800 },
  { stop: 76, byReach: 1, rescore: 1000 },
];

/** The files that `build` writes: the list set as stored, and the depth to which a shard searches it. */
const listFiles = (folder: string) => ({ image: join(folder, 'image'), depth: join(folder, 'depth.json') });

/** Reads what an earlier run built. */
export const readLists = (set: VectorSet, recall: RecallTarget): { image: Uint8Array; depth: Depth } => {
  const files = listFiles(indexFolder(set, lists(recall, true)));
  return { image: readFileSync(files.image), depth: JSON.parse(readFileSync(files.depth, 'utf8')) as Depth };
};

/**
 * The posting lists of a shard tuned to `recall`, built by the shard's own maintenance. With `isByCodes` the codes alone rank the answer, so
 * a search reads only the reported bytes. Otherwise candidates are rescored exactly, with vectors in memory instead of a shard's store.
 */
export function lists(recall: RecallTarget, isByCodes: boolean): Contender {
  let trial: ListTrial;
  let depth: Depth;
  let depths: readonly Depth[];
  const open = (image: Uint8Array, { metric, base }: VectorSet): ListTrial => {
    const kernels = new ProbeKernels(kernelModule('probe.relaxed'), new PageMemory(MEMORY_BYTES));
    return new ListTrial(kernels, metric, base, openImage(kernels, image));
  };
  return {
    version: `sluice lists ${recall} ${sourceHash()}`,
    settings: () => depths.map(({ stop, byReach, rescore }) => ({ stop, byReach, rescore })),
    build(set, folder) {
      const database = join(folder, 'database');
      const shard = new ShardTrial(database, set, recall);
      shard.upsert(Array.from({ length: set.base.count }, (_, number) => number));
      for (const _ of shard.keepUp());
      const { image, depth: calibrated } = shard.lists();
      writeFileSync(listFiles(folder).image, image);
      writeFileSync(listFiles(folder).depth, JSON.stringify(calibrated));
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true });
      return open(image, set).bytes;
    },
    open(set, folder) {
      const { image, depth: file } = listFiles(folder);
      trial = open(readFileSync(image), set);
      // The depth that calibration chose comes last, wherever it is on the curve.
      depths = [...DEPTHS, JSON.parse(readFileSync(file, 'utf8')) as Depth];
    },
    use({ stop = 0, byReach = 0, rescore = 0 }) {
      depth = { stop, byReach, rescore };
    },
    search: (values, topK) => (isByCodes ? trial.searchCodes(values, topK, depth) : trial.search(values, topK, depth)),
    found: (answer) => answer as number[],
  };
}
