import { cpus, loadavg } from 'node:os';

import { parse } from 'node:path';

import type { Metric } from '../../src/contract/metric.ts';
import { must } from '../../src/kernel/assert.ts';
import { OURS, PEERS } from './ann/contenders.ts';
import type { Effort, Point } from './ann/curves.ts';
import { Curves } from './ann/curves.ts';
import { gloveSet } from './ann/glove.ts';
import { installPeers } from './ann/install-peers.ts';
import { speedAt } from './ann/speed-at.ts';
import { truthOf } from './ann/truth.ts';
import type { SetPlace } from './ann/vector-set.ts';
import { readVectorSet } from './ann/vector-set.ts';

export interface AnnOptions {
  /** A folder with base.fvecs and query.fvecs, in place of the word vectors. */
  readonly data?: string | undefined;
  /** How to compare the vectors of `data`. */
  readonly metric?: string | undefined;
  /** Also measures other libraries, which are installed first; the first time, building their indexes takes many minutes. */
  readonly peers?: boolean | undefined;
  /** Fewer vectors, queries and rounds. */
  readonly quick?: boolean | undefined;
}

const EFFORT: Effort = { queriesTimed: 1000, recallMs: 10_000, rounds: { 1: 3, 10: 7, 100: 3 } };
const QUICK: Effort = { queriesTimed: 300, recallMs: 1000, rounds: { 1: 2, 10: 3, 100: 2 } };
const TOP_KS = [10, 1, 100];
const TARGETS = [0.9, 0.95, 0.99];

/**
 * Speed against recall of the vector engine, one query a call on one thread, beside other libraries in the same run. Everything is
 * exact and checked: the ground truth is an exhaustive search that shares no code with any contender.
 */
export async function annBench(options: AnnOptions): Promise<void> {
  const place = await placeOf(options);
  const set = await readVectorSet(place);
  const truth = await truthOf(set);
  const { model } = must(cpus()[0], 'there is a processor');
  console.log(
    `${set.name}: ${set.base.count} x ${set.base.dimensions}, ${set.metric}, ${set.queries.count} queries; ${cpus().length} x ${model}`,
  );
  if (options.peers === true) await installPeers();
  const curves = new Curves(place, set, truth, options.quick === true ? QUICK : EFFORT);
  const points: Point[] = [];
  const loadBefore = loadavg();
  try {
    for (const name of [...OURS, ...(options.peers === true ? PEERS : [])]) await curves.enter(name);
    for (const topK of TOP_KS) points.push(...(await curves.measure(topK)));
  } finally {
    curves.close();
  }
  console.table(points);
  console.table(curves.standings.map((standing) => ({ ...standing, ...speedsAtTargets(points, standing.contender) })));
  const { base, queries, hash } = set;
  const of = { set: set.name, hash, metric: set.metric, vectors: base.count, dimensions: base.dimensions, queries: queries.count };
  const load = { before: loadBefore, after: loadavg() };
  console.log(JSON.stringify({ bench: 'ann', ...of, processor: model, load, standings: curves.standings, points }));
}

async function placeOf({ data, metric, quick }: AnnOptions): Promise<SetPlace> {
  if (data === undefined) return gloveSet(quick === true);
  return { folder: data, name: parse(data).base, metric: (metric ?? 'cosine') as Metric };
}

/** Queries a second at recall@10, in the best round of each point. */
function speedsAtTargets(points: readonly Point[], contender: string): Record<string, number | undefined> {
  const curve = points.filter((point) => point.contender === contender && point.topK === 10);
  return Object.fromEntries(TARGETS.map((target) => [`at ${target}`, speedAt(curve, target, ({ best }) => best)]));
}
