/** Limits of the drivers that bring attempts to batch systems. See `LIMITS`. */
export const CLUSTER_LIMITS = {
  // Attempts that one driver has in a cluster: each is a long poll, a heartbeat every `agentHeartbeatMs` and a job in the cluster's listing.
  clusterSlotsMaxCount: 1_000,
  // An attempt as it travels in the environment of a job: Linux takes 128 KiB of one variable.
  clusterTaskBytesMax: 64 * 1024,
  // slurmrestd answers so late when its controller is gone.
  clusterCallMsMax: 20_000,
  // A full listing of 10,000 jobs of Slurm at 27 KB each is larger: such a cluster gives a driver a user of its own.
  clusterReplyBytesMax: 128 * 1024 * 1024,
  // A job that has started reports for the first time once Node runs: within some seconds, or, from a cold network file system, some ten.
  clusterStartMsMax: 120_000,
  // An outage of a cluster's controller that is a restart. After it, jobs that wait there are run elsewhere.
  clusterAwayMsMax: 300_000,
  // Submissions of one attempt whose answers were lost.
  clusterSubmitsMaxCount: 5,
  // A listing that trusts nothing it remembers: an id that was used again is found after this long at the latest.
  clusterFullListingMs: 60_000,
  // Jobs of Ray that are over stay until they are deleted: after as long as Slurm and Kubernetes keep theirs, for an operator to look at.
  clusterEndedKeptMs: 300_000,
  // Calls to the cluster, and to the gateway, that are under way at a time.
  clusterCallsMaxCount: 8,
} as const;
