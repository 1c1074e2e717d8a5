import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ProbeKernels } from '../../../../src/ann/lists/probe-kernels.ts';
import { PageMemory } from '../../../../src/ann/page-memory.ts';
import { TrainKernels } from '../../../../src/ann/training/train-kernels.ts';
import { buildLists } from '../build-lists.ts';
import type { Contender, Setting } from '../contender.ts';
import { kernelModule } from '../kernel-module.ts';
import { openImage } from '../list-image.ts';
import type { Depth } from '../list-trial.ts';
import { ListTrial } from '../list-trial.ts';

const MEMORY_BYTES = 512 * 1024 * 1024;
const FILE = 'image';

export interface ListVariant {
  readonly entriesPerList: number;
  readonly samplesPerList: number;
  readonly subspaceDimensions?: number;
  readonly hasLowPlane: boolean;
  readonly settings: readonly Setting[];
}

/** The posting lists of a shard, as its engine searches them. */
export function lists({ entriesPerList, samplesPerList, settings, ...plan }: ListVariant): Contender {
  let trial: ListTrial;
  let depth: Depth;
  return {
    version: `sluice lists ${JSON.stringify({ entriesPerList, samplesPerList, ...plan })}`,
    settings: () => settings,
    build(set, folder) {
      const memory = new PageMemory(MEMORY_BYTES);
      const listCount = Math.round(set.base.count / entriesPerList);
      const [train, probe] = [new TrainKernels(kernelModule('train'), memory), new ProbeKernels(kernelModule('probe.relaxed'), memory)];
      const image = buildLists(train, probe, set, { listCount, sampleCount: samplesPerList * listCount, ...plan });
      writeFileSync(join(folder, FILE), image);
      const opened = openImage(new ProbeKernels(kernelModule('probe.relaxed'), new PageMemory(MEMORY_BYTES)), image);
      opened.load();
      return opened.lists.bytes;
    },
    open(set, folder) {
      const kernels = new ProbeKernels(kernelModule('probe.relaxed'), new PageMemory(MEMORY_BYTES));
      trial = new ListTrial(kernels, set.metric, set.base, openImage(kernels, readFileSync(join(folder, FILE))));
    },
    use({ stop = 0, rescore = 0 }) {
      depth = { stop, rescore };
    },
    search: (values, topK) => trial.search(values, topK, depth),
    found: (answer) => answer as number[],
  };
}
