import { JOB_LIMITS } from '../jobs/job-limits.ts';

/** What an agent has that says nothing of its machine. */
export const ONE_ATTEMPT_ROOM = { cpu_milli: 1_000, memory_mib: 1_024 };

/** [P129] With room for standing replicas, which no other job fits into: neither keeps the other waiting. `weightsMib`: for all their models. */
export const withStandingRoom = <Capacity extends typeof ONE_ATTEMPT_ROOM>(
  capacity: Capacity,
  replicas: number,
  weightsMib: number,
): Capacity => ({
  ...capacity,
  cpu_milli: capacity.cpu_milli + replicas * JOB_LIMITS.standingReplicaCpuMilli,
  memory_mib: capacity.memory_mib + weightsMib,
});
