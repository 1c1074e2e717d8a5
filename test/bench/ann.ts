import { cpus, loadavg } from 'node:os';

import { RECALL_TARGETS } from '../../src/contract/indexes/index-settings.ts';
import { must } from '../../src/kernel/assert.ts';
import type { AnnOptions } from './ann/ann-options.ts';
import { OURS, PEERS } from './ann/contenders.ts';
import { readLists } from './ann/contenders/lists.ts';
import type { Effort, Point, Standing } from './ann/curves.ts';
import { Curves } from './ann/curves.ts';
import { defaultRecall } from './ann/default-recall.ts';
import { installPeers } from './ann/install-peers.ts';
import { otherSets } from './ann/other-sets.ts';
import { placeOf } from './ann/place-of.ts';
import { roofline } from './ann/roofline.ts';
import { compareRuntimes } from './ann/runtimes.ts';
import { shardLife } from './ann/shard-life.ts';
import { speedAt } from './ann/speed-at.ts';
import type { Truth } from './ann/truth.ts';
import { truthOf } from './ann/truth.ts';
import type { SetPlace, VectorSet } from './ann/vector-set.ts';
import { readVectorSet } from './ann/vector-set.ts';

const FULL = {
  curves: { recallMs: { 1: 1500, 10: 5000, 100: 1500 }, timingMs: 300, rounds: { 1: 3, 10: 7, 100: 3 } },
  runtimes: { queries: 2000, rounds: 9 },
  lifeQueries: 2000,
};
const QUICK: typeof FULL = {
  curves: { recallMs: { 1: 300, 10: 1000, 100: 300 }, timingMs: 50, rounds: { 1: 2, 10: 3, 100: 2 } },
  runtimes: { queries: 500, rounds: 5 },
  lifeQueries: 500,
};
const TOP_KS = [10, 1, 100];
const TARGETS = [0.9, 0.95, 0.99];

/**
 * The vector engine beside other libraries in the same run: speed against recall of single queries on one thread, the same inside workerd,
 * the cost of a shard's whole life, recall on data sets that nothing was tuned on, and the distance to what the machine could do. The
 * ground truth is an exhaustive search that shares no code with any contender.
 */
export async function annBench(options: AnnOptions): Promise<void> {
  const effort = options.quick === true ? QUICK : FULL;
  const place = await placeOf(options);
  const set = await readVectorSet(place);
  const truth = await truthOf(set);
  const { base, queries, hash, metric } = set;
  const { model: processor } = must(cpus()[0], 'there is a processor');
  console.log(`${set.name}: ${base.count} x ${base.dimensions}, ${metric}, ${queries.count} queries; ${cpus().length} x ${processor}`);
  const loadBefore = loadavg();
  if (options.peers === true) await installPeers();
  const contenders = options.only?.split(',') ?? (options.peers === true ? [...OURS, ...PEERS] : OURS);
  const { points, standings } = await measureCurves(place, set, truth, effort.curves, contenders);
  if (options.only !== undefined) return;
  const { image, depth } = readLists(set, RECALL_TARGETS[0]);
  const runtimes = await compareRuntimes(set, image, depth, effort.runtimes);
  console.table(runtimes);
  const roof = await roofline(set, image, depth);
  console.log(roof);
  const life = await shardLife(set, truth, RECALL_TARGETS[0], Math.min(queries.count, effort.lifeQueries));
  console.log(life);
  const others = options.data === undefined ? await measureOthers(options.quick === true) : [];
  const of = { set: set.name, hash, metric, vectors: base.count, dimensions: base.dimensions, queries: queries.count };
  const load = { before: loadBefore, after: loadavg() };
  console.log(JSON.stringify({ bench: 'ann', ...of, processor, load, standings, points, runtimes, roofline: roof, life, others }));
}

async function measureCurves(place: SetPlace, set: VectorSet, truth: Truth, effort: Effort, contenders: readonly string[]) {
  const curves = new Curves(place, set, truth, effort);
  const points: Point[] = [];
  try {
    for (const name of contenders) await curves.enter(name);
    for (const topK of TOP_KS) {
      const found = await curves.measure(topK);
      console.table(found);
      points.push(...found);
    }
  } finally {
    curves.close();
  }
  const standings = curves.standings.map((standing: Standing) => ({ ...standing, ...speedsAtTargets(points, standing.contender) }));
  console.table(standings);
  return { points, standings };
}

async function measureOthers(isQuick: boolean) {
  const found = [];
  for (const place of await otherSets())
    for (const target of isQuick ? RECALL_TARGETS.slice(0, 1) : RECALL_TARGETS) found.push(await defaultRecall(place, target));
  console.table(found);
  return found;
}

/** Queries a second at recall@10, from the best round of each point. */
function speedsAtTargets(points: readonly Point[], contender: string): Record<string, number | undefined> {
  const curve = points.filter((point) => point.contender === contender && point.topK === 10);
  return Object.fromEntries(TARGETS.map((target) => [`at ${target}`, speedAt(curve, target, ({ best }) => best)]));
}
