/** Limits of how jobs run: attempts, agents, gangs, programs and logs. See `LIMITS`. */
export const RUN_LIMITS = {
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
} as const;
