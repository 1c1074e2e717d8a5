/** Limits of how jobs run: attempts, agents, gangs, programs and logs. See `LIMITS`. */
export const RUN_LIMITS = {
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
