import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { RecallTarget } from '../../../src/contract/indexes/index-settings.ts';
import { recallOf } from './recall.ts';
import { ShardTrial } from './shard-trial.ts';
import { truthOf } from './truth.ts';
import type { SetPlace } from './vector-set.ts';
import { readVectorSet } from './vector-set.ts';
import { vectorAt } from './vectors.ts';

export interface DefaultRecall {
  readonly set: string;
  readonly metric: string;
  readonly vectors: number;
  readonly dimensions: number;
  readonly target: RecallTarget;
  readonly recall1: number;
  readonly recall10: number;
  readonly recall100: number;
  readonly codesScanned: number;
  readonly rescored: number;
  readonly bytesPerVector: number;
  readonly cpuS: number;
}

/** The recall of a shard with its default settings, on a set that it was not tuned on. */
export async function defaultRecall(place: SetPlace, target: RecallTarget): Promise<DefaultRecall> {
  const set = await readVectorSet(place);
  const truth = await truthOf(set);
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  try {
    const started = process.cpuUsage();
    const shard = new ShardTrial(join(folder, 'database'), set, target);
    shard.upsert(Array.from({ length: set.base.count }, (_, number) => number));
    for (const _ of shard.keepUp());
    const { user, system } = process.cpuUsage(started);
    const cost = { codes: 0, rescored: 0 };
    const recallAt = (topK: number): number => {
      const { count } = set.queries;
      const found = new Int32Array(count * topK).fill(-1);
      for (let query = 0; query < count; query += 1) {
        const answer = shard.search(vectorAt(set.queries, query), topK, { explain: true });
        found.set(answer.found, query * topK);
        if (topK !== 10) continue;
        cost.codes += (answer.explanation?.codesScanned ?? 0) / count;
        cost.rescored += (answer.explanation?.rescored ?? 0) / count;
      }
      return Number(recallOf(set, truth, found, topK).toFixed(4));
    };
    const { name, metric, base } = set;
    const of = { set: name, metric, vectors: base.count, dimensions: base.dimensions, target };
    const recalls = { recall1: recallAt(1), recall10: recallAt(10), recall100: recallAt(100) };
    const costs = { codesScanned: Math.round(cost.codes), rescored: Math.round(cost.rescored) };
    return {
      ...of,
      ...recalls,
      ...costs,
      bytesPerVector: Math.round(shard.bytes / base.count),
      cpuS: Number(((user + system) / 1e6).toFixed(1)),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
