import { apiText } from '../contract/api-text.ts';

/** A number that plans and simulations rest on, and where it comes from. */
interface Assumption {
  readonly value: number;
  readonly unit: string;
  /** `read` in a published source, `measured` here, or `chosen`: a guess on the safe side without a published source. */
  readonly basis: 'read' | 'measured' | 'chosen';
  readonly source: string;
  /** When it was read, measured or chosen. */
  readonly date: string;
}

const PRICING = 'developers.cloudflare.com/durable-objects/platform/pricing';
const WORKERS_PRICING = 'developers.cloudflare.com/workers/platform/pricing';
const LIFECYCLE = 'developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle';

const read = (value: number, unit: string, source: string): Assumption => ({ value, unit, basis: 'read', source, date: '2026-11-25' });
const measured = (value: number, unit: string, source: string, date = '2026-11-24'): Assumption => ({
  value,
  unit,
  basis: 'measured',
  source,
  date,
});
const chosen = (value: number, unit: string, source: string): Assumption => ({ value, unit, basis: 'chosen', source, date: '2026-11-25' });

/** Everything that a plan or a simulation takes for granted about the platform, in one file. */
export const ASSUMPTIONS = {
  // Prices of the paid plan; what it includes is not deducted, so that a plan does not depend on what else the account does.
  objectRequestUsdPerMillion: read(0.15, apiText('USD per million calls of an object'), PRICING),
  objectDurationUsdPerMillionGbS: read(12.5, apiText('USD per million GB-s in which an object runs'), PRICING),
  objectMemoryGb: read(0.128, apiText('GB that each running object is billed for'), PRICING),
  workerRequestUsdPerMillion: read(0.3, apiText('USD per million requests of a Worker'), WORKERS_PRICING),
  workerCpuUsdPerMillionMs: read(0.02, apiText('USD per million ms of CPU of a Worker'), WORKERS_PRICING),
  storageUsdPerGbMonth: read(0.2, apiText('USD per GB and month of SQLite'), PRICING),
  rowsReadUsdPerMillion: read(0.001, apiText('USD per million rows read'), PRICING),
  rowsWrittenUsdPerMillion: read(1, apiText('USD per million rows written'), PRICING),

  // Prices of pools, used where the operator has set none.
  poolCpuUsdPerHour: chosen(
    0.04,
    apiText('USD an hour of one processor of a pool'),
    apiText('on-demand list prices of general machines are 0.03 to 0.05'),
  ),
  poolBusyShare: chosen(
    0.5,
    apiText('of the time that a pool is paid for and computes'),
    apiText('half of it waits for the peak of the day'),
  ),

  // How objects live.
  idleUntilColdS: read(10, apiText('s without a call after which an object may leave memory'), LIFECYCLE),
  coldStartMs: chosen(
    25,
    apiText('ms from the first call of an absent object to its constructor; below the 1 s that a start may take'),
    LIFECYCLE,
  ),
  coldStartSpread: chosen(
    0.7,
    apiText('standard deviation of the logarithm of that'),
    apiText('a heavy tail: the 99th percentile is five times the median'),
  ),
  coldPagesMs: measured(
    6,
    apiText('ms to read the lists of a first query from SQLite: 4 MB at 0.65 GB/s'),
    apiText('raw workerd: scans of 64 KB values'),
  ),
  restartsPerHour: chosen(
    0.05,
    apiText('times an hour that a busy object is moved or restarted'),
    apiText('deployments and maintenance: once or twice a day'),
  ),

  // How calls travel.
  hopMs: chosen(
    3,
    apiText('ms there and back between a gateway and an object of the same region, median'),
    apiText('region-internal round trips are 1 to 5 ms'),
  ),
  hopSpread: chosen(0.5, apiText('standard deviation of the logarithm of that'), apiText('the 99th percentile is three times the median')),
  slowCallShare: read(
    0.01,
    apiText('share of calls that meet a hiccup'),
    apiText('The Tail at Scale (Dean, Barroso, 2013): one in a hundred'),
  ),
  slowCallMs: chosen(30, apiText('ms that such a call takes longer, at least'), apiText('garbage collection, a lost packet')),

  // What is measured here. CPU of the platform is taken to be as fast as that of the machine that measured.
  searchUs: measured(
    85,
    apiText('us of CPU in workerd: one query, recall 0.95, 331,479 x 100, lists in memory'),
    apiText('npm run bench -- ann: posting lists inside workerd'),
  ),
  searchRecall99: measured(1.75, apiText('of that for recall 0.99'), apiText('npm run bench -- ann: curves')),
  rowReadUs: measured(9.3, apiText('us to read a row of SQLite for exact scoring'), apiText('npm run bench -- ann: cold start')),
  rowsScoredCount: measured(16, apiText('rows read for ten matches'), apiText('src/ann/engine/list-settings.ts: proposalCount')),
  callCpuUs: measured(
    89,
    apiText('us of CPU of one call in a fan-out of 256, both ends'),
    apiText('raw workerd, one gateway and 256 objects'),
  ),
  gatewayCpuMs: measured(0.35, apiText('ms of CPU of a query in the gateway without its calls'), apiText('npm run bench -- gateway')),
  rankedNumberNs: measured(
    1.5,
    apiText('ns of CPU for each number of a centroid that a query or a vector is compared with: 2.4 ms of 4,096 shards x 384'),
    apiText('npm run bench -- routing --only cost'),
    '2026-11-25',
  ),
  probesCount: measured(
    16,
    apiText('shards that a query asks at most: 0.95 of the ten nearest of 256 lie there'),
    apiText('npm run bench -- routing'),
  ),
  probesRecall99: measured(2, apiText('of those for recall 0.99'), apiText('331,479 word vectors in 256 shards of 8 centroids')),
  copiesFactor: measured(
    1.57,
    apiText('stored vectors for each one: those near borders lie in two shards'),
    apiText('npm run bench -- routing'),
  ),
  shardFill: chosen(
    0.7,
    apiText('of the budget at which a shard splits that shards have on average'),
    apiText('halves grow to the whole: ln 2'),
  ),

  popularitySkew: chosen(
    0.6,
    apiText('exponent of the Zipf law by which queries choose regions'),
    apiText('some topics are asked for ten times as often'),
  ),

  // Bytes in addition to the vectors.
  listBytesFactor: measured(
    1.4,
    apiText('bytes in memory for each number of a vector that is listed: codes, int8 and ids'),
    apiText('npm run bench -- ann: bytes a vector'),
  ),
  rowBytes: measured(
    180,
    apiText('bytes of SQLite for each vector besides its numbers: keys, indexes, row sets'),
    apiText('npm run bench -- ann, shard life'),
  ),
  metadataBytes: chosen(120, apiText('bytes of metadata and property entries for each vector'), apiText('a few short fields')),
  locatorBytes: chosen(90, apiText('bytes of the location of an id'), apiText('an id of 20 characters, a version, shards')),

  // Lead times: from the decision to add capacity until it is there.
  quotaLeadDays: chosen(1, apiText('days until a quota is raised'), apiText('one call, and the approval of the payer')),
  budgetLeadDays: chosen(5, apiText('days until a budget is raised'), apiText('a working week for an approval')),
  indexLeadDays: chosen(
    3,
    apiText('days until the vectors of a full index are divided among two'),
    apiText('an import, and a change of its callers'),
  ),
  acceleratorLeadDays: chosen(
    14,
    apiText('days until a pool has more accelerators'),
    apiText('a request for a higher limit at a cloud takes days to weeks'),
  ),
  cacheLeadDays: chosen(
    1,
    apiText('days until a cache keeps less or more'),
    apiText('a shorter TTL, fewer dimensions, or a deployment with more cache shards'),
  ),
} as const satisfies Record<string, Assumption>;

export type AssumptionName = keyof typeof ASSUMPTIONS;

export type Assumed = Readonly<Record<AssumptionName, number>>;

/** The numbers alone; some of them others than assumed, to see what that changes. */
export const assumed = (others: Partial<Assumed> = {}): Assumed => ({
  ...(Object.fromEntries(Object.entries(ASSUMPTIONS).map(([name, { value }]) => [name, value])) as Record<AssumptionName, number>),
  ...others,
});
