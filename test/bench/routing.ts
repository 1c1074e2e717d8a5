import { loadavg } from 'node:os';

import type { GroupSizes } from '../../src/index/routing/shard-groups.ts';
import { withGroups } from '../../src/index/routing/shard-groups.ts';
import { PROBE_REACH, probesOf } from '../../src/index/routing/probe-plan.ts';
import type { RouteTable } from '../../src/index/routing/route-table.ts';
import type { RankedShard } from '../../src/index/routing/router.ts';
import { Router } from '../../src/index/routing/router.ts';
import { routesOfTable } from '../support/oracles/routes-of-table.ts';
import type { AnnOptions } from './ann/ann-options.ts';
import { placeOf } from './ann/place-of.ts';
import type { VectorSet } from './ann/vector-set.ts';
import { readVectorSet } from './ann/vector-set.ts';
import { vectorAt } from './ann/vectors.ts';
import type { GrownRoutes } from './routing/grown-routes.ts';
import { GrowingRoutes } from './routing/grown-routes.ts';
import { nearestTen } from './routing/nearest-ten.ts';
import { rankingCost } from './routing/ranking-cost.ts';

/** The most rows of a shard; gives about 256 shards in the end. */
const BUDGET = 2_800;
const TOUCHED = [1, 2, 4, 6, 8, 10, 12, 13, 16, 20, 24, 32];
const QUERIES = 1000;
const GROUPS: GroupSizes = { shardsMax: 12, shardsMin: 4 };
const LONG = 384;

/**
 * Routing alone: recall by shards probed, with the exact ten nearest as ground truth. The index grows by splits as it would in production.
 * It is measured with every vector where the moves have left it, then after rebalancing; with the regions of all shards, and with shard
 * groups so small that the router looks into only half of them. Last, the cost of ranking in the largest index (`--only cost`: only that).
 */
export async function routingBench(options: AnnOptions): Promise<void> {
  if (options.only === 'cost') return rankingCost(LONG);
  const set = await readVectorSet(await placeOf(options));
  const truth = nearestTen(set, QUERIES);
  console.log(`${set.base.count} vectors x ${set.base.dimensions}, ${QUERIES} queries, load ${loadavg()[0]?.toFixed(1)}`);
  const startedMs = performance.now();
  const seconds = () => ((performance.now() - startedMs) / 1000).toFixed(0);
  const growing = new GrowingRoutes(set);
  for (const times of [8, 4, 2, 1]) {
    growing.splitAbove(times * BUDGET);
    console.log(`as it has grown (${seconds()} s): ${describe(growing.routes)}`);
    await report(set, growing.routes, truth);
  }
  for (let splits = 1; splits > 0; splits = growing.splitAbove(BUDGET)) {
    const { looked, sent } = growing.tidy();
    console.log(`every shard tidied, ${looked} rows looked at, ${sent} sent (${seconds()} s): ${describe(growing.routes)}`);
    await report(set, growing.routes, truth);
  }
  await report(set, growing.routes, truth, GROUPS);
  await rankingCost(LONG);
}

function describe({ table, places }: GrownRoutes): string {
  const sizes = new Map(table.shards.map(({ ordinal }) => [ordinal, 0]));
  for (const shards of places) for (const shard of shards) sizes.set(shard, (sizes.get(shard) ?? 0) + 1);
  const stored = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const balance = (Math.max(...sizes.values()) * sizes.size) / stored;
  return `${table.shards.length} shards, ${(stored / places.length).toFixed(2)} places a vector, largest shard / mean ${balance.toFixed(2)}, margin ${table.margin.toFixed(3)}`;
}

async function report(
  { queries }: VectorSet,
  { table, places }: GrownRoutes,
  truth: readonly (readonly number[])[],
  sizes?: GroupSizes,
): Promise<void> {
  const rankedFor = ranking(table, sizes);
  const found = new Map(TOUCHED.map((touched) => [touched, 0]));
  let [adaptiveFound, adaptiveTouched] = [0, 0];
  for (const [query, nearest] of truth.entries()) {
    const ranked = await rankedFor(vectorAt(queries, query));
    const rankOf = new Map(ranked.map(({ ordinal }, rank) => [ordinal, rank]));
    const firstRanks = nearest.map((row) => Math.min(...(places[row] ?? []).map((shard) => rankOf.get(shard) ?? Infinity)));
    for (const touched of TOUCHED) found.set(touched, (found.get(touched) ?? 0) + firstRanks.filter((rank) => rank < touched).length);
    const probes = probesOf(ranked, PROBE_REACH).length;
    adaptiveTouched += probes;
    adaptiveFound += firstRanks.filter((rank) => rank < probes).length;
  }
  const share = (count: number) => (count / truth.length / 10).toFixed(3);
  console.log(`  touched ${TOUCHED.map((touched) => String(touched).padStart(5)).join(' ')}`);
  console.log(`  found   ${TOUCHED.map((touched) => share(found.get(touched) ?? 0)).join(' ')}`);
  console.log(`  adaptive stop: ${(adaptiveTouched / truth.length).toFixed(1)} touched on average, found ${share(adaptiveFound)}`);
}

function ranking(table: RouteTable, sizes: GroupSizes | undefined): (point: Float32Array) => Promise<RankedShard[]> {
  if (sizes === undefined) {
    const router = new Router(table);
    return async (point) => router.rankForSearching(point);
  }
  const routes = routesOfTable(withGroups(undefined, table, sizes));
  console.log(`  by ${routes.summary.groups.length} groups:`);
  return async (point) => {
    const ranked = await routes.rankForSearching(point);
    return ranked.ok ? ranked.value : [];
  };
}
