/** Limits of the objects of the scheduler, of pools and of logs: of their own work and state, not of calls. See `LIMITS`. */
export const SCHEDULER_LIMITS = {
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
  // One tenant must not fill the queue's 10 GB.
  jobsOpenMaxCount: 20_000,
  // A pool that says nothing for this long is gone; several missed syncs.
  poolLeaseMs: 30_000,
  // How often a pool reports its attempts to the scheduler, and learns of cancellations.
  poolSyncMs: 2_000,
  // An agent asks again some milliseconds after an answer without work; one that has not by then has gone.
  agentReturnMs: 1_000,
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
} as const;

/** Limits of simulations of the scheduler, which the command line runs. See `LIMITS`. */
export const SIMULATION_LIMITS = {
  // A replay keeps all nodes and jobs of a trace in memory: some 200 MB at most.
  traceNodesMaxCount: 100_000,
  // Some 100 bytes each, in addition to the nodes.
  traceJobsMaxCount: 1_000_000,
  // Seeds of one simulation: more take hours and show nothing new.
  traceSeedsMaxCount: 1_000,
  // A picture of more is megabytes that no browser likes, and shows nothing more.
  pictureBarsMaxCount: 20_000,
} as const;
