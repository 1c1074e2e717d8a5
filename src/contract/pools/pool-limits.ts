/** Limits of pools, their agents, and the drivers that bring attempts to batch systems. */
export const POOL_LIMITS = {
  // Attempts that one agent holds: each has a row, a heartbeat and a folder.
  agentAttemptsMaxCount: 64,
  // Ordinals count hosts of a TPU pod or nodes of a fabric.
  nodeOrdinalMax: 1_000_000,
  // What weights are taken to load at, in MiB a second, until a node has measured it: from the gateway over a link of 1 Gbit/s, and checked.
  weightsLoadMibPerS: 100,
  // Host names and IPv6 addresses with a port are shorter.
  agentAddressCharsMax: 255,
  // A day: an agent measures over the time between some heartbeats.
  throughputMsMax: 86_400_000,
  // A machine that takes longer than a day to come is not waited for.
  poolProvisionMaxS: 86_400,
  // A pool that keeps idle nodes for longer need not be elastic.
  poolIdleMaxS: 7 * 86_400,
  // Agents are given a new token within a week, or not at all.
  poolTokenGraceMaxS: 7 * 86_400,
  // Prices of one pool that are to come, by accelerator and time: a year of daily prices.
  poolPricesMaxCount: 400,
  // Six times the cost: above that the price of the dearest accelerator is no safe integer of nano-dollars.
  marginMaxPerMille: 5_000,
  // Some 5,000 years: milliseconds stay exact integers.
  unixSecondsMax: 172_800_000_000,
  // What is taken away in more than a day is drained then.
  terminationNoticeMaxS: 86_400,
  // A node that asks for no work is listed for this long, and a cordon of it remembered.
  nodeForgottenMs: 600_000,
  // Names, addresses and ranges where replicas of a pool may be: one for each rack or zone of a large pool.
  poolReplicaHostsMaxCount: 64,
  // As long as a domain name can be, and `*.` before it.
  hostPatternCharsMax: 255,
  // How old the settings of a pool may be by which an isolate judges where replicas are.
  poolSettingsViewMs: 5_000,
  // Token ids of so many pairs fit the memory of an ordinary job.
  tuningPairsMaxCount: 100_000,
  // Pairs that recall is measured by: each anchor is compared with every positive, so the work grows with the square.
  tuningMeasuredPairsMaxCount: 1_000,
  // An id of a request, which is held while a batch is checked.
  batchCustomIdCharsMax: 256,
  // A shorter measurement of the load of a replica shows chance.
  replicaLoadWindowMs: 1_000,
  // How often a replica that is to leave looks whether all that it had begun is answered.
  replicaDrainPollMs: 20,
  // How often a replica is asked whether it answers.
  replicaProbeMs: 2_000,
  // How long that may take: to embed one word, on a machine that is busy.
  replicaProbeTimeoutMs: 5_000,
  // So often in a row it may fail to answer before it is given up, and another one started in its place.
  replicaProbesMaxCount: 5,
  // How often an index build shows a sign of life while it trains: some times within `buildHoldMs`.
  buildRenewMs: 15_000,
  // Four of OpenAI's batches; at 100 dimensions their output fits `jobOutputBytesMax`.
  jobLinesMax: 200_000,
  // One text of any model fits many times over; a runner holds one batch of lines at a time.
  jobLineBytesMax: 1024 * 1024,
  // Threads an agent embeds with, at most: each holds its own copy of the model.
  agentThreadsMaxCount: 8,
  // Tokens of one run of a registered model there: with more a token takes no less time, and calls of others wait for its end.
  agentRunTokensMax: 512,
  // Vectors those threads share: some 400,000 of 100 numbers. Only what is used is ever backed by memory.
  agentCacheBytesMax: 256 * 1024 * 1024,
  // A member that waits for the others asks this often.
  gangMeetMs: 500,
  // What an agent holds of a log that the gateway has not taken yet: what more comes pushes out the oldest.
  agentLogHeldBytesMax: 512 * 1024,
  // What comes within this time is sent in one message.
  agentLogDelayMs: 300,
  // So long a stopping agent waits for its pool to take note of it: `npm start` kills one that is still there after two seconds.
  agentLeaveMs: 1_000,
  // The time that killing a process group takes, with room for a busy machine: what runs ends this long before its lease.
  agentKillMs: 1_000,
  // How often the checkpoint of a job that names no interval is looked at.
  checkpointIntervalDefaultMs: 30_000,
  // An agent that says nothing of it: half of what one has that says nothing of its capacity.
  agentWeightsMibDefault: 512,
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
