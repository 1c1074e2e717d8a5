/** Limits of what a job may ask for. See `LIMITS`. */
export const JOB_LIMITS = {
  // More steps than these cannot be distinguished by users.
  jobPriorityMax: 100,
  // Each is tried whenever the job is examined.
  jobOptionsMaxCount: 8,
  // The largest gangs of public clusters; each node of one is examined in one step.
  jobNodesMaxCount: 1_024,
  // A set of them fits one integer.
  nodeAcceleratorsMaxCount: 16,
  // No machine has more than a thousand cores.
  nodeCpuMilliMax: 1_000_000,
  // 16 TiB.
  nodeMemoryMibMax: 16 * 1024 * 1024,
  // Compared with that of each pool when the job is examined.
  jobRegionsMaxCount: 16,
  // Thousandths of it are counted as exact integers.
  jobThroughputMax: 1_000_000,
  // They are part of the job's row and of each page of a list.
  jobLabelsMaxCount: 16,
  // All are looked up in one transaction.
  jobDependenciesMaxCount: 100,
  // 30 days. A longer attempt should be several jobs.
  jobRuntimeMaxS: 30 * 86_400,
  // Events of a job that its owner can still read, some 300 bytes each.
  jobEventsKeptCount: 256,
  // A follower of events asks again this often at least, whether its key is still in force, too; events themselves come at once.
  jobEventsTurnMs: 1_000,
  // Of one stream, each at most two calls of its request, which may make 1,000: its client then goes on with another.
  jobEventsTurnsMaxCount: 400,
  // Proxies give up connections that are silent for 30 to 100 s.
  jobEventsHeartbeatMs: 15_000,
  // Clients that lost the connection come back after so long.
  jobEventsRetryMs: 2_000,
  // The jobs that need the nodes wait for as long.
  jobGraceMaxS: 600,
  // Two weeks: more than any queue of batches takes.
  batchWindowHMax: 336,
  // As OpenAI's API bounds the metadata of a batch: pairs, and the characters of a key and of a value.
  batchMetadataMaxCount: 16,
  // As above.
  batchMetadataKeyCharsMax: 64,
  // As above.
  batchMetadataValueCharsMax: 512,
  // How much of an input is read to find the model that its requests name: the first line of nearly all.
  batchPeekBytes: 64 * 1024,
  // Passes over the pairs of a fine-tuning job: a static table fits after a few.
  tuningEpochsMaxCount: 50,
  // As above.
  tuningEpochsDefaultCount: 3,
  // Pairs of a batch, each of which is compared with all others: the work grows with the square.
  tuningBatchMaxCount: 256,
  // As above.
  tuningBatchDefaultCount: 32,
  // Multiplies the learning rate; far below, nothing is learnt, and far beyond, no fit converges.
  tuningRateMin: 0.001,
  // As above.
  tuningRateMax: 100,
  // What 32 bits hold.
  tuningSeedMax: 2_147_483_647,
  // What the program can hold as text beside its token ids.
  tuningFileBytesMax: 64 * 1024 * 1024,
  // A row of at most a hundred characters for each epoch, and the base.
  tuningMetricsBytesMax: 8_192,
  // `ft:`, the base model, a suffix and the id of the job.
  tunedModelCharsMax: 200,
  // Faults of an input that are shown: enough to see a pattern. They travel in one message and are part of the job's row.
  lineFaultsMaxCount: 100,
  // Of the message and of the field of a fault.
  lineFaultCharsMax: 256,
  // Where a replica serves: a host, a port and a path.
  replicaUrlCharsMax: 512,
  // A gateway isolate reads the replicas of a job again after so long: one that has died is called in vain no longer than that.
  replicaViewMs: 1_000,
  // A replica that did not answer is called only if no other is left, for so long: by then its own health check has noticed.
  replicaSuspectMs: 5_000,
  // Replicas that one call tries: all of a small group, and no storm on a large one.
  replicaTriesMaxCount: 3,
  // Of one try. A replica embeds the largest request in a second or two.
  replicaTimeoutMs: 30_000,
  // Requests under way that a replica is to have on average, where its job does not say: four keep a model of a few milliseconds busy.
  replicaOutstandingDefault: 4,
  // Measured in tenths of requests: fewer cannot be told from none.
  replicaOutstandingMin: 0.1,
  // More than that a replica has no memory for: a request may be of a megabyte.
  replicaOutstandingMax: 1_000,
  // A load that asked for more within so long may do so again: starting a replica anew costs more than it does idle.
  replicaScaleDownDelayS: 300,
  // A day: a replica that is to stay for longer is one of the least.
  replicaScaleDownDelaySMax: 86_400,
  // Thousandths of requests that a replica can claim to have under way: a million, more than any machine has connections.
  replicaOutstandingReportedMax: 1_000_000_000,
  // Model and centroids of the largest shard are a tenth of that. They travel in one call of an object.
  buildArtefactBytesMax: 16 * 1024 * 1024,
  // An index has fewer shards than that in its life.
  shardOrdinalMax: 1_000_000,
  // Pages and waits of one answer that is followed: three calls each of the 1,000 that one request may make. It says where the next goes on.
  jobLogTurnsMaxCount: 300,
  // An attempt has closed its log, and the scheduler has still to learn that it is over: how long a follower waits before it asks again.
  jobLogClosedMs: 100,
} as const;
