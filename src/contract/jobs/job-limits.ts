/** Limits of jobs: of what one may ask for, of how it runs, of the scheduler and its simulations. */
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
  // A year of a thousand nodes.
  jobWorkMaxS: 1_000 * 366 * 86_400,
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
  // How long a call waits for the first replica of a job that has given all back: a machine that is there loads a model in seconds.
  replicaWakeMs: 30_000,
  // The least that a job keeps its last replica without a call: twice as long as the calls that wait for it take to see it.
  replicaIdleMinMs: 2_000,
  // What a job that the deployment makes of a model asks of a core: it waits nearly always, and one machine has many.
  standingReplicaCpuMilli: 50,
  // Calls of an isolate that wait for it, of all jobs: each holds its body in memory.
  replicaWaitersMaxCount: 64,
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
  // Levels such as rack, row, zone and region; each is part of the node's row.
  nodeDomainsMaxCount: 16,
  // An hour: slower than the largest checkpoints load from a bucket.
  weightsLoadMsMax: 3_600_000,
  // Weights that an agent finds in its memory when it joins.
  nodeWeightsMaxCount: 64,
  // The most that one request carries on Cloudflare's largest plan; the smaller ones refuse from 100 MB on.
  jobOutputBytesMax: 480 * 1024 * 1024,
  // Agents die now and then; what fails three times fails for a reason of its own.
  jobAttemptsDefaultCount: 3,
  // More would only spend accelerators on what does not work.
  jobAttemptsMaxCount: 10,
  // Attempts that a job remembers for its owner; given-back ones are not counted against it, so there can be more.
  jobAttemptsKeptCount: 16,
  // Jobs one message or alarm of the scheduler moves: some 10 ms of work.
  schedulerBatchMaxCount: 100,
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
  // The time a job has to stop once it is asked to: an agent learns of it with its next heartbeat but one at the latest.
  jobGraceMs: 10_000,
  // Files that a job reads, and that it writes: each is a row of an answer and an object in the bucket.
  jobArtifactsMaxCount: 32,
  // Members of a gang: each reads the addresses of all.
  gangNodesMaxCount: 64,
  // As long as most file systems take one name.
  artifactPathCharsMax: 255,
  // Patterns of constants that quantising leaves alone.
  buildSkipsMaxCount: 64,
  // Words that a student keeps of its base: beyond them hardly a text has one.
  distilWordsDefaultCount: 20_000,
  // What a build says of itself beside the graph: the report has some 200 bytes a constant.
  buildReportBytesMax: 1024 * 1024,
  // Characters of the reason of a failed build: the checks that failed, or the line of a file at fault.
  buildFaultCharsMax: 1_000,
  // What a command line is made of; arguments are for options, files for data.
  programArgumentsMaxCount: 128,
  // As many as an environment is read by people.
  programVariablesMaxCount: 64,
  // Of all arguments, and of all variables: they are part of the row of the job and of every answer about it.
  programTextCharsMax: 32_768,
  // 64 GiB.
  programFileMibMax: 65_536,
  // One message of a log: a row of the store far below its limit, and some tens of lines of a chatty command.
  jobLogChunkBytesMax: 64 * 1024,
  // Objects that share the logs of a tenant, by job: each holds `jobLogShardBytesMax`.
  jobLogShardsCount: 16,
  // One answer of a log that is not followed.
  jobLogReadBytesMax: 1024 * 1024,
  // A follower asks again this often at least: whether the job is over, and whether its key is still in force.
  jobLogTurnMs: 5_000,
  // Followers that wait in one scheduler cell, each with a call a second: some 5% of what its thread can do.
  jobEventsFollowersMaxCount: 1_000,
  // Index entries that one page of a filtered list looks at: some 10 ms. The page ends early then, and says where to go on.
  jobListLooksMaxCount: 2_000,
  // Of one answer about a job's cost, some 100 bytes each; the sums are over all of them.
  jobSegmentsMaxCount: 1_000,
  // Requests and settlements of one message to the quota object, some 500 bytes each: itty-durable sends them in a header.
  jobFundsBatchMaxCount: 50,
  // A job that is refused money is tried again after so long, then after twice as long, and so on.
  jobFundsRetryMs: 5_000,
  // The longest between two tries: by then a budget that was raised without notice is found.
  jobFundsRetryMaxMs: 300_000,
  // An attempt waits for its first grant for so long; then its agent is for others.
  jobFundsWaitMs: 10_000,
  // The next grant is asked for so long before the present one ends: time for the answer, and for the job's grace if it is no.
  jobFundsLeadMs: 15_000,
  // An attempt is not started for less: it would not even load a model.
  jobFundsLeastMs: 1_000,
  // Up to so much an attempt takes all that is left; of more, a quarter.
  jobFundsEnoughMs: 60_000,
  // The longest stretch of an attempt that is paid at once.
  jobSegmentMaxMs: 600_000,
  // Between two messages of a pool to the scheduler: what happens meanwhile travels together. Short beside the start of any program.
  poolGatherMs: 25,
  // Calls of an object that come within it are written with one sync of the disk, which takes as long.
  commitGatherMs: 5,
  // How often a pool reports an attempt whose progress has moved by less than a hundredth.
  attemptReportMs: 30_000,
  // Of one object of a pool: their heartbeats, and the look at the token before each, are 500 calls a second.
  agentsPerPartitionMaxCount: 500,
  // Attempts that may wait for the agents of a small pool, each of which takes up one with a call: enough to keep one agent busy between two syncs.
  startsWaitingLeastCount: 8,
  // A poll waits for what keeps attempts no longer than that: agents that are idle lose no more by it.
  pollPauseMsMax: 1_000,
  // Submissions wait while the scheduler is further behind: what it has accepted, and the agents that run it, come first.
  submitLagMaxMs: 250,
  // As long as calls wait at the gate of an isolate.
  submitWaitMsMax: 5_000,
  // Each is a call of some kilobytes.
  submitsWaitingMaxCount: 1_000,
  // The events of a step are one value of 2 MB at most.
  submitsTogetherMaxCount: 32,
  // A caller that was refused comes again after so long at least.
  submitRetryMs: 1_000,
  // One tenant must not fill the queue's 10 GB.
  jobsOpenMaxCount: 20_000,
  // A pool that says nothing for this long is gone; several missed syncs.
  poolLeaseMs: 30_000,
  // How often a pool reports its attempts to the scheduler, and learns of cancellations.
  poolSyncMs: 2_000,
  // An agent asks again some milliseconds after an answer without work; one that has not by then has gone.
  agentReturnMs: 1_000,
  // A node that may have died is tried last for so long. The pool counts a dead one for `longPollMsMax` and a lease at most.
  nodeDoubtMs: 60_000,
  // What shares of tenants are parts of, and the most attempts that run at once: ten of the largest pools.
  cellAgentsMaxCount: 100_000,
  // Finished jobs that one call to the scheduler erases: some 10 ms of work.
  jobsErasedMaxCount: 1_000,
  // Steps of a scheduler cell that can be replayed, some 500 bytes each.
  cellStepsKeptCount: 5_000,
  // A silent agent is forgotten after a day.
  agentForgottenMs: 86_400_000,
  // What is kept of what one member of an attempt writes: the newest.
  jobLogBytesMax: 4 * 1024 * 1024,
  // A tenth of what one object may hold (10 GB): beyond it, the logs that were written to longest ago go.
  jobLogShardBytesMax: 1024 * 1024 * 1024,
  // Thirty days after the last line.
  jobLogKeptMs: 30 * 86_400_000,
  // A replay keeps all nodes and jobs of a trace in memory: some 200 MB at most.
  traceNodesMaxCount: 100_000,
  // Some 100 bytes each, in addition to the nodes.
  traceJobsMaxCount: 1_000_000,
  // Seeds of one simulation: more take hours and show nothing new.
  traceSeedsMaxCount: 1_000,
  // A picture of more is megabytes that no browser likes, and shows nothing more.
  pictureBarsMaxCount: 20_000,
} as const;
