import { parseArgs } from 'node:util';

import type { AnnOptions } from './ann/ann-options.ts';
import { annBench } from './ann.ts';
import { burstBench } from './burst.ts';
import type { CacheBenchOptions } from './cache.ts';
import { cacheBench } from './cache.ts';
import type { CacheL2Options } from './cache-l2.ts';
import { cacheL2Bench } from './cache-l2.ts';
import { cachedQueriesBench } from './cached-queries.ts';
import { cascadeBench } from './cascade.ts';
import { chunkingBench } from './chunking.ts';
import { costBench } from './cost.ts';
import { encoderEngineBench } from './encoder.ts';
import { encoderMemoryBench } from './encoder-memory.ts';
import { encodersBench } from './encoders.ts';
import { failoverBench } from './failover.ts';
import { fieldVectorsBench } from './field-vectors.ts';
import { filterBench } from './filters.ts';
import { forecastBench } from './forecast.ts';
import { frontDoorBench } from './front-door.ts';
import { fusionBench } from './fusion.ts';
import { gatewayBench } from './gateway.ts';
import { ladderBench } from './ladder.ts';
import { memoryBench } from './memory.ts';
import { overloadBench } from './overload.ts';
import { modelsBench } from './models.ts';
import { neighboursBench } from './neighbours.ts';
import { placementBench } from './placement.ts';
import { platformLimitsBench } from './platform-limits.ts';
import { poolsBench } from './pools.ts';
import { postingsBench } from './postings.ts';
import { proxiedBench } from './proxied.ts';
import { scaleBench } from './scale.ts';
import type { QuotaBenchOptions } from './quota.ts';
import { quotaBench } from './quota.ts';
import { retrievalBench } from './retrieval.ts';
import { reuseBench } from './reuse.ts';
import { schedulerBench } from './scheduler.ts';
import { servedBench } from './served.ts';
import { growthBench } from './growth.ts';
import { hotShardBench } from './hot-shard.ts';
import { routingBench } from './routing.ts';
import { slurmBench } from './slurm.ts';
import { splitBench } from './split.ts';
import { startBench } from './start.ts';
import { startsBench } from './starts.ts';
import { tailBench } from './tail.ts';
import { wireBench } from './wire.ts';
import { waitsBench } from './waits.ts';
import { writesBench } from './writes.ts';

const AREAS: Record<string, (options: AnnOptions & CacheBenchOptions & CacheL2Options & QuotaBenchOptions) => Promise<void>> = {
  ann: annBench,
  burst: burstBench,
  cache: cacheBench,
  'cache-l2': cacheL2Bench,
  'cached-queries': cachedQueriesBench,
  cascade: cascadeBench,
  chunking: chunkingBench,
  cost: costBench,
  encoder: encoderEngineBench,
  'encoder-memory': encoderMemoryBench,
  encoders: encodersBench,
  failover: failoverBench,
  'field-vectors': fieldVectorsBench,
  filters: filterBench,
  forecast: forecastBench,
  'front-door': frontDoorBench,
  fusion: fusionBench,
  gateway: gatewayBench,
  ladder: ladderBench,
  memory: memoryBench,
  models: modelsBench,
  neighbours: neighboursBench,
  overload: overloadBench,
  placement: placementBench,
  'platform-limits': platformLimitsBench,
  pools: poolsBench,
  postings: postingsBench,
  proxied: proxiedBench,
  scale: scaleBench,
  quota: quotaBench,
  retrieval: retrievalBench,
  reuse: reuseBench,
  scheduler: schedulerBench,
  served: servedBench,
  'hot-shard': hotShardBench,
  growth: growthBench,
  routing: routingBench,
  slurm: slurmBench,
  split: splitBench,
  start: startBench,
  starts: startsBench,
  tail: tailBench,
  waits: waitsBench,
  wire: wireBench,
  writes: writesBench,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    beside: { type: 'string' },
    columns: { type: 'string' },
    data: { type: 'string' },
    filtered: { type: 'boolean' },
    full: { type: 'boolean' },
    hybrid: { type: 'boolean' },
    metric: { type: 'string' },
    only: { type: 'string' },
    peers: { type: 'boolean' },
    quick: { type: 'boolean' },
  },
});
const area = AREAS[positionals[0] ?? ''];
if (area === undefined) {
  console.error(`usage: npm run bench -- AREA    AREA is one of: ${Object.keys(AREAS).join(', ')}`);
  process.exit(2);
}
await area(values);
