import { loadavg } from 'node:os';

import { encodeCentroids } from '../../../src/index/routing/centroids.ts';
import { GROUP_SIZES, withGroups } from '../../../src/index/routing/shard-groups.ts';
import { placesOf } from '../../../src/index/routing/places-of.ts';
import { summaryOf, regionPage, RoutingChangeLog } from '../../../src/index/routing/routing-summary.ts';
import { changed } from '../../../src/index/routing/route-changes.ts';
import type { RoutedShard, RouteTable } from '../../../src/index/routing/route-table.ts';
import { Router } from '../../../src/index/routing/router.ts';
import { slotOf } from '../../../src/index/routing/slot-range.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { must } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { routesOfTable } from '../../support/oracles/routes-of-table.ts';

const POINTS = 200;
const CENTROIDS = 8;

/** The cost of ranking in the largest index, over all shards and by shard groups. It does not depend on their positions: they are random. */
export async function rankingCost(dimensions: number): Promise<void> {
  const random = new Seeded(1);
  const values = (count: number) => Float32Array.from({ length: count * dimensions }, () => random.next() - 0.5);
  const table = tableOf(dimensions, () => values(CENTROIDS));
  const buildStartedMs = cpuMs();
  const grouped = withGroups(undefined, table, GROUP_SIZES);
  const buildMs = cpuMs() - buildStartedMs;
  const summary = summaryOf(grouped);
  const pages = summary.groups.map(({ number, since }) => regionPage(grouped, number, since));
  const flat = new Router(table);
  const routes = routesOfTable(grouped);
  const points = Array.from({ length: POINTS }, () => values(1));
  const ids = points.map((_, i) => `id-${i}`);
  await routes.placesFor({ ids, namespaces: ids.map(() => ''), values: values(POINTS) });

  const costs = {
    'query, all regions': await costOf(points, async (point) => flat.rankForSearching(point)),
    'query, by groups': await costOf(points, (point) => routes.rankForSearching(point)),
    'vector, all regions': await costOf(points, async (point) => placesOf(flat.placings(point, slotOf('', 'a')), table.margin)),
    'vector, by groups': await costOf(points, (point) => routes.placesFor({ ids: ['a'], namespaces: [''], values: point })),
  };
  console.log(`\n${table.shards.length} shards x ${dimensions}, ${summary.groups.length} groups, load ${loadavg()[0]?.toFixed(1)}`);
  for (const [what, ms] of Object.entries(costs)) console.log(`  ${what.padEnd(22)} ${ms.toFixed(2)} ms of CPU`);
  const changes = new RoutingChangeLog();
  changes.summaryFor(grouped, 0);
  const { centroids } = must(grouped.shards[0], 'there are shards');
  const split = changed(grouped, { kind: 'split', ordinal: 0, halves: [centroids, centroids], margin: 1.1 });
  const newer = changes.summaryFor(withGroups(grouped, split, GROUP_SIZES), grouped.version);
  const [whole, first, next, page] = [table, summary, newer, pages[0]].map(megabytes);
  console.log(`  told: ${whole} MB of a whole table, ${first} of an summary, ${next} of the next one after a split, ${page} of a group`);
  console.log(`  groups of a table that had none: ${buildMs.toFixed(0)} ms`);
}

function tableOf(dimensions: number, centroids: () => Float32Array): RouteTable {
  const shards = Array.from({ length: INDEX_LIMITS.shardsPerIndexMaxCount }, (_, ordinal): RoutedShard => ({
    ordinal,
    since: 1,
    centroids: encodeCentroids(centroids(), dimensions),
    state: { kind: 'serving' },
    replicas: [],
  }));
  return { version: 1, metric: 'cosine', dimensions, shards, highest: shards.length - 1, locators: 8, margin: 1.1 };
}

async function costOf(
  points: readonly Float32Array<ArrayBuffer>[],
  rank: (point: Float32Array<ArrayBuffer>) => Promise<unknown>,
): Promise<number> {
  await rank(must(points[0], 'there are points'));
  const startedMs = cpuMs();
  for (const point of points) await rank(point);
  return (cpuMs() - startedMs) / points.length;
}

const cpuMs = (): number => process.cpuUsage().user / 1000;

/** Approximately as sent: structured clones have about the same size. */
const megabytes = (told: unknown): string =>
  (JSON.stringify(told, (_, part: unknown) => (ArrayBuffer.isView(part) ? '#'.repeat(part.byteLength) : part)).length / 1e6).toFixed(2);
