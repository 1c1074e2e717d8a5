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
  objectRequestUsdPerMillion: read(0.15, 'USD per million calls of an object', PRICING),
  objectDurationUsdPerMillionGbS: read(12.5, 'USD per million GB-s in which an object runs', PRICING),
  objectMemoryGb: read(0.128, 'GB that each running object is billed for', PRICING),
  workerRequestUsdPerMillion: read(0.3, 'USD per million requests of a Worker', WORKERS_PRICING),
  workerCpuUsdPerMillionMs: read(0.02, 'USD per million ms of CPU of a Worker', WORKERS_PRICING),
  storageUsdPerGbMonth: read(0.2, 'USD per GB and month of SQLite', PRICING),
  rowsReadUsdPerMillion: read(0.001, 'USD per million rows read', PRICING),
  rowsWrittenUsdPerMillion: read(1, 'USD per million rows written', PRICING),

  // Prices of pools, used where the operator has set none.
  poolCpuUsdPerHour: chosen(0.04, 'USD an hour of one processor of a pool', 'on-demand list prices of general machines are 0.03 to 0.05'),
  poolBusyShare: chosen(0.5, 'of the time that a pool is paid for and computes', 'half of it waits for the peak of the day'),

  // How objects live.
  idleUntilColdS: read(10, 's without a call after which an object may leave memory', LIFECYCLE),
  coldStartMs: chosen(25, 'ms from the first call of an absent object to its constructor; below the 1 s that a start may take', LIFECYCLE),
  coldStartSpread: chosen(0.7, 'standard deviation of the logarithm of that', 'a heavy tail: the 99th percentile is five times the median'),
  coldPagesMs: measured(6, 'ms to read the lists of a first query from SQLite: 4 MB at 0.65 GB/s', 'raw workerd: scans of 64 KB values'),
  restartsPerHour: chosen(
    0.05,
    'times an hour that a busy object is moved or restarted',
    'deployments and maintenance: once or twice a day',
  ),

  // How calls travel.
  hopMs: chosen(
    3,
    'ms there and back between a gateway and an object of the same region, median',
    'region-internal round trips are 1 to 5 ms',
  ),
  hopSpread: chosen(0.5, 'standard deviation of the logarithm of that', 'the 99th percentile is three times the median'),
  slowCallShare: read(0.01, 'share of calls that meet a hiccup', 'The Tail at Scale (Dean, Barroso, 2013): one in a hundred'),
  slowCallMs: chosen(30, 'ms that such a call takes longer, at least', 'garbage collection, a lost packet'),

  // What is measured here. CPU of the platform is taken to be as fast as that of the machine that measured.
  searchUs: measured(
    85,
    'us of CPU in workerd: one query, recall 0.95, 331,479 x 100, lists in memory',
    'npm run bench -- ann: posting lists inside workerd',
  ),
  searchRecall99: measured(1.75, 'of that for recall 0.99', 'npm run bench -- ann: curves'),
  rowReadUs: measured(9.3, 'us to read a row of SQLite for exact scoring', 'npm run bench -- ann: cold start'),
  rowsScoredCount: measured(16, 'rows read for ten matches', 'src/ann/engine/list-settings.ts: proposalCount'),
  callCpuUs: measured(89, 'us of CPU of one call in a fan-out of 256, both ends', 'raw workerd, one gateway and 256 objects'),
  gatewayCpuMs: measured(0.35, 'ms of CPU of a query in the gateway without its calls', 'npm run bench -- gateway'),
  rankedNumberNs: measured(
    1.5,
    'ns of CPU for each number of a centroid that a query or a vector is compared with: 2.4 ms of 4,096 shards x 384',
    'npm run bench -- routing --only cost',
    '2026-11-25',
  ),
  probesCount: measured(16, 'shards that a query asks at most: 0.95 of the ten nearest of 256 lie there', 'npm run bench -- routing'),
  probesRecall99: measured(2, 'of those for recall 0.99', '331,479 word vectors in 256 shards of 8 centroids'),
  copiesFactor: measured(1.57, 'stored vectors for each one: those near borders lie in two shards', 'npm run bench -- routing'),
  shardFill: chosen(0.7, 'of the budget at which a shard splits that shards have on average', 'halves grow to the whole: ln 2'),

  popularitySkew: chosen(0.6, 'exponent of the Zipf law by which queries choose regions', 'some topics are asked for ten times as often'),

  // Bytes in addition to the vectors.
  listBytesFactor: measured(
    1.4,
    'bytes in memory for each number of a vector that is listed: codes, int8 and ids',
    'npm run bench -- ann: bytes a vector',
  ),
  rowBytes: measured(
    180,
    'bytes of SQLite for each vector besides its numbers: keys, indexes, row sets',
    'npm run bench -- ann, shard life',
  ),
  metadataBytes: chosen(120, 'bytes of metadata and property entries for each vector', 'a few short fields'),
  locatorBytes: chosen(90, 'bytes of the location of an id', 'an id of 20 characters, a version, shards'),

  // Lead times: from the decision to add capacity until it is there.
  quotaLeadDays: chosen(1, 'days until a quota is raised', 'one call, and the approval of the payer'),
  budgetLeadDays: chosen(5, 'days until a budget is raised', 'a working week for an approval'),
  indexLeadDays: chosen(3, 'days until the vectors of a full index are divided among two', 'an import, and a change of its callers'),
  acceleratorLeadDays: chosen(14, 'days until a pool has more accelerators', 'a request for a higher limit at a cloud takes days to weeks'),
  cacheLeadDays: chosen(
    1,
    'days until a cache keeps less or more',
    'a shorter TTL, fewer dimensions, or a deployment with more cache shards',
  ),
} as const satisfies Record<string, Assumption>;

export type AssumptionName = keyof typeof ASSUMPTIONS;

export type Assumed = Readonly<Record<AssumptionName, number>>;

/** The numbers alone; some of them others than assumed, to see what that changes. */
export const assumed = (others: Partial<Assumed> = {}): Assumed => ({
  ...(Object.fromEntries(Object.entries(ASSUMPTIONS).map(([name, { value }]) => [name, value])) as Record<AssumptionName, number>),
  ...others,
});
