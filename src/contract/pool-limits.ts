/** Limits of pools and their agents. See `LIMITS`. */
export const POOL_LIMITS = {
  // Attempts that one agent holds: each has a row, a heartbeat and a folder.
  agentAttemptsMaxCount: 64,
  // Levels such as rack, row, zone and region; each is part of the node's row.
  nodeDomainsMaxCount: 16,
  // Ordinals count hosts of a TPU pod or nodes of a fabric.
  nodeOrdinalMax: 1_000_000,
  // Weights that an agent finds in its memory when it joins.
  nodeWeightsMaxCount: 64,
  // An hour: slower than the largest checkpoints load from a bucket.
  weightsLoadMsMax: 3_600_000,
  // Host names and IPv6 addresses with a port are shorter.
  agentAddressCharsMax: 255,
  // A day: an agent measures over the time between some heartbeats.
  throughputMsMax: 86_400_000,
} as const;
