import { RouteReader } from '../../../../src/index/routing/route-reader.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { FieldSearch } from '../../../../src/index/fan-out/field-search.ts';
import type { GroupFieldReads } from '../../../../src/index/fan-out/group-fields.ts';
import { TreeFieldReads } from '../../../../src/index/fan-out/group-fields.ts';
import type { GroupSearch } from '../../../../src/index/fan-out/group-search.ts';
import { RoutedSearch } from '../../../../src/index/fan-out/routed-search.ts';
import { TreeSearch } from '../../../../src/index/fan-out/group-search.ts';
import { RoutedShards } from '../../../../src/index/shards/routed-shards.ts';
import { ShardReads } from '../../../../src/index/fan-out/shard-reads.ts';
import { FanOut } from '../../../../src/index/fan-out/fan-out.ts';
import { MemberChoice } from '../../../../src/index/fan-out/member-choice.ts';
import { DurableMembers } from '../../../../durable-objects/durable-members.ts';
import { DurableShards } from './durable-shards.ts';
import { reach } from '../../../../durable-objects/platform-fault.ts';
import { systemTimer } from '../../../../durable-objects/system-time.ts';
import { requestWakeUps } from '../../../inference/request-wake-ups.ts';
import type { IndexEnv } from '../../env.ts';
import type { Basics } from '../../pipeline/serving.ts';

/** The shards of all indexes, as one: who answers a read, over which route, and how many are asked at once. */
export function wireShards(env: Omit<IndexEnv, 'REGISTRY'>, { clock, metrics, region }: Basics): RoutedShards {
  const near = (): string | undefined => region.hint;
  const fanOut = new FanOut(clock, systemTimer);
  const reads = new ShardReads({ members: new DurableMembers(env), fanOut, choice: new MemberChoice(), clock, near });
  const groups: GroupSearch = {
    search: ({ query, ...group }) => reach(() => env.AGGREGATOR.search({ ...group, query: { ...query, ...nearOf(near()) } })),
  };
  const fieldGroups: GroupFieldReads = {
    searchFields: (query) => reach(() => env.AGGREGATOR.searchFields(query)),
    termStatistics: (query) => reach(() => env.AGGREGATOR.termStatistics(query)),
  };
  const fieldTree = new TreeFieldReads(reads, fieldGroups, new FanOut(clock, systemTimer));
  const tree = new TreeSearch(reads, groups, new FanOut(clock, systemTimer));
  const calls = new DurableShards(env);
  const search = new RoutedSearch(tree, fanOut, clock);
  const reader = new RouteReader(INDEX_LIMITS.routeMemoryBytesMax, { clock, wakeUps: requestWakeUps });
  for (const kind of ['calls', 'hedges', 'hedgesWon', 'failovers', 'partials'] as const) {
    metrics.gauge('sluice_shard_reads', { kind }, () => fanOut.counts[kind]);
  }
  return new RoutedShards({
    reads,
    shards: calls,
    locators: calls.locators,
    search,
    fields: new FieldSearch(fieldTree, clock),
    reader,
    clock,
    wakeUps: requestWakeUps,
  });
}

const nearOf = (near: string | undefined): { near?: string } => (near === undefined ? {} : { near });
