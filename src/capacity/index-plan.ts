import type { RecallTarget } from '../contract/indexes/index-settings.ts';
import type { Assumed } from './assumptions.ts';

/** What an index is to hold and to take. */
export interface IndexDemand {
  readonly vectors: number;
  readonly dimensions: number;
  /** Queries a second, on average. */
  readonly qps: number;
  /** Vectors written a second, on average. */
  readonly writesPerSecond: number;
  readonly recall: RecallTarget;
  /** Replicas of each shard. */
  readonly replicas: number;
  /** At so many vectors a shard is split. */
  readonly shardVectorsMax: number;
  /** So many shards an index may have. */
  readonly shardsMax: number;
  /** Of an index of several shards. */
  readonly locators: number;
  /** So many shards a gateway asks by itself; beyond, aggregators stand between. */
  readonly leavesMax: number;
}

interface BillLine {
  readonly what: string;
  readonly usdPerMonth: number;
}

export interface IndexPlan {
  /** How many indexes the vectors have to be divided among; all else is of all of them together, where a query asks one. */
  readonly indexes: number;
  readonly shards: number;
  readonly vectorsPerShard: number;
  readonly locators: number;
  /** All of them: shards, their copies, locators and the indexes themselves. */
  readonly objects: number;
  /** Shards that a query asks. */
  readonly probes: number;
  readonly memoryBytesPerShard: number;
  readonly memoryBytes: number;
  readonly storageBytes: number;
  readonly routing: RoutingPlan;
  /** CPU of one call of a shard. */
  readonly leafMs: number;
  /** The share of its time in which a shard searches. */
  readonly leafLoad: number;
  /** The share of calls that find a shard out of memory. */
  readonly coldShare: number;
  readonly bill: readonly BillLine[];
  readonly usdPerMonth: number;
  readonly usdPerMillionQueries: number;
}

const MONTH_S = 30 * 86_400;
const GB = 1e9;
const MEASURED_VECTORS = 331_479;
const MEASURED_DIMENSIONS = 100;

const factorFor = (recall: RecallTarget, factor99: number): number => (recall === 0.99 ? factor99 : 1);

/**
 * CPU of one search of a shard. A search scans as many lists as its stop rule needs, some per cent of them; lists are as many as they are
 * long, so its work grows with the root of what the shard holds, and with the length of what is scanned.
 */
export function leafCpuMs(vectors: number, dimensions: number, recall: RecallTarget, a: Assumed): number {
  const scan = a.searchUs * factorFor(recall, a.searchRecall99);
  const scaled = scan * (dimensions / MEASURED_DIMENSIONS) * Math.sqrt(vectors / MEASURED_VECTORS);
  return (scaled + a.rowsScoredCount * a.rowReadUs) / 1000;
}

/** What an index needs, and what it costs a month. */
export function planIndex(demand: IndexDemand, a: Assumed): IndexPlan {
  const { vectors, dimensions, qps, recall, replicas } = demand;
  const isOne = vectors <= demand.shardVectorsMax;
  const stored = isOne ? vectors : vectors * a.copiesFactor;
  const shards = isOne ? 1 : Math.ceil(stored / (demand.shardVectorsMax * a.shardFill));
  const vectorsPerShard = Math.ceil(stored / shards);
  const indexes = Math.ceil(shards / demand.shardsMax);
  const locators = isOne ? 0 : indexes * demand.locators;
  const probes = Math.min(shards, Math.ceil(a.probesCount * factorFor(recall, a.probesRecall99)));
  const leafMs = leafCpuMs(vectorsPerShard, dimensions, recall, a);
  const instances = shards * (1 + replicas);
  // Calls come at random: the share of gaps that are longer than an object stays in memory.
  const callsPerSecond = (qps * probes) / instances;
  const coldShare =
    callsPerSecond === 0 ? 1 : Math.min(1, Math.exp(-callsPerSecond * a.idleUntilColdS) + a.restartsPerHour / 3600 / callsPerSecond);
  const memoryBytesPerShard = Math.ceil(vectorsPerShard * dimensions * a.listBytesFactor);
  const bytesPerVector = dimensions * (4 + a.listBytesFactor) + a.rowBytes + a.metadataBytes;
  const storageBytes = stored * (1 + replicas) * bytesPerVector + (isOne ? 0 : vectors * a.locatorBytes);
  const routing = planRouting(Math.ceil(shards / indexes), dimensions, a);
  const bill = billOf(demand, a, { probes, leafMs, storageBytes, routing });
  const usdPerMonth = bill.reduce((sum, line) => sum + line.usdPerMonth, 0);
  return {
    indexes,
    shards,
    vectorsPerShard,
    locators,
    objects: instances + locators + indexes,
    probes,
    memoryBytesPerShard,
    memoryBytes: memoryBytesPerShard * instances,
    storageBytes,
    routing,
    leafMs,
    leafLoad: (callsPerSecond * leafMs) / 1000,
    coldShare,
    bill,
    usdPerMonth,
    usdPerMillionQueries: qps === 0 ? 0 : usdPerMonth / ((qps * MONTH_S) / 1e6),
  };
}

function billOf(
  { qps, writesPerSecond, replicas, leavesMax }: IndexDemand,
  a: Assumed,
  { probes, leafMs, storageBytes, routing }: Pick<IndexPlan, 'probes' | 'leafMs' | 'storageBytes' | 'routing'>,
): BillLine[] {
  const queries = (qps * MONTH_S) / 1e6;
  const writes = (writesPerSecond * MONTH_S) / 1e6;
  const aggregators = probes > leavesMax ? Math.ceil(probes / leavesMax) : 0;
  const calls = queries * (probes + aggregators) + writes * (a.copiesFactor + 1) * (1 + replicas);
  const cpuMs = queries * (a.gatewayCpuMs + (probes * a.callCpuUs) / 1000) + (queries + writes) * routing.rankingMs;
  const rowsRead = queries * probes * a.rowsScoredCount * 2;
  // A vector, its properties, its location, and the row that is replaced.
  const rowsWritten = writes * a.copiesFactor * (1 + replicas) * 6;
  return [
    { what: 'requests of the gateway', usdPerMonth: queries * a.workerRequestUsdPerMillion },
    { what: 'CPU of the gateway', usdPerMonth: cpuMs * a.workerCpuUsdPerMillionMs },
    { what: 'calls of shards and locators', usdPerMonth: calls * a.objectRequestUsdPerMillion },
    { what: 'time in which shards run', usdPerMonth: ((calls * leafMs) / 1000) * a.objectMemoryGb * a.objectDurationUsdPerMillionGbS },
    { what: 'rows read', usdPerMonth: rowsRead * a.rowsReadUsdPerMillion },
    { what: 'rows written', usdPerMonth: rowsWritten * a.rowsWrittenUsdPerMillion },
    { what: 'storage', usdPerMonth: (storageBytes / GB) * a.storageUsdPerGbMonth },
  ];
}

/** What an index of several shards takes of each gateway isolate that asks it. */
interface RoutingPlan {
  /** CPU of ranking the shards, for each query and each vector that is written. */
  readonly rankingMs: number;
  /** What is said of all regions: an isolate holds as much of it as it needs, up to `routeMemoryBytesMax`. */
  readonly regionBytes: number;
}

/** By `SummaryRouter`: centroids of a shard, its shard groups' coarse ones for each shard, and how many shards are compared roughly and exactly. */
const CENTROIDS = 8;
const COARSE_SHARE = 1 / 4;
const ROUGHLY_MAX = 1_024;
const EXACTLY_MAX = 256;

export function planRouting(shards: number, dimensions: number, a: Assumed): RoutingPlan {
  if (shards === 1) return { rankingMs: 0, regionBytes: 0 };
  const compared = shards * COARSE_SHARE + Math.min(shards, ROUGHLY_MAX) + CENTROIDS * Math.min(shards, EXACTLY_MAX);
  return {
    rankingMs: (compared * dimensions * a.rankedNumberNs) / 1e6,
    // A centroid's mean goes with it.
    regionBytes: shards * dimensions * (CENTROIDS + 1 + COARSE_SHARE),
  };
}
