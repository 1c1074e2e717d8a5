import { BODY_LIMITS, BULK_LIMITS, IDEMPOTENCY_LIMITS } from './request-limits.ts';
import { CACHE_LIMITS } from './cache-limits.ts';
import { INFERENCE_LIMITS } from './inference-limits.ts';
import { GRAPH_LIMITS } from './graph-limits.ts';
import { JOB_LIMITS } from './job-limits.ts';
import { MODEL_LIMITS } from './model-limits.ts';
import { QUEUE_LIMITS } from './queue-limits.ts';
import { POOL_LIMITS } from './pool-limits.ts';
import { CLUSTER_LIMITS } from './cluster-limits.ts';
import { RESHARDING_LIMITS, RETRIEVAL_LIMITS } from './retrieval-limits.ts';
import { SHARED_WORK_LIMITS } from './shared-work.ts';
import { TRANSFER_LIMITS } from './transfer-limits.ts';

/**
 * Every limit of the API, by name. A name ends in its unit; the comment gives the reason for the value.
 * Reaching a limit is a typed refusal that names it (`limit_exceeded`, `payload_too_large`), never a crash.
 */
export const LIMITS = {
  ...BODY_LIMITS,
  ...BULK_LIMITS,
  ...POOL_LIMITS,
  ...CLUSTER_LIMITS,
  ...GRAPH_LIMITS,
  ...SHARED_WORK_LIMITS,
  ...IDEMPOTENCY_LIMITS,
  ...JOB_LIMITS,
  ...MODEL_LIMITS,
  ...TRANSFER_LIMITS,
  ...QUEUE_LIMITS,
  ...INFERENCE_LIMITS,
  // Deeper values are never legitimate and recursive walks over them overflow the stack.
  jsonDepthMax: 16,
  // Names become parts of object ids and of paths.
  nameCharsMax: 64,
  // What clients of Qdrant declare about a collection: kept in one value of an index's object, and shown whole.
  indexFieldsMaxCount: 256,
  // Of both together: far below what one value of storage takes (2 MB), as each description of the index reads it.
  indexAnnotationsBytesMax: 64 * 1024,
  // A scheme, a host name of 253 characters and a port.
  originCharsMax: 280,
  // They are compared with the page at each request of a browser.
  keyOriginsMaxCount: 32,
  // Chromium remembers no preflight for longer.
  preflightMaxAgeS: 7_200,
  // As many as Qdrant takes, whose collections are indexes.
  indexNameCharsMax: 255,
  // Long enough for a UUID or a digest, short enough to index.
  idempotencyKeyCharsMax: 128,
  // A Durable Object row holds at most 2,000,000 bytes; the rest is room for the other columns.
  rowBytesMax: 1_900_000,
  // A caller that met a full storage tries again so late: room is made by people or by erasures, and asking sooner keeps the disk busy.
  storageRetryMs: 5_000,
  // What the readiness check writes to see whether there is room: as much as a small write with its journal.
  storageProbeBytes: 65_536,
  // Production RPC refuses 32 MiB; the envelope needs room.
  rpcBytesMax: 30 * 1024 * 1024,
  // The page size users get when they name none, and the most one page may hold.
  pageDefaultCount: 100,
  // Of the records that are listed here, some 500 bytes each: half a megabyte.
  pageMaxCount: 1000,
  // As long as file systems take them.
  fileNameCharsMax: 256,
  // A job's output of `jobOutputBytesMax` takes as long at 5 Mbit/s. The erasure of a tenant waits so long for a write whose gateway died.
  fileWriteMaxMs: 900_000,
  // The most that one request carries on Cloudflare's largest plan; the smaller ones refuse from 100 MB on.
  jobOutputBytesMax: 480 * 1024 * 1024,
  // Four of OpenAI's batches; at 100 dimensions their output fits `jobOutputBytesMax`.
  jobLinesMax: 200_000,
  // One text of any model fits many times over; a runner holds one batch of lines at a time.
  jobLineBytesMax: 1024 * 1024,
  // Threads an agent embeds with, at most: each holds its own copy of the model.
  agentThreadsMaxCount: 8,
  // Vectors those threads share: some 400,000 of 100 numbers. Only what is used is ever backed by memory.
  agentCacheBytesMax: 256 * 1024 * 1024,
  // Agents die now and then; what fails three times fails for a reason of its own.
  jobAttemptsDefaultCount: 3,
  // More would only spend accelerators on what does not work.
  jobAttemptsMaxCount: 10,
  // Attempts that a job remembers for its owner; given-back ones are not counted against it, so there can be more.
  jobAttemptsKeptCount: 16,
  // One tenant must not fill the queue's 10 GB.
  jobsOpenMaxCount: 20_000,
  // Jobs one message or alarm of the scheduler moves: some 10 ms of work.
  schedulerBatchMaxCount: 100,
  // A pool that says nothing for this long is gone; several missed syncs.
  poolLeaseMs: 30_000,
  // How often a pool reports its attempts to the scheduler, and learns of cancellations.
  poolSyncMs: 2_000,
  // An agent that says nothing for this long is gone; several missed heartbeats.
  agentLeaseMs: 10_000,
  // Five fit into a lease: an agent loses it by silence, not by one late message.
  agentHeartbeatMs: 2_000,
  // Below the 30 s at which proxies give up on a silent request.
  longPollMsMax: 25_000,
  // Each is an object that calls the scheduler every `poolSyncMs`: 500 calls a second.
  poolsMaxCount: 1000,
  // Of one pool: each is a row of some 200 bytes, and a heartbeat every `agentHeartbeatMs`.
  agentsMaxCount: 10_000,
  // An agent asks again some milliseconds after an answer without work; one that has not by then has gone.
  agentReturnMs: 1_000,
  // The time a job has to stop once it is asked to: an agent learns of it with its next heartbeat but one at the latest.
  jobGraceMs: 10_000,
  // What shares of tenants are parts of, and the most attempts that run at once: ten of the largest pools.
  cellAgentsMaxCount: 100_000,
  // Finished jobs that one call to the scheduler erases: some 10 ms of work.
  jobsErasedMaxCount: 1_000,
  // Steps of a scheduler cell that can be replayed, some 500 bytes each.
  cellStepsKeptCount: 5_000,
  // A silent agent is forgotten after a day.
  agentForgottenMs: 86_400_000,
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
  // Longer grace would make a rotation after a leak pointless.
  keyGraceMaxMs: 30 * 86_400_000,
  // Ranges and names a key is restricted to: they are read at each of its requests.
  keyAddressesMaxCount: 64,
  // Patterns of indexes and models: each is compared with what a request touches.
  keyResourcesMaxCount: 64,
  // How many keys may have made one another: each is a level that a grant counts at.
  keyLineageMaxCount: 4,
  // Some kilobyte each; erasing a tenant and revoking descendants reads them all in one transaction.
  keysPerTenantMaxCount: 1_000,
  // Rotations under an idempotency key that a tenant's organisation remembers, some 400 bytes each. Of those forgotten, a repetition
  // makes a new secret; it never brings an old one back.
  rotationReceiptsMaxCount: 10_000,
  // All that an organisation has lives in one object, which stores 10 GB: a megabyte for each tenant.
  tenantsPerOrganisationMaxCount: 10_000,
  // They are lines on a bill, not resources; each is a level that quotas and invoices count.
  projectsPerTenantMaxCount: 100,
  // One object lists them, some 300 bytes each; an isolate reads those whose ids have no signature.
  organisationsMaxCount: 100_000,
  // How often an isolate looks whether there are ids of organisations and pools without a signature that it does not know: an older gateway
  // could make some while a newer one is rolled out.
  unsignedIdsFreshMs: 60_000,
  // A control object that says nothing for this long counts as unreachable.
  controlTimeoutMs: 2_000,
  // What a tenant may take a minute by default: more than one isolate serves, less than a runaway loop.
  quotaDefaultRequestsPerMinute: 600_000,
  // What the same isolates embed of short texts in that time.
  quotaDefaultTokensPerMinute: 100_000_000,
  // Counters are added up as exact integers.
  quotaMax: 1_000_000_000_000_000,
  // A bucket counts units times milliseconds of a minute, exactly.
  quotaBurstMax: 100_000_000_000,
  // Rules of one level: each is read at every grant.
  quotaRulesMaxCount: 32,
  // Asks of one message to the quota object, some 300 bytes each: itty-durable sends them in a header.
  quotaAsksMaxCount: 100,
  // Budgets, credits, charges or webhooks of one organisation: an invoice reads them all.
  billingRecordsMaxCount: 1_000,
  // What an invoice says of a charge; the id of a budget holds that of its level.
  billingTextCharsMax: 128,
  // Each sends an alert a month: more would not be read.
  budgetThresholdsMaxCount: 16,
  // A month's invoice stays a draft for this long, so that usage which an outage held up is on it.
  invoiceGraceMs: 3 * 86_400_000,
  // As much as browsers and proxies take of a URL.
  webhookUrlCharsMax: 2_048,
  // Deliveries of one alarm, side by side, and how long one may take: an alarm has minutes.
  webhookDeliveriesMaxCount: 20,
  // A receiver that needs longer should answer first and work then; it is tried again in any case.
  webhookTimeoutMs: 10_000,
  // A reservation that was never settled stays spent; after this long it can no longer be settled.
  reservationMaxMs: 86_400_000,
  // Usage that an isolate holds while the ledger cannot be reached, some 200 bytes a line.
  usagePendingMaxCount: 20_000,
  // Events of one call to the ledger; each costs two indexed writes.
  usageBatchMaxCount: 500,
  // How long usage may wait in an isolate.
  usageFlushMs: 1_000,
  // An event that comes later than this is refused, because its id may have been forgotten.
  usageLateMaxMs: 40 * 86_400_000,
  // Lines of one answer, some 200 bytes each: 2 MB.
  usageGroupsMaxCount: 10_000,
  // A year and its month before, to compare with.
  usageDaysMax: 400,
  // The longest TTL of an entry of the embedding cache; without a TTL it lives until it is evicted.
  cacheTtlMaxMs: 30 * 86_400_000,
  // The shortest: below, an entry would run out before the answer that made it has arrived.
  cacheTtlMinMs: 1,
  // For so long after its end an entry in memory answers requests with `max-stale`.
  cacheStaleMaxMs: 3_600_000,
  // Tags of one request. A tag is a name such as a document or a release, not a text.
  cacheTagsMaxCount: 16,
  // Names of documents and releases fit; each entry keeps its tags.
  cacheTagCharsMax: 64,
  // An entry that several requests tag carries the tags of all, up to this many; the oldest are dropped, and with them the entry for
  // requests with those tags.
  cacheEntryTagsMaxCount: 32,
  // Owners and models whose share of L1 is counted apart, some 100 bytes each.
  cacheHoldingsMaxCount: 10_000,
  // Statistics are for operating a cache: some 13 numbers a model and hour.
  cacheStatsDaysMax: 31,
  // An isolate without a report for this long counts as gone, and what it held with it.
  cacheHeldMs: 300_000,
  // Search results are kept for bursts of the same query; a longer life would only hold memory, as any write makes them miss.
  queryCacheTtlMaxMs: 3_600_000,
  // Results, and what the largest single one may take of them: one answer must not push out all others.
  queryCacheBytesMax: 8 * 1024 * 1024,
  // Small results fill the bytes only by the ten thousand.
  queryCacheEntriesMax: 10_000,
  // A thirty-second of the whole.
  queryCacheEntryBytesMax: 256 * 1024,
  ...CACHE_LIMITS,
  ...RETRIEVAL_LIMITS,
  // Listing reads them from one object, and each holds at least one shard.
  indexesPerTenantMaxCount: 1_000,
  // Aliases are looked up one by one and listed by pages; actions of one change are one transaction.
  aliasesPerTenantMaxCount: 1_000,
  // One transaction of some milliseconds.
  aliasActionsMaxCount: 100,
  // Engines of all shards in one isolate of 128 MB; the rest is for batches, answers and the runtime.
  isolateEngineBytesMax: 80 * 1024 * 1024,
  // What one shard holds in memory before its vectors are listed. About 344,000 vectors of 100 dimensions, 31,000 of 1,536.
  shardEngineBytesMax: 48 * 1024 * 1024,
  ...RESHARDING_LIMITS,
  // Fewer vectors are not worth an object.
  shardVectorsMinCount: 16,
  // How soon after a write a shard looks after its lists, so that a burst of writes is looked after once.
  shardSweepDelayMs: 1_000,
  // An import whose next batch has not come for this long pauses: at 1,000 vectors a batch, it writes less than 4,000 a second.
  bulkPauseMs: 250,
  // What a search may have to read of vectors that an import leaves unlisted: some 2 ms, or 120,000 vectors of 100 dimensions.
  bulkUnlistedBytesMax: 16 * 1024 * 1024,
  // Slices of at most 8 ms that one alarm does: far from the CPU time that one invocation has.
  shardAlarmSlicesMaxCount: 200,
  // After a slice others are served for twice as long as it took, so long at least and at most, while there was a search so lately.
  pauseMinMs: 2,
  // A longer pause would put off maintenance for nothing: searches of that time have been served.
  pauseMaxMs: 50,
  // Without a search for this long, background work does not pause.
  paceQuietMs: 1_000,
  // How long an index remembers an Idempotency-Key, and how many changes of its receipts each of its objects at most: beyond either, the
  // oldest is forgotten. A locator changes every eighth receipt twice, so that 10,000 keys are remembered.
  upsertReceiptTtlMs: 86_400_000,
  // Some 400 bytes each, in each object of an index.
  upsertReceiptsMaxCount: 12_000,
  // Removals that a followed shard remembers, some 50 bytes each; a follower further behind copies the shard anew.
  shardLogRemovalsMaxCount: 100_000,
  // A shard without a follower for this long stops logging removals.
  shardLogIdleMs: 600_000,
  // Vectors of one answer to a follower: some 30 ms in the shard, and as much in the follower.
  changePageMaxCount: 1_000,
  // At two bytes a UTF-16 unit; a page of removals has another 1,000 ids.
  changePageBytesMax: 8 * 1024 * 1024,
  // Pages a replica asks for before it sends a read on to its primary.
  replicaReadPullsMaxCount: 3,
  // How often a replica asks for what is new: what an `eventual` read may miss.
  replicaPullMs: 500,
  // The same of a replica without reads.
  replicaPullIdleMs: 5_000,
  // How soon a replica tries again whose primary cannot be reached.
  replicaRetryMs: 2_000,
  // Of one shard: each costs as much memory and storage as the shard itself.
  replicasMaxCount: 8,
  // Load is counted in objects kept wholly busy, by computing or by the 1,000 requests a second that one object takes.
  replicaAddLoad: 0.6,
  // What a replica must take off the busiest object, to be worth its cost.
  replicaReliefMin: 0.05,
  // A shard whose load would be less than this with one replica fewer, for so long, loses one: a copy costs more than a while of idling.
  replicaRetireLoad: 0.3,
  // Longer than a lull between two bursts: making the copy again costs more than keeping it.
  replicaRetireAfterMs: 60_000,
  // Load must be seen for so long before a replica is made, and again after one was.
  replicaAddAfterMs: 3_000,
  // How often an index looks at the load of a shard that was busy or has replicas.
  replicaTendMs: 2_000,
  // A retired replica stays this long for callers with an older manifest: longer than they use one and than a query takes.
  replicaGraceMs: 15_000,
  // How often a busy shard says so.
  busyReportMs: 5_000,
  // Shards and replicas whose latency a gateway isolate remembers, some 100 bytes each.
  membersKnownMaxCount: 10_000,
  // Load is halved in so much time.
  loadHalfLifeMs: 5_000,
  // The platform's own figure for one object.
  objectRequestsPerSecond: 1_000,
  // Pages of one alarm of a replica: a copy of 100,000 vectors is one alarm.
  replicaAlarmPagesMaxCount: 100,
  // A read that would have to wait longer for the reads before it is refused: its caller asks another member, or retries later.
  readWaitMaxMs: 1_000,
  // Each holds some kilobytes of its query.
  readsWaitingMaxCount: 1_000,
  // Reads done together before others are served: several small ones, lest a pause cost more than they do.
  readTurnMs: 4,
  // The time that the answer of a shard takes to reach its caller.
  readReturnMs: 2,
  // How long an object counts as taking that refused a read, if it does not say when it could do it.
  refusedReadMs: 100,
  // A read may ask for no higher LSN: so an index's clock, which such a read raises, never runs out of exact integers.
  lsnMax: 2 ** 48,
  // So far a read may raise it at once, or else one that made up its LSN would make those of all later writes too high to ask for.
  lsnRaiseMax: 2 ** 20,
  // How long a query may take, unless it says otherwise: a shard that was never loaded in this process takes seconds.
  queryDeadlineDefaultMs: 10_000,
  // A search that takes longer is of no use to its caller, and holds its shards meanwhile.
  queryDeadlineMaxMs: 10_000,
  // Less than a call to an object takes even when it is near and idle.
  queryDeadlineMinMs: 1,
  // Shards that one fan-out asks at most: of more, groups of as many are asked by aggregators, so that no request makes 1,000 calls.
  fanOutShardsMaxCount: 100,
  // Aggregators that one request asks: the platform has 32 invocations of Workers take part in a request.
  fanOutGroupsMaxCount: 30,
  // What an aggregator answers at its deadline has to be back at that of the gateway.
  fanOutGroupMarginMs: 3,
  // What all shards of a fan-out may include together: of more they answer ids and scores, and the rest is fetched of the closest of all.
  fanOutReplyBytesMax: 8 * 1024 * 1024,
  // Matches that every shard of a fan-out is asked for at once, some 100 bytes each; of more only those shards that may have them.
  fanOutMatchesMaxCount: 1_000,
  // A call to a shard that takes longer than this share of them did within the window is made to a replica, too.
  hedgeQuantile: 0.95,
  // Long enough for the calls that a quantile needs, short enough to follow a change of load.
  latencyWindowMs: 10_000,
  // With fewer calls, the slow ones cannot be determined.
  latencySamplesMinCount: 20,
  // Calls made twice, of all calls, and how many of them at once: more would make an overload worse.
  hedgeShareMax: 0.05,
  // As many as one slow shard may cause at once.
  hedgeBurstMaxCount: 8,
  // CPU time that one more call in parallel costs its caller: 73 to 89 us, measured in fan-outs of 256 in workerd.
  leafCallCostMs: 0.09,
  // For this long a gateway isolate uses an index manifest without asking; a shard refuses what became wrong meanwhile.
  indexManifestTtlMs: 1_000,
  // How much longer than that a switched alias waits for it to be forgotten: clocks that run at different speeds differ by far less.
  indexManifestGuardMs: 100,
  // Some kilobyte each: 10 MB of the 128 of an isolate.
  indexManifestsMaxCount: 10_000,
  // An index or shard that says nothing for this long counts as unreachable; the slowest call loads or erases a full shard.
  indexTimeoutMs: 15_000,
  // How soon an index object takes up a creation or deletion that was cut off.
  indexLifecycleRetryMs: 5_000,
  // A replay keeps all nodes and jobs of a trace in memory: some 200 MB at most.
  traceNodesMaxCount: 100_000,
  // Some 100 bytes each, in addition to the nodes.
  traceJobsMaxCount: 1_000_000,
  // Seeds of one simulation: more take hours and show nothing new.
  traceSeedsMaxCount: 1_000,
  // A picture of more is megabytes that no browser likes, and shows nothing more.
  pictureBarsMaxCount: 20_000,
  // Files that a job reads, and that it writes: each is a row of an answer and an object in the bucket.
  jobArtifactsMaxCount: 32,
  // Members of a gang: each reads the addresses of all.
  gangNodesMaxCount: 64,
  // A member that waits for the others asks this often.
  gangMeetMs: 500,
  // As long as most file systems take one name.
  artifactPathCharsMax: 255,
  // What a command line is made of; arguments are for options, files for data.
  programArgumentsMaxCount: 128,
  // As many as an environment is read by people.
  programVariablesMaxCount: 64,
  // Of all arguments, and of all variables: they are part of the row of the job and of every answer about it.
  programTextCharsMax: 32_768,
  // 64 GiB.
  programFileMibMax: 65_536,
  // What an agent holds of a log that the gateway has not taken yet: what more comes pushes out the oldest.
  agentLogHeldBytesMax: 512 * 1024,
  // What comes within this time is sent in one message.
  agentLogDelayMs: 300,
  // One message of a log: a row of the store far below its limit, and some tens of lines of a chatty command.
  jobLogChunkBytesMax: 64 * 1024,
  // What is kept of what one member of an attempt writes: the newest.
  jobLogBytesMax: 4 * 1024 * 1024,
  // A tenth of what one object may hold (10 GB): beyond it, the logs that were written to longest ago go.
  jobLogShardBytesMax: 1024 * 1024 * 1024,
  // Objects that share the logs of a tenant, by job: each holds `jobLogShardBytesMax`.
  jobLogShardsCount: 16,
  // Thirty days after the last line.
  jobLogKeptMs: 30 * 86_400_000,
  // One answer of a log that is not followed.
  jobLogReadBytesMax: 1024 * 1024,
  // A follower asks again this often at least: whether the job is over, and whether its key is still in force.
  jobLogTurnMs: 5_000,
  // The time that killing a process group takes, with room for a busy machine: what runs ends this long before its lease.
  agentKillMs: 1_000,
  // How often the checkpoint of a job that names no interval is looked at.
  checkpointIntervalDefaultMs: 30_000,
} as const;
