import type { JobSpec } from './job-spec.ts';

/**
 * What determines whether a job can be placed now: jobs of one key differ only in their order, so that one evaluation serves all. Leaves
 * out the rest: names, retries, dependencies, the deadline, and cost limits.
 */
export const equivalenceKey = ({ queue, priority, preemptible, options, limits, checkpoint, dataRegions, weights }: JobSpec): string =>
  JSON.stringify([
    queue,
    priority,
    preemptible,
    limits.durationMaxMs,
    limits.priceMaxNanoDollarsPerHour,
    [checkpoint.intervalMs, checkpoint.graceMs, checkpoint.restartMs],
    [...dataRegions].sort(),
    weights === null ? null : [weights.model, weights.memoryMib, weights.loadMs],
    options.map((option) => [
      option.accelerator,
      [option.perNode.cpuMilli, option.perNode.memoryMib, option.perNode.acceleratorCount, option.perNode.milliEach],
      [option.nodes.min, option.nodes.max, option.nodes.step],
      [...option.markets].sort(),
      option.regions === null ? null : [...option.regions].sort(),
      option.topology === null ? null : [option.topology.level, option.topology.mode, option.topology.block],
      option.throughputHintMilli,
    ]),
  ]);
