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
  // What weights are taken to load at, in MiB a second, until a node has measured it: from the gateway over a link of 1 Gbit/s, and checked.
  weightsLoadMibPerS: 100,
  // An hour: slower than the largest checkpoints load from a bucket.
  weightsLoadMsMax: 3_600_000,
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
  // Some 5,000 years: milliseconds stay exact integers.
  unixSecondsMax: 172_800_000_000,
  // A node that asks for no work is listed for this long, and a cordon of it remembered.
  nodeForgottenMs: 600_000,
  // Names, addresses and ranges where replicas of a pool may be: one for each rack or zone of a large pool.
  poolReplicaHostsMaxCount: 64,
  // As long as a domain name can be, and `*.` before it.
  hostPatternCharsMax: 255,
  // How old the settings of a pool may be by which an isolate judges where replicas are.
  poolSettingsViewMs: 5_000,
} as const;
