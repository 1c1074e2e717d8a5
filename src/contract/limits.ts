import { TENANCY_LIMITS } from './tenancy/tenancy-limits.ts';
import { SHARD_LIMITS } from './indexes/shard-limits.ts';
import { RUN_LIMITS } from './jobs/run-limits.ts';
import { AGENT_LIMITS } from './pools/agent-limits.ts';
import { BULK_LIMITS } from './vectors/bulk-limits.ts';
import { BODY_LIMITS, IDEMPOTENCY_LIMITS } from './api/request-limits.ts';
import { CACHE_STORE_LIMITS } from './caches/cache-store-limits.ts';
import { PLANNING_LIMITS } from './planning/planning-limits.ts';
import { REGISTERED_MODEL_LIMITS } from './models/registered-model-limits.ts';
import { RESHARDING_LIMITS } from './indexes/resharding-limits.ts';
import { SCHEDULER_LIMITS, SIMULATION_LIMITS } from './jobs/scheduler-limits.ts';
import { TENANCY_STORE_LIMITS } from './tenancy/tenancy-store-limits.ts';
import { CACHE_LIMITS } from './caches/cache-limits.ts';
import { CACHE_MEMORY_LIMITS } from './caches/cache-memory-limits.ts';
import { FILE_LIMITS } from './files/file-limits.ts';
import { GRAPH_LIMITS } from './models/graph-limits.ts';
import { GUARDRAIL_LIMITS } from './guardrails/guardrail-limits.ts';
import { JOB_LIMITS } from './jobs/job-limits.ts';
import { MODEL_LIMITS } from './models/model-limits.ts';
import { QUEUE_LIMITS } from './queues/queue-limits.ts';
import { REQUEST_LOG_LIMITS } from './requests/request-log-limits.ts';
import { POOL_LIMITS } from './pools/pool-limits.ts';
import { CLUSTER_LIMITS } from './pools/cluster-limits.ts';
import { PROMPT_LIMITS } from './prompts/prompt-limits.ts';
import { ROUTE_LIMITS } from './routes/route-limits.ts';
import { INDEX_LIMITS } from './indexes/index-limits.ts';
import { RETRIEVAL_LIMITS } from './vectors/retrieval-limits.ts';
import { SHARED_WORK_LIMITS } from './api/shared-work.ts';
import { TRANSFER_LIMITS } from './files/transfer-limits.ts';
import { UPSTREAM_LIMITS } from './upstreams/upstream-limits.ts';
import { UPSTREAM_SERVING_LIMITS } from './upstreams/upstream-serving-limits.ts';

/**
 * Every limit of the API, by name. A name ends in its unit; the comment gives the reason for the value.
 * Reaching a limit is a typed refusal that names it (`limit_exceeded`, `payload_too_large`), never a crash.
 */
export const LIMITS = {
  ...TENANCY_LIMITS,
  ...TENANCY_STORE_LIMITS,
  ...SHARD_LIMITS,
  ...RUN_LIMITS,
  ...FILE_LIMITS,
  ...BODY_LIMITS,
  ...BULK_LIMITS,
  ...POOL_LIMITS,
  ...CLUSTER_LIMITS,
  ...GRAPH_LIMITS,
  ...REGISTERED_MODEL_LIMITS,
  ...SHARED_WORK_LIMITS,
  ...IDEMPOTENCY_LIMITS,
  ...JOB_LIMITS,
  ...AGENT_LIMITS,
  ...SCHEDULER_LIMITS,
  ...SIMULATION_LIMITS,
  ...MODEL_LIMITS,
  ...TRANSFER_LIMITS,
  ...ROUTE_LIMITS,
  ...GUARDRAIL_LIMITS,
  ...PROMPT_LIMITS,
  ...UPSTREAM_LIMITS,
  ...QUEUE_LIMITS,
  ...UPSTREAM_SERVING_LIMITS,
  ...REQUEST_LOG_LIMITS,
  ...PLANNING_LIMITS,
  // Names become parts of object ids and of paths.
  nameCharsMax: 64,
  // A scheme, a host name of 253 characters and a port.
  originCharsMax: 280,
  // Chromium remembers no preflight for longer.
  preflightMaxAgeS: 7_200,
  // As many as Qdrant takes, whose collections are indexes.
  indexNameCharsMax: 255,
  // Long enough for a UUID or a digest, short enough to index.
  idempotencyKeyCharsMax: 128,
  // A caller that met a full storage tries again so late: room is made by people or by erasures, and asking sooner keeps the disk busy.
  storageRetryMs: 5_000,
  // The page size users get when they name none, and the most one page may hold.
  pageDefaultCount: 100,
  // Of the records that are listed here, some 500 bytes each: half a megabyte.
  pageMaxCount: 1000,
  // Short of these, a key or a pepper could be guessed: 32 characters of base 32 are 160 bits.
  adminSecretCharsMin: 32,
  // A revoked key stops within this time: every isolate re-reads a key it last read longer ago.
  keyFreshMs: 1_000,
  // How long a write may be on its way after its key was checked, and by how much the clocks of gateways and objects may differ.
  writeLeaseGuardMs: 500,
  // A key is refused only on a record this new, so that a new secret works at once and guessing asks ten times a second.
  keyDoubtedMs: 100,
  // How long a known key keeps working while its organisation cannot be reached.
  keyUnconfirmedMs: 300_000,
  // Keys an isolate remembers, a few hundred bytes each.
  keysCachedMaxCount: 10_000,
  // Ids that no key has, remembered apart, so that invented ones push out no real key.
  keysUnknownCachedMaxCount: 1_000,
  // How often an isolate looks whether there are ids of organisations and pools without a signature that it does not know: an older gateway
  // could make some while a newer one is rolled out.
  unsignedIdsFreshMs: 60_000,
  // A control object that says nothing for this long counts as unreachable.
  controlTimeoutMs: 2_000,
  // What a tenant may take a minute by default: more than one isolate serves, less than a runaway loop.
  quotaDefaultRequestsPerMinute: 600_000,
  // What the same isolates embed of short texts in that time.
  quotaDefaultTokensPerMinute: 100_000_000,
  // Asks of one message to the quota object, some 300 bytes each: itty-durable sends them in a header.
  quotaAsksMaxCount: 100,
  // Usage that an isolate holds while the ledger cannot be reached, some 200 bytes a line.
  usagePendingMaxCount: 20_000,
  // Events of one call to the ledger; each costs two indexed writes.
  usageBatchMaxCount: 500,
  // How long usage may wait in an isolate.
  usageFlushMs: 1_000,
  // The longest TTL of an entry of the embedding cache; without a TTL it lives until it is evicted.
  cacheTtlMaxMs: 30 * 86_400_000,
  // The shortest: below, an entry would run out before the answer that made it has arrived.
  cacheTtlMinMs: 1,
  // Tags of one request. A tag is a name such as a document or a release, not a text.
  cacheTagsMaxCount: 16,
  // Names of documents and releases fit; each entry keeps its tags.
  cacheTagCharsMax: 64,
  // Owners and models whose share of L1 is counted apart, some 100 bytes each.
  cacheHoldingsMaxCount: 10_000,
  // Search results are kept for bursts of the same query; a longer life would only hold memory, as any write makes them miss.
  queryCacheTtlMaxMs: 3_600_000,
  ...CACHE_LIMITS,
  ...CACHE_MEMORY_LIMITS,
  ...CACHE_STORE_LIMITS,
  ...RETRIEVAL_LIMITS,
  ...INDEX_LIMITS,
  ...RESHARDING_LIMITS,
  // A read may ask for no higher LSN: so an index's clock, which such a read raises, never runs out of exact integers.
  lsnMax: 2 ** 48,
  // How long a query may take, unless it says otherwise: a shard that was never loaded in this process takes seconds.
  queryDeadlineDefaultMs: 10_000,
  // A search that takes longer is of no use to its caller, and holds its shards meanwhile.
  queryDeadlineMaxMs: 10_000,
  // Less than a call to an object takes even when it is near and idle.
  queryDeadlineMinMs: 1,
} as const;
