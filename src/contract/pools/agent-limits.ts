/** Limits that agents of pools keep for the jobs they run; no Worker has them. See `LIMITS`. */
export const AGENT_LIMITS = {
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
} as const;
