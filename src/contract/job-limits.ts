/** Limits of what a job may ask for. See `LIMITS`. */
export const JOB_LIMITS = {
  // As many steps as anyone tells apart.
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
  // The jobs that need the nodes wait for as long.
  jobGraceMaxS: 600,
} as const;
