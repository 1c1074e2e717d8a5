import type { JobSpec } from '../model/job-spec.ts';
import { dropOldest } from '../../../kernel/drop-oldest.ts';

/** SharedSpecs remembered: some 1,000 bytes each. The one that was first seen longest ago goes first. */
const SHAPES_MAX = 10_000;

/** Lets jobs that are alike share what they are: 100,000 of them in 50 shapes take little more than their names. */
export class SharedSpecs {
  readonly #byKey = new Map<string, Shape>();

  /** A job and its key, sharing all they can with those of its shape. `key` is what `equivalenceKey` answers, where that is known. */
  shared(spec: JobSpec, key = equivalenceKey(spec)): { readonly spec: JobSpec; readonly classKey: string } {
    const known = this.#byKey.get(key) ?? { key, exemplar: spec };
    if (known.exemplar === spec) this.#remember(known);
    const { options, checkpoint, dataRegions, queue, payer, limits, retry, dependsOn, weights } = known.exemplar;
    const sameLimits = limits.deadlineAtMs === spec.limits.deadlineAtMs && limits.costMaxNanoDollars === spec.limits.costMaxNanoDollars;
    // Written out: a copy made by spreading takes more memory, and the bytes must not depend on whether the shape is known.
    const shared: JobSpec = {
      id: spec.id,
      queue,
      ...(payer === undefined ? {} : { payer }),
      kind: spec.kind,
      priority: spec.priority,
      preemptible: spec.preemptible,
      options,
      limits: sameLimits ? limits : spec.limits,
      ...(spec.workMs === undefined ? {} : { workMs: spec.workMs }),
      checkpoint,
      retry: retry.attemptsMax === spec.retry.attemptsMax ? retry : spec.retry,
      dependsOn: dependsOn.length + spec.dependsOn.length === 0 ? dependsOn : spec.dependsOn,
      scaling: spec.scaling,
      weights,
      dataRegions,
    };
    return { spec: shared, classKey: known.key };
  }

  #remember(shape: Shape): void {
    this.#byKey.set(shape.key, shape);
    dropOldest(this.#byKey, SHAPES_MAX);
  }
}

interface Shape {
  readonly key: string;
  readonly exemplar: JobSpec;
}

/**
 * What determines whether a job can be placed now: jobs of one key differ only in their order, so that one evaluation serves all. Leaves
 * out the rest: names, retries, dependencies, cost limits, and the deadline but for jobs that wait for an option which meets it.
 */
export const equivalenceKey = ({
  queue,
  payer,
  priority,
  preemptible,
  options,
  limits,
  workMs,
  checkpoint,
  dataRegions,
  weights,
}: JobSpec): string =>
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
    ...(payer === undefined ? [] : [payer]),
    ...(workMs === undefined || limits.deadlineAtMs === null || options.length < 2 ? [] : [[limits.deadlineAtMs, workMs]]),
  ]);
